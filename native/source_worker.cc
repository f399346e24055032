#include "source_worker.h"

#include <new>
#include <system_error>
#include <utility>

namespace sabot {

// ---------------------------------------------------------------- poll thread

void Workers::submit(const std::shared_ptr<Lane>& lane, Run run) {
  lane->runs.fetch_add(1);
  runs_.fetch_add(1);
  if (run.messages.size() <= smallRows && run.bytes <= smallBytes && decodeHere(*lane, run)) return;
  {
    const std::lock_guard lock(mutex_);
    lane->waiting.push_back(std::move(run));
    if (lane->busy) return;  // its worker takes the next run when it is done with this one
    lane->busy = true;
    ready_.push_back(lane);
    if (idle_ < static_cast<int>(ready_.size()) && static_cast<int>(threads_.size()) < limit_) startThread();
  }
  changed_.notify_one();
}

bool Workers::decodeHere(Lane& lane, Run& run) {
  {
    const std::lock_guard lock(mutex_);
    // Behind runs that are with a worker or wait for one.
    if (lane.busy || !lane.waiting.empty()) return false;
  }
  // No worker gets the lane before this returns: submit() is called on this thread alone.
  if (!builder_) unusable_ = RowBuilder::make(plan_, builder_);
  process(lane, std::move(run), builder_.get(), unusable_);
  return true;
}

void Workers::startThread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    if (!threads_.empty()) return;  // the others do
    SourceEvent event;
    event.kind = SourceEvent::Kind::Error;
    event.code = "MEMORY";
    event.message = std::string("no decode worker could be started: ") + error.what();
    if (!failed_.exchange(true)) events_.push(std::move(event));
  }
}

void Workers::drop(Lane& lane) {
  std::deque<Run> dropped;  // freed after the lock
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(lane.waiting);
    // A lane that is ready with nothing waiting is passed over by the worker that takes it.
  }
  int64_t held = 0;
  for (const Run& run : dropped) held += run.held;
  if (pump_ != nullptr) pump_->close(lane);
  if (!dropped.empty()) finished(lane, static_cast<int>(dropped.size()), held);
}

void Workers::close() {
  std::deque<std::shared_ptr<Lane>> ready;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    ready.swap(ready_);
  }
  changed_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
}

// ---------------------------------------------------------------- workers

void Workers::work() {
  std::unique_ptr<RowBuilder> builder;
  // The plan was tried when it came, so this fails only where memory does.
  const Status unusable = RowBuilder::make(plan_, builder);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return closing_ || !ready_.empty(); });
    --idle_;
    if (closing_) return;
    const std::shared_ptr<Lane> lane = std::move(ready_.front());
    ready_.pop_front();
    if (!lane->waiting.empty()) {
      Run run = std::move(lane->waiting.front());
      lane->waiting.pop_front();
      lock.unlock();
      process(*lane, std::move(run), builder.get(), unusable);
      lock.lock();
    }
    // Behind the other lanes, so that none waits for a long one.
    if (lane->waiting.empty()) lane->busy = false;
    else ready_.push_back(lane);
  }
}

void Workers::process(Lane& lane, Run run, RowBuilder* builder, const Status& unusable) {
  SourceEvent event;
  event.kind = SourceEvent::Kind::Batch;
  event.topic = lane.topic;
  event.partition = lane.partition;
  event.epoch = lane.epoch;
  event.nextOffset = run.nextOffset;
  event.messages = static_cast<int64_t>(run.messages.size());
  const int64_t held = run.held;
  const bool passes = pump_ != nullptr && pump_->spec().passed.has_value();
  Status status = unusable;
  if (status.ok() && (pump_ == nullptr || !pump_->isHalted())) {
    try {
      {
        const WorkTime::Span decoding(decodeTime_);
        if (passes) status = builder->select(run.messages, event);
        else status = builder->build(run.messages, event);
      }
      if (!passes) run.messages.clear();
      // After a failure nothing more of any partition may come, or a position would pass the batch that is missing.
      if (status.ok() && !failed_) status = handOver(lane, std::move(event), std::move(run.messages));
    } catch (const std::bad_alloc&) {
      status = Status::error("MEMORY", "no memory to decode a batch");
    }
  }
  if (!status.ok()) fail(lane, status);
  run.messages.clear();
  finished(lane, 1, held);
}

Status Workers::handOver(const Lane& lane, SourceEvent event, Messages messages) {
  messages_.fetch_add(event.messages, std::memory_order_relaxed);
  bytes_.fetch_add(event.bytes, std::memory_order_relaxed);
  if (pump_ != nullptr) return pump_->send(lane, std::move(event), std::move(messages), fields_);
  events_.push(std::move(event), lane.handedOver);
  return Status::success();
}

void Workers::fail(const Lane& lane, const Status& status) {
  if (failed_.exchange(true)) return;
  SourceEvent event;
  event.kind = SourceEvent::Kind::Error;
  event.topic = lane.topic;
  event.partition = lane.partition;
  event.code = status.code;
  event.message = status.message;
  events_.push(std::move(event));
}

void Workers::finished(Lane& lane, int count, int64_t held) {
  budget_.release(held);
  const bool hadRoom = lane.runs.fetch_sub(count) < laneRuns;
  const bool last = runs_.fetch_sub(count) == count;
  if (!hadRoom || last) onProgress_();
}

}  // namespace sabot
