# shellcheck shell=bash
# install_packages PURPOSE...: installs what is missing of these sections of scripts/packages.txt.
#
# Needs nothing when everything is there. Otherwise uses apt-get, through sudo when not root; removes no
# package, starts no service, asks no question. Sourced by scripts/run.sh and scripts/test.sh.

baton_packages_file="$(dirname "${BASH_SOURCE[0]}")/../packages.txt"
baton_policy=/usr/sbin/policy-rc.d
baton_policy_ours=no

packages_for() {
  local wanted=" $* " section="" line
  while read -r line; do
    case "$line" in
      '' | '#'*) ;;
      '['*']') section="${line:1:-1}" ;;
      *) if [[ "$wanted" == *" $section "* ]]; then echo "$line"; fi ;;
    esac
  done <"$baton_packages_file" | sort -u
}

missing_packages() {
  local package
  for package in $(packages_for "$@"); do
    [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || echo "$package"
  done
}

as_root() {
  if [[ "$(id -u)" == 0 ]]; then "$@"; else sudo "$@"; fi
}

# While packages are installed, Debian asks this file whether a service may start: no. A machine that
# has such a file already keeps its own.
forbid_services() {
  [[ -e "$baton_policy" ]] && return
  trap 'allow_services' EXIT
  trap 'allow_services; exit 129' HUP
  trap 'allow_services; exit 130' INT
  trap 'allow_services; exit 143' TERM
  baton_policy_ours=yes
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$baton_policy" >/dev/null
  as_root chmod 755 "$baton_policy"
}

allow_services() {
  [[ "$baton_policy_ours" == yes ]] || return 0
  as_root rm -f "$baton_policy"
  baton_policy_ours=no
  trap - EXIT HUP INT TERM
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Fails with a sentence when the packages could only be installed by removing others.
refuse_conflicts() {
  local removed
  removed="$(LC_ALL=C apt-get -s -y install --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | sort -u | tr '\n' ' ')"
  [[ -z "$removed" ]] && return
  {
    echo "error: installing $* would remove: $removed"
    echo "These packages conflict. Baton removes nothing on its own: remove them yourself with"
    echo "  apt-get remove $removed"
    echo "or use another machine or container, then run this script again."
  } >&2
  return 1
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} == 0 ]] && return
  if ! command -v apt-get >/dev/null; then
    echo "error: these Debian packages are missing, and there is no apt-get: ${missing[*]}" >&2
    return 1
  fi
  if [[ "$(id -u)" != 0 ]] && ! command -v sudo >/dev/null; then
    echo "error: packages are missing and this user cannot install them (no sudo). As root run:" >&2
    echo "  apt-get install --no-remove --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
  # A fresh machine knows no packages yet; any other spares itself the download of the lists.
  if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then apt update >&2 || return; fi
  refuse_conflicts "${missing[@]}" || return
  forbid_services
  local status=0
  if ! apt install --no-remove --no-install-recommends "${missing[@]}" >&2; then
    # Old lists name files that the mirror no longer has.
    { apt update && apt install --no-remove --no-install-recommends "${missing[@]}"; } >&2 || status=$?
  fi
  allow_services
  if [[ $status != 0 ]]; then
    echo "error: apt-get could not install ${missing[*]}; its own words are above" >&2
  fi
  return $status
}
