// What it costs to count the time of a native thread's work (work_time.h): the clock read twice, and one addition.
//
//   counter-bench PASSES     prints one line of JSON, of the best pass
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "work_time.h"

int main(int argc, char** argv) {
  using sabot::WorkTime;
  const int passes = argc > 1 ? std::atoi(argv[1]) : 10;
  constexpr int spans = 1'000'000;
  double best = std::numeric_limits<double>::max();
  WorkTime total;
  for (int pass = 0; pass < passes; ++pass) {
    const auto began = WorkTime::Clock::now();
    for (int i = 0; i < spans; ++i) const WorkTime::Span span(total);
    const std::chrono::duration<double, std::nano> took = WorkTime::Clock::now() - began;
    best = std::min(best, took.count() / spans);
  }
  // Every span counted the reading of the clock at the least.
  if (total.nanoseconds() <= 0) return 1;
  std::printf("{\"native-span\":%.2f}\n", best);
  return 0;
}
