// What the handles of a source and of a sink share: how a client of Kafka is made, kept, woken from, and closed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "addon_environment.h"
#include "addon_values.h"

namespace sabot {

// Self: the class of the handle, which has a static `name`. Client: Source or Sink.
template <class Self, class Client>
class ClientHandle : public Napi::ObjectWrap<Self>, public Handle {
 public:
  ~ClientHandle() override { environment_->remove(this); }

 protected:
  // new Self(configJson, wake)
  template <class Config>
  ClientHandle(const Napi::CallbackInfo& info, Status (*parse)(std::string_view, Config&))
      : Napi::ObjectWrap<Self>(info), environment_(Environment::of(info.Env())) {
    const Arguments arguments(info, Self::name);
    std::string json;
    Napi::Function wake;
    if (!arguments.text(0, "the configuration as JSON", json) ||
        !arguments.function(1, "a function to be called when there is an event", wake)) {
      return;
    }
    Config config;
    Status status = environment_->isEnding() ? closedStatus() : parse(json, config);
    if (status.ok()) {
      wake_ = std::make_shared<Wake>(environment_, wake);
      std::unique_ptr<Client> made;
      status = Client::create(std::move(config), [wake = wake_] { (*wake)(); }, made);
      client_ = std::move(made);
    }
    if (!status.ok()) {
      throwError(info.Env(), status);
      return;
    }
    open_ = true;
    environment_->add(this);
    environment_->hold();
    this->Ref();  // open until it is closed, even where nothing refers to it
  }

  static Status closedStatus() { return Status::error("CLOSED", std::string(Self::name) + ": it was closed"); }
  bool isClosing() const { return closing_; }
  Client& client() const { return *client_; }
  const std::shared_ptr<Client>& sharedClient() const { return client_; }
  Environment& environment() const { return *environment_; }
  const std::shared_ptr<Environment>& sharedEnvironment() const { return environment_; }

  // A promise of the metadata's JSON. `ask` blocks, on a thread of its own.
  Napi::Value metadataOf(Napi::Env env, std::function<Status(Client&, std::string&)> ask) {
    return {env, environment_->run(env, [client = client_, ask = std::move(ask)] {
      Outcome outcome;
      std::string json;
      outcome.status = ask(*client, json);
      outcome.text = std::move(json);
      return outcome;
    })};
  }

  // A promise of the end. `close` blocks, on a thread of its own, until every thread of the client is joined.
  Napi::Value closeWith(Napi::Env env, std::function<void(Client&)> close) {
    closing_ = true;
    this->Ref();  // for `done`
    const auto work = [client = client_, close = std::move(close)] {
      close(*client);
      return Outcome{};
    };
    const auto done = [this] {
      closedNow();
      this->Unref();
    };
    return {env, environment_->run(env, work, done)};
  }

 private:
  // Nothing wakes any more. Slabs that were handed over stay as they are.
  void closedNow() {
    if (!open_) return;  // by an earlier close()
    open_ = false;
    wake_->drop();
    environment_->remove(this);
    environment_->release();
    this->Unref();
  }

  const std::shared_ptr<Environment> environment_;
  std::shared_ptr<Client> client_;  // shared with blocking calls
  std::shared_ptr<Wake> wake_;
  bool open_ = false;
  bool closing_ = false;
};

}  // namespace sabot
