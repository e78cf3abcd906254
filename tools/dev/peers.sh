# shellcheck shell=bash
# Real clients and servers that tests talk to: kubectl, vegeta, storage servers. They are built once, into
# the cache; a test whose peer is not there is skipped and says so. kubectl 1.20 is fetched by ./dev test.

peers_bin() { printf '%s/peers/bin' "$cache"; }

# Debian's own kubectl (1.20), unpacked without installing it. Quiet when it is there already.
fetch_kubectl_120() {
  local bin work
  bin=$(peers_bin)
  [ -x "$bin/kubectl-1.20" ] && return 0
  mkdir -p "$bin" "$logs"
  work=$(mktemp -d "${TMPDIR:-/tmp}/throng-kubectl.XXXXXX") || return 1
  say 'fetching kubectl 1.20 (10 MB)'
  (cd "$work" && apt-get download -q kubernetes-client && dpkg-deb -x kubernetes-client_*.deb unpacked) \
    >"$logs/kubectl-1.20.log" 2>&1 && install -m 755 "$work/unpacked/usr/bin/kubectl" "$bin/kubectl-1.20"
  local status=$?
  rm -rf "$work"
  [ "$status" -eq 0 ] || warn "kubectl 1.20 could not be fetched (log: $logs/kubectl-1.20.log); its tests are skipped"
}

# Sets the variables of the Go tools; finds a Go that is new enough, or fetches one with Debian's.
prepare_go() {
  local wanted=go1.26.8 goroot
  export GOPATH=$cache/peers/go GOBIN GOFLAGS='-trimpath -modcacherw' CGO_ENABLED=0 GOTOOLCHAIN=local
  GOBIN=$(peers_bin)
  if command -v go >/dev/null && go version | grep -qE 'go1\.(2[6-9]|[3-9][0-9])'; then
    return 0
  fi
  goroot=$GOPATH/pkg/mod/golang.org/toolchain@v0.0.1-$wanted.linux-amd64
  if [ ! -x "$goroot/bin/go" ]; then
    install_packages golang-1.19-go
    local work
    work=$(mktemp -d "${TMPDIR:-/tmp}/throng-go.XXXXXX")
    (cd "$work" && /usr/lib/go-1.19/bin/go mod init local.test/toolchain &&
      /usr/lib/go-1.19/bin/go mod download "golang.org/toolchain@v0.0.1-$wanted.linux-amd64") >"$logs/go.log" 2>&1 ||
      die "Go $wanted could not be fetched (log: $logs/go.log)"
    rm -rf "$work"
    chmod -R +x "$goroot/bin" "$goroot/pkg/tool"
  fi
  export GOROOT=$goroot PATH=$goroot/bin:$PATH
}

# go_install NAME MODULE@VERSION
go_install() {
  [ -x "$(peers_bin)/$1" ] && { say "$1 is there"; return 0; }
  run_quietly "building $1" "peer-$1.log" nice go install -p 2 "$2"
}

# build_kubectl 34 0.34.13: kubectl of that minor version from its Go module.
build_kubectl() {
  local minor=$1 version=$2 folder target
  target=$(peers_bin)/kubectl-1.$minor
  [ -x "$target" ] && { say "kubectl-1.$minor is there"; return 0; }
  folder=$cache/peers/kubectl-1.$minor
  mkdir -p "$folder"
  cat >"$folder/go.mod" <<MODULE
module local.test/kubectl
go 1.26.0
require (
	k8s.io/kubectl v$version
	k8s.io/client-go v$version
	k8s.io/component-base v$version
)
MODULE
  cat >"$folder/main.go" <<'PROGRAM'
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
	os.Exit(0)
}
PROGRAM
  local stamp=k8s.io/component-base/version
  run_quietly "building kubectl-1.$minor" "peer-kubectl-1.$minor.log" nice bash -c "cd '$folder' && go mod tidy &&
    go build -p 2 -ldflags '-s -w -X $stamp.gitVersion=v1.$minor.${version##*.} -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor' -o '$target' ."
}

# Azurite, the emulator of Azure's blob storage, when there is an npm.
install_azurite() {
  local folder=$cache/peers/azurite
  [ -x "$(peers_bin)/azurite-blob" ] && { say 'azurite is there'; return 0; }
  command -v npm >/dev/null || { warn 'npm is not here: azurite is left out, and its tests are skipped'; return 0; }
  mkdir -p "$folder"
  run_quietly 'installing azurite' peer-azurite.log nice npm install --prefix "$folder" --no-audit --no-fund azurite@3.35.0
  ln -sfn ../azurite/node_modules/.bin/azurite-blob "$(peers_bin)/azurite-blob"
}

command_peers() {
  mkdir -p "$(peers_bin)" "$logs"
  headline 'real clients and servers for tests (about 8 minutes the first time)'
  fetch_kubectl_120
  prepare_go
  build_kubectl 34 0.34.13
  build_kubectl 37 0.37.2
  go_install vegeta github.com/tsenart/vegeta/v12@v12.13.0
  go_install versitygw github.com/versity/versitygw/cmd/versitygw@v1.8.0
  go_install fake-gcs-server github.com/fsouza/fake-gcs-server@v1.56.1
  install_azurite
  say "They are in $(peers_bin)."
}
