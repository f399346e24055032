// What the yardsticks share: librdkafka set up as Sabot sets it up (src/kafka/properties.ts), and the clock by which
// every contender of the bench is measured.
#pragma once

#include <rdkafka.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace raw {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void die(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

inline void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

// "name=value"
inline void setPair(rd_kafka_conf_t* conf, const std::string& pair) {
  const size_t at = pair.find('=');
  if (at == std::string::npos) die(pair.c_str(), "expected name=value");
  set(conf, pair.substr(0, at).c_str(), pair.substr(at + 1).c_str());
}

inline double secondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// ---------------------------------------------------------------- what a process took

// User and system time of all threads of this process.
inline double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The most memory that was resident. Linux's own count: getrusage's also holds that of the process that started this one.
inline long long peakBytes() {
  long long kilobytes = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "r"); file != nullptr) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::sscanf(line, "VmHWM: %lld", &kilobytes) == 1) break;
    }
    std::fclose(file);
  }
  return kilobytes * 1024;
}

// From the first message that was handed to the program to the last thing that it waits for.
class Window {
 public:
  void open() {
    if (opened_) return;
    opened_ = true;
    cpu_ = cpuSeconds();
    start_ = Clock::now();
  }
  void close() {
    if (!opened_) return;
    seconds_ = secondsBetween(start_, Clock::now());
    cpu_ = cpuSeconds() - cpu_;
  }
  // Members of the JSON line that every contender prints.
  std::string json() const {
    char text[256];
    std::snprintf(text, sizeof text,
                  R"("seconds":%.6f,"cpuSeconds":%.6f,"processCpuSeconds":%.6f,"peakBytes":%lld)", seconds_,
                  opened_ ? cpu_ : 0.0, cpuSeconds(), peakBytes());
    return text;
  }

 private:
  bool opened_ = false;
  Clock::time_point start_;
  double seconds_ = 0;
  double cpu_ = 0;
};

// ---------------------------------------------------------------- reading

// Every partition of a topic, each from one place, in one queue.
class Consumer {
 public:
  // `from`: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END.
  Consumer(const char* servers, const char* topic, int64_t from, const std::vector<std::string>& properties = {}) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "group.id", "raw-consume");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "check.crcs", "true");
    set(conf, "fetch.wait.max.ms", "100");
    set(conf, "fetch.queue.backoff.ms", "2");
    set(conf, "fetch.max.bytes", "67108864");
    set(conf, "max.partition.fetch.bytes", "1048576");
    set(conf, "queued.max.messages.kbytes", "4096");
    set(conf, "queued.min.messages", "1000000");
    for (const std::string& pair : properties) setPair(conf, pair);
    char error[256];
    client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (client_ == nullptr) die("rd_kafka_new", error);

    rd_kafka_topic_t* handle = rd_kafka_topic_new(client_, topic, nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t err = rd_kafka_metadata(client_, 0, handle, &metadata, 10000);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) die("metadata", rd_kafka_err2str(err));
    partitions_ = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    if (partitions_ == 0) die(topic, "no such topic");

    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions_);
    for (int p = 0; p < partitions_; p++) {
      int64_t low = 0;
      int64_t high = 0;
      const rd_kafka_resp_err_t unknown = rd_kafka_query_watermark_offsets(client_, topic, p, &low, &high, 10000);
      if (unknown != RD_KAFKA_RESP_ERR_NO_ERROR) die("offsets", rd_kafka_err2str(unknown));
      // A place and not "the end": what is written after this call is read.
      const int64_t start = from == RD_KAFKA_OFFSET_END ? high : low;
      rd_kafka_topic_partition_list_add(list, topic, p)->offset = start;
      left_ += high - start;
    }
    rd_kafka_assign(client_, list);
    rd_kafka_topic_partition_list_destroy(list);
    queue_ = rd_kafka_queue_get_consumer(client_);
  }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;
  ~Consumer() {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }

  // Messages up to the ends of when this was made are all read. Markers of transactions count among `left_` without
  // ever coming: then the ends of the partitions end the reading.
  bool finished() const { return left_ <= 0 || ended_ >= partitions_; }

  // Waits until `out` is full or `timeoutMs` is over, as librdkafka's call does, and never for more than what is left.
  size_t take(std::vector<rd_kafka_message_t*>& out, int timeoutMs) {
    const size_t most = std::min(out.size(), static_cast<size_t>(std::max<long long>(left_, 1)));
    return sorted(out, rd_kafka_consume_batch_queue(queue_, timeoutMs, out.data(), most));
  }

  // What lies there, at least one message unless `timeoutMs` is over: for whom each millisecond counts.
  size_t takeSoon(std::vector<rd_kafka_message_t*>& out, int timeoutMs) {
    out[0] = rd_kafka_consume_queue(queue_, timeoutMs);
    if (out[0] == nullptr) return 0;
    const ssize_t more = rd_kafka_consume_batch_queue(queue_, 0, out.data() + 1, out.size() - 1);
    return sorted(out, 1 + std::max<ssize_t>(more, 0));
  }

 private:
  // Keeps the messages in front and destroys what is none.
  size_t sorted(std::vector<rd_kafka_message_t*>& out, ssize_t count) {
    size_t kept = 0;
    for (ssize_t i = 0; i < count; i++) {
      rd_kafka_message_t* message = out[static_cast<size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out[kept++] = message;
        left_--;
        continue;
      }
      if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) die("consume", rd_kafka_message_errstr(message));
      ended_++;
      rd_kafka_message_destroy(message);
    }
    return kept;
  }

  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  int partitions_ = 0;
  int ended_ = 0;
  long long left_ = 0;
};

// ---------------------------------------------------------------- transactions

// The amount of a transaction, found by its key alone; a document without one is none of ours. Every document ends
// with '}', so strtod stops before the end of the bytes.
inline double amountOf(const rd_kafka_message_t* message) {
  static constexpr char key[] = "\"amount\":";
  const void* at = memmem(message->payload, message->len, key, sizeof key - 1);
  if (at == nullptr) die("amount", "a message has none");
  return std::strtod(static_cast<const char*>(at) + sizeof key - 1, nullptr);
}

inline long long centsOf(double amount) { return static_cast<long long>(amount * 100 + 0.5); }

}  // namespace raw
