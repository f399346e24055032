// Messages as librdkafka's consumer gave them, in a source and on their way from a source to a sink.
#pragma once

#include <rdkafka.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

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
  // Gives the others back. `indices` ascend.
  void keepOnly(std::span<const uint32_t> indices) {
    size_t kept = 0;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (kept < indices.size() && indices[kept] == i) list_[kept++] = list_[i];
      else rd_kafka_message_destroy(list_[i]);
    }
    list_.resize(kept);
  }
  void clear() {
    for (rd_kafka_message_t* message : list_) rd_kafka_message_destroy(message);
    list_.clear();
  }

 private:
  std::vector<rd_kafka_message_t*> list_;
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
  rd_kafka_message_t* operator[](size_t row) const { return messages_[row]; }
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
