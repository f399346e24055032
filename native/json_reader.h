// Walks over JSON text and accepts what JSON.parse accepts. No columns in this file.
//
// Where this differs from JSON.parse, on purpose:
//   - bytes that are not UTF-8 are refused (a string of JavaScript has none);
//   - an escape that is half of a surrogate pair ("\ud800") is refused, in any string: it has no UTF-8;
//   - values may nest maxDepth deep in the document.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "columns.h"
#include "json_block.h"
#include "json_digits.h"

namespace sabot {

// Reads one document at a time, in place. The walk needs no look at the end but where a string goes on or a bracket
// closed, because the document ends with a byte that stops everything else: '}', or a NUL behind it.
//
// Every step returns the place behind what it read, or nullptr: failed() then says where and what was expected.
class JsonReader {
 public:
  explicit JsonReader(int maxDepth) : maxBrackets_(maxDepth + 1) {}

  // [begin, end) with kJsonPadding readable bytes behind it. `terminated`: *end is NUL; otherwise end[-1] is '}'.
  void open(const char* begin, const char* end, bool terminated) {
    begin_ = begin;
    end_ = end;
    last_ = terminated ? end : end - 1;
    ascii_ = true;
  }

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  // Whether every string so far was ASCII. Otherwise the document has yet to be checked for UTF-8.
  bool ascii() const { return ascii_; }

  static const char* blanks(const char* at) {
    return static_cast<uint8_t>(*at) > ' ' ? at : moreBlanks(at);
  }

  // From the opening quote to behind the closing one.
  const char* string(const char* at) {
    ++at;
    for (;; at += Block::size) {
      if (at >= end_) return fail(end_, "'\"' at the end of a string");
      const uint32_t stops = Block(at).stops();
      if (stops == 0) continue;
      at += std::countr_zero(stops);
      escaped_ = false;
      return *at == '"' && at < end_ ? at + 1 : restOfString(at);
    }
  }
  // Whether the last string() had escapes.
  bool escaped() const { return escaped_; }
  // What the string [from, to), quotes not included, stands for; it was accepted by string().
  static void unescape(const char* from, const char* to, Buffer& out);

  const char* number(const char* at) {
    if (*at == '-') ++at;
    const char* to = behindDigits(at);
    if (to == at) return fail(at, "a digit");
    if (*at == '0') to = at + 1;  // no digit follows a zero
    if (*to == '.') {
      at = to + 1;
      to = behindDigits(at);
      if (to == at) return fail(at, "a digit behind the point");
    }
    return hasExponent(to) ? exponent(to) : to;
  }

  // Any value, its first byte at `at`; `open` brackets are open around it.
  const char* skip(const char* at, int open) {
    if (*at == '"') return string(at);
    return *at == '-' || isDigit(*at) ? number(at) : skipOther(at, open);
  }

  static bool isNull(const char* at) { return std::memcmp(at, "null", 4) == 0; }
  static bool isTrue(const char* at) { return std::memcmp(at, "true", 4) == 0; }
  static bool isFalse(const char* at) { return std::memcmp(at, "false", 5) == 0; }

  // A bracket that opens where `open` are open already.
  bool tooDeep(int open) const { return open >= maxBrackets_; }
  const char* failDepth(const char* at) {
    fail(at, "");
    tooDeep_ = true;
    return nullptr;
  }
  // Behind a bracket that closed within the document: what follows is only looked at where the document goes on.
  const char* closed(const char* at) { return at <= last_ ? at : fail(at, ""); }

  const char* fail(const char* at, const char* expected) {
    tooDeep_ = false;
    failedAt_ = at < end_ ? at : end_;
    expected_ = expected;
    return nullptr;
  }
  // "expected ':' at byte 17, found '=' ..."
  std::string failure() const;

 private:
  static const char* moreBlanks(const char* at) {
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') ++at;
    return at;
  }
  const char* restOfString(const char* at);
  const char* escape(const char* at);
  const char* exponent(const char* at);
  const char* skipOther(const char* at, int open);
  const char* skipObject(const char* at, int open);
  const char* skipArray(const char* at, int open);

  const int maxBrackets_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  const char* last_ = nullptr;  // the last byte that may be looked at on its own
  bool ascii_ = true;
  bool escaped_ = false;
  bool tooDeep_ = false;
  const char* failedAt_ = nullptr;
  const char* expected_ = "";
};

}  // namespace sabot
