#!/usr/bin/env bash
# The figures of the project on this machine: each line names its command and its result.
#
#   scripts/bench_figures.sh [quick]      quick: shorter runs and smaller backlogs, for a look
#
# Installs what is missing and builds release. Every run starts a center and three managers of its own.
# BATON_BIN names a folder of binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries

seconds=10 backlog=1000000
if [[ "${1:-}" == quick ]]; then seconds=3 backlog=100000; fi

bench() {
  echo "\$ baton bench $* -o json"
  "$BATON_BIN/baton" bench "$@" -o json
}

bench cycle --self --duration "${seconds}s"
bench single --self
bench paced --self --rate 2000 --duration "${seconds}s"
bench paced --self --rate 10000 --duration "${seconds}s"
bench backlog --self --tasks "$backlog"
echo "\$ scripts/bench_memory.sh $backlog $((5 * backlog))"
scripts/bench_memory.sh "$backlog" "$((5 * backlog))"
echo "\$ scripts/bench_restart.sh $backlog"
scripts/bench_restart.sh "$backlog"
