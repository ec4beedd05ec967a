// Code coverage of the calling thread (Documentation/dev-tools/kcov.rst): which instrumented places of the kernel its syscalls ran through.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

// include/uapi/linux/kcov.h
static constexpr unsigned long kInitTrace = _IOR('c', 1, unsigned long);
static constexpr unsigned long kEnable = _IO('c', 100);
static constexpr unsigned long kTracePc = 0;

static uint64_t* g_area;
static size_t g_words;
static std::unordered_set<uint64_t> g_seen;
static bool g_full;

// kcovStart(path, words): 0 or -errno. From now on the calling thread is traced; `words` is how many places fit between two looks.
static Napi::Value KcovStart(Info info) {
  size_t words = static_cast<size_t>(size(info, 1));
  int fd = open(text(info, 0).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return result(info, -1);
  void* area = MAP_FAILED;
  bool started = ioctl(fd, kInitTrace, words) == 0 &&
                 (area = mmap(nullptr, words * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED &&
                 ioctl(fd, kEnable, kTracePc) == 0;
  if (!started) {
    int error = errno;
    if (area != MAP_FAILED) munmap(area, words * sizeof(uint64_t));
    close(fd);
    errno = error;
    return result(info, -1);
  }
  g_area = static_cast<uint64_t*>(area);
  g_words = words;
  return result(info, 0);
}

// kcovReset(): what was seen so far is nobody's.
static Napi::Value KcovReset(Info info) {
  if (g_area) __atomic_store_n(&g_area[0], 0, __ATOMIC_RELAXED);
  return info.Env().Undefined();
}

// kcovTake(): places seen since the last reset and never before by this process, as little-endian u64.
static Napi::Value KcovTake(Info info) {
  std::vector<uint64_t> fresh;
  if (g_area) {
    size_t count = std::min<size_t>(__atomic_load_n(&g_area[0], __ATOMIC_RELAXED), g_words - 1);
    // The kernel drops what finds no room, and counts it no more.
    g_full = count == g_words - 1;
    for (size_t at = 1; at <= count; ++at)
      if (g_seen.insert(g_area[at]).second) fresh.push_back(g_area[at]);
    __atomic_store_n(&g_area[0], 0, __ATOMIC_RELAXED);
  }
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(fresh.data()), fresh.size() * sizeof(uint64_t));
}

// kcovFull(): there was no room for all that was seen before the last kcovTake.
static Napi::Value KcovFull(Info info) { return Napi::Boolean::New(info.Env(), g_full); }

void ExportKcov(Napi::Env env, Napi::Object exports) {
  exports.Set("kcovStart", Napi::Function::New(env, KcovStart));
  exports.Set("kcovReset", Napi::Function::New(env, KcovReset));
  exports.Set("kcovTake", Napi::Function::New(env, KcovTake));
  exports.Set("kcovFull", Napi::Function::New(env, KcovFull));
}

}  // namespace iomapfuzz
