// What a JSON document costs: our decoder, whole document checked and every column written, beside simdjson's
// on-demand walk over the same bytes without conversion. Usage: decode-bench [DOCUMENTS [ROUNDS]]
//
// Prints the best round: on a machine that others use as well, the others are noise.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "columns.h"
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

// Transactions of about 210 bytes, 11 fields; padded once at the end, so that simdjson may read on.
struct Documents {
  std::string text;
  std::vector<size_t> offsets{0};

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

// Decodes in batches as the source does, and finishes each into a slab where `slabs`.
double ours(const Documents& documents, const std::vector<ColumnSpec>& columns, int rounds, bool slabs) {
  std::unique_ptr<Decoder> decoder;
  if (const Status status = makeDecoder("json", columns, nullptr, {}, decoder); !status.ok()) die(status.message);
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
      if (outcome.kept.size() != count) die("a document was not read: " + outcome.errors[0].message);
      Slab slab;
      if (slabs) set.finish(static_cast<int64_t>(count), slab);
      else set.clear();
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

}  // namespace

int main(int argc, char** argv) {
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
  std::printf("simdjson on-demand walk      %6.1f ns a document\n", walk(documents, rounds));
}
