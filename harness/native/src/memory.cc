// Memory that Node cannot give: aligned buffers for O_DIRECT, and mappings whose SIGBUS is a result instead of an end.
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

// What a child that copies reports to its parent; the data is behind it.
struct CopyResult {
  int64_t ret;
};

static sigjmp_buf busReturn;
static void OnBusError(int) { siglongjmp(busReturn, 1); }

// Copies page by page; returns the bytes copied before a page could not be brought in.
static int64_t CopyPages(uint8_t* to, const uint8_t* from, size_t length, const uint8_t* mapped) {
  const size_t page = sysconf(_SC_PAGESIZE);
  volatile size_t done = 0;
  if (sigsetjmp(busReturn, 1) == 0) {
    while (done < length) {
      size_t step = std::min(length - done, page - (reinterpret_cast<uintptr_t>(mapped) + done) % page);
      memcpy(to + done, from + done, step);
      done = done + step;
    }
  }
  return done;
}

// The child's part: maps, copies, unmaps. Nothing here may allocate: other threads of the parent may have held malloc's locks.
static int64_t MapAndCopy(int fd, uint8_t* data, size_t length, uint64_t offset, bool write, bool sync) {
  struct sigaction action = {};
  action.sa_handler = OnBusError;
  sigaction(SIGBUS, &action, nullptr);
  const uint64_t page = sysconf(_SC_PAGESIZE), start = offset & ~(page - 1);
  size_t span = length + (offset - start);
  void* map = mmap(nullptr, span, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, start);
  if (map == MAP_FAILED) return -errno;
  uint8_t* file = static_cast<uint8_t*>(map) + (offset - start);
  madvise(map, span, MADV_RANDOM);
  int64_t done = write ? CopyPages(file, data, length, file) : CopyPages(data, file, length, file);
  if (sync && msync(map, span, MS_SYNC) != 0) done = -errno;
  munmap(map, span);
  return done;
}

// mmapCopy(fd, buffer, at, length, offset, write, sync): maps the file shared, copies between buffer and file, where `sync` says so
// calls msync(MS_SYNC), unmaps. Returns the bytes copied: fewer than asked means that the page there gave SIGBUS. -errno when mmap(2) or
// msync(2) fails. Random access is announced, so that a fault is about one page (mm/filemap.c, do_sync_mmap_readahead).
//
// A child does it: a write fault holds the address space's mmap_lock while it waits for the server (mm/memory.c, do_page_mkwrite; kernels
// without SMP have no per-VMA locks), and the server's thread must be free to grow its heap. The child shares the table of open files, so
// that its end closes none of them.
static Napi::Value MmapCopy(Info info) {
  Bytes buffer = window(info, 1, size(info, 2), size(info, 3));
  const int fd = i32(info, 0);
  const uint64_t offset = u64(info, 4);
  const bool write = info[5].As<Napi::Boolean>().Value(), sync = info[6].ToBoolean().Value();
  const size_t room = sizeof(CopyResult) + buffer.length;
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return result(info, -1);
  CopyResult* out = static_cast<CopyResult*>(memory);
  uint8_t* data = reinterpret_cast<uint8_t*>(out + 1);
  memcpy(data, buffer.data, buffer.length);
  out->ret = -ECHILD;
  long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    out->ret = MapAndCopy(fd, data, buffer.length, offset, write, sync);
    syscall(SYS_exit_group, 0);
  }
  int64_t ret = child < 0 ? -errno : 0;
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
  if (child > 0) ret = out->ret;
  if (!write && ret > 0) memcpy(buffer.data, data, ret);
  munmap(memory, room);
  if (ret < 0) errno = -ret;
  return result(info, ret);
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
