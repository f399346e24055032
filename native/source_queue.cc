#include "source_queue.h"

#include <utility>

namespace sabot {

// ---------------------------------------------------------------- sleeping

void Wakeup::notify() {
  {
    const std::lock_guard lock(mutex_);
    if (notified_) return;
    notified_ = true;
  }
  changed_.notify_one();
}

void Wakeup::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return notified_; });
  notified_ = false;
}

// ---------------------------------------------------------------- bytes

void ByteBudget::release(int64_t bytes) {
  // Every change is one step of the same counter, so of all releases exactly one sees it pass the limit downwards.
  const int64_t before = held_.fetch_sub(bytes, std::memory_order_relaxed);
  if (before >= limit_ && before - bytes < limit_ && onRoom_) onRoom_();
}

// ---------------------------------------------------------------- events

namespace {

// An event without rows is held too: a topic of which every row is rejected must not fill memory with empty batches.
constexpr int64_t eventBytes = sizeof(SourceEvent) + 128;

int64_t heldBytes(const SourceEvent& event) {
  int64_t bytes = eventBytes;
  if (event.slab) bytes += static_cast<int64_t>(event.slab->size);
  for (const auto& error : event.errors) {
    bytes += static_cast<int64_t>(sizeof(MessageError) + error.code.size() + error.message.size());
  }
  return bytes;
}

}  // namespace

EventQueue::~EventQueue() {
  for (const auto& each : waiting_) budget_.release(each.held);
}

void EventQueue::push(SourceEvent event, HandedOver handedOver) {
  add(std::move(event), std::move(handedOver));
  signal();
}

void EventQueue::add(SourceEvent event, HandedOver handedOver) {
  const int64_t held = heldBytes(event);
  budget_.add(held);
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(event), held, std::move(handedOver)});
}

bool EventQueue::takeOne(SourceEvent& out, ClientLog& log) {
  int64_t held = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) {
      Waiting& next = waiting_.front();
      out = std::move(next.event);
      held = next.held;
      if (next.handedOver) next.handedOver->store(out.nextOffset, std::memory_order_relaxed);
      waiting_.pop_front();
    }
  }
  if (held > 0) {
    budget_.release(held);
    return true;
  }
  return takeLogLine(out, log);
}

bool EventQueue::take(SourceEvent& out, ClientLog& log) {
  return signal_.take([&] { return takeOne(out, log); });
}

}  // namespace sabot
