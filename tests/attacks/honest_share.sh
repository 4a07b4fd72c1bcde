#!/usr/bin/env bash
# honest_share.sh BUILD [ROUNDS]: how much of a pool's throughput is left while a stranger floods its hub. Rounds with and without
# the flood take turns in one run; the medians are compared. The last line is one JSON object.
set -euo pipefail
build=$1 rounds=${2:-3} shards=${FORGEPOOL_SHARDS:-2000}
work=$(mktemp -d)
started=()
finish() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
cli=$build/examples/forgepool

"$cli" hub init --data "$work/hub" --trust-domain flooded.example >/dev/null
"$build/examples/forgepool-hub" --data "$work/hub" --adapter "$build/adapters/noop-1.fpa" --port 0 --enrol-port 0 --port-file "$work/ports" 2>"$work/hub.log" &
started+=($!)
for _ in $(seq 200); do [ -s "$work/ports" ] && break; sleep 0.05; done
read -r port enrol _ <"$work/ports"
printf '{"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":%s},"policy":{"verify":"none","timeout_ms":300000}}' "$shards" >"$work/job.json"
for i in 1 2; do
  token=$("$cli" --hub "127.0.0.1:$port" --credentials "$work/hub/operator" hub invite)
  "$cli" --hub "127.0.0.1:$enrol" agent enroll --join "$token" --output "$work/agent$i" >/dev/null
  "$build/examples/forgepool-agent" --hub "127.0.0.1:$port" --credentials "$work/agent$i" --allow-sandbox-level namespaces 2>"$work/agent$i.log" &
  started+=($!)
done
job() { local start=$EPOCHREALTIME; "$cli" --hub "127.0.0.1:$port" --credentials "$work/hub/operator" submit --wait "$work/job.json" >/dev/null; awk -v a="$start" -v b="$EPOCHREALTIME" -v n="$shards" 'BEGIN {printf "%.1f\n", n / (b - a)}'; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
job >/dev/null
for _ in $(seq "$rounds"); do
  job >>"$work/quiet"
  "$build/tests/attacks/attack_flood" "$port" "$enrol" 600 >/dev/null & flood=$!
  job >>"$work/flooded"
  kill "$flood"; wait "$flood" 2>/dev/null || true
done
quiet=$(median <"$work/quiet") flooded=$(median <"$work/flooded")
printf 'shards per second: %s undisturbed, %s while flooded\n' "$quiet" "$flooded"
awk -v q="$quiet" -v f="$flooded" 'BEGIN {printf "{\"honest_share\":%.2f}\n", f / q}'
