// Source of src/kafka/addon.ts: a handle on the source; its slabs become external ArrayBuffers.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon_client.h"
#include "addon_exports.h"
#include "addon_values.h"
#include "config.h"
#include "json_text.h"
#include "source.h"

namespace sabot {

namespace {

std::string statsToJson(const SourceStats& stats) {
  std::string json = "{\"messages\":" + std::to_string(stats.messages) + ",\"bytes\":" + std::to_string(stats.bytes) +
                     ",\"queuedBytes\":" + std::to_string(stats.queuedBytes) +
                     ",\"pollNanoseconds\":" + std::to_string(stats.pollNanoseconds) +
                     ",\"decodeNanoseconds\":" + std::to_string(stats.decodeNanoseconds) + ",\"lag\":[";
  for (const PartitionLag& lag : stats.lag) {
    if (json.back() != '[') json += ',';
    // JavaScript's numbers end at 2^53, a lag need not.
    json += "{\"topic\":" + jsonString(lag.topic) + ",\"partition\":" + std::to_string(lag.partition) +
            ",\"messages\":\"" + std::to_string(lag.messages) + "\"}";
  }
  return json + "]}";
}

napi_value makePartitions(napi_env env, const SourceEvent& event) {
  const bool assigned = event.kind == SourceEvent::Kind::Assigned;
  return makeArray(env, event.partitions, [&](const AssignedPartition& one) {
    ObjectMaker out(env);
    out.set("topic", makeText(env, one.topic)).set("partition", makeNumber(env, int64_t{one.partition}));
    if (assigned) out.set("epoch", makeNumber(env, one.epoch));
    return out.value();
  });
}

void addBatch(napi_env env, SourceEvent& event, bool copySlabs, ObjectMaker& out) {
  napi_value errors = makeArray(env, event.errors, [env](const MessageError& error) {
    return ObjectMaker(env)
        .set("offset", makeBigInt(env, error.offset))
        .set("code", makeText(env, error.code))
        .set("message", makeText(env, error.message))
        .value();
  });
  out.set("kind", makeText(env, "batch"))
      .set("topic", makeText(env, event.topic))
      .set("partition", makeNumber(env, int64_t{event.partition}))
      .set("epoch", makeNumber(env, event.epoch))
      .set("nextOffset", makeBigInt(env, event.nextOffset))
      .set("messages", makeNumber(env, event.messages))
      .set("bytes", makeNumber(env, event.bytes))
      .set("slab", event.slab ? makeSlab(env, std::move(*event.slab), copySlabs) : makeNull(env))
      .set("write", event.write == 0 ? makeNull(env) : makeNumber(env, event.write))
      .set("rows", makeNumber(env, event.rows))
      .set("errors", errors);
}

napi_value makeEvent(napi_env env, SourceEvent& event, bool copySlabs) {
  ObjectMaker out(env);
  switch (event.kind) {
    case SourceEvent::Kind::Batch: addBatch(env, event, copySlabs, out); break;
    case SourceEvent::Kind::Schema:
      out.set("kind", makeText(env, "schema"))
          .set("schema", makeText(env, event.schema))
          .set("rows", makeNumber(env, event.rows));
      break;
    case SourceEvent::Kind::Assigned:
      out.set("kind", makeText(env, "assigned")).set("partitions", makePartitions(env, event));
      break;
    case SourceEvent::Kind::Revoked:
      out.set("kind", makeText(env, "revoked"))
          .set("token", makeNumber(env, event.token))
          .set("lost", makeBoolean(env, event.lost))
          .set("partitions", makePartitions(env, event));
      break;
    case SourceEvent::Kind::Halted: out.set("kind", makeText(env, "halted")); break;
    case SourceEvent::Kind::End: out.set("kind", makeText(env, "end")); break;
    case SourceEvent::Kind::Error:
      out.set("kind", makeText(env, "error"))
          .set("code", makeText(env, event.code))
          .set("message", makeText(env, event.message))
          .set("retriable", makeBoolean(env, event.retriable));
      if (!event.topic.empty()) out.set("topic", makeText(env, event.topic));
      if (event.partition >= 0) out.set("partition", makeNumber(env, int64_t{event.partition}));
      break;
    case SourceEvent::Kind::Log:
      out.set("kind", makeText(env, "log"))
          .set("level", makeText(env, logLevelName(event.level)))
          .set("message", makeText(env, event.message));
      break;
  }
  return out.value();
}

class SourceHandle final : public ClientHandle<SourceHandle, Source> {
 public:
  static constexpr const char* name = "Source";

  explicit SourceHandle(const Napi::CallbackInfo& info) : ClientHandle(info, parseSourceConfig) {}

