// Mutates JSON documents as Kafka has them and decodes them in batches. Usage: json_decode [COUNT [SEED]]
//
// Holds that every row is kept, rejected or an error; that columns and slabs are whole; that a document gives the same
// row alone and among others (keys that were expected, and keys that were not); that it gives the same where it lies
// and in a copy; that a predicate keeps the rows for which it is true, and gives no other error than there is without
// it; and that simdjson's DOM accepts the same documents, but for numbers past 64 bits, which only simdjson
// refuses. The same arguments give the same documents. Aborts with the document on a finding.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "columns.h"
#include "predicate.h"
#include "sabot.h"

namespace {

using namespace sabot;

constexpr int maxDepth = 8;

const std::vector<std::string> seeds{
    R"({"id":1234567,"user":"u-48213","amount":1234.56,"currency":"EUR","at":"2025-03-14T09:26:53.589Z","ok":true,"tags":["a","b"],"place":{"city":"Bern","zip":3000},"note":null})",
    R"({"id":-1,"user":"Zo\u00eb \ud83d\ude00","amount":1e-7,"currency":"","at":"2024-02-29","ok":false,"tags":[],"place":{},"note":"line\nbreak \"quoted\" \\ /"})",
    R"({ "amount" : 0.1 , "id" : 9223372036854775807 , "tags" : [ null , "x" ] , "extra" : { "deep" : [ [ [ 1 , 2.5 , { "a" : [] } ] ] ] } , "place" : { "zip" : -0 , "city" : "\t" } })",
    R"({"id":7,"id":8,"user":"é – ü 漢字","amount":12345678901234567890.125,"price":"0012.50","price":-99999999.99,"day":"1969-12-31","blob":"AAECAwQ=","at":1709210096789})",
    R"({"FL_DATE":"2001/01/10 19:40","id":null,"ratings":[{"stars":5,"by":{"name":"x"}},{"stars":4.0,"by":null},null,{"by":{"name":"y","name":"z"},"stars":3}],"amount":-0.0})",
    R"({"type":"Feature","properties":{"mag":1.9,"place":"10km","time":1517967600000,"felt":null},"geometry":{"type":"Point","coordinates":[-118.1,33.9,12.3]},"id":"ci38103911"})",
    R"({"":{"":{"":""}},"price":1E2,"blob":"","day":19000,"small":255,"f":3.4028235e38,"u":18446744073709551615})",
};

constexpr const char* schema =
    R"j([{"name":"id","type":"int64"},{"name":"user","type":"utf8"},{"name":"amount","type":"float64"},)j"
    R"j({"name":"at","type":"timestamp[us]"},{"name":"ok","type":"bool"},{"name":"tags","type":{"list":"utf8"}},)j"
    R"j({"name":"place","type":{"struct":[{"name":"city","type":"utf8"},{"name":"zip","type":"int32"}]}},)j"
    R"j({"name":"price","type":"decimal(12,4)"},{"name":"day","type":"date"},{"name":"blob","type":"binary"},)j"
    R"j({"name":"small","type":"uint8"},{"name":"f","type":"float32"},{"name":"u","type":"uint64"},)j"
    R"j({"name":"ratings","type":{"list":{"struct":[{"name":"stars","type":"int8"},)j"
    R"j({"name":"by","type":{"struct":[{"name":"name","type":"utf8"}]}}]}}}])j";

// Every column utf8: any JSON object fits.
constexpr const char* anySchema =
    R"([{"name":"id","type":"utf8"},{"name":"amount","type":"utf8"},{"name":"place","type":"utf8"},{"name":"","type":"utf8"}])";

