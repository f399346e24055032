// Messages as librdkafka's consumer gave them, in a source and on their way from a source to a sink.
#pragma once

#include <rdkafka.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "record_batch.h"
#include "sabot.h"

namespace sabot {

// Messages of one partition in order: those that librdkafka made one by one, or records as a fetch response has them;
// never both. Owns them: librdkafka's memory goes back when this is destroyed or cleared, on whichever thread does so.
class Messages {
 public:
  Messages() = default;
  Messages(Messages&& other) noexcept { swap(other); }
  Messages& operator=(Messages&& other) noexcept {
    if (this != &other) {
      clear();
      swap(other);
    }
    return *this;
  }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  ~Messages() { clear(); }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  bool areRecords() const { return !spans_.empty(); }
  // The two kinds are not mixed.
  void add(rd_kafka_message_t* message) {
    list_.push_back(message);
    ++size_;
  }
  void add(RecordSpan span) {
    size_ += span.count;
    spans_.push_back(std::move(span));
  }
  void reserve(size_t count) { list_.reserve(count); }

  // Adds the values, and their and the keys' sizes to `bytes`. KAFKA: a record batch cannot be read.
  Status values(std::vector<Bytes>& values, int64_t& bytes) const;
  // Before operator[]; again costs nothing. KAFKA: a record batch cannot be read.
  Status open();
  const Message& operator[](size_t i) const { return opened_[i]; }
  // Not of none.
  std::string_view topic() const { return rd_kafka_topic_name(first().rkt); }
  int32_t partition() const { return first().partition; }

  // Gives the others back, where they are not part of something larger. `indices` ascend. Opened.
  void keepOnly(std::span<const uint32_t> indices);
  void clear();

 private:
  const rd_kafka_message_t& first() const { return list_.empty() ? *spans_.front().set : *list_.front(); }
  void swap(Messages& other) {
    list_.swap(other.list_);
    spans_.swap(other.spans_);
    opened_.swap(other.opened_);
    std::swap(size_, other.size_);
  }

  std::vector<rd_kafka_message_t*> list_;
  std::vector<RecordSpan> spans_;
  size_t size_ = 0;
  std::vector<Message> opened_;
};

// What of a message goes along with its value.
struct PassedParts {
  bool key = false;
  bool headers = false;
  bool timestamp = false;
  bool partition = false;
};

// The rows of a fused write that are messages as they lie. The sink's producer thread reads them with hold() taken, and
// they go back to librdkafka when this does. A consumer cannot be destroyed while somebody has a message of it, so a
// source that closes takes them back first.
class PassedMessages {
 public:
  PassedMessages(Messages messages, PassedParts what)
      : parts(what), rows_(messages.size()), messages_(std::move(messages)) {}

  const PassedParts parts;
  size_t rows() const { return rows_; }

  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
  // With hold() taken, and while not isWanted() before it.
  const Message& operator[](size_t row) const { return messages_[row]; }
  int32_t partition() const { return messages_.partition(); }
  // Whoever has the hold lets go soon.
  bool isWanted() const { return wanted_.load(std::memory_order_relaxed); }

  // The source's: waits for the producer thread, which sends no more of them.
  void reclaim() {
    wanted_ = true;
    const std::lock_guard lock(mutex_);
    messages_.clear();
  }

 private:
  const size_t rows_;
  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  Messages messages_;
};

}  // namespace sabot
