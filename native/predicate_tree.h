// A predicate as it is kept: private to predicate.cc, which evaluates it, and predicate_parser.cc, which makes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "predicate.h"

namespace sabot {

namespace predicate {

inline Truth truth(bool value) { return value ? Truth::True : Truth::False; }

// What a comparison holds for: a bit each for value < literal, ==, > and neither (NaN).
constexpr uint8_t kLess = 1;
constexpr uint8_t kEqual = 2;
constexpr uint8_t kGreater = 4;
constexpr uint8_t kUnordered = 8;
constexpr unsigned kUnorderedPlace = 3;

enum class Op : uint8_t {
  And, Or, Not,  // of the nodes behind them, up to `size`
  IsNull,
  Constant,  // whatever the value, if there is one: `holds` != 0
  // A column's value and a literal. An int column widens to `literal.integer`, time as well.
  Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64, Text, TextEqual,
  // A column's value and the set `literal.index`, sorted.
  InIntegers, InUnsigned, InReals, InTexts,
};

// A predicate is an array of nodes in pre-order: nothing is pointed to, and a comparison is one node.
struct Node {
  Op op = Op::Constant;
  uint8_t holds = 0;
  TypeId type = TypeId::Bool;  // of the column
  uint32_t column = 0;
  uint32_t size = 1;  // nodes, this one included
  union {
    int64_t integer = 0;
    uint64_t unsignedInteger;
    double real;
    size_t index;  // into Tree::texts or one of its sets
  } literal;
};

// Shorter ones first, so that most of a set is passed by without looking at a byte.
struct TextOrder {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

struct Tree {
  std::vector<Node> nodes;
  std::vector<std::string> texts;
  std::vector<std::vector<int64_t>> integers;
  std::vector<std::vector<uint64_t>> unsignedIntegers;
  std::vector<std::vector<double>> reals;
  std::vector<std::vector<std::string>> textSets;
  std::vector<uint32_t> reads;

  // Where `partly`, columns may be shorter than `row`: what is not known yet counts as null, and stays what it was
  // where the result is True or False.
  template <bool partly>
  Truth truthOf(const ColumnSet& columns, int64_t row) const;

 private:
  template <bool partly>
  Truth evaluate(const Node* node, const ColumnSet& columns, int64_t row) const;
  template <bool partly>
  Truth leaf(const Node& node, const ColumnSet& columns, int64_t row) const;
  Truth compareText(const Node& node, const Column& column, int64_t row) const;
  Truth isIn(const Node& node, const Column& column, int64_t row) const;
};

}  // namespace predicate

struct Predicate::Program {
  predicate::Tree tree;
};

}  // namespace sabot
