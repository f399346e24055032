// Types and their wire form, JSON (sabot.h; typeToWire in src/schema.ts).
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_text.h"
#include "sabot.h"

namespace sabot {

namespace {

using simdjson::dom::element;

constexpr int maxDepth = 64;  // as src/schema.ts

constexpr std::array<std::pair<std::string_view, TypeId>, 14> plainTypes{{
    {"bool", TypeId::Bool},
    {"int8", TypeId::Int8},
    {"int16", TypeId::Int16},
    {"int32", TypeId::Int32},
    {"int64", TypeId::Int64},
    {"uint8", TypeId::UInt8},
    {"uint16", TypeId::UInt16},
    {"uint32", TypeId::UInt32},
    {"uint64", TypeId::UInt64},
    {"float32", TypeId::Float32},
    {"float64", TypeId::Float64},
    {"utf8", TypeId::Utf8},
    {"binary", TypeId::Binary},
    {"date", TypeId::Date32},
}};

constexpr std::array<std::pair<std::string_view, TimeUnit>, 4> timestamps{{
    {"timestamp[s]", TimeUnit::Second},
    {"timestamp[ms]", TimeUnit::Milli},
    {"timestamp[us]", TimeUnit::Micro},
    {"timestamp[ns]", TimeUnit::Nano},
}};

Status misfit(std::string_view path, std::string what) {
  return Status::error("SCHEMA", (path.empty() ? std::string() : "column " + std::string(path) + ": ") + what);
}

// "decimal(18,4)", blanks between the parts as src/schema.ts allows them.
bool parseDecimalType(std::string_view name, Type& out) {
  constexpr std::string_view start = "decimal(";
  if (!name.starts_with(start)) return false;
  const char* at = name.data() + start.size();
  const char* const end = name.data() + name.size();
  const auto number = [&](int& value, char behind) {
    while (at != end && *at == ' ') ++at;
    if (at == end || *at == '-') return false;
    const auto [to, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) return false;
    at = to;
    while (at != end && *at == ' ') ++at;
    return at != end && *at++ == behind;
  };
  out.id = TypeId::Decimal128;
  return number(out.precision, ',') && number(out.scale, ')') && at == end;
}

Status parseName(std::string_view name, std::string_view path, Type& out) {
  for (const auto& [known, id] : plainTypes) {
    if (name != known) continue;
    out.id = id;
    return Status::success();
  }
  for (const auto& [known, unit] : timestamps) {
    if (name != known) continue;
    out.id = TypeId::Timestamp;
    out.unit = unit;
    return Status::success();
  }
  if (parseDecimalType(name, out)) {
    if (out.precision >= 1 && out.precision <= 38 && out.scale >= 0 && out.scale <= out.precision) {
      return Status::success();
    }
    return misfit(path, "expected decimal(precision,scale) with a precision of 1 to 38 and a scale of 0 to that; got " +
                            jsonString(name));
  }
  return misfit(path, "expected a type such as \"int64\", \"utf8\", \"timestamp[ms]\" or \"decimal(18,4)\"; got " +
                          jsonString(name));
}

Status parseFields(element json, std::string_view path, int depth, std::vector<Field>& out);

Status parse(element json, const std::string& path, int depth, Type& out) {
  if (depth > maxDepth) return misfit(path, "nests deeper than " + std::to_string(maxDepth) + " levels");
  std::string_view name;
  if (json.get(name) == simdjson::SUCCESS) return parseName(name, path, out);
  simdjson::dom::object object;
  if (json.get(object) == simdjson::SUCCESS && object.size() == 1) {
    const auto part = *object.begin();
    if (part.key == "list") {
      out.id = TypeId::List;
      out.children.resize(1);
      out.children[0].name = "item";
      return parse(part.value, path + "[]", depth + 1, out.children[0].type);
    }
    if (part.key == "struct") {
      out.id = TypeId::Struct;
      return parseFields(part.value, path, depth + 1, out.children);
    }
  }
  return misfit(path, "expected a type's name, {\"list\": TYPE} or {\"struct\": [FIELD, ...]}; got " +
                          simdjson::minify(json));
}

Status parseFields(element json, std::string_view path, int depth, std::vector<Field>& out) {
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) {
    return misfit(path, "expected [{\"name\": NAME, \"type\": TYPE}, ...]; got " + simdjson::minify(json));
  }
  for (const element entry : array) {
    std::string_view name;
    element type;
    if (entry["name"].get(name) != simdjson::SUCCESS || entry["type"].get(type) != simdjson::SUCCESS) {
      return misfit(path, "expected {\"name\": NAME, \"type\": TYPE}; got " + simdjson::minify(entry));
    }
    const std::string at = (path.empty() ? std::string() : std::string(path) + ".") + std::string(name);
    if (std::any_of(out.begin(), out.end(), [name](const Field& field) { return field.name == name; })) {
      return misfit(at, "there is another of this name");
    }
    Field field{std::string(name), {}};
    if (Status status = parse(type, at, depth, field.type); !status.ok()) return status;
    out.push_back(std::move(field));
  }
  return Status::success();
}

// The parser lives as long as the element is read.
Status parseJson(std::string_view json, simdjson::dom::parser& parser, element& out) {
  const auto error = parser.parse(json.data(), json.size()).get(out);
  if (error == simdjson::SUCCESS) return Status::success();
  return Status::error("SCHEMA", "expected a schema as JSON; got " + jsonString(json.substr(0, 60)) + ": " +
                                     simdjson::error_message(error));
}

void appendFields(const std::vector<Field>& fields, std::string& out);

void append(const Type& type, std::string& out) {
  if (type.id == TypeId::List) {
    out += "{\"list\":";
    append(type.children[0].type, out);
    out += '}';
  } else if (type.id == TypeId::Struct) {
    out += "{\"struct\":";
    appendFields(type.children, out);
    out += '}';
  } else {
    out += '"' + typeName(type) + '"';
  }
}

void appendFields(const std::vector<Field>& fields, std::string& out) {
  out += '[';
  for (const Field& field : fields) {
    if (&field != fields.data()) out += ',';
    out += "{\"name\":" + jsonString(field.name) + ",\"type\":";
    append(field.type, out);
    out += '}';
  }
  out += ']';
}

}  // namespace

