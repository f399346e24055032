// How events reach whoever takes them: it looks, finds none, and is woken once when there is one.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "kafka_common.h"

namespace sabot {

class EventSignal {
 public:
  explicit EventSignal(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Any thread, no lock held: there is something to take.
  void raise() {
    if (armed_.exchange(false) && wake_) wake_();
  }

  // Whoever takes has taken everything and waits.
  bool isAwaited() const { return armed_.load(std::memory_order_relaxed); }

  // One thread at a time. `takeOne` returns whether it found an event.
  template <class TakeOne>
  bool take(TakeOne takeOne) {
    if (takeOne()) return true;
    // Arm first, then look again: an event that came between the look and the arming woke nobody, and is found here;
    // one that comes later wakes.
    armed_ = true;
    if (!takeOne()) return false;
    armed_ = false;
    return true;
  }

 private:
  const std::function<void()> wake_;
  std::atomic<bool> armed_{true};
};

// The next line of the log as an event.
template <class Event>
bool takeLogLine(Event& out, ClientLog& log) {
  LogLine line;
  if (!log.take(line)) return false;
  out = Event{};
  out.kind = Event::Kind::Log;
  out.level = line.level;
  out.message = std::move(line.message);
  return true;
}

}  // namespace sabot
