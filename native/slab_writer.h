// Columns as the buffers of a slab: whole ones are copied, of others the rows that are wanted are gathered.
#pragma once

#include <cstdint>
#include <span>

#include "columns.h"
#include "sabot.h"

namespace sabot {

// Writes columns into a slab, node by node in pre-order. The slab has as many bytes as byteSize() says of them.
class SlabWriter {
 public:
  // Ascending, each below the length of the column.
  using Rows = std::span<const uint32_t>;

  explicit SlabWriter(Slab& slab) : slab_(slab) {}

  static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
  // False: the column, or a child of it, has more bytes or items than an int32 offset can say.
  static bool fits(const Column& column);
  // Bytes that some rows take, at most. All of them: Column::byteSize().
  static size_t byteSize(const Column& column, Rows rows);

  void write(const Column& column);
  void write(const Column& column, Rows rows);

 private:
  uint8_t* room(size_t bytes);
  uint8_t* put(const Buffer& buffer, size_t bytes);
  void gatherValidity(const Column& column, Rows rows, NodeLayout& node);
  void gatherBytes(const Column& column, Rows rows, NodeLayout& node);
  std::vector<uint32_t> gatherList(const Column& column, Rows rows, NodeLayout& node);

  Slab& slab_;
  size_t at_ = 0;
};

}  // namespace sabot
