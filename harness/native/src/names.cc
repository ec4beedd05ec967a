// Syscalls on names, attributes and directories: what every FUSE server is asked besides the bytes of files.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

constexpr char attribute[] = "user.iomapfuzz";
constexpr size_t room = 64;

static std::string directoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Opens, does something, closes; the errno is that of what was done.
template <typename Act>
static int64_t opened(const std::string& path, int flags, Act act) {
  int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  int64_t ret = act(fd);
  int kept = errno;
  close(fd);
  errno = kept;
  return ret;
}

// What the server says of the inode, not what the kernel remembers. stx_mask decides which of two requests asks for it.
static int64_t askAttributes(const std::string& path, unsigned int mask) {
  struct statx answer;
  return statx(AT_FDCWD, path.c_str(), AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, mask, &answer);
}

static int64_t list(const std::string& path) {
  return opened(path, O_RDONLY | O_DIRECTORY, [](int fd) -> int64_t {
    char entries[4096];
    int64_t names = 0;
    for (;;) {
      long got = syscall(SYS_getdents64, fd, entries, sizeof(entries));
      if (got <= 0) return got < 0 ? -1 : names;
      for (long at = 0; at < got; at += *reinterpret_cast<unsigned short*>(entries + at + 16)) names++;
    }
  });
}

static int64_t polled(const std::string& path) {
  return opened(path, O_RDWR, [](int fd) -> int64_t {
    pollfd one = {fd, POLLIN | POLLOUT, 0};
    return poll(&one, 1, 1000) < 0 ? -1 : one.revents;
  });
}

using Call = int64_t (*)(const std::string& path, const std::string& other);
static const std::map<std::string, Call> calls = {
  {"statfs", [](const std::string& path, const std::string&) -> int64_t { struct statfs answer; return statfs(path.c_str(), &answer); }},
  {"stat", [](const std::string& path, const std::string&) -> int64_t { return askAttributes(path, STATX_BASIC_STATS); }},
  {"statx", [](const std::string& path, const std::string&) -> int64_t { return askAttributes(path, STATX_BASIC_STATS | STATX_BTIME); }},
  {"access", [](const std::string& path, const std::string&) -> int64_t { return access(path.c_str(), R_OK); }},
  {"listxattrSize", [](const std::string& path, const std::string&) -> int64_t { return listxattr(path.c_str(), nullptr, 0); }},
  {"listxattr", [](const std::string& path, const std::string&) -> int64_t { char names[room]; return listxattr(path.c_str(), names, room); }},
  {"getxattrSize", [](const std::string& path, const std::string&) -> int64_t { return getxattr(path.c_str(), attribute, nullptr, 0); }},
  {"getxattr", [](const std::string& path, const std::string&) -> int64_t { char value[room]; return getxattr(path.c_str(), attribute, value, room); }},
  {"setxattr", [](const std::string& path, const std::string&) -> int64_t { return setxattr(path.c_str(), attribute, "value", 5, 0); }},
  {"removexattr", [](const std::string& path, const std::string&) -> int64_t { return removexattr(path.c_str(), attribute); }},
  {"symlink", [](const std::string&, const std::string& other) -> int64_t { return symlink("target", other.c_str()); }},
  {"readlink", [](const std::string&, const std::string& other) -> int64_t { char target[4096]; return readlink(other.c_str(), target, sizeof(target)); }},
  {"mkdir", [](const std::string&, const std::string& other) -> int64_t { return mkdir(other.c_str(), 0755); }},
  {"rmdir", [](const std::string&, const std::string& other) -> int64_t { return rmdir(other.c_str()); }},
  {"mknod", [](const std::string&, const std::string& other) -> int64_t { return mknod(other.c_str(), S_IFIFO | 0644, 0); }},
  {"create", [](const std::string&, const std::string& other) -> int64_t { return opened(other, O_RDWR | O_CREAT | O_EXCL, [](int) -> int64_t { return 0; }); }},
  {"tmpfile", [](const std::string& path, const std::string&) -> int64_t { return opened(directoryOf(path), O_RDWR | O_TMPFILE, [](int) -> int64_t { return 0; }); }},
  {"link", [](const std::string& path, const std::string& other) -> int64_t { return link(path.c_str(), other.c_str()); }},
  {"unlink", [](const std::string& path, const std::string&) -> int64_t { return unlink(path.c_str()); }},
  {"rename", [](const std::string& path, const std::string& other) -> int64_t { return rename(path.c_str(), other.c_str()); }},
  {"renameNoreplace", [](const std::string& path, const std::string& other) -> int64_t {
    return syscall(SYS_renameat2, AT_FDCWD, path.c_str(), AT_FDCWD, other.c_str(), 1);
  }},
  {"readdir", [](const std::string& path, const std::string&) -> int64_t { return list(directoryOf(path)); }},
  {"opendir", [](const std::string& path, const std::string&) -> int64_t { return list(directoryOf(path)); }},
  {"releasedir", [](const std::string& path, const std::string&) -> int64_t { return list(directoryOf(path)); }},
  {"fsyncdir", [](const std::string& path, const std::string&) -> int64_t {
    return opened(directoryOf(path), O_RDONLY | O_DIRECTORY, [](int fd) -> int64_t { return fsync(fd); });
  }},
  {"poll", [](const std::string& path, const std::string&) -> int64_t { return polled(path); }},
  // A command that nobody else knows: _IOR('Z', 0x5a, int).
  {"ioctl", [](const std::string& path, const std::string&) -> int64_t {
    return opened(path, O_RDWR, [](int fd) -> int64_t { int value; return ioctl(fd, _IOR('Z', 0x5a, int), &value); });
  }},
};

