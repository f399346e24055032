#include "pump.h"

#include <optional>
#include <utility>

#include "source_worker.h"

namespace sabot {

namespace {

// Beyond what the caller's own writes count up to; a double holds every number to 2^53.
constexpr int64_t firstWrite = int64_t{1} << 40;

// What a message that was copied costs beside its bytes, at librdkafka's producer.
constexpr int64_t messageOverhead = 256;

// Memory of a write until its event is taken.
struct FusedBatch {
  std::optional<Slab> slab;
  std::shared_ptr<FusedBytes> bytes;
  int64_t held = 0;

  FusedBatch(std::optional<Slab> rows, std::shared_ptr<FusedBytes> of, int64_t count)
      : slab(std::move(rows)), bytes(std::move(of)), held(count) {
    bytes->add(held);
  }
  FusedBatch(const FusedBatch&) = delete;
  FusedBatch& operator=(const FusedBatch&) = delete;
  ~FusedBatch() { bytes->release(held); }
};

int64_t bytesOf(const Messages& messages) {
  int64_t bytes = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    bytes += static_cast<int64_t>(messages[i].value.size + messages[i].key.size) + messageOverhead;
  }
  return bytes;
}

}  // namespace

// ---------------------------------------------------------------- bytes

void FusedBytes::add(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (budget_ != nullptr) budget_->add(bytes);
}

void FusedBytes::release(int64_t bytes) {
  // With the lock held, so that the source cannot go meanwhile; the budget calls the poll thread's wake-up alone.
  const std::lock_guard lock(mutex_);
  if (budget_ != nullptr) budget_->release(bytes);
}

void FusedBytes::detach() {
  const std::lock_guard lock(mutex_);
  budget_ = nullptr;
}

// ---------------------------------------------------------------- pump

Pump::Pump(std::shared_ptr<Sink> sink, FusedSpec spec, EventQueue& events, ByteBudget& budget)
    : sink_(std::move(sink)), spec_(std::move(spec)), events_(events), bytes_(std::make_shared<FusedBytes>(budget)),
      lastWrite_(firstWrite) {}

Status Pump::make(std::shared_ptr<Sink> sink, FusedSpec spec, EventQueue& events, ByteBudget& budget,
                  std::unique_ptr<Pump>& out) {
  if (sink == nullptr) return Status::error("CONFIG", "fuse: expected a sink; got none");
  out.reset(new Pump(std::move(sink), std::move(spec), events, budget));
  return Status::success();
}

WriteRequest Pump::request(SourceEvent& event, Messages messages, const std::vector<Field>& fields) {
  WriteRequest request;
  request.onError = spec_.onError;
  request.rowCount = event.rows;
  if (spec_.passed) {
    const int64_t held = bytesOf(messages);
    request.passed = std::make_shared<PassedMessages>(std::move(messages), *spec_.passed);
    request.keepAlive = std::make_shared<FusedBatch>(std::nullopt, bytes_, held);
    return request;
  }
  const auto held = static_cast<int64_t>(event.slab->size);
  const auto batch = std::make_shared<FusedBatch>(std::exchange(event.slab, std::nullopt), bytes_, held);
  request.columns = arraysOf(*batch->slab, fields);
  request.roles = spec_.roles;
  request.keepAlive = batch;
  return request;
}

Status Pump::send(const Lane& lane, SourceEvent event, Messages messages, const std::vector<Field>& fields) {
  // Under `fail` a row that is none ends the run before any row of its batch is sent.
  const bool ends = spec_.onError == OnRowError::Fail && !event.errors.empty();
  event.rows = spec_.passed ? static_cast<int64_t>(messages.size()) : event.slab ? event.slab->rows : 0;
  WriteRequest write;
  if (event.rows > 0 && !ends) write = request(event, std::move(messages), fields);
  event.slab.reset();
  {
    const std::lock_guard lock(mutex_);
    if (halted_ || lane.closed) return Status::success();
    if (ends) halted_ = true;
    if (write.keepAlive != nullptr) {
      write.id = event.write = ++lastWrite_;
      std::erase_if(passed_, [](const auto& each) { return each.expired(); });
      if (write.passed != nullptr) passed_.push_back(write.passed);
      const Status status = sink_->write(std::move(write));
      if (status.code == "CLOSED") {
        halted_ = true;  // the caller closed it: it wants no more rows
        return Status::success();
      }
      if (!status.ok()) return status;
    }
    events_.add(std::move(event), lane.handedOver);
  }
  events_.signal();
  return Status::success();
}

void Pump::close(Lane& lane) {
  const std::lock_guard lock(mutex_);
  lane.closed = true;
}

void Pump::halt() {
  SourceEvent event;
  event.kind = SourceEvent::Kind::Halted;
  {
    const std::lock_guard lock(mutex_);
    halted_ = true;
    if (std::exchange(told_, true)) return;
    events_.add(std::move(event));
  }
  events_.signal();
}

void Pump::reclaim() {
  std::vector<std::weak_ptr<PassedMessages>> passed;
  {
    const std::lock_guard lock(mutex_);
    halted_ = true;
    passed.swap(passed_);
  }
  for (const auto& each : passed) {
    if (const auto messages = each.lock()) messages->reclaim();
  }
}

}  // namespace sabot
