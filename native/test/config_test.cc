#include "config.h"

#include <gtest/gtest.h>

#include <string>

namespace sabot {
namespace {

const std::string source = R"({
  "properties": {"bootstrap.servers": "localhost:9092", "group.id": "g"}, "mode": "group", "from": "earliest",
  "until": null, "parallelism": 2, "maxRows": 8192, "maxBytes": 4194304, "maxWaitMs": 50, "maxQueueBytes": 67108864,
  "maxDepth": 64, "metadataRefreshMs": 60000, "infer": true})";

// `source` with one member replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string json = source;
  const auto at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

std::string messageOf(const std::string& json) {
  SourceConfig config;
  const Status status = parseSourceConfig(json, config);
  EXPECT_EQ(status.code, "CONFIG") << json;
  return status.message;
}

TEST(Config, AGroupsSourceReadsAsItWasWritten) {
  SourceConfig config;
  const Status status = parseSourceConfig(source, config);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(config.properties, (Properties{{"bootstrap.servers", "localhost:9092"}, {"group.id", "g"}}));
  EXPECT_TRUE(config.group);
  EXPECT_EQ(config.from.kind, From::Kind::Earliest);
  EXPECT_EQ(config.until.kind, Until::Kind::Never);
  EXPECT_EQ(config.parallelism, 2);
  EXPECT_EQ(config.maxRows, 8192);
  EXPECT_EQ(config.maxBytes, 4'194'304);
  EXPECT_EQ(config.maxWaitMs, 50);
  EXPECT_EQ(config.maxQueueBytes, 67'108'864);
  EXPECT_EQ(config.maxDepth, 64);
  EXPECT_EQ(config.metadataRefreshMs, 60'000);
  EXPECT_TRUE(config.infer);
}

TEST(Config, EveryFromAndUntilIsUnderstood) {
  SourceConfig config;
  ASSERT_TRUE(parseSourceConfig(with("\"earliest\"", "\"latest\""), config).ok());
  EXPECT_EQ(config.from.kind, From::Kind::Latest);
  ASSERT_TRUE(parseSourceConfig(with("\"earliest\"", R"({"timestamp": 1700000000000})"), config).ok());
  EXPECT_EQ(config.from.kind, From::Kind::Timestamp);
  EXPECT_EQ(config.from.timestamp, 1'700'000'000'000);
  // A fraction of nothing: some JavaScript writes whole numbers of this size with an exponent.
  ASSERT_TRUE(parseSourceConfig(with("\"earliest\"", R"({"timestamp": 1.7e12})"), config).ok());
  EXPECT_EQ(config.from.timestamp, 1'700'000'000'000);
  ASSERT_TRUE(parseSourceConfig(with("\"earliest\"", R"({"offsets": {"a": {"3": "9223372036854775807"}}})"), config).ok());
  EXPECT_EQ(config.from.kind, From::Kind::Offsets);
  EXPECT_EQ(config.from.offsets, (decltype(config.from.offsets){{"a", {{3, INT64_MAX}}}}));
  ASSERT_TRUE(parseSourceConfig(with("\"until\": null", R"("until": "end")"), config).ok());
  EXPECT_EQ(config.until.kind, Until::Kind::End);
  ASSERT_TRUE(parseSourceConfig(with("\"until\": null", R"("until": {"timestamp": 5})"), config).ok());
  EXPECT_EQ(config.until.kind, Until::Kind::Timestamp);
  EXPECT_EQ(config.until.timestamp, 5);
}

TEST(Config, AWrongMemberIsNamedWithWhatCame) {
  EXPECT_EQ(messageOf(with("\"group\"", "\"both\"")), "source: mode: expected \"group\" or \"assign\"; got \"both\"");
  EXPECT_EQ(messageOf(with("\"earliest\"", "7")),
            "source: from: expected \"earliest\", \"latest\", {\"timestamp\"} or {\"offsets\"}; got 7");
  EXPECT_EQ(messageOf(with("\"earliest\"", R"({"offsets": {"a": {"x": "1"}}})")),
            "source: from.offsets[\"a\"][\"x\"]: expected the number of a partition as its name; got \"1\"");
  EXPECT_EQ(messageOf(with("\"earliest\"", R"({"offsets": {"a": {"1": "-1"}}})")),
            "source: from.offsets[\"a\"][\"1\"]: expected an integer of at least 0 in decimal digits, as text; got \"-1\"");
  EXPECT_EQ(messageOf(with("\"until\": null", "\"until\": 3")),
            "source: until: expected \"end\", {\"timestamp\"} or null; got 3");
  EXPECT_EQ(messageOf(with("\"parallelism\": 2", "\"parallelism\": 0")),
            "source: parallelism: expected an integer from 1 to 1024; got 0");
  EXPECT_EQ(messageOf(with("\"maxRows\": 8192", "\"maxRows\": 1.5")),
            "source: maxRows: expected an integer from 1 to 2147483647; got 1.5");
  EXPECT_EQ(messageOf(with(", \"infer\": true", "")), "source: infer: expected true or false; got nothing");
  EXPECT_EQ(messageOf("[]"), "source: properties: expected an object with texts; got another type (not shown)");
  EXPECT_TRUE(messageOf("{").starts_with("source: expected JSON; "));
  EXPECT_TRUE(messageOf("").starts_with("source: expected JSON; "));
}

TEST(Config, NoErrorShowsAProperty) {
  EXPECT_EQ(messageOf(with("\"g\"", "{\"sasl.password\": \"hunter2\"}")),
            "source: properties[\"group.id\"]: expected a text; got another type (not shown)");
  EXPECT_EQ(messageOf(with("\"g\"", "\"hunter2\\u0000\"")),
            "source: properties[\"group.id\"]: expected a text without NUL; got another type (not shown)");
}

TEST(Config, ADecodeSpecHasColumnsPredicateAndMessageColumns) {
  DecodeSpec spec;
  const Status status = parseDecodeSpec(R"({"codec": "json", "columns": [
      {"name": "id", "type": "int64", "emit": true},
      {"name": "tags", "type": {"list": "utf8"}, "emit": false}],
      "predicate": ["gt", 0, {"i": "9007199254740993"}], "message": ["$key", "$tombstone"], "keyType": "utf8",
      "maxDepth": 8})", spec);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(spec.codec, "json");
  ASSERT_EQ(spec.columns.size(), 2u);
  EXPECT_EQ(spec.columns[0].field.name, "id");
  EXPECT_EQ(spec.columns[0].field.type.id, TypeId::Int64);
  EXPECT_TRUE(spec.columns[0].emit);
  EXPECT_EQ(spec.columns[1].field.type.id, TypeId::List);
  EXPECT_FALSE(spec.columns[1].emit);
  EXPECT_EQ(spec.predicate, R"(["gt",0,{"i":"9007199254740993"}])");
  EXPECT_EQ(spec.message, (std::vector<MessageColumn>{MessageColumn::Key, MessageColumn::Tombstone}));
  EXPECT_TRUE(spec.utf8Key);
  EXPECT_EQ(spec.maxDepth, 8);
}

