#!/usr/bin/env bash
# The main job, end to end and for real: a hub and three agents as processes of their own over loopback QUIC, one of the agents
# cheating; an insurance simulation of 10,000,000 years verified by duplication; the evidence checked offline; a shard replayed.
# Runs the job twice and compares the results.
#
#   examples/quickstart.sh            sets up (Debian packages), builds, runs
#   BUILD_DIR=… examples/quickstart.sh   uses programs that are built already
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

if [ -z "${BUILD_DIR:-}" ]; then
  say "Setting up and building (the first time takes a few minutes)"
  ./cmake/setup-debian.sh --build
  export CCACHE_NOHASHDIR=1
  BUILD_DIR=$PWD/build/quickstart
  [ -e "$BUILD_DIR/build.ninja" ] ||
    cmake -G Ninja -B "$BUILD_DIR" -DCMAKE_BUILD_TYPE=Release -DFORGEPOOL_BUILD_TESTS=OFF >/dev/null
  cmake --build "$BUILD_DIR"
fi
bin=$BUILD_DIR/examples adapters=$BUILD_DIR/adapters
forgepool=$bin/forgepool

work=$(mktemp -d)
pids=()
stop_all() {
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# An agent that cannot limit memory and processes of a whole group (no cgroups for this user) says so; here we allow it.
level=full
if [ "$(id -u)" != 0 ]; then level=namespaces; fi

started=$SECONDS
say "A new pool: trust domain, CA, keys"
"$forgepool" hub init --data "$work/hub" --trust-domain quickstart.pool
export FORGEPOOL_CREDENTIALS=$work/hub/operator

say "The hub"
"$bin/forgepool-hub" --data "$work/hub" --port 0 --enrol-port 0 --port-file "$work/ports" --adapter "$adapters/mc-1.fpa" 2>"$work/hub.log" &
pids+=($!)
for _ in $(seq 100); do [ -s "$work/ports" ] && break; kill -0 "${pids[0]}" 2>/dev/null || { cat "$work/hub.log"; exit 1; }; sleep 0.1; done
read -r port enrol_port <"$work/ports"
export FORGEPOOL_HUB=127.0.0.1:$port
echo "listening on $FORGEPOOL_HUB, enrolment on port $enrol_port"

start_agent() { # NAME [option…]
  local name=$1; shift
  local token
  token=$("$forgepool" hub invite)
  "$forgepool" --hub "127.0.0.1:$enrol_port" agent enroll --join "$token" --output "$work/$name"
  "$bin/forgepool-agent" --credentials "$work/$name" --hub "$FORGEPOOL_HUB" --slots 1 --shards-per-lease 4 --allow-sandbox-level "$level" "$@" \
    2>"$work/$name.log" &
  pids+=($!)
}

say "Three agents, each with a one-time join token; the third one cheats"
start_agent agent-1
start_agent agent-2
start_agent agent-3 --fault corrupt-result

say "The job: 10,000,000 simulated years, every shard computed by two agents"
"$forgepool" submit examples/contracts/insurance.json --wait | tee "$work/first.txt"
job=$(sed -n 's/^job \([^:]*\): done$/\1/p' "$work/first.txt")
[ -n "$job" ] || { echo "the job did not finish; logs of hub and agents:"; tail -n 20 "$work"/*.log; exit 1; }

say "The cheating agent, with the evidence"
"$forgepool" hub agents
"$forgepool" explain "$job" >"$work/explain.txt"
grep -m 1 -A 4 '^  shard ' "$work/explain.txt"

say "The evidence, fetched, and checked offline against the trusted root alone"
"$forgepool" bundle "$job" --output "$work/bundle.json"
"$forgepool" verify "$work/bundle.json" --root "$work/hub/identity/root.json"

say "One shard replayed here, in our own sandbox"
"$forgepool" replay "$work/bundle.json" --shard 7 --allow-sandbox-level "$level"

say "A second run gives the same bytes"
"$forgepool" result "$job" --output "$work/result-1.json"
second=$("$forgepool" submit examples/contracts/insurance.json)
"$forgepool" wait "$second" >/dev/null
"$forgepool" result "$second" --output "$work/result-2.json"
cmp "$work/result-1.json" "$work/result-2.json"
echo "identical: sha256 $(sha256sum "$work/result-1.json" | cut -d' ' -f1)"

grep -q 'caught: agent' "$work/first.txt" || { echo "the cheating agent was not caught"; exit 1; }
say "Done in $((SECONDS - started)) s"
