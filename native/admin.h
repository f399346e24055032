// Creating topics: what a demo, a test or a first deployment needs before a pipeline can write.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "kafka_common.h"
#include "sabot.h"

namespace sabot {

struct NewTopic {
  std::string name;
  int partitions = 1;
  int replication = -1;  // -1: the broker's default
  std::vector<std::pair<std::string, std::string>> config;
};

// Creates the topics and waits until the broker has answered for each. A topic that exists already is left as it is.
// Blocks up to timeoutMs, and is given up with ABORTED within 50 ms once *stop (may be nullptr) is true: call it on a
// worker thread. `properties` are librdkafka's, bootstrap.servers included.
Status createTopics(const Properties& properties, const std::vector<NewTopic>& topics, int timeoutMs,
                    const std::atomic<bool>* stop = nullptr);

}  // namespace sabot
