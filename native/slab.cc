// One allocation for every buffer of a batch. It may be freed on another thread than the one that made it.
#include <cstdlib>
#include <utility>

#include "sabot.h"

namespace sabot {

Slab& Slab::operator=(Slab&& other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  std::swap(rows, other.rows);
  nodes.swap(other.nodes);
  return *this;
}

Slab::~Slab() { free(data); }

uint8_t* Slab::release() { return std::exchange(data, nullptr); }

uint8_t* Slab::allocate(size_t bytes) {
  constexpr size_t alignment = 64;
  const size_t room = bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
  if (room < bytes) return nullptr;
  return static_cast<uint8_t*>(std::aligned_alloc(alignment, room));
}

void Slab::free(uint8_t* data) { std::free(data); }

}  // namespace sabot
