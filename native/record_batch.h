// Records where a fetch response has them, and what of a message the source and the sink want.
#pragma once

#include <rdkafka.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "sabot.h"

namespace sabot {

// A whole number as Kafka writes it, at any address.
template <class Int>
Int bigEndian(const char* at) {
  std::make_unsigned_t<Int> bits = 0;
  for (size_t i = 0; i < sizeof(Int); ++i) bits = static_cast<decltype(bits)>(bits << 8 | static_cast<uint8_t>(at[i]));
  return static_cast<Int>(bits);
}

// Bytes that are read one after the other, never beyond their end.
class ByteReader {
 public:
  ByteReader(const char* at, const char* end) : at_(at), end_(end) {}
  const char* at() const { return at_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  // A varint in zig-zag form, at most 10 bytes (https://kafka.apache.org/protocol#protocol_types). False: there is none.
  bool varint(int64_t& out) {
    uint64_t bits = 0;
    for (int shift = 0; shift < 70 && at_ < end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        out = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
        return true;
      }
    }
    return false;
  }
  // A length of -1 is null.
  bool bytes(Bytes& out) {
    int64_t size = 0;
    if (!varint(size) || size < -1 || size > static_cast<int64_t>(left())) return false;
    if (size == -1) {
      out = {};
      return true;
    }
    out = {at_, static_cast<size_t>(size)};
    at_ += size;
    return true;
  }
  bool skip(size_t count) {
    if (count > left()) return false;
    at_ += count;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

// The headers of a message where they lie; read when they are asked for.
class Headers {
 public:
  Headers() = default;
  explicit Headers(const rd_kafka_message_t& message) : message_(&message) {}
  explicit Headers(std::string_view record) : record_(record) {}

  // Calls `each(name, value)` for every header in order; a value may be null. False: they cannot be read.
  template <class Each>
  bool forEach(Each&& each) const {
    if (message_ != nullptr) return ofMessage(each);
    if (record_.empty()) return true;
    ByteReader reader(record_.data(), record_.data() + record_.size());
    int64_t count = 0;
    if (!reader.varint(count) || count < 0) return false;
    for (; count > 0; --count) {
      Bytes name;
      Bytes value;
      if (!reader.bytes(name) || name.isNull() || !reader.bytes(value)) return false;
      each(name.view(), value);
    }
    return true;
  }

 private:
  template <class Each>
  bool ofMessage(Each&& each) const {
    rd_kafka_headers_t* headers = nullptr;
    const auto error = rd_kafka_message_headers(message_, &headers);
    if (error == RD_KAFKA_RESP_ERR__NOENT) return true;  // there are none
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      each(std::string_view(name), Bytes{static_cast<const char*>(value), size});
    }
    return true;
  }

  const rd_kafka_message_t* message_ = nullptr;  // made by librdkafka
  std::string_view record_;                      // or those of a record, behind its value
};

struct Message {
  Bytes value;
  Bytes key;
  int64_t offset = 0;
  int64_t timestamp = -1;  // ms; negative: it has none
  Headers headers;

  Message() = default;
  explicit Message(const rd_kafka_message_t& message);
};

// Consecutive records of one record batch. Shares the set that they lie in.
struct RecordSpan {
  std::shared_ptr<const rd_kafka_message_t> set;
  const char* at = nullptr;   // the first record
  const char* end = nullptr;  // of the batch
  uint32_t count = 0;
  int64_t baseOffset = 0;
  int64_t timestamp = 0;  // of the batch: what the records' own count from, or that of all of them
  bool isAppendTime = false;

  // Calls `each(message)` for every record. False: they cannot be read.
  template <class Each>
  bool forEach(Each&& each) const {
    ByteReader reader(at, end);
    Message message;
    for (uint32_t i = 0; i < count; ++i) {
      if (!next(reader, message)) return false;
      each(message);
    }
    return true;
  }
  static constexpr int64_t ahead = 2048;  // bytes
  // The record there, https://kafka.apache.org/documentation/#record; moves behind it.
  bool next(ByteReader& reader, Message& out) const {
    int64_t size = 0;
    if (!reader.varint(size) || size < 0 || size > static_cast<int64_t>(reader.left())) return false;
    // The records behind this one lie in another core's cache: they are here by the time that they are decoded.
    for (int64_t line = 0; line < size; line += 64) __builtin_prefetch(reader.at() + line + ahead);
    const char* recordEnd = reader.at() + size;
    ByteReader record(reader.at(), recordEnd);
    int64_t timestampDelta = 0;
    int64_t offsetDelta = 0;
    if (!record.skip(1) || !record.varint(timestampDelta) || !record.varint(offsetDelta) || !record.bytes(out.key) ||
        !record.bytes(out.value) || offsetDelta < 0 || offsetDelta > INT32_MAX) {
      return false;
    }
    out.offset = baseOffset + offsetDelta;
    out.timestamp = timestamp;
    if (!isAppendTime && __builtin_add_overflow(timestamp, timestampDelta, &out.timestamp)) return false;
    out.headers = Headers(std::string_view(record.at(), record.left()));
    return reader.skip(static_cast<size_t>(size));
  }
};

Status unreadable(std::string_view topic, int32_t partition, const RecordSpan& span);

// What a fetch response has of one partition (record_sets.h), taken in pieces.
class RecordSet {
 public:
  // batches: lie in `set`. from: records before this offset are none of it.
  RecordSet(std::shared_ptr<const rd_kafka_message_t> set, std::string_view batches, int64_t from)
      : at_(batches.data()), end_(at_ + batches.size()), position_(from) {
    batch_.set = std::move(set);
  }

  struct Limits {
    size_t rows = 0;
    int64_t bytes = 0;
    bool atLeastOne = true;  // record, whatever its size
    int64_t before = std::numeric_limits<int64_t>::max();  // this offset
  };
  // AtLimit: the next record is not before `before`. AtEnd: none is left. Full: the next one has more bytes than allowed.
  enum class Taken { Records, Full, AtLimit, AtEnd, Unreadable };
  // The next records, of one batch. `bytes`: theirs, with what stands around keys and values.
  Taken take(const Limits& limits, RecordSpan& out, int64_t& bytes);
  // Where reading goes on.
  int64_t position() const { return position_; }

 private:
  // The next batch that has records for us: Records, AtEnd or Unreadable.
  Taken openBatch();

  const char* at_;  // the next batch
  const char* end_;
  int64_t position_;
  RecordSpan batch_;  // what is not taken yet of the batch that is open; its count stays 0
  uint32_t left_ = 0;
  bool isWhole_ = false;  // nothing of it is taken
  int64_t lastOffset_ = 0;
};

}  // namespace sabot
