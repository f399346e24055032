#include "kafka_common.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_text.h"

namespace sabot {

using Clock = std::chrono::steady_clock;

const std::string* findProperty(const Properties& properties, std::string_view name) {
  for (auto it = properties.rbegin(); it != properties.rend(); ++it) {
    if (it->first == name) return &it->second;
  }
  return nullptr;
}

static bool isSecret(std::string_view name) {
  for (const std::string_view part : {"ssl.", "sasl.", "https.", "password", "secret", "token", "key"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

Status makeConf(const Properties& properties, Conf& out) {
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    char reason[512] = "";
    const auto result = rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof(reason));
    if (result == RD_KAFKA_CONF_OK) continue;
    if (result == RD_KAFKA_CONF_UNKNOWN) {
      return Status::error("CONFIG", "client property " + name + ": librdkafka does not know it");
    }
    // librdkafka's reason may quote the value.
    const std::string text = isSecret(name) ? "librdkafka does not accept the value" : reason;
    return Status::error("CONFIG", "client property " + name + ": " + text);
  }
  out = std::move(conf);
  return Status::success();
}

Status makeClient(rd_kafka_type_t type, Conf conf, rd_kafka_t*& out) {
  char reason[512] = "";
  out = rd_kafka_new(type, conf.get(), reason, sizeof(reason));
  if (out == nullptr) {
    if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) {
      return Status::error("MEMORY", std::string("the client could not be made: ") + reason);  // no thread for it
    }
    return Status::error("CONFIG", std::string("client properties: ") + reason);
  }
  (void)conf.release();  // rd_kafka_new took it
  return Status::success();
}

// ---------------------------------------------------------------- logs

const char* logLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warn: return "warn";
    case LogLevel::Error: return "error";
  }
  return "info";
}

ClientLog::ClientLog(std::function<void()> wake, size_t limit) : wake_(std::move(wake)), limit_(limit) {}

void ClientLog::install(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_log_cb(conf, &ClientLog::onLog);
}

void ClientLog::log(LogLevel level, std::string message) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= limit_) {
      ++dropped_;
      return;
    }
    lines_.push_back({level, std::move(message)});
    if (lines_.size() > 1) return;
  }
  if (wake_) wake_();
}

bool ClientLog::take(LogLine& out) {
  const std::lock_guard lock(mutex_);
  if (!lines_.empty()) {
    out = std::move(lines_.front());
    lines_.pop_front();
    return true;
  }
  if (dropped_ == 0) return false;
  out = {LogLevel::Warn, std::to_string(dropped_) + " log lines of librdkafka were dropped: too many at once"};
  dropped_ = 0;
  return true;
}

std::string ClientLog::lastError() const {
  const std::lock_guard lock(mutex_);
  return lastError_;
}

// On any of librdkafka's threads.
void ClientLog::onLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // The name has no opaque while rd_kafka_new is still at work.
  auto* self = client == nullptr ? nullptr : static_cast<ClientLog*>(rd_kafka_opaque(client));
  if (self == nullptr) return;
  std::string_view message = text;
  if (message.starts_with("[thrd:")) {
    // Host names may hold brackets (IPv6), so the thread's name ends at "]: ".
    if (const auto end = message.find("]: "); end != std::string_view::npos) message.remove_prefix(end + 3);
  }
  if (level <= 3 && (std::strcmp(facility, "FAIL") == 0 || std::strcmp(facility, "ERROR") == 0)) {
    const std::lock_guard lock(self->mutex_);
    // "1/1 brokers are down" follows upon the failure that tells why: keep that one.
    if (self->lastError_.empty() || message.find("brokers are down") == std::string_view::npos) {
      self->lastError_ = message;
    }
  }
  const LogLevel mapped = level <= 2   ? LogLevel::Error
                          : level <= 4 ? LogLevel::Warn
                          : level <= 6 ? LogLevel::Info
                                       : LogLevel::Debug;
  self->log(mapped, std::string(facility) + ": " + std::string(message));
}

// ---------------------------------------------------------------- errors

const char* errorCode(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return "";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: return "CONNECT";
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return "UNKNOWN_TOPIC";
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: return "ABORTED";
    case RD_KAFKA_RESP_ERR__DESTROY: return "CLOSED";
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__CONFLICT:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR: return "CONFIG";
    default: return "KAFKA";
  }
}

bool isRetriable(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    // A commit during or behind a rebalance: the client joins again by itself.
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED: return true;
    default: return false;
  }
}

Status errorStatus(rd_kafka_resp_err_t error, std::string_view what, std::string_view detail) {
  std::string message(what);
  message += ": ";
  message += detail.empty() ? std::string_view(rd_kafka_err2str(error)) : detail;
  message += " (";
  message += rd_kafka_err2name(error);
  message += ")";
  return Status::error(errorCode(error), std::move(message));
}

// ---------------------------------------------------------------- metadata

namespace {

struct Deadline {
  Clock::time_point at;
  explicit Deadline(int timeoutMs) : at(Clock::now() + std::chrono::milliseconds(std::max(timeoutMs, 0))) {}
  int leftMs() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()).count();
    return static_cast<int>(std::max<int64_t>(left, 0));
  }
};

