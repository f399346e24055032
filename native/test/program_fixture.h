// Documents through a native program.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode_fixture.h"
#include "program.h"

namespace sabot::test {

using Rows = std::vector<std::string>;

inline std::shared_ptr<const Program> parsed(const std::string& json, const std::vector<ColumnSpec>& columns) {
  std::shared_ptr<const Program> program;
  const Status status = Program::parse(json, columns, {}, program);
  EXPECT_TRUE(status.ok()) << status.message;
  return program;
}

inline std::string refused(const std::string& json, const std::vector<ColumnSpec>& columns) {
  std::shared_ptr<const Program> program;
  const Status status = Program::parse(json, columns, {}, program);
  EXPECT_EQ(status.code, "CONFIG");
  return status.message;
}

inline std::string filterOf(const std::string& expr) {
  return R"({"steps":[{"kind":"filter","expr":)" + expr + R"(,"text":"x"}],"output":[{"name":"a","column":0}]})";
}

// Documents through a program over and over, as a worker does it.
class Runner {
 public:
  Runner(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Program> program)
      : all_(columns), program_(program), run_(std::move(program)), set_(specs()) {
    EXPECT_TRUE(makeDecoder("json", columns, nullptr, {}, decoder_).ok());
  }

  // The rows that are left as JSON, of these columns of the output.
  Rows operator()(const std::vector<std::string>& documents, const std::vector<ColumnSpec>& output) {
    std::vector<Bytes> values;
    for (const std::string& document : documents) values.push_back({document.data(), document.size()});
    outcome.clear();
    decoder_->decode(values, set_, outcome);
    EXPECT_TRUE(outcome.errors.empty());
    const Status status = run_.run(set_, outcome);
    EXPECT_TRUE(status.ok()) << status.message;
    if (outcome.kept.empty()) {
      set_.clear();
      return {};
    }
    Slab slab;
    EXPECT_TRUE(run_.finish(set_, slab).ok());
    EXPECT_EQ(slab.rows, static_cast<int64_t>(outcome.kept.size()));
    return rowsOf(output, slab);
  }

  DecodeOutcome outcome;

 private:
  std::vector<ColumnSpec> specs() {
    std::vector<ColumnSpec> all = all_;
    all.insert(all.end(), program_->computed().begin(), program_->computed().end());
    return all;
  }

  std::vector<ColumnSpec> all_;
  std::shared_ptr<const Program> program_;
  ProgramRun run_;
  ColumnSet set_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace sabot::test
