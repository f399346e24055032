#include "source_fixture.h"

#include <atomic>

#include <rdkafka_mock.h>  // needs rdkafka.h before it

#include <algorithm>
#include <vector>

namespace sabot::test {

using Kind = SourceEvent::Kind;

namespace {

// Of Kafka's protocol.
constexpr int16_t fetchKey = 1;
constexpr int16_t listOffsetsKey = 2;
constexpr int16_t commitKey = 8;
constexpr int16_t committedKey = 9;

}  // namespace

// On a mock cluster whose answers can be spoilt.
class SourceErrorTest : public SourceTest {
 protected:
  void SetUp() override {
    Conf conf;
    ASSERT_TRUE(makeConf({{"client.id", "faulty"}}, conf).ok());
    log_.install(conf.get());
    ASSERT_TRUE(makeClient(RD_KAFKA_PRODUCER, std::move(conf), client_).ok());
    cluster = rd_kafka_mock_cluster_new(client_, 1);
    ASSERT_NE(cluster, nullptr);
    rd_kafka_mock_set_controller_id(cluster, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
    ASSERT_EQ(rd_kafka_mock_topic_create(cluster, "t", 2, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    producer = std::make_unique<TestProducer>(bootstrapServers());
    fill("t", 2, 10);
  }
  void TearDown() override {
    producer.reset();
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client_);
  }
  std::string bootstrapServers() const override { return rd_kafka_mock_cluster_bootstraps(cluster); }

  rd_kafka_mock_cluster_t* cluster = nullptr;

 private:
  ClientLog log_;
  rd_kafka_t* client_ = nullptr;
};

TEST_F(SourceErrorTest, WhatPassesIsTriedAgainBeforeAndWhileReading) {
  rd_kafka_mock_push_request_errors(cluster, committedKey, 3, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                    RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR__TRANSPORT);
  rd_kafka_mock_push_request_errors(cluster, listOffsetsKey, 3, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE);
  rd_kafka_mock_push_request_errors(cluster, fetchKey, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
  TestSource source(config());
  source.begin({"t"});
  auto rows = read(source);
  EXPECT_EQ(rows.values[0], numbered(0, 0, 10));
  EXPECT_EQ(rows.values[1], numbered(1, 0, 10));
}

TEST_F(SourceErrorTest, WhatIsNotAllowedEndsTheSource) {
  struct Case {
    int16_t request;
    rd_kafka_resp_err_t error;
    const char* name;
  };
  for (const Case& each : {Case{committedKey, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "GROUP_AUTHORIZATION_FAILED"},
                           Case{listOffsetsKey, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED"},
                           Case{fetchKey, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED"}}) {
    rd_kafka_mock_push_request_errors(cluster, each.request, 3, each.error, each.error, each.error);
    TestSource source(config(Until::Kind::End, each.name + std::to_string(each.request)));
    source.begin({"t"});
    std::optional<SourceEvent> event;
    do event = source.next();
    while (event && event->kind != Kind::Error && event->kind != Kind::End);
    ASSERT_TRUE(event && event->kind == Kind::Error) << each.name;
    EXPECT_EQ(event->code, "KAFKA");
    EXPECT_FALSE(event->retriable);
    EXPECT_NE(event->message.find(each.name), std::string::npos) << event->message;
    EXPECT_FALSE(source.next(50ms)) << "it is said once, and nothing comes behind it";
    source->close();
    rd_kafka_mock_clear_request_errors(cluster, each.request);
  }
}

TEST_F(SourceErrorTest, ARefusedCommitSaysWhetherItMayBeTriedAgain) {
  TestSource source(config(Until::Kind::Never));
  source.begin({"t"});
  const auto assigned = source.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(read(source, 20).count, 20u);
  const CommitPosition position = at(assigned->partitions[0], 5);
  bool retriable = false;
  rd_kafka_mock_push_request_errors(cluster, commitKey, 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  Status status = source.commit({position}, &retriable);
  EXPECT_EQ(status.code, "KAFKA");
  EXPECT_FALSE(retriable);
  EXPECT_EQ(status.message.rfind("commit of t/", 0), 0u) << status.message;
  rd_kafka_mock_push_request_errors(cluster, commitKey, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
  status = source.commit({position}, &retriable);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(retriable) << "another member goes on from the last position that was committed";
}

TEST_F(SourceErrorTest, ACommitOfATopicThatWasDeletedFailsNobodyAndIsSaid) {
  TestSource source(config(Until::Kind::Never));
  source.begin({"t"});
  const auto assigned = source.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  const CommitPosition position = at(assigned->partitions[0], 5);
  bool retriable = false;
  // librdkafka tries that again by itself, since a topic may also be too new to be known everywhere.
  const std::vector<rd_kafka_resp_err_t> always(20, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  rd_kafka_mock_push_request_errors_array(cluster, commitKey, always.size(), always.data());
  const Status status = source.commit({position}, &retriable);
  EXPECT_TRUE(status.ok()) << status.message;
  const std::string said = "t/" + std::to_string(position.partition) + " is not there any more";
  while (source.next(100ms)) continue;  // log lines come behind the events
  EXPECT_TRUE(std::any_of(source.logs.begin(), source.logs.end(),
                          [&](const std::string& line) { return line.rfind(said, 0) == 0; }));
  rd_kafka_mock_clear_request_errors(cluster, commitKey);
}

// The group takes the partitions away without asking: what was read of them cannot be committed any more.
TEST_F(SourceErrorTest, LostPartitionsAreSaidToBeLostAndComeBack) {
  TestSource source(config(Until::Kind::Never));
  source.begin({"t"});
  const auto assigned = source.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(read(source, 20).count, 20u);
  constexpr int16_t heartbeatKey = 12;
  rd_kafka_mock_push_request_errors(cluster, heartbeatKey, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
  const auto revoked = source.next(Kind::Revoked);
  ASSERT_TRUE(revoked) << logText(source);
  EXPECT_TRUE(revoked->lost);
  EXPECT_EQ(revoked->partitions.size(), 2u);
  CommitPosition position;
  position.topic = "t";
  position.partition = 0;
  position.offset = 9;
  for (const auto& each : revoked->partitions) {
    if (each.partition == 0) position.epoch = each.epoch;
  }
  EXPECT_TRUE(source.commit({position}).ok()) << "dropped, since another member may have gone on";
  source->revoked(revoked->token);
  const auto again = source.next(Kind::Assigned);
  ASSERT_TRUE(again) << logText(source);
  EXPECT_EQ(read(source, 20).count, 20u) << "from the start: nothing was committed";
}

TEST_F(SourceErrorTest, ABrokerThatAnswersNothingHoldsACloseForSecondsOnly) {
  TestSource source(config(Until::Kind::Never));
  source.begin({"t"});
  const auto assigned = source.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(read(source, 20).count, 20u);
  rd_kafka_mock_broker_set_rtt(cluster, 1, 50'000);
  const CommitPosition position = at(assigned->partitions[0], 0);
  std::atomic<int> answers{0};
  source->commit({position}, [&](Status status, bool) {
    EXPECT_FALSE(status.ok());
    ++answers;
  });
  const auto begin = Clock::now();
  source->close();
  EXPECT_LT(Clock::now() - begin, 30s) << "a request takes up to a minute to time out";
  EXPECT_EQ(answers, 1);
}

TEST_F(SourceErrorTest, ATopicThatIsGoneWithoutAGroupIsAskedForAgain) {
  rd_kafka_mock_topic_set_error(cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  TestSource source(withoutGroup());
  source.begin({"t"});
  EXPECT_FALSE(source.next(300ms)) << "it may just have been made: that is waited for";
  rd_kafka_mock_topic_set_error(cluster, "t", RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(read(source).count, 20u);
}

}  // namespace sabot::test
