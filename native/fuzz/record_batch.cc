// Mutates record batches and reads them.
//
//   record_batch [sets] [seed]      default: 200000 sets
//
// What must hold of every set: nothing outside of it is read (the sanitizers see that), each piece has no more records
// and bytes than allowed, offsets ascend from batch to batch where they can be read, and reading comes to an end.
#include "record_batch.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/random.h"
#include "test/record_fixture.h"

namespace {

using namespace sabot;
using namespace sabot::test;

std::string randomSet(Random& random) {
  std::string out;
  int64_t offset = static_cast<int64_t>(random.below(100));
  for (size_t batches = random.below(3) + 1; batches > 0; --batches) {
    TestBatch batch;
    batch.baseOffset = offset;
    batch.baseTimestamp = static_cast<int64_t>(random.next());
    batch.attributes = static_cast<int16_t>(random.below(8) << 3);
    for (size_t records = random.below(6); records > 0; --records) {
      TestRecord record;
      record.offset = offset++;
      record.timestampDelta = random.below(4) == 0 ? static_cast<int64_t>(random.next()) : 1;
      record.value = std::string(random.below(40), 'v');
      if (random.below(2) == 0) record.key = std::string(random.below(5), 'k');
      for (size_t headers = random.below(3); headers > 0; --headers) record.headers.emplace_back("h", "x");
      batch.records.push_back(std::move(record));
    }
    out += batchBytes(batch);
    offset += static_cast<int64_t>(random.below(3));
  }
  return out;
}

void mutate(std::string& bytes, Random& random) {
  const size_t at = random.below(bytes.size());
  switch (random.below(5)) {
    case 0: bytes[at] = static_cast<char>(random.next()); break;
    case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8))); break;
    case 2: bytes.erase(at, random.below(8) + 1); break;
    case 3: bytes.insert(at, std::string(random.below(12) + 1, static_cast<char>(random.next()))); break;
    default: bytes.resize(at + 1); break;
  }
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "record_batch: %s\n", what);
  std::exit(1);
}

size_t check(const std::string& bytes, Random& random) {
  // An allocation of its own size, so that a byte too far is seen.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  RecordSet set(nullptr, {exact.data(), exact.size()}, static_cast<int64_t>(random.below(60)));
  RecordSet::Limits limits;
  limits.rows = random.below(6) + 1;
  limits.bytes = static_cast<int64_t>(random.below(200) + 1);
  if (random.below(2) == 0) limits.before = static_cast<int64_t>(random.below(120));
  RecordSpan span;
  int64_t size = 0;
  size_t records = 0;
  for (size_t pieces = 0; pieces <= bytes.size(); ++pieces) {
    const int64_t position = set.position();
    if (set.take(limits, span, size) != RecordSet::Taken::Records) return records;
    if (span.count == 0 || span.count > limits.rows) fail("expected at least one record and no more than allowed");
    if (size > limits.bytes && span.count > 1) fail("expected no more bytes than allowed");
    if (set.position() <= position) fail("expected the position to move");
    span.forEach([&](const Message& message) {
      ++records;
      message.headers.forEach([](std::string_view, const Bytes&) {});
    });
  }
  fail("expected an end");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  size_t records = 0;
  for (size_t made = 0; made < count; ++made) {
    std::string bytes = randomSet(random);
    for (size_t i = random.below(4); i > 0 && !bytes.empty(); --i) mutate(bytes, random);
    records += check(bytes, random);
  }
  std::printf("record_batch: %zu sets, %zu records read\n", count, records);
  return 0;
}
