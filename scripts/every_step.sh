#!/usr/bin/env bash
# Every step: what is told stays told, whatever file operation a daemon is cut off or fails at?
#
#   scripts/every_step.sh [--stride N] [--seed N] [--jobs N] [--only payload|ledger|trio] [--scenario TEXT]
#
# Takes both stores and the whole trio through their scripted scenarios (tests/recovery) again and again. At each
# file operation the machine is killed or loses power, and in the stores the recovery is cut off at each of its
# operations too; and each operation fails with each kind of I/O error, once and for good. --stride N visits each
# N-th operation only, from a phase that is drawn from the seed; 1, the default, visits all, which takes hours of
# processor time. --scenario: only those whose name has this text in it.
#
# Installs what is missing and builds release. Prints a table and the first violations of each process. Exit 1 when
# a promise was broken, or when no scenario has such a name. BATON_BIN names a folder of binaries to use instead of
# building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stride=1 seed=1 jobs=$(nproc) only='' scenario=''
while (($# > 0)); do
  case "$1" in
    --stride) stride="${2:?}" ;;
    --seed) seed="${2:?}" ;;
    --jobs) jobs="${2:?}" ;;
    --only) only="${2:?}" ;;
    --scenario) scenario="${2:?}" ;;
    *)
      echo "what is $1? --help tells what there is" >&2
      exit 2
      ;;
  esac
  shift 2
done
if [[ ! "$only" =~ ^(payload|ledger|trio)?$ ]]; then
  echo "what is --only $only? payload, ledger or trio" >&2
  exit 2
fi
if [[ ! "$jobs" =~ ^[1-9][0-9]*$ ]]; then
  echo "what are $jobs jobs? 1 or more" >&2
  exit 2
fi

# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries store_recovery_test trio_recovery_test

export BATON_RECOVERY_STRIDE=$stride BATON_RECOVERY_SEED=$seed BATON_RECOVERY_ONLY=$scenario
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT

# The scenarios of one sweep, shared out to as many processes as there are jobs.
failed=0
sweep() {
  local name=$1 program=$2 test=$3 part processes=()
  [[ -z "$only" || "$only" == "$name" ]] || return 0
  for ((part = 0; part < jobs; ++part)); do
    BATON_RECOVERY_PART=$part/$jobs nice "$BATON_BIN/$program" "$test" > "$said/$name.$part" 2>&1 &
    processes+=($!)
  done
  for process in "${processes[@]}"; do wait "$process" || failed=1; done
}
sweep payload store_recovery_test "a manager's store keeps*"
sweep ledger store_recovery_test "a center's store keeps*"
sweep trio trio_recovery_test "the trio keeps*"

if [[ $failed == 0 ]] && ! grep -qE '^figures: +[a-z]+ +[1-9]' "$said"/*; then
  echo "no such scenario: '$scenario'" >&2
  exit 1
fi

# A line of figures begins with the sweep's name; the seconds are of processor time.
awk -v seed="$seed" -v stride="$stride" '
  /^every step/ { head = $0 }
  /^figures: / {
    if (!($2 in seen)) order[++sweeps] = $2
    seen[$2] = 1
    for (i = 3; i <= NF; ++i) { sum[$2, i] += $i; columns = NF }
  }
  END {
    print head
    for (s = 1; s <= sweeps; ++s) {
      printf "%-13s %9d %10d %9d %9d %9d %9d %11d %10d %9.1f\n", order[s], sum[order[s], 3], sum[order[s], 4],
        sum[order[s], 5], sum[order[s], 6], sum[order[s], 7], sum[order[s], 8], sum[order[s], 9], sum[order[s], 10],
        sum[order[s], 11]
    }
    printf "seed %d; of each %d operations one was visited\n", seed, stride
  }' "$said"/*
grep -hE '^"|terminate|Sanitizer|check failed|CHECK' "$said"/* || true
exit "$failed"
