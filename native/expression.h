// Expressions over columns that were decoded: what a Program (program.h) filters by and computes.
//
// An expression is a list of nodes, arguments before what takes them. It is evaluated a block of rows at a time, a node
// at a time: every node has a loop over plain arrays of a block's length, so that what lies between two nodes stays in
// the first cache, and nothing is allocated or looked up for a row. Results are those of src/expr/kernels, bit for bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.h"
#include "sabot.h"

namespace simdjson::dom {
class element;
}

namespace sabot::expression {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

constexpr size_t kBlock = 1024;

// What loops compute on; a column of another width is widened when it is read. Nested is only asked for its nulls.
enum class Kind : uint8_t { Bool, Int64, UInt64, Float64, Text, Decimal, Nested };

Kind kindOf(TypeId id);  // Int64: times as well; Text: binary as well

// Values of a block: uint8_t 0 or 1, int64_t, uint64_t, double, Int128; text is where it lies, value i at
// bytes[starts[i], ends[i]). Those of null rows mean nothing (a Bool is 0 or 1 all the same).
struct Vector {
  const void* values = nullptr;
  const char* bytes = nullptr;
  const int32_t* starts = nullptr;
  const int32_t* ends = nullptr;
  const uint8_t* valid = nullptr;  // 1 or 0 a row; nullptr: no nulls

  template <class T>
  const T* as() const {
    return static_cast<const T*>(values);
  }
  std::string_view text(size_t row) const {
    return {bytes + starts[row], static_cast<size_t>(ends[row] - starts[row])};
  }
};

// A literal in every form that it may be asked for.
struct Literal {
  enum class Kind : uint8_t { Null, Integer, Real, Text, Bool } kind = Kind::Null;
  Int128 integer = 0;
  double real = 0;  // of an integer: the nearest, and -0 of "-0"
  std::string text;
  bool boolean = false;
};

class Evaluation;

struct Node {
  using Loop = void (*)(const Node&, Evaluation&);

  Loop loop = nullptr;  // nullptr: a literal, the same in every block
  Type type;
  Kind kind = Kind::Bool;
  bool isLiteral = false;
  bool readsColumn = false;
  Literal literal;
  uint32_t at = 0;  // among the nodes
  std::vector<uint32_t> args;
  uint32_t column = 0;
  uint8_t holds = 0;                   // of a comparison, see compareLoop
  std::array<Int128, 2> factors{1, 1};  // by which its sides are multiplied before
  // `in`, sorted; those of the kind of the argument.
  std::vector<int64_t> integers;
  std::vector<uint64_t> unsignedIntegers;
  std::vector<double> reals;
  std::vector<std::string> texts;
  bool hasNull = false;
  std::vector<uint32_t> bounds;  // of a choice: the nodes of argument i are bounds[i] to before bounds[i + 1]

  bool isNull() const { return isLiteral && literal.kind == Literal::Kind::Null; }
};

struct Expression {
  std::vector<Node> nodes;  // the last one is the result
  std::string text;         // as src/expr/print.ts prints it: begins the messages of row errors

  const Node& root() const { return nodes.back(); }
};

// Rows of a ColumnSet: `count` of them, from `first`. Columns that are `dense` have no values but those of the rows
// that are left; of the others it is rows[first + i], or first + i where `rows` is nullptr.
struct Block {
  const ColumnSet* columns = nullptr;
  const std::vector<bool>* dense = nullptr;
  const uint32_t* rows = nullptr;
  size_t first = 0;
  size_t count = 0;  // at most kBlock
};

// The memory in which an expression is evaluated. Belongs to one thread at a time.
class Evaluation {
 public:
  explicit Evaluation(const Expression& expression);

  struct Failure {
    uint32_t row;   // of the block
    uint32_t node;  // that found it
    std::string message;
  };

  // The result lives until the next call, and no longer than the columns stay as they are.
  const Vector& run(const Block& block);
  // Rows without a result, one a row, ascending; their values mean nothing.
  const std::vector<Failure>& failures() const { return failures_; }
  // The rows have 2 GiB of text at some node, and the result means nothing.
  bool isTooLong() const { return isTooLong_; }

  // ---- for loops

