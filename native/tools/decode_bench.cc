// What a JSON document costs: our decoder, whole document checked and every column written, beside simdjson's
// on-demand walk over the same bytes without conversion; and our encoder, from the same columns back to the bytes.
//
//   decode-bench [DOCUMENTS [ROUNDS]]     documents that are made up here; prints a table
//   decode-bench FILE SCHEMA ROUNDS       a document a line, columns as wire JSON; prints one line of JSON
//
// Gives the best round: on a machine that others use as well, the others are noise.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "columns.h"
#include "predicate.h"
#include "sabot.h"

// decode_bench_walk.cc
size_t walkFields(const char* data, size_t size, size_t room);
const char* walkImplementation();

namespace {

using namespace sabot;
using Clock = std::chrono::steady_clock;

constexpr const char* schema =
    R"([{"name":"id","type":"int64"},{"name":"user","type":"utf8"},{"name":"amount","type":"float64"},)"
    R"({"name":"currency","type":"utf8"},{"name":"country","type":"utf8"},{"name":"merchant","type":"utf8"},)"
    R"({"name":"category","type":"utf8"},{"name":"at","type":"timestamp[ms]"},{"name":"card_present","type":"bool"},)"
    R"({"name":"score","type":"float64"},{"name":"items","type":"int32"}])";

// Padded once at the end, so that simdjson may read on.
struct Documents {
  std::string text;
  std::vector<size_t> offsets{0};

  // The lines of a file.
  explicit Documents(const char* path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      text.append(line);
      offsets.push_back(text.size());
    }
    text.append(64, ' ');
  }

  // Transactions of about 210 bytes, 11 fields.
  explicit Documents(size_t count) {
    std::mt19937_64 random(7);
    const auto below = [&random](uint64_t most) { return random() % most; };
    const char* currencies[] = {"EUR", "USD", "GBP", "CHF"};
    const char* countries[] = {"DE", "US", "GB", "FR", "JP"};
    const char* categories[] = {"groceries", "fuel", "travel", "restaurant", "online"};
    for (size_t i = 0; i < count; ++i) {
      char document[400];
      const int size = std::snprintf(
          document, sizeof document,
          R"({"id":%llu,"user":"user-%06llu","amount":%llu.%02llu,"currency":"%s","country":"%s","merchant":"merchant %llu",)"
          R"("category":"%s","at":"2025-%02llu-%02lluT%02llu:%02llu:%02llu.%03lluZ","card_present":%s,"score":0.%04llu,"items":%llu})",
          1'000'000'000ull + i, static_cast<unsigned long long>(below(1'000'000)), static_cast<unsigned long long>(below(5000)),
          static_cast<unsigned long long>(below(100)), currencies[below(4)], countries[below(5)],
          static_cast<unsigned long long>(below(10'000)), categories[below(5)],
          static_cast<unsigned long long>(1 + i / 400'000 % 12), static_cast<unsigned long long>(1 + i / 20'000 % 28),
          static_cast<unsigned long long>(below(24)), static_cast<unsigned long long>(below(60)),
          static_cast<unsigned long long>(below(60)), static_cast<unsigned long long>(below(1000)),
          below(2) == 0 ? "true" : "false", static_cast<unsigned long long>(1 + below(9999)),
          static_cast<unsigned long long>(1 + below(40)));
      text.append(document, static_cast<size_t>(size));
      offsets.push_back(text.size());
    }
    text.append(64, ' ');
  }
  size_t count() const { return offsets.size() - 1; }
  Bytes operator[](size_t i) const { return {text.data() + offsets[i], offsets[i + 1] - offsets[i]}; }
};

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "decode-bench: %s\n", message.c_str());
  std::exit(1);
}

template <class Run>
double nanosecondsEach(size_t documents, int rounds, Run&& run) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    run();
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(documents));
  }
  return best;
}

// Decodes in batches as the source does, and finishes each into a slab where `slabs`; with a predicate or without.
double ours(const Documents& documents, const std::vector<ColumnSpec>& columns, int rounds, bool slabs,
            std::string_view predicateJson = "") {
  std::shared_ptr<const Predicate> predicate;
  if (!predicateJson.empty()) {
    if (const Status status = Predicate::parse(predicateJson, columns, predicate); !status.ok()) die(status.message);
  }
  std::unique_ptr<Decoder> decoder;
  if (const Status status = makeDecoder("json", columns, predicate, {}, decoder); !status.ok()) die(status.message);
  constexpr size_t batch = 8192;
  std::vector<Bytes> values;
  for (size_t i = 0; i < documents.count(); ++i) values.push_back(documents[i]);
  ColumnSet set(columns);
  DecodeOutcome outcome;
  return nanosecondsEach(documents.count(), rounds, [&] {
    for (size_t from = 0; from < values.size(); from += batch) {
      const size_t count = std::min(batch, values.size() - from);
      outcome.clear();
      decoder->decode({values.data() + from, count}, set, outcome);
      if (!outcome.errors.empty()) die("a document was not read: " + outcome.errors[0].message);
      Slab slab;
      if (slabs) set.finish(static_cast<int64_t>(outcome.kept.size()), slab);
      else set.clear();
    }
  });
}

std::vector<NamedArray> viewsOf(const std::vector<ColumnSpec>& columns, const Slab& slab) {
  std::vector<Field> fields;
  for (const ColumnSpec& column : columns) fields.push_back(column.field);
  return arraysOf(slab, fields);
}

