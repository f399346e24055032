#include "source.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "source_impl.h"

namespace sabot {

namespace {

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
  rd_kafka_conf_set_connect_cb(conf.get(), &Impl::onConnect);
  rd_kafka_conf_set_closesocket_cb(conf.get(), &Impl::onCloseSocket);
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

int Source::Impl::onConnect(int socket, const sockaddr* address, int size, const char*, void* opaque) {
  return static_cast<Impl*>(static_cast<ClientLog*>(opaque))->connections_.connect(socket, address, size);
}

int Source::Impl::onCloseSocket(int socket, void* opaque) {
  return static_cast<Impl*>(static_cast<ClientLog*>(opaque))->connections_.close(socket);
}

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

Status Source::Impl::fuse(std::shared_ptr<Sink> sink, FusedSpec spec) {
  std::unique_ptr<Pump> pump;
  if (Status status = Pump::make(std::move(sink), std::move(spec), events_, budget_, pump); !status.ok()) return status;
  const std::lock_guard lock(commandsMutex_);
  if (decoding_ || pump_ != nullptr) return Status::error("CONFIG", "fuse: expected one call, before decode()");
  if (refusing_) return Status::error("CLOSED", "the source was closed");
  pump_ = std::move(pump);
  return Status::success();
}

void Source::Impl::halt() {
  Pump* pump = nullptr;
  {
    const std::lock_guard lock(commandsMutex_);
    pump = pump_.get();
  }
  if (pump != nullptr) pump->halt();
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
  stats.pollNanoseconds = pollTime_.nanoseconds();
  stats.decodeNanoseconds = workers_.decodeNanoseconds();
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
Status Source::fuse(std::shared_ptr<Sink> sink, FusedSpec spec) {
  return impl_->fuse(std::move(sink), std::move(spec));
}
void Source::halt() { impl_->halt(); }
Status Source::decode(DecodeSpec spec) { return impl_->decode(std::move(spec)); }
bool Source::take(SourceEvent& out) { return impl_->take(out); }
void Source::commit(std::vector<CommitPosition> positions, std::function<void(Status, bool retriable)> done) {
  impl_->commit(std::move(positions), std::move(done));
}
void Source::revoked(int64_t token) { impl_->revoked(token); }
SourceStats Source::stats() { return impl_->stats(); }
void Source::close() { impl_->close(); }

}  // namespace sabot
