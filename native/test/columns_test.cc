#include "columns.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "decode_fixture.h"
#include "slab_memory.h"

namespace sabot::test {
namespace {

using Rows = std::vector<std::string>;

ColumnSet setOf(const std::vector<ColumnSpec>& columns) { return ColumnSet(columns); }

Slab finished(ColumnSet& set, int64_t rows) {
  Slab slab;
  const Status status = set.finish(rows, slab);
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(slab.rows, rows);
  return slab;
}

TEST(Columns, BecomeAnAlignedSlabInPreOrder) {
  const auto columns = columnsOf(
      R"([{"name":"a","type":"int64"},{"name":"s","type":{"struct":[{"name":"t","type":"utf8"},{"name":"l","type":{"list":"bool"}}]}}])");
  ColumnSet set = setOf(columns);
  for (int i = 0; i < 3; ++i) {
    set[0].append(int64_t{i} << 40);
    set[1].child(0).appendBytes(std::string(static_cast<size_t>(i), 'x'));
    for (int k = 0; k < i; ++k) set[1].child(1).child(0).appendBool(k == 0);
    set[1].child(1).endList();
    set[1].endStruct();
  }
  const size_t expected = set.byteSize();
  const Slab slab = finished(set, 3);
  EXPECT_EQ(slab.size, expected);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(slab.data) % 64, 0);
  ASSERT_EQ(slab.nodes.size(), 5);
  EXPECT_EQ(slab.nodes[0].dataBytes, 24);
  EXPECT_EQ(slab.nodes[1].dataBytes, 0);   // the struct
  EXPECT_EQ(slab.nodes[2].offsetsBytes, 16);
  EXPECT_EQ(slab.nodes[4].length, 3);      // items
  EXPECT_EQ(slab.nodes[4].dataBytes, 1);
  EXPECT_EQ(rowsOf(columns, slab), (Rows{R"({"a":0,"s":{"t":"","l":[]}})",
                                         R"({"a":1099511627776,"s":{"t":"x","l":[true]}})",
                                         R"({"a":2199023255552,"s":{"t":"xx","l":[true,false]}})"}));
}

TEST(Columns, HaveABitmapOnlyWhereThereAreNulls) {
  const auto columns = column("a", "int32");
  ColumnSet set = setOf(columns);
  for (int i = 0; i < 20; ++i) {
    if (i == 9) set[0].appendNull();
    else set[0].append(i);
  }
  EXPECT_TRUE(set[0].isValid(8));
  EXPECT_FALSE(set[0].isValid(9));
  EXPECT_TRUE(set[0].isValid(19));
  Slab slab = finished(set, 20);
  EXPECT_EQ(slab.nodes[0].nullCount, 1);
  ASSERT_EQ(slab.nodes[0].validityBytes, 3);
  const uint8_t* bits = slab.data + slab.nodes[0].validityOffset;
  EXPECT_EQ(bits[0], 0xFF);
  EXPECT_EQ(bits[1], 0xFD);
  EXPECT_EQ(bits[2], 0x0F);  // bits behind the last row are zero

  set[0].append(1);  // the next batch starts without nulls
  slab = finished(set, 1);
  EXPECT_EQ(slab.nodes[0].nullCount, 0);
  EXPECT_EQ(slab.nodes[0].validityBytes, 0);
}

TEST(Columns, AnyRowIsTakenBackWithoutATrace) {
  const std::string schema =
      R"j([{"name":"i","type":"int16"},{"name":"b","type":"bool"},{"name":"u","type":"utf8"},{"name":"d","type":"decimal(38,0)"},)j"
      R"({"name":"l","type":{"list":{"struct":[{"name":"x","type":"utf8"},{"name":"y","type":{"list":"int8"}}]}}}])";
  const auto columns = columnsOf(schema);
  ColumnSet set = setOf(columns);
  const auto row = [&set](int i) {
    if (i % 3 == 0) {
      for (size_t c = 0; c < set.size(); ++c) set[c].appendNull();
      return;
    }
    set[0].append(static_cast<int16_t>(i));
    set[1].appendBool(i % 2 == 0);
    set[2].appendBytes(std::to_string(i));
    set[3].append(Decimal128{static_cast<uint64_t>(i), 0});
    Column& item = set[4].child(0);
    for (int k = 0; k < i % 4; ++k) {
      item.child(0).appendBytes("x");
      item.child(1).child(0).append(static_cast<int8_t>(k));
      item.child(1).endList();
      item.endStruct();
    }
    set[4].endList();
  };
  Rows expected;
  int64_t rows = 0;
  for (int i = 0; i < 50; ++i) {
    row(i);
    if (i % 4 == 1) {
      // An unfinished row on top: some columns have a value, others only a part of one.
      set[0].append(int16_t{1});
      set[1].appendNull();
      set[2].data().append("part", 4);
      set[4].child(0).child(0).appendBytes("y");
      set[4].child(0).child(1).child(0).appendNull();
      set.truncate(rows, set.size());
    } else {
      ++rows;
    }
  }
  ColumnSet fresh = setOf(columns);
  std::swap(set, fresh);
  for (int i = 0; i < 50; ++i) {
    if (i % 4 != 1) row(i);
  }
  const Slab a = finished(fresh, rows);
  const Slab b = finished(set, rows);
  EXPECT_EQ(rowsOf(columns, a), rowsOf(columns, b));
  ASSERT_EQ(a.size, b.size);
  EXPECT_EQ(std::memcmp(a.data, b.data, a.size), 0);
}

TEST(Columns, ThatOnlyThePredicateReadsAreLeftOut) {
  auto columns = columnsOf(R"([{"name":"a","type":"int8"},{"name":"b","type":"utf8"},{"name":"c","type":"int8"}])");
  columns[1].emit = false;
  ColumnSet set = setOf(columns);
  set[0].append(int8_t{1});
  set[1].appendBytes("unseen");
  set[2].append(int8_t{2});
  const Slab slab = finished(set, 1);
  EXPECT_EQ(slab.nodes.size(), 2);
  EXPECT_EQ(rowsOf(columns, slab), (Rows{R"({"a":1,"c":2})"}));
  EXPECT_EQ(set[1].length(), 0);
}

TEST(Columns, KeepTheirMemoryForTheNextBatch) {
  ColumnSet set = setOf(column("a", "utf8"));
  for (int i = 0; i < 1000; ++i) set[0].appendBytes("some text of a row");
  const size_t capacity = set[0].data().capacity();
  finished(set, 1000);
  EXPECT_EQ(set[0].length(), 0);
  EXPECT_EQ(set[0].data().size(), 0);
  EXPECT_EQ(set[0].data().capacity(), capacity);
}

TEST(Columns, OfNoRowsAreASlabStill) {
  const auto columns = columnsOf(R"([{"name":"a","type":"utf8"},{"name":"b","type":{"list":"int8"}},{"name":"c","type":"bool"}])");
  ColumnSet set = setOf(columns);
  const Slab slab = finished(set, 0);
  EXPECT_EQ(slab.nodes.size(), 4);
  EXPECT_TRUE(rowsOf(columns, slab).empty());
}

TEST(Columns, PastTwoGigabytesAreRefusedByName) {
  ColumnSet set = setOf(column("long", "utf8"));
  // Only addresses are taken: nothing is written there, so nothing is resident.
  set[0].data().reserve(size_t{3} << 30);
  set[0].data().grown((size_t{2} << 30) + 1);
  Slab slab;
  const Status status = set.finish(0, slab);
  EXPECT_EQ(status.code, "SCHEMA");
  EXPECT_NE(status.message.find("column long"), std::string::npos) << status.message;
  EXPECT_EQ(slab.data, nullptr);
}

TEST(Slab, IsMovedAndGivenAwayWithItsMemory) {
  Slab slab;
  slab.data = Slab::allocate(100);
  slab.size = 100;
  ASSERT_NE(slab.data, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(slab.data) % 64, 0);
  Slab moved = std::move(slab);
  uint8_t* data = moved.release();
  EXPECT_EQ(moved.data, nullptr);
  Slab::free(data, 100);
}

TEST(Slab, OfTheSameSizeLiesWhereTheLastOneLay) {
  constexpr size_t large = 1'000'000;
  uint8_t* first = Slab::allocate(large);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0);
  std::memset(first, 1, large);
  Slab::free(first, large);
  if (keptSlabMemory() == 0) GTEST_SKIP() << "a sanitizer must see every slab die";
  uint8_t* second = Slab::allocate(large - 1);
  EXPECT_EQ(second, first);
  Slab::free(second, large - 1);
}

TEST(Slab, OfManySizesNoMoreAreKeptThan64MiB) {
  std::vector<std::pair<uint8_t*, size_t>> slabs;
  for (size_t size = 300'000; size < 8'000'000; size = size * 9 / 8) {
    for (int i = 0; i < 3; ++i) slabs.emplace_back(Slab::allocate(size), size);
  }
  for (const auto& [data, size] : slabs) {
    ASSERT_NE(data, nullptr);
    Slab::free(data, size);
  }
  EXPECT_LE(keptSlabMemory(), size_t{64} << 20);
}

}  // namespace
}  // namespace sabot::test
