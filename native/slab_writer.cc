#include "slab_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

namespace sabot {

namespace {

bool isBytes(TypeId id) { return id == TypeId::Utf8 || id == TypeId::Binary; }

size_t bitmapBytes(size_t bits) { return (bits + 7) / 8; }

void clearBehind(uint8_t* bitmap, size_t bits) {
  if ((bits & 7) == 0) return;
  uint8_t& last = bitmap[bits >> 3];
  last = static_cast<uint8_t>(last & ((1u << (bits & 7)) - 1));
}

template <class T>
void gather(const uint8_t* from, SlabWriter::Rows rows, uint8_t* to) {
  const auto* values = reinterpret_cast<const T*>(from);
  auto* out = reinterpret_cast<T*>(to);
  for (size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
}

void gatherFixed(size_t width, const uint8_t* from, SlabWriter::Rows rows, uint8_t* to) {
  switch (width) {
    case 1: return gather<uint8_t>(from, rows, to);
    case 2: return gather<uint16_t>(from, rows, to);
    case 4: return gather<uint32_t>(from, rows, to);
    case 8: return gather<uint64_t>(from, rows, to);
    default:
      for (size_t i = 0; i < rows.size(); ++i) std::memcpy(to + i * width, from + rows[i] * width, width);
  }
}

template <class Bit>  // bool bit(uint32_t row)
size_t gatherBits(SlabWriter::Rows rows, uint8_t* to, Bit&& bit) {
  size_t ones = 0;
  for (size_t i = 0; i < rows.size(); i += 8) {
    unsigned byte = 0;
    const size_t end = std::min(rows.size() - i, size_t{8});
    for (size_t k = 0; k < end; ++k) {
      const unsigned one = bit(rows[i + k]) ? 1 : 0;
      byte |= one << k;
      ones += one;
    }
    to[i >> 3] = static_cast<uint8_t>(byte);
  }
  return ones;
}

// The items of these lists, in order.
std::vector<uint32_t> itemsOf(const int32_t* offsets, SlabWriter::Rows rows) {
  std::vector<uint32_t> items;
  for (const uint32_t row : rows) {
    for (int32_t item = offsets[row]; item < offsets[row + 1]; ++item) items.push_back(static_cast<uint32_t>(item));
  }
  return items;
}

}  // namespace

bool SlabWriter::fits(const Column& column) {
  constexpr auto most = static_cast<size_t>(std::numeric_limits<int32_t>::max());
  const TypeId id = column.type_.id;
  if (isBytes(id) && column.data_.size() > most) return false;
  if (id == TypeId::List && static_cast<size_t>(column.children_[0].length_) > most) return false;
  return std::all_of(column.children_.begin(), column.children_.end(), fits);
}

size_t SlabWriter::byteSize(const Column& column, Rows rows) {
  size_t bytes = column.nulls_ > 0 ? aligned(bitmapBytes(rows.size())) : 0;
  const size_t offsets = aligned((rows.size() + 1) * sizeof(int32_t));
  const TypeId id = column.type_.id;
  if (column.width_ > 0) return bytes + aligned(rows.size() * column.width_);
  if (id == TypeId::Bool) return bytes + aligned(bitmapBytes(rows.size()));
  if (isBytes(id)) {
    const int32_t* at = column.valueOffsets();
    size_t text = 0;
    for (const uint32_t row : rows) text += static_cast<size_t>(at[row + 1] - at[row]);
    return bytes + offsets + aligned(text);
  }
  if (id == TypeId::List) {
    return bytes + offsets + byteSize(column.children_[0], itemsOf(column.valueOffsets(), rows));
  }
  for (const Column& child : column.children_) bytes += byteSize(child, rows);
  return bytes;
}

// ---------------------------------------------------------------- whole columns

void SlabWriter::write(const Column& column) {
  NodeLayout node;
  const auto length = static_cast<size_t>(column.length_);
  node.length = column.length_;
  node.nullCount = column.nulls_;
  if (column.nulls_ > 0) {
    node.validityOffset = at_;
    node.validityBytes = bitmapBytes(length);
    uint8_t* to = put(column.validity_, node.validityBytes);
    // Rows behind the last null have no bits in the builder.
    if (const size_t has = column.validity_.size(); has < node.validityBytes) {
      std::memset(to + has, 0xFF, node.validityBytes - has);
    }
    clearBehind(to, length);
  }
  if (column.offsets_.size() > 0) {
    node.offsetsOffset = at_;
    node.offsetsBytes = column.offsets_.size();
    put(column.offsets_, node.offsetsBytes);
  }
  if (column.data_.size() > 0) {
    node.dataOffset = at_;
    node.dataBytes = column.data_.size();
    uint8_t* to = put(column.data_, node.dataBytes);
    if (column.type_.id == TypeId::Bool) clearBehind(to, length);
  }
  slab_.nodes.push_back(node);
  for (const Column& child : column.children_) write(child);
}

// `bytes` of room; what lies between them and the next buffer is zero.
uint8_t* SlabWriter::room(size_t bytes) {
  uint8_t* to = slab_.data + at_;
  const size_t all = aligned(bytes);
  std::memset(to + bytes, 0, all - bytes);
  at_ += all;
  return to;
}

// The same, filled from the buffer as far as it goes.
uint8_t* SlabWriter::put(const Buffer& buffer, size_t bytes) {
  uint8_t* to = room(bytes);
  std::memcpy(to, buffer.data(), std::min(bytes, buffer.size()));
  return to;
}

// ---------------------------------------------------------------- some rows of them

void SlabWriter::write(const Column& column, Rows rows) {
  NodeLayout node;
  node.length = static_cast<int64_t>(rows.size());
  if (column.nulls_ > 0) gatherValidity(column, rows, node);
  const TypeId id = column.type_.id;
  if (column.width_ > 0 || id == TypeId::Bool) {
    node.dataOffset = at_;
    node.dataBytes = id == TypeId::Bool ? bitmapBytes(rows.size()) : rows.size() * column.width_;
    uint8_t* to = room(node.dataBytes);
    if (id != TypeId::Bool) gatherFixed(column.width_, column.data_.data(), rows, to);
    else gatherBits(rows, to, [&column](uint32_t row) { return column.boolean(row); });
  } else if (isBytes(id)) {
    gatherBytes(column, rows, node);
  } else if (id == TypeId::List) {
    const std::vector<uint32_t> items = gatherList(column, rows, node);
    slab_.nodes.push_back(node);
    return write(column.children_[0], items);
  }
  slab_.nodes.push_back(node);
  for (const Column& child : column.children_) write(child, rows);
}

void SlabWriter::gatherValidity(const Column& column, Rows rows, NodeLayout& node) {
  node.validityOffset = at_;
  node.validityBytes = bitmapBytes(rows.size());
  uint8_t* to = room(node.validityBytes);
  const size_t valid = gatherBits(rows, to, [&column](uint32_t row) { return column.isValid(row); });
  node.nullCount = static_cast<int64_t>(rows.size() - valid);
  if (node.nullCount == 0) node.validityOffset = node.validityBytes = 0;  // the nulls were in other rows
}

void SlabWriter::gatherBytes(const Column& column, Rows rows, NodeLayout& node) {
  const int32_t* at = column.valueOffsets();
  node.offsetsOffset = at_;
  node.offsetsBytes = (rows.size() + 1) * sizeof(int32_t);
  auto* offsets = reinterpret_cast<int32_t*>(room(node.offsetsBytes));
  int32_t end = 0;
  offsets[0] = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    end += at[rows[i] + 1] - at[rows[i]];
    offsets[i + 1] = end;
  }
  if (end == 0) return;
  node.dataOffset = at_;
  node.dataBytes = static_cast<size_t>(end);
  uint8_t* to = room(node.dataBytes);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to + offsets[i], column.data_.data() + at[rows[i]], static_cast<size_t>(offsets[i + 1] - offsets[i]));
  }
}

std::vector<uint32_t> SlabWriter::gatherList(const Column& column, Rows rows, NodeLayout& node) {
  const int32_t* at = column.valueOffsets();
  node.offsetsOffset = at_;
  node.offsetsBytes = (rows.size() + 1) * sizeof(int32_t);
  auto* offsets = reinterpret_cast<int32_t*>(room(node.offsetsBytes));
  offsets[0] = 0;
  for (size_t i = 0; i < rows.size(); ++i) offsets[i + 1] = offsets[i] + at[rows[i] + 1] - at[rows[i]];
  return itemsOf(at, rows);
}

}  // namespace sabot
