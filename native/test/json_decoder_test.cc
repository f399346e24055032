#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "decode_fixture.h"

namespace sabot::test {
namespace {

using Rows = std::vector<std::string>;
using Kept = std::vector<uint32_t>;

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

TEST(JsonRows, PassOverNumbersOfAnyLengthThatNoColumnWants) {
  for (size_t digits = 1; digits <= 40; ++digits) {
    const std::string whole(digits, '7');
    for (const std::string& number : {whole, "-" + whole, "0." + whole, whole + "." + whole, "1e" + whole, whole + ".5E-" + whole}) {
      const Decoded out = decode(column("a", "int32"), {"{\"x\":" + number + ",\"a\":1}", "{\"a\":2,\"x\":[" + number + "]}"});
      EXPECT_EQ(out.rows, (Rows{"{\"a\":1}", "{\"a\":2}"})) << number;
    }
    for (const std::string& number : {"0" + whole, "-" + whole + "-", whole + ".", "." + whole, whole + "e", std::string("1e+"), "--" + whole, whole + "." + whole + "." + whole, whole + "a"}) {
      const Decoded out = decode(column("a", "int32"), {"{\"x\":" + number + ",\"a\":1}"});
      EXPECT_EQ(out.errors.size(), 1u) << number;
    }
  }
}

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

TEST(JsonRows, AreDecodedByManyThreadsUnderOnePredicate) {
  const auto columns = columnsOf(transactions);
  std::shared_ptr<const Predicate> predicate;
  ASSERT_TRUE(Predicate::parse(R"(["gt",0,{"i":"50"}])", columns, predicate).ok());
  std::vector<std::string> documents;
  for (int i = 0; i < 100; ++i) {
    documents.push_back("{\"id\":" + std::to_string(i) + ",\"note\":\"n" + std::to_string(i) + "\",\"tags\":[\"a\"],\"extra\":1}");
  }
  std::vector<Bytes> values;
  for (const std::string& document : documents) values.push_back({document.data(), document.size()});
  std::vector<size_t> kept(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kept.size(); ++t) {
    threads.emplace_back([&, t] {
      std::unique_ptr<Decoder> decoder;
      if (!makeDecoder("json", columns, predicate, {}, decoder).ok()) return;
      ColumnSet set(columns);
      for (int batch = 0; batch < 20; ++batch) {
        DecodeOutcome outcome;
        decoder->decode(values, set, outcome);
        kept[t] += outcome.kept.size();
        Slab slab;
        if (!set.finish(static_cast<int64_t>(outcome.kept.size()), slab).ok()) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const size_t count : kept) EXPECT_EQ(count, 20 * 49);
}

TEST(JsonRows, MetInTheSameOrderAndInAnotherAreTheSame) {
  // What is expected after the document before: the same keys, some missing, others in between, blanks, another order.
  const std::vector<Value> documents{
      R"({"id":1,"amount":1.5,"ok":true,"note":"a","skip":1,"at":5,"tags":["t"],"place":{"city":"c","zip":1}})",
      R"({"id":1,"amount":1.5,"ok":true,"note":"a","skip":{"id":2},"at":5,"tags":["t"],"place":{"city":"c","zip":1}})",
      R"({"id":1,"ok":true,"note":"a","at":5,"tags":["t"],"amount":1.5,"place":{"zip":1,"city":"c"}})",
      R"({ "id": 1, "amount": 1.5, "ok": true, "note": "a", "at": 5, "tags": [ "t" ], "place": { "city": "c", "zip": 1 } })",
      "{\n\t\"id\" : 1 ,\n\t\"amount\" : 1.5,\"ok\":true , \"note\":\"a\",\"at\":5,\"tags\":[\"t\"],\"place\":{\"city\":\"c\",\"zip\":1}\r\n}",
      R"({"place":{"city":"c","zip":1},"tags":["t"],"at":5,"note":"a","ok":true,"amount":1.5,"id":1})"};
  const Decoded first = decode(columnsOf(transactions), {documents[0]});
  Decoding decoding(columnsOf(transactions));
  std::mt19937_64 random(11);
  for (int batch = 0; batch < 50; ++batch) {
    std::vector<Value> some;
    for (int i = 0; i < 20; ++i) some.push_back(documents[random() % documents.size()]);
    const Decoded out = decoding.decode(some);
    EXPECT_EQ(out.errors.size(), 0);
    EXPECT_EQ(out.rows, Rows(20, first.rows[0]));
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

}  // namespace
}  // namespace sabot::test
