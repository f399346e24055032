#include "predicate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "columns.h"
#include "sabot.h"

namespace sabot::test {
namespace {

Type typeOf(TypeId id, TimeUnit unit = TimeUnit::Milli) {
  Type type;
  type.id = id;
  type.unit = unit;
  return type;
}

// Columns to test predicates on. A row is added column by column; `add` without a value is a null.
class Rows {
 public:
  explicit Rows(const std::vector<Type>& types) {
    for (size_t i = 0; i < types.size(); ++i) specs_.push_back({{"c" + std::to_string(i), types[i]}, true});
    columns_ = std::make_unique<ColumnSet>(specs_);
  }
  template <class T>
  Rows& add(size_t column, T value) {
    (*columns_)[column].append(value);
    return *this;
  }
  Rows& addBool(size_t column, bool value) {
    (*columns_)[column].appendBool(value);
    return *this;
  }
  Rows& addText(size_t column, std::string_view value) {
    (*columns_)[column].appendBytes(value);
    return *this;
  }
  Rows& addNull(size_t column) {
    (*columns_)[column].appendNull();
    return *this;
  }

  std::shared_ptr<const Predicate> parse(std::string_view json) const {
    std::shared_ptr<const Predicate> predicate;
    const Status status = Predicate::parse(json, specs_, predicate);
    EXPECT_TRUE(status.ok()) << json << ": " << status.message;
    return predicate;
  }
  // A character a row: T where the row is kept.
  std::string kept(std::string_view json) const {
    const auto predicate = parse(json);
    std::string out;
    if (predicate == nullptr) return out;
    for (int64_t row = 0; row < (*columns_)[0].length(); ++row) out += predicate->test(*columns_, row) ? 'T' : '.';
    return out;
  }
  // T, F or N (null) a row, told apart by asking for the predicate and for its opposite.
  std::string truths(const std::string& json) const {
    std::string out = kept(json);
    const std::string opposite = kept("[\"not\"," + json + "]");
    for (size_t row = 0; row < out.size(); ++row) {
      EXPECT_FALSE(out[row] == 'T' && opposite[row] == 'T') << json;
      if (out[row] != 'T') out[row] = opposite[row] == 'T' ? 'F' : 'N';
    }
    return out;
  }
  std::string error(std::string_view json) const {
    std::shared_ptr<const Predicate> predicate;
    const Status status = Predicate::parse(json, specs_, predicate);
    EXPECT_EQ(status.code, "CONFIG") << json;
    EXPECT_EQ(predicate, nullptr) << json;
    return status.message;
  }

