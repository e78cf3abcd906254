# shellcheck shell=bash
# What is missing for a command, shown as one table before anything is touched; then installing it.

# Figures measured on 2 cores; minutes are for 2 cores and 10 MB/s.
build_cpu_seconds_front=330   # throng-front, null and ONNX runners
build_cpu_seconds_throng=1100  # the control plane, and with it throng
build_cpu_seconds_torch=45
build_cpu_seconds_tensorflow=15
build_cpu_seconds_tests=2600  # unit tests (most of them twice), integration, benchmarks
build_disk_mb=700
download_mb_per_second=10

plan_rows=()
plan_download_mb=0
plan_disk_mb=0
plan_seconds=0

# plan_row WHAT PACKAGES DOWNLOAD_MB DISK_MB MEMORY SECONDS
plan_row() {
  local minutes
  plan_download_mb=$((plan_download_mb + $3))
  plan_disk_mb=$((plan_disk_mb + $4))
  plan_seconds=$((plan_seconds + $6))
  minutes=$(minutes_text "$6")
  plan_rows+=("$(printf '%-30s  %-30s  %8s  %7s  %-11s  %7s' "$1" "$2" "$3" "$4" "$5" "$minutes")")
}

minutes_text() { if [ "$1" -lt 60 ]; then printf '<1'; else printf '%d' $((($1 + 59) / 60)); fi; }

plan_packages() {
  local lists=("$@") missing size download disk
  mapfile -t missing < <(packages_missing "${lists[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  size=$(packages_size "${missing[@]}")
  if [ -n "$size" ]; then
    read -r download disk <<<"$size"
  else
    download=102 disk=411
    case " ${lists[*]} " in *' test '*) download=166 disk=761 ;; esac
  fi
  plan_row 'compilers and libraries' "${#missing[@]} Debian packages (apt)" "$download" "$disk" '' \
    $((download / download_mb_per_second + disk / 16))
}

plan_frameworks() {
  local name download disk
  for name in "$@"; do
    framework_missing "$name" || continue
    download=$(framework_field "$name" download_mb)
    disk=$(framework_field "$name" disk_mb)
    plan_row "$(framework_field "$name" title) $(framework_version "$name")" 'official wheel (pip)' \
      "$download" "$disk" '' $((download / download_mb_per_second + disk / 100))
  done
}

# plan_build WITH_TESTS(yes|no)
plan_build() {
  local seconds=0 jobs name disk=0
  jobs=$(compile_jobs)
  [ -x build/bin/throng ] ||
    { seconds=$((build_cpu_seconds_front + build_cpu_seconds_throng)); disk=$build_disk_mb; }
  for name in torch tensorflow; do
    [ -x "build/libexec/throng-runner-$name" ] || [ "$(framework_override "$name")" = none ] ||
      seconds=$((seconds + $( [ $name = torch ] && printf '%d' $build_cpu_seconds_torch ||
        printf '%d' $build_cpu_seconds_tensorflow)))
  done
  if [ "$1" = yes ] && [ ! -d build-asan ]; then
    seconds=$((seconds + build_cpu_seconds_tests))
    disk=$((disk + 1500))
  fi
  [ "$seconds" -gt 0 ] || return 0
  plan_row 'compiling Throng' "$jobs at a time" 0 "$disk" "$((jobs * 2)) GB" $((seconds / jobs))
}

# The table, and the question. Nothing is printed when nothing is missing.
plan_show_and_ask() {
  local free_mb answer
  [ ${#plan_rows[@]} -gt 0 ] || return 0
  say 'Still missing:'
  printf '\n  %-30s  %-30s  %8s  %7s  %-11s  %7s\n' What Packages Download Disk Memory Minutes
  printf '  %-30s  %-30s  %8s  %7s  %-11s  %7s\n' '' '' MB MB '' 'about'
  printf '  %s\n' "${plan_rows[@]}"
  printf '  %-30s  %-30s  %8s  %7s  %-11s  %7s\n\n' together '' "$plan_download_mb" "$plan_disk_mb" '' \
    "$(minutes_text "$plan_seconds")"
  say "Minutes are for downloads at $download_mb_per_second MB/s. Frameworks go to $cache, the build to $throng_root/build*."
  free_mb=$(df -Pm "$throng_root" | awk 'NR == 2 { print $4 }')
  [ "$free_mb" -gt "$plan_disk_mb" ] || die "only $free_mb MB are free here; about $plan_disk_mb MB are needed"
  if [ "$assume_yes" = no ] && [ -t 0 ]; then
    read -r -p 'Install, download and build this? [Y/n] ' answer
    case $answer in '' | [yY]*) ;; *) die 'nothing was changed' ;; esac
  fi
}

# Everything that building needs, and with 'test' in LISTS everything that testing needs.
prepare() {
  local missing name
  mapfile -t missing < <(packages_missing "$@")
  install_packages ${missing[@]+"${missing[@]}"}
  start_fetch "${all_frameworks[@]}"
  for name in "${all_frameworks[@]}"; do
    wait_for_framework "$name" || exit 1
  done
}

command_setup() {
  plan_packages build test
  plan_frameworks "${all_frameworks[@]}"
  plan_show_and_ask
  prepare build test
  say "Everything is there ($(elapsed))."
}
