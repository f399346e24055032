#include "expression_parser.h"

#include <simdjson.h>

#include <limits>
#include <string>
#include <utility>

#include "json_text.h"

namespace sabot::expression {

using simdjson::dom::array;
using simdjson::dom::element;

Status wrong(std::string message) { return Status::error("CONFIG", std::move(message)); }

Type typeOf(TypeId id) {
  Type type;
  type.id = id;
  return type;
}

// ---------------------------------------------------------------- operators by name

// Takes a text first; all that follow are numbers of substring, texts otherwise.
struct TextFunction {
  std::string_view name;
  Node::Loop loop;
  TypeId gives;
  size_t least;  // arguments
  size_t most;
};

namespace {

// src/plan/native.ts leaves deeper ones in TypeScript.
constexpr int kMaxDepth = 100;

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

constexpr size_t kAny = std::numeric_limits<size_t>::max();
const TextFunction kTextFunctions[] = {{"length", lengthLoop(), TypeId::Int64, 1, 1},
                                       {"trim", trimLoop(true, true), TypeId::Utf8, 1, 1},
                                       {"trimStart", trimLoop(true, false), TypeId::Utf8, 1, 1},
                                       {"trimEnd", trimLoop(false, true), TypeId::Utf8, 1, 1},
                                       {"contains", searchLoop(Search::Anywhere), TypeId::Bool, 2, 2},
                                       {"startsWith", searchLoop(Search::AtStart), TypeId::Bool, 2, 2},
                                       {"endsWith", searchLoop(Search::AtEnd), TypeId::Bool, 2, 2},
                                       {"concat", concatLoop(), TypeId::Utf8, 1, kAny},
                                       {"substring", substringLoop(), TypeId::Utf8, 2, 3}};

}  // namespace

// ---------------------------------------------------------------- the form

Status Parser::expression(const element& value, int depth) {
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
  Args args;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (Status status = expression(parts.at(i).value_unsafe(), depth + 1); !status.ok()) return status;
    args.push_back(last());
  }
  return operation(op, start, std::move(args));
}

Status Parser::operation(std::string_view op, size_t start, Args args) {
  for (const auto& [name, holds] : kComparisons) {
    if (op == name) return compare(op, holds, start, std::move(args));
  }
  for (const auto& [name, operation] : kOperations) {
    if (op == name) return arithmetic(op, operation, start, std::move(args));
  }
  if (op == "neg") return negate(op, start, std::move(args));
  if (op == "in") return membership(start, std::move(args));
  if (op == "and" || op == "or") return logic(op, args);
  if (op == "not") return invert(op, std::move(args));
  if (op == "isNull" || op == "isNotNull") {
    if (Status status = takes(op, args, 1); !status.ok()) return status;
    return add(nullLoop(op == "isNull"), typeOf(TypeId::Bool), std::move(args));
  }
  if (op == "coalesce") return coalesce(op, start, std::move(args));
  if (op == "when") return when(op, start, std::move(args));
  if (op == "nullIf") return nullIf(op, std::move(args));
  for (const TextFunction& function : kTextFunctions) {
    if (op == function.name) return text(function, std::move(args));
  }
  return wrong("expected an operator that runs natively (src/plan/native.ts), not " + jsonString(op));
}

