// Which partitions are read, and since when: the consumer group's rebalances, or every partition of the topics where
// there is no group. Poll thread only, but for what is said to be otherwise.
//
// A rebalance. librdkafka calls onRebalance from consumer_poll and then waits for our *assign call, which may come long
// after the callback has returned; until then it delivers no other rebalance of the group, and commits go on working.
//   assign: the start offsets are looked up; then readers are made, Assigned is told, and the call is made.
//   revoke: the readers go at once, with what they hold; Revoked is told; the call is made when revoked(token) comes,
//           so that the caller can deliver and commit what it has. Its epochs are current until then, unless the
//           partitions are lost: those may be another member's already.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "source_offsets.h"
#include "source_partition.h"
#include "source_queue.h"
#include "source_worker.h"

namespace sabot {

class Assignment {
 public:
  using Clock = std::chrono::steady_clock;
  using Readers = std::vector<std::unique_ptr<PartitionReader>>;
  struct Shared {
    EventQueue& events;
    ByteBudget& budget;
    Workers& workers;
    Wakeup& wakeup;
    ClientLog& log;
  };

  Assignment(const SourceConfig& config, Shared shared) : config_(config), shared_(shared) {}

  // Before the poll thread starts. `replies` gets the answers of requests.
  void open(rd_kafka_t* client, rd_kafka_queue_t* replies, const std::string& group, bool readCommitted);

  void subscribe(std::vector<std::string> topics);
  // From librdkafka's callback, within consumer_poll.
  void onRebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions);
  void onEvent(rd_kafka_event_t* event);  // of `replies`, but for commits
  // The group's consumer says that a topic is not there.
  void suspect(const std::string& topic);
  void step(Clock::time_point now);
  Clock::time_point wakeAt() const;
  void revoked(int64_t token);
  bool isCurrent(const std::string& topic, int32_t partition, int64_t epoch) const;

  // Not while messages are taken: step() and revoked() change them.
  Readers& readers() { return readers_; }
  // What is assigned is known, and no change of it is under way.
  bool isSettled() const;
  // The group was asked for partitions and has not answered yet.
  bool isJoining() const;
  // Not ok: the source cannot go on. The topic that it is about may be empty.
  const Status& failure() const { return failure_; }
  const std::string& failedTopic() const { return failedTopic_; }

  // Any thread: the lanes that are read.
  std::vector<std::shared_ptr<Lane>> lanes() const;

  // From now on every rebalance is answered at once, with giving back. Call after consumer_close_queue.
  void beginClose();
  void clear();

 private:
  struct Rebalance {
    bool assign = false;
    bool lost = false;
    std::vector<Partition> partitions;
  };
  struct Revocation {
    bool lost = false;
    std::vector<AssignedPartition> partitions;
  };
  using Name = std::pair<std::string, int32_t>;

  bool isCooperative() const;
  void start(const Rebalance& rebalance);
  void apply(std::vector<PartitionBounds> bounds);
  void revoke(const Rebalance& rebalance);
  void giveBack(const Revocation& revocation);
  void giveAllBack();
  void publishLanes();
  void fail(Status status, std::string topic = {});
  void check(rd_kafka_error_t* error, const char* what);
  void check(rd_kafka_resp_err_t error, const char* what);

  // Topics' partitions: in mode assign what to read, in mode group only of topics that may be gone.
  void askTopics();
  void onTopics(rd_kafka_event_t* event);
  void onPartitionCount(const std::string& topic, int count, std::vector<Partition>& added);
  void onUnknownTopic(const std::string& topic, Clock::time_point now);

  const SourceConfig& config_;
  const Shared shared_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* replies_ = nullptr;
  std::unique_ptr<BoundsLookup> lookup_;
  Status failure_;
  std::string failedTopic_;

  std::vector<std::string> topics_;
  std::map<std::string, Clock::time_point> unknownSince_;
  Clock::time_point askTopicsAt_ = Clock::time_point::max();
  bool askingTopics_ = false;

  std::deque<Rebalance> rebalances_;
  bool lookingUp_ = false;        // for rebalances_.front()
  bool assignedOnce_ = false;
  bool awaitingAssign_ = false;   // a revoke is always followed by an assign, even of nothing
  bool closing_ = false;
  bool gaveAllBack_ = false;

  Readers readers_;
  std::map<Name, int64_t> targets_;  // of the whole run
  std::map<int64_t, Revocation> revocations_;
  int64_t lastEpoch_ = 0;
  int64_t lastToken_ = 0;

  mutable std::mutex lanesMutex_;
  std::vector<std::shared_ptr<Lane>> lanes_;
};

}  // namespace sabot
