// Functions of text and choices between values; test/unit/native-program.test.ts holds them against the kernels.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "program_fixture.h"

namespace sabot::test {
namespace {

// One computed column of each of these types, over one program.
struct Column {
  std::string expr, type;
};

std::string computes(const std::vector<Column>& computed, size_t columns) {
  std::string steps, output;
  for (const auto& [expr, type] : computed) {
    const std::string comma = steps.empty() ? "" : ",";
    steps += comma + R"({"kind":"compute","expr":)" + expr + R"(,"type":")" + type + R"(","text":"x"})";
    output += comma + R"({"name":"o","column":)" + std::to_string(columns++) + "}";
  }
  return R"({"steps":[)" + steps + R"(],"output":[)" + output + "]}";
}

std::vector<ColumnSpec> outputOf(const std::vector<Column>& computed) {
  std::vector<ColumnSpec> out;
  for (const auto& [expr, type] : computed) out.push_back(column(std::string(1, static_cast<char>('a' + out.size())), type)[0]);
  return out;
}

Rows computed(const char* schema, const std::vector<Column>& columns, const std::vector<std::string>& documents) {
  const auto specs = columnsOf(schema);
  Runner run(specs, parsed(computes(columns, specs.size()), specs));
  return run(documents, outputOf(columns));
}

constexpr const char* kTexts = R"([{"name":"t","type":"utf8"},{"name":"w","type":"utf8"},{"name":"i","type":"int64"}])";

TEST(ProgramText, CountsCodePoints) {
  EXPECT_EQ(computed(kTexts, {{R"(["length",["col",0]])", "int64"}, {R"(["length",["lit",{"s":"\u00e9"}]])", "int64"}},
                     {R"({"t":"abc"})", R"({"t":""})", R"({"t":"e\u0301"})", R"({"t":"\ud83d\ude00"})", R"({"t":null})"}),
            (Rows{R"({"a":3,"b":1})", R"({"a":0,"b":1})", R"({"a":2,"b":1})", R"({"a":1,"b":1})", R"({"a":null,"b":1})"}));
}

TEST(ProgramText, FindsTextWithinText) {
  const std::vector<Column> tests = {{R"(["contains",["col",0],["col",1]])", "bool"},
                                     {R"(["startsWith",["col",0],["col",1]])", "bool"},
                                     {R"(["endsWith",["col",0],["col",1]])", "bool"},
                                     {R"(["contains",["col",0],["lit",{"s":"nan"}]])", "bool"}};
  EXPECT_EQ(computed(kTexts, tests,
                     {R"({"t":"banana","w":"ana"})", R"({"t":"banana","w":"ban"})", R"({"t":"","w":""})",
                      R"({"t":"a","w":"aa"})", R"({"t":"banana","w":null})", R"({"t":null,"w":""})"}),
            (Rows{R"({"a":true,"b":false,"c":true,"d":true})", R"({"a":true,"b":true,"c":false,"d":true})",
                  R"({"a":true,"b":true,"c":true,"d":false})", R"({"a":false,"b":false,"c":false,"d":false})",
                  R"({"a":null,"b":null,"c":null,"d":true})", R"({"a":null,"b":null,"c":null,"d":null})"}));
}

TEST(ProgramText, TrimsWhatJavaScriptTrims) {
  const std::vector<Column> trims = {
      {R"(["trim",["col",0]])", "utf8"}, {R"(["trimStart",["col",0]])", "utf8"}, {R"(["trimEnd",["col",0]])", "utf8"}};
  for (const char* space : {R"(\t)", R"(\n)", R"(\u000b)", R"(\f)", R"(\r)", " ", R"(\u00a0)", R"(\u1680)", R"(\u2000)",
                            R"(\u200a)", R"(\u2028)", R"(\u2029)", R"(\u202f)", R"(\u205f)", R"(\u3000)", R"(\ufeff)"}) {
    const std::string row = R"({"t":")" + std::string(space) + " x " + space + R"("})";
    const Rows rows = computed(kTexts, trims, {row, R"({"t":")" + std::string(space) + R"("})"});
    ASSERT_EQ(rows.size(), 2) << space;
    EXPECT_EQ(rows[0].find(R"("a":"x","b":"x )"), 1) << rows[0];
    EXPECT_TRUE(rows[0].ends_with(R"( x"})")) << rows[0];
    EXPECT_EQ(rows[1], R"({"a":"","b":"","c":""})") << space;
  }
  for (const char* other : {"\xC2\x85", "\xE2\x80\x8B", "\xE1\xA0\x8E", "\xE2\x80\x90", "\xE2\x81\xA0", "\xE3\x80\x81",
                            "\xC3\xA0", "\xF0\x9F\x98\x80"}) {
    EXPECT_EQ(computed(kTexts, {trims[0]}, {R"({"t":" )" + std::string(other) + R"( "})"}),
              (Rows{R"({"a":")" + std::string(other) + R"("})"}));
  }
}

TEST(ProgramText, CutsAtCodePoints) {
  const std::vector<Column> cuts = {{R"(["substring",["col",0],["col",2]])", "utf8"},
                                    {R"(["substring",["col",0],["lit",{"i":"-2"}],["col",2]])", "utf8"},
                                    {R"(["substring",["col",0],["lit",{"i":"1"}],["lit",{"i":"18446744073709551615"}]])", "utf8"}};
  const std::string text = R"({"t":"a\u00e9\ud83d\ude00z","i":)";
  EXPECT_EQ(computed(kTexts, cuts, {text + "1}", text + "-1}", text + "9}", text + "-9223372036854775808}", text + "null}"}),
            (Rows{R"({"a":"é😀z","b":"😀","c":"é😀z"})", R"({"a":"z","b":"","c":"é😀z"})", R"({"a":"","b":"😀z","c":"é😀z"})",
                  R"({"a":"aé😀z","b":"","c":"é😀z"})", R"({"a":null,"b":null,"c":"é😀z"})"}));
}

TEST(ProgramText, JoinsTextsAndReadsThemInLaterSteps) {
  const std::vector<Column> joins = {{R"(["concat",["col",0],["lit",{"s":"-"}],["col",1]])", "utf8"},
                                     {R"(["length",["col",3]])", "int64"},
                                     {R"(["concat",["trim",["col",3]],["concat",["col",3],["col",3]]])", "utf8"},
                                     {R"(["concat",["lit",{"s":""}]])", "utf8"}};
  EXPECT_EQ(computed(kTexts, joins, {R"({"t":"x","w":" "})", R"({"t":"","w":""})", R"({"t":"x","w":null})"}),
            (Rows{R"({"a":"x- ","b":3,"c":"x-x- x- ","d":""})", R"({"a":"-","b":1,"c":"---","d":""})",
                  R"({"a":null,"b":null,"c":null,"d":""})"}));
}

TEST(ProgramText, MakesTextsOfRowsThatAreLeft) {
  const auto columns = columnsOf(kTexts);
  const auto program = parsed(
      R"({"steps":[{"kind":"compute","expr":["concat",["col",0],["col",1]],"type":"utf8","text":"c"},
                   {"kind":"filter","expr":["eq",["mod",["col",2],["lit",{"i":"3"}]],["lit",{"i":"0"}]],"text":"f"},
                   {"kind":"compute","expr":["concat",["col",3],["col",0]],"type":"utf8","text":"d"},
                   {"kind":"filter","expr":["endsWith",["col",4],["lit",{"s":"7"}]],"text":"g"}],
          "output":[{"name":"c","column":3},{"name":"d","column":4}]})", columns);
  std::vector<std::string> documents;
  Rows expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string t = std::to_string(i), w = i % 2 == 0 ? "even" : std::string(30, 'o');
    documents.push_back(R"({"t":")" + t + R"(","w":")" + w + R"(","i":)" + t + "}");
    if (i % 3 == 0 && i % 10 == 7) expected.push_back(R"({"c":")" + t + w + R"(","d":")" + t + w + t + R"("})");
  }
  Runner run(columns, program);
  const auto output = columnsOf(R"([{"name":"c","type":"utf8"},{"name":"d","type":"utf8"}])");
  EXPECT_EQ(run(documents, output), expected);
  // And once more in the same memory.
  EXPECT_EQ(run(documents, output), expected);
}

