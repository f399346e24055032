// Columns -> one JSON object a row, or one column -> one JSON value a row.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "json_text.h"
#include "sabot.h"

namespace sabot {

struct JsonEncoderOptions {
  bool nonFiniteAsNull = false;  // NaN and Infinity: null, or (default) that row's error
  const char* nonFiniteRemedy = "use codecOptions.nonFinite 'null' or filter it";  // how its message ends
};

// Columns in order, names escaped once a call. null as null; bool; integers as exact digits; floats and decimals as
// appendDouble, appendFloat and appendDecimal128 say; timestamp and date as ISO 8601 strings; utf8 as a string
// (bytes that are not UTF-8 are that row's error); binary as a base64 string; list and struct nested.
class JsonEncoder final : public Encoder {
 public:
  explicit JsonEncoder(JsonEncoderOptions options) : options_(options) {}
  void encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
              std::vector<RowError>& errors) override;

 private:
  JsonEncoderOptions options_;
};

// Of exactly one column, each value as a document of its own; a null is a null. NaN and Infinity are that row's error.
// What keys that are lists or structs become.
class JsonValueEncoder final : public Encoder {
 public:
  void encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
              std::vector<RowError>& errors) override;
};

}  // namespace sabot
