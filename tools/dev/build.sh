# shellcheck shell=bash
# Configuring and compiling.

# configure PRESET FOLDER: runs CMake when the folder is new, or when the frameworks that are there have changed.
configure() {
  local preset=$1 folder=$2 words signature name
  mapfile -t words < <(framework_cmake_arguments)
  signature=${words[*]}
  for name in "${all_frameworks[@]}"; do
    framework_ready "$name" && signature+=" $name"
  done
  if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/.dev-signature" 2>/dev/null)" = "$signature" ]; then
    return 0
  fi
  run_quietly "configuring $folder" "configure-$preset.log" cmake --preset "$preset" "${words[@]}"
  printf '%s\n' "$signature" >"$folder/.dev-signature"
}

# compile FOLDER [TARGET...]
compile() {
  local folder=$1 words=()
  shift
  [ $# -eq 0 ] || words=(--target "$@")
  run_step "building ${*:-all} in $folder" cmake --build "$folder" -j "$(compile_jobs)" ${words[@]+"${words[@]}"}
}

# stage_front PROGRAM: packages, ONNX Runtime, and with them PROGRAM; the other frameworks download meanwhile.
stage_front() {
  local missing targets=("$1" throng-runner-null)
  mapfile -t missing < <(packages_missing build)
  install_packages ${missing[@]+"${missing[@]}"}
  start_fetch "${all_frameworks[@]}"
  wait_for_framework onnxruntime || exit 1
  configure release build
  framework_ready onnxruntime && targets+=(throng-runner-onnx)
  compile build "${targets[@]}"
}

# stage_join NAME: when the framework has arrived, its runner is built. False when it does not arrive.
stage_join() {
  wait_for_framework "$1" && framework_ready "$1" || return 1
  configure release build
  compile build "throng-runner-$(framework_field "$1" runner)"
}

# What ./dev build leaves: the server, and a runner for each framework that is not left out on purpose.
build_runtime() {
  local name left_out=()
  stage_front throng
  for name in torch tensorflow; do
    [ "$(framework_override "$name")" = none ] || stage_join "$name" || left_out+=("$name")
  done
  [ ${#left_out[@]} -eq 0 ] || die "built without: ${left_out[*]} (./dev doctor says how to get them)"
}

command_build() {
  plan_packages build
  plan_frameworks "${all_frameworks[@]}"
  plan_build no
  plan_show_and_ask
  if [ $# -eq 0 ]; then
    build_runtime
  else
    prepare build
    configure release build
    compile build "$@"
  fi
  say "Built in $(elapsed). To serve a folder of models: build/bin/throng serve DIR; many models behind one address: build/bin/throng up"
}

command_bench() {
  plan_packages build
  plan_frameworks "${all_frameworks[@]}"
  plan_build no
  plan_show_and_ask
  build_runtime
  compile build throng-bench
  build/bin/throng-bench "$@"
}

# fuzz [NAME] [--seconds N]: NAME_fuzz.cc in fuzz/ is the target NAME_fuzz.
command_fuzz() {
  local seconds=60 names=() name file
  while [ $# -gt 0 ]; do
    case $1 in
      --seconds) [ $# -gt 1 ] || die '--seconds needs a number'; seconds=$2; shift ;;
      *) names+=("${1%_fuzz}") ;;
    esac
    shift
  done
  plan_packages build test
  plan_show_and_ask
  mapfile -t missing < <(packages_missing build test)
  install_packages ${missing[@]+"${missing[@]}"}
  if [ ${#names[@]} -eq 0 ]; then
    for file in fuzz/*_fuzz.cc; do
      [ -e "$file" ] && names+=("$(basename "$file" _fuzz.cc)")
    done
  fi
  [ ${#names[@]} -gt 0 ] || die 'there are no fuzz targets (fuzz/*_fuzz.cc)'
  for name in "${names[@]}"; do
    [ -e "fuzz/${name}_fuzz.cc" ] || die "no fuzz/${name}_fuzz.cc; there are: $(cd fuzz && echo ./*_fuzz.cc)"
  done
  configure fuzz build-fuzz
  compile build-fuzz "${names[@]/%/_fuzz}"
  for name in "${names[@]}"; do
    fuzz_one "$name" "$seconds"
  done
}

# New inputs go to build-fuzz/; fuzz/corpus/NAME holds those worth keeping.
fuzz_one() {
  local name=$1 seconds=$2 work=build-fuzz/corpus/$1 seeds=()
  mkdir -p "$work" "build-fuzz/crashes"
  [ -d "fuzz/corpus/$name" ] && seeds=("fuzz/corpus/$name")
  headline "fuzzing $name for $seconds s"
  run_step "fuzzing $name (the input that failed is in build-fuzz/crashes/)" \
    "build-fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build-fuzz/crashes/$name-" "$work" ${seeds[@]+"${seeds[@]}"}
}
