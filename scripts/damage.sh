#!/usr/bin/env bash
# Damages every file of a manager's and of a center's directory, in one way at a time, starts the storage on it, reads
# everything, and counts what came of it. The ways: each bit of the first 64 KiB, each length within these and within
# the last 4 KiB, each pair of sectors and of blocks of the first 64 KiB, the file gone, each earlier copy of it.
#
#   scripts/damage.sh [--stride N] [--seed S] [--fsck N]
#
# --stride 1 (default) takes all of that, N every N-th; --fsck N examines every N-th of them with what `baton
# fsck` does as well (default 16; 0: none). Prints a table per daemon: kind of file, kind of damage, tried,
# detected, harmless, missed. Exit 1 when any was missed. All of it takes hours of one processor.
# Installs what is missing and builds release. BATON_BIN names a folder of binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export BATON_DAMAGE_STRIDE=1 BATON_DAMAGE_SEED=0 BATON_DAMAGE_FSCK=16
while [[ $# -gt 0 ]]; do
  case "$1" in
    --stride) BATON_DAMAGE_STRIDE="${2:?}" ;;
    --seed) BATON_DAMAGE_SEED="${2:?}" ;;
    --fsck) BATON_DAMAGE_FSCK="${2:?}" ;;
    *)
      echo "unknown flag '$1'; --help shows how it is used" >&2
      exit 2
      ;;
  esac
  shift 2
done
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries damage_test
# A length that was believed is found by what it makes a reader reserve.
ulimit -v $((2 << 20))
# Catch ends with the number of what failed.
nice -n 10 "$BATON_BIN/damage_test" || exit 1
