#include "sink.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <random>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "array_values.h"
#include "sink_events.h"
#include "sink_records.h"
#include "work_time.h"

namespace sabot {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr size_t chunkRows = 1024;     // rows that are encoded, and produced, in one go
constexpr int pollMs = 50;             // how late the delivery thread may notice a close
constexpr milliseconds fullWait{20};   // how late the producer thread may notice room that nobody announced
constexpr milliseconds abortWait{3000};  // how long a purge may take before what is left is given up

// Before the caller's own properties, which override them.
const Properties defaults = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    {"allow.auto.create.topics", "false"},
    {"linger.ms", "5"},
    {"batch.size", "1000000"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "1000000"},
};
constexpr size_t defaultQueueKbytes = 65'536;

size_t sizeProperty(const rd_kafka_conf_t* conf, const char* name) {
  char text[64] = "";
  size_t size = sizeof(text);
  if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK) return 0;
  return static_cast<size_t>(std::strtoull(text, nullptr, 10));
}

// Which message a row came from; those that are passed say it themselves.
void tellOffsets(const WriteRequest& request, std::vector<RowError>& errors) {
  if (request.roles.offset < 0) return;
  const ArrayView& offsets = request.columns[static_cast<size_t>(request.roles.offset)].array;
  for (RowError& error : errors) error.offset = valueAt<int64_t>(offsets, error.row);
}

Failure reclaimedFailure() {
  return {"ABORTED", "the source was closed before the rows were sent", false, -1, -1};
}

Failure abortedFailure() { return {"ABORTED", "the sink was closed before the rows were acknowledged", false, -1, -1}; }

}  // namespace

Status parsePartitioner(std::string_view name, Partitioner& out) {
  if (name == "murmur2") out = Partitioner::Murmur2;
  else if (name == "consistent") out = Partitioner::Consistent;
  else if (name == "roundRobin") out = Partitioner::RoundRobin;
  else if (name == "sticky") out = Partitioner::Sticky;
  else if (name == "source") out = Partitioner::Source;
  else return Status::error("CONFIG", "partitioner: expected murmur2, consistent, roundRobin, sticky or source; got " +
                                          std::string(name));
  return Status::success();
}

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

// ---------------------------------------------------------------- opening

Status Sink::Impl::open() {
  std::unique_ptr<Encoder> encoder;
  if (Status status = makeEncoder(config_.codec, config_.codecOptions, encoder); !status.ok()) return status;

  Properties properties = defaults;
  properties.insert(properties.end(), config_.properties.begin(), config_.properties.end());
  switch (config_.partitioner) {
    case Partitioner::Murmur2: properties.emplace_back("partitioner", "murmur2_random"); break;
    case Partitioner::Consistent: properties.emplace_back("partitioner", "consistent_random"); break;
    case Partitioner::RoundRobin:
    case Partitioner::Sticky:
      // Else librdkafka places records without a key itself and never asks our partitioner.
      properties.emplace_back("sticky.partitioning.linger.ms", "0");
      break;
    case Partitioner::Source: break;
  }
  properties.emplace_back("delivery.report.only.error", "false");
  Conf conf;
  if (Status status = makeConf(properties, conf); !status.ok()) return status;
  config_.properties.clear();  // secrets are not kept longer than needed

  RecordBuilder::Limits limits;
  limits.messageBytes = sizeProperty(conf.get(), "message.max.bytes");
  if (findProperty(properties, "queue.buffering.max.kbytes") == nullptr) {
    const size_t kbytes = std::max(defaultQueueKbytes, limits.messageBytes / 1024 * 2);
    rd_kafka_conf_set(conf.get(), "queue.buffering.max.kbytes", std::to_string(kbytes).c_str(), nullptr, 0);
  }
  limits.queueBytes = sizeProperty(conf.get(), "queue.buffering.max.kbytes") * 1024;
  builder_ = std::make_unique<RecordBuilder>(std::move(encoder), limits);

  install(conf.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Impl::onDelivery);
  if (Status status = makeClient(RD_KAFKA_PRODUCER, std::move(conf), client_); !status.ok()) return status;

  rd_kafka_topic_conf_t* topicConf = rd_kafka_default_topic_conf_dup(client_);
  rd_kafka_topic_conf_set_opaque(topicConf, this);
  if (config_.partitioner == Partitioner::RoundRobin) {
    rd_kafka_topic_conf_set_partitioner_cb(topicConf, &Impl::nextPartition);
  } else if (config_.partitioner == Partitioner::Sticky) {
    rd_kafka_topic_conf_set_partitioner_cb(topicConf, &Impl::stickyPartition);
  }
  topic_ = rd_kafka_topic_new(client_, config_.topic.c_str(), topicConf);
  if (topic_ == nullptr) return errorStatus(rd_kafka_last_error(), "topic " + config_.topic);

  try {
    delivery_ = std::thread([this] { runDelivery(); });
    producer_ = std::thread([this] { runProducer(); });
  } catch (const std::system_error& error) {
    return Status::error("MEMORY", std::string("the sink's threads could not be started: ") + error.what());
  }
  return Status::success();
}

