// Fused runs: rows go from a decode worker to a sink's queue, without the caller's thread. The caller only learns of
// them: a Batch event that names a write, and the sink's event of that write.
//
// What must be as if the caller itself had written the rows it took:
//   - No write of a partition begins after its Revoked event was pushed, and none at all after halt() has returned. So
//     one mutex is held while the write is queued at the sink and its event at the source, while a lane is closed, and
//     while the pump halts. Neither of the two ever waits.
//   - What a write holds counts against the source's budget until the caller has taken the sink's event of it.
//   - The sink may close, or break, before the source, and the source before the sink: a closed sink takes no write,
//     and a source that closes takes back the messages that the sink has not sent yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "messages.h"
#include "sink.h"
#include "source.h"
#include "source_queue.h"

namespace sabot {

struct Lane;

// The bytes that fused writes hold of a source's budget. They may be released after the source has gone.
class FusedBytes {
 public:
  explicit FusedBytes(ByteBudget& budget) : budget_(&budget) {}
  void add(int64_t bytes);
  void release(int64_t bytes);
  void detach();

 private:
  std::mutex mutex_;
  ByteBudget* budget_;
};

class Pump {
 public:
  // CONFIG: the columns do not have what the spec names.
  static Status make(std::shared_ptr<Sink> sink, FusedSpec spec, EventQueue& events, ByteBudget& budget,
                     std::unique_ptr<Pump>& out);
  ~Pump() { bytes_->detach(); }
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  const FusedSpec& spec() const { return spec_; }
  bool isHalted() const { return halted_.load(std::memory_order_relaxed); }

  // A decode worker. The rows of a Batch event: its slab (columns as `fields`), or `messages` where the spec says so.
  // Pushes the event, and has the rows at the sink, or does neither: the lane is closed, or the pump has halted.
  // Not ok: SCHEMA or MEMORY; the source cannot go on.
  Status send(const Lane& lane, SourceEvent event, Messages messages, const std::vector<Field>& fields);

  // Poll thread: no write of the lane begins after it.
  void close(Lane& lane);
  // Any thread: no write begins after it. Pushes Halted behind the events of those that began.
  void halt();
  // Poll thread, after the workers have ended: takes the messages back that the sink has not sent.
  void reclaim();

 private:
  Pump(std::shared_ptr<Sink> sink, FusedSpec spec, EventQueue& events, ByteBudget& budget);
  WriteRequest request(SourceEvent& event, Messages messages, const std::vector<Field>& fields);

  const std::shared_ptr<Sink> sink_;
  const FusedSpec spec_;
  EventQueue& events_;
  const std::shared_ptr<FusedBytes> bytes_;

  std::mutex mutex_;
  std::atomic<bool> halted_{false};  // changed under mutex_
  bool told_ = false;
  int64_t lastWrite_;
  std::vector<std::weak_ptr<PassedMessages>> passed_;
};

}  // namespace sabot
