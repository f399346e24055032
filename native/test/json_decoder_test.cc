#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "decode_fixture.h"
#include "json_text.h"

namespace sabot::test {
namespace {

using Rows = std::vector<std::string>;
using Kept = std::vector<uint32_t>;

// What becomes of {"v": VALUE} in a column of this type: the value as JSON, or the error's code and message.
std::string in(std::string_view type, std::string_view json) {
  const Decoded out = decode(column("v", type), {"{\"v\":" + std::string(json) + "}"});
  if (!out.errors.empty()) return out.errors[0].code + ": " + out.errors[0].message;
  return out.rows.empty() ? "no row" : out.rows[0].substr(5, out.rows[0].size() - 6);
}

bool isMisfit(std::string_view type, std::string_view json) { return in(type, json).starts_with("SCHEMA: column v: "); }

// The message where a whole document is not read, "" where it is.
std::string refused(std::string_view document) {
  const Decoded out = decode(column("a", "utf8"), {Value(document)});
  if (out.errors.empty()) return "";
  EXPECT_EQ(out.errors[0].code, "DECODE") << document;
  return out.errors[0].message;
}

const std::string transactions =
    R"([{"name":"id","type":"int64"},{"name":"amount","type":"float64"},{"name":"ok","type":"bool"},)"
    R"({"name":"note","type":"utf8"},{"name":"at","type":"timestamp[ms]"},)"
    R"({"name":"tags","type":{"list":"utf8"}},{"name":"place","type":{"struct":[{"name":"city","type":"utf8"},{"name":"zip","type":"int32"}]}}])";

TEST(JsonRows, BecomeColumnsInAnyKeyOrder) {
  const Decoded out = decode(
      columnsOf(transactions),
      {R"({"id":1,"amount":2.5,"ok":true,"note":"n","at":"2024-02-29T12:00:00Z","tags":["a","b"],"place":{"city":"c","zip":5}})",
       R"( { "place" : { "zip" : 6 , "city" : "d" } , "tags" : [ ] , "at" : 1000 , "note" : "" , "ok" : false , "amount" : 1 , "id" : -2 } )",
       R"({})", R"({"id":null,"tags":null,"place":null,"extra":{"id":[1,{"x":null}]}})",
       R"({"tags":[null,"x"],"place":{}})"});
  EXPECT_EQ(out.rows,
            (Rows{R"({"id":1,"amount":2.5,"ok":true,"note":"n","at":"2024-02-29T12:00:00.000Z","tags":["a","b"],"place":{"city":"c","zip":5}})",
                  R"({"id":-2,"amount":1,"ok":false,"note":"","at":"1970-01-01T00:00:01.000Z","tags":[],"place":{"city":"d","zip":6}})",
                  R"({"id":null,"amount":null,"ok":null,"note":null,"at":null,"tags":null,"place":null})",
                  R"({"id":null,"amount":null,"ok":null,"note":null,"at":null,"tags":null,"place":null})",
                  R"({"id":null,"amount":null,"ok":null,"note":null,"at":null,"tags":[null,"x"],"place":{"city":null,"zip":null}})"}));
}

TEST(JsonRows, ATombstoneIsARowOfNullsAnEmptyValueAndANullDocumentAreErrors) {
  const Decoded out = decode(column("a", "int8"), {std::nullopt, "", "null", " \n", R"({"a":1})"});
  EXPECT_EQ(out.kept, (Kept{0, 4}));
  EXPECT_EQ(out.rows, (Rows{R"({"a":null})", R"({"a":1})"}));
  ASSERT_EQ(out.errors.size(), 3);
  EXPECT_EQ(out.errors[0].message, "the value is empty; expected a JSON object");
  EXPECT_EQ(out.errors[1].message, "expected a JSON object, found null");
  EXPECT_EQ(out.errors[2].message, "the value is only white space; expected a JSON object");
  for (const RowError& error : out.errors) EXPECT_EQ(error.code, "DECODE");
}

TEST(JsonRows, ARowThatFailsLeavesItsNeighboursAlone) {
  const Decoded out = decode(
      columnsOf(transactions),
      {R"({"id":1,"tags":["x"],"place":{"city":"a"}})",
       R"({"id":2,"tags":["x","y"],"place":{"city":"a","zip":1},"note":"cut)",
       R"({"id":3,"tags":["x"],"place":{"city":"b","zip":"no"},"note":"n"})",
       R"({"id":4,"tags":["z"],"place":{"city":"c","zip":4}})"});
  EXPECT_EQ(out.kept, (Kept{0, 3}));
  EXPECT_EQ(out.rows,
            (Rows{R"({"id":1,"amount":null,"ok":null,"note":null,"at":null,"tags":["x"],"place":{"city":"a","zip":null}})",
                  R"({"id":4,"amount":null,"ok":null,"note":null,"at":null,"tags":["z"],"place":{"city":"c","zip":4}})"}));
  ASSERT_EQ(out.errors.size(), 2);
  EXPECT_EQ(out.errors[0].row, 1);
  EXPECT_EQ(out.errors[0].code, "DECODE");
  EXPECT_EQ(out.errors[1].row, 2);
  EXPECT_EQ(out.errors[1].code, "SCHEMA");
  EXPECT_EQ(out.errors[1].message,
            "column place.zip: expected int32, found \"no\"; the schema type \"utf8\" would accept it");
}

TEST(JsonRows, OfAKeyThatComesTwiceTheLastOneCounts) {
  EXPECT_EQ(in("int64", R"(1,"v":2)"), "2");
  EXPECT_EQ(in("utf8", R"("long","v":"s","v":"t")"), "\"t\"");
  EXPECT_EQ(in("int64", R"("misfit","v":2)"), "2");
  EXPECT_TRUE(isMisfit("int64", R"(2,"v":"misfit")"));
  EXPECT_EQ(in("int64", R"(2,"v":null)"), "null");
  EXPECT_EQ(in(R"({"list":"int8"})", R"([1,"x",2],"v":[3])"), "[3]");
  EXPECT_EQ(in(R"({"struct":[{"name":"x","type":"int8"},{"name":"y","type":"utf8"}]})",
               R"({"x":1,"y":"a","x":2},"w":0,"v":{"y":"b","x":3,"y":"c"})"), R"({"x":3,"y":"c"})");
  EXPECT_EQ(in(R"({"list":{"struct":[{"name":"x","type":"int8"}]}})", R"([{"x":1,"x":2},{"x":"y","x":4}])"), R"([{"x":2},{"x":4}])");
  // The misfit of another item stays one.
  EXPECT_TRUE(in(R"({"list":{"struct":[{"name":"x","type":"int8"}]}})", R"([{"x":"y"},{"x":1,"x":4}])").starts_with("SCHEMA: column v[].x: "));
}

TEST(JsonRows, KeysAreComparedByWhatTheyStandFor) {
  const auto columns = columnsOf(R"([{"name":"a\"b","type":"int8"},{"name":"é","type":"int8"},{"name":"a}b","type":"int8"},{"name":"","type":"int8"},{"name":"a_key_that_is_longer_than_thirty_two_bytes","type":"int8"},{"name":"exactly_16_byt","type":"int8"}])");
  const std::string plain = R"({"a\"b":1,"é":2,"a}b":3,"":4,"a_key_that_is_longer_than_thirty_two_bytes":5,"exactly_16_byt":6})";
  const std::string escaped = R"({"\u0061\u0022b":1,"\u00e9":2,"a\u007db":3,"":4,"a_key_that_is_longer_than_thirty_two_byte\u0073":5,"exactly_16_by\u0074":6})";
  const std::string other = R"({"a_key_that_is_longer_than_thirty_two_bytez":1,"exactly_16_byte":2,"A":3})";
  const Decoded out = decode(columns, {plain, escaped, plain, other, plain});
  EXPECT_EQ(out.errors.size(), 0);
  ASSERT_EQ(out.rows.size(), 5);
  EXPECT_EQ(out.rows[0], plain);
  EXPECT_EQ(out.rows[1], plain);
  EXPECT_EQ(out.rows[2], plain);
  EXPECT_EQ(out.rows[3], R"({"a\"b":null,"é":null,"a}b":null,"":null,"a_key_that_is_longer_than_thirty_two_bytes":null,"exactly_16_byt":null})");
  EXPECT_EQ(out.rows[4], plain);
}

