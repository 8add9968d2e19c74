# shellcheck shell=bash
# What the scripts need that break real daemons (tests/rig). The current folder is the root of the tree.

# require_rig: installs the tools of section [rig] of scripts/packages.txt. Ends the script with exit code 77 and
# "skipped: why" where this is not root or they cannot be had.
require_rig() {
  if [[ "$(id -u)" != 0 ]]; then
    echo "skipped: needs root, for namespaces, loop devices and mounts"
    exit 77
  fi
  # shellcheck source=scripts/lib/packages.sh
  source scripts/lib/packages.sh
  if ! install_packages rig; then
    echo "skipped: the tools of section [rig] of scripts/packages.txt cannot be installed"
    exit 77
  fi
}

# run_in_rig PROGRAM ARGUMENTS...: runs it where it can break nothing but itself. Ends the script with its exit
# code, 3 when anything was left behind, or 77 as above.
run_in_rig() {
  exec tests/rig/enter.py "$@"
}
