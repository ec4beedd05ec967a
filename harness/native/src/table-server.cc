// Answers requests from the current table case: its script, then what the server in TypeScript answers ordinarily
// (server/ordinary.ts). A request that neither knows makes the case one for TypeScript: it is marked, and run again.
#include "table.h"

#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "call.h"
#include "pattern.h"

namespace iomapfuzz {
namespace table {
Shared shared;

namespace {
constexpr uint64_t cacheSeconds = 3600;
constexpr uint64_t nullAddress = ~0ull;
constexpr char barrierName[] = ".barrier";

// What the kernel knows of a file, as far as the server keeps it.
struct Inode {
  uint64_t sizeBytes, seconds[3];
  uint32_t nanoseconds[3], mode, uid, gid;
};

// The server's own state of the current case.
struct State {
  uint64_t number = 0;
  uint32_t left[mostLines];
  Inode inodes[mostFiles];
} state;

struct Reply {
  uint8_t bytes[512];
  // The scripted reply when it is not in `bytes`.
  const uint8_t* data = bytes;
  size_t length = 0;
  bool raw = false;
  // What the script's line had sent before.
  uint32_t line = 0, notified = 0, notifyErrnos[mostNotifications];
};

void enter(const Current* current) {
  if (state.number == current->number) return;
  state.number = current->number;
  const CaseHeader& header = *current->parts.header;
  for (uint32_t i = 0; i < header.lines; i++) state.left[i] = current->parts.lines[i]->times ? current->parts.lines[i]->times : ~0u;
  for (uint32_t i = 0; i < header.files; i++) {
    state.inodes[i] = {};
    state.inodes[i].sizeBytes = current->parts.files[i].sizeBytes;
    state.inodes[i].mode = S_IFREG | 0644;
  }
}

// For replies that are longer than a Reply has room; one at a time, as requests are.
uint8_t longReply[1 << 16];

void succeed(Reply& reply, uint64_t unique, const void* payload, size_t length) {
  fuse_out_header header{static_cast<uint32_t>(sizeof(header) + length), 0, unique};
  memcpy(reply.bytes, &header, sizeof(header));
  if (length > 0) memcpy(reply.bytes + sizeof(header), payload, length);
  reply.length = header.len;
}
void fail(Reply& reply, uint64_t unique, int error) {
  succeed(reply, unique, nullptr, 0);
  reinterpret_cast<fuse_out_header*>(reply.bytes)->error = -error;
}

// True: a line of the script answers.
bool scripted(Reply& reply, const Current& current, const fuse_in_header& in, uint32_t file) {
  const Batch& batch = *shared.batch;
  uint32_t opflags = 0;
  uint64_t pos = 0;
  if (in.opcode == batch.opBegin || in.opcode == batch.opEnd) memcpy(&opflags, &in + 1, sizeof(opflags));
  // At the same place in all three.
  if (in.opcode == batch.opBegin || in.opcode == batch.opEnd || in.opcode == batch.opIoend) memcpy(&pos, reinterpret_cast<const uint8_t*>(&in + 1) + offsetof(BeginIn, pos), sizeof(pos));
  for (uint32_t i = 0; i < current.parts.header->lines; i++) {
    const Line& line = *current.parts.lines[i];
    if (line.opcode != in.opcode || state.left[i] == 0 || (line.file != anyFile && line.file != file)) continue;
    if ((opflags & line.opflagsSet) != line.opflagsSet || (opflags & line.opflagsClear) != 0) continue;
    if (pos < line.posFirst || pos > line.posLast) continue;
    if (state.left[i] != ~0u) state.left[i]--;
    reply.line = i;
    reply.notified = line.before;
    for (uint32_t n = 0; n < line.before; n++) reply.notifyErrnos[n] = std::max<int64_t>(-notify(current, line.firstBefore + n), 0);
    const Fixup* fixups = reinterpret_cast<const Fixup*>(&line + 1);
    const uint8_t* from = reinterpret_cast<const uint8_t*>(fixups + line.fixups);
    // Long replies, which are always raw bytes, have a header of their own and need no change but `unique`.
    uint8_t* into = line.replyBytes <= sizeof(reply.bytes) ? reply.bytes : longReply;
    memcpy(into, from, line.replyBytes);
    for (uint32_t f = 0; f < line.fixups; f++) memcpy(into + fixups[f].at, &shared.batch->cookies[fixups[f].device], 4);
    if (!(line.flags & kOwnUnique)) memcpy(into + offsetof(fuse_out_header, unique), &in.unique, 8);
    reply.data = into;
    reply.length = line.replyBytes;
    reply.raw = line.flags & kRaw;
    return true;
  }
  return false;
}

fuse_attr attributes(const Current& current, uint32_t file) {
  const Inode& inode = state.inodes[file];
  const Batch& batch = *shared.batch;
  fuse_attr attr{};
  attr.ino = batch.firstNodeid + current.serial * batch.nodesPerCase + file + batch.inoOffset;
  attr.size = inode.sizeBytes;
  attr.blocks = (inode.sizeBytes + 511) / 512;
  attr.atime = inode.seconds[0], attr.mtime = inode.seconds[1], attr.ctime = inode.seconds[2];
  attr.atimensec = inode.nanoseconds[0], attr.mtimensec = inode.nanoseconds[1], attr.ctimensec = inode.nanoseconds[2];
  attr.mode = inode.mode;
  attr.nlink = 1;
  attr.uid = inode.uid;
  attr.gid = inode.gid;
  attr.flags = current.parts.files[file].attrFlags;
  return attr;
}

void replyAttributes(Reply& reply, const Current& current, const fuse_in_header& in, uint32_t file) {
  fuse_attr_out out{};
  out.attr_valid = cacheSeconds;
  out.attr = attributes(current, file);
  succeed(reply, in.unique, &out, sizeof(out));
}

void setAttributes(Inode& inode, const fuse_setattr_in& in) {
  if (in.valid & FATTR_SIZE) inode.sizeBytes = in.size;
  if (in.valid & FATTR_MODE) inode.mode = in.mode;
  if (in.valid & FATTR_UID) inode.uid = in.uid;
  if (in.valid & FATTR_GID) inode.gid = in.gid;
  const uint32_t set[] = {FATTR_ATIME, FATTR_MTIME, FATTR_CTIME}, now[] = {FATTR_ATIME_NOW, FATTR_MTIME_NOW, 0};
  const uint64_t seconds[] = {in.atime, in.mtime, in.ctime};
  const uint32_t nanoseconds[] = {in.atimensec, in.mtimensec, in.ctimensec};
  for (int i = 0; i < 3; i++) {
    if (in.valid & now[i]) inode.seconds[i] = time(nullptr), inode.nanoseconds[i] = 0;
    else if (in.valid & set[i]) inode.seconds[i] = seconds[i], inode.nanoseconds[i] = nanoseconds[i];
  }
}

// A hole over what was asked, to be overwritten: harmless, and refused by nothing.
void replyHole(Reply& reply, const fuse_in_header& in, const BeginIn& begin) {
  constexpr uint64_t page = 4096;
  const uint64_t offset = begin.pos / page * page;
  __uint128_t end = static_cast<__uint128_t>(begin.pos) + begin.count;
  __uint128_t asked = end > offset ? end - offset : page;
  __uint128_t length = (asked + page - 1) / page * page, most = (static_cast<__uint128_t>(1) << 63) - offset;
  Mapping half{offset, static_cast<uint64_t>(std::min(length, most)), nullAddress, shared.batch->typeHole, 0, 0};
  Mapping out[2] = {half, half};
  out[1].type = shared.batch->typePureOverwrite;
  succeed(reply, in.unique, out, sizeof(out));
}

enum class Outcome { Answered, Silent, Beyond };

// What a READ of a file without content of its own gets: the server's pattern.
Outcome replyData(Reply& reply, const fuse_in_header& in, const fuse_read_in& read, uint32_t file) {
  const uint64_t size = state.inodes[file].sizeBytes, left = read.offset < size ? size - read.offset : 0;
  const size_t length = std::min<uint64_t>(left, read.size);
  if (length > sizeof(longReply) - sizeof(fuse_out_header)) return Outcome::Beyond;
  fuse_out_header header{static_cast<uint32_t>(sizeof(header) + length), 0, in.unique};
  memcpy(longReply, &header, sizeof(header));
  fill(longReply + sizeof(header), length, owner(3, file), read.offset);
  reply.data = longReply;
  reply.length = header.len;
  return Outcome::Answered;
}

// A WRITE is taken note of and acknowledged: no case's file has content of its own.
Outcome replyWritten(Reply& reply, const fuse_in_header& in, const fuse_write_in& write, size_t length, uint32_t file) {
  Inode& inode = state.inodes[file];
  const uint64_t data = length - sizeof(in) - sizeof(write);
  if (write.offset + data < write.offset) return Outcome::Beyond;
  inode.sizeBytes = std::max(inode.sizeBytes, write.offset + data);
  fuse_write_out out{static_cast<uint32_t>(data), 0};
  succeed(reply, in.unique, &out, sizeof(out));
  return Outcome::Answered;
}

Outcome replyAllocated(Reply& reply, const fuse_in_header& in, const fuse_fallocate_in& arg, uint32_t file) {
  constexpr uint32_t keepSize = 1;
  Inode& inode = state.inodes[file];
  if (arg.offset + arg.length < arg.offset) return Outcome::Beyond;
  if (!(arg.mode & keepSize)) inode.sizeBytes = std::max(inode.sizeBytes, arg.offset + arg.length);
  succeed(reply, in.unique, nullptr, 0);
  return Outcome::Answered;
}

Outcome replySought(Reply& reply, const fuse_in_header& in, const fuse_lseek_in& arg, uint32_t file) {
  const uint64_t size = state.inodes[file].sizeBytes;
  fuse_lseek_out out{arg.whence == SEEK_DATA ? arg.offset : size};
  if (arg.offset >= size) fail(reply, in.unique, ENXIO);
  else succeed(reply, in.unique, &out, sizeof(out));
  return Outcome::Answered;
}

// What the server answers when no line of the script does.
Outcome ordinary(Reply& reply, const Current& current, const fuse_in_header& in, size_t length, uint32_t file) {
  const uint8_t* arg = reinterpret_cast<const uint8_t*>(&in + 1);
  // Shorter structures than ours come from older kernels: TypeScript reads those.
  auto holds = [&](size_t bytes) { return length >= sizeof(in) + bytes; };
  const Batch& batch = *shared.batch;
  if (in.opcode == batch.opBegin) {
    if (!holds(sizeof(BeginIn))) return Outcome::Beyond;
    replyHole(reply, in, *reinterpret_cast<const BeginIn*>(arg));
    return Outcome::Answered;
  }
  if (in.opcode == batch.opEnd) {
    succeed(reply, in.unique, nullptr, 0);
    return Outcome::Answered;
  }
  if (in.opcode == batch.opIoend) {
    if (!holds(sizeof(IoendIn))) return Outcome::Beyond;
    const IoendIn& ioend = *reinterpret_cast<const IoendIn*>(arg);
    Inode& inode = state.inodes[file];
    __uint128_t end = static_cast<__uint128_t>(ioend.pos) + ioend.written;
    if (ioend.error == 0 && end > inode.sizeBytes) {
      if (end >> 64) return Outcome::Beyond;
      inode.sizeBytes = static_cast<uint64_t>(end);
    }
    succeed(reply, in.unique, &inode.sizeBytes, sizeof(inode.sizeBytes));
    return Outcome::Answered;
  }
  switch (in.opcode) {
    case FUSE_LOOKUP: {
      fuse_entry_out out{};
      out.nodeid = batch.firstNodeid + current.serial * batch.nodesPerCase + file;
      out.entry_valid = out.attr_valid = cacheSeconds;
      out.attr = attributes(current, file);
      succeed(reply, in.unique, &out, sizeof(out));
      return Outcome::Answered;
    }
    case FUSE_GETATTR: replyAttributes(reply, current, in, file); return Outcome::Answered;
    case FUSE_SETATTR:
      if (!holds(sizeof(fuse_setattr_in))) return Outcome::Beyond;
      setAttributes(state.inodes[file], *reinterpret_cast<const fuse_setattr_in*>(arg));
      replyAttributes(reply, current, in, file);
      return Outcome::Answered;
    case FUSE_READ: return holds(sizeof(fuse_read_in)) ? replyData(reply, in, *reinterpret_cast<const fuse_read_in*>(arg), file) : Outcome::Beyond;
    case FUSE_WRITE: return holds(sizeof(fuse_write_in)) ? replyWritten(reply, in, *reinterpret_cast<const fuse_write_in*>(arg), length, file) : Outcome::Beyond;
    case FUSE_FALLOCATE: return holds(sizeof(fuse_fallocate_in)) ? replyAllocated(reply, in, *reinterpret_cast<const fuse_fallocate_in*>(arg), file) : Outcome::Beyond;
    case FUSE_LSEEK: return holds(sizeof(fuse_lseek_in)) ? replySought(reply, in, *reinterpret_cast<const fuse_lseek_in*>(arg), file) : Outcome::Beyond;
    case FUSE_RELEASE:
    case FUSE_FSYNC: succeed(reply, in.unique, nullptr, 0); return Outcome::Answered;
    case FUSE_OPEN:
    case FUSE_FLUSH:
    case FUSE_GETXATTR:
    case FUSE_SETXATTR:
    case FUSE_LISTXATTR:
    case FUSE_REMOVEXATTR:
    case FUSE_ACCESS: fail(reply, in.unique, ENOSYS); return Outcome::Answered;
    case FUSE_FORGET:
    case FUSE_NOTIFY_REPLY:
    case FUSE_INTERRUPT: return Outcome::Silent;
    default: return Outcome::Beyond;
  }
}

constexpr size_t padded(size_t bytes) { return (bytes + 7) & ~static_cast<size_t>(7); }

// Appends an exchange; returns where the errno of its write goes, null: no room.
uint32_t* append(const uint8_t* request, size_t requestBytes, const Reply* reply, uint32_t seq) {
  size_t used = shared.logUsed.load(std::memory_order_relaxed);
  size_t kept = std::min(requestBytes, keptBytes), keptReply = reply ? std::min(reply->length, keptBytes) : 0;
  const uint32_t notified = reply ? reply->notified : 0;
  const size_t before = notified ? sizeof(RecordHead) + padded(4 * (notified + 1)) : 0;
  size_t total = before + sizeof(RecordHead) + padded(kept) + padded(keptReply);
  if (used + total > logBytes) {
    shared.beyond = true;
    return nullptr;
  }
  uint8_t* out = shared.log + used;
  if (before) {
    const RecordHead record{0, static_cast<int32_t>(4 * (notified + 1)), 0, seq};
    memcpy(out, &record, sizeof(record));
    memcpy(out + sizeof(record), &reply->line, 4);
    memcpy(out + sizeof(record) + 4, reply->notifyErrnos, 4 * notified);
    out += before;
  }
  const RecordHead head{static_cast<uint32_t>(requestBytes), reply ? static_cast<int32_t>(reply->length) : -1, 0, seq};
  memcpy(out, &head, sizeof(head));
  memcpy(out + sizeof(head), request, kept);
  if (reply) memcpy(out + sizeof(head) + padded(kept), reply->data, keptReply);
  shared.logUsed.store(used + total, std::memory_order_release);
  return reinterpret_cast<uint32_t*>(out + offsetof(RecordHead, writeErrno));
}

// Which file of the current case the request is about; -1: none.
int64_t fileOf(const Current& current, const fuse_in_header& in, size_t length) {
  const uint32_t files = current.parts.header->files;
  if (in.opcode == FUSE_LOOKUP && in.nodeid == FUSE_ROOT_ID) {
    const char* name = reinterpret_cast<const char*>(&in + 1);
    if (length <= sizeof(in) || memchr(name, 0, length - sizeof(in)) == nullptr || name[0] != 'c') return -1;
    char* end;
    unsigned long serial = strtoul(name + 1, &end, 10);
    if (*end != '.' || serial != current.serial) return -1;
    unsigned long file = strtoul(end + 1, &end, 10);
    return *end == 0 && file < files ? static_cast<int64_t>(file) : -1;
  }
  const Batch& batch = *shared.batch;
  const uint64_t first = batch.firstNodeid + current.serial * batch.nodesPerCase;
  return in.nodeid >= first && in.nodeid - first < files ? static_cast<int64_t>(in.nodeid - first) : -1;
}

// True: the request was dealt with. False: it is the server's in TypeScript.
bool answer(int fd, const uint8_t* request, size_t length) {
  const Current* current = shared.current.load();
  if (current == nullptr || length < sizeof(fuse_in_header)) return false;
  const fuse_in_header& in = *reinterpret_cast<const fuse_in_header*>(request);
  int64_t file = fileOf(*current, in, length);
  Reply reply;
  if (file < 0) {
    // What is left of earlier cases: inodes that are forgotten or written back late. They are in no transcript.
    if (in.opcode == FUSE_FORGET || in.opcode == FUSE_BATCH_FORGET || in.opcode == FUSE_INTERRUPT) return true;
    bool barrier = in.opcode == FUSE_LOOKUP && in.nodeid == FUSE_ROOT_ID && length == sizeof(in) + sizeof(barrierName) &&
                   memcmp(&in + 1, barrierName, sizeof(barrierName)) == 0;
    if (!barrier && in.nodeid < shared.batch->firstNodeid) {
      shared.beyond = true;
      return false;
    }
    fail(reply, in.unique, barrier ? ENOENT : ESTALE);
    if (write(fd, reply.data, reply.length) < 0) return true;
    return true;
  }
  enter(current);
  const uint32_t seq = shared.next.fetch_add(1);
  Outcome outcome = Outcome::Answered;
  if (shared.exchanges.fetch_add(1) >= mostExchanges) outcome = Outcome::Beyond;
  else if (!scripted(reply, *current, in, file)) outcome = ordinary(reply, *current, in, length, file);
  if (outcome == Outcome::Beyond) {
    shared.beyond = true;
    fail(reply, in.unique, EIO);
    reply.data = reply.bytes;
  }
  // Logged before it is sent: once the workload goes on, everything is there but the errno of the write, which the end of the batch waits for.
  uint32_t* writeErrno = append(request, length, outcome == Outcome::Silent ? nullptr : &reply, seq);
  if (outcome == Outcome::Silent) return true;
  if (write(fd, reply.data, reply.length) >= 0) return true;
  if (writeErrno) *writeErrno = errno;
  if (reply.raw) {
    reply.data = reply.bytes;
    fail(reply, in.unique, EIO);
    if (write(fd, reply.bytes, reply.length) < 0) return true;
  }
  return true;
}
}  // namespace

int64_t notify(const Current& current, uint32_t index) {
  const Notification& what = *current.parts.notifications[index];
  const Batch& batch = *shared.batch;
  std::vector<uint8_t> message(what.bytes);
  const NotificationFixup* fixups = reinterpret_cast<const NotificationFixup*>(&what + 1);
  memcpy(message.data(), fixups + what.fixups, what.bytes);
  for (uint32_t f = 0; f < what.fixups; f++) {
    const NotificationFixup& fixup = fixups[f];
    const uint64_t nodeid = batch.firstNodeid + current.serial * batch.nodesPerCase + fixup.index, ino = nodeid + batch.inoOffset;
    switch (fixup.kind) {
      case kDevice: memcpy(&message[fixup.at], &batch.cookies[fixup.index], 4); break;
      case kNodeid: memcpy(&message[fixup.at], &nodeid, 8); break;
      case kIno: memcpy(&message[fixup.at], &ino, 8); break;
    }
  }
  if (what.fillAt) fill(message.data() + what.fillAt, what.bytes - what.fillAt, owner(3, what.fillFile), what.fillPosition);
  for (;;) {
    ssize_t ret = write(batch.fuseFd, message.data(), message.size());
    if (ret >= 0) return ret;
    if (errno != EINTR) return -errno;
  }
}
}  // namespace table

using Info = const Napi::CallbackInfo&;

// readUnanswered(fd, buffer, at, length): as read(2), but requests that the current table case answers are answered.
static Napi::Value ReadUnanswered(Info info) {
  using table::shared;
  int fd = i32(info, 0);
  Bytes into = window(info, 1, size(info, 2), size(info, 3));
  for (;;) {
    ssize_t ret = read(fd, into.data, into.length);
    if (ret < 0 && errno == EINTR) continue;
    if (ret <= 0) return result(info, ret);
    memcpy(shared.last, into.data, std::min<size_t>(ret, sizeof(shared.last)));
    shared.lastBytes = std::min<size_t>(ret, sizeof(shared.last));
    shared.taken++;
    bool answered = table::answer(fd, into.data, ret);
    shared.handled++;
    if (!answered) return result(info, ret);
  }
}

// progress(out): where the workload of a table is, for a thread that watches it: 1 while one runs, else 0; index of its case; its step; requests read
// and dealt with by either server; requests of the case; 1 when endTable ended the last batch, else 0.
static Napi::Value Progress(Info info) {
  using table::shared;
  auto out = info[0].As<Napi::Uint32Array>();
  const uint32_t words[] = {shared.current.load() != nullptr, shared.index, shared.step, shared.taken, shared.handled, shared.exchanges, shared.endless};
  for (size_t i = 0; i < std::min<size_t>(out.ElementLength(), 7); i++) out[i] = words[i];
  return info.Env().Undefined();
}

// lastRequest(): the beginning of the request that was read last; empty: there was none.
static Napi::Value LastRequest(Info info) {
  using table::shared;
  return Napi::Buffer<uint8_t>::Copy(info.Env(), shared.last, shared.lastBytes);
}

// endTable(): no further case of the batch that runs is begun, and the current one tells nothing.
static Napi::Value EndTable(Info info) {
  table::shared.beyond = true;
  table::shared.endless = true;
  return info.Env().Undefined();
}

void ExportTableServer(Napi::Env env, Napi::Object exports) {
  exports["progress"] = Napi::Function::New(env, Progress);
  exports["lastRequest"] = Napi::Function::New(env, LastRequest);
  exports["endTable"] = Napi::Function::New(env, EndTable);
  exports["readUnanswered"] = Napi::Function::New(env, ReadUnanswered);
}
}  // namespace iomapfuzz
