// Self-describing bytes: harness/model/bytes.ts says what a word holds. Written for whole devices, so the common case,
// bytes that are as expected, is one comparison per word.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "call.h"
#include "pattern.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

namespace {
constexpr uint64_t magic = 0xd5ull << 56;
constexpr uint64_t positionMask = (1ull << 40) - 1;
constexpr uint8_t poisonByte = 0xa5;
constexpr size_t mostRuns = 4096;

uint64_t load(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}
uint64_t advance(uint64_t word, uint64_t words) { return (word & ~positionMask) | ((word + words) & positionMask); }
// The byte that lies `distance` bytes after the first byte of `word`; distance may be negative.
uint8_t byteAt(uint64_t word, int64_t distance) {
  int64_t words = distance >= 0 ? distance / 8 : -((-distance + 7) / 8);
  return advance(word, static_cast<uint64_t>(words)) >> 8 * (distance - words * 8);
}
bool isOwned(uint64_t word) {
  uint32_t kind = word >> 52 & 0xf;
  return (word & 0xffull << 56) == magic && kind >= 1 && kind <= 3;
}

}  // namespace

uint64_t owner(uint32_t kind, uint32_t number) {
  return magic | static_cast<uint64_t>(kind & 0xf) << 52 | static_cast<uint64_t>(number & 0xfff) << 40;
}

void fill(uint8_t* data, size_t length, uint64_t owner, uint64_t position) {
  uint64_t word = owner | (position / 8 & positionMask);
  size_t at = 0;
  for (; at < length && (position + at) % 8 != 0; at++) data[at] = byteAt(word, (position % 8) + at);
  word = advance(owner | ((position + at) / 8 & positionMask), 0);
  for (; at + 8 <= length; at += 8, word = advance(word, 1)) memcpy(data + at, &word, 8);
  for (size_t rest = 0; at < length; at++, rest++) data[at] = byteAt(word, rest);
}

namespace {
bool startsOwned(const uint8_t* data, size_t length, size_t at) {
  if (at + 8 > length) return false;
  uint64_t word = load(data + at);
  return isOwned(word) && (at + 16 > length || load(data + at + 8) == advance(word, 1));
}
bool startsEqual(const uint8_t* data, size_t length, size_t at) {
  if (at + 8 > length) return false;
  uint64_t word = load(data + at);
  return word == 0 || word == poisonByte * 0x0101010101010101ull;
}

// Does an owned run start at `at`? Needs a whole word, and the next one too where there is room: eight arbitrary bytes look
// like a word once in 1400 places.
bool ownedAt(const uint8_t* data, size_t length, size_t at, Run* run) {
  for (size_t lead = 0; lead < 8; lead++) {  // bytes before the first whole word
    size_t whole = at + lead;
    if (whole + 8 > length) return false;
    if (!startsOwned(data, length, whole)) continue;
    uint64_t word = load(data + whole);
    bool fits = true;
    for (size_t i = 1; i <= lead && fits; i++) fits = data[whole - i] == byteAt(word, -static_cast<int64_t>(i));
    if (!fits) continue;
    *run = {Source::Owned, at, whole + 8, lead ? advance(word, ~0ull) : word, static_cast<uint32_t>(lead ? 8 - lead : 0)};
    uint64_t next = advance(word, 1);
    while (run->end + 8 <= length && load(data + run->end) == next) run->end += 8, next = advance(next, 1);
    // The rest of a word that was cut, unless something else begins where the whole words end.
    if (startsOwned(data, length, run->end) || startsEqual(data, length, run->end)) return true;
    for (size_t rest = 0; rest < 8 && run->end < length && data[run->end] == byteAt(next, rest); rest++) run->end++;
    return true;
  }
  return false;
}

size_t sameBytes(const uint8_t* data, size_t length, size_t at, uint8_t value) {
  uint64_t word = value * 0x0101010101010101ull;
  size_t end = at;
  while (end + 8 <= length && load(data + end) == word) end += 8;
  while (end < length && data[end] == value) end++;
  return end;
}

}  // namespace

