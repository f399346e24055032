#include "columns.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

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

constexpr size_t alignment = 64;
size_t aligned(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

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
  size_t bytes = (nulls_ > 0 ? aligned(bitmapBytes(length_)) : 0) + aligned(offsets_.size()) + aligned(data_.size());
  for (const Column& child : children_) bytes += child.byteSize();
  return bytes;
}

// ---------------------------------------------------------------- a set of columns

// Writes columns into a slab, node by node in pre-order.
class SlabWriter {
 public:
  explicit SlabWriter(Slab& slab) : slab_(slab) {}

  // False: the column, or a child of it, has more bytes or items than an int32 offset can say.
  static bool fits(const Column& column) {
    constexpr auto most = static_cast<size_t>(std::numeric_limits<int32_t>::max());
    const TypeId id = column.type_.id;
    if ((id == TypeId::Utf8 || id == TypeId::Binary) && column.data_.size() > most) return false;
    if (id == TypeId::List && static_cast<size_t>(column.children_[0].length_) > most) return false;
    return std::all_of(column.children_.begin(), column.children_.end(), fits);
  }

  void write(const Column& column) {
    NodeLayout node;
    node.length = column.length_;
    node.nullCount = column.nulls_;
    if (column.nulls_ > 0) {
      node.validityOffset = at_;
      node.validityBytes = bitmapBytes(column.length_);
      uint8_t* to = put(column.validity_, node.validityBytes);
      // Rows behind the last null have no bits in the builder.
      if (const size_t has = column.validity_.size(); has < node.validityBytes) {
        std::memset(to + has, 0xFF, node.validityBytes - has);
      }
      clearBehind(to, column.length_);
    }
    if (hasOffsets(column.type_.id)) {
      node.offsetsOffset = at_;
      node.offsetsBytes = column.offsets_.size();
      put(column.offsets_, node.offsetsBytes);
    }
    if (column.data_.size() > 0) {
      node.dataOffset = at_;
      node.dataBytes = column.data_.size();
      uint8_t* to = put(column.data_, node.dataBytes);
      if (column.type_.id == TypeId::Bool) clearBehind(to, column.length_);
    }
    slab_.nodes.push_back(node);
    for (const Column& child : column.children_) write(child);
  }

 private:
  // `bytes` of room, filled from the buffer as far as it goes; what lies between here and the next buffer is zero.
  uint8_t* put(const Buffer& buffer, size_t bytes) {
    uint8_t* to = slab_.data + at_;
    const size_t room = aligned(bytes);
    std::memcpy(to, buffer.data(), std::min(bytes, buffer.size()));
    std::memset(to + bytes, 0, room - bytes);
    at_ += room;
    return to;
  }

  static void clearBehind(uint8_t* bitmap, int64_t bits) {
    if ((bits & 7) == 0) return;
    uint8_t& last = bitmap[bits >> 3];
    last = static_cast<uint8_t>(last & ((1u << (bits & 7)) - 1));
  }

  Slab& slab_;
  size_t at_ = 0;
};

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
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!emit_[i] || SlabWriter::fits(columns_[i])) continue;
    return Status::error("SCHEMA", "column " + names_[i] + ": a batch holds 2 GiB of one column at most; got more. "
                                   "Make batches smaller (batch.maxBytes)");
  }
  Slab slab;
  slab.size = byteSize();
  slab.rows = rows;
  slab.data = Slab::allocate(slab.size);
  if (slab.data == nullptr) {
    return Status::error("MEMORY", "no memory for a batch of " + std::to_string(slab.size) +
                                       " bytes; lower batch.maxBytes or batch.maxQueueBytes");
  }
  SlabWriter writer(slab);
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (emit_[i]) writer.write(columns_[i]);
  }
  out = std::move(slab);
  clear();
  return Status::success();
}

void ColumnSet::clear() { truncate(0, columns_.size()); }

}  // namespace sabot