TEST(Config, ADecodeSpecSaysWhatAKeyIsRead) {
  DecodeSpec spec;
  const auto parse = [&spec](std::string keyType) {
    return parseDecodeSpec(R"({"codec": "json", "columns": [], "predicate": null, "message": ["$keyValue"], "keyType": )" +
                               keyType + R"(, "maxDepth": 8})", spec);
  };
  ASSERT_TRUE(parse(R"("float64")").ok());
  EXPECT_EQ(spec.keyValue, TypeId::Float64);
  EXPECT_FALSE(spec.utf8Key);
  EXPECT_FALSE(spec.jsonKey);
  EXPECT_EQ(parse(R"("int16")").message,
            R"(decode: keyType: expected "utf8", "binary", "int32", "int64", "float64" or {"json"}; got "int16")");
  ASSERT_TRUE(parse(R"({"json": {"struct": [{"name": "id", "type": "int64"}]}})").ok());
  ASSERT_TRUE(spec.jsonKey);
  EXPECT_EQ(typeToJson(*spec.jsonKey), R"({"struct":[{"name":"id","type":"int64"}]})");
  EXPECT_FALSE(parse(R"({"json": "int46"})").ok());
}

TEST(Config, AColumnMayHaveAnyNameThatAKeyOfJsonMayHave) {
  DecodeSpec spec;
  const Status status = parseDecodeSpec(R"({"codec": "json", "columns": [{"name": "a\u0000b", "type": "int64",
      "emit": true}, {"name": "", "type": "utf8", "emit": true}], "predicate": null, "message": [], "keyType": "utf8",
      "maxDepth": 8})", spec);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(spec.columns[0].field.name, std::string_view("a\0b", 3));
  EXPECT_EQ(spec.columns[1].field.name, "");
}

