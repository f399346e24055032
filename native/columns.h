// Columns while they grow, and how they become a slab: the only place that knows buffer layout.
//
// A row is all or nothing: whoever appends one and finds that it fails truncates back to the rows before it, and
// no trace is left. Where memory runs out while columns grow, std::bad_alloc is thrown, as by every C++ container.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sabot.h"

namespace sabot {

// Bytes that grow without being zeroed first.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // Never gives memory back: the next run of rows wants it again.
  void truncate(size_t size) { size_ = size; }

  // Room for `bytes` more behind size(); returns where. The caller then calls grown() with what it wrote there.
  uint8_t* reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) enlarge(bytes);
    return data_ + size_;
  }
  void grown(size_t bytes) { size_ += bytes; }

  void append(const void* bytes, size_t count) {
    uint8_t* to = reserve(count);
    if (count > 0) std::memcpy(to, bytes, count);
    size_ += count;
  }
  template <class T>
  void push(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(reserve(sizeof(T)), &value, sizeof(T));
    size_ += sizeof(T);
  }

 private:
  void swap(Buffer& other) noexcept;
  void enlarge(size_t bytes);

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// 128-bit two's complement, little endian words.
struct Decimal128 {
  uint64_t low = 0;
  int64_t high = 0;
};

// One column, or a child of one. Which append a column takes follows from its type:
//   Int8 .. Float64, Date32 (int32_t), Timestamp (int64_t), Decimal128   append<T>
//   Bool                                                                 appendBool
//   Utf8, Binary                                                         appendBytes
//   Struct   one value to every child, then endStruct()
//   List     its items to child(0), then endList()
// and any type appendNull(): in a struct every child gets a null too, a list is left empty.
class Column {
 public:
  explicit Column(const Type& type);

  const Type& type() const { return type_; }
  int64_t length() const { return length_; }
  int64_t nullCount() const { return nulls_; }
  size_t childCount() const { return children_.size(); }
  Column& child(size_t i) { return children_[i]; }
  const Column& child(size_t i) const { return children_[i]; }

  template <class T>
  void append(T value) {
    data_.push(value);
    ++length_;
  }
  void appendBool(bool value) {
    pushBit(value);
    ++length_;
  }
  void appendBytes(std::string_view bytes) {
    data_.append(bytes.data(), bytes.size());
    endBytes();
  }
  // A value that is written piece by piece (a string with escapes): bytes go to data(), then endBytes().
  Buffer& data() { return data_; }
  void endBytes() {
    offsets_.push(static_cast<int32_t>(data_.size()));
    ++length_;
  }
  void endStruct() { ++length_; }
  void endList() {
    offsets_.push(static_cast<int32_t>(children_[0].length()));
    ++length_;
  }
  void appendNull();
  // Values of a type of fixed width; where `valid` is not nullptr, those with a 0 there are nulls.
  void appendAll(const void* values, const uint8_t* valid, size_t count);
  // The same of Utf8 and Binary: value i is bytes[starts[i], ends[i]).
  void appendAllBytes(const char* bytes, const int32_t* starts, const int32_t* ends, const uint8_t* valid,
                      size_t count);
  // `count` values that stand behind `from` already: those with a 0 are nulls.
  void setNulls(int64_t from, const uint8_t* valid, size_t count);

  // Takes back every value from `length` on, and what an unfinished value left in data() or in children.
  void truncate(int64_t length);
  // Keeps the values at these positions, ascending. Not of a List or Struct.
  void keep(std::span<const uint32_t> positions);

  // Where the values lie: of fixed width, a bitmap of Bool, the bytes of Utf8 and Binary (nullptr: there are none yet).
  const uint8_t* values() const { return data_.data(); }
  // Of Utf8, Binary and List: length() + 1.
  const int32_t* valueOffsets() const { return reinterpret_cast<const int32_t*>(offsets_.data()); }

  bool isValid(int64_t row) const {
    const auto at = static_cast<size_t>(row >> 3);
    return nulls_ == 0 || at >= validity_.size() || ((validity_.data()[at] >> (row & 7)) & 1) != 0;
  }
  template <class T>
  T value(int64_t row) const {
    T out;
    std::memcpy(&out, data_.data() + static_cast<size_t>(row) * sizeof(T), sizeof(T));
    return out;
  }
  bool boolean(int64_t row) const { return ((data_.data()[row >> 3] >> (row & 7)) & 1) != 0; }
  std::string_view bytes(int64_t row) const;

  // Bytes of all buffers.
  size_t byteSize() const;

 private:
  friend class SlabWriter;

  int32_t offsetAt(int64_t row) const {
    int32_t offset = 0;
    std::memcpy(&offset, offsets_.data() + static_cast<size_t>(row) * sizeof(offset), sizeof(offset));
    return offset;
  }
  // The bit of value length_: where a row was taken back, its bit may still be set.
  void pushBit(bool bit) {
    if ((length_ & 7) == 0) data_.push(uint8_t{0});
    uint8_t& byte = data_.data()[length_ >> 3];
    const auto mask = static_cast<uint8_t>(1u << (length_ & 7));
    byte = static_cast<uint8_t>(bit ? byte | mask : byte & ~mask);
  }

  Type type_;
  size_t width_ = 0;  // bytes of a fixed-size value; 0: bits, bytes or none
  int64_t length_ = 0;
  int64_t nulls_ = 0;
  Buffer validity_;  // LSB bitmap up to the last null; bits behind it are ones, so that a valid value costs nothing
  Buffer offsets_;   // int32, length_ + 1 of them: Utf8, Binary, List
  Buffer data_;
  std::vector<Column> children_;
};

// A column of a slab: all its values, or those of these rows, ascending.
struct SlabColumn {
  uint32_t column = 0;
  const uint32_t* rows = nullptr;
};

// The columns of a run of rows. Belongs to one thread at a time.
class ColumnSet {
 public:
  // `emit == false`: a column that only the predicate reads; finish() leaves it out.
  explicit ColumnSet(const std::vector<ColumnSpec>& columns);

  size_t size() const { return columns_.size(); }
  Column& operator[](size_t i) { return columns_[i]; }
  const Column& operator[](size_t i) const { return columns_[i]; }

  // Takes back every row from `rows` on, in the first `columns` columns (a decoder's; those behind are the source's).
  void truncate(int64_t rows, size_t columns);

  // Bytes that finish() would take.
  size_t byteSize() const;

  // The emitted columns, which must all have `rows` values, as one slab. Afterwards every column is empty and keeps
  // its memory for the next run. MEMORY: no memory for the slab; SCHEMA: a column passed 2 GiB of bytes or items.
  Status finish(int64_t rows, Slab& out);
  // The same with these columns, of which each gives `rows` values.
  Status finish(std::span<const SlabColumn> columns, int64_t rows, Slab& out);
  // SCHEMA: a column passed 2 GiB of bytes or items, and its values can not be read.
  Status check() const;
  void clear();

 private:
  Status tooLarge(size_t column) const;

  std::vector<Column> columns_;
  std::vector<bool> emit_;
  std::vector<std::string> names_;  // for messages
};

}  // namespace sabot
