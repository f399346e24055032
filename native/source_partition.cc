#include "source_partition.h"

#include <algorithm>
#include <utility>

namespace sabot {

namespace {

// Messages a call: few enough to stop soon where messages are large, enough that the call costs next to nothing.
constexpr size_t callMessages = 256;
// What librdkafka keeps of a message beside its key and value.
constexpr int64_t messageOverhead = 256;

}  // namespace

PartitionReader::PartitionReader(rd_kafka_t* client, std::shared_ptr<Lane> lane, int64_t start, int64_t target,
                                 Wakeup& wakeup)
    : lane_(std::move(lane)), wakeup_(wakeup), start_(start), target_(target), position_(start) {
  done_ = target != unknown && (start >= target || target == 0);
  queue_ = rd_kafka_queue_get_partition(client, lane_->topic.c_str(), lane_->partition);
  if (queue_ == nullptr) return;
  rd_kafka_queue_forward(queue_, nullptr);
  rd_kafka_queue_cb_event_enable(queue_, &PartitionReader::onSignal, this);
}

PartitionReader::~PartitionReader() {
  if (queue_ == nullptr) return;
  // Takes the queue's lock, under which onSignal is called: after this it is never called again.
  rd_kafka_queue_cb_event_enable(queue_, nullptr, nullptr);
  rd_kafka_queue_destroy(queue_);
}

void PartitionReader::onSignal(rd_kafka_t*, void* opaque) {
  auto* self = static_cast<PartitionReader*>(opaque);
  self->signalled_.store(true);
  self->wakeup_.notify();
}

// ---------------------------------------------------------------- taking messages

void PartitionReader::drain(Clock::time_point now, const Limits& limits, size_t atMost, ByteBudget& budget,
                            std::vector<rd_kafka_message_t*>& scratch,
                            const std::function<void(const rd_kafka_message_t&)>& onError) {
  scratch.resize(callMessages);
  signalled_.store(false);
  more_ = true;
  const size_t fullBefore = full_.size();
  while (more_ && !done_ && atMost > 0 && full_.size() == fullBefore) {
    const size_t room = std::min({callMessages, atMost, limits.maxRows - gathering_.messages.size()});
    const ssize_t count = rd_kafka_consume_batch_queue(queue_, 0, scratch.data(), room);
    if (count <= 0) {
      more_ = false;
      return;
    }
    more_ = static_cast<size_t>(count) == room;
    atMost -= static_cast<size_t>(count);
    if (!isGathering()) since_ = now;
    int64_t held = 0;
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = scratch[static_cast<size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (target_ != unknown && message->offset >= target_) done_ = true;
        if (!done_) {
          const int64_t bytes = static_cast<int64_t>(message->len + message->key_len);
          held += bytes + messageOverhead;
          add(message, limits, now);
          continue;
        }
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (!done_) moveTo(message->offset);
      } else {
        onError(*message);
      }
      rd_kafka_message_destroy(message);
    }
    budget.add(held);
  }
  if (done_) moveTo(target_);
}

void PartitionReader::add(rd_kafka_message_t* message, const Limits& limits, Clock::time_point now) {
  const int64_t bytes = static_cast<int64_t>(message->len + message->key_len);
  if (isGathering() && gathering_.bytes + bytes > limits.maxBytes) {
    closeRun();
    since_ = now;
  }
  // Grown once: half a page of pointers costs less than growing step by step.
  if (!isGathering()) gathering_.messages.reserve(std::min<size_t>(limits.maxRows, 2 * callMessages));
  gathering_.messages.add(message);
  gathering_.bytes += bytes;
  gathering_.held += bytes + messageOverhead;
  position_ = message->offset + 1;
  gathering_.nextOffset = position_;
  atEnd_ = false;
  if (target_ != unknown && position_ >= target_) done_ = true;
  if (gathering_.messages.size() >= limits.maxRows || gathering_.bytes >= limits.maxBytes) closeRun();
}

void PartitionReader::moveTo(int64_t offset) {
  atEnd_ = true;
  if (target_ != unknown && offset >= target_) {
    done_ = true;
    offset = target_;
  }
  if (offset == position_) return;
  position_ = offset;
  if (!isGathering() && !full_.empty()) {
    full_.back().nextOffset = offset;
    return;
  }
  gathering_.nextOffset = offset;
  moved_ = true;
}

void PartitionReader::closeRun() {
  full_.push_back(takeGathering());
}

// ---------------------------------------------------------------- handing over

Run PartitionReader::takeFullRun() {
  Run run = std::move(full_.front());
  full_.pop_front();
  return run;
}

Run PartitionReader::takeGathering() {
  Run run = std::move(gathering_);
  gathering_ = Run{};
  moved_ = false;
  return run;
}

void PartitionReader::stop(ByteBudget& budget) {
  stopped_ = true;
  int64_t held = gathering_.held;
  for (const Run& run : full_) held += run.held;
  full_.clear();
  gathering_ = Run{};
  moved_ = false;
  if (held > 0) budget.release(held);
}

size_t PartitionReader::count() const {
  size_t count = gathering_.messages.size();
  for (const Run& run : full_) count += run.messages.size();
  return count;
}

void PartitionReader::sample(std::vector<Bytes>& values, size_t limit) const {
  const auto take = [&](const Run& run) {
    for (size_t i = 0; i < run.messages.size() && values.size() < limit; ++i) {
      const rd_kafka_message_t& message = *run.messages[i];
      values.push_back({static_cast<const char*>(message.payload), message.len});
    }
  };
  for (const Run& run : full_) take(run);
  take(gathering_);
}

}  // namespace sabot
