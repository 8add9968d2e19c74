#!/usr/bin/env bash
# How long a killed cluster takes to serve again, with a backlog.
#
#   scripts/bench_restart.sh [TASKS]      default: 1000000
#
# Fills, kills every daemon with SIGKILL, starts them all, and measures from that start until the first task
# was delivered and until every manager serves. Prints one JSON line. BATON_BIN names a folder of binaries to
# use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries
PYTHONPATH="$PWD/tests/integration" PYTHONDONTWRITEBYTECODE=1 exec scripts/lib/bench_restart.py "${1:-1000000}"
