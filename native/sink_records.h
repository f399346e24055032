// Rows of a write -> records: value, key, partition and timestamp as librdkafka wants them. No threads here.
#pragma once

#include <rdkafka.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json_encoder.h"
#include "sabot.h"
#include "sink.h"
#include "text_encoder.h"

namespace sabot {

// Roles that name columns which exist and have fitting types, rows that lie in the columns; else SCHEMA.
Status checkWrite(const WriteRequest& request, std::string_view codec, Partitioner partitioner);

// value and key: nullptr is null, "" is empty.
struct Record {
  const char* value = nullptr;
  size_t valueSize = 0;
  const char* key = nullptr;
  size_t keySize = 0;
  int64_t timestamp = 0;  // ms; 0: the time of sending
  int32_t partition = RD_KAFKA_PARTITION_UA;
  uint32_t row = 0;
  bool hasHeaders = false;
};

// Used by one thread. Records point into the request's columns and into this builder, until the next build().
class RecordBuilder {
 public:
  // A record must fit librdkafka's message.max.bytes and, the value, its queue: one that never fits would wait forever.
  struct Limits {
    size_t messageBytes = 1'000'000;
    size_t queueBytes = 64u << 20;
  };

  RecordBuilder(std::unique_ptr<Encoder> value, Limits limits)
      : value_(std::move(value)), key_(/*scalars=*/true), limits_(limits) {}

  // For every row either a record or an error (`row` indexes the columns), each in the order of `rows`.
  // The request passed checkWrite. Throws bad_alloc.
  void build(const WriteRequest& request, std::span<const uint32_t> rows, std::vector<Record>& records,
             std::vector<RowError>& errors);

 private:
  void buildPassed(const PassedMessages& messages, std::span<const uint32_t> rows, std::vector<Record>& records,
                   std::vector<RowError>& errors) const;
  bool finish(const WriteRequest& request, Record& record, std::string& problem) const;
  bool fits(const Record& record, size_t headerBytes, std::string& problem) const;

  std::unique_ptr<Encoder> value_;
  TextEncoder key_;
  JsonValueEncoder nestedKey_;
  Limits limits_;
  std::vector<NamedArray> valueColumns_;  // copies of the views, not of the data
  EncodedRows values_;
  EncodedRows keys_;
  std::vector<RowError> valueErrors_;
  std::vector<RowError> keyErrors_;
};

// The row's headers in order, duplicates and null values kept; nullptr where it has none. The caller destroys them.
rd_kafka_headers_t* makeHeaders(const WriteRequest& request, const Record& record);

}  // namespace sabot
