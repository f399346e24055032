// From a run of messages to a Batch event. No N-API; of librdkafka only what reads a message.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"
#include "predicate.h"
#include "source.h"

namespace sabot {

// Messages of one partition in order. Owns them: librdkafka's memory goes back when this is destroyed or cleared, on
// whichever thread does so.
class Messages {
 public:
  Messages() = default;
  Messages(Messages&& other) noexcept : list_(std::move(other.list_)) { other.list_.clear(); }
  Messages& operator=(Messages&& other) noexcept {
    if (this != &other) {
      clear();
      list_.swap(other.list_);
    }
    return *this;
  }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  ~Messages() { clear(); }

  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  rd_kafka_message_t* operator[](size_t i) const { return list_[i]; }
  void reserve(size_t count) { list_.reserve(count); }
  void add(rd_kafka_message_t* message) { list_.push_back(message); }
  void clear() {
    for (rd_kafka_message_t* message : list_) rd_kafka_message_destroy(message);
    list_.clear();
  }

 private:
  std::vector<rd_kafka_message_t*> list_;
};

// A DecodeSpec that was checked; immutable, shared by the workers.
struct DecodePlan {
  DecodeSpec spec;
  std::shared_ptr<const Predicate> predicate;
  std::vector<ColumnSpec> columns;  // spec.columns, then the message columns

  // CONFIG: the spec cannot be used.
  static Status make(DecodeSpec spec, std::shared_ptr<const DecodePlan>& out);
  Status makeDecoder(std::unique_ptr<Decoder>& out) const;
};

// Belongs to one worker thread.
class RowBuilder {
 public:
  static Status make(std::shared_ptr<const DecodePlan> plan, std::unique_ptr<RowBuilder>& out);

  // Fills slab and errors of `out`. Not ok: MEMORY or SCHEMA of ColumnSet::finish.
  Status build(const Messages& messages, SourceEvent& out);

 private:
  explicit RowBuilder(std::shared_ptr<const DecodePlan> plan) : plan_(std::move(plan)), columns_(plan_->columns) {}

  void collect(const Messages& messages, std::vector<MessageError>& errors);
  void append(MessageColumn kind, Column& column, const Messages& messages) const;
  // The message of a row that is kept.
  const rd_kafka_message_t& message(const Messages& messages, uint32_t input) const {
    return *messages[inputs_.empty() ? input : inputs_[input]];
  }

  const std::shared_ptr<const DecodePlan> plan_;
  std::unique_ptr<Decoder> decoder_;
  ColumnSet columns_;
  std::vector<Bytes> values_;
  std::vector<uint32_t> inputs_;  // messages that values_ stand for; empty: all, one for one
  DecodeOutcome outcome_;
};

}  // namespace sabot
