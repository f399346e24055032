#include "source_rows.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

namespace sabot {

namespace {

Type simple(TypeId id) {
  Type type;
  type.id = id;
  return type;
}

Field messageField(MessageColumn column, const DecodeSpec& spec) {
  switch (column) {
    case MessageColumn::Key: return {"$key", simple(spec.utf8Key ? TypeId::Utf8 : TypeId::Binary)};
    case MessageColumn::KeyValue: return {"$key", spec.jsonKey ? *spec.jsonKey : simple(spec.keyValue)};
    case MessageColumn::Topic: return {"$topic", simple(TypeId::Utf8)};
    case MessageColumn::Partition: return {"$partition", simple(TypeId::Int32)};
    case MessageColumn::Offset: return {"$offset", simple(TypeId::Int64)};
    case MessageColumn::Timestamp: return {"$timestamp", simple(TypeId::Timestamp)};  // TimeUnit::Milli by default
    case MessageColumn::Value: return {"$value", simple(TypeId::Binary)};
    case MessageColumn::Tombstone: return {"$tombstone", simple(TypeId::Bool)};
    case MessageColumn::Headers: break;
  }
  Type header = simple(TypeId::Struct);
  header.children = {{"key", simple(TypeId::Utf8)}, {"value", simple(TypeId::Binary)}};
  Type headers = simple(TypeId::List);
  headers.children = {{"item", std::move(header)}};
  return {"$headers", std::move(headers)};
}

std::string_view keyOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.key), message.key_len};
}

std::string_view valueOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

bool isUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Calls `each(name, value, size)` for every header in order; value is nullptr where it is null. The headers stay the
// message's. Not NO_ERROR: they cannot be read.
template <class Each>
rd_kafka_resp_err_t forEachHeader(const rd_kafka_message_t& message, Each&& each) {
  rd_kafka_headers_t* headers = nullptr;
  const auto error = rd_kafka_message_headers(&message, &headers);
  if (error == RD_KAFKA_RESP_ERR__NOENT) return RD_KAFKA_RESP_ERR_NO_ERROR;  // there are none
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    each(std::string_view(name), value, size);
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void appendHeaders(Column& column, const rd_kafka_message_t& message) {
  Column& item = column.child(0);
  forEachHeader(message, [&item](std::string_view name, const void* value, size_t size) {
    item.child(0).appendBytes(name);
    if (value == nullptr) item.child(1).appendNull();
    else item.child(1).appendBytes({static_cast<const char*>(value), size});
    item.endStruct();
  });
  column.endList();
}

size_t keySize(TypeId type) { return type == TypeId::Int32 ? 4 : 8; }

const char* keyTypeName(TypeId type) {
  return type == TypeId::Int32 ? "int32" : type == TypeId::Int64 ? "int64" : "float64";
}

// The bits of a big-endian key of the right length.
template <class Bits>
Bits bigEndian(std::string_view key) {
  Bits bits = 0;
  for (const char byte : key) bits = static_cast<Bits>(bits << 8 | static_cast<uint8_t>(byte));
  return bits;
}

void appendKeyValue(Column& column, TypeId type, const rd_kafka_message_t& message) {
  if (message.key == nullptr) return column.appendNull();
  if (type == TypeId::Int32) return column.append(static_cast<int32_t>(bigEndian<uint32_t>(keyOf(message))));
  const auto bits = bigEndian<uint64_t>(keyOf(message));
  if (type == TypeId::Int64) column.append(static_cast<int64_t>(bits));
  else column.append(std::bit_cast<double>(bits));
}

// What of the envelope must be checked before a message becomes a row.
struct EnvelopeChecks {
  bool utf8Key = false;
  bool headers = false;
  const TypeId* keyValue = nullptr;  // null: not wanted

  explicit operator bool() const { return utf8Key || headers || keyValue != nullptr; }
};

// Why the key or the headers of a message cannot be columns; empty: they can.
std::string envelopeError(const rd_kafka_message_t& message, const EnvelopeChecks& checks) {
  if (checks.keyValue != nullptr && message.key != nullptr && message.key_len != keySize(*checks.keyValue)) {
    return "$key: expected " + std::to_string(keySize(*checks.keyValue)) + " bytes, a big-endian " +
           keyTypeName(*checks.keyValue) + "; got " + std::to_string(message.key_len) +
           " (read the key as binary to keep it)";
  }
  if (checks.utf8Key && message.key != nullptr && !isUtf8(keyOf(message))) {
    return "$key: expected UTF-8; got bytes that are not (read the key as binary to keep them)";
  }
  if (!checks.headers) return {};
  std::string reason;
  const auto error = forEachHeader(message, [&reason](std::string_view name, const void*, size_t) {
    if (!isUtf8(name)) reason = "$headers: expected names in UTF-8; got bytes that are not";
  });
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return errorStatus(error, "$headers: they cannot be read").message;
  return reason;
}

}  // namespace

