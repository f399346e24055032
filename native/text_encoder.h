// One column -> its text or bytes: the codecs `string` and `bytes`, and the keys of records.
#pragma once

#include <span>
#include <vector>

#include "sabot.h"

namespace sabot {

// utf8 and binary as they are, null is a null. With `scalars` also bool, numbers, timestamp, date and decimal, as
// their JSON text without quotes; NaN and Infinity are that row's error.
class TextEncoder final : public Encoder {
 public:
  explicit TextEncoder(bool scalars) : scalars_(scalars) {}
  void encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
              std::vector<RowError>& errors) override;

  // SCHEMA where these columns can never be encoded.
  Status check(std::span<const NamedArray> columns) const;

 private:
  bool scalars_;
};

}  // namespace sabot
