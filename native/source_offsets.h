// Where to begin and to end in partitions: asked of the brokers without blocking. Poll thread only.
#pragma once

#include <rdkafka.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source.h"

namespace sabot {

struct PartitionBounds {
  std::string topic;
  int32_t partition = -1;
  // Asked for where they are not there yet. start may be RD_KAFKA_OFFSET_BEGINNING, target is an offset.
  std::optional<int64_t> start;
  std::optional<int64_t> target;  // only of a bounded read
};

// One lookup at a time, of any number of partitions, in up to five requests: the group's committed offsets, the ends,
// whether a start behind the end is there at all, the offsets of `from`'s time and of `until`'s. The ends are asked for
// before the times: should a time have no record yet, those that come in between are read and not lost.
//
// A start behind the last record that there is comes of a topic that was deleted and made anew. It is reset here, as
// the client does where a read has no end: a bounded read would take it for done, and pass over all that is new.
//
// An outage is waited for: what can be tried again is tried again. An end is the last stable offset where only
// committed records are read: a transaction that is still open when the run starts does not belong to a bounded read.
class BoundsLookup {
 public:
  using Clock = std::chrono::steady_clock;

  // `group` is empty where there are no committed offsets. Answers arrive at `replies`.
  BoundsLookup(rd_kafka_t* client, rd_kafka_queue_t* replies, std::string group, bool readCommitted, const From& from,
               const Until& until, ClientLog& log)
      : client_(client), replies_(replies), group_(std::move(group)), readCommitted_(readCommitted), from_(from),
        until_(until), log_(log) {}

  // latestIsEarliest: partitions that did not exist when the read began have no record that is too old.
  void begin(std::vector<PartitionBounds> partitions, bool latestIsEarliest = false);
  void cancel() { step_ = Step::Idle; }
  bool isRunning() const { return step_ != Step::Idle && step_ != Step::Ready && step_ != Step::Failed; }
  // An event of `replies`: LISTCONSUMERGROUPOFFSETS_RESULT or LISTOFFSETS_RESULT.
  void onEvent(rd_kafka_event_t* event);
  // Tries again what failed, in its time.
  void tick(Clock::time_point now);
  Clock::time_point wakeAt() const { return retryAt_; }

  // Once isRunning() is false after begin(): the bounds, or why there are none.
  Status take(std::vector<PartitionBounds>& out);

 private:
  enum class Step : uint8_t { Idle, Committed, Ends, Beyond, FromTime, UntilTime, Ready, Failed };
  struct Entry {
    PartitionBounds bounds;
    std::optional<int64_t> end;
    bool answered = false;  // of this step
  };

  bool wants(const Entry& entry) const;  // something of this step
  void next();
  void send();
  void askCommitted();
  void askOffsets(int64_t spec, bool committed);
  void answer(Entry& entry, int64_t offset);
  void settleStart(Entry& entry);
  void onError(rd_kafka_resp_err_t error, const std::string& what, const char* detail);  // tried again, or failed
  Entry* find(const char* topic, int32_t partition);

  rd_kafka_t* const client_;
  rd_kafka_queue_t* const replies_;
  const std::string group_;
  const bool readCommitted_;
  const From& from_;
  const Until& until_;
  ClientLog& log_;

  std::vector<Entry> entries_;
  bool latestIsEarliest_ = false;
  Step step_ = Step::Idle;
  bool waiting_ = false;  // for an answer
  Clock::time_point begun_;
  Clock::time_point retryAt_ = Clock::time_point::max();
  Clock::time_point warnAt_;
  Status failure_;
};

}  // namespace sabot
