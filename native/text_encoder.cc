#include "text_encoder.h"

#include <cmath>
#include <new>
#include <string>

#include "array_values.h"
#include "json_text.h"

namespace sabot {

namespace {

// False: not finite.
bool appendScalar(TextBuffer& out, const ArrayView& array, int64_t row) {
  switch (array.type.id) {
    case TypeId::Bool:
      out.append(boolAt(array, row) ? std::string_view("true") : std::string_view("false"));
      return true;
    case TypeId::Int8: appendInt64(out, valueAt<int8_t>(array, row)); return true;
    case TypeId::Int16: appendInt64(out, valueAt<int16_t>(array, row)); return true;
    case TypeId::Int32: appendInt64(out, valueAt<int32_t>(array, row)); return true;
    case TypeId::Int64: appendInt64(out, valueAt<int64_t>(array, row)); return true;
    case TypeId::UInt8: appendUInt64(out, valueAt<uint8_t>(array, row)); return true;
    case TypeId::UInt16: appendUInt64(out, valueAt<uint16_t>(array, row)); return true;
    case TypeId::UInt32: appendUInt64(out, valueAt<uint32_t>(array, row)); return true;
    case TypeId::UInt64: appendUInt64(out, valueAt<uint64_t>(array, row)); return true;
    case TypeId::Float32: {
      const auto value = valueAt<float>(array, row);
      if (!std::isfinite(value)) return false;
      appendFloat(out, value);
      return true;
    }
    case TypeId::Float64: {
      const auto value = valueAt<double>(array, row);
      if (!std::isfinite(value)) return false;
      appendDouble(out, value);
      return true;
    }
    case TypeId::Date32: appendDate(out, valueAt<int32_t>(array, row)); return true;
    case TypeId::Timestamp: appendTimestamp(out, valueAt<int64_t>(array, row), array.type.unit); return true;
    case TypeId::Decimal128:
      appendDecimal128(out, array.data + static_cast<size_t>(row + array.offset) * 16, array.type.scale);
      return true;
    case TypeId::Utf8:
    case TypeId::Binary: out.append(bytesAt(array, row)); return true;
    case TypeId::List:
    case TypeId::Struct: break;  // check() refused them
  }
  return false;
}

}  // namespace

Status TextEncoder::check(std::span<const NamedArray> columns) const {
  const char* codec = scalars_ ? "string" : "bytes";
  if (columns.size() != 1) {
    std::string names;
    for (const auto& column : columns) names += (names.empty() ? "" : ", ") + column.name;
    return Status::error("SCHEMA", std::string("the codec ") + codec + " writes exactly one column; got " +
                                       std::to_string(columns.size()) + (names.empty() ? "" : " (" + names + ")"));
  }
  const auto& [name, array] = columns[0];
  const TypeId id = array.type.id;
  const bool nested = id == TypeId::List || id == TypeId::Struct;
  if (id == TypeId::Utf8 || id == TypeId::Binary || (scalars_ && !nested)) return Status::success();
  return Status::error("SCHEMA", "column " + name + ": " +
                                     (scalars_ ? "expected utf8, binary or a scalar" : "expected utf8 or binary") +
                                     "; got " + typeName(array.type));
}

void TextEncoder::encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
                         std::vector<RowError>& errors) {
  EncodeUndo undo(out, errors);
  try {
    if (const Status status = check(columns); !status.ok()) {
      undo.failAll(rows.size(), status.code, status.message);
      return;
    }
    const auto& [name, array] = columns[0];
    out.offsets.reserve(out.offsets.size() + rows.size());
    out.null.reserve(out.null.size() + rows.size());
    TextBuffer text(out.bytes);
    for (uint32_t i = 0; i < rows.size(); ++i) {
      bool null = !array.isValid(rows[i]);
      if (!null && !appendScalar(text, array, rows[i])) {
        null = true;
        errors.push_back({i, "ENCODE", "column " + name + ": NaN and Infinity have no text; filter them"});
      }
      out.offsets.push_back(text.size());
      out.null.push_back(null ? 1 : 0);
    }
  } catch (const std::bad_alloc&) {
    undo.failAll(rows.size(), "MEMORY", "no memory to encode the rows");
  }
}

}  // namespace sabot