 private:
  std::vector<ColumnSpec> specs_;
  std::unique_ptr<ColumnSet> columns_;
};

// The six comparisons with one literal, in the order eq ne lt le gt ge.
std::vector<std::string> sixTruths(const Rows& rows, const std::string& literal) {
  std::vector<std::string> out;
  for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    out.push_back(rows.truths("[\"" + std::string(op) + "\",0," + literal + "]"));
  }
  return out;
}

using Strings = std::vector<std::string>;

// ---------------------------------------------------------------- logic

// Rows of two bool columns: every pair of true, false and null.
Rows pairs() {
  Rows rows({typeOf(TypeId::Bool), typeOf(TypeId::Bool)});
  const std::optional<bool> values[] = {true, false, std::nullopt};
  for (const auto& a : values) {
    for (const auto& b : values) {
      if (a) rows.addBool(0, *a);
      else rows.addNull(0);
      if (b) rows.addBool(1, *b);
      else rows.addNull(1);
    }
  }
  return rows;
}

TEST(Predicate, HasTheTruthTablesOfSql) {
  const Rows rows = pairs();
  //                                                           TT TF TN FT FF FN NT NF NN
  EXPECT_EQ(rows.truths(R"(["and",[["col",0],["col",1]]])"), "TFNFFFNFN");
  EXPECT_EQ(rows.truths(R"(["or",[["col",0],["col",1]]])"), "TTTTFNTNN");
  EXPECT_EQ(rows.truths(R"(["not",["col",0]])"), "FFFTTTNNN");
  EXPECT_EQ(rows.truths(R"(["col",1])"), "TFNTFNTFN");
  EXPECT_EQ(rows.truths(R"(["isNull",1])"), "FFTFFTFFT");
  EXPECT_EQ(rows.truths(R"(["not",["isNull",1]])"), "TTFTTFTTF");
}

TEST(Predicate, KeepsOnlyRowsThatAreTrue) {
  const Rows rows = pairs();
  EXPECT_EQ(rows.kept(R"(["and",[["col",0],["col",1]]])"), "T........");
  EXPECT_EQ(rows.kept(R"(["or",[["col",0],["col",1]]])"), "TTTT..T..");
  EXPECT_EQ(rows.kept(R"(["not",["and",[["col",0],["col",1]]]])"), ".T.TTT.T.");
}

TEST(Predicate, IsNeverTrueAsAnOrOfNothing) {
  const Rows rows = pairs();
  EXPECT_EQ(rows.truths(R"(["or",[]])"), "FFFFFFFFF");
  EXPECT_EQ(rows.truths(R"(["not",["or",[]]])"), "TTTTTTTTT");
  EXPECT_EQ(rows.truths(R"(["or",[["or",[]],["col",0]]])"), "TTTFFFNNN");
  EXPECT_TRUE(rows.parse(R"(["or",[]])")->isNever());
  EXPECT_TRUE(rows.parse(R"(["or",[]])")->reads().empty());
  // Only where that is all of it.
  EXPECT_FALSE(rows.parse(R"(["not",["or",[]]])")->isNever());
  EXPECT_FALSE(rows.parse(R"(["or",[["col",0]]])")->isNever());
  EXPECT_FALSE(rows.parse(R"(["col",0])")->isNever());
}

TEST(Predicate, TakesAnyNumberOfTermsAndAnyNesting) {
  const Rows rows = pairs();
  EXPECT_EQ(rows.truths(R"(["and",[["col",0]]])"), "TTTFFFNNN");
  EXPECT_EQ(rows.truths(R"(["or",[["isNull",0],["and",[["col",0],["col",1],["not",["isNull",1]]]],["not",["col",1]]]])"),
            "TTNFTNTTT");
  // The terms behind a nested one are still seen.
  EXPECT_EQ(rows.truths(R"(["and",[["or",[["col",0],["col",1]]],["not",["isNull",0]],["col",1]]])"), "TFNTFNFFF");
}

// ---------------------------------------------------------------- comparisons

TEST(Predicate, ComparesInt64) {
  Rows rows({typeOf(TypeId::Int64)});
  rows.add<int64_t>(0, 999).add<int64_t>(0, 1000).add<int64_t>(0, 1001).addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"i":"1000"})"), (Strings{"FTFN", "TFTN", "TFFN", "TTFN", "FFTN", "FTTN"}));
}

TEST(Predicate, ComparesTheEndsOfInt64Exactly) {
  Rows rows({typeOf(TypeId::Int64)});
  rows.add<int64_t>(0, std::numeric_limits<int64_t>::min()).add<int64_t>(0, 9007199254740992)
      .add<int64_t>(0, 9007199254740993).add<int64_t>(0, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(rows.truths(R"(["eq",0,{"i":"9007199254740993"}])"), "FFTF");
  EXPECT_EQ(rows.truths(R"(["gt",0,{"i":"9007199254740992"}])"), "FFTT");
  EXPECT_EQ(rows.truths(R"(["le",0,{"i":"-9223372036854775808"}])"), "TFFF");
  EXPECT_EQ(rows.truths(R"(["ge",0,{"i":"9223372036854775807"}])"), "FFFT");
  // Beyond int64 every value lies on one side.
  EXPECT_EQ(sixTruths(rows, R"({"i":"9223372036854775808"})"),
            (Strings{"FFFF", "TTTT", "TTTT", "TTTT", "FFFF", "FFFF"}));
}

TEST(Predicate, ComparesIntegersWithFloatsByValue) {
  Rows rows({typeOf(TypeId::Int64)});
  rows.add<int64_t>(0, -3).add<int64_t>(0, -2).add<int64_t>(0, 2).add<int64_t>(0, 3).addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"f":2.5})"), (Strings{"FFFFN", "TTTTN", "TTTFN", "TTTFN", "FFFTN", "FFFTN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":-2.5})"), (Strings{"FFFFN", "TTTTN", "TFFFN", "TFFFN", "FTTTN", "FTTTN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":2})"), (Strings{"FFTFN", "TTFTN", "TTFFN", "TTTFN", "FFFTN", "FFTTN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":1e300})"), (Strings{"FFFFN", "TTTTN", "TTTTN", "TTTTN", "FFFFN", "FFFFN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":-1e300})"), (Strings{"FFFFN", "TTTTN", "FFFFN", "FFFFN", "TTTTN", "TTTTN"}));
  // 2^53 as a float is 2^53, not 2^53 + 1.
  Rows wide({typeOf(TypeId::Int64)});
  wide.add<int64_t>(0, 9007199254740992).add<int64_t>(0, 9007199254740993);
  EXPECT_EQ(wide.truths(R"(["eq",0,{"f":9007199254740992}])"), "TF");
  EXPECT_EQ(wide.truths(R"(["gt",0,{"f":9007199254740992}])"), "FT");
  // JavaScript writes doubles up to 1e21 as integers.
  EXPECT_EQ(wide.truths(R"(["lt",0,{"f":100000000000000000000}])"), "TT");
}

