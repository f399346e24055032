// Fused runs: a source and a sink on the embedded broker, with nobody between them.
#include "pump.h"

#include <thread>

#include "sink_fixture.h"
#include "source_fixture.h"

namespace sabot::test {

using Kind = SourceEvent::Kind;

class FusedTest : public SourceTest {
 protected:
  std::shared_ptr<Sink> open(SinkConfig config) {
    std::unique_ptr<Sink> made;
    const Status status = Sink::create(std::move(config), [] {}, made);
    EXPECT_TRUE(status.ok()) << status.message;
    return made;
  }
  std::shared_ptr<Sink> open(const std::string& topic) { return open(sinkConfig(bootstrapServers(), topic)); }

  static FusedSpec passing(PassedParts parts = {true, true, true, false}, OnRowError onError = OnRowError::Skip) {
    FusedSpec spec;
    spec.passed = parts;
    spec.onError = onError;
    return spec;
  }
  static DecodeSpec passingDecode() {
    DecodeSpec spec;
    spec.codec = "json";
    spec.message = {MessageColumn::Key, MessageColumn::Headers, MessageColumn::Timestamp, MessageColumn::Value};
    spec.utf8Key = true;
    return spec;
  }
  static void begin(TestSource& source, const std::shared_ptr<Sink>& sink, FusedSpec fused, DecodeSpec decode,
                    const std::string& topic = "in") {
    source->subscribe({topic});
    Status status = source->fuse(sink, std::move(fused));
    ASSERT_TRUE(status.ok()) << status.message;
    status = source->decode(std::move(decode));
    ASSERT_TRUE(status.ok()) << status.message;
  }

  // Batch events up to an event of another kind, which comes last.
  static std::vector<SourceEvent> batches(TestSource& source, Kind last) {
    std::vector<SourceEvent> out;
    for (;;) {
      auto event = source.next(20s);
      if (!event) {
        ADD_FAILURE() << "nothing more came after " << out.size() << " batches; " << logText(source);
        return out;
      }
      if (event->kind == last) return out;
      if (event->kind == Kind::Error) ADD_FAILURE() << event->code << ": " << event->message;
      if (event->kind == Kind::Batch) out.push_back(std::move(*event));
    }
  }

  // The events of writes, by their ids.
  static std::map<int64_t, SinkEvent> take(Sink& sink, size_t count, std::chrono::milliseconds within = 20s) {
    std::map<int64_t, SinkEvent> out;
    const auto deadline = Clock::now() + within;
    while (out.size() < count && Clock::now() < deadline) {
      SinkEvent event;
      if (!sink.take(event)) std::this_thread::sleep_for(2ms);
      else if (event.kind != SinkEvent::Kind::Log) out.emplace(event.id, std::move(event));
    }
    EXPECT_EQ(out.size(), count);
    return out;
  }
};

TEST_F(FusedTest, MessagesGoToTheSinkAsTheyLie) {
  topic("in", 2);
  topic("out", 1);
  producer->send("in", {{0, R"({"id": 1})", "a", {{"h", "1"}, {"h", std::nullopt}, {"g", ""}}, 1'700'000'000'001},
                        {1, std::nullopt, "b", {}, 1'700'000'000'002},
                        {1, R"({ "id" : 3 })", std::nullopt, {}, 1'700'000'000'003}});
  const auto sink = open("out");
  TestSource source(config());
  begin(source, sink, passing(), passingDecode());
  const auto events = batches(source, Kind::End);
  size_t writes = 0;
  int64_t rows = 0;
  for (const auto& event : events) {
    EXPECT_FALSE(event.slab.has_value());
    if (event.write == 0) continue;
    ++writes;
    rows += event.rows;
  }
  EXPECT_EQ(rows, 3);
  for (const auto& [id, event] : take(*sink, writes)) {
    EXPECT_EQ(event.kind, SinkEvent::Kind::Delivered) << event.message;
    EXPECT_GT(id, int64_t{1} << 40);
  }
  auto records = readTopic(bootstrapServers(), "out", 1);
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.timestamp < b.timestamp; });
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].value, R"({"id": 1})");
  EXPECT_EQ(records[0].key, "a");
  const std::vector<std::pair<std::string, std::optional<std::string>>> headers = {{"h", "1"}, {"h", std::nullopt}, {"g", ""}};
  EXPECT_EQ(records[0].headers, headers);
  EXPECT_EQ(records[0].timestamp, 1'700'000'000'001);
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_EQ(records[1].key, "b");
  EXPECT_EQ(records[2].value, R"({ "id" : 3 })");
  EXPECT_EQ(records[2].key, std::nullopt);
  EXPECT_EQ(records[2].timestamp, 1'700'000'000'003);
}

