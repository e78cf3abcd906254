# shellcheck shell=bash
# The frameworks: where they are, whether they are there, how they get there (tools/setup/fetch_framework.py).
# Their versions and hashes are in requirements/NAME.txt.

all_frameworks=(onnxruntime torch tensorflow)

# framework_field NAME FIELD; MB as measured for the pinned versions.
framework_field() {
  case $1.$2 in
    onnxruntime.title) printf 'ONNX Runtime' ;;
    onnxruntime.runner) printf 'onnx' ;;
    onnxruntime.download_mb) printf 21 ;; # with the pinned pip
    onnxruntime.disk_mb) printf 26 ;;
    torch.title) printf 'LibTorch' ;;
    torch.runner) printf 'torch' ;;
    torch.download_mb) printf 553 ;;
    torch.disk_mb) printf 502 ;;
    tensorflow.title) printf 'TensorFlow' ;;
    tensorflow.runner) printf 'tensorflow' ;;
    tensorflow.download_mb) printf 274 ;;
    tensorflow.disk_mb) printf 814 ;;
    *) die "no such field of a framework: $1 $2" ;;
  esac
}

framework_version() {
  sed -nE 's/^[a-z-]+==([0-9.]+).*/\1/p' "$throng_root/requirements/$1.txt" | head -n 1
}

# The folder given in THRONG_<NAME>_ROOT; empty when none is.
framework_override() {
  local variable
  variable=THRONG_$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]')_ROOT
  printf '%s' "${!variable:-}"
}

# The folder that CMake gets: lib/ and, for all but ONNX Runtime, include/.
framework_root() {
  local override
  override=$(framework_override "$1")
  printf '%s' "${override:-$cache/$1-$(framework_version "$1")}"
}

# True when it can be built with: an own build is there, or the pinned wheels are unpacked.
framework_ready() {
  local override stamp
  override=$(framework_override "$1")
  if [ -n "$override" ]; then
    [ -d "$override/lib" ]
    return
  fi
  stamp=$(framework_root "$1")/.complete
  [ -r "$stamp" ] && [ "$(<"$stamp")" = "$(<"$throng_root/requirements/$1.txt")" ]
}

# True when ./dev has to fetch it.
framework_missing() { [ -z "$(framework_override "$1")" ] && ! framework_ready "$1"; }

# The -D words for CMake. A root that is not there (yet) leaves its runner out.
framework_cmake_arguments() {
  local name
  for name in "${all_frameworks[@]}"; do
    printf '%s\n' "-D$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')_ROOT=$(framework_root "$name")"
  done
}

# start_fetch NAME...: fetches those missing, one after the other, in the background; wait_for_framework joins.
start_fetch() {
  local name missing=()
  for name in "$@"; do
    framework_missing "$name" && missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  set -- "${missing[@]}"
  mkdir -p "$logs"
  fetch_log=$logs/fetch.log
  fetch_command=(python3 tools/setup/fetch_framework.py "$cache" "$@")
  "${fetch_command[@]}" >"$fetch_log" 2>&1 </dev/null &
  fetch_process=$!
  background_processes+=("$fetch_process")
  say "fetching in the background: $* (log: $fetch_log)"
}

# "torch-2.15.0: 163 of 539 MB", or the log's last line.
fetch_progress() {
  awk '
    /Downloading|Resuming download/ { file = $0; sub(/.*(Downloading|download) /, "", file); sub(/-cp3.*|-py3.*/, "", file) }
    /: ready in|Saved |Successfully|Looking in/ { next }
    /^Progress/ { text = sprintf("%s: %d of %d MB", file, $2 / 1e6, $4 / 1e6); next }
    NF { text = $0 }
    END { print text }' "$fetch_log" 2>/dev/null | cut -c 1-100
}

# Waits until NAME is unpacked, showing the progress; false when the fetching ended without it.
wait_for_framework() {
  local name=$1 shown='' ticks=0 progress
  framework_missing "$name" || return 0
  while ! framework_ready "$name"; do
    if ! kill -0 "$fetch_process" 2>/dev/null; then
      framework_ready "$name" && break
      tail -n 15 "$fetch_log" >&2
      warn "fetching $name failed (log: $fetch_log). By hand, in $throng_root: $(quoted "${fetch_command[@]}")"
      return 1
    fi
    progress=$(fetch_progress)
    if [ -t 1 ]; then
      printf '\r\033[K%s' "$progress"
      shown=yes
    elif [ $((++ticks % 20)) = 0 ] && [ -n "$progress" ]; then
      say "$progress"
    fi
    sleep 0.5
  done
  [ -z "$shown" ] || printf '\r\033[K'
  say "$(framework_field "$name" title) $(framework_version "$name") is there ($(elapsed))"
}