void decode(const uint8_t* data, size_t length, const std::function<void(const Run&)>& emit) {
  Run pending{Source::Other, 0, 0, 0, 0};
  size_t at = 0, runs = 0;
  auto flush = [&] {
    if (pending.end > pending.start) emit(pending), runs++;
  };
  while (at < length) {
    Run run;
    if (runs == mostRuns) {
      run = {Source::Other, at, length, 0, 0};
    } else if (ownedAt(data, length, at, &run)) {
      // Give back what a zero or other run took of this run's first word.
      while (pending.source != Source::Owned && run.start > pending.start && run.within > 0 &&
             data[run.start - 1] == byteAt(run.word, run.within - 1)) {
        run.start--, run.within--, pending.end--;
      }
    } else {
      size_t end = sameBytes(data, length, at, 0);
      Source source = Source::Zero;
      if (end == at) end = sameBytes(data, length, at, poisonByte), source = Source::Poison;
      // A few equal bytes amid others tell nothing.
      if (end - at < 8 && end != length && !(pending.source == source && pending.end == at)) source = Source::Other, end = at + 1;
      if (end == at) source = Source::Other, end = at + 1;
      run = {source, at, end, 0, 0};
    }
    if (run.source != Source::Owned && run.source == pending.source && pending.end == run.start) {
      pending.end = run.end;
    } else {
      flush();
      pending = run;
    }
    at = run.end;
  }
  flush();
}

namespace {
Napi::Object describe(Napi::Env env, const uint8_t* data, const Run& run) {
  Napi::Object source = Napi::Object::New(env);
  switch (run.source) {
    case Source::Owned: {
      static const char* const kinds[] = {"", "device", "writer", "server"};
      static const char* const numbers[] = {"", "device", "writer", "file"};
      uint32_t kind = run.word >> 52 & 0xf;
      source["kind"] = kinds[kind];
      source[numbers[kind]] = static_cast<double>(run.word >> 40 & 0xfff);
      source["offsetBytes"] = Napi::BigInt::New(env, (run.word & positionMask) * 8 + run.within);
      break;
    }
    case Source::Zero: source["kind"] = "zero"; break;
    case Source::Poison: source["kind"] = "poison"; break;
    case Source::Other: {
      char hex[33] = "";
      for (size_t i = 0; i < 16 && run.start + i < run.end; i++) snprintf(hex + 2 * i, 3, "%02x", data[run.start + i]);
      source["kind"] = "other";
      source["hex"] = hex;
    }
  }
  Napi::Object out = Napi::Object::New(env);
  out["lengthBytes"] = static_cast<double>(run.end - run.start);
  out["source"] = source;
  return out;
}

Napi::Array decodeToArray(Napi::Env env, const uint8_t* data, size_t length) {
  Napi::Array runs = Napi::Array::New(env);
  uint32_t count = 0;
  decode(data, length, [&](const Run& run) { runs[count++] = describe(env, data, run); });
  return runs;
}
}  // namespace

// fillPattern(buffer, at, length, kind, number, position)
static Napi::Value FillPattern(Info info) {
  Bytes into = window(info, 0, size(info, 1), size(info, 2));
  fill(into.data, into.length, owner(u32(info, 3), u32(info, 4)), u64(info, 5));
  return info.Env().Undefined();
}

// decodeRuns(buffer, at, length)
static Napi::Value DecodeRuns(Info info) {
  Bytes from = window(info, 0, size(info, 1), size(info, 2));
  return decodeToArray(info.Env(), from.data, from.length);
}

