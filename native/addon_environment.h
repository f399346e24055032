// What one environment (the main thread, or one worker) has of the addon: its way from any thread to the JavaScript
// thread, the handles that are open in it, and the blocking calls under way. Instance data: nothing is global.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "sabot.h"

namespace sabot {

// An open source, sink or broker.
class Handle {
 public:
  // Closes at once and joins its threads. Called while the environment goes, on a thread of its own: no Node-API.
  virtual void shutdown() = 0;

 protected:
  ~Handle() = default;
};

// What a promise comes to: an error, or a text, or undefined.
struct Outcome {
  Status status;
  std::optional<bool> retriable;
  std::optional<std::string> text;
};

// Rejects or resolves.
void settle(napi_env env, napi_deferred deferred, const Outcome& outcome);

// The order in which things end. An environment goes by its cleanup hook (a worker that ends or is terminated) or, in
// the main thread, with process.exit, which runs no such hook but emits 'exit' first; we listen to both. Either way
// shutdown() runs on the JavaScript thread and closes every handle, which joins the threads of ours and of librdkafka,
// and then joins the threads of blocking calls. Our hook was added after the threadsafe function's own, so it runs
// before that one: when the threadsafe function goes, no thread is left that could call it.
class Environment {
 public:
  using Task = std::function<void(napi_env)>;

  // Once, when the addon is loaded into the environment. False: a JavaScript exception is pending.
  static bool create(Napi::Env env);
  static std::shared_ptr<Environment> of(Napi::Env env);

  ~Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Any thread, until shutdown() has returned: `task` runs on the JavaScript thread, or is dropped where that ends.
  void post(Task task);

  // From here on the JavaScript thread only.

  // While anything is held the process stays alive, as with an open socket.
  void hold();
  void release();

  void add(Handle* handle) { handles_.insert(handle); }
  void remove(Handle* handle) { handles_.erase(handle); }

  // A promise of what `work` returns, which runs on a thread of its own: neither the JavaScript thread nor libuv's four
  // wait for a broker. `done` runs on the JavaScript thread before the promise is settled. `work` and `done` are
  // destroyed on the JavaScript thread. nullptr: an exception is pending.
  napi_value run(napi_env env, std::function<Outcome()> work, std::function<void()> done = {});

  void shutdown();
  bool isEnding() const { return ending_; }
  // True once the environment goes: what a blocking call without a handle stops for.
  const std::atomic<bool>* ending() const { return &ending_; }

  bool copySlabs = false;

 private:
  struct Job {
    std::function<Outcome()> work;
    std::function<void()> done;
    napi_deferred deferred = nullptr;
    std::thread thread;
  };

  Environment() = default;
  void finish(napi_env env, int64_t id, const Outcome& outcome);

  napi_env env_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  std::atomic<bool> ending_{false};
  int holds_ = 0;
  std::set<Handle*> handles_;
  std::map<int64_t, Job> jobs_;
  int64_t lastJob_ = 0;
};

// Calls a handle's `wake` on the JavaScript thread; calls that come while one is on its way are one with it.
class Wake : public std::enable_shared_from_this<Wake> {
 public:
  Wake(std::shared_ptr<Environment> environment, Napi::Function function);
  void operator()();  // any thread, until the handle's threads are joined
  void drop();        // JavaScript thread: no more calls

 private:
  void call(napi_env env);

  const std::shared_ptr<Environment> environment_;
  Napi::FunctionReference function_;  // JavaScript thread
  std::atomic<bool> pending_{false};
};

}  // namespace sabot
