// coalesce, when, nullIf: the one type of several values, as src/expr/common-type.ts finds it.
#include <algorithm>
#include <string>
#include <utility>

#include "expression_parser.h"

namespace sabot::expression {

namespace {

bool isNumber(Family family) { return family == Family::Int || family == Family::Float; }

// Makes `type` one that holds the values of both. False: there is none.
bool join(Type& type, const Type& other) {
  if (typeToJson(type) == typeToJson(other)) return true;
  const Family a = familyOf(type.id), b = familyOf(other.id);
  if (!isNumber(a) || !isNumber(b)) return false;
  const bool isInt = a == Family::Int && b == Family::Int;
  if (isInt && (type.id == TypeId::UInt64 || other.id == TypeId::UInt64)) return false;
  type = typeOf(isInt ? TypeId::Int64 : TypeId::Float64);
  return true;
}

}  // namespace

// Columns first; literals then stand for a value of that type, but for a float, which makes floats of integers.
bool Parser::commonType(const Args& values, Type& out) const {
  const bool onlyLiterals =
      std::all_of(values.begin(), values.end(), [this](uint32_t value) { return nodes_[value].isLiteral; });
  bool isFound = false, isReal = false, hasLiteral = false;
  for (const uint32_t value : values) {
    const Node& node = nodes_[value];
    if (node.isNull()) continue;
    const Family of = family(value);
    if (of == Family::Nested || of == Family::Decimal) return false;
    hasLiteral = hasLiteral || node.isLiteral;
    isReal = isReal || (node.isLiteral && of == Family::Float);
    if (node.isLiteral && !onlyLiterals) continue;
    if (!isFound) out = node.type;
    else if (!join(out, node.type)) return false;
    isFound = true;
  }
  if (!isFound) out = typeOf(TypeId::Utf8);
  if (isReal && isNumber(familyOf(out.id))) out = typeOf(TypeId::Float64);
  if (hasLiteral && out.id == TypeId::Float32) out = typeOf(TypeId::Float64);
  return true;
}

bool Parser::convert(uint32_t& arg, const Type& type) {
  if (nodes_[arg].isLiteral) return becomesValue(nodes_[arg], type);
  // Narrower integers and float32 are wide already.
  if (kindOf(type.id) == Kind::Float64) toReal(arg);
  return nodes_[arg].kind == kindOf(type.id);
}

namespace {

// For failures: the nodes of argument i are those from bounds[i] up to bounds[i + 1].
std::vector<uint32_t> boundsOf(size_t start, const std::vector<uint32_t>& args) {
  std::vector<uint32_t> bounds{static_cast<uint32_t>(start)};
  for (const uint32_t arg : args) bounds.push_back(arg + 1);
  return bounds;
}

}  // namespace

Status Parser::coalesce(std::string_view op, size_t start, Args args) {
  if (args.empty()) return takes(op, args, 1);
  Type type;
  if (!commonType(args, type)) return misfit(op, args);
  std::vector<uint32_t> bounds = boundsOf(start, args);
  for (uint32_t& arg : args) {
    if (!convert(arg, type)) return misfit(op, args);
  }
  add(coalesceLoop(kindOf(type.id)), type, std::move(args));
  nodes_.back().bounds = std::move(bounds);
  return Status::success();
}

// Arguments p, x, q, y, z: when p then x, when q then y, otherwise z.
Status Parser::when(std::string_view op, size_t start, Args args) {
  if (args.size() < 3 || args.size() % 2 == 0) {
    return wrong("when takes conditions, a value behind each, and one more; got " + std::to_string(args.size()) +
                 " arguments");
  }
  Args conditions, values;
  for (size_t i = 0; i < args.size(); ++i) (i % 2 == 0 && i + 1 < args.size() ? conditions : values).push_back(args[i]);
  Type type;
  if (!takesBool(op, conditions).ok() || !commonType(values, type)) return misfit(op, args);
  std::vector<uint32_t> bounds = boundsOf(start, args);
  for (size_t i = 0; i < args.size(); ++i) {
    const bool isValue = i % 2 == 1 || i + 1 == args.size();
    if (isValue && !convert(args[i], type)) return misfit(op, args);
  }
  add(whenLoop(kindOf(type.id)), type, std::move(args));
  nodes_.back().bounds = std::move(bounds);
  return Status::success();
}

// Of a value that is computed: src/plan/native.ts leaves literals and nulls in TypeScript.
Status Parser::nullIf(std::string_view op, Args args) {
  if (Status status = takes(op, args, 2); !status.ok()) return status;
  if (nodes_[args[0]].isLiteral || isNull(args[1])) return misfit(op, args);
  const uint32_t value = args[0];
  if (Status status = compare("eq", kEqual, value, std::move(args)); !status.ok()) return status;
  const Type type = nodes_[value].type;
  return add(nullIfLoop(), type, {value, last()});
}

}  // namespace sabot::expression
