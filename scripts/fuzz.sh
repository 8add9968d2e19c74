#!/usr/bin/env bash
# Fuzzes one part of Baton, or all of them one after the other, with libFuzzer under ASan and UBSan.
#
#   scripts/fuzz.sh TARGET SECONDS      one of the targets of tests/fuzz
#   scripts/fuzz.sh all SECONDS         each of them for so long
#   scripts/fuzz.sh --list              their names
#
# Installs what is missing, builds the preset fuzz, begins with the seeds in tests/fuzz/corpus/TARGET and with
# what earlier runs have found (kept in build/fuzz/corpus/TARGET), and ends with one line of figures a target.
# A find is left as a file in build/fuzz/finds, with the command that repeats it; exit code 1. Fixed, it goes
# into the target's corpus as regression-WHAT, where every build runs it.
#
# BATON_FUZZ_FLAGS: more flags for libFuzzer, such as "-only_ascii=1".
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t targets < <(sed -n 's/^baton_add_fuzz_target(\([a-z_]*\).*/\1/p' tests/fuzz/CMakeLists.txt)
if [[ "${1:-}" == --list ]]; then
  printf '%s\n' "${targets[@]}"
  exit 0
fi
if [[ $# -ne 2 || ! "$2" =~ ^[0-9]+$ ]]; then
  echo "usage: scripts/fuzz.sh TARGET|all SECONDS   (--help for more)" >&2
  exit 2
fi
if [[ "$1" != all ]]; then
  if ! printf '%s\n' "${targets[@]}" | grep -qx -- "$1"; then
    echo "no target '$1': ${targets[*]}" >&2
    exit 2
  fi
  targets=("$1")
fi
seconds="$2"

# shellcheck source=scripts/lib/packages.sh
source scripts/lib/packages.sh
install_packages build
[[ -f build/fuzz/build.ninja ]] || cmake --preset fuzz
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

# Whole nodes understand short stories only; formats are read at any length.
longest_input() {
  case "$1" in
    frame_decoder | recovery_readers | ledger_bytes) echo 1048576 ;;
    typed_texts) echo 65536 ;;
    *) echo 16384 ;;
  esac
}

finds=build/fuzz/finds
mkdir -p "$finds"
failed=0

run_target() {
  local name="$1" kept="build/fuzz/corpus/$1" log="build/fuzz/$1.log" dictionary="tests/fuzz/$1.dict"
  mkdir -p "$kept"
  local flags=(-max_total_time="$seconds" -max_len="$(longest_input "$name")" -rss_limit_mb=512 -timeout=5
    -print_final_stats=1 -artifact_prefix="$finds/$name-")
  [[ -f "$dictionary" ]] && flags+=(-dict="$dictionary")
  read -ra more <<<"${BATON_FUZZ_FLAGS:-}"
  local code=0
  "build/fuzz/bin/fuzz_$name" "${flags[@]}" "${more[@]}" "$kept" "tests/fuzz/corpus/$name" >"$log" 2>&1 || code=$?
  figures "$name" "$log"
  [[ $code -eq 0 ]] && return
  failed=1
  local find
  find="$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)"
  {
    echo "$name FAILED: $(grep -m1 -E 'ERROR: |runtime error: |^[^ ]*fuzz/[^ ]*:[0-9]+: ' "$log" || echo "see $log")"
    [[ -n "$find" ]] && echo "  repeat it with: build/fuzz/bin/fuzz_$name $find"
    echo "  the whole story: $log"
  } >&2
}

# One line: executions, their rate, what the run has added to the coverage, memory.
figures() {
  awk -v name="$1" '
    /INITED/ { for (i = 1; i < NF; i++) if ($i == "cov:") first = $(i + 1) }
    / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") last = $(i + 1) }
    /stat::number_of_executed_units/ { executions = $2 }
    /stat::average_exec_per_sec/ { rate = $2 }
    /stat::new_units_added/ { units = $2 }
    /stat::peak_rss_mb/ { rss = $2 }
    END {
      printf "%s: %d executions, %d/s, coverage %d (+%d), %d new inputs, %d MiB at most\n",
             name, executions, rate, last, last - first, units, rss
    }' "$2"
}

for target in "${targets[@]}"; do run_target "$target"; done
exit "$failed"
