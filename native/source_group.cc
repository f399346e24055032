#include "source_group.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace sabot {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int describeMs = 10'000;
constexpr seconds unknownFor{30};        // a topic may be unknown for this long: it was just made, or brokers differ
constexpr milliseconds unknownAgain{1000};

struct ListDestroy {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDestroy>;

template <class Partitions>
PartitionList listOf(const Partitions& partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const Partition& each : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
  }
  return list;
}

}  // namespace

void Assignment::open(rd_kafka_t* client, rd_kafka_queue_t* replies, const std::string& group, bool readCommitted) {
  client_ = client;
  replies_ = replies;
  lookup_ = std::make_unique<BoundsLookup>(client, replies, config_.group ? group : "", readCommitted, config_.from,
                                           config_.until, shared_.log);
}

void Assignment::fail(Status status, std::string topic) {
  if (!failure_.ok()) return;
  failure_ = std::move(status);
  failedTopic_ = std::move(topic);
}

void Assignment::check(rd_kafka_resp_err_t error, const char* what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(errorStatus(error, what));
}

void Assignment::check(rd_kafka_error_t* error, const char* what) {
  if (error == nullptr) return;
  fail(errorStatus(rd_kafka_error_code(error), what, rd_kafka_error_string(error)));
  rd_kafka_error_destroy(error);
}

// ---------------------------------------------------------------- topics

void Assignment::subscribe(std::vector<std::string> topics) {
  topics_ = std::move(topics);
  std::erase_if(unknownSince_, [this](const auto& entry) {
    return std::find(topics_.begin(), topics_.end(), entry.first) == topics_.end();
  });
  if (!config_.group) {
    std::vector<Partition> gone;
    for (const auto& reader : readers_) {
      const Lane& lane = *reader->lane();
      const bool named = std::find(topics_.begin(), topics_.end(), lane.topic) != topics_.end();
      if (!named) gone.push_back({lane.topic, lane.partition});
    }
    if (!gone.empty()) rebalances_.push_back({false, false, std::move(gone)});
    askTopicsAt_ = Clock::now();
    return;
  }
  std::vector<Partition> names;
  for (const auto& topic : topics_) names.push_back({topic, RD_KAFKA_PARTITION_UA});
  check(rd_kafka_subscribe(client_, listOf(names).get()), "subscribe");
}

void Assignment::suspect(const std::string& topic) {
  if (!config_.group || std::find(topics_.begin(), topics_.end(), topic) == topics_.end()) return;
  onUnknownTopic(topic, Clock::now());
}

void Assignment::onUnknownTopic(const std::string& topic, Clock::time_point now) {
  const auto since = unknownSince_.emplace(topic, now).first->second;
  if (now - since > unknownFor) {
    fail(Status::error("UNKNOWN_TOPIC", "topic " + topic + " does not exist any more"), topic);
    return;
  }
  askTopicsAt_ = std::min(askTopicsAt_, now + unknownAgain);
}

// DescribeTopics and not rd_kafka_metadata: it never creates topics, and does not block.
void Assignment::askTopics() {
  std::vector<const char*> names;
  for (const auto& topic : topics_) {
    const bool asked = !config_.group || unknownSince_.contains(topic);
    const bool twice = std::any_of(names.begin(), names.end(), [&](const char* name) { return topic == name; });
    if (asked && !twice) names.push_back(topic.c_str());
  }
  askTopicsAt_ = Clock::time_point::max();
  if (names.empty()) return;
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
  rd_kafka_AdminOptions_set_request_timeout(options, describeMs, nullptr, 0);
  rd_kafka_TopicCollection_t* topics = rd_kafka_TopicCollection_of_topic_names(names.data(), names.size());
  rd_kafka_DescribeTopics(client_, topics, options, replies_);
  rd_kafka_TopicCollection_destroy(topics);
  rd_kafka_AdminOptions_destroy(options);
  askingTopics_ = true;
}

void Assignment::onTopics(rd_kafka_event_t* event) {
  askingTopics_ = false;
  const auto now = Clock::now();
  // Whatever comes of it, it is asked again; sooner where it failed, or where a topic is unknown.
  if (!config_.group) askTopicsAt_ = std::min(askTopicsAt_, now + milliseconds(config_.metadataRefreshMs));
  if (const auto error = rd_kafka_event_error(event); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    shared_.log.log(LogLevel::Warn, errorStatus(error, "topics", rd_kafka_event_error_string(event)).message);
    askTopicsAt_ = now + unknownAgain;
    return;
  }
  size_t count = 0;
  const rd_kafka_TopicDescription_t** found =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
  std::vector<Partition> added;
  for (size_t i = 0; i < count; ++i) {
    const std::string topic = rd_kafka_TopicDescription_name(found[i]);
    if (std::find(topics_.begin(), topics_.end(), topic) == topics_.end()) continue;  // asked before subscribe()
    const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(found[i]);
    const auto code = error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    if (std::string_view(errorCode(code)) == "UNKNOWN_TOPIC") {
      onUnknownTopic(topic, now);
      continue;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const Status status = errorStatus(code, "topic " + topic);
      if (!isRetriable(code)) fail(status, topic);
      askTopicsAt_ = std::min(askTopicsAt_, now + unknownAgain);
      continue;
    }
    unknownSince_.erase(topic);
    size_t partitions = 0;
    rd_kafka_TopicDescription_partitions(found[i], &partitions);
    if (!config_.group) onPartitionCount(topic, static_cast<int>(partitions), added);
  }
  if (!config_.group && (!added.empty() || (!assignedOnce_ && unknownSince_.empty()))) {
    rebalances_.push_back({true, false, std::move(added)});
  }
}

