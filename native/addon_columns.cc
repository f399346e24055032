// Columns of JavaScript as the sink and the encoders read them: checked, so that no reader can leave a buffer.
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "addon_values.h"

namespace sabot {

namespace {

constexpr int64_t maxRows = std::numeric_limits<uint32_t>::max();  // row indices are uint32
// Reads the nodes in pre-order. Whatever does not fit throws and ends the walk.
class ColumnsReader {
 public:
  ColumnsReader(napi_env env, const char* method, napi_value memory) : env_(env), method_(method), memory_(memory) {}

  // Copies `nodes` and takes a view of each buffer.
  bool open(Napi::Object columns) {
    BufferView nodes;
    if (!readBuffer(env_, member(env_, columns, "nodes"), nodes) || nodes.type != napi_float64_array) {
      return wrongType("\"nodes\" to be a Float64Array with three numbers a node");
    }
    nodes_.resize(nodes.bytes / sizeof(double));
    if (!nodes_.empty()) std::memcpy(nodes_.data(), nodes.data, nodes_.size() * sizeof(double));
    uint32_t index = 0;
    const bool taken = eachElement(env_, member(env_, columns, "buffers"), [&](napi_value element) {
      napi_valuetype type = napi_undefined;
      napi_typeof(env_, element, &type);
      auto& buffer = buffers_.emplace_back();
      if (type == napi_null) return true;
      if (!readBuffer(env_, element, buffer.emplace())) return false;
      const bool kept = napi_set_element(env_, memory_, index++, buffer->memory) == napi_ok;
      buffer->memory = nullptr;  // its handle ends with this call
      return kept;
    });
    return taken || wrongType("\"buffers\" to be an array of typed arrays that are not detached, and null");
  }

  bool column(const Field& field, ArrayView& out) { return node(field.type, field.name, out); }

  bool atEnd() {
    if (at_ * 3 == nodes_.size() && at_ * 3 == buffers_.size()) return true;
    throwRangeError(env_, std::string(method_) + ": expected " + std::to_string(at_) +
                              " nodes by the schema, with three numbers and three buffers each; got " +
                              std::to_string(nodes_.size()) + " numbers and " + std::to_string(buffers_.size()) +
                              " buffers");
    return false;
  }

 private:
  bool node(const Type& type, const std::string& path, ArrayView& out) {
    if ((at_ + 1) * 3 > nodes_.size() || (at_ + 1) * 3 > buffers_.size()) {
      return wrongRange(path, "a node of the schema", "no more numbers or buffers");
    }
    const size_t first = at_++ * 3;
    out.type = type;
    if (!count(path, "length", nodes_[first], maxRows, out.length) ||
        !count(path, "offset", nodes_[first + 1], maxRows, out.offset) ||
        !count(path, "null count", nodes_[first + 2], out.length, out.nullCount)) {
      return false;
    }
    const int64_t end = out.offset + out.length;
    if (out.nullCount > 0) {
      const auto& validity = buffers_[first];
      if (!enough(path, "validity", validity, (end + 7) / 8)) return false;
      out.validity = validity->data;
    }
    switch (type.id) {
      case TypeId::Struct: return structChildren(type, path, end, out);
      case TypeId::List: {
        if (!offsets(path, buffers_[first + 1], out)) return false;
        const std::string below = path + "[]";
        ArrayView& item = out.children.emplace_back();
        if (!node(type.children[0].type, below, item)) return false;
        return within(path, out, item.length);
      }
      case TypeId::Utf8:
      case TypeId::Binary: {
        if (!offsets(path, buffers_[first + 1], out)) return false;
        const auto& data = buffers_[first + 2];
        out.data = data ? data->data : noBytes;
        return within(path, out, data ? static_cast<int64_t>(data->bytes) : 0);
      }
      case TypeId::Bool: return values(path, buffers_[first + 2], (end + 7) / 8, out);
      default: return values(path, buffers_[first + 2], end * static_cast<int64_t>(fixedWidth(type.id)), out);
    }
  }

  // A struct's offset applies to its children too.
  bool structChildren(const Type& type, const std::string& path, int64_t end, ArrayView& out) {
    out.children.resize(type.children.size());
    for (size_t i = 0; i < type.children.size(); ++i) {
      const Field& field = type.children[i];
      const std::string below = path + "." + field.name;
      if (!node(field.type, below, out.children[i])) return false;
      if (out.children[i].length < end) {
        return wrongRange(below, std::to_string(end) + " rows, as its struct has",
                          std::to_string(out.children[i].length));
      }
    }
    return true;
  }

