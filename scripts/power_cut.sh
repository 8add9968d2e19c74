#!/usr/bin/env bash
# Takes the power away from running daemons, again and again, and looks at what comes back.
#
#   scripts/power_cut.sh [--seconds S] [--cuts N] [--seed N] [--mode together|alone] [--filesystem ext4|xfs|both]
#                        [--rate N] [--no-control] [--keep DIR]
#
# A center and three managers work under load, their data on images that can be copied at one instant: what such
# a copy holds is what a disk holds when the power goes. Two modes, one after the other:
#   together  one image with all: the copy is mounted, a cluster starts on it, and everything that was confirmed or
#             completed before has to be there; then it is thrown away. Some are cut again while they recover.
#   alone     an image each: some machines lose power while the others live; the cluster goes on with what is left,
#             and in the end everything confirmed must be done, once.
# First a control: daemons whose fsync does nothing have to lose something, or the run proves nothing.
#
# Prints totals and, last, one JSON line. Exit 1: a promise was broken, or the run proves nothing. 3: something was
# left behind. 77 with "skipped: why": the machine cannot do it (root, loop devices, XFS with reflink). Everything
# is in memory and in namespaces; nothing else on the machine is touched. BATON_BIN names a folder of binaries to
# use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
# shellcheck source=scripts/lib/rig.sh
source scripts/lib/rig.sh
require_rig
use_release_binaries
run_in_rig tests/rig/power_cut.py "$@"
