# shellcheck shell=bash
# use_release_binaries [TARGET...]: sets BATON_BIN, building preset release first (and these programs of it too)
# unless it is set already.
# The current folder is the root of the tree.

use_release_binaries() {
  if [[ -z "${BATON_BIN:-}" ]]; then
    # shellcheck source=scripts/lib/packages.sh
    source scripts/lib/packages.sh
    install_packages build run
    cmake --preset release >&2
    cmake --build --preset release --target baton baton-center baton-manager baton_judge "$@" >&2
    BATON_BIN="$PWD/build/release/bin"
  fi
  export BATON_BIN
}
