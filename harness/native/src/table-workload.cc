// Runs the syscalls of a batch of table cases and packs what they gave. model/table-case.ts and table-result.ts
// describe the layouts.
#include "table.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "call.h"
#include "pattern.h"

namespace iomapfuzz {
namespace table {
namespace {
constexpr size_t bufferBytes = 1 << 20;
constexpr uint8_t poison = 0xa5;
// A stream (trace_pipe, /dev/kmsg) hands out whole records, none longer than this.
constexpr size_t longestRecord = 8192;
// A batch ends early rather than run out of room for its log.
constexpr size_t spareLogBytes = 1 << 20;
// A batch of cases that change as many places each still fits into a message.
constexpr uint32_t mostChanges = 512;

class Writer {
 public:
  template <typename T>
  void put(const T& value) { append(&value, sizeof(value)); }
  void append(const void* data, size_t length) {
    const uint8_t* from = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), from, from + length);
  }
  void pad() { bytes_.resize((bytes_.size() + 7) & ~static_cast<size_t>(7)); }
  template <typename T>
  void patch(size_t at, const T& value) { memcpy(bytes_.data() + at, &value, sizeof(value)); }
  size_t size() const { return bytes_.size(); }
  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

constexpr uint64_t positionMask = (1ull << 40) - 1;

uint32_t putRun(Writer& out, const uint8_t* data, const Run& run) {
  PackedRun packed{static_cast<uint32_t>(run.end - run.start), kOther, 0, 0, 0};
  switch (run.source) {
    case Source::Owned:
      packed.kind = run.word >> 52 & 0xf;
      packed.number = run.word >> 40 & 0xfff;
      packed.first = (run.word & positionMask) * 8 + run.within;
      break;
    case Source::Zero: packed.kind = kZero; break;
    case Source::Poison: packed.kind = kPoison; break;
    case Source::Unknown: packed.kind = kUnknown; break;
    case Source::Other: {
      uint32_t count = 0;
      for (size_t at = run.start; at < run.end; at += packedOtherBytes, count++) {
        packed = {static_cast<uint32_t>(std::min(packedOtherBytes, run.end - at)), kOther, 0, 0, 0};
        memcpy(&packed.first, data + at, packed.lengthBytes);
        out.put(packed);
      }
      return count;
    }
  }
  out.put(packed);
  return 1;
}

uint32_t putRuns(Writer& out, const uint8_t* data, size_t length) {
  uint32_t count = 0;
  decode(data, length, [&](const Run& run) { count += putRun(out, data, run); });
  return count;
}

struct Setup {
  std::string mountPoint;
  int traceFd, kmsgFd;
  Bytes deviceFds;
};

class Workload {
 public:
  Workload(const Setup& setup, Writer& out, uint8_t* buffer) : setup_(setup), out_(out), buffer_(buffer) {}

  void run(const Current& current) {
    const CaseHeader& header = *current.parts.header;
    const size_t at = out_.size();
    ResultHead head{};
    head.index = header.index;
    head.serial = current.serial;
    out_.put(head);
    shared.beyond = false;
    shared.exchanges = 0;
    shared.index = header.index;
    head.logStart = shared.logUsed;
    shared.current = &current;
    head.firstSeq = shared.next;
    head.steps = header.steps;
    for (uint32_t i = 0; i < header.steps; i++) {
      shared.step = i;
      step(current, current.parts.steps[i]);
    }
    for (int fd : fds_)
      if (fd >= 0) close(fd);
    fds_.clear();
    if (!(header.flags & kQuiet)) barrier();
    head.logEnd = shared.logUsed;
    head.streamsAt = out_.size() - at;
    head.traceBytes = drain(setup_.traceFd);
    head.kmsgBytes = drain(setup_.kmsgFd);
    out_.pad();
    const size_t changesAt = out_.size();
    for (uint32_t i = 0; i < header.windows; i++) {
      const Window& window = current.parts.windows[i];
      int fd = reinterpret_cast<const int32_t*>(setup_.deviceFds.data)[window.device];
      int64_t ret = compareAndRestore(fd, window.device, window.start, window.end, [&](int64_t offset, const uint8_t* data, size_t length) {
        size_t start = out_.size();
        Change change{window.device, 0, static_cast<uint64_t>(offset)};
        out_.put(change);
        change.runs = putRuns(out_, data, length);
        out_.patch(start, change);
        head.changes++;
      });
      if (ret < 0) head.flags |= kDeviceError;
    }
    // The server in TypeScript cuts what is too much, and says so.
    if (head.changes > mostChanges) {
      out_.bytes().resize(changesAt);
      head.changes = 0;
      shared.beyond = true;
    }
    head.writes = putWritten(head.logStart, head.logEnd);
    if (shared.beyond) head.flags |= kBeyond;
    head.totalBytes = out_.size() - at;
    out_.patch(at, head);
  }