TEST(ProgramText, RefusesMoreThan2GiBOfOneBlock) {
  const auto columns = columnsOf(kTexts);
  const std::string mebibytes(3 << 20, 'x');
  const auto program = parsed(
      R"({"steps":[{"kind":"filter","expr":["contains",["coalesce",["concat",["col",0],["lit",{"s":")" + mebibytes +
          R"("}]],["col",1]],["lit",{"s":"y"}]],"text":"long"}],"output":[{"name":"t","column":0}]})", columns);
  std::unique_ptr<Decoder> decoder;
  ASSERT_TRUE(makeDecoder("json", columns, nullptr, {}, decoder).ok());
  const std::vector<std::string> documents(1000, R"({"t":"a"})");
  std::vector<Bytes> values;
  for (const std::string& document : documents) values.push_back({document.data(), document.size()});
  ColumnSet set(columns);
  DecodeOutcome outcome;
  decoder->decode(values, set, outcome);
  const Status status = ProgramRun(program).run(set, outcome);
  EXPECT_EQ(status.code, "UNSUPPORTED");
  EXPECT_EQ(status.message, "long: gives more than 2 GiB of text in one batch. Make batches smaller (batch.maxBytes)");
}

constexpr const char* kValues = R"([{"name":"k","type":"int16"},{"name":"i","type":"int64"},{"name":"f","type":"float64"},
  {"name":"t","type":"utf8"},{"name":"p","type":"bool"},{"name":"m","type":"timestamp[us]"},{"name":"u","type":"uint64"}])";

