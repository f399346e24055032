// The walk over one JSON document that writes columns.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.h"
#include "json_keys.h"
#include "json_reader.h"
#include "json_rejection.h"
#include "sabot.h"

namespace sabot {

// A column of the schema, or a child of one, with where its values go.
struct JsonNode {
  TypeId id = TypeId::Utf8;        // of the type
  bool asked = false;              // a predicate reads the column
  int open = 0;                    // brackets that are open where its values begin
  Column* column = nullptr;        // of the ColumnSet that is being filled
  std::unique_ptr<JsonKeys> keys;  // Struct
  std::vector<JsonNode> children;
  const Type* type = nullptr;
  std::string path;                    // "items[].price", for messages
  uint32_t number = 0, lastNumber = 0; // its own in pre-order, and the last one of its children's

  void bind(Column& to) {
    column = &to;
    for (size_t i = 0; i < children.size(); ++i) children[i].bind(to.child(i));
  }
};

// What JsonReader::open() takes.
struct JsonText {
  const char* begin = nullptr;
  const char* end = nullptr;
  bool terminated = false;
};

constexpr int kMaxJsonDepth = 1024;  // the walk recurses: this is its stack
constexpr const char* kJsonBlanks = " \n\t\r";
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kHasByteOrderMark = "begins with a byte order mark; the producer must leave it out";

// A document in memory of ours, which is used again: with a NUL and readable bytes behind it.
class JsonCopy {
 public:
  // Valid until the next call.
  JsonText of(const char* begin, const char* end);

 private:
  Buffer bytes_;
};

// Belongs to one thread. One document at a time: read() appends one value to every column, or fails and leaves them in
// disorder, for the caller to truncate.
class JsonColumns {
 public:
  // rejection: none, or what is asked whenever one of its columns came.
  JsonColumns(const std::vector<ColumnSpec>& columns, int maxDepth, std::unique_ptr<const JsonRejection> rejection);

  // Documents that are one value of this field each.
  JsonColumns(const Field& field, int maxDepth);

  void bind(ColumnSet& out);
  void bind(Column& out) { nodes_[0].bind(out); }

  enum class Result : uint8_t { Row, Kept, NotJson, Misfit, Rejected };
  // Kept: a row, and the predicate is true. Rejected: what was read is sound so far, and the rest was not looked at but
  // for keys that come again.
  // `row` values are in every column. *at is '{', with only blanks before it and none behind `end`.
  Result read(const JsonText& text, const char* at, int64_t row);
  // Any value, its first byte at `at`; the text is terminated. Row, NotJson or Misfit.
  Result readValue(const JsonText& text, const char* at);

  // Of the last document.
  std::string notJson() const { return reader_.failure(); }
  std::string misfit();

  // Of any document, without columns.
  bool isJson(const JsonText& text, const char* at);

 private:
  struct Misfit {
    const JsonNode* node;
    const char* at;
  };

  // What is rare is kept out of line: it would cost the others registers.
  template <bool asks>
  const char* object(std::vector<JsonNode>& fields, JsonKeys& keys, const char* at, int open, int64_t row);
  [[gnu::noinline]] const char* key(JsonKeys& keys, const char* at, JsonKey**& expected, JsonNode*& node);
  [[gnu::noinline]] static const char* nulls(std::vector<JsonNode>& fields, const char* at, int64_t row);
  const char* value(JsonNode& node, const char* at);
  [[gnu::noinline]] const char* other(JsonNode& node, const char* at);
  [[gnu::noinline]] const char* misfits(JsonNode& node, const char* at);
  [[gnu::noinline]] bool rejects(const char* at, int64_t row);
  [[gnu::noinline]] void again(JsonNode& node, int64_t row, const char* object);

  template <class T>
  const char* integer(JsonNode& node, const char* at);
  template <class T>
  [[gnu::noinline]] const char* exactInteger(JsonNode& node, const char* at);
  template <class T>
  const char* real(JsonNode& node, const char* at);
  template <class T>
  [[gnu::noinline]] const char* exactReal(JsonNode& node, const char* at);
  const char* text(JsonNode& node, const char* at);
  [[gnu::noinline]] const char* anyText(JsonNode& node, const char* at);
  const char* time(JsonNode& node, const char* at);
  const char* decimal(JsonNode& node, const char* at);
  const char* binary(JsonNode& node, const char* at);
  const char* list(JsonNode& node, const char* at);
  const char* structure(JsonNode& node, const char* at);
  const char* boolean(JsonNode& node, const char* at);
  std::string_view content(const char* at, const char* behind);
  bool complete(const char* at);

  JsonReader reader_;
  const std::unique_ptr<const JsonRejection> rejection_;
  const ColumnSet* columns_ = nullptr;  // that are being filled
  Truth known_ = Truth::Null;  // of the predicate, by the columns that came
  bool rejected_ = false;
  const std::vector<Field> fields_;  // that the nodes point into
  std::vector<JsonNode> nodes_;
  JsonKeys keys_;
  std::vector<Misfit> misfits_;
  Buffer scratch_;
};

}  // namespace sabot
