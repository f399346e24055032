#include "source_offsets.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace sabot {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int requestMs = 10'000;
constexpr milliseconds retryWait{250};
constexpr seconds unknownFor{30};  // how long a topic may be unknown: it may just have been made
constexpr seconds warnEvery{10};

using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)>;

PartitionList newList(size_t size) {
  return {rd_kafka_topic_partition_list_new(static_cast<int>(size)), &rd_kafka_topic_partition_list_destroy};
}

Options newOptions(rd_kafka_t* client, rd_kafka_admin_op_t operation) {
  Options options(rd_kafka_AdminOptions_new(client, operation), &rd_kafka_AdminOptions_destroy);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), requestMs, nullptr, 0);
  return options;
}

bool isUnknown(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || std::string_view(errorCode(error)) == "UNKNOWN_TOPIC";
}

// What passes by itself, beside isRetriable(): elections, and offsets that an open transaction is about to commit.
bool passes(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE: return true;
    default: return isRetriable(error);
  }
}

}  // namespace

void BoundsLookup::begin(std::vector<PartitionBounds> partitions, bool latestIsEarliest) {
  entries_.clear();
  for (auto& bounds : partitions) entries_.push_back({std::move(bounds), std::nullopt, false});
  latestIsEarliest_ = latestIsEarliest;
  waiting_ = false;
  begun_ = Clock::now();
  warnAt_ = begun_ + warnEvery;
  failure_ = {};
  step_ = Step::Committed;
  // Without a group nothing is committed: `from` holds everywhere.
  if (group_.empty()) {
    for (Entry& entry : entries_) entry.answered = true;
    next();
  } else {
    send();
  }
}

Status BoundsLookup::take(std::vector<PartitionBounds>& out) {
  out.clear();
  for (Entry& entry : entries_) out.push_back(std::move(entry.bounds));
  entries_.clear();
  step_ = Step::Idle;
  return std::move(failure_);
}

// ---------------------------------------------------------------- steps

bool BoundsLookup::wants(const Entry& entry) const {
  const bool ends = !entry.bounds.target && until_.kind != Until::Kind::Never;
  switch (step_) {
    case Step::Committed: return !entry.bounds.start;
    case Step::Ends:
      return ends || (!entry.bounds.start && (from_.kind == From::Kind::Latest || from_.kind == From::Kind::Timestamp));
    case Step::Beyond: return entry.end && entry.bounds.start && *entry.bounds.start > *entry.end;
    case Step::FromTime: return !entry.bounds.start && from_.kind == From::Kind::Timestamp;
    case Step::UntilTime: return ends && until_.kind == Until::Kind::Timestamp;
    default: return false;
  }
}

void BoundsLookup::next() {
  for (Entry& entry : entries_) entry.answered = false;
  switch (step_) {
    case Step::Committed:
      for (Entry& entry : entries_) settleStart(entry);
      step_ = Step::Ends;
      break;
    case Step::Ends: step_ = Step::Beyond; break;
    case Step::Beyond: step_ = Step::FromTime; break;
    case Step::FromTime: step_ = Step::UntilTime; break;
    default: step_ = Step::Ready; return;
  }
  send();
}

// Nothing is committed: what `from` says without asking anybody.
void BoundsLookup::settleStart(Entry& entry) {
  PartitionBounds& bounds = entry.bounds;
  if (bounds.start) return;
  switch (from_.kind) {
    case From::Kind::Earliest: bounds.start = RD_KAFKA_OFFSET_BEGINNING; return;
    case From::Kind::Latest:
      if (latestIsEarliest_) bounds.start = RD_KAFKA_OFFSET_BEGINNING;
      return;
    case From::Kind::Timestamp: return;
    case From::Kind::Offsets: {
      bounds.start = RD_KAFKA_OFFSET_BEGINNING;
      const auto topic = from_.offsets.find(bounds.topic);
      if (topic == from_.offsets.end()) return;
      const auto offset = topic->second.find(bounds.partition);
      if (offset != topic->second.end()) bounds.start = offset->second;
      return;
    }
  }
}

void BoundsLookup::answer(Entry& entry, int64_t offset) {
  entry.answered = true;
  PartitionBounds& bounds = entry.bounds;
  const bool none = offset < 0;
  switch (step_) {
    case Step::Committed:
      if (!none) bounds.start = offset;
      return;
    case Step::Ends:
      entry.end = offset;
      if (!bounds.start && from_.kind == From::Kind::Latest) bounds.start = offset;
      if (!bounds.target && until_.kind == Until::Kind::End) bounds.target = offset;
      return;
    case Step::Beyond:
      if (*bounds.start > offset) bounds.start = from_.kind == From::Kind::Latest ? offset : RD_KAFKA_OFFSET_BEGINNING;
      return;
    case Step::FromTime: bounds.start = none ? entry.end : offset; return;
    case Step::UntilTime: bounds.target = none ? entry.end : offset; return;
    default: return;
  }
}

// ---------------------------------------------------------------- requests

void BoundsLookup::send() {
  retryAt_ = Clock::time_point::max();
  bool any = false;
  for (const Entry& entry : entries_) any = any || (!entry.answered && wants(entry));
  if (!any) {
    next();
    return;
  }
  waiting_ = true;
  switch (step_) {
    case Step::Committed: askCommitted(); return;
    case Step::Ends: askOffsets(RD_KAFKA_OFFSET_SPEC_LATEST, readCommitted_); return;
    case Step::Beyond: askOffsets(RD_KAFKA_OFFSET_SPEC_LATEST, false); return;  // behind open transactions too
    // Times before 1970 would be librdkafka's names for the ends.
    case Step::FromTime: askOffsets(std::max<int64_t>(from_.timestamp, 0), readCommitted_); return;
    case Step::UntilTime: askOffsets(std::max<int64_t>(until_.timestamp, 0), readCommitted_); return;
    default: return;
  }
}

