#include "addon_values.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "json_text.h"

namespace sabot {

// ---------------------------------------------------------------- to JavaScript

napi_value makeUndefined(napi_env env) {
  napi_value out = nullptr;
  napi_get_undefined(env, &out);
  return out;
}

napi_value makeNull(napi_env env) {
  napi_value out = nullptr;
  napi_get_null(env, &out);
  return out;
}

napi_value makeText(napi_env env, std::string_view text) {
  napi_value out = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &out);
  return out;
}

napi_value makeNumber(napi_env env, double value) {
  napi_value out = nullptr;
  napi_create_double(env, value, &out);
  return out;
}

napi_value makeNumber(napi_env env, int64_t value) {
  napi_value out = nullptr;
  napi_create_int64(env, value, &out);
  return out;
}

napi_value makeBigInt(napi_env env, int64_t value) {
  napi_value out = nullptr;
  napi_create_bigint_int64(env, value, &out);
  return out;
}

napi_value makeBoolean(napi_env env, bool value) {
  napi_value out = nullptr;
  napi_get_boolean(env, value, &out);
  return out;
}

napi_value makeRowErrors(napi_env env, const std::vector<RowError>& errors) {
  return makeArray(env, errors, [env](const RowError& error) {
    return ObjectMaker(env)
        .set("row", makeNumber(env, int64_t{error.row}))
        .set("code", makeText(env, error.code))
        .set("message", makeText(env, error.message))
        .value();
  });
}

static void freeSlab(napi_env, void* data, void*) { Slab::free(static_cast<uint8_t*>(data)); }

static napi_value makeSlabBuffer(napi_env env, Slab& slab, bool copy) {
  napi_value buffer = nullptr;
  if (!copy && slab.size > 0) {
    const napi_status status =
        napi_create_external_arraybuffer(env, slab.data, slab.size, &freeSlab, nullptr, &buffer);
    if (status == napi_ok) {
      slab.release();
      return buffer;
    }
    if (status != napi_no_external_buffers_allowed) return nullptr;
  }
  void* bytes = nullptr;
  if (napi_create_arraybuffer(env, slab.size, &bytes, &buffer) != napi_ok) return nullptr;
  if (slab.size > 0) std::memcpy(bytes, slab.data, slab.size);
  return buffer;
}

napi_value makeSlab(napi_env env, Slab slab, bool copy) {
  // V8 counts external memory of ArrayBuffers by itself: telling it again would count it twice.
  napi_value buffer = makeSlabBuffer(env, slab, copy);
  if (buffer == nullptr) return nullptr;
  constexpr size_t perNode = 8;
  void* data = nullptr;
  napi_value memory = nullptr, layout = nullptr;
  const size_t count = slab.nodes.size() * perNode;
  if (napi_create_arraybuffer(env, count * sizeof(double), &data, &memory) != napi_ok ||
      napi_create_typedarray(env, napi_float64_array, count, memory, 0, &layout) != napi_ok) {
    return nullptr;
  }
  auto* numbers = static_cast<double*>(data);
  for (const NodeLayout& node : slab.nodes) {
    const double of[perNode] = {
        static_cast<double>(node.length),         static_cast<double>(node.nullCount),
        static_cast<double>(node.validityOffset), static_cast<double>(node.validityBytes),
        static_cast<double>(node.offsetsOffset),  static_cast<double>(node.offsetsBytes),
        static_cast<double>(node.dataOffset),     static_cast<double>(node.dataBytes),
    };
    std::memcpy(numbers, of, sizeof(of));
    numbers += perNode;
  }
  return ObjectMaker(env).set("rows", makeNumber(env, slab.rows)).set("buffer", buffer).set("layout", layout).value();
}

// ---------------------------------------------------------------- errors

napi_value makeError(napi_env env, const Status& status, std::optional<bool> retriable) {
  napi_value error = nullptr;
  napi_create_error(env, makeText(env, status.code), makeText(env, status.message), &error);
  if (error != nullptr && retriable) napi_set_named_property(env, error, "retriable", makeBoolean(env, *retriable));
  return error;
}

void throwError(napi_env env, const Status& status, std::optional<bool> retriable) {
  napi_throw(env, makeError(env, status, retriable));
}

void throwTypeError(napi_env env, const std::string& message) { napi_throw_type_error(env, nullptr, message.c_str()); }

