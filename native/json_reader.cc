#include "json_reader.h"

#include <cstdio>
#include <string>

namespace sabot {

namespace {

// The code unit of four hexadecimal digits; -1: they are none.
int32_t codeUnit(const char* at) {
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const char lower = static_cast<char>(c | 0x20);
    const int nibble = isDigit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (nibble < 0) return -1;
    value = value << 4 | nibble;
  }
  return value;
}

bool isHigh(int32_t unit) { return (unit & 0xFC00) == 0xD800; }
bool isLow(int32_t unit) { return (unit & 0xFC00) == 0xDC00; }

void appendUtf8(Buffer& out, uint32_t point) {
  uint8_t bytes[4];
  size_t size = 0;
  const auto tail = [point](int shift) { return static_cast<uint8_t>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    bytes[size++] = static_cast<uint8_t>(point);
  } else if (point < 0x800) {
    bytes[size++] = static_cast<uint8_t>(0xC0 | point >> 6);
    bytes[size++] = tail(0);
  } else if (point < 0x10000) {
    bytes[size++] = static_cast<uint8_t>(0xE0 | point >> 12);
    bytes[size++] = tail(6);
    bytes[size++] = tail(0);
  } else {
    bytes[size++] = static_cast<uint8_t>(0xF0 | point >> 18);
    bytes[size++] = tail(12);
    bytes[size++] = tail(6);
    bytes[size++] = tail(0);
  }
  out.append(bytes, size);
}

char unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

// ---------------------------------------------------------------- strings

const char* JsonReader::restOfString(const char* at) {
  while (at < end_) {
    const auto c = static_cast<uint8_t>(*at);
    if (c == '"') return at + 1;
    if (c == '\\') {
      escaped_ = true;
      at = escape(at);
      if (at == nullptr) return nullptr;
    } else if (c < 0x20) {
      return fail(at, "an escape in place of a control character");
    } else {
      if (c >= 0x80) ascii_ = false;
      const uint32_t stops = Block(at).stopsOfText();
      // A block without a stop may have bytes that are not ASCII: stops() would have found them.
      if (ascii_ && Block(at).stops() != stops) ascii_ = false;
      at += stops == 0 ? Block::size : static_cast<size_t>(std::countr_zero(stops));
    }
  }
  return fail(end_, "'\"' at the end of a string");
}

const char* JsonReader::escape(const char* at) {
  switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return at + 2;
    case 'u': break;
    default: return fail(at, "an escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX");
  }
  const int32_t unit = codeUnit(at + 2);
  if (unit < 0) return fail(at, "four hexadecimal digits behind \\u");
  if (isLow(unit)) return fail(at, "no low surrogate without the high one before it");
  if (!isHigh(unit)) return at + 6;
  if (at[6] != '\\' || at[7] != 'u' || !isLow(codeUnit(at + 8))) {
    return fail(at, "a low surrogate behind the high one");
  }
  return at + 12;
}

void JsonReader::unescape(const char* from, const char* to, Buffer& out) {
  out.reserve(static_cast<size_t>(to - from));
  while (from != to) {
    const void* found = std::memchr(from, '\\', static_cast<size_t>(to - from));
    const char* slash = found == nullptr ? to : static_cast<const char*>(found);
    out.append(from, static_cast<size_t>(slash - from));
    if (slash == to) return;
    if (slash[1] != 'u') {
      out.push(unescaped(slash[1]));
      from = slash + 2;
      continue;
    }
    const int32_t unit = codeUnit(slash + 2);
    if (isHigh(unit)) {
      appendUtf8(out, static_cast<uint32_t>(0x10000 + ((unit & 0x3FF) << 10 | (codeUnit(slash + 8) & 0x3FF))));
      from = slash + 12;
    } else {
      appendUtf8(out, static_cast<uint32_t>(unit));
      from = slash + 6;
    }
  }
}

// ---------------------------------------------------------------- other values

const char* JsonReader::exponent(const char* at) {
  ++at;
  if (*at == '+' || *at == '-') ++at;
  return isDigit(*at) ? behindDigits(at) : fail(at, "a digit of the exponent");
}

const char* JsonReader::skipOther(const char* at, int open) {
  switch (*at) {
    case '{': return skipObject(at, open);
    case '[': return skipArray(at, open);
    case 't': return isTrue(at) ? at + 4 : fail(at, "a value");
    case 'f': return isFalse(at) ? at + 5 : fail(at, "a value");
    case 'n': return isNull(at) ? at + 4 : fail(at, "a value");
    default: return fail(at, "a value");
  }
}

const char* JsonReader::skipObject(const char* at, int open) {
  if (tooDeep(open)) return failDepth(at);
  at = blanks(at + 1);
  if (*at == '}') return closed(at + 1);
  for (;;) {
    if (*at != '"') return fail(at, "'\"' before a key");
    if ((at = string(at)) == nullptr) return nullptr;
    at = blanks(at);
    if (*at != ':') return fail(at, "':'");
    if ((at = skip(blanks(at + 1), open + 1)) == nullptr) return nullptr;
    at = blanks(at);
    if (*at == '}') return closed(at + 1);
    if (*at != ',') return fail(at, "',' or '}'");
    at = blanks(at + 1);
  }
}

const char* JsonReader::skipArray(const char* at, int open) {
  if (tooDeep(open)) return failDepth(at);
  at = blanks(at + 1);
  if (*at == ']') return closed(at + 1);
  for (;;) {
    if ((at = skip(at, open + 1)) == nullptr) return nullptr;
    at = blanks(at);
    if (*at == ']') return closed(at + 1);
    if (*at != ',') return fail(at, "',' or ']'");
    at = blanks(at + 1);
  }
}

// ---------------------------------------------------------------- what failed

std::string JsonReader::failure() const {
  const std::string place = "byte " + std::to_string(failedAt_ - begin_);
  if (tooDeep_) return "nests deeper than " + std::to_string(maxBrackets_ - 1) + " levels at " + place;
  if (failedAt_ >= end_) return "ends too early, after " + std::to_string(end_ - begin_) + " bytes";
  const std::string text = std::string("expected ") + expected_ + " at " + place;
  const auto c = static_cast<uint8_t>(*failedAt_);
  if (c > 0x20 && c < 0x7F) return text + ", found '" + static_cast<char>(c) + "'";
  char hex[8];
  std::snprintf(hex, sizeof(hex), "0x%02x", c);
  return text + ", found " + hex;
}

}  // namespace sabot
