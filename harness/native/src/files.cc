// File syscalls as the workload needs them: the kernel's own return values, 64-bit offsets, RWF flags.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

// open(path, flags, mode)
static Napi::Value Open(Info info) { return result(info, open(text(info, 0).c_str(), i32(info, 1), u32(info, 2))); }
static Napi::Value Close(Info info) { return result(info, close(i32(info, 0))); }

// read(fd, buffer, at, length): restarted when a signal interrupts it (V8's profiler and libuv use signals).
static Napi::Value Read(Info info) {
  Bytes into = window(info, 1, size(info, 2), size(info, 3));
  ssize_t ret;
  do ret = read(i32(info, 0), into.data, into.length);
  while (ret < 0 && errno == EINTR);
  return result(info, ret);
}
static Napi::Value Write(Info info) {
  Bytes from = window(info, 1, size(info, 2), size(info, 3));
  ssize_t ret;
  do ret = write(i32(info, 0), from.data, from.length);
  while (ret < 0 && errno == EINTR);
  return result(info, ret);
}
// preadv2(fd, buffer, at, length, offset, rwf) with one vector; flags 0 is pread(2).
static Napi::Value Preadv2(Info info) {
  Bytes into = window(info, 1, size(info, 2), size(info, 3));
  iovec vector{into.data, into.length};
  int flags = i32(info, 5);
  return result(info, flags == 0 ? pread(i32(info, 0), into.data, into.length, s64(info, 4))
                                 : preadv2(i32(info, 0), &vector, 1, s64(info, 4), flags));
}
static Napi::Value Pwritev2(Info info) {
  Bytes from = window(info, 1, size(info, 2), size(info, 3));
  iovec vector{from.data, from.length};
  int flags = i32(info, 5);
  return result(info, flags == 0 ? pwrite(i32(info, 0), from.data, from.length, s64(info, 4))
                                 : pwritev2(i32(info, 0), &vector, 1, s64(info, 4), flags));
}
static Napi::Value Lseek(Info info) { return result64(info, lseek(i32(info, 0), s64(info, 1), i32(info, 2))); }
static Napi::Value Fsync(Info info) { return result(info, fsync(i32(info, 0))); }
static Napi::Value Syncfs(Info info) { return result(info, syncfs(i32(info, 0))); }
static Napi::Value Ftruncate(Info info) { return result(info, ftruncate(i32(info, 0), s64(info, 1))); }
static Napi::Value Fallocate(Info info) {
  return result(info, fallocate(i32(info, 0), i32(info, 1), s64(info, 2), s64(info, 3)));
}
// copyFileRange(fdIn, offsetIn, fdOut, offsetOut, length)
static Napi::Value CopyFileRange(Info info) {
  off64_t in = s64(info, 1), out = s64(info, 3);
  return result(info, copy_file_range(i32(info, 0), &in, i32(info, 2), &out, size(info, 4), 0));
}
// fstat(fd, BigUint64Array(3)): fills in size, block size and inode number.
static Napi::Value Fstat(Info info) {
  struct stat st;
  auto out = info[1].As<Napi::BigUint64Array>();
  int ret = fstat(i32(info, 0), &st);
  if (ret == 0 && out.ElementLength() >= 3) {
    out.Data()[0] = st.st_size;
    out.Data()[1] = st.st_blksize;
    out.Data()[2] = st.st_ino;
  }
  return result(info, ret);
}
// ioctl(fd, request, argument): a buffer that the kernel may read and fill, or a number.
static Napi::Value Ioctl(Info info) {
  unsigned long request = u32(info, 1);
  if (info[2].IsTypedArray()) return result(info, ioctl(i32(info, 0), request, bytes(info, 2).data));
  return result(info, ioctl(i32(info, 0), request, static_cast<unsigned long>(size(info, 2))));
}

void ExportFiles(Napi::Env env, Napi::Object exports) {
  exports["open"] = Napi::Function::New(env, Open);
  exports["close"] = Napi::Function::New(env, Close);
  exports["read"] = Napi::Function::New(env, Read);
  exports["write"] = Napi::Function::New(env, Write);
  exports["preadv2"] = Napi::Function::New(env, Preadv2);
  exports["pwritev2"] = Napi::Function::New(env, Pwritev2);
  exports["lseek"] = Napi::Function::New(env, Lseek);
  exports["fsync"] = Napi::Function::New(env, Fsync);
  exports["syncfs"] = Napi::Function::New(env, Syncfs);
  exports["ftruncate"] = Napi::Function::New(env, Ftruncate);
  exports["fallocate"] = Napi::Function::New(env, Fallocate);
  exports["copyFileRange"] = Napi::Function::New(env, CopyFileRange);
  exports["fstat"] = Napi::Function::New(env, Fstat);
  exports["ioctl"] = Napi::Function::New(env, Ioctl);
}
}  // namespace iomapfuzz
