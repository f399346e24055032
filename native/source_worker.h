// Decode workers: runs of messages in, Batch events out. No librdkafka calls but the destruction of messages.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pump.h"
#include "source_queue.h"
#include "source_rows.h"
#include "work_time.h"

namespace sabot {

// Consecutive messages of one partition, and the position behind them. No messages: only the position moves.
struct Run {
  Messages messages;
  int64_t bytes = 0;  // of keys and values
  int64_t held = 0;   // of the budget
  int64_t nextOffset = 0;
};

// One assignment of a partition on its way through the workers: its runs are decoded and handed over in order, so it is
// with at most one worker at a time.
struct Lane {
  // start: where the assignment begins, -1 where that is not known.
  Lane(std::string topicName, int32_t partitionId, int64_t epochNumber, int64_t start)
      : topic(std::move(topicName)), partition(partitionId), epoch(epochNumber),
        handedOver(std::make_shared<std::atomic<int64_t>>(start)) {}
  const std::string topic;
  const int32_t partition;
  const int64_t epoch;
  const HandedOver handedOver;
  std::atomic<int> runs{0};  // submitted and not handed over

  // Under the mutex of Workers.
  std::deque<Run> waiting;
  bool busy = false;  // with a worker, or among the ready

  bool closed = false;  // under the mutex of Pump: a fused run writes no more rows of it
};

class Workers {
 public:
  // A lane takes no more runs than this: one that is decoded while the next one waits.
  static constexpr int laneRuns = 2;

  // `onProgress` is called on a worker's thread when a lane has room again, or no run is left at all.
  Workers(int limit, EventQueue& events, ByteBudget& budget, std::function<void()> onProgress)
      : limit_(limit), events_(events), budget_(budget), onProgress_(std::move(onProgress)) {}
  ~Workers() { close(); }

  // Poll thread. Threads are started when there is work that no idle one takes.
  void use(std::shared_ptr<const DecodePlan> plan, Pump* pump) {
    plan_ = std::move(plan);
    pump_ = pump;
    if (pump != nullptr) fields_ = plan_->slabFields();
  }
  void submit(const std::shared_ptr<Lane>& lane, Run run);
  // Drops what waits; a run that is with a worker still comes out, but for those of a fused run.
  void drop(Lane& lane);

  // Any thread.
  bool isEmpty() const { return runs_.load() == 0; }
  bool hasIdle() const { return runs_.load(std::memory_order_relaxed) < limit_; }
  bool hasFailed() const { return failed_.load(); }
  int64_t messages() const { return messages_.load(std::memory_order_relaxed); }
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  int64_t decodeNanoseconds() const { return decodeTime_.nanoseconds(); }  // summed over threads

  // Drops what waits and joins. Not while another thread submits.
  void close();

 private:
  // A run so small is decoded at once by who submits it: to wake a worker takes longer.
  static constexpr size_t smallRows = 64;
  static constexpr int64_t smallBytes = 64 << 10;

  bool decodeHere(Lane& lane, Run& run);
  void work();
  void process(Lane& lane, Run run, RowBuilder* builder, const Status& unusable);
  void finished(Lane& lane, int count, int64_t held);
  Status handOver(const Lane& lane, SourceEvent event, Messages messages);
  void fail(const Lane& lane, const Status& status);
  void startThread();  // mutex_ held

  const int limit_;
  EventQueue& events_;
  ByteBudget& budget_;
  const std::function<void()> onProgress_;
  // Set before the first thread starts.
  std::shared_ptr<const DecodePlan> plan_;
  Pump* pump_ = nullptr;  // the run is fused
  std::vector<Field> fields_;
  // The poll thread's own.
  std::unique_ptr<RowBuilder> builder_;
  Status unusable_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Lane>> ready_;
  std::vector<std::thread> threads_;
  int idle_ = 0;
  bool closing_ = false;

  std::atomic<int> runs_{0};
  std::atomic<bool> failed_{false};
  std::atomic<int64_t> messages_{0};
  std::atomic<int64_t> bytes_{0};
  WorkTime decodeTime_;
};

}  // namespace sabot
