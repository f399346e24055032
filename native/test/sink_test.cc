#include <cmath>
#include <map>
#include <set>

#include "sink_fixture.h"

namespace sabot::test {
namespace {

TEST_F(SinkTest, DeliversTenThousandRowsInOrderOfTheirKeys) {
  topic("orders", 4);
  TestSink sink(config("orders"));
  constexpr int64_t writes = 10, rows = 1000;
  for (int64_t w = 0; w < writes; ++w) {
    std::vector<std::optional<std::string>> keys;
    for (int64_t i = 0; i < rows; ++i) keys.emplace_back("key-" + std::to_string((w * rows + i) % 37));
    auto write = request(w + 1, {{"n", sequence(w * rows, rows)}, {"key", TestArray::utf8(keys)}});
    write.roles.key = 1;
    ASSERT_TRUE(sink->write(std::move(write)).ok());
  }
  int64_t bytes = 0;
  std::set<int64_t> ids;
  for (int64_t w = 0; w < writes; ++w) {
    auto event = sink.next();
    ASSERT_TRUE(event);
    ASSERT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
    EXPECT_EQ(event->rows, rows);
    EXPECT_NE(event->keepAlive, nullptr);
    bytes += event->bytes;
    ids.insert(event->id);
  }
  EXPECT_EQ(ids.size(), static_cast<size_t>(writes));

  const auto records = read("orders", 4);
  ASSERT_EQ(records.size(), static_cast<size_t>(writes * rows));
  int64_t readBytes = 0;
  std::map<std::string, std::pair<int32_t, int64_t>> last;  // key -> partition, n
  for (const auto& record : records) {
    ASSERT_TRUE(record.key && record.value);
    readBytes += static_cast<int64_t>(record.key->size() + record.value->size());
    const int64_t n = std::stoll(record.value->substr(5));
    EXPECT_EQ(*record.value, "{\"n\":" + std::to_string(n) + ",\"key\":\"" + *record.key + "\"}");
    EXPECT_EQ(*record.key, "key-" + std::to_string(n % 37));
    const auto [at, isNew] = last.try_emplace(*record.key, record.partition, n);
    if (isNew) continue;
    EXPECT_EQ(at->second.first, record.partition);
    EXPECT_LT(at->second.second, n);
    at->second.second = n;
  }
  EXPECT_EQ(bytes, readBytes);
}

TEST_F(SinkTest, PlacesKeysAsJavaDoes) {
  // Kafka's own UtilsTest.testMurmur2.
  const std::vector<std::pair<std::string, int32_t>> known = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  constexpr int partitions = 13;
  topic("placed", partitions);
  TestSink sink(config("placed"));
  std::vector<std::optional<std::string>> keys;
  for (const auto& [key, hash] : known) keys.emplace_back(key);
  auto write = request(1, {{"key", TestArray::utf8(keys)}});
  write.roles.key = 0;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  std::map<std::string, int32_t> placed;
  for (const auto& record : read("placed", partitions)) placed[*record.key] = record.partition;
  for (const auto& [key, hash] : known) EXPECT_EQ(placed[key], (hash & 0x7fffffff) % partitions) << key;
}

TEST_F(SinkTest, KeepsHeadersTimestampsNullsAndTombstones) {
  topic("full", 1);
  TestSink sink(config("full"));
  const auto headerKeys = TestArray::utf8({"a", "a", "trace", ""});
  const auto headerValues = TestArray::bytes(TypeId::Binary, {"1", "2", std::nullopt, ""});
  const auto entries = TestArray::structs({{"key", headerKeys}, {"value", headerValues}}, 4);
  auto write = request(1, {
      {"n", sequence(0, 5)},
      {"key", TestArray::bytes(TypeId::Binary, {"k", std::nullopt, "", "\xff", "t"})},
      {"headers", TestArray::list(entries, {0, 3, 3, 4, 4, 4}, {true, true, true, std::nullopt, true})},
      {"at", TestArray::fixed<int64_t>(TestArray::simple(TypeId::Timestamp, TimeUnit::Micro),
                                       {1709208000123999, std::nullopt, 1000, 2000, 3000})},
      {"dead", TestArray::bools({false, std::nullopt, false, false, true})}});
  write.roles = {{0}, -1, 1, 2, 3, -1, 4};
  const int64_t before = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch()).count();
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  const auto event = sink.next();
  ASSERT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
  EXPECT_EQ(event->rows, 5);

