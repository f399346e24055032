#include "program.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace sabot {

using expression::Block;
using expression::Evaluation;
using expression::kBlock;
using expression::Node;
using expression::Vector;

// ---------------------------------------------------------------- the wire form

namespace {

using simdjson::dom::element;

Status malformed(const std::string& expected) {
  return Status::error("CONFIG", "program: expected " + expected + ", in the form of NativeProgram in "
                                 "src/kafka/backend.ts");
}

}  // namespace

Status Program::parse(std::string_view json, const std::vector<ColumnSpec>& columns, const std::vector<bool>& later,
                      std::shared_ptr<const Program>& out) {
  simdjson::dom::parser parser;
  element root, expr;
  simdjson::dom::array steps, output;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root["steps"].get(steps) != simdjson::SUCCESS || root["output"].get(output) != simdjson::SUCCESS) {
    return malformed("{\"steps\": [...], \"output\": [...]}");
  }
  auto program = std::make_shared<Program>();
  std::vector<Field> fields;
  for (const ColumnSpec& column : columns) fields.push_back(column.field);
  for (const element given : steps) {
    Step step;
    const std::string where = "program: step " + std::to_string(program->steps_.size() + 1) + ": ";
    std::string_view kind, text;
    if (given["kind"].get(kind) != simdjson::SUCCESS || (kind != "filter" && kind != "compute") ||
        given["text"].get(text) != simdjson::SUCCESS || given["expr"].get(expr) != simdjson::SUCCESS) {
      return malformed("steps {\"kind\": \"filter\" or \"compute\", \"expr\", \"text\"}");
    }
    step.expression.text = text;
    step.isFilter = kind == "filter";
    Field made{std::string(text), {}};
    Status status = expression::parse(expr, fields, step.expression);
    if (status.ok() && !step.isFilter) {
      element type;
      if (given["type"].get(type) != simdjson::SUCCESS) return malformed("\"type\" in compute steps");
      status = parseType(simdjson::minify(type), made.type);
    }
    else made.type.id = TypeId::Bool;
    if (status.ok()) status = expression::giveType(step.expression, made.type);
    if (!status.ok()) return Status::error(status.code, where + status.message);
    if (!step.isFilter) {
      step.column = static_cast<uint32_t>(fields.size());
      program->computed_.push_back({made, true});
      fields.push_back(std::move(made));
    }
    program->steps_.push_back(std::move(step));
  }
  program->reads_.resize(fields.size());
  for (const Step& step : program->steps_) {
    for (const Node& node : step.expression.nodes) {
      if (node.readsColumn) program->reads_[node.column] = true;
    }
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    program->dense_.push_back(i >= columns.size() || (i < later.size() && later[i] && !program->reads_[i]));
  }
  for (const element given : output) {
    uint64_t column = 0;
    std::string_view name;
    if (given["column"].get(column) != simdjson::SUCCESS || column >= fields.size() ||
        given["name"].get(name) != simdjson::SUCCESS) {
      return malformed("output columns {\"name\", \"column\"} with a column below " + std::to_string(fields.size()));
    }
    program->output_.push_back(static_cast<uint32_t>(column));
    program->outputFields_.push_back({std::string(name), fields[column].type});
  }
  out = std::move(program);
  return Status::success();
}

// ---------------------------------------------------------------- computed columns

namespace {

template <class From, class To>
void appendAs(Column& column, const Vector& vector, size_t count) {
  if constexpr (std::is_same_v<From, To>) return column.appendAll(vector.values, vector.valid, count);
  const auto* from = vector.as<From>();
  To to[kBlock];
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
  column.appendAll(to, vector.valid, count);
}

void appendBools(Column& column, const Vector& vector, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (vector.valid != nullptr && vector.valid[i] == 0) column.appendNull();
    else column.appendBool(vector.as<uint8_t>()[i] != 0);
  }
}

void appendTo(Column& column, const Vector& vector, size_t count) {
  using expression::Int128;
  switch (column.type().id) {
    case TypeId::Int8: return appendAs<int64_t, int8_t>(column, vector, count);
    case TypeId::UInt8: return appendAs<int64_t, uint8_t>(column, vector, count);
    case TypeId::Int16: return appendAs<int64_t, int16_t>(column, vector, count);
    case TypeId::UInt16: return appendAs<int64_t, uint16_t>(column, vector, count);
    case TypeId::Int32:
    case TypeId::Date32: return appendAs<int64_t, int32_t>(column, vector, count);
    case TypeId::UInt32: return appendAs<int64_t, uint32_t>(column, vector, count);
    case TypeId::Int64:
    case TypeId::Timestamp: return appendAs<int64_t, int64_t>(column, vector, count);
    case TypeId::UInt64: return appendAs<uint64_t, uint64_t>(column, vector, count);
    case TypeId::Float32: return appendAs<double, float>(column, vector, count);
    case TypeId::Float64: return appendAs<double, double>(column, vector, count);
    case TypeId::Decimal128: return appendAs<Int128, Int128>(column, vector, count);
    case TypeId::Bool: return appendBools(column, vector, count);
    case TypeId::Utf8:
    case TypeId::Binary:
      return column.appendAllBytes(vector.bytes, vector.starts, vector.ends, vector.valid, count);
    case TypeId::List:
    case TypeId::Struct: return;  // parse() has refused them
  }
}

}  // namespace

