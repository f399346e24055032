// Sink of src/kafka/addon.ts: a handle on the sink, and writes whose buffers stay JavaScript's.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon_client.h"
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

// Marks a handle, so that no other object is taken for one.
constexpr napi_type_tag sinkTag = {0x7361626f74000001, 0x53696e6b48616e64};

class SinkHandle final : public ClientHandle<SinkHandle, Sink> {
 public:
  static constexpr const char* name = "Sink";

  explicit SinkHandle(const Napi::CallbackInfo& info) : ClientHandle(info, parseSinkConfig) {
    napi_type_tag_object(info.Env(), info.This(), &sinkTag);
  }

  // nullptr: it was closed.
  std::shared_ptr<Sink> sink() const { return isClosing() ? nullptr : sharedClient(); }

  // metadata(timeoutMs): Promise<string>
  Napi::Value metadata(const Napi::CallbackInfo& info) {
    int64_t timeoutMs = 0;
    if (!Arguments(info, "Sink.metadata").integer(0, "a time-out in milliseconds", 0, INT32_MAX, timeoutMs)) return {};
    return metadataOf(info.Env(), [timeoutMs](Sink& sink, std::string& json) {
      return sink.metadata(static_cast<int>(timeoutMs), json);
    });
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
    const Status status = isClosing() ? closedStatus() : client().write(std::move(request));
    if (!status.ok()) throwError(env, status);
  }

  // take(): AddonSinkEvent | null, also after close()
  Napi::Value take(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    SinkEvent event;
    if (!client().take(event)) return {env, makeNull(env)};
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
            .set("row", makeNumber(env, event.row))
            .set("offset", event.offset < 0 ? makeNull(env) : makeBigInt(env, event.offset));
        break;
      case SinkEvent::Kind::Log:
        out.set("kind", makeText(env, "log"))
            .set("level", makeText(env, logLevelName(event.level)))
            .set("message", makeText(env, event.message));
        break;
    }
    return {env, out.value()};
  }

  // stats(): string, also after close()
  Napi::Value stats(const Napi::CallbackInfo& info) {
    const SinkStats stats = client().stats();
    const std::string json = "{\"encodeNanoseconds\":" + std::to_string(stats.encodeNanoseconds) +
                             ",\"deliverNanoseconds\":" + std::to_string(stats.deliverNanoseconds) + "}";
    return {info.Env(), makeText(info.Env(), json)};
  }

  // close(abort): Promise<void>. close(true) hurries a close(false) that is under way.
  Napi::Value close(const Napi::CallbackInfo& info) {
    bool abort = false;
    if (!Arguments(info, "Sink.close").boolean(0, "true to abort or false", abort)) return {};
    return closeWith(info.Env(), [abort](Sink& sink) { sink.close(abort); });
  }

  void shutdown() override { client().close(true); }
};

}  // namespace

std::shared_ptr<Sink> sinkOf(napi_env env, napi_value value, Status& status) {
  bool isSink = false;
  if (napi_check_object_type_tag(env, value, &sinkTag, &isSink) != napi_ok || !isSink) {
    status = Status::error("CONFIG", "Source.fuse: expected a Sink");
    return nullptr;
  }
  std::shared_ptr<Sink> sink = SinkHandle::Unwrap(Napi::Object(env, value))->sink();
  if (sink == nullptr) status = Status::error("CLOSED", "Source.fuse: the sink was closed");
  return sink;
}

Napi::Function defineSink(Napi::Env env) {
  return SinkHandle::DefineClass(env, "Sink",
                                 {SinkHandle::InstanceMethod<&SinkHandle::metadata>("metadata"),
                                  SinkHandle::InstanceMethod<&SinkHandle::write>("write"),
                                  SinkHandle::InstanceMethod<&SinkHandle::take>("take"),
                                  SinkHandle::InstanceMethod<&SinkHandle::stats>("stats"),
                                  SinkHandle::InstanceMethod<&SinkHandle::close>("close")});
}

}  // namespace sabot
