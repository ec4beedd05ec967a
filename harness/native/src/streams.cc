// Streams that hand out what is there and then say EAGAIN: trace_pipe and /dev/kmsg. Also poll(2).
#include <poll.h>
#include <unistd.h>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

// drain(fd, buffer) of a non-blocking fd: reads until nothing is left or no record of 8 KiB would fit any more.
// Returns the bytes read. EPIPE is how /dev/kmsg says that records were overwritten (kernel/printk/printk.c, devkmsg_read);
// the gap shows in the records' sequence numbers, so reading goes on. Another errno is returned when nothing was read.
static Napi::Value Drain(Info info) {
  constexpr size_t longestRecord = 8192;
  int fd = i32(info, 0);
  Bytes into = bytes(info, 1);
  size_t used = 0;
  while (into.length - used >= longestRecord) {
    ssize_t ret = read(fd, into.data + used, into.length - used);
    if (ret > 0) {
      used += ret;
    } else if (ret == 0 || errno == EAGAIN) {
      break;
    } else if (errno != EINTR && errno != EPIPE) {
      if (used == 0) return result(info, -1);
      break;
    }
  }
  return result(info, used);
}

// poll(fd, events, timeoutMs): the returned events, 0 when the time is over.
static Napi::Value Poll(Info info) {
  pollfd one{i32(info, 0), static_cast<short>(i32(info, 1)), 0};
  int ret;
  do ret = poll(&one, 1, i32(info, 2));
  while (ret < 0 && errno == EINTR);
  return result(info, ret > 0 ? one.revents : ret);
}

void ExportStreams(Napi::Env env, Napi::Object exports) {
  exports["drain"] = Napi::Function::New(env, Drain);
  exports["poll"] = Napi::Function::New(env, Poll);
}
}  // namespace iomapfuzz
