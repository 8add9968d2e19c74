#!/usr/bin/env bash
# Breaks real processes on real networks and disks, many things at a time, and judges what clients were told.
#
#   scripts/faults.sh [--seconds S] [--seed N] [--only KIND,...] [--rate N] [--heal-seconds S] [--keep DIR]
#
# A center, three managers and their clients, each in a network namespace of its own, the daemons' data on small
# ext4 disks. From the seed comes a plan of periods with a random subset of faults, a quarter of them quiet: kill,
# pause, partition, one_way, reset, half_open, slow_link, slow_disk, disk_full, io_error, clock_jump, clock_rate,
# consumer_kill, consumer_pause, producer_kill. Then everything heals, everything confirmed must get done, and
# baton_judge checks the whole recorded history (docs/testing.md, "Checkers").
#
# Prints for each kind how often it happened and how operations ended meanwhile, and, last, one JSON line. Exit 1: a
# promise was broken, or the run proves nothing (a kind never happened, nothing succeeded). 3: something was left
# behind. 77 with "skipped: why": the machine cannot do it. BATON_BIN names a folder of binaries to use instead of
# building.
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
run_in_rig tests/rig/fault_run.py "$@"
