// The inside of the sink, for sink.cc (its face, and the delivery thread) and sink_produce.cc (the producer thread).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sink.h"
#include "sink_events.h"
#include "sink_records.h"
#include "work_time.h"

namespace sabot {

// Of rows that were not acknowledged when the sink had to end.
Failure abortedFailure();

// Two threads: the producer thread takes requests in order, encodes and produces; the delivery thread polls librdkafka,
// which calls onDelivery there. librdkafka's own threads call the partitioners and the log.
class Sink::Impl final : public ClientLog {
 public:
  Impl(SinkConfig config, std::function<void()> wake)
      : ClientLog([this] { writes_.signal(); }), config_(std::move(config)), writes_(config_.topic, std::move(wake)) {}
  ~Impl() override { close(true); }

  Status open();
  Status write(WriteRequest request);
  bool take(SinkEvent& out) { return writes_.take(out, *this); }
  Status metadata(int timeoutMs, std::string& json);
  SinkStats stats() const { return {encodeTime_.nanoseconds(), deliverTime_.nanoseconds()}; }
  void close(bool abort);

 private:
  static void onDelivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  static int32_t nextPartition(const rd_kafka_topic_t* topic, const void* key, size_t keySize, int32_t count,
                               void* opaque, void* writeOpaque);
  static int32_t stickyPartition(const rd_kafka_topic_t* topic, const void* key, size_t keySize, int32_t count,
                                 void* opaque, void* writeOpaque);

  void runProducer();
  void runDelivery();
  void process(WriteRequest& request);
  void encodeAndProduce(const WriteRequest& request, InFlight* write);
  bool goesAsBatch(const WriteRequest& request) const;
  bool produceBatch(const WriteRequest& request, InFlight* write);
  bool produceEach(const WriteRequest& request, InFlight* write);
  bool stopProducing(const WriteRequest& request) const {
    return abort_.load() || writes_.isBroken() || (request.passed != nullptr && request.passed->isWanted());
  }
  void waitForRoom();
  Failure failureOf(rd_kafka_resp_err_t error, int32_t partition, const char* detail) const;
  void failBystanders(const Failure& cause);
  void settleAcknowledged();

  SinkConfig config_;
  Writes writes_;

  // Set once in open(), before the threads start. clientMutex_: metadata() uses the client shared, close() destroys it.
  std::shared_mutex clientMutex_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  std::atomic<uint32_t> roundRobin_{0};

  std::mutex requestsMutex_;
  std::condition_variable requestsChanged_;
  std::deque<WriteRequest> requests_;
  std::atomic<bool> closing_{false};  // no more requests
  std::atomic<bool> abort_{false};    // and what is unfinished fails

  std::mutex roomMutex_;
  std::condition_variable room_;

  std::mutex closeMutex_;  // held by whoever joins the threads; another close() waits for it
  std::thread producer_;
  std::thread delivery_;
  std::atomic<bool> producerDone_{false};

  // Delivery thread only: records that were refused since another one of their batch was, which says why. Its report
  // comes in the same call of rd_kafka_poll; their writes wait for it.
  struct Bystander {
    InFlight* write;
    int32_t partition;
  };
  std::vector<Bystander> bystanders_;
  // Likewise: reports of one write that came one after the other, and are taken off it together.
  InFlight* acknowledged_ = nullptr;
  int64_t acknowledgements_ = 0;

  WorkTime encodeTime_;
  WorkTime deliverTime_;

  // Producer thread only.
  std::unique_ptr<RecordBuilder> builder_;
  std::vector<uint32_t> rows_;
  std::vector<Record> records_;
  std::vector<RowError> rowErrors_;
  std::vector<rd_kafka_message_t> messages_;
};

}  // namespace sabot
