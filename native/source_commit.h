// Commits on their way to the group's coordinator. Poll thread only.
#pragma once

#include <rdkafka.h>

#include <functional>
#include <list>
#include <vector>

#include "source.h"

namespace sabot {

using CommitDone = std::function<void(Status, bool retriable)>;

class Commits {
 public:
  explicit Commits(ClientLog& log) : log_(log) {}

  // Answers come to `replies` as OFFSET_COMMIT events. Nothing to commit: done at once.
  void send(rd_kafka_t* client, rd_kafka_queue_t* replies, const std::vector<CommitPosition>& positions,
            CommitDone done);
  // A partition whose topic was deleted since has no position any more: that is said, and is no failure of the others.
  void onEvent(rd_kafka_event_t* event);
  bool isEmpty() const { return pending_.empty(); }
  // CLOSED for all that have no answer.
  void closeAll();

  static Status closed() { return Status::error("CLOSED", "the source was closed before the commit was answered"); }

 private:
  struct Pending {
    CommitDone done;
  };
  ClientLog& log_;
  std::list<Pending> pending_;  // their addresses are librdkafka's opaques
};

}  // namespace sabot