TEST(JsonRows, WithoutColumnsAreStillChecked) {
  const Decoded out = decode({}, {R"({"a":1})", R"({"a":01})", "[]", std::nullopt});
  EXPECT_EQ(out.kept, (Kept{0, 3}));
  EXPECT_EQ(out.errors.size(), 2);
}

TEST(JsonRows, ThatThePredicateRejectsAreInNeitherList) {
  auto columns = columnsOf(R"([{"name":"id","type":"int64"},{"name":"amount","type":"float64"},{"name":"tags","type":{"list":"utf8"}}])");
  columns[1].emit = false;
  Decoding decoding(columns, "json", R"(["gt",1,{"f":1.5}])");
  for (int batch = 0; batch < 2; ++batch) {
    const Decoded out = decoding.decode({R"({"id":1,"amount":1,"tags":["no"]})", R"({"id":2,"amount":2,"tags":["yes"]})", "oops",
                                         std::nullopt, R"({"id":3,"amount":3})"});
    EXPECT_EQ(out.kept, (Kept{1, 4}));
    EXPECT_EQ(out.rows, (Rows{R"({"id":2,"tags":["yes"]})", R"({"id":3,"tags":null})"}));
    EXPECT_EQ(out.errors.size(), 1);
  }
}

TEST(JsonRows, MayEndAnywhereInMemory) {
  // Documents of many lengths, one after another in one allocation: some end at the end of a page.
  std::string all;
  std::vector<std::pair<size_t, size_t>> places;
  for (size_t i = 0; i < 600; ++i) {
    const std::string document = "{\"v\":\"" + std::string(i % 97, 'x') + "\"}";
    places.emplace_back(all.size(), document.size());
    all += document;
  }
  const auto columns = column("v", "utf8");
  std::unique_ptr<Decoder> decoder;
  ASSERT_TRUE(makeDecoder("json", columns, nullptr, {}, decoder).ok());
  ColumnSet set(columns);
  std::vector<Bytes> whole, cut;
  for (const auto& [at, size] : places) {
    whole.push_back({all.data() + at, size});
    cut.push_back({all.data() + at, size - 1});  // what follows in memory would complete it
  }
  DecodeOutcome outcome;
  decoder->decode(whole, set, outcome);
  EXPECT_EQ(outcome.kept.size(), 600);
  for (size_t i = 0; i < 600; ++i) EXPECT_EQ(set[0].bytes(static_cast<int64_t>(i)), std::string(i % 97, 'x'));
  outcome.clear();
  set.clear();
  decoder->decode(cut, set, outcome);
  EXPECT_EQ(outcome.errors.size(), 600);
  EXPECT_EQ(set[0].length(), 0);
}

