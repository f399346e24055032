// Sink of src/kafka/addon.ts: a handle on the sink, and writes whose buffers stay JavaScript's.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon_environment.h"
#include "addon_exports.h"
#include "addon_values.h"
#include "config.h"
#include "sink.h"

namespace sabot {

namespace {

// What keeps a write's buffers alive. Made and destroyed on the JavaScript thread: the sink gives it back in the event
// of the write, and the last of it goes where take() is called or, with a sink that is collected, in its finaliser.
std::shared_ptr<void> keepAlive(napi_env env, napi_value memory) {
  return std::make_shared<Napi::ObjectReference>(Napi::Persistent(Napi::Object(env, memory)));
}

bool readRoles(napi_env env, Napi::Object write, RecordRoles& out) {
  const char* method = "Sink.write";
  const struct {
    const char* name;
    int& index;
  } single[] = {{"raw", out.raw},           {"key", out.key},             {"headers", out.headers},
                {"timestamp", out.timestamp}, {"partition", out.partition}, {"tombstone", out.tombstone}};
  for (const auto& [name, index] : single) {
    int64_t number = 0;
    if (!readInteger(env, method, write, name, -1, INT32_MAX, number)) return false;
    index = static_cast<int>(number);
  }
  return readIndices(env, method, write, "value", out.value);
}

class SinkHandle final : public Napi::ObjectWrap<SinkHandle>, public Handle {
 public:
  // new Sink(configJson, wake)
  explicit SinkHandle(const Napi::CallbackInfo& info) : ObjectWrap(info), environment_(Environment::of(info.Env())) {
    const Arguments arguments(info, "Sink");
    std::string json;
    Napi::Function wake;
    if (!arguments.text(0, "the configuration as JSON", json) ||
        !arguments.function(1, "a function to be called when there is an event", wake)) {
      return;
    }
    SinkConfig config;
    Status status = environment_->isEnding() ? closed() : parseSinkConfig(json, config);
    if (status.ok()) {
      wake_ = std::make_shared<Wake>(environment_, wake);
      std::unique_ptr<Sink> made;
      status = Sink::create(std::move(config), [wake = wake_] { (*wake)(); }, made);
      sink_ = std::move(made);
    }
    if (!status.ok()) {
      throwError(info.Env(), status);
      return;
    }
    open_ = true;
    environment_->add(this);
    environment_->hold();
    Ref();  // open until it is closed, even where nothing refers to it
  }
  ~SinkHandle() override { environment_->remove(this); }

  // metadata(timeoutMs): Promise<string>
  Napi::Value metadata(const Napi::CallbackInfo& info) {
    int64_t timeoutMs = 0;
    if (!Arguments(info, "Sink.metadata").integer(0, "a time-out in milliseconds", 0, INT32_MAX, timeoutMs)) return {};
    return {info.Env(), environment_->run(info.Env(), [sink = sink_, timeoutMs] {
      Outcome outcome;
      std::string json;
      outcome.status = sink->metadata(static_cast<int>(timeoutMs), json);
      outcome.text = std::move(json);
      return outcome;
    })};
  }

  void write(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const char* method = "Sink.write";
    Napi::Object given;
    WriteRequest request;
    napi_value memory = nullptr;
    std::string onError;
    if (!Arguments(info, method).object(0, "a write", given) ||
        !readInteger(env, method, given, "id", 0, maxSafeInteger, request.id) ||
        !readInteger(env, method, given, "rowCount", 0, UINT32_MAX, request.rowCount) ||
        !readText(env, method, given, "onError", onError) || !readRoles(env, given, request.roles) ||
        !readColumns(env, method, given, request.columns, memory) ||
        !readSelection(env, method, given, request.rowCount, memory, request.selected, request.rows)) {
      return;
    }
    if (onError != "fail" && onError != "skip") {
      return throwTypeError(env, "Sink.write: expected \"onError\" to be \"fail\" or \"skip\"");
    }
    request.onError = onError == "skip" ? OnRowError::Skip : OnRowError::Fail;
    request.keepAlive = keepAlive(env, memory);
    const Status status = closing_ ? closed() : sink_->write(std::move(request));
    if (!status.ok()) throwError(env, status);
  }

  // take(): AddonSinkEvent | null, also after close()
  Napi::Value take(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    SinkEvent event;
    if (!sink_->take(event)) return {env, makeNull(env)};
    ObjectMaker out(env);
    switch (event.kind) {
      case SinkEvent::Kind::Delivered:
        out.set("kind", makeText(env, "delivered"))
            .set("id", makeNumber(env, event.id))
            .set("rows", makeNumber(env, event.rows))
            .set("bytes", makeNumber(env, event.bytes))
            .set("errors", makeRowErrors(env, event.errors));
        break;
      case SinkEvent::Kind::Failed:
        out.set("kind", makeText(env, "failed"))
            .set("id", makeNumber(env, event.id))
            .set("code", makeText(env, event.code))
            .set("message", makeText(env, event.message))
            .set("retriable", makeBoolean(env, event.retriable))
            .set("topic", makeText(env, event.topic))
            .set("partition", makeNumber(env, int64_t{event.partition}))
            .set("row", makeNumber(env, event.row));
        break;
      case SinkEvent::Kind::Log:
        out.set("kind", makeText(env, "log"))
            .set("level", makeText(env, logLevelName(event.level)))
            .set("message", makeText(env, event.message));
        break;
    }
    return {env, out.value()};
  }

  // close(abort): Promise<void>. close(true) hurries a close(false) that is under way.
  Napi::Value close(const Napi::CallbackInfo& info) {
    bool abort = false;
    if (!Arguments(info, "Sink.close").boolean(0, "true to abort or false", abort)) return {};
    closing_ = true;
    Ref();  // for `done`
    const auto work = [sink = sink_, abort] {
      sink->close(abort);
      return Outcome{};
    };
    const auto done = [this] {
      closedNow();
      Unref();
    };
    return {info.Env(), environment_->run(info.Env(), work, done)};
  }

  void shutdown() override { sink_->close(true); }

 private:
  static Status closed() { return Status::error("CLOSED", "Sink: the sink was closed"); }

  // Every thread of the sink is joined: nothing wakes any more.
  void closedNow() {
    if (!open_) return;  // by an earlier close()
    open_ = false;
    wake_->drop();
    environment_->remove(this);
    environment_->release();
    Unref();
  }

  const std::shared_ptr<Environment> environment_;
  std::shared_ptr<Sink> sink_;  // shared with blocking calls
  std::shared_ptr<Wake> wake_;
  bool open_ = false;
  bool closing_ = false;
};

}  // namespace

Napi::Function defineSink(Napi::Env env) {
  return SinkHandle::DefineClass(env, "Sink",
                                 {SinkHandle::InstanceMethod<&SinkHandle::metadata>("metadata"),
                                  SinkHandle::InstanceMethod<&SinkHandle::write>("write"),
                                  SinkHandle::InstanceMethod<&SinkHandle::take>("take"),
                                  SinkHandle::InstanceMethod<&SinkHandle::close>("close")});
}

}  // namespace sabot
