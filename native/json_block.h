// Sixteen bytes at once: where text ends, and whether a key is the expected one.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sabot {

// Bytes that may be read behind the end of a document, whatever they are.
constexpr size_t kJsonPadding = 64;

#if defined(__SSE2__)

class Block {
 public:
  static constexpr size_t size = 16;
  explicit Block(const char* at) : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}
  void store(void* to) const { _mm_storeu_si128(static_cast<__m128i*>(to), bytes_); }

  // Bit i: byte i is a quote, a backslash, a control character or not ASCII (as a signed number it is below 0x20 too).
  uint32_t stops() const {
    return mask(_mm_or_si128(quoteOrSlash(), _mm_cmplt_epi8(bytes_, _mm_set1_epi8(0x20))));
  }
  // The same, but bytes that are not ASCII pass.
  uint32_t stopsOfText() const {
    const __m128i low = _mm_set1_epi8(0x1F);
    return mask(_mm_or_si128(quoteOrSlash(), _mm_cmpeq_epi8(_mm_max_epu8(bytes_, low), low)));
  }
  // Bit i: byte i is the same.
  uint32_t same(const Block& other) const { return mask(_mm_cmpeq_epi8(bytes_, other.bytes_)); }
  // Bit i: byte i is a backslash, or a quote with `second` (everywhere the same) in byte i of the block behind by one.
  uint32_t slashesOrPairs(const Block& behind, const Block& second) const {
    const __m128i pairs = _mm_and_si128(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8('"')),
                                        _mm_cmpeq_epi8(behind.bytes_, second.bytes_));
    return mask(_mm_or_si128(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8('\\')), pairs));
  }

 private:
  static uint32_t mask(__m128i bytes) { return static_cast<uint32_t>(_mm_movemask_epi8(bytes)); }
  __m128i quoteOrSlash() const {
    return _mm_or_si128(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('\\')));
  }

  __m128i bytes_;
};

#else

class Block {
 public:
  static constexpr size_t size = 16;
  explicit Block(const char* at) { std::memcpy(bytes_, at, size); }
  void store(void* to) const { std::memcpy(to, bytes_, size); }

  uint32_t stops() const {
    return mask([](uint8_t c) { return c < 0x20 || c >= 0x80 || c == '"' || c == '\\'; });
  }
  uint32_t stopsOfText() const {
    return mask([](uint8_t c) { return c < 0x20 || c == '"' || c == '\\'; });
  }
  uint32_t same(const Block& other) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < size; ++i) bits |= uint32_t{bytes_[i] == other.bytes_[i]} << i;
    return bits;
  }
  uint32_t slashesOrPairs(const Block& behind, const Block& second) const {
    return mask([](uint8_t c) { return c == '\\'; }) | (mask([](uint8_t c) { return c == '"'; }) & behind.same(second));
  }

 private:
  template <class Stops>
  uint32_t mask(Stops stops) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < size; ++i) bits |= uint32_t{stops(bytes_[i])} << i;
    return bits;
  }

  uint8_t bytes_[size];
};

#endif

}  // namespace sabot