// All documents as one slab.
Slab decoded(const Documents& documents, const std::vector<ColumnSpec>& columns) {
  std::unique_ptr<Decoder> decoder;
  if (const Status status = makeDecoder("json", columns, nullptr, {}, decoder); !status.ok()) die(status.message);
  std::vector<Bytes> values;
  for (size_t i = 0; i < documents.count(); ++i) values.push_back(documents[i]);
  ColumnSet set(columns);
  DecodeOutcome outcome;
  decoder->decode(values, set, outcome);
  Slab slab;
  set.finish(static_cast<int64_t>(outcome.kept.size()), slab);
  return slab;
}

// What the columns hold, beside what was put into the documents: rows, and of amounts over 1,000 their number and their
// sum in cents.
struct Checksum {
  size_t rows = 0, over = 0;
  int64_t cents = 0;
};

Checksum checksum(const Documents& documents, const std::vector<ColumnSpec>& columns) {
  const Slab slab = decoded(documents, columns);
  Checksum found{.rows = static_cast<size_t>(slab.rows)};
  for (const NamedArray& view : viewsOf(columns, slab)) {
    if (view.name != "amount" || view.array.type.id != TypeId::Float64) continue;
    const auto* amounts = reinterpret_cast<const double*>(view.array.data);
    for (size_t row = 0; row < found.rows; ++row) {
      if (!(amounts[row] > 1000)) continue;
      ++found.over;
      found.cents += std::llround(amounts[row] * 100);
    }
  }
  return found;
}

// Encodes as the sink does, 1,024 rows at a time.
double encoding(const Documents& documents, const std::vector<ColumnSpec>& columns, int rounds) {
  std::unique_ptr<Encoder> encoder;
  if (const Status status = makeEncoder("json", "{}", encoder); !status.ok()) die(status.message);
  const Slab slab = decoded(documents, columns);
  const std::vector<NamedArray> views = viewsOf(columns, slab);
  constexpr size_t share = 1024;
  std::vector<uint32_t> rows;
  EncodedRows encoded;
  std::vector<RowError> errors;
  return nanosecondsEach(documents.count(), rounds, [&] {
    for (size_t from = 0; from < documents.count(); from += share) {
      const size_t count = std::min(share, documents.count() - from);
      rows.resize(count);
      for (size_t i = 0; i < count; ++i) rows[i] = static_cast<uint32_t>(from + i);
      encoded.clear();
      encoder->encode(views, rows, encoded, errors);
      if (!errors.empty()) die("a row was not written: " + errors[0].message);
      // The documents came from this encoder or one that writes the same.
      const std::string_view last{encoded.bytes.data() + encoded.offsets[count - 1],
                                  static_cast<size_t>(encoded.offsets[count] - encoded.offsets[count - 1])};
      if (last != documents[from + count - 1].view()) die("a row was written otherwise: " + std::string(last));
    }
  });
}

double walk(const Documents& documents, int rounds) {
  size_t fields = 0;
  const double each = nanosecondsEach(documents.count(), rounds, [&] {
    for (size_t i = 0; i < documents.count(); ++i) {
      const Bytes value = documents[i];
      fields += walkFields(value.data, value.size, documents.text.size() - documents.offsets[i]);
    }
  });
  if (fields != documents.count() * 11 * static_cast<size_t>(rounds)) die("simdjson found other fields");
  return each;
}

// For the bench: one line of JSON.
int benchFile(const char* path, const char* schemaJson, int rounds) {
  const Documents documents(path);
  std::vector<Field> fields;
  if (const Status status = parseSchema(schemaJson, fields); !status.ok()) die(status.message);
  if (documents.count() == 0 || rounds <= 0) die("expected documents and rounds; got none");
  std::vector<ColumnSpec> columns;
  for (const Field& field : fields) columns.push_back({field, true});
  const Checksum found = checksum(documents, columns);
  std::printf(R"({"rows":%zu,"over":%zu,"sum":%lld,"bytes":%zu,"sabot":%.2f,"on-demand-walk":%.2f,"sabot-encode":%.2f})"
              "\n",
              found.rows, found.over, static_cast<long long>(found.cents), documents.offsets.back(),
              ours(documents, columns, rounds, true), walk(documents, rounds), encoding(documents, columns, rounds));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return benchFile(argv[1], argv[2], std::atoi(argv[3]));
  const size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  if (count == 0 || rounds <= 0) die("usage: decode-bench [DOCUMENTS [ROUNDS]]");
  const Documents documents(count);
  std::vector<Field> fields;
  if (const Status status = parseSchema(schema, fields); !status.ok()) die(status.message);
  std::vector<ColumnSpec> all, two;
  for (const Field& field : fields) {
    all.push_back({field, true});
    if (field.name == "id" || field.name == "amount") two.push_back({field, true});
  }
  std::printf("%zu documents of %.0f bytes, simdjson's walk for %s\n", count,
              static_cast<double>(documents.offsets.back()) / static_cast<double>(count), walkImplementation());
  std::printf("sabot, 11 columns            %6.1f ns a document\n", ours(documents, all, rounds, false));
  std::printf("sabot, 11 columns, slabs     %6.1f ns a document\n", ours(documents, all, rounds, true));
  std::printf("sabot, 2 of the 11 columns   %6.1f ns a document\n", ours(documents, two, rounds, false));
  // Amounts go up to 5,000: half of the rows are rejected, or nearly all.
  const auto over = [](const char* limit) { return std::string(R"(["gt",1,{"i":")") + limit + R"("}])"; };
  std::printf("sabot, 2, half rejected      %6.1f ns a document\n", ours(documents, two, rounds, false, over("2500")));
  std::printf("sabot, 2, 99 %% rejected      %6.1f ns a document\n", ours(documents, two, rounds, false, over("4950")));
  std::printf("simdjson on-demand walk      %6.1f ns a document\n", walk(documents, rounds));
}
