#include "source_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace sabot::test {

using namespace std::chrono_literals;
using Kind = SourceEvent::Kind;

namespace {

SourceEvent batch(int64_t next, size_t slabBytes = 0) {
  SourceEvent event;
  event.kind = Kind::Batch;
  event.nextOffset = next;
  if (slabBytes > 0) {
    event.slab.emplace();
    event.slab->data = Slab::allocate(slabBytes);
    event.slab->size = slabBytes;
  }
  return event;
}

struct Queue {
  explicit Queue(int64_t limit = 1 << 20) : budget(limit, [this] { ++rooms; }), events([this] { ++wakes; }, budget) {}
  int rooms = 0;
  std::atomic<int> wakes{0};
  ByteBudget budget;
  EventQueue events;
  ClientLog log;
};

}  // namespace

TEST(SourceQueue, OneWakeForEveryTimeThatNothingWasThere) {
  Queue queue;
  EXPECT_TRUE(queue.events.isAwaited());
  queue.events.push(batch(1));
  queue.events.push(batch(2));
  EXPECT_EQ(queue.wakes, 1);
  EXPECT_FALSE(queue.events.isAwaited());
  SourceEvent event;
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(event.nextOffset, 1);
  ASSERT_TRUE(queue.events.take(event, queue.log));
  queue.events.push(batch(3));
  EXPECT_EQ(queue.wakes, 1) << "nobody waits yet";
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_FALSE(queue.events.take(event, queue.log));
  EXPECT_TRUE(queue.events.isAwaited());
  queue.events.push(batch(4));
  EXPECT_EQ(queue.wakes, 2);
}

TEST(SourceQueue, LinesOfTheLogComeBehindEvents) {
  Queue queue;
  queue.log.log(LogLevel::Warn, "a line");
  queue.events.push(batch(1));
  SourceEvent event;
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(event.kind, Kind::Batch);
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(event.kind, Kind::Log);
  EXPECT_EQ(event.message, "a line");
}

TEST(SourceQueue, BytesAreHeldUntilTheEventIsTaken) {
  Queue queue(10'000);
  queue.events.push(batch(1, 8000));
  EXPECT_GE(queue.budget.held(), 8000);
  EXPECT_FALSE(queue.budget.isFull());
  queue.events.push(batch(2, 8000));
  EXPECT_TRUE(queue.budget.isFull());
  queue.events.push(batch(3, 8000));
  SourceEvent event;
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(queue.rooms, 0) << "still full";
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(queue.rooms, 1);
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(queue.rooms, 1) << "told once";
  EXPECT_EQ(queue.budget.held(), 0);
}

TEST(SourceQueue, TextsOfErrorsAreHeldToo) {
  Queue queue;
  auto event = batch(1);
  event.errors.push_back({0, "DECODE", std::string(5000, 'x')});
  queue.events.push(std::move(event));
  EXPECT_GE(queue.budget.held(), 5000);
}

TEST(SourceQueue, WhatWasTakenIsTheLanesPosition) {
  Queue queue;
  const auto position = std::make_shared<std::atomic<int64_t>>(-1);
  queue.events.push(batch(7), position);
  EXPECT_EQ(*position, -1);
  SourceEvent event;
  ASSERT_TRUE(queue.events.take(event, queue.log));
  EXPECT_EQ(*position, 7);
}

TEST(SourceQueue, NoEventIsLostBetweenThreads) {
  Wakeup wakeup;
  ByteBudget budget(1 << 20, {});
  EventQueue events([&] { wakeup.notify(); }, budget);
  ClientLog log;
  constexpr int64_t count = 20'000;
  std::thread producer([&] {
    for (int64_t i = 1; i <= count; ++i) events.push(batch(i));
  });
  int64_t taken = 0;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (taken < count && std::chrono::steady_clock::now() < deadline) {
    SourceEvent event;
    if (!events.take(event, log)) {
      wakeup.wait(deadline);
      continue;
    }
    ASSERT_EQ(event.nextOffset, taken + 1);
    taken = event.nextOffset;
  }
  producer.join();
  EXPECT_EQ(taken, count);
  EXPECT_EQ(budget.held(), 0);
}

}  // namespace sabot::test
