#include "source_fixture.h"

namespace sabot::test {

using Kind = SourceEvent::Kind;

TEST_F(SourceTest, EveryRowComesInOrderFromSeveralPartitions) {
  topic("many", 4);
  fill("many", 4, 5000);
  TestSource source(config());
  source.begin({"many"});
  const auto rows = read(source);
  ASSERT_EQ(rows.values.size(), 4u) << logText(source);
  for (int32_t p = 0; p < 4; ++p) {
    EXPECT_EQ(rows.values.at(p), numbered(p, 0, 5000));
    EXPECT_EQ(rows.position.at(p), 5000);
  }
  EXPECT_EQ(source->stats().messages, 20'000);
  EXPECT_EQ(source->stats().queuedBytes, 0);
  source->close();
}

// Batches as they lie, messages that librdkafka made one by one, and batches that are cut.
TEST_F(SourceTest, EveryRowComesInOrderHoweverItIsCompressed) {
  topic("packed", 2);
  const std::vector<std::string> codecs = {"gzip", "none", "snappy", "lz4", "zstd"};
  int count = 0;
  for (const std::string& codec : codecs) {
    producer = std::make_unique<TestProducer>(broker->bootstrapServers(), codec);
    fill("packed", 2, 1000, count);
    count += 1000;
  }
  for (const bool recordSets : {true, false}) {
    for (const int64_t maxRows : {8192, 300}) {
      SourceConfig each = withoutGroup();
      each.recordSets = recordSets;
      each.maxRows = maxRows;
      TestSource source(each);
      source.begin({"packed"});
      const auto rows = read(source);
      for (int32_t p = 0; p < 2; ++p) {
        EXPECT_EQ(rows.values.at(p), numbered(p, 0, count)) << recordSets << " " << maxRows;
        EXPECT_EQ(rows.position.at(p), count);
      }
      for (const SourceEvent& batch : rows.batches) EXPECT_LE(batch.messages, maxRows);
      EXPECT_EQ(source->stats().messages, 2 * count);
      EXPECT_EQ(source->stats().queuedBytes, 0);
    }
  }
}

TEST_F(SourceTest, AReadThatBeginsWithinARecordBatchHasItsRowsAlone) {
  topic("within", 1);
  fill("within", 1, 500);
  for (const bool recordSets : {true, false}) {
    SourceConfig each = withoutGroup();
    each.recordSets = recordSets;
    each.from.kind = From::Kind::Offsets;
    each.from.offsets["within"][0] = 123;
    TestSource source(each);
    source.begin({"within"});
    const auto rows = read(source);
    EXPECT_EQ(rows.values.at(0), numbered(0, 123, 377));
    EXPECT_EQ(rows.position.at(0), 500);
  }
}

TEST_F(SourceTest, WithoutAGroupEveryPartitionIsRead) {
  topic("free", 3);
  fill("free", 3, 100);
  TestSource source(withoutGroup());
  source.begin({"free"});
  const auto rows = read(source);
  for (int32_t p = 0; p < 3; ++p) EXPECT_EQ(rows.values.at(p), numbered(p, 0, 100));
}

TEST_F(SourceTest, ABoundedReadOfAnEmptyTopicEnds) {
  topic("empty", 3);
  for (auto& bounded : {config(), withoutGroup()}) {
    TestSource source(bounded);
    source.begin({"empty"});
    EXPECT_EQ(read(source).count, 0u);
  }
}

TEST_F(SourceTest, CommittedPositionsAreWhereARestartGoesOn) {
  topic("restart", 1);
  fill("restart", 1, 100);
  int64_t epoch = 0;
  {
    TestSource source(config());
    source.begin({"restart"});
    const auto assigned = source.next(Kind::Assigned);
    ASSERT_TRUE(assigned);
    ASSERT_EQ(assigned->partitions.size(), 1u);
    epoch = assigned->partitions[0].epoch;
    EXPECT_EQ(read(source).count, 100u);
    CommitPosition position;
    position.topic = "restart";
    position.partition = 0;
    position.offset = 60;
    position.epoch = epoch;
    EXPECT_TRUE(source.commit({position}).ok());
    position.offset = 10;
    position.epoch = epoch + 1;
    EXPECT_TRUE(source.commit({position}).ok()) << "dropped";
  }
  TestSource source(config());
  source.begin({"restart"});
  EXPECT_EQ(read(source).values[0], numbered(0, 60, 40));
}

TEST_F(SourceTest, MessageColumnsHoldWhatTheMessageHas) {
  topic("columns", 1);
  producer->send("columns", {
      {0, "v", "k", {{"a", "1"}, {"b", std::nullopt}, {"a", ""}}, 1'700'000'000'123},
      {0, std::nullopt, std::nullopt, {}, 1'700'000'000'124},
      {0, "", "", {}, 1'700'000'000'125},
  });
  TestSource source(config());
  source->subscribe({"columns"});
  auto spec = textSpec({MessageColumn::Key, MessageColumn::Topic, MessageColumn::Partition, MessageColumn::Offset,
                        MessageColumn::Timestamp, MessageColumn::Headers, MessageColumn::Value,
                        MessageColumn::Tombstone});
  spec.utf8Key = true;
  ASSERT_TRUE(source->decode(spec).ok());
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch);
  ASSERT_TRUE(batch->slab);
  const Slab& slab = *batch->slab;
  ASSERT_EQ(slab.rows, 3);
  EXPECT_EQ(batch->messages, 3);
  EXPECT_EQ(batch->bytes, 2);
  const SlabColumn key(slab, 1), name(slab, 2), partition(slab, 3), offset(slab, 4), timestamp(slab, 5), headers(slab, 6),
      headerName(slab, 8), headerValue(slab, 9), value(slab, 10), tombstone(slab, 11);
  EXPECT_EQ(key.text(0), "k");
  EXPECT_EQ(key.text(1), std::nullopt);
  EXPECT_EQ(key.text(2), "");
  EXPECT_EQ(name.text(2), "columns");
  EXPECT_EQ(partition.value<int32_t>(1), 0);
  EXPECT_EQ(offset.value<int64_t>(2), 2);
  EXPECT_EQ(timestamp.value<int64_t>(0), 1'700'000'000'123);
  EXPECT_EQ(headers.offset(1), 3);
  EXPECT_EQ(headers.offset(3), 3) << "no headers are an empty list";
  EXPECT_EQ(headerName.text(0), "a");
  EXPECT_EQ(headerValue.text(0), "1");
  EXPECT_EQ(headerValue.text(1), std::nullopt);
  EXPECT_EQ(headerName.text(2), "a");
  EXPECT_EQ(headerValue.text(2), "");
  EXPECT_EQ(value.text(0), "v");
  EXPECT_EQ(value.text(1), std::nullopt);
  EXPECT_EQ(value.text(2), "");
  EXPECT_FALSE(tombstone.boolean(0));
  EXPECT_TRUE(tombstone.boolean(1));
  EXPECT_FALSE(tombstone.boolean(2));
}

TEST_F(SourceTest, AKeyIsDecodedAsKafkasSerializersWriteIt) {
  topic("numbers", 1);
  using namespace std::string_literals;
  producer->send("numbers", {{0, "0", "\x00\x00\x00\x05"s}, {0, "1", "\xff\xff\xff\xfe"s}, {0, "2", std::nullopt},
                             {0, "3", "\x00\x00\x05"s}, {0, "4", "\x80\x00\x00\x00"s}});
  TestSource source(config());
  source->subscribe({"numbers"});
  auto spec = textSpec({MessageColumn::Key, MessageColumn::KeyValue});
  spec.keyValue = TypeId::Int32;
  ASSERT_TRUE(source->decode(spec).ok());
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch && batch->slab);
  ASSERT_EQ(batch->slab->rows, 4);
  const SlabColumn key(*batch->slab, 1), number(*batch->slab, 2);
  EXPECT_EQ(key.text(0), "\x00\x00\x00\x05"s) << "its bytes stay";
  EXPECT_EQ(number.value<int32_t>(0), 5);
  EXPECT_EQ(number.value<int32_t>(1), -2);
  EXPECT_EQ(key.text(2), std::nullopt);
  EXPECT_EQ(number.value<int32_t>(3), INT32_MIN);
  ASSERT_EQ(batch->errors.size(), 1u);
  EXPECT_EQ(batch->errors[0].offset, 3);
  EXPECT_EQ(batch->errors[0].code, "DECODE");
  EXPECT_EQ(batch->errors[0].message,
            "$key: expected 4 bytes, a big-endian int32; got 3 (read the key as binary to keep it)");
}

