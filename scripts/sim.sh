#!/usr/bin/env bash
# Whole clusters under simulated faults: does every promise hold, whatever the seed?
#
#   scripts/sim.sh --seconds N [--seed FIRST] [--jobs N]    fresh seeds, or from FIRST on, until the time is over
#   scripts/sim.sh --seeds A..B [--jobs N]                  those
#   scripts/sim.sh --seed N [--trace]                       one again, with stories of tasks that violations name
#   scripts/sim.sh --planted [--jobs N] [NAME ...]          known bugs, planted one at a time: each must be found
#
# Installs what is missing and builds release. Prints each violation, then one summary of all processes: how
# often each rare thing happened, simulated hours, crashes and checked operations per machine-hour, and a line of
# JSON. Ctrl-C prints the summary so far. Exit 1 when a promise was broken, when (in 1,000 runs or more) something
# that must happen now and then never did, or when a planted bug was not found.
# BATON_BIN names a folder of binaries to use instead of building; --planted needs it to be bin of a build folder.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
planted=no arguments=()
for argument in "$@"; do
  if [[ "$argument" == --planted ]]; then planted=yes; else arguments+=("$argument"); fi
done
if [[ $planted == no && ${#arguments[@]} == 0 ]]; then
  exec "$0" --help
fi

# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
if [[ $planted == yes ]]; then
  # Planted bugs may need another program than the simulation.
  mapfile -t programs < <(sed -n 's/^Program: \([^ ]*\).*/\1/p' tests/planted/*.patch | sort -u)
  use_release_binaries baton_sim "${programs[@]}"
  exec tests/planted/plant.py --kept --build "${BATON_BIN%/bin}" "${arguments[@]}"
fi
use_release_binaries baton_sim
exec scripts/lib/simulation.py --program "$BATON_BIN/baton_sim" "${arguments[@]}"
