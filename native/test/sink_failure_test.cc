#include <rdkafka.h>

// After rdkafka.h.
#include <rdkafka_mock.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <thread>

#include "sink_fixture.h"

namespace sabot::test {
namespace {

constexpr char nobody[] = "127.0.0.1:1";  // refuses connections

std::chrono::milliseconds timed(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

TestArray withNaN() {
  return TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.0, std::nan(""), 3.0, std::nan(""), 5.0});
}

TEST_F(SinkTest, ARowThatCannotBeEncodedFailsTheWriteBeforeAnythingIsSent) {
  topic("strict", 1);
  TestSink sink(config("strict"));
  auto write = request(1, {{"total", withNaN()}});
  const std::weak_ptr<void> kept = write.keepAlive;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  {
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "ENCODE");
    EXPECT_EQ(event->row, 1);
    EXPECT_EQ(event->message, "column total: NaN is not JSON; use codecOptions.nonFinite 'null' or filter it");
    EXPECT_FALSE(kept.expired());
  }
  EXPECT_TRUE(kept.expired()) << "the event had the last reference";
  // Its rows are missing: what comes behind them must not overtake them.
  ASSERT_TRUE(sink->write(request(2, {{"n", sequence(0, 2)}})).ok());
  const auto later = sink.next();
  EXPECT_EQ(later->kind, SinkEvent::Kind::Failed);
  EXPECT_NE(later->message.find("not sent, since an earlier write failed"), std::string::npos) << later->message;
}

TEST_F(SinkTest, SkipSendsTheOtherRowsAndNamesThese) {
  topic("lenient", 1);
  TestSink sink(config("lenient"));
  auto write = request(1, {{"total", withNaN()}});
  const std::vector<uint32_t> rows = {0, 2, 3, 4};
  write.selected = true;
  write.rows = rows;
  write.onError = OnRowError::Skip;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  const auto event = sink.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, SinkEvent::Kind::Delivered);
  EXPECT_EQ(event->rows, 3);
  ASSERT_EQ(event->errors.size(), 1u);
  EXPECT_EQ(event->errors[0].row, 3u) << "a row of the columns, not of the selection";
  EXPECT_EQ(event->errors[0].code, "ENCODE");
  EXPECT_EQ(read("lenient", 1).size(), 3u);
}

TEST_F(SinkTest, SkipFindsBadRowsInEveryChunk) {
  topic("chunks", 1);
  TestSink sink(config("chunks"));
  std::vector<std::optional<double>> values(5000, 1.0);
  for (const size_t bad : {0u, 1023u, 1024u, 4999u}) values[bad] = std::nan("");
  auto write = request(1, {{"v", TestArray::fixed<double>(TestArray::simple(TypeId::Float64), values)}});
  write.onError = OnRowError::Skip;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  const auto event = sink.next();
  EXPECT_EQ(event->rows, 4996);
  std::vector<uint32_t> bad;
  for (const auto& error : event->errors) bad.push_back(error.row);
  EXPECT_EQ(bad, (std::vector<uint32_t>{0, 1023, 1024, 4999}));
}

TEST_F(SinkTest, EnvelopesThatCannotBeSentAreRowErrors) {
  topic("envelope", 2);
  auto small = config("envelope");
  small.properties.emplace_back("message.max.bytes", "1000");
  TestSink sink(small);
  const auto entries = TestArray::structs({{"key", TestArray::utf8({std::nullopt})}, {"value", TestArray::utf8({"v"})}}, 1);
  const auto yes = std::optional<bool>(true);
  auto write = request(1, {
      {"text", TestArray::utf8({"ok", "a", "b", "c", "d", "e", std::string(1000, 'x'), "fine"})},
      {"p", TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64), {0, std::nullopt, -1, 1LL << 40, 0, 0, 0, 1})},
      {"at", TestArray::fixed<int64_t>(TestArray::simple(TypeId::Timestamp, TimeUnit::Second),
                                       {1, 1, 1, 1, -1, INT64_MAX, 1, std::nullopt})},
      {"headers", TestArray::list(entries, {0, 0, 0, 0, 0, 0, 0, 0, 0}, {yes, yes, yes, yes, yes, yes, yes, yes})}});
  write.roles = {{0}, -1, -1, 3, 2, 1, -1};
  write.onError = OnRowError::Skip;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  auto event = sink.next();
  ASSERT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
  EXPECT_EQ(event->rows, 2);
  ASSERT_EQ(event->errors.size(), 6u);
  EXPECT_EQ(event->errors[0].message, "column p: null is not a partition");
  EXPECT_EQ(event->errors[1].message, "column p: expected a partition, 0 to 2147483647; got -1");
  EXPECT_EQ(event->errors[2].message, "column p: expected a partition, 0 to 2147483647; got a greater number");
  EXPECT_EQ(event->errors[3].message, "column at: a record's timestamp is from 1970 on; got -1 in timestamp[s]");
  EXPECT_EQ(event->errors[4].row, 5u);
  EXPECT_EQ(event->errors[5].message, "the record has 1047 bytes; message.max.bytes allows 1000");

  auto bad = request(2, {{"n", sequence(0, 1)}, {"headers", TestArray::list(entries, {0, 1})}});
  bad.roles = {{0}, -1, -1, 1, -1, -1, -1};
  ASSERT_TRUE(sink->write(std::move(bad)).ok());
  EXPECT_EQ(sink.next()->message, "column headers: a header's key is null");
}

