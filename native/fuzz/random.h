// Random numbers of the fuzz programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sabot {

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717u;
  }
  size_t below(size_t bound) { return bound == 0 ? 0 : static_cast<size_t>((next() >> 11) % bound); }

 private:
  uint64_t state_;
};

}  // namespace sabot
