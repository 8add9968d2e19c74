#!/usr/bin/env bash
# Builds preset `tsan` (ThreadSanitizer) and runs the tests with it: a data race fails the test that met it.
#
#   scripts/tsan.sh [CTEST ARGUMENTS]     for example: scripts/tsan.sh -R integration
#
# Ends with ctest's summary and its exit code. The preset leaves out three labels: `models` and `checks`, which run no
# threads of ours (spin; the tree itself and helpers in Python), and `slow`, minutes of faults by the clock;
# `BATON_BIN=$PWD/build/tsan/bin scripts/exactly_once.sh` runs such faults. Some of Debian's libraries are not
# instrumented; what they do under locks is seen all the same, and nothing is suppressed. Two tests of `baton fence
# --wait` are left out: ThreadSanitizer holds a signal back while flock() waits, and that signal is what ends the wait.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/packages.sh
source scripts/lib/packages.sh

install_packages build test
cores="$(nproc)"
cmake --preset tsan
cmake --build --preset tsan --parallel "$cores"
# Both ends of a race with their stacks; more memory than its default for what a thread did last.
export TSAN_OPTIONS="second_deadlock_stack=1:history_size=4:${TSAN_OPTIONS:-}"
exec ctest --preset tsan --parallel "$cores" \
  --exclude-regex '^(unit/nobody passes while a fence is held|integration/fence$)' "$@"
