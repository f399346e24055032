// What the partition queues of librdkafka bring.
#include "record_sets.h"

#include "record_batch.h"
#include "source_fixture.h"

namespace sabot::test {

class RecordSetsTest : public SourceTest {
 protected:
  // What the first fetch brings of partition 0, one text for each record set or message.
  std::vector<std::string> fetch(const std::string& topic, bool takesRecordSets, int64_t from = 0) {
    Conf conf;
    EXPECT_TRUE(makeConf({{"bootstrap.servers", bootstrapServers()}, {"group.id", "none"}, {"check.crcs", "true"}}, conf)
                    .ok());
    rd_kafka_t* client = nullptr;
    EXPECT_TRUE(makeClient(RD_KAFKA_CONSUMER, std::move(conf), client).ok());
    rd_kafka_queue_t* queue = rd_kafka_queue_get_partition(client, topic.c_str(), 0);
    rd_kafka_queue_forward(queue, nullptr);
    if (takesRecordSets) sabot_take_record_sets(queue, 1);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = from;
    rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);

    std::vector<std::string> out;
    for (int timeout = 20'000; rd_kafka_message_t* message = rd_kafka_consume_queue(queue, timeout); timeout = 200) {
      EXPECT_EQ(message->err, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_message_errstr(message);
      out.push_back(textOf(*message));
      rd_kafka_message_destroy(message);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return out;
  }

 private:
  // "[value value] to 5": a record set to offset 5. "value": a message.
  static std::string textOf(const rd_kafka_message_t& message) {
    const std::string_view bytes(static_cast<const char*>(message.payload), message.len);
    if (!sabot_is_record_set(&message)) return std::string(bytes);
    RecordSet set(nullptr, bytes, rd_kafka_message_timestamp(&message, nullptr));
    RecordSet::Limits limits;
    limits.rows = 100;
    limits.bytes = 1000;
    RecordSpan span;
    int64_t size = 0;
    std::string text = "[";
    while (set.take(limits, span, size) == RecordSet::Taken::Records) {
      EXPECT_TRUE(span.forEach([&text](const Message& each) { text += std::string(each.value.view()) + " "; }));
    }
    if (text.back() == ' ') text.pop_back();
    return text + "] to " + std::to_string(message.offset);
  }
};

// The embedded broker sends one record batch at a time.
TEST_F(RecordSetsTest, WhatAResponseHasOfAPartitionIsOneMessageHoweverItIsCompressed) {
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    topic(codec, 1);
    TestProducer(bootstrapServers(), codec).send(codec, {{0, "a"}, {0, "b"}});
    TestProducer(bootstrapServers()).send(codec, {{0, "c"}});
    EXPECT_EQ(fetch(codec, true), (std::vector<std::string>{"[a b] to 1", "[c] to 2"})) << codec;
    EXPECT_EQ(fetch(codec, true, 1), (std::vector<std::string>{"[b] to 1", "[c] to 2"})) << codec;
    EXPECT_EQ(fetch(codec, false), (std::vector<std::string>{"a", "b", "c"})) << codec;
  }
}

}  // namespace sabot::test
