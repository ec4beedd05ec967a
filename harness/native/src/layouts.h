// Generated from the tables of layouts by harness/native/layouts.ts; layouts.test.ts says how. Not to be edited.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iomapfuzz::table {

// What model/table-layout.ts describes.

struct CaseHeader {
  uint32_t totalBytes;
  uint32_t index;
  uint32_t flags;
  uint16_t files;
  uint16_t lines;
  uint16_t steps;
  uint16_t windows;
  uint32_t notifications;
};
static_assert(sizeof(CaseHeader) == 24 &&
    offsetof(CaseHeader, index) == 4 &&
    offsetof(CaseHeader, flags) == 8 &&
    offsetof(CaseHeader, files) == 12 &&
    offsetof(CaseHeader, lines) == 14 &&
    offsetof(CaseHeader, steps) == 16 &&
    offsetof(CaseHeader, windows) == 18 &&
    offsetof(CaseHeader, notifications) == 20,
    "CaseHeader is laid out otherwise");

struct File {
  uint64_t sizeBytes;
  uint32_t attrFlags;
  uint32_t reserved;
};
static_assert(sizeof(File) == 16 &&
    offsetof(File, attrFlags) == 8 &&
    offsetof(File, reserved) == 12,
    "File is laid out otherwise");

struct Line {
  uint32_t opcode;
  uint32_t file;
  uint32_t opflagsSet;
  uint32_t opflagsClear;
  uint32_t times;
  uint32_t replyBytes;
  uint16_t flags;
  uint16_t fixups;
  uint16_t firstBefore;
  uint16_t before;
  uint64_t posFirst;
  uint64_t posLast;
};
static_assert(sizeof(Line) == 48 &&
    offsetof(Line, file) == 4 &&
    offsetof(Line, opflagsSet) == 8 &&
    offsetof(Line, opflagsClear) == 12 &&
    offsetof(Line, times) == 16 &&
    offsetof(Line, replyBytes) == 20 &&
    offsetof(Line, flags) == 24 &&
    offsetof(Line, fixups) == 26 &&
    offsetof(Line, firstBefore) == 28 &&
    offsetof(Line, before) == 30 &&
    offsetof(Line, posFirst) == 32 &&
    offsetof(Line, posLast) == 40,
    "Line is laid out otherwise");

struct Fixup {
  uint32_t at;
  uint32_t device;
};
static_assert(sizeof(Fixup) == 8 &&
    offsetof(Fixup, device) == 4,
    "Fixup is laid out otherwise");

struct Step {
  uint32_t call;
  uint32_t fd;
  uint64_t offset;
  uint64_t length;
  uint32_t flags;
  uint32_t number;
};
static_assert(sizeof(Step) == 32 &&
    offsetof(Step, fd) == 4 &&
    offsetof(Step, offset) == 8 &&
    offsetof(Step, length) == 16 &&
    offsetof(Step, flags) == 24 &&
    offsetof(Step, number) == 28,
    "Step is laid out otherwise");

struct Window {
  uint32_t device;
  uint32_t reserved;
  uint64_t start;
  uint64_t end;
};
static_assert(sizeof(Window) == 24 &&
    offsetof(Window, reserved) == 4 &&
    offsetof(Window, start) == 8 &&
    offsetof(Window, end) == 16,
    "Window is laid out otherwise");

struct Notification {
  uint32_t bytes;
  uint32_t fixups;
  uint32_t fillAt;
  uint32_t fillFile;
  uint64_t fillPosition;
};
static_assert(sizeof(Notification) == 24 &&
    offsetof(Notification, fixups) == 4 &&
    offsetof(Notification, fillAt) == 8 &&
    offsetof(Notification, fillFile) == 12 &&
    offsetof(Notification, fillPosition) == 16,
    "Notification is laid out otherwise");

struct NotificationFixup {
  uint32_t at;
  uint16_t kind;
  uint16_t index;
};
static_assert(sizeof(NotificationFixup) == 8 &&
    offsetof(NotificationFixup, kind) == 4 &&
    offsetof(NotificationFixup, index) == 6,
    "NotificationFixup is laid out otherwise");

struct BatchHead {
  uint64_t cases;
  uint64_t resumeAt;
  uint64_t recordBytes;
  uint64_t logBytes;
};
static_assert(sizeof(BatchHead) == 32 &&
    offsetof(BatchHead, resumeAt) == 8 &&
    offsetof(BatchHead, recordBytes) == 16 &&
    offsetof(BatchHead, logBytes) == 24,
    "BatchHead is laid out otherwise");

struct ResultHead {
  uint32_t totalBytes;
  uint32_t index;
  uint32_t flags;
  uint32_t serial;
  uint32_t firstSeq;
  uint32_t steps;
  uint32_t traceBytes;
  uint32_t kmsgBytes;
  uint32_t changes;
  uint32_t streamsAt;
  uint64_t logStart;
  uint64_t logEnd;
  uint32_t writes;
  uint32_t reserved;
};
static_assert(sizeof(ResultHead) == 64 &&
    offsetof(ResultHead, index) == 4 &&
    offsetof(ResultHead, flags) == 8 &&
    offsetof(ResultHead, serial) == 12 &&
    offsetof(ResultHead, firstSeq) == 16 &&
    offsetof(ResultHead, steps) == 20 &&
    offsetof(ResultHead, traceBytes) == 24 &&
    offsetof(ResultHead, kmsgBytes) == 28 &&
    offsetof(ResultHead, changes) == 32 &&
    offsetof(ResultHead, streamsAt) == 36 &&
    offsetof(ResultHead, logStart) == 40 &&
    offsetof(ResultHead, logEnd) == 48 &&
    offsetof(ResultHead, writes) == 56 &&
    offsetof(ResultHead, reserved) == 60,
    "ResultHead is laid out otherwise");

