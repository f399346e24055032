#include "json_decoder.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "columns.h"
#include "json_columns.h"
#include "json_rejection.h"
#include "json_text.h"
#include "predicate.h"

namespace sabot {

namespace {

// Bytes behind a value may be read where they lie on the same page as its last one: they are not ours, and are not
// looked at but for deciding that they do not matter. Sanitizers see it otherwise, so for them every value is copied.
bool isPadded(const char* end) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SABOT_ALWAYS_COPY)
  static_cast<void>(end);
  return false;
#else
  constexpr uintptr_t page = 4096;
  return (reinterpret_cast<uintptr_t>(end - 1) & (page - 1)) + kJsonPadding < page;
#endif
}

bool isBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

const char* kindOf(char first) {
  switch (first) {
    case '[': return "an array";
    case '"': return "a string";
    case 't':
    case 'f': return "a bool";
    case 'n': return "null";
    default: return "a number";
  }
}

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Predicate> predicate, int maxDepth)
      : columns_(columns, maxDepth, predicate ? std::make_unique<JsonRejection>(columns, predicate) : nullptr),
        count_(columns.size()),
        predicate_(std::move(predicate)) {}

  void decode(std::span<const Bytes> values, ColumnSet& out, DecodeOutcome& outcome) override {
    columns_.bind(out);
    int64_t row = count_ > 0 ? out[0].length() : 0;
    for (uint32_t i = 0; i < values.size(); ++i) {
      Outcome read = Outcome::Row;
      if (values[i].isNull()) {
        for (size_t column = 0; column < count_; ++column) out[column].appendNull();
      } else {
        read = this->read(values[i].view(), row);
      }
      if (read == Outcome::Row && predicate_ && !predicate_->test(out, row)) read = Outcome::Rejected;
      if (read == Outcome::Rejected) {
        takeBack(out, row);
        continue;
      }
      if (read == Outcome::Error) {
        out.truncate(row, count_);
        outcome.errors.push_back({i, std::move(error_.code), std::move(error_.message)});
        continue;
      }
      ++row;
      outcome.kept.push_back(i);
    }
  }

 private:
  // Of the columns that came every value is whole.
  void takeBack(ColumnSet& out, int64_t row) const {
    for (size_t column = 0; column < count_; ++column) {
      if (out[column].length() > row) out[column].truncate(row);
    }
  }

  // Of one value. Kept: a row that the predicate is known to keep. Rejected or Error: the columns are to be truncated;
  // of an error, error_ says why.
  enum class Outcome : uint8_t { Row, Kept, Rejected, Error };

  Outcome read(std::string_view value, int64_t row) {
    const char* const begin = value.data();
    const char* end = begin + value.size();
    const char* at = begin;
    while (at != end && isBlank(*at)) ++at;
    if (at == end) {
      return fails("DECODE", value.empty() ? "the value is empty; expected a JSON object"
                                           : "the value is only white space; expected a JSON object");
    }
    while (isBlank(end[-1])) --end;
    JsonText text{begin, end, false};
    if (*at == '{' && end[-1] == '}' && isPadded(end)) [[likely]] return object(text, at, row);
    text = copy_.of(text.begin, text.end);
    at = text.begin + (at - begin);
    return *at == '{' ? object(text, at, row) : notObject(text, at);
  }

  Outcome object(const JsonText& text, const char* at, int64_t row) {
    switch (columns_.read(text, at, row)) {
      case JsonColumns::Result::Row: return Outcome::Row;
      case JsonColumns::Result::Kept: return Outcome::Kept;
      case JsonColumns::Result::Rejected: return Outcome::Rejected;
      case JsonColumns::Result::NotJson: return fails("DECODE", "not JSON: " + columns_.notJson());
      case JsonColumns::Result::Misfit: return fails("SCHEMA", columns_.misfit());
    }
    return Outcome::Error;
  }

  Outcome notObject(const JsonText& text, const char* at) {
    if (std::memcmp(at, kByteOrderMark, 3) == 0) return fails("DECODE", std::string("not JSON: ") + kHasByteOrderMark);
    if (!columns_.isJson(text, at)) return fails("DECODE", "not JSON: " + columns_.notJson());
    return fails("DECODE", std::string("expected a JSON object, found ") + kindOf(*at));
  }

  Outcome fails(const char* code, std::string message) {
    error_ = Status::error(code, std::move(message));
    return Outcome::Error;
  }

  JsonColumns columns_;
  const size_t count_;
  const std::shared_ptr<const Predicate> predicate_;
  JsonCopy copy_;
  Status error_;
};

}  // namespace

Status makeJsonDecoder(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Predicate> predicate,
                       const DecodeLimits& limits, std::unique_ptr<Decoder>& out) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i].field.name;
    for (size_t k = 0; k < i; ++k) {
      if (columns[k].field.name != name) continue;
      return Status::error("CONFIG", "columns: " + jsonString(name) + " is named twice; expected each name once");
    }
  }
  out = std::make_unique<JsonDecoder>(columns, std::move(predicate), std::clamp(limits.maxDepth, 0, kMaxJsonDepth));
  return Status::success();
}

}  // namespace sabot
