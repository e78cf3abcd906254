# shellcheck shell=bash
# Testing and checking. The list of tests is CMake's; .ci/run is './dev test --yes'.

command_test() {
  case ${1:-} in
    '') ;;
    full) export THRONG_TEST_FULL=1 ;;
    peers) test_peers; return ;;
    *) die "no './dev test $1'; there are './dev test', './dev test full' and './dev test peers'" ;;
  esac
  plan_packages build test
  plan_frameworks "${all_frameworks[@]}"
  plan_build yes
  plan_show_and_ask
  prepare build test
  fetch_kubectl_120
  configure release build
  headline 'building everything'
  compile build
  headline 'testing'
  THRONG_JOBS=$(compile_jobs)
  export THRONG_JOBS
  local which=()
  [ -z "${THRONG_TEST_FULL:-}" ] || which=(-C full)
  run_step testing ctest --test-dir build --output-on-failure -j 2 ${which[@]+"${which[@]}"}
}

# What the real API server tells kubectl, against the goldens, and what ours tells, against that.
test_peers() {
  local status
  plan_packages build test
  plan_build no
  plan_show_and_ask
  prepare build test
  configure release build
  headline 'building throng'
  compile build throng
  headline 'the real API server and ours (about 3 minutes)'
  python3 tests/kube/peers/compare.py peers --bin build/bin --peers "$cache/peers/bin"
  status=$?
  [ "$status" -ne 77 ] || die 'first build the real ones: ./dev peers'
  return "$status"
}

# Layers, sizes, format, tidy: all of them, then says which failed.
command_check() {
  local check failed=()
  plan_packages build test
  plan_frameworks "${all_frameworks[@]}"
  plan_show_and_ask
  prepare build test
  configure release build
  for check in layers sizes format tidy; do
    headline "tools/check_$check"
    "tools/check_$check" || failed+=("tools/check_$check")
  done
  [ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}"
}

command_format() {
  local missing
  plan_packages test
  plan_show_and_ask
  mapfile -t missing < <(packages_missing test)
  install_packages ${missing[@]+"${missing[@]}"}
  run_step formatting tools/format
}
