#include "text_decoder.h"

#include <simdjson.h>

#include <string>

#include "columns.h"
#include "json_text.h"
#include "predicate.h"

namespace sabot {

Status TextDecoder::check(bool utf8, const std::vector<ColumnSpec>& columns) {
  const TypeId type = utf8 ? TypeId::Utf8 : TypeId::Binary;
  if (columns.empty()) return Status::success();
  const Field& first = columns[0].field;
  if (columns.size() == 1 && first.name == "value" && first.type.id == type) return Status::success();
  const std::string codec = utf8 ? "string" : "bytes";
  std::string found;
  for (const ColumnSpec& column : columns) {
    found += (found.empty() ? "" : ", ") + column.field.name + ' ' + typeName(column.field.type);
  }
  return Status::error("CONFIG", "the codec " + codec + " has the one column value " + (utf8 ? "utf8" : "binary") +
                                     "; got " + found);
}

void TextDecoder::decode(std::span<const Bytes> values, ColumnSet& out, DecodeOutcome& outcome) {
  int64_t row = hasColumn_ ? out[0].length() : 0;
  for (uint32_t i = 0; i < values.size(); ++i) {
    const Bytes& value = values[i];
    if (utf8_ && !value.isNull() && !simdjson::validate_utf8(value.data, value.size)) {
      outcome.errors.push_back({i, "DECODE", "expected UTF-8 text; the value has none at byte " +
                                                 std::to_string(utf8Prefix(value.view())) +
                                                 ". Correct the producer, or read it with codec 'bytes'"});
      continue;
    }
    if (hasColumn_) {
      if (value.isNull()) {
        out[0].appendNull();
      } else {
        out[0].appendBytes(value.view());
      }
    }
    if (predicate_ && !predicate_->test(out, row)) {
      if (hasColumn_) out[0].truncate(row);
      continue;
    }
    ++row;
    outcome.kept.push_back(i);
  }
}

}  // namespace sabot