TEST(ProgramChoice, TakesTheFirstThatIsThere) {
  const std::vector<Column> firsts = {
      {R"(["coalesce",["col",0],["lit",{"i":"7"}]])", "int16"}, {R"(["coalesce",["col",0],["col",1]])", "int64"},
      {R"(["coalesce",["col",0],["lit",{"f":0.5}]])", "float64"}, {R"(["coalesce",["col",3],["lit",{"s":"none"}]])", "utf8"},
      {R"(["coalesce",["lit",null],["col",4]])", "bool"}, {R"(["coalesce",["col",5],["lit",{"i":"-1"}]])", "timestamp[us]"},
      {R"(["coalesce",["col",6],["lit",{"i":"18446744073709551615"}]])", "uint64"},
      {R"(["coalesce",["lit",null],["lit",null]])", "utf8"}};
  EXPECT_EQ(computed(kValues, firsts,
                     {R"({"k":1,"i":2,"t":"x","p":false,"m":"1970-01-01T00:00:00.000005Z","u":3})",
                      R"({"i":9223372036854775807})"}),
            (Rows{R"({"a":1,"b":1,"c":1,"d":"x","e":false,"f":"1970-01-01T00:00:00.000005Z","g":3,"h":null})",
                  R"({"a":7,"b":9223372036854775807,"c":0.5,"d":"none","e":null,"f":"1969-12-31T23:59:59.999999Z",)"
                  R"("g":18446744073709551615,"h":null})"}));
}

