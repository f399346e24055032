// A value as it is -> the one column `value`: the codecs `string` and `bytes`.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot {

// `utf8`: a value that is not valid UTF-8 is that row's DECODE error, also where no column is wanted. A null value is
// a null, an empty one is an empty string.
class TextDecoder final : public Decoder {
 public:
  TextDecoder(bool utf8, bool hasColumn, std::shared_ptr<const Predicate> predicate)
      : utf8_(utf8), hasColumn_(hasColumn), predicate_(std::move(predicate)) {}
  void decode(std::span<const Bytes> values, ColumnSet& out, DecodeOutcome& outcome) override;

  // CONFIG: other columns than none or `value` of the codec's type.
  static Status check(bool utf8, const std::vector<ColumnSpec>& columns);

 private:
  bool utf8_;
  bool hasColumn_;
  std::shared_ptr<const Predicate> predicate_;
};

}  // namespace sabot
