// The consumer's connections, so that a close can cut them.
//
// librdkafka's consumer does not go before every request was answered or timed out (socket.timeout.ms: a minute). A
// broker that is frozen, or behind a network that drops packets, answers none; cutting its connection fails them all.
#pragma once

#include <rdkafka.h>

#include <mutex>
#include <set>

struct sockaddr;

namespace sabot {

// connect() and close() are called by librdkafka's threads, cut() by any.
class Connections {
 public:
  // 0, or the errno. The socket does not block: a connection that is still under way counts as made.
  int connect(int socket, const sockaddr* address, int size);
  int close(int socket);
  // Ends what is open and refuses what is new, for good.
  void cut();

 private:
  std::mutex mutex_;
  std::set<int> open_;
  bool cut_ = false;
};

}  // namespace sabot
