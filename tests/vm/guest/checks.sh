# Sourced by machine.sh. Each check has a line "check NAME: EXIT CODE" after what it printed.
export FORGEPOOL_SANDBOXEES=/tests/sandboxees LD_LIBRARY_PATH=/lib

# in_group GROUP COMMAND…: as root. as_user GROUP COMMAND…: as user 1000. Both in a group, or, where an agent was before, in the leaf that
# it has moved into: with controllers handed down, a group takes no processes any more.
in_group() {
  local group=$groups/$1; shift
  if [ -e $group/forgepool-agent ]; then group=$group/forgepool-agent; fi
  sh -c 'echo $$ >"$1/cgroup.procs" || exit 125; shift; exec "$@"' sh $group "$@"
}
as_user() {
  local group=$1; shift
  in_group $group su -s /bin/sh agent -c "exec $*"
}

# check NAME COMMAND…
check() {
  local name=$1 status; shift
  echo "--- $name (after $(cut -d' ' -f1 /proc/uptime) s)"
  "$@"
  status=$?
  echo "check $name: $status"
}

# says PATTERN COMMAND…: whether it does, whatever it ends with.
says() {
  local pattern=$1; shift
  "$@" >/tmp/said 2>&1
  cat /tmp/said
  grep -q -- "$pattern" /tmp/said
}

# What doctor makes of groups that cannot be used, and of two agents that start in one at the same moment.
group_of_user() {
  mkdir "$groups/$1"
  chown 1000:1000 "$groups/$1" "$groups/$1/cgroup.procs" "$groups/$1/cgroup.subtree_control"
}
doctor_of_bare_group() {
  mkdir "$groups/bare"
  group_of_user bare/user
  says "NO .*not handed down to the group $groups/bare/user" as_user bare/user /tests/forgepool sandbox doctor &&
    grep -q "systemd-run --user --scope -p Delegate=yes" /tmp/said && ! grep -q "mount -t cgroup" /tmp/said
}
doctor_of_crowded_group() {
  group_of_user crowded
  sleep 1000 &
  echo $! >$groups/crowded/cgroup.procs
  says "NO .*others live in $groups/crowded: $! (sleep)" as_user crowded /tests/forgepool sandbox doctor &&
    [ ! -e $groups/crowded/forgepool-agent ] && ! grep -q "as root" /tmp/said
}
doctor_of_read_only_group() {
  mkdir $groups/read-only
  says "NO .*the cgroup file system is read-only" \
    in_group read-only unshare -m sh -c "mount -o remount,bind,ro $groups && exec /tests/forgepool sandbox doctor" && grep -q "remount,rw" /tmp/said
}
doctor_of_others_group() {
  mkdir $groups/others
  says "NO .*$groups/others is not this user's" as_user others /tests/forgepool sandbox doctor && grep -q "delegated" /tmp/said
}
twin() {
  sh -c 'echo $$ >"$1/cgroup.procs" || exit 125; while [ ! -e /tmp/start ]; do :; done; exec su -s /bin/sh agent -c "exec /tests/probe level"' sh $groups/twins
}
twin_agents() {
  group_of_user twins
  twin >/tmp/twin-1 2>&1 &
  local first=$!
  twin >/tmp/twin-2 2>&1 &
  local second=$!
  while [ "$(wc -l <$groups/twins/cgroup.procs)" != 2 ]; do :; done
  : >/tmp/start
  wait $first $second
  cat /tmp/twin-1 /tmp/twin-2
  [ "$(cat /tmp/twin-1 /tmp/twin-2 | grep -cx 'level full')" = 2 ]
}

uname -rm
check "bare group" doctor_of_bare_group
check "crowded group" doctor_of_crowded_group
check "read-only group" doctor_of_read_only_group
check "others' group" doctor_of_others_group
check "twin agents" twin_agents
for who in root delegated; do
  if [ $who = root ]; then within="in_group service"; else within="as_user user"; fi
  check "doctor $who" $within /tests/forgepool sandbox doctor
  check "answers $who" $within /tests/probe answers
  check "renewals $who" $within /tests/probe renewals
  check "hostile $who" $within /tests/hostile --colour-mode none [hostile]
  check "determinism $who" $within /tests/determinism --colour-mode none ~[as-root]
done
check "other hostile tests" in_group service /tests/hostile --colour-mode none ~[hostile]~[as-root]~[unprivileged]