  const auto records = read("full", 1);
  ASSERT_EQ(records.size(), 5u);
  using Headers = decltype(ReadBack::headers);
  EXPECT_EQ(records[0].headers, (Headers{{"a", "1"}, {"a", "2"}, {"trace", std::nullopt}}));
  EXPECT_EQ(records[1].headers, Headers{});
  EXPECT_EQ(records[2].headers, (Headers{{"", ""}}));
  EXPECT_EQ(records[3].headers, Headers{});
  EXPECT_EQ(records[0].timestamp, 1709208000123);
  EXPECT_GE(records[1].timestamp, before);
  EXPECT_EQ(records[2].timestamp, 1);
  EXPECT_EQ(records[0].key, "k");
  EXPECT_EQ(records[1].key, std::nullopt);
  EXPECT_EQ(records[2].key, "");
  EXPECT_EQ(records[3].key, "\xff");
  EXPECT_EQ(records[1].value, R"({"n":1})");
  EXPECT_EQ(records[4].value, std::nullopt);
}

TEST_F(SinkTest, SendsRawBytesAsTheyAre) {
  topic("raw", 1);
  TestSink sink(config("raw"));
  auto write = request(7, {{"$value", TestArray::bytes(TypeId::Binary, {"{ \"n\": 1.0 }", "", std::nullopt, "null"})}});
  write.roles.value.clear();
  write.roles.raw = 0;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  const auto event = sink.next();
  ASSERT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
  EXPECT_EQ(event->id, 7);
  EXPECT_EQ(event->bytes, 16);
  const auto records = read("raw", 1);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].value, "{ \"n\": 1.0 }");
  EXPECT_EQ(records[1].value, "");
  EXPECT_EQ(records[2].value, std::nullopt);
  EXPECT_EQ(records[3].value, "null");
}

TEST_F(SinkTest, WritesOnlyTheSelectedRowsAndScalarKeysAsText) {
  topic("selected", 1);
  TestSink sink(config("selected"));
  const std::vector<uint32_t> rows = {1, 4, 5};
  auto write = request(1, {{"n", sequence(0, 6)}});
  write.roles.key = 0;
  write.selected = true;
  write.rows = rows;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  EXPECT_EQ(sink.next()->rows, 3);
  const auto records = read("selected", 1);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].key, "1");
  EXPECT_EQ(records[2].value, R"({"n":5})");
}

TEST_F(SinkTest, WritesKeysThatAreStructsOrListsAsJson) {
  topic("nested", 1);
  TestSink sink(config("nested"));
  const auto ids = TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64), {1, 2, 3, std::nullopt});
  const auto scores = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {0.5, NAN, 1.5, std::nullopt});
  const auto key = TestArray::structs({{"id", ids}, {"score", scores}}, 4, {true, true, true, std::nullopt});
  auto write = request(1, {{"n", sequence(0, 4)}, {"key", key}});
  write.onError = OnRowError::Skip;
  write.roles.value = {0};
  write.roles.key = 1;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  const auto event = sink.next();
  ASSERT_EQ(event->errors.size(), 1u);
  EXPECT_EQ(event->errors[0].row, 1u);
  EXPECT_EQ(event->errors[0].message, "column key.score: NaN is not JSON; filter it");
  auto lists = request(2, {{"n", sequence(0, 2)}, {"tags", TestArray::list(TestArray::utf8({"a", "b"}), {0, 2, 2})}});
  lists.roles.value = {0};
  lists.roles.key = 1;
  ASSERT_TRUE(sink->write(std::move(lists)).ok());
  EXPECT_TRUE(sink.next()->errors.empty());
  const auto records = read("nested", 1);
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(records[0].key, R"({"id":1,"score":0.5})");
  EXPECT_EQ(records[1].key, R"({"id":3,"score":1.5})");
  EXPECT_EQ(records[2].key, std::nullopt);
  EXPECT_EQ(records[3].key, R"(["a","b"])");
  EXPECT_EQ(records[4].key, "[]");
}

TEST_F(SinkTest, AnEmptyWriteIsDeliveredAtOnce) {
  topic("empty", 1);
  TestSink sink(config("empty"));
  ASSERT_TRUE(sink->write(request(3, {{"n", sequence(0, 0)}})).ok());
  const auto event = sink.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, SinkEvent::Kind::Delivered);
  EXPECT_EQ(event->rows, 0);
}

TEST_F(SinkTest, RoundRobinSpreadsEvenlyWhateverTheKeys) {
  topic("spread", 4);
  TestSink sink(config("spread", Partitioner::RoundRobin));
  ASSERT_TRUE(sink->write(request(0, {{"n", sequence(0, 1)}})).ok());
  ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  for (const bool withKey : {false, true}) {
    auto write = request(1, {{"n", int64s(std::vector<std::optional<int64_t>>(400, 7))}});
    if (withKey) write.roles.key = 0;
    ASSERT_TRUE(sink->write(std::move(write)).ok());
    ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  }
  std::map<int32_t, int> counts;
  for (const auto& record : read("spread", 4)) ++counts[record.partition];
  ASSERT_EQ(counts.size(), 4u);
  // Not exactly: a partition whose leader is not known yet is passed over.
  for (const auto& [partition, count] : counts) EXPECT_NEAR(count, 200, 20) << partition;
}

TEST_F(SinkTest, StickyKeepsEveryWriteInOnePartition) {
  constexpr int writes = 40;
  topic("sticky", 4);
  TestSink sink(config("sticky", Partitioner::Sticky));
  for (int w = 0; w < writes; ++w) {
    auto write = request(w, {{"w", int64s(std::vector<std::optional<int64_t>>(50, w))}, {"n", sequence(0, 50)}});
    if (w % 2 == 0) write.roles.key = 1;
    ASSERT_TRUE(sink->write(std::move(write)).ok());
  }
  for (int w = 0; w < writes; ++w) ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  std::map<std::string, std::set<int32_t>> partitions;
  std::set<int32_t> used;
  for (const auto& record : read("sticky", 4)) {
    partitions[record.value->substr(0, record.value->find(','))].insert(record.partition);
    used.insert(record.partition);
  }
  EXPECT_EQ(partitions.size(), static_cast<size_t>(writes));
  for (const auto& [write, in] : partitions) EXPECT_EQ(in.size(), 1u) << write;
  EXPECT_GT(used.size(), 1u);
}