void throwRangeError(napi_env env, const std::string& message) {
  napi_throw_range_error(env, nullptr, message.c_str());
}

void reportException(napi_env env) {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

// ---------------------------------------------------------------- arguments

namespace {

// What came, in a message. Texts are not quoted: a configuration holds secrets.
std::string describe(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  if (value != nullptr) napi_typeof(env, value, &type);
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: {
      double number = 0;
      napi_get_value_double(env, value, &number);
      std::vector<char> text;
      if (!std::isfinite(number)) return std::isnan(number) ? "NaN" : "Infinity";
      TextBuffer out(text);
      appendDouble(out, number);
      return std::string(text.data(), out.size());
    }
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_object: {
      bool array = false;
      napi_is_array(env, value, &array);
      return array ? "an array" : "an object";
    }
    case napi_external: return "an external value";
  }
  return "something else";
}

bool readText(napi_env env, napi_value value, std::string& out) {
  napi_valuetype type = napi_undefined;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok || type != napi_string) return false;
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return false;
  out.resize(size);
  // Writes a NUL behind the text: where std::string has its own.
  return napi_get_value_string_utf8(env, value, out.data(), size + 1, &size) == napi_ok;
}

bool readInteger(napi_env env, napi_value value, int64_t min, int64_t max, int64_t& out) {
  double number = 0;
  if (value == nullptr || napi_get_value_double(env, value, &number) != napi_ok) return false;
  // The comparison also fails for NaN.
  if (!(std::abs(number) <= static_cast<double>(maxSafeInteger)) || std::trunc(number) != number) return false;
  out = static_cast<int64_t>(number);
  return out >= min && out <= max;
}

napi_value member(napi_env env, napi_value object, const char* name) {
  napi_value out = nullptr;
  return napi_get_named_property(env, object, name, &out) == napi_ok ? out : nullptr;
}

bool isPending(napi_env env) {
  bool pending = false;
  return napi_is_exception_pending(env, &pending) != napi_ok || pending;
}

// An array's elements. False: not an array, nothing thrown; or a getter threw.
template <class Take>  // take(napi_value) -> bool
bool eachElement(napi_env env, napi_value value, Take&& take) {
  bool array = false;
  uint32_t length = 0;
  if (value == nullptr || napi_is_array(env, value, &array) != napi_ok || !array) return false;
  if (napi_get_array_length(env, value, &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = nullptr;
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
    const bool taken = napi_get_element(env, value, i, &element) == napi_ok && take(element);
    napi_close_handle_scope(env, scope);
    if (!taken) return false;
  }
  return true;
}

}  // namespace

bool Arguments::wrong(size_t index, const char* what) const {
  const Napi::Env env = info_.Env();
  if (!isPending(env)) {
    throwTypeError(env, std::string(method_) + ": expected " + what + " as argument " + std::to_string(index + 1) +
                            "; got " + describe(env, info_[index]));
  }
  return false;
}

bool Arguments::text(size_t index, const char* what, std::string& out) const {
  return readText(info_.Env(), info_[index], out) || wrong(index, what);
}

bool Arguments::integer(size_t index, const char* what, int64_t min, int64_t max, int64_t& out) const {
  return readInteger(info_.Env(), info_[index], min, max, out) || wrong(index, what);
}

bool Arguments::boolean(size_t index, const char* what, bool& out) const {
  return napi_get_value_bool(info_.Env(), info_[index], &out) == napi_ok || wrong(index, what);
}

bool Arguments::function(size_t index, const char* what, Napi::Function& out) const {
  if (!info_[index].IsFunction()) return wrong(index, what);
  out = info_[index].As<Napi::Function>();
  return true;
}

bool Arguments::object(size_t index, const char* what, Napi::Object& out) const {
  if (!info_[index].IsObject()) return wrong(index, what);
  out = info_[index].As<Napi::Object>();
  return true;
}

bool Arguments::texts(size_t index, const char* what, std::vector<std::string>& out) const {
  const Napi::Env env = info_.Env();
  return eachElement(env, info_[index], [&](napi_value element) {
    return readText(env, element, out.emplace_back());
  }) || wrong(index, what);
}

