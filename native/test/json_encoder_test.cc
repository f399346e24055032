#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "array_fixture.h"
#include "json_text.h"
#include "sabot.h"

namespace sabot::test {
namespace {

struct Encoded {
  std::vector<std::string> rows;  // "<null>" for a null entry
  std::vector<RowError> errors;
};

Encoded encode(const std::vector<NamedArray>& columns, std::vector<uint32_t> rows, std::string_view options = "{}") {
  std::unique_ptr<Encoder> encoder;
  const Status status = makeEncoder("json", options, encoder);
  EXPECT_TRUE(status.ok()) << status.message;
  EncodedRows out;
  Encoded result;
  encoder->encode(columns, rows, out, result.errors);
  EXPECT_EQ(out.rows(), rows.size());
  EXPECT_EQ(out.offsets.size(), rows.size() + 1);
  EXPECT_EQ(out.offsets.back(), out.bytes.size());
  for (size_t i = 0; i < out.rows(); ++i) {
    result.rows.push_back(out.null[i] != 0 ? "<null>"
                                           : std::string(out.bytes.begin() + static_cast<long>(out.offsets[i]),
                                                         out.bytes.begin() + static_cast<long>(out.offsets[i + 1])));
  }
  return result;
}

std::vector<uint32_t> all(int64_t count) {
  std::vector<uint32_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<std::string> values(const TestArray& array, std::string_view options = "{}") {
  return encode({array.named("v")}, all(array.view().length), options).rows;
}

std::string text(double value) {
  std::vector<char> bytes;
  {
    TextBuffer out(bytes);
    appendDouble(out, value);
  }
  return {bytes.begin(), bytes.end()};
}

using Strings = std::vector<std::string>;

TEST(JsonEncoder, WritesDoublesAsJavaScriptDoes) {
  struct Case {
    uint64_t bits;
    const char* expected;
  };
  const Case cases[] = {
#include "json_doubles.inc"
  };
  EXPECT_GE(std::size(cases), 200u);
  for (const auto& [bits, expected] : cases) {
    double value;
    std::memcpy(&value, &bits, 8);
    EXPECT_EQ(text(value), expected) << std::hex << bits;
  }
}

TEST(JsonEncoder, DoublesReadBackAsTheSameBits) {
  uint64_t bits = 1;
  for (int i = 0; i < 200'000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    double value;
    std::memcpy(&value, &bits, 8);
    if (!std::isfinite(value)) continue;
    const std::string written = text(value);
    ASSERT_EQ(std::strtod(written.c_str(), nullptr), value) << written;
  }
}

TEST(JsonEncoder, WritesTheShortestFloat32) {
  const auto array = TestArray::fixed<float>(TestArray::simple(TypeId::Float32),
                                             {0.1f, 16777216.0f, -0.0f, 3.4028235e38f, 1e-7f, 1.5f, std::nullopt});
  EXPECT_EQ(values(array), (Strings{R"({"v":0.1})", R"({"v":16777216})", R"({"v":0})", R"({"v":3.4028235e+38})",
                                    R"({"v":1e-7})", R"({"v":1.5})", R"({"v":null})"}));
}

TEST(JsonEncoder, KeepsEveryDigitOfIntegers) {
  EXPECT_EQ(values(TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64),
                                             {INT64_MIN, INT64_MAX, 9007199254740993, 0, std::nullopt})),
            (Strings{R"({"v":-9223372036854775808})", R"({"v":9223372036854775807})", R"({"v":9007199254740993})",
                     R"({"v":0})", R"({"v":null})"}));
  EXPECT_EQ(values(TestArray::fixed<uint64_t>(TestArray::simple(TypeId::UInt64), {UINT64_MAX})),
            (Strings{R"({"v":18446744073709551615})"}));
  EXPECT_EQ(values(TestArray::fixed<int8_t>(TestArray::simple(TypeId::Int8), {int8_t{-128}})), (Strings{R"({"v":-128})"}));
  EXPECT_EQ(values(TestArray::fixed<uint8_t>(TestArray::simple(TypeId::UInt8), {uint8_t{255}})), (Strings{R"({"v":255})"}));
  EXPECT_EQ(values(TestArray::fixed<int16_t>(TestArray::simple(TypeId::Int16), {int16_t{-32768}})),
            (Strings{R"({"v":-32768})"}));
  EXPECT_EQ(values(TestArray::fixed<uint16_t>(TestArray::simple(TypeId::UInt16), {uint16_t{65535}})),
            (Strings{R"({"v":65535})"}));
  EXPECT_EQ(values(TestArray::fixed<uint32_t>(TestArray::simple(TypeId::UInt32), {4294967295u})),
            (Strings{R"({"v":4294967295})"}));
}

TEST(JsonEncoder, NotANumberIsThatRowsErrorAndNeighboursSurvive) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto total = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.5, std::nan(""), inf, -inf, 2.0});
  const auto got = encode({total.named("total")}, all(5));
  EXPECT_EQ(got.rows, (Strings{R"({"total":1.5})", "<null>", "<null>", "<null>", R"({"total":2})"}));
  ASSERT_EQ(got.errors.size(), 3u);
  EXPECT_EQ(got.errors[0].row, 1u);
  EXPECT_EQ(got.errors[0].code, "ENCODE");
  EXPECT_EQ(got.errors[0].message, "column total: NaN is not JSON; use codecOptions.nonFinite 'null' or filter it");
  EXPECT_NE(got.errors[1].message.find("Infinity is not JSON"), std::string::npos);
  EXPECT_NE(got.errors[2].message.find("-Infinity is not JSON"), std::string::npos);

  const auto asNull = encode({total.named("total")}, all(5), R"({"nonFinite":"null"})");
  EXPECT_TRUE(asNull.errors.empty());
  EXPECT_EQ(asNull.rows[1], R"({"total":null})");
}

