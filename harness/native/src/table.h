// Table cases: cases whose replies are bytes prepared by the host. Their layouts are those of layouts.h; harness/native/src/table-server.cc answers from it and table-workload.cc does the syscalls,
// both without a line of JavaScript per case. The two threads share what is declared here.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "layouts.h"

namespace iomapfuzz::table {

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
  // No two cases of a process have the same; serials begin anew with each mount.
  uint64_t number;
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
