// What addon.cc puts together: the exports of src/kafka/addon.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "sabot.h"

namespace sabot {

class Sink;

Napi::Function defineSource(Napi::Env env);
Napi::Function defineSink(Napi::Env env);
Napi::Function defineBroker(Napi::Env env);
bool exportRows(Napi::Env env, Napi::Object exports);  // decodeRows, inferRows, encodeRows

// The sink of a handle that is open. nullptr: `status` says why not.
std::shared_ptr<Sink> sinkOf(napi_env env, napi_value value, Status& status);

}  // namespace sabot
