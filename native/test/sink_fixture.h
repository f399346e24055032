// A sink on the embedded broker, and a plain librdkafka consumer that reads back what it wrote.
#pragma once

#include <gtest/gtest.h>
#include <rdkafka.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array_fixture.h"
#include "broker.h"
#include "client_fixture.h"
#include "sink.h"

namespace sabot::test {

struct ReadBack {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// Every record of the topic, partition by partition in order of offsets.
inline std::vector<ReadBack> readTopic(const std::string& bootstrapServers, const std::string& topic, int partitions) {
  Conf conf;
  EXPECT_TRUE(makeConf({{"bootstrap.servers", bootstrapServers}, {"group.id", "reader"}, {"enable.partition.eof", "true"},
                        {"auto.offset.reset", "earliest"}, {"enable.auto.commit", "false"},
                        {"fetch.wait.max.ms", "10"}}, conf).ok());
  rd_kafka_t* consumer = nullptr;
  EXPECT_TRUE(makeClient(RD_KAFKA_CONSUMER, std::move(conf), consumer).ok());
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, list);
  rd_kafka_topic_partition_list_destroy(list);

  std::vector<ReadBack> records;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (int ends = 0; ends < partitions && std::chrono::steady_clock::now() < deadline;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ends;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ReadBack record;
      record.partition = message->partition;
      record.offset = message->offset;
      record.timestamp = rd_kafka_message_timestamp(message, nullptr);
      if (message->key != nullptr) record.key = std::string(static_cast<char*>(message->key), message->key_len);
      if (message->payload != nullptr) record.value = std::string(static_cast<char*>(message->payload), message->len);
      rd_kafka_headers_t* headers = nullptr;
      if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* name = nullptr;
        const void* value = nullptr;
        size_t size = 0;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
          record.headers.emplace_back(name, value == nullptr ? std::nullopt
                                                             : std::optional(std::string(static_cast<const char*>(value), size)));
        }
      }
      records.push_back(std::move(record));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
    return std::pair(a.partition, a.offset) < std::pair(b.partition, b.offset);
  });
  return records;
}

using TestSink = TestClient<Sink, SinkConfig, SinkEvent>;

inline SinkConfig sinkConfig(const std::string& bootstrapServers, const std::string& topic,
                             Partitioner partitioner = Partitioner::Murmur2) {
  SinkConfig config;
  config.properties = {{"bootstrap.servers", bootstrapServers}};
  config.topic = topic;
  config.codec = "json";
  config.partitioner = partitioner;
  return config;
}

// Rows of the given columns, all of them as the value.
inline WriteRequest request(int64_t id, const std::vector<std::pair<std::string, TestArray>>& columns) {
  WriteRequest out;
  out.id = id;
  out.rowCount = columns.empty() ? 0 : columns[0].second.view().length;
  auto keep = std::make_shared<std::vector<TestArray>>();
  for (const auto& [name, array] : columns) {
    out.roles.value.push_back(static_cast<uint32_t>(out.columns.size()));
    out.columns.push_back(array.named(name));
    keep->push_back(array);
  }
  out.keepAlive = keep;
  return out;
}

inline TestArray int64s(const std::vector<std::optional<int64_t>>& values) {
  return TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64), values);
}

inline TestArray sequence(int64_t from, int64_t count) {
  std::vector<std::optional<int64_t>> values;
  for (int64_t i = 0; i < count; ++i) values.emplace_back(from + i);
  return int64s(values);
}

class SinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status status = EmbeddedBroker::start(broker);
    ASSERT_TRUE(status.ok()) << status.message;
  }
  void topic(const std::string& name, int partitions) {
    const Status status = broker->createTopic(name, partitions);
    ASSERT_TRUE(status.ok()) << status.message;
  }
  std::vector<ReadBack> read(const std::string& name, int partitions) {
    return readTopic(broker->bootstrapServers(), name, partitions);
  }
  SinkConfig config(const std::string& name, Partitioner partitioner = Partitioner::Murmur2) {
    return sinkConfig(broker->bootstrapServers(), name, partitioner);
  }

  std::unique_ptr<EmbeddedBroker> broker;
};

}  // namespace sabot::test
