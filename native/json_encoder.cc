#include "json_encoder.h"

#include <cmath>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "array_values.h"

namespace sabot {

namespace {

// A column, or a child of one, with what is written before each of its values.
struct Node {
  const ArrayView* array = nullptr;
  std::string name;    // for messages
  std::string prefix;  // `{"name":` or `,"name":`; of a list's item ""
  std::vector<Node> children;
};

Node makeNode(const ArrayView& array, std::string_view name, bool first) {
  Node node{&array, std::string(name), first ? "{" : ",", {}};
  node.prefix += jsonString(name);
  node.prefix += ':';
  for (size_t i = 0; i < array.children.size(); ++i) {
    const bool isItem = array.type.id == TypeId::List;
    const std::string_view child = isItem ? std::string_view("[]") : std::string_view(array.type.children[i].name);
    node.children.push_back(makeNode(array.children[i], child, i == 0));
  }
  return node;
}

class RowWriter {
 public:
  RowWriter(TextBuffer& out, const JsonEncoderOptions& options) : out_(out), options_(options) {}

  // False: the row failed; `where` is then the path from the node down, `what` the reason.
  bool value(const Node& node, int64_t row) {
    const ArrayView& array = *node.array;
    if (!array.isValid(row)) {
      out_.append("null");
      return true;
    }
    switch (array.type.id) {
      case TypeId::Bool:
        out_.append(boolAt(array, row) ? std::string_view("true") : std::string_view("false"));
        return true;
      case TypeId::Int8: return integer(valueAt<int8_t>(array, row));
      case TypeId::Int16: return integer(valueAt<int16_t>(array, row));
      case TypeId::Int32: return integer(valueAt<int32_t>(array, row));
      case TypeId::Int64: return integer(valueAt<int64_t>(array, row));
      case TypeId::UInt8: return integer(valueAt<uint8_t>(array, row));
      case TypeId::UInt16: return integer(valueAt<uint16_t>(array, row));
      case TypeId::UInt32: return integer(valueAt<uint32_t>(array, row));
      case TypeId::UInt64: appendUInt64(out_, valueAt<uint64_t>(array, row)); return true;
      case TypeId::Float32: {
        const auto value = valueAt<float>(array, row);
        if (!std::isfinite(value)) return nonFinite(node, static_cast<double>(value));
        appendFloat(out_, value);
        return true;
      }
      case TypeId::Float64: {
        const auto value = valueAt<double>(array, row);
        if (!std::isfinite(value)) return nonFinite(node, value);
        appendDouble(out_, value);
        return true;
      }
      case TypeId::Utf8:
        if (appendJsonString(out_, bytesAt(array, row))) return true;
        return fail(node, "utf8 value is not valid UTF-8; declare the column as binary to write base64, or filter it");
      case TypeId::Binary:
        out_.append('"');
        appendBase64(out_, bytesAt(array, row));
        out_.append('"');
        return true;
      case TypeId::Date32:
        out_.append('"');
        appendDate(out_, valueAt<int32_t>(array, row));
        out_.append('"');
        return true;
      case TypeId::Timestamp:
        out_.append('"');
        appendTimestamp(out_, valueAt<int64_t>(array, row), array.type.unit);
        out_.append('"');
        return true;
      case TypeId::Decimal128:
        appendDecimal128(out_, array.data + static_cast<size_t>(row + array.offset) * 16, array.type.scale);
        return true;
      case TypeId::List: {
        const int32_t* offsets = array.offsets + row + array.offset;
        out_.append('[');
        for (int32_t i = offsets[0]; i < offsets[1]; ++i) {
          if (i > offsets[0]) out_.append(',');
          if (!value(node.children[0], i)) return failed(node);
        }
        out_.append(']');
        return true;
      }
      case TypeId::Struct:
        // Arrow: a struct's own offset and validity also apply to its children.
        return fields(node.children, row + array.offset) || failed(node);
    }
    return fail(node, "a type that JSON cannot hold");
  }

  bool fields(const std::vector<Node>& nodes, int64_t row) {
    if (nodes.empty()) {
      out_.append("{}");
      return true;
    }
    for (const Node& node : nodes) {
      out_.append(node.prefix);
      if (!value(node, row)) return false;
    }
    out_.append('}');
    return true;
  }

  std::string where;  // "items[].price"
  std::string what;

 private:
  template <class T>
  bool integer(T value) {
    appendInt64(out_, static_cast<int64_t>(value));
    return true;
  }

  bool nonFinite(const Node& node, double value) {
    if (options_.nonFiniteAsNull) {
      out_.append("null");
      return true;
    }
    const char* name = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return fail(node, std::string(name) + " is not JSON; " + options_.nonFiniteRemedy);
  }

  bool fail(const Node& node, std::string_view reason) {
    where = node.name;
    what = reason;
    return false;
  }

  bool failed(const Node& parent) {
    where = parent.name + (where.starts_with('[') ? "" : ".") + where;
    return false;
  }

  TextBuffer& out_;
  const JsonEncoderOptions& options_;
};

// One entry a row. `write` writes that of a row: false where it fails. `isNull`: it is a null.
template <class IsNull, class Write>
void encodeRows(std::span<const uint32_t> rows, const JsonEncoderOptions& options, EncodedRows& out,
                std::vector<RowError>& errors, IsNull&& isNull, Write&& write) {
  out.offsets.reserve(out.offsets.size() + rows.size());
  out.null.reserve(out.null.size() + rows.size());
  TextBuffer text(out.bytes);
  RowWriter writer(text, options);
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const size_t start = text.size();
    bool null = isNull(rows[i]);
    if (!null && !write(writer, rows[i])) {
      null = true;
      text.truncate(start);
      errors.push_back({i, "ENCODE", "column " + writer.where + ": " + writer.what});
    }
    out.offsets.push_back(text.size());
    out.null.push_back(null ? 1 : 0);
  }
}

}  // namespace

void JsonEncoder::encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
                         std::vector<RowError>& errors) {
  EncodeUndo undo(out, errors);
  try {
    std::vector<Node> nodes;
    nodes.reserve(columns.size());
    for (const auto& [name, array] : columns) nodes.push_back(makeNode(array, name, nodes.empty()));
    encodeRows(
        rows, options_, out, errors, [](uint32_t) { return false; },
        [&nodes](RowWriter& writer, uint32_t row) { return writer.fields(nodes, row); });
  } catch (const std::bad_alloc&) {
    undo.failAll(rows.size(), "MEMORY", "no memory to encode the rows");
  }
}

void JsonValueEncoder::encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
                              std::vector<RowError>& errors) {
  EncodeUndo undo(out, errors);
  try {
    const auto& [name, array] = columns[0];
    const Node node = makeNode(array, name, true);
    encodeRows(
        rows, {.nonFiniteRemedy = "filter it"}, out, errors, [&array](uint32_t row) { return !array.isValid(row); },
        [&node](RowWriter& writer, uint32_t row) { return writer.value(node, row); });
  } catch (const std::bad_alloc&) {
    undo.failAll(rows.size(), "MEMORY", "no memory to encode the rows");
  }
}

}  // namespace sabot
