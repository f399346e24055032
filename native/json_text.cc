#include "json_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace sabot {

void TextBuffer::append(std::string_view text) {
  char* at = room(text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  size_ += text.size();
}

// ---------------------------------------------------------------- numbers

void appendInt64(TextBuffer& out, int64_t value) {
  char* at = out.room(20);
  out.advance(std::to_chars(at, at + 20, value).ptr);
}

void appendUInt64(TextBuffer& out, uint64_t value) {
  char* at = out.room(20);
  out.advance(std::to_chars(at, at + 20, value).ptr);
}

namespace {

// ECMA-262 Number::toString from the shortest digits d1..dk and the point's place n (value = 0.d1..dk * 10^n).
char* layOut(char* at, const char* digits, int k, int n) {
  const auto put = [&at](const char* from, int count) {
    std::memcpy(at, from, static_cast<size_t>(count));
    at += count;
  };
  const auto zeros = [&at](int count) {
    std::memset(at, '0', static_cast<size_t>(count));
    at += count;
  };
  if (k <= n && n <= 21) {
    put(digits, k);
    zeros(n - k);
  } else if (0 < n && n <= 21) {
    put(digits, n);
    *at++ = '.';
    put(digits + n, k - n);
  } else if (-6 < n && n <= 0) {
    put("0.", 2);
    zeros(-n);
    put(digits, k);
  } else {
    *at++ = digits[0];
    if (k > 1) {
      *at++ = '.';
      put(digits + 1, k - 1);
    }
    *at++ = 'e';
    if (n - 1 >= 0) *at++ = '+';
    at = std::to_chars(at, at + 4, n - 1).ptr;
  }
  return at;
}

// The one float32 of all whose shortest digits, 7.038531e-26, are read as another one by who rounds them to a float64
// first, as readers of JSON do: they lie next to the middle between the two. It is written with a digit more.
constexpr auto roundedTwice = std::bit_cast<float>(0x15ae43fdu);

template <class Real>
void appendReal(TextBuffer& out, Real value) {
  char* at = out.room(40);
  if (value == 0) {  // -0 as well, as in JavaScript
    *at++ = '0';
    out.advance(at);
    return;
  }
  // Whole numbers that the type holds exactly are their own shortest digits.
  constexpr Real exact = sizeof(Real) == 8 ? Real(9007199254740992) : Real(16777216);
  if (value > -exact && value < exact) {
    const auto whole = static_cast<int64_t>(value);
    if (static_cast<Real>(whole) == value) {
      out.advance(std::to_chars(at, at + 20, whole).ptr);
      return;
    }
  }
  if (value < 0) {
    *at++ = '-';
    value = -value;
  }
  char text[32];  // "d.ddde-XXX": at most 17 digits
  const char* end = std::is_same_v<Real, float> && value == roundedTwice
                        ? std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific, 7).ptr
                        : std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  char digits[20];
  int k = 0;
  const char* from = text;
  for (; *from != 'e'; ++from) {
    if (*from != '.') digits[k++] = *from;
  }
  ++from;
  if (*from == '+') ++from;
  int exponent = 0;
  std::from_chars(from, end, exponent);
  out.advance(layOut(at, digits, k, exponent + 1));
}

}  // namespace

void appendDouble(TextBuffer& out, double value) { appendReal(out, value); }
void appendFloat(TextBuffer& out, float value) { appendReal(out, value); }