TEST(Config, ADecodeSpecNamesTheColumnItCannotRead) {
  DecodeSpec spec;
  const Status type = parseDecodeSpec(R"({"codec": "json", "columns": [{"name": "id", "type": "int65", "emit": true}],
      "predicate": null, "message": [], "keyType": "utf8", "maxDepth": 8})", spec);
  EXPECT_FALSE(type.ok());
  EXPECT_TRUE(type.message.starts_with("decode: columns[0].type: ")) << type.message;
  const Status message = parseDecodeSpec(R"({"codec": "json", "columns": [], "predicate": null, "message": ["$kee"],
      "keyType": "utf8", "maxDepth": 8})", spec);
  EXPECT_EQ(message.message, "decode: message[0]: expected a message column such as \"$key\"; got \"$kee\"");
}

TEST(Config, ASinkKeepsItsCodecsOptionsAsJson) {
  SinkConfig config;
  const Status status = parseSinkConfig(R"({"properties": {"acks": "all"}, "topic": "t", "codec": "json",
      "codecOptions": {"nonFinite": "null"}, "partitioner": "roundRobin"})", config);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(config.topic, "t");
  EXPECT_EQ(config.codecOptions, R"({"nonFinite":"null"})");
  EXPECT_EQ(config.partitioner, Partitioner::RoundRobin);
  const Status wrong = parseSinkConfig(R"({"properties": {}, "topic": "t", "codec": "json", "partitioner": "best"})",
                                       config);
  EXPECT_EQ(wrong.code, "CONFIG");
  EXPECT_TRUE(wrong.message.find("best") != std::string::npos) << wrong.message;
}

TEST(Config, CommitPositionsAreExact) {
  std::vector<CommitPosition> positions;
  const Status status = parseCommitPositions(
      R"([{"topic": "t", "partition": 3, "offset": "9007199254740993", "epoch": 2}])", positions);
  ASSERT_TRUE(status.ok()) << status.message;
  ASSERT_EQ(positions.size(), 1u);
  EXPECT_EQ(positions[0].topic, "t");
  EXPECT_EQ(positions[0].partition, 3);
  EXPECT_EQ(positions[0].offset, 9'007'199'254'740'993);
  EXPECT_EQ(positions[0].epoch, 2);
  const Status wrong = parseCommitPositions(R"([{"topic": "t", "partition": 3, "offset": 5, "epoch": 2}])", positions);
  EXPECT_EQ(wrong.message, "commit: [0].offset: expected an integer of at least 0 in decimal digits, as text; got 5");
}

TEST(Config, ANewTopicTakesTheBrokersDefaults) {
  std::vector<NewTopic> topics;
  const Status status = parseNewTopics(R"([{"name": "a", "partitions": 3},
      {"name": "b", "partitions": 1, "replication": 2, "config": {"cleanup.policy": "compact"}}])", topics);
  ASSERT_TRUE(status.ok()) << status.message;
  ASSERT_EQ(topics.size(), 2u);
  EXPECT_EQ(topics[0].partitions, 3);
  EXPECT_EQ(topics[0].replication, -1);
  EXPECT_TRUE(topics[0].config.empty());
  EXPECT_EQ(topics[1].replication, 2);
  EXPECT_EQ(topics[1].config[0], (std::pair<std::string, std::string>{"cleanup.policy", "compact"}));
  EXPECT_EQ(parseNewTopics(R"([{"name": "a", "partitions": 0}])", topics).message,
            "topics: [0].partitions: expected an integer from 1 to 10000; got 0");
}

}  // namespace
}  // namespace sabot
