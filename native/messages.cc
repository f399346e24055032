#include "messages.h"

namespace sabot {

Status Messages::values(std::vector<Bytes>& values, int64_t& bytes) const {
  const auto add = [&](const Bytes& value, const Bytes& key) {
    values.push_back(value);
    bytes += static_cast<int64_t>(value.size + key.size);
  };
  values.reserve(values.size() + size_);
  if (!opened_.empty()) {
    for (const Message& message : opened_) add(message.value, message.key);
    return Status::success();
  }
  for (const rd_kafka_message_t* message : list_) {
    add({static_cast<const char*>(message->payload), message->len}, {nullptr, message->key_len});
  }
  for (const RecordSpan& span : spans_) {
    const bool readable = span.forEach([&](const Message& message) { add(message.value, message.key); });
    if (!readable) return unreadable(topic(), partition(), span);
  }
  return Status::success();
}

Status Messages::open() {
  if (!opened_.empty()) return Status::success();
  opened_.reserve(size_);
  for (const rd_kafka_message_t* message : list_) opened_.emplace_back(*message);
  for (const RecordSpan& span : spans_) {
    const bool readable = span.forEach([&](const Message& message) { opened_.push_back(message); });
    if (!readable) return unreadable(topic(), partition(), span);
  }
  return Status::success();
}

void Messages::keepOnly(std::span<const uint32_t> indices) {
  size_t kept = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (kept < indices.size() && indices[kept] == i) {
      if (!list_.empty()) list_[kept] = list_[i];
      opened_[kept++] = opened_[i];
    } else if (!list_.empty()) {
      rd_kafka_message_destroy(list_[i]);
    }
  }
  if (!list_.empty()) list_.resize(kept);
  opened_.resize(kept);
  size_ = kept;
  if (kept == 0) clear();
}

void Messages::clear() {
  for (rd_kafka_message_t* message : list_) rd_kafka_message_destroy(message);
  list_.clear();
  spans_.clear();
  opened_.clear();
  size_ = 0;
}

}  // namespace sabot
