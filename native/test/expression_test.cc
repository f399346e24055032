#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "program_fixture.h"

namespace sabot::test {
namespace {

TEST(Program, KeepsTheRowsThatAreTrue) {
  const auto columns = columnsOf(R"([{"name":"a","type":"float64"},{"name":"t","type":"utf8"}])");
  const auto program = parsed(R"({"steps":[{"kind":"filter","expr":["gt",["col",0],["lit",{"i":"10"}]],"text":"a > 10"}],
                                  "output":[{"name":"t","column":1}]})", columns);
  Runner run(columns, program);
  const auto output = columnsOf(R"([{"name":"t","type":"utf8"}])");
  EXPECT_EQ(run({R"({"a":1,"t":"x"})", R"({"a":11,"t":"yy"})", R"({"a":null,"t":"z"})", R"({"a":12,"t":null})"}, output),
            (Rows{R"({"t":"yy"})", R"({"t":null})"}));
  EXPECT_EQ(run.outcome.kept, (std::vector<uint32_t>{1, 3}));
  // And the next run has nothing of this one.
  EXPECT_EQ(run({R"({"a":1,"t":"x"})"}, output), Rows{});
  EXPECT_EQ(run({R"({"a":20,"t":"x"})"}, output), Rows{R"({"t":"x"})"});
}

TEST(Program, GathersEveryTypeOfTheRowsThatAreLeft) {
  const char* schema = R"x([{"name":"k","type":"int32"},{"name":"b","type":"bool"},{"name":"t","type":"utf8"},
    {"name":"e","type":"decimal(12,2)"},{"name":"n","type":"int8"},{"name":"s","type":"int16"},
    {"name":"l","type":{"list":{"struct":[{"name":"x","type":"int64"},{"name":"y","type":{"list":"utf8"}}]}}}])x";
  const auto columns = columnsOf(schema);
  std::string output;
  for (size_t i = 0; i < columns.size(); ++i) output += (i == 0 ? "" : ",") + std::string(R"({"name":"o","column":)") + std::to_string(i) + "}";
  const auto program = parsed(R"({"steps":[{"kind":"filter","expr":["eq",["mod",["col",0],["lit",{"i":"3"}]],["lit",{"i":"1"}]],"text":"x"}],
                                  "output":[)" + output + "]}", columns);
  std::vector<std::string> documents;
  Rows expected;
  for (int i = 0; i < 40; ++i) {
    const std::string text = i % 4 == 0 ? "null" : "\"t" + std::to_string(i) + "\"";
    const std::string list = i % 5 == 0 ? "null" : R"([{"x":)" + std::to_string(i) + R"(,"y":["a",null]},{"x":null,"y":[]}])";
    documents.push_back(R"({"k":)" + std::to_string(i) + R"(,"b":)" + (i % 2 == 0 ? "true" : "null") + R"(,"t":)" + text +
                        R"(,"e":"1.25","n":-3,"s":7,"l":)" + list + "}");
    if (i % 3 == 1) expected.push_back(documents.back());
  }
  Runner run(columns, program);
  Runner whole(columns, parsed(R"({"steps":[],"output":[)" + output + "]}", columns));
  EXPECT_EQ(run(documents, columns), whole(expected, columns));
}

