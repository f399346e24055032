// The yardstick: reads a topic to its end with librdkafka's batch consume and nothing else, with the fetch settings
// that Sabot uses, and prints what that took. With "sum" it also looks for the amounts: how the bench checks a topic.
// Usage: raw-consume BOOTSTRAP_SERVERS TOPIC [sum]
#include "raw_client.h"

int main(int argc, char** argv) {
  const bool sums = argc == 4 && std::strcmp(argv[3], "sum") == 0;
  if (argc != 3 && !sums) raw::die("usage", "raw-consume BOOTSTRAP_SERVERS TOPIC [sum]");
  long long rows = 0;
  long long bytes = 0;
  long long over = 0;
  long long cents = 0;
  raw::Window window;
  raw::Consumer consumer(argv[1], argv[2], RD_KAFKA_OFFSET_BEGINNING);
  const raw::Clock::time_point assigned = raw::Clock::now();
  std::vector<rd_kafka_message_t*> messages(8192);
  while (!consumer.finished()) {
    const size_t count = consumer.take(messages, 100);
    if (count > 0) window.open();
    for (size_t i = 0; i < count; i++) {
      rows++;
      bytes += static_cast<long long>(messages[i]->len);
      if (sums) {
        if (const double amount = raw::amountOf(messages[i]); amount > 1000) {
          over++;
          cents += raw::centsOf(amount);
        }
      }
      rd_kafka_message_destroy(messages[i]);
    }
  }
  window.close();
  char found[96] = "";
  if (sums) std::snprintf(found, sizeof found, R"("over":%lld,"sum":%lld,)", over, cents);
  std::printf(R"({"rows":%lld,"bytes":%lld,%s"secondsFromAssign":%.6f,%s})"
              "\n",
              rows, bytes, found, raw::secondsBetween(assigned, raw::Clock::now()), window.json().c_str());
  return 0;
}
