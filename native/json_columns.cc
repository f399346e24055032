#include "json_columns.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base64.h"
#include "json_misfit.h"
#include "json_text.h"
#include "numbers.h"

namespace sabot {

namespace {

JsonNode makeNode(const Type& type, std::string path, int open, uint32_t& count) {
  JsonNode node;
  node.type = &type;
  node.open = open;
  node.id = count++;
  for (const Field& field : type.children) {
    node.children.push_back(
        makeNode(field.type, type.id == TypeId::List ? path + "[]" : path + '.' + field.name, open + 1, count));
  }
  node.lastId = count - 1;
  if (type.id == TypeId::Struct) node.keys = std::make_unique<JsonKeys>(type.children);
  node.path = std::move(path);
  return node;
}

std::vector<Field> fieldsOf(const std::vector<ColumnSpec>& columns) {
  std::vector<Field> fields;
  for (const ColumnSpec& column : columns) fields.push_back(column.field);
  return fields;
}

// The value of a decimal digit; above 9: it is none.
uint64_t digit(char c) { return static_cast<uint8_t>(c - '0'); }
bool hasExponent(const char* at) { return (*at | 0x20) == 'e'; }

template <class T>
bool fits(uint64_t magnitude, bool negative) {
  if constexpr (std::is_unsigned_v<T>) {
    return magnitude <= std::numeric_limits<T>::max() && (!negative || magnitude == 0);
  } else {
    return magnitude <= static_cast<uint64_t>(std::numeric_limits<T>::max()) + (negative ? 1 : 0);
  }
}

constexpr double powersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

}  // namespace

JsonColumns::JsonColumns(const std::vector<ColumnSpec>& columns, int maxDepth)
    : reader_(maxDepth), fields_(fieldsOf(columns)), keys_(fields_) {
  uint32_t count = 0;
  nodes_.reserve(fields_.size());
  for (const Field& field : fields_) nodes_.push_back(makeNode(field.type, field.name, 1, count));
}

void JsonColumns::bind(ColumnSet& out) {
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i].bind(out[i]);
}

JsonColumns::Result JsonColumns::read(const JsonText& text, const char* at, int64_t row) {
  reader_.open(text.begin, text.end, text.terminated);
  misfits_.clear();
  if (!complete(object(nodes_, keys_, at, 0, row))) return Result::NotJson;
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

const char* JsonColumns::object(std::vector<JsonNode>& fields, JsonKeys& keys, const char* at, int open, int64_t row) {
  const char* const start = at;
  size_t seen = 0;
  at = JsonReader::blanks(at + 1);
  if (*at == '}') {
    ++at;
  } else {
    uint32_t* expected = &keys.first;
    for (;;) {
      JsonKey& guess = keys[*expected];
      int field = guess.field;
      if (const size_t size = guess.match(at); size != 0) {
        expected = &guess.next;
        at += size;
      } else if ((at = key(keys, at, expected, field)) == nullptr) {
        return nullptr;
      }
      at = JsonReader::blanks(at);
      if (field == JsonKey::none) {
        at = reader_.skip(at, open + 1);
      } else {
        JsonNode& node = fields[static_cast<size_t>(field)];
        if (node.column->length() != row) {
          again(node, row, start);
        } else {
          ++seen;
        }
        at = value(node, at);
      }
      if (at == nullptr) return nullptr;
      at = JsonReader::blanks(at);
      if (*at == ',') {
        at = JsonReader::blanks(at + 1);
        continue;
      }
      if (*at != '}') return reader_.fail(at, "',' or '}'");
      ++at;
      break;
    }
  }
  if (seen == fields.size()) return at;
  for (const JsonNode& node : fields) {
    if (node.column->length() == row) node.column->appendNull();
  }
  return at;
}

// A key that is not the expected one, and its colon.
const char* JsonColumns::key(JsonKeys& keys, const char* at, uint32_t*& expected, int& field) {
  if (*at != '"') return reader_.fail(at, "'\"' before a key");
  const char* const behind = reader_.string(at);
  if (behind == nullptr) return nullptr;
  const uint32_t found = keys.find(content(at, behind));
  field = keys[found].field;
  if (found != 0) {
    *expected = found;
    expected = &keys[found].next;
  }
  at = JsonReader::blanks(behind);
  return *at == ':' ? at + 1 : reader_.fail(at, "':'");
}

// A key came twice in an object: its first value goes, and with it what was wrong in there.
void JsonColumns::again(JsonNode& node, int64_t row, const char* object) {
  node.column->truncate(row);
  std::erase_if(misfits_, [&](const Misfit& misfit) {
    return misfit.at > object && misfit.node->id >= node.id && misfit.node->id <= node.lastId;
  });
}

// ---------------------------------------------------------------- values

const char* JsonColumns::value(JsonNode& node, const char* at) {
  switch (node.type->id) {
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
  const bool value = JsonReader::isTrue(at);
  if (!value && !JsonReader::isFalse(at)) return other(node, at);
  node.column->appendBool(value);
  return at + (value ? 4 : 5);
}

template <class T>
const char* JsonColumns::integer(JsonNode& node, const char* at) {
  const bool negative = *at == '-';
  const char* const from = negative ? at + 1 : at;
  uint64_t magnitude = digit(*from);
  if (magnitude > 9) return other(node, at);
  const char* to = from + 1;
  if (magnitude != 0) {  // nothing follows a zero
    for (uint64_t next = digit(*to); next <= 9; next = digit(*++to)) magnitude = magnitude * 10 + next;
  }
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
  const char* const from = negative ? at + 1 : at;
  uint64_t digits = digit(*from);
  if (digits > 9) return other(node, at);
  const char* to = from + 1;
  if (digits != 0) {
    for (uint64_t next = digit(*to); next <= 9; next = digit(*++to)) digits = digits * 10 + next;
  }
  std::ptrdiff_t behindPoint = 0;
  if (*to == '.') {
    const char* const point = to++;
    for (uint64_t next = digit(*to); next <= 9; next = digit(*++to)) digits = digits * 10 + next;
    behindPoint = to - point - 1;
    if (behindPoint == 0) return exactReal<T>(node, at);
  }
  // Both are exact as float64, so their quotient is rounded once. 19 digits do not overflow.
  constexpr uint64_t exact = uint64_t{1} << 53;
  if (hasExponent(to) || to - from > 19 || digits > exact) return exactReal<T>(node, at);
  const double value = static_cast<double>(digits) / powersOfTen[behindPoint];
  node.column->append(static_cast<T>(negative ? -value : value));
  return to;
}

template <class T>
const char* JsonColumns::exactReal(JsonNode& node, const char* at) {
  const char* const to = reader_.number(at);
  if (to == nullptr) return nullptr;
  const double value = toDouble({at, to});
  if (!(std::fabs(value) <= static_cast<double>(std::numeric_limits<T>::max()))) return misfits(node, at);
  node.column->append(static_cast<T>(value));
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
  const bool isDate = node.type->id == TypeId::Date32;
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
  } else if (*at == '-' || digit(*at) <= 9) {
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
  at = object(node.children, *node.keys, at, node.open, node.column->length());
  if (at == nullptr) return nullptr;
  node.column->endStruct();
  return reader_.closed(at);
}

}  // namespace sabot
