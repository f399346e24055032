// The yardstick of pipelines: batch consume to produce_batch, with the settings that Sabot's source and sink use
// (idempotent, acks from all). The values pass as they are: every message ("all"), or those whose amount is over 1,000
// ("over"), which a scan for the key and strtod decide.
//
//   raw-pipeline BOOTSTRAP_SERVERS INPUT OUTPUT all|over [follow] [-c NAME=VALUE | -p NAME=VALUE]...
//
// Reads to the end, waits for the last delivery, prints what that took. With "follow" it begins at the end, says
// "ready", and goes on until SIGTERM: how latency is measured. -c and -p: properties of the consumer and the producer.
#include <csignal>

#include "raw_client.h"

namespace {

volatile std::sig_atomic_t stopped = 0;

class Producer {
 public:
  Producer(const char* servers, const char* topic, const std::vector<std::string>& properties) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    raw::set(conf, "bootstrap.servers", servers);
    raw::set(conf, "enable.idempotence", "true");
    raw::set(conf, "acks", "all");
    raw::set(conf, "linger.ms", "5");
    raw::set(conf, "batch.size", "1000000");
    raw::set(conf, "batch.num.messages", "100000");
    raw::set(conf, "queue.buffering.max.messages", "1000000");
    raw::set(conf, "queue.buffering.max.kbytes", "65536");
    raw::set(conf, "partitioner", "murmur2_random");
    for (const std::string& pair : properties) raw::setPair(conf, pair);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) raw::die("delivery", rd_kafka_err2str(message->err));
      static_cast<Producer*>(opaque)->delivered_++;
    });
    rd_kafka_conf_set_opaque(conf, this);
    char error[256];
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (client_ == nullptr) raw::die("rd_kafka_new", error);
    topic_ = rd_kafka_topic_new(client_, topic, nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t err = rd_kafka_metadata(client_, 0, topic_, &metadata, 10000);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) raw::die("metadata", rd_kafka_err2str(err));
    rd_kafka_metadata_destroy(metadata);
    // Until an idempotent producer has got its id, nothing is sent; librdkafka asks for it every half a second and says
    // nothing when it came. That is starting up, and not part of what is measured.
    rd_kafka_poll(client_, 1200);
  }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer() {
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(client_);
  }

  // The bytes are copied into the producer's queue; where that is full, deliveries are waited for.
  void write(std::vector<rd_kafka_message_t>& messages) {
    size_t begin = 0;
    produced_ += static_cast<long long>(messages.size());
    while (begin < messages.size()) {
      const int count = static_cast<int>(messages.size() - begin);
      const int taken = rd_kafka_produce_batch(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                               messages.data() + begin, count);
      if (taken == count) break;
      // Those that were refused go to the end of the list and are offered again.
      size_t end = messages.size();
      const auto refused = [](const rd_kafka_message_t& message) { return message.err != RD_KAFKA_RESP_ERR_NO_ERROR; };
      const auto first = std::stable_partition(messages.begin() + static_cast<std::ptrdiff_t>(begin), messages.end(),
                                               [&](const rd_kafka_message_t& message) { return !refused(message); });
      begin = static_cast<size_t>(first - messages.begin());
      for (size_t i = begin; i < end; i++) {
        if (messages[i].err != RD_KAFKA_RESP_ERR__QUEUE_FULL) raw::die("produce", rd_kafka_err2str(messages[i].err));
        messages[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
      }
      rd_kafka_poll(client_, 5);
    }
    rd_kafka_poll(client_, 0);
  }

  void waitForAll() {
    while (delivered_ < produced_) rd_kafka_poll(client_, 10);
  }
  void poll() { rd_kafka_poll(client_, 0); }
  long long delivered() const { return delivered_; }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  long long produced_ = 0;
  long long delivered_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) raw::die("usage", "raw-pipeline SERVERS INPUT OUTPUT all|over [follow] [-c NAME=VALUE | -p NAME=VALUE]...");
  const bool all = std::strcmp(argv[4], "all") == 0;
  if (!all && std::strcmp(argv[4], "over") != 0) raw::die(argv[4], "expected all or over");
  bool follow = false;
  std::vector<std::string> consumerProperties, producerProperties;
  for (int i = 5; i < argc; i++) {
    const std::string option = argv[i];
    if (option == "follow") follow = true;
    else if (i + 1 == argc) raw::die(argv[i], "expected NAME=VALUE after it");
    else if (option == "-c") consumerProperties.emplace_back(argv[++i]);
    else if (option == "-p") producerProperties.emplace_back(argv[++i]);
    else raw::die(argv[i], "expected follow, -c or -p");
  }
  const auto stop = [](int) { stopped = 1; };
  std::signal(SIGTERM, stop);
  std::signal(SIGINT, stop);

  Producer producer(argv[1], argv[3], producerProperties);
  raw::Window window;
  long long rows = 0;
  {
    const int64_t from = follow ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    raw::Consumer consumer(argv[1], argv[2], from, consumerProperties);
    if (follow) {
      std::puts("ready");
      std::fflush(stdout);
    }
    std::vector<rd_kafka_message_t*> messages(8192);
    std::vector<rd_kafka_message_t> passed;
    while (stopped == 0 && (follow || !consumer.finished())) {
      // An idle producer's reports are polled for as well.
      const size_t count = follow ? consumer.takeSoon(messages, 5) : consumer.take(messages, 100);
      if (count == 0) {
        producer.poll();
        continue;
      }
      window.open();
      rows += static_cast<long long>(count);
      passed.clear();
      for (size_t i = 0; i < count; i++) {
        const rd_kafka_message_t* message = messages[i];
        if (!all && !(raw::amountOf(message) > 1000)) continue;
        rd_kafka_message_t& out = passed.emplace_back();
        out = {};
        out.payload = message->payload;
        out.len = message->len;
        out.key = message->key;
        out.key_len = message->key_len;
      }
      producer.write(passed);
      for (size_t i = 0; i < count; i++) rd_kafka_message_destroy(messages[i]);
    }
    producer.waitForAll();
    window.close();
  }
  std::printf(R"({"rows":%lld,"rowsOut":%lld,%s})"
              "\n",
              rows, producer.delivered(), window.json().c_str());
  return 0;
}
