#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "array_fixture.h"
#include "sabot.h"

namespace sabot::test {
namespace {

using Strings = std::vector<std::string>;

Strings encode(std::string_view codec, const std::vector<NamedArray>& columns, std::vector<RowError>* errors = nullptr) {
  std::unique_ptr<Encoder> encoder;
  EXPECT_TRUE(makeEncoder(codec, "{}", encoder).ok());
  std::vector<uint32_t> rows(columns.empty() ? 1 : static_cast<size_t>(columns[0].array.length));
  std::iota(rows.begin(), rows.end(), 0);
  EncodedRows out;
  std::vector<RowError> found;
  encoder->encode(columns, rows, out, found);
  if (errors != nullptr) *errors = found;
  else EXPECT_TRUE(found.empty());
  EXPECT_EQ(out.rows(), rows.size());
  Strings texts;
  for (size_t i = 0; i < out.rows(); ++i) {
    texts.push_back(out.null[i] != 0 ? "<null>" : std::string(out.bytes.data() + out.offsets[i], out.bytes.data() + out.offsets[i + 1]));
  }
  return texts;
}

TEST(TextEncoder, WritesBytesAsTheyAreAndTellsEmptyFromNull) {
  const std::vector<std::optional<std::string>> values = {"plain \"text\"", "", std::nullopt, "\xff\xfe"};
  const Strings expected = {"plain \"text\"", "", "<null>", "\xff\xfe"};
  EXPECT_EQ(encode("string", {TestArray::utf8(values).named("v")}), expected);
  EXPECT_EQ(encode("bytes", {TestArray::utf8(values).named("v")}), expected);
  EXPECT_EQ(encode("bytes", {TestArray::bytes(TypeId::Binary, values).named("v")}), expected);
}

TEST(TextEncoder, StringWritesScalarsWithoutQuotes) {
  EXPECT_EQ(encode("string", {TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64),
                                                        {INT64_MIN, 0, 9007199254740993, std::nullopt}).named("v")}),
            (Strings{"-9223372036854775808", "0", "9007199254740993", "<null>"}));
  EXPECT_EQ(encode("string", {TestArray::fixed<uint64_t>(TestArray::simple(TypeId::UInt64), {UINT64_MAX}).named("v")}),
            (Strings{"18446744073709551615"}));
  EXPECT_EQ(encode("string", {TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {0.1, 1e21, -0.0}).named("v")}),
            (Strings{"0.1", "1e+21", "0"}));
  EXPECT_EQ(encode("string", {TestArray::bools({true, false}).named("v")}), (Strings{"true", "false"}));
  EXPECT_EQ(encode("string", {TestArray::fixed<int32_t>(TestArray::simple(TypeId::Date32), {19782}).named("v")}),
            (Strings{"2024-02-29"}));
  EXPECT_EQ(encode("string", {TestArray::fixed<int64_t>(TestArray::simple(TypeId::Timestamp), {1709208000123}).named("v")}),
            (Strings{"2024-02-29T12:00:00.123Z"}));
  Type decimal = TestArray::simple(TypeId::Decimal128);
  decimal.scale = 2;
  EXPECT_EQ(encode("string", {TestArray::fixed<Int128>(decimal, {Int128{-1250}}).named("v")}), (Strings{"-12.50"}));
}

TEST(TextEncoder, NotANumberIsThatRowsError) {
  std::vector<RowError> errors;
  const auto array = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.0, std::nan(""), 2.0});
  EXPECT_EQ(encode("string", {array.named("v")}, &errors), (Strings{"1", "<null>", "2"}));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].row, 1u);
  EXPECT_EQ(errors[0].code, "ENCODE");
}

TEST(TextEncoder, ColumnsThatDoNotFitFailEveryRow) {
  std::vector<RowError> errors;
  const auto number = TestArray::fixed<int32_t>(TestArray::simple(TypeId::Int32), {1, 2});
  EXPECT_EQ(encode("bytes", {number.named("n")}, &errors), (Strings{"<null>", "<null>"}));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1].row, 1u);
  EXPECT_EQ(errors[0].code, "SCHEMA");
  EXPECT_EQ(errors[0].message, "column n: expected utf8 or binary; got int32");
  encode("string", {number.named("a"), number.named("b")}, &errors);
  EXPECT_EQ(errors[0].message, "the codec string writes exactly one column; got 2 (a, b)");
  encode("string", {}, &errors);
  EXPECT_EQ(errors[0].message, "the codec string writes exactly one column; got 0");
  const auto list = TestArray::list(number, {0, 2});
  encode("string", {list.named("l")}, &errors);
  EXPECT_EQ(errors[0].message, "column l: expected utf8, binary or a scalar; got list");
}

}  // namespace
}  // namespace sabot::test
