#!/usr/bin/env bash
# run.sh PROGRAM ours_first|ours_last WORK: runs PROGRAM beside `openssl s_server` on loopback.
set -euo pipefail
program=$1 order=$2 work=$3

# Does the program have the order that it is there for?
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
position() { printf '%s\n' "$needed" | grep -n "^$1" | cut -d: -f1 | head -1; }
ours=$(position libforgepool) ssl=$(position libssl) pq=$(position libpq) curl=$(position libcurl)
[ -n "$ours" ] && [ -n "$ssl" ] && [ -n "$pq" ] && [ -n "$curl" ] || { echo "not linked with all four:"; echo "$needed"; exit 1; }
case $order in
  ours_first) [ "$ours" -lt "$pq" ] && [ "$ours" -lt "$curl" ] && [ "$ours" -lt "$ssl" ] ;;
  ours_last) [ "$ours" -gt "$pq" ] && [ "$ours" -gt "$curl" ] && [ "$ours" -gt "$ssl" ] ;;
esac || { echo "linked in another order than $order:"; echo "$needed"; exit 1; }

rm -rf "$work"
mkdir -p "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$work/key.pem" -out "$work/certificate.pem" 2>"$work/req.log" || { cat "$work/req.log"; exit 1; }

openssl s_server -accept 127.0.0.1:0 -www -cert "$work/certificate.pem" -key "$work/key.pem" </dev/null >"$work/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
port=
for _ in $(seq 200); do
  port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/server.log" | head -1)
  [ -z "$port" ] || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.05
done
[ -n "$port" ] || { echo "openssl s_server does not listen:"; cat "$work/server.log"; exit 1; }

timeout 100 "$program" "$port" "$work/certificate.pem" "$work/key.pem"
