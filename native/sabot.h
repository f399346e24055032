// The seams of the native side. No N-API and no Kafka in this file.
//
//   bytes -> Decoder -> ColumnSet -> Slab -> (JavaScript) -> BatchView -> Encoder -> bytes
//
// Nothing here throws across a function boundary, prints or aborts: what can go wrong returns a Status or is
// recorded as a RowError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sabot {

// ---------------------------------------------------------------- status

// `code` is one of SabotError's codes (src/errors.ts), e.g. "KAFKA", "CONFIG", "DECODE". Empty code: success.
struct Status {
  std::string code;
  std::string message;
  bool ok() const { return code.empty(); }
  static Status success() { return {}; }
  static Status error(std::string code, std::string message) { return {std::move(code), std::move(message)}; }
};

// ---------------------------------------------------------------- types

enum class TypeId : uint8_t {
  Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64,
  Utf8, Binary,      // int32 offsets
  Date32,            // days since 1970-01-01, int32
  Timestamp,         // int64 since the epoch, UTC, in `unit`
  Decimal128,        // 16 bytes little endian two's complement, `precision` digits, `scale` behind the point
  List,              // one child, int32 offsets
  Struct,            // children
};

enum class TimeUnit : uint8_t { Second, Milli, Micro, Nano };

struct Field;

struct Type {
  TypeId id = TypeId::Utf8;
  TimeUnit unit = TimeUnit::Milli;
  int precision = 0;
  int scale = 0;
  std::vector<Field> children;  // List: exactly one (named "item"); Struct: one a field; otherwise none
};

struct Field {
  std::string name;
  Type type;
};

// The wire form of a type, the same in both directions between JavaScript and C++, is JSON:
//   "int64" "float64" "bool" "utf8" "binary" "date" "timestamp[ms]" "decimal(18,4)" ...
//   {"list": TYPE}   {"struct": [{"name": NAME, "type": TYPE}, ...]}
// and a schema is [{"name": NAME, "type": TYPE}, ...].  (types.cc)
Status parseType(std::string_view json, Type& out);
Status parseSchema(std::string_view json, std::vector<Field>& out);
std::string typeToJson(const Type& type);
std::string schemaToJson(const std::vector<Field>& fields);

// Bytes of a value; 0: bits, bytes of any length, or none of its own.
size_t fixedWidth(TypeId id);

// ---------------------------------------------------------------- bytes in

// A message's key or value where librdkafka keeps it. data == nullptr: null (a tombstone, no key). size == 0 with
// data != nullptr: empty. The bytes are NOT padded and live as long as the call that is handed them.
struct Bytes {
  const char* data = nullptr;
  size_t size = 0;
  bool isNull() const { return data == nullptr; }
  std::string_view view() const { return {data, size}; }
};

struct RowError {
  uint32_t row;         // index into the input of the call
  std::string code;     // "DECODE" | "SCHEMA" | "ENCODE" | ...
  std::string message;  // says column, expected, found, and for a schema misfit the `schema` that would accept it
  int64_t offset = -1;  // of the message that the row came from, where a fused write tells it
};

// What became of the input rows of one decode call: `kept` are indices into the input, ascending, one for each
// row that now stands in the columns; rejected ones (predicate) are in neither list.
struct DecodeOutcome {
  std::vector<uint32_t> kept;
  std::vector<RowError> errors;
  void clear() { kept.clear(); errors.clear(); }
};

// ---------------------------------------------------------------- columns and slabs

// One node of a slab's columns, in pre-order (a struct or list before its children). All offsets are byte offsets
// from Slab::data, 64-byte aligned; validityBytes == 0 means "no nulls". Buffers are Arrow's layout: validity is an
// LSB bitmap, Utf8/Binary/List have length + 1 int32 offsets, Bool data is an LSB bitmap, Struct has no data.
struct NodeLayout {
  int64_t length = 0;
  int64_t nullCount = 0;
  uint64_t validityOffset = 0, validityBytes = 0;
  uint64_t offsetsOffset = 0, offsetsBytes = 0;
  uint64_t dataOffset = 0, dataBytes = 0;
};

// One 64-byte aligned allocation with every buffer of a run of rows of one partition.
// Ownership: unique; handed to an external ArrayBuffer whose finaliser frees it (Slab::free) on the JS thread.
struct Slab {
  uint8_t* data = nullptr;
  size_t size = 0;
  int64_t rows = 0;
  std::vector<NodeLayout> nodes;

  Slab() = default;
  Slab(Slab&& other) noexcept { *this = std::move(other); }
  Slab& operator=(Slab&& other) noexcept;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab();
  uint8_t* release();                       // gives the allocation away
  static uint8_t* allocate(size_t bytes);   // 64-byte aligned, not zeroed; nullptr when there is no memory
  static void free(uint8_t* data, size_t bytes);  // as many as were allocated; nullptr is left alone
};

