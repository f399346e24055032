#include "json_value.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace sabot {

JsonValue::JsonValue(const Field& field, const DecodeLimits& limits)
    : name_(field.name), columns_(field, std::clamp(limits.maxDepth, 0, kMaxJsonDepth)) {}

Status JsonValue::read(const Bytes& document, Column& out) {
  if (document.isNull()) {
    out.appendNull();
    return Status::success();
  }
  const int64_t row = out.length();
  Status status = readInto(document, out);
  if (!status.ok()) out.truncate(row);
  return status;
}

Status JsonValue::readInto(const Bytes& document, Column& out) {
  const std::string_view bytes = document.view();
  const size_t first = bytes.find_first_not_of(kJsonBlanks);
  if (first == std::string_view::npos) return notJson(bytes.empty() ? "it is empty" : "only white space");
  // Copied whatever it is: keys are short, and a scalar has no bracket that would end the walk.
  const JsonText text = copy_.of(bytes.data(), bytes.data() + bytes.find_last_not_of(kJsonBlanks) + 1);
  if (bytes.substr(first).starts_with(kByteOrderMark)) return notJson(kHasByteOrderMark);
  columns_.bind(out);
  switch (columns_.readValue(text, text.begin + first)) {
    case JsonColumns::Result::NotJson: return notJson(columns_.notJson());
    case JsonColumns::Result::Misfit: return Status::error("SCHEMA", columns_.misfit());
    default: return Status::success();
  }
}

Status JsonValue::notJson(const std::string& reason) const {
  return Status::error("DECODE", name_ + ": not JSON: " + reason);
}

}  // namespace sabot
