// Memory that Node cannot give: aligned buffers for O_DIRECT, and mappings whose SIGBUS is a result instead of an end.
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "call.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

// alignedBuffer(length, alignment): zeroed, freed with the Buffer. Undefined when memory is short.
static Napi::Value AlignedBuffer(Info info) {
  void* memory = nullptr;
  size_t length = size(info, 0);
  if (posix_memalign(&memory, size(info, 1), std::max<size_t>(length, 1)) != 0) return info.Env().Undefined();
  memset(memory, 0, length);
  return Napi::Buffer<uint8_t>::New(info.Env(), static_cast<uint8_t*>(memory), length,
                                    [](Napi::Env, uint8_t* data) { free(data); });
}

// The handler may only jump while its own thread copies; any other SIGBUS keeps its ordinary meaning.
static thread_local sigjmp_buf busReturn;
static thread_local volatile sig_atomic_t copying = 0;

static void OnBusError(int signal) {
  if (copying) siglongjmp(busReturn, 1);
  ::signal(signal, SIG_DFL);
  raise(signal);
}

static void CatchBusErrors() {
  static bool installed = false;
  if (installed) return;
  struct sigaction action = {};
  action.sa_handler = OnBusError;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGBUS, &action, nullptr);
  installed = true;
}

// Copies page by page; returns the bytes copied before a page could not be brought in.
static int64_t CopyPages(uint8_t* to, const uint8_t* from, size_t length, const uint8_t* mapped) {
  const size_t page = sysconf(_SC_PAGESIZE);
  volatile size_t done = 0;
  copying = 1;
  if (sigsetjmp(busReturn, 1) == 0) {
    while (done < length) {
      size_t step = std::min(length - done, page - (reinterpret_cast<uintptr_t>(mapped) + done) % page);
      memcpy(to + done, from + done, step);
      done = done + step;
    }
  }
  copying = 0;
  return done;
}

// mmapCopy(fd, buffer, at, length, offset, write, sync): maps the file shared, copies between buffer and file, where `sync` says so
// calls msync(MS_SYNC), unmaps. Returns the bytes copied: fewer than asked means that the page there gave SIGBUS. -errno when mmap(2) or
// msync(2) fails. Random access is announced, so that a fault is about one page (mm/filemap.c, do_sync_mmap_readahead).
static Napi::Value MmapCopy(Info info) {
  CatchBusErrors();
  Bytes buffer = window(info, 1, size(info, 2), size(info, 3));
  const uint64_t page = sysconf(_SC_PAGESIZE);
  uint64_t offset = u64(info, 4), start = offset & ~(page - 1);
  bool write = info[5].As<Napi::Boolean>().Value();
  size_t span = buffer.length + (offset - start);
  void* map = mmap(nullptr, span, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, i32(info, 0), start);
  if (map == MAP_FAILED) return result(info, -1);
  uint8_t* file = static_cast<uint8_t*>(map) + (offset - start);
  madvise(map, span, MADV_RANDOM);
  int64_t done = write ? CopyPages(file, buffer.data, buffer.length, file) : CopyPages(buffer.data, file, buffer.length, file);
  const bool failed = info[6].ToBoolean().Value() && msync(map, span, MS_SYNC) != 0;
  const int error = errno;
  munmap(map, span);
  return result(info, failed ? -error : done);
}

// pageOut(buffer, length): asks the kernel to page the buffer's first bytes out, whole pages of them. 0 or -errno.
static Napi::Value PageOut(Info info) {
  Bytes buffer = window(info, 0, 0, size(info, 1));
  return result(info, madvise(buffer.data, buffer.length, MADV_PAGEOUT));
}

void ExportMemory(Napi::Env env, Napi::Object exports) {
  exports["alignedBuffer"] = Napi::Function::New(env, AlignedBuffer);
  exports["pageOut"] = Napi::Function::New(env, PageOut);
  exports["mmapCopy"] = Napi::Function::New(env, MmapCopy);
}
}  // namespace iomapfuzz
