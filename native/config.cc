#include "config.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "json_text.h"

namespace sabot {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t int64Max = std::numeric_limits<int64_t>::max();

// A value of a configuration and the path under which errors name it: `source: "from.timestamp"`. The first error of
// all values that share a Status stays; after it every read gives an empty value, so that callers check once.
class Value {
 public:
  Value(element value, std::string path, Status& status)
      : value_(value), hasValue_(true), path_(std::move(path)), status_(status) {}
  Value(std::string path, Status& status) : path_(std::move(path)), status_(status) {}

  bool isMissing() const { return !hasValue_ || value_.is_null(); }
  bool isText() const { return hasValue_ && value_.is_string(); }
  bool isObject() const { return hasValue_ && value_.is_object(); }

  void wrong(std::string_view expected, bool show = true) const {
    if (!status_.ok()) return;
    std::string came = hasValue_ ? simdjson::minify(value_) : "nothing";
    if (!show) came = "another type (not shown)";
    else if (came.size() > 60) came = came.substr(0, 57) + "...";
    const char* verb = path_.ends_with(':') ? " expected " : ": expected ";
    status_ = Status::error("CONFIG", path_ + verb + std::string(expected) + "; got " + came);
  }

  // A member of an object; a Value without a value where there is none.
  Value operator[](std::string_view name) const {
    std::string path = child((path_.ends_with(':') ? "" : ".") + std::string(name));
    element member;
    if (!isObject() || value_[name].get(member) != simdjson::SUCCESS) return {std::move(path), status_};
    return {member, std::move(path), status_};
  }

  std::string anyText(std::string_view expected = "a text", bool show = true) const {
    std::string_view out;
    if (!hasValue_ || value_.get(out) != simdjson::SUCCESS) wrong(expected, show);
    return std::string(out);
  }

  // For librdkafka, which takes C strings: a NUL would end the text early.
  std::string text(std::string_view expected = "a text", bool show = true) const {
    std::string out = anyText(expected, show);
    if (out.find('\0') != std::string::npos) wrong(std::string(expected) + " without NUL", show);
    return out;
  }

  bool boolean() const {
    bool out = false;
    if (!hasValue_ || value_.get(out) != simdjson::SUCCESS) wrong("true or false");
    return out;
  }

  int64_t integer(int64_t min, int64_t max) const {
    int64_t out = 0;
    double real = 0;
    // JavaScript writes what it counts in doubles: 1e21 has no digits, and is out of any range here.
    bool fits = hasValue_ && value_.get(out) == simdjson::SUCCESS;
    if (!fits && hasValue_ && value_.get(real) == simdjson::SUCCESS && std::abs(real) < 9e18) {
      out = static_cast<int64_t>(real);
      fits = static_cast<double>(out) == real;
    }
    if (fits && out >= min && out <= max) return out;
    wrong("an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return min;
  }
  int64_t integerOr(int64_t absent, int64_t min, int64_t max) const {
    return hasValue_ ? integer(min, max) : absent;
  }

  // An int64 as decimal digits: JSON's numbers lose bits in JavaScript.
  int64_t digits(int64_t min) const {
    const std::string text = isText() ? this->text() : "";
    int64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || out < min) {
      wrong("an integer of at least " + std::to_string(min) + " in decimal digits, as text");
      return min;
    }
    return out;
  }

  template <class Take>  // take(Value item)
  void each(std::string_view expected, Take&& take) const {
    simdjson::dom::array items;
    if (!hasValue_ || value_.get(items) != simdjson::SUCCESS) return wrong(expected);
    size_t i = 0;
    for (const element item : items) {
      if (!status_.ok()) return;
      take(Value(item, child("[" + std::to_string(i++) + "]"), status_));
    }
  }

  template <class Take>  // take(std::string_view name, Value member)
  void members(std::string_view expected, Take&& take, bool show = true) const {
    simdjson::dom::object object;
    if (!hasValue_ || value_.get(object) != simdjson::SUCCESS) return wrong(expected, show);
    for (const auto& [name, member] : object) {
      if (!status_.ok()) return;
      take(name, Value(member, child("[" + jsonString(name) + "]"), status_));
    }
  }

  // Names the member that another parser refused.
  void refuse(const Status& reason) const {
    if (status_.ok()) status_ = Status::error(reason.code, path_ + ": " + reason.message);
  }

  std::string json() const { return hasValue_ ? simdjson::minify(value_) : ""; }

 private:
  std::string child(const std::string& step) const { return path_ + (path_.ends_with(':') ? " " : "") + step; }