TEST_F(FusedTest, ColumnsOfASlabAreEncodedByTheSink) {
  topic("in", 1);
  topic("out", 1);
  producer->send("in", {{0, R"({"id":1,"name":"x"})", "k"}, {0, R"({"id":2,"name":null})"}});
  const auto sink = open("out");
  TestSource source(config());
  FusedSpec fused;
  fused.roles.value = {1, 0};
  fused.roles.key = 2;
  fused.roles.offset = 3;
  DecodeSpec decode;
  decode.codec = "json";
  decode.columns = {{{"id", typeOf(TypeId::Int64)}, true}, {{"name", typeOf(TypeId::Utf8)}, true}};
  decode.message = {MessageColumn::Key, MessageColumn::Offset};
  begin(source, sink, fused, decode);
  EXPECT_EQ(batches(source, Kind::End).size(), 1U);
  take(*sink, 1);
  const auto records = readTopic(bootstrapServers(), "out", 1);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].value, R"({"name":"x","id":1})");
  EXPECT_EQ(records[0].key, "k");
  EXPECT_EQ(records[1].value, R"({"name":null,"id":2})");
  EXPECT_EQ(records[1].key, std::nullopt);
}

TEST_F(FusedTest, RowsThatCannotBeSentAreToldWithTheirOffset) {
  topic("in", 1);
  topic("out", 1);
  producer->send("in", {{0, "{}"}, {0, "{\"a\":\"" + std::string(5000, 'x') + "\"}"}, {0, "{}"}, {0, "no JSON"}});
  SinkConfig small = sinkConfig(bootstrapServers(), "out");
  small.properties.emplace_back("message.max.bytes", "2000");
  const auto sink = open(small);
  TestSource source(config());
  begin(source, sink, passing(), passingDecode());
  const auto events = batches(source, Kind::End);
  ASSERT_EQ(events.size(), 1U);
  ASSERT_EQ(events[0].errors.size(), 1U);
  EXPECT_EQ(events[0].errors[0].offset, 3);
  const auto deliveries = take(*sink, 1);
  const SinkEvent& delivered = deliveries.at(events[0].write);
  EXPECT_EQ(delivered.rows, 2);
  ASSERT_EQ(delivered.errors.size(), 1U);
  EXPECT_EQ(delivered.errors[0].offset, 1);
}

TEST_F(FusedTest, UnderFailNothingOfABatchWithABadRowIsSent) {
  topic("in", 1);
  topic("out", 1);
  producer->send("in", {{0, "{}"}, {0, "no JSON"}, {0, "{}"}});
  const auto sink = open("out");
  TestSource source(config(Until::Kind::Never));
  begin(source, sink, passing({true, true, true, false}, OnRowError::Fail), passingDecode());
  const auto event = source.next(Kind::Batch);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->write, 0);
  ASSERT_EQ(event->errors.size(), 1U);
  EXPECT_EQ(event->errors[0].offset, 1);
  source->halt();
  EXPECT_TRUE(batches(source, Kind::Halted).empty());
  sink->close(false);
  EXPECT_TRUE(readTopic(bootstrapServers(), "out", 1).empty());
}

TEST_F(FusedTest, AfterHaltNoRowIsWrittenWhoseEventDoesNotCome) {
  topic("in", 2);
  topic("out", 1);
  fill("in", 2, 5000);
  const auto sink = open("out");
  SourceConfig small = config(Until::Kind::Never);
  small.maxRows = 50;
  TestSource source(small);
  DecodeSpec decode = passingDecode();
  decode.codec = "string";
  begin(source, sink, passing(), decode);
  auto event = source.next(Kind::Batch);
  ASSERT_TRUE(event.has_value());
  int64_t rows = event->rows;
  size_t writes = event->write == 0 ? 0 : 1;
  source->halt();
  source->halt();
  for (const auto& batch : batches(source, Kind::Halted)) {
    rows += batch.rows;
    if (batch.write != 0) ++writes;
  }
  take(*sink, writes);
  source->close();
  sink->close(false);
  EXPECT_EQ(readTopic(bootstrapServers(), "out", 1).size(), static_cast<size_t>(rows));
}

