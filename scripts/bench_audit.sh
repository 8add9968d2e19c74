#!/usr/bin/env bash
# How long `baton audit verify` takes, for a million entries.
#
#   scripts/bench_audit.sh [SECONDS]      default: 20
#
# Lets a cluster with three managers work for so long (`baton bench cycle`), stops its center, and proves the
# history; then looks up a task of it, too. Prints one JSON line. BATON_BIN names a folder of binaries to
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
PYTHONPATH="$PWD/tests/integration" PYTHONDONTWRITEBYTECODE=1 exec scripts/lib/bench_audit.py "${1:-20}"
