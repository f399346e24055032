#include "columns.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "slab_writer.h"

namespace sabot {

// ---------------------------------------------------------------- buffers

Buffer::~Buffer() { std::free(data_); }

void Buffer::swap(Buffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

void Buffer::enlarge(size_t bytes) {
  const size_t capacity = std::max({size_ + bytes, capacity_ * 2, size_t{256}});
  void* data = std::realloc(data_, capacity);
  if (data == nullptr) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(data);
  capacity_ = capacity;
}

// ---------------------------------------------------------------- one column

namespace {

bool hasOffsets(TypeId id) { return id == TypeId::Utf8 || id == TypeId::Binary || id == TypeId::List; }

size_t bitmapBytes(int64_t bits) { return (static_cast<size_t>(bits) + 7) / 8; }

}  // namespace

Column::Column(const Type& type) : type_(type), width_(fixedWidth(type.id)) {
  if (hasOffsets(type.id)) offsets_.push(int32_t{0});
  children_.reserve(type.children.size());
  for (const Field& field : type.children) children_.emplace_back(field.type);
}

void Column::appendNull() {
  const auto at = static_cast<size_t>(length_ >> 3);
  if (at >= validity_.size()) {
    const size_t missing = at + 1 - validity_.size();
    std::memset(validity_.reserve(missing), 0xFF, missing);
    validity_.grown(missing);
  }
  uint8_t& byte = validity_.data()[at];
  byte = static_cast<uint8_t>(byte & ~(1u << (length_ & 7)));
  ++nulls_;

  switch (type_.id) {
    case TypeId::Bool: pushBit(false); break;
    case TypeId::Utf8:
    case TypeId::Binary: offsets_.push(static_cast<int32_t>(data_.size())); break;
    case TypeId::List: offsets_.push(static_cast<int32_t>(children_[0].length_)); break;
    case TypeId::Struct:
      for (Column& child : children_) child.appendNull();
      break;
    default:
      std::memset(data_.reserve(width_), 0, width_);
      data_.grown(width_);
  }
  ++length_;
}

void Column::setNulls(int64_t from, const uint8_t* valid, size_t count) {
  const size_t bytes = bitmapBytes(from + static_cast<int64_t>(count));
  for (size_t i = 0; i < count; ++i) {
    if (valid[i] != 0) continue;
    if (validity_.size() < bytes) {
      const size_t missing = bytes - validity_.size();
      std::memset(validity_.reserve(missing), 0xFF, missing);
      validity_.grown(missing);
    }
    const size_t row = static_cast<size_t>(from) + i;
    uint8_t& byte = validity_.data()[row >> 3];
    byte = static_cast<uint8_t>(byte & ~(1u << (row & 7)));
    ++nulls_;
  }
}

void Column::appendAll(const void* values, const uint8_t* valid, size_t count) {
  data_.append(values, count * width_);
  if (valid != nullptr) setNulls(length_, valid, count);
  length_ += static_cast<int64_t>(count);
}

void Column::appendAllBytes(const char* bytes, const int32_t* starts, const int32_t* ends, const uint8_t* valid,
                            size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += static_cast<size_t>(ends[i] - starts[i]);
  auto* to = data_.reserve(size);
  auto* offsets = reinterpret_cast<int32_t*>(offsets_.reserve(count * sizeof(int32_t)));
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    if (valid == nullptr || valid[i] != 0) {
      const auto length = static_cast<size_t>(ends[i] - starts[i]);
      if (length > 0) std::memcpy(to + at, bytes + starts[i], length);
      at += length;
    }
    offsets[i] = static_cast<int32_t>(data_.size() + at);
  }
  data_.grown(at);
  offsets_.grown(count * sizeof(int32_t));
  if (valid != nullptr) setNulls(length_, valid, count);
  length_ += static_cast<int64_t>(count);
}

void Column::keep(std::span<const uint32_t> positions) {
  const auto set = [](uint8_t* bits, size_t at, bool bit) {
    const auto mask = static_cast<uint8_t>(1u << (at & 7));
    bits[at >> 3] = static_cast<uint8_t>(bit ? bits[at >> 3] | mask : bits[at >> 3] & ~mask);
  };
  // A value moves to its place or one before it, so none is written over before it is read.
  auto* offsets = reinterpret_cast<int32_t*>(offsets_.data());
  int32_t end = 0;
  int64_t nulls = 0;
  for (size_t i = 0; i < positions.size(); ++i) {
    const size_t from = positions[i];
    if (nulls_ > 0) {
      const bool valid = isValid(static_cast<int64_t>(from));
      if (i < validity_.size() * 8) set(validity_.data(), i, valid);
      nulls += valid ? 0 : 1;
    }
    if (width_ > 0) {
      std::memmove(data_.data() + i * width_, data_.data() + from * width_, width_);
    } else if (type_.id == TypeId::Bool) {
      set(data_.data(), i, boolean(static_cast<int64_t>(from)));
    } else {
      const int32_t start = offsets[from];
      const int32_t size = offsets[from + 1] - start;
      if (size > 0) std::memmove(data_.data() + end, data_.data() + start, static_cast<size_t>(size));
      end += size;
      offsets[i + 1] = end;
    }
  }
  // The bits of validity that are left behind are ones again.
  nulls_ = nulls;
  length_ = static_cast<int64_t>(positions.size());
  for (size_t at = positions.size(); at < validity_.size() * 8; ++at) set(validity_.data(), at, true);
  validity_.truncate(std::min(validity_.size(), bitmapBytes(length_)));
  if (width_ > 0) data_.truncate(positions.size() * width_);
  else if (type_.id == TypeId::Bool) data_.truncate(bitmapBytes(length_));
  else {
    data_.truncate(static_cast<size_t>(end));
    offsets_.truncate((positions.size() + 1) * sizeof(int32_t));
  }
}

void Column::truncate(int64_t length) {
  for (int64_t row = length; row < length_ && nulls_ > 0; ++row) {
    if (isValid(row)) continue;
    uint8_t& byte = validity_.data()[row >> 3];
    byte = static_cast<uint8_t>(byte | 1u << (row & 7));
    --nulls_;
  }
  length_ = std::min(length, length_);
  const auto rows = static_cast<size_t>(length_);
  validity_.truncate(std::min(validity_.size(), bitmapBytes(length_)));
  switch (type_.id) {
    case TypeId::Bool: data_.truncate(bitmapBytes(length_)); break;
    case TypeId::Utf8:
    case TypeId::Binary:
      offsets_.truncate((rows + 1) * sizeof(int32_t));
      data_.truncate(static_cast<size_t>(offsetAt(length_)));
      break;
    case TypeId::List:
      offsets_.truncate((rows + 1) * sizeof(int32_t));
      children_[0].truncate(offsetAt(length_));
      break;
    case TypeId::Struct:
      for (Column& child : children_) child.truncate(length_);
      break;
    default: data_.truncate(rows * width_);
  }
}

std::string_view Column::bytes(int64_t row) const {
  const int32_t from = offsetAt(row);
  const auto size = static_cast<size_t>(offsetAt(row + 1) - from);
  if (size == 0) return "";  // data() may be nullptr still
  return {reinterpret_cast<const char*>(data_.data()) + from, size};
}

size_t Column::byteSize() const {
  const auto aligned = SlabWriter::aligned;
  size_t bytes = (nulls_ > 0 ? aligned(bitmapBytes(length_)) : 0) + aligned(offsets_.size()) + aligned(data_.size());
  for (const Column& child : children_) bytes += child.byteSize();
  return bytes;
}

// ---------------------------------------------------------------- a set of columns

ColumnSet::ColumnSet(const std::vector<ColumnSpec>& columns) {
  columns_.reserve(columns.size());
  emit_.reserve(columns.size());
  names_.reserve(columns.size());
  for (const ColumnSpec& column : columns) {
    columns_.emplace_back(column.field.type);
    emit_.push_back(column.emit);
    names_.push_back(column.field.name);
  }
}

void ColumnSet::truncate(int64_t rows, size_t columns) {
  for (size_t i = 0; i < columns; ++i) columns_[i].truncate(rows);
}

size_t ColumnSet::byteSize() const {
  size_t bytes = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (emit_[i]) bytes += columns_[i].byteSize();
  }
  return bytes;
}