// ordinaryCall(what, path, other): what the syscall returns; readdir counts names, poll gives the returned events.
static Napi::Value OrdinaryCall(Info info) {
  auto found = calls.find(text(info, 0));
  errno = ENOSYS;
  return result(info, found == calls.end() ? -1 : found->second(text(info, 1), text(info, 2)));
}

static Napi::Value Readahead(Info info) { return result(info, readahead(i32(info, 0), s64(info, 1), size(info, 2))); }
// fadvise(fd, offset, length, advice): posix_fadvise gives the errno instead of setting it.
static Napi::Value Fadvise(Info info) {
  errno = posix_fadvise(i32(info, 0), s64(info, 1), size(info, 2), i32(info, 3));
  return result(info, errno == 0 ? 0 : -1);
}

// times(fd, BigInt64Array(4)): seconds and nanoseconds of atime and mtime.
static Napi::Value SetTimes(Info info) {
  auto in = info[1].As<Napi::BigInt64Array>();
  if (in.ElementLength() < 4) { errno = EINVAL; return result(info, -1); }
  timespec both[2] = {{in.Data()[0], static_cast<long>(in.Data()[1])}, {in.Data()[2], static_cast<long>(in.Data()[3])}};
  return result(info, futimens(i32(info, 0), both));
}
static Napi::Value GetTimes(Info info) {
  auto out = info[1].As<Napi::BigInt64Array>();
  struct stat st;
  int ret = fstat(i32(info, 0), &st);
  if (ret == 0 && out.ElementLength() >= 4) {
    out.Data()[0] = st.st_atim.tv_sec;
    out.Data()[1] = st.st_atim.tv_nsec;
    out.Data()[2] = st.st_mtim.tv_sec;
    out.Data()[3] = st.st_mtim.tv_nsec;
  }
  return result(info, ret);
}

void ExportNames(Napi::Env env, Napi::Object exports) {
  exports["ordinaryCall"] = Napi::Function::New(env, OrdinaryCall);
  exports["readahead"] = Napi::Function::New(env, Readahead);
  exports["fadvise"] = Napi::Function::New(env, Fadvise);
  exports["setTimes"] = Napi::Function::New(env, SetTimes);
  exports["getTimes"] = Napi::Function::New(env, GetTimes);
}
}  // namespace iomapfuzz
