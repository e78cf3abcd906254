# shellcheck shell=bash
# Which systems ./dev works on. Sourced by ./dev before anything else; plain syntax on purpose.

# "Debian GNU/Linux 12 (bookworm)", or what uname says.
platform_name() {
  local name=
  [ -r /etc/os-release ] && name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-${ID:-} ${VERSION_ID:-}}")
  printf '%s, %s' "${name:-$(uname -s) $(uname -r)}" "$(uname -m)"
}

# "tested", "untested" or "unsupported".
platform_verdict() {
  local id='' version=''
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  case "$(uname -s) $(uname -m) $id $version" in
    'Linux x86_64 debian 12') printf tested ;;
    'Linux x86_64 debian '* | 'Linux x86_64 ubuntu '*) printf untested ;;
    *) printf unsupported ;;
  esac
}

require_platform() {
  case $(platform_verdict) in
    tested) return 0 ;;
    untested)
      printf 'note: %s is untested (Debian 12, x86-64 is what the tests run on); going on\n' "$(platform_name)" >&2
      return 0
      ;;
    *)
      printf 'error: Throng builds on Debian 12, x86-64; this is %s.\n' "$(platform_name)" >&2
      printf 'Use the Dockerfile: docker build -t throng . && docker run --rm -p 8000:8000 throng\n' >&2
      return 1
      ;;
  esac
}