class ColumnSet;  // columns.h: growable column builders with per-row roll-back, finished into a Slab

// ---------------------------------------------------------------- decoding

// What the plan wants of a value. `emit == false`: only the predicate reads the column; it is not in the slab.
struct ColumnSpec {
  Field field;
  bool emit = true;
};

// Limits on what crossed from the network.
struct DecodeLimits {
  int maxDepth = 64;
};

// A decoder belongs to one worker thread at a time. It appends to `out` exactly one row for every index it adds to
// outcome.kept; a row that fails or that the predicate rejects leaves no trace in `out`.
// A null value (tombstone) gives a row of nulls.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void decode(std::span<const Bytes> values, ColumnSet& out, DecodeOutcome& outcome) = 0;
};

class Predicate;  // predicate.h

// codec: "json" | "string" | "bytes". string and bytes have the one column `value` (utf8, binary).
// The decoder appends to the first columns.size() builders of the ColumnSet it is handed, in order of `columns`.
// `predicate` may be null; it is shared between workers and immutable.
Status makeDecoder(std::string_view codec, const std::vector<ColumnSpec>& columns,
                   std::shared_ptr<const Predicate> predicate, const DecodeLimits& limits,
                   std::unique_ptr<Decoder>& out);

// The schema of JSON values, in the order in which keys first appear; null fits every type.
//   int64      integers within int64
//   float64    other numbers, alone or beside int64; an integer outside int64 where a float64 is written with the same
//              digits (1e20 as JavaScript writes it)
//   bool
//   timestamp[ms]  every string is YYYY-MM-DDTHH:MM[:SS[.fff]] with Z, +HH:MM, +HHMM or no zone (UTC)
//   list       items merged over all lists; utf8 where all are empty
//   struct     keys merged over all objects
//   utf8       other strings, and nothing but nulls; the JSON text of what is mixed, of numbers that neither int64 nor
//              float64 holds (2^64 - 1, 1e400: a number would lose digits), and of objects that are no struct: all of
//              them empty, with a key "", or with more than 4,096 keys
// Of duplicate keys the last counts. Tombstones, documents that are not JSON, no object, or nested deeper than
// limits.maxDepth are passed over. A document's own key "" is no column, for none can be named so; of more than 4,096
// keys the first ones are.
std::vector<Field> inferJsonSchema(std::span<const Bytes> values, const DecodeLimits& limits);

// ---------------------------------------------------------------- encoding

// A column as it lies in JavaScript's ArrayBuffers (owned there; the sink holds references while it reads).
// `offset` counts rows and applies to validity, offsets and data alike, as in Arrow's C data interface.
struct ArrayView {
  Type type;
  int64_t length = 0;
  int64_t offset = 0;
  int64_t nullCount = 0;
  const uint8_t* validity = nullptr;  // nullptr: no nulls
  const int32_t* offsets = nullptr;   // Utf8, Binary, List
  const uint8_t* data = nullptr;      // values, or the bytes of Utf8 and Binary
  std::vector<ArrayView> children;    // types of children repeat type.children

  bool isValid(int64_t row) const {
    const int64_t i = row + offset;
    return validity == nullptr || ((validity[i >> 3] >> (i & 7)) & 1) != 0;
  }
};

struct NamedArray {
  std::string name;
  ArrayView array;
};

// A slab's columns as they lie in it; the slab must outlive them. `fields` are those it was built with, in order.
std::vector<NamedArray> arraysOf(const Slab& slab, const std::vector<Field>& fields);

// Encoded rows: row i is bytes[offsets[i], offsets[i + 1]); null[i] != 0 marks a null (tombstone).
struct EncodedRows {
  std::vector<char> bytes;
  std::vector<uint64_t> offsets{0};
  std::vector<uint8_t> null;
  void clear() { bytes.clear(); offsets.assign(1, 0); null.clear(); }
  size_t rows() const { return null.size(); }
};

// Encoders are used by one thread at a time. `rows` are row indices into the arrays. Exactly one entry is appended
// to `out` a row; a row that fails appends a null entry and a RowError whose `row` is its index in `rows`.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void encode(std::span<const NamedArray> columns, std::span<const uint32_t> rows, EncodedRows& out,
                      std::vector<RowError>& errors) = 0;
};

// codec: "json" | "string" | "bytes".
// json: one object a row, columns in order, nulls written as null; options: {"nonFinite": "error" | "null"}.
// string, bytes: exactly one utf8 or binary column, its bytes as they are, a null is a tombstone; string also takes
// bool, numbers, timestamps and decimals, written as their JSON text without quotes (used for message keys).
Status makeEncoder(std::string_view codec, std::string_view optionsJson, std::unique_ptr<Encoder>& out);

}  // namespace sabot