[[noreturn]] void found(const char* what, const std::string& document) {
  std::fprintf(stderr, "json_decode: %s\n", what);
  for (const char c : document) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && byte != '\\') std::fputc(byte, stderr);
    else std::fprintf(stderr, "\\x%02x", byte);
  }
  std::fputc('\n', stderr);
  std::abort();
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  size_t below(size_t most) { return static_cast<size_t>(random_() % most); }
  const std::string& seed() { return seeds[below(seeds.size())]; }

  std::string next() {
    std::string text = seed();
    const size_t times = below(8) == 0 ? 0 : 1 + below(5);
    for (size_t i = 0; i < times && !text.empty(); ++i) mutate(text);
    return text;
  }

 private:
  void mutate(std::string& text) {
    static const std::vector<std::string> pieces{
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\ude00", "\\u0000", "null", "true", "false", "0", "-", "1e", "E+", ".", "e400", "00",
        " ", "\n", "\t", std::string(1, '\0'), "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xFF", "\xED\xA0\x80", "\xC0\x80", "\xEF\xBB\xBF",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1.7976931348623159e308", "0.1", "\"2024-02-30T00:00:00Z\"",
        "\"2024-02-29T23:59:60Z\"", "[[[[[[[[[", "{\"a\":", "\"id\":1,", ",\"id\":", "\"place\":{\"zip\":1},", "\"user\":\"", "\"AA==\"",
        "123456789012345678901234567890", "                ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    const size_t at = below(text.size());
    const size_t length = 1 + below(std::min<size_t>(text.size() - at, 1 + below(24)));
    switch (below(9)) {
      case 0: text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
      case 1: text[at] = static_cast<char>(below(256)); break;
      case 2: text.erase(at, length); break;
      case 3:
      case 4: text.insert(at, pieces[below(pieces.size())]); break;
      case 5: text.replace(at, length, pieces[below(pieces.size())]); break;
      case 6: text.insert(below(text.size()), std::string(text, at, length)); break;
      case 7: {
        const std::string& other = seed();
        const size_t from = below(other.size());
        text = text.substr(0, at) + other.substr(from, below(4) == 0 ? std::string::npos : 1 + below(40)) + text.substr(at);
        break;
      }
      default: text.resize(at); break;
    }
  }

  std::mt19937_64 random_;
};

// ---------------------------------------------------------------- columns and slabs

void checkColumn(const Column& column, const std::string& document) {
  int64_t nulls = 0;
  for (int64_t row = 0; row < column.length(); ++row) nulls += column.isValid(row) ? 0 : 1;
  if (nulls != column.nullCount()) found("a column counts other nulls than it has", document);
  for (size_t i = 0; i < column.childCount(); ++i) {
    if (column.type().id == TypeId::Struct && column.child(i).length() != column.length()) {
      found("a struct's child has another length", document);
    }
    checkColumn(column.child(i), document);
  }
}

ArrayView viewOf(const Type& type, const Slab& slab, size_t& at, const std::string& document) {
  if (at >= slab.nodes.size()) found("the slab has fewer nodes than its schema", document);
  const NodeLayout& node = slab.nodes[at++];
  ArrayView view;
  view.type = type;
  view.length = node.length;
  view.nullCount = node.nullCount;
  for (const uint64_t end : {node.validityOffset + node.validityBytes, node.offsetsOffset + node.offsetsBytes,
                             node.dataOffset + node.dataBytes}) {
    if (end > slab.size) found("a buffer lies outside of its slab", document);
  }
  if (node.validityBytes > 0) view.validity = slab.data + node.validityOffset;
  view.data = slab.data + node.dataOffset;
  if (node.offsetsBytes > 0) {
    view.offsets = reinterpret_cast<const int32_t*>(slab.data + node.offsetsOffset);
    if (view.offsets[0] != 0) found("offsets do not begin with 0", document);
    for (int64_t i = 0; i < view.length; ++i) {
      if (view.offsets[i] > view.offsets[i + 1]) found("offsets fall", document);
    }
    if (type.id != TypeId::List && static_cast<uint64_t>(view.offsets[view.length]) != node.dataBytes) {
      found("the last offset is not where the bytes end", document);
    }
  }
  for (const Field& child : type.children) {
    view.children.push_back(viewOf(child.type, slab, at, document));
    const int64_t length = type.id == TypeId::List ? view.offsets[view.length] : view.length;
    if (view.children.back().length != length) found("a child has another length than its parent says", document);
  }
  return view;
}

