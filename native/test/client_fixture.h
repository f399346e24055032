// A source or a sink as the addon has it: its wake-ups are waited for, one after each take() that found nothing.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sabot::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

template <class Client, class Config, class Event>
class TestClient {
 public:
  explicit TestClient(Config config) {
    const auto status = Client::create(std::move(config), [this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      woken_.notify_one();
    }, client_);
    EXPECT_TRUE(status.ok()) << status.message;
  }

  Client& operator*() { return *client_; }
  Client* operator->() { return client_.get(); }
  void destroy() { client_.reset(); }

  // The next event; log lines are kept apart. nullopt: none within the time.
  std::optional<Event> next(std::chrono::milliseconds within = 15s) {
    const auto deadline = Clock::now() + within;
    for (;;) {
      Event event;
      if (client_->take(event)) {
        if (event.kind != Event::Kind::Log) return event;
        logs.push_back(std::move(event.message));
        continue;
      }
      std::unique_lock lock(mutex_);
      if (!woken_.wait_until(lock, deadline, [this] { return wakes_ > 0; })) return std::nullopt;
      wakes_ = 0;
    }
  }

  std::vector<std::string> logs;

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
  std::unique_ptr<Client> client_;
};

}  // namespace sabot::test