TEST(Program, LeavesOutRowsThatDoNotFitInt64WithTheExactResult) {
  const auto columns = columnsOf(R"([{"name":"i","type":"int64"},{"name":"u","type":"uint64"}])");
  const auto program = parsed(
      R"({"steps":[{"kind":"filter","expr":["or",["isNull",["col",0]],["ne",["col",0],["lit",{"i":"5"}]]],"text":"i != 5"},
                   {"kind":"compute","expr":["mul",["col",1],["col",1]],"type":"int64","text":"u * u"},
                   {"kind":"compute","expr":["add",["col",0],["lit",{"i":"1"}]],"type":"int64","text":"i + 1"},
                   {"kind":"compute","expr":["neg",["col",0]],"type":"int64","text":"-i"}],
          "output":[{"name":"p","column":2},{"name":"q","column":3},{"name":"r","column":4}]})",
      columns);
  Runner run(columns, program);
  const auto output = columnsOf(R"([{"name":"p","type":"int64"},{"name":"q","type":"int64"},{"name":"r","type":"int64"}])");
  EXPECT_EQ(run({R"({"i":9223372036854775807,"u":1})", R"({"i":5,"u":18446744073709551615})", R"({"i":7,"u":3})",
                 R"({"i":1,"u":18446744073709551615})", R"({"i":-9223372036854775808,"u":2})", R"({"i":null,"u":null})"},
                output),
            (Rows{R"({"p":9,"q":8,"r":-7})", R"({"p":null,"q":null,"r":null})"}));
  EXPECT_EQ(run.outcome.kept, (std::vector<uint32_t>{2, 5}));
  ASSERT_EQ(run.outcome.errors.size(), 3);
  EXPECT_EQ(run.outcome.errors[0].row, 0);
  EXPECT_EQ(run.outcome.errors[0].code, "SCHEMA");
  EXPECT_EQ(run.outcome.errors[0].message,
            "i + 1: 9223372036854775807 + 1 is 9223372036854775808, which does not fit int64");
  EXPECT_EQ(run.outcome.errors[1].message,
            "u * u: 18446744073709551615 * 18446744073709551615 is 340282366920938463426481119284349108225, "
            "which does not fit int64");
  EXPECT_EQ(run.outcome.errors[2].message,
            "-i: -9223372036854775808 * -1 is 9223372036854775808, which does not fit int64");
}

TEST(Program, ComparesDecimalsAndTimesOfTwoScales) {
  const auto columns = columnsOf(
      R"x([{"name":"e","type":"decimal(10,2)"},{"name":"w","type":"decimal(38,38)"},
           {"name":"d","type":"date"},{"name":"n","type":"timestamp[ns]"}])x");
  const std::string row = R"({"e":"1.50","w":"0.5","d":"2024-01-02","n":"2024-01-02T00:00:00.000000001Z"})";
  const auto holds = [&](const std::string& expr) {
    Runner run(columns, parsed(filterOf(expr), columns));
    return !run({row}, column("e", "decimal(10,2)")).empty();
  };
  EXPECT_TRUE(holds(R"(["gt",["col",0],["col",1]])"));
  EXPECT_FALSE(holds(R"(["lt",["col",0],["col",1]])"));
  EXPECT_TRUE(holds(R"(["eq",["col",0],["lit",{"s":"1.5"}]])"));
  EXPECT_TRUE(holds(R"(["lt",["lit",{"i":"1"}],["col",0]])"));
  EXPECT_TRUE(holds(R"(["gt",["lit",{"s":"1e30"}],["col",1]])"));
  EXPECT_TRUE(holds(R"(["lt",["col",2],["col",3]])"));
  EXPECT_TRUE(holds(R"(["gt",["col",3],["col",2]])"));
}

