// The sink: columns in, records of one Kafka topic out. No N-API in this file; addon.cc translates src/kafka/addon.ts
// to these structs.
//
//   write() -> requests (FIFO) -> producer thread: encode, produce -> librdkafka -> delivery thread: count -> take()
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kafka_common.h"
#include "messages.h"
#include "sabot.h"

namespace sabot {

// murmur2: Java's placement; a null key goes anywhere. consistent: crc32, likewise. sticky: all rows of one write go
// to one partition, whatever their keys. source: the partition role decides and is obligatory.
enum class Partitioner : uint8_t { Murmur2, Consistent, RoundRobin, Sticky, Source };

struct SinkConfig {
  Properties properties;  // librdkafka's, bootstrap.servers included
  std::string topic;
  std::string codec;                // of the value: see makeEncoder
  std::string codecOptions = "{}";  // JSON
  Partitioner partitioner = Partitioner::Murmur2;
};

// "murmur2" | "consistent" | "roundRobin" | "sticky" | "source"; else CONFIG.
Status parsePartitioner(std::string_view name, Partitioner& out);

// Which column is which part of a record: indices into WriteRequest::columns, -1 for none. Where a role's column may
// be null, null means: no key, no headers, the time of sending, not a tombstone; a null partition is a row error.
struct RecordRoles {
  std::vector<uint32_t> value;  // encoded by the codec, in this order; ignored where `raw` is given
  int raw = -1;                 // binary or utf8: the value as it is; null is a tombstone
  int key = -1;                 // utf8 and binary as they are, other scalars as their text
  int headers = -1;             // list<struct<key: utf8, value: binary or utf8>>
  int timestamp = -1;           // timestamp of any unit, cut to milliseconds; 0 means the time of sending to librdkafka
  int partition = -1;           // integer
  int tombstone = -1;           // bool: true sends a null value
  int offset = -1;              // int64, no nulls: told with the error of a row
};

// fail: a row that cannot be encoded fails the write before any row of it is sent. skip: the others are sent.
enum class OnRowError : uint8_t { Fail, Skip };

// Memory: the buffers that `columns` and `rows` point at belong to the caller. They are read until the write's event
// comes out of take(), which hands `keepAlive` back, so that its last reference goes on the thread that calls take().
struct WriteRequest {
  int64_t id = 0;  // chosen by the caller, comes back in the event
  std::vector<NamedArray> columns;
  int64_t rowCount = 0;           // rows that lie in every column
  bool selected = false;          // true: only `rows` are written, in their order; false: all of rowCount
  std::span<const uint32_t> rows;
  RecordRoles roles;
  // Given: the rows are these messages, rowCount of them; there are no columns, roles or selection.
  std::shared_ptr<PassedMessages> passed;
  OnRowError onError = OnRowError::Fail;
  std::shared_ptr<void> keepAlive;
};

struct SinkEvent {
  enum class Kind : uint8_t { Delivered, Failed, Log };
  Kind kind = Kind::Log;
  int64_t id = 0;  // Delivered, Failed

  // Delivered: every row was acknowledged but for those in `errors` (only under Skip).
  int64_t rows = 0;              // acknowledged
  int64_t bytes = 0;             // keys and values of these
  std::vector<RowError> errors;  // `row` indexes the columns; ascending

  // Failed: the first thing that went wrong. An error of a row names it in `row`, an error of delivery has row -1.
  std::string code;  // ENCODE | DELIVERY | UNKNOWN_TOPIC | CONNECT | KAFKA | ABORTED | CLOSED | MEMORY | SCHEMA
  bool retriable = false;
  std::string topic;
  int32_t partition = -1;
  int64_t row = -1;
  int64_t offset = -1;  // of the message of that row, where the write knows it

  std::string message;              // Failed, Log
  LogLevel level = LogLevel::Info;  // Log

  std::shared_ptr<void> keepAlive;  // Delivered, Failed: the request's
};

// The producer thread at work.
struct SinkStats {
  int64_t encodeNanoseconds = 0;   // columns to records
  int64_t deliverNanoseconds = 0;  // records to librdkafka, waiting for room in its queue included
};

// Every method may be called from any thread, but take() from one at a time.
class Sink {
 public:
  // Starts the threads; connects in the background. `wake` is called, on any thread and with no lock held, when there
  // is an event after take() returned false; it must not call into the sink.
  static Status create(SinkConfig config, std::function<void()> wake, std::unique_ptr<Sink>& out);

  // As close(true).
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Checks the roles (SCHEMA) and queues the write; never blocks. CLOSED after close(). After a delivery has failed,
  // later writes are taken and fail in their turn with that reason.
  Status write(WriteRequest request);

  // False: nothing there; `wake` will be called. Events of writes come before log lines.
  bool take(SinkEvent& out);

  // JSON of the topic's metadata (metadataToJson); where it does not exist, of those that do behind it. Blocks up to
  // twice timeoutMs, less when the sink is closed meanwhile.
  Status metadata(int timeoutMs, std::string& json);

  SinkStats stats() const;

  // false: sends what was written, waits for its deliveries (at most message.timeout.ms, librdkafka's bound), joins.
  // true: purges; what is unfinished fails with ABORTED; joins. A close(true) hurries a close(false) that is under way
  // on another thread. Blocks. Idempotent; events can be taken after it.
  void close(bool abort);

 private:
  class Impl;
  explicit Sink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sabot