// Of {"id": int64}.
Type idType() {
  Type type = typeOf(TypeId::Struct);
  type.children = {{"id", typeOf(TypeId::Int64)}};
  return type;
}

TEST_F(SourceTest, AJsonKeyStandsBesideItsValueAndWhereOneFailsNeitherIsThere) {
  topic("json-keys", 1);
  producer->send("json-keys", {{0, R"({"n":0,"s":"a"})", R"({"id":100})"},
                               {0, R"({"n":1,"s":"b"})", R"({"id":"x"})"},
                               {0, R"({"n":"y"})", R"({"id":"x"})"},
                               {0, R"({"n":3,"s":"d"})", R"({"id":103, "more": [1]})"},
                               {0, R"({"n":-4,"s":"e"})", "not read"},
                               {0, R"({"n":5,"s":"f"})", "{"},
                               {0, R"({"n":6})", std::nullopt},
                               {0, std::nullopt, R"({"id":107})"},
                               {0, R"({"n":8,"s":"i"})", "null"}});
  TestSource source(config());
  source->subscribe({"json-keys"});
  DecodeSpec spec;
  spec.codec = "json";
  spec.columns = {{{"n", typeOf(TypeId::Int64)}, true}, {{"s", typeOf(TypeId::Utf8)}, true}};
  spec.predicate = R"(["or", [["ge", 0, {"i": "0"}], ["isNull", 0]]])";
  spec.message = {MessageColumn::Offset, MessageColumn::KeyValue, MessageColumn::Key};
  spec.jsonKey = idType();
  ASSERT_TRUE(source->decode(spec).ok());
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch && batch->slab);
  ASSERT_EQ(batch->slab->rows, 5);
  const SlabColumn n(*batch->slab, 0), s(*batch->slab, 1), offset(*batch->slab, 2), key(*batch->slab, 3),
      id(*batch->slab, 4), bytes(*batch->slab, 5);
  const std::vector<int64_t> offsets = {0, 3, 6, 7, 8};
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    EXPECT_EQ(offset.value<int64_t>(row), offsets[i]);
    EXPECT_EQ(key.isNull(row), offsets[i] == 6 || offsets[i] == 8);
    EXPECT_EQ(id.isNull(row), key.isNull(row));
    if (!key.isNull(row)) {
      EXPECT_EQ(id.value<int64_t>(row), 100 + offsets[i]);
    }
  }
  EXPECT_TRUE(n.isNull(3)) << "a tombstone has a key";
  EXPECT_EQ(n.value<int64_t>(4), 8);
  EXPECT_EQ(s.text(1), "d");
  EXPECT_EQ(bytes.text(1), R"({"id":103, "more": [1]})") << "its bytes stay";
  ASSERT_EQ(batch->errors.size(), 3u);
  EXPECT_EQ(batch->errors[0].offset, 1);
  EXPECT_EQ(batch->errors[0].code, "SCHEMA");
  EXPECT_EQ(batch->errors[0].message,
            R"(column $key.id: expected int64, found "x"; the schema type "utf8" would accept it)");
  EXPECT_EQ(batch->errors[1].offset, 2);
  EXPECT_EQ(batch->errors[1].message,
            R"(column n: expected int64, found "y"; the schema type "utf8" would accept it)");
  EXPECT_EQ(batch->errors[2].offset, 5);
  EXPECT_EQ(batch->errors[2].code, "DECODE");
  EXPECT_EQ(batch->errors[2].message, "$key: not JSON: ends too early, after 1 bytes");
  EXPECT_EQ(batch->messages, 9);
}

