#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "source_impl.h"

namespace sabot {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds idleTick{500};   // how long the poll thread sleeps where nothing happens: the group's clock runs
constexpr milliseconds earlyEvery{5};   // how often a partition may hand over a batch that is not full
constexpr milliseconds joinWait{2000};   // how long a member that closes while it joins waits to be let in
constexpr milliseconds closeWait{3000};  // how long the group may take to let go, before its connections are cut
constexpr milliseconds cutWait{1000};    // and how long that may take
constexpr size_t inferRows = 1000;
constexpr milliseconds inferWait{200};

}  // namespace

// ---------------------------------------------------------------- poll thread

void Source::Impl::run() {
  while (!closing_) {
    const auto began = Clock::now();
    runCommands();
    serveConsumer();
    serveReplies();
    const auto now = Clock::now();
    assignment_.step(now);
    if (const Status& status = assignment_.failure(); !status.ok()) fail(status, false, assignment_.failedTopic(), -1);
    auto wakeAt = std::min(now + idleTick, assignment_.wakeAt());
    // What a fused run that has halted would read, it could not hand over.
    const bool halted = plan_ != nullptr && pump_ != nullptr && pump_->isHalted();
    if (!failed_ && !workers_.hasFailed() && !halted) {
      if (plan_ != nullptr) readPartitions(now, wakeAt);
      else if (!inferred_) infer(now, wakeAt);
      endWhenDone();
    }
    pollTime_.add(Clock::now() - began);
    if (wakeAt > now) wakeup_.wait(wakeAt);
  }
  leave();
}

void Source::Impl::runCommands() {
  Commands commands;
  {
    const std::lock_guard lock(commandsMutex_);
    std::swap(commands, commands_);
  }
  if (commands.plan != nullptr) {
    plan_ = std::move(commands.plan);
    workers_.use(plan_, pump_.get());
  }
  if (commands.topics) assignment_.subscribe(std::move(*commands.topics));
  for (Commit& commit : commands.commits) {
    if (!config_.group) {
      commit.done(Status::error("CONFIG", "commit: expected a source that reads with a group; this one has none"), false);
      continue;
    }
    std::erase_if(commit.positions, [this](const CommitPosition& each) {
      return !assignment_.isCurrent(each.topic, each.partition, each.epoch);
    });
    commits_.send(client_, replies_, commit.positions, std::move(commit.done));
  }
  // After the commits, which came first.
  for (const int64_t token : commands.revoked) assignment_.revoked(token);
}

void Source::Impl::serveConsumer() {
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 0)) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      onConsumerError(*message);
    } else {
      // Every partition's queue was taken out of this one before it was assigned.
      fail(Status::error("KAFKA", "a message came from a partition that is not read"), false,
           rd_kafka_topic_name(message->rkt), message->partition);
    }
    rd_kafka_message_destroy(message);
  }
}

void Source::Impl::onRebalance(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                               void* opaque) {
  static_cast<Impl*>(static_cast<ClientLog*>(opaque))->assignment_.onRebalance(error, partitions);
}

void Source::Impl::serveReplies() {
  while (rd_kafka_event_t* event = rd_kafka_queue_poll(replies_, 0)) {
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) commits_.onEvent(event);
    else assignment_.onEvent(event);
    rd_kafka_event_destroy(event);
  }
}

// An outage is waited for, and so is what the group settles by itself. What would lose messages ends the source.
void Source::Impl::onConsumerError(const rd_kafka_message_t& message) {
  const std::string topic = message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt);
  std::string what = "consumer";
  if (!topic.empty()) what = "topic " + topic;
  if (!topic.empty() && message.partition >= 0) what = "partition " + topic + "/" + std::to_string(message.partition);
  const char* detail = rd_kafka_message_errstr(&message);
  const Status status = errorStatus(message.err, what, detail == nullptr ? "" : detail);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__FATAL: {
      char reason[512] = "";
      const auto fatal = rd_kafka_fatal_error(client_, reason, sizeof(reason));
      fail(errorStatus(fatal, what, reason), false, topic, message.partition);
      return;
    }
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID:
      if (!topic.empty()) assignment_.suspect(topic);
      break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:  // auto.offset.reset follows
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_TOPIC_ID:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL: break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      if (!config_.group) return;  // of the group that is none
      [[fallthrough]];
    default:
      if (isRetriable(message.err)) break;
      fail(status, false, topic, message.partition);
      return;
  }
  log(LogLevel::Warn, status.message);
}

