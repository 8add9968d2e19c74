#!/usr/bin/env bash
# Nothing twice, nothing lost: real daemons that are killed and paused while producers and consumers work.
#
#   scripts/exactly_once.sh [--seconds N] [--seed N] [--producers N] [--consumers N] [--rate N] [--period S] [--keep]
#
# Installs what is missing, builds release, ends with a table and one JSON line. Exit 1 if anything confirmed
# was lost or anything was completed twice. BATON_BIN names a folder of binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries
exec tests/integration/exactly_once/exactly_once.py "$@"
