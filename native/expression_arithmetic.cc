// add, sub, mul, div, mod. Of integers exactly: what does not fit int64 is its row's error, with the exact result.
#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "expression.h"

namespace sabot::expression {

namespace {

// ---------------------------------------------------------------- floats

template <Arithmetic op>
void reals(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const auto* x = a.as<double>();
  const auto* y = b.as<double>();
  double* out = evaluation.values<double>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    if constexpr (op == Arithmetic::Add) out[i] = x[i] + y[i];
    if constexpr (op == Arithmetic::Sub) out[i] = x[i] - y[i];
    if constexpr (op == Arithmetic::Mul) out[i] = x[i] * y[i];
    if constexpr (op == Arithmetic::Div) out[i] = x[i] / y[i];
    if constexpr (op == Arithmetic::Mod) out[i] = std::fmod(x[i], y[i]);
  }
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

template <class From>
void toDouble(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const From* x = a.as<From>();
  double* out = evaluation.values<double>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = static_cast<double>(x[i]);
  evaluation.finish(node, a.valid);
}

// ---------------------------------------------------------------- integers

// Of 64-bit numbers, signed or not: 129 bits.
struct Exact {
  bool negative = false;
  UInt128 magnitude = 0;

  Exact(bool isNegative, UInt128 of) : negative(isNegative && of != 0), magnitude(of) {}
  explicit Exact(Int128 value)
      : negative(value < 0), magnitude(negative ? -static_cast<UInt128>(value) : static_cast<UInt128>(value)) {}

  bool toInt64(int64_t& out) const {
    constexpr auto limit = UInt128{1} << 63;
    if (magnitude > limit || (magnitude == limit && !negative)) return false;
    out = static_cast<int64_t>(negative ? -static_cast<uint64_t>(magnitude) : static_cast<uint64_t>(magnitude));
    return true;
  }
  std::string text() const {
    std::string digits;
    for (UInt128 left = magnitude; left > 0; left /= 10) digits += static_cast<char>('0' + static_cast<int>(left % 10));
    if (digits.empty()) digits = "0";
    if (negative) digits += '-';
    std::reverse(digits.begin(), digits.end());
    return digits;
  }
};

template <Arithmetic op>
Exact exact(Int128 a, Int128 b) {
  if constexpr (op == Arithmetic::Add) return Exact(a + b);
  if constexpr (op == Arithmetic::Sub) return Exact(a - b);
  if constexpr (op == Arithmetic::Mod) return Exact(a % b);
  const Exact x(a), y(b);
  return {x.negative != y.negative, x.magnitude * y.magnitude};
}

constexpr char symbolOf(Arithmetic op) {
  return op == Arithmetic::Add ? '+' : op == Arithmetic::Sub ? '-' : op == Arithmetic::Mul ? '*' : '%';
}

// Row by row, where some results may not fit.
template <Arithmetic op, class A, class B>
void exactly(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const A* x = a.as<A>();
  const B* y = b.as<B>();
  int64_t* out = evaluation.values<int64_t>(node);
  uint8_t* valid = evaluation.ownValid(node, evaluation.both(node, a.valid, b.valid));
  bool nulls = a.valid != nullptr || b.valid != nullptr;
  for (size_t i = 0; i < evaluation.count(); ++i) {
    out[i] = 0;
    if (valid[i] == 0) continue;
    if (op == Arithmetic::Mod && y[i] == 0) {
      valid[i] = 0;
      nulls = true;
      continue;
    }
    const Exact result = exact<op>(x[i], y[i]);
    if (result.toInt64(out[i])) continue;
    valid[i] = 0;
    nulls = true;
    evaluation.fail(i, Exact(x[i]).text() + ' ' + symbolOf(op) + ' ' + Exact(y[i]).text() + " is " + result.text() +
                           ", which does not fit int64");
  }
  evaluation.finish(node, nulls ? valid : nullptr);
}

// Without a branch, and once more row by row where a sum is past 64 bits: its sign is then that of neither side.
template <Arithmetic op>
void sums(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const auto* x = a.as<uint64_t>();
  const auto* y = b.as<uint64_t>();
  uint64_t* out = evaluation.values<uint64_t>(node);
  uint64_t past = 0;
  for (size_t i = 0; i < evaluation.count(); ++i) {
    const uint64_t sum = op == Arithmetic::Add ? x[i] + y[i] : x[i] - y[i];
    past |= op == Arithmetic::Add ? (x[i] ^ sum) & (y[i] ^ sum) : (x[i] ^ y[i]) & (x[i] ^ sum);
    out[i] = sum;
  }
  if ((past >> 63) != 0) exactly<op, int64_t, int64_t>(node, evaluation);
  else evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

void products(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const auto* x = a.as<int64_t>();
  const auto* y = b.as<int64_t>();
  int64_t* out = evaluation.values<int64_t>(node);
  bool past = false;
  for (size_t i = 0; i < evaluation.count(); ++i) past |= __builtin_mul_overflow(x[i], y[i], out + i);
  if (past) exactly<Arithmetic::Mul, int64_t, int64_t>(node, evaluation);
  else evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

template <class A, class B>
Node::Loop exactLoop(Arithmetic op) {
  switch (op) {
    case Arithmetic::Add: return exactly<Arithmetic::Add, A, B>;
    case Arithmetic::Sub: return exactly<Arithmetic::Sub, A, B>;
    case Arithmetic::Mul: return exactly<Arithmetic::Mul, A, B>;
    case Arithmetic::Mod: return exactly<Arithmetic::Mod, A, B>;
    case Arithmetic::Div: break;  // of doubles alone
  }
  return nullptr;
}

}  // namespace

Node::Loop arithmeticLoop(Arithmetic op, Kind left, Kind right) {
  if (left == Kind::Float64) {
    switch (op) {
      case Arithmetic::Add: return reals<Arithmetic::Add>;
      case Arithmetic::Sub: return reals<Arithmetic::Sub>;
      case Arithmetic::Mul: return reals<Arithmetic::Mul>;
      case Arithmetic::Div: return reals<Arithmetic::Div>;
      case Arithmetic::Mod: return reals<Arithmetic::Mod>;
    }
  }
  if (left == Kind::UInt64) {
    return right == Kind::UInt64 ? exactLoop<uint64_t, uint64_t>(op) : exactLoop<uint64_t, int64_t>(op);
  }
  if (right == Kind::UInt64) return exactLoop<int64_t, uint64_t>(op);
  if (op == Arithmetic::Add) return sums<Arithmetic::Add>;
  if (op == Arithmetic::Sub) return sums<Arithmetic::Sub>;
  return op == Arithmetic::Mul ? products : exactLoop<int64_t, int64_t>(op);
}

Node::Loop toDoubleLoop(Kind from) { return from == Kind::UInt64 ? toDouble<uint64_t> : toDouble<int64_t>; }

}  // namespace sabot::expression
