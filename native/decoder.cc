// makeDecoder: the codec's name and the columns that are wanted -> a decoder.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_decoder.h"
#include "json_text.h"
#include "predicate.h"
#include "sabot.h"
#include "text_decoder.h"

namespace sabot {

namespace {

// The plan keeps no row: nothing is read, and what could not be read is no error. Positions move on all the same.
class NoRows final : public Decoder {
 public:
  void decode(std::span<const Bytes>, ColumnSet&, DecodeOutcome&) override {}
};

Status makeCodecDecoder(std::string_view codec, const std::vector<ColumnSpec>& columns,
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

}  // namespace

Status makeDecoder(std::string_view codec, const std::vector<ColumnSpec>& columns,
                   std::shared_ptr<const Predicate> predicate, const DecodeLimits& limits,
                   std::unique_ptr<Decoder>& out) {
  const bool never = predicate && predicate->isNever();
  // Columns and options are checked even so.
  const Status status = makeCodecDecoder(codec, columns, std::move(predicate), limits, out);
  if (status.ok() && never) out = std::make_unique<NoRows>();
  return status;
}

}  // namespace sabot