Status parseType(std::string_view json, Type& out) {
  simdjson::dom::parser parser;
  element root;
  if (Status status = parseJson(json, parser, root); !status.ok()) return status;
  Type type;
  Status status = parse(root, "", 0, type);
  if (status.ok()) out = std::move(type);
  return status;
}

Status parseSchema(std::string_view json, std::vector<Field>& out) {
  simdjson::dom::parser parser;
  element root;
  if (Status status = parseJson(json, parser, root); !status.ok()) return status;
  std::vector<Field> fields;
  Status status = parseFields(root, "", 0, fields);
  if (status.ok()) out = std::move(fields);
  return status;
}

std::string typeToJson(const Type& type) {
  std::string out;
  append(type, out);
  return out;
}

std::string schemaToJson(const std::vector<Field>& fields) {
  std::string out;
  appendFields(fields, out);
  return out;
}

size_t fixedWidth(TypeId id) {
  switch (id) {
    case TypeId::Int8:
    case TypeId::UInt8: return 1;
    case TypeId::Int16:
    case TypeId::UInt16: return 2;
    case TypeId::Int32:
    case TypeId::UInt32:
    case TypeId::Float32:
    case TypeId::Date32: return 4;
    case TypeId::Int64:
    case TypeId::UInt64:
    case TypeId::Float64:
    case TypeId::Timestamp: return 8;
    case TypeId::Decimal128: return 16;
    case TypeId::Bool:
    case TypeId::Utf8:
    case TypeId::Binary:
    case TypeId::List:
    case TypeId::Struct: return 0;
  }
  return 0;
}

}  // namespace sabot