// ---------------------------------------------------------------- the plan

Status DecodePlan::make(DecodeSpec spec, std::shared_ptr<const DecodePlan>& out) {
  auto plan = std::make_shared<DecodePlan>();
  if (!spec.predicate.empty()) {
    if (Status status = Predicate::parse(spec.predicate, spec.columns, plan->predicate); !status.ok()) return status;
  }
  plan->columns = spec.columns;
  std::vector<bool> later(spec.columns.size(), false);
  for (const MessageColumn column : spec.message) {
    const bool isJsonKey = column == MessageColumn::KeyValue && spec.jsonKey;
    if (isJsonKey) plan->jsonKey = plan->columns.size();
    later.push_back(!isJsonKey);
    plan->columns.push_back({messageField(column, spec), true});
  }
  if (!spec.program.empty()) {
    Status status = Program::parse(spec.program, plan->columns, later, plan->program);
    if (!status.ok()) return status;
    const auto& computed = plan->program->computed();
    plan->columns.insert(plan->columns.end(), computed.begin(), computed.end());
  }
  plan->spec = std::move(spec);
  std::unique_ptr<Decoder> first;
  if (Status status = plan->makeDecoder(first); !status.ok()) return status;
  out = std::move(plan);
  return Status::success();
}

std::vector<Field> DecodePlan::slabFields() const {
  if (program) return program->output();
  std::vector<Field> fields;
  for (const ColumnSpec& column : columns) {
    if (column.emit) fields.push_back(column.field);
  }
  return fields;
}

Status DecodePlan::makeDecoder(std::unique_ptr<Decoder>& out) const {
  return sabot::makeDecoder(spec.codec, spec.columns, predicate, {spec.maxDepth}, out);
}

RowBuilder::RowBuilder(std::shared_ptr<const DecodePlan> plan) : plan_(std::move(plan)), columns_(plan_->columns) {
  if (plan_->program) program_.emplace(plan_->program);
  if (!plan_->jsonKey) return;
  keyColumn_ = *plan_->jsonKey;
  key_.emplace(Field{"$key", *plan_->spec.jsonKey}, DecodeLimits{plan_->spec.maxDepth});
}

Status RowBuilder::make(std::shared_ptr<const DecodePlan> plan, std::unique_ptr<RowBuilder>& out) {
  std::unique_ptr<RowBuilder> builder(new RowBuilder(std::move(plan)));
  if (Status status = builder->plan_->makeDecoder(builder->decoder_); !status.ok()) return status;
  out = std::move(builder);
  return Status::success();
}

// ---------------------------------------------------------------- rows

// The values to decode. A message whose key or headers are not what they should be is left out: its row would have to
// be taken back.
void RowBuilder::collect(const Messages& messages, std::vector<MessageError>& errors) {
  values_.clear();
  inputs_.clear();
  const auto wants = [&wanted = plan_->spec.message](MessageColumn column) {
    return std::find(wanted.begin(), wanted.end(), column) != wanted.end();
  };
  EnvelopeChecks checks;
  checks.utf8Key = plan_->spec.utf8Key && wants(MessageColumn::Key);
  checks.headers = wants(MessageColumn::Headers);
  if (wants(MessageColumn::KeyValue) && !key_) checks.keyValue = &plan_->spec.keyValue;
  for (uint32_t i = 0; i < messages.size(); ++i) {
    const rd_kafka_message_t& message = *messages[i];
    std::string reason;
    if (checks) reason = envelopeError(message, checks);
    if (!reason.empty()) {
      if (errors.empty()) {  // the first: those before it stand for themselves
        for (uint32_t before = 0; before < i; ++before) inputs_.push_back(before);
      }
      errors.push_back({message.offset, "DECODE", std::move(reason)});
      continue;
    }
    if (!errors.empty()) inputs_.push_back(i);
    values_.push_back({static_cast<const char*>(message.payload), message.len});
  }
}