TEST_F(SinkTest, ATombstoneNeedsNoValueThatEncodes) {
  topic("dead", 1);
  TestSink sink(config("dead"));
  auto write = request(1, {{"total", withNaN()}, {"dead", TestArray::bools({false, true, false, true, false})}});
  write.roles.value = {0};
  write.roles.tombstone = 1;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  EXPECT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  EXPECT_EQ(read("dead", 1)[1].value, std::nullopt);
}

TEST_F(SinkTest, RolesThatDoNotFitAreRefused) {
  TestSink sink(config("roles"));
  const auto refused = [&](const RecordRoles& roles) {
    auto write = request(1, {{"n", sequence(0, 2)}, {"s", TestArray::utf8({"a", "b"})}});
    write.roles = roles;
    const Status status = sink->write(std::move(write));
    EXPECT_EQ(status.code, "SCHEMA");
    return status.message;
  };
  EXPECT_EQ(refused({{0, 9}, -1, -1, -1, -1, -1, -1}), "value: there is no column 9");
  EXPECT_EQ(refused({{}, 0, -1, -1, -1, -1, -1}), "column n: expected binary or utf8 for the raw; got int64");
  EXPECT_EQ(refused({{0}, -1, 2, -1, -1, -1, -1}), "key: there is no column 2");
  EXPECT_EQ(refused({{0}, -1, -1, 1, -1, -1, -1}),
            "column s: expected list<struct<key: utf8, value: binary>> for the headers; got utf8");
  EXPECT_EQ(refused({{0}, -1, -1, -1, 0, -1, -1}), "column n: expected a timestamp for the timestamp; got int64");
  EXPECT_EQ(refused({{0}, -1, -1, -1, -1, 1, -1}), "column s: expected an integer for the partition; got utf8");
  EXPECT_EQ(refused({{0}, -1, -1, -1, -1, -1, 0}), "column n: expected bool for the tombstone; got int64");

  auto beyond = request(1, {{"n", sequence(0, 2)}});
  const std::vector<uint32_t> rows = {0, 2};
  beyond.selected = true;
  beyond.rows = rows;
  EXPECT_EQ(sink->write(std::move(beyond)).message, "rows: expected less than 2; got 2");
  auto longer = request(1, {{"n", sequence(0, 2)}});
  longer.rowCount = 3;
  EXPECT_EQ(sink->write(std::move(longer)).code, "SCHEMA");

  TestSink source(config("roles", Partitioner::Source));
  EXPECT_EQ(source->write(request(1, {{"n", sequence(0, 1)}})).code, "SCHEMA");
  auto text = config("roles");
  text.codec = "string";
  TestSink string(text);
  EXPECT_EQ(string->write(request(1, {{"a", sequence(0, 1)}, {"b", sequence(0, 1)}})).message,
            "the codec string writes exactly one column; got 2 (a, b)");
}