 private:
  void step(const Current& current, const Step& step) {
    StepHead head{};
    const size_t at = out_.size();
    out_.put(head);
    int64_t ret = 0;
    switch (step.call) {
      case kOpen: {
        char path[256];
        snprintf(path, sizeof(path), "%s/c%u.%u", setup_.mountPoint.c_str(), current.serial, step.fd);
        int fd = open(path, step.flags, 0644);
        ret = fd < 0 ? -errno : 0;
        fds_.push_back(fd);
        break;
      }
      case kClose:
        ret = done(close(fds_[step.fd]));
        fds_[step.fd] = -1;
        break;
      case kPread: {
        memset(buffer_, poison, step.length);
        iovec vector{buffer_, step.length};
        ret = done(step.flags == 0 ? pread(fds_[step.fd], buffer_, step.length, step.offset) : preadv2(fds_[step.fd], &vector, 1, step.offset, step.flags));
        head.runs = putRuns(out_, buffer_, step.length);
        break;
      }
      case kPwrite: {
        fill(buffer_, step.length, owner(2, step.number), step.offset);
        iovec vector{buffer_, step.length};
        ret = done(step.flags == 0 ? pwrite(fds_[step.fd], buffer_, step.length, step.offset) : pwritev2(fds_[step.fd], &vector, 1, step.offset, step.flags));
        break;
      }
      case kSeek: ret = done(lseek(fds_[step.fd], step.offset, step.flags)); break;
      case kFiemap: {
        std::vector<uint8_t> argument(sizeof(fiemap) + step.number * sizeof(fiemap_extent));
        fiemap& map = *reinterpret_cast<fiemap*>(argument.data());
        map.fm_start = step.offset;
        map.fm_length = step.length;
        map.fm_flags = step.flags;
        map.fm_extent_count = step.number;
        ret = done(ioctl(fds_[step.fd], FS_IOC_FIEMAP, argument.data()));
        head.extra = map.fm_mapped_extents;
        head.extents = std::min(step.number, map.fm_mapped_extents);
        out_.append(argument.data() + sizeof(fiemap), head.extents * sizeof(fiemap_extent));
        break;
      }
      case kFsync: ret = done(fsync(fds_[step.fd])); break;
      case kFtruncate: ret = done(ftruncate(fds_[step.fd], step.offset)); break;
      case kFallocate: ret = done(fallocate(fds_[step.fd], step.flags, step.offset, step.length)); break;
      case kFstat: {
        struct stat st;
        ret = done(fstat(fds_[step.fd], &st));
        if (ret == 0) head.size = st.st_size, head.extra = st.st_blksize;
        break;
      }
      case kMmapRead:
        memset(buffer_, poison, step.length);
        ret = mmapCopy(fds_[step.fd], buffer_, step.length, step.offset, false, false);
        head.runs = putRuns(out_, buffer_, step.length);
        break;
      case kMmapWrite:
        fill(buffer_, step.length, owner(2, step.number), step.offset);
        ret = mmapCopy(fds_[step.fd], buffer_, step.length, step.offset, true, step.flags);
        break;
      case kNotify: ret = notify(current, step.number); break;
    }
    head.ret = ret < 0 ? -1 : ret;
    head.error = ret < 0 ? -ret : 0;
    head.begun = shared.next;
    out_.patch(at, head);
  }

