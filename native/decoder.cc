// makeDecoder: the codec's name and the columns that are wanted -> a decoder.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_decoder.h"
#include "json_text.h"
#include "sabot.h"
#include "text_decoder.h"

namespace sabot {

Status makeDecoder(std::string_view codec, const std::vector<ColumnSpec>& columns,
                   std::shared_ptr<const Predicate> predicate, const DecodeLimits& limits,
                   std::unique_ptr<Decoder>& out) {
  if (codec == "json") return makeJsonDecoder(columns, std::move(predicate), limits, out);
  if (codec == "string" || codec == "bytes") {
    const bool utf8 = codec == "string";
    Status status = TextDecoder::check(utf8, columns);
    if (status.ok()) out = std::make_unique<TextDecoder>(utf8, !columns.empty(), std::move(predicate));
    return status;
  }
  return Status::error("CONFIG", "codec: expected json, string or bytes; got " + jsonString(codec));
}

}  // namespace sabot
