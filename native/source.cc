#include "source.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "source_commit.h"
#include "source_group.h"
#include "source_partition.h"
#include "source_queue.h"
#include "source_worker.h"

namespace sabot {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds idleTick{500};   // how long the poll thread sleeps where nothing happens: the group's clock runs
constexpr milliseconds earlyEvery{5};   // how often a partition may hand over a batch that is not full
constexpr milliseconds joinWait{2000};   // how long a member that closes while it joins waits to be let in
constexpr milliseconds closeWait{5000};  // how long the group may take to let go, before we go without
constexpr size_t inferRows = 1000;
constexpr milliseconds inferWait{200};
constexpr const char* noGroup = "sabot";  // librdkafka wants a name; nothing is ever joined or committed

// After the caller's own properties, which cannot override them.
const Properties fixed = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},
};

Status checkConfig(const SourceConfig& config) {
  const auto atLeast = [](const char* name, int64_t value, int64_t least) {
    if (value >= least) return Status::success();
    return Status::error("CONFIG", std::string(name) + ": expected at least " + std::to_string(least) + "; got " +
                                       std::to_string(value));
  };
  for (const Status& status : {atLeast("parallelism", config.parallelism, 1), atLeast("maxRows", config.maxRows, 1),
                               atLeast("maxBytes", config.maxBytes, 1), atLeast("maxWaitMs", config.maxWaitMs, 0),
                               atLeast("maxQueueBytes", config.maxQueueBytes, 1),
                               atLeast("metadataRefreshMs", config.metadataRefreshMs, 1)}) {
    if (!status.ok()) return status;
  }
  return Status::success();
}

}  // namespace

// The poll thread runs run(). Any other thread leaves what it wants in `commands_` and wakes it.
class Source::Impl final : public ClientLog {
 public:
  Impl(SourceConfig config, std::function<void()> wake)
      : ClientLog([this] { events_.signal(); }), config_(std::move(config)),
        budget_(config_.maxQueueBytes, [this] { wakeup_.notify(); }), events_(std::move(wake), budget_),
        workers_(config_.parallelism, events_, budget_, [this] { wakeup_.notify(); }),
        assignment_(config_, {events_, budget_, workers_, wakeup_, *this}) {}
  ~Impl() override { close(); }

  Status open();
  Status metadata(const std::vector<std::string>* topics, int timeoutMs, std::string& json);
  void subscribe(std::vector<std::string> topics);
  Status decode(DecodeSpec spec);
  bool take(SourceEvent& out) { return events_.take(out, *this); }
  void commit(std::vector<CommitPosition> positions, CommitDone done);
  void revoked(int64_t token);
  SourceStats stats();
  void close();

 private:
  struct Commit {
    std::vector<CommitPosition> positions;
    CommitDone done;
  };
  struct Commands {
    std::optional<std::vector<std::string>> topics;
    std::shared_ptr<const DecodePlan> plan;
    std::vector<Commit> commits;
    std::vector<int64_t> revoked;
  };

  static void onRebalance(rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                          void* opaque);
  static void onConsumerQueue(rd_kafka_t* client, void* opaque);

  void run();
  void runCommands();
  void serveConsumer();
  void serveReplies();
  void onConsumerError(const rd_kafka_message_t& message);
  void fail(Status status, bool retriable, std::string topic, int32_t partition);
  void readPartitions(Clock::time_point now, Clock::time_point& wakeAt);
  void drain(PartitionReader& reader, size_t atMost);
  void handOver(PartitionReader& reader, Clock::time_point now, Clock::time_point& wakeAt);
  void infer(Clock::time_point now, Clock::time_point& wakeAt);
  void endWhenDone();
  void leave();

  SourceConfig config_;
  Wakeup wakeup_;
  ByteBudget budget_;
  EventQueue events_;
  Workers workers_;
  Assignment assignment_;  // but for lanes(), the poll thread's

  // Set once in open(), before the thread starts. clientMutex_: metadata() and stats() use the client shared, close()
  // destroys it.
  std::shared_mutex clientMutex_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* consumerQueue_ = nullptr;
  rd_kafka_queue_t* replies_ = nullptr;

  std::mutex commandsMutex_;
  Commands commands_;
  bool refusing_ = false;  // the poll thread looks at no more commands
  bool decoding_ = false;  // decode() was called
  std::atomic<bool> closing_{false};

  std::mutex closeMutex_;  // held by whoever joins the thread; another close() waits for it
  std::thread thread_;

