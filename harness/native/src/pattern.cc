// Self-describing bytes: model/bytes.ts says what a word holds. Written for whole devices, so the common case,
// bytes that are as expected, is one comparison per word.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "call.h"
#include "pattern.h"

namespace iomapfuzz {
using Info = const Napi::CallbackInfo&;

namespace {
constexpr uint64_t magic = 0xd5ull << 56;
constexpr uint64_t positionMask = (1ull << 40) - 1;
constexpr uint8_t poisonByte = 0xa5;
// More than that of one buffer is not described: it is unknown.
constexpr size_t mostRuns = 4096;
constexpr size_t mostOtherBytes = 4096;

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
bool startsEqual(const uint8_t* data, size_t length, size_t at) {
  if (at + 8 > length) return false;
  uint64_t word = load(data + at);
  return word == 0 || word == poisonByte * 0x0101010101010101ull;
}

// Eight bytes that follow each other hold each byte of a word once, wherever in the word they begin, and so name an owner and
// a position. `last`: index of the last byte of a word whose first one lies at last - 7, perhaps before `at`: what is not
// there of the word is then taken from the next one. False: there is no word.
bool wordAround(const uint8_t* data, size_t length, size_t at, size_t last, uint64_t* word) {
  if (last >= length || data[last] != magic >> 56) return false;
  const int64_t start = static_cast<int64_t>(last) - 7;
  const size_t missing = start < static_cast<int64_t>(at) ? at - start : 0;
  if (last + missing >= length) return false;
  *word = 0;
  for (size_t i = missing; i < 8; i++) *word |= static_cast<uint64_t>(data[start + static_cast<int64_t>(i)]) << 8 * i;
  uint64_t low = 0;
  for (size_t i = 0; i < missing; i++) low |= static_cast<uint64_t>(data[last + 1 + i]) << 8 * i;
  if (missing > 0) *word |= (low - 1) & ((1ull << 8 * missing) - 1);
  return isOwned(*word);
}

// How much the bytes say, in bits. The magic and the kind are 12; those beyond the first eight can be predicted; small owner
// numbers and positions are what cases have.
unsigned evidence(uint64_t word, size_t length) {
  unsigned bits = 12 + 8 * static_cast<unsigned>(std::min<size_t>(length - 8, 8));
  if ((word >> 40 & 0xfff) < 0x100) bits += 4;
  if ((word & positionMask) >> 32 == 0) bits += 8;
  return bits;
}
constexpr unsigned enoughEvidence = 24;

// The longest run of one owner that starts at `at`, with what of its last word is there; `wholeEnd`: where its whole words end.
// Eight arbitrary bytes look like a word once in 170 places: it takes more.
bool longestOwned(const uint8_t* data, size_t length, size_t at, Run* run, size_t* wholeEnd) {
  bool found = false;
  // The word's owner, in its last three bytes, must be there.
  for (size_t last = at + 2; last < at + 10 && last < length; last++) {
    uint64_t word;
    if (!wordAround(data, length, at, last, &word)) continue;
    const int64_t start = static_cast<int64_t>(last) - 7;
    size_t end = at;
    while (end <= last && data[end] == byteAt(word, static_cast<int64_t>(end) - start)) end++;
    if (end <= last) continue;
    uint64_t next = advance(word, 1);
    while (end + 8 <= length && load(data + end) == next) end += 8, next = advance(next, 1);
    const size_t whole = end;
    for (size_t rest = 0; rest < 8 && end < length && data[end] == byteAt(next, rest); rest++) end++;
    if (end - at < 8 || evidence(word, end - at) < enoughEvidence || (found && end <= run->end)) continue;
    const bool leads = start > static_cast<int64_t>(at);
    *run = {Source::Owned, at, end, leads ? advance(word, ~0ull) : word, static_cast<uint32_t>(leads ? 8 - (start - at) : at - start)};
    *wholeEnd = whole;
    found = true;
  }
  return found;
}

// Does a run of an owner start at `at`? The rest of a word that was cut belongs to it, unless something else begins there.
bool ownedAt(const uint8_t* data, size_t length, size_t at, Run* run) {
  size_t whole, unused;
  Run other;
  if (!longestOwned(data, length, at, run, &whole)) return false;
  if (whole < run->end && whole - at >= 8 &&
      (startsEqual(data, length, whole) || (longestOwned(data, length, whole, &other, &unused) && other.end - whole >= 16)))
    run->end = whole;
  return true;
}

// As ownedAt, but false for few bytes that look like an owner's where more do from one of the next bytes on.
bool bestOwnedAt(const uint8_t* data, size_t length, size_t at, Run* run) {
  if (!ownedAt(data, length, at, run)) return false;
  const size_t reach = run->end - at;
  if (reach >= 16) return true;
  Run other;
  for (size_t start = at + 1; start < at + 8; start++)
    if (ownedAt(data, length, start, &other) && other.end - start > reach) return false;
  return true;
}

size_t sameBytes(const uint8_t* data, size_t length, size_t at, uint8_t value) {
  uint64_t word = value * 0x0101010101010101ull;
  size_t end = at;
  while (end + 8 <= length && load(data + end) == word) end += 8;
  while (end < length && data[end] == value) end++;
  return end;
}

// Where equal bytes [at, end) stop because a run of an owner begins, whose first bytes are like them. Of several the one that
// explains most bytes.
size_t giveBack(const uint8_t* data, size_t length, size_t at, size_t end) {
  size_t best = end, reach = end;
  Run run;
  for (size_t start = end - at > 7 ? end - 7 : at; start < end; start++)
    if (ownedAt(data, length, start, &run) && run.end > reach) best = start, reach = run.end;
  return best;
}

}  // namespace

void decode(const uint8_t* data, size_t length, const std::function<void(const Run&)>& emit) {
  Run pending{Source::Other, 0, 0, 0, 0};
  size_t at = 0, runs = 0, others = 0;
  auto flush = [&] {
    if (pending.end == pending.start) return;
    const size_t kept = pending.source == Source::Other ? std::min(pending.end - pending.start, mostOtherBytes - others) : pending.end - pending.start;
    if (pending.source == Source::Other) others += kept;
    if (kept > 0) emit({pending.source, pending.start, pending.start + kept, pending.word, pending.within}), runs++;
    if (pending.start + kept < pending.end) emit({Source::Unknown, pending.start + kept, pending.end, 0, 0}), runs++;
  };
  while (at < length) {
    Run run;
    if (runs >= mostRuns) {
      run = {Source::Unknown, at, length, 0, 0};
    } else if (!bestOwnedAt(data, length, at, &run)) {
      size_t end = sameBytes(data, length, at, 0);
      Source source = Source::Zero;
      if (end == at) end = sameBytes(data, length, at, poisonByte), source = Source::Poison;
      if (end > at && end < length) end = giveBack(data, length, at, end);
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
    case Source::Unknown: source["kind"] = "unknown"; break;
    case Source::Other: {
      std::string hex;
      for (size_t i = run.start; i < run.end; i++) {
        char digits[3];
        snprintf(digits, sizeof(digits), "%02x", data[i]);
        hex += digits;
      }
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
