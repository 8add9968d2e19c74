#!/usr/bin/env bash
# What a waiting task costs: the slope between a smaller and a larger backlog, so that what an empty cluster
# needs does not count.
#
#   scripts/bench_memory.sh [SMALL LARGE]      default: 1000000 5000000
#
# Prints one JSON line: bytes per task of the ledger's own containers, of resident memory of all daemons
# together, and of disk. BATON_BIN names a folder of binaries to use instead of building.
set -euo pipefail
if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/release.sh
source scripts/lib/release.sh
use_release_binaries
small="${1:-1000000}" large="${2:-5000000}"

measure() { "$BATON_BIN/baton" bench backlog --self --no-drain --tasks "$1" -o jsonl; }

{ measure "$small" && measure "$large"; } | /usr/bin/python3 -c '
import json, sys
small, large = map(json.loads, sys.stdin)
tasks = large["confirmed"] - small["confirmed"]
slope = {f"{key}_per_task": round((large[f"{key}_bytes"] - small[f"{key}_bytes"]) / tasks, 2)
         for key in ("ledger", "resident", "disk")}
print(json.dumps({"small": small["confirmed"], "large": large["confirmed"], **slope}))
'