// ---------------------------------------------------------------- what is JSON

TEST(JsonText, IsAcceptedAsJsonParseDoes) {
  for (const char* document :
       {R"({})", " \t\n\r{ \t\n\r} \t\n\r", R"({"":0})", R"({"a":[]})", R"({"a":[[],{},""]})", R"({"a":-0})", R"({"a":0.5e-10})",
        R"({"a":1E+2})", R"({"a":123456789012345678901234567890})", R"({"a":1e999})", R"({"a":0e0})", R"({"a":true,"b":false,"c":null})",
        R"({"a":"\"\\\/\b\f\n\r\t\u0000\uFFFF\uD83D\uDE00"})", "{\"a\":\"\x7F\xC2\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"}",
        R"({"a":"}","}":"]"})", R"({"__proto__":1,"a":{"a":{"a":1}}})", "{\"a\":\"\xE2\x80\xA8\"}"}) {
    EXPECT_EQ(refused(document), "") << document;
  }
}

TEST(JsonText, IsRefusedAsJsonParseDoesAlsoWhereNoColumnWantsIt) {
  const std::vector<std::string> values{
      "01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "1.e1", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "nan", "tru", "TRUE", "nul", "undefined",
      "'a'", "\"a", "\"\\a\"", "\"\\u12g4\"", "\"\\u123\"", "\"\\U0041\"", "\"\t\"", "\"\n\"", std::string("\"\0\"", 3), "\"\x1F\"", "[1,]", "[,1]", "[1 2]",
      "[", "]", "[1", "[1}", "{", "{]", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "", "1 1", "//c\n1",
      "/* c */1", "1;", "\"a\" \"b\"", "\xC2\xA0" "1", "\"a\\", "-a", "--1", "1e1.5", "1.2.3", "[1],", "{}}", "\\u0031"};
  for (const std::string& value : values) {
    for (const char* key : {"a", "skipped"}) {
      const std::string document = "{\"" + std::string(key) + "\":" + value + "}";
      EXPECT_NE(refused(document), "") << document;
    }
    for (const char* type : {"bool", "int8", "uint64", "float32", "float64", "binary", "date", "timestamp[ms]", "decimal(9,2)"}) {
      EXPECT_TRUE(in(type, value).starts_with("DECODE: not JSON: ")) << type << ' ' << value << ": " << in(type, value);
      EXPECT_TRUE(in("{\"list\":\"" + std::string(type) + "\"}", "[" + value + "]").starts_with("DECODE: not JSON: ") || value.empty()) << type << ' ' << value;
    }
  }
}

TEST(JsonText, ThatIsCutAnywhereIsRefused) {
  const std::string document = R"({"a":"x\n\u00e9y","b":[1.5e3,true,null,{"c":{}}],"d":-12})";
  for (size_t size = 1; size < document.size(); ++size) EXPECT_NE(refused(document.substr(0, size)), "") << size;
  for (const char* behind : {"}", ",", "x", "{}", "1", "\"", "]"}) EXPECT_NE(refused(document + behind), "") << behind;
  EXPECT_NE(refused(document + std::string(1, '\0')), "");
  EXPECT_EQ(refused(document + " \n"), "");
}

