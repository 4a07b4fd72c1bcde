# The machine: file systems as on today's distributions (cgroup v2 alone, with nsdelegate), a service's group for root, a group that
# is delegated to user 1000. Then the checks, whose results go to the second serial port, and off.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 -o nsdelegate none /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
ip link set lo up

stty -F /dev/ttyS1 raw
exec >/dev/ttyS1 2>&1 </dev/null

groups=/sys/fs/cgroup
echo "+memory +pids" >$groups/cgroup.subtree_control
mkdir $groups/service $groups/user
chown 1000:1000 $groups/user $groups/user/cgroup.procs $groups/user/cgroup.subtree_control $groups/user/cgroup.threads

. /guest/checks.sh
echo "end of checks"
sync
poweroff -f
