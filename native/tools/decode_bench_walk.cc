// simdjson's on-demand walk, compiled for the machine at hand (its own functions are chosen when it is compiled, those
// of the rest of simdjson when it runs). Nothing else is in this file, so that nothing of ours is compiled that way.
#include <simdjson.h>

#include <cstddef>

// The fields of an object, each looked at and none converted; 0: it could not be read. `room`: readable bytes.
size_t walkFields(const char* data, size_t size, size_t room) {
  static simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (parser.iterate(data, size, room).get(document) != simdjson::SUCCESS) return 0;
  if (document.get_object().get(object) != simdjson::SUCCESS) return 0;
  size_t fields = 0;
  for (auto field : object) {
    if (field.error() != simdjson::SUCCESS) return 0;
    fields += field.value_unsafe().value().raw_json_token().empty() ? 0 : 1;
  }
  return fields;
}

const char* walkImplementation() { return SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION); }
