// From a run of messages to a Batch event. No N-API, no librdkafka calls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "columns.h"
#include "json_value.h"
#include "messages.h"
#include "predicate.h"
#include "program.h"
#include "source.h"

namespace sabot {

// A DecodeSpec that was checked; immutable, shared by the workers.
struct DecodePlan {
  DecodeSpec spec;
  std::shared_ptr<const Predicate> predicate;
  std::shared_ptr<const Program> program;  // nullptr: none
  std::vector<ColumnSpec> columns;  // spec.columns, then the message columns, then those that the program computes
  std::optional<size_t> jsonKey;    // which of them is the key, where it is JSON

  // CONFIG: the spec cannot be used.
  static Status make(DecodeSpec spec, std::shared_ptr<const DecodePlan>& out);
  // The columns of the slabs.
  std::vector<Field> slabFields() const;
  Status makeDecoder(std::unique_ptr<Decoder>& out) const;
};

struct EnvelopeChecks;

// Belongs to one worker thread.
class RowBuilder {
 public:
  static Status make(std::shared_ptr<const DecodePlan> plan, std::unique_ptr<RowBuilder>& out);

  // Fills slab, errors and bytes of `out`. Not ok: MEMORY or SCHEMA of ColumnSet::finish, KAFKA of Messages.
  Status build(Messages& messages, SourceEvent& out);
  // Fills errors and bytes of `out`, and leaves only the messages whose rows are kept, opened: no slab is built.
  Status select(Messages& messages, SourceEvent& out);

 private:
  explicit RowBuilder(std::shared_ptr<const DecodePlan> plan);

  Status collect(Messages& messages, SourceEvent& out);
  void check(const Messages& messages, const EnvelopeChecks& checks, std::vector<MessageError>& errors);
  // The values to rows of columns_ and outcome_, of these what the program leaves, and the errors of those that are none.
  Status decode(Messages& messages, SourceEvent& out);
  // The same where keys are JSON: one message at a time, so that its key stands beside its value or neither is there.
  void decodeWithKeys(const Messages& messages);
  void append(MessageColumn kind, Column& column, const Messages& messages) const;
  // Message columns that the program reads (those that it does not read), of the rows of outcome_.
  void appendAll(bool read, const Messages& messages);
  // The message of a row that is kept.
  const Message& message(const Messages& messages, uint32_t input) const {
    return messages[inputs_.empty() ? input : inputs_[input]];
  }

  const std::shared_ptr<const DecodePlan> plan_;
  std::unique_ptr<Decoder> decoder_;
  std::optional<JsonValue> key_;  // where the plan wants keys that are JSON
  size_t keyColumn_ = 0;
  ColumnSet columns_;
  std::optional<ProgramRun> program_;
  std::vector<Bytes> values_;
  std::vector<uint32_t> inputs_;  // messages that values_ stand for; empty: all, one for one
  DecodeOutcome outcome_;
  DecodeOutcome one_;  // of a message
};

}  // namespace sabot
