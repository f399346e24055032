#include "predicate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "predicate_tree.h"

namespace sabot {

namespace predicate {

namespace {

// The place of the bit in `holds`: without a branch, for values on both sides of a literal come in any order.
template <class Literal>
unsigned orderOf(Literal value, Literal literal) {
  unsigned order = static_cast<unsigned>(value >= literal) + static_cast<unsigned>(value > literal);
  if constexpr (std::is_floating_point_v<Literal>) order |= static_cast<unsigned>(value != value) * kUnorderedPlace;
  return order;
}

template <class T, class Literal>
Truth compare(const Node& node, const Column& column, int64_t row, Literal literal) {
  if (!column.isValid(row)) return Truth::Null;
  return truth(((node.holds >> orderOf(static_cast<Literal>(column.value<T>(row)), literal)) & 1) != 0);
}

int64_t integerAt(const Column& column, TypeId type, int64_t row) {
  switch (type) {
    case TypeId::Int8: return column.value<int8_t>(row);
    case TypeId::Int16: return column.value<int16_t>(row);
    case TypeId::UInt8: return column.value<uint8_t>(row);
    case TypeId::UInt16: return column.value<uint16_t>(row);
    case TypeId::UInt32: return column.value<uint32_t>(row);
    case TypeId::Int32:
    case TypeId::Date32: return column.value<int32_t>(row);
    default: return column.value<int64_t>(row);
  }
}

template <class Set, class Value, class Order = std::less<>>
Truth found(const Set& set, const Value& value, Order order = {}) {
  return truth(std::binary_search(set.begin(), set.end(), value, order));
}

}  // namespace

Truth Tree::compareText(const Node& node, const Column& column, int64_t row) const {
  if (!column.isValid(row)) return Truth::Null;
  const std::string_view value = column.bytes(row);
  const std::string_view literal = texts[node.literal.index];
  if (node.op == Op::TextEqual) return truth((value == literal) == ((node.holds & kEqual) != 0));
  // Bytes as unsigned: UTF-8 then has the order of code points.
  return truth(((node.holds >> orderOf(value.compare(literal), 0)) & 1) != 0);
}

Truth Tree::isIn(const Node& node, const Column& column, int64_t row) const {
  if (!column.isValid(row)) return Truth::Null;
  const size_t index = node.literal.index;
  if (node.op == Op::InTexts) return found(textSets[index], column.bytes(row), TextOrder{});
  if (node.op == Op::InUnsigned) return found(unsignedIntegers[index], column.value<uint64_t>(row));
  if (node.op == Op::InIntegers) return found(integers[index], integerAt(column, node.type, row));
  const double value =
      node.type == TypeId::Float32 ? static_cast<double>(column.value<float>(row)) : column.value<double>(row);
  return std::isnan(value) ? Truth::False : found(reals[index], value);  // NaN has no place in an order
}

template <bool partly>
inline Truth Tree::leaf(const Node& node, const ColumnSet& columns, int64_t row) const {
  if (node.op == Op::Or) return Truth::False;  // of nothing
  const Column& column = columns[node.column];
  if (partly && column.length() <= row) return Truth::Null;
  const auto& literal = node.literal;
  switch (node.op) {
    case Op::And:
    case Op::Or:
    case Op::Not: break;
    case Op::IsNull: return truth(!column.isValid(row));
    case Op::Constant: return column.isValid(row) ? truth(node.holds != 0) : Truth::Null;
    case Op::Bool: {
      if (!column.isValid(row)) return Truth::Null;
      return truth(((node.holds >> orderOf(static_cast<int64_t>(column.boolean(row)), literal.integer)) & 1) != 0);
    }
    case Op::Int8: return compare<int8_t>(node, column, row, literal.integer);
    case Op::Int16: return compare<int16_t>(node, column, row, literal.integer);
    case Op::Int32: return compare<int32_t>(node, column, row, literal.integer);
    case Op::Int64: return compare<int64_t>(node, column, row, literal.integer);
    case Op::UInt8: return compare<uint8_t>(node, column, row, literal.integer);
    case Op::UInt16: return compare<uint16_t>(node, column, row, literal.integer);
    case Op::UInt32: return compare<uint32_t>(node, column, row, literal.integer);
    case Op::UInt64: return compare<uint64_t>(node, column, row, literal.unsignedInteger);
    case Op::Float32: return compare<float>(node, column, row, literal.real);
    case Op::Float64: return compare<double>(node, column, row, literal.real);
    case Op::Text:
    case Op::TextEqual: return compareText(node, column, row);
    case Op::InIntegers:
    case Op::InUnsigned:
    case Op::InReals:
    case Op::InTexts: return isIn(node, column, row);
  }
  return Truth::Null;
}

template <bool partly>
Truth Tree::evaluate(const Node* node, const ColumnSet& columns, int64_t row) const {
  const Node* const end = node + node->size;
  if (node->op == Op::And) {
    Truth least = Truth::True;
    for (const Node* term = node + 1; term != end && least != Truth::False; term += term->size) {
      least = std::min(least, evaluate<partly>(term, columns, row));
    }
    return least;
  }
  if (node->op == Op::Or) {
    Truth greatest = Truth::False;
    for (const Node* term = node + 1; term != end && greatest != Truth::True; term += term->size) {
      greatest = std::max(greatest, evaluate<partly>(term, columns, row));
    }
    return greatest;
  }
  if (node->op == Op::Not) {
    const Truth term = evaluate<partly>(node + 1, columns, row);
    return term == Truth::Null ? term : truth(term == Truth::False);
  }
  return leaf<partly>(*node, columns, row);
}

template <bool partly>
Truth Tree::truthOf(const ColumnSet& columns, int64_t row) const {
  const Node& root = nodes.front();
  // Most predicates are one comparison: no call but this one.
  return root.size == 1 ? leaf<partly>(root, columns, row) : evaluate<partly>(&root, columns, row);
}

}  // namespace predicate

bool Predicate::test(const ColumnSet& columns, int64_t row) const {
  return program_->tree.truthOf<false>(columns, row) == Truth::True;
}

Truth Predicate::known(const ColumnSet& columns, int64_t row) const {
  return program_->tree.truthOf<true>(columns, row);
}

bool Predicate::isNever() const {
  const predicate::Node& root = program_->tree.nodes.front();
  return root.op == predicate::Op::Or && root.size == 1;
}

const std::vector<uint32_t>& Predicate::reads() const { return program_->tree.reads; }

Predicate::Predicate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Predicate::~Predicate() = default;

}  // namespace sabot
