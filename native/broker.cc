#include "broker.h"

#include <rdkafka_mock.h>

#include <string>
#include <utility>

namespace sabot {

Status EmbeddedBroker::start(std::unique_ptr<EmbeddedBroker>& out) {
  std::unique_ptr<EmbeddedBroker> broker(new EmbeddedBroker());
  Conf conf;
  if (Status status = makeConf({{"client.id", "sabot-embedded-broker"}}, conf); !status.ok()) return status;
  broker->log_.install(conf.get());
  if (Status status = makeClient(RD_KAFKA_PRODUCER, std::move(conf), broker->client_); !status.ok()) return status;
  broker->cluster_ = rd_kafka_mock_cluster_new(broker->client_, 1);
  if (broker->cluster_ == nullptr) return Status::error("KAFKA", "the embedded broker could not open a port");
  // Its only broker is 1, but it would name 0 as the controller, and admin requests would wait for that one for ever.
  rd_kafka_mock_set_controller_id(broker->cluster_, 1);
  // A lone consumer should not wait three seconds for others to join its group.
  rd_kafka_mock_group_initial_rebalance_delay_ms(broker->cluster_, 0);
  broker->bootstrapServers_ = rd_kafka_mock_cluster_bootstraps(broker->cluster_);
  out = std::move(broker);
  return Status::success();
}

EmbeddedBroker::~EmbeddedBroker() { close(); }

Status EmbeddedBroker::createTopic(const std::string& name, int partitions) {
  const std::lock_guard lock(mutex_);
  if (cluster_ == nullptr) return Status::error("CLOSED", "the embedded broker was closed");
  if (name.empty()) return Status::error("CONFIG", "topic: expected a name; got an empty one");
  if (partitions < 1 || partitions > 10'000) {
    return Status::error("CONFIG", "topic " + name + ": expected 1 to 10000 partitions; got " +
                                       std::to_string(partitions));
  }
  const auto error = rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? Status::success() : errorStatus(error, "topic " + name);
}

void EmbeddedBroker::close() {
  const std::lock_guard lock(mutex_);
  if (cluster_ != nullptr) rd_kafka_mock_cluster_destroy(std::exchange(cluster_, nullptr));
  if (client_ != nullptr) rd_kafka_destroy(std::exchange(client_, nullptr));
}

}  // namespace sabot