void Source::Impl::fail(Status status, bool retriable, std::string topic, int32_t partition) {
  if (failed_) return;
  failed_ = true;
  SourceEvent event;
  event.kind = SourceEvent::Kind::Error;
  event.code = std::move(status.code);
  event.message = std::move(status.message);
  event.retriable = retriable;
  event.topic = std::move(topic);
  event.partition = partition;
  events_.push(std::move(event));
}

// ---------------------------------------------------------------- reading

void Source::Impl::drain(PartitionReader& reader, Clock::time_point now, size_t atMost) {
  const Status status = reader.drain(now, limits_, atMost, budget_,
                                     [this](const rd_kafka_message_t& message) { onConsumerError(message); });
  if (!status.ok()) fail(status, false, reader.lane()->topic, reader.lane()->partition);
}

// One batch of every partition in turn. wakeAt: not later than `now` where more is to be had at once.
void Source::Impl::readPartitions(Clock::time_point now, Clock::time_point& wakeAt) {
  auto& readers = assignment_.readers();
  if (readers.empty()) return;
  ++turn_;
  for (size_t i = 0; i < readers.size(); ++i) {
    PartitionReader& reader = *readers[(turn_ + i) % readers.size()];
    // A full lane or budget wakes us when it has room.
    const auto takes = [&] {
      return reader.mayHaveMore() && !reader.hasFullRun() && reader.lane()->runs < Workers::laneRuns &&
             !budget_.isFull();
    };
    if (takes()) drain(reader, now, limits_.maxRows);
    handOver(reader, now, wakeAt);
    if (takes()) wakeAt = now;
  }
}

// A batch that is full goes to the workers. So does one that is not, when its time is over; or before, where nobody has
// anything better to do: all is taken from librdkafka, a worker is free and the caller waits. Where messages keep
// coming, that is at most every few milliseconds, so that batches do not get small just because they are fast.
void Source::Impl::handOver(PartitionReader& reader, Clock::time_point now, Clock::time_point& wakeAt) {
  const std::shared_ptr<Lane>& lane = reader.lane();
  while (reader.hasFullRun() && lane->runs < Workers::laneRuns) {
    workers_.submit(lane, reader.takeFullRun());
    reader.handedOver(now);
  }
  if (reader.isEmpty() || reader.hasFullRun() || lane->runs >= Workers::laneRuns) return;
  const auto due = reader.since() + milliseconds(config_.maxWaitMs);
  const auto early = reader.lastHandOver() + earlyEvery;
  // A fused run hands over to its sink, not to the caller.
  const bool isAwaited = pump_ != nullptr || events_.isAwaited();
  const bool idle = reader.isDrained() && lane->runs == 0 && workers_.hasIdle() && isAwaited;
  if (reader.isDone() || reader.hasMoved() || now >= due || (idle && now >= early)) {
    workers_.submit(lane, reader.takeGathering());
    reader.handedOver(now);
    return;
  }
  wakeAt = std::min(wakeAt, std::min(due, std::max(early, now + earlyEvery)));
}

