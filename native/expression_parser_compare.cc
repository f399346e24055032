// Comparisons and `in`: what may stand beside what, and as what a literal is compared.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "expression_parser.h"

namespace sabot::expression {

namespace {

Int128 powerOfTen(int exponent) {
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

int64_t nanosOf(const Type& type) {
  constexpr int64_t day = 86'400'000'000'000;
  if (type.id == TypeId::Date32) return day;
  switch (type.unit) {
    case TimeUnit::Second: return 1'000'000'000;
    case TimeUnit::Milli: return 1'000'000;
    case TimeUnit::Micro: return 1'000;
    case TimeUnit::Nano: return 1;
  }
  return 1;
}

}  // namespace

Status Parser::compare(std::string_view op, uint8_t holds, size_t start, Args args) {
  if (Status status = takes(op, args, 2); !status.ok()) return status;
  for (const uint32_t arg : args) {
    if (!nodes_[arg].isNull() && family(arg) == Family::Nested) return misfit(op, args);
  }
  if (isNull(args[0]) || isNull(args[1])) return null(start, typeOf(TypeId::Bool));
  bool isScaled = false;
  std::array<Int128, 2> factors{1, 1};
  if (!comparable(args[0], args[1], isScaled, factors) && !comparable(args[1], args[0], isScaled, factors)) {
    return misfit(op, args);
  }
  const Kind left = nodes_[args[0]].kind;
  const Kind right = nodes_[args[1]].kind;
  add(compareLoop(holds, left, right, isScaled), typeOf(TypeId::Bool), std::move(args));
  nodes_.back().holds = holds;
  nodes_.back().factors = factors;
  return Status::success();
}

// Whether two sides can be compared; a literal takes the kind of the other side where its value is one of it.
bool Parser::comparable(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors) {
  const Family a = family(one), b = family(other);
  Node& node = nodes_[one];
  const Node& beside = nodes_[other];
  if (a == Family::Decimal || b == Family::Decimal) return decimals(one, other, isScaled, factors);
  if (a == Family::Time && b == Family::Time) {
    const int64_t x = nanosOf(node.type), y = nanosOf(beside.type);
    isScaled = x != y;
    if (isScaled) factors = {x > y ? x / y : 1, y > x ? y / x : 1};
    return true;
  }
  if (a == Family::Int && b == Family::Time) return node.isLiteral && !beside.isLiteral;
  if ((a == Family::Int || a == Family::Float) && (b == Family::Int || b == Family::Float)) {
    if (node.isLiteral) becomes(node, beside.kind);
    else if (beside.isLiteral) becomes(nodes_[other], node.kind);
    return true;
  }
  return a == b;
}

// Decimals of one scale, of two, and integers or literals beside them, as integers of the greater scale.
bool Parser::decimals(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors) {
  int scale[2] = {0, 0};
  const uint32_t sides[2] = {one, other};
  for (size_t i = 0; i < 2; ++i) {
    Node& node = nodes_[sides[i]];
    const Family of = family(sides[i]);
    if (of == Family::Decimal) scale[i] = node.type.scale;
    else if (of == Family::Text && node.isLiteral) {
      if (!becomesDecimal(node, scale[i])) return false;
    } else if (of != Family::Int) return false;
  }
  isScaled = true;
  const int greater = std::max(scale[0], scale[1]);
  factors = {powerOfTen(greater - scale[0]), powerOfTen(greater - scale[1])};
  if (one > other) std::swap(factors[0], factors[1]);
  return true;
}

// ---------------------------------------------------------------- in

namespace {

struct Loopable {
  uint32_t at;
  Family family;
  Kind kind;
};

// False: the literal can not be compared with what is sought. One that no value is equal to is left out.
bool addMember(Node& node, Node& value, const Loopable& sought) {
  const Literal::Kind kind = value.literal.kind;
  const bool isNumber = kind == Literal::Kind::Integer || kind == Literal::Kind::Real;
  switch (sought.family) {
    case Family::Bool:
      if (kind != Literal::Kind::Bool) return false;
      node.holds |= value.literal.boolean ? 2 : 1;
      return true;
    case Family::Text:
      if (kind != Literal::Kind::Text) return false;
      node.texts.push_back(value.literal.text);
      return true;
    case Family::Time:
    case Family::Int:
    case Family::Float:
      if (!isNumber || (sought.family == Family::Time && kind != Literal::Kind::Integer)) return false;
      break;
    default: return false;
  }
  if (std::isnan(value.literal.real) || !becomes(value, sought.kind)) return true;
  if (sought.kind == Kind::Int64) node.integers.push_back(static_cast<int64_t>(value.literal.integer));
  else if (sought.kind == Kind::UInt64) node.unsignedIntegers.push_back(static_cast<uint64_t>(value.literal.integer));
  else node.reals.push_back(value.literal.real);
  return true;
}

}  // namespace

Status Parser::membership(size_t start, const Args& args) {
  if (args.empty()) return wrong("in takes a value and literals");
  if (isNull(args[0])) return null(start, typeOf(TypeId::Bool));
  const Loopable sought{args[0], family(args[0]), nodes_[args[0]].kind};
  if (inLoop(sought.kind) == nullptr) return misfit("in", args);
  Node node;
  for (size_t i = 1; i < args.size(); ++i) {
    Node& value = nodes_[args[i]];
    if (!value.isLiteral) return wrong("in takes literals behind its first argument");
    if (value.isNull()) node.hasNull = true;
    else if (!addMember(node, value, sought)) return misfit("in", args);
  }
  std::sort(node.integers.begin(), node.integers.end());
  std::sort(node.unsignedIntegers.begin(), node.unsignedIntegers.end());
  std::sort(node.reals.begin(), node.reals.end());
  std::sort(node.texts.begin(), node.texts.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  // The literals are in the sets: their nodes lie behind the sought one's.
  nodes_.resize(args[0] + 1);
  node.loop = inLoop(sought.kind);
  node.type = typeOf(TypeId::Bool);
  node.args = {args[0]};
  return add(std::move(node));
}

}  // namespace sabot::expression
