// The source: messages of Kafka topics in, slabs of one partition each out. No N-API in this file; addon.cc translates
// src/kafka/addon.ts to these structs.
//
//   librdkafka -> partition queues -> poll thread -> runs of messages -> decode workers -> events -> take()
//
// The poll thread is the only caller of librdkafka's consume, pause, seek, subscribe, assign and commit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka_common.h"
#include "messages.h"
#include "sabot.h"
#include "sink.h"

namespace sabot {

// Where to begin in a partition for which the group has no committed position (without a group: in every partition).
struct From {
  enum class Kind : uint8_t { Earliest, Latest, Timestamp, Offsets };
  Kind kind = Kind::Earliest;
  int64_t timestamp = 0;                                         // milliseconds
  std::map<std::string, std::map<int32_t, int64_t>> offsets;     // partitions that it does not name: earliest
};

// Where to end. End: the end offsets of when a partition is first assigned to this run. Timestamp: before the first
// record at or after it; where there is none yet, the end offset.
struct Until {
  enum class Kind : uint8_t { Never, End, Timestamp };
  Kind kind = Kind::Never;
  int64_t timestamp = 0;
};

struct SourceConfig {
  Properties properties;     // librdkafka's, bootstrap.servers and (mode group) group.id included
  bool group = true;         // subscribe; false: assign every partition of the topics, no group, no commits
  From from;
  Until until;
  int parallelism = 1;       // decode workers, at least 1
  int64_t maxRows = 8192;    // of a batch
  int64_t maxBytes = 4 << 20;        // of the messages of a batch; one larger message makes a batch of its own
  int64_t maxWaitMs = 50;            // a batch that is not full is handed over after this time
  int64_t maxQueueBytes = 64 << 20;  // events waiting for take(), and what the workers hold
  int maxDepth = 64;
  int64_t metadataRefreshMs = 60000;  // without a group: how often to look for new partitions
  bool recordSets = true;             // record batches are taken as they lie where that can be; false: tests
  bool infer = false;                 // JSON: wait for the first rows and give a Schema event; then decode() is called
};

enum class MessageColumn : uint8_t { Key, Topic, Partition, Offset, Timestamp, Headers, Value, Tombstone, KeyValue };

// The types of message columns: Key utf8 or binary (null: no key), Topic utf8, Partition int32, Offset int64,
// Timestamp timestamp[ms] (null: the message has none), Headers list<struct<key: utf8, value: binary>> (never null;
// a header's value may be), Value binary (null: tombstone), Tombstone bool, KeyValue what the key's bytes stand for.
struct DecodeSpec {
  std::string codec;                   // see makeDecoder
  std::vector<ColumnSpec> columns;
  std::string predicate;               // JSON, see Predicate::parse; empty: none
  std::vector<MessageColumn> message;  // columns of the slab behind the emitted ones
  std::string program;                 // JSON, see Program::parse; empty: none. Its output are the slab's columns
  bool utf8Key = false;                // Key is utf8: a key that is not valid UTF-8 is that row's error
  // Of KeyValue: Int32, Int64 or Float64, as Kafka's own serializers write them (big-endian). A key of another length is
  // that row's error.
  TypeId keyValue = TypeId::Int64;
  std::optional<Type> jsonKey;  // KeyValue is this, as JSON has it. Read after the value, if that gives a row
  int maxDepth = 64;
};

// A fused run: what the rows of this source are at a sink. Either the columns of the slabs, by their roles; or the
// messages as they lie, and which parts of them go along: then no slab is built.
struct FusedSpec {
  std::optional<PassedParts> passed;
  RecordRoles roles;
  OnRowError onError = OnRowError::Fail;
};

struct Partition {
  std::string topic;
  int32_t partition = -1;
};

struct AssignedPartition : Partition {
  int64_t epoch = 0;
};

struct CommitPosition : Partition {
  int64_t offset = 0;  // the next one to read
  int64_t epoch = 0;
};

struct MessageError {
  int64_t offset = 0;
  std::string code;
  std::string message;
};

struct SourceEvent {
  enum class Kind : uint8_t { Batch, Schema, Assigned, Revoked, Halted, End, Error, Log };
  Kind kind = Kind::Log;

