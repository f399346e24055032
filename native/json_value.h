// One JSON value a document: what a message's key is.
#pragma once

#include "columns.h"
#include "json_columns.h"
#include "sabot.h"

namespace sabot {

// The document is not an object of columns but a value of one type: a struct where it is an object, else any other. What
// fits, and what is DECODE or SCHEMA, is as json_decoder.h has it for a column. No bytes and JSON's null give null.
// Belongs to one thread.
class JsonValue {
 public:
  // `field`: the type, and the name by which messages call it.
  JsonValue(const Field& field, const DecodeLimits& limits);

  // Appends one value to `out`, which is of the type. Not ok: nothing was appended.
  Status read(const Bytes& document, Column& out);

 private:
  Status readInto(const Bytes& document, Column& out);
  Status notJson(const std::string& reason) const;

  const std::string name_;
  JsonColumns columns_;
  JsonCopy copy_;
};

}  // namespace sabot
