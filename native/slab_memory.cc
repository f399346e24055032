#include "slab_memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "sabot.h"

// A sanitizer must see every slab die.
#if __has_include(<sys/mman.h>) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <sys/mman.h>
#define SABOT_MAPS_SLABS 1
#endif

namespace sabot {

namespace {

constexpr size_t alignment = 64;

uint8_t* allocateSmall(size_t bytes) {
  const size_t room = bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
  return room < bytes ? nullptr : static_cast<uint8_t*>(std::aligned_alloc(alignment, room));
}

}  // namespace

#ifdef SABOT_MAPS_SLABS

namespace {

constexpr size_t leastMapped = size_t{256} << 10;
// Slabs in use and slabs kept together stay below this. So where batches pile up behind a slow step, little is kept
// beside them; where they come and go, enough for what the collector frees at once.
constexpr size_t mostMapped = size_t{64} << 20;
constexpr size_t alwaysKept = size_t{8} << 20;  // so much is kept in any case

// Eight sizes between two powers of two: what a slab does not use of its own, it never touches either.
size_t roomOf(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

class KeptSlabs {
 public:
  // nullptr: none of this size is kept, and the caller maps one.
  uint8_t* take(size_t room) {
    const std::lock_guard lock(mutex_);
    used_ += room;
    // The last one of its size: its pages are the likeliest to be in a cache.
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(), [room](const Kept& each) { return each.room == room; });
    if (found == kept_.rend()) return nullptr;
    uint8_t* data = found->data;
    bytes_ -= room;
    kept_.erase(std::next(found).base());
    return data;
  }

  // Takes back what take() counted.
  void failed(size_t room) {
    const std::lock_guard lock(mutex_);
    used_ -= room;
  }

  // The oldest go where there are too many: sizes that no slab has any more do not stay.
  void give(uint8_t* data, size_t room) {
    std::vector<Kept> dropped;
    {
      const std::lock_guard lock(mutex_);
      kept_.push_back({data, room});
      bytes_ += room;
      used_ -= room;
      const size_t most = std::max(alwaysKept, mostMapped - std::min(used_, mostMapped));
      size_t count = 0;
      while (bytes_ > most) bytes_ -= kept_[count++].room;
      dropped.assign(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    for (const Kept& each : dropped) munmap(each.data, each.room);
  }

  size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Kept {
    uint8_t* data;
    size_t room;
  };
  std::mutex mutex_;
  std::vector<Kept> kept_;  // the oldest first; 256 at most
  size_t bytes_ = 0;        // of kept_
  size_t used_ = 0;         // of slabs that somebody has
};

// Never destroyed: a slab may be freed while the process ends.
KeptSlabs& keptSlabs() {
  static auto* kept = new KeptSlabs();
  return *kept;
}

}  // namespace

uint8_t* Slab::allocate(size_t bytes) {
  if (bytes < leastMapped) return allocateSmall(bytes);
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t room = roomOf(bytes);
  if (uint8_t* data = keptSlabs().take(room)) return data;
  void* data = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data != MAP_FAILED) return static_cast<uint8_t*>(data);
  keptSlabs().failed(room);
  return nullptr;
}

void Slab::free(uint8_t* data, size_t bytes) {
  if (data == nullptr) return;
  if (bytes < leastMapped) std::free(data);
  else keptSlabs().give(data, roomOf(bytes));
}

size_t keptSlabMemory() { return keptSlabs().bytes(); }

#else

uint8_t* Slab::allocate(size_t bytes) { return allocateSmall(bytes); }
void Slab::free(uint8_t* data, size_t) { std::free(data); }
size_t keptSlabMemory() { return 0; }

#endif

}  // namespace sabot