void Assignment::onPartitionCount(const std::string& topic, int count, std::vector<Partition>& added) {
  std::set<int32_t> known;
  for (const auto& reader : readers_) {
    if (reader->lane()->topic == topic) known.insert(reader->lane()->partition);
  }
  const auto pending = [&](const std::vector<Partition>& partitions) {
    for (const Partition& each : partitions) {
      if (each.topic == topic) known.insert(each.partition);
    }
  };
  for (const Rebalance& rebalance : rebalances_) pending(rebalance.partitions);
  for (const auto& [token, revocation] : revocations_) {
    for (const Partition& each : revocation.partitions) {
      if (each.topic == topic) known.insert(each.partition);
    }
  }
  for (int32_t i = 0; i < count; ++i) {
    if (!known.contains(i)) added.push_back({topic, i});
  }
}

// ---------------------------------------------------------------- rebalances

bool Assignment::isCooperative() const {
  // Without a group there is no protocol, and partitions are added as they are found.
  if (!config_.group) return true;
  const char* protocol = rd_kafka_rebalance_protocol(client_);
  return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
}

void Assignment::onRebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions) {
  if (closing_) {
    giveAllBack();
    return;
  }
  Rebalance rebalance;
  rebalance.assign = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  rebalance.lost = !rebalance.assign && rd_kafka_assignment_lost(client_) != 0;
  for (int i = 0; i < partitions->cnt; ++i) {
    rebalance.partitions.push_back({partitions->elems[i].topic, partitions->elems[i].partition});
  }
  rebalances_.push_back(std::move(rebalance));
}

void Assignment::step(Clock::time_point now) {
  if (!askingTopics_ && now >= askTopicsAt_) askTopics();
  lookup_->tick(now);
  while (!rebalances_.empty() && failure_.ok()) {
    const Rebalance& rebalance = rebalances_.front();
    if (!rebalance.assign) {
      revoke(rebalance);
    } else if (!lookingUp_) {
      start(rebalance);
      if (lookup_->isRunning()) return;
      continue;
    } else {
      if (lookup_->isRunning()) return;
      lookingUp_ = false;
      std::vector<PartitionBounds> bounds;
      if (Status status = lookup_->take(bounds); !status.ok()) {
        fail(std::move(status));
        return;
      }
      apply(std::move(bounds));
    }
    rebalances_.pop_front();
  }
}

Assignment::Clock::time_point Assignment::wakeAt() const {
  return std::min(askingTopics_ ? Clock::time_point::max() : askTopicsAt_, lookup_->wakeAt());
}

void Assignment::onEvent(rd_kafka_event_t* event) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT) onTopics(event);
  else lookup_->onEvent(event);
}

void Assignment::start(const Rebalance& rebalance) {
  std::vector<PartitionBounds> wanted;
  for (const Partition& each : rebalance.partitions) {
    PartitionBounds bounds{each.topic, each.partition, std::nullopt, std::nullopt};
    const auto target = targets_.find({each.topic, each.partition});
    if (target != targets_.end()) bounds.target = target->second;
    wanted.push_back(std::move(bounds));
  }
  lookingUp_ = true;
  lookup_->begin(std::move(wanted), !config_.group && assignedOnce_);
}

void Assignment::apply(std::vector<PartitionBounds> bounds) {
  SourceEvent event;
  event.kind = SourceEvent::Kind::Assigned;
  const PartitionList list = listOf(std::vector<Partition>());
  for (const PartitionBounds& each : bounds) {
    const int64_t epoch = ++lastEpoch_;
    const int64_t offset = each.start.value_or(RD_KAFKA_OFFSET_BEGINNING);
    const int64_t known = offset >= 0 ? offset : PartitionReader::unknown;
    if (each.target) targets_[{each.topic, each.partition}] = *each.target;
    auto lane = std::make_shared<Lane>(each.topic, each.partition, epoch, known);
    readers_.push_back(std::make_unique<PartitionReader>(client_, std::move(lane), known,
                                                         each.target.value_or(PartitionReader::unknown),
                                                         config_.recordSets, shared_.wakeup));
    if (!readers_.back()->isOpen()) {
      fail(Status::error("KAFKA", "partition " + each.topic + "/" + std::to_string(each.partition) + " has no queue"));
      return;
    }
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition)->offset = offset;
    AssignedPartition assigned;
    assigned.topic = each.topic;
    assigned.partition = each.partition;
    assigned.epoch = epoch;
    event.partitions.push_back(std::move(assigned));
  }
  publishLanes();
  // Before the call, after which messages may come.
  if (!event.partitions.empty()) shared_.events.push(std::move(event));
  assignedOnce_ = true;
  awaitingAssign_ = false;
  if (isCooperative()) check(rd_kafka_incremental_assign(client_, list.get()), "assign");
  else check(rd_kafka_assign(client_, list.get()), "assign");
}