void appendDecimal128(TextBuffer& out, const uint8_t* value, int scale) {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, value, 8);
  std::memcpy(&high, value + 8, 8);
  const bool negative = (high >> 63) != 0;
  if (negative) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  // 2^127 has 39 digits. Long division by 10^9 in 32-bit limbs, from the right.
  std::array<uint32_t, 4> limbs{static_cast<uint32_t>(high >> 32), static_cast<uint32_t>(high),
                                static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(low)};
  char digits[45];
  char* first = digits + sizeof(digits);
  for (int part = 0; part < 5; ++part) {
    uint64_t rest = 0;
    for (uint32_t& limb : limbs) {
      rest = (rest << 32) | limb;
      limb = static_cast<uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    for (int i = 0; i < 9; ++i) {
      *--first = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
  }
  const char* end = digits + sizeof(digits);
  while (first < end - 1 && *first == '0') ++first;
  const auto count = static_cast<int>(end - first);
  const bool zero = count == 1 && *first == '0';

  if (negative) out.append('-');
  if (scale <= 0) {
    out.append(std::string_view(first, end));
    if (!zero) {
      for (int i = scale; i < 0; ++i) out.append('0');
    }
    return;
  }
  if (count <= scale) {
    out.append("0.");
    for (int i = count; i < scale; ++i) out.append('0');
    out.append(std::string_view(first, end));
    return;
  }
  out.append(std::string_view(first, end - scale));
  out.append('.');
  out.append(std::string_view(end - scale, end));
}

// ---------------------------------------------------------------- dates

namespace {

char* putDigits(char* at, uint64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + width;
}

int64_t floorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Days since 1970-01-01 to a proleptic Gregorian date (Howard Hinnant's civil_from_days).
char* putDate(char* at, int64_t days) {
  const int64_t shifted = days + 719468;
  const int64_t era = floorDiv(shifted, 146097);
  const int64_t dayOfEra = shifted - era * 146097;
  const int64_t yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const int64_t dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const int64_t monthFromMarch = (5 * dayOfYear + 2) / 153;
  const int64_t day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1;
  const int64_t month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const int64_t year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  if (year >= 0 && year <= 9999) {
    at = putDigits(at, static_cast<uint64_t>(year), 4);
  } else {
    const auto size = static_cast<uint64_t>(year < 0 ? -year : year);
    *at++ = year < 0 ? '-' : '+';
    if (size <= 999'999) {
      at = putDigits(at, size, 6);
    } else {  // beyond what JavaScript's Date can hold
      at = std::to_chars(at, at + 20, size).ptr;
    }
  }
  *at++ = '-';
  at = putDigits(at, static_cast<uint64_t>(month), 2);
  *at++ = '-';
  return putDigits(at, static_cast<uint64_t>(day), 2);
}

}  // namespace

void appendDate(TextBuffer& out, int64_t days) { out.advance(putDate(out.room(40), days)); }

void appendTimestamp(TextBuffer& out, int64_t value, TimeUnit unit) {
  int64_t perSecond = 1;
  int fractionDigits = 0;
  switch (unit) {
    case TimeUnit::Second: break;
    case TimeUnit::Milli: perSecond = 1'000, fractionDigits = 3; break;
    case TimeUnit::Micro: perSecond = 1'000'000, fractionDigits = 6; break;
    case TimeUnit::Nano: perSecond = 1'000'000'000, fractionDigits = 9; break;
  }
  const int64_t seconds = floorDiv(value, perSecond);
  const int64_t rest = value % perSecond;  // not value - seconds * perSecond, which overflows at the far end
  const auto fraction = static_cast<uint64_t>(rest < 0 ? rest + perSecond : rest);
  const int64_t days = floorDiv(seconds, 86'400);
  const int64_t restOfDay = seconds % 86'400;
  const auto second = static_cast<uint64_t>(restOfDay < 0 ? restOfDay + 86'400 : restOfDay);
  char* at = putDate(out.room(64), days);
  *at++ = 'T';
  at = putDigits(at, second / 3600, 2);
  *at++ = ':';
  at = putDigits(at, second / 60 % 60, 2);
  *at++ = ':';
  at = putDigits(at, second % 60, 2);
  if (fractionDigits > 0) {
    *at++ = '.';
    at = putDigits(at, fraction, fractionDigits);
  }
  *at++ = 'Z';
  out.advance(at);
}

// ---------------------------------------------------------------- strings

namespace {

// What a byte of a JSON string needs: 0 nothing, 1 an escape, 2 a check that it begins valid UTF-8.
constexpr std::array<uint8_t, 256> makeClasses() {
  std::array<uint8_t, 256> classes{};
  for (size_t i = 0; i < 256; ++i) {
    classes[i] = i < 0x20 || i == '"' || i == '\\' ? 1 : i >= 0x80 ? 2 : 0;
  }
  return classes;
}
constexpr auto classes = makeClasses();

// Eight bytes at once: whether all of them can be copied as they are.
bool isClean(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, 8);
  constexpr uint64_t ones = 0x0101010101010101;
  constexpr uint64_t tops = 0x8080808080808080;
  const uint64_t quote = word ^ (ones * '"');
  const uint64_t slash = word ^ (ones * '\\');
  const uint64_t low = word - ones * 0x20;  // exact as a whole: a borrow only starts at a byte that is dirty itself
  return (((low | (quote - ones) | (slash - ones)) & ~word & tops) | (word & tops)) == 0;
}

// Length of the UTF-8 sequence at `at`, 0 where it is none (overlong forms, surrogates and > U+10FFFF included).
size_t utf8Length(const char* at, const char* end) {
  const auto byte = [at](size_t i) { return static_cast<uint8_t>(at[i]); };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const auto left = static_cast<size_t>(end - at);
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return left >= 2 && tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) >= 0xA0) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

char* putEscape(char* at, char c) {
  *at++ = '\\';
  switch (c) {
    case '"': *at++ = '"'; return at;
    case '\\': *at++ = '\\'; return at;
    case '\b': *at++ = 'b'; return at;
    case '\f': *at++ = 'f'; return at;
    case '\n': *at++ = 'n'; return at;
    case '\r': *at++ = 'r'; return at;
    case '\t': *at++ = 't'; return at;
    default: break;
  }
  constexpr char hex[] = "0123456789abcdef";
  std::memcpy(at, "u00", 3);
  at[3] = hex[static_cast<uint8_t>(c) >> 4];
  at[4] = hex[c & 15];
  return at + 5;
}

}  // namespace

bool appendJsonString(TextBuffer& out, std::string_view text) {
  const char* from = text.data();
  const char* const end = from + text.size();
  // Every byte could become \u00XX; of a long text the escapes are counted rather than six times its size kept ready.
  size_t escapes = text.size();
  if (escapes > 4096) {
    escapes = static_cast<size_t>(
        std::count_if(from, end, [](char c) { return classes[static_cast<uint8_t>(c)] == 1; }));
  }
  char* at = out.room(text.size() + escapes * 5 + 2);
  *at++ = '"';
  while (from != end) {
    const char* run = from;
    while (end - from >= 8 && isClean(from)) from += 8;
    while (from != end && classes[static_cast<uint8_t>(*from)] == 0) ++from;
    std::memcpy(at, run, static_cast<size_t>(from - run));
    at += from - run;
    // Beyond a byte that is not clean; a run of such bytes is usual (text that is not Latin).
    while (from != end && classes[static_cast<uint8_t>(*from)] != 0) {
      if (classes[static_cast<uint8_t>(*from)] == 1) {
        at = putEscape(at, *from++);
        continue;
      }
      const size_t length = utf8Length(from, end);
      if (length == 0) return false;  // nothing was advanced
      std::memcpy(at, from, length);
      at += length;
      from += length;
    }
  }
  *at++ = '"';
  out.advance(at);
  return true;
}

size_t utf8Prefix(std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* at = text.data();
  while (at != end) {
    const size_t length = utf8Length(at, end);
    if (length == 0) break;
    at += length;
  }
  return static_cast<size_t>(at - text.data());
}

bool isUtf8(std::string_view text) { return utf8Prefix(text) == text.size(); }

void appendBase64(TextBuffer& out, std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [bytes](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  char* at = out.room((bytes.size() + 2) / 3 * 4);
  const auto put = [&](uint32_t group, int count) {
    for (int i = 0; i < 4; ++i) *at++ = i < count ? digits[(group >> (18 - 6 * i)) & 63] : '=';
  };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) put(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2), 4);
  if (bytes.size() - i == 1) put(byte(i) << 16, 2);
  if (bytes.size() - i == 2) put(byte(i) << 16 | byte(i + 1) << 8, 3);
  out.advance(at);
}

std::string jsonString(std::string_view text) {
  std::string repaired;
  if (!isUtf8(text)) {
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
      const size_t length = utf8Length(at, end);
      repaired += length == 0 ? std::string_view("\xEF\xBF\xBD") : std::string_view(at, length);
      at += length == 0 ? 1 : length;
    }
    text = repaired;
  }
  std::vector<char> bytes;
  {
    TextBuffer out(bytes);
    if (!appendJsonString(out, text)) return "\"\"";
  }
  return {bytes.begin(), bytes.end()};
}

std::string typeName(const Type& type) {
  switch (type.id) {
    case TypeId::Bool: return "bool";
    case TypeId::Int8: return "int8";
    case TypeId::Int16: return "int16";
    case TypeId::Int32: return "int32";
    case TypeId::Int64: return "int64";
    case TypeId::UInt8: return "uint8";
    case TypeId::UInt16: return "uint16";
    case TypeId::UInt32: return "uint32";
    case TypeId::UInt64: return "uint64";
    case TypeId::Float32: return "float32";
    case TypeId::Float64: return "float64";
    case TypeId::Utf8: return "utf8";
    case TypeId::Binary: return "binary";
    case TypeId::Date32: return "date";
    case TypeId::Timestamp: break;
    case TypeId::Decimal128:
      return "decimal(" + std::to_string(type.precision) + ',' + std::to_string(type.scale) + ')';
    case TypeId::List: return "list";
    case TypeId::Struct: return "struct";
  }
  switch (type.unit) {
    case TimeUnit::Second: return "timestamp[s]";
    case TimeUnit::Milli: return "timestamp[ms]";
    case TimeUnit::Micro: return "timestamp[us]";
    case TimeUnit::Nano: return "timestamp[ns]";
  }
  return "timestamp";
}

}  // namespace sabot
