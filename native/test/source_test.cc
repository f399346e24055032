#include "source_fixture.h"

namespace sabot::test {

using Kind = SourceEvent::Kind;

TEST_F(SourceTest, EveryRowComesInOrderFromSeveralPartitions) {
  topic("many", 4);
  fill("many", 4, 5000);
  TestSource source(config());
  source->subscribe({"many"});
  ASSERT_TRUE(source->decode(textSpec()).ok());
  const auto rows = read(source);
  ASSERT_EQ(rows.values.size(), 4u) << logText(source);
  for (int32_t p = 0; p < 4; ++p) {
    EXPECT_EQ(rows.values.at(p), numbered(p, 0, 5000));
    EXPECT_EQ(rows.position.at(p), 5000);
  }
  EXPECT_EQ(source->stats().messages, 20'000);
  EXPECT_EQ(source->stats().queuedBytes, 0);
  source->close();
}

TEST_F(SourceTest, WithoutAGroupEveryPartitionIsRead) {
  topic("free", 3);
  fill("free", 3, 100);
  TestSource source(withoutGroup());
  source->subscribe({"free"});
  ASSERT_TRUE(source->decode(textSpec()).ok());
  const auto rows = read(source);
  for (int32_t p = 0; p < 3; ++p) EXPECT_EQ(rows.values.at(p), numbered(p, 0, 100));
}

TEST_F(SourceTest, ABoundedReadOfAnEmptyTopicEnds) {
  topic("empty", 3);
  for (auto& bounded : {config(), withoutGroup()}) {
    TestSource source(bounded);
    source->subscribe({"empty"});
    ASSERT_TRUE(source->decode(textSpec()).ok());
    EXPECT_EQ(read(source).count, 0u);
  }
}

TEST_F(SourceTest, CommittedPositionsAreWhereARestartGoesOn) {
  topic("restart", 1);
  fill("restart", 1, 100);
  int64_t epoch = 0;
  {
    TestSource source(config());
    source->subscribe({"restart"});
    ASSERT_TRUE(source->decode(textSpec()).ok());
    const auto assigned = source.next(Kind::Assigned);
    ASSERT_TRUE(assigned);
    ASSERT_EQ(assigned->partitions.size(), 1u);
    epoch = assigned->partitions[0].epoch;
    EXPECT_EQ(read(source).count, 100u);
    CommitPosition position;
    position.topic = "restart";
    position.partition = 0;
    position.offset = 60;
    position.epoch = epoch;
    EXPECT_TRUE(source.commit({position}).ok());
    position.offset = 10;
    position.epoch = epoch + 1;
    EXPECT_TRUE(source.commit({position}).ok()) << "dropped";
  }
  TestSource source(config());
  source->subscribe({"restart"});
  ASSERT_TRUE(source->decode(textSpec()).ok());
  EXPECT_EQ(read(source).values[0], numbered(0, 60, 40));
}

}  // namespace sabot::test
