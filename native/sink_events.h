// What became of writes: counting deliveries, keeping failures in order, handing events over. No librdkafka calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "event_signal.h"
#include "sink.h"

namespace sabot {

struct Failure {
  std::string code;
  std::string message;
  bool retriable = false;
  int32_t partition = -1;
  int64_t row = -1;
  int64_t offset = -1;
};

// A write between write() and the last delivery report of its rows. librdkafka's messages point at it (opaque).
//
// `outstanding` counts messages that librdkafka has, plus one hold of the producer thread while it still encodes and
// produces; so it cannot reach 0 before the write is complete. Who brings it to 0 finishes the write.
struct InFlight {
  int64_t id = 0;
  std::shared_ptr<void> keepAlive;
  std::atomic<int64_t> outstanding{1};
  std::vector<RowError> errors;              // producer thread, until it lets go
  int64_t rows = 0;                          // delivery thread, until outstanding is 0
  int64_t bytes = 0;                         // likewise
  std::atomic<int32_t> stickyPartition{-1};  // partitioner callbacks, on two threads
  std::atomic<bool> hasFailed{false};        // `failure` is set; read without the lock to skip what is known

  // Under the mutex of Writes.
  std::optional<Failure> failure;
  bool released = false;  // the producer thread reads the caller's buffers no more
  bool reported = false;
  std::list<std::unique_ptr<InFlight>>::iterator self;
};

// The writes in flight in order, and the events for the caller. Called from the producer thread, the delivery thread
// and the caller's; `wake` is called by whichever brought an event, after the mutex is let go.
//
// A failed write breaks the sink for good: it and all that came after it fail, in order, even if some of their rows still
// arrive; nothing new is sent, so that no row overtakes one that is missing. Writes before it end as they end.
class Writes {
 public:
  Writes(std::string topic, std::function<void()> wake) : topic_(std::move(topic)), signal_(std::move(wake)) {}

  // Producer thread. After a failure, add() gives the write that failure at once.
  InFlight* add(int64_t id, std::shared_ptr<void> keepAlive);
  void refuse(InFlight* write, Failure failure);  // this write alone: its source has gone
  void release(InFlight* write);                  // lets go; `write` may be gone afterwards

  // Any thread, while the write has messages outstanding or is not released.
  void fail(InFlight* write, Failure failure);  // breaks the sink
  void failAll(const Failure& failure);         // all that are not reported, in order, and all to come: close(true)
  void settle(InFlight* write, int64_t count);  // takes `count` off outstanding; `write` may be gone afterwards

  // After both threads have ended: what is left fails.
  void failRest(const Failure& failure);

  bool isBroken() const { return broken_.load(std::memory_order_relaxed); }
  bool isEmpty() const;

  // Caller's thread: the next event of a write or line of the log; arms the wake-up where there is none.
  bool take(SinkEvent& out, ClientLog& log);
  // Any thread, no lock held: there is something to take.
  void signal() { signal_.raise(); }

 private:
  void report(InFlight& write);  // mutex_ held
  bool takeOne(SinkEvent& out, ClientLog& log);

  const std::string topic_;
  EventSignal signal_;
  mutable std::mutex mutex_;
  std::list<std::unique_ptr<InFlight>> inFlight_;
  std::deque<SinkEvent> events_;
  std::optional<Failure> first_;
  std::atomic<bool> broken_{false};
};

}  // namespace sabot