  const Block& block() const { return block_; }
  size_t count() const { return block_.count; }
  const Vector& argument(const Node& node, size_t i) const { return slots_[node.args[i]].vector; }
  template <class T>
  T* values(const Node& node) {
    return reinterpret_cast<T*>(slots_[node.at].values.get());
  }
  uint8_t* valid(const Node& node) { return slots_[node.at].valid.get(); }
  int32_t* starts(const Node& node) { return slots_[node.at].starts.get(); }
  int32_t* ends(const Node& node) { return slots_[node.at].ends.get(); }
  Vector& result(const Node& node) { return slots_[node.at].vector; }
  // Result `values(node)`, with these rows valid.
  void finish(const Node& node, const uint8_t* valid);
  // Rows that are valid in both: one of the two, or valid(node).
  const uint8_t* both(const Node& node, const uint8_t* a, const uint8_t* b);
  // valid(node) as a copy of `valid`.
  uint8_t* ownValid(const Node& node, const uint8_t* valid);
  // Result starts(node) to ends(node) of `bytes` (nullptr: there are none), with these rows valid.
  void finishText(const Node& node, const char* bytes, const uint8_t* valid);
  // Room for the bytes of a result, which are those of the node until its next block. nullptr: past what offsets can
  // say; then the result is made, and isTooLong().
  char* textRoom(const Node& node, size_t size);
  // The row has no result; the first message of a row counts.
  void fail(size_t row, std::string message);

  // ---- for choices: which argument each row has its value from

  static constexpr uint32_t kOpen = 0xFFFF'FFFE;    // none so far
  static constexpr uint32_t kFailed = 0xFFFF'FFFF;  // none, and it is an error
  // One a row, kOpen.
  uint32_t* choices();
  // Failures of argument i count where the row has this choice, which becomes kFailed. Elsewhere nobody asked for them.
  void claimFailures(const Node& node, size_t i, uint32_t choice);

 private:
  struct Slot {
    Vector vector;
    std::unique_ptr<uint8_t[]> values;
    std::unique_ptr<uint8_t[]> valid;
    std::unique_ptr<int32_t[]> starts;
    std::unique_ptr<int32_t[]> ends;
    Buffer bytes;  // of text that the node makes: kept for the next block
  };

  void fill(const Node& node);

  const Expression& expression_;
  Block block_;
  std::vector<Slot> slots_;
  std::vector<Failure> failures_;  // their nodes ascend while the block runs
  std::vector<uint32_t> choices_;
  uint32_t running_ = 0;  // node
  bool isTooLong_ = false;
};

// ---------------------------------------------------------------- the loops, by what they take

Node::Loop columnLoop(TypeId id);

// `holds` has a bit each for less, equal, greater and neither (NaN).
constexpr uint8_t kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8;
Node::Loop compareLoop(uint8_t holds, Kind left, Kind right, bool scaled);
Node::Loop inLoop(Kind kind);

enum class Arithmetic : uint8_t { Add, Sub, Mul, Div, Mod };
// Of integers: int64, or its row's error. Both sides are Float64, or neither is (toDoubleLoop).
Node::Loop arithmeticLoop(Arithmetic op, Kind left, Kind right);
Node::Loop toDoubleLoop(Kind from);

Node::Loop logicLoop(bool isAnd);
Node::Loop notLoop();
Node::Loop nullLoop(bool wantsNull);

// Lengths and places are code points; white space is what JavaScript's trim() takes for it.
Node::Loop lengthLoop();
enum class Search : uint8_t { Anywhere, AtStart, AtEnd };
Node::Loop searchLoop(Search place);
Node::Loop trimLoop(bool atStart, bool atEnd);
Node::Loop substringLoop();  // a text, then one or two of Float64, which are integers
Node::Loop concatLoop();

// Arguments of one kind, but the conditions of `when`. Not of Decimal, not of Nested.
Node::Loop coalesceLoop(Kind kind);
Node::Loop whenLoop(Kind kind);
Node::Loop nullIfLoop();  // a value, and whether it is equal

// ---------------------------------------------------------------- parsing

// The wire form is ProgramExpr of src/kafka/backend.ts; indices are into `columns`. CONFIG: not of that form, an index
// out of range, or arguments that the operator does not take by src/expr/rules.ts.
Status parse(const simdjson::dom::element& value, const std::vector<Field>& columns, Expression& out);
// Makes `type` that of the result: of a null literal, which has none of its own, and checks it otherwise.
Status giveType(Expression& expression, const Type& type);

}  // namespace sabot::expression
