#include "sink_records.h"

#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "array_values.h"
#include "json_text.h"

namespace sabot {

namespace {

bool isBytes(const Type& type) { return type.id == TypeId::Utf8 || type.id == TypeId::Binary; }

bool isNested(const Type& type) { return type.id == TypeId::List || type.id == TypeId::Struct; }

bool isInteger(const Type& type) { return type.id >= TypeId::Int8 && type.id <= TypeId::UInt64; }

bool isHeaders(const Type& type) {
  if (type.id != TypeId::List || type.children.size() != 1) return false;
  const Type& entry = type.children[0].type;
  return entry.id == TypeId::Struct && entry.children.size() == 2 && isBytes(entry.children[0].type) &&
         isBytes(entry.children[1].type);
}

// False: not an int32 at all.
bool partitionAt(const ArrayView& array, int64_t row, int64_t& out) {
  switch (array.type.id) {
    case TypeId::Int8: out = valueAt<int8_t>(array, row); break;
    case TypeId::Int16: out = valueAt<int16_t>(array, row); break;
    case TypeId::Int32: out = valueAt<int32_t>(array, row); break;
    case TypeId::Int64: out = valueAt<int64_t>(array, row); break;
    case TypeId::UInt8: out = valueAt<uint8_t>(array, row); break;
    case TypeId::UInt16: out = valueAt<uint16_t>(array, row); break;
    case TypeId::UInt32: out = valueAt<uint32_t>(array, row); break;
    case TypeId::UInt64: {
      const auto value = valueAt<uint64_t>(array, row);
      out = value > INT32_MAX ? int64_t{INT32_MAX} + 1 : static_cast<int64_t>(value);
      break;
    }
    default: return false;
  }
  return out >= 0 && out <= INT32_MAX;
}

// False: more milliseconds than an int64 holds.
bool toMilliseconds(int64_t value, TimeUnit unit, int64_t& out) {
  switch (unit) {
    case TimeUnit::Second: return !__builtin_mul_overflow(value, int64_t{1000}, &out);
    case TimeUnit::Milli: out = value; return true;
    case TimeUnit::Micro: out = value / 1'000; return true;
    case TimeUnit::Nano: out = value / 1'000'000; return true;
  }
  return false;
}

// librdkafka's own count (rdkafka_header.c): lengths as zigzag varints.
size_t varintSize(uint64_t length) {
  size_t size = 1;
  for (uint64_t rest = length << 1; rest >= 0x80; rest >>= 7) ++size;
  return size;
}

constexpr size_t maxRecordOverhead = 36;  // RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD: five-byte varints, ten for the time

struct HeaderViews {
  const ArrayView& entries;
  const ArrayView& keys;
  const ArrayView& values;
  int32_t begin;
  int32_t end;
  HeaderViews(const ArrayView& list, int64_t row)
      : entries(list.children[0]), keys(entries.children[0]), values(entries.children[1]),
        begin(list.offsets[row + list.offset]), end(list.offsets[row + list.offset + 1]) {}
  // A struct's offset also applies to its children.
  int64_t at(int32_t i) const { return i + entries.offset; }
};

bool headersSize(const ArrayView& list, uint32_t row, size_t& size, std::string& problem) {
  if (!list.isValid(row)) return true;
  const HeaderViews views(list, row);
  for (int32_t i = views.begin; i < views.end; ++i) {
    const int64_t at = views.at(i);
    if (!views.entries.isValid(i) || !views.keys.isValid(at)) {
      problem = "a header's key is null";
      return false;
    }
    const size_t key = bytesAt(views.keys, at).size();
    const size_t value = views.values.isValid(at) ? bytesAt(views.values, at).size() : 0;
    size += key + value + varintSize(key) + varintSize(value);
  }
  return true;
}

// Of a message; 0: it has none.
size_t headersSize(const Message& message) {
  size_t size = 0;
  message.headers.forEach([&size](std::string_view name, const Bytes& value) {
    size += name.size() + value.size + varintSize(name.size()) + varintSize(value.size);
  });
  return size;
}

}  // namespace

static rd_kafka_headers_t* makeHeaders(const ArrayView& headers, uint32_t row) {
  if (!headers.isValid(row)) return nullptr;
  const HeaderViews views(headers, row);
  if (views.begin >= views.end) return nullptr;
  rd_kafka_headers_t* out = rd_kafka_headers_new(static_cast<size_t>(views.end - views.begin));
  for (int32_t i = views.begin; i < views.end; ++i) {
    const int64_t at = views.at(i);
    const std::string_view key = bytesAt(views.keys, at);
    const bool null = !views.values.isValid(at);
    const std::string_view value = null ? std::string_view() : bytesAt(views.values, at);
    rd_kafka_header_add(out, key.data(), static_cast<ssize_t>(key.size()), null ? nullptr : value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return out;
}

rd_kafka_headers_t* makeHeaders(const WriteRequest& request, const Record& record) {
  if (!record.hasHeaders) return nullptr;
  if (request.passed == nullptr) {
    return makeHeaders(request.columns[static_cast<size_t>(request.roles.headers)].array, record.row);
  }
  rd_kafka_headers_t* out = rd_kafka_headers_new(4);
  (*request.passed)[record.row].headers.forEach([out](std::string_view name, const Bytes& value) {
    rd_kafka_header_add(out, name.data(), static_cast<ssize_t>(name.size()), value.data,
                        static_cast<ssize_t>(value.size));
  });
  return out;
}

Status checkWrite(const WriteRequest& request, std::string_view codec, Partitioner partitioner) {
  const auto& [value, raw, key, headers, timestamp, partition, tombstone, offset] = request.roles;
  const auto wrong = [](const std::string& text) { return Status::error("SCHEMA", text); };
  constexpr const char* noPartition = "partitioner 'source': expected a column with the partition; got none";
  if (request.passed != nullptr) {
    if (partitioner == Partitioner::Source && !request.passed->parts.partition) return wrong(noPartition);
    return Status::success();
  }

  const auto count = static_cast<int64_t>(request.columns.size());
  for (const auto& column : request.columns) {
    if (column.array.length < request.rowCount) {
      return wrong("column " + column.name + ": expected " + std::to_string(request.rowCount) + " rows; got " +
                   std::to_string(column.array.length));
    }
  }
  for (const uint32_t index : value) {
    if (index >= count) return wrong("value: there is no column " + std::to_string(index));
  }

  struct Role {
    const char* name;
    int index;
    bool (*fits)(const Type&);
    const char* expected;
  };
  const Role roles[] = {
      {"raw", raw, isBytes, "binary or utf8"},
      {"key", key, [](const Type&) { return true; }, "a column"},
      {"headers", headers, isHeaders, "list<struct<key: utf8, value: binary>>"},
      {"timestamp", timestamp, [](const Type& type) { return type.id == TypeId::Timestamp; }, "a timestamp"},
      {"partition", partition, isInteger, "an integer"},
      {"tombstone", tombstone, [](const Type& type) { return type.id == TypeId::Bool; }, "bool"},
      {"offset", offset, [](const Type& type) { return type.id == TypeId::Int64; }, "int64"},
  };
  for (const Role& role : roles) {
    if (role.index < 0) continue;
    if (role.index >= count) {
      return wrong(std::string(role.name) + ": there is no column " + std::to_string(role.index));
    }
    const auto& column = request.columns[static_cast<size_t>(role.index)];
    if (!role.fits(column.array.type)) {
      return wrong("column " + column.name + ": expected " + role.expected + " for the " + role.name + "; got " +
                   typeName(column.array.type));
    }
  }
  if (partitioner == Partitioner::Source && partition < 0) {
    return wrong(noPartition);
  }
  if (raw < 0 && codec != "json") {
    std::vector<NamedArray> columns;
    for (const uint32_t index : value) columns.push_back(request.columns[index]);
    if (Status status = TextEncoder(codec == "string").check(columns); !status.ok()) return status;
  }
  if (request.selected) {
    for (const uint32_t row : request.rows) {
      if (row >= request.rowCount) {
        return wrong("rows: expected less than " + std::to_string(request.rowCount) + "; got " + std::to_string(row));
      }
    }
  }
  return Status::success();
}

// Partition, timestamp and size. False: `problem` says why the row cannot be sent.
bool RecordBuilder::finish(const WriteRequest& request, Record& record, std::string& problem) const {
  const auto& roles = request.roles;
  const auto column = [&](int role) -> const NamedArray& { return request.columns[static_cast<size_t>(role)]; };

  if (roles.partition >= 0) {
    const auto& [name, array] = column(roles.partition);
    int64_t partition = 0;
    if (!array.isValid(record.row)) {
      problem = "column " + name + ": null is not a partition";
      return false;
    }
    if (!partitionAt(array, record.row, partition)) {
      problem = "column " + name + ": expected a partition, 0 to 2147483647; got " +
                (partition < 0 ? std::to_string(partition) : "a greater number");
      return false;
    }
    record.partition = static_cast<int32_t>(partition);
  }

  if (roles.timestamp >= 0) {
    const auto& [name, array] = column(roles.timestamp);
    if (array.isValid(record.row)) {
      const auto value = valueAt<int64_t>(array, record.row);
      if (value < 0 || !toMilliseconds(value, array.type.unit, record.timestamp)) {
        problem = "column " + name + ": a record's timestamp is from 1970 on; got " + std::to_string(value) + " in " +
                  typeName(array.type);
        return false;
      }
    }
  }

  size_t headerBytes = 0;
  if (roles.headers >= 0) {
    const auto& [name, array] = column(roles.headers);
    if (!headersSize(array, record.row, headerBytes, problem)) {
      problem = "column " + name + ": " + problem;
      return false;
    }
  }
  record.hasHeaders = headerBytes > 0;
  return fits(record, headerBytes, problem);
}

bool RecordBuilder::fits(const Record& record, size_t headerBytes, std::string& problem) const {
  const size_t size = maxRecordOverhead + record.keySize + record.valueSize + headerBytes;
  if (size > limits_.messageBytes) {
    problem = "the record has " + std::to_string(size) + " bytes; message.max.bytes allows " +
              std::to_string(limits_.messageBytes);
    return false;
  }
  if (record.valueSize > limits_.queueBytes) {
    problem = "the value has " + std::to_string(record.valueSize) + " bytes; queue.buffering.max.kbytes allows " +
              std::to_string(limits_.queueBytes);
    return false;
  }
  return true;
}

void RecordBuilder::build(const WriteRequest& request, std::span<const uint32_t> rows, std::vector<Record>& records,
                          std::vector<RowError>& errors) {
  const auto& roles = request.roles;
  records.clear();
  errors.clear();
  if (request.passed != nullptr) return buildPassed(*request.passed, rows, records, errors);
  values_.clear();
  keys_.clear();
  valueErrors_.clear();
  keyErrors_.clear();

  if (roles.raw < 0) {
    valueColumns_.clear();
    for (const uint32_t index : roles.value) valueColumns_.push_back(request.columns[index]);
    value_->encode(valueColumns_, rows, values_, valueErrors_);
  }
  const auto column = [&](int role) { return role < 0 ? nullptr : &request.columns[static_cast<size_t>(role)]; };
  const NamedArray* key = column(roles.key);
  const bool keyAsItLies = key != nullptr && isBytes(key->array.type);
  if (key != nullptr && !keyAsItLies) {
    Encoder& encoder = isNested(key->array.type) ? static_cast<Encoder&>(nestedKey_) : key_;
    encoder.encode({key, 1}, rows, keys_, keyErrors_);
  }
  const ArrayView* raw = roles.raw < 0 ? nullptr : &column(roles.raw)->array;
  const ArrayView* tombstone = roles.tombstone < 0 ? nullptr : &column(roles.tombstone)->array;

  const auto encoded = [](const EncodedRows& from, size_t i, const char*& data, size_t& size) {
    if (from.null[i] != 0) return;
    size = from.offsets[i + 1] - from.offsets[i];
    data = size == 0 ? "" : from.bytes.data() + from.offsets[i];
  };
  const auto lying = [](const ArrayView& from, uint32_t row, const char*& data, size_t& size) {
    if (!from.isValid(row)) return;
    const std::string_view bytes = bytesAt(from, row);
    data = bytes.data();
    size = bytes.size();
  };

  records.reserve(rows.size());
  auto valueError = valueErrors_.begin();
  auto keyError = keyErrors_.begin();
  std::string problem;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const uint32_t row = rows[i];
    const bool valueFailed = valueError != valueErrors_.end() && valueError->row == i;
    RowError* failed = valueFailed ? &*valueError++ : nullptr;
    const bool isTombstone = tombstone != nullptr && tombstone->isValid(row) && boolAt(*tombstone, row);
    if (isTombstone) failed = nullptr;  // the value is not sent, whatever is wrong with it
    if (keyError != keyErrors_.end() && keyError->row == i) {
      if (failed == nullptr) failed = &*keyError;
      ++keyError;
    }
    if (failed != nullptr) {
      errors.push_back({row, std::move(failed->code), std::move(failed->message)});
      continue;
    }
    Record record;
    record.row = row;
    if (!isTombstone) {
      if (raw != nullptr) lying(*raw, row, record.value, record.valueSize);
      else encoded(values_, i, record.value, record.valueSize);
    }
    if (keyAsItLies) lying(key->array, row, record.key, record.keySize);
    else if (key != nullptr) encoded(keys_, i, record.key, record.keySize);
    if (finish(request, record, problem)) records.push_back(record);
    else errors.push_back({row, "ENCODE", problem});
  }
}

void RecordBuilder::buildPassed(const PassedMessages& messages, std::span<const uint32_t> rows,
                                std::vector<Record>& records, std::vector<RowError>& errors) const {
  const PassedParts& parts = messages.parts;
  records.reserve(rows.size());
  std::string problem;
  for (const uint32_t row : rows) {
    const Message& message = messages[row];
    Record record;
    record.row = row;
    record.value = message.value.data;
    record.valueSize = message.value.size;
    if (parts.key) {
      record.key = message.key.data;
      record.keySize = message.key.size;
    }
    if (parts.timestamp && message.timestamp > 0) record.timestamp = message.timestamp;
    if (parts.partition) record.partition = messages.partition();
    size_t headerBytes = 0;
    if (parts.headers) headerBytes = headersSize(message);
    record.hasHeaders = headerBytes > 0;
    if (fits(record, headerBytes, problem)) records.push_back(record);
    else errors.push_back({row, "ENCODE", problem, message.offset});
  }
}

}  // namespace sabot
