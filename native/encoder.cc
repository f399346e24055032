// makeEncoder: the codec's name and its options -> an encoder.
#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>

#include "json_encoder.h"
#include "json_text.h"
#include "sabot.h"
#include "text_encoder.h"

namespace sabot {

namespace {

// Hands every option to `take`, whose first error ends it.
template <class Take>
Status readOptions(std::string_view codec, std::string_view json, Take&& take) {
  if (json.empty()) return Status::success();
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    return Status::error("CONFIG", "codecOptions of " + std::string(codec) + ": expected an object");
  }
  for (const auto& [name, value] : object) {
    if (Status status = take(name, value); !status.ok()) return status;
  }
  return Status::success();
}

Status unknownOption(std::string_view codec, std::string_view name, std::string_view known) {
  return Status::error("CONFIG", "codecOptions of " + std::string(codec) + ": unknown option " + jsonString(name) +
                                     "; there " + std::string(known));
}

}  // namespace

Status makeEncoder(std::string_view codec, std::string_view optionsJson, std::unique_ptr<Encoder>& out) {
  if (codec == "json") {
    JsonEncoderOptions options;
    Status status = readOptions(codec, optionsJson, [&](std::string_view name, simdjson::dom::element value) {
      if (name != "nonFinite") return unknownOption(codec, name, "is: nonFinite");
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS || (text != "error" && text != "null")) {
        return Status::error("CONFIG", "codecOptions.nonFinite: expected 'error' or 'null'; got " +
                                           simdjson::minify(value));
      }
      options.nonFiniteAsNull = text == "null";
      return Status::success();
    });
    if (status.ok()) out = std::make_unique<JsonEncoder>(options);
    return status;
  }
  if (codec == "string" || codec == "bytes") {
    Status status = readOptions(codec, optionsJson, [&](std::string_view name, simdjson::dom::element) {
      return unknownOption(codec, name, "are none");
    });
    if (status.ok()) out = std::make_unique<TextEncoder>(codec == "string");
    return status;
  }
  return Status::error("CONFIG", "codec: expected json, string or bytes; got " + jsonString(codec));
}

}  // namespace sabot