TEST_F(SinkTest, ConfigurationErrorsNameThePropertyAndHideSecrets) {
  std::unique_ptr<Sink> sink;
  const auto refused = [&](const std::string& name, const std::string& value) {
    auto bad = config("t");
    bad.properties.emplace_back(name, value);
    const Status status = Sink::create(bad, [] {}, sink);
    EXPECT_EQ(status.code, "CONFIG");
    EXPECT_EQ(sink, nullptr);
    return status.message;
  };
  EXPECT_EQ(refused("linger.msec", "5"), "client property linger.msec: librdkafka does not know it");
  EXPECT_NE(refused("compression.type", "brotli").find("compression.type"), std::string::npos);
  EXPECT_EQ(refused("ssl.endpoint.identification.algorithm", "hunter2"),
            "client property ssl.endpoint.identification.algorithm: librdkafka does not accept the value");
  EXPECT_NE(refused("acks", "1").find("acks"), std::string::npos) << "not with idempotence";
  auto codec = config("t");
  codec.codec = "avro";
  EXPECT_EQ(Sink::create(codec, [] {}, sink).code, "CONFIG");
}

TEST_F(SinkTest, AnUnknownTopicFailsTheWriteAndAllAfterIt) {
  auto quick = config("nowhere");
  quick.properties.emplace_back("topic.metadata.propagation.max.ms", "200");
  TestSink sink(quick);
  for (int64_t id = 1; id <= 3; ++id) ASSERT_TRUE(sink->write(request(id, {{"n", sequence(0, 100)}})).ok());
  for (int64_t id = 1; id <= 3; ++id) {
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, id);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "UNKNOWN_TOPIC");
    EXPECT_EQ(event->topic, "nowhere");
  }
  ASSERT_TRUE(sink->write(request(4, {{"n", sequence(0, 1)}})).ok());
  const auto event = sink.next();
  EXPECT_EQ(event->id, 4);
  EXPECT_EQ(event->message.rfind("not sent, since an earlier write failed: ", 0), 0u);
}

TEST_F(SinkTest, AnUnknownPartitionIsADeliveryFailure) {
  topic("three", 3);
  for (const bool warm : {false, true}) {
    TestSink sink(config("three"));
    std::string json;
    if (warm) {
      ASSERT_TRUE(sink->write(request(9, {{"n", sequence(0, 1)}})).ok());
      ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
    }
    auto write = request(1, {{"p", TestArray::fixed<int32_t>(TestArray::simple(TypeId::Int32), {0, 99, 1})}});
    write.roles.partition = 0;
    ASSERT_TRUE(sink->write(std::move(write)).ok());
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "DELIVERY");
    EXPECT_EQ(event->partition, 99);
    EXPECT_NE(event->message.find("Unknown partition"), std::string::npos) << event->message;
    EXPECT_LT(timed([&] { sink->close(true); }), 4s);
  }
}

// The broker's own refusal, with its reason and the partition; on a mock cluster whose requests can be failed.
TEST(SinkFailures, WhatTheBrokerRefusesFailsWithItsReason) {
  char reason[512];
  rd_kafka_t* host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
  ASSERT_NE(host, nullptr);
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(host, 1);
  ASSERT_EQ(rd_kafka_mock_topic_create(cluster, "guarded", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  {
    TestSink sink(sinkConfig(rd_kafka_mock_cluster_bootstraps(cluster), "guarded"));
    ASSERT_TRUE(sink->write(request(1, {{"n", sequence(0, 10)}})).ok());
    ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
    constexpr int16_t produce = 0;  // the api key
    rd_kafka_mock_push_request_errors(cluster, produce, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    ASSERT_TRUE(sink->write(request(2, {{"n", sequence(0, 10)}})).ok());
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "DELIVERY");
    EXPECT_EQ(event->partition, 0);
    EXPECT_FALSE(event->retriable);
    EXPECT_NE(event->message.find("TOPIC_AUTHORIZATION_FAILED"), std::string::npos) << event->message;
    ASSERT_TRUE(sink->write(request(3, {{"n", sequence(0, 10)}})).ok());
    EXPECT_EQ(sink.next()->kind, SinkEvent::Kind::Failed);
    EXPECT_LT(timed([&] { sink->close(false); }), 4s);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(host);
}

TEST_F(SinkTest, ABrokerThatGoesAwayFailsWhatWasNotDelivered) {
  topic("gone", 1);
  auto quick = config("gone");
  quick.properties.emplace_back("message.timeout.ms", "1500");
  TestSink sink(quick);
  ASSERT_TRUE(sink->write(request(1, {{"n", sequence(0, 100)}})).ok());
  ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  broker->close();
  for (int64_t id = 2; id <= 4; ++id) ASSERT_TRUE(sink->write(request(id, {{"n", sequence(0, 100)}})).ok());
  for (int64_t id = 2; id <= 4; ++id) {
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, id);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "DELIVERY");
    EXPECT_TRUE(event->retriable);
    EXPECT_NE(event->message.find("_MSG_TIMED_OUT"), std::string::npos) << event->message;
  }
  EXPECT_LT(timed([&] { sink->close(false); }), 5s);
}

TEST(SinkFailures, AbortFailsEverythingPendingAndIsQuick) {
  TestSink sink(sinkConfig(nobody, "t"));
  for (int64_t id = 1; id <= 50; ++id) ASSERT_TRUE(sink->write(request(id, {{"n", sequence(0, 1000)}})).ok());
  EXPECT_LT(timed([&] { sink->close(true); }), 4s);
  for (int64_t id = 1; id <= 50; ++id) {
    const auto event = sink.next(100ms);
    ASSERT_TRUE(event) << id;
    EXPECT_EQ(event->id, id);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Failed);
    EXPECT_EQ(event->code, "ABORTED");
  }
  EXPECT_FALSE(sink.next(50ms));
}

