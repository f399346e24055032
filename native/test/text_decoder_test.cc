#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode_fixture.h"

namespace sabot::test {
namespace {

using Rows = std::vector<std::string>;
using Kept = std::vector<uint32_t>;

TEST(StringCodec, IsTheValueAsItIs) {
  const Decoded out = Decoding(column("value", "utf8"), "string").decode({"", "a", std::nullopt, "\xC3\xA9\"", std::string("\0x", 2)});
  EXPECT_EQ(out.rows, (Rows{R"({"value":""})", R"({"value":"a"})", R"({"value":null})", "{\"value\":\"\xC3\xA9\\\"\"}",
                            R"({"value":"\u0000x"})"}));
  EXPECT_TRUE(out.errors.empty());
}

TEST(StringCodec, ARowThatIsNotUtf8IsItsOwnError) {
  for (const bool wanted : {true, false}) {
    Decoding decoding(wanted ? column("value", "utf8") : std::vector<ColumnSpec>(), "string");
    const Decoded out = decoding.decode({"before", "ab\xFFz", "after", "\xED\xA0\x80"});
    EXPECT_EQ(out.kept, (Kept{0, 2}));
    ASSERT_EQ(out.errors.size(), 2);
    EXPECT_EQ(out.errors[0].row, 1);
    EXPECT_EQ(out.errors[0].code, "DECODE");
    EXPECT_NE(out.errors[0].message.find("at byte 2"), std::string::npos) << out.errors[0].message;
    EXPECT_EQ(out.errors[1].row, 3);
  }
}

TEST(BytesCodec, TakesAnyBytes) {
  const Decoded out = Decoding(column("value", "binary"), "bytes").decode({"", "\xFF\xFE", std::nullopt});
  EXPECT_EQ(out.rows, (Rows{R"({"value":""})", R"({"value":"//4="})", R"({"value":null})"}));
}

TEST(StringCodec, PredicatesRejectRowsWithoutATrace) {
  const Decoded out = Decoding(column("value", "utf8"), "string", R"(["eq",0,{"s":"b"}])").decode({"a", "b", std::nullopt, "b"});
  EXPECT_EQ(out.kept, (Kept{1, 3}));
  EXPECT_EQ(out.rows, (Rows{R"({"value":"b"})", R"({"value":"b"})"}));
}

TEST(Codecs, ThatDoNotExistOrHaveOtherColumnsAreRefused) {
  std::unique_ptr<Decoder> decoder;
  const auto refused = [&](std::string_view codec, const std::vector<ColumnSpec>& columns) {
    const Status status = makeDecoder(codec, columns, nullptr, {}, decoder);
    EXPECT_EQ(decoder, nullptr);
    EXPECT_EQ(status.code, "CONFIG");
    return status.message;
  };
  EXPECT_EQ(refused("jsn", {}), "codec: expected json, string or bytes; got \"jsn\"");
  EXPECT_EQ(refused("string", column("value", "binary")), "the codec string has the one column value utf8; got value binary");
  EXPECT_EQ(refused("bytes", column("text", "binary")), "the codec bytes has the one column value binary; got text binary");
  std::vector<ColumnSpec> twice = column("a", "int8");
  twice.push_back(twice[0]);
  EXPECT_EQ(refused("json", twice), "columns: \"a\" is named twice; expected each name once");
}

}  // namespace
}  // namespace sabot::test
