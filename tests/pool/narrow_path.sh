#!/usr/bin/env bash
# narrow_path.sh PROGRAMS PACKAGES WORD_COUNT: a hub and an agent at the two ends of a path that becomes narrower while they are
# connected. In network namespaces of its own, which only root may make.
set -euo pipefail
programs=$1 packages=$2 word_count=$3
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "only root may make network namespaces"
for tool in ip unshare nsenter; do command -v "$tool" >/dev/null || skip "there is no $tool here"; done

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
die() { echo "FAILED: $*"; tail -n 20 "$work"/*.log | sed 's/^/  /'; exit 1; }

# Two namespaces, each held by a process, and a cable between them.
unshare -n sleep 300 & hub_end=$!
unshare -n sleep 300 & agent_end=$!
pids=("$hub_end" "$agent_end")
for pid in "${pids[@]}"; do
  for _ in $(seq 1 200); do [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break; read -rt 0.05 <> <(:) || true; done
  [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] || skip "this machine makes no network namespaces"
done
at() { nsenter -t "$1" -n "${@:2}"; }
at "$hub_end" ip link add narrow0 type veth peer name narrow1 netns "$agent_end" 2>"$work/veth.log" || skip "no veth devices here: $(cat "$work/veth.log")"
at "$hub_end" ip addr add 10.99.0.1/24 dev narrow0; at "$agent_end" ip addr add 10.99.0.2/24 dev narrow1
for end in "$hub_end:narrow0" "$agent_end:narrow1"; do at "${end%:*}" ip link set lo up; at "${end%:*}" ip link set "${end#*:}" up; done

forgepool() { at "$hub_end" timeout 60 "$programs/forgepool" --hub 10.99.0.1:4433 --credentials "$work/hub/operator" "$@"; }
at "$hub_end" "$programs/forgepool" hub init --data "$work/hub" --trust-domain narrow.example >"$work/init.log"
nsenter -t "$hub_end" -n "$programs/forgepool-hub" --data "$work/hub" --address 10.99.0.1 --adapter "$packages/exec-1.fpa" --port-file "$work/ports" >"$work/hub.log" 2>&1 &
pids+=($!)
timeout 60 bash -c "until [ -s '$work/ports' ]; do read -rt 0.1 <> <(:) || true; done" || die "the hub does not listen"
at "$agent_end" timeout 60 "$programs/forgepool" --hub 10.99.0.1:4434 agent enroll --join "$(forgepool hub invite)" --output "$work/agent" >"$work/enrol.log" 2>&1 || die "enrolment"
nsenter -t "$agent_end" -n "$programs/forgepool-agent" --credentials "$work/agent" --hub 10.99.0.1:4433 --slots 1 --allow-sandbox-level namespaces >"$work/agent.log" 2>&1 &
pids+=($!)

# job NAME: an input of 3 MiB, which the agent fetches.
job() {
  { echo "$1"; head -c 3145728 /dev/zero | tr '\0' 'x'; } >"$work/$1.txt"
  cat >"$work/$1.json" <<END
{"op": {"name": "exec", "version": "1", "profile": "run.v1"},
 "args": {"program": "$(forgepool digest "$word_count")", "items": ["$(forgepool digest "$work/$1.txt")"]},
 "policy": {"verify": "none", "timeout_ms": 50000}}
END
  forgepool submit "$work/$1.json" --input "$word_count" --input "$work/$1.txt" --wait >"$work/$1.log" 2>&1 || die "the job $1"
}

job wide
# The hub's end is narrower: what it sends is refused by its own system, and what the agent sends vanishes on the way.
at "$hub_end" ip link set narrow0 mtu 1280
job narrow
at "$agent_end" ip link set narrow1 mtu 1280
job narrow-at-both-ends
grep -q 'hub_lost' "$work/agent.log" && die "the connection did not last"
echo "the connection lasted over a path of 1500, then 1280 bytes"
