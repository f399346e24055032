#include <atomic>
#include <set>
#include <thread>

#include "source_fixture.h"

namespace sabot::test {

using Kind = SourceEvent::Kind;

namespace {

CommitPosition position(const std::string& topic, int32_t partition, int64_t offset, int64_t epoch) {
  CommitPosition out;
  out.topic = topic;
  out.partition = partition;
  out.offset = offset;
  out.epoch = epoch;
  return out;
}

// A member that commits everything it has read before it lets go of a partition, as a run does.
class Member {
 public:
  Member(const SourceConfig& config, const std::string& topic) : topic_(topic), source_(config) {
    source_->subscribe({topic});
    EXPECT_TRUE(source_->decode(textSpec()).ok());
    thread_ = std::thread([this] { run(); });
  }
  // Leaves after a last commit.
  ~Member() { leave(); }
  void leave() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::atomic<int> refused{0};  // commits
  std::multiset<std::string> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  size_t partitions() {
    const std::lock_guard lock(mutex_);
    return epochs_.size();
  }

 private:
  void run() {
    while (!stop_) {
      auto event = source_.next(20ms);
      if (!event) continue;
      if (event->kind == Kind::Error) ADD_FAILURE() << event->message;
      if (event->kind == Kind::Assigned) {
        const std::lock_guard lock(mutex_);
        for (const auto& each : event->partitions) epochs_[each.partition] = each.epoch;
      }
      if (event->kind == Kind::Revoked) {
        commit();
        {
          const std::lock_guard lock(mutex_);
          for (const auto& each : event->partitions) {
            EXPECT_EQ(epochs_[each.partition], each.epoch);
            epochs_.erase(each.partition);
            positions_.erase(each.partition);
          }
        }
        source_->revoked(event->token);
      }
      if (event->kind == Kind::Batch) add(*event);
    }
    commit();
    source_->close();
  }
  void add(const SourceEvent& event) {
    const std::lock_guard lock(mutex_);
    const auto epoch = epochs_.find(event.partition);
    if (epoch == epochs_.end() || epoch->second != event.epoch) return;  // of an assignment that has ended
    positions_[event.partition] = event.nextOffset;
    if (!event.slab) return;
    const SlabColumn value(*event.slab, 0);
    for (int64_t row = 0; row < event.slab->rows; ++row) rows_.insert(*value.text(row));
  }
  void commit() {
    std::vector<CommitPosition> positions;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [partition, offset] : positions_) {
        positions.push_back(position(topic_, partition, offset, epochs_[partition]));
      }
    }
    bool retriable = false;
    const Status status = source_.commit(positions, &retriable);
    // The mock cluster refuses every commit while the group is rebalancing; Kafka takes those of the members that were.
    EXPECT_TRUE(status.ok() || retriable) << status.message;
    if (!status.ok()) ++refused;
  }

  const std::string topic_;
  std::mutex mutex_;
  std::multiset<std::string> rows_;
  std::map<int32_t, int64_t> epochs_;
  std::map<int32_t, int64_t> positions_;
  std::atomic<bool> stop_{false};
  TestSource source_;
  std::thread thread_;
};

std::set<std::string> distinct(const std::vector<std::multiset<std::string>>& parts) {
  std::set<std::string> out;
  for (const auto& part : parts) out.insert(part.begin(), part.end());
  return out;
}

template <class Condition>
bool within(std::chrono::milliseconds time, Condition&& condition) {
  const auto deadline = Clock::now() + time;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

}  // namespace