TEST_F(SinkTest, APartitionColumnDecides) {
  topic("chosen", 3);
  TestSink sink(config("chosen", Partitioner::Source));
  auto write = request(1, {{"n", sequence(0, 6)},
                           {"p", TestArray::fixed<int32_t>(TestArray::simple(TypeId::Int32), {2, 0, 1, 2, 0, 2})}});
  write.roles.partition = 1;
  ASSERT_TRUE(sink->write(std::move(write)).ok());
  ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered);
  std::string order;
  for (const auto& record : read("chosen", 3)) order += std::to_string(record.partition) + record.value->substr(5, 1) + " ";
  EXPECT_EQ(order, "01 04 12 20 23 25 ");
}

TEST_F(SinkTest, AFullQueueWaitsAndKeepsTheOrder) {
  topic("narrow", 1);
  for (const bool oneByOne : {false, true}) {
    auto narrow = config("narrow");
    narrow.properties.emplace_back("queue.buffering.max.messages", "50");
    TestSink sink(narrow);
    auto write = request(1, {{"n", sequence(oneByOne ? 3000 : 0, 3000)},
                             {"at", TestArray::fixed<int64_t>(TestArray::simple(TypeId::Timestamp),
                                                              std::vector<std::optional<int64_t>>(3000, 5))}});
    write.roles.value = {0};
    if (oneByOne) write.roles.timestamp = 1;
    ASSERT_TRUE(sink->write(std::move(write)).ok());
    const auto event = sink.next();
    ASSERT_TRUE(event);
    ASSERT_EQ(event->kind, SinkEvent::Kind::Delivered) << event->message;
  }
  const auto records = read("narrow", 1);
  ASSERT_EQ(records.size(), 6000u);
  for (size_t i = 0; i < records.size(); ++i) ASSERT_EQ(*records[i].value, "{\"n\":" + std::to_string(i) + "}");
}

TEST_F(SinkTest, EveryCompressionReadsBack) {
  topic("packed", 1);
  for (const std::string type : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    auto packed = config("packed");
    packed.properties.emplace_back("compression.type", type);
    TestSink sink(packed);
    ASSERT_TRUE(sink->write(request(1, {{"n", sequence(0, 500)}})).ok());
    ASSERT_EQ(sink.next()->kind, SinkEvent::Kind::Delivered) << type;
  }
  EXPECT_EQ(read("packed", 1).size(), 2500u);
}

TEST_F(SinkTest, CloseSendsWhatWasWritten) {
  topic("flushed", 2);
  auto slow = config("flushed");
  slow.properties.emplace_back("linger.ms", "60000");
  TestSink sink(slow);
  for (int64_t id = 0; id < 20; ++id) ASSERT_TRUE(sink->write(request(id, {{"n", sequence(0, 100)}})).ok());
  const auto start = std::chrono::steady_clock::now();
  sink->close(false);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  sink->close(false);
  sink->close(true);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sink.next(100ms)->kind, SinkEvent::Kind::Delivered);
  EXPECT_FALSE(sink.next(100ms));
  EXPECT_EQ(sink->write(request(1, {{"n", sequence(0, 1)}})).code, "CLOSED");
  std::string json;
  EXPECT_EQ(sink->metadata(1000, json).code, "CLOSED");
  EXPECT_EQ(read("flushed", 2).size(), 2000u);
}

TEST_F(SinkTest, TellsPartitionsOfTheTopicOrWhichTopicsThereAreAndNeverCreatesIt) {
  topic("known", 5);
  std::string json;
  TestSink known(config("known"));
  Status status = known->metadata(5000, json);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(json, R"([{"name":"known","partitions":5}])");
  for (int i = 0; i < 2; ++i) {
    TestSink unknown(config("unknown"));
    status = unknown->metadata(5000, json);
    ASSERT_TRUE(status.ok()) << status.message;
    EXPECT_EQ(json, R"([{"name":"unknown","partitions":0,"error":"UNKNOWN_TOPIC_OR_PART"},)"
                    R"({"name":"known","partitions":5}])");
  }
}

TEST_F(SinkTest, TheEmbeddedBrokerRefusesWhatItCannotDo) {
  topic("once", 1);
  EXPECT_EQ(broker->createTopic("once", 1).code, "KAFKA");
  EXPECT_EQ(broker->createTopic("", 1).code, "CONFIG");
  EXPECT_EQ(broker->createTopic("none", 0).code, "CONFIG");
  broker->close();
  broker->close();
  EXPECT_EQ(broker->createTopic("late", 1).code, "CLOSED");
}

}  // namespace
}  // namespace sabot::test
