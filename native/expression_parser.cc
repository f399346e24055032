// The wire form of expressions as nodes: types are found as src/expr/rules.ts finds them, and literals take the kind
// of what they stand beside here, once, so that loops see values of one kind wherever that is possible.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "expression.h"
#include "json_text.h"
#include "numbers.h"

namespace sabot::expression {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;

// src/plan/native.ts leaves deeper ones in TypeScript.
constexpr int kMaxDepth = 100;

enum class Family : uint8_t { Int, Float, Text, Bytes, Bool, Time, Decimal, Nested };

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

Status wrong(std::string message) { return Status::error("CONFIG", std::move(message)); }

Type typeOf(TypeId id) {
  Type type;
  type.id = id;
  return type;
}

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

constexpr const char* kLiteralForm =
    "a literal: null, {\"i\": \"64-bit digits\"}, {\"f\": number}, {\"s\": string} or {\"b\": bool}";

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

struct Comparison {
  std::string_view name;
  uint8_t holds;
};
constexpr Comparison kComparisons[] = {{"eq", kEqual},        {"ne", kLess | kGreater | kUnordered},
                                       {"lt", kLess},         {"le", kLess | kEqual},
                                       {"gt", kGreater},      {"ge", kGreater | kEqual}};

struct Operation {
  std::string_view name;
  Arithmetic op;
};
constexpr Operation kOperations[] = {{"add", Arithmetic::Add},
                                     {"sub", Arithmetic::Sub},
                                     {"mul", Arithmetic::Mul},
                                     {"div", Arithmetic::Div},
                                     {"mod", Arithmetic::Mod}};

class Parser {
 public:
  Parser(const std::vector<Field>& columns, std::vector<Node>& nodes) : columns_(columns), nodes_(nodes) {}

  // Appends the nodes of an expression; the last of them is its result.
  Status expression(const element& value, int depth) {
    array parts;
    std::string_view op;
    if (depth > kMaxDepth) return wrong("expected at most " + std::to_string(kMaxDepth) + " levels of an expression");
    if (value.get(parts) != simdjson::SUCCESS || parts.size() == 0 || parts.at(0).get(op) != simdjson::SUCCESS) {
      return wrong("expected an array that begins with an operator, in the form of ProgramExpr in "
                   "src/kafka/backend.ts");
    }
    if (op == "col") return column(parts);
    if (op == "lit") return literal(parts);
    const size_t start = nodes_.size();
    std::vector<uint32_t> args;
    for (size_t i = 1; i < parts.size(); ++i) {
      if (Status status = expression(parts.at(i).value_unsafe(), depth + 1); !status.ok()) return status;
      args.push_back(last());
    }
    return operation(op, start, std::move(args));
  }

 private:
  Status operation(std::string_view op, size_t start, std::vector<uint32_t> args) {
    for (const auto& [name, holds] : kComparisons) {
      if (op == name) return compare(op, holds, start, std::move(args));
    }
    for (const auto& [name, operation] : kOperations) {
      if (op == name) return arithmetic(op, operation, start, std::move(args));
    }
    if (op == "neg") return negate(op, start, std::move(args));
    if (op == "in") return membership(start, std::move(args));
    if (op == "and" || op == "or") return logic(op, std::move(args));
    if (op == "not") return invert(op, std::move(args));
    if (op == "isNull" || op == "isNotNull") {
      if (Status status = takes(op, args, 1); !status.ok()) return status;
      return add(nullLoop(op == "isNull"), typeOf(TypeId::Bool), std::move(args));
    }
    return wrong("expected an operator that runs natively (src/plan/native.ts), not " + jsonString(op));
  }

  // ---- leaves

  Status column(const array& parts) {
    uint64_t index = 0;
    if (parts.size() != 2 || parts.at(1).get(index) != simdjson::SUCCESS) return wrong("expected [\"col\", index]");
    if (index >= columns_.size()) {
      return wrong("expected a column below " + std::to_string(columns_.size()) + "; got " + std::to_string(index));
    }
    const Type& type = columns_[index].type;
    add(columnLoop(type.id), type, {});
    nodes_.back().readsColumn = true;
    nodes_.back().column = static_cast<uint32_t>(index);
    return Status::success();
  }