struct Rows {
  std::vector<std::string> texts;  // as JSON; of a row that failed its error, of a rejected one ""
  std::vector<bool> kept;
  std::vector<bool> holds;  // a predicate of another decoding, of kept rows
};

class Decoding {
 public:
  Decoding(const char* schemaJson, const char* predicateJson) {
    std::vector<Field> fields;
    if (!parseSchema(schemaJson, fields).ok()) found("the schema does not parse", schemaJson);
    for (Field& field : fields) columns_.push_back({std::move(field), true});
    if (*predicateJson != '\0' && !Predicate::parse(predicateJson, columns_, predicate_).ok()) {
      found("the predicate does not parse", predicateJson);
    }
    set_ = std::make_unique<ColumnSet>(columns_);
    forget();
    if (!makeEncoder("json", R"({"nonFinite":"null"})", encoder_).ok()) found("no encoder", "");
  }

  // A decoder that has not seen any document.
  void forget() {
    if (!makeDecoder("json", columns_, predicate_, DecodeLimits{maxDepth}, decoder_).ok()) found("no decoder", "");
  }

  const Predicate& predicate() const { return *predicate_; }

  // asked: what is tested on every row that is kept.
  Rows decode(const std::vector<std::string>& documents, const Predicate* asked = nullptr) {
    // Each in an allocation of its own size, so that the sanitizer sees a read behind it.
    std::vector<std::unique_ptr<char[]>> exact;
    std::vector<Bytes> values;
    for (const std::string& document : documents) {
      exact.push_back(std::make_unique<char[]>(document.size() + (document.empty() ? 1 : 0)));
      std::memcpy(exact.back().get(), document.data(), document.size());
      values.push_back({exact.back().get(), document.size()});
    }
    outcome_.clear();
    decoder_->decode(values, *set_, outcome_);
    const std::string& any = documents[0];
    const auto rows = static_cast<int64_t>(outcome_.kept.size());
    for (size_t i = 0; i < set_->size(); ++i) {
      if ((*set_)[i].length() != rows) found("a column has another length than rows were kept", any);
      checkColumn((*set_)[i], any);
    }
    Rows out{std::vector<std::string>(documents.size()), std::vector<bool>(documents.size()),
             std::vector<bool>(documents.size())};
    for (int64_t row = 0; asked != nullptr && row < rows; ++row) {
      out.holds[outcome_.kept[static_cast<size_t>(row)]] = asked->test(*set_, row);
    }
    Slab slab;
    if (!set_->finish(rows, slab).ok()) found("no slab", any);
    std::vector<NamedArray> arrays;
    size_t at = 0;
    for (const ColumnSpec& column : columns_) arrays.push_back({column.field.name, viewOf(column.field.type, slab, at, any)});
    if (at != slab.nodes.size()) found("the slab has more nodes than its schema", any);

    std::vector<uint32_t> selected(outcome_.kept.size());
    std::iota(selected.begin(), selected.end(), 0);
    EncodedRows encoded;
    std::vector<RowError> errors;
    encoder_->encode(arrays, selected, encoded, errors);
    if (!errors.empty()) found(errors[0].message.c_str(), documents[outcome_.kept[errors[0].row]]);

    for (size_t i = 0; i < outcome_.kept.size(); ++i) {
      const uint32_t row = outcome_.kept[i];
      if (row >= documents.size() || (i > 0 && row <= outcome_.kept[i - 1])) found("kept rows are not ascending", any);
      out.kept[row] = true;
      out.texts[row].assign(encoded.bytes.data() + encoded.offsets[i], encoded.bytes.data() + encoded.offsets[i + 1]);
    }
    for (const RowError& error : outcome_.errors) {
      if (error.row >= documents.size() || out.kept[error.row] || !out.texts[error.row].empty()) {
        found("a row has two outcomes", any);
      }
      if (error.message.empty() || !simdjson::validate_utf8(error.message)) found("a message is not UTF-8", documents[error.row]);
      out.texts[error.row] = error.code + ": " + error.message;
    }
    return out;
  }

