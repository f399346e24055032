// How long a row takes through a pipeline: writes transactions to its input at a steady rate, each with the time of
// its sending in it, and reads its output. Half of the amounts are over 1,000, which is what the pipeline lets pass.
//
//   latency-probe BOOTSTRAP_SERVERS INPUT OUTPUT ROWS_PER_SECOND SECONDS WARM_UP_SECONDS
//
// Prints the percentiles in milliseconds of the rows that were sent after the warm-up. Writing and reading are set for
// the least delay, and are part of what is measured, the same part for every pipeline.
#include <atomic>
#include <cmath>
#include <thread>

#include "raw_client.h"

namespace {

long long microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(raw::Clock::now().time_since_epoch()).count();
}

struct Plan {
  const char* servers;
  const char* input;
  long long perSecond;
  long long warmUp;  // rows
  long long total;   // rows, the warm-up among them
};

// Every millisecond, what is due: without keys it goes to one partition for ten of them, so one request each. A request
// a row would measure how many requests the broker can answer.
void send(const Plan& plan) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  raw::set(conf, "bootstrap.servers", plan.servers);
  raw::set(conf, "linger.ms", "0");
  raw::set(conf, "acks", "1");
  char error[256];
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client == nullptr) raw::die("rd_kafka_new", error);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client, plan.input, nullptr);
  const raw::Clock::time_point start = raw::Clock::now();
  for (long long row = 0; row < plan.total;) {
    const double elapsed = raw::secondsBetween(start, raw::Clock::now());
    const long long due = std::min(plan.total, static_cast<long long>(elapsed * static_cast<double>(plan.perSecond)));
    for (; row < due; row++) {
      char document[400];
      const int size = std::snprintf(
          document, sizeof document,
          R"({"id":%lld,"account":"%06lld","merchant":"Northwind","category":"groceries","amount":%s,"currency":"EUR",)"
          R"("country":"DE","channel":"web","approved":true,"at":"2026-01-01T00:00:00.000Z","reference":"%lld"})",
          row, row % 1'000'000, row % 2 == 0 ? "500.25" : "1500.25", microseconds());
      if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, document, static_cast<size_t>(size),
                           nullptr, 0, nullptr) != 0) {
        raw::die("produce", rd_kafka_err2str(rd_kafka_last_error()));
      }
    }
    rd_kafka_poll(client, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  rd_kafka_flush(client, 10000);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
}

long long numberAfter(const rd_kafka_message_t* message, const char* key) {
  const void* at = memmem(message->payload, message->len, key, std::strlen(key));
  if (at == nullptr) raw::die(key, "a message has none");
  return std::strtoll(static_cast<const char*>(at) + std::strlen(key), nullptr, 10);
}

double percentile(const std::vector<long long>& sorted, double share) {
  const size_t at = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return static_cast<double>(sorted[std::max<size_t>(at, 1) - 1]) / 1000;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) raw::die("usage", "latency-probe SERVERS INPUT OUTPUT ROWS_PER_SECOND SECONDS WARM_UP_SECONDS");
  const long long perSecond = std::atoll(argv[4]);
  const Plan plan{argv[1], argv[2], perSecond, perSecond * std::atoll(argv[6]),
                  perSecond * (std::atoll(argv[5]) + std::atoll(argv[6]))};
  raw::Consumer consumer(argv[1], argv[3], RD_KAFKA_OFFSET_END,
                         {"fetch.wait.max.ms=100", "fetch.queue.backoff.ms=0", "check.crcs=false"});
  std::thread sender([&] { send(plan); });
  std::vector<rd_kafka_message_t*> messages(8192);
  std::vector<long long> delays;
  const long long expected = plan.total / 2;
  long long received = 0;
  raw::Clock::time_point last = raw::Clock::now();
  // A pipeline that gives nothing for ten seconds gives nothing any more.
  while (received < expected && raw::secondsBetween(last, raw::Clock::now()) < 10) {
    const size_t count = consumer.takeSoon(messages, 100);
    const long long now = microseconds();
    if (count > 0) last = raw::Clock::now();
    for (size_t i = 0; i < count; i++) {
      received++;
      if (numberAfter(messages[i], "\"id\":") >= plan.warmUp) {
        delays.push_back(now - numberAfter(messages[i], "\"reference\":\""));
      }
      rd_kafka_message_destroy(messages[i]);
    }
  }
  sender.join();
  if (delays.empty()) raw::die("latency-probe", "the pipeline wrote nothing");
  std::sort(delays.begin(), delays.end());
  std::printf(R"({"expected":%lld,"received":%lld,"p50":%.3f,"p99":%.3f,"p999":%.3f,"max":%.3f})"
              "\n",
              expected, received, percentile(delays, 0.5), percentile(delays, 0.99), percentile(delays, 0.999),
              percentile(delays, 1));
  return 0;
}
