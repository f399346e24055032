// The inside of the source, for source.cc (its face and the threads that call it) and source_poll.cc (the poll thread).
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "source.h"
#include "source_commit.h"
#include "source_connections.h"
#include "source_group.h"
#include "source_partition.h"
#include "source_queue.h"
#include "source_worker.h"
#include "work_time.h"

namespace sabot {

// The poll thread runs run(). Any other thread leaves what it wants in `commands_` and wakes it.
class Source::Impl final : public ClientLog {
 public:
  using Clock = std::chrono::steady_clock;

  Impl(SourceConfig config, std::function<void()> wake)
      : ClientLog([this] { events_.signal(); }), config_(std::move(config)),
        budget_(config_.maxQueueBytes, [this] { wakeup_.notify(); }), events_(std::move(wake), budget_),
        workers_(config_.parallelism, events_, budget_, [this] { wakeup_.notify(); }),
        assignment_(config_, {events_, budget_, workers_, wakeup_, *this}) {}
  ~Impl() override { close(); }

  Status open();
  Status metadata(const std::vector<std::string>* topics, int timeoutMs, std::string& json);
  void subscribe(std::vector<std::string> topics);
  Status fuse(std::shared_ptr<Sink> sink, FusedSpec spec);
  void halt();
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
  static int onConnect(int socket, const sockaddr* address, int size, const char* id, void* opaque);
  static int onCloseSocket(int socket, void* opaque);

  void run();
  void runCommands();
  void serveConsumer();
  void serveReplies();
  void onConsumerError(const rd_kafka_message_t& message);
  void fail(Status status, bool retriable, std::string topic, int32_t partition);
  void readPartitions(Clock::time_point now, Clock::time_point& wakeAt);
  void drain(PartitionReader& reader, Clock::time_point now, size_t atMost);
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
  Connections connections_;

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
  std::unique_ptr<Pump> pump_;  // set before decode(), which hands it to the poll thread; it then stays
  std::atomic<bool> closing_{false};

  WorkTime pollTime_;

  std::mutex closeMutex_;  // held by whoever joins the thread; another close() waits for it
  std::thread thread_;

  // Poll thread only.
  Commits commits_{*this};
  std::shared_ptr<const DecodePlan> plan_;
  PartitionReader::Limits limits_;
  size_t turn_ = 0;  // the reader that comes first
  bool inferred_ = false;
  Clock::time_point inferSince_ = Clock::time_point::max();  // the first message was there
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace sabot