TEST_F(SourceTest, AProgramLeavesRowsOutTogetherWithTheirJsonKeys) {
  topic("json-program", 1);
  producer->send("json-program", {{0, "0", R"({"id":0})"}, {0, "1", "[]"}, {0, "2", R"({"id":2})"}, {0, "3", std::nullopt},
                                  {0, "4", R"({"id":4})"}});
  TestSource source(config());
  source->subscribe({"json-program"});
  auto spec = textSpec({MessageColumn::Offset, MessageColumn::KeyValue});
  spec.jsonKey = idType();
  spec.program = R"({"steps": [{"kind": "filter", "expr": ["gt", ["col", 0], ["lit", {"s": "1"}]], "text": "value > '1'"}],
                     "output": [{"name": "key", "column": 2}, {"name": "value", "column": 0}]})";
  ASSERT_TRUE(source->decode(spec).ok());
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch && batch->slab);
  ASSERT_EQ(batch->slab->rows, 3);
  const SlabColumn key(*batch->slab, 0), id(*batch->slab, 1), value(*batch->slab, 2);
  for (int64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(value.text(row), std::to_string(2 + row));
    EXPECT_EQ(key.isNull(row), row == 1);
    if (row != 1) {
      EXPECT_EQ(id.value<int64_t>(row), 2 + row);
    }
  }
  ASSERT_EQ(batch->errors.size(), 1u);
  EXPECT_EQ(batch->errors[0].offset, 1);
}