void BoundsLookup::askCommitted() {
  const PartitionList list = newList(entries_.size());
  for (const Entry& entry : entries_) {
    if (entry.answered || !wants(entry)) continue;
    rd_kafka_topic_partition_list_add(list.get(), entry.bounds.topic.c_str(), entry.bounds.partition);
  }
  const Options options = newOptions(client_, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  if (readCommitted_) {
    rd_kafka_error_t* error = rd_kafka_AdminOptions_set_require_stable_offsets(options.get(), 1);
    if (error != nullptr) rd_kafka_error_destroy(error);  // never, for this operation
  }
  rd_kafka_ListConsumerGroupOffsets_t* request = rd_kafka_ListConsumerGroupOffsets_new(group_.c_str(), list.get());
  rd_kafka_ListConsumerGroupOffsets(client_, &request, 1, options.get(), replies_);
  rd_kafka_ListConsumerGroupOffsets_destroy(request);
}

void BoundsLookup::askOffsets(int64_t spec, bool committed) {
  const PartitionList list = newList(entries_.size());
  for (const Entry& entry : entries_) {
    if (entry.answered || !wants(entry)) continue;
    rd_kafka_topic_partition_list_add(list.get(), entry.bounds.topic.c_str(), entry.bounds.partition)->offset = spec;
  }
  const Options options = newOptions(client_, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
  rd_kafka_error_t* error = rd_kafka_AdminOptions_set_isolation_level(
      options.get(), committed ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
  if (error != nullptr) rd_kafka_error_destroy(error);  // never, for this operation
  rd_kafka_ListOffsets(client_, list.get(), options.get(), replies_);
}

// ---------------------------------------------------------------- answers

BoundsLookup::Entry* BoundsLookup::find(const char* topic, int32_t partition) {
  for (Entry& entry : entries_) {
    if (entry.bounds.partition == partition && entry.bounds.topic == topic) return &entry;
  }
  return nullptr;
}

void BoundsLookup::onEvent(rd_kafka_event_t* event) {
  if (!waiting_ || !isRunning()) return;  // of a lookup that was cancelled
  waiting_ = false;
  const char* what = step_ == Step::Committed ? "committed offsets" : "offsets";
  if (const auto error = rd_kafka_event_error(event); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    onError(error, what, rd_kafka_event_error_string(event));
    return;
  }

  auto worst = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string where;
  const auto each = [&](const rd_kafka_topic_partition_t& partition) {
    Entry* entry = find(partition.topic, partition.partition);
    if (entry == nullptr) return;
    auto error = partition.err;
    // Where the request to one of the brokers fails, ListOffsets leaves its partitions as they were: no offset and no
    // error. Only a time has no offset for good, and that is -1.
    const int64_t least = step_ == Step::FromTime || step_ == Step::UntilTime ? -1 : 0;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && step_ != Step::Committed && partition.offset < least) {
      error = RD_KAFKA_RESP_ERR__TRANSPORT;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      answer(*entry, partition.offset);
    } else if (worst == RD_KAFKA_RESP_ERR_NO_ERROR || !passes(error)) {
      worst = error;
      where = std::string(what) + " of " + partition.topic + "/" + std::to_string(partition.partition);
    }
  };
  const char* detail = nullptr;
  if (const auto* result = rd_kafka_event_ListConsumerGroupOffsets_result(event)) {
    size_t count = 0;
    const rd_kafka_group_result_t** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
    for (size_t i = 0; i < count; ++i) {
      if (const rd_kafka_error_t* error = rd_kafka_group_result_error(groups[i])) {
        worst = rd_kafka_error_code(error);
        detail = rd_kafka_error_string(error);
        where = std::string(what) + " of the group " + group_;
        continue;
      }
      const rd_kafka_topic_partition_list_t* list = rd_kafka_group_result_partitions(groups[i]);
      for (int k = 0; list != nullptr && k < list->cnt; ++k) each(list->elems[k]);
    }
  } else if (const auto* offsets = rd_kafka_event_ListOffsets_result(event)) {
    size_t count = 0;
    const rd_kafka_ListOffsetsResultInfo_t** infos = rd_kafka_ListOffsets_result_infos(offsets, &count);
    for (size_t i = 0; i < count; ++i) each(*rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]));
  }
  if (worst != RD_KAFKA_RESP_ERR_NO_ERROR) {
    onError(worst, where, detail);
    return;
  }
  for (const Entry& entry : entries_) {
    if (entry.answered || !wants(entry)) continue;
    onError(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            std::string(what) + " of " + entry.bounds.topic + "/" + std::to_string(entry.bounds.partition), nullptr);
    return;
  }
  next();
}

void BoundsLookup::onError(rd_kafka_resp_err_t error, const std::string& what, const char* detail) {
  const auto now = Clock::now();
  const Status status = errorStatus(error, what, detail == nullptr ? "" : detail);
  if (!passes(error) && (!isUnknown(error) || now > begun_ + unknownFor)) {
    failure_ = status;
    step_ = Step::Failed;
    return;
  }
  if (now >= warnAt_) {
    log_.log(LogLevel::Warn, status.message + "; trying again");
    warnAt_ = now + warnEvery;
  }
  retryAt_ = now + retryWait;
}

void BoundsLookup::tick(Clock::time_point now) {
  if (isRunning() && !waiting_ && now >= retryAt_) send();
}

}  // namespace sabot
