#include "numbers.h"

#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "json_digits.h"

namespace sabot {

namespace {

__extension__ typedef unsigned __int128 UInt128;

bool isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && isBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

// ---------------------------------------------------------------- numbers

bool parseDigits(std::string_view text, Digits& out) {
  text = trimmed(text);
  const char* at = text.data();
  const char* const end = at + text.size();
  out.negative = false;
  out.count = 0;
  out.exponent = 0;
  if (at != end && (*at == '-' || *at == '+')) out.negative = *at++ == '-';
  if (at == end || !isDigit(*at)) return false;

  int64_t zeros = 0;  // read since the last other digit: they count when another one follows
  int64_t behindPoint = 0;
  bool point = false;
  for (; at != end; ++at) {
    if (*at == '.' && !point) {
      point = true;
      continue;
    }
    if (!isDigit(*at)) break;
    if (point) ++behindPoint;
    if (*at == '0') {
      if (out.count > 0) ++zeros;
      continue;
    }
    for (; zeros > 0; --zeros) {
      if (out.count < Digits::kept) out.digits[out.count] = 0;
      if (out.count < std::numeric_limits<int>::max()) ++out.count;
    }
    if (out.count < Digits::kept) out.digits[out.count] = static_cast<uint8_t>(*at - '0');
    if (out.count < std::numeric_limits<int>::max()) ++out.count;
  }
  int64_t exponent = 0;
  if (at != end && hasExponent(at)) {
    ++at;
    bool negative = false;
    if (at != end && (*at == '-' || *at == '+')) negative = *at++ == '-';
    if (at == end || !isDigit(*at)) return false;
    for (; at != end && isDigit(*at); ++at) {
      if (exponent < 1'000'000'000'000) exponent = exponent * 10 + (*at - '0');
    }
    if (negative) exponent = -exponent;
  }
  if (out.count > 0) out.exponent = exponent + zeros - behindPoint;
  return at == end;
}

bool toInteger(const Digits& number, uint64_t& magnitude) {
  magnitude = 0;
  if (number.count == 0) return true;
  if (number.exponent < 0 || number.exponent > 20 || number.count + number.exponent > 20) return false;
  UInt128 value = 0;
  for (int i = 0; i < number.count; ++i) value = value * 10 + number.digits[i];
  for (int64_t i = 0; i < number.exponent; ++i) value *= 10;
  magnitude = static_cast<uint64_t>(value);
  return value <= std::numeric_limits<uint64_t>::max();
}

bool toDecimal(const Digits& number, int precision, int scale, Decimal128& out) {
  UInt128 value = 0;
  if (number.count > 0) {
    const int64_t zeros = number.exponent + scale;
    if (zeros < 0 || zeros > precision || number.count + zeros > precision) return false;
    for (int i = 0; i < number.count; ++i) value = value * 10 + number.digits[i];
    for (int64_t i = 0; i < zeros; ++i) value *= 10;
  }
  if (number.negative) value = ~value + 1;
  out.low = static_cast<uint64_t>(value);
  out.high = static_cast<int64_t>(static_cast<uint64_t>(value >> 64));
  return true;
}

double toDouble(std::string_view number) {
  const char* const end = number.data() + number.size();
#if defined(__cpp_lib_to_chars)
  double value = 0;
  const auto [at, error] = std::from_chars(number.data(), end, value);
  if (error == std::errc{} && at == end && std::isfinite(value)) return value;
#endif
  // Out of range, which std::from_chars does not tell apart, or a library without it.
  return simdjson::internal::from_chars(number.data(), end);
}

// ---------------------------------------------------------------- times

namespace {

// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil).
int64_t daysOf(int year, int month, int day) {
  const int shifted = month <= 2 ? year - 1 : year;
  const int era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const int yearOfEra = shifted - era * 400;
  const int dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return int64_t{era} * 146097 + dayOfEra - 719468;
}

int daysIn(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

// Reads text of known length from the left; what was not there is remembered.
class TimeText {
 public:
  explicit TimeText(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool atEnd() const { return at_ == end_; }
  bool ok() const { return ok_; }
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  void next() { ++at_; }
  void expect(char c) {
    ok_ = ok_ && peek() == c;
    if (ok_) ++at_;
  }
  int digits(int count) {
    int value = 0;
    if (end_ - at_ < count) ok_ = false;
    for (int i = 0; i < count && ok_; ++i) {
      ok_ = isDigit(*at_);
      value = value * 10 + (*at_++ - '0');
    }
    return value;
  }
  // One digit at least; nine count.
  int32_t fraction() {
    int32_t value = 0;
    int count = 0;
    for (; at_ != end_ && isDigit(*at_); ++at_) {
      if (count == 9) continue;
      value = value * 10 + (*at_ - '0');
      ++count;
    }
    ok_ = ok_ && count > 0;
    for (; count < 9; ++count) value *= 10;
    return value;
  }

 private:
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

// Eight characters of the form of `pattern`, whose '0' stand for digits: two neighbours become one number where the
// first of them was. False: another form.
inline bool digitPairs(const char* at, const char* pattern, uint64_t& out) {
  uint64_t text = 0;
  uint64_t form = 0;
  std::memcpy(&text, at, sizeof text);
  std::memcpy(&form, pattern, sizeof form);
  text ^= form;
  constexpr uint64_t tops = 0x8080808080808080;
  // Where the pattern has a digit, 9 may stand; elsewhere nothing but the character itself.
  uint64_t most = 0;
  for (int i = 0; i < 8; ++i) most |= uint64_t{pattern[i] == '0' ? 9u : 0u} << (8 * i);
  if ((text & tops) != 0 || ((most + tops - text) & tops) != tops) return false;
  out = text * 10 + (text >> 8);
  return true;
}

int pairAt(uint64_t pairs, int byte) { return static_cast<int>(pairs >> (8 * byte) & 0xFF); }

// YYYY-MM-DDTHH:MM:SSZ, with or without three digits behind the point: what JSON.stringify and most others write.
bool parseUsualInstant(std::string_view text, Instant& out) {
  if constexpr (std::endian::native != std::endian::little) return false;
  if ((text.size() != 24 && text.size() != 20) || text.back() != 'Z') return false;
  uint64_t date = 0;
  uint64_t time = 0;
  uint64_t rest = 0;
  if (!digitPairs(text.data(), "0000-00-", date) || !digitPairs(text.data() + 8, "00T00:00", time)) return false;
  int millis = 0;
  if (text.size() == 24) {
    if (!digitPairs(text.data() + 16, ":00.000Z", rest)) return false;
    millis = pairAt(rest, 4) * 10 + (text[22] - '0');
  } else {
    if (!digitPairs(text.data() + 12, "0:00:00Z", rest)) return false;
    rest >>= 32;  // the seconds where the longer form has them
  }
  const int year = pairAt(date, 0) * 100 + pairAt(date, 2);
  const int month = pairAt(date, 5);
  const int day = pairAt(time, 0);
  const int hour = pairAt(time, 3);
  const int minute = pairAt(time, 6);
  const int second = pairAt(rest, 1);
  if (month < 1 || month > 12 || day < 1 || (day > 28 && day > daysIn(year, month))) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  out.seconds = daysOf(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
  out.nanos = millis * 1'000'000;
  return true;
}

}  // namespace

bool parseInstant(std::string_view text, Instant& out) {
  if (parseUsualInstant(text, out)) return true;
  TimeText in(trimmed(text));
  const int year = in.digits(4);
  in.expect('-');
  const int month = in.digits(2);
  in.expect('-');
  const int day = in.digits(2);
  if (!in.ok() || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  out.seconds = daysOf(year, month, day) * 86'400;
  out.nanos = 0;
  if (in.atEnd()) return true;

  if (in.peek() != 'T' && in.peek() != 't' && in.peek() != ' ') return false;
  in.next();
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  int second = 0;
  if (in.peek() == ':') {
    in.next();
    second = in.digits(2);
    if (in.peek() == '.' || in.peek() == ',') {
      in.next();
      out.nanos = in.fraction();
    }
  }
  if (!in.ok() || hour > 23 || minute > 59 || second > 59) return false;
  out.seconds += hour * 3600 + minute * 60 + second;
  if (in.atEnd()) return true;

  const char sign = in.peek();
  in.next();
  if (sign == 'Z' || sign == 'z') return in.atEnd();
  if (sign != '+' && sign != '-') return false;
  const int hours = in.digits(2);
  if (in.peek() == ':') in.next();
  const int minutes = in.digits(2);
  if (!in.ok() || !in.atEnd() || hours > 23 || minutes > 59) return false;
  const int shift = hours * 3600 + minutes * 60;
  out.seconds += sign == '-' ? shift : -shift;
  return true;
}

namespace {

template <int64_t PerSecond>
bool inUnits(const Instant& instant, int64_t& out) {
  const int64_t rest = instant.nanos / static_cast<int32_t>(1'000'000'000 / PerSecond);
  // Towards zero first, so that the last second before the least value does not overflow on the way.
  const bool before = instant.seconds < 0;
  int64_t units = 0;
  return !__builtin_mul_overflow(instant.seconds + (before ? 1 : 0), PerSecond, &units) &&
         !__builtin_add_overflow(units, before ? rest - PerSecond : rest, &out);
}

}  // namespace

bool toTimestamp(const Instant& instant, TimeUnit unit, int64_t& out) {
  switch (unit) {
    case TimeUnit::Second: return inUnits<1>(instant, out);
    case TimeUnit::Milli: return inUnits<1'000>(instant, out);
    case TimeUnit::Micro: return inUnits<1'000'000>(instant, out);
    case TimeUnit::Nano: return inUnits<1'000'000'000>(instant, out);
  }
  return false;
}

// Four digits of a year always fit.
int32_t toDate(const Instant& instant) {
  return static_cast<int32_t>(instant.seconds / 86'400 - (instant.seconds % 86'400 < 0 ? 1 : 0));
}

}  // namespace sabot