TEST(JsonEncoder, ErrorsCountFromTheRowsThatWereAskedFor) {
  const auto array = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.0, 2.0, std::nan(""), 4.0});
  const auto got = encode({array.named("v")}, {2, 3});
  EXPECT_EQ(got.rows, (Strings{"<null>", R"({"v":4})"}));
  ASSERT_EQ(got.errors.size(), 1u);
  EXPECT_EQ(got.errors[0].row, 0u);
}

TEST(JsonEncoder, EscapesStringsAsJsonStringifyDoes) {
  std::string controls;
  for (char c = 1; c < 0x20; ++c) controls += c;
  const auto array = TestArray::utf8({"", "plain", "say \"hi\" \\ there", controls, std::string("a\0b", 3),
                                      "\x7f/\u2028\u00e9\u4e2d\U0001f600", std::string(100, 'x') + "\n" + std::string(100, 'y')});
  EXPECT_EQ(values(array),
            (Strings{R"({"v":""})", R"({"v":"plain"})", R"({"v":"say \"hi\" \\ there"})",
                     R"({"v":"\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012)"
                     R"(\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"})",
                     R"({"v":"a\u0000b"})", "{\"v\":\"\x7f/\u2028\u00e9\u4e2d\U0001f600\"}",
                     R"({"v":")" + std::string(100, 'x') + R"(\n)" + std::string(100, 'y') + R"("})"}));
}

