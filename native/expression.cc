// Evaluates expressions: the memory of nodes, columns as vectors, and logic. The other loops are in expression_*.cc.
#include "expression.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace sabot::expression {

Kind kindOf(TypeId id) {
  switch (id) {
    case TypeId::Bool: return Kind::Bool;
    case TypeId::UInt64: return Kind::UInt64;
    case TypeId::Float32:
    case TypeId::Float64: return Kind::Float64;
    case TypeId::Utf8:
    case TypeId::Binary: return Kind::Text;
    case TypeId::Decimal128: return Kind::Decimal;
    case TypeId::List:
    case TypeId::Struct: return Kind::Nested;
    default: return Kind::Int64;
  }
}

// ---------------------------------------------------------------- memory

Evaluation::Evaluation(const Expression& expression) : expression_(expression), slots_(expression.nodes.size()) {
  for (const Node& node : expression.nodes) {
    Slot& slot = slots_[node.at];
    const size_t width = node.kind == Kind::Bool ? 1 : node.kind == Kind::Decimal ? sizeof(Int128) : sizeof(int64_t);
    if (node.kind == Kind::Text) {
      slot.starts = std::make_unique<int32_t[]>(kBlock);
      slot.ends = std::make_unique<int32_t[]>(kBlock + 1);
    } else if (node.kind != Kind::Nested) {
      slot.values = std::make_unique<uint8_t[]>(kBlock * width);
    }
    slot.valid = std::make_unique<uint8_t[]>(kBlock);
    if (node.loop == nullptr) fill(node);
  }
}

// A literal in every row.
void Evaluation::fill(const Node& node) {
  const Literal& literal = node.literal;
  switch (node.kind) {
    case Kind::Bool: std::fill_n(values<uint8_t>(node), kBlock, literal.boolean ? 1 : 0); break;
    case Kind::Int64: std::fill_n(values<int64_t>(node), kBlock, static_cast<int64_t>(literal.integer)); break;
    case Kind::UInt64: std::fill_n(values<uint64_t>(node), kBlock, static_cast<uint64_t>(literal.integer)); break;
    case Kind::Float64: std::fill_n(values<double>(node), kBlock, literal.real); break;
    case Kind::Decimal: std::fill_n(values<Int128>(node), kBlock, literal.integer); break;
    case Kind::Text: {
      std::fill_n(starts(node), kBlock, 0);
      std::fill_n(ends(node), kBlock, static_cast<int32_t>(literal.text.size()));
      Vector& vector = result(node);
      vector.bytes = literal.text.data();
      vector.starts = starts(node);
      vector.ends = ends(node);
      break;
    }
    case Kind::Nested: break;
  }
  const bool isNull = literal.kind == Literal::Kind::Null;
  if (isNull) std::fill_n(valid(node), kBlock, 0);
  finish(node, isNull ? valid(node) : nullptr);
}

const Vector& Evaluation::run(const Block& block) {
  block_ = block;
  failures_.clear();
  isTooLong_ = false;
  for (const Node& node : expression_.nodes) {
    running_ = node.at;
    if (node.loop != nullptr) node.loop(node, *this);
  }
  if (failures_.size() > 1) {
    // Of one row the first that was found: that of the innermost, leftmost argument.
    std::stable_sort(failures_.begin(), failures_.end(),
                     [](const Failure& a, const Failure& b) { return a.row < b.row; });
    const auto same = [](const Failure& a, const Failure& b) { return a.row == b.row; };
    failures_.erase(std::unique(failures_.begin(), failures_.end(), same), failures_.end());
  }
  return slots_.back().vector;
}

void Evaluation::finish(const Node& node, const uint8_t* valid) {
  Vector& vector = result(node);
  vector.values = slots_[node.at].values.get();
  vector.valid = valid;
}

const uint8_t* Evaluation::both(const Node& node, const uint8_t* a, const uint8_t* b) {
  if (a == nullptr || a == b) return b;
  if (b == nullptr) return a;
  uint8_t* out = valid(node);
  for (size_t i = 0; i < count(); ++i) out[i] = a[i] & b[i];
  return out;
}

uint8_t* Evaluation::ownValid(const Node& node, const uint8_t* from) {
  uint8_t* own = valid(node);
  if (from == nullptr) std::fill_n(own, count(), 1);
  else if (from != own) std::copy_n(from, count(), own);
  return own;
}