TEST(JsonText, WhatIsNoObjectIsNamed) {
  EXPECT_EQ(refused("[1,2]"), "expected a JSON object, found an array");
  EXPECT_EQ(refused(" [] "), "expected a JSON object, found an array");
  EXPECT_EQ(refused("\"{}\""), "expected a JSON object, found a string");
  EXPECT_EQ(refused("-1.5"), "expected a JSON object, found a number");
  EXPECT_EQ(refused("true"), "expected a JSON object, found a bool");
  EXPECT_EQ(refused("[1"), "not JSON: ends too early, after 2 bytes");
  EXPECT_EQ(refused("\xEF\xBB\xBF{}"), "not JSON: begins with a byte order mark; the producer must leave it out");
  EXPECT_EQ(refused("hello"), "not JSON: expected a value at byte 0, found 'h'");
}

TEST(JsonText, TheErrorSaysWhatAndWhere) {
  EXPECT_EQ(refused(R"({"a":1,})"), "not JSON: expected '\"' before a key at byte 7, found '}'");
  EXPECT_EQ(refused(R"({"a" 1})"), "not JSON: expected ':' at byte 5, found '1'");
  EXPECT_EQ(refused(R"({"a":1 "b":2})"), "not JSON: expected ',' or '}' at byte 7, found '\"'");
  EXPECT_EQ(refused(R"({"a":"x)"), "not JSON: ends too early, after 7 bytes");
  EXPECT_EQ(refused("{\"a\":\"x\ny\"}"), "not JSON: expected an escape in place of a control character at byte 7, found 0x0a");
  EXPECT_EQ(refused("{\"a\":1.}"), "not JSON: expected a digit behind the point at byte 7, found '}'");
  EXPECT_EQ(refused(R"({"a":{"b":1})"), "not JSON: ends too early, after 12 bytes");
  EXPECT_EQ(refused(R"({"a":1}x)"), "not JSON: expected nothing behind the document at byte 7, found 'x'");
}

TEST(JsonText, IsRefusedWhereJsonParseWouldTakeIt) {
  // On purpose: what is not UTF-8 (JSON.parse never sees it), half a surrogate pair, depth.
  for (const char* bytes : {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80"}) {
    for (const char* key : {"a", "skipped"}) {
      EXPECT_EQ(refused(std::string("{\"") + key + "\":\"text text text \xC3\xA9 " + bytes + "\"}").substr(0, 35),
                "not JSON: expected UTF-8 at byte " + std::string(key[0] == 'a' ? "24" : "30")) << bytes;
    }
    EXPECT_NE(refused(std::string("{\"") + bytes + "\":1}"), "");
  }
  for (const char* half : {"\\uD800", "\\uDBFFx", "\\uDC00", "\\uD800\\uD800", "\\uD800\\n", "\\uD83D\\u0041"}) {
    for (const char* key : {"a", "skipped"}) {
      EXPECT_NE(refused(std::string("{\"") + key + "\":\"" + half + "\"}").find("surrogate"), std::string::npos) << half;
    }
    EXPECT_NE(refused(std::string("{\"") + half + "\":1}"), "");
  }
}

std::string nested(int depth, std::string_view open, std::string_view inner, std::string_view close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += inner;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(JsonText, NestsToTheDepthThatIsAllowed) {
  for (const char* key : {"a", "skipped"}) {
    const std::string start = "{\"" + std::string(key) + "\":";
    EXPECT_EQ(refused(start + nested(64, "[", "", "]") + "}"), "");
    EXPECT_EQ(refused(start + nested(64, "{\"x\":", "1", "}") + "}"), "");
    EXPECT_NE(refused(start + nested(65, "[", "", "]") + "}").find("nests deeper than 64 levels at byte"), std::string::npos);
    EXPECT_NE(refused(start + nested(65, "{\"x\":", "1", "}") + "}").find("nests deeper than 64 levels"), std::string::npos);
    EXPECT_NE(refused(start + nested(1000000, "[", "", "")), "");
    EXPECT_NE(refused(start + nested(1000000, "{\"x\":", "", "")), "");
  }
  EXPECT_NE(refused(nested(1000000, "[", "", "]")), "");
  const std::string type = nested(64, "{\"list\":", "\"int8\"", "}");
  EXPECT_EQ(in(type, nested(64, "[", "7", "]")), nested(64, "[", "7", "]"));
  EXPECT_NE(in(type, nested(65, "[", "7", "]")).find("DECODE"), std::string::npos);
  Decoding shallow(column("v", "{\"list\":{\"list\":\"int8\"}}"), "json", "", 1);
  EXPECT_EQ(shallow.decode({R"({"v":[]})"}).rows.size(), 1);
  EXPECT_EQ(shallow.decode({R"({"v":[[]]})"}).errors.size(), 1);
  EXPECT_EQ(shallow.decode({R"({"w":[[]]})"}).errors.size(), 1);
  EXPECT_EQ(shallow.decode({R"({"w":[]})"}).errors.size(), 0);
}

// ---------------------------------------------------------------- values

TEST(JsonValues, IntegersAreExactAndKeptInRange) {
  const std::vector<std::tuple<const char*, const char*, const char*, const char*, const char*>> ranges{
      {"int8", "-128", "127", "-129", "128"}, {"int16", "-32768", "32767", "-32769", "32768"},
      {"int32", "-2147483648", "2147483647", "-2147483649", "2147483648"},
      {"int64", "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
      {"uint8", "0", "255", "-1", "256"}, {"uint16", "0", "65535", "-1", "65536"}, {"uint32", "0", "4294967295", "-1", "4294967296"},
      {"uint64", "0", "18446744073709551615", "-1", "18446744073709551616"}};
  for (const auto& [type, least, most, below, above] : ranges) {
    EXPECT_EQ(in(type, least), least);
    EXPECT_EQ(in(type, most), most);
    EXPECT_EQ(in(type, std::string(most) + ".0"), most);
    EXPECT_EQ(in(type, std::string(most) + "e0"), most);
    EXPECT_TRUE(isMisfit(type, below)) << in(type, below);
    EXPECT_TRUE(isMisfit(type, above)) << in(type, above);
    EXPECT_EQ(in(type, "-0"), "0");
    EXPECT_EQ(in(type, "-0.0"), "0");
    EXPECT_EQ(in(type, "0e99999999999999999999"), "0");
    EXPECT_EQ(in(type, "1e2"), "100");
    EXPECT_EQ(in(type, "1.2e1"), "12");
    EXPECT_EQ(in(type, "1200E-2"), "12");
    EXPECT_EQ(in(type, "120000000000000000000000000000e-28"), "12");
    for (const char* not_integer : {"1.5", "1e-1", "0.1", "1e99", "1e99999999999999999999", "99999999999999999999999999", "1.00000000000000000000000001",
                                    "\"1\"", "true", "[]", "{}", "[1]"}) {
      EXPECT_TRUE(isMisfit(type, not_integer)) << type << ' ' << in(type, not_integer);
    }
    EXPECT_EQ(in(type, "null"), "null");
  }
}

double realOf(const std::string& json) {
  const auto columns = column("v", "float64");
  std::unique_ptr<Decoder> decoder;
  EXPECT_TRUE(makeDecoder("json", columns, nullptr, {}, decoder).ok());
  ColumnSet set(columns);
  DecodeOutcome outcome;
  const std::string document = "{\"v\":" + json + "}";
  const Bytes bytes{document.data(), document.size()};
  decoder->decode({&bytes, 1}, set, outcome);
  return set[0].length() == 1 ? set[0].value<double>(0) : std::nan("");
}

TEST(JsonValues, DoublesAreTheNearest) {
  const std::vector<std::pair<const char*, double>> cases{
      {"0", 0.0}, {"1", 1.0}, {"-1.5", -1.5}, {"0.1", 0.1}, {"123.456", 123.456}, {"9007199254740993", 9007199254740992.0}, {"9007199254740992", 9007199254740992.0},
      {"1e22", 1e22}, {"1e23", 1e23}, {"1.7976931348623157e308", std::numeric_limits<double>::max()}, {"5e-324", 5e-324}, {"2.2250738585072014e-308", 2.2250738585072014e-308},
      {"2.2250738585072011e-308", 2.2250738585072011e-308}, {"1e-400", 0.0}, {"2.4703282292062327e-324", 0.0}, {"2.4703282292062328e-324", 5e-324},
      {"0.000000000000000000000000000000000001", 1e-36}, {"123456789012345678901234567890", 123456789012345678901234567890.0},
      {"0.8414709848078965", 0.8414709848078965}, {"3.141592653589793238462643383279", 3.141592653589793}, {"12345678901234567.8", 12345678901234567.8},
      {"0.30000000000000004", 0.30000000000000004}, {"1.0000000000000002", 1.0000000000000002}, {"100000000000000016777215", 1.0000000000000001e23},
      {"0.0000000000000000000001", 1e-22}, {"4503599627370496.5", 4503599627370496.5}, {"9007199254740991.5", 9007199254740991.5}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(realOf(text), expected) << text;
  EXPECT_TRUE(std::signbit(realOf("-0")));
  EXPECT_TRUE(std::signbit(realOf("-0.0")));
  EXPECT_TRUE(std::signbit(realOf("-1e-400")));
  for (const char* large : {"1e309", "-1e309", "1e99999999999999999999", "1.7976931348623159e308"}) EXPECT_TRUE(isMisfit("float64", large)) << large;
  EXPECT_EQ(in("float32", "0.1"), "0.1");
  EXPECT_EQ(in("float32", "16777217"), "16777216");
  EXPECT_TRUE(isMisfit("float32", "1e39"));
  for (const char* other : {"\"1\"", "true", "[]", "{}"}) {
    EXPECT_TRUE(isMisfit("float64", other));
    EXPECT_TRUE(isMisfit("float32", other));
  }
}

TEST(JsonValues, NumbersOfAnyLengthAreReadAsTheCLibraryReadsThem) {
  std::mt19937_64 random(3);
  const auto digits = [&random](size_t most) {
    std::string text;
    for (size_t i = 1 + random() % most; i > 0; --i) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string text = digits(i % 7 == 0 ? 25 : 9);
    text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
    const std::string whole = (random() % 2 == 0 ? "-" : "") + text;
    if (text.size() < 19) {
      EXPECT_EQ(in("int64", whole), whole == "-0" ? "0" : whole);
    }
    std::string number = whole;
    if (random() % 4 != 0) number += '.' + digits(random() % 7 == 0 ? 25 : 9);
    if (random() % 3 == 0) number += (random() % 2 == 0 ? "e-" : "E") + std::to_string(random() % 40);
    EXPECT_EQ(realOf(number), std::strtod(number.c_str(), nullptr)) << number;
  }
}

TEST(JsonValues, BoolsAreTrueAndFalseOnly) {
  EXPECT_EQ(in("bool", "true"), "true");
  EXPECT_EQ(in("bool", "false"), "false");
  EXPECT_EQ(in("bool", "null"), "null");
  for (const char* other : {"0", "1", "\"true\"", "[]", "{}"}) EXPECT_TRUE(isMisfit("bool", other)) << other;
}

TEST(JsonValues, TextIsWhatItsEscapesStandFor) {
  EXPECT_EQ(in("utf8", R"("")"), R"("")");
  EXPECT_EQ(in("utf8", R"("\u0041\u00e9\u20AC\ud83d\ude00\"\\\/\b\f\n\r\t\u0000")"), "\"A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\"");
  for (size_t size = 0; size < 70; ++size) {  // across the blocks that are read at once
    const std::string text(size, 'x');
    EXPECT_EQ(in("utf8", '"' + text + '"'), '"' + text + '"');
    EXPECT_EQ(in("utf8", '"' + text + "\\n\"") , '"' + text + "\\n\"");
    EXPECT_EQ(in("utf8", '"' + text + "\xC3\xA9" + text + '"'), '"' + text + "\xC3\xA9" + text + '"');
  }
  const std::string large(100000, 'y');
  EXPECT_EQ(in("utf8", '"' + large + '"'), '"' + large + '"');
}

TEST(JsonValues, OtherValuesInATextColumnAreTheirJson) {
  EXPECT_EQ(in("utf8", "1.50"), "\"1.50\"");
  EXPECT_EQ(in("utf8", "true"), "\"true\"");
  EXPECT_EQ(in("utf8", "null"), "null");
  EXPECT_EQ(in("utf8", " [1, 2 ] "), "\"[1, 2 ]\"");
  EXPECT_EQ(in("utf8", R"({"a":"b"})"), R"("{\"a\":\"b\"}")");
}

TEST(JsonValues, TimesAreCutToTheUnit) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"2024-02-29", "2024-02-29T00:00:00.000Z"}, {"2024-02-29T12:34", "2024-02-29T12:34:00.000Z"}, {"2024-02-29T12:34:56", "2024-02-29T12:34:56.000Z"},
      {"2024-02-29 12:34:56.7", "2024-02-29T12:34:56.700Z"}, {"2024-02-29t12:34:56.789123456z", "2024-02-29T12:34:56.789Z"},
      {"2024-02-29T12:34:56,5+01:30", "2024-02-29T11:04:56.500Z"}, {"2024-02-29T12:34:56-0100", "2024-02-29T13:34:56.000Z"},
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"}, {"9999-12-31T23:59:59.999999999999Z", "9999-12-31T23:59:59.999Z"},
      {"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"}, {" 2000-02-29 ", "2000-02-29T00:00:00.000Z"}, {"1970-01-01T00:00:00.0001Z", "1970-01-01T00:00:00.000Z"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(in("timestamp[ms]", '"' + std::string(text) + '"'), '"' + std::string(expected) + '"') << text;
    EXPECT_EQ(in("date", '"' + std::string(text) + '"'), '"' + std::string(expected).substr(0, 10) + '"') << text;
  }
  EXPECT_EQ(in("timestamp[s]", "\"1969-12-31T23:59:59.5Z\""), "\"1969-12-31T23:59:59Z\"");
  EXPECT_EQ(in("timestamp[us]", "\"2024-01-01T00:00:00.1234567Z\""), "\"2024-01-01T00:00:00.123456Z\"");
  EXPECT_EQ(in("timestamp[ns]", "\"2024-01-01T00:00:00.1234567891Z\""), "\"2024-01-01T00:00:00.123456789Z\"");
  EXPECT_EQ(in("timestamp[ns]", "\"2262-04-11T23:47:16.854775807Z\""), "\"2262-04-11T23:47:16.854775807Z\"");
  EXPECT_TRUE(isMisfit("timestamp[ns]", "\"2262-04-11T23:47:16.854775808Z\""));
  EXPECT_EQ(in("timestamp[ns]", "\"1677-09-21T00:12:43.145224192Z\""), "\"1677-09-21T00:12:43.145224192Z\"");
  EXPECT_TRUE(isMisfit("timestamp[ns]", "\"1677-09-21T00:12:43.145224191Z\""));
  EXPECT_EQ(in("timestamp[ms]", "1709210096789"), "\"2024-02-29T12:34:56.789Z\"");
  EXPECT_EQ(in("timestamp[s]", "-1"), "\"1969-12-31T23:59:59Z\"");
  EXPECT_EQ(in("date", "-1"), "\"1969-12-31\"");
  EXPECT_EQ(in("date", "1e4"), "\"1997-05-19\"");
  EXPECT_EQ(in("date", R"("\u0032024-01-31")"), "\"2024-01-31\"");
  for (const char* type : {"timestamp[ms]", "date"}) {
    for (const char* text : {"\"\"", "\"2024\"", "\"2024-2-3\"", "\"2023-02-29\"", "\"2024-13-01\"", "\"2024-00-01\"", "\"2024-01-00\"", "\"2024-04-31\"", "\"2024-01-01T\"",
                             "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T23:60Z\"", "\"2024-01-01T23:59:60Z\"", "\"2024-01-01T23:59:59.Z\"", "\"2024-01-01Z\"",
                             "\"2024-01-01T12Z\"", "\"2024-01-01T12:00+24:00\"", "\"2024-01-01T12:00+1\"", "\"2024-01-01T12:00Zx\"", "\"20240101\"", "\"x\"", "1.5", "true",
                             "\"1709210096789\"", "1e30", "[]", "{}"}) {
      EXPECT_TRUE(isMisfit(type, text)) << type << ' ' << text << ' ' << in(type, text);
    }
  }
}

TEST(JsonValues, EveryDayIsTheOneThatItSays) {
  // Both forms that are read at once, and one that is not.
  for (int64_t day = -719'528; day < 2'932'897; day += 997) {
    std::vector<char> bytes;
    {
      TextBuffer text(bytes);
      appendTimestamp(text, day * 86'400'000 + 45'296'789, TimeUnit::Milli);
    }
    const std::string time(bytes.begin(), bytes.end());
    const std::string seconds = time.substr(0, 19) + 'Z';
    EXPECT_EQ(in("timestamp[ms]", '"' + time + '"'), '"' + time + '"');
    EXPECT_EQ(in("timestamp[s]", '"' + seconds + '"'), '"' + seconds + '"');
    EXPECT_EQ(in("timestamp[s]", '"' + time.substr(0, 19) + "+00:00\""), '"' + seconds + '"');
    EXPECT_EQ(in("date", std::to_string(day)), '"' + time.substr(0, 10) + '"');
  }
  for (size_t i = 0; i < 24; ++i) {
    for (const char c : {'/', ':', 'x', '\x7f', ' '}) {
      std::string time = "2024-02-28T12:34:56.789Z";
      if (time[i] == c || (c == ' ' && (i == 10 || i == 23))) continue;
      time[i] = c;
      EXPECT_TRUE(isMisfit("timestamp[ms]", '"' + time + '"')) << time;
    }
  }
}

TEST(JsonValues, DecimalsAreExactByTheirDigits) {
  const std::string large = "12345678901234567890123456789012345678";
  EXPECT_EQ(in("decimal(38,0)", large), large);
  EXPECT_EQ(in("decimal(38,0)", "-" + large), "-" + large);
  EXPECT_EQ(in("decimal(38,38)", "0." + large), "0." + large);
  EXPECT_EQ(in("decimal(38,0)", "99999999999999999999999999999999999999"), "99999999999999999999999999999999999999");
  EXPECT_TRUE(isMisfit("decimal(38,0)", "100000000000000000000000000000000000000"));
  EXPECT_EQ(in("decimal(9,2)", "0.1"), "0.10");
  EXPECT_EQ(in("decimal(9,2)", "-1234567.89"), "-1234567.89");
  EXPECT_EQ(in("decimal(9,2)", "9999999.990000"), "9999999.99");
  EXPECT_TRUE(isMisfit("decimal(9,2)", "10000000"));
  EXPECT_TRUE(isMisfit("decimal(9,2)", "0.001"));
  EXPECT_EQ(in("decimal(9,2)", "1e-2"), "0.01");
  EXPECT_EQ(in("decimal(9,2)", "123E3"), "123000.00");
  EXPECT_EQ(in("decimal(9,2)", "0e999999"), "0.00");
  EXPECT_EQ(in("decimal(9,2)", "-0"), "0.00");
  EXPECT_TRUE(isMisfit("decimal(9,2)", "1e999999999999999999999"));
  EXPECT_TRUE(isMisfit("decimal(9,2)", "1e-999999999999999999999"));
  EXPECT_EQ(in("decimal(9,2)", "\"12.5\""), "12.50");
  EXPECT_EQ(in("decimal(9,2)", "\" +012.50 \""), "12.50");
  EXPECT_EQ(in("decimal(9,2)", "\"1.\""), "1.00");
  EXPECT_EQ(in("decimal(9,2)", "\"-1.5E1\""), "-15.00");
  for (const char* other : {"\"\"", "\"1,5\"", "\".5\"", "\"1e\"", "\"0x1\"", "\"1 2\"", "true", "[]", "{}"}) EXPECT_TRUE(isMisfit("decimal(9,2)", other)) << other;
}

TEST(JsonValues, BinaryIsReadAsItIsWritten) {
  for (const char* text : {R"("")", R"("AA==")", R"("AAE=")", R"("AAEC")", R"("//4+/w==")"}) EXPECT_EQ(in("binary", text), text);
  EXPECT_EQ(in("binary", R"("\u0041A==")"), R"("AA==")");
  for (const char* other : {R"("A")", R"("AA")", R"("AAA")", R"("A===")", R"("====")", R"("AB==")", R"("AAF=")", R"("AA=A")", R"("A-_A")", R"("AA A")", "1", "[]"}) {
    EXPECT_TRUE(isMisfit("binary", other)) << other;
  }
}

TEST(JsonValues, ListsAndStructsNest) {
  const std::string type = R"({"list":{"struct":[{"name":"k","type":"utf8"},{"name":"v","type":{"list":{"list":"int16"}}}]}})";
  EXPECT_EQ(in(type, R"([{"k":"a","v":[[1,2],[],null,[3]]},null,{},{"v":null,"x":[{}],"k":null}])"),
            R"([{"k":"a","v":[[1,2],[],null,[3]]},null,{"k":null,"v":null},{"k":null,"v":null}])");
  EXPECT_EQ(in(type, "[]"), "[]");
  for (const char* other : {"1", "\"x\"", "{}", "true"}) EXPECT_TRUE(isMisfit(type, other));
  for (const char* other : {"1", "\"x\"", "[]", "true"}) EXPECT_TRUE(isMisfit(R"({"struct":[{"name":"a","type":"int8"}]})", other));
  EXPECT_EQ(in(type, R"([{"v":[[1],[99999]]}])"),
            "SCHEMA: column v[].v[][]: expected int16, found 99999; the schema type \"int64\" would accept it");
}

TEST(JsonValues, TheErrorNamesATypeThatAccepts) {
  const auto accepts = [](std::string_view type, std::string_view json) {
    const std::string text = in(type, json);
    const size_t from = text.find("the schema type \"") + 17;
    const std::string named = text.substr(from, text.find('"', from) - from);
    EXPECT_FALSE(isMisfit(named, json)) << text;
    return named;
  };
  EXPECT_EQ(accepts("int32", "3000000000"), "int64");
  EXPECT_EQ(accepts("uint64", "-1"), "float64");
  EXPECT_EQ(accepts("int64", "9223372036854775808"), "uint64");
  EXPECT_EQ(accepts("int64", "1.5"), "float64");
  EXPECT_EQ(accepts("int64", "1e400"), "utf8");
  EXPECT_EQ(accepts("int64", "\"x\""), "utf8");
  EXPECT_EQ(accepts("float32", "1e300"), "float64");
  EXPECT_EQ(accepts("float64", "1e309"), "utf8");
  EXPECT_EQ(accepts("bool", "1"), "utf8");
  EXPECT_EQ(accepts("timestamp[ms]", "1.5"), "utf8");
  EXPECT_EQ(accepts("decimal(4,2)", "123.456"), "decimal(6,3)");
  EXPECT_EQ(accepts("decimal(4,2)", "\"1e5\""), "decimal(6,0)");
  EXPECT_EQ(accepts("decimal(4,2)", "1e99"), "utf8");
  EXPECT_EQ(accepts("decimal(4,2)", "{}"), "utf8");
  const std::string text = in("int8", '"' + std::string(1000, 'x') + '"');
  EXPECT_LT(text.size(), 200) << text;
  EXPECT_TRUE(isMisfit("int8", '"' + std::string(58, 'x') + "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\""));  // never half a character
}

}  // namespace
}  // namespace sabot::test
