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
    ObjectMaker out(env);
    out.set("row", makeNumber(env, int64_t{error.row}))
        .set("code", makeText(env, error.code))
        .set("message", makeText(env, error.message));
    if (error.offset >= 0) out.set("offset", makeBigInt(env, error.offset));
    return out.value();
  });
}

namespace {

void freeSlab(napi_env, void* data, void* size) {
  Slab::free(static_cast<uint8_t*>(data), reinterpret_cast<size_t>(size));
}

napi_value makeSlabBuffer(napi_env env, Slab& slab, bool copy) {
  napi_value buffer = nullptr;
  if (!copy && slab.size > 0) {
    const napi_status status = napi_create_external_arraybuffer(env, slab.data, slab.size, &freeSlab,
                                                                reinterpret_cast<void*>(slab.size), &buffer);
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

}  // namespace

napi_value makeSlab(napi_env env, Slab slab, bool copy) {
  // V8 counts external memory of ArrayBuffers by itself. To tell it of less, so that it marks its heap less often, is no
  // way: it takes what the sweeper frees off before a finaliser can tell, and ends the process where that is below 0.
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

static bool readText(napi_env env, napi_value value, std::string& out) {
  napi_valuetype type = napi_undefined;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok || type != napi_string) return false;
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return false;
  out.resize(size);
  // Writes a NUL behind the text: where std::string has its own.
  return napi_get_value_string_utf8(env, value, out.data(), size + 1, &size) == napi_ok;
}

static bool readInteger(napi_env env, napi_value value, int64_t min, int64_t max, int64_t& out) {
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
  out.data = length == 0 ? noBytes : static_cast<const uint8_t*>(data);
  out.bytes = length;
  return true;
}

}  // namespace sabot
