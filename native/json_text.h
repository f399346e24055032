// Scalars as JSON text: what the JSON encoder, the text encoder and small messages of our own are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sabot.h"

namespace sabot {

// Bytes that grow; a plain pointer pair, because std::vector's push_back costs more than the digits it appends.
class TextBuffer {
 public:
  explicit TextBuffer(std::vector<char>& bytes) : bytes_(bytes), size_(bytes.size()) {}
  ~TextBuffer() { bytes_.resize(size_); }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;

  // Room for `more` bytes at end(); whoever writes there calls advance(). Throws bad_alloc.
  char* room(size_t more) {
    if (bytes_.size() - size_ < more) bytes_.resize((size_ + more) * 2);
    return bytes_.data() + size_;
  }
  void advance(const char* end) { size_ = static_cast<size_t>(end - bytes_.data()); }
  void append(std::string_view text);
  void append(char c) {
    *room(1) = c;
    ++size_;
  }
  size_t size() const { return size_; }
  void truncate(size_t size) { size_ = size; }

 private:
  std::vector<char>& bytes_;
  size_t size_;
};

// Exact digits.
void appendInt64(TextBuffer& out, int64_t value);
void appendUInt64(TextBuffer& out, uint64_t value);

// The shortest digits that read back as the same value, formatted as JavaScript's Number.prototype.toString: 1e21,
// 1e-7, 0.000001, -0 is 0. `value` is finite. A float32 gets the shortest digits that read back as the same float32, also
// by way of a double (0.1f is 0.1, where JavaScript, which only knows it as a double, writes 0.10000000149011612).
void appendDouble(TextBuffer& out, double value);
void appendFloat(TextBuffer& out, float value);

// 16 bytes, little endian two's complement, `scale` digits behind the point (negative: zeros before it); exact.
void appendDecimal128(TextBuffer& out, const uint8_t* value, int scale);

// ISO 8601 without quotes: "2024-02-29T12:00:00.000Z", "+010000-01-01T..." outside of years 0 to 9999, as
// Date.prototype.toISOString does. Digits behind the second: none, 3, 6, 9 by unit.
void appendTimestamp(TextBuffer& out, int64_t value, TimeUnit unit);
void appendDate(TextBuffer& out, int64_t days);

// With quotes, escaped as JSON.stringify does. False: not UTF-8, and nothing was appended.
[[nodiscard]] bool appendJsonString(TextBuffer& out, std::string_view text);
// Base64 with padding, without quotes.
void appendBase64(TextBuffer& out, std::string_view bytes);

// For messages and names of our own: whatever is not UTF-8 becomes U+FFFD. With quotes.
std::string jsonString(std::string_view text);

bool isUtf8(std::string_view text);
// How many bytes of it are valid UTF-8, from the start.
size_t utf8Prefix(std::string_view text);

// "int64", "timestamp[ms]", "list" ...: a type in a message.
std::string typeName(const Type& type);

}  // namespace sabot