  // Poll thread only.
  Commits commits_;
  std::shared_ptr<const DecodePlan> plan_;
  PartitionReader::Limits limits_;
  std::vector<rd_kafka_message_t*> scratch_;
  size_t turn_ = 0;  // the reader that comes first
  bool inferred_ = false;
  Clock::time_point inferSince_ = Clock::time_point::max();  // the first message was there
  bool ended_ = false;
  bool failed_ = false;
};

// ---------------------------------------------------------------- opening

Status Source::Impl::open() {
  if (Status status = checkConfig(config_); !status.ok()) return status;
  Properties properties = config_.properties;
  properties.insert(properties.end(), fixed.begin(), fixed.end());
  const std::string* group = findProperty(properties, "group.id");
  if (config_.group && (group == nullptr || group->empty())) {
    return Status::error("CONFIG", "client property group.id: expected the group to read with; got none");
  }
  const std::string groupId = config_.group ? *group : noGroup;
  if (!config_.group) properties.emplace_back("group.id", noGroup);
  if (findProperty(properties, "auto.offset.reset") == nullptr) {
    // Only for a position that is not there any more; where to begin is looked up.
    properties.emplace_back("auto.offset.reset", config_.from.kind == From::Kind::Latest ? "latest" : "earliest");
  }
  const std::string* isolation = findProperty(properties, "isolation.level");
  const bool readCommitted = isolation == nullptr || *isolation == "read_committed";  // librdkafka's default
  Conf conf;
  if (Status status = makeConf(properties, conf); !status.ok()) return status;
  config_.properties.clear();  // secrets are not kept longer than needed

  install(conf.get());
  rd_kafka_conf_set_rebalance_cb(conf.get(), &Impl::onRebalance);
  if (Status status = makeClient(RD_KAFKA_CONSUMER, std::move(conf), client_); !status.ok()) return status;
  rd_kafka_poll_set_consumer(client_);
  consumerQueue_ = rd_kafka_queue_get_consumer(client_);
  replies_ = rd_kafka_queue_new(client_);
  rd_kafka_queue_cb_event_enable(consumerQueue_, &Impl::onConsumerQueue, &wakeup_);
  rd_kafka_queue_cb_event_enable(replies_, &Impl::onConsumerQueue, &wakeup_);
  assignment_.open(client_, replies_, groupId, readCommitted);
  limits_ = {static_cast<size_t>(config_.maxRows), config_.maxBytes};
  inferred_ = !config_.infer;

  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return Status::error("MEMORY", std::string("the source's thread could not be started: ") + error.what());
  }
  return Status::success();
}

// librdkafka's threads, with the queue's lock held.
void Source::Impl::onConsumerQueue(rd_kafka_t*, void* opaque) { static_cast<Wakeup*>(opaque)->notify(); }

// ---------------------------------------------------------------- callers' threads

Status Source::Impl::metadata(const std::vector<std::string>* topics, int timeoutMs, std::string& json) {
  const std::shared_lock lock(clientMutex_);
  const auto closed = [] { return Status::error("CLOSED", "the source was closed"); };
  if (client_ == nullptr || closing_) return closed();
  std::vector<TopicMetadata> found;
  Status status = readMetadata(client_, topics, timeoutMs, &closing_, this, found);
  if (status.code == "ABORTED") return closed();
  if (status.ok()) json = metadataToJson(found);
  return status;
}

void Source::Impl::subscribe(std::vector<std::string> topics) {
  {
    const std::lock_guard lock(commandsMutex_);
    if (refusing_) return;
    commands_.topics = std::move(topics);
  }
  wakeup_.notify();
}

Status Source::Impl::decode(DecodeSpec spec) {
  std::shared_ptr<const DecodePlan> plan;
  if (Status status = DecodePlan::make(std::move(spec), plan); !status.ok()) return status;
  {
    const std::lock_guard lock(commandsMutex_);
    if (decoding_) return Status::error("CONFIG", "decode: it was called before; a source decodes in one way");
    if (refusing_) return Status::error("CLOSED", "the source was closed");
    decoding_ = true;
    commands_.plan = std::move(plan);
  }
  wakeup_.notify();
  return Status::success();
}

void Source::Impl::commit(std::vector<CommitPosition> positions, CommitDone done) {
  {
    const std::lock_guard lock(commandsMutex_);
    if (!refusing_) {
      commands_.commits.push_back({std::move(positions), std::move(done)});
      done = nullptr;
    }
  }
  if (done) done(Commits::closed(), false);
  else wakeup_.notify();
}

void Source::Impl::revoked(int64_t token) {
  {
    const std::lock_guard lock(commandsMutex_);
    if (refusing_) return;
    commands_.revoked.push_back(token);
  }
  wakeup_.notify();
}

