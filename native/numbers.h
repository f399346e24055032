// Numbers and times as text -> what columns hold. Exact: nothing is rounded but a float64.
#pragma once

#include <cstdint>
#include <string_view>

#include "columns.h"
#include "sabot.h"

namespace sabot {

// A decimal number by its digits: d1 d2 ... dn * 10^exponent, without zeros at either end. Zero has no digits.
struct Digits {
  static constexpr int kept = 40;  // those behind are counted only: no column holds as many
  bool negative = false;
  int count = 0;
  uint8_t digits[kept];
  int64_t exponent = 0;
};

// JSON's numbers, and what parseDecimal of src/batch/values.ts takes besides: blanks around it, '+', zeros in front,
// a point with nothing behind it. False: not a number.
bool parseDigits(std::string_view text, Digits& out);

// False: not an integer, or more than 64 bits.
bool toInteger(const Digits& number, uint64_t& magnitude);
// False: digits would be lost behind the point, or it has more than `precision`.
bool toDecimal(const Digits& number, int precision, int scale, Decimal128& out);

// The nearest float64 of a JSON number: too small is 0, too large infinity, as JSON.parse reads it.
double toDouble(std::string_view number);

// ISO 8601 as parseTime of src/batch/values.ts reads it: YYYY-MM-DD, then [T ]HH:MM with [:SS[.fraction]] and [Z or an
// offset]; UTC where it names no zone. Of the fraction nine digits count. Blanks around it are passed over.
struct Instant {
  int64_t seconds = 0;  // since the epoch
  int32_t nanos = 0;    // 0 to 999,999,999
};
bool parseInstant(std::string_view text, Instant& out);

// In units of the column, cut towards the past. False: out of range.
bool toTimestamp(const Instant& instant, TimeUnit unit, int64_t& out);
int32_t toDate(const Instant& instant);

}  // namespace sabot
