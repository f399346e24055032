#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
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

// What the encoder writes of a float32, read into one.
TEST(JsonValues, EveryFloat32IsReadBackFromWhatIsWrittenOfIt) {
  const auto columns = column("v", "float32");
  std::unique_ptr<Decoder> decoder;
  ASSERT_TRUE(makeDecoder("json", columns, nullptr, {}, decoder).ok());
  ColumnSet set(columns);
  const auto readBack = [&](float value) {
    std::vector<char> text;
    {
      TextBuffer out(text);
      out.append("{\"v\":");
      appendFloat(out, value);
      out.append('}');
    }
    const size_t size = text.size();
    text.resize(size + 64);
    const Bytes bytes{text.data(), size};
    DecodeOutcome outcome;
    set.clear();
    decoder->decode({&bytes, 1}, set, outcome);
    ASSERT_TRUE(outcome.errors.empty()) << outcome.errors[0].message;
    ASSERT_EQ(set[0].value<float>(0), value) << std::string(text.data(), size);
  };
  using Limits = std::numeric_limits<float>;
  for (const float value : {0.0f, Limits::max(), std::nextafterf(Limits::max(), 0), Limits::min(), Limits::denorm_min(),
                            std::nextafterf(Limits::min(), 0), Limits::epsilon(), 16777215.0f, 16777216.0f, 16777218.0f,
                            9.999999e37f, 8.589973e9f, 1e10f, 1e21f, 1e-7f, 0.1f, 1.0f / 3,
                            std::bit_cast<float>(0x15ae43fdu)}) {
    readBack(value);
    readBack(-value);
  }
  std::mt19937 random(32);
  for (int i = 0; i < 10'000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) readBack(value);
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
  // The border lies in the middle between the largest float32 and what would be the next one.
  EXPECT_EQ(in("float32", "3.4028235677973362e38"), "3.4028235e+38");
  EXPECT_TRUE(isMisfit("float32", "3.4028235677973366e38"));
  EXPECT_TRUE(isMisfit("float32", "-3.4028235677973366e38"));
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
