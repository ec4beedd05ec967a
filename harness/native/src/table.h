// Table cases: cases whose replies are bytes prepared by the host. The layout of a batch is described, and written, in
// model/table-case.ts; harness/native/src/table-server.cc answers from it and table-workload.cc does the syscalls,
// both without a line of JavaScript per case. The two threads share what is declared here.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace iomapfuzz::table {

// All little-endian; sizes are multiples of 8.
struct CaseHeader {
  uint32_t totalBytes, index, flags;
  uint16_t files, lines, steps, windows;
  uint32_t notifications;
};
enum CaseFlag : uint32_t {
  // Everything the case makes the kernel ask is answered while a syscall of the case waits.
  kQuiet = 1,
};
struct File {
  uint64_t sizeBytes;
  uint32_t attrFlags, reserved;
};
// Followed by its fixups and the reply, header first, padded to 8 bytes.
struct Line {
  uint32_t opcode, file, opflagsSet, opflagsClear, times, replyBytes;
  uint16_t flags, fixups;
  // Sent while the request waits.
  uint16_t firstBefore, before;
  // Of requests that have a position: where it must lie.
  uint64_t posFirst, posLast;
};
enum LineFlag : uint16_t {
  // The header's `unique` is the reply's own.
  kOwnUnique = 1,
  // The reply may be one that the kernel cannot match to its request: the request is then ended with EIO.
  kRaw = 2,
};
constexpr uint32_t anyFile = ~0u;
// A device's cookie goes here, counted from the start of the reply.
struct Fixup {
  uint32_t at, device;
};
struct Step {
  uint32_t call, fd;
  uint64_t offset, length;
  uint32_t flags, number;
};
enum Call : uint32_t { kOpen = 1, kClose, kPread, kPwrite, kSeek, kFiemap, kFsync, kFtruncate, kFallocate, kFstat, kMmapRead, kMmapWrite, kNotify };
// Where a case that writes may have changed a device.
struct Window {
  uint32_t device, reserved;
  uint64_t start, end;
};
// Followed by its fixups and the message, header first, padded to 8 bytes.
struct Notification {
  uint32_t bytes, fixups;
  // From byte `fillAt` on the message is the server's data of `fillFile`; 0: nothing is.
  uint32_t fillAt, fillFile;
  uint64_t fillPosition;
};
enum FixupKind : uint16_t { kCookie, kNodeid, kIno };
struct NotificationFixup {
  uint32_t at;
  uint16_t kind, index;
};

constexpr uint32_t mostFiles = 64;
constexpr uint32_t mostLines = 256;
constexpr uint32_t mostNotifications = 512;

// A case's parts, as views of its bytes.
struct Case {
  const CaseHeader* header;
  const File* files;
  const Line* lines[mostLines];
  const Step* steps;
  const Window* windows;
  const Notification* notifications[mostNotifications];
};

// What one batch is run with; constant while it runs.
struct Batch {
  uint64_t firstNodeid, nodesPerCase, inoOffset;
  uint32_t opBegin, opEnd, opIoend;
  uint16_t typeHole, typePureOverwrite;
  int fuseFd;
  const uint32_t* cookies;  // of each device; what was not registered has one that no kernel gives out
};

// The exchanges of a batch, in the format of model/exchange-record.ts.
constexpr size_t logBytes = 8 << 20;
constexpr size_t keptBytes = 64 << 10;
// A case that makes the kernel ask more often is in a loop.
constexpr uint32_t mostExchanges = 20000;

struct Current {
  Case parts;
  uint32_t serial;
};

// Shared by the two threads. The workload's thread publishes cases; everything about answering belongs to the server's.
struct Shared {
  const Batch* batch = nullptr;
  // Null: no batch runs, and every request goes to the server in TypeScript.
  std::atomic<const Current*> current{nullptr};
  // Requests read from /dev/fuse, and those answered and logged.
  std::atomic<uint32_t> taken{0}, handled{0};
  // Sequence number that follows the newest logged request's.
  std::atomic<uint32_t> next{0};
  std::atomic<size_t> logUsed{0};
  // Of the current case: it asked for what no table answers, or for more than the log holds.
  std::atomic<bool> beyond{false};
  std::atomic<uint32_t> exchanges{0};
  uint8_t* log = nullptr;
  // For whoever watches: index of the current case, and of its step; what they say is of use only while it does not change.
  std::atomic<uint32_t> index{0}, step{0};
  // The case made the kernel ask without end, and the batch must not go on.
  std::atomic<bool> endless{false};
  // The beginning of the request that was read last, by either server.
  std::atomic<uint32_t> lastBytes{0};
  uint8_t last[256];
};
extern Shared shared;

// Writes notification `index` of the case to /dev/fuse. The bytes written, or -errno.
int64_t notify(const Current& current, uint32_t index);

}  // namespace iomapfuzz::table