  element value_;
  bool hasValue_ = false;
  std::string path_;
  Status& status_;
};

// Parses `json` and lets `read` take what it needs. The element lives as long as this call.
template <class Read>
Status readJson(std::string_view what, std::string_view json, Read&& read) {
  Status status;
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root); error != simdjson::SUCCESS) {
    return Status::error("CONFIG", std::string(what) + " expected JSON; " + simdjson::error_message(error));
  }
  read(Value(root, std::string(what), status));
  return status;
}

Properties readProperties(const Value& value) {
  Properties out;
  value.members("an object with texts", [&out](std::string_view name, const Value& member) {
    out.emplace_back(name, member.text("a text", false));
  }, false);
  return out;
}

void readFrom(const Value& value, From& from) {
  const Value timestamp = value["timestamp"];
  const Value offsets = value["offsets"];
  const std::string name = value.isText() ? value.text() : "";
  if (name == "earliest") from.kind = From::Kind::Earliest;
  else if (name == "latest") from.kind = From::Kind::Latest;
  else if (!timestamp.isMissing()) {
    from.kind = From::Kind::Timestamp;
    from.timestamp = timestamp.integer(0, int64Max);
  } else if (!offsets.isMissing()) {
    from.kind = From::Kind::Offsets;
    offsets.members("an object with topics", [&from](std::string_view topic, const Value& partitions) {
      auto& list = from.offsets[std::string(topic)];
      partitions.members("an object with partitions", [&list](std::string_view text, const Value& offset) {
        int32_t partition = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partition);
        if (error != std::errc() || end != text.data() + text.size() || partition < 0) {
          return offset.wrong("the number of a partition as its name");
        }
        list[partition] = offset.digits(0);
      });
    });
  } else value.wrong("\"earliest\", \"latest\", {\"timestamp\"} or {\"offsets\"}");
}

void readUntil(const Value& value, Until& until) {
  const Value timestamp = value["timestamp"];
  if (value.isMissing()) until.kind = Until::Kind::Never;
  else if (value.isText() && value.text() == "end") until.kind = Until::Kind::End;
  else if (!timestamp.isMissing()) {
    until.kind = Until::Kind::Timestamp;
    until.timestamp = timestamp.integer(0, int64Max);
  } else value.wrong("\"end\", {\"timestamp\"} or null");
}

struct MessageName {
  std::string_view name;
  MessageColumn column;
};
constexpr MessageName messageNames[] = {
    {"$key", MessageColumn::Key},           {"$topic", MessageColumn::Topic},
    {"$partition", MessageColumn::Partition}, {"$offset", MessageColumn::Offset},
    {"$timestamp", MessageColumn::Timestamp}, {"$headers", MessageColumn::Headers},
    {"$value", MessageColumn::Value},       {"$tombstone", MessageColumn::Tombstone},
    {"$keyValue", MessageColumn::KeyValue},
};

void readMessageColumn(const Value& value, std::vector<MessageColumn>& out) {
  const std::string name = value.isText() ? value.text() : "";
  for (const auto& known : messageNames) {
    if (known.name == name) return out.push_back(known.column);
  }
  value.wrong("a message column such as \"$key\"");
}

void readKeyType(const Value& keyType, DecodeSpec& out) {
  if (const Value json = keyType["json"]; !json.isMissing()) {
    out.jsonKey.emplace();
    if (const Status parsed = parseType(json.json(), *out.jsonKey); !parsed.ok()) json.refuse(parsed);
    return;
  }
  constexpr std::string_view keyTypes = R"("utf8", "binary", "int32", "int64", "float64" or {"json"})";
  const std::string key = keyType.text(keyTypes);
  out.utf8Key = key == "utf8";
  if (key == "int32") out.keyValue = TypeId::Int32;
  else if (key == "int64") out.keyValue = TypeId::Int64;
  else if (key == "float64") out.keyValue = TypeId::Float64;
  else if (key != "utf8" && key != "binary") keyType.wrong(keyTypes);
}

constexpr int64_t maxDepthLimit = 1024;

}  // namespace

Status parseSourceConfig(std::string_view json, SourceConfig& out) {
  return readJson("source:", json, [&out](const Value& root) {
    out.properties = readProperties(root["properties"]);
    const Value mode = root["mode"];
    const std::string name = mode.text("\"group\" or \"assign\"");
    if (name != "group" && name != "assign") mode.wrong("\"group\" or \"assign\"");
    out.group = name == "group";
    readFrom(root["from"], out.from);
    readUntil(root["until"], out.until);
    out.parallelism = static_cast<int>(root["parallelism"].integer(1, 1024));
    out.maxRows = root["maxRows"].integer(1, int32Max);
    out.maxBytes = root["maxBytes"].integer(1, int64Max);
    out.maxWaitMs = root["maxWaitMs"].integer(0, int32Max);
    out.maxQueueBytes = root["maxQueueBytes"].integer(1, int64Max);
    out.maxDepth = static_cast<int>(root["maxDepth"].integer(1, maxDepthLimit));
    out.metadataRefreshMs = root["metadataRefreshMs"].integer(1, int32Max);
    out.infer = root["infer"].boolean();
  });
}

