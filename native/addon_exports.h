// What addon.cc puts together: the exports of src/kafka/addon.ts.
#pragma once

#include <napi.h>

namespace sabot {

Napi::Function defineSource(Napi::Env env);
Napi::Function defineSink(Napi::Env env);
Napi::Function defineBroker(Napi::Env env);
bool exportRows(Napi::Env env, Napi::Object exports);  // decodeRows, inferRows, encodeRows

}  // namespace sabot