TEST_F(SourceTest, AKeyThatIsNotUtf8CostsItsRowAlone) {
  topic("keys", 1);
  producer->send("keys", {{0, "0", "\xff"}, {0, "1", "ok"}, {0, "2", "\xc3\x28"}, {0, "\xff", "ok"}, {0, "4", std::nullopt}});
  TestSource source(config());
  source->subscribe({"keys"});
  auto spec = textSpec({MessageColumn::Key, MessageColumn::Offset});
  spec.utf8Key = true;
  ASSERT_TRUE(source->decode(spec).ok());
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch && batch->slab);
  ASSERT_EQ(batch->slab->rows, 2);
  const SlabColumn value(*batch->slab, 0), key(*batch->slab, 1), offset(*batch->slab, 2);
  EXPECT_EQ(value.text(0), "1");
  EXPECT_EQ(key.text(0), "ok");
  EXPECT_EQ(offset.value<int64_t>(0), 1);
  EXPECT_EQ(key.text(1), std::nullopt);
  EXPECT_EQ(offset.value<int64_t>(1), 4);
  ASSERT_EQ(batch->errors.size(), 3u);
  EXPECT_EQ(batch->messages, 5);
  EXPECT_EQ(batch->nextOffset, 5);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch->errors[i].code, "DECODE");
    EXPECT_EQ(batch->errors[i].offset, (std::vector<int64_t>{0, 2, 3})[i]);
  }
  EXPECT_NE(batch->errors[0].message.find("$key"), std::string::npos);
}

TEST_F(SourceTest, BatchesAreBoundedByRows) {
  topic("rows", 1);
  fill("rows", 1, 1000);
  auto small = config();
  small.maxRows = 64;
  TestSource source(small);
  source.begin({"rows"});
  const auto rows = read(source);
  EXPECT_EQ(rows.values.at(0), numbered(0, 0, 1000));
  int64_t next = 0;
  for (const auto& batch : rows.batches) {
    EXPECT_LE(batch.messages, 64);
    next += batch.messages;
    EXPECT_EQ(batch.nextOffset, next);
  }
}

TEST_F(SourceTest, BatchesAreBoundedByBytesAndALargerMessageComesAlone) {
  topic("bytes", 1);
  std::vector<TestMessage> messages;
  for (int i = 0; i < 40; ++i) messages.push_back({0, std::string(i == 20 ? 5000 : 300, 'x')});
  producer->send("bytes", messages);
  auto small = config();
  small.maxBytes = 1000;
  TestSource source(small);
  source.begin({"bytes"});
  const auto rows = read(source);
  EXPECT_EQ(rows.count, 40u);
  bool alone = false;
  for (const auto& batch : rows.batches) {
    if (batch.bytes > 1000) {
      EXPECT_EQ(batch.bytes, 5000);
      EXPECT_EQ(batch.messages, 1);
      alone = true;
    }
  }
  EXPECT_TRUE(alone);
}

TEST_F(SourceTest, ABatchThatIsNotFullIsHandedOver) {
  topic("trickle", 1);
  TestSource source(config(Until::Kind::Never));
  source.begin({"trickle"});
  ASSERT_TRUE(source.next(Kind::Assigned));
  for (int i = 0; i < 5; ++i) {
    fill("trickle", 1, 1, i);
    EXPECT_EQ(read(source, 1).values[0], numbered(0, i, 1));
  }
}

TEST_F(SourceTest, ABoundedReadEndsBeforeWhatCameLater) {
  topic("later", 2);
  fill("later", 2, 100);
  TestSource source(config());
  source->subscribe({"later"});
  ASSERT_TRUE(source.next(Kind::Assigned)) << "the ends are known from here on";
  fill("later", 2, 100, 100);
  ASSERT_TRUE(source->decode(textSpec()).ok());
  const auto rows = read(source);
  for (int32_t p = 0; p < 2; ++p) {
    EXPECT_EQ(rows.values.at(p), numbered(p, 0, 100));
    EXPECT_EQ(rows.position.at(p), 100);
  }
  EXPECT_FALSE(source.next(50ms)) << "one End, and nothing behind it";
}

TEST_F(SourceTest, FromOffsetsBeginsThereAndElsewhereAtTheStart) {
  topic("offsets", 3);
  fill("offsets", 3, 10);
  for (auto& from : {config(), withoutGroup()}) {
    auto given = from;
    given.from.kind = From::Kind::Offsets;
    given.from.offsets = {{"offsets", {{0, 7}, {2, 10}}}};
    TestSource source(given);
    source.begin({"offsets"});
    auto rows = read(source);
    EXPECT_EQ(rows.values[0], numbered(0, 7, 3));
    EXPECT_EQ(rows.values[1], numbered(1, 0, 10));
    EXPECT_EQ(rows.values[2], numbered(2, 0, 0));
  }
}