TEST(SinkFailures, AbortFreesAProducerThatWaitsForRoom) {
  auto narrow = sinkConfig(nobody, "t");
  narrow.properties.emplace_back("queue.buffering.max.messages", "10");
  TestSink sink(narrow);
  ASSERT_TRUE(sink->write(request(1, {{"n", sequence(0, 1000)}})).ok());
  ASSERT_TRUE(sink->write(request(2, {{"n", sequence(0, 1000)}})).ok());
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(timed([&] { sink->close(true); }), 4s);
  for (int64_t id = 1; id <= 2; ++id) EXPECT_EQ(sink.next(100ms)->code, "ABORTED");
}

TEST(SinkFailures, AbortHurriesACloseThatWaits) {
  TestSink sink(sinkConfig(nobody, "t"));
  ASSERT_TRUE(sink->write(request(1, {{"n", sequence(0, 10)}})).ok());
  std::atomic<bool> closed{false};
  std::thread waiting([&] {
    sink->close(false);
    closed = true;
  });
  std::this_thread::sleep_for(300ms);
  EXPECT_FALSE(closed) << "it waits for message.timeout.ms";
  EXPECT_LT(timed([&] { sink->close(true); }), 4s);
  waiting.join();
  EXPECT_EQ(sink.next(100ms)->code, "ABORTED");
}

TEST(SinkFailures, ASinkCanBeDestroyedInAnyState) {
  { TestSink never(sinkConfig(nobody, "t")); }
  std::weak_ptr<void> kept;
  {
    TestSink busy(sinkConfig(nobody, "t"));
    auto write = request(1, {{"n", sequence(0, 10)}});
    kept = write.keepAlive;
    ASSERT_TRUE(busy->write(std::move(write)).ok());
    busy.destroy();
  }
  EXPECT_TRUE(kept.expired());
}

TEST(SinkFailures, AnUnreachableBrokerIsSaidWithTheReason) {
  TestSink sink(sinkConfig(nobody, "t"));
  std::string json;
  Status status;
  EXPECT_LT(timed([&] { status = sink->metadata(700, json); }), 3s);
  EXPECT_EQ(status.code, "CONNECT");
  EXPECT_NE(status.message.find("Connection refused"), std::string::npos) << status.message;
}

TEST(SinkFailures, ACloseEndsAMetadataCall) {
  TestSink sink(sinkConfig(nobody, "t"));
  std::thread asking([&] {
    std::string json;
    EXPECT_EQ(sink->metadata(60'000, json).code, "CLOSED");
  });
  std::this_thread::sleep_for(200ms);
  EXPECT_LT(timed([&] { sink->close(false); }), 4s);
  asking.join();
}

TEST_F(SinkTest, WritesFromSeveralThreadsAllArrive) {
  topic("busy", 3);
  TestSink sink(config("busy"));
  std::vector<std::thread> writers;
  for (int64_t t = 0; t < 4; ++t) {
    writers.emplace_back([&sink, t] {
      for (int64_t i = 0; i < 25; ++i) {
        EXPECT_TRUE(sink->write(request(t * 100 + i, {{"n", sequence(0, 20)}})).ok());
      }
    });
  }
  int64_t rows = 0;
  for (int i = 0; i < 100; ++i) {
    const auto event = sink.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
    rows += event->rows;
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(rows, 2000);
}

}  // namespace
}  // namespace sabot::test
