// The wire form of expressions as nodes: types are found as src/expr/rules.ts finds them, and literals take the kind
// of what they stand beside here, once, so that loops see values of one kind wherever that is possible.
//
// expression_parser.cc: the form, leaves, logic, arithmetic, text; _compare.cc: comparisons and `in`; _choice.cc:
// coalesce, when, nullIf.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "expression.h"
#include "expression_literals.h"

namespace simdjson::dom {
class array;
}

namespace sabot::expression {

struct TextFunction;

class Parser {
 public:
  Parser(const std::vector<Field>& columns, std::vector<Node>& nodes) : columns_(columns), nodes_(nodes) {}

  // Appends the nodes of an expression; the last of them is its result.
  Status expression(const simdjson::dom::element& value, int depth);

 private:
  using Args = std::vector<uint32_t>;

  // `start`: the first node of the arguments.
  Status operation(std::string_view op, size_t start, Args args);
  Status column(const simdjson::dom::array& parts);
  Status literal(const simdjson::dom::array& parts);

  Status logic(std::string_view op, const Args& args);
  Status invert(std::string_view op, Args args);
  Status arithmetic(std::string_view op, Arithmetic operation, size_t start, Args args);
  Status negate(std::string_view op, size_t start, Args args);
  Status text(const TextFunction& function, Args args);

  Status compare(std::string_view op, uint8_t holds, size_t start, Args args);
  bool comparable(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors);
  bool decimals(uint32_t one, uint32_t other, bool& isScaled, std::array<Int128, 2>& factors);
  Status membership(size_t start, const Args& args);

  Status coalesce(std::string_view op, size_t start, Args args);
  Status when(std::string_view op, size_t start, Args args);
  Status nullIf(std::string_view op, Args args);
  bool commonType(const Args& values, Type& out) const;
  // The argument as one of the type: `arg` may be another node then. False: it is none.
  bool convert(uint32_t& arg, const Type& type);

  uint32_t last() const { return static_cast<uint32_t>(nodes_.size() - 1); }
  Family family(uint32_t at) const { return familyOf(nodes_[at].type.id); }
  bool isNull(uint32_t at) const { return nodes_[at].isNull(); }
  Status takes(std::string_view op, const Args& args, size_t count) const;
  Status takesBool(std::string_view op, const Args& args) const;
  Status misfit(std::string_view op, const Args& args) const;
  // What arithmetic and comparisons with a null literal are: the other side is not computed, so none of its rows fails.
  Status null(size_t start, const Type& type);
  // An argument as doubles: a literal is the nearest one.
  void toReal(uint32_t& arg);
  Status add(Node node);
  Status add(Node::Loop loop, const Type& type, Args args);
  void add(Literal literal);

  const std::vector<Field>& columns_;
  std::vector<Node>& nodes_;
};

Status wrong(std::string message);
Type typeOf(TypeId id);

}  // namespace sabot::expression
