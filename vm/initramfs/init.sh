#!/bin/busybox sh
# PID 1 of the guest: mounts what the agent needs, finds the results port, runs the agent, leaves.
# It stays PID 1 so that an agent that dies is told apart from a kernel that panics, and orphans are reaped.
# Lines that start with "iomapfuzz-init:" are read by vm/qemu/classify.ts.
/bin/busybox --install -s /bin
# What somebody brought along comes before busybox's own.
export PATH=/usr/local/bin:/bin:/sbin:/usr/bin:/usr/sbin HOME=/root

fail() {
  echo "iomapfuzz-init: $1"
  reboot -f
}

# Bring-your-own kernels may lack any of these; the agent reports what is there.
try_mount() { mkdir -p "$3" 2>/dev/null; mount -t "$1" "$2" "$3" 2>/dev/null; }

try_mount proc proc /proc || fail 'no-proc: the kernel has no procfs (CONFIG_PROC_FS)'
try_mount sysfs sysfs /sys || fail 'no-sysfs: the kernel has no sysfs (CONFIG_SYSFS)'
try_mount devtmpfs dev /dev || fail 'no-devtmpfs: the kernel has no devtmpfs (CONFIG_DEVTMPFS)'

# In dependency order, as vm/initramfs/modules.ts wrote them; a module that is built in or that finds no device is no failure.
if [ -f /iomapfuzz/modules.list ]; then
  while read -r module; do
    insmod "$module" || echo "iomapfuzz-init: module-failed: $module"
  done < /iomapfuzz/modules.list
fi

try_mount tmpfs tmp /tmp || fail 'no-tmpfs: the kernel has no tmpfs (CONFIG_TMPFS, CONFIG_SHMEM)'
try_mount tmpfs run /run
try_mount tmpfs shm /dev/shm
try_mount devpts devpts /dev/pts
try_mount tracefs tracefs /sys/kernel/tracing
try_mount debugfs debugfs /sys/kernel/debug
try_mount fusectl fusectl /sys/fs/fuse/connections
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ulimit -n 65536 2>/dev/null

# A warning or a stall is reported and the guest goes on (vm/kernel/command-line.ts says why); an oops ends it, with its log on the console.
set_kernel() { [ ! -e "/proc/sys/kernel/$1" ] || echo "$2" > "/proc/sys/kernel/$1"; }
for name in panic_on_warn hung_task_panic softlockup_panic hardlockup_panic panic_on_rcu_stall; do
  set_kernel $name 0 2>/dev/null
done
set_kernel panic_on_oops 1 2>/dev/null
set_kernel panic -1 2>/dev/null
# The host sends an NMI to a guest that is locked up, whose panic then says where. The machines have no port 0x61, which reads as a system error.
set_kernel unknown_nmi_panic 1 2>/dev/null
set_kernel panic_on_unrecovered_nmi 1 2>/dev/null

# The port's name arrives in a message of its own after the device was probed (drivers/char/virtio_console.c,
# VIRTIO_CONSOLE_PORT_NAME), so that it can be missing for a moment.
port=
tries=0
while [ -z "$port" ] && [ $tries -lt 100 ]; do
  for name in /sys/class/virtio-ports/*/name; do
    [ -r "$name" ] && [ "$(cat "$name")" = iomapfuzz ] && port=/dev/$(basename "$(dirname "$name")")
  done
  [ -n "$port" ] || sleep 0.05
  tries=$((tries + 1))
done
[ -n "$port" ] || fail 'no-results-port: the kernel shows no virtio-serial port (CONFIG_VIRTIO_CONSOLE and the virtio transport)'

cd /
node /iomapfuzz/agent.cjs "$port" < /dev/null
fail "agent-ended: exit code $?"
