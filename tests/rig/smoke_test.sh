#!/usr/bin/env bash
# A few seconds of tests/rig/fault_run.py with daemons of this build; 77 with one line where it cannot be done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for tool in ip nft ss strace mkfs.ext4 protoc; do
  if ! command -v "$tool" >/dev/null; then
    echo "skipped: no $tool (section [rig] of scripts/packages.txt)"
    exit 77
  fi
done
# Looking for leaks at exit does not work under strace.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
# A plan in which each kind comes about within these seconds; a seed whose I/O error waits for a write that does not
# come proves nothing. Campaigns draw their own.
exec tests/rig/enter.py tests/rig/fault_run.py --seconds 5 --rate 60 --seed 107122529 \
  --only kill,pause,partition,reset,io_error,consumer_kill