struct StepHead {
  int64_t ret;
  uint32_t error;
  uint32_t begun;
  uint32_t runs;
  uint32_t extra;
  uint64_t size;
  uint32_t extents;
  uint32_t reserved;
};
static_assert(sizeof(StepHead) == 40 &&
    offsetof(StepHead, error) == 8 &&
    offsetof(StepHead, begun) == 12 &&
    offsetof(StepHead, runs) == 16 &&
    offsetof(StepHead, extra) == 20 &&
    offsetof(StepHead, size) == 24 &&
    offsetof(StepHead, extents) == 32 &&
    offsetof(StepHead, reserved) == 36,
    "StepHead is laid out otherwise");

struct PackedRun {
  uint32_t lengthBytes;
  uint16_t kind;
  uint16_t number;
  uint64_t first;
  uint64_t second;
};
static_assert(sizeof(PackedRun) == 24 &&
    offsetof(PackedRun, kind) == 4 &&
    offsetof(PackedRun, number) == 6 &&
    offsetof(PackedRun, first) == 8 &&
    offsetof(PackedRun, second) == 16,
    "PackedRun is laid out otherwise");

struct Change {
  uint32_t device;
  uint32_t runs;
  uint64_t offset;
};
static_assert(sizeof(Change) == 16 &&
    offsetof(Change, runs) == 4 &&
    offsetof(Change, offset) == 8,
    "Change is laid out otherwise");

struct Written {
  uint32_t seq;
  uint32_t runs;
};
static_assert(sizeof(Written) == 8 &&
    offsetof(Written, runs) == 4,
    "Written is laid out otherwise");

struct RecordHead {
  uint32_t requestBytes;
  int32_t replyBytes;
  uint32_t writeErrno;
  uint32_t seq;
};
static_assert(sizeof(RecordHead) == 16 &&
    offsetof(RecordHead, replyBytes) == 4 &&
    offsetof(RecordHead, writeErrno) == 8 &&
    offsetof(RecordHead, seq) == 12,
    "RecordHead is laid out otherwise");

enum CaseFlag : uint32_t {
  kQuiet = 1,
};

enum LineFlag : uint16_t {
  kOwnUnique = 1,
  kRaw = 2,
};

enum FixupKind : uint16_t {
  kDevice = 0,
  kNodeid = 1,
  kIno = 2,
};

enum ResultFlag : uint32_t {
  kBeyond = 1,
  kDeviceError = 2,
};

enum RunKind : uint16_t {
  kOther = 0,
  kZero = 4,
  kPoison = 5,
  kUnknown = 6,
};

enum Call : uint32_t {
  kOpen = 1,
  kClose = 2,
  kPread = 3,
  kPwrite = 4,
  kSeek = 5,
  kFiemap = 6,
  kFsync = 7,
  kFtruncate = 8,
  kFallocate = 9,
  kFstat = 10,
  kMmapRead = 11,
  kMmapWrite = 12,
  kNotify = 13,
};

constexpr uint32_t anyFile = 0xffffffff;
constexpr size_t packedOtherBytes = 16;

// What uapi/iomap.ts describes.

struct Mapping {
  uint64_t offset;
  uint64_t length;
  uint64_t addr;
  uint16_t type;
  uint16_t flags;
  uint32_t dev;
};
static_assert(sizeof(Mapping) == 32 &&
    offsetof(Mapping, length) == 8 &&
    offsetof(Mapping, addr) == 16 &&
    offsetof(Mapping, type) == 24 &&
    offsetof(Mapping, flags) == 26 &&
    offsetof(Mapping, dev) == 28,
    "Mapping is laid out otherwise");

struct BeginIn {
  uint32_t opflags;
  uint32_t reserved;
  uint64_t attrIno;
  uint64_t pos;
  uint64_t count;
};
static_assert(sizeof(BeginIn) == 32 &&
    offsetof(BeginIn, reserved) == 4 &&
    offsetof(BeginIn, attrIno) == 8 &&
    offsetof(BeginIn, pos) == 16 &&
    offsetof(BeginIn, count) == 24,
    "BeginIn is laid out otherwise");

struct IoendIn {
  uint32_t flags;
  int32_t error;
  uint64_t attrIno;
  uint64_t pos;
  uint64_t newAddr;
  uint64_t written;
  uint32_t dev;
  uint32_t pad;
};
static_assert(sizeof(IoendIn) == 48 &&
    offsetof(IoendIn, error) == 4 &&
    offsetof(IoendIn, attrIno) == 8 &&
    offsetof(IoendIn, pos) == 16 &&
    offsetof(IoendIn, newAddr) == 24 &&
    offsetof(IoendIn, written) == 32 &&
    offsetof(IoendIn, dev) == 40 &&
    offsetof(IoendIn, pad) == 44,
    "IoendIn is laid out otherwise");

}  // namespace iomapfuzz::table