  Status literal(const array& parts) {
    Literal value;
    if (parts.size() != 2 || !parseLiteral(parts.at(1).value_unsafe(), value)) {
      return wrong(std::string("expected ") + kLiteralForm);
    }
    if (value.kind == Literal::Kind::Text && value.text.size() > std::numeric_limits<int32_t>::max()) {
      return wrong("expected a text of at most 2 GiB");
    }
    add(std::move(value));
    return Status::success();
  }

  // ---- operators

  Status compare(std::string_view op, uint8_t holds, size_t start, std::vector<uint32_t> args) {
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
  bool comparable(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors) {
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
  bool decimals(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors) {
    int scale[2] = {0, 0};
    const uint32_t sides[2] = {one, other};
    for (size_t i = 0; i < 2; ++i) {
      Node& node = nodes_[sides[i]];
      const Family of = family(sides[i]);
      if (of == Family::Decimal) scale[i] = node.type.scale;
      else if (of == Family::Text && node.isLiteral) {
        if (!decimalLiteral(node, scale[i])) return false;
      } else if (of != Family::Int) return false;
    }
    isScaled = true;
    const int greater = std::max(scale[0], scale[1]);
    factors = {powerOfTen(greater - scale[0]), powerOfTen(greater - scale[1])};
    if (one > other) std::swap(factors[0], factors[1]);
    return true;
  }

  static bool decimalLiteral(Node& node, int& scale) {
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

  // A number as one of another kind, where it is one exactly.
  static bool becomes(Node& node, Kind kind) {
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

  Status arithmetic(std::string_view op, Arithmetic operation, size_t start, std::vector<uint32_t> args) {
    if (Status status = takes(op, args, 2); !status.ok()) return status;
    bool isReal = operation == Arithmetic::Div;
    for (const uint32_t arg : args) {
      if (isNull(arg)) continue;
      if (family(arg) != Family::Int && family(arg) != Family::Float) return misfit(op, args);
      isReal = isReal || family(arg) == Family::Float;
    }
    const Type type = typeOf(isReal ? TypeId::Float64 : TypeId::Int64);
    if (isNull(args[0]) || isNull(args[1])) return null(start, type);
    for (uint32_t& arg : args) {
      if (!isReal || nodes_[arg].kind == Kind::Float64) continue;
      if (nodes_[arg].isLiteral) {
        nodes_[arg].kind = Kind::Float64;  // the nearest double
      } else {
        add(toDoubleLoop(nodes_[arg].kind), type, {arg});
        arg = last();
      }
    }
    const Kind left = nodes_[args[0]].kind;
    const Kind right = nodes_[args[1]].kind;
    return add(arithmeticLoop(operation, left, right), type, std::move(args));
  }

  // -x is x * -1: so 0.0 becomes -0.0, and the least int64 is past it.
  Status negate(std::string_view op, size_t start, std::vector<uint32_t> args) {
    if (Status status = takes(op, args, 1); !status.ok()) return status;
    Literal minusOne;
    minusOne.kind = Literal::Kind::Integer;
    minusOne.integer = -1;
    minusOne.real = -1;
    add(std::move(minusOne));
    return arithmetic("mul", Arithmetic::Mul, start, {args[0], last()});
  }

  Status logic(std::string_view op, std::vector<uint32_t> args) {
    if (args.size() < 2) return wrong(std::string(op) + " takes two arguments");
    if (Status status = takesBool(op, args); !status.ok()) return status;
    uint32_t left = args[0];
    for (size_t i = 1; i < args.size(); ++i) {
      add(logicLoop(op == "and"), typeOf(TypeId::Bool), {left, args[i]});
      left = last();
    }
    return Status::success();
  }

  Status invert(std::string_view op, std::vector<uint32_t> args) {
    Status status = takes(op, args, 1);
    if (status.ok()) status = takesBool(op, args);
    return status.ok() ? add(notLoop(), typeOf(TypeId::Bool), std::move(args)) : status;
  }

  Status membership(size_t start, const std::vector<uint32_t>& args) {
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

  struct Loopable {
    uint32_t at;
    Family family;
    Kind kind;
  };

  // False: the literal can not be compared with what is sought. One that no value is equal to is left out.
  static bool addMember(Node& node, Node& value, const Loopable& sought) {
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

  // ---- parts

  uint32_t last() const { return static_cast<uint32_t>(nodes_.size() - 1); }
  Family family(uint32_t at) const { return familyOf(nodes_[at].type.id); }
  bool isNull(uint32_t at) const { return nodes_[at].isNull(); }

  Status takes(std::string_view op, const std::vector<uint32_t>& args, size_t count) const {
    if (args.size() == count) return Status::success();
    return wrong(std::string(op) + " takes " + std::to_string(count) + (count == 1 ? " argument" : " arguments") +
                 "; got " + std::to_string(args.size()));
  }

  Status takesBool(std::string_view op, const std::vector<uint32_t>& args) const {
    for (const uint32_t arg : args) {
      if (!isNull(arg) && family(arg) != Family::Bool) return misfit(op, args);
    }
    return Status::success();
  }

  Status misfit(std::string_view op, const std::vector<uint32_t>& args) const {
    std::string got;
    for (const uint32_t arg : args) {
      const Node& node = nodes_[arg];
      got += (got.empty() ? "" : ", ") + (node.isNull() ? "null" : typeName(node.type));
      if (node.isLiteral) got += " literal";
    }
    return wrong("expected arguments that " + std::string(op) + " takes natively; got " + got);
  }

  // What arithmetic and comparisons with a null literal are: the other side is not computed, so none of its rows fails.
  Status null(size_t start, const Type& type) {
    nodes_.resize(start);
    add(Literal());
    nodes_.back().type = type;
    nodes_.back().kind = kindOf(type.id);
    return Status::success();
  }

  Status add(Node node) {
    node.at = static_cast<uint32_t>(nodes_.size());
    node.kind = kindOf(node.type.id);
    nodes_.push_back(std::move(node));
    return Status::success();
  }
  Status add(Node::Loop loop, const Type& type, std::vector<uint32_t> args) {
    Node node;
    node.loop = loop;
    node.type = type;
    node.args = std::move(args);
    return add(std::move(node));
  }
  void add(Literal literal) {
    Node node;
    node.isLiteral = true;
    switch (literal.kind) {
      case Literal::Kind::Null:
      case Literal::Kind::Bool: node.type.id = TypeId::Bool; break;
      case Literal::Kind::Text: node.type.id = TypeId::Utf8; break;
      case Literal::Kind::Real: node.type.id = TypeId::Float64; break;
      case Literal::Kind::Integer:
        node.type.id = literal.integer > std::numeric_limits<int64_t>::max() ? TypeId::UInt64 : TypeId::Int64;
        break;
    }
    node.literal = std::move(literal);
    add(std::move(node));
  }

  const std::vector<Field>& columns_;
  std::vector<Node>& nodes_;
};

}  // namespace

Status parse(const element& value, const std::vector<Field>& columns, Expression& out) {
  return Parser(columns, out.nodes).expression(value, 1);
}

Status giveType(Expression& expression, const Type& type) {
  Node& root = expression.nodes.back();
  const std::string wanted = typeToJson(type);
  if (root.isNull() && kindOf(type.id) != Kind::Nested) {
    root.type = type;
    root.kind = kindOf(type.id);
  }
  if (typeToJson(root.type) == wanted) return Status::success();
  return wrong("expected the type that the expression has, " + typeToJson(root.type) + "; got " + wanted);
}

}  // namespace sabot::expression
