// Broker of src/kafka/addon.ts: a thin handle on EmbeddedBroker.
#include <memory>
#include <string>
#include <utility>

#include "addon_environment.h"
#include "addon_exports.h"
#include "addon_values.h"
#include "broker.h"

namespace sabot {

namespace {

// Open until close() or the end of its environment, even where nothing refers to it: its clients know it by its port.
// It does not keep the process alive.
class BrokerHandle final : public Napi::ObjectWrap<BrokerHandle>, public Handle {
 public:
  explicit BrokerHandle(const Napi::CallbackInfo& info)
      : ObjectWrap(info), environment_(Environment::of(info.Env())) {
    const Napi::Env env = info.Env();
    Status status = environment_->isEnding() ? Status::error("CLOSED", "Broker: the process is ending")
                                             : EmbeddedBroker::start(broker_);
    if (!status.ok()) {
      throwError(env, status);
      return;
    }
    environment_->add(this);
    Ref();
    const auto readOnly = static_cast<napi_property_attributes>(napi_enumerable);
    const napi_property_descriptor property = {"bootstrapServers", nullptr, nullptr, nullptr, nullptr,
                                               makeText(env, broker_->bootstrapServers()), readOnly, nullptr};
    napi_define_properties(env, Value(), 1, &property);
  }
  ~BrokerHandle() override { environment_->remove(this); }

  void createTopic(const Napi::CallbackInfo& info) {
    const Arguments arguments(info, "Broker.createTopic");
    std::string name;
    int64_t partitions = 0;
    if (!arguments.text(0, "a topic's name", name) ||
        !arguments.integer(1, "a number of partitions from 1 to 10000", 1, 10'000, partitions)) {
      return;
    }
    const Status status = broker_->createTopic(name, static_cast<int>(partitions));
    if (!status.ok()) throwError(info.Env(), status);
  }

  // Blocks while librdkafka's threads are joined: well below a second.
  void close(const Napi::CallbackInfo&) {
    broker_->close();
    environment_->remove(this);
    if (!closed_) Unref();
    closed_ = true;
  }

  void shutdown() override { broker_->close(); }

 private:
  const std::shared_ptr<Environment> environment_;
  std::unique_ptr<EmbeddedBroker> broker_;
  bool closed_ = false;
};

}  // namespace

Napi::Function defineBroker(Napi::Env env) {
  return BrokerHandle::DefineClass(env, "Broker",
                                   {BrokerHandle::InstanceMethod<&BrokerHandle::createTopic>("createTopic"),
                                    BrokerHandle::InstanceMethod<&BrokerHandle::close>("close")});
}

}  // namespace sabot
