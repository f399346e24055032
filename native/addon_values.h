// JavaScript values to native ones and back. On the JavaScript thread only. What fails leaves a JavaScript exception
// pending and returns nullptr or false; where the environment is being terminated, calls fail without one.
#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sabot.h"

namespace sabot {

// ---------------------------------------------------------------- to JavaScript

napi_value makeUndefined(napi_env env);
napi_value makeNull(napi_env env);
napi_value makeText(napi_env env, std::string_view text);
napi_value makeNumber(napi_env env, double value);
napi_value makeNumber(napi_env env, int64_t value);
napi_value makeBigInt(napi_env env, int64_t value);
napi_value makeBoolean(napi_env env, bool value);

// An object of data properties.
class ObjectMaker {
 public:
  explicit ObjectMaker(napi_env env) : env_(env) { napi_create_object(env, &object_); }
  ObjectMaker& set(const char* name, napi_value value) {
    if (value != nullptr) napi_set_named_property(env_, object_, name, value);
    return *this;
  }
  napi_value value() const { return object_; }

 private:
  napi_env env_;
  napi_value object_ = nullptr;
};

template <class Items, class Make>  // make(item) -> napi_value
napi_value makeArray(napi_env env, const Items& items, Make&& make) {
  napi_value array = nullptr;
  if (napi_create_array_with_length(env, items.size(), &array) != napi_ok) return nullptr;
  uint32_t i = 0;
  for (const auto& item : items) napi_set_element(env, array, i++, make(item));
  return array;
}

// {row, code, message} each.
napi_value makeRowErrors(napi_env env, const std::vector<RowError>& errors);

// AddonSlab of src/kafka/addon.ts: {rows, buffer, layout}. Takes the slab's memory: it becomes one external ArrayBuffer,
// whose finaliser frees it on the JavaScript thread, however long that is after its source was closed. With `copy`, or
// where the runtime refuses external memory, an ordinary ArrayBuffer with the same bytes.
napi_value makeSlab(napi_env env, Slab slab, bool copy);

// ---------------------------------------------------------------- errors

// An Error with `code` and, where it is known, `retriable`.
napi_value makeError(napi_env env, const Status& status, std::optional<bool> retriable = {});
void throwError(napi_env env, const Status& status, std::optional<bool> retriable = {});
void throwTypeError(napi_env env, const std::string& message);
void throwRangeError(napi_env env, const std::string& message);
// Where no JavaScript is below us on the stack that could catch it: as an uncaught exception.
void reportException(napi_env env);

// ---------------------------------------------------------------- from JavaScript

constexpr int64_t maxSafeInteger = (int64_t{1} << 53) - 1;

// The arguments of a call. Each getter returns false with a TypeError pending that names the method, the argument and
// what came.
class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, const char* method) : info_(info), method_(method) {}

  bool text(size_t index, const char* what, std::string& out) const;
  bool integer(size_t index, const char* what, int64_t min, int64_t max, int64_t& out) const;
  bool boolean(size_t index, const char* what, bool& out) const;
  bool function(size_t index, const char* what, Napi::Function& out) const;
  bool texts(size_t index, const char* what, std::vector<std::string>& out) const;
  bool object(size_t index, const char* what, Napi::Object& out) const;
  // (Uint8Array | null)[]: the bytes lie where JavaScript has them, for as long as nothing of JavaScript runs.
  bool bytes(size_t index, const char* what, std::vector<Bytes>& out) const;
  bool wrong(size_t index, const char* what) const;

 private:
  const Napi::CallbackInfo& info_;
  const char* method_;
};

// What came, in a message. Texts are not quoted: a configuration holds secrets.
std::string describe(napi_env env, napi_value value);
bool isPending(napi_env env);                                          // an exception
napi_value member(napi_env env, napi_value object, const char* name);  // nullptr: an exception is pending

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

// Where an empty buffer points: aligned for any value.
alignas(64) inline constexpr uint8_t noBytes[64] = {};

// The bytes of a typed array or DataView. Where it is none, or its memory is detached: false, nothing is thrown.
struct BufferView {
  const uint8_t* data = nullptr;  // never nullptr once it was read
  size_t bytes = 0;
  std::optional<napi_typedarray_type> type;  // none: a DataView
  napi_value memory = nullptr;               // its ArrayBuffer or SharedArrayBuffer
};
bool readBuffer(napi_env env, napi_value value, BufferView& out);

// AddonColumns of src/kafka/addon.ts, checked so that no reader can leave a buffer: every length, offset and child
// against the bytes that are there. `memory` gets the ArrayBuffers that the views point into: a JavaScript array, to be
// referenced for as long as the views are read.
bool readColumns(napi_env env, const char* method, Napi::Object columns, std::vector<NamedArray>& out,
                 napi_value& memory);

// The member `rows` of a write: a Uint32Array of indices below rowCount (`selected`), or null. Its memory is added to
// `memory`.
bool readSelection(napi_env env, const char* method, Napi::Object write, int64_t rowCount, napi_value memory,
                   bool& selected, std::span<const uint32_t>& rows);

// A member of an object, checked as Arguments are.
bool readInteger(napi_env env, const char* method, Napi::Object object, const char* name, int64_t min, int64_t max,
                 int64_t& out);
bool readText(napi_env env, const char* method, Napi::Object object, const char* name, std::string& out);
bool readIndices(napi_env env, const char* method, Napi::Object object, const char* name, std::vector<uint32_t>& out);

}  // namespace sabot