SourceStats Source::Impl::stats() {
  SourceStats stats;
  stats.messages = workers_.messages();
  stats.bytes = workers_.bytes();
  stats.queuedBytes = budget_.held();
  const std::shared_lock lock(clientMutex_);
  if (client_ == nullptr) return stats;
  for (const auto& lane : assignment_.lanes()) {
    int64_t low = -1;
    int64_t high = -1;
    const auto error =
        rd_kafka_get_watermark_offsets(client_, lane->topic.c_str(), lane->partition, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) continue;  // nothing was fetched yet
    PartitionLag lag;
    lag.topic = lane->topic;
    lag.partition = lane->partition;
    lag.messages = std::max<int64_t>(0, high - std::max({lane->handedOver->load(), low, int64_t{0}}));
    stats.lag.push_back(std::move(lag));
  }
  return stats;
}

void Source::Impl::close() {
  closing_ = true;
  wakeup_.notify();
  const std::lock_guard closing(closeMutex_);
  if (thread_.joinable()) thread_.join();

  Commands left;
  {
    const std::lock_guard lock(commandsMutex_);
    refusing_ = true;  // where the thread could not even be started
    std::swap(left, commands_);
  }
  for (const Commit& commit : left.commits) commit.done(Commits::closed(), false);

  const std::unique_lock client(clientMutex_);  // waits for metadata(), which gives up on closing_
  if (client_ == nullptr) return;
  assignment_.clear();
  for (rd_kafka_queue_t* queue : {consumerQueue_, replies_}) {
    if (queue == nullptr) continue;
    rd_kafka_queue_cb_event_enable(queue, nullptr, nullptr);
    rd_kafka_queue_destroy(queue);
  }
  // leave() has closed the consumer, or has waited long enough.
  rd_kafka_destroy_flags(std::exchange(client_, nullptr), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

// ---------------------------------------------------------------- poll thread

void Source::Impl::run() {
  while (!closing_) {
    runCommands();
    serveConsumer();
    serveReplies();
    const auto now = Clock::now();
    assignment_.step(now);
    if (const Status& status = assignment_.failure(); !status.ok()) fail(status, false, "", -1);
    auto wakeAt = std::min(now + idleTick, assignment_.wakeAt());
    if (!failed_ && !workers_.hasFailed()) {
      if (plan_ != nullptr) readPartitions(now, wakeAt);
      else if (!inferred_) infer(now, wakeAt);
      endWhenDone();
    }
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
    workers_.use(plan_);
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

void Source::Impl::drain(PartitionReader& reader, size_t atMost) {
  reader.drain(limits_, atMost, budget_, scratch_,
               [this](const rd_kafka_message_t& message) { onConsumerError(message); });
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
    if (takes()) drain(reader, limits_.maxRows);
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
  const bool idle = reader.isDrained() && lane->runs == 0 && workers_.hasIdle() && events_.isAwaited();
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
      drain(*reader, inferRows - count);
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
    const auto giveUp = Clock::now() + closeWait;
    while (rd_kafka_consumer_closed(client_) == 0 && Clock::now() < giveUp) {
      // The consumer's queue leads to `closing` now; rebalances are answered by onRebalance.
      if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 50)) rd_kafka_message_destroy(message);
      serveReplies();
    }
  }
  serveReplies();
  rd_kafka_queue_destroy(closing);
  commits_.closeAll();
  for (const Commit& commit : last.commits) commit.done(Commits::closed(), false);
}

// ---------------------------------------------------------------- the face

Source::Source(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Source::~Source() = default;

Status Source::create(SourceConfig config, std::function<void()> wake, std::unique_ptr<Source>& out) {
  auto impl = std::make_unique<Impl>(std::move(config), std::move(wake));
  if (Status status = impl->open(); !status.ok()) return status;
  out.reset(new Source(std::move(impl)));
  return Status::success();
}

Status Source::metadata(const std::vector<std::string>* topics, int timeoutMs, std::string& json) {
  return impl_->metadata(topics, timeoutMs, json);
}
void Source::subscribe(std::vector<std::string> topics) { impl_->subscribe(std::move(topics)); }
Status Source::decode(DecodeSpec spec) { return impl_->decode(std::move(spec)); }
bool Source::take(SourceEvent& out) { return impl_->take(out); }
void Source::commit(std::vector<CommitPosition> positions, std::function<void(Status, bool retriable)> done) {
  impl_->commit(std::move(positions), std::move(done));
}
void Source::revoked(int64_t token) { impl_->revoked(token); }
SourceStats Source::stats() { return impl_->stats(); }
void Source::close() { impl_->close(); }

}  // namespace sabot