TEST(Predicate, ComparesUInt64) {
  Rows rows({typeOf(TypeId::UInt64)});
  rows.add<uint64_t>(0, 0).add<uint64_t>(0, 9223372036854775808u).add<uint64_t>(0, 18446744073709551615u).addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"i":"9223372036854775808"})"),
            (Strings{"FTFN", "TFTN", "TFFN", "TTFN", "FFTN", "FTTN"}));
  EXPECT_EQ(rows.truths(R"(["eq",0,{"i":"18446744073709551615"}])"), "FFTN");
  EXPECT_EQ(sixTruths(rows, R"({"i":"-1"})"), (Strings{"FFFN", "TTTN", "FFFN", "FFFN", "TTTN", "TTTN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":18446744073709551616})"), (Strings{"FFFN", "TTTN", "TTTN", "TTTN", "FFFN", "FFFN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":-0.5})"), (Strings{"FFFN", "TTTN", "FFFN", "FFFN", "TTTN", "TTTN"}));
}

template <class T>
void comparesEnds(TypeId id) {
  Rows rows({typeOf(id)});
  rows.add(0, std::numeric_limits<T>::min()).add(0, T{7}).add(0, std::numeric_limits<T>::max()).addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"i":"7"})"), (Strings{"FTFN", "TFTN", "TFFN", "TTFN", "FFTN", "FTTN"}));
  const std::string most = std::to_string(std::numeric_limits<T>::max());
  EXPECT_EQ(rows.truths("[\"eq\",0,{\"i\":\"" + most + "\"}]"), "FFTN");
  // A literal that the column can not hold is compared by value, not wrapped.
  EXPECT_EQ(rows.truths("[\"eq\",0,{\"i\":\"4294967303\"}]"), "FFFN");
  EXPECT_EQ(rows.truths("[\"lt\",0,{\"i\":\"4294967303\"}]"), "TTTN");
  EXPECT_EQ(rows.truths("[\"gt\",0,{\"i\":\"-4294967303\"}]"), "TTTN");
  EXPECT_EQ(rows.truths("[\"in\",0,[{\"i\":\"7\"},{\"i\":\"4294967303\"},{\"i\":\"" + most + "\"}]]"), "FTTN");
}

TEST(Predicate, ComparesEverySmallInteger) {
  comparesEnds<int8_t>(TypeId::Int8);
  comparesEnds<int16_t>(TypeId::Int16);
  comparesEnds<int32_t>(TypeId::Int32);
  comparesEnds<uint8_t>(TypeId::UInt8);
  comparesEnds<uint16_t>(TypeId::UInt16);
  comparesEnds<uint32_t>(TypeId::UInt32);
}

TEST(Predicate, ComparesFloat64AsJavaScriptDoes) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double inf = std::numeric_limits<double>::infinity();
  Rows rows({typeOf(TypeId::Float64)});
  rows.add(0, -inf).add(0, -0.0).add(0, 0.0).add(0, 5e-324).add(0, inf).add(0, nan).addNull(0);
  // -0 is 0; NaN is neither less, equal nor greater, so it is unequal to everything.
  EXPECT_EQ(sixTruths(rows, R"({"f":0})"),
            (Strings{"FTTFFFN", "TFFTTTN", "TFFFFFN", "TTTFFFN", "FFFTTFN", "FTTTTFN"}));
  EXPECT_EQ(sixTruths(rows, R"({"f":-0.0})"), sixTruths(rows, R"({"f":0})"));
  EXPECT_EQ(sixTruths(rows, R"({"i":"0"})"), sixTruths(rows, R"({"f":0})"));
  EXPECT_EQ(rows.truths(R"(["in",0,[{"f":0},{"f":1},{"f":2}]])"), "FTTFFFN");
}

