#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sabot.h"

namespace sabot::test {
namespace {

std::string roundTrip(std::string_view json) {
  Type type;
  const Status status = parseType(json, type);
  return status.ok() ? typeToJson(type) : status.code + " " + status.message;
}

TEST(Types, ComeBackFromTheWireAsTheyWere) {
  for (const char* json :
       {"\"bool\"", "\"int8\"", "\"int16\"", "\"int32\"", "\"int64\"", "\"uint8\"", "\"uint16\"", "\"uint32\"", "\"uint64\"",
        "\"float32\"", "\"float64\"", "\"utf8\"", "\"binary\"", "\"date\"", "\"timestamp[s]\"", "\"timestamp[ms]\"",
        "\"timestamp[us]\"", "\"timestamp[ns]\"", "\"decimal(38,38)\"", "\"decimal(1,0)\"", R"({"list":"utf8"})",
        R"({"list":{"list":"int8"}})", R"({"struct":[{"name":"a\"b","type":"int8"},{"name":"","type":{"list":"date"}}]})",
        R"({"struct":[]})"}) {
    EXPECT_EQ(roundTrip(json), json);
  }
  EXPECT_EQ(roundTrip("\"decimal( 18 , 4 )\""), "\"decimal(18,4)\"");
}

TEST(Types, ThatDoNotExistAreNamed) {
  for (const char* json :
       {"\"int\"", "\"\"", "\"INT64\"", "\"timestamp\"", "\"timestamp[h]\"", "\"decimal\"", "\"decimal(0,0)\"", "\"decimal(39,0)\"",
        "\"decimal(3,4)\"", "\"decimal(-1,0)\"", "\"decimal(3,-1)\"", "\"decimal(3,1) \"", "\"decimal(3)\"", "1", "null", "[]",
        "{}", R"({"list":"int"})", R"({"list":"utf8","struct":[]})", R"({"struct":{}})", R"({"struct":[{"name":"a"}]})",
        R"({"struct":[{"type":"utf8"}]})", "", "{", "\"int64", R"({"struct":[{"name":"a","type":"utf8"},{"name":"a","type":"utf8"}]})"}) {
    EXPECT_TRUE(roundTrip(json).starts_with("SCHEMA ")) << json << ": " << roundTrip(json);
  }
  std::vector<Field> fields;
  const Status status = parseSchema(R"([{"name":"a","type":{"struct":[{"name":"b","type":{"list":"strin"}}]}}])", fields);
  EXPECT_TRUE(status.message.starts_with("column a.b[]: expected a type such as")) << status.message;
  EXPECT_NE(status.message.find("\"strin\""), std::string::npos);
  EXPECT_TRUE(fields.empty());
}

TEST(Types, NestToALimit) {
  std::string json = "\"int8\"";
  for (int i = 0; i < 64; ++i) json = "{\"list\":" + json + "}";
  EXPECT_EQ(roundTrip(json), json);
  EXPECT_TRUE(roundTrip("{\"list\":" + json + "}").starts_with("SCHEMA "));
}

TEST(Types, OfASchemaKeepTheirOrder) {
  const std::string json = R"([{"name":"z","type":"int64"},{"name":"a","type":{"list":"utf8"}}])";
  std::vector<Field> fields;
  ASSERT_TRUE(parseSchema(json, fields).ok());
  EXPECT_EQ(fields[0].name, "z");
  EXPECT_EQ(fields[1].type.children[0].name, "item");
  EXPECT_EQ(schemaToJson(fields), json);
  ASSERT_TRUE(parseSchema("[]", fields).ok());
  EXPECT_TRUE(fields.empty());
}

}  // namespace
}  // namespace sabot::test
