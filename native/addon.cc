// The addon's module: its exports, as src/kafka/addon.ts declares them. Node-API is known to addon*.cc alone.
//
// Context-aware: every environment (the main thread, each worker) has its own instance data (addon_environment.h), and
// nothing else is kept between calls.
#include <napi.h>
#include <rdkafka.h>
#ifdef SABOT_MIMALLOC
#include <mimalloc.h>
#endif
#include <simdjson.h>

#include <string>
#include <utility>
#include <vector>

#include "addon_environment.h"
#include "addon_exports.h"
#include "addon_values.h"
#include "admin.h"
#include "config.h"

namespace sabot {

namespace {

// Of everything in this module: allocator/allocator.c.
std::string allocatorName() {
#ifdef SABOT_MIMALLOC
  const int version = mi_version();  // 20302 is 2.3.2
  return "mimalloc " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
#else
  return "system";
#endif
}

Napi::Value versions(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return {env, ObjectMaker(env)
                   .set("librdkafka", makeText(env, rd_kafka_version_str()))
                   .set("simdjson", makeText(env, SIMDJSON_VERSION))
                   .set("allocator", makeText(env, allocatorName()))
                   .value()};
}

// createTopics(propertiesJson, topicsJson, timeoutMs): Promise<void>
Napi::Value createTopicsOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments arguments(info, "createTopics");
  std::string propertiesJson, topicsJson;
  int64_t timeoutMs = 0;
  if (!arguments.text(0, "the client properties as JSON", propertiesJson) ||
      !arguments.text(1, "the topics as JSON", topicsJson) ||
      !arguments.integer(2, "a time-out in milliseconds", 0, INT32_MAX, timeoutMs)) {
    return {};
  }
  Properties properties;
  std::vector<NewTopic> topics;
  Status status = parseProperties(propertiesJson, properties);
  if (status.ok()) status = parseNewTopics(topicsJson, topics);
  const auto environment = Environment::of(env);
  return {env, environment->run(env, [=, properties = std::move(properties), topics = std::move(topics),
                                      stop = environment->ending()]() -> Outcome {
    if (!status.ok()) return {status, {}, {}};
    return {createTopics(properties, topics, static_cast<int>(timeoutMs), stop), {}, {}};
  })};
}

void setCopySlabs(const Napi::CallbackInfo& info) {
  bool copy = false;
  if (Arguments(info, "setCopySlabs").boolean(0, "true or false", copy)) {
    Environment::of(info.Env())->copySlabs = copy;
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (!Environment::create(env)) return exports;
  napi_set_named_property(env, exports, "Source", defineSource(env));
  napi_set_named_property(env, exports, "Sink", defineSink(env));
  napi_set_named_property(env, exports, "Broker", defineBroker(env));
  napi_set_named_property(env, exports, "versions", Napi::Function::New(env, versions, "versions"));
  napi_set_named_property(env, exports, "createTopics", Napi::Function::New(env, createTopicsOf, "createTopics"));
  napi_set_named_property(env, exports, "setCopySlabs", Napi::Function::New(env, setCopySlabs, "setCopySlabs"));
  exportRows(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sabot, init)

}  // namespace sabot
