// The program of a plan: filters and computed columns over rows that were decoded, before they become a slab. What a
// plan of simple expressions needs then runs on the decode workers, and no row that is filtered out is copied.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "columns.h"
#include "expression.h"
#include "sabot.h"

namespace sabot {

// Immutable after parse(), shared by the workers.
class Program {
 public:
  // The wire form is NativeProgram of src/kafka/backend.ts as JSON. `columns`: those of the decoder, then message
  // columns. `later`: those of them that are made after the program where no step reads them; may be shorter: the
  // others are not. CONFIG: not of that form, an index out of range, or an expression that does not run natively or
  // has another type than it says.
  static Status parse(std::string_view json, const std::vector<ColumnSpec>& columns, const std::vector<bool>& later,
                      std::shared_ptr<const Program>& out);

  // The columns that it computes: behind those that were given to parse().
  const std::vector<ColumnSpec>& computed() const { return computed_; }
  // The columns of its slabs.
  const std::vector<Field>& output() const { return outputFields_; }
  // Whether a step reads the column. Message columns that none reads may be made afterwards, of the rows that are left.
  bool reads(size_t column) const { return reads_[column]; }

 private:
  friend class ProgramRun;

  struct Step {
    expression::Expression expression;
    bool isFilter = true;
    uint32_t column = 0;  // that it computes
  };

  std::vector<Step> steps_;
  std::vector<ColumnSpec> computed_;
  std::vector<bool> reads_;
  std::vector<bool> dense_;  // a column has values for the rows that are left only: computed, or made afterwards
  std::vector<uint32_t> output_;
  std::vector<Field> outputFields_;
};

// Runs a program, over and over. Belongs to one thread at a time.
class ProgramRun {
 public:
  explicit ProgramRun(std::shared_ptr<const Program> program);

  // Runs the steps on the rows of `outcome.kept`, which must be all that the columns have. Rows that are filtered out,
  // and those that fail, are taken out of it; the latter are in its errors, which stay ascending. SCHEMA: a column is
  // too large to be read. UNSUPPORTED: an expression gives more than 2 GiB of text.
  Status run(ColumnSet& columns, DecodeOutcome& outcome);

  // The output as a slab, after run(): of the rows that are left, which must be some. As ColumnSet::finish.
  Status finish(ColumnSet& columns, Slab& out);

 private:
  using Step = Program::Step;

  Status filter(size_t step, const ColumnSet& columns, DecodeOutcome& outcome);
  Status compute(size_t step, ColumnSet& columns, DecodeOutcome& outcome);
  static Status tooLong(const Step& step);
  // Leaves the rows at positions_.
  void narrow(ColumnSet& columns);
  expression::Block block(const ColumnSet& columns, size_t first) const;
  void report(const Step& step, const expression::Evaluation& evaluation, size_t first, DecodeOutcome& outcome);

  const std::shared_ptr<const Program> program_;
  std::vector<std::unique_ptr<expression::Evaluation>> evaluations_;  // one a step
  std::vector<uint32_t> rows_;  // that are left, where not all are
  size_t count_ = 0;
  bool all_ = true;
  std::vector<uint32_t> positions_;  // of one step: among the rows that were left before it
  std::vector<uint32_t> computed_;   // columns so far
  std::vector<uint8_t> failed_;      // rows of a block
  std::vector<SlabColumn> output_;
};

}  // namespace sabot
