#include "sink.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sink_impl.h"

namespace sabot {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr int pollMs = 50;               // how late the delivery thread may notice a close
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

}  // namespace

Failure abortedFailure() { return {"ABORTED", "the sink was closed before the rows were acknowledged", false, -1, -1}; }

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