  // metadata(topics | null, timeoutMs): Promise<string>
  Napi::Value metadata(const Napi::CallbackInfo& info) {
    const Arguments arguments(info, "Source.metadata");
    std::vector<std::string> topics;
    int64_t timeoutMs = 0;
    const bool all = info[0].IsNull();
    if ((!all && !arguments.texts(0, "an array of topics or null", topics)) ||
        !arguments.integer(1, "a time-out in milliseconds", 0, INT32_MAX, timeoutMs)) {
      return {};
    }
    return metadataOf(info.Env(), [all, topics = std::move(topics), timeoutMs](Source& source, std::string& json) {
      return source.metadata(all ? nullptr : &topics, static_cast<int>(timeoutMs), json);
    });
  }

  void subscribe(const Napi::CallbackInfo& info) {
    std::vector<std::string> topics;
    if (!Arguments(info, "Source.subscribe").texts(0, "an array of topics", topics)) return;
    if (isClosing()) return throwError(info.Env(), closedStatus());
    client().subscribe(std::move(topics));
  }

  void decode(const Napi::CallbackInfo& info) {
    std::string json;
    if (!Arguments(info, "Source.decode").text(0, "the decode spec as JSON", json)) return;
    DecodeSpec spec;
    Status status = isClosing() ? closedStatus() : parseDecodeSpec(json, spec);
    if (status.ok()) status = client().decode(std::move(spec));
    if (!status.ok()) throwError(info.Env(), status);
  }

  // The sink lives for as long as this source does.
  void fuse(const Napi::CallbackInfo& info) {
    const Arguments arguments(info, "Source.fuse");
    Napi::Object sink;
    std::string json;
    if (!arguments.object(0, "a Sink", sink) || !arguments.text(1, "the fused spec as JSON", json)) return;
    FusedSpec spec;
    Status status = isClosing() ? closedStatus() : parseFusedSpec(json, spec);
    std::shared_ptr<Sink> with;
    if (status.ok()) with = sinkOf(info.Env(), sink, status);
    if (status.ok()) status = client().fuse(std::move(with), std::move(spec));
    if (!status.ok()) throwError(info.Env(), status);
  }

  // Also after close()
  void halt(const Napi::CallbackInfo&) { client().halt(); }

  // take(): AddonSourceEvent | null, also after close()
  Napi::Value take(const Napi::CallbackInfo& info) {
    SourceEvent event;
    if (!client().take(event)) return {info.Env(), makeNull(info.Env())};
    return {info.Env(), makeEvent(info.Env(), event, environment().copySlabs)};
  }

  // commit(positionsJson): Promise<void>. The broker's answer comes on the poll thread.
  Napi::Value commit(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::string json;
    if (!Arguments(info, "Source.commit").text(0, "the positions as JSON", json)) return {};
    std::vector<CommitPosition> positions;
    napi_deferred deferred = nullptr;
    napi_value promise = nullptr;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    const Status status = isClosing() ? closedStatus() : parseCommitPositions(json, positions);
    if (!status.ok()) {
      settle(env, deferred, {status, {}, {}});
      return {env, promise};
    }
    client().commit(std::move(positions), [environment = sharedEnvironment(), deferred](Status answer, bool retriable) {
      environment->post([deferred, answer = std::move(answer), retriable](napi_env current) {
        settle(current, deferred, {answer, retriable, {}});
      });
    });
    return {env, promise};
  }

  void revoked(const Napi::CallbackInfo& info) {
    int64_t token = 0;
    if (!Arguments(info, "Source.revoked").integer(0, "the token of a revoked event", 0, maxSafeInteger, token)) {
      return;
    }
    if (isClosing()) return throwError(info.Env(), closedStatus());
    client().revoked(token);
  }

  // stats(): string, also after close()
  Napi::Value stats(const Napi::CallbackInfo& info) {
    return {info.Env(), makeText(info.Env(), statsToJson(client().stats()))};
  }

  // close(): Promise<void>
  Napi::Value close(const Napi::CallbackInfo& info) {
    return closeWith(info.Env(), [](Source& source) { source.close(); });
  }

  void shutdown() override { client().close(); }
};

}  // namespace

Napi::Function defineSource(Napi::Env env) {
  return SourceHandle::DefineClass(env, "Source",
                                   {SourceHandle::InstanceMethod<&SourceHandle::metadata>("metadata"),
                                    SourceHandle::InstanceMethod<&SourceHandle::subscribe>("subscribe"),
                                    SourceHandle::InstanceMethod<&SourceHandle::fuse>("fuse"),
                                    SourceHandle::InstanceMethod<&SourceHandle::halt>("halt"),
                                    SourceHandle::InstanceMethod<&SourceHandle::decode>("decode"),
                                    SourceHandle::InstanceMethod<&SourceHandle::take>("take"),
                                    SourceHandle::InstanceMethod<&SourceHandle::commit>("commit"),
                                    SourceHandle::InstanceMethod<&SourceHandle::revoked>("revoked"),
                                    SourceHandle::InstanceMethod<&SourceHandle::stats>("stats"),
                                    SourceHandle::InstanceMethod<&SourceHandle::close>("close")});
}

}  // namespace sabot
