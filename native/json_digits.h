// The digits of numbers, one at a time and eight at once: where they end, and what number they are.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sabot {

// The value of a decimal digit; above 9: it is none.
inline uint64_t digit(char c) { return static_cast<uint8_t>(c - '0'); }
inline bool isDigit(char c) { return digit(c) <= 9; }
// Whether an exponent follows: `at` is behind the digits of a number.
inline bool hasExponent(const char* at) { return (*at | 0x20) == 'e'; }

// Eight bytes at once, the first one lowest: digits become 0 to 9. How many digits a number has is not branched upon,
// because in most columns it varies.
inline uint64_t digitsAt(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word ^ 0x3030303030303030;
}
// The top bit of each byte that is no digit; right up to the second of them, because a carry only goes up.
inline uint64_t notDigits(uint64_t word) { return ((word + 0x7676767676767676) | word) & 0x8080808080808080; }
// How many bytes lie below the lowest bit.
inline int bytesBelow(uint64_t bits) { return std::countr_zero(bits) >> 3; }
// The first `count` of them, 1 to 8, as a number.
inline uint64_t numberOf(uint64_t word, int count) {
  word <<= 64 - 8 * count;  // zeros in front
  word = (word * 10 + (word >> 8)) & 0x00FF00FF00FF00FF;
  word = (word * 100 + (word >> 16)) & 0x0000FFFF0000FFFF;
  return (word * 10000 + (word >> 32)) & 0xFFFFFFFF;
}

// Behind the digits that begin at `at`; eight bytes may be read from there on.
inline const char* behindDigits(const char* at) {
  for (;; at += 8) {
    const int count = bytesBelow(notDigits(digitsAt(at)));
    if (count < 8) return at + count;
  }
}

}  // namespace sabot
