// How long threads were at work, for metrics. Counted by the thread that works, once a run of messages or rows; read by
// any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sabot {

class WorkTime {
 public:
  using Clock = std::chrono::steady_clock;

  // From its making to its end.
  class Span {
   public:
    explicit Span(WorkTime& of) : of_(of), began_(Clock::now()) {}
    ~Span() { of_.add(Clock::now() - began_); }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    WorkTime& of_;
    const Clock::time_point began_;
  };

  void add(Clock::duration time) {
    nanoseconds_.fetch_add(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count(),
                           std::memory_order_relaxed);
  }
  int64_t nanoseconds() const { return nanoseconds_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> nanoseconds_{0};
};

}  // namespace sabot
