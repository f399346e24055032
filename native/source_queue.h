// What lies between the source's threads: how the poll thread sleeps, how many bytes are held, and the events that wait
// for take(). No librdkafka calls.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "event_signal.h"
#include "source.h"

namespace sabot {

// Wakes the poll thread. notify() may be called on any thread, also on librdkafka's with one of its queue's locks held:
// it takes its own lock alone and calls nobody.
class Wakeup {
 public:
  void notify();
  // Until notify() was called since the last wait, or `until`.
  void wait(std::chrono::steady_clock::time_point until);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
};

// Bytes of messages and slabs between librdkafka and take(). Any thread.
class ByteBudget {
 public:
  // `onRoom` is called on the thread whose release() brought the bytes back below the limit.
  ByteBudget(int64_t limit, std::function<void()> onRoom) : limit_(limit), onRoom_(std::move(onRoom)) {}
  void add(int64_t bytes) { held_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(int64_t bytes);
  int64_t held() const { return held_.load(std::memory_order_relaxed); }
  // Asked by the poll thread before it takes more from librdkafka; what it then takes may pass the limit by one batch.
  bool isFull() const { return held() >= limit_; }

 private:
  const int64_t limit_;
  const std::function<void()> onRoom_;
  std::atomic<int64_t> held_{0};
};

// How far the batches of one assignment of a partition were taken; -1: not known.
using HandedOver = std::shared_ptr<std::atomic<int64_t>>;

// Events in the order in which they were pushed. push() on any thread, take() on one at a time.
class EventQueue {
 public:
  EventQueue(std::function<void()> wake, ByteBudget& budget) : signal_(std::move(wake)), budget_(budget) {}
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  // Adds what the event holds to the budget, until it is taken.
  void push(SourceEvent event, HandedOver handedOver = nullptr);
  // As push(), but for the wake-up: call signal() once no lock is held.
  void add(SourceEvent event, HandedOver handedOver = nullptr);
  // The next event or line of the log; arms the wake-up where there is none.
  bool take(SourceEvent& out, ClientLog& log);
  // No lock held: there is something to take.
  void signal() { signal_.raise(); }
  // Whoever takes has taken everything and waits: a batch that is small is better than none.
  bool isAwaited() const { return signal_.isAwaited(); }

 private:
  struct Waiting {
    SourceEvent event;
    int64_t held = 0;
    HandedOver handedOver;
  };
  bool takeOne(SourceEvent& out, ClientLog& log);

  EventSignal signal_;
  ByteBudget& budget_;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;
};

}  // namespace sabot
