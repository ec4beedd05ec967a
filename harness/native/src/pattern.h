// Self-describing bytes (model/bytes.ts), for the addon's own use.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace iomapfuzz {

// Unknown: bytes that are not described, because there was too much to say of those before them.
enum class Source { Owned, Zero, Poison, Other, Unknown };
struct Run {
  Source source;
  size_t start, end;
  uint64_t word;    // Owned: the word that contains the run's first byte
  uint32_t within;  // Owned: that byte's place in it
};

// The constant part of an owner's words.
uint64_t owner(uint32_t kind, uint32_t number);
// Fills data[0, length) with an owner's bytes from byte `position` on.
void fill(uint8_t* data, size_t length, uint64_t owner, uint64_t position);
// Calls `emit` for each run, in order and without gaps. What a run says of its bytes is what they are. Bytes at a border that
// fit both neighbours go to the owned one: a word has zero bytes. An owner is named from sixteen bytes on, wherever in a
// word they begin and end, and mostly from nine on.
void decode(const uint8_t* data, size_t length, const std::function<void(const Run&)>& emit);
// Compares device bytes [start, end), multiples of the sector size, with the initial content of device `device`, calls back for
// each stretch of words that differs, and restores it. 0, or -1 with errno set. `fd` is open O_RDWR | O_DIRECT.
int64_t compareAndRestore(int fd, uint32_t device, int64_t start, int64_t end,
                          const std::function<void(int64_t offset, const uint8_t* data, size_t length)>& changed);

}  // namespace iomapfuzz
