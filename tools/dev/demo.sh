# shellcheck shell=bash
# ./dev demo: from a bare system to answers. A server with ONNX comes first; the larger frameworks join; then
# the control plane is built, and the walk-through of docs/walkthrough.md runs.

server_start_seconds=20
server_stop_seconds=40

command_demo() {
  local wrong=() name
  plan_packages build
  plan_frameworks "${all_frameworks[@]}"
  plan_build no
  plan_show_and_ask
  stage_front throng-front
  [ -x build/libexec/throng-runner-onnx ] || die 'the ONNX runner was not built; ./dev doctor says what is missing'
  demo_start_server
  headline 'asking the ONNX models'
  python3 tools/demo/ask.py "$demo_http_port" cifar10-onnx tiny-mlp || wrong+=(onnx)
  say "First ONNX replies after $(elapsed)."
  for name in torch tensorflow; do
    [ "$(framework_override "$name")" != none ] || { say "$name is left out (its root is 'none')"; continue; }
    headline "$(framework_field "$name" title) joins"
    if stage_join "$name"; then
      # shellcheck disable=SC2046  # the models are words
      python3 tools/demo/ask.py "$demo_http_port" $(demo_models "$name") || wrong+=("$name")
    else
      wrong+=("$name")
    fi
  done
  demo_stop_server
  [ ${#wrong[@]} -eq 0 ] || die "wrong or missing: ${wrong[*]}. The server's log: $demo_log"
  say "All replies are right ($(elapsed))."
  demo_walkthrough
}

# Two models on one InferenceService. On a terminal everything stays up; else it is taken down again.
demo_walkthrough() {
  local state=$cache/demo-state
  headline 'building the control plane'
  compile build throng
  headline 'the walk-through: many models behind one InferenceService'
  for name in torch tensorflow; do
    [ "$(framework_override "$name")" = none ] && { say "$name is left out, and the walk-through needs it."; return 0; }
  done
  build/bin/throng down --state-dir "$state" >/dev/null 2>&1
  rm -rf "$state"
  python3 tools/demo/walkthrough.py "$state" ||
    { build/bin/throng down --state-dir "$state" >/dev/null 2>&1; die "the walk-through failed (logs: $state/logs)"; }
  say ''
  if [ -t 0 ]; then
    say "It stays up ($(elapsed)). What to try next:"
    say "  eval \"\$(build/bin/throng env --state-dir $state)\" && kubectl create -f examples/walkthrough/perf.yaml   # load"
    say "  build/bin/throng describe tm cifar10                                  # conditions, copies, events"
    say "  kill -9 the process that 'throng status' names, ask the ingress again, then 'throng up' again"
    say "and build/bin/throng down --state-dir $state"
  else
    run_step 'taking it down' build/bin/throng down --state-dir "$state"
    say "All right ($(elapsed))."
  fi
}

demo_models() {
  case $1 in
    torch) printf 'cifar10' ;;
    tensorflow) printf 'simple-string half-plus-two' ;;
  esac
}

# Starts the server on free ports; sets demo_server and demo_http_port.
demo_start_server() {
  local ports deadline
  headline 'serving examples/models'
  mkdir -p "$logs"
  ports=$(mktemp "${TMPDIR:-/tmp}/throng-ports.XXXXXX")
  rm -f "$ports"
  demo_log=$logs/demo-server.log
  local words=(build/bin/throng-front serve examples/models --http-port 0 --grpc-port 0 --metrics-port 0 --ports-file "$ports")
  say "\$ $(quoted "${words[@]}")    (its log: $demo_log)"
  "${words[@]}" >"$demo_log" 2>&1 </dev/null &
  demo_server=$!
  background_processes+=("$demo_server")
  deadline=$((SECONDS + server_start_seconds))
  until [ -s "$ports" ]; do
    if ! kill -0 "$demo_server" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 20 "$demo_log" >&2
      die "the server did not start. By hand: $(quoted "${words[@]}")"
    fi
    sleep 0.02
  done
  demo_http_port=$(sed -nE 's/.*"http": *([0-9]+).*/\1/p' "$ports")
  rm -f "$ports"
  [ -n "$demo_http_port" ] || die "the server's ports file names no http port"
}

demo_stop_server() {
  local deadline=$((SECONDS + server_stop_seconds)) status
  kill -TERM "$demo_server" 2>/dev/null
  while kill -0 "$demo_server" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      kill -KILL "$demo_server"
      die "the server did not stop within $server_stop_seconds s of SIGTERM (its log: $demo_log)"
    fi
    sleep 0.05
  done
  wait "$demo_server"
  status=$?
  [ "$status" -eq 0 ] || die "the server ended with status $status (its log: $demo_log)"
  say 'Server stopped.'
}