bool Arguments::bytes(size_t index, const char* what, std::vector<Bytes>& out) const {
  const Napi::Env env = info_.Env();
  return eachElement(env, info_[index], [&](napi_value element) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, element, &type);
    BufferView view;
    if (type == napi_null) out.push_back({});
    else if (readBuffer(env, element, view)) out.push_back({reinterpret_cast<const char*>(view.data), view.bytes});
    else return false;
    return true;
  }) || wrong(index, what);
}

bool readInteger(napi_env env, const char* method, Napi::Object object, const char* name, int64_t min, int64_t max,
                 int64_t& out) {
  napi_value value = member(env, object, name);
  if (readInteger(env, value, min, max, out)) return true;
  if (!isPending(env)) {
    throwTypeError(env, std::string(method) + ": expected \"" + name + "\" to be an integer from " +
                            std::to_string(min) + " to " + std::to_string(max) + "; got " + describe(env, value));
  }
  return false;
}

bool readText(napi_env env, const char* method, Napi::Object object, const char* name, std::string& out) {
  napi_value value = member(env, object, name);
  if (readText(env, value, out)) return true;
  if (!isPending(env)) {
    throwTypeError(env, std::string(method) + ": expected \"" + name + "\" to be a string; got " + describe(env, value));
  }
  return false;
}

bool readIndices(napi_env env, const char* method, Napi::Object object, const char* name, std::vector<uint32_t>& out) {
  const bool read = eachElement(env, member(env, object, name), [&](napi_value element) {
    int64_t index = 0;
    if (!readInteger(env, element, 0, std::numeric_limits<uint32_t>::max(), index)) return false;
    out.push_back(static_cast<uint32_t>(index));
    return true;
  });
  if (!read && !isPending(env)) {
    throwTypeError(env, std::string(method) + ": expected \"" + name + "\" to be an array of indices");
  }
  return read;
}

// ---------------------------------------------------------------- buffers

// Where an empty buffer points: aligned for any value.
alignas(64) static constexpr uint8_t zeros[64] = {};

bool readBuffer(napi_env env, napi_value value, BufferView& out) {
  bool is = false;
  void* data = nullptr;
  size_t length = 0, start = 0;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type = napi_uint8_array;
    // Asking for the memory also moves a small array that lies in V8's own heap to where it stays.
    if (napi_get_typedarray_info(env, value, &type, &length, &data, &out.memory, &start) != napi_ok) return false;
    switch (type) {
      case napi_int16_array:
      case napi_uint16_array: length *= 2; break;
      case napi_int32_array:
      case napi_uint32_array:
      case napi_float32_array: length *= 4; break;
      case napi_float64_array:
      case napi_bigint64_array:
      case napi_biguint64_array: length *= 8; break;
      case napi_int8_array:
      case napi_uint8_array:
      case napi_uint8_clamped_array: break;
      default: return false;  // of a later Node: its width is not known here
    }
    out.type = type;
  } else if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    if (napi_get_dataview_info(env, value, &length, &data, &out.memory, &start) != napi_ok) return false;
    out.type.reset();
  } else {
    return false;
  }
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, out.memory, &detached) != napi_ok || detached) return false;
  out.data = length == 0 ? zeros : static_cast<const uint8_t*>(data);
  out.bytes = length;
  return true;
}

// ---------------------------------------------------------------- columns

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
        out.data = data ? data->data : zeros;
        return within(path, out, data ? static_cast<int64_t>(data->bytes) : 0);
      }
      case TypeId::Bool: return values(path, buffers_[first + 2], (end + 7) / 8, out);
      default: return values(path, buffers_[first + 2], end * width(type.id), out);
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
    out.data = data ? data->data : zeros;
    return true;
  }

  bool offsets(const std::string& path, const std::optional<BufferView>& buffer, ArrayView& out) {
    const int64_t end = out.offset + out.length;
    if (end == 0 && (!buffer || buffer->bytes == 0)) {
      out.offsets = reinterpret_cast<const int32_t*>(zeros);
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

  static int64_t width(TypeId id) {
    switch (id) {
      case TypeId::Int8:
      case TypeId::UInt8: return 1;
      case TypeId::Int16:
      case TypeId::UInt16: return 2;
      case TypeId::Int32:
      case TypeId::UInt32:
      case TypeId::Float32:
      case TypeId::Date32: return 4;
      case TypeId::Decimal128: return 16;
      default: return 8;
    }
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