void Evaluation::finishText(const Node& node, const char* bytes, const uint8_t* valid) {
  Vector& vector = result(node);
  vector.bytes = bytes == nullptr ? "" : bytes;
  vector.starts = starts(node);
  vector.ends = ends(node);
  vector.valid = valid;
}

char* Evaluation::textRoom(const Node& node, size_t size) {
  if (size > std::numeric_limits<int32_t>::max()) {
    isTooLong_ = true;
    std::fill_n(starts(node), count(), 0);
    std::fill_n(ends(node), count(), 0);
    finishText(node, nullptr, nullptr);
    return nullptr;
  }
  Buffer& bytes = slots_[node.at].bytes;
  bytes.truncate(0);
  // One more, so that there is memory where no byte is.
  return reinterpret_cast<char*>(bytes.reserve(size + 1));
}

void Evaluation::fail(size_t row, std::string message) {
  failures_.push_back({static_cast<uint32_t>(row), running_, std::move(message)});
}

uint32_t* Evaluation::choices() {
  choices_.assign(kBlock, kOpen);
  return choices_.data();
}

void Evaluation::claimFailures(const Node& node, size_t i, uint32_t choice) {
  if (failures_.empty() || failures_.back().node < node.bounds[i]) return;
  const auto isBefore = [](const Failure& failure, uint32_t at) { return failure.node < at; };
  const auto first = std::lower_bound(failures_.begin(), failures_.end(), node.bounds[i], isBefore);
  const auto end = std::lower_bound(first, failures_.end(), node.bounds[i + 1], isBefore);
  auto kept = first;
  for (auto failure = first; failure != end; ++failure) {
    uint32_t& chosen = choices_[failure->row];
    if (chosen != choice) continue;
    chosen = kFailed;
    if (kept != failure) *kept = std::move(*failure);
    ++kept;
  }
  failures_.erase(kept, end);
}

// ---------------------------------------------------------------- columns

namespace {

// Calls `each(i, row)` for the rows of the block in this column.
template <class Each>
void forEachRow(const Node& node, const Evaluation& evaluation, Each&& each) {
  const Block& block = evaluation.block();
  if (block.rows == nullptr || (*block.dense)[node.column]) {
    for (size_t i = 0; i < block.count; ++i) each(i, block.first + i);
  } else {
    const uint32_t* rows = block.rows + block.first;
    for (size_t i = 0; i < block.count; ++i) each(i, rows[i]);
  }
}

const Column& columnOf(const Node& node, const Evaluation& evaluation) {
  return (*evaluation.block().columns)[node.column];
}

bool isContiguous(const Node& node, const Evaluation& evaluation) {
  return evaluation.block().rows == nullptr || (*evaluation.block().dense)[node.column];
}

const uint8_t* readValid(const Node& node, Evaluation& evaluation) {
  const Column& column = columnOf(node, evaluation);
  if (column.nullCount() == 0) return nullptr;
  uint8_t* valid = evaluation.valid(node);
  forEachRow(node, evaluation, [&](size_t i, size_t row) { valid[i] = column.isValid(static_cast<int64_t>(row)); });
  return valid;
}

template <class From, class To>
void readFixed(const Node& node, Evaluation& evaluation) {
  const auto* from = reinterpret_cast<const From*>(columnOf(node, evaluation).values());
  const uint8_t* valid = readValid(node, evaluation);
  if (std::is_same_v<From, To> && isContiguous(node, evaluation)) {
    Vector& vector = evaluation.result(node);
    vector.values = from + evaluation.block().first;
    vector.valid = valid;
    return;
  }
  To* to = evaluation.values<To>(node);
  forEachRow(node, evaluation, [&](size_t i, size_t row) { to[i] = static_cast<To>(from[row]); });
  evaluation.finish(node, valid);
}

void readDecimal(const Node& node, Evaluation& evaluation) {
  const uint8_t* from = columnOf(node, evaluation).values();
  Int128* to = evaluation.values<Int128>(node);
  forEachRow(node, evaluation, [&](size_t i, size_t row) {
    std::memcpy(to + i, from + row * sizeof(Int128), sizeof(Int128));
  });
  evaluation.finish(node, readValid(node, evaluation));
}

void readBool(const Node& node, Evaluation& evaluation) {
  const uint8_t* bits = columnOf(node, evaluation).values();
  uint8_t* to = evaluation.values<uint8_t>(node);
  forEachRow(node, evaluation, [&](size_t i, size_t row) { to[i] = (bits[row >> 3] >> (row & 7)) & 1; });
  evaluation.finish(node, readValid(node, evaluation));
}

void readText(const Node& node, Evaluation& evaluation) {
  const Column& column = columnOf(node, evaluation);
  const int32_t* offsets = column.valueOffsets();
  Vector& vector = evaluation.result(node);
  vector.valid = readValid(node, evaluation);
  // There may be no memory where no byte is.
  vector.bytes = column.values() == nullptr ? "" : reinterpret_cast<const char*>(column.values());
  if (isContiguous(node, evaluation)) {
    vector.starts = offsets + evaluation.block().first;
    vector.ends = vector.starts + 1;
    return;
  }
  int32_t* starts = evaluation.starts(node);
  int32_t* ends = evaluation.ends(node);
  forEachRow(node, evaluation, [&](size_t i, size_t row) {
    starts[i] = offsets[row];
    ends[i] = offsets[row + 1];
  });
  vector.starts = starts;
  vector.ends = ends;
}

void readNulls(const Node& node, Evaluation& evaluation) {
  evaluation.result(node).valid = readValid(node, evaluation);
}

}  // namespace

