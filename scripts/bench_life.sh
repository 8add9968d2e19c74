#!/usr/bin/env bash
# What the options of tasks cost: memory and time in the ledger, and the full cycle of a cluster with ordering keys, fairness
# keys, idempotency keys, and beside many delayed tasks, each beside the plain cycle of the same run.
#
#   scripts/bench_life.sh [SECONDS DELAYED]      default: 5 1000000
#
# First the ledger alone (tests/bench/life_bench.cc, medians of 5), then a center with three managers: each cycle lasts so many
# seconds, medians of 3, one JSON line. BATON_BIN names a folder of binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries life_bench
"$BATON_BIN/life_bench"
PYTHONPATH="$PWD/tests/integration" PYTHONDONTWRITEBYTECODE=1 exec scripts/lib/bench_life.py "${1:-5}" "${2:-1000000}"