// ---------------------------------------------------------------- caller's threads

Status Sink::Impl::write(WriteRequest request) {
  if (Status status = checkWrite(request, config_.codec, config_.partitioner); !status.ok()) return status;
  {
    const std::lock_guard lock(requestsMutex_);
    if (closing_) return Status::error("CLOSED", "the sink of " + config_.topic + " was closed");
    requests_.push_back(std::move(request));
  }
  requestsChanged_.notify_one();
  return Status::success();
}

Status Sink::Impl::metadata(int timeoutMs, std::string& json) {
  const std::shared_lock lock(clientMutex_);
  const auto closed = [this] { return Status::error("CLOSED", "the sink of " + config_.topic + " was closed"); };
  if (client_ == nullptr || closing_) return closed();
  const std::vector<std::string> names = {config_.topic};
  std::vector<TopicMetadata> found;
  Status status = readMetadata(client_, &names, timeoutMs, &closing_, this, found);
  if (status.ok() && found.front().error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    std::vector<TopicMetadata> existing;
    status = readMetadata(client_, nullptr, timeoutMs, &closing_, this, existing);
    found.insert(found.end(), existing.begin(), existing.end());
  }
  if (status.code == "ABORTED") return closed();
  if (status.ok()) json = metadataToJson(found);
  return status;
}

void Sink::Impl::close(bool abort) {
  {
    const std::lock_guard lock(requestsMutex_);
    closing_ = true;
    if (abort) abort_ = true;  // also hurries a close(false) that is joining on another thread
  }
  requestsChanged_.notify_all();
  room_.notify_all();

  const std::lock_guard closing(closeMutex_);
  if (producer_.joinable()) producer_.join();
  producerDone_ = true;  // where the thread could not even be started
  if (delivery_.joinable()) delivery_.join();

  const std::unique_lock client(clientMutex_);  // waits for metadata(), which gives up on closing_
  if (topic_ != nullptr) rd_kafka_topic_destroy(std::exchange(topic_, nullptr));
  if (client_ != nullptr) rd_kafka_destroy(std::exchange(client_, nullptr));
  // No messages point at writes any more.
  if (!writes_.isEmpty()) writes_.failRest(abortedFailure());
}

// ---------------------------------------------------------------- delivery thread

void Sink::Impl::runDelivery() {
  Clock::time_point giveUp = Clock::time_point::max();
  for (;;) {
    if (abort_) {
      // In every round, since the producer thread may just have added more. Failed before they are purged, so that
      // they fail in order: whichever of the two threads sees the abort first fails all that there is.
      writes_.failAll(abortedFailure());
      rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
      giveUp = std::min(giveUp, Clock::now() + abortWait);
    }
    if (producerDone_) {
      if (writes_.isEmpty() || Clock::now() > giveUp) return;
      rd_kafka_flush(client_, pollMs);  // polls, and does not wait for linger.ms
    } else {
      rd_kafka_poll(client_, pollMs);
    }
    settleAcknowledged();
    while (!bystanders_.empty()) {  // of a reason that did not come
      failBystanders(failureOf(RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD, bystanders_.back().partition, nullptr));
    }
    room_.notify_one();
  }
}

