#include "admin.h"

#include <rdkafka.h>

#include <memory>

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

Status createTopics(const std::vector<std::pair<std::string, std::string>>& properties,
                    const std::vector<NewTopic>& topics, int timeoutMs) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, nullptr);
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return Status::error("CONFIG", error);
    }
  }
  const Client client(rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error));
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Status::error("CONFIG", error);
  }

  std::vector<Topic> owned;
  std::vector<rd_kafka_NewTopic_t*> requested;
  for (const NewTopic& topic : topics) {
    owned.emplace_back(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, error, sizeof error));
    if (owned.back() == nullptr) return Status::error("CONFIG", "topic " + topic.name + ": " + error);
    for (const auto& [name, value] : topic.config) {
      rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
    }
    requested.push_back(owned.back().get());
  }
  const Options options(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeoutMs, error, sizeof error);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), timeoutMs, error, sizeof error);
  const Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_CreateTopics(client.get(), requested.data(), requested.size(), options.get(), queue.get());

  const Event event(rd_kafka_queue_poll(queue.get(), timeoutMs + 1000));
  if (event == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Status::error("CONNECT", event == nullptr ? "no answer from the brokers"
                                                     : rd_kafka_event_error_string(event.get()));
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return Status::error("KAFKA", std::string("topic ") + rd_kafka_topic_result_name(results[i]) + ": " +
                                      (why != nullptr ? why : rd_kafka_err2str(err)));
  }
  return Status::success();
}

}  // namespace sabot
