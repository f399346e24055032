// What the steps of a native program cost a row, on columns that lie in the cache as they do behind the decoder.
// Usage: program-bench [ROUNDS]. Prints the best round of runs of 8,192 rows.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "columns.h"
#include "program.h"

namespace {

using namespace sabot;
using Clock = std::chrono::steady_clock;

constexpr size_t rows = 8192;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "program-bench: %s\n", message.c_str());
  std::exit(1);
}

void fill(ColumnSet& columns) {
  std::mt19937_64 random(7);
  const char* countries[] = {"DE", "US", "GB", "FR", "JP"};
  const char* notes[] = {"order 4711, paid by card", "second refund after complaint", "left at the neighbour's door",
                         "express", "order cancelled, refund under way"};
  for (size_t i = 0; i < rows; ++i) {
    columns[0].append(static_cast<double>(random() % 500'000) / 100);
    columns[1].append(static_cast<int64_t>(random() % 40));
    columns[2].appendBytes(countries[random() % 5]);
    columns[3].appendBytes(notes[random() % 5]);
  }
}

void measure(const char* name, const std::string& json, int rounds, bool slab) {
  std::vector<Field> fields;
  parseSchema(R"([{"name":"amount","type":"float64"},{"name":"items","type":"int64"},{"name":"country","type":"utf8"},{"name":"note","type":"utf8"}])",
              fields);
  std::vector<ColumnSpec> columns;
  for (const Field& field : fields) columns.push_back({field, true});
  std::shared_ptr<const Program> program;
  if (const Status status = Program::parse(json, columns, {}, program); !status.ok()) die(status.message);
  columns.insert(columns.end(), program->computed().begin(), program->computed().end());
  ColumnSet set(columns);
  ProgramRun run(program);
  DecodeOutcome outcome;
  double best = std::numeric_limits<double>::max();
  size_t kept = 0;
  for (int round = 0; round < rounds; ++round) {
    set.clear();
    fill(set);
    outcome.clear();
    outcome.kept.resize(rows);
    std::iota(outcome.kept.begin(), outcome.kept.end(), 0);
    Slab out;
    const auto start = Clock::now();
    if (!run.run(set, outcome).ok() || (slab && !run.finish(set, out).ok())) die("a run failed");
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(rows));
    kept = outcome.kept.size();
  }
  std::printf("%-56s %6.2f ns a row, %zu of %zu left\n", name, best, kept, rows);
}

std::string filter(const std::string& expr) { return R"({"kind":"filter","text":"f","expr":)" + expr + "}"; }

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 300;
  if (rounds <= 0) die("usage: program-bench [ROUNDS]");
  const std::string amounts = filter(R"(["gt",["col",0],["lit",{"i":"1000"}]])");
  const std::string few = filter(R"(["gt",["col",0],["lit",{"i":"4900"}]])");
  const std::string countries = filter(R"(["eq",["col",2],["lit",{"s":"DE"}]])");
  const std::string items = filter(R"(["in",["col",1],["lit",{"i":"3"}],["lit",{"i":"5"}],["lit",{"i":"7"}]])");
  const std::string contains = filter(R"(["contains",["col",3],["lit",{"s":"refund"}]])");
  const std::string joined =
      R"({"kind":"compute","text":"c","type":"utf8","expr":["concat",["col",2],["lit",{"s":": "}],["col",3]]})";
  const std::string level =
      R"({"kind":"compute","text":"c","type":"utf8","expr":["when",["gt",["col",0],["lit",{"i":"1000"}]],)"
      R"(["lit",{"s":"high"}],["lit",{"s":"low"}]]})";
  const std::string fee = R"({"kind":"compute","text":"c","type":"float64","expr":["mul",["col",0],["lit",{"f":0.08}]]})";
  const std::string more = R"({"kind":"compute","text":"c","type":"int64","expr":["add",["col",1],["lit",{"i":"1"}]]})";
  // The first columns, and what is computed: the fourth of a slab is the fifth of the program.
  const auto program = [](const std::string& steps, size_t output) {
    std::string columns;
    for (size_t i = 0; i < output; ++i) {
      columns += (i > 0 ? "," : "") + std::string(R"({"name":"c","column":)") + std::to_string(i == 3 ? 4 : i) + "}";
    }
    return R"({"steps":[)" + steps + R"(],"output":[)" + columns + "]}";
  };
  measure("filter amount > 1000", program(amounts, 3), rounds, false);
  measure("filter country = 'DE'", program(countries, 3), rounds, false);
  measure("filter contains(note, 'refund')", program(contains, 3), rounds, false);
  measure("filter items in (3, 5, 7)", program(items, 3), rounds, false);
  measure("filter amount > 1000, then country = 'DE'", program(amounts + "," + countries, 3), rounds, false);
  measure("amount * 0.08", program(fee, 4), rounds, false);
  measure("items + 1", program(more, 4), rounds, false);
  measure("concat(country, ': ', note)", program(joined, 4), rounds, false);
  measure("when amount > 1000 then 'high' otherwise 'low'", program(level, 4), rounds, false);
  measure("slab of 3 columns", program("", 3), rounds, true);
  measure("filter amount > 1000, slab of 3 columns", program(amounts, 3), rounds, true);
  measure("filter amount > 4900, slab of 3 columns", program(few, 3), rounds, true);
  measure("filter amount > 1000, amount * 0.08, slab of 4 columns", program(amounts + "," + fee, 4), rounds, true);
  measure("concat(country, ': ', note), slab of 4 columns", program(joined, 4), rounds, true);
}