// Messages stay where they are, and are decoded once decode() says how.
void Source::Impl::infer(Clock::time_point now, Clock::time_point& wakeAt) {
  size_t count = 0;
  bool atEnd = assignment_.isSettled();
  bool done = atEnd && config_.until.kind != Until::Kind::Never;
  for (const auto& reader : assignment_.readers()) count += reader->count();
  for (const auto& reader : assignment_.readers()) {
    while (count < inferRows && reader->mayHaveMore() && !budget_.isFull()) {
      const size_t before = reader->count();
      drain(*reader, now, inferRows - count);
      count += reader->count() - before;
    }
    atEnd = atEnd && reader->isAtEnd();
    done = done && reader->isDone();
  }
  if (count > 0) inferSince_ = std::min(inferSince_, now);
  // Where no more fits, what there is must do.
  const auto wait = std::max(inferWait, milliseconds(config_.maxWaitMs));
  const bool late = count > 0 && (now >= inferSince_ + wait || budget_.isFull());
  if (count > 0 && !late) wakeAt = std::min(wakeAt, inferSince_ + wait);
  if (count < inferRows && !late && !done && !(atEnd && count > 0)) return;

  std::vector<Bytes> values;
  for (const auto& reader : assignment_.readers()) reader->sample(values, inferRows);
  DecodeLimits limits;
  limits.maxDepth = config_.maxDepth;
  SourceEvent event;
  event.kind = SourceEvent::Kind::Schema;
  event.schema = values.empty() ? "[]" : schemaToJson(inferJsonSchema(values, limits));
  event.rows = static_cast<int64_t>(values.size());
  inferred_ = true;
  events_.push(std::move(event));
}

// Everything before the targets was handed over: all events of batches lie in the queue before this one.
void Source::Impl::endWhenDone() {
  if (ended_ || plan_ == nullptr || config_.until.kind == Until::Kind::Never || !assignment_.isSettled()) return;
  for (const auto& reader : assignment_.readers()) {
    if (!reader->isDone() || !reader->isEmpty()) return;
  }
  if (!workers_.isEmpty()) return;
  ended_ = true;
  SourceEvent event;
  event.kind = SourceEvent::Kind::End;
  events_.push(std::move(event));
}

// ---------------------------------------------------------------- leaving

void Source::Impl::leave() {
  Commands last;
  {
    const std::lock_guard lock(commandsMutex_);
    refusing_ = true;
    std::swap(last, commands_);
  }
  // The messages first: librdkafka cannot go while somebody holds one.
  workers_.close();
  if (plan_ != nullptr && pump_ != nullptr) pump_->reclaim();
  for (const auto& lane : assignment_.lanes()) workers_.drop(*lane);
  for (const auto& reader : assignment_.readers()) reader->stop(budget_);

  // The coordinator lets in also a member that has gone before its answer came, and librdkafka, which does not know the
  // member's id yet, does not take leave: the group would wait for nobody for as long as a session lasts.
  const auto joined = Clock::now() + joinWait;
  while (!failed_ && assignment_.isJoining() && Clock::now() < joined) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 10)) rd_kafka_message_destroy(message);
  }

  rd_kafka_queue_t* closing = rd_kafka_queue_new(client_);
  rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_, closing);
  if (error != nullptr) {
    rd_kafka_error_destroy(error);  // a fatal error was told before
  } else {
    assignment_.beginClose();
    const auto isClosedWithin = [this](milliseconds time) {
      const auto giveUp = Clock::now() + time;
      while (rd_kafka_consumer_closed(client_) == 0) {
        if (Clock::now() >= giveUp) return false;
        // The consumer's queue leads to `closing` now; rebalances are answered by onRebalance.
        if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 50)) rd_kafka_message_destroy(message);
        serveReplies();
      }
      return true;
    };
    if (!isClosedWithin(closeWait)) {
      log(LogLevel::Warn, "the broker does not answer: the source closes without leaving the group");
      connections_.cut();
      isClosedWithin(cutWait);
    }
  }
  serveReplies();
  rd_kafka_queue_destroy(closing);
  commits_.closeAll();
  for (const Commit& commit : last.commits) commit.done(Commits::closed(), false);
}

}  // namespace sabot