class SourceGroupTest : public SourceTest, public ::testing::WithParamInterface<const char*> {
 protected:
  static bool isCooperative() { return std::string(GetParam()) == "cooperative-sticky"; }
  SourceConfig member(Until::Kind until = Until::Kind::Never) {
    auto out = config(until);
    out.properties.emplace_back("partition.assignment.strategy", GetParam());
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(Protocols, SourceGroupTest, ::testing::Values("cooperative-sticky", "range"),
                         [](const auto& test) { return test.index == 0 ? "Cooperative" : "Eager"; });

// Nothing twice either, where all could be committed before it was given back.
TEST_P(SourceGroupTest, MembersThatComeAndGoLoseNothing) {
  topic("shared", 4);
  Member first(member(), "shared");
  std::set<std::string> expected;
  int next = 0;
  const auto more = [&] {
    fill("shared", 4, 200, next);
    for (int32_t p = 0; p < 4; ++p) {
      for (const auto& row : numbered(p, next, 200)) expected.insert(row);
    }
    next += 200;
  };
  more();
  std::multiset<std::string> gone;
  int refused = 0;
  for (int round = 0; round < 2; ++round) {
    Member second(member(), "shared");
    more();
    EXPECT_TRUE(within(20s, [&] { return second.partitions() == 2 && first.partitions() == 2; }));
    more();
    EXPECT_TRUE(within(20s, [&] { return distinct({first.rows(), second.rows(), gone}) == expected; }));
    second.leave();
    refused += second.refused;
    gone.merge(second.rows());
    more();
    EXPECT_TRUE(within(20s, [&] { return first.partitions() == 4; }));
  }
  EXPECT_TRUE(within(20s, [&] { return distinct({first.rows(), gone}) == expected; }));
  first.leave();
  if (refused + first.refused == 0) {
    EXPECT_EQ(first.rows().size() + gone.size(), expected.size());
  }
}

TEST_P(SourceGroupTest, ARevokedPartitionIsKeptUntilItIsAnswered) {
  topic("kept", 2);
  fill("kept", 2, 100);
  TestSource first(member());
  first.begin({"kept"});
  const auto assigned = first.next(Kind::Assigned);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(read(first, 200).count, 200u);

  TestSource second(member());
  second.begin({"kept"});
  const auto revoked = first.next(Kind::Revoked);
  ASSERT_TRUE(revoked);
  EXPECT_FALSE(revoked->lost);
  EXPECT_FALSE(second.next(Kind::Assigned, 300ms)) << "the first has not let go";

  std::vector<CommitPosition> positions;
  for (const auto& each : revoked->partitions) positions.push_back(position("kept", each.partition, 50, each.epoch));
  bool retriable = false;
  const Status committed = first.commit(positions, &retriable);
  // See Member::commit. That it was sent at all shows that its epochs are current until it answers.
  EXPECT_TRUE(committed.ok() || retriable) << committed.message;
  first->revoked(revoked->token);
  first->revoked(revoked->token);  // twice is once
  const auto moved = second.next(Kind::Assigned);
  ASSERT_TRUE(moved);
  ASSERT_GE(moved->partitions.size(), 1u);
  const int32_t partition = moved->partitions[0].partition;
  const int begin = committed.ok() ? 50 : 0;
  std::vector<std::string> rows;
  while (rows.size() < static_cast<size_t>(100 - begin)) {
    auto batch = second.next(Kind::Batch);
    ASSERT_TRUE(batch);
    if (batch->partition != partition) continue;
    ReadRows read;
    read.add(std::move(*batch));
    for (auto& row : read.values[partition]) rows.push_back(std::move(row));
  }
  EXPECT_EQ(rows, numbered(partition, begin, 100 - begin));
  for (auto& each : positions) each.offset = 10;
  EXPECT_TRUE(first.commit(positions).ok()) << "stale: dropped, and no error";
}

TEST_P(SourceGroupTest, EveryAssignmentHasAnEpochOfItsOwn) {
  topic("epochs", 2);
  TestSource first(member());
  first.begin({"epochs"});
  std::set<int64_t> epochs;
  for (int round = 0; round < 2; ++round) {
    const auto before = first.next(Kind::Assigned);
    ASSERT_TRUE(before);
    for (const auto& each : before->partitions) EXPECT_TRUE(epochs.insert(each.epoch).second);
    TestSource second(member());
    second->subscribe({"epochs"});
    const auto revoked = first.next(Kind::Revoked);
    ASSERT_TRUE(revoked);
    first->revoked(revoked->token);
    ASSERT_TRUE(second.next(Kind::Assigned));
    second->close();
    if (isCooperative()) continue;
    // Eager: what it kept was assigned anew, and is revoked again now that the other one left.
    const auto kept = first.next(Kind::Assigned);
    ASSERT_TRUE(kept);
    for (const auto& each : kept->partitions) EXPECT_TRUE(epochs.insert(each.epoch).second);
    const auto again = first.next(Kind::Revoked);
    ASSERT_TRUE(again);
    first->revoked(again->token);
  }
}

TEST_P(SourceGroupTest, ABoundedReadOfTwoMembersEndsForBoth) {
  topic("ends", 4);
  fill("ends", 4, 100);
  TestSource first(member(Until::Kind::End));
  TestSource second(member(Until::Kind::End));
  std::atomic<size_t> rows{0};
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (TestSource* source : {&first, &second}) {
    (*source)->subscribe({"ends"});
    ASSERT_TRUE((*source)->decode(textSpec()).ok());
    threads.emplace_back([source, &rows, &ended] {
      std::map<int32_t, int64_t> epochs;
      for (;;) {
        auto event = source->next(20s);
        if (!event) return;
        if (event->kind == Kind::Assigned) {
          for (const auto& each : event->partitions) epochs[each.partition] = each.epoch;
        }
        if (event->kind == Kind::Batch && event->epoch == epochs[event->partition]) {
          rows += static_cast<size_t>(event->messages);
          source->commit({position("ends", event->partition, event->nextOffset, event->epoch)});
        }
        if (event->kind == Kind::Revoked) (*source)->revoked(event->token);
        if (event->kind == Kind::End) {
          ++ended;
          (*source)->close();
          return;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ended, 2);
  EXPECT_GE(rows, 400u);
}

TEST_P(SourceGroupTest, AMemberWithNothingToDoEnds) {
  topic("one", 1);
  fill("one", 1, 10);
  TestSource first(member());
  first.begin({"one"});
  EXPECT_EQ(read(first, 10).count, 10u);
  TestSource second(member(Until::Kind::End));
  second.begin({"one"});
  std::atomic<bool> done{false};
  std::thread answering([&] {  // eager: the first gives everything back for a moment
    while (!done) {
      const auto event = first.next(20ms);
      if (event && event->kind == Kind::Revoked) first->revoked(event->token);
    }
  });
  const size_t count = read(second).count;
  if (isCooperative()) EXPECT_EQ(count, 0u);
  else EXPECT_TRUE(count == 0 || count == 10) << "whichever of the two the partition fell to";
  done = true;
  answering.join();
}

}  // namespace sabot::test
