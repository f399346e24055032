// Records where a fetch response has them.
#include "record_batch.h"

#include <gtest/gtest.h>

#include "record_fixture.h"

namespace sabot::test {

using Taken = RecordSet::Taken;

namespace {

constexpr int16_t appendTime = 1 << 3;
constexpr int16_t transactional = 1 << 4;
constexpr int16_t control = 1 << 5;

struct ReadMessage {
  int64_t offset;
  int64_t timestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

std::optional<std::string> text(const Bytes& bytes) {
  if (bytes.isNull()) return std::nullopt;
  return std::string(bytes.view());
}

std::vector<ReadMessage> messagesOf(const RecordSpan& span) {
  std::vector<ReadMessage> out;
  EXPECT_TRUE(span.forEach([&](const Message& message) {
    ReadMessage read{message.offset, message.timestamp, text(message.key), text(message.value), {}};
    EXPECT_TRUE(message.headers.forEach([&read](std::string_view name, const Bytes& value) {
      read.headers.emplace_back(name, text(value));
    }));
    out.push_back(std::move(read));
  }));
  EXPECT_EQ(out.size(), span.count);
  return out;
}

std::vector<int64_t> offsetsOf(const RecordSpan& span) {
  std::vector<int64_t> out;
  for (const ReadMessage& message : messagesOf(span)) out.push_back(message.offset);
  return out;
}

TestBatch numbered(int64_t from, int count) {
  TestBatch batch;
  batch.baseOffset = from;
  for (int64_t i = from; i < from + count; ++i) batch.records.push_back({i, "value " + std::to_string(i)});
  return batch;
}

RecordSet setOf(const std::string& bytes, int64_t from = 0) { return RecordSet(nullptr, bytes, from); }

RecordSet::Limits wide() {
  RecordSet::Limits limits;
  limits.rows = 1000;
  limits.bytes = 1 << 20;
  return limits;
}

// The offsets of each piece until the set is at its end.
std::vector<std::vector<int64_t>> pieces(RecordSet& set, const RecordSet::Limits& limits) {
  std::vector<std::vector<int64_t>> out;
  RecordSpan span;
  int64_t bytes = 0;
  Taken taken;
  while ((taken = set.take(limits, span, bytes)) == Taken::Records) {
    EXPECT_GT(bytes, 0);
    out.push_back(offsetsOf(span));
  }
  EXPECT_EQ(taken, Taken::AtEnd);
  return out;
}

using Pieces = std::vector<std::vector<int64_t>>;

}  // namespace

TEST(RecordSetTest, ARecordIsReadWithAllItHas) {
  TestBatch batch;
  batch.baseOffset = 100;
  batch.baseTimestamp = 1'700'000'000'000;
  batch.records = {{100, "value", "key", 5, {{"a", "1"}, {"b", std::nullopt}, {"a", ""}}},
                   {101, std::nullopt, "", -3, {}},
                   {105, "", std::nullopt, 1'000'000, {}}};
  const std::string bytes = batchBytes(batch);
  RecordSet set = setOf(bytes);
  RecordSpan span;
  int64_t size = 0;
  ASSERT_EQ(set.take(wide(), span, size), Taken::Records);
  EXPECT_EQ(size, static_cast<int64_t>(bytes.size()) - 61);
  EXPECT_EQ(set.position(), 106);
  const auto read = messagesOf(span);
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].offset, 100);
  EXPECT_EQ(read[0].timestamp, 1'700'000'000'005);
  EXPECT_EQ(read[0].key, "key");
  EXPECT_EQ(read[0].value, "value");
  EXPECT_EQ(read[0].headers, batch.records[0].headers);
  EXPECT_EQ(read[1].timestamp, 1'699'999'999'997);
  EXPECT_EQ(read[1].key, "");
  EXPECT_EQ(read[1].value, std::nullopt);
  EXPECT_TRUE(read[1].headers.empty());
  EXPECT_EQ(read[2].offset, 105);
  EXPECT_EQ(read[2].key, std::nullopt);
  EXPECT_EQ(read[2].value, "");
  EXPECT_EQ(set.take(wide(), span, size), Taken::AtEnd);
}

TEST(RecordSetTest, WhereTheBrokerGivesTheTimeAllRecordsHaveThatOfTheBatch) {
  TestBatch batch = numbered(0, 2);
  batch.attributes = appendTime;
  batch.baseTimestamp = 5;
  batch.maxTimestamp = 1'700'000'000'000;
  const std::string bytes = batchBytes(batch);
  RecordSet set = setOf(bytes);
  RecordSpan span;
  int64_t size = 0;
  ASSERT_EQ(set.take(wide(), span, size), Taken::Records);
  for (const ReadMessage& message : messagesOf(span)) EXPECT_EQ(message.timestamp, 1'700'000'000'000);
}

TEST(RecordSetTest, BatchesComeOneByOneAndAreCutWhereFewerRowsAreWanted) {
  const std::string bytes = batchBytes(numbered(0, 5)) + batchBytes(numbered(5, 3));
  RecordSet whole = setOf(bytes);
  EXPECT_EQ(pieces(whole, wide()), (Pieces{{0, 1, 2, 3, 4}, {5, 6, 7}}));
  RecordSet cut = setOf(bytes);
  RecordSet::Limits two = wide();
  two.rows = 2;
  EXPECT_EQ(pieces(cut, two), (Pieces{{0, 1}, {2, 3}, {4}, {5, 6}, {7}}));
  EXPECT_EQ(cut.position(), 8);
}

