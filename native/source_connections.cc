#include "source_connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sabot {

int Connections::connect(int socket, const sockaddr* address, int size) {
  // Under the lock, so that cut() sees either no socket or one that is connecting.
  const std::lock_guard lock(mutex_);
  if (cut_) return ECONNREFUSED;
  if (::connect(socket, address, static_cast<socklen_t>(size)) != 0 && errno != EINPROGRESS) return errno;
  open_.insert(socket);
  return 0;
}

int Connections::close(int socket) {
  // Under the lock, or cut() might meet another file that was given the same number meanwhile.
  const std::lock_guard lock(mutex_);
  open_.erase(socket);
  return ::close(socket);
}

void Connections::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
}

}  // namespace sabot
