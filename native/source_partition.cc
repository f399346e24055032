#include "source_partition.h"

#include <algorithm>
#include <utility>

#include "record_sets.h"

namespace sabot {

namespace {

// Messages a call: few enough to stop soon where messages are large, enough that the call costs next to nothing.
constexpr size_t callMessages = 256;
// What librdkafka keeps of a message beside its key and value.
constexpr int64_t messageOverhead = 256;

std::shared_ptr<const rd_kafka_message_t> owned(rd_kafka_message_t* message) {
  return {message, rd_kafka_message_destroy};
}

std::string_view valueOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

}  // namespace

PartitionReader::PartitionReader(rd_kafka_t* client, std::shared_ptr<Lane> lane, int64_t start, int64_t target,
                                 bool recordSets, Wakeup& wakeup)
    : lane_(std::move(lane)), wakeup_(wakeup), start_(start), target_(target), position_(start) {
  done_ = target != unknown && (start >= target || target == 0);
  queue_ = rd_kafka_queue_get_partition(client, lane_->topic.c_str(), lane_->partition);
  if (queue_ == nullptr) return;
  rd_kafka_queue_forward(queue_, nullptr);
  if (recordSets) sabot_take_record_sets(queue_, 1);
  rd_kafka_queue_cb_event_enable(queue_, &PartitionReader::onSignal, this);
}

PartitionReader::~PartitionReader() {
  dropTaken();
  if (queue_ == nullptr) return;
  // Takes the queue's lock, under which onSignal is called: after this it is never called again.
  rd_kafka_queue_cb_event_enable(queue_, nullptr, nullptr);
  sabot_take_record_sets(queue_, 0);
  rd_kafka_queue_destroy(queue_);
}

void PartitionReader::onSignal(rd_kafka_t*, void* opaque) {
  auto* self = static_cast<PartitionReader*>(opaque);
  self->signalled_.store(true);
  self->wakeup_.notify();
}

// ---------------------------------------------------------------- taking messages

Status PartitionReader::drain(Clock::time_point now, const Limits& limits, size_t atMost, ByteBudget& budget,
                              const std::function<void(const rd_kafka_message_t&)>& onError) {
  signalled_.store(false);
  more_ = true;
  uncounted_ = 0;
  Status status = Status::success();
  const size_t fullBefore = full_.size();
  while (!done_ && atMost > 0 && full_.size() == fullBefore && status.ok()) {
    if (set_) {
      atMost -= addRecords(limits, atMost, now, status);
      continue;
    }
    if (taken_.empty()) {
      const size_t room = std::min({callMessages, atMost, limits.maxRows - gathering_.messages.size()});
      if (!more_ || !take(bringsSets_ ? 1 : room)) break;
    }
    rd_kafka_message_t* message = taken_.front();
    taken_.pop_front();
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      bringsSets_ = sabot_is_record_set(message) != 0;
      if (bringsSets_) {
        set_.emplace(owned(message), valueOf(*message), rd_kafka_message_timestamp(message, nullptr));
      } else {
        add(message, limits, now);
        --atMost;
      }
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      moveTo(message->offset);
      atEnd_ = true;
    } else {
      onError(*message);
    }
    rd_kafka_message_destroy(message);
  }
  budget.add(uncounted_);
  if (done_) {
    moveTo(target_);
    dropTaken();
  }
  return status;
}

bool PartitionReader::take(size_t room) {
  rd_kafka_message_t* messages[callMessages];
  const ssize_t count = rd_kafka_consume_batch_queue(queue_, 0, messages, room);
  more_ = count > 0 && static_cast<size_t>(count) == room;
  if (count > 0) taken_.insert(taken_.end(), messages, messages + count);
  return count > 0;
}

void PartitionReader::dropTaken() {
  set_.reset();
  for (rd_kafka_message_t* message : taken_) rd_kafka_message_destroy(message);
  taken_.clear();
}

void PartitionReader::add(rd_kafka_message_t* message, const Limits& limits, Clock::time_point now) {
  if (target_ != unknown && message->offset >= target_) {
    rd_kafka_message_destroy(message);
    done_ = true;
    return;
  }
  const auto bytes = static_cast<int64_t>(message->len + message->key_len);
  if (isGathering() && (gathering_.bytes + bytes > limits.maxBytes || gathering_.messages.areRecords())) closeRun();
  if (!isGathering()) {
    since_ = now;
    // Grown once: half a page of pointers costs less than growing step by step.
    gathering_.messages.reserve(std::min<size_t>(limits.maxRows, 2 * callMessages));
  }
  gathering_.messages.add(message);
  position_ = message->offset + 1;
  grown(bytes, bytes + messageOverhead, limits);
}

size_t PartitionReader::addRecords(const Limits& limits, size_t atMost, Clock::time_point now, Status& status) {
  if (isGathering() && !gathering_.messages.areRecords()) closeRun();
  RecordSet::Limits room;
  room.rows = std::min(atMost, limits.maxRows - gathering_.messages.size());
  room.bytes = limits.maxBytes - gathering_.bytes;
  room.atLeastOne = !isGathering();
  if (target_ != unknown) room.before = target_;
  RecordSpan span;
  int64_t bytes = 0;
  switch (set_->take(room, span, bytes)) {
    case RecordSet::Taken::Records: {
      const size_t rows = span.count;
      if (!isGathering()) since_ = now;
      gathering_.messages.add(std::move(span));
      position_ = set_->position();
      grown(bytes, bytes, limits);
      return rows;
    }
    case RecordSet::Taken::Full: closeRun(); return 0;
    case RecordSet::Taken::AtLimit: done_ = true; return 0;
    case RecordSet::Taken::AtEnd:
      moveTo(set_->position());
      set_.reset();
      return 0;
    case RecordSet::Taken::Unreadable:
      broken_ = true;
      status = unreadable(lane_->topic, lane_->partition, span);
      dropTaken();
      return 0;
  }
  return 0;
}

void PartitionReader::grown(int64_t bytes, int64_t held, const Limits& limits) {
  gathering_.bytes += bytes;
  gathering_.held += held;
  uncounted_ += held;
  gathering_.nextOffset = position_;
  atEnd_ = false;
  if (target_ != unknown && position_ >= target_) done_ = true;
  if (gathering_.messages.size() >= limits.maxRows || gathering_.bytes >= limits.maxBytes) closeRun();
}

void PartitionReader::moveTo(int64_t offset) {
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
  dropTaken();
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
    int64_t bytes = 0;
    if (values.size() >= limit) return;
    // What cannot be read is told when it is decoded.
    static_cast<void>(run.messages.values(values, bytes));
    if (values.size() > limit) values.resize(limit);
  };
  for (const Run& run : full_) take(run);
  take(gathering_);
}

}  // namespace sabot