// The eight-bytes-at-once path has to see a byte at every place.
TEST(JsonEncoder, FindsWhatNeedsAnEscapeAtEveryPlace) {
  for (size_t length = 1; length <= 40; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (const auto& [raw, escaped] : std::vector<std::pair<std::string, std::string>>{
               {"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\x1f", "\\u001f"}, {" ", " "}, {"\u00e9", "\u00e9"}}) {
        const std::string before(at, '!'), after(length - at - 1, '#');
        EXPECT_EQ(jsonString(before + raw + after), "\"" + before + escaped + after + "\"");
      }
    }
  }
  std::string many(10'000, '"'), expected;
  for (int i = 0; i < 10'000; ++i) expected += "\\\"";
  EXPECT_EQ(jsonString(many), "\"" + expected + "\"");
}

TEST(JsonEncoder, BytesThatAreNotUtf8AreThatRowsError) {
  const Strings bad = {"\x80",         "\xc0\xaf",     "\xc1\xbf",         "\xc3",         "\xe0\x9f\xbf", "\xed\xa0\x80",
                       "\xed\xbf\xbf", "\xe4\xb8",     "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                       "12345678\xe4", "\xf0\x9f\x98", "ok\xc3("};
  for (const auto& value : bad) {
    const auto got = encode({TestArray::utf8({"a", value, "b"}).named("name")}, all(3));
    EXPECT_EQ(got.rows, (Strings{R"({"name":"a"})", "<null>", R"({"name":"b"})"}));
    ASSERT_EQ(got.errors.size(), 1u);
    EXPECT_EQ(got.errors[0].code, "ENCODE");
    EXPECT_EQ(got.errors[0].message.rfind("column name: utf8 value is not valid UTF-8", 0), 0u);
  }
  for (const std::string good : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                                 "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(encode({TestArray::utf8({good}).named("v")}, {0}).errors.empty());
  }
}

TEST(JsonEncoder, EscapesColumnNames) {
  const auto one = TestArray::fixed<int32_t>(TestArray::simple(TypeId::Int32), {1});
  EXPECT_EQ(encode({one.named("a\"b"), one.named("\n"), one.named("")}, {0}).rows,
            (Strings{R"({"a\"b":1,"\n":1,"":1})"}));
}

TEST(JsonEncoder, WritesTimestampsOfEveryUnitAndYear) {
  const auto at = [](TimeUnit unit, int64_t value) {
    return values(TestArray::fixed<int64_t>(TestArray::simple(TypeId::Timestamp, unit), {value}))[0];
  };
  EXPECT_EQ(at(TimeUnit::Second, 1709208000), R"({"v":"2024-02-29T12:00:00Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, 0), R"({"v":"1970-01-01T00:00:00.000Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, 1709208000123), R"({"v":"2024-02-29T12:00:00.123Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, -1), R"({"v":"1969-12-31T23:59:59.999Z"})");
  EXPECT_EQ(at(TimeUnit::Micro, 1709208000123456), R"({"v":"2024-02-29T12:00:00.123456Z"})");
  EXPECT_EQ(at(TimeUnit::Nano, 1709208000123456789), R"({"v":"2024-02-29T12:00:00.123456789Z"})");
  EXPECT_EQ(at(TimeUnit::Nano, INT64_MIN), R"({"v":"1677-09-21T00:12:43.145224192Z"})");
  // What new Date(ms).toISOString() says at the ends of its range and around the years 0 and 10000.
  EXPECT_EQ(at(TimeUnit::Milli, 8640000000000000), R"({"v":"+275760-09-13T00:00:00.000Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, -8640000000000000), R"({"v":"-271821-04-20T00:00:00.000Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, 253402300799999), R"({"v":"9999-12-31T23:59:59.999Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, 253402300800000), R"({"v":"+010000-01-01T00:00:00.000Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, -62167219200000), R"({"v":"0000-01-01T00:00:00.000Z"})");
  EXPECT_EQ(at(TimeUnit::Milli, -62167219200001), R"({"v":"-000001-12-31T23:59:59.999Z"})");
  // Beyond: still a date, with as many digits as it needs.
  EXPECT_EQ(at(TimeUnit::Second, INT64_MAX), R"({"v":"+292277026596-12-04T15:30:07Z"})");
  EXPECT_EQ(at(TimeUnit::Second, INT64_MIN), R"({"v":"-292277022657-01-27T08:29:52Z"})");
}

TEST(JsonEncoder, WritesDates) {
  EXPECT_EQ(values(TestArray::fixed<int32_t>(TestArray::simple(TypeId::Date32), {0, -1, 19782, 11016, std::nullopt})),
            (Strings{R"({"v":"1970-01-01"})", R"({"v":"1969-12-31"})", R"({"v":"2024-02-29"})", R"({"v":"2000-02-29"})",
                     R"({"v":null})"}));
}

TEST(JsonEncoder, WritesDecimalsExactly) {
  const auto decimal = [](Int128 value, int scale) {
    Type type = TestArray::simple(TypeId::Decimal128);
    type.precision = 38;
    type.scale = scale;
    return values(TestArray::fixed<Int128>(type, {value}))[0];
  };
  EXPECT_EQ(decimal(123400, 4), R"({"v":12.3400})");
  EXPECT_EQ(decimal(-5, 2), R"({"v":-0.05})");
  EXPECT_EQ(decimal(0, 3), R"({"v":0.000})");
  EXPECT_EQ(decimal(42, 0), R"({"v":42})");
  EXPECT_EQ(decimal(42, -3), R"({"v":42000})");
  EXPECT_EQ(decimal(0, -3), R"({"v":0})");
  const Int128 nines = (static_cast<Int128>(9999999999999999999u) * 10000000000000000000u) + 9999999999999999999u;
  EXPECT_EQ(decimal(nines, 10), R"({"v":9999999999999999999999999999.9999999999})");
  EXPECT_EQ(decimal(-nines, 38), R"({"v":-0.99999999999999999999999999999999999999})");
  const Int128 lowest = -(Int128{1} << 126) * 2;
  EXPECT_EQ(decimal(lowest, 0), R"({"v":-170141183460469231731687303715884105728})");
}

