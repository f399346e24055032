// Mutates sets of JSON documents, infers their schema, and decodes them under it.
//
//   json_infer [documents] [seed]      default: 200000 documents
//
// What must hold of every set: its schema is one that decoders take; a document that inference read decodes without an
// error; one that it passed over is no JSON object to the decoder either. Two parsers are so held against each other:
// inference reads with simdjson, the decoder has its own reader.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.h"
#include "fuzz/random.h"
#include "json_text.h"
#include "sabot.h"

namespace {

using namespace sabot;

constexpr std::array<std::string_view, 16> kSeeds{
    R"({"id":1,"amount":10.5,"ok":true,"name":"a","at":"2024-02-29T12:00:00.123Z"})",
    R"({"id":9223372036854775807,"amount":-0.0,"ok":null,"name":"\u00e9\ud83d\ude00","at":"1970-01-01T00:00Z"})",
    R"({"id":18446744073709551615,"amount":1e400,"name":null,"at":null})",
    R"({"id":-9223372036854775808,"amount":100000000000000000000,"ok":false,"at":"2024-02-29T12:00:00+02:00"})",
    R"({"list":[1,2.5,null],"nested":[[1],[],[null]],"empty":[]})",
    R"({"list":[],"nested":[],"empty":[{}]})",
    R"({"place":{"city":"Oslo","at":{"x":1,"y":-2e-3}},"tags":["a","b"],"none":{}})",
    R"({"place":{"city":1,"zip":"0001"},"tags":null,"none":null})",
    R"({"items":[{"sku":"a","price":1},{"sku":"b","price":1.5,"more":[{"k":true}]}]})",
    R"({ "id" : 1 , "id" : "two" , "\u0069d" : [ 3 ] })",
    "{\"text\":\"tab\\tquote\\\"slash\\/\\\\ \xC3\xA9 \xF0\x9F\x98\x80\",\"\":1,\"\xE2\x82\xAC\":2}",
    R"({"a":{"b":{"c":{"d":{"e":[[[[[{"f":1}]]]]]}}}}})",
    R"({})",
    R"({"a":1e-400,"b":1E+2,"c":0,"d":-1,"e":0.1e1})",
    R"({"at":"2024-02-29T12:00:00.1234Z","id":"1","amount":"x","ok":1})",
    R"({"id":true,"amount":false,"ok":[true],"name":{"first":"a"}})",
};

constexpr std::array<std::string_view, 40> kTokens{
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\ude00", "\\n", "null", "true", "false", "0", "-0",
    "1.5", "-", "1e5", "e", ".", "9223372036854775808", "1e400", "00", " ", "\n", "\t", std::string_view("\0", 1), "\x01",
    "\xC3\xA9", "\xC3", "\xED\xA0\x80", "\xEF\xBB\xBF", "\"a\":1,", ",\"id\":2", "[[[[[[[[", "{\"a\":", "\"\":",
    "\"2024-01-01T00:00:00Z\"",
};

void mutate(std::string& text, const std::string& other, Random& random) {
  const size_t at = random.below(text.size() + 1);
  const size_t count = random.below(std::min<size_t>(text.size() - at, 12) + 1);
  switch (random.below(7)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(random.next());
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 2: text.erase(at, count); break;
    case 3: text.insert(at, text.substr(at, count)); break;
    case 4: text.insert(at, kTokens[random.below(kTokens.size())]); break;
    case 5: text.replace(at, count, kTokens[random.below(kTokens.size())]); break;
    default: text.replace(at, count, other.substr(random.below(other.size() + 1), random.below(24))); break;
  }
}

std::string document(Random& random) {
  std::string text(kSeeds[random.below(kSeeds.size())]);
  const std::string other(kSeeds[random.below(kSeeds.size())]);
  // A third stays as it is, so that sets hold valid documents beside broken ones.
  if (random.below(3) == 0) return text;
  for (size_t i = random.below(4) + 1; i > 0; --i) mutate(text, other, random);
  return text;
}

[[noreturn]] void fail(const char* what, const std::vector<Field>& schema, std::string_view text,
                       const std::string& why) {
  std::fprintf(stderr, "json_infer: %s\n  document: %s\n  schema: %s\n  %s\n", what, jsonString(text).c_str(),
               schemaToJson(schema).c_str(), why.c_str());
  std::exit(1);
}

// `{}` among blanks, of which inference has nothing to say, as of a document whose only key is "".
bool hasNoColumns(std::string_view text) {
  std::string bare;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') bare += c;
  }
  return bare == "{}" || bare.starts_with("{\"\":");
}

size_t checkSet(const std::vector<std::string>& documents) {
  const DecodeLimits limits;
  std::vector<Bytes> values;
  for (const std::string& text : documents) values.push_back({text.data(), text.size()});
  const std::vector<Field> inferred = inferJsonSchema(values, limits);
  std::vector<Field> schema;
  const Status parsed = parseSchema(schemaToJson(inferred), schema);
  if (!parsed.ok()) fail("expected a schema that can be read", inferred, "", parsed.message);

  std::vector<ColumnSpec> columns;
  for (const Field& field : schema) columns.push_back({field, true});
  std::unique_ptr<Decoder> decoder;
  const Status made = makeDecoder("json", columns, nullptr, limits, decoder);
  if (!made.ok()) fail("expected a schema that the decoder takes", inferred, "", made.message);
  ColumnSet rows(columns);
  DecodeOutcome outcome;
  decoder->decode(values, rows, outcome);
  if (outcome.kept.size() + outcome.errors.size() != values.size()) {
    fail("expected every document to be kept or an error", inferred, "", "");
  }
  for (const RowError& error : outcome.errors) {
    const Bytes& value = values[error.row];
    // A misfit alone tells that the document is JSON. Of others it is asked whether inference reads them.
    if (error.code == "SCHEMA" || !inferJsonSchema({&value, 1}, limits).empty()) {
      fail("expected a document that was inferred from to decode", inferred, value.view(), error.message);
    }
  }
  for (const uint32_t row : outcome.kept) {
    const Bytes& value = values[row];
    if (inferJsonSchema({&value, 1}, limits).empty() && !hasNoColumns(value.view())) {
      fail("expected a document that decodes to be inferred from", inferred, value.view(), "");
    }
  }
  Slab slab;
  const Status finished = rows.finish(static_cast<int64_t>(outcome.kept.size()), slab);
  if (!finished.ok()) fail("expected a slab", inferred, "", finished.message);
  return outcome.kept.size();
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  size_t made = 0;
  size_t kept = 0;
  while (made < count) {
    std::vector<std::string> documents(std::min(random.below(8) + 1, count - made));
    for (std::string& text : documents) text = document(random);
    kept += checkSet(documents);
    made += documents.size();
  }
  std::printf("json_infer: %zu documents, %zu decoded under what was inferred\n", made, kept);
  return 0;
}
