# shellcheck shell=bash
# ./dev doctor: every requirement in a table. Changes nothing.

doctor_problems=0

# doctor_row OK(yes|no|note) WHAT FOUND NEEDED FIX
doctor_row() {
  local mark='ok'
  [ "$1" = yes ] || mark='note'
  [ "$1" = no ] && mark='MISSING' && doctor_problems=$((doctor_problems + 1))
  printf '%-8s %-25s %-38s %-28s %s\n' "$mark" "$2" "${3:-none}" "$4" "$([ "$1" = yes ] || printf '%s' "$5")"
}

# True when version $1 is at least $2.
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

first_number() { "$@" 2>/dev/null | head -n 1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }

# doctor_program WHAT NEEDED_VERSION FIX COMMAND...
doctor_program() {
  local what=$1 needed=$2 fix=$3 found ok=no
  shift 3
  found=$(first_number "$@")
  at_least "$found" "$needed" && ok=yes
  doctor_row $ok "$what" "$found" "$needed or newer" "$fix"
}

doctor_machine() {
  local verdict memory disk jobs
  verdict=$(platform_verdict)
  doctor_row "$(case $verdict in tested) echo yes ;; untested) echo note ;; *) echo no ;; esac)" \
    system "$(platform_name)" 'Debian 12, x86-64' "$verdict; the Dockerfile works anywhere"
  jobs=$(compile_jobs)
  doctor_row yes cores "$(nproc)" '1 (2 or more: faster)' ''
  memory=$(free_memory_mb)
  doctor_row "$([ "$memory" -ge 2000 ] && echo yes || echo no)" 'free memory' "$memory MB: $jobs compile jobs" \
    '2000 MB per job' 'close other programs, or add memory'
  disk=$(df -Pm "$throng_root" | awk 'NR == 2 { print $4 }')
  doctor_row "$([ "$disk" -ge 4000 ] && echo yes || echo note)" 'free disk' "$disk MB" '4000 MB for everything' 'free some'
  doctor_row "$(package_prefix >/dev/null && echo yes || echo note)" 'may install packages' \
    "$(id -un)$([ "$(id -u)" = 0 ] || ! package_prefix >/dev/null || echo ', by sudo')" 'root, or sudo' 'install sudo, or ask root'
}

doctor_packages() {
  local missing list
  for list in build test; do
    mapfile -t missing < <(packages_missing "$list")
    doctor_row "$([ ${#missing[@]} -eq 0 ] && echo yes || echo no)" "packages to $list" \
      "$([ ${#missing[@]} -eq 0 ] && echo all || echo "${#missing[@]} missing")" "requirements/apt-$list.txt" \
      "apt-get install --no-install-recommends ${missing[*]}"
  done
  doctor_program 'C++ compiler' 12.0 'apt-get install g++' c++ -dumpfullversion
  doctor_program CMake 3.25 'apt-get install cmake' cmake --version
  doctor_program Ninja 1.10 'apt-get install ninja-build' ninja --version
  doctor_program Python 3.9 'apt-get install python3' python3 --version
  doctor_program pip 20.3 'apt-get install python3-pip' python3 -m pip --version
  doctor_row "$(command -v ccache >/dev/null && echo yes || echo note)" ccache "$(first_number ccache --version)" \
    'optional' 'apt-get install ccache: builds again in seconds'
}

doctor_frameworks() {
  local name root found
  for name in "${all_frameworks[@]}"; do
    root=$(framework_root "$name")
    found=$(framework_version "$name")
    [ -z "$(framework_override "$name")" ] || found="own: $root"
    if framework_ready "$name"; then
      doctor_row yes "$(framework_field "$name" title)" "$found" 'optional' ''
    elif [ -n "$(framework_override "$name")" ]; then
      doctor_row note "$(framework_field "$name" title)" "$found" 'optional' 'left out: that root has no lib/'
    else
      doctor_row note "$(framework_field "$name" title)" '' 'optional' './dev setup'
    fi
  done
}

doctor_sandbox() {
  local landlock seccomp=no
  # landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
  landlock=$(python3 -c 'import ctypes; v = ctypes.CDLL(None).syscall(444, None, 0, 1); print(f"version {v}" if v > 0 else "")' 2>/dev/null)
  grep -qs '^Seccomp:' /proc/self/status && seccomp=yes
  doctor_row $seccomp 'seccomp' "$seccomp" 'for the sandbox' 'a kernel with CONFIG_SECCOMP_FILTER'
  doctor_row "$([ -n "$landlock" ] && echo yes || echo note)" Landlock "$landlock" 'optional, adds a wall' \
    'a kernel with Landlock switched on'
}

doctor_build() {
  local program
  for program in bin/throng libexec/throng-runner-null libexec/throng-runner-onnx libexec/throng-runner-torch \
    libexec/throng-runner-tensorflow; do
    doctor_row "$([ -x "build/$program" ] && echo yes || echo note)" "$(basename "$program")" \
      "$([ -x "build/$program" ] && echo "build/$program")" 'built' './dev build'
  done
}

command_doctor() {
  printf '%-8s %-25s %-38s %-28s %s\n' '' What Found Needed 'How to fix'
  doctor_machine
  doctor_packages
  doctor_frameworks
  doctor_sandbox
  doctor_build
  [ $doctor_problems -eq 0 ] || die "$doctor_problems missing; './dev setup' installs what apt and pip can"
}
