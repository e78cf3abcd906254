# shellcheck shell=bash
# What every part of ./dev uses: messages, options, steps that name the command to run by hand, memory.

cache=${THRONG_CACHE:-$HOME/.cache/throng}
logs=$cache/logs
assume_yes=no
arguments=()
background_processes=()

say() { printf '%s\n' "$*"; }
headline() { printf '\n== %s (%s)\n' "$*" "$(elapsed)"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Time since ./dev started: "75 s".
elapsed() { printf '%d s' "$((SECONDS - started_at))"; }

# A command as it can be pasted into a shell.
quoted() {
  local word text=''
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./=:,@%+-]* | '') text+=" $(printf '%q' "$word")" ;;
      *) text+=" $word" ;;
    esac
  done
  printf '%s' "${text# }"
}

# run_step WHAT COMMAND...: runs it in the open; when it fails, says how to run it by hand and stops.
run_step() {
  local what=$1
  shift
  "$@" && return 0
  die "$what failed. By hand, in $throng_root:
  $(quoted "$@")"
}

# run_quietly WHAT LOG COMMAND...: on a terminal as run_step; else output goes to a log that is shown on failure.
run_quietly() {
  local what=$1 log=$logs/$2
  shift 2
  if [ -t 1 ]; then
    run_step "$what" "$@"
    return
  fi
  mkdir -p "$logs"
  "$@" >"$log" 2>&1 </dev/null && return 0
  tail -n 30 "$log" >&2
  die "$what failed (all of its output: $log). By hand, in $throng_root:
  $(quoted "$@")"
}

# Ends what this run left in the background.
clean_up() {
  local process
  for process in ${background_processes[@]+"${background_processes[@]}"}; do
    kill -TERM "$process" 2>/dev/null
  done
}

parse_options() {
  local word
  for word in "$@"; do
    case $word in
      -y | --yes) assume_yes=yes ;;
      *) arguments+=("$word") ;;
    esac
  done
}

# Memory that may be used, in MB: what the system has free, less where a container's limit is lower.
free_memory_mb() {
  local free limit used
  free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  if [ -r /sys/fs/cgroup/memory.max ] && [ "$(</sys/fs/cgroup/memory.max)" != max ]; then
    limit=$(</sys/fs/cgroup/memory.max)
    used=$(</sys/fs/cgroup/memory.current)
    limit=$(((limit - used) / 1048576))
    [ "$limit" -lt "$free" ] && free=$limit
  fi
  printf '%d' "$free"
}

# How many files to compile at a time: one per core, and 2 GB of free memory for each.
compile_jobs() {
  local jobs by_memory
  if [ -n "${THRONG_JOBS:-}" ]; then
    printf '%d' "$THRONG_JOBS"
    return
  fi
  jobs=$(nproc)
  by_memory=$(($(free_memory_mb) / 2000))
  [ "$by_memory" -lt "$jobs" ] && jobs=$by_memory
  [ "$jobs" -lt 1 ] && jobs=1
  printf '%d' "$jobs"
}