TEST(ProgramChoice, TakesTheBranchWhoseConditionHolds) {
  const std::vector<Column> branches = {
      {R"(["when",["lt",["col",1],["lit",{"i":"10"}]],["lit",{"s":"low"}],["lt",["col",1],["lit",{"i":"100"}]],["col",3],)"
       R"(["lit",null]])", "utf8"},
      {R"(["when",["col",4],["lit",{"i":"1"}],["lit",{"f":0.5}]])", "float64"},
      {R"(["when",["lit",null],["col",4],["not",["col",4]]])", "bool"}};
  EXPECT_EQ(computed(kValues, branches,
                     {R"({"i":1,"t":"x","p":true})", R"({"i":50,"t":"x","p":false})", R"({"i":50,"t":null,"p":null})",
                      R"({"i":500,"t":"x","p":true})", R"({"i":null,"t":"x","p":true})"}),
            (Rows{R"({"a":"low","b":1,"c":false})", R"({"a":"x","b":0.5,"c":true})", R"({"a":null,"b":0.5,"c":null})",
                  R"({"a":null,"b":1,"c":false})", R"({"a":null,"b":1,"c":false})"}));
}

TEST(ProgramChoice, IsNullWhereTwoAreEqual) {
  const std::vector<Column> nulls = {{R"(["nullIf",["col",3],["lit",{"s":"n/a"}]])", "utf8"},
                                     {R"(["nullIf",["col",2],["lit",{"i":"-0"}]])", "float64"},
                                     {R"(["nullIf",["col",0],["col",1]])", "int16"},
                                     {R"(["nullIf",["col",5],["lit",{"i":"0"}]])", "timestamp[us]"}};
  EXPECT_EQ(computed(kValues, nulls,
                     {R"({"t":"n/a","f":0.0,"k":3,"i":3,"m":"1970-01-01T00:00:00Z"})", R"({"t":"x","f":1.5,"k":3,"i":null})",
                      R"({"t":null,"f":null,"k":null,"i":3})"}),
            (Rows{R"({"a":null,"b":null,"c":null,"d":null})", R"({"a":"x","b":1.5,"c":3,"d":null})",
                  R"({"a":null,"b":null,"c":null,"d":null})"}));
}

TEST(ProgramChoice, FailsOnlyInRowsThatTakeWhatFails) {
  const auto columns = columnsOf(kValues);
  const std::string twice = R"(["mul",["col",1],["lit",{"i":"2"}]])";
  const auto program = parsed(
      R"({"steps":[{"kind":"compute","expr":["when",["col",4],)" + twice + R"(,["gt",)" + twice +
          R"(,["lit",{"i":"0"}]],["lit",{"i":"1"}],["coalesce",["col",0],["add",["col",6],)" + twice +
          R"(]]],"type":"int64","text":"c"}],"output":[{"name":"c","column":7}]})", columns);
  Runner run(columns, program);
  const auto output = column("c", "int64");
  EXPECT_EQ(run({R"({"p":true,"i":4611686018427387904})",                             // its own branch fails
                 R"({"p":false,"i":4611686018427387904})",                            // a condition that it needs
                 R"({"p":true,"i":1,"u":18446744073709551615})",                      // only the last branch would
                 R"({"p":false,"i":-1,"k":5,"u":18446744073709551615})",              // the last branch needs no sum
                 R"({"p":false,"i":-1,"u":18446744073709551615})",                    // and here it does
                 R"({"p":null,"i":3})", R"({"p":false})"},
                output),
            (Rows{R"({"c":2})", R"({"c":5})", R"({"c":1})", R"({"c":null})"}));
  EXPECT_EQ(run.outcome.kept, (std::vector<uint32_t>{2, 3, 5, 6}));
  ASSERT_EQ(run.outcome.errors.size(), 3);
  EXPECT_EQ(run.outcome.errors[0].message,
            "c: 4611686018427387904 * 2 is 9223372036854775808, which does not fit int64");
  EXPECT_EQ(run.outcome.errors[1].row, 1);
  EXPECT_EQ(run.outcome.errors[2].row, 4);
  EXPECT_EQ(run.outcome.errors[2].message,
            "c: 18446744073709551615 + -2 is 18446744073709551613, which does not fit int64");
}

}  // namespace
}  // namespace sabot::test
