// The yardstick: reads a topic to its end with librdkafka's batch consume and nothing else, with the fetch settings
// that Sabot uses, and prints what that took. Usage: raw-consume BOOTSTRAP_SERVERS TOPIC
#include <rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what, const char* why) {
  std::fprintf(stderr, "raw-consume: %s: %s\n", what, why);
  std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) die("usage", "raw-consume BOOTSTRAP_SERVERS TOPIC");
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "group.id", "raw-consume");
  set(conf, "enable.auto.commit", "false");
  set(conf, "enable.partition.eof", "true");
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "check.crcs", "true");
  // The same as Sabot's own (src/kafka/properties.ts).
  set(conf, "fetch.wait.max.ms", "100");
  set(conf, "fetch.queue.backoff.ms", "5");
  set(conf, "fetch.max.bytes", "67108864");
  set(conf, "max.partition.fetch.bytes", "4194304");
  set(conf, "queued.max.messages.kbytes", "8192");
  set(conf, "queued.min.messages", "1000000");
  char error[256];
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (consumer == nullptr) die("rd_kafka_new", error);

  rd_kafka_topic_t* topic = rd_kafka_topic_new(consumer, argv[2], nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_metadata(consumer, 0, topic, &metadata, 10000);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) die("metadata", rd_kafka_err2str(err));
  const int partitions = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  if (partitions == 0) die(argv[2], "no such topic");

  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  // Messages to come, so that the last batch is not waited for until it is full. Markers of transactions count among
  // them without ever coming: then the ends of the partitions end the reading.
  long long left = 0;
  for (int p = 0; p < partitions; p++) {
    rd_kafka_topic_partition_list_add(list, argv[2], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    int64_t low = 0;
    int64_t high = 0;
    const rd_kafka_resp_err_t unknown = rd_kafka_query_watermark_offsets(consumer, argv[2], p, &low, &high, 10000);
    if (unknown != RD_KAFKA_RESP_ERR_NO_ERROR) die("offsets", rd_kafka_err2str(unknown));
    left += high - low;
  }
  const Clock::time_point start = Clock::now();
  rd_kafka_assign(consumer, list);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);

  std::vector<rd_kafka_message_t*> messages(8192);
  long long rows = 0;
  long long bytes = 0;
  int ended = 0;
  while (left > 0 && ended < partitions) {
    const size_t most = std::min(messages.size(), static_cast<size_t>(left));
    const ssize_t n = rd_kafka_consume_batch_queue(queue, 100, messages.data(), most);
    for (ssize_t i = 0; i < n; i++) {
      rd_kafka_message_t* message = messages[static_cast<size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rows++;
        left--;
        bytes += static_cast<long long>(message->len);
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ended++;
      } else {
        die("consume", rd_kafka_message_errstr(message));
      }
      rd_kafka_message_destroy(message);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"rows\":%lld,\"bytes\":%lld,\"seconds\":%.3f}\n", rows, bytes, seconds);

  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_topic_destroy(topic);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}
