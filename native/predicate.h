// A pushed-down predicate: comparisons of columns with literals, and boolean logic with SQL's null rules.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "columns.h"
#include "sabot.h"

namespace sabot {

// Three-valued logic in an order in which `and` is the least of its terms, `or` the greatest, `not` the mirror image.
enum class Truth : uint8_t { False = 0, Null = 1, True = 2 };

// Immutable after parse(); any number of threads may test at once.
class Predicate {
 public:
  // The wire form is PushedPredicate of src/kafka/backend.ts as JSON; indices are into `columns`. Numbers of different
  // types are compared by value, exactly: an int64 column with {"f": 0.5}, a float64 column with {"i": "9007199254740993"}.
  // CONFIG: not of that form, an index out of range, or a literal that the column's type cannot be compared with.
  static Status parse(std::string_view json, const std::vector<ColumnSpec>& columns,
                      std::shared_ptr<const Predicate>& out);
  ~Predicate();

  // Whether row `row` of the columns is kept: only where the result is true, not where it is false or null.
  bool test(const ColumnSet& columns, int64_t row) const;

  // True or False: the result by the columns that have a value `row` already, whatever the others get.
  Truth known(const ColumnSet& columns, int64_t row) const;

  // Whether no row of any columns is kept: `or` of nothing.
  bool isNever() const;

  // The columns that it reads, ascending.
  const std::vector<uint32_t>& reads() const;

 private:
  struct Program;
  explicit Predicate(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace sabot
