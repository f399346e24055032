#include "record_batch.h"

#include <algorithm>
#include <utility>

namespace sabot {

Message::Message(const rd_kafka_message_t& message)
    : value{static_cast<const char*>(message.payload), message.len},
      key{static_cast<const char*>(message.key), message.key_len}, offset(message.offset), headers(message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t time = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) timestamp = time;
}

namespace {

// https://kafka.apache.org/documentation/#recordbatch
constexpr size_t lengthAt = 8;
constexpr size_t attributesAt = 21;
constexpr size_t lastOffsetDeltaAt = 23;
constexpr size_t baseTimestampAt = 27;
constexpr size_t maxTimestampAt = 35;
constexpr size_t recordCountAt = 57;
constexpr size_t headerSize = 61;
// Length, attributes, two deltas, a key, a value and headers that are none, a byte each.
constexpr size_t leastRecord = 7;
constexpr int16_t appendTimeBit = 1 << 3;
constexpr int16_t controlBit = 1 << 5;

}  // namespace

RecordSet::Taken RecordSet::openBatch() {
  while (at_ < end_) {
    const char* header = at_;
    const auto size = static_cast<size_t>(end_ - at_);
    if (size < headerSize) return Taken::Unreadable;
    batch_.baseOffset = bigEndian<int64_t>(header);
    const auto length = bigEndian<int32_t>(header + lengthAt);
    const auto lastDelta = bigEndian<int32_t>(header + lastOffsetDeltaAt);
    const auto count = bigEndian<int32_t>(header + recordCountAt);
    if (length < static_cast<int32_t>(headerSize - lengthAt - 4) || length + lengthAt + 4 > size || lastDelta < 0 ||
        batch_.baseOffset < 0 || batch_.baseOffset > std::numeric_limits<int64_t>::max() - INT32_MAX - 1) {
      return Taken::Unreadable;
    }
    batch_.at = header + headerSize;
    batch_.end = at_ = header + lengthAt + 4 + length;
    lastOffset_ = batch_.baseOffset + lastDelta;
    const auto attributes = bigEndian<int16_t>(header + attributesAt);
    if ((attributes & controlBit) != 0 || count <= 0 || lastOffset_ < position_) {
      position_ = std::max(position_, lastOffset_ + 1);
      continue;
    }
    if (static_cast<size_t>(count) > static_cast<size_t>(batch_.end - batch_.at) / leastRecord) return Taken::Unreadable;
    batch_.isAppendTime = (attributes & appendTimeBit) != 0;
    batch_.timestamp = bigEndian<int64_t>(header + (batch_.isAppendTime ? maxTimestampAt : baseTimestampAt));
    left_ = static_cast<uint32_t>(count);
    isWhole_ = true;
    return Taken::Records;
  }
  return Taken::AtEnd;
}

RecordSet::Taken RecordSet::take(const Limits& limits, RecordSpan& out, int64_t& bytes) {
  for (;;) {
    const Taken opened = left_ > 0 ? Taken::Records : openBatch();
    out = batch_;
    if (opened != Taken::Records) return opened;
    bytes = batch_.end - batch_.at;
    if (isWhole_ && batch_.baseOffset >= position_ && lastOffset_ < limits.before && left_ <= limits.rows &&
        bytes <= limits.bytes) {
      out.count = std::exchange(left_, 0);
      position_ = lastOffset_ + 1;
      return Taken::Records;
    }
    isWhole_ = false;
    bytes = 0;
    Message message;
    ByteReader reader(batch_.at, batch_.end);
    Taken end = Taken::AtEnd;
    while (left_ > 0 && out.count < limits.rows) {
      if (!batch_.next(reader, message)) return Taken::Unreadable;
      const auto size = static_cast<int64_t>(reader.at() - batch_.at);
      const bool isWanted = message.offset >= position_;
      if (message.offset >= limits.before) end = Taken::AtLimit;
      else if (isWanted && bytes + size > limits.bytes && (out.count > 0 || !limits.atLeastOne)) end = Taken::Full;
      if (end != Taken::AtEnd) break;
      if (isWanted) {
        if (out.count++ == 0) out.at = batch_.at;
        bytes += size;
        position_ = message.offset + 1;
      }
      batch_.at = reader.at();
      --left_;
    }
    if (left_ == 0) position_ = std::max(position_, lastOffset_ + 1);
    if (out.count > 0) return Taken::Records;
    if (end != Taken::AtEnd) return end;
  }
}

Status unreadable(std::string_view topic, int32_t partition, const RecordSpan& span) {
  return Status::error("KAFKA", "partition " + std::string(topic) + "/" + std::to_string(partition) +
                                    ": expected a record batch at offset " + std::to_string(span.baseOffset) +
                                    "; got one that cannot be read");
}

}  // namespace sabot
