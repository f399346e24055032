// Rows that a pushed-down predicate rejects before their documents are read to the end.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode_fixture.h"

namespace sabot::test {
namespace {

using Kept = std::vector<uint32_t>;

const std::string schema =
    R"([{"name":"id","type":"int64"},{"name":"amount","type":"float64"},{"name":"user","type":"utf8"},{"name":"ok","type":"bool"}])";
const std::string over = R"(["gt",1,{"i":"1000"}])";

Decoded filtered(const std::vector<Value>& documents, std::string_view predicate = over) {
  return Decoding(columnsOf(schema), "json", predicate).decode(documents);
}

TEST(EarlyRejection, LeavesTheRowsThatThePredicateKeeps) {
  const Decoded out = filtered({R"({"id":1,"amount":5,"user":"a","ok":true})", R"({"id":2,"amount":1001,"user":"b","ok":false})",
                                R"({"id":3,"amount":null,"user":"c"})", R"({"id":4})", R"({"user":"d","ok":true,"id":5,"amount":2000})",
                                R"({ "amount" : 7 , "id" : 6 })", R"({"amount":8})"});
  EXPECT_EQ(out.kept, (Kept{1, 4}));
  EXPECT_EQ(out.rows[0], R"({"id":2,"amount":1001,"user":"b","ok":false})");
  EXPECT_EQ(out.rows[1], R"({"id":5,"amount":2000,"user":"d","ok":true})");
  EXPECT_TRUE(out.errors.empty());
}

TEST(EarlyRejection, OfEveryRowReadsNothing) {
  const std::vector<Value> documents{R"({"id":1,"amount":2000})", "no JSON", std::nullopt, R"({"id":"no number"})"};
  for (const char* codec : {"json", "string"}) {
    auto columns = std::string_view(codec) == "json" ? columnsOf(schema) : column("value", "utf8");
    const Decoded out = Decoding(std::move(columns), codec, R"(["or",[]])").decode(documents);
    EXPECT_TRUE(out.kept.empty()) << codec;
    EXPECT_TRUE(out.errors.empty()) << codec;
  }
}

TEST(EarlyRejection, WaitsForTheLastOfDuplicateKeys) {
  const Decoded out = filtered({R"({"amount":5,"id":1,"amount":2000})", R"({"amount":5,"id":2 , "amount" : 2000})",
                                R"({"amount":5,"id":3,"\u0061mount":2000})", R"({"amount":2000,"id":4,"amount":5,"ok":true})",
                                R"({"amount":5,"id":5,"amount":null,"ok":true})",
                                R"({"amount":5,"user":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","amount":2000})",
                                R"({"amount":5,"user":"0123456789012345678901234567890123456789012345678","amount":2001,"id":7})"});
  EXPECT_EQ(out.kept, (Kept{0, 1, 2, 5, 6}));
}

TEST(EarlyRejection, IsTakenBackWhereAKeyThatKeptTheRowComesAgain) {
  const Decoded out = filtered({R"({"amount":2000,"id":1,"amount":null})", R"({"amount":2000,"id":2,"amount":2001})",
                                R"({"amount":2000,"id":3,"amount":5})", R"({"amount":5,"id":4,"amount":2002,"amount":6})"});
  EXPECT_EQ(out.kept, (Kept{1}));
  EXPECT_EQ(out.rows[0], R"({"id":2,"amount":2001,"user":null,"ok":null})");
}

TEST(EarlyRejection, FindsAKeyOfAnyLengthAnywhereInTheRest) {
  for (const std::string& name : {std::string(), std::string("a"), std::string("ab"), std::string(40, 'k')}) {
    const std::string fields = R"([{"name":")" + name + R"(","type":"int32"}])";
    const std::string key = '"' + name + "\":";
    std::vector<Value> documents;
    for (size_t blanks = 0; blanks < 70; ++blanks) {
      documents.push_back('{' + key + "1,\"other\":0," + std::string(blanks, ' ') + key + "2}");
      documents.push_back('{' + key + "1,\"other\":0," + std::string(blanks, ' ') + "\"x" + name + "\":2}");
    }
    const Decoded out = Decoding(columnsOf(fields), "json", R"(["gt",0,{"i":"1"}])").decode(documents);
    EXPECT_EQ(out.kept.size(), 70u) << name;
    for (const uint32_t row : out.kept) EXPECT_EQ(row % 2, 0u) << name;
  }
}

