// Memory that Node cannot give: aligned buffers for O_DIRECT, and mappings whose SIGBUS is a result instead of an end.
#include <linux/futex.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

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

// What a child that copies is told and reports; the data is behind it. `turn` is a futex word.
struct CopyTask {
  std::atomic<uint32_t> turn;
  int32_t fd;
  uint64_t length, offset;
  uint32_t write, sync;
  int64_t ret;
};
enum Turn : uint32_t { kIdle, kAsked, kDone };

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

static void WaitWhile(std::atomic<uint32_t>& word, uint32_t value) {
  while (word == value) syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}
static void Set(std::atomic<uint32_t>& word, uint32_t value) {
  word = value;
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

static void Copy(CopyTask* task) {
  task->ret = MapAndCopy(task->fd, reinterpret_cast<uint8_t*>(task + 1), task->length, task->offset, task->write, task->sync);
}

// A child that does `run` and ends. It shares the table of open files, so that its end closes none of them. Its pid, or -1.
template <typename Run>
static long Fork(const Run& run) {
  long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (child != 0) return child;
  run();
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

static CopyTask* SharedTask(size_t dataBytes) {
  void* memory = mmap(nullptr, sizeof(CopyTask) + dataBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) CopyTask{};
}

// Forking copies the page tables of a whole Node: the child that copies up to so many bytes is kept.
constexpr size_t keptCopyBytes = 1 << 20;
static CopyTask* keptTask = nullptr;

static bool KeepChild() {
  if (keptTask != nullptr) return true;
  CopyTask* task = SharedTask(keptCopyBytes);
  if (task == nullptr) return false;
  long child = Fork([task] {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      for (uint32_t turn = task->turn; turn != kAsked; turn = task->turn) WaitWhile(task->turn, turn);
      Copy(task);
      Set(task->turn, kDone);
    }
  });
  if (child > 0) keptTask = task;
  else munmap(task, sizeof(CopyTask) + keptCopyBytes);
  return child > 0;
}

// A child does it: a write fault holds the address space's mmap_lock while it waits for the server (mm/memory.c, do_page_mkwrite; kernels
// without SMP have no per-VMA locks), and the server's thread must be free to grow its heap.
int64_t mmapCopy(int fd, uint8_t* data, size_t length, uint64_t offset, bool write, bool sync) {
  const bool kept = length <= keptCopyBytes && KeepChild();
  CopyTask* task = kept ? keptTask : SharedTask(length);
  if (task == nullptr) return -errno;
  task->fd = fd, task->length = length, task->offset = offset, task->write = write, task->sync = sync, task->ret = -ECHILD;
  uint8_t* copied = reinterpret_cast<uint8_t*>(task + 1);
  memcpy(copied, data, length);
  int64_t ret = 0;
  if (kept) {
    Set(task->turn, kAsked);
    WaitWhile(task->turn, kAsked);
    task->turn = kIdle;
  } else {
    long child = Fork([task] { Copy(task); });
    if (child < 0) ret = -errno;
    while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
  }
  if (ret == 0) ret = task->ret;
  if (!write && ret > 0) memcpy(data, copied, ret);
  if (!kept) munmap(task, sizeof(CopyTask) + length);
  return ret;
}

// mmapCopy(fd, buffer, at, length, offset, write, sync): maps the file shared, copies between buffer and file, where `sync` says so
// calls msync(MS_SYNC), unmaps. Returns the bytes copied: fewer than asked means that the page there gave SIGBUS. -errno when mmap(2) or
// msync(2) fails. Random access is announced, so that a fault is about one page (mm/filemap.c, do_sync_mmap_readahead).
static Napi::Value MmapCopy(Info info) {
  Bytes buffer = window(info, 1, size(info, 2), size(info, 3));
  int64_t ret = mmapCopy(i32(info, 0), buffer.data, buffer.length, u64(info, 4), info[5].As<Napi::Boolean>().Value(), info[6].ToBoolean().Value());
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
