// Whether a row is rejected before its document is read to the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "columns.h"
#include "predicate.h"

namespace sabot {

// A predicate that is false by the columns that came so far is false whatever else comes (SQL's logic is monotone in
// what is null), but for one thing: of a key that comes twice the last value counts. So the rest of the document is
// searched for the keys that were asked for, which costs a fraction of reading it.
class JsonRejection {
 public:
  JsonRejection(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Predicate> predicate);

  // The columns that the predicate reads.
  const std::vector<uint32_t>& asks() const { return predicate_->reads(); }

  // The predicate's result by the columns that came, which are those with more than `row` values: False or True stands
  // unless one of them comes again.
  Truth known(const ColumnSet& columns, int64_t row) const { return predicate_->known(columns, row); }

  // Whether one of those that came may come again in [rest, end), which has kJsonPadding readable bytes behind it.
  bool mayChange(const ColumnSet& columns, int64_t row, const char* rest, const char* end) const;

 private:
  const std::shared_ptr<const Predicate> predicate_;
  std::vector<std::string> keys_;  // with their quotes, in the order of asks()
};

}  // namespace sabot