  // What the WRITE requests in that part of the log carried. Returns how many there are.
  uint32_t putWritten(size_t from, size_t to) {
    constexpr size_t behind = sizeof(fuse_in_header) + sizeof(fuse_write_in);
    auto padded = [](size_t bytes) { return (bytes + 7) & ~static_cast<size_t>(7); };
    uint32_t count = 0;
    for (size_t at = from; at < to;) {
      RecordHead record;
      memcpy(&record, shared.log + at, sizeof(record));
      const size_t kept = std::min<size_t>(record.requestBytes, keptBytes);
      const uint8_t* request = shared.log + at + sizeof(record);
      if (kept >= behind && reinterpret_cast<const fuse_in_header*>(request)->opcode == FUSE_WRITE) {
        const size_t start = out_.size();
        Written written{record.seq, 0};
        out_.put(written);
        written.runs = putRuns(out_, request + behind, kept - behind);
        if (kept < record.requestBytes) written.runs += putRun(out_, nullptr, {Source::Unknown, kept, record.requestBytes, 0, 0});
        out_.patch(start, written);
        count++;
      }
      at += sizeof(record) + padded(kept) + (record.replyBytes < 0 ? 0 : padded(std::min<size_t>(record.replyBytes, keptBytes)));
    }
    return count;
  }

  static int64_t done(int64_t ret) { return ret < 0 ? -errno : ret; }

  // Requests are answered in order by one thread: when this lookup is answered, so is everything before it.
  void barrier() {
    int fd = open((setup_.mountPoint + "/.barrier").c_str(), O_RDONLY);
    if (fd >= 0) close(fd);
  }

  // Appends what the stream holds. EPIPE is how /dev/kmsg says that records were overwritten; the gap shows in their numbers.
  uint32_t drain(int fd) {
    if (fd < 0) return 0;
    static uint8_t chunk[64 << 10];
    uint32_t total = 0;
    for (;;) {
      ssize_t ret = read(fd, chunk, sizeof(chunk));
      if (ret > 0) {
        out_.append(chunk, ret);
        total += ret;
        // Room for another record was left: the stream has no more. /dev/kmsg gives one record at a time.
        if (fd != setup_.kmsgFd && sizeof(chunk) - ret >= longestRecord) return total;
      } else if (ret == 0 || (errno != EINTR && errno != EPIPE)) {
        return total;
      }
    }
  }

  const Setup& setup_;
  Writer& out_;
  uint8_t* buffer_;
  std::vector<int> fds_;
};

// Views of the case at `data`; the host wrote it and is trusted with its counts.
Case partsOf(const uint8_t* data) {
  Case parts;
  parts.header = reinterpret_cast<const CaseHeader*>(data);
  const uint8_t* at = data + sizeof(CaseHeader);
  parts.files = reinterpret_cast<const File*>(at);
  at += parts.header->files * sizeof(File);
  for (uint32_t i = 0; i < parts.header->lines && i < mostLines; i++) {
    const Line* line = reinterpret_cast<const Line*>(at);
    parts.lines[i] = line;
    at += sizeof(Line) + line->fixups * sizeof(Fixup) + ((line->replyBytes + 7) & ~7u);
  }
  parts.steps = reinterpret_cast<const Step*>(at);
  at += parts.header->steps * sizeof(Step);
  parts.windows = reinterpret_cast<const Window*>(at);
  at += parts.header->windows * sizeof(Window);
  for (uint32_t i = 0; i < parts.header->notifications && i < mostNotifications; i++) {
    const Notification* notification = reinterpret_cast<const Notification*>(at);
    parts.notifications[i] = notification;
    at += sizeof(Notification) + notification->fixups * sizeof(NotificationFixup) + ((notification->bytes + 7) & ~7u);
  }
  return parts;
}

// Until the server has logged what it took up. It needs a moment of the processor only.
void settle() {
  for (uint32_t tries = 0; shared.handled != shared.taken; tries++) {
    if (tries < 100) {
      sched_yield();
    } else {
      timespec moment{0, 50000};
      nanosleep(&moment, nullptr);
    }
    if (tries > 100000) return;
  }
}
}  // namespace
}  // namespace table

