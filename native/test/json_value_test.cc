// One JSON value a document, to a column and back: message keys.
#include "json_value.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "decode_fixture.h"
#include "json_encoder.h"

namespace sabot::test {
namespace {

// The values of a column, as JSON texts; "null": none. Reads document after document into one column, as a batch has them.
class Keys {
 public:
  explicit Keys(std::string_view type, int maxDepth = 64)
      : columns_(column("$key", type)), reader_(columns_[0].field, DecodeLimits{maxDepth}), set_(columns_) {}

  // Empty: it was appended; else code and message.
  std::string read(const Value& document) {
    const Bytes bytes = document ? Bytes{document->data(), document->size()} : Bytes{};
    const int64_t before = set_[0].length();
    const Status status = reader_.read(bytes, set_[0]);
    EXPECT_EQ(set_[0].length(), before + (status.ok() ? 1 : 0));
    return status.ok() ? "" : status.code + ": " + status.message;
  }

  std::vector<std::string> values() {
    Slab slab;
    EXPECT_TRUE(set_.finish(set_[0].length(), slab).ok());
    const SlabArrays arrays(columns_, slab);
    std::vector<uint32_t> rows(static_cast<size_t>(slab.rows));
    for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
    EncodedRows out;
    std::vector<RowError> errors;
    JsonValueEncoder().encode(arrays.arrays(), rows, out, errors);
    EXPECT_TRUE(errors.empty());
    std::vector<std::string> texts;
    for (size_t i = 0; i < out.rows(); ++i) {
      texts.push_back(out.null[i] != 0 ? "null"
                                       : std::string(out.bytes.data() + out.offsets[i], out.bytes.data() + out.offsets[i + 1]));
    }
    return texts;
  }

 private:
  std::vector<ColumnSpec> columns_;
  JsonValue reader_;
  ColumnSet set_;
};

constexpr std::string_view idAndRegion =
    R"({"struct": [{"name": "id", "type": "int64"}, {"name": "region", "type": "utf8"}]})";

using Texts = std::vector<std::string>;

TEST(JsonValueTest, AnObjectIsAStruct) {
  Keys keys(idAndRegion);
  EXPECT_EQ(keys.read(R"({"id":9007199254740993,"region":"eu"})"), "");
  EXPECT_EQ(keys.read(" { \"region\" : \"\\u00fc\", \"more\": [1, {}], \"id\" : 7e2 } \n"), "");
  EXPECT_EQ(keys.read("{}"), "");
  EXPECT_EQ(keys.read(std::nullopt), "");
  EXPECT_EQ(keys.read(" null "), "");
  EXPECT_EQ(keys.read(R"({"id":1,"id":2})"), "");
  EXPECT_EQ(keys.values(), (Texts{R"({"id":9007199254740993,"region":"eu"})", R"({"id":700,"region":"ü"})",
                                  R"({"id":null,"region":null})", "null", "null", R"({"id":2,"region":null})"}));
}

TEST(JsonValueTest, AScalarOrAListIsAColumnOfItsType) {
  Keys numbers("int64"), texts("utf8"), bools("bool"), days("date"), lists(R"({"list": "int32"})");
  for (const char* number : {"42", " -9223372036854775808", "0", "1.0\n"}) EXPECT_EQ(numbers.read(number), "");
  EXPECT_EQ(numbers.values(), (Texts{"42", "-9223372036854775808", "0", "1"}));
  for (const char* text : {R"("abc")", R"("")", R"("a\"b")", "5", R"({"a": 1})"}) EXPECT_EQ(texts.read(text), "");
  EXPECT_EQ(texts.values(), (Texts{R"("abc")", R"("")", R"("a\"b")", R"("5")", R"("{\"a\": 1}")"}));
  EXPECT_EQ(bools.read("false"), "");
  EXPECT_EQ(bools.values(), Texts{"false"});
  EXPECT_EQ(days.read(R"("2024-02-29")"), "");
  EXPECT_EQ(days.values(), Texts{R"("2024-02-29")"});
  EXPECT_EQ(lists.read("[1, null]"), "");
  EXPECT_EQ(lists.read("[]"), "");
  EXPECT_EQ(lists.values(), (Texts{"[1,null]", "[]"}));
}

TEST(JsonValueTest, WhatIsNoSuchJsonLeavesNoTrace) {
  Keys keys(idAndRegion), numbers("int64");
  EXPECT_EQ(keys.read(R"({"id":1,"region":"a"})"), "");
  EXPECT_EQ(keys.read(""), "DECODE: $key: not JSON: it is empty");
  EXPECT_EQ(keys.read(" \t"), "DECODE: $key: not JSON: only white space");
  EXPECT_EQ(keys.read("\xEF\xBB\xBF{}"),
            "DECODE: $key: not JSON: begins with a byte order mark; the producer must leave it out");
  EXPECT_EQ(keys.read(R"({"id":2,"region":"b")"), "DECODE: $key: not JSON: ends too early, after 20 bytes");
  EXPECT_EQ(keys.read(R"({"id":2}})"), "DECODE: $key: not JSON: expected nothing behind the document at byte 8, found '}'");
  EXPECT_EQ(keys.read(R"({"id":2},"region":"b"})").substr(0, 22), "DECODE: $key: not JSON");
  EXPECT_EQ(keys.read("{\"region\":\"\xff\"}"), "DECODE: $key: not JSON: expected UTF-8 at byte 11, found 0xff");
  EXPECT_EQ(keys.read("\x01\x02"), "DECODE: $key: not JSON: expected a value at byte 0, found 0x01");
  EXPECT_EQ(keys.read(R"({"region":"b","id":"x"})"),
            R"(SCHEMA: column $key.id: expected int64, found "x"; the schema type "utf8" would accept it)");
  EXPECT_EQ(keys.read(R"("abc")"),
            R"(SCHEMA: column $key: expected struct, found "abc"; the schema type "utf8" would accept it)");
  EXPECT_EQ(keys.read(R"({"id":3,"region":"c"})"), "");
  EXPECT_EQ(keys.values(), (Texts{R"({"id":1,"region":"a"})", R"({"id":3,"region":"c"})"}));
  EXPECT_EQ(numbers.read("4 2"), "DECODE: $key: not JSON: expected nothing behind the document at byte 1, found 0x20");
  EXPECT_EQ(numbers.read("01"), "DECODE: $key: not JSON: expected nothing behind the document at byte 1, found '1'");
  EXPECT_EQ(numbers.read("1.5"),
            R"(SCHEMA: column $key: expected int64, found 1.5; the schema type "float64" would accept it)");
  EXPECT_EQ(numbers.values(), Texts{});
}

TEST(JsonValueTest, NestsAsDeepAsAValueMay) {
  Keys keys(R"({"struct": [{"name": "a", "type": "utf8"}]})", 2);
  EXPECT_EQ(keys.read(R"({"a":[[1]]})"), "");
  EXPECT_EQ(keys.read(R"({"a":[[[1]]]})"), "DECODE: $key: not JSON: nests deeper than 2 levels at byte 7");
  EXPECT_EQ(keys.values().size(), 1u);
  // The same document as a value.
  EXPECT_TRUE(Decoding(column("a", "utf8"), "json", "", 2).decode({R"({"a":[[1]]})"}).errors.empty());
  EXPECT_EQ(Decoding(column("a", "utf8"), "json", "", 2).decode({R"({"a":[[[1]]]})"}).errors.size(), 1u);
}

}  // namespace
}  // namespace sabot::test
