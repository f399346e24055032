// What the source, the sink and the admin calls share of librdkafka: configuration, logs, errors, topic metadata.
// No N-API in this file.
#pragma once

#include <rdkafka.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot {

// librdkafka's configuration properties, in the order in which they were given.
using Properties = std::vector<std::pair<std::string, std::string>>;

// The value of the last property of that name, or nullptr.
const std::string* findProperty(const Properties& properties, std::string_view name);

struct ConfDestroy {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDestroy>;

// CONFIG errors name the property and librdkafka's reason; where the property may be a secret, not the reason.
Status makeConf(const Properties& properties, Conf& out);

// Consumes `conf` also where it fails (as CONFIG). type: RD_KAFKA_PRODUCER or RD_KAFKA_CONSUMER.
Status makeClient(rd_kafka_type_t type, Conf conf, rd_kafka_t*& out);

// ---------------------------------------------------------------- logs

enum class LogLevel : uint8_t { Debug, Info, Warn, Error };
// "debug" | "info" | "warn" | "error". librdkafka's "err" is warn: it goes on trying; only fatal ones are error.
const char* logLevelName(LogLevel level);

struct LogLine {
  LogLevel level = LogLevel::Info;
  std::string message;
};

// Every client's opaque points at its ClientLog: a class whose librdkafka callbacks need more derives from it and
// casts back (static_cast<Mine*>(static_cast<ClientLog*>(opaque))). It must outlive the rd_kafka_t.
//
// librdkafka logs from any of its threads. Lines are kept until someone takes them; at most `limit` of them: beyond
// that the newest are dropped and counted, and the count is said in a line of its own.
class ClientLog {
 public:
  // `wake` runs on librdkafka's threads, with no lock held, after a line came into an empty queue. It may be empty.
  explicit ClientLog(std::function<void()> wake = {}, size_t limit = 1000);
  virtual ~ClientLog() = default;
  ClientLog(const ClientLog&) = delete;
  ClientLog& operator=(const ClientLog&) = delete;

  // Sets log_cb and the opaque. There is no error_cb on purpose: without one librdkafka logs errors at once, with one
  // they would wait for somebody to poll.
  void install(rd_kafka_conf_t* conf);
  void log(LogLevel level, std::string message);
  bool take(LogLine& out);
  // What librdkafka last logged as a failure of a connection ("... Connection refused ..."), or "".
  std::string lastError() const;

 private:
  static void onLog(const rd_kafka_t* client, int level, const char* facility, const char* text);

  mutable std::mutex mutex_;
  std::deque<LogLine> lines_;
  uint64_t dropped_ = 0;
  std::string lastError_;
  const std::function<void()> wake_;
  const size_t limit_;
};

// ---------------------------------------------------------------- errors

// CONNECT (unreachable, TLS, authentication), UNKNOWN_TOPIC, ABORTED (purged), CLOSED (destroyed), CONFIG, else KAFKA.
const char* errorCode(rd_kafka_resp_err_t error);
// Whether the same call may succeed later without anyone changing anything.
bool isRetriable(rd_kafka_resp_err_t error);
// "<what>: <detail or rd_kafka_err2str> (<rd_kafka_err2name>)".
Status errorStatus(rd_kafka_resp_err_t error, std::string_view what, std::string_view detail = {});

// ---------------------------------------------------------------- metadata

struct TopicMetadata {
  std::string name;
  int partitions = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;  // of this topic alone, e.g. unknown
};

// Partition counts of `topics`, in their order (nullptr: of all topics of the cluster). Never creates a topic.
// Blocks up to timeoutMs; once *stop (may be nullptr) is true gives up with ABORTED within 50 ms, within a few seconds
// where all topics were asked for. `log` (may be nullptr) gives the reason why no broker was reached. Any thread; the
// caller keeps the client alive until this returns.
Status readMetadata(rd_kafka_t* client, const std::vector<std::string>* topics, int timeoutMs,
                    const std::atomic<bool>* stop, const ClientLog* log, std::vector<TopicMetadata>& out);

// JSON [{"name", "partitions", "error"?}]: `error` is librdkafka's name, e.g. "UNKNOWN_TOPIC_OR_PART".
std::string metadataToJson(const std::vector<TopicMetadata>& topics);

}  // namespace sabot