TEST(Predicate, ComparesFloatsWithIntegersThatNoDoubleHolds) {
  Rows rows({typeOf(TypeId::Float64)});
  rows.add(0, 9007199254740992.0).add(0, 9007199254740994.0).add(0, std::nan("")).addNull(0);
  // 2^53 + 1 lies between the two.
  EXPECT_EQ(sixTruths(rows, R"({"i":"9007199254740993"})"),
            (Strings{"FFFN", "TTTN", "TFFN", "TFFN", "FTFN", "FTFN"}));
  // 2^53 + 3 is rounded up to 2^53 + 4, which is greater than it.
  Rows above({typeOf(TypeId::Float64)});
  above.add(0, 9007199254740994.0).add(0, 9007199254740996.0).add(0, std::nan("")).addNull(0);
  EXPECT_EQ(sixTruths(above, R"({"i":"9007199254740995"})"),
            (Strings{"FFFN", "TTTN", "TFFN", "TFFN", "FTFN", "FTFN"}));
  EXPECT_EQ(above.truths(R"(["in",0,[{"i":"9007199254740995"},{"i":"9007199254740996"},{"f":1}]])"), "FTFN");
}

TEST(Predicate, ComparesFloat32AsTheDoubleThatItIs) {
  Rows rows({typeOf(TypeId::Float32)});
  rows.add(0, 0.1F).add(0, 0.5F).addNull(0);
  EXPECT_EQ(rows.truths(R"(["eq",0,{"f":0.1}])"), "FFN");
  EXPECT_EQ(rows.truths(R"(["gt",0,{"f":0.1}])"), "TTN");
  EXPECT_EQ(rows.truths(R"(["eq",0,{"f":0.10000000149011612}])"), "TFN");
  EXPECT_EQ(rows.truths(R"(["in",0,[{"f":0.1},{"f":0.5},{"i":"3"}]])"), "FTN");
}

TEST(Predicate, ComparesBools) {
  Rows rows({typeOf(TypeId::Bool)});
  rows.addBool(0, false).addBool(0, true).addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"b":true})"), (Strings{"FTN", "TFN", "TFN", "TTN", "FFN", "FTN"}));
  EXPECT_EQ(sixTruths(rows, R"({"b":false})"), (Strings{"TFN", "FTN", "FFN", "TFN", "FTN", "TTN"}));
  EXPECT_EQ(rows.truths(R"(["in",0,[{"b":true},{"b":false}]])"), "TTN");
  EXPECT_EQ(rows.truths(R"(["in",0,[{"b":true},{"b":true}]])"), "FTN");
}

TEST(Predicate, ComparesTextByCodePoints) {
  Rows rows({typeOf(TypeId::Utf8)});
  // U+FF5E is after U+1F600 in UTF-16, before it in code points and in UTF-8.
  rows.addText(0, "").addText(0, "a").addText(0, "ab").addText(0, "\xEF\xBD\x9E").addText(0, "\xF0\x9F\x98\x80").addNull(0);
  EXPECT_EQ(sixTruths(rows, R"({"s":"ab"})"),
            (Strings{"FFTFFN", "TTFTTN", "TTFFFN", "TTTFFN", "FFFTTN", "FFTTTN"}));
  EXPECT_EQ(rows.truths("[\"lt\",0,{\"s\":\"\\ud83d\\ude00\"}]"), "TTTTFN");
  EXPECT_EQ(rows.truths(R"(["eq",0,{"s":""}])"), "TFFFFN");
  EXPECT_EQ(rows.truths(R"(["ge",0,{"s":""}])"), "TTTTTN");
}

TEST(Predicate, ComparesTextWithQuotesAndZeros) {
  Rows rows({typeOf(TypeId::Utf8)});
  rows.addText(0, "a\"b\\\n").addText(0, std::string_view("\0", 1)).addText(0, std::string_view("\0a", 2));
  EXPECT_EQ(rows.truths(R"(["eq",0,{"s":"a\"b\\\n"}])"), "TFF");
  EXPECT_EQ(rows.truths(R"(["eq",0,{"s":"\u0000"}])"), "FTF");
  EXPECT_EQ(rows.truths(R"(["gt",0,{"s":"\u0000"}])"), "TFT");
}