 private:
  std::vector<ColumnSpec> columns_;
  std::shared_ptr<const Predicate> predicate_;
  std::unique_ptr<ColumnSet> set_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Encoder> encoder_;
  DecodeOutcome outcome_;
};

// ---------------------------------------------------------------- the other opinion

enum class Opinion { Accepts, Refuses, None };

Opinion simdjsonsOpinion(simdjson::dom::parser& parser, const std::string& document) {
  if (document.starts_with("\xEF\xBB\xBF")) return Opinion::None;  // it passes over the byte order mark
  simdjson::dom::object object;
  const auto error = parser.parse(document).get(object);
  if (error == simdjson::SUCCESS) return Opinion::Accepts;
  // Numbers past 64 bits and past float64: JSON.parse takes them.
  if (error == simdjson::NUMBER_ERROR || error == simdjson::BIGINT_ERROR) return Opinion::None;
  return Opinion::Refuses;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  Mutator mutator(seed);
  Decoding typed(schema, "");
  Decoding alone(schema, "");
  Decoding filtered(schema, R"(["or",[["gt",0,{"i":"0"}],["isNull",1]]])");
  // Early rejection: by the first key, by a later one, by either.
  Decoding narrow(schema, R"(["and",[["gt",0,{"i":"8"}],["not",["isNull",2]]]])");
  Decoding any(anySchema, "");
  simdjson::dom::parser parser;
  if (parser.allocate(1 << 16, maxDepth + 1) != simdjson::SUCCESS) found("no simdjson parser", "");

  size_t kept = 0, misfits = 0, refusals = 0, compared = 0;
  for (size_t done = 0; done < count;) {
    std::vector<std::string> documents;
    for (size_t i = 0, batch = 1 + mutator.below(64); i < batch && done < count; ++i, ++done) {
      documents.push_back(mutator.next());
      // What came before is now and then what comes next, so that expected keys are met.
      if (mutator.below(3) == 0) documents.push_back(mutator.seed());
    }
    Decoding& asking = mutator.below(2) == 0 ? filtered : narrow;
    const Rows among = typed.decode(documents, &asking.predicate());
    const Rows anyRows = any.decode(documents);
    const Rows some = asking.decode(documents);
    for (size_t i = 0; i < documents.size(); ++i) {
      const std::string& document = documents[i];
      if (mutator.below(8) == 0) alone.forget();
      if (alone.decode({document}).texts[0] != among.texts[i]) found("another row alone than among others", document);
      if (!some.texts[i].empty() && some.texts[i] != among.texts[i]) found("a predicate changed a row", document);
      if (some.kept[i] != (among.kept[i] && among.holds[i])) found("a predicate kept another row", document);
      const bool isDecode = among.texts[i].starts_with("DECODE: ");
      if (isDecode == anyRows.kept[i]) found("whether it is JSON depends on the schema", document);
      const Opinion opinion = simdjsonsOpinion(parser, document);
      if (opinion != Opinion::None) ++compared;
      if (opinion == Opinion::Accepts && isDecode) found("simdjson accepts what we refuse", document + "\n" + among.texts[i]);
      if (opinion == Opinion::Refuses && !isDecode) found("simdjson refuses what we accept", document);
      ++(among.kept[i] ? kept : isDecode ? refusals : misfits);
    }
  }
  std::printf("json_decode: %zu documents mutated: %zu rows, %zu misfits, %zu not JSON; %zu compared with simdjson\n", count, kept,
              misfits, refusals, compared);
}
