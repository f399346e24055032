// Creating topics: what a demo, a test or a first deployment needs before a pipeline can write.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot {

struct NewTopic {
  std::string name;
  int partitions = 1;
  int replication = -1;  // -1: the broker's default
  std::vector<std::pair<std::string, std::string>> config;
};

// Creates the topics and waits until the broker has answered for each. A topic that exists already is left as it is.
// Blocks up to timeoutMs: call it on a worker thread. `properties` are librdkafka's, bootstrap.servers included.
Status createTopics(const std::vector<std::pair<std::string, std::string>>& properties,
                    const std::vector<NewTopic>& topics, int timeoutMs);

}  // namespace sabot