TEST(Predicate, ComparesTimesInTheColumnsUnit) {
  Rows rows({typeOf(TypeId::Timestamp, TimeUnit::Micro), typeOf(TypeId::Date32)});
  rows.add<int64_t>(0, 1'704'067'200'000'000).add<int32_t>(1, 19723);
  rows.add<int64_t>(0, -1).add<int32_t>(1, -1);
  rows.addNull(0).addNull(1);
  EXPECT_EQ(rows.truths(R"(["ge",0,{"i":"1704067200000000"}])"), "TFN");
  EXPECT_EQ(rows.truths(R"(["eq",1,{"i":"19723"}])"), "TFN");
  EXPECT_EQ(rows.truths(R"(["lt",1,{"i":"0"}])"), "FTN");
  EXPECT_EQ(rows.truths(R"(["lt",1,{"i":"99999999999"}])"), "TTN");
  EXPECT_EQ(rows.truths(R"(["in",1,[{"i":"-1"},{"i":"3"}]])"), "FTN");
}

// ---------------------------------------------------------------- in

TEST(Predicate, FindsInSets) {
  Rows rows({typeOf(TypeId::Int64), typeOf(TypeId::Utf8), typeOf(TypeId::UInt64)});
  for (int64_t i = 0; i < 5; ++i) rows.add(0, i).addText(1, std::to_string(i * 7)).add(2, static_cast<uint64_t>(i) << 61);
  rows.addNull(0).addNull(1).addNull(2);
  EXPECT_EQ(rows.truths(R"(["in",0,[{"i":"4"},{"i":"1"},{"i":"1"},{"f":3},{"f":2.5}]])"), "FTFTTN");
  EXPECT_EQ(rows.truths(R"(["in",1,[{"s":"7"},{"s":"28"},{"s":""},{"s":"14"}]])"), "FTTFTN");
  EXPECT_EQ(rows.truths(R"(["in",2,[{"i":"9223372036854775808"},{"i":"0"},{"i":"-1"}]])"), "TFFFTN");
  EXPECT_EQ(rows.truths(R"(["in",0,[{"i":"3"}]])"), "FFFTFN");
  // Nothing to be equal to: false, but a null stays null.
  EXPECT_EQ(rows.truths(R"(["in",0,[]])"), "FFFFFN");
  EXPECT_EQ(rows.truths(R"(["in",0,[{"f":0.5},{"i":"18446744073709551615"}]])"), "FFFFFN");
}

TEST(Predicate, FindsInLargeSets) {
  Rows rows({typeOf(TypeId::Int64)});
  std::string set = "[\"in\",0,[";
  std::string expected;
  for (int64_t i = 0; i < 2000; ++i) {
    rows.add(0, i);
    if (i % 3 == 0) set += (set.ends_with('[') ? "{\"i\":\"" : ",{\"i\":\"") + std::to_string(i) + "\"}";
    expected += i % 3 == 0 ? 'T' : '.';
  }
  EXPECT_EQ(rows.kept(set + "]]"), expected);
}

// ---------------------------------------------------------------- the rest

TEST(Predicate, AsksForNullOfEveryType) {
  Type list = typeOf(TypeId::List);
  list.children.push_back({"item", typeOf(TypeId::Int64)});
  Type structure = typeOf(TypeId::Struct);
  structure.children.push_back({"a", typeOf(TypeId::Utf8)});
  Rows rows({list, structure, typeOf(TypeId::Binary), typeOf(TypeId::Decimal128)});
  for (size_t i = 0; i < 4; ++i) rows.addNull(i);
  for (const char* at : {"0", "1", "2", "3"}) EXPECT_EQ(rows.truths("[\"isNull\"," + std::string(at) + "]"), "T");
}

TEST(Predicate, SaysWhichColumnsItReads) {
  const std::vector<Type> types(4, typeOf(TypeId::Int64));
  const Rows rows(types);
  using Reads = std::vector<uint32_t>;
  EXPECT_EQ(rows.parse(R"(["or",[["gt",3,{"i":"1"}],["and",[["isNull",1],["in",3,[]]]]]])")->reads(), (Reads{1, 3}));
  EXPECT_EQ(rows.parse(R"(["isNull",0])")->reads(), (Reads{0}));
}

TEST(Predicate, RefusesWhatIsNotOfItsForm) {
  const Rows rows({typeOf(TypeId::Int64), typeOf(TypeId::Bool)});
  for (const char* json : {
           "", " ", "null", "1", "\"eq\"", "{}", "[]", "[1]", "[\"eq\"]", "[\"eq\",0]", "[\"eq\",-1,{\"i\":\"1\"}]",
           "[\"eq\",0.5,{\"i\":\"1\"}]", "[\"eq\",\"0\",{\"i\":\"1\"}]", "[\"eq\",0,1]", "[\"eq\",0,{}]",
           "[\"eq\",0,{\"x\":1}]", "[\"eq\",0,{\"i\":1}]", "[\"eq\",0,{\"i\":\"\"}]", "[\"eq\",0,{\"i\":\"1x\"}]",
           "[\"eq\",0,{\"i\":\"-\"}]", "[\"eq\",0,{\"i\":\"--1\"}]", "[\"eq\",0,{\"i\":\"18446744073709551616\"}]",
           "[\"eq\",0,{\"i\":\"-9223372036854775809\"}]", "[\"eq\",0,{\"f\":\"1\"}]", "[\"eq\",0,{\"f\":1e400}]",
           "[\"eq\",0,{\"i\":\"1\",\"f\":1}]", "[\"eq\",0,{\"i\":\"1\"},2]", "[\"eq\",0,{\"i\":\"1\"}] 1",
           "[\"eq\",0,{\"i\":\"1\"}", "[\"like\",0,{\"i\":\"1\"}]", "[\"and\",[]]", "[\"and\",[\"col\",1]]", "[\"and\"]",
           "[\"and\",[[\"col\",1],1]]", "[\"and\",[[\"col\",1] [\"col\",1]]]", "[\"and\",[[\"col\",1]],1]", "[\"not\"]",
           "[\"not\",[[\"col\",1]]]", "[\"not\",[\"col\",1],1]", "[\"in\",0]", "[\"in\",0,{\"i\":\"1\"}]",
           "[\"in\",0,[1]]", "[\"in\",0,[{\"i\":\"1\"} {\"i\":\"2\"}]]", "[\"isNull\"]", "[\"col\",1,2]",
       }) {
    const std::string message = rows.error(json);
    EXPECT_NE(message.find("predicate: expected"), std::string::npos) << json << ": " << message;
  }
}

TEST(Predicate, SaysWhichColumnCanNotBeCompared) {
  const Rows rows({typeOf(TypeId::Int64), typeOf(TypeId::Utf8), typeOf(TypeId::Timestamp), typeOf(TypeId::Decimal128)});
  EXPECT_EQ(rows.error(R"(["eq",0,{"s":"1"}])"),
            "predicate: column \"c0\" is int64, which can not be compared with a string");
  EXPECT_EQ(rows.error(R"(["in",1,[{"s":"a"},{"b":true}]])"),
            "predicate: column \"c1\" is utf8, which can not be compared with a bool");
  EXPECT_EQ(rows.error(R"(["lt",2,{"f":1}])"),
            "predicate: column \"c2\" is timestamp[ms], which can not be compared with a float");
  EXPECT_NE(rows.error(R"(["eq",3,{"i":"1"}])").find("decimal"), std::string::npos);
  EXPECT_NE(rows.error(R"(["col",0])").find("int64"), std::string::npos);
  EXPECT_EQ(rows.error(R"(["isNull",4])"), "predicate: expected a column below 4, as many as are decoded; got 4");
}

TEST(Predicate, RefusesNestingWithoutBound) {
  const Rows rows({typeOf(TypeId::Bool)});
  const auto nested = [](int levels) {
    std::string json;
    for (int i = 0; i < levels; ++i) json += "[\"not\",";
    json += "[\"col\",0]";
    return json + std::string(static_cast<size_t>(levels), ']');
  };
  EXPECT_NE(rows.parse(nested(99)), nullptr);
  EXPECT_NE(rows.error(nested(100)).find("levels"), std::string::npos);
  rows.error(nested(100'000));
}

TEST(Predicate, IsTestedByManyThreadsAtOnce) {
  Rows shared({typeOf(TypeId::Int64)});
  for (int64_t i = 0; i < 1000; ++i) shared.add(0, i);
  ColumnSet columns({{{"c0", typeOf(TypeId::Int64)}, true}});
  for (int64_t i = 0; i < 1000; ++i) columns[0].append(i);
  const auto predicate = shared.parse(R"(["and",[["ge",0,{"i":"10"}],["in",0,[{"i":"3"},{"i":"30"},{"i":"300"}]]]])");
  std::vector<int> kept(4);
  std::vector<std::thread> threads;
  for (int& count : kept) {
    threads.emplace_back([&] {
      for (int64_t row = 0; row < 1000; ++row) count += predicate->test(columns, row) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kept, std::vector<int>(4, 2));
}

}  // namespace
}  // namespace sabot::test
