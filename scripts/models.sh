#!/usr/bin/env bash
# Checks the models of docs/models: each must hold, and each mistake planted in one must be found.
#
#   scripts/models.sh [--quick | --full] [MODEL]
#
# Needs spin and gcc, and installs neither. Ends with a table and one line that sums up. --quick is what ctest runs;
# --full adds the largest configurations (up to 9 GB, and an hour). Exit 1 if anything is not as expected, 77 if spin
# or a C compiler is missing.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec tests/integration/models/check_models.py "$@"