  // Batch: a run of messages of one partition, in order. It may have no rows (filtered, markers, end of partition) and
  // still moves the position.
  std::string topic;       // Batch, Error (may be empty)
  int32_t partition = -1;  // Batch, Error (may be -1)
  int64_t epoch = 0;
  int64_t nextOffset = 0;  // the position behind it: gaps of compaction, markers and aborted rows included
  int64_t messages = 0;    // kept, rejected and failed together
  int64_t bytes = 0;       // of their keys and values
  std::optional<Slab> slab;           // none: no rows, or a fused run
  int64_t write = 0;                  // fused: the id of the write with its rows at the sink; 0: no rows
  std::vector<MessageError> errors;   // ascending

  std::string schema;  // Schema: the wire form
  int64_t rows = 0;    // Schema: how many rows it was inferred from; Batch of a fused run: how many were written

  std::vector<AssignedPartition> partitions;  // Assigned; Revoked (epoch: the one that ends)
  int64_t token = 0;                          // Revoked: to be answered with revoked(token)
  bool lost = false;                          // Revoked: another member may own them already

  std::string code;  // Error: the source failed and does not go on
  bool retriable = false;
  std::string message;              // Error, Log
  LogLevel level = LogLevel::Info;  // Log
};

struct PartitionLag : Partition {
  int64_t messages = 0;  // high watermark less the position handed over
};

struct SourceStats {
  int64_t messages = 0;
  int64_t bytes = 0;
  int64_t queuedBytes = 0;
  int64_t pollNanoseconds = 0;    // the poll thread at work
  int64_t decodeNanoseconds = 0;  // decode workers at work, summed
  std::vector<PartitionLag> lag;
};

// Every method may be called from any thread, but take() from one at a time.
//
// Epochs: each assignment of a partition has a number that no earlier assignment of this source had. A batch carries
// that of its partition, and a commit of an older one is dropped.
class Source {
 public:
  // Starts the threads; connects in the background. `wake` is called, on any thread and with no lock held, when there
  // is an event after take() returned false; it must not call into the source.
  static Status create(SourceConfig config, std::function<void()> wake, std::unique_ptr<Source>& out);

  // As close().
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // JSON of the topics' metadata (metadataToJson); nullptr: of all topics. Blocks up to timeoutMs, less when the source
  // is closed meanwhile.
  Status metadata(const std::vector<std::string>* topics, int timeoutMs, std::string& json);

  // Reads these topics from now on; may be called again with others. Never blocks.
  void subscribe(std::vector<std::string> topics);

  // What every batch from now on holds; once. Until then messages wait (but for those that inference looks at, which
  // are decoded too). CONFIG: the spec cannot be used. Never blocks.
  Status decode(DecodeSpec spec);

  // Fuses the run with a sink, before decode(): Batch events then have no slab, but the id of a write which the sink has
  // already, and whose event it gives. What these writes hold counts against maxQueueBytes until that event is taken.
  // CONFIG: decode() was called before. Never blocks.
  Status fuse(std::shared_ptr<Sink> sink, FusedSpec spec);

  // Of a fused run: no write begins after it has returned. Halted comes behind the events of those that began. Never
  // blocks; idempotent.
  void halt();

  // False: nothing there; `wake` will be called. The events of one partition come in the order of its messages.
  // Assigned comes before the first batch of an epoch; a batch of a revoked epoch may still come after Revoked.
  bool take(SourceEvent& out);

  // Commits positions to the group; those of stale epochs are dropped. `done` is called once, on any thread and with no
  // lock held: with what the broker said, or CLOSED. Never blocks.
  void commit(std::vector<CommitPosition> positions, std::function<void(Status, bool retriable)> done);

  // Answers a Revoked event: the partitions are given back now. Unanswered ones are given back by close().
  void revoked(int64_t token);

  SourceStats stats();

  // Leaves the group and joins every thread. Blocks. Idempotent; events can be taken after it.
  void close();

 private:
  class Impl;
  explicit Source(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sabot
