// inferJsonSchema: what JSON values have in common, as columns. Runs once a source, on the thread that calls it.
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "json_digits.h"
#include "json_text.h"
#include "numbers.h"
#include "sabot.h"

namespace sabot {

namespace {

namespace ondemand = simdjson::ondemand;

// What was found at one place of the documents: a bit each.
enum Kind : uint8_t {
  kInteger = 1,  // within int64
  kReal = 2,
  kExact = 4,  // a number that neither int64 nor float64 holds
  kBool = 8,
  kTime = 16,  // an ISO 8601 date-time, to the millisecond
  kText = 32,
  kList = 64,
  kStruct = 128,
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// The values at one place, nulls left out.
struct Shape {
  unsigned kinds = 0;
  std::unique_ptr<Shape> item;  // of lists; none while they are empty
  std::vector<std::pair<std::string, Shape>> fields;  // of objects, in the order of their first appearance
  std::unordered_map<std::string, size_t, TextHash, std::equal_to<>> places;

  Shape& field(std::string_view name);
  void merge(Shape&& other);
};

Shape& Shape::field(std::string_view name) {
  const auto known = places.find(name);
  if (known != places.end()) return fields[known->second].second;
  places.emplace(name, fields.size());
  return fields.emplace_back(name, Shape{}).second;
}

void Shape::merge(Shape&& other) {
  kinds |= other.kinds;
  if (other.item) {
    if (item) item->merge(std::move(*other.item));
    else item = std::move(other.item);
  }
  for (auto& [name, shape] : other.fields) field(name).merge(std::move(shape));
}

// ---------------------------------------------------------------- scalars

// RFC 8259's grammar. `integer`: neither fraction nor exponent.
bool isNumber(std::string_view text, bool& integer) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && isDigit(text[at])) ++at;
    return at > from;
  };
  const auto take = [&](std::string_view any) {
    const bool taken = at < text.size() && any.find(text[at]) != std::string_view::npos;
    if (taken) ++at;
    return taken;
  };
  take("-");
  if (!take("0") && !digits()) return false;
  integer = at == text.size();
  if (take(".") && !digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!digits()) return false;
  }
  return at == text.size();
}

// Of an integer outside int64: whether a float64 is written with the same digits, as 1e20 is in JavaScript.
bool writesBack(double value, std::string_view digits) {
  std::vector<char> bytes;
  {
    TextBuffer out(bytes);
    appendDouble(out, value);
  }
  return std::string_view(bytes.data(), bytes.size()) == digits;
}

bool readNumber(ondemand::value value, Shape& out) {
  std::string_view text = value.raw_json_token();
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  bool integer = false;
  if (!isNumber(text, integer)) return false;
  if (integer) {
    int64_t whole = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), whole).ec == std::errc()) {
      out.kinds = kInteger;
      return true;
    }
  }
  // Not simdjson's own: it refuses an exponent of many digits, 1e000000000000000000001.
  const double real = toDouble(text);
  const bool fits = std::isfinite(real);  // false: beyond every double
  out.kinds = fits && (!integer || writesBack(real, text)) ? kReal : kExact;
  return true;
}

// `YYYY-MM-DDTHH:MM`, seconds with a fraction of up to three digits behind it, and a zone: Z, +HH:MM, +HHMM or none,
// which is UTC. What the decoder takes besides (a blank for the T, more digits) would not be written back as it came.
class DateTime {
 public:
  static bool matches(std::string_view text) { return DateTime(text).matches(); }

 private:
  explicit DateTime(std::string_view text) : text_(text) {}