void Sink::Impl::onDelivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque) {
  auto* self = static_cast<Impl*>(static_cast<ClientLog*>(opaque));
  auto* write = static_cast<InFlight*>(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++write->rows;
    write->bytes += static_cast<int64_t>(message->len + message->key_len);
    if (self->acknowledged_ != write) self->settleAcknowledged();
    self->acknowledged_ = write;
    ++self->acknowledgements_;
    return;
  }
  if (!write->hasFailed) {
    if (message->err == RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD) {
      self->bystanders_.push_back({write, message->partition});
      return;
    }
    // Not rd_kafka_message_produce_errstr(): of what a broker said it points at memory that was freed (2.15.1).
    char reason[512] = "";
    auto error = message->err;
    if (error == RD_KAFKA_RESP_ERR__FATAL) error = rd_kafka_fatal_error(client, reason, sizeof(reason));
    const Failure failure = self->failureOf(error, message->partition, reason);
    self->failBystanders(failure);
    self->writes_.fail(write, failure);
  }
  self->writes_.settle(write, 1);
}

void Sink::Impl::settleAcknowledged() {
  if (acknowledged_ != nullptr) writes_.settle(acknowledged_, acknowledgements_);
  acknowledged_ = nullptr;
  acknowledgements_ = 0;
}

void Sink::Impl::failBystanders(const Failure& cause) {
  std::erase_if(bystanders_, [&](const Bystander& one) {
    if (one.partition != cause.partition) return false;
    writes_.fail(one.write, cause);
    writes_.settle(one.write, 1);
    return true;
  });
}

// What to do, where the broker's reason does not say it.
static const char* adviceFor(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return "; the topic has no such partition";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "; raise the topic's max.message.bytes, or lower batchBytes of the sink";
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return "; the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms say which are taken";
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return "; a compacted topic takes no record without a key, and no topic one of a time outside its bounds";
    case RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD: return "; the broker refused another record of its batch";
    default: return "";
  }
}

Failure Sink::Impl::failureOf(rd_kafka_resp_err_t error, int32_t partition, const char* detail) const {
  const std::string_view code = errorCode(error);
  if (code == "ABORTED" || code == "CLOSED") {
    Failure failure = abortedFailure();
    failure.partition = partition;
    return failure;
  }
  Failure failure;
  failure.code = code == "UNKNOWN_TOPIC" ? code : "DELIVERY";
  failure.message = errorStatus(error, "delivery failed", detail == nullptr ? "" : detail).message;
  failure.message += adviceFor(error);
  if (error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
    const std::string reason = lastError();
    if (!reason.empty()) failure.message += "; the connection last failed: " + reason;
  }
  failure.retriable = isRetriable(error);
  failure.partition = partition;
  return failure;
}

// ---------------------------------------------------------------- partitioners

// On the producer thread, or on librdkafka's main thread for messages that waited for the topic's metadata.
int32_t Sink::Impl::nextPartition(const rd_kafka_topic_t* topic, const void*, size_t, int32_t count, void* opaque,
                                  void*) {
  auto& next = static_cast<Impl*>(opaque)->roundRobin_;
  int32_t partition = 0;
  for (int32_t tries = 0; tries < count; ++tries) {
    partition = static_cast<int32_t>(next.fetch_add(1, std::memory_order_relaxed) % static_cast<uint32_t>(count));
    if (rd_kafka_topic_partition_available(topic, partition) != 0) return partition;
  }
  // None has a leader, as before the first connection. `count` steps led back to where they began: one more goes on.
  next.fetch_add(1, std::memory_order_relaxed);
  return partition;
}

