#include "addon_environment.h"

#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "addon_values.h"

namespace sabot {

void settle(napi_env env, napi_deferred deferred, const Outcome& outcome) {
  if (!outcome.status.ok()) {
    napi_reject_deferred(env, deferred, makeError(env, outcome.status, outcome.retriable));
    return;
  }
  napi_resolve_deferred(env, deferred, outcome.text ? makeText(env, *outcome.text) : makeUndefined(env));
}

// ---------------------------------------------------------------- environment

namespace {

// On the JavaScript thread. Without an environment only what was posted is destroyed.
void runTask(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Environment::Task> task(static_cast<Environment::Task*>(data));
  if (env == nullptr) return;
  (*task)(env);
  reportException(env);
}

}  // namespace

bool Environment::create(Napi::Env env) {
  auto* owner = new std::shared_ptr<Environment>(new Environment());
  env.SetInstanceData(owner);
  const std::shared_ptr<Environment> self = *owner;
  self->env_ = env;
  napi_value name = makeText(env, "sabot");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, &runTask,
                                      &self->function_) != napi_ok) {
    throwError(env, Status::error("BACKEND", "the addon's threadsafe function could not be made"));
    return false;
  }
  napi_unref_threadsafe_function(env, self->function_);
  const auto onCleanup = [](void* data) {
    auto* environment = static_cast<Environment*>(data);
    environment->shutdown();
    // No thread uses it any more; Node frees it only once that was said.
    napi_release_threadsafe_function(environment->function_, napi_tsfn_release);
  };
  napi_add_env_cleanup_hook(env, onCleanup, self.get());

  const auto onExit = [](napi_env exiting, napi_callback_info) -> napi_value {
    of(exiting)->shutdown();
    return nullptr;
  };
  napi_value global = nullptr, process = nullptr, once = nullptr;
  napi_value arguments[2] = {makeText(env, "exit"), nullptr};
  return napi_get_global(env, &global) == napi_ok &&
         napi_get_named_property(env, global, "process", &process) == napi_ok &&
         napi_get_named_property(env, process, "once", &once) == napi_ok &&
         napi_create_function(env, "closeSabot", NAPI_AUTO_LENGTH, onExit, nullptr, &arguments[1]) == napi_ok &&
         napi_call_function(env, process, once, 2, arguments, nullptr) == napi_ok;
}

std::shared_ptr<Environment> Environment::of(Napi::Env env) {
  return *env.GetInstanceData<std::shared_ptr<Environment>>();
}

void Environment::post(Task task) {
  auto* data = new Task(std::move(task));
  if (napi_call_threadsafe_function(function_, data, napi_tsfn_nonblocking) != napi_ok) delete data;
}

void Environment::hold() {
  if (holds_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Environment::release() {
  if (--holds_ == 0) napi_unref_threadsafe_function(env_, function_);
}

napi_value Environment::run(napi_env env, std::function<Outcome()> work, std::function<void()> done) {
  Job job;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &job.deferred, &promise) != napi_ok) return nullptr;
  if (ending_) {
    settle(env, job.deferred, {Status::error("CLOSED", "the process is ending"), {}, {}});
    return promise;
  }
  const int64_t id = ++lastJob_;
  job.work = std::move(work);
  job.done = std::move(done);
  // A map's nodes stay where they are: the thread reads its job without a lock.
  Job& kept = jobs_.emplace(id, std::move(job)).first->second;
  hold();
  try {
    kept.thread = std::thread([this, id, &kept] {
      Outcome outcome;
      try {
        outcome = kept.work();
      } catch (const std::bad_alloc&) {
        outcome.status = Status::error("MEMORY", "no memory for the call");
      }
      post([this, id, outcome = std::move(outcome)](napi_env current) { finish(current, id, outcome); });
    });
  } catch (const std::system_error& error) {
    finish(env, id, {Status::error("MEMORY", std::string("a thread could not be started: ") + error.what()), {}, {}});
  }
  return promise;
}

void Environment::finish(napi_env env, int64_t id, const Outcome& outcome) {
  auto node = jobs_.extract(id);
  if (node.empty()) return;  // shutdown() came first
  Job& job = node.mapped();
  if (job.thread.joinable()) job.thread.join();  // it has posted this, and ends
  release();
  if (job.done) job.done();
  settle(env, job.deferred, outcome);
}

void Environment::shutdown() {
  if (ending_.exchange(true)) return;
  // All at once: that takes as long as the slowest, not as long as all together.
  std::vector<std::thread> closing;
  for (Handle* handle : handles_) {
    try {
      closing.emplace_back([handle] { handle->shutdown(); });
    } catch (const std::system_error&) {
      handle->shutdown();
    }
  }
  for (std::thread& thread : closing) thread.join();
  // Their handles are closed, so that none of them waits any more.
  for (auto& [id, job] : jobs_) {
    if (job.thread.joinable()) job.thread.join();
  }
  jobs_.clear();
}

// ---------------------------------------------------------------- wake

Wake::Wake(std::shared_ptr<Environment> environment, Napi::Function function)
    : environment_(std::move(environment)), function_(Napi::Persistent(function)) {}

void Wake::operator()() {
  if (pending_.exchange(true)) return;
  environment_->post([self = shared_from_this()](napi_env env) { self->call(env); });
}

void Wake::drop() { function_.Reset(); }

void Wake::call(napi_env env) {
  // Before the call: what comes while it runs wakes again.
  pending_ = false;
  if (function_.IsEmpty()) return;
  napi_value global = nullptr;
  if (napi_get_global(env, &global) != napi_ok) return;
  // What it throws is reported by runTask().
  napi_call_function(env, global, function_.Value(), 0, nullptr, nullptr);
}

}  // namespace sabot
