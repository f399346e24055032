#include "json_columns.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base64.h"
#include "json_digits.h"
#include "json_misfit.h"
#include "json_text.h"
#include "numbers.h"

namespace sabot {

namespace {

// `open`: brackets around the values of these fields.
std::vector<JsonNode> makeNodes(const std::vector<Field>& fields, const JsonNode* parent, int open, uint32_t& count) {
  std::vector<JsonNode> nodes;
  nodes.reserve(fields.size());
  for (const Field& field : fields) {
    JsonNode& node = nodes.emplace_back();
    node.type = &field.type;
    node.id = field.type.id;
    node.open = open;
    if (parent != nullptr) node.path = parent->path + (parent->id == TypeId::List ? "[]" : ".");
    if (parent == nullptr || parent->id == TypeId::Struct) node.path += field.name;
    node.number = count++;
    node.children = makeNodes(field.type.children, &node, open + 1, count);
    node.lastNumber = count - 1;
    if (node.id == TypeId::Struct) node.keys = std::make_unique<JsonKeys>(field.type.children, node.children.data());
  }
  return nodes;
}

std::vector<JsonNode> makeNodes(const std::vector<Field>& fields, int open) {
  uint32_t count = 0;
  return makeNodes(fields, nullptr, open, count);
}

std::vector<Field> fieldsOf(const std::vector<ColumnSpec>& columns) {
  std::vector<Field> fields;
  for (const ColumnSpec& column : columns) fields.push_back(column.field);
  return fields;
}

template <class T>
bool fits(uint64_t magnitude, bool negative) {
  if constexpr (std::is_unsigned_v<T>) {
    return magnitude <= std::numeric_limits<T>::max() && (!negative || magnitude == 0);
  } else {
    return magnitude <= static_cast<uint64_t>(std::numeric_limits<T>::max()) + (negative ? 1 : 0);
  }
}

constexpr uint64_t wholePowersOfTen[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
constexpr double powersOfTen[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};

}  // namespace

// Here, where a JsonNode is more than a name.
JsonKeys::JsonKeys(const std::vector<Field>& fields, JsonNode* nodes) {
  keys_.reserve(fields.size() + most);  // never moved: they point to each other
  for (const Field& field : fields) add(field.name, nodes++);
  learned_ = keys_.size() + most;
}

JsonText JsonCopy::of(const char* begin, const char* end) {
  const auto size = static_cast<size_t>(end - begin);
  bytes_.truncate(0);
  uint8_t* const to = bytes_.reserve(size + kJsonPadding);
  std::memcpy(to, begin, size);
  std::memset(to + size, 0, kJsonPadding);
  const char* const copy = reinterpret_cast<const char*>(to);
  return {copy, copy + size, true};
}

JsonColumns::JsonColumns(const std::vector<ColumnSpec>& columns, int maxDepth,
                         std::unique_ptr<const JsonRejection> rejection)
    : reader_(maxDepth), rejection_(std::move(rejection)), fields_(fieldsOf(columns)), nodes_(makeNodes(fields_, 1)),
      keys_(fields_, nodes_.data()) {
  if (rejection_ == nullptr) return;
  for (const uint32_t column : rejection_->asks()) nodes_[column].asked = true;
}

JsonColumns::JsonColumns(const Field& field, int maxDepth)
    : reader_(maxDepth), fields_({field}), nodes_(makeNodes(fields_, 0)), keys_(fields_, nodes_.data()) {}

void JsonColumns::bind(ColumnSet& out) {
  columns_ = &out;
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i].bind(out[i]);
}

JsonColumns::Result JsonColumns::read(const JsonText& text, const char* at, int64_t row) {
  reader_.open(text.begin, text.end, text.terminated);
  misfits_.clear();
  if (rejection_ == nullptr) {
    at = object<false>(nodes_, keys_, at, 0, row);
  } else {
    known_ = Truth::Null;
    rejected_ = false;
    at = object<true>(nodes_, keys_, at, 0, row);
    if (rejected_) return Result::Rejected;
  }
  if (!complete(at)) return Result::NotJson;
  if (!misfits_.empty()) return Result::Misfit;
  return known_ == Truth::True ? Result::Kept : Result::Row;
}

JsonColumns::Result JsonColumns::readValue(const JsonText& text, const char* at) {
  reader_.open(text.begin, text.end, text.terminated);
  misfits_.clear();
  if (!complete(value(nodes_[0], at))) return Result::NotJson;
  return misfits_.empty() ? Result::Row : Result::Misfit;
}

bool JsonColumns::isJson(const JsonText& text, const char* at) {
  reader_.open(text.begin, text.end, text.terminated);
  return complete(reader_.skip(at, 0));
}

bool JsonColumns::complete(const char* at) {
  if (at == nullptr) return false;
  if (at != reader_.end()) {
    reader_.fail(at, "nothing behind the document");
    return false;
  }
  if (reader_.ascii()) return true;
  const auto size = static_cast<size_t>(reader_.end() - reader_.begin());
  if (simdjson::validate_utf8(reader_.begin(), size)) return true;
  reader_.fail(reader_.begin() + utf8Prefix({reader_.begin(), size}), "UTF-8");
  return false;
}

std::string JsonColumns::misfit() {
  const auto& [node, at] = misfits_[0];
  const char* const end = reader_.skip(at, node->open);
  return misfitMessage(node->path, *node->type, {at, static_cast<size_t>(end - at)});
}

// ---------------------------------------------------------------- objects

// Called for every value, so part of its caller.
[[gnu::always_inline]] inline const char* JsonColumns::value(JsonNode& node, const char* at) {
  switch (node.id) {
    case TypeId::Bool: return boolean(node, at);
    case TypeId::Int8: return integer<int8_t>(node, at);
    case TypeId::Int16: return integer<int16_t>(node, at);
    case TypeId::Int32: return integer<int32_t>(node, at);
    case TypeId::Int64: return integer<int64_t>(node, at);
    case TypeId::UInt8: return integer<uint8_t>(node, at);
    case TypeId::UInt16: return integer<uint16_t>(node, at);
    case TypeId::UInt32: return integer<uint32_t>(node, at);
    case TypeId::UInt64: return integer<uint64_t>(node, at);
    case TypeId::Float32: return real<float>(node, at);
    case TypeId::Float64: return real<double>(node, at);
    case TypeId::Utf8: return text(node, at);
    case TypeId::Binary: return binary(node, at);
    case TypeId::Date32:
    case TypeId::Timestamp: return time(node, at);
    case TypeId::Decimal128: return decimal(node, at);
    case TypeId::List: return list(node, at);
    case TypeId::Struct: return structure(node, at);
  }
  return nullptr;
}

// asks: the columns of the row itself, which a predicate may reject.
template <bool asks>
const char* JsonColumns::object(std::vector<JsonNode>& fields, JsonKeys& keys, const char* at, int open, int64_t row) {
  const char* const start = at;
  size_t seen = 0;
  JsonKey** expected = &keys.first;
  JsonNode* node = keys.first->node;
  size_t size = keys.first->matchFirst(at);
  if (size == 0) {
    at = JsonReader::blanks(at + 1);
    if (*at == '}') return nulls(fields, at + 1, row);
    size = keys.first->matchFirst(at - 1);
    if (size != 0) --at;
  }
  for (;;) {
    // `at` is where the comma stands of a key that was expected, or where another key begins.
    if (size != 0) [[likely]] {
      expected = &(*expected)->next;
      at += size;
    } else if ((at = key(keys, at, expected, node)) == nullptr) {
      return nullptr;
    }
    at = JsonReader::blanks(at);
    if (node == nullptr) {
      at = reader_.skip(at, open + 1);
    } else {
      if (node->column->length() != row) [[unlikely]] again(*node, row, start);
      else ++seen;
      at = value(*node, at);
      if (asks && node->asked && at != nullptr && rejects(at, row)) return nullptr;
    }
    if (at == nullptr) return nullptr;
    const JsonKey& guess = **expected;
    node = guess.node;
    size = guess.match(at);
    if (size != 0) [[likely]] continue;
    at = JsonReader::blanks(at);
    if (*at != ',') break;
    at = JsonReader::blanks(at + 1);
    // Where blanks stand about the comma, the key may still be the expected one.
    size = guess.matchFirst(at - 1);
    if (size != 0) --at;
  }
  if (*at != '}') return reader_.fail(at, "',' or '}'");
  return seen == fields.size() ? at + 1 : nulls(fields, at + 1, row);
}

// Columns whose key did not come.
const char* JsonColumns::nulls(std::vector<JsonNode>& fields, const char* at, int64_t row) {
  for (const JsonNode& node : fields) {
    if (node.column->length() == row) node.column->appendNull();
  }
  return at;
}

// A key that is not the expected one, and its colon.
const char* JsonColumns::key(JsonKeys& keys, const char* at, JsonKey**& expected, JsonNode*& node) {
  if (*at != '"') return reader_.fail(at, "'\"' before a key");
  const char* const behind = reader_.string(at);
  if (behind == nullptr) return nullptr;
  JsonKey* const found = keys.find(content(at, behind));
  node = found == nullptr ? nullptr : found->node;
  if (found != nullptr) {
    *expected = found;
    expected = &found->next;
  }
  at = JsonReader::blanks(behind);
  return *at == ':' ? at + 1 : reader_.fail(at, "':'");
}

// Behind a value that the predicate reads. A document that is cut off is none to reject: it is an error.
bool JsonColumns::rejects(const char* at, int64_t row) {
  if (known_ == Truth::True) return false;
  known_ = rejection_->known(*columns_, row);
  if (known_ != Truth::False) return false;
  at = JsonReader::blanks(at);
  const char* const end = reader_.end();
  if (at >= end || *at != ',' || end[-1] != '}' || !misfits_.empty()) return false;
  rejected_ = !rejection_->mayChange(*columns_, row, at, end);
  return rejected_;
}

// A key came twice in an object: its first value goes, and with it what was wrong in there.
void JsonColumns::again(JsonNode& node, int64_t row, const char* object) {
  node.column->truncate(row);
  known_ = Truth::Null;
  std::erase_if(misfits_, [&](const Misfit& misfit) {
    return misfit.at > object && misfit.node->number >= node.number && misfit.node->number <= node.lastNumber;
  });
}

// ---------------------------------------------------------------- values

// null, or a value of another kind than the column's.
const char* JsonColumns::other(JsonNode& node, const char* at) {
  if (!JsonReader::isNull(at)) return misfits(node, at);
  node.column->appendNull();
  return at + 4;
}

// The row fails, but first the document is read to its end: it may not be JSON, or the key may come again.
const char* JsonColumns::misfits(JsonNode& node, const char* at) {
  misfits_.push_back({&node, at});
  node.column->appendNull();
  return reader_.skip(at, node.open);
}

const char* JsonColumns::boolean(JsonNode& node, const char* at) {
  const int isTrue = JsonReader::isTrue(at);
  const int isFalse = JsonReader::isFalse(at);
  if ((isTrue | isFalse) == 0) return other(node, at);  // one branch that is foreseen, not one on the value
  node.column->appendBool(isTrue != 0);
  return at + 4 + isFalse;
}

template <class T>
const char* JsonColumns::integer(JsonNode& node, const char* at) {
  const bool negative = *at == '-';
  const char* const from = at + negative;
  const uint64_t word = digitsAt(from);
  const int count = bytesBelow(notDigits(word));
  if (count == 0) return other(node, at);
  const char* to = from + count;
  uint64_t magnitude = numberOf(word, count);
  if (*from == '0') {  // no digit follows a zero
    magnitude = 0;
    to = from + 1;
  } else if (count == 8) {
    for (uint64_t next = digit(*to); next <= 9; next = digit(*++to)) magnitude = magnitude * 10 + next;
  }
  // 19 digits do not overflow.
  if (*to == '.' || hasExponent(to) || to - from > 19) return exactInteger<T>(node, at);
  if (!fits<T>(magnitude, negative)) return misfits(node, at);
  node.column->append(static_cast<T>(negative ? 0 - magnitude : magnitude));
  return to;
}

template <class T>
const char* JsonColumns::exactInteger(JsonNode& node, const char* at) {
  const char* const to = reader_.number(at);
  if (to == nullptr) return nullptr;
  Digits digits;
  uint64_t magnitude = 0;
  if (!parseDigits({at, to}, digits) || !toInteger(digits, magnitude) || !fits<T>(magnitude, digits.negative)) {
    return misfits(node, at);
  }
  node.column->append(static_cast<T>(digits.negative ? 0 - magnitude : magnitude));
  return to;
}

template <class T>
const char* JsonColumns::real(JsonNode& node, const char* at) {
  const bool negative = *at == '-';
  const char* const from = at + negative;
  const uint64_t word = digitsAt(from);
  const uint64_t others = notDigits(word);
  const int whole = bytesBelow(others);
  if (whole == 0) return other(node, at);
  // What is longer, has an exponent or is no number at all is not read at once.
  if (whole == 8 || (*from == '0' && whole > 1)) return exactReal<T>(node, at);
  uint64_t digits = numberOf(word, whole);
  const char* to = from + whole;
  double value = static_cast<double>(digits);
  if (*to == '.') {
    const uint64_t fraction = digitsAt(to + 1);
    // Mostly the number ends in the first eight bytes, and where is known without looking further.
    const uint64_t behind = others & (others - 1);
    const int places = behind != 0 ? bytesBelow(behind) - whole - 1 : bytesBelow(notDigits(fraction));
    if (places < 1 || places > 7) return exactReal<T>(node, at);
    // At most 14 digits: both are exact as float64, so their quotient is rounded once.
    digits = digits * wholePowersOfTen[places] + numberOf(fraction, places);
    value = static_cast<double>(digits) / powersOfTen[places];
    to += 1 + places;
  }
  if (hasExponent(to)) return exactReal<T>(node, at);
  node.column->append(static_cast<T>(negative ? -value : value));
  return to;
}

template <class T>
const char* JsonColumns::exactReal(JsonNode& node, const char* at) {
  const char* const to = reader_.number(at);
  if (to == nullptr) return nullptr;
  // Too large is what rounds to infinity: the shortest digits of the largest float32, 3.4028235e38, are above it.
  const T value = static_cast<T>(toDouble({at, to}));
  if (!std::isfinite(value)) return misfits(node, at);
  node.column->append(value);
  return to;
}

// A short string is found and copied in one go; whatever is not plain begins anew in anyText().
const char* JsonColumns::text(JsonNode& node, const char* at) {
  constexpr std::ptrdiff_t most = 4096;  // of room that is kept ready
  const char* const from = at + 1;
  const std::ptrdiff_t left = reader_.end() - from;
  if (*at != '"' || left > most) return anyText(node, at);
  Buffer& data = node.column->data();
  uint8_t* const to = data.reserve(static_cast<size_t>(left) + Block::size);
  for (std::ptrdiff_t done = 0; done < left; done += Block::size) {
    const Block block(from + done);
    block.store(to + done);
    const uint32_t stops = block.stops();
    if (stops == 0) continue;
    done += std::countr_zero(stops);
    if (from[done] != '"' || done >= left) break;
    data.grown(static_cast<size_t>(done));
    node.column->endBytes();
    return from + done + 1;
  }
  return anyText(node, at);
}

const char* JsonColumns::anyText(JsonNode& node, const char* at) {
  Column& column = *node.column;
  if (*at != '"') {
    if (JsonReader::isNull(at)) return other(node, at);
    const char* const to = reader_.skip(at, node.open);
    if (to != nullptr) column.appendBytes({at, to});
    return to;
  }
  const char* const behind = reader_.string(at);
  if (behind == nullptr) return nullptr;
  if (reader_.escaped()) {
    JsonReader::unescape(at + 1, behind - 1, column.data());
    column.endBytes();
  } else {
    column.appendBytes({at + 1, behind - 1});
  }
  return behind;
}

// What a string that string() accepted stands for; valid until the next call.
std::string_view JsonColumns::content(const char* at, const char* behind) {
  if (!reader_.escaped()) return {at + 1, behind - 1};
  scratch_.truncate(0);
  JsonReader::unescape(at + 1, behind - 1, scratch_);
  return {reinterpret_cast<const char*>(scratch_.data()), scratch_.size()};
}

const char* JsonColumns::time(JsonNode& node, const char* at) {
  const bool isDate = node.id == TypeId::Date32;
  if (*at != '"') return isDate ? integer<int32_t>(node, at) : integer<int64_t>(node, at);
  const char* const behind = reader_.string(at);
  if (behind == nullptr) return nullptr;
  Instant instant;
  if (!parseInstant(content(at, behind), instant)) return misfits(node, at);
  if (isDate) {
    node.column->append(toDate(instant));
    return behind;
  }
  int64_t units = 0;
  if (!toTimestamp(instant, node.type->unit, units)) return misfits(node, at);
  node.column->append(units);
  return behind;
}

const char* JsonColumns::decimal(JsonNode& node, const char* at) {
  std::string_view digitsText;
  const char* to = nullptr;
  if (*at == '"') {
    if ((to = reader_.string(at)) == nullptr) return nullptr;
    digitsText = content(at, to);
  } else if (*at == '-' || isDigit(*at)) {
    if ((to = reader_.number(at)) == nullptr) return nullptr;
    digitsText = {at, to};
  } else {
    return other(node, at);
  }
  Digits digits;
  Decimal128 value;
  if (!parseDigits(digitsText, digits) || !toDecimal(digits, node.type->precision, node.type->scale, value)) {
    return misfits(node, at);
  }
  node.column->append(value);
  return to;
}

const char* JsonColumns::binary(JsonNode& node, const char* at) {
  if (*at != '"') return other(node, at);
  const char* const behind = reader_.string(at);
  if (behind == nullptr) return nullptr;
  if (!fromBase64(content(at, behind), node.column->data())) return misfits(node, at);
  node.column->endBytes();
  return behind;
}

const char* JsonColumns::list(JsonNode& node, const char* at) {
  if (*at != '[') return other(node, at);
  if (reader_.tooDeep(node.open)) return reader_.failDepth(at);
  JsonNode& item = node.children[0];
  at = JsonReader::blanks(at + 1);
  if (*at != ']') {
    for (;;) {
      if ((at = value(item, at)) == nullptr) return nullptr;
      at = JsonReader::blanks(at);
      if (*at == ']') break;
      if (*at != ',') return reader_.fail(at, "',' or ']'");
      at = JsonReader::blanks(at + 1);
    }
  }
  node.column->endList();
  return reader_.closed(at + 1);
}

const char* JsonColumns::structure(JsonNode& node, const char* at) {
  if (*at != '{') return other(node, at);
  if (reader_.tooDeep(node.open)) return reader_.failDepth(at);
  at = object<false>(node.children, *node.keys, at, node.open, node.column->length());
  if (at == nullptr) return nullptr;
  node.column->endStruct();
  return reader_.closed(at);
}

}  // namespace sabot
