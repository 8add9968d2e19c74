#!/usr/bin/env bash
# More than a cluster can take: does it come back by itself, and does nobody lose a claim by it?
#
#   scripts/overload.sh [--consumers N] [--seconds N] [herd] [surge]      default: both, 5000, 60
#
# herd:  N consumers hold a task each; the only manager is killed and started again, and all reconnect at once.
#        Goal: 99 of 100 are back within 10 s, and no claim is lost.
# surge: twice the tasks per second that a full cycle reaches, for so many seconds, then 0.8 times as many into
#        another queue. Goal: within 10 s, 95 of 100 of these are completed as fast as they come.
#
# Real daemons on loopback; prints one JSON line each. Exit 1 when a goal is missed. BATON_BIN names a folder of
# binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries herd
# A client and a manager with thousands of connections.
ulimit -n "$(ulimit -Hn)"
PYTHONPATH="$PWD/tests/integration" PYTHONDONTWRITEBYTECODE=1 exec scripts/lib/overload.py "$@"