Status ColumnSet::finish(int64_t rows, Slab& out) {
  std::vector<SlabColumn> columns;
  for (uint32_t i = 0; i < columns_.size(); ++i) {
    if (emit_[i]) columns.push_back({i, nullptr});
  }
  return finish(columns, rows, out);
}

Status ColumnSet::check() const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!SlabWriter::fits(columns_[i])) return tooLarge(i);
  }
  return Status::success();
}

Status ColumnSet::tooLarge(size_t column) const {
  return Status::error("SCHEMA", "column " + names_[column] + ": a batch holds 2 GiB of one column at most; got more. "
                                     "Make batches smaller (batch.maxBytes)");
}

Status ColumnSet::finish(std::span<const SlabColumn> columns, int64_t rows, Slab& out) {
  const auto count = static_cast<size_t>(rows);
  Slab slab;
  for (const SlabColumn& each : columns) {
    const Column& column = columns_[each.column];
    if (!SlabWriter::fits(column)) return tooLarge(each.column);
    slab.size += each.rows == nullptr ? column.byteSize() : SlabWriter::byteSize(column, {each.rows, count});
  }
  slab.rows = rows;
  slab.data = Slab::allocate(slab.size);
  if (slab.data == nullptr) {
    return Status::error("MEMORY", "no memory for a batch of " + std::to_string(slab.size) +
                                       " bytes; lower batch.maxBytes or batch.maxQueueBytes");
  }
  SlabWriter writer(slab);
  for (const SlabColumn& each : columns) {
    if (each.rows == nullptr) writer.write(columns_[each.column]);
    else writer.write(columns_[each.column], {each.rows, count});
  }
  out = std::move(slab);
  clear();
  return Status::success();
}

void ColumnSet::clear() { truncate(0, columns_.size()); }

}  // namespace sabot
