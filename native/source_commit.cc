#include "source_commit.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sabot {

namespace {

// The group has moved on, or is about to: the positions may be committed again by whoever has the partitions then.
bool isRetriableCommit(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH: return true;
    default: return isRetriable(error);
  }
}

}  // namespace

void Commits::send(rd_kafka_t* client, rd_kafka_queue_t* replies, const std::vector<CommitPosition>& positions,
                   CommitDone done) {
  if (positions.empty()) {
    done(Status::success(), false);
    return;
  }
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(static_cast<int>(positions.size()));
  for (const CommitPosition& each : positions) {
    rd_kafka_topic_partition_list_add(list, each.topic.c_str(), each.partition)->offset = each.offset;
  }
  pending_.push_back({std::move(done)});
  const auto error = rd_kafka_commit_queue(client, list, replies, nullptr, &pending_.back());
  rd_kafka_topic_partition_list_destroy(list);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const CommitDone refused = std::move(pending_.back().done);
  pending_.pop_back();
  refused(errorStatus(error, "commit"), isRetriableCommit(error));
}

void Commits::onEvent(rd_kafka_event_t* event) {
  const void* opaque = rd_kafka_event_opaque(event);
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [opaque](const Pending& each) { return &each == opaque; });
  if (found == pending_.end()) return;
  const CommitDone done = std::move(found->done);
  pending_.erase(found);

  auto error = rd_kafka_event_error(event);
  std::string what = "commit";
  const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event);
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const std::string where = std::string(each.topic) + "/" + std::to_string(each.partition);
    if (each.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      log_.log(LogLevel::Warn, where + " is not there any more: its position is not committed");
      if (error == each.err) error = RD_KAFKA_RESP_ERR_NO_ERROR;
      continue;
    }
    error = each.err;
    what += " of " + where + " at " + std::to_string(each.offset);
    break;
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) done(Status::success(), false);
  else if (error == RD_KAFKA_RESP_ERR__DESTROY) done(closed(), false);
  else done(errorStatus(error, what), isRetriableCommit(error));
}

void Commits::closeAll() {
  std::list<Pending> pending;
  pending.swap(pending_);
  for (const Pending& each : pending) each.done(closed(), false);
}

}  // namespace sabot
