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

void appendHeaders(Column& column, const Message& message) {
  Column& item = column.child(0);
  message.headers.forEach([&item](std::string_view name, const Bytes& value) {
    item.child(0).appendBytes(name);
    if (value.isNull()) item.child(1).appendNull();
    else item.child(1).appendBytes(value.view());
    item.endStruct();
  });
  column.endList();
}

size_t keySize(TypeId type) { return type == TypeId::Int32 ? 4 : 8; }

const char* keyTypeName(TypeId type) {
  return type == TypeId::Int32 ? "int32" : type == TypeId::Int64 ? "int64" : "float64";
}

// A key of the right length.
void appendKeyValue(Column& column, TypeId type, const Bytes& key) {
  if (key.isNull()) return column.appendNull();
  if (type == TypeId::Int32) return column.append(bigEndian<int32_t>(key.data));
  const auto bits = bigEndian<int64_t>(key.data);
  if (type == TypeId::Int64) column.append(bits);
  else column.append(std::bit_cast<double>(bits));
}

void appendBytes(Column& column, const Bytes& bytes) {
  if (bytes.isNull()) column.appendNull();
  else column.appendBytes(bytes.view());
}

}  // namespace

// What of the envelope must be checked before a message becomes a row.
struct EnvelopeChecks {
  bool utf8Key = false;
  bool headers = false;
  const TypeId* keyValue = nullptr;  // null: not wanted

  explicit operator bool() const { return utf8Key || headers || keyValue != nullptr; }
};

// Why the key or the headers of a message cannot be columns; empty: they can.
static std::string envelopeError(const Message& message, const EnvelopeChecks& checks) {
  const Bytes& key = message.key;
  if (checks.keyValue != nullptr && !key.isNull() && key.size != keySize(*checks.keyValue)) {
    return "$key: expected " + std::to_string(keySize(*checks.keyValue)) + " bytes, a big-endian " +
           keyTypeName(*checks.keyValue) + "; got " + std::to_string(key.size) +
           " (read the key as binary to keep it)";
  }
  if (checks.utf8Key && !key.isNull() && !simdjson::validate_utf8(key.view())) {
    return "$key: expected UTF-8; got bytes that are not (read the key as binary to keep them)";
  }
  if (!checks.headers) return {};
  std::string reason;
  const bool readable = message.headers.forEach([&reason](std::string_view name, const Bytes&) {
    if (!simdjson::validate_utf8(name)) reason = "$headers: expected names in UTF-8; got bytes that are not";
  });
  return readable ? reason : "$headers: they cannot be read";
}

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
Status RowBuilder::collect(Messages& messages, SourceEvent& out) {
  values_.clear();
  inputs_.clear();
  if (!plan_->spec.message.empty()) {
    if (Status status = messages.open(); !status.ok()) return status;
  }
  const auto wants = [&wanted = plan_->spec.message](MessageColumn column) {
    return std::find(wanted.begin(), wanted.end(), column) != wanted.end();
  };
  EnvelopeChecks checks;
  checks.utf8Key = plan_->spec.utf8Key && wants(MessageColumn::Key);
  checks.headers = wants(MessageColumn::Headers);
  if (wants(MessageColumn::KeyValue) && !key_) checks.keyValue = &plan_->spec.keyValue;
  Status status = messages.values(values_, out.bytes);
  if (status.ok() && checks) check(messages, checks, out.errors);
  return status;
}

void RowBuilder::check(const Messages& messages, const EnvelopeChecks& checks, std::vector<MessageError>& errors) {
  size_t fit = 0;
  for (uint32_t i = 0; i < messages.size(); ++i) {
    std::string reason = envelopeError(messages[i], checks);
    if (!reason.empty()) {
      if (errors.empty()) {  // the first: those before it stand for themselves
        for (uint32_t before = 0; before < i; ++before) inputs_.push_back(before);
      }
      errors.push_back({messages[i].offset, "DECODE", std::move(reason)});
      continue;
    }
    if (!errors.empty()) inputs_.push_back(i);
    values_[fit++] = values_[i];
  }
  values_.resize(fit);
}

void RowBuilder::append(MessageColumn kind, Column& column, const Messages& messages) const {
  const auto each = [&](auto&& row) {
    for (const uint32_t input : outcome_.kept) row(message(messages, input));
  };
  switch (kind) {
    case MessageColumn::Key:
      each([&](const Message& message) { appendBytes(column, message.key); });
      return;
    case MessageColumn::KeyValue:
      if (key_) return;  // it is there: decodeWithKeys()
      each([&](const Message& message) { appendKeyValue(column, plan_->spec.keyValue, message.key); });
      return;
    case MessageColumn::Topic: {
      const std::string_view topic = messages.topic();
      each([&](const Message&) { column.appendBytes(topic); });
      return;
    }
    case MessageColumn::Partition:
      each([&](const Message&) { column.append<int32_t>(messages.partition()); });
      return;
    case MessageColumn::Offset:
      each([&](const Message& message) { column.append<int64_t>(message.offset); });
      return;
    case MessageColumn::Timestamp:
      each([&](const Message& message) {
        if (message.timestamp < 0) column.appendNull();
        else column.append<int64_t>(message.timestamp);
      });
      return;
    case MessageColumn::Headers:
      each([&](const Message& message) { appendHeaders(column, message); });
      return;
    case MessageColumn::Value:
      each([&](const Message& message) { appendBytes(column, message.value); });
      return;
    case MessageColumn::Tombstone:
      each([&](const Message& message) { column.appendBool(message.value.isNull()); });
      return;
  }
}

Status RowBuilder::decode(Messages& messages, SourceEvent& out) {
  if (Status status = collect(messages, out); !status.ok()) return status;
  outcome_.clear();
  if (key_) decodeWithKeys(messages);
  else if (!values_.empty()) decoder_->decode(values_, columns_, outcome_);
  if (program_ && !outcome_.kept.empty()) {
    appendAll(true, messages);
    if (Status status = program_->run(columns_, outcome_); !status.ok()) return status;
  }

  auto& errors = out.errors;
  const size_t envelopes = errors.size();
  if (!outcome_.errors.empty()) {
    if (Status status = messages.open(); !status.ok()) return status;
  }
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
    const Message& message = this->message(messages, i);
    Status status = key_->read(message.key, keys);
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
  Status status = decode(messages, out);
  columns_.clear();
  if (status.ok()) status = messages.open();
  if (!status.ok()) return status;
  if (!inputs_.empty()) {
    for (uint32_t& kept : outcome_.kept) kept = inputs_[kept];
  }
  messages.keepOnly(outcome_.kept);
  return status;
}

Status RowBuilder::build(Messages& messages, SourceEvent& out) {
  if (messages.empty()) return Status::success();
  Slab slab;
  Status status = decode(messages, out);
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
