# shellcheck shell=bash
# ./dev demo: from a bare system to answers. The server and ONNX come first; the larger frameworks join.

server_start_seconds=20
server_stop_seconds=40

command_demo() {
  local wrong=() name
  plan_packages build
  plan_frameworks "${all_frameworks[@]}"
  plan_build no
  plan_show_and_ask
  stage_front
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
  demo_finish ${wrong[@]+"${wrong[@]}"}
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
  local words=(build/bin/throng serve examples/models --http-port 0 --grpc-port 0 --metrics-port 0 --ports-file "$ports")
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

# demo_finish WRONG...: on a terminal keeps serving until Ctrl-C; stops the server; fails when a reply was wrong.
demo_finish() {
  say ''
  if [ $# -gt 0 ]; then
    warn "wrong or missing: $*. The server's log: $demo_log"
  else
    say "All replies are right ($(elapsed)). Ports: http $demo_http_port."
    if [ -t 0 ]; then
      say 'Serving until Ctrl-C.'
      trap 'say ""' INT
      wait "$demo_server"
      trap 'exit 130' INT
    fi
  fi
  demo_stop_server
  [ $# -eq 0 ] || exit 1
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
