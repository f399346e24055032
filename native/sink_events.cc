#include "sink_events.h"

#include <iterator>
#include <string>
#include <utility>

namespace sabot {

namespace {

// What a write is told that was never sent because of `first`.
Failure followUp(const Failure& first) {
  Failure failure = first;
  if (first.code == "ABORTED") return failure;
  failure.row = failure.offset = -1;  // of the first write's rows
  failure.message = "not sent, since an earlier write failed: " + first.message;
  return failure;
}

}  // namespace

InFlight* Writes::add(int64_t id, std::shared_ptr<void> keepAlive) {
  auto write = std::make_unique<InFlight>();
  write->id = id;
  write->keepAlive = std::move(keepAlive);
  const std::lock_guard lock(mutex_);
  if (first_) {
    write->failure = followUp(*first_);
    write->hasFailed = true;
  }
  inFlight_.push_back(std::move(write));
  InFlight* added = inFlight_.back().get();
  added->self = std::prev(inFlight_.end());
  return added;
}

void Writes::report(InFlight& write) {
  SinkEvent event;
  event.id = write.id;
  event.keepAlive = std::move(write.keepAlive);
  if (write.failure) {
    event.kind = SinkEvent::Kind::Failed;
    event.code = write.failure->code;
    event.message = write.failure->message;
    event.retriable = write.failure->retriable;
    event.topic = topic_;
    event.partition = write.failure->partition;
    event.row = write.failure->row;
    event.offset = write.failure->offset;
  } else {
    event.kind = SinkEvent::Kind::Delivered;
    event.rows = write.rows;
    event.bytes = write.bytes;
    event.errors = std::move(write.errors);
  }
  write.reported = true;
  events_.push_back(std::move(event));
}

void Writes::refuse(InFlight* write, Failure failure) {
  const std::lock_guard lock(mutex_);
  if (write->failure) return;
  write->failure = std::move(failure);
  write->hasFailed = true;
}

void Writes::release(InFlight* write) {
  bool reported = false;
  {
    const std::lock_guard lock(mutex_);
    write->released = true;
    // A failure is told without waiting for the reports of the other rows, which may take message.timeout.ms.
    if (write->failure && !write->reported) {
      report(*write);
      reported = true;
    }
  }
  if (reported) signal();
  settle(write, 1);
}

void Writes::fail(InFlight* write, Failure failure) {
  if (write->hasFailed) return;  // thousands of rows usually fail of the same cause
  bool reported = false;
  {
    const std::lock_guard lock(mutex_);
    if (write->failure) return;
    if (!first_) first_ = failure;
    broken_ = true;
    write->failure = std::move(failure);
    write->hasFailed = true;
    // This write and those after it, in order. Only the last one can be unreleased: the producer thread is still
    // reading its buffers, and reports it in release().
    for (auto it = write->self; it != inFlight_.end(); ++it) {
      InFlight& later = **it;
      if (!later.failure) {
        later.failure = followUp(*write->failure);
        later.hasFailed = true;
      }
      if (later.released && !later.reported) {
        report(later);
        reported = true;
      }
    }
  }
  if (reported) signal();
}

void Writes::failAll(const Failure& failure) {
  bool reported = false;
  {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = failure;
    broken_ = true;
    for (auto& write : inFlight_) {
      if (!write->failure) write->failure = failure;
      write->hasFailed = true;
      if (!write->released || write->reported) continue;  // the unreleased one, the last, is reported in release()
      report(*write);
      reported = true;
    }
  }
  if (reported) signal();
}

void Writes::settle(InFlight* write, int64_t count) {
  // acq_rel: who comes last sees the rows, bytes and errors that the other thread wrote.
  if (write->outstanding.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  bool reported = false;
  std::unique_ptr<InFlight> finished;  // freed after the lock
  {
    const std::lock_guard lock(mutex_);
    if (!write->reported) {
      report(*write);
      reported = true;
    }
    finished = std::move(*write->self);
    inFlight_.erase(write->self);
  }
  if (reported) signal();
}

void Writes::failRest(const Failure& failure) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& write : inFlight_) {
      if (write->reported) continue;
      if (!write->failure) write->failure = failure;
      report(*write);
    }
    inFlight_.clear();
  }
  signal();
}

bool Writes::isEmpty() const {
  const std::lock_guard lock(mutex_);
  return inFlight_.empty();
}

bool Writes::takeOne(SinkEvent& out, ClientLog& log) {
  {
    const std::lock_guard lock(mutex_);
    if (!events_.empty()) {
      out = std::move(events_.front());
      events_.pop_front();
      return true;
    }
  }
  return takeLogLine(out, log);
}

bool Writes::take(SinkEvent& out, ClientLog& log) {
  return signal_.take([&] { return takeOne(out, log); });
}

}  // namespace sabot
