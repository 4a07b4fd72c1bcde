#!/usr/bin/env bash
# run.sh quicgo|gtlsclient WORK: starts a hub on loopback and asks it for /healthz and /checkpoint, with and without the right
# certificate. Exit status 77: the client is not installed.
set -euo pipefail
client=$1 work=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
die() { printf 'FAILED: %s\n' "$*"; [ ! -e "$work/hub.log" ] || sed 's/^/  hub: /' "$work/hub.log"; exit 1; }

rm -rf "$work/run"
mkdir -p "$work/run"

# --- the client: get FOLDER PATH FILE asks with the credentials in FOLDER ("" for none) and leaves the body in FILE ---------------

case $client in
  quicgo)
    { [ -n "${GO:-}" ] && [ -x "$GO" ]; } || skip "Go is not installed"
    [ -d /usr/share/gocode/src/github.com/quic-go/quic-go ] || skip "quic-go is not installed (golang-github-lucas-clemente-quic-go-dev 0.40 or later)"
    # Debian's packages are the GOPATH: nothing is fetched.
    if [ ! -x "$work/h3get" ] || [ "$here/h3get.go" -nt "$work/h3get" ]; then
      GO111MODULE=off GOPATH=/usr/share/gocode GOPROXY=off GOFLAGS="" CGO_ENABLED=0 GOCACHE=$work/go-cache HOME=$work \
        "$GO" build -o "$work/h3get" "$here/h3get.go" || die "h3get.go does not build"
    fi
    get() {
      local credentials=()
      [ -z "$1" ] || credentials=(-cert "$1/node.pem" -key "$1/node-1.key")
      timeout 40 "$work/h3get" "${credentials[@]}" -ca "$work/run/data/identity/ca-1.pem" -pin "$(head -n 1 "$work/run/data/operator/hub.pin")" \
        -out "$3" "https://127.0.0.1:$port$2"
    } ;;
  gtlsclient)
    { [ -n "${GTLSCLIENT:-}" ] && [ -x "$GTLSCLIENT" ]; } || skip "gtlsclient is not installed (package ngtcp2-client)"
    # It ends with 0 whatever happens, so the body decides. It does not check who the server is, either.
    get() {
      local credentials=() folder
      [ -z "$1" ] || credentials=(--cert="$1/node.pem" --key="$1/node-1.key")
      folder=$(mktemp -d "$work/run/download.XXXXXX")
      timeout 40 "$GTLSCLIENT" --quiet --no-quic-dump --no-http-dump --exit-on-all-streams-close --handshake-timeout=10s --timeout=10s \
        "${credentials[@]}" --download="$folder" 127.0.0.1 "$port" "https://127.0.0.1:$port$2" >"$work/run/client.log" 2>&1 || true
      [ -s "$folder/$(basename "$2")" ] || return 1
      mv "$folder/$(basename "$2")" "$3"
    } ;;
  *) die "which client is $client?" ;;
esac

# --- the hub ---------------------------------------------------------------------------------------------------------

"$FORGEPOOL_PROGRAM" hub init --data "$work/run/data" --trust-domain http3.example >"$work/run/init.log" 2>&1 || die "hub init: $(cat "$work/run/init.log")"
"$FORGEPOOL_PROGRAM" hub init --data "$work/run/other" --trust-domain http3.example >"$work/run/init.log" 2>&1 || die "hub init: $(cat "$work/run/init.log")"
"$FORGEPOOL_HUB_PROGRAM" --data "$work/run/data" --port 0 --enrol-port 0 --port-file "$work/run/ports" --verbose 2>"$work/hub.log" &
hub=$!
trap 'kill "$hub" 2>/dev/null || true; wait "$hub" 2>/dev/null || true' EXIT
for _ in $(seq 400); do
  [ ! -s "$work/run/ports" ] || break
  kill -0 "$hub" 2>/dev/null || die "the hub ended at once"
  sleep 0.05
done
read -r port _ <"$work/run/ports" || die "the hub does not listen"

# --- what must hold --------------------------------------------------------------------------------------------------

operator=$work/run/data/operator
stranger=$work/run/other/operator

get "$operator" /healthz "$work/run/healthz" || die "no /healthz over mutual TLS with $client"
[ -s "$work/run/healthz" ] || die "/healthz is empty"
echo "ok: /healthz: $(head -c 200 "$work/run/healthz")"

get "$operator" /checkpoint "$work/run/checkpoint" || die "no /checkpoint over mutual TLS with $client"
# C2SP tlog-checkpoint: origin, size, root hash, empty line, signatures.
[ "$(sed -n 1p "$work/run/checkpoint" | grep -c http3.example)" = 1 ] || die "the checkpoint's origin does not name the pool: $(cat "$work/run/checkpoint")"
sed -n 2p "$work/run/checkpoint" | grep -Eqx '[0-9]+' || die "the checkpoint has no size: $(cat "$work/run/checkpoint")"
[ "$(sed -n 3p "$work/run/checkpoint" | base64 -d | wc -c)" = 32 ] || die "the checkpoint has no root hash"
[ -z "$(sed -n 4p "$work/run/checkpoint")" ] || die "the checkpoint's text does not end with an empty line"
sed -n 5p "$work/run/checkpoint" | grep -q '^— ' || die "the checkpoint is not signed"
echo "ok: /checkpoint of $(sed -n 1p "$work/run/checkpoint"), size $(sed -n 2p "$work/run/checkpoint")"

if get "" /healthz "$work/run/refused"; then die "a peer without a certificate got $(cat "$work/run/refused")"; fi
echo "ok: a peer without a certificate gets nothing"
if get "$stranger" /healthz "$work/run/refused"; then die "a peer of another pool of the same name got $(cat "$work/run/refused")"; fi
echo "ok: a peer of another pool gets nothing"

kill -0 "$hub" || die "the hub has ended"
get "$operator" /healthz "$work/run/again" || die "no answer after the refusals"
grep -qi 'refus' "$work/hub.log" || die "the hub logged no refusal"
sed -n 's/^/  hub: /; /[Rr]efus/p' "$work/hub.log" | head -4
echo "$client agrees"