Status Parser::column(const array& parts) {
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

Status Parser::literal(const array& parts) {
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

// ---------------------------------------------------------------- logic, arithmetic, text

Status Parser::logic(std::string_view op, const Args& args) {
  if (args.size() < 2) return wrong(std::string(op) + " takes two arguments");
  if (Status status = takesBool(op, args); !status.ok()) return status;
  uint32_t left = args[0];
  for (size_t i = 1; i < args.size(); ++i) {
    add(logicLoop(op == "and"), typeOf(TypeId::Bool), {left, args[i]});
    left = last();
  }
  return Status::success();
}

Status Parser::invert(std::string_view op, Args args) {
  Status status = takes(op, args, 1);
  if (status.ok()) status = takesBool(op, args);
  return status.ok() ? add(notLoop(), typeOf(TypeId::Bool), std::move(args)) : status;
}

Status Parser::arithmetic(std::string_view op, Arithmetic operation, size_t start, Args args) {
  if (Status status = takes(op, args, 2); !status.ok()) return status;
  bool isReal = operation == Arithmetic::Div;
  for (const uint32_t arg : args) {
    if (isNull(arg)) continue;
    if (family(arg) != Family::Int && family(arg) != Family::Float) return misfit(op, args);
    isReal = isReal || family(arg) == Family::Float;
  }
  const Type type = typeOf(isReal ? TypeId::Float64 : TypeId::Int64);
  if (isNull(args[0]) || isNull(args[1])) return null(start, type);
  if (isReal) {
    for (uint32_t& arg : args) toReal(arg);
  }
  const Kind left = nodes_[args[0]].kind;
  const Kind right = nodes_[args[1]].kind;
  return add(arithmeticLoop(operation, left, right), type, std::move(args));
}

// -x is x * -1: so 0.0 becomes -0.0, and the least int64 is past it.
Status Parser::negate(std::string_view op, size_t start, Args args) {
  if (Status status = takes(op, args, 1); !status.ok()) return status;
  Literal minusOne;
  minusOne.kind = Literal::Kind::Integer;
  minusOne.integer = -1;
  minusOne.real = -1;
  add(std::move(minusOne));
  return arithmetic("mul", Arithmetic::Mul, start, {args[0], last()});
}

// Not of null literals: src/plan/native.ts leaves these in TypeScript.
Status Parser::text(const TextFunction& function, Args args) {
  const std::string_view op = function.name;
  if (args.size() < function.least) return takes(op, args, function.least);
  if (args.size() > function.most) return takes(op, args, function.most);
  for (size_t i = 0; i < args.size(); ++i) {
    const Family wanted = i > 0 && op == "substring" ? Family::Int : Family::Text;
    if (isNull(args[i]) || family(args[i]) != wanted) return misfit(op, args);
    if (wanted == Family::Int) toReal(args[i]);
  }
  return add(function.loop, typeOf(function.gives), std::move(args));
}

// ---------------------------------------------------------------- parts

Status Parser::takes(std::string_view op, const Args& args, size_t count) const {
  if (args.size() == count) return Status::success();
  return wrong(std::string(op) + " takes " + std::to_string(count) + (count == 1 ? " argument" : " arguments") +
               "; got " + std::to_string(args.size()));
}

Status Parser::takesBool(std::string_view op, const Args& args) const {
  for (const uint32_t arg : args) {
    if (!isNull(arg) && family(arg) != Family::Bool) return misfit(op, args);
  }
  return Status::success();
}

Status Parser::misfit(std::string_view op, const Args& args) const {
  std::string got;
  for (const uint32_t arg : args) {
    const Node& node = nodes_[arg];
    got += (got.empty() ? "" : ", ") + (node.isNull() ? "null" : typeName(node.type));
    if (node.isLiteral) got += " literal";
  }
  return wrong("expected arguments that " + std::string(op) + " takes natively; got " + got);
}

Status Parser::null(size_t start, const Type& type) {
  nodes_.resize(start);
  add(Literal());
  nodes_.back().type = type;
  nodes_.back().kind = kindOf(type.id);
  return Status::success();
}

void Parser::toReal(uint32_t& arg) {
  const Kind kind = nodes_[arg].kind;
  if (kind == Kind::Float64) return;
  if (nodes_[arg].isLiteral) {
    nodes_[arg].kind = Kind::Float64;
    return;
  }
  add(toDoubleLoop(kind), typeOf(TypeId::Float64), {arg});
  arg = last();
}

Status Parser::add(Node node) {
  node.at = static_cast<uint32_t>(nodes_.size());
  node.kind = kindOf(node.type.id);
  nodes_.push_back(std::move(node));
  return Status::success();
}
Status Parser::add(Node::Loop loop, const Type& type, Args args) {
  Node node;
  node.loop = loop;
  node.type = type;
  node.args = std::move(args);
  return add(std::move(node));
}
void Parser::add(Literal literal) {
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

// ---------------------------------------------------------------- parsing

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