Status parseDecodeSpec(std::string_view json, DecodeSpec& out) {
  return readJson("decode:", json, [&out](const Value& root) {
    out.codec = root["codec"].text();
    root["columns"].each("an array of columns", [&out](const Value& column) {
      ColumnSpec spec;
      spec.field.name = column["name"].anyText();  // a key of JSON: "a\u0000b" is one
      spec.emit = column["emit"].boolean();
      const Value type = column["type"];
      if (const Status parsed = parseType(type.json(), spec.field.type); !parsed.ok()) type.refuse(parsed);
      out.columns.push_back(std::move(spec));
    });
    const Value predicate = root["predicate"];
    if (!predicate.isMissing()) out.predicate = predicate.json();
    root["message"].each("an array of message columns",
                         [&out](const Value& name) { readMessageColumn(name, out.message); });
    const Value program = root["program"];
    if (!program.isMissing()) out.program = program.json();
    readKeyType(root["keyType"], out);
    out.maxDepth = static_cast<int>(root["maxDepth"].integer(1, maxDepthLimit));
  });
}

Status parseFusedSpec(std::string_view json, FusedSpec& out) {
  return readJson("fuse:", json, [&out](const Value& root) {
    if (const Value passed = root["passed"]; !passed.isMissing()) {
      out.passed = PassedParts{passed["key"].boolean(), passed["headers"].boolean(), passed["timestamp"].boolean(),
                               passed["partition"].boolean()};
    } else {
      const Value roles = root["roles"];
      roles["value"].each("an array of indices of columns", [&out](const Value& index) {
        out.roles.value.push_back(static_cast<uint32_t>(index.integer(0, int32Max)));
      });
      const auto role = [&roles](std::string_view name) { return static_cast<int>(roles[name].integer(-1, int32Max)); };
      out.roles.raw = role("raw");
      out.roles.key = role("key");
      out.roles.headers = role("headers");
      out.roles.timestamp = role("timestamp");
      out.roles.partition = role("partition");
      out.roles.tombstone = role("tombstone");
      out.roles.offset = role("offset");
    }
    const Value onError = root["onError"];
    const std::string policy = onError.text("\"fail\" or \"skip\"");
    if (policy != "fail" && policy != "skip") onError.wrong("\"fail\" or \"skip\"");
    out.onError = policy == "skip" ? OnRowError::Skip : OnRowError::Fail;
  });
}

Status parseSinkConfig(std::string_view json, SinkConfig& out) {
  return readJson("sink:", json, [&out](const Value& root) {
    out.properties = readProperties(root["properties"]);
    out.topic = root["topic"].text();
    out.codec = root["codec"].text();
    const Value options = root["codecOptions"];
    if (options.isObject()) out.codecOptions = options.json();
    else if (!options.isMissing()) options.wrong("an object");
    const Value partitioner = root["partitioner"];
    const std::string name = partitioner.text("the name of a partitioner");
    if (const Status parsed = parsePartitioner(name, out.partitioner); !parsed.ok()) partitioner.refuse(parsed);
  });
}

Status parseCommitPositions(std::string_view json, std::vector<CommitPosition>& out) {
  return readJson("commit:", json, [&out](const Value& root) {
    root.each("an array of positions", [&out](const Value& value) {
      CommitPosition position;
      position.topic = value["topic"].text();
      position.partition = static_cast<int32_t>(value["partition"].integer(0, int32Max));
      position.offset = value["offset"].digits(0);
      position.epoch = value["epoch"].integer(0, int64Max);
      out.push_back(std::move(position));
    });
  });
}

Status parseProperties(std::string_view json, Properties& out) {
  return readJson("properties:", json, [&out](const Value& root) { out = readProperties(root); });
}

Status parseNewTopics(std::string_view json, std::vector<NewTopic>& out) {
  return readJson("topics:", json, [&out](const Value& root) {
    root.each("an array of topics", [&out](const Value& value) {
      NewTopic topic;
      topic.name = value["name"].text();
      topic.partitions = static_cast<int>(value["partitions"].integer(1, 10'000));
      topic.replication = static_cast<int>(value["replication"].integerOr(-1, -1, 32'767));
      if (const Value config = value["config"]; !config.isMissing()) {
        config.members("an object with texts", [&topic](std::string_view name, const Value& member) {
          topic.config.emplace_back(name, member.text());
        });
      }
      out.push_back(std::move(topic));
    });
  });
}

}  // namespace sabot
