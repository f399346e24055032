// decodeRows, inferRows and encodeRows of src/kafka/addon.ts: the codecs without Kafka, on the JavaScript thread.
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "addon_environment.h"
#include "addon_exports.h"
#include "addon_values.h"
#include "columns.h"
#include "config.h"
#include "source_rows.h"

namespace sabot {

namespace {

constexpr const char* valuesWhat = "an array of Uint8Array (not detached) and null";

// Uint8Array over a new ArrayBuffer with a copy of the bytes; `copy` may be empty.
napi_value makeTyped(napi_env env, napi_typedarray_type type, size_t width, const void* data, size_t count) {
  void* to = nullptr;
  napi_value memory = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, count * width, &to, &memory) != napi_ok) return nullptr;
  if (count > 0) std::memcpy(to, data, count * width);
  napi_create_typedarray(env, type, count, memory, 0, &array);
  return array;
}

// What decodeRows needs of a spec.
struct RowDecoder {
  std::shared_ptr<const DecodePlan> plan;
  std::unique_ptr<Decoder> decoder;
};

Status makeRowDecoder(const std::string& json, RowDecoder& out) {
  DecodeSpec spec;
  if (Status status = parseDecodeSpec(json, spec); !status.ok()) return status;
  if (!spec.message.empty()) {
    return Status::error("CONFIG", "decodeRows: expected no message columns: there are no messages");
  }
  if (Status status = DecodePlan::make(std::move(spec), out.plan); !status.ok()) return status;
  return out.plan->makeDecoder(out.decoder);
}

// What decoding has left, as a slab: none where that is nothing.
Status finishRows(const DecodePlan& plan, ColumnSet& columns, DecodeOutcome& outcome, Slab& slab) {
  if (outcome.kept.empty()) return Status::success();
  if (plan.program == nullptr) return columns.finish(static_cast<int64_t>(outcome.kept.size()), slab);
  ProgramRun program(plan.program);
  Status status = program.run(columns, outcome);
  return status.ok() && !outcome.kept.empty() ? program.finish(columns, slab) : status;
}

// decodeRows(values, specJson): {slab, kept, errors}
Napi::Value decodeRows(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments arguments(info, "decodeRows");
  std::vector<Bytes> values;
  std::string json;
  if (!arguments.text(1, "the decode spec as JSON", json) || !arguments.bytes(0, valuesWhat, values)) return {};
  RowDecoder with;
  Status status = makeRowDecoder(json, with);
  DecodeOutcome outcome;
  Slab slab;
  if (status.ok()) {
    ColumnSet columns(with.plan->columns);
    with.decoder->decode(values, columns, outcome);
    status = finishRows(*with.plan, columns, outcome, slab);
  }
  if (!status.ok()) {
    throwError(env, status);
    return {};
  }
  const bool copy = Environment::of(env)->copySlabs;
  return {env, ObjectMaker(env)
                   .set("slab", outcome.kept.empty() ? makeNull(env) : makeSlab(env, std::move(slab), copy))
                   .set("kept", makeTyped(env, napi_uint32_array, sizeof(uint32_t), outcome.kept.data(),
                                          outcome.kept.size()))
                   .set("errors", makeRowErrors(env, outcome.errors))
                   .value()};
}

// inferRows(values, maxDepth): the schema's wire form
Napi::Value inferRows(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments arguments(info, "inferRows");
  std::vector<Bytes> values;
  int64_t maxDepth = 0;
  if (!arguments.integer(1, "a depth from 1 to 1024", 1, 1024, maxDepth) || !arguments.bytes(0, valuesWhat, values)) {
    return {};
  }
  return {env, makeText(env, schemaToJson(inferJsonSchema(values, {static_cast<int>(maxDepth)})))};
}

// encodeRows(columns, rowCount, codec, optionsJson): {values, errors}
Napi::Value encodeRows(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments arguments(info, "encodeRows");
  Napi::Object given;
  int64_t rowCount = 0;
  std::string codec, options;
  std::vector<NamedArray> columns;
  napi_value memory = nullptr;
  if (!arguments.object(0, "columns", given) ||
      !arguments.integer(1, "a number of rows", 0, INT32_MAX, rowCount) ||
      !arguments.text(2, "the name of a codec", codec) || !arguments.text(3, "the codec's options as JSON", options) ||
      !readColumns(env, "encodeRows", given, columns, memory)) {
    return {};
  }
  for (const NamedArray& column : columns) {
    if (column.array.length >= rowCount) continue;
    throwRangeError(env, "encodeRows: column " + column.name + ": expected " + std::to_string(rowCount) +
                             " rows; got " + std::to_string(column.array.length));
    return {};
  }
  std::unique_ptr<Encoder> encoder;
  if (const Status status = makeEncoder(codec, options, encoder); !status.ok()) {
    throwError(env, status);
    return {};
  }
  std::vector<uint32_t> rows(static_cast<size_t>(rowCount));
  std::iota(rows.begin(), rows.end(), 0);
  EncodedRows encoded;
  std::vector<RowError> errors;
  encoder->encode(columns, rows, encoded, errors);

  size_t row = 0;
  napi_value values = makeArray(env, encoded.null, [&](uint8_t null) {
    const size_t at = row++;
    if (null != 0) return makeNull(env);
    return makeTyped(env, napi_uint8_array, 1, encoded.bytes.data() + encoded.offsets[at],
                     encoded.offsets[at + 1] - encoded.offsets[at]);
  });
  return {env, ObjectMaker(env).set("values", values).set("errors", makeRowErrors(env, errors)).value()};
}

}  // namespace

bool exportRows(Napi::Env env, Napi::Object exports) {
  return napi_set_named_property(env, exports, "decodeRows", Napi::Function::New(env, decodeRows, "decodeRows")) ==
             napi_ok &&
         napi_set_named_property(env, exports, "inferRows", Napi::Function::New(env, inferRows, "inferRows")) ==
             napi_ok &&
         napi_set_named_property(env, exports, "encodeRows", Napi::Function::New(env, encodeRows, "encodeRows")) ==
             napi_ok;
}

}  // namespace sabot
