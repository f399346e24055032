#include "admin.h"

#include <rdkafka.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sabot {

namespace {

template <typename T, void (*Destroy)(T*)>
struct Deleter {
  void operator()(T* handle) const { Destroy(handle); }
};
using Client = std::unique_ptr<rd_kafka_t, Deleter<rd_kafka_t, rd_kafka_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_t, rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_t, rd_kafka_event_destroy>>;
using Options =
    std::unique_ptr<rd_kafka_AdminOptions_t, Deleter<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>>;
using Topic = std::unique_ptr<rd_kafka_NewTopic_t, Deleter<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>>;

}  // namespace

Status createTopics(const Properties& properties, const std::vector<NewTopic>& topics, int timeoutMs,
                    const std::atomic<bool>* stop) {
  if (topics.empty()) return Status::success();
  char reason[512] = "";
  ClientLog log;  // outlives the client
  Conf conf;
  if (Status status = makeConf(properties, conf); !status.ok()) return status;
  log.install(conf.get());
  rd_kafka_t* made = nullptr;
  if (Status status = makeClient(RD_KAFKA_PRODUCER, std::move(conf), made); !status.ok()) return status;
  const Client client(made);

  std::vector<Topic> owned;
  std::vector<rd_kafka_NewTopic_t*> requested;
  for (const NewTopic& topic : topics) {
    owned.emplace_back(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, reason, sizeof reason));
    if (owned.back() == nullptr) return Status::error("CONFIG", "topic " + topic.name + ": " + reason);
    for (const auto& [name, value] : topic.config) {
      rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
    }
    requested.push_back(owned.back().get());
  }
  const Options options(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  const int boundMs = std::clamp(timeoutMs, 1, 3'600'000);  // librdkafka's own range
  rd_kafka_AdminOptions_set_request_timeout(options.get(), boundMs, reason, sizeof reason);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), boundMs, reason, sizeof reason);
  const Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_CreateTopics(client.get(), requested.data(), requested.size(), options.get(), queue.get());

  // librdkafka answers at its own time-out; ours is a second later, should it ever not.
  Event event;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(boundMs + 1000);
  while (event == nullptr && std::chrono::steady_clock::now() < deadline) {
    if (stop != nullptr && stop->load()) return Status::error("ABORTED", "the process is ending");
    event.reset(rd_kafka_queue_poll(queue.get(), 50));
  }
  const auto failed = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event.get());
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (failed == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) {
      return Status::error("UNSUPPORTED", "the broker does not let clients create topics (an EmbeddedBroker does it itself)");
    }
    const bool unreached = failed == RD_KAFKA_RESP_ERR__TIMED_OUT || std::string_view(errorCode(failed)) == "CONNECT";
    if (!unreached) return errorStatus(failed, "creating topics", rd_kafka_event_error_string(event.get()));
    const std::string last = log.lastError();
    return Status::error("CONNECT", "no broker answered within " + std::to_string(timeoutMs) + " ms: " +
                                        (last.empty() ? rd_kafka_err2str(failed) : last.c_str()));
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return errorStatus(err, std::string("topic ") + rd_kafka_topic_result_name(results[i]), why == nullptr ? "" : why);
  }
  return Status::success();
}

}  // namespace sabot