TEST_F(SourceTest, FromLatestReadsOnlyWhatComesAfterTheStart) {
  topic("latest", 1);
  fill("latest", 1, 10);
  int next = 10;
  for (auto& from : {config(Until::Kind::Never), withoutGroup(Until::Kind::Never)}) {
    auto given = from;
    given.from.kind = From::Kind::Latest;
    TestSource source(given);
    source.begin({"latest"});
    ASSERT_TRUE(source.next(Kind::Assigned));
    fill("latest", 1, 5, next);
    EXPECT_EQ(read(source, 5).values[0], numbered(0, next, 5));
    next += 5;
  }
}

TEST_F(SourceTest, ATimeWithoutRecordsYetIsTheEnd) {
  topic("future", 1);
  fill("future", 1, 10);
  auto given = withoutGroup(Until::Kind::Timestamp);
  given.until.timestamp = 4'000'000'000'000;
  TestSource all(given);
  all.begin({"future"});
  EXPECT_EQ(read(all).values[0], numbered(0, 0, 10));

  given.from.kind = From::Kind::Timestamp;
  given.from.timestamp = 4'000'000'000'000;
  TestSource none(given);
  none.begin({"future"});
  EXPECT_EQ(read(none).count, 0u);
}

TEST_F(SourceTest, ATopicThatIsSubscribedLaterIsReadToo) {
  topic("first", 1);
  topic("second", 1);
  fill("first", 1, 10);
  fill("second", 1, 10);
  for (auto& each : {config(Until::Kind::Never), withoutGroup(Until::Kind::Never)}) {
    TestSource source(each);
    source.begin({"first"});
    EXPECT_EQ(read(source, 10).count, 10u);
    source->subscribe({"first", "second"});
    const auto rows = read(source, 10);
    EXPECT_EQ(rows.count, 10u);
    for (const auto& batch : rows.batches) EXPECT_EQ(batch.topic, "second");
  }
}

TEST_F(SourceTest, AnEmptyPartitionTellsItsPosition) {
  topic("position", 1);
  TestSource source(config(Until::Kind::Never));
  source.begin({"position"});
  const auto batch = source.next(Kind::Batch);
  ASSERT_TRUE(batch) << "a run that commits it goes on from here, whatever `from` it is restarted with";
  EXPECT_EQ(batch->nextOffset, 0);
  EXPECT_EQ(batch->messages, 0);
  EXPECT_FALSE(batch->slab);
}

TEST_F(SourceTest, LagIsWhatWasNotHandedOver) {
  topic("lag", 1);
  fill("lag", 1, 100);
  TestSource source(config(Until::Kind::Never));
  source.begin({"lag"});
  EXPECT_EQ(read(source, 100).count, 100u);
  const auto stats = source->stats();
  ASSERT_EQ(stats.lag.size(), 1u);
  EXPECT_EQ(stats.lag[0].topic, "lag");
  EXPECT_EQ(stats.lag[0].messages, 0);
  EXPECT_EQ(stats.messages, 100);
}

TEST_F(SourceTest, WhatCannotBeConfiguredIsRefusedByName) {
  std::unique_ptr<Source> source;
  auto none = config();
  std::erase_if(none.properties, [](const auto& property) { return property.first == "group.id"; });
  EXPECT_EQ(Source::create(none, [] {}, source).message,
            "client property group.id: expected the group to read with; got none");
  auto workers = config();
  workers.parallelism = 0;
  EXPECT_EQ(Source::create(workers, [] {}, source).message, "parallelism: expected at least 1; got 0");
  auto property = config();
  property.properties.emplace_back("fetch.max.byte", "1");
  EXPECT_EQ(Source::create(property, [] {}, source).message,
            "client property fetch.max.byte: librdkafka does not know it");

  TestSource good(config());
  auto bad = textSpec();
  bad.codec = "morse";
  EXPECT_EQ(good->decode(bad).code, "CONFIG");
  ASSERT_TRUE(good->decode(textSpec()).ok()) << "a spec that was refused does not count";
  EXPECT_EQ(good->decode(textSpec()).message, "decode: it was called before; a source decodes in one way");
}

TEST_F(SourceTest, MetadataTellsPartitionsAndUnknownTopics) {
  topic("known", 3);
  TestSource source(config());
  const std::vector<std::string> names = {"known", "nowhere"};
  std::string json;
  const Status status = source->metadata(&names, 10'000, json);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(json, R"([{"name":"known","partitions":3},{"name":"nowhere","partitions":0,"error":"UNKNOWN_TOPIC_OR_PART"}])");
}

}  // namespace sabot::test