TEST(Program, RefusesWhatItCanNotRunAndSaysWhy) {
  const auto columns = columnsOf(R"([{"name":"a","type":"int64"},{"name":"t","type":"utf8"},{"name":"l","type":{"list":"int8"}}])");
  for (const char* json : {"", "[]", "{}", R"({"steps":[]})", R"({"steps":[{}],"output":[]})", R"({"steps":1,"output":[]})",
                           R"({"steps":[],"output":[{"name":"a","column":3}]})", R"({"steps":[],"output":[{"name":"a","column":-1}]})",
                           R"({"steps":[{"kind":"compute","expr":["col",0],"text":"a"}],"output":[]})"}) {
    EXPECT_NE(refused(json, columns).find("NativeProgram"), std::string::npos) << json;
  }
  for (const char* expr :
       {"[]", "1", "null", R"(["col"])", R"(["col",3])", R"(["col",0,0])", R"(["col","a"])", R"(["lit"])", R"(["lit",1])",
        R"(["lit",{"i":1}])", R"(["lit",{"i":"18446744073709551616"}])", R"(["lit",{"i":""}])", R"(["lit",{"f":"nan"}])",
        R"(["lit",{"x":true}])", R"(["lit",{"b":true,"i":"1"}])", R"(["lower",["col",1]])", R"(["eq",["col",0]])",
        R"(["eq",["col",0],["col",1]])", R"(["eq",["col",2],["lit",null]])", R"(["add",["col",0],["col",1]])",
        R"(["and",["col",0],["col",0]])", R"(["not"])", R"(["not",["col",0]])", R"(["in"])", R"(["in",["col",0],["col",0]])",
        R"(["in",["col",0],["lit",{"s":"a"}]])", R"(["in",["col",2]])", R"(["neg"])", R"(["col",0])",
        R"(["contains",["col",1]])", R"(["contains",["col",1],["col",0]])", R"(["contains",["col",1],["lit",null]])",
        R"(["contains",["col",1],["col",1],["col",1]])", R"(["length"])", R"(["length",["col",0]])", R"(["concat"])",
        R"(["concat",["col",1],["col",0]])", R"(["substring",["col",1]])", R"(["substring",["col",1],["col",1]])",
        R"(["substring",["col",1],["lit",{"f":0.5}]])", R"(["trim",["col",2]])", R"(["coalesce"])",
        R"(["coalesce",["col",0],["col",1]])", R"(["coalesce",["col",2],["col",2]])", R"(["when"])",
        R"(["coalesce",["col",0],["lit",{"s":"a"}]])", R"(["when",["lit",{"b":true}],["col",0]])",
        R"(["when",["col",0],["col",0],["col",0]])", R"(["when",["lit",{"b":true}],["col",0],["col",1]])",
        R"(["nullIf",["col",0]])", R"(["nullIf",["lit",{"i":"1"}],["col",0]])", R"(["nullIf",["col",0],["lit",null]])",
        R"(["nullIf",["col",0],["col",1]])"}) {
    EXPECT_NE(refused(filterOf(expr), columns).find("program: step 1: "), std::string::npos) << expr;
  }
  EXPECT_EQ(refused(R"({"steps":[{"kind":"compute","expr":["col",0],"type":"int32","text":"a"}],"output":[]})", columns),
            "program: step 1: expected the type that the expression has, \"int64\"; got \"int32\"");
  std::string deep = R"(["isNull",["col",0]])";
  for (int i = 0; i < 200; ++i) deep = R"(["not",)" + deep + "]";
  EXPECT_NE(refused(filterOf(deep), columns).find("100 levels"), std::string::npos);
}

TEST(Program, IsSharedByThreads) {
  const auto columns = columnsOf(R"([{"name":"a","type":"int64"},{"name":"t","type":"utf8"}])");
  const auto program = parsed(
      R"({"steps":[{"kind":"filter","expr":["in",["col",1],["lit",{"s":"x"}],["lit",{"s":"yy"}]],"text":"f"},
                   {"kind":"compute","expr":["mul",["col",0],["lit",{"i":"2"}]],"type":"int64","text":"c"}],
          "output":[{"name":"c","column":2}]})", columns);
  std::vector<std::string> documents;
  for (int i = 0; i < 3000; ++i) {
    documents.push_back(R"({"a":)" + std::to_string(i) + R"(,"t":")" + (i % 2 == 0 ? "x" : "zz") + R"("})");
  }
  std::vector<Rows> results(4);
  std::vector<std::thread> threads;
  for (Rows& result : results) {
    threads.emplace_back([&] {
      Runner run(columns, program);
      result = run(documents, columnsOf(R"([{"name":"c","type":"int64"}])"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Rows& result : results) {
    ASSERT_EQ(result.size(), 1500);
    EXPECT_EQ(result[1], R"({"c":4})");
    EXPECT_EQ(result, results[0]);
  }
}

}  // namespace
}  // namespace sabot::test
