// System administration that has no Node API: mounts, partitions, swap, reboot, prctl.
#include <linux/blkpg.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

// mount(source, target, type, flags, data)
static Napi::Value Mount(Info info) {
  return result(info, mount(text(info, 0).c_str(), text(info, 1).c_str(), text(info, 2).c_str(), u32(info, 3), text(info, 4).c_str()));
}
static Napi::Value Umount2(Info info) { return result(info, umount2(text(info, 0).c_str(), i32(info, 1))); }
static Napi::Value Swapon(Info info) { return result(info, swapon(text(info, 0).c_str(), i32(info, 1))); }
static Napi::Value Swapoff(Info info) { return result(info, swapoff(text(info, 0).c_str())); }
// reboot(command): RB_AUTOBOOT and its like; does not sync.
static Napi::Value Reboot(Info info) { return result(info, reboot(static_cast<int>(u32(info, 0)))); }
static Napi::Value Prctl(Info info) {
  return result(info, prctl(i32(info, 0), static_cast<unsigned long>(size(info, 1)), 0UL, 0UL, 0UL));
}
// forkHolder(): a process that does nothing but hold the files that are open now. Returns its pid. Files that are opened later are not its own, so that
// its end flushes none of them.
static Napi::Value ForkHolder(Info info) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  return result(info, pid);
}
// killHolder(pid): ends it by SIGKILL, and returns when all that it held is released.
static Napi::Value KillHolder(Info info) {
  int ret = kill(i32(info, 0), SIGKILL);
  return result(info, ret < 0 ? ret : waitpid(i32(info, 0), nullptr, 0));
}
// signalMain(): makes a signal pending for the process's first thread. The handler does nothing, and interrupted calls are not restarted.
static Napi::Value SignalMain(Info info) {
  struct sigaction nothing = {};
  nothing.sa_handler = [](int) {};
  int ret = sigaction(SIGUSR2, &nothing, nullptr);
  return result(info, ret < 0 ? ret : tgkill(getpid(), getpid(), SIGUSR2));
}
// threadId(): gettid(2) of the calling thread.
static Napi::Value ThreadId(Info info) { return Napi::Number::New(info.Env(), gettid()); }
static Napi::Value Sync(Info info) {
  sync();
  return info.Env().Undefined();
}

// blkpg(fd, op, number, start, length): adds or removes a partition of the open disk; bytes.
static Napi::Value Blkpg(Info info) {
  blkpg_partition partition = {};
  partition.pno = i32(info, 2);
  partition.start = s64(info, 3);
  partition.length = s64(info, 4);
  blkpg_ioctl_arg argument = {};
  argument.op = i32(info, 1);
  argument.datalen = sizeof(partition);
  argument.data = &partition;
  return result(info, ioctl(i32(info, 0), BLKPG, &argument));
}

void ExportMounts(Napi::Env env, Napi::Object exports) {
  exports["mount"] = Napi::Function::New(env, Mount);
  exports["umount2"] = Napi::Function::New(env, Umount2);
  exports["blkpg"] = Napi::Function::New(env, Blkpg);
  exports["swapon"] = Napi::Function::New(env, Swapon);
  exports["swapoff"] = Napi::Function::New(env, Swapoff);
  exports["reboot"] = Napi::Function::New(env, Reboot);
  exports["prctl"] = Napi::Function::New(env, Prctl);
  exports["forkHolder"] = Napi::Function::New(env, ForkHolder);
  exports["killHolder"] = Napi::Function::New(env, KillHolder);
  exports["signalMain"] = Napi::Function::New(env, SignalMain);
  exports["threadId"] = Napi::Function::New(env, ThreadId);
  exports["sync"] = Napi::Function::New(env, Sync);
}
}  // namespace iomapfuzz