Node::Loop columnLoop(TypeId id) {
  switch (id) {
    case TypeId::Bool: return readBool;
    case TypeId::Int8: return readFixed<int8_t, int64_t>;
    case TypeId::Int16: return readFixed<int16_t, int64_t>;
    case TypeId::Int32:
    case TypeId::Date32: return readFixed<int32_t, int64_t>;
    case TypeId::Int64:
    case TypeId::Timestamp: return readFixed<int64_t, int64_t>;
    case TypeId::UInt8: return readFixed<uint8_t, int64_t>;
    case TypeId::UInt16: return readFixed<uint16_t, int64_t>;
    case TypeId::UInt32: return readFixed<uint32_t, int64_t>;
    case TypeId::UInt64: return readFixed<uint64_t, uint64_t>;
    case TypeId::Float32: return readFixed<float, double>;
    case TypeId::Float64: return readFixed<double, double>;
    case TypeId::Utf8:
    case TypeId::Binary: return readText;
    case TypeId::Decimal128: return readDecimal;
    case TypeId::List:
    case TypeId::Struct: break;
  }
  return readNulls;
}

// ---------------------------------------------------------------- logic

namespace {

template <bool isAnd>
void kleene(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  const size_t count = evaluation.count();
  const auto* x = a.as<uint8_t>();
  const auto* y = b.as<uint8_t>();
  uint8_t* out = evaluation.values<uint8_t>(node);
  if (a.valid == nullptr && b.valid == nullptr) {
    for (size_t i = 0; i < count; ++i) out[i] = isAnd ? x[i] & y[i] : x[i] | y[i];
    return evaluation.finish(node, nullptr);
  }
  uint8_t* valid = evaluation.valid(node);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t validA = a.valid == nullptr ? 1 : a.valid[i];
    const uint8_t validB = b.valid == nullptr ? 1 : b.valid[i];
    const uint8_t trueA = x[i] & validA, trueB = y[i] & validB;
    const auto falseA = static_cast<uint8_t>((x[i] ^ 1) & validA), falseB = static_cast<uint8_t>((y[i] ^ 1) & validB);
    out[i] = isAnd ? trueA & trueB : trueA | trueB;
    valid[i] = static_cast<uint8_t>(out[i] | (isAnd ? falseA | falseB : falseA & falseB));
  }
  evaluation.finish(node, valid);
}

void invert(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const auto* x = a.as<uint8_t>();
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = x[i] ^ 1;
  evaluation.finish(node, a.valid);
}

template <bool wantsNull>
void isNull(const Node& node, Evaluation& evaluation) {
  const uint8_t* valid = evaluation.argument(node, 0).valid;
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    const uint8_t one = valid == nullptr ? 1 : valid[i];
    out[i] = wantsNull ? one ^ 1 : one;
  }
  evaluation.finish(node, nullptr);
}

}  // namespace

Node::Loop logicLoop(bool isAnd) { return isAnd ? kleene<true> : kleene<false>; }
Node::Loop notLoop() { return invert; }
Node::Loop nullLoop(bool wantsNull) { return wantsNull ? isNull<true> : isNull<false>; }

}  // namespace sabot::expression
