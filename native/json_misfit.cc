#include "json_misfit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "json_text.h"
#include "numbers.h"

namespace sabot {

namespace {

std::string shortened(std::string_view text) {
  constexpr size_t most = 60;
  if (text.size() <= most) return std::string(text);
  return std::string(text.substr(0, utf8Prefix(text.substr(0, most)))) + "...";
}

bool isInteger(TypeId id) { return id >= TypeId::Int8 && id <= TypeId::UInt64; }

std::string decimalThatHolds(const Digits& number) {
  const int64_t scale = std::max<int64_t>(0, -number.exponent);
  const int64_t precision = std::max<int64_t>({1, scale, number.count + number.exponent + scale});
  if (scale > 38 || precision > 38) return "utf8";
  return "decimal(" + std::to_string(precision) + ',' + std::to_string(scale) + ')';
}

// A type that holds this value and, as far as there is one, what the column held until now.
std::string typeThatHolds(const Type& expected, std::string_view found) {
  Digits number;
  if (found[0] != '-' && (found[0] < '0' || found[0] > '9')) {
    // Of a decimal that is written as a string, the digits are wanted.
    const bool text = found[0] == '"' && found.size() > 2;
    const bool isNumber = text && parseDigits(found.substr(1, found.size() - 2), number);
    return expected.id == TypeId::Decimal128 && isNumber ? decimalThatHolds(number) : "utf8";
  }
  parseDigits(found, number);
  uint64_t magnitude = 0;
  const bool whole = toInteger(number, magnitude);
  const uint64_t mostOfInt64 = (uint64_t{1} << 63) - (number.negative ? 0 : 1);
  if (expected.id == TypeId::Decimal128) return decimalThatHolds(number);
  if (isInteger(expected.id)) {
    if (whole && magnitude <= mostOfInt64 && expected.id != TypeId::UInt64) return "int64";
    if (whole && !number.negative) return "uint64";
    return std::isfinite(toDouble(found)) ? "float64" : "utf8";
  }
  if (expected.id == TypeId::Float32 && std::isfinite(toDouble(found))) return "float64";
  return "utf8";
}

}  // namespace

std::string misfitMessage(std::string_view path, const Type& expected, std::string_view found) {
  return "column " + std::string(path) + ": expected " + typeName(expected) + ", found " + shortened(found) +
         "; the schema type \"" + typeThatHolds(expected, found) + "\" would accept it";
}

}  // namespace sabot