int32_t Sink::Impl::stickyPartition(const rd_kafka_topic_t* topic, const void*, size_t, int32_t count, void*,
                                    void* writeOpaque) {
  auto& chosen = static_cast<InFlight*>(writeOpaque)->stickyPartition;
  // Kept even if it becomes unavailable: the rows of one write stay in order.
  int32_t partition = chosen.load();
  if (partition >= 0 && partition < count) return partition;
  // Not std::random_device: libstdc++'s needs a newer glibc than all else in the addon does.
  thread_local std::minstd_rand random{
      static_cast<uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
  const auto start = static_cast<int32_t>(random() % static_cast<uint32_t>(count));
  int32_t candidate = start;
  for (int32_t i = 1; i < count && rd_kafka_topic_partition_available(topic, candidate) == 0; ++i) {
    candidate = (start + i) % count;
  }
  // The other thread may choose at the same moment; the first one wins.
  return chosen.compare_exchange_strong(partition, candidate) ? candidate : partition;
}

// ---------------------------------------------------------------- producer thread

void Sink::Impl::runProducer() {
  for (;;) {
    WriteRequest request;
    {
      std::unique_lock lock(requestsMutex_);
      requestsChanged_.wait(lock, [this] { return closing_ || !requests_.empty(); });
      if (requests_.empty()) break;
      request = std::move(requests_.front());
      requests_.pop_front();
    }
    process(request);
  }
  producerDone_ = true;
}

void Sink::Impl::process(WriteRequest& request) {
  // Moved, so that the event has the last reference and drops it on the caller's thread.
  InFlight* write = writes_.add(request.id, std::move(request.keepAlive));
  if (abort_) writes_.failAll(abortedFailure());
  if (!write->hasFailed) {
    try {
      // The source takes its messages back only between two of these.
      std::unique_lock<std::mutex> hold;
      if (request.passed != nullptr) hold = request.passed->hold();
      encodeAndProduce(request, write);
    } catch (const std::bad_alloc&) {
      writes_.refuse(write, {"MEMORY", "no memory to encode the rows", false, -1, -1});
    }
  }
  writes_.release(write);
}

void Sink::Impl::encodeAndProduce(const WriteRequest& request, InFlight* write) {
  const size_t count = request.selected ? request.rows.size() : static_cast<size_t>(request.rowCount);
  const bool wholeFirst = request.onError == OnRowError::Fail;
  const size_t step = wholeFirst ? std::max<size_t>(count, 1) : chunkRows;
  for (size_t begin = 0; begin < count; begin += step) {
    const size_t size = std::min(step, count - begin);
    std::span<const uint32_t> rows;
    if (request.selected) {
      rows = request.rows.subspan(begin, size);
    } else {
      rows_.resize(size);
      for (size_t i = 0; i < size; ++i) rows_[i] = static_cast<uint32_t>(begin + i);
      rows = rows_;
    }
    if (request.passed != nullptr && request.passed->isWanted()) return writes_.refuse(write, reclaimedFailure());
    {
      const WorkTime::Span encoding(encodeTime_);
      builder_->build(request, rows, records_, rowErrors_);
    }
    tellOffsets(request, rowErrors_);
    if (!rowErrors_.empty() && wholeFirst) {
      const RowError& error = rowErrors_.front();
      writes_.refuse(write, {error.code, error.message, false, -1, static_cast<int64_t>(error.row), error.offset});
      return;
    }
    std::move(rowErrors_.begin(), rowErrors_.end(), std::back_inserter(write->errors));
    const WorkTime::Span delivering(deliverTime_);
    if (!(goesAsBatch(request) ? produceBatch(request, write) : produceEach(request, write))) {
      if (!abort_ && !writes_.isBroken()) writes_.refuse(write, reclaimedFailure());
      break;
    }
  }
  if (abort_) writes_.failAll(abortedFailure());
}

// produce_batch takes neither headers nor timestamps; and for partitions that do not exist it loses a message
// (librdkafka 2.15: the message is neither queued nor freed), so rows with a partition go one by one as well.
bool Sink::Impl::goesAsBatch(const WriteRequest& request) const {
  const auto& roles = request.roles;
  if (roles.timestamp >= 0 || roles.partition >= 0) return false;
  if (request.passed != nullptr && (request.passed->parts.timestamp || request.passed->parts.partition)) return false;
  return std::none_of(records_.begin(), records_.end(), [](const Record& record) { return record.hasHeaders; });
}

void Sink::Impl::waitForRoom() {
  std::unique_lock lock(roomMutex_);
  room_.wait_for(lock, fullWait);  // a notification that came just before is made up for by the time-out
}

// False: producing ended before the last record.
bool Sink::Impl::produceBatch(const WriteRequest& request, InFlight* write) {
  for (size_t begin = 0; begin < records_.size(); begin += chunkRows) {
    const size_t size = std::min(chunkRows, records_.size() - begin);
    messages_.assign(size, {});
    for (size_t i = 0; i < size; ++i) {
      const Record& record = records_[begin + i];
      rd_kafka_message_t& message = messages_[i];
      message.payload = const_cast<char*>(record.value);  // MSG_F_COPY: only read
      message.len = record.valueSize;
      message.key = const_cast<char*>(record.key);
      message.key_len = record.keySize;
      message._private = write;
    }
    // Before the call: reports may come while it runs.
    write->outstanding.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    for (size_t next = 0; next < size;) {
      if (stopProducing(request)) {
        writes_.settle(write, static_cast<int64_t>(size - next));
        return false;
      }
      rd_kafka_produce_batch(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, messages_.data() + next,
                             static_cast<int>(size - next));
      // Once the queue is full, every message after that has the same error: order is kept, the rest is tried again.
      for (; next < size && messages_[next].err != RD_KAFKA_RESP_ERR__QUEUE_FULL; ++next) {
        if (messages_[next].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        char reason[512] = "";
        const auto fatal = rd_kafka_fatal_error(client_, reason, sizeof(reason));
        writes_.fail(write, fatal == RD_KAFKA_RESP_ERR_NO_ERROR ? failureOf(messages_[next].err, -1, nullptr)
                                                                : failureOf(fatal, -1, reason));
        writes_.settle(write, 1);
      }
      if (next < size) waitForRoom();
    }
  }
  return true;
}

// As produceBatch.
bool Sink::Impl::produceEach(const WriteRequest& request, InFlight* write) {
  rd_kafka_vu_t parts[8] = {};
  const auto part = [&parts](size_t i, rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    parts[i].vtype = type;
    return parts[i];
  };
  part(0, RD_KAFKA_VTYPE_RKT).u.rkt = topic_;
  part(1, RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  part(2, RD_KAFKA_VTYPE_OPAQUE).u.ptr = write;
  // Before the first call: reports may come while others are made.
  auto left = static_cast<int64_t>(records_.size());
  write->outstanding.fetch_add(left, std::memory_order_relaxed);
  for (const Record& record : records_) {
    part(3, RD_KAFKA_VTYPE_VALUE).u.mem = {const_cast<char*>(record.value), record.valueSize};
    part(4, RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key), record.keySize};
    part(5, RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition;
    part(6, RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = record.timestamp;
    rd_kafka_headers_t* headers = makeHeaders(request, record);
    if (headers != nullptr) part(7, RD_KAFKA_VTYPE_HEADERS).u.headers = headers;

    rd_kafka_error_t* error = nullptr;
    for (;;) {
      error = rd_kafka_produceva(client_, parts, headers == nullptr ? 7 : 8);
      if (error == nullptr || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
          stopProducing(request)) {
        break;
      }
      rd_kafka_error_destroy(error);
      waitForRoom();
    }
    if (error == nullptr) {
      --left;
      if (!stopProducing(request)) continue;
      writes_.settle(write, left);
      return false;
    }
    // Not taken: the headers are still ours.
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    if (!stopProducing(request)) {
      writes_.fail(write, failureOf(rd_kafka_error_code(error), record.partition, rd_kafka_error_string(error)));
    }
    rd_kafka_error_destroy(error);
    writes_.settle(write, left);
    return false;
  }
  return true;
}

// ---------------------------------------------------------------- the face

Sink::Sink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sink::~Sink() = default;  // Impl's destructor closes

Status Sink::create(SinkConfig config, std::function<void()> wake, std::unique_ptr<Sink>& out) {
  auto impl = std::make_unique<Impl>(std::move(config), std::move(wake));
  if (Status status = impl->open(); !status.ok()) return status;
  out.reset(new Sink(std::move(impl)));
  return Status::success();
}

Status Sink::write(WriteRequest request) { return impl_->write(std::move(request)); }
bool Sink::take(SinkEvent& out) { return impl_->take(out); }
Status Sink::metadata(int timeoutMs, std::string& json) { return impl_->metadata(timeoutMs, json); }
SinkStats Sink::stats() const { return impl_->stats(); }
void Sink::close(bool abort) { impl_->close(abort); }

}  // namespace sabot