// ---------------------------------------------------------------- running

ProgramRun::ProgramRun(std::shared_ptr<const Program> program) : program_(std::move(program)), failed_(kBlock) {
  for (const Step& step : program_->steps_) evaluations_.push_back(std::make_unique<Evaluation>(step.expression));
}

Status ProgramRun::run(ColumnSet& columns, DecodeOutcome& outcome) {
  if (Status status = columns.check(); !status.ok()) return status;
  count_ = outcome.kept.size();
  all_ = true;
  computed_.clear();
  const size_t decoding = outcome.errors.size();
  for (size_t i = 0; i < program_->steps_.size() && count_ > 0; ++i) {
    const bool isFilter = program_->steps_[i].isFilter;
    if (Status status = isFilter ? filter(i, columns, outcome) : compute(i, columns, outcome); !status.ok()) {
      return status;
    }
    narrow(columns);
  }
  if (outcome.errors.size() > decoding) {
    std::stable_sort(outcome.errors.begin(), outcome.errors.end(),
                     [](const RowError& a, const RowError& b) { return a.row < b.row; });
  }
  if (!all_) {
    for (size_t i = 0; i < count_; ++i) outcome.kept[i] = outcome.kept[rows_[i]];
    outcome.kept.resize(count_);
  }
  return Status::success();
}

Block ProgramRun::block(const ColumnSet& columns, size_t first) const {
  return {&columns, &program_->dense_, all_ ? nullptr : rows_.data(), first, std::min(kBlock, count_ - first)};
}

// The failures of a block as errors, and as marks in failed_.
void ProgramRun::report(const Step& step, const Evaluation& evaluation, size_t first, DecodeOutcome& outcome) {
  std::fill(failed_.begin(), failed_.end(), 0);
  for (const auto& failure : evaluation.failures()) {
    failed_[failure.row] = 1;
    const size_t position = first + failure.row;
    const uint32_t row = all_ ? static_cast<uint32_t>(position) : rows_[position];
    outcome.errors.push_back({outcome.kept[row], "SCHEMA", step.expression.text + ": " + failure.message});
  }
}

Status ProgramRun::tooLong(const Step& step) {
  return Status::error("UNSUPPORTED", step.expression.text + ": gives more than 2 GiB of text in one batch. Make "
                                          "batches smaller (batch.maxBytes)");
}

Status ProgramRun::filter(size_t step, const ColumnSet& columns, DecodeOutcome& outcome) {
  Evaluation& evaluation = *evaluations_[step];
  positions_.resize(count_);
  size_t kept = 0;
  for (size_t first = 0; first < count_; first += kBlock) {
    const Block rows = block(columns, first);
    const Vector& result = evaluation.run(rows);
    if (evaluation.isTooLong()) return tooLong(program_->steps_[step]);
    const auto* holds = result.as<uint8_t>();
    const bool anyFailed = !evaluation.failures().empty();
    if (anyFailed) report(program_->steps_[step], evaluation, first, outcome);
    for (size_t i = 0; i < rows.count; ++i) {
      positions_[kept] = static_cast<uint32_t>(first + i);
      unsigned keep = holds[i];
      if (result.valid != nullptr) keep &= result.valid[i];
      // A row that failed may be true all the same: it is null, and isNull asks for that.
      if (anyFailed) keep &= failed_[i] ^ 1u;
      kept += keep;
    }
  }
  positions_.resize(kept);
  return Status::success();
}

Status ProgramRun::compute(size_t step, ColumnSet& columns, DecodeOutcome& outcome) {
  Evaluation& evaluation = *evaluations_[step];
  const uint32_t at = program_->steps_[step].column;
  Column& column = columns[at];
  positions_.resize(count_);
  size_t kept = 0;
  for (size_t first = 0; first < count_; first += kBlock) {
    const Block rows = block(columns, first);
    const Vector& result = evaluation.run(rows);
    if (evaluation.isTooLong()) return tooLong(program_->steps_[step]);
    appendTo(column, result, rows.count);
    // Before a later step reads it.
    if (Status status = columns.check(); !status.ok()) return status;
    const bool anyFailed = !evaluation.failures().empty();
    if (anyFailed) report(program_->steps_[step], evaluation, first, outcome);
    for (size_t i = 0; i < rows.count; ++i) {
      positions_[kept] = static_cast<uint32_t>(first + i);
      kept += anyFailed ? failed_[i] ^ 1u : 1;
    }
  }
  positions_.resize(kept);
  computed_.push_back(at);
  return Status::success();
}

void ProgramRun::narrow(ColumnSet& columns) {
  if (positions_.size() == count_) return;
  for (const uint32_t column : computed_) columns[column].keep(positions_);
  if (all_) rows_.swap(positions_);
  else {
    for (size_t i = 0; i < positions_.size(); ++i) rows_[i] = rows_[positions_[i]];
    rows_.resize(positions_.size());
  }
  all_ = false;
  count_ = rows_.size();
}

Status ProgramRun::finish(ColumnSet& columns, Slab& out) {
  output_.clear();
  for (const uint32_t column : program_->output_) {
    output_.push_back({column, all_ || program_->dense_[column] ? nullptr : rows_.data()});
  }
  return columns.finish(output_, static_cast<int64_t>(count_), out);
}

}  // namespace sabot
