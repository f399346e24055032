#include <atomic>
#include <thread>

#include "source_fixture.h"

namespace sabot::test {

using Kind = SourceEvent::Kind;

TEST_F(SourceTest, ASlowReaderHoldsBoundedBytesAndLosesNothing) {
  topic("slow", 2);
  constexpr int count = 6000;
  std::vector<TestMessage> messages;
  for (int i = 0; i < count; ++i) messages.push_back({i % 2, std::to_string(i) + std::string(500, '.')});
  producer->send("slow", messages);
  auto small = config();
  small.maxRows = 100;
  small.maxQueueBytes = 300'000;
  small.properties.emplace_back("queued.max.messages.kbytes", "64");
  TestSource source(small);
  source.begin({"slow"});
  ASSERT_TRUE(source.next(Kind::Assigned));
  // One batch of each partition may be taken beyond the limit, and its rows lie beside its messages while it is decoded.
  constexpr int64_t most = 300'000 + 2 * 4 * 100 * 1000;
  const auto until = Clock::now() + 10s;
  int64_t highest = 0;
  for (int more = 100; Clock::now() < until && more > 0;) {
    if (highest >= 300'000) --more;  // full: goes on for a while
    highest = std::max(highest, source->stats().queuedBytes);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GE(highest, 300'000);
  EXPECT_LE(highest, most);
  EXPECT_EQ(read(source).count, static_cast<size_t>(count));
  EXPECT_EQ(source->stats().queuedBytes, 0);
}

TEST_F(SourceTest, ABatchLargerThanTheQueueStillComes) {
  topic("large", 1);
  std::vector<TestMessage> messages;
  for (int i = 0; i < 20; ++i) messages.push_back({0, std::string(100'000, 'x')});
  producer->send("large", messages);
  auto tiny = config();
  tiny.maxQueueBytes = 1;
  TestSource source(tiny);
  source.begin({"large"});
  EXPECT_EQ(read(source).count, 20u);
}

TEST_F(SourceTest, ClosingIsQuickWhateverItDoes) {
  topic("close", 2);
  fill("close", 2, 1000);
  const auto closes = [](TestSource& source) {
    const auto begin = Clock::now();
    source->close();
    source->close();
    EXPECT_LT(Clock::now() - begin, 4s);
    SourceEvent event;
    while (source->take(event)) EXPECT_NE(event.kind, Kind::Error) << event.message;
  };
  {
    TestSource source(config());
    closes(source);
  }
  {
    TestSource source(config());
    source->subscribe({"close"});
    closes(source);
  }
  for (int i = 0; i < 60; ++i) {  // while it joins, looks for where to begin, and reads
    TestSource source(config(Until::Kind::Never, "group" + std::to_string(i)));
    source.begin({"close"});
    std::this_thread::sleep_for(std::chrono::microseconds(i * 1000));
    closes(source);
  }
  for (int i = 0; i < 40; ++i) {  // while it looks for the partitions, and for where they begin and end
    TestSource source(withoutGroup());
    source.begin({"close"});
    std::this_thread::sleep_for(std::chrono::microseconds(i * 250));
    closes(source);
  }
  {
    TestSource source(withoutGroup(Until::Kind::Never));
    source.begin({"close"});
    EXPECT_EQ(read(source, 100).count > 0, true);
    closes(source);
  }
  {
    TestSource source(config(Until::Kind::Never, "destroyed"));
    source.begin({"close"});
    ASSERT_TRUE(source.next(Kind::Batch));
    source.destroy();
  }
}

TEST_F(SourceTest, ClosingWithAnUnansweredRevokeGivesThePartitionsBack) {
  topic("unanswered", 2);
  for (const char* strategy : {"cooperative-sticky", "range"}) {
    auto member = config(Until::Kind::Never, std::string("unanswered-") + strategy);
    member.properties.emplace_back("partition.assignment.strategy", strategy);
    TestSource first(member);
    first.begin({"unanswered"});
    ASSERT_TRUE(first.next(Kind::Assigned));
    TestSource second(member);
    second->subscribe({"unanswered"});
    ASSERT_TRUE(first.next(Kind::Revoked));
    const auto begin = Clock::now();
    first->close();
    EXPECT_LT(Clock::now() - begin, 4s);
    size_t partitions = 0;
    while (partitions < 2) {
      const auto assigned = second.next(Kind::Assigned);
      ASSERT_TRUE(assigned) << logText(second);
      partitions += assigned->partitions.size();
    }
  }
}

TEST(SourceOutage, AnUnreachableBrokerIsWaitedForAndClosedQuickly) {
  for (const bool group : {true, false}) {
    SourceConfig config;
    config.properties = {{"bootstrap.servers", "127.0.0.1:1"}, {"group.id", "nobody"}};
    config.group = group;
    config.until.kind = Until::Kind::End;
    TestSource source(config);
    source.begin({"nowhere"});
    std::string json;
    const std::vector<std::string> names = {"nowhere"};
    EXPECT_EQ(source->metadata(&names, 300, json).code, "CONNECT");
    EXPECT_FALSE(source.next(100ms));
    const auto begin = Clock::now();
    source->close();
    EXPECT_LT(Clock::now() - begin, 4s);
    EXPECT_EQ(source->metadata(&names, 300, json).code, "CLOSED");
  }
}

TEST_F(SourceTest, ABrokerThatGoesAwayIsWaitedFor) {
  topic("outage", 1);
  fill("outage", 1, 10);
  TestSource source(config(Until::Kind::Never));
  source.begin({"outage"});
  const auto assigned = source.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(read(source, 10).count, 10u);
  producer.reset();
  broker->close();
  const auto event = source.next(300ms);
  EXPECT_FALSE(event && event->kind == Kind::Error) << event->message;
  std::atomic<int> answers{0};
  const CommitPosition position = at(assigned->partitions[0], 10);
  source->commit({position}, [&](Status status, bool) {
    EXPECT_FALSE(status.ok());
    ++answers;
  });
  const auto begin = Clock::now();
  source->close();
  EXPECT_LT(Clock::now() - begin, 15s);
  EXPECT_EQ(answers, 1);
}

TEST_F(SourceTest, CommitsAreAnsweredOnceEvenWhenClosedMeanwhile) {
  topic("commits", 1);
  fill("commits", 1, 10);
  for (int round = 0; round < 5; ++round) {
    TestSource source(config(Until::Kind::Never, "commits" + std::to_string(round)));
    source.begin({"commits"});
    const auto assigned = source.next(Kind::Assigned);
    ASSERT_TRUE(assigned);
    EXPECT_EQ(read(source, 10).count, 10u);
    std::atomic<int> answers{0};
    CommitPosition position = at(assigned->partitions[0], 0);
    for (int i = 0; i < 50; ++i) {
      position.offset = i % 10;
      source->commit({position}, [&](Status status, bool) {
        EXPECT_TRUE(status.ok() || status.code == "CLOSED") << status.code << ": " << status.message;
        ++answers;
      });
    }
    source->close();
    EXPECT_EQ(answers, 50);
    EXPECT_EQ(source.commit({position}).code, "CLOSED");
    source->revoked(1);
    source->subscribe({"commits"});
  }
}

TEST_F(SourceTest, CommittingWithoutAGroupIsRefused) {
  topic("nogroup", 1);
  TestSource source(withoutGroup());
  CommitPosition position;
  position.topic = "nogroup";
  position.partition = 0;
  EXPECT_EQ(source.commit({position}).code, "CONFIG");
}

// ---------------------------------------------------------------- inference

TEST_F(SourceTest, TheSchemaIsInferredAndNoRowOfItIsLost) {
  topic("infer", 2);
  std::vector<TestMessage> messages;
  for (int i = 0; i < 1500; ++i) messages.push_back({i % 2, R"({"id":)" + std::to_string(i) + R"(,"name":"n"})"});
  producer->send("infer", messages);
  auto inferring = config();
  inferring.infer = true;
  TestSource source(inferring);
  source->subscribe({"infer"});
  const auto schema = source.next(Kind::Schema);
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->schema, R"([{"name":"id","type":"int64"},{"name":"name","type":"utf8"}])");
  EXPECT_GE(schema->rows, 1000);
  ASSERT_TRUE(source->decode(textSpec()).ok());
  const auto rows = read(source);
  EXPECT_EQ(rows.count, 1500u);
  EXPECT_EQ(rows.values.at(0)[0], R"({"id":0,"name":"n"})");
}

TEST_F(SourceTest, SmallBatchesAreInferredFromAsManyRows) {
  topic("small", 1);
  std::vector<TestMessage> messages;
  for (int i = 0; i < 1500; ++i) messages.push_back({0, i < 900 ? R"({"a":1})" : R"({"a":1.5})"});
  producer->send("small", messages);
  auto inferring = config();
  inferring.infer = true;
  inferring.maxRows = 10;
  TestSource source(inferring);
  source->subscribe({"small"});
  const auto schema = source.next(Kind::Schema);
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->rows, 1000);
  EXPECT_EQ(schema->schema, R"([{"name":"a","type":"float64"}])");
  ASSERT_TRUE(source->decode(textSpec()).ok());
  const auto rows = read(source);
  EXPECT_EQ(rows.count, 1500u);
  for (const auto& batch : rows.batches) EXPECT_LE(batch.messages, 10);
}

TEST_F(SourceTest, FewRowsAreEnoughToInferFromAtTheEndOfEveryPartition) {
  topic("few", 3);
  producer->send("few", {{1, R"({"a":1.5})"}});
  for (const auto until : {Until::Kind::End, Until::Kind::Never}) {
    auto inferring = config(until, until == Until::Kind::End ? "few-1" : "few-2");
    inferring.infer = true;
    TestSource source(inferring);
    source->subscribe({"few"});
    const auto schema = source.next(Kind::Schema);
    ASSERT_TRUE(schema);
    EXPECT_EQ(schema->schema, R"([{"name":"a","type":"float64"}])");
    EXPECT_EQ(schema->rows, 1);
    ASSERT_TRUE(source->decode(textSpec()).ok());
    EXPECT_EQ(read(source, 1).count, 1u);
  }
}

TEST_F(SourceTest, NothingToInferFromIsAnEmptySchemaWhereTheReadEnds) {
  topic("nothing", 2);
  auto bounded = config();
  bounded.infer = true;
  TestSource ends(bounded);
  ends->subscribe({"nothing"});
  const auto schema = ends.next(Kind::Schema);
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->schema, "[]");
  EXPECT_EQ(schema->rows, 0);
  ASSERT_TRUE(ends->decode(textSpec()).ok());
  EXPECT_EQ(read(ends).count, 0u);

  auto unbounded = config(Until::Kind::Never, "waits");
  unbounded.infer = true;
  TestSource waits(unbounded);
  waits->subscribe({"nothing"});
  EXPECT_FALSE(waits.next(Kind::Schema, 300ms)) << "the first row is waited for";
  producer->send("nothing", {{0, R"({"late":true})"}});
  const auto late = waits.next(Kind::Schema);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->schema, R"([{"name":"late","type":"bool"}])");
}

}  // namespace sabot::test