TEST(RecordSetTest, APieceHasNoMoreBytesThanAllowedButForOneLargeRecord) {
  TestBatch batch;
  batch.records = {{0, std::string(10, 'a')}, {1, std::string(10, 'b')}, {2, std::string(500, 'c')},
                   {3, std::string(10, 'd')}};
  const std::string bytes = batchBytes(batch);
  RecordSet set = setOf(bytes);
  RecordSet::Limits limits = wide();
  limits.bytes = 40;
  RecordSpan span;
  int64_t size = 0;
  ASSERT_EQ(set.take(limits, span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{0, 1}));
  EXPECT_LE(size, 40);
  limits.atLeastOne = false;
  EXPECT_EQ(set.take(limits, span, size), Taken::Full);
  EXPECT_EQ(set.position(), 2);
  limits.atLeastOne = true;
  ASSERT_EQ(set.take(limits, span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{2}));
  ASSERT_EQ(set.take(limits, span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{3}));
}

TEST(RecordSetTest, RecordsBeforeTheOneThatWasAskedForAreLeftOut) {
  const std::string bytes = batchBytes(numbered(0, 3)) + batchBytes(numbered(3, 4)) + batchBytes(numbered(7, 1));
  RecordSet set = setOf(bytes, 5);
  EXPECT_EQ(pieces(set, wide()), (Pieces{{5, 6}, {7}}));
}

TEST(RecordSetTest, NothingFromTheOffsetOnThatEndsTheReading) {
  const std::string bytes = batchBytes(numbered(0, 3)) + batchBytes(numbered(3, 4));
  RecordSet set = setOf(bytes);
  RecordSet::Limits limits = wide();
  limits.before = 5;
  RecordSpan span;
  int64_t size = 0;
  ASSERT_EQ(set.take(limits, span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{0, 1, 2}));
  ASSERT_EQ(set.take(limits, span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(set.position(), 5);
  EXPECT_EQ(set.take(limits, span, size), Taken::AtLimit);
  EXPECT_EQ(set.take(limits, span, size), Taken::AtLimit);
}

TEST(RecordSetTest, ThePositionPassesWhatHasNoRecordsForUs) {
  TestBatch gaps = numbered(0, 0);
  gaps.records = {{1}, {4}};
  gaps.lastOffset = 9;  // compaction left two of ten
  TestBatch marker = numbered(10, 1);
  marker.attributes = transactional | control;
  TestBatch empty;
  empty.baseOffset = 11;
  empty.lastOffset = 19;
  TestBatch rows = numbered(20, 1);
  rows.attributes = transactional;
  TestBatch last = numbered(21, 1);
  last.attributes = control;
  const std::string bytes =
      batchBytes(gaps) + batchBytes(marker) + batchBytes(empty) + batchBytes(rows) + batchBytes(last);
  RecordSet set = setOf(bytes);
  RecordSpan span;
  int64_t size = 0;
  ASSERT_EQ(set.take(wide(), span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(set.position(), 10);
  ASSERT_EQ(set.take(wide(), span, size), Taken::Records);
  EXPECT_EQ(offsetsOf(span), (std::vector<int64_t>{20}));
  EXPECT_EQ(set.take(wide(), span, size), Taken::AtEnd);
  EXPECT_EQ(set.position(), 22);
}

TEST(RecordSetTest, ASetOfMarkersAloneMovesThePosition) {
  TestBatch marker = numbered(7, 1);
  marker.attributes = control;
  const std::string bytes = batchBytes(marker);
  RecordSet set = setOf(bytes, 7);
  RecordSpan span;
  int64_t size = 0;
  EXPECT_EQ(set.take(wide(), span, size), Taken::AtEnd);
  EXPECT_EQ(set.position(), 8);
}

// Of one batch, wholly taken.
bool isReadable(const std::string& bytes, RecordSet::Limits limits = wide()) {
  RecordSet set = setOf(bytes);
  RecordSpan span;
  int64_t size = 0;
  Taken taken;
  while ((taken = set.take(limits, span, size)) == Taken::Records) {
    if (!span.forEach([](const Message&) {})) return false;
  }
  return taken == Taken::AtEnd;
}

TEST(RecordSetTest, WhatCannotBeReadIsSaidToBeAndNothingBehindItIsTouched) {
  const std::string bytes = batchBytes(numbered(0, 3));
  ASSERT_TRUE(isReadable(bytes));
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(isReadable(std::string(bytes.data(), size))) << "cut off after " << size;
  }
  TestBatch more = numbered(0, 3);
  more.recordCount = 4;
  EXPECT_FALSE(isReadable(batchBytes(more))) << "one record is missing";
  RecordSet::Limits one = wide();
  one.rows = 1;
  EXPECT_FALSE(isReadable(batchBytes(more), one));
  more.recordCount = INT32_MAX;
  EXPECT_FALSE(isReadable(batchBytes(more))) << "more than there is room for";
  TestBatch backwards = numbered(5, 2);
  backwards.records[1].offset = 4;
  EXPECT_FALSE(isReadable(batchBytes(backwards)));
  std::string huge = batchBytes(numbered(0, 1));
  huge[61] = static_cast<char>(0x7e);  // the record's length
  EXPECT_FALSE(isReadable(huge));
}

TEST(RecordSetTest, HeadersThatCannotBeReadAreSaidToBe) {
  std::string headers;
  putVarint(headers, 2);
  putBytes(headers, "name");
  putBytes(headers, "value");
  int count = 0;
  EXPECT_FALSE(Headers(headers).forEach([&count](std::string_view, const Bytes&) { ++count; }));
  EXPECT_EQ(count, 1);
  std::string nameless;
  putVarint(nameless, 1);
  putBytes(nameless, std::nullopt);
  putBytes(nameless, "value");
  EXPECT_FALSE(Headers(nameless).forEach([](std::string_view, const Bytes&) {}));
}

}  // namespace sabot::test
