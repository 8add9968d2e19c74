#!/usr/bin/env bash
# Installs what is missing, builds preset `ci` (sanitizers, warnings are errors) and runs every test.
#
#   scripts/test.sh [CTEST ARGUMENTS]     for example: scripts/test.sh -R integration
#
# Ends with ctest's summary and its exit code.
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
cmake --preset ci
cmake --build --preset ci --parallel "$cores"
# Many tests wait for leases and deadlines more than they compute.
exec ctest --preset ci --parallel "$((cores + 1))" "$@"
