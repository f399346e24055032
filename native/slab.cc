// One allocation for every buffer of a batch. It may be freed on another thread than the one that made it.
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot {

Slab& Slab::operator=(Slab&& other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  std::swap(rows, other.rows);
  nodes.swap(other.nodes);
  return *this;
}

Slab::~Slab() { free(data, size); }

uint8_t* Slab::release() { return std::exchange(data, nullptr); }

namespace {

ArrayView arrayOf(const Slab& slab, const Type& type, size_t& node) {
  const NodeLayout& layout = slab.nodes[node++];
  const auto at = [&slab](uint64_t offset, uint64_t bytes) { return bytes == 0 ? nullptr : slab.data + offset; };
  ArrayView array;
  array.type = type;
  array.length = layout.length;
  array.nullCount = layout.nullCount;
  array.validity = at(layout.validityOffset, layout.validityBytes);
  array.offsets = reinterpret_cast<const int32_t*>(at(layout.offsetsOffset, layout.offsetsBytes));
  // Texts that are all empty have no bytes, and still are no nulls.
  array.data = slab.data + layout.dataOffset;
  for (const Field& child : type.children) array.children.push_back(arrayOf(slab, child.type, node));
  return array;
}

}  // namespace

std::vector<NamedArray> arraysOf(const Slab& slab, const std::vector<Field>& fields) {
  std::vector<NamedArray> arrays;
  size_t node = 0;
  for (const Field& field : fields) arrays.push_back({field.name, arrayOf(slab, field.type, node)});
  return arrays;
}

}  // namespace sabot
