# shellcheck shell=bash
# Real clients and servers that tests talk to: kubectl, vegeta, storage servers. They are built once, into
# the cache; a test whose peer is not there is skipped and says so. kubectl 1.20 is fetched by ./dev test.

peers_bin() { printf '%s/peers/bin' "$cache"; }

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

# A cache of modules and of compiled packages that is thrown away after one build: those of Kubernetes take
# gigabytes, and only the program is wanted.
# in_throwaway_cache NAME FOLDER COMMAND: runs COMMAND in FOLDER.
in_throwaway_cache() {
  local name=$1 folder=$2 command=$3 scratch status
  scratch=$cache/peers/scratch-$name
  rm -rf "$scratch"
  mkdir -p "$scratch"
  run_quietly "building $name" "peer-$name.log" env GOMODCACHE="$scratch/mod" GOCACHE="$scratch/build" \
    nice bash -c "cd '$folder' && $command"
  status=$?
  rm -rf "$scratch"
  return "$status"
}

# go_install NAME MODULE@VERSION
go_install() {
  [ -x "$(peers_bin)/$1" ] && { say "$1 is there"; return 0; }
  in_throwaway_cache "$1" "$cache/peers" "go install -p 2 $2"
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
  in_throwaway_cache "kubectl-1.$minor" "$folder" "go mod tidy &&
    go build -p 2 -ldflags '-s -w -X $stamp.gitVersion=v1.$minor.${version##*.} -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor' -o '$target' ."
}

# The real API server, which ours is compared with, and its controllers (garbage collection, namespaces,
# service accounts). Their module replaces the published placeholders of those that Kubernetes is made of.
build_kubernetes() {
  local version=0.33.13 folder=$cache/peers/kubernetes bin name missing=no packages=''
  local stamp=k8s.io/component-base/version
  bin=$(peers_bin)
  for name in kube-apiserver kube-controller-manager; do
    [ -x "$bin/$name" ] && say "$name is there" || missing=yes
    packages+=" k8s.io/kubernetes/cmd/$name"
  done
  [ "$missing" = yes ] || return 0
  mkdir -p "$folder"
  {
    printf 'module local.test/kube\ngo 1.24.0\n'
    for name in $packages; do printf 'tool %s\n' "$name"; done
    printf 'require k8s.io/kubernetes v1%s\n' "${version#0}"
    for name in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider \
      cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api cri-client \
      csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator \
      kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils \
      pod-security-admission sample-apiserver sample-cli-plugin sample-controller; do
      printf 'replace k8s.io/%s => k8s.io/%s v%s\n' "$name" "$name" "$version"
    done
  } >"$folder/go.mod"
  in_throwaway_cache kubernetes "$folder" "go mod tidy && go build -p 2 -ldflags '-s -w
    -X $stamp.gitVersion=v1${version#0} -X $stamp.gitMajor=1 -X $stamp.gitMinor=33
    -X $stamp.gitTreeState=clean' -o '$bin/' $packages"
}

# fetch_debian NAME PACKAGE PATH-IN-PACKAGE: one program of a Debian package, unpacked without installing it
# (no service is started, no file of another package is in the way). Quiet when it is there already.
fetch_debian() {
  local name=$1 package=$2 path=$3 bin work status
  bin=$(peers_bin)
  [ -x "$bin/$name" ] && return 0
  mkdir -p "$bin" "$logs"
  work=$(mktemp -d "${TMPDIR:-/tmp}/throng-$name.XXXXXX") || return 1
  say "fetching $name of Debian"
  (cd "$work" && apt-get download -q "$package" && dpkg-deb -x "${package}"_*.deb unpacked) \
    >"$logs/peer-$name.log" 2>&1 && install -m 755 "$work/unpacked/$path" "$bin/$name"
  status=$?
  rm -rf "$work"
  [ "$status" -eq 0 ] || warn "$name could not be fetched (log: $logs/peer-$name.log); its tests are skipped"
}

# kubectl 1.20 is the oldest that is promised to work, and ./dev test fetches it by itself.
fetch_kubectl_120() { fetch_debian kubectl-1.20 kubernetes-client usr/bin/kubectl; }

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
  headline 'real clients and servers for tests (about 15 minutes the first time; what is there is left as it is)'
  fetch_kubectl_120
  fetch_debian etcd etcd-server usr/bin/etcd
  prepare_go
  build_kubectl 34 0.34.13
  build_kubectl 37 0.37.2
  go_install vegeta github.com/tsenart/vegeta/v12@v12.13.0
  go_install versitygw github.com/versity/versitygw/cmd/versitygw@v1.8.0
  go_install fake-gcs-server github.com/fsouza/fake-gcs-server@v1.56.1
  build_kubernetes
  install_azurite
  say "They are in $(peers_bin)."
}