  bool values(const std::string& path, const std::optional<BufferView>& data, int64_t bytes, ArrayView& out) {
    if (!enough(path, "values", data, bytes)) return false;
    out.data = data ? data->data : noBytes;
    return true;
  }

  bool offsets(const std::string& path, const std::optional<BufferView>& buffer, ArrayView& out) {
    const int64_t end = out.offset + out.length;
    if (end == 0 && (!buffer || buffer->bytes == 0)) {
      out.offsets = reinterpret_cast<const int32_t*>(noBytes);
      return true;
    }
    if (!buffer || buffer->type != napi_int32_array) return wrongRange(path, "offsets in an Int32Array", "none");
    if (!enough(path, "offsets", buffer, (end + 1) * 4)) return false;
    out.offsets = reinterpret_cast<const int32_t*>(buffer->data);
    return true;
  }

  // Offsets that never go back and stay within what they point into.
  bool within(const std::string& path, const ArrayView& array, int64_t limit) {
    const int32_t* first = array.offsets + array.offset;
    bool ascending = first[0] >= 0;
    for (int64_t i = 0; i < array.length; ++i) ascending &= first[i] <= first[i + 1];
    if (ascending && first[array.length] <= limit) return true;
    return wrongRange(path, "offsets that ascend from 0 or above to at most " + std::to_string(limit),
                      ascending ? std::to_string(first[array.length]) : "offsets that go back or below 0");
  }

  bool enough(const std::string& path, const char* what, const std::optional<BufferView>& buffer, int64_t bytes) {
    const int64_t has = buffer ? static_cast<int64_t>(buffer->bytes) : 0;
    return has >= bytes || wrongRange(path, "at least " + std::to_string(bytes) + " bytes of " + what,
                                      std::to_string(has));
  }

  bool count(const std::string& path, const char* what, double number, int64_t max, int64_t& out) {
    if (number >= 0 && number <= static_cast<double>(max) && std::trunc(number) == number) {
      out = static_cast<int64_t>(number);
      return true;
    }
    return wrongRange(path, std::string(what) + " from 0 to " + std::to_string(max), describe(env_, makeNumber(env_, number)));
  }

  bool wrongRange(const std::string& path, const std::string& expected, const std::string& came) {
    throwRangeError(env_, std::string(method_) + ": column " + path + ": expected " + expected + "; got " + came);
    return false;
  }

  bool wrongType(const char* expected) {
    if (!isPending(env_)) throwTypeError(env_, std::string(method_) + ": expected " + expected);
    return false;
  }

  napi_env env_;
  const char* method_;
  napi_value memory_;
  std::vector<double> nodes_;
  std::vector<std::optional<BufferView>> buffers_;
  size_t at_ = 0;
};

}  // namespace

bool readSelection(napi_env env, const char* method, Napi::Object write, int64_t rowCount, napi_value memory,
                   bool& selected, std::span<const uint32_t>& rows) {
  napi_value value = member(env, write, "rows");
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  selected = type != napi_null;
  if (!selected) return true;
  BufferView view;
  if (type != napi_object || !readBuffer(env, value, view) || view.type != napi_uint32_array) {
    if (!isPending(env)) {
      throwTypeError(env, std::string(method) + ": expected \"rows\" to be a Uint32Array that is not detached, or null");
    }
    return false;
  }
  rows = {reinterpret_cast<const uint32_t*>(view.data), view.bytes / sizeof(uint32_t)};
  for (const uint32_t row : rows) {
    if (row < rowCount) continue;
    throwRangeError(env, std::string(method) + ": expected \"rows\" below " + std::to_string(rowCount) + "; got " +
                             std::to_string(row));
    return false;
  }
  uint32_t count = 0;
  return napi_get_array_length(env, memory, &count) == napi_ok &&
         napi_set_element(env, memory, count, view.memory) == napi_ok;
}

bool readColumns(napi_env env, const char* method, Napi::Object columns, std::vector<NamedArray>& out,
                 napi_value& memory) {
  std::string schema;
  std::vector<Field> fields;
  if (!readText(env, method, columns, "schema", schema)) return false;
  if (const Status parsed = parseSchema(schema, fields); !parsed.ok()) {
    throwError(env, parsed);
    return false;
  }
  if (napi_create_array(env, &memory) != napi_ok) return false;
  ColumnsReader reader(env, method, memory);
  if (!reader.open(columns)) return false;
  for (Field& field : fields) {
    NamedArray& column = out.emplace_back();
    if (!reader.column(field, column.array)) return false;
    column.name = std::move(field.name);
  }
  return reader.atEnd();
}

}  // namespace sabot