TEST(EarlyRejection, IsNotMistakenByTextThatLooksLikeTheKey) {
  const Decoded out = filtered({R"({"amount":5,"user":"amount","ok":true})", R"({"amount":5,"user":"a\"amount\":2000","ok":true})",
                                R"({"amount":5,"amounts":2000,"ok":true})", R"({"amount":5,"place":{"amount":2000}})"});
  EXPECT_TRUE(out.kept.empty());
  EXPECT_TRUE(out.errors.empty());
}

TEST(EarlyRejection, DoesNotCheckTheRestOfTheDocument) {
  const Decoded out = filtered({R"({"amount":5,"id":"no number"})", R"({"amount":5,"ok":tru})", R"({"amount":5 nonsense})",
                                R"({"amount":2000,"id":"no number"})", R"({"amount":2000,"ok":tru})"});
  EXPECT_TRUE(out.kept.empty());
  ASSERT_EQ(out.errors.size(), 3);
  EXPECT_EQ(out.errors[0].row, 2);  // no comma: a value that did not end there
  EXPECT_EQ(out.errors[1].row, 3);
  EXPECT_EQ(out.errors[1].code, "SCHEMA");
  EXPECT_EQ(out.errors[2].row, 4);
  EXPECT_EQ(out.errors[2].code, "DECODE");
}

TEST(EarlyRejection, IsNoneOfADocumentThatIsCutOffOrWrongBefore) {
  const Decoded out = filtered({R"({"amount":5)", R"({"amount":5,"id":1)", R"({"amount":5,"user":"x)", R"({"id":"x","amount":5,"ok":true})",
                                R"({"id":tru,"amount":5,"ok":true})"});
  EXPECT_TRUE(out.kept.empty());
  ASSERT_EQ(out.errors.size(), 5);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(out.errors[i].row, i);
}

TEST(EarlyRejection, NeedsTheWholePredicateToBeFalse) {
  const std::string first = R"({"id":1,"amount":5,"user":"a","ok":true})";
  const auto keeps = [&](std::string_view predicate) { return filtered({first}, predicate).kept.size() == 1; };
  EXPECT_FALSE(keeps(R"(["and",[["gt",0,{"i":"1"}],["eq",2,{"s":"a"}]]])"));
  EXPECT_TRUE(keeps(R"(["or",[["gt",0,{"i":"1"}],["eq",2,{"s":"a"}]]])"));
  EXPECT_TRUE(keeps(R"(["not",["and",[["gt",0,{"i":"1"}],["eq",2,{"s":"b"}]]]])"));
  EXPECT_FALSE(keeps(R"(["not",["or",[["eq",0,{"i":"1"}],["eq",2,{"s":"b"}]]]])"));
  // What has not come yet is not null yet.
  EXPECT_FALSE(keeps(R"(["isNull",2])"));
  EXPECT_TRUE(keeps(R"(["not",["isNull",3]])"));
  EXPECT_TRUE(keeps(R"(["and",[["eq",0,{"i":"1"}],["eq",3,{"b":true}]]])"));
}

TEST(EarlyRejection, LeavesColumnsWholeForTheNextRow) {
  Decoding decoding(columnsOf(schema), "json", over);
  std::vector<Value> documents;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    const bool passes = i % 3 == 0;
    std::string document = R"({"id":)" + id + R"(,"amount":)" + (passes ? "1500" : "15") + R"(,"user":)" +
                           (i % 2 == 0 ? "null" : "\"u" + id + "\"") + R"(,"ok":true})";
    if (passes) expected.push_back(document);
    documents.emplace_back(std::move(document));
  }
  EXPECT_EQ(decoding.decode(documents).rows, expected);
  EXPECT_EQ(decoding.decode(documents).rows, expected);
}

}  // namespace
}  // namespace sabot::test
