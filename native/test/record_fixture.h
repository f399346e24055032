// Record batches as a broker sends them, made by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sabot::test {

struct TestRecord {
  int64_t offset = 0;
  std::optional<std::string> value = "v";
  std::optional<std::string> key = std::nullopt;
  int64_t timestampDelta = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
};

struct TestBatch {
  std::vector<TestRecord> records;
  int64_t baseOffset = 0;
  int64_t lastOffset = -1;  // -1: that of the last record
  int64_t baseTimestamp = 0;
  int64_t maxTimestamp = 0;
  int16_t attributes = 0;
  std::optional<int32_t> recordCount = std::nullopt;  // as many as there are
};

inline void putVarint(std::string& out, int64_t value) {
  auto bits = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  for (; bits >= 0x80; bits >>= 7) out += static_cast<char>(bits | 0x80);
  out += static_cast<char>(bits);
}

inline void putBytes(std::string& out, const std::optional<std::string>& bytes) {
  putVarint(out, bytes ? static_cast<int64_t>(bytes->size()) : -1);
  out += bytes.value_or("");
}

inline void putBigEndian(std::string& out, int64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

// https://kafka.apache.org/documentation/#recordbatch; no checksum.
inline std::string batchBytes(const TestBatch& batch) {
  std::string records;
  for (const TestRecord& record : batch.records) {
    std::string body(1, '\0');
    putVarint(body, record.timestampDelta);
    putVarint(body, record.offset - batch.baseOffset);
    putBytes(body, record.key);
    putBytes(body, record.value);
    putVarint(body, static_cast<int64_t>(record.headers.size()));
    for (const auto& [name, value] : record.headers) {
      putBytes(body, name);
      putBytes(body, value);
    }
    putVarint(records, static_cast<int64_t>(body.size()));
    records += body;
  }
  const int64_t last = batch.lastOffset >= 0 ? batch.lastOffset
                       : batch.records.empty() ? batch.baseOffset
                                               : batch.records.back().offset;
  std::string out;
  putBigEndian(out, batch.baseOffset, 8);
  putBigEndian(out, static_cast<int64_t>(records.size()) + 49, 4);
  putBigEndian(out, 5, 4);  // leader epoch
  putBigEndian(out, 2, 1);  // version
  putBigEndian(out, 0, 4);  // checksum
  putBigEndian(out, batch.attributes, 2);
  putBigEndian(out, last - batch.baseOffset, 4);
  putBigEndian(out, batch.baseTimestamp, 8);
  putBigEndian(out, batch.maxTimestamp, 8);
  putBigEndian(out, -1, 8);  // producer
  putBigEndian(out, -1, 2);
  putBigEndian(out, -1, 4);
  putBigEndian(out, batch.recordCount.value_or(static_cast<int32_t>(batch.records.size())), 4);
  return out + records;
}

}  // namespace sabot::test