using Info = const Napi::CallbackInfo&;

// runTable(cases, from, serial, options): runs the batch from byte `from` on; the first case gets number `serial`.
// Returns the results, laid out as model/table-result.ts says, and ends early when the log gets full.
static Napi::Value RunTable(Info info) {
  using namespace table;
  Bytes cases = bytes(info, 0);
  size_t from = size(info, 1);
  uint32_t serial = u32(info, 2);
  Napi::Object options = info[3].As<Napi::Object>();
  auto number = [&](const char* name) { return options.Get(name).As<Napi::Number>().Uint32Value(); };
  auto big = [&](const char* name) {
    bool lossless;
    return options.Get(name).As<Napi::BigInt>().Uint64Value(&lossless);
  };
  auto array = [&](const char* name) {
    auto view = options.Get(name).As<Napi::Uint8Array>();
    return Bytes{view.Data(), view.ByteLength()};
  };
  static std::unique_ptr<uint8_t, decltype(&free)> buffer(static_cast<uint8_t*>(aligned_alloc(4096, bufferBytes)), free);
  static std::unique_ptr<uint8_t, decltype(&free)> log(static_cast<uint8_t*>(malloc(logBytes)), free);
  Bytes cookies = array("cookies");
  Batch batch{big("firstNodeid"), big("nodesPerCase"), big("inoOffset"), number("opBegin"), number("opEnd"), number("opIoend"),
              static_cast<uint16_t>(number("typeHole")), static_cast<uint16_t>(number("typePureOverwrite")),
              options.Get("fuseFd").As<Napi::Number>().Int32Value(),
              reinterpret_cast<const uint32_t*>(cookies.data)};
  Setup setup{options.Get("mountPoint").As<Napi::String>().Utf8Value(), options.Get("traceFd").As<Napi::Number>().Int32Value(),
              options.Get("kmsgFd").As<Napi::Number>().Int32Value(), array("deviceFds")};
  shared.log = log.get();
  shared.logUsed = 0;
  shared.batch = &batch;
  shared.endless = false;

  Writer out;
  BatchHead head{};
  out.put(head);
  static uint64_t casesRun = 0;
  // Two, by turns: the server may still look at the previous one.
  Current current[2];
  {
    Workload workload(setup, out, buffer.get());
    for (; from < cases.length && !shared.endless && (head.cases == 0 || logBytes - shared.logUsed > spareLogBytes); head.cases++) {
      Current& now = current[head.cases % 2];
      now.parts = partsOf(cases.data + from);
      now.serial = serial++;
      now.number = ++casesRun;
      workload.run(now);
      from += now.parts.header->totalBytes;
    }
  }
  shared.current = nullptr;
  settle();
  head.resumeAt = from;
  head.recordBytes = out.size() - sizeof(head);
  head.logBytes = shared.logUsed;
  out.append(shared.log, head.logBytes);
  out.patch(0, head);
  auto* all = new std::vector<uint8_t>(std::move(out.bytes()));
  return Napi::Buffer<uint8_t>::New(info.Env(), all->data(), all->size(), [](Napi::Env, uint8_t*, std::vector<uint8_t>* of) { delete of; }, all);
}

void ExportTableWorkload(Napi::Env env, Napi::Object exports) {
  exports["runTable"] = Napi::Function::New(env, RunTable);
}
}  // namespace iomapfuzz
