#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sabot.h"

namespace sabot::test {
namespace {

std::string infer(const std::vector<std::string>& documents, int maxDepth = 64) {
  std::vector<Bytes> values;
  for (const std::string& document : documents) values.push_back({document.data(), document.size()});
  DecodeLimits limits;
  limits.maxDepth = maxDepth;
  return schemaToJson(inferJsonSchema(values, limits));
}

// The type of the column "v" that holds these values.
std::string typeOf(const std::vector<std::string>& values) {
  std::vector<std::string> documents;
  for (const std::string& value : values) documents.push_back("{\"v\":" + value + "}");
  const std::string schema = infer(documents);
  const std::string before = R"([{"name":"v","type":)";
  EXPECT_TRUE(schema.starts_with(before) && schema.ends_with("}]")) << schema;
  return schema.starts_with(before) ? schema.substr(before.size(), schema.size() - before.size() - 2) : schema;
}

TEST(JsonInfer, FindsTheTypeOfScalars) {
  EXPECT_EQ(typeOf({"1", "-20", "0", "-0"}), R"("int64")");
  EXPECT_EQ(typeOf({"1.5", "-2e3", "0.0", "1E-7"}), R"("float64")");
  EXPECT_EQ(typeOf({"true", "false"}), R"("bool")");
  EXPECT_EQ(typeOf({R"("a")", R"("")"}), R"("utf8")");
  EXPECT_EQ(typeOf({R"("2024-02-29T12:00:00.000Z")"}), R"("timestamp[ms]")");
}

TEST(JsonInfer, TakesNullsBesideAnything) {
  EXPECT_EQ(typeOf({"null", "1", "null"}), R"("int64")");
  EXPECT_EQ(typeOf({"null", "[null]", "[1.5]"}), R"({"list":"float64"})");
  EXPECT_EQ(typeOf({"null", R"({"a":null})", R"({"a":true})"}), R"({"struct":[{"name":"a","type":"bool"}]})");
  EXPECT_EQ(typeOf({"null", "null"}), R"("utf8")");
}

TEST(JsonInfer, MakesFloat64OfIntegersAndFloats) {
  EXPECT_EQ(typeOf({"1", "1.5"}), R"("float64")");
  EXPECT_EQ(typeOf({"1.0", "1"}), R"("float64")");
}

TEST(JsonInfer, KeepsIntegersBeyondInt64Exact) {
  EXPECT_EQ(typeOf({"9223372036854775807", "-9223372036854775808"}), R"("int64")");
  EXPECT_EQ(typeOf({"9223372036854775808"}), R"("utf8")");
  EXPECT_EQ(typeOf({"-9223372036854775809"}), R"("utf8")");
  EXPECT_EQ(typeOf({"18446744073709551615"}), R"("utf8")");
  EXPECT_EQ(typeOf({"1", "123456789012345678901234567890"}), R"("utf8")");
  EXPECT_EQ(typeOf({"1.5", "123456789012345678901234567890"}), R"("utf8")");
  // What JavaScript writes for a double is that double.
  EXPECT_EQ(typeOf({"100000000000000000000"}), R"("float64")");
  EXPECT_EQ(typeOf({"18446744073709552000", "1"}), R"("float64")");
  EXPECT_EQ(typeOf({"18446744073709551616"}), R"("utf8")");
}

TEST(JsonInfer, KeepsNumbersBeyondFloat64AsText) {
  EXPECT_EQ(typeOf({"1e400"}), R"("utf8")");
  EXPECT_EQ(typeOf({"-1e400", "1.5"}), R"("utf8")");
  EXPECT_EQ(typeOf({"1e-400"}), R"("float64")");  // 0, as in JavaScript
  EXPECT_EQ(typeOf({"1e00000000000000000000001"}), R"("float64")");
}

TEST(JsonInfer, MakesTextOfWhatIsMixed) {
  EXPECT_EQ(typeOf({"1", R"("a")"}), R"("utf8")");
  EXPECT_EQ(typeOf({"true", "1"}), R"("utf8")");
  EXPECT_EQ(typeOf({"[1]", "1"}), R"("utf8")");
  EXPECT_EQ(typeOf({"[1]", R"({"a":1})"}), R"("utf8")");
  EXPECT_EQ(typeOf({R"("2024-02-29T12:00:00Z")", "1709208000000"}), R"("utf8")");
}

TEST(JsonInfer, MakesTimestampsOnlyOfDateTimesToTheMillisecond) {
  for (const char* time : {
           "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.1Z", "2024-02-29T12:00:00.123Z", "2024-02-29T12:00:00+02:00",
           "2024-02-29T12:00:00-0830", "2024-02-29T12:00Z", "2024-02-29T12:00:00", "2024-02-29T12:00",
           "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2000-02-29T00:00:00Z",
       }) {
    EXPECT_EQ(typeOf({"\"" + std::string(time) + "\""}), R"("timestamp[ms]")") << time;
  }
  for (const char* text : {
           "2024-02-29", "2024-02-29T12:00:00.1234Z", "2024-02-29T12:00:00.Z", "2024-02-30T12:00:00Z",
           "2023-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2024-13-01T12:00:00Z", "2024-00-01T12:00:00Z",
           "2024-01-00T12:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T12:60:00Z", "2024-01-01T12:00:60Z",
           "2024-01-01T12:00:00+24:00", "2024-01-01T12:00:00+0260", "2024-01-01T12:00:00+2", "2024-01-01T12:00:00ZZ",
           "2024-01-01 12:00:00", "2024-01-01T12", "2024-1-1T12:00:00Z", "24-01-01T12:00:00Z", " 2024-01-01T12:00:00Z",
           "2024-01-01T12:00:00Z ", "2024-01-01T12:00:00,5Z", "+012024-01-01T12:00:00Z", "20240101T120000Z", "T",
           "2024-01-01t12:00:00z",
       }) {
    EXPECT_EQ(typeOf({"\"" + std::string(text) + "\""}), R"("utf8")") << text;
  }
  // One string that is none makes the column text.
  EXPECT_EQ(typeOf({R"("2024-02-29T12:00:00Z")", R"("")"}), R"("utf8")");
}

TEST(JsonInfer, MergesTheItemsOfLists) {
  EXPECT_EQ(typeOf({"[1,2]", "[]", "[2.5]"}), R"({"list":"float64"})");
  EXPECT_EQ(typeOf({"[[1],[null,2]]", "[[]]"}), R"({"list":{"list":"int64"}})");
  EXPECT_EQ(typeOf({"[1,\"a\"]"}), R"({"list":"utf8"})");
  EXPECT_EQ(typeOf({R"([{"a":1},{"b":"x"}])", R"([{"a":1.5}])"}),
            R"({"list":{"struct":[{"name":"a","type":"float64"},{"name":"b","type":"utf8"}]}})");
  EXPECT_EQ(typeOf({"[]", "[]"}), R"({"list":"utf8"})");
  EXPECT_EQ(typeOf({"[[],[]]"}), R"({"list":{"list":"utf8"}})");
}

TEST(JsonInfer, MergesTheKeysOfObjects) {
  EXPECT_EQ(typeOf({R"({"a":1})", R"({"b":true,"a":2})"}),
            R"({"struct":[{"name":"a","type":"int64"},{"name":"b","type":"bool"}]})");
  // Keys that only one document has count as well.
  EXPECT_EQ(typeOf({"{}", R"({"a":1})"}), R"({"struct":[{"name":"a","type":"int64"}]})");
  // A struct has one column at least.
  EXPECT_EQ(typeOf({"{}", "{}"}), R"("utf8")");
  EXPECT_EQ(typeOf({"[{}]"}), R"({"list":"utf8"})");
}

TEST(JsonInfer, KeepsTheOrderOfFirstAppearance) {
  EXPECT_EQ(infer({R"({"b":1,"a":2})", R"({"c":3,"a":1,"b":0})"}),
            R"([{"name":"b","type":"int64"},{"name":"a","type":"int64"},{"name":"c","type":"int64"}])");
}

TEST(JsonInfer, TakesTheLastOfDuplicateKeys) {
  EXPECT_EQ(infer({R"({"a":"x","b":1,"a":1})"}), R"([{"name":"a","type":"int64"},{"name":"b","type":"int64"}])");
  EXPECT_EQ(infer({R"({"a":{"x":1},"a":{"y":1}})"}), R"([{"name":"a","type":{"struct":[{"name":"y","type":"int64"}]}}])");
  EXPECT_EQ(infer({R"({"a":1,"\u0061":null})"}), R"([{"name":"a","type":"utf8"}])");
}

TEST(JsonInfer, UnescapesKeys) {
  EXPECT_EQ(infer({R"({"\u00e9\n":1})", "{\"\xC3\xA9\\n\":2}"}), "[{\"name\":\"\xC3\xA9\\n\",\"type\":\"int64\"}]");
}

TEST(JsonInfer, PassesOverWhatIsNoObject) {
  const std::string good = R"({"a":1})";
  const std::string schema = R"([{"name":"a","type":"int64"}])";
  for (const char* bad : {
           "", " ", "null", "1", "\"a\"", "[]", R"([{"b":1}])", "{", "{\"b\":1", R"({"b":1}})", R"({"b":1} x)",
           R"({"b":1}{"b":1})", R"({"b":1,})", R"({,"b":1})", R"({"b"})", R"({"b":})", R"({"b" 1})", R"({b:1})",
           R"({'b':1})", R"({"b":[1,]})", R"({"b":[,1]})", R"({"b":[1 2]})", R"({"b":[1})", R"({"b":1])",
           R"({"b":01})", R"({"b":-})", R"({"b":+1})", R"({"b":.5})", R"({"b":1.})", R"({"b":1e})", R"({"b":1e+})",
           R"({"b":0x1})", R"({"b":1a})", R"({"b":--1})", R"({"b":1.2.3})", R"({"b":NaN})", R"({"b":Infinity})",
           R"({"b":-Infinity})", R"({"b":nul})", R"({"b":nulll})", R"({"b":True})", R"({"b":tru})", R"({"b":falsey})",
           R"({"b":undefined})", R"({"b":"\x"})", R"({"b":"\u12"})", R"({"b":"\ud800"})", "{\"b\":\"\n\"}",
           "{\"b\":\"\xFF\"}", "{\"\xFF\":1}", "{\"b\":\"a}", "\xEF\xBB\xBF{\"b\":1}", "/**/{\"b\":1}", "{\"b\":1}//",
           R"({"b":[[[[}]]]])",
       }) {
    EXPECT_EQ(infer({bad, good}), schema) << bad;
    EXPECT_EQ(infer({good, bad}), schema) << bad;
  }
  const Bytes values[] = {{nullptr, 0}, {good.data(), good.size()}, {"", 0}};
  EXPECT_EQ(schemaToJson(inferJsonSchema(values, {})), schema);
  EXPECT_TRUE(inferJsonSchema({}, {}).empty());
  EXPECT_EQ(infer({"[]", "{}"}), "[]");
}

TEST(JsonInfer, LeavesNothingOfADocumentThatBreaksOff) {
  EXPECT_EQ(infer({R"({"a":"text","z":{"y":1},"list":[1,2.5,)", R"({"a":1})"}), R"([{"name":"a","type":"int64"}])");
}

TEST(JsonInfer, PassesOverWhatNestsTooDeep) {
  const auto nested = [](int lists) {
    return "{\"v\":" + std::string(static_cast<size_t>(lists), '[') + std::string(static_cast<size_t>(lists), ']') + "}";
  };
  EXPECT_EQ(infer({nested(2)}, 2), R"([{"name":"v","type":{"list":{"list":"utf8"}}}])");
  EXPECT_EQ(infer({nested(3)}, 2), "[]");
  EXPECT_NE(infer({nested(64)}), "[]");
  EXPECT_EQ(infer({nested(65)}), "[]");
  EXPECT_EQ(infer({nested(100'000)}), "[]");
  // What was inferred is a schema.
  std::vector<Field> fields;
  EXPECT_TRUE(parseSchema(infer({nested(64)}), fields).ok());
}

TEST(JsonInfer, MakesNoColumnThatCouldNotBeNamed) {
  EXPECT_EQ(infer({R"({"":1,"a":1})"}), R"([{"name":"a","type":"int64"}])");
  EXPECT_EQ(infer({R"({"":1})"}), "[]");
  EXPECT_EQ(typeOf({R"({"a":1,"":2})"}), R"("utf8")");
}

std::string manyKeys(int count) {
  std::string document = "{";
  for (int i = 0; i < count; ++i) document += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  return document + "}";
}

TEST(JsonInfer, BoundsHowManyColumnsDocumentsMake) {
  const std::string wide = manyKeys(20'000);
  const Bytes values[] = {{wide.data(), wide.size()}, {wide.data(), wide.size()}};
  const std::vector<Field> fields = inferJsonSchema(values, {});
  ASSERT_EQ(fields.size(), 4096u);
  EXPECT_EQ(fields.back().name, "k4095");
  // An object of ever other keys is a map.
  EXPECT_EQ(typeOf({manyKeys(4097)}), R"("utf8")");
  EXPECT_NE(typeOf({manyKeys(4096)}), R"("utf8")");
}

}  // namespace
}  // namespace sabot::test
