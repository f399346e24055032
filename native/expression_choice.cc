// coalesce, when, nullIf. Every argument is computed in every row, as src/expr/kernels/choice.ts does it; a row that
// fails in an argument that it does not take has not failed.
#include <cstring>
#include <string_view>
#include <type_traits>

#include "expression.h"

namespace sabot::expression {

namespace {

bool isValid(const Vector& vector, size_t row) { return vector.valid == nullptr || vector.valid[row] != 0; }

// Each row from the argument that was chosen for it; null where none was.
template <class T>
void take(const Node& node, Evaluation& evaluation, const uint32_t* chosen) {
  T* out = evaluation.values<T>(node);
  uint8_t* valid = evaluation.valid(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    if (chosen[i] >= Evaluation::kOpen) {
      out[i] = T{};
      valid[i] = 0;
      continue;
    }
    const Vector& from = evaluation.argument(node, chosen[i]);
    out[i] = from.as<T>()[i];
    valid[i] = from.valid == nullptr ? 1 : from.valid[i];
  }
  evaluation.finish(node, valid);
}

// Text lies at several places: it is copied to one.
void takeText(const Node& node, Evaluation& evaluation, const uint32_t* chosen) {
  uint8_t* valid = evaluation.valid(node);
  size_t size = 0;
  for (size_t i = 0; i < evaluation.count(); ++i) {
    valid[i] = chosen[i] < Evaluation::kOpen && isValid(evaluation.argument(node, chosen[i]), i) ? 1 : 0;
    if (valid[i] != 0) size += evaluation.argument(node, chosen[i]).text(i).size();
  }
  char* const bytes = evaluation.textRoom(node, size);
  if (bytes == nullptr) return;
  int32_t* starts = evaluation.starts(node);
  int32_t* ends = evaluation.ends(node);
  char* to = bytes;
  for (size_t i = 0; i < evaluation.count(); ++i) {
    starts[i] = static_cast<int32_t>(to - bytes);
    if (valid[i] != 0) {
      const std::string_view text = evaluation.argument(node, chosen[i]).text(i);
      std::memcpy(to, text.data(), text.size());
      to += text.size();
    }
    ends[i] = static_cast<int32_t>(to - bytes);
  }
  evaluation.finishText(node, bytes, valid);
}

// `T`: void of text.
template <class T>
void takeAll(const Node& node, Evaluation& evaluation, const uint32_t* chosen) {
  if constexpr (std::is_void_v<T>) takeText(node, evaluation, chosen);
  else take<T>(node, evaluation, chosen);
}

template <class T>
void coalesce(const Node& node, Evaluation& evaluation) {
  uint32_t* chosen = evaluation.choices();
  for (uint32_t k = 0; k < node.args.size(); ++k) {
    evaluation.claimFailures(node, k, Evaluation::kOpen);
    const Vector& value = evaluation.argument(node, k);
    for (size_t i = 0; i < evaluation.count(); ++i) {
      if (chosen[i] == Evaluation::kOpen && isValid(value, i)) chosen[i] = k;
    }
  }
  takeAll<T>(node, evaluation, chosen);
}

template <class T>
void when(const Node& node, Evaluation& evaluation) {
  uint32_t* chosen = evaluation.choices();
  const auto last = static_cast<uint32_t>(node.args.size() - 1);
  for (uint32_t k = 0; k < last; k += 2) {
    evaluation.claimFailures(node, k, Evaluation::kOpen);
    const Vector& condition = evaluation.argument(node, k);
    const auto* isTrue = condition.as<uint8_t>();
    for (size_t i = 0; i < evaluation.count(); ++i) {
      if (chosen[i] == Evaluation::kOpen && isTrue[i] != 0 && isValid(condition, i)) chosen[i] = k + 1;
    }
  }
  for (size_t i = 0; i < evaluation.count(); ++i) {
    if (chosen[i] == Evaluation::kOpen) chosen[i] = last;
  }
  for (uint32_t k = 1; k < last; k += 2) evaluation.claimFailures(node, k, k);
  evaluation.claimFailures(node, last, last);
  takeAll<T>(node, evaluation, chosen);
}

void nullIf(const Node& node, Evaluation& evaluation) {
  const Vector& value = evaluation.argument(node, 0);
  const Vector& equal = evaluation.argument(node, 1);
  const auto* isEqual = equal.as<uint8_t>();
  uint8_t* valid = evaluation.ownValid(node, value.valid);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    if (isEqual[i] != 0 && isValid(equal, i)) valid[i] = 0;
  }
  Vector& out = evaluation.result(node);
  out = value;
  out.valid = valid;
}

}  // namespace

Node::Loop coalesceLoop(Kind kind) {
  switch (kind) {
    case Kind::Bool: return coalesce<uint8_t>;
    case Kind::Int64: return coalesce<int64_t>;
    case Kind::UInt64: return coalesce<uint64_t>;
    case Kind::Float64: return coalesce<double>;
    case Kind::Text: return coalesce<void>;
    case Kind::Decimal:
    case Kind::Nested: break;
  }
  return nullptr;
}

Node::Loop whenLoop(Kind kind) {
  switch (kind) {
    case Kind::Bool: return when<uint8_t>;
    case Kind::Int64: return when<int64_t>;
    case Kind::UInt64: return when<uint64_t>;
    case Kind::Float64: return when<double>;
    case Kind::Text: return when<void>;
    case Kind::Decimal:
    case Kind::Nested: break;
  }
  return nullptr;
}

Node::Loop nullIfLoop() { return nullIf; }

}  // namespace sabot::expression