TEST(JsonEncoder, WritesBinaryAsBase64AndBool) {
  EXPECT_EQ(values(TestArray::bytes(TypeId::Binary, {"", "f", "fo", "foo", "\xff\xfe\xfd", std::nullopt})),
            (Strings{R"({"v":""})", R"({"v":"Zg=="})", R"({"v":"Zm8="})", R"({"v":"Zm9v"})", R"({"v":"//79"})",
                     R"({"v":null})"}));
  EXPECT_EQ(values(TestArray::bools({true, false, std::nullopt})),
            (Strings{R"({"v":true})", R"({"v":false})", R"({"v":null})"}));
}

TEST(JsonEncoder, NestsListsAndStructs) {
  const auto price = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.5, std::nullopt, 3.0, 4.25});
  const auto name = TestArray::utf8({"a", "b", std::nullopt, "d"});
  const auto item = TestArray::structs({{"name", name}, {"price", price}}, 4, {true, true, true, std::nullopt});
  const auto items = TestArray::list(item, {0, 2, 2, 3, 4}, {true, true, std::nullopt, true});
  const auto id = TestArray::fixed<int32_t>(TestArray::simple(TypeId::Int32), {1, 2, 3, 4});
  EXPECT_EQ(encode({id.named("id"), items.named("items")}, all(4)).rows,
            (Strings{R"({"id":1,"items":[{"name":"a","price":1.5},{"name":"b","price":null}]})", R"({"id":2,"items":[]})",
                     R"({"id":3,"items":null})", R"({"id":4,"items":[null]})"}));
  EXPECT_EQ(encode({}, all(2)).rows, (Strings{"{}", "{}"}));
  EXPECT_EQ(values(TestArray::structs({}, 1)), (Strings{R"({"v":{}})"}));
}

TEST(JsonEncoder, NamesTheNestedColumnThatFails) {
  const auto price = TestArray::fixed<double>(TestArray::simple(TypeId::Float64), {1.5, std::nan("")});
  const auto items = TestArray::list(TestArray::structs({{"price", price}}, 2), {0, 2});
  const auto order = TestArray::structs({{"items", items}}, 1);
  const auto got = encode({order.named("order")}, {0});
  ASSERT_EQ(got.errors.size(), 1u);
  EXPECT_EQ(got.errors[0].message.rfind("column order.items[].price: NaN is not JSON", 0), 0u) << got.errors[0].message;
}

TEST(JsonEncoder, ReadsArraysThatBeginBehindTheirBuffers) {
  const auto number = TestArray::fixed<int64_t>(TestArray::simple(TypeId::Int64), {1, 2, std::nullopt, 4}, 2);
  const auto name = TestArray::bytes(TypeId::Utf8, {"a", "b", "c", std::nullopt}, 2);
  EXPECT_EQ(encode({number.named("n"), name.named("s")}, {0, 1}).rows,
            (Strings{R"({"n":null,"s":"c"})", R"({"n":4,"s":null})"}));
}

TEST(MakeEncoder, RefusesWhatItDoesNotKnow) {
  std::unique_ptr<Encoder> encoder;
  EXPECT_EQ(makeEncoder("avro", "{}", encoder).code, "CONFIG");
  EXPECT_EQ(makeEncoder("json", R"({"nonFinite":"zero"})", encoder).message,
            "codecOptions.nonFinite: expected 'error' or 'null'; got \"zero\"");
  EXPECT_EQ(makeEncoder("json", R"({"nonfinite":"null"})", encoder).code, "CONFIG");
  EXPECT_EQ(makeEncoder("json", "[1]", encoder).code, "CONFIG");
  EXPECT_EQ(makeEncoder("json", "{", encoder).code, "CONFIG");
  EXPECT_EQ(makeEncoder("bytes", R"({"nonFinite":"null"})", encoder).code, "CONFIG");
  EXPECT_EQ(encoder, nullptr);
  EXPECT_TRUE(makeEncoder("json", "", encoder).ok());
}

}  // namespace
}  // namespace sabot::test