void Assignment::revoke(const Rebalance& rebalance) {
  Revocation revocation;
  revocation.lost = rebalance.lost;
  std::set<Name> named;
  for (const Partition& each : rebalance.partitions) named.insert({each.topic, each.partition});
  std::erase_if(readers_, [&](const std::unique_ptr<PartitionReader>& reader) {
    const std::shared_ptr<Lane>& lane = reader->lane();
    if (!named.contains({lane->topic, lane->partition})) return false;
    reader->stop(shared_.budget);
    shared_.workers.drop(*lane);
    AssignedPartition gone;
    gone.topic = lane->topic;
    gone.partition = lane->partition;
    gone.epoch = lane->epoch;
    revocation.partitions.push_back(std::move(gone));
    return true;
  });
  publishLanes();
  awaitingAssign_ = config_.group;
  if (revocation.partitions.empty()) {
    giveBack(revocation);
    return;
  }
  SourceEvent event;
  event.kind = SourceEvent::Kind::Revoked;
  event.token = ++lastToken_;
  event.lost = revocation.lost;
  event.partitions = revocation.partitions;
  revocations_.emplace(event.token, std::move(revocation));
  shared_.events.push(std::move(event));
}

void Assignment::revoked(int64_t token) {
  const auto found = revocations_.find(token);
  if (found == revocations_.end()) return;
  const Revocation revocation = std::move(found->second);
  revocations_.erase(found);
  giveBack(revocation);
}

void Assignment::giveBack(const Revocation& revocation) {
  if (isCooperative()) {
    check(rd_kafka_incremental_unassign(client_, listOf(revocation.partitions).get()), "unassign");
  } else {
    check(rd_kafka_assign(client_, nullptr), "unassign");
  }
}

bool Assignment::isCurrent(const std::string& topic, int32_t partition, int64_t epoch) const {
  const auto is = [&](const std::string& t, int32_t p, int64_t e) { return e == epoch && p == partition && t == topic; };
  for (const auto& reader : readers_) {
    if (is(reader->lane()->topic, reader->lane()->partition, reader->lane()->epoch)) return true;
  }
  for (const auto& [token, revocation] : revocations_) {
    if (revocation.lost) continue;
    for (const auto& each : revocation.partitions) {
      if (is(each.topic, each.partition, each.epoch)) return true;
    }
  }
  return false;
}

bool Assignment::isSettled() const {
  return assignedOnce_ && !awaitingAssign_ && rebalances_.empty() && revocations_.empty();
}

bool Assignment::isJoining() const {
  const bool asked = !assignedOnce_ || awaitingAssign_;
  return config_.group && !topics_.empty() && asked && rebalances_.empty() && revocations_.empty();
}

// ---------------------------------------------------------------- lanes and the end

void Assignment::publishLanes() {
  std::vector<std::shared_ptr<Lane>> lanes;
  for (const auto& reader : readers_) lanes.push_back(reader->lane());
  const std::lock_guard lock(lanesMutex_);
  lanes_.swap(lanes);
}

std::vector<std::shared_ptr<Lane>> Assignment::lanes() const {
  const std::lock_guard lock(lanesMutex_);
  return lanes_;
}

void Assignment::beginClose() {
  closing_ = true;
  if (lookup_) lookup_->cancel();
  // Without a group librdkafka waits for nothing.
  const bool unanswered = config_.group && (!rebalances_.empty() || !revocations_.empty());
  rebalances_.clear();
  revocations_.clear();
  if (unanswered) giveAllBack();
}

// While it terminates, librdkafka takes the first call for giving everything back, whatever it asked for, and then ends.
// It may have asked twice (an assign that nobody answered, and the revoke of closing); but a second call may come when
// the group has ended, is then never taken, and would never return.
void Assignment::giveAllBack() {
  if (gaveAllBack_) return;
  gaveAllBack_ = true;
  rd_kafka_assign(client_, nullptr);
}

void Assignment::clear() {
  for (const auto& reader : readers_) reader->stop(shared_.budget);
  readers_.clear();
  publishLanes();
}

}  // namespace sabot