// writePattern(fd, device, size): the initial content of a whole device. 0 or -errno.
static Napi::Value WritePattern(Info info) {
  constexpr size_t chunk = 1 << 18;
  std::unique_ptr<uint8_t, decltype(&free)> memory(static_cast<uint8_t*>(aligned_alloc(4096, chunk)), free);
  int64_t total = size(info, 2);
  for (int64_t at = 0; at < total; at += chunk) {
    size_t length = std::min<int64_t>(chunk, total - at);
    fill(memory.get(), length, owner(1, u32(info, 1)), at);
    ssize_t ret = pwrite(i32(info, 0), memory.get(), length, at);
    if (ret >= 0 && static_cast<size_t>(ret) != length) errno = ENOSPC, ret = -1;
    if (ret < 0) return result(info, -1);
  }
  return result(info, 0);
}

int64_t compareAndRestore(int fd, uint32_t device, int64_t start, int64_t end, const std::function<void(int64_t, const uint8_t*, size_t)>& changed) {
  constexpr int64_t chunk = 1 << 18;
  static thread_local std::unique_ptr<uint8_t, decltype(&free)> memory(static_cast<uint8_t*>(aligned_alloc(4096, chunk)), free);
  const uint64_t initial = owner(1, device);
  for (int64_t base = start; base < end; base += chunk) {
    int64_t length = std::min(chunk, end - base);
    ssize_t ret = pread(fd, memory.get(), length, base);
    if (ret >= 0 && ret != length) errno = EIO, ret = -1;
    if (ret < 0) return -1;
    const uint64_t* words = reinterpret_cast<const uint64_t*>(memory.get());
    const uint64_t first = initial | base / 8;
    const int64_t most = length / 8;
    int64_t dirtyFrom = -1, dirtyTo = 0;
    for (int64_t i = 0; i < most;) {
      while (i < most && words[i] == first + i) i++;
      if (i == most) break;
      int64_t from = i;
      while (i < most && words[i] != first + i) i++;
      changed(base + from * 8, memory.get() + from * 8, (i - from) * 8);
      if (dirtyFrom < 0) dirtyFrom = from * 8;
      dirtyTo = i * 8;
    }
    if (dirtyFrom < 0) continue;
    // Whole pages, for direct I/O, or up to the end of the device.
    constexpr int64_t page = 4096;
    dirtyFrom = dirtyFrom / page * page;
    dirtyTo = std::min((dirtyTo + page - 1) / page * page, length);
    fill(memory.get() + dirtyFrom, dirtyTo - dirtyFrom, initial, base + dirtyFrom);
    ret = pwrite(fd, memory.get() + dirtyFrom, dirtyTo - dirtyFrom, base + dirtyFrom);
    if (ret >= 0 && ret != dirtyTo - dirtyFrom) errno = EIO, ret = -1;
    if (ret < 0) return -1;
  }
  return 0;
}

// compareAndRestore(fd, device, size): [{offsetBytes, content}] for each stretch of words that is not the device's initial
// content, which it then writes again; or -errno. The fd is open O_RDWR | O_DIRECT: the page cache is not asked.
static Napi::Value CompareAndRestore(Info info) {
  Napi::Env env = info.Env();
  Napi::Array changes = Napi::Array::New(env);
  uint32_t count = 0;
  int64_t ret = compareAndRestore(i32(info, 0), u32(info, 1), 0, size(info, 2), [&](int64_t offset, const uint8_t* data, size_t length) {
    Napi::Object change = Napi::Object::New(env);
    change["offsetBytes"] = Napi::BigInt::New(env, offset);
    change["content"] = decodeToArray(env, data, length);
    changes[count++] = change;
  });
  if (ret < 0) return result(info, -1);
  return changes;
}

void ExportPattern(Napi::Env env, Napi::Object exports) {
  exports["fillPattern"] = Napi::Function::New(env, FillPattern);
  exports["decodeRuns"] = Napi::Function::New(env, DecodeRuns);
  exports["writePattern"] = Napi::Function::New(env, WritePattern);
  exports["compareAndRestore"] = Napi::Function::New(env, CompareAndRestore);
}
}  // namespace iomapfuzz
