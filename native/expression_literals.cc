#include "expression_literals.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "numbers.h"

namespace sabot::expression {

using simdjson::dom::element;

Family familyOf(TypeId id) {
  switch (id) {
    case TypeId::Bool: return Family::Bool;
    case TypeId::Utf8: return Family::Text;
    case TypeId::Binary: return Family::Bytes;
    case TypeId::Float32:
    case TypeId::Float64: return Family::Float;
    case TypeId::Date32:
    case TypeId::Timestamp: return Family::Time;
    case TypeId::Decimal128: return Family::Decimal;
    case TypeId::List:
    case TypeId::Struct: return Family::Nested;
    default: return Family::Int;
  }
}

// ---------------------------------------------------------------- the wire form

namespace {

// int64 or uint64.
bool parseInteger(std::string_view text, Literal& out) {
  const bool negative = text.starts_with('-');
  const char* const from = text.data() + (negative ? 1 : 0);
  const char* const to = text.data() + text.size();
  uint64_t digits = 0;
  const auto [at, error] = std::from_chars(from, to, digits);
  out.integer = negative ? -Int128{digits} : Int128{digits};
  out.real = negative ? -static_cast<double>(digits) : static_cast<double>(digits);
  return error == std::errc() && at == to && out.integer >= std::numeric_limits<int64_t>::min();
}

bool parseReal(const element& value, double& out) {
  std::string_view name;
  if (value.get(name) != simdjson::SUCCESS) return value.get(out) == simdjson::SUCCESS;
  const bool negative = name == "-Infinity";
  out = name == "NaN" ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  if (negative) out = -out;
  return negative || name == "NaN" || name == "Infinity";
}

}  // namespace

bool parseLiteral(const element& value, Literal& out) {
  if (value.is_null()) return true;
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS || object.size() != 1) return false;
  const auto [key, what] = *object.begin();
  std::string_view text;
  if (key == "i") {
    out.kind = Literal::Kind::Integer;
    return what.get(text) == simdjson::SUCCESS && parseInteger(text, out);
  }
  if (key == "f") {
    out.kind = Literal::Kind::Real;
    return parseReal(what, out.real);
  }
  if (key == "s") {
    out.kind = Literal::Kind::Text;
    if (what.get(text) != simdjson::SUCCESS) return false;
    out.text = text;
    return true;
  }
  out.kind = Literal::Kind::Bool;
  return key == "b" && what.get(out.boolean) == simdjson::SUCCESS;
}

// ---------------------------------------------------------------- beside other values

bool becomes(Node& node, Kind kind) {
  Literal& literal = node.literal;
  if (literal.kind == Literal::Kind::Real) {
    if (kind == Kind::Float64) return true;
    // Beyond 2^64 is beyond every integer.
    if (!(std::abs(literal.real) < 18446744073709551616.0) || literal.real != std::trunc(literal.real)) return false;
    literal.integer = static_cast<Int128>(literal.real);
  }
  const Int128 value = literal.integer;
  if (kind == Kind::Float64 && static_cast<Int128>(literal.real) != value) return false;
  if (kind == Kind::UInt64 && (value < 0 || value > std::numeric_limits<uint64_t>::max())) return false;
  using Signed = std::numeric_limits<int64_t>;
  if (kind == Kind::Int64 && (value < Signed::min() || value > Signed::max())) return false;
  node.kind = kind;
  return true;
}

bool becomesDecimal(Node& node, int& scale) {
  Digits digits;
  constexpr int most = 38;
  if (!parseDigits(node.literal.text, digits)) return false;
  scale = static_cast<int>(std::clamp<int64_t>(-digits.exponent, 0, most + 1));
  Decimal128 value;
  if (scale > most || !toDecimal(digits, most, scale, value)) return false;
  node.literal.integer = (static_cast<Int128>(value.high) << 64) | value.low;
  node.kind = Kind::Decimal;
  return true;
}

namespace {

// An integer that the columns of a type can hold.
bool isOf(TypeId id, Int128 value) {
  const int bits = static_cast<int>(fixedWidth(id)) * 8;
  const bool isUnsigned =
      id == TypeId::UInt8 || id == TypeId::UInt16 || id == TypeId::UInt32 || id == TypeId::UInt64;
  const Int128 limit = Int128{1} << (isUnsigned ? bits : bits - 1);
  return value < limit && value >= (isUnsigned ? 0 : -limit);
}

bool standsFor(Node& node, const Type& type) {
  const Literal::Kind kind = node.literal.kind;
  switch (familyOf(type.id)) {
    case Family::Int:
    case Family::Time:
      return kind == Literal::Kind::Integer && isOf(type.id, node.literal.integer);
    case Family::Float: return kind == Literal::Kind::Integer || kind == Literal::Kind::Real;
    case Family::Text: return kind == Literal::Kind::Text;
    case Family::Bool: return kind == Literal::Kind::Bool;
    case Family::Bytes:
    case Family::Decimal:
    case Family::Nested: break;
  }
  return false;
}

}  // namespace

bool becomesValue(Node& node, const Type& type) {
  if (!node.isNull() && !standsFor(node, type)) return false;
  node.type = type;
  node.kind = kindOf(type.id);
  return true;
}

}  // namespace sabot::expression