TEST_F(FusedTest, WhatWritesHoldCountsUntilTheyAreReported) {
  topic("in", 1);
  topic("out", 1);
  fill("in", 1, 1000);
  SinkConfig slow = sinkConfig(bootstrapServers(), "out");
  slow.properties.emplace_back("linger.ms", "500");
  const auto sink = open(slow);
  SourceConfig tight = config();
  tight.maxRows = 100;
  tight.maxQueueBytes = 60'000;  // two batches of such messages
  TestSource source(tight);
  DecodeSpec decode = passingDecode();
  decode.codec = "string";
  begin(source, sink, passing(), decode);
  size_t written = 0;
  size_t reported = 0;
  bool ended = false;
  const auto deadline = Clock::now() + 30s;
  while ((!ended || reported < written) && Clock::now() < deadline) {
    while (auto event = source.next(20ms)) {
      if (event->kind == Kind::End) ended = true;
      if (event->kind == Kind::Batch && event->write != 0) ++written;
    }
    EXPECT_LE(written - reported, 4U);
    SinkEvent event;
    while (sink->take(event)) {
      if (event.kind == SinkEvent::Kind::Delivered) ++reported;
      event = {};
    }
  }
  EXPECT_TRUE(ended);
  EXPECT_GE(written, 10U);  // a batch may go out before it is full
  EXPECT_EQ(source->stats().queuedBytes, 0);
}

// The sink's queue is full and nobody takes from it: it holds messages of the source.
TEST_F(FusedTest, ASourceClosesWhileItsSinkCannotSend) {
  topic("in", 1);
  fill("in", 1, 1000);
  SinkConfig away = sinkConfig("127.0.0.1:1", "out");
  away.properties.emplace_back("queue.buffering.max.messages", "10");
  const auto sink = open(away);
  SourceConfig small = config(Until::Kind::Never);
  small.maxRows = 100;
  TestSource source(small);
  DecodeSpec decode = passingDecode();
  decode.codec = "string";
  begin(source, sink, passing(), decode);
  size_t writes = 0;
  while (writes < 3) {
    const auto event = source.next(Kind::Batch);
    ASSERT_TRUE(event.has_value());
    if (event->write != 0) ++writes;
  }
  source->close();
  source.destroy();
  sink->close(true);
  SinkEvent event;
  while (sink->take(event)) EXPECT_NE(event.kind, SinkEvent::Kind::Delivered);
}

TEST_F(FusedTest, ASinkThatWasClosedTakesNoMore) {
  topic("in", 1);
  topic("out", 1);
  fill("in", 1, 1000);
  const auto sink = open("out");
  sink->close(true);
  TestSource source(config(Until::Kind::Never));
  DecodeSpec decode = passingDecode();
  decode.codec = "string";
  begin(source, sink, passing(), decode);
  source->halt();
  EXPECT_TRUE(batches(source, Kind::Halted).empty());
}

TEST_F(FusedTest, FusingComesBeforeDecoding) {
  topic("in", 1);
  const auto sink = open("in");
  TestSource source(config());
  source.begin({"in"});
  EXPECT_EQ(source->fuse(sink, passing()).code, "CONFIG");
}

// What a revoked partition had written is all told before Revoked comes.
TEST_F(FusedTest, NoWriteOfAPartitionBeginsOnceItIsRevoked) {
  topic("in", 2);
  topic("out", 1);
  fill("in", 2, 3000);
  const auto sink = open("out");
  SourceConfig small = config(Until::Kind::Never);
  small.maxRows = 20;
  TestSource first(small);
  DecodeSpec decode = passingDecode();
  decode.codec = "string";
  begin(first, sink, passing(), decode);
  ASSERT_TRUE(first.next(Kind::Batch).has_value());
  TestSource second(small);
  second.begin({"in"});
  std::map<int32_t, int64_t> revoked;  // partition: epoch
  const auto deadline = Clock::now() + 20s;
  int more = 0;
  for (int32_t from = 3000; more < 20 && Clock::now() < deadline; from += 100) {
    fill("in", 2, 100, from);
    while (auto event = first.next(20ms)) {
      if (event->kind == Kind::Revoked) {
        for (const auto& each : event->partitions) revoked[each.partition] = each.epoch;
        first->revoked(event->token);
      }
      if (event->kind == Kind::Batch && event->write != 0) {
        const auto gone = revoked.find(event->partition);
        EXPECT_FALSE(gone != revoked.end() && gone->second == event->epoch);
      }
    }
    if (!revoked.empty()) ++more;
  }
  EXPECT_EQ(revoked.size(), 1U);
}

}  // namespace sabot::test