bool stopped(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

Status abortedStatus() { return Status::error("ABORTED", "metadata: the client is being closed"); }

// A time-out without an answer means that no broker was reached: CONNECT, with what the connection last failed of.
Status unreachable(rd_kafka_resp_err_t error, int timeoutMs, const ClientLog* log) {
  const std::string reason = log == nullptr ? "" : log->lastError();
  if (error != RD_KAFKA_RESP_ERR__TIMED_OUT && std::string_view(errorCode(error)) != "CONNECT") {
    return errorStatus(error, "metadata");
  }
  return Status::error("CONNECT", "no broker answered within " + std::to_string(timeoutMs) + " ms: " +
                                      (reason.empty() ? rd_kafka_err2str(error) : reason.c_str()));
}

Status readAll(rd_kafka_t* client, int timeoutMs, const std::atomic<bool>* stop, const ClientLog* log,
               std::vector<TopicMetadata>& out) {
  const Deadline deadline(timeoutMs);
  // In growing slices, since this call cannot be interrupted: a close need not wait for all of timeoutMs, and a slow
  // broker is still given the time that it needs.
  for (int slice = 1000;; slice *= 2) {
    if (stopped(stop)) return abortedStatus();
    const rd_kafka_metadata_t* metadata = nullptr;
    const int waitMs = std::min(slice, std::max(deadline.leftMs(), 1));
    const auto error = rd_kafka_metadata(client, 1, nullptr, &metadata, waitMs);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      for (int i = 0; i < metadata->topic_cnt; ++i) {
        const auto& topic = metadata->topics[i];
        out.push_back({topic.topic, topic.partition_cnt, topic.err});
      }
      rd_kafka_metadata_destroy(metadata);
      return Status::success();
    }
    if (deadline.leftMs() == 0 || !isRetriable(error)) return unreachable(error, timeoutMs, log);
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) {  // at once: do not spin
      rd_kafka_queue_t* nothing = rd_kafka_queue_new(client);
      rd_kafka_event_destroy(rd_kafka_queue_poll(nothing, std::min(50, deadline.leftMs())));
      rd_kafka_queue_destroy(nothing);
    }
  }
}

struct Describe {
  rd_kafka_queue_t* queue = nullptr;
  rd_kafka_AdminOptions_t* options = nullptr;
  rd_kafka_TopicCollection_t* names = nullptr;
  rd_kafka_event_t* event = nullptr;
  Describe() = default;
  Describe(const Describe&) = delete;
  Describe& operator=(const Describe&) = delete;
  ~Describe() {
    if (event != nullptr) rd_kafka_event_destroy(event);
    if (names != nullptr) rd_kafka_TopicCollection_destroy(names);
    if (options != nullptr) rd_kafka_AdminOptions_destroy(options);
    // An answer that is still to come is dropped with the queue.
    if (queue != nullptr) rd_kafka_queue_destroy(queue);
  }
};

}  // namespace

Status readMetadata(rd_kafka_t* client, const std::vector<std::string>* topics, int timeoutMs,
                    const std::atomic<bool>* stop, const ClientLog* log, std::vector<TopicMetadata>& out) {
  out.clear();
  if (topics == nullptr) return readAll(client, timeoutMs, stop, log, out);
  if (topics->empty()) return Status::success();

  // DescribeTopics and not rd_kafka_metadata: it never creates the topics that it asks for, and can be given up.
  std::vector<const char*> names;
  for (const auto& topic : *topics) {
    const bool twice = std::any_of(names.begin(), names.end(), [&](const char* name) { return topic == name; });
    if (!twice) names.push_back(topic.c_str());
  }
  const Deadline deadline(timeoutMs);
  Describe ask;
  ask.queue = rd_kafka_queue_new(client);
  ask.options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
  ask.names = rd_kafka_TopicCollection_of_topic_names(names.data(), names.size());
  char reason[512] = "";
  const auto bad = rd_kafka_AdminOptions_set_request_timeout(ask.options, std::clamp(timeoutMs, 1, 3'600'000), reason,
                                                             sizeof(reason));
  if (bad != RD_KAFKA_RESP_ERR_NO_ERROR) return errorStatus(bad, "metadata", reason);
  rd_kafka_DescribeTopics(client, ask.names, ask.options, ask.queue);

  // librdkafka answers at its own time-out; ours is a second later, should it ever not.
  while (ask.event == nullptr) {
    if (stopped(stop)) return abortedStatus();
    ask.event = rd_kafka_queue_poll(ask.queue, 50);
    if (ask.event == nullptr && Clock::now() > deadline.at + std::chrono::seconds(1)) {
      return unreachable(RD_KAFKA_RESP_ERR__TIMED_OUT, timeoutMs, log);
    }
  }
  const auto error = rd_kafka_event_error(ask.event);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unreachable(error, timeoutMs, log);

  size_t count = 0;
  const auto* found =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(ask.event), &count);
  for (const auto& topic : *topics) {
    TopicMetadata entry{topic, 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART};
    for (size_t i = 0; i < count; ++i) {
      if (topic != rd_kafka_TopicDescription_name(found[i])) continue;
      entry.error = rd_kafka_error_code(rd_kafka_TopicDescription_error(found[i]));
      size_t partitions = 0;
      if (entry.error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_TopicDescription_partitions(found[i], &partitions);
      entry.partitions = static_cast<int>(partitions);
    }
    out.push_back(std::move(entry));
  }
  return Status::success();
}

std::string metadataToJson(const std::vector<TopicMetadata>& topics) {
  std::string json = "[";
  for (const auto& topic : topics) {
    if (json.size() > 1) json += ',';
    json += "{\"name\":" + jsonString(topic.name) + ",\"partitions\":" + std::to_string(topic.partitions);
    if (topic.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      json += ",\"error\":" + jsonString(rd_kafka_err2name(topic.error));
    }
    json += '}';
  }
  return json + ']';
}

}  // namespace sabot
