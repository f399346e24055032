// Comparisons and `in`. Numbers of different types are compared by value, exactly.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string_view>
#include <type_traits>

#include "expression.h"

namespace sabot::expression {

namespace {

// ---------------------------------------------------------------- one kind on both sides

template <class T, class Test>
void plain(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const T* x = a.as<T>();
  const T* y = b.as<T>();
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = Test{}(x[i], y[i]);
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

template <class T>
Node::Loop plainLoop(uint8_t holds) {
  switch (holds) {
    case kEqual: return plain<T, std::equal_to<T>>;
    case kLess: return plain<T, std::less<T>>;
    case kLess | kEqual: return plain<T, std::less_equal<T>>;
    case kGreater: return plain<T, std::greater<T>>;
    case kGreater | kEqual: return plain<T, std::greater_equal<T>>;
    default: return plain<T, std::not_equal_to<T>>;
  }
}

bool isEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

template <bool equal>
void sameText(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = isEqual(a.text(i), b.text(i)) == equal;
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

// ---------------------------------------------------------------- by order

// 0 less, 1 equal, 2 greater, 3 neither.
template <class T>
unsigned orderOf(T a, T b) {
  return static_cast<unsigned>(a >= b) + static_cast<unsigned>(a > b);
}

unsigned mirrored(unsigned order) { return order == 3 ? 3 : 2 - order; }

unsigned order(int64_t a, uint64_t b) { return a < 0 ? 0 : orderOf(static_cast<uint64_t>(a), b); }
unsigned order(uint64_t a, int64_t b) { return mirrored(order(b, a)); }

// The integer part of a double is an exact integer, and what is left behind the point decides between equals.
template <class T>
unsigned orderWithReal(T a, double b) {
  constexpr double above = std::is_signed_v<T> ? 9223372036854775808.0 : 18446744073709551616.0;
  constexpr double least = std::is_signed_v<T> ? -9223372036854775808.0 : 0;
  if (std::isnan(b)) return 3;
  if (b >= above) return 0;
  if (b < least) return 2;
  const double whole = std::trunc(b);
  const unsigned order = orderOf(a, static_cast<T>(whole));
  return order != 1 ? order : orderOf(whole, b);
}
unsigned order(int64_t a, double b) { return orderWithReal(a, b); }
unsigned order(uint64_t a, double b) { return orderWithReal(a, b); }
unsigned order(double a, int64_t b) { return mirrored(orderWithReal(b, a)); }
unsigned order(double a, uint64_t b) { return mirrored(orderWithReal(b, a)); }

template <class A, class B>
void mixed(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const A* x = a.as<A>();
  const B* y = b.as<B>();
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = (node.holds >> order(x[i], y[i])) & 1;
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

// Bytes as unsigned: UTF-8 then has the order of code points.
void orderedText(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    out[i] = (node.holds >> orderOf(a.text(i).compare(b.text(i)), 0)) & 1;
  }
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

// Times of two units, decimals of two scales: one of the factors is 1. A product past 128 bits is past the other side.
unsigned orderScaled(Int128 a, Int128 factorA, Int128 b, Int128 factorB) {
  Int128 x = 0, y = 0;
  if (__builtin_mul_overflow(a, factorA, &x)) return a < 0 ? 0 : 2;
  if (__builtin_mul_overflow(b, factorB, &y)) return b < 0 ? 2 : 0;
  return orderOf(x, y);
}

template <class A, class B>
void scaled(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const A* x = a.as<A>();
  const B* y = b.as<B>();
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    out[i] = (node.holds >> orderScaled(x[i], node.factors[0], y[i], node.factors[1])) & 1;
  }
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

template <class A>
Node::Loop scaledLoop(Kind right) {
  if (right == Kind::Int64) return scaled<A, int64_t>;
  return right == Kind::UInt64 ? scaled<A, uint64_t> : scaled<A, Int128>;
}

}  // namespace

Node::Loop compareLoop(uint8_t holds, Kind left, Kind right, bool isScaled) {
  if (isScaled) {
    if (left == Kind::Int64) return scaledLoop<int64_t>(right);
    return left == Kind::UInt64 ? scaledLoop<uint64_t>(right) : scaledLoop<Int128>(right);
  }
  if (left == Kind::Text) {
    if (holds == kEqual) return sameText<true>;
    return holds == (kLess | kGreater | kUnordered) ? sameText<false> : orderedText;
  }
  if (left == Kind::Bool) return plainLoop<uint8_t>(holds);
  if (left == Kind::Int64) {
    if (right == Kind::UInt64) return mixed<int64_t, uint64_t>;
    return right == Kind::Float64 ? mixed<int64_t, double> : plainLoop<int64_t>(holds);
  }
  if (left == Kind::UInt64) {
    if (right == Kind::Int64) return mixed<uint64_t, int64_t>;
    return right == Kind::Float64 ? mixed<uint64_t, double> : plainLoop<uint64_t>(holds);
  }
  if (right == Kind::Int64) return mixed<double, int64_t>;
  return right == Kind::UInt64 ? mixed<double, uint64_t> : plainLoop<double>(holds);
}

// ---------------------------------------------------------------- in

namespace {

// Up to this many, comparing with each is faster than looking up.
constexpr size_t kFew = 8;

template <class T>
void findNumbers(const T* values, const std::vector<T>& set, uint8_t* out, size_t count) {
  std::fill_n(out, count, 0);
  if (set.size() <= kFew) {
    for (const T wanted : set) {
      for (size_t i = 0; i < count; ++i) out[i] |= static_cast<uint8_t>(values[i] == wanted);
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    // NaN has no place in an order.
    out[i] = values[i] == values[i] && std::binary_search(set.begin(), set.end(), values[i]);
  }
}

// Shorter ones first, so that most of a set is passed by without looking at a byte.
bool isBefore(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

template <Kind kind>
void isIn(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const size_t count = evaluation.count();
  uint8_t* out = evaluation.values<uint8_t>(node);
  if constexpr (kind == Kind::Int64) findNumbers(a.as<int64_t>(), node.integers, out, count);
  if constexpr (kind == Kind::UInt64) findNumbers(a.as<uint64_t>(), node.unsignedIntegers, out, count);
  if constexpr (kind == Kind::Float64) findNumbers(a.as<double>(), node.reals, out, count);
  if constexpr (kind == Kind::Bool) {
    const auto* x = a.as<uint8_t>();
    for (size_t i = 0; i < count; ++i) out[i] = (node.holds >> x[i]) & 1;
  }
  if constexpr (kind == Kind::Text) {
    const auto& set = node.texts;
    for (size_t i = 0; i < count; ++i) out[i] = std::binary_search(set.begin(), set.end(), a.text(i), isBefore);
  }
  if (!node.hasNull) return evaluation.finish(node, a.valid);
  // SQL: beside a null, a value that is not found may still be equal to it.
  uint8_t* valid = evaluation.valid(node);
  for (size_t i = 0; i < count; ++i) valid[i] = a.valid == nullptr ? out[i] : out[i] & a.valid[i];
  evaluation.finish(node, valid);
}

}  // namespace

Node::Loop inLoop(Kind kind) {
  switch (kind) {
    case Kind::Bool: return isIn<Kind::Bool>;
    case Kind::Int64: return isIn<Kind::Int64>;
    case Kind::UInt64: return isIn<Kind::UInt64>;
    case Kind::Float64: return isIn<Kind::Float64>;
    case Kind::Text: return isIn<Kind::Text>;
    case Kind::Decimal:
    case Kind::Nested: break;
  }
  return nullptr;
}

}  // namespace sabot::expression