void RowBuilder::append(MessageColumn kind, Column& column, const Messages& messages) const {
  const auto each = [&](auto&& row) {
    for (const uint32_t input : outcome_.kept) row(message(messages, input));
  };
  switch (kind) {
    case MessageColumn::Key:
      each([&](const rd_kafka_message_t& message) {
        if (message.key == nullptr) column.appendNull();
        else column.appendBytes(keyOf(message));
      });
      return;
    case MessageColumn::KeyValue:
      if (key_) return;  // it is there: decodeWithKeys()
      each([&](const rd_kafka_message_t& message) { appendKeyValue(column, plan_->spec.keyValue, message); });
      return;
    case MessageColumn::Topic: {
      const std::string_view topic = rd_kafka_topic_name(messages[0]->rkt);
      each([&](const rd_kafka_message_t&) { column.appendBytes(topic); });
      return;
    }
    case MessageColumn::Partition:
      each([&](const rd_kafka_message_t& message) { column.append<int32_t>(message.partition); });
      return;
    case MessageColumn::Offset:
      each([&](const rd_kafka_message_t& message) { column.append<int64_t>(message.offset); });
      return;
    case MessageColumn::Timestamp:
      each([&](const rd_kafka_message_t& message) {
        rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        const int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
        if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || timestamp < 0) column.appendNull();
        else column.append<int64_t>(timestamp);
      });
      return;
    case MessageColumn::Headers:
      each([&](const rd_kafka_message_t& message) { appendHeaders(column, message); });
      return;
    case MessageColumn::Value:
      each([&](const rd_kafka_message_t& message) {
        if (message.payload == nullptr) column.appendNull();
        else column.appendBytes(valueOf(message));
      });
      return;
    case MessageColumn::Tombstone:
      each([&](const rd_kafka_message_t& message) { column.appendBool(message.payload == nullptr); });
      return;
  }
}

Status RowBuilder::decode(const Messages& messages, std::vector<MessageError>& errors) {
  collect(messages, errors);
  outcome_.clear();
  if (key_) decodeWithKeys(messages);
  else if (!values_.empty()) decoder_->decode(values_, columns_, outcome_);
  if (program_ && !outcome_.kept.empty()) {
    appendAll(true, messages);
    if (Status status = program_->run(columns_, outcome_); !status.ok()) return status;
  }

  const size_t envelopes = errors.size();
  for (RowError& error : outcome_.errors) {
    errors.push_back({message(messages, error.row).offset, std::move(error.code), std::move(error.message)});
  }
  if (envelopes > 0) {
    std::stable_sort(errors.begin(), errors.end(),
                     [](const MessageError& a, const MessageError& b) { return a.offset < b.offset; });
  }
  return Status::success();
}

void RowBuilder::decodeWithKeys(const Messages& messages) {
  Column& keys = columns_[keyColumn_];
  for (uint32_t i = 0; i < values_.size(); ++i) {
    one_.clear();
    decoder_->decode({&values_[i], 1}, columns_, one_);
    for (RowError& error : one_.errors) outcome_.errors.push_back({i, std::move(error.code), std::move(error.message)});
    if (one_.kept.empty()) continue;
    const rd_kafka_message_t& message = this->message(messages, i);
    Status status = key_->read({static_cast<const char*>(message.key), message.key_len}, keys);
    if (status.ok()) {
      outcome_.kept.push_back(i);
      continue;
    }
    columns_.truncate(keys.length(), plan_->spec.columns.size());
    outcome_.errors.push_back({i, std::move(status.code), std::move(status.message)});
  }
}

void RowBuilder::appendAll(bool read, const Messages& messages) {
  const size_t decoded = plan_->spec.columns.size();
  for (size_t i = 0; i < plan_->spec.message.size(); ++i) {
    const bool isRead = plan_->program != nullptr && plan_->program->reads(decoded + i);
    if (isRead == read) append(plan_->spec.message[i], columns_[decoded + i], messages);
  }
}

Status RowBuilder::select(Messages& messages, SourceEvent& out) {
  if (messages.empty()) return Status::success();
  Status status = decode(messages, out.errors);
  columns_.clear();
  if (!status.ok()) return status;
  if (!inputs_.empty()) {
    for (uint32_t& kept : outcome_.kept) kept = inputs_[kept];
  }
  messages.keepOnly(outcome_.kept);
  return status;
}

Status RowBuilder::build(const Messages& messages, SourceEvent& out) {
  if (messages.empty()) return Status::success();
  Slab slab;
  Status status = decode(messages, out.errors);
  const bool any = status.ok() && !outcome_.kept.empty();
  if (any) {
    appendAll(false, messages);
    status = program_ ? program_->finish(columns_, slab)
                      : columns_.finish(static_cast<int64_t>(outcome_.kept.size()), slab);
  }
  if (any && status.ok()) out.slab = std::move(slab);
  else columns_.clear();
  return status;
}

}  // namespace sabot
