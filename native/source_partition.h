// One assignment of a partition: its queue at librdkafka, and the runs that its messages become. Poll thread only, but
// for what is said to be otherwise.
//
// How the poll thread sleeps without missing a message. librdkafka calls onSignal when a queue goes from empty to not
// empty, with the queue's lock held; never while messages are left in it. So:
//   - drain() lowers `signalled_` first and then takes until the queue says that it is empty. A message that comes after
//     that finds an empty queue: onSignal raises the flag and wakes the thread. One that comes between the lowering and
//     the taking is taken, and leaves a flag that costs one call in vain.
//   - Where drain() stops before the queue is empty (the batch is full), no signal will come for what is left:
//     `more_` says so, and the next round asks again without one.
//   - A new reader knows of no signal that came before it: `more_` is true from the start.
// The thread lowers the wake-up itself only in Wakeup::wait, after a round in which it looked at every flag; a notify()
// after that look makes the wait return at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "record_batch.h"
#include "source_queue.h"
#include "source_worker.h"

namespace sabot {

class PartitionReader {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    size_t maxRows = 0;
    int64_t maxBytes = 0;
  };
  static constexpr int64_t unknown = -1;

  // start: the first offset to read, `unknown` where librdkafka finds it. target: the offset to end before, `unknown`
  // for none. recordSets: record batches are taken as they lie, where that can be. Takes the partition's queue out of
  // the consumer's, so it is made before the partition is assigned.
  PartitionReader(rd_kafka_t* client, std::shared_ptr<Lane> lane, int64_t start, int64_t target, bool recordSets,
                  Wakeup& wakeup);
  // Messages that were not handed to a worker are dropped.
  ~PartitionReader();
  PartitionReader(const PartitionReader&) = delete;
  PartitionReader& operator=(const PartitionReader&) = delete;

  const std::shared_ptr<Lane>& lane() const { return lane_; }
  bool isOpen() const { return queue_ != nullptr; }

  // Whether drain() may find something.
  bool mayHaveMore() const {
    return !stopped_ && !done_ && !broken_ && (more_ || hasTaken() || signalled_.load(std::memory_order_relaxed));
  }
  // Takes messages until a run became full, `atMost` were taken or librdkafka has no more. `onError` is called with a
  // message that is an error. now: when a run that begins here did; no later than the time that handing over goes by, so
  // that a run which waits for nothing is due at once. KAFKA: a record batch cannot be read.
  Status drain(Clock::time_point now, const Limits& limits, size_t atMost, ByteBudget& budget,
             const std::function<void(const rd_kafka_message_t&)>& onError);
  // Drops what was not handed over, and takes no more: the partition is revoked.
  void stop(ByteBudget& budget);

  bool hasFullRun() const { return !full_.empty(); }
  Run takeFullRun();
  // A run that grows, since its first message came.
  bool isGathering() const { return !gathering_.messages.empty(); }
  Clock::time_point since() const { return since_; }
  // Nothing is left at librdkafka, as far as is known.
  bool isDrained() const { return !more_ && !hasTaken(); }
  // No message came, but the position moved: over markers, aborted rows, what compaction left.
  bool hasMoved() const { return moved_ && !isGathering(); }
  Run takeGathering();
  Clock::time_point lastHandOver() const { return lastHandOver_; }
  void handedOver(Clock::time_point now) { lastHandOver_ = now; }
  bool isEmpty() const { return full_.empty() && !isGathering() && !hasMoved(); }

  // Bounded: the target is reached, and everything before it was handed to the workers or lies in runs here.
  bool isDone() const { return done_; }
  // The end of the partition was seen, and no message since.
  bool isAtEnd() const { return atEnd_ || done_; }
  bool isStopped() const { return stopped_; }
  int64_t start() const { return start_; }

  // Messages here, and their values for inference; they stay.
  size_t count() const;
  void sample(std::vector<Bytes>& values, size_t limit) const;

 private:
  static void onSignal(rd_kafka_t* client, void* opaque);  // librdkafka's threads
  bool hasTaken() const { return set_.has_value() || !taken_.empty(); }
  // librdkafka's next messages; false: there are none.
  bool take(size_t room);
  void add(rd_kafka_message_t* message, const Limits& limits, Clock::time_point now);
  // The next of the records of set_, at most `atMost`; how many they are.
  size_t addRecords(const Limits& limits, size_t atMost, Clock::time_point now, Status& status);
  void grown(int64_t bytes, int64_t held, const Limits& limits);
  void dropTaken();
  void moveTo(int64_t offset);  // no message lies before `offset`
  void closeRun();

  const std::shared_ptr<Lane> lane_;
  Wakeup& wakeup_;
  rd_kafka_queue_t* queue_ = nullptr;
  const int64_t start_;
  const int64_t target_;
  int64_t position_;  // the next offset, of what was taken from librdkafka
  std::atomic<bool> signalled_{false};
  bool more_ = true;
  bool done_ = false;
  bool atEnd_ = false;
  bool stopped_ = false;
  bool broken_ = false;  // a record batch cannot be read
  bool moved_ = false;
  // Taken from librdkafka and not looked at yet, behind the records of set_ that are left. The budget does not count
  // them, as it does not count what librdkafka holds: a set may be larger than all of it.
  std::deque<rd_kafka_message_t*> taken_;
  std::optional<RecordSet> set_;
  bool bringsSets_ = true;  // the last message was a set
  std::deque<Run> full_;
  Run gathering_;
  int64_t uncounted_ = 0;  // by the budget, of the runs
  Clock::time_point since_;
  Clock::time_point lastHandOver_ = Clock::time_point::min();
};

}  // namespace sabot
