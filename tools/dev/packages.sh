# shellcheck shell=bash
# The system's packages, by apt. The lists are requirements/apt-build.txt and requirements/apt-test.txt.

# packages_missing LIST...: those not installed, one a line.
packages_missing() {
  local list wanted=() package
  for list in "$@"; do
    while read -r package; do
      case $package in '' | '#'*) ;; *) wanted+=("$package") ;; esac
    done <"$throng_root/requirements/apt-$list.txt"
  done
  # Installed ones print "ii  name"; the wanted names that did not are missing.
  dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null |
    awk -v wanted="${wanted[*]}" '
      $1 == "ii" { installed[$2] = 1 }
      END { n = split(wanted, names, " "); for (i = 1; i <= n; i++) if (!(names[i] in installed)) print names[i] }'
}

# "DOWNLOAD_MB DISK_MB" of installing PACKAGES, as apt says; nothing where it cannot say yet (no lists).
packages_size() {
  LC_ALL=C apt-get install --no-install-recommends --assume-no "$@" 2>/dev/null | awk '
    function mb(number, unit) {
      gsub(/,/, "", number)
      return unit == "GB" ? number * 1000 : unit == "kB" ? number / 1000 : unit == "MB" ? number : number / 1e6
    }
    /^Need to get/ { split($4, part, "/"); download = $5 == "B" || $5 ~ /B$/ ? mb(part[1], $5) : 0 }
    /^After this operation/ { printf "%d %d\n", download + 0.5, mb($4, $5) + 0.5 }'
}

# The words before apt-get: none for root, sudo for others.
package_prefix() {
  if [ "$(id -u)" = 0 ]; then
    return 0
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    printf 'sudo '
  else
    return 1
  fi
}

install_packages() {
  local prefix packages=("$@")
  [ ${#packages[@]} -gt 0 ] || return 0
  local install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}")
  command -v apt-get >/dev/null || die "no apt-get here; needed are the packages: ${packages[*]}"
  prefix=$(package_prefix) ||
    die "packages are missing, and this user is neither root nor may use sudo. As root: $(quoted "${install[@]}")"
  say "installing ${#packages[@]} packages by apt: ${packages[*]}"
  local environment=(env DEBIAN_FRONTEND=noninteractive)
  # The lists may be old or absent; when that fails, what is known may still do.
  mkdir -p "$logs"
  $prefix "${environment[@]}" apt-get update -q -o DPkg::Lock::Timeout=300 >"$logs/apt-update.log" 2>&1 </dev/null ||
    warn "apt-get update failed (log: $logs/apt-update.log); going on with what apt knows"
  # shellcheck disable=SC2086  # the prefix is words
  run_quietly 'installing packages' apt-install.log $prefix "${environment[@]}" "${install[@]}"
}
