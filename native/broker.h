// A Kafka broker inside the process, for demos and tests: librdkafka's mock cluster. It keeps at most 5 MiB a
// partition, forgets everything when it closes, and has no real transactions. No N-API in this file.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "kafka_common.h"
#include "sabot.h"

struct rd_kafka_mock_cluster_s;  // rdkafka_mock.h's rd_kafka_mock_cluster_t

namespace sabot {

// Any thread may call any method. The cluster runs on librdkafka's own threads; close() joins them.
class EmbeddedBroker {
 public:
  static Status start(std::unique_ptr<EmbeddedBroker>& out);
  ~EmbeddedBroker();
  EmbeddedBroker(const EmbeddedBroker&) = delete;
  EmbeddedBroker& operator=(const EmbeddedBroker&) = delete;

  // KAFKA where the topic exists already, CONFIG where a number is out of range, CLOSED after close().
  Status createTopic(const std::string& name, int partitions);
  const std::string& bootstrapServers() const { return bootstrapServers_; }
  void close();  // idempotent

 private:
  EmbeddedBroker() = default;

  ClientLog log_;  // the handle's opaque: outlives client_
  std::mutex mutex_;
  rd_kafka_t* client_ = nullptr;  // the mock cluster needs a handle to live in; nothing is produced with it
  rd_kafka_mock_cluster_s* cluster_ = nullptr;
  std::string bootstrapServers_;
};

}  // namespace sabot