  bool matches() {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!number(4, year) || !take('-') || !number(2, month) || !take('-') || !number(2, day)) return false;
    if (!take('T') || !number(2, hour) || !take(':') || !number(2, minute)) return false;
    if (take(':')) {
      if (!number(2, second)) return false;
      if (take('.') && !fraction()) return false;
    }
    return isDay(year, month, day) && hour <= 23 && minute <= 59 && second <= 59 && zone();
  }

  static bool isDay(int year, int month, int day) {
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) return false;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
  }

  bool fraction() {
    int digits = 0;
    while (digits < 3 && at_ < text_.size() && isDigit(text_[at_])) {
      ++digits;
      ++at_;
    }
    return digits > 0;
  }

  bool zone() {
    if (at_ == text_.size()) return true;
    if (take('Z')) return at_ == text_.size();
    int hour = 0;
    int minute = 0;
    if (!(take('+') || take('-')) || !number(2, hour)) return false;
    take(':');
    return number(2, minute) && at_ == text_.size() && hour <= 23 && minute <= 59;
  }

  bool take(char c) {
    const bool taken = at_ < text_.size() && text_[at_] == c;
    if (taken) ++at_;
    return taken;
  }

  bool number(size_t digits, int& out) {
    out = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (at_ == text_.size() || !isDigit(text_[at_])) return false;
      out = out * 10 + (text_[at_++] - '0');
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// ---------------------------------------------------------------- documents

// Reads whole documents: one that turns out not to be JSON has left nothing behind.
class Reader {
 public:
  explicit Reader(const DecodeLimits& limits) : maxBrackets_(limits.maxDepth + 1) {}

  // False: not a JSON object.
  bool read(std::string_view json, Shape& out) {
    // simdjson would pass over a byte order mark; JSON has none.
    if (json.starts_with("\xEF\xBB\xBF")) return false;
    if (padded_.size() < json.size() + simdjson::SIMDJSON_PADDING) {
      padded_.resize((json.size() + simdjson::SIMDJSON_PADDING) * 2);
    }
    if (!json.empty()) std::memcpy(padded_.data(), json.data(), json.size());
    ondemand::document document;
    ondemand::object object;
    return parser_.iterate(padded_.data(), json.size(), padded_.size()).get(document) == simdjson::SUCCESS &&
           document.get_object().get(object) == simdjson::SUCCESS && readObject(object, 1, out) && document.at_end();
  }

 private:
  bool readValue(ondemand::value value, int brackets, Shape& out) {
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    switch (type) {
      case ondemand::json_type::object: {
        ondemand::object object;
        return value.get_object().get(object) == simdjson::SUCCESS && readObject(object, brackets + 1, out);
      }
      case ondemand::json_type::array: {
        ondemand::array array;
        return value.get_array().get(array) == simdjson::SUCCESS && readArray(array, brackets + 1, out);
      }
      case ondemand::json_type::string: {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) return false;
        out.kinds = DateTime::matches(text) ? kTime : kText;
        return true;
      }
      case ondemand::json_type::number: return readNumber(value, out);
      case ondemand::json_type::boolean: {
        bool boolean = false;
        out.kinds = kBool;
        return value.get_bool().get(boolean) == simdjson::SUCCESS;
      }
      case ondemand::json_type::null: {
        bool null = false;
        return value.is_null().get(null) == simdjson::SUCCESS && null;
      }
    }
    return false;
  }

  bool readObject(ondemand::object object, int brackets, Shape& out) {
    if (brackets > maxBrackets_) return false;
    out.kinds = kStruct;
    for (auto member : object) {
      std::string_view name;
      ondemand::value value;
      if (member.unescaped_key().get(name) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS) {
        return false;
      }
      // Of duplicate keys the last one wins: what was there before is forgotten.
      Shape& field = out.field(name);
      field = Shape{};
      if (!readValue(value, brackets, field)) return false;
    }
    return true;
  }

  bool readArray(ondemand::array array, int brackets, Shape& out) {
    if (brackets > maxBrackets_) return false;
    out.kinds = kList;
    for (auto element : array) {
      ondemand::value value;
      Shape item;
      if (element.get(value) != simdjson::SUCCESS || !readValue(value, brackets, item)) return false;
      if (!out.item) out.item = std::make_unique<Shape>();
      out.item->merge(std::move(item));
    }
    return true;
  }

  ondemand::parser parser_;
  std::vector<char> padded_;
  int maxBrackets_;  // the document's own, and maxDepth within it
};

// ---------------------------------------------------------------- types

std::vector<Field> fieldsOf(const Shape& shape);

// Objects with more keys are no rows but maps; and what crossed from the network is bounded.
constexpr size_t kMaxKeys = 4096;

// Whether it is of the kind that a schema can declare: some keys, not too many, each with a name.
bool isStruct(const Shape& shape) {
  return !shape.fields.empty() && shape.fields.size() <= kMaxKeys && !shape.places.contains(std::string_view());
}

Type typeOf(const Shape& shape) {
  Type type;  // utf8: text, nothing but nulls, or JSON for what is mixed
  switch (shape.kinds) {
    case kInteger: type.id = TypeId::Int64; break;
    case kReal:
    case kReal | kInteger: type.id = TypeId::Float64; break;
    case kBool: type.id = TypeId::Bool; break;
    case kTime: type.id = TypeId::Timestamp; break;
    case kList:
      type.id = TypeId::List;
      type.children.push_back({"item", shape.item ? typeOf(*shape.item) : Type{}});
      break;
    case kStruct:
      if (!isStruct(shape)) break;
      type.id = TypeId::Struct;
      type.children = fieldsOf(shape);
      break;
    default: break;
  }
  return type;
}

std::vector<Field> fieldsOf(const Shape& shape) {
  std::vector<Field> fields;
  for (const auto& [name, field] : shape.fields) {
    if (fields.size() == kMaxKeys) break;
    if (!name.empty()) fields.push_back({name, typeOf(field)});
  }
  return fields;
}

}  // namespace

std::vector<Field> inferJsonSchema(std::span<const Bytes> values, const DecodeLimits& limits) {
  Reader reader(limits);
  Shape all;
  for (const Bytes& value : values) {
    Shape document;
    if (!value.isNull() && reader.read(value.view(), document)) all.merge(std::move(document));
  }
  return fieldsOf(all);
}

}  // namespace sabot
