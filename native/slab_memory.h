// Where slabs lie. They are large, much alike in size, made by decode workers and freed by JavaScript's collector, many
// at once: an allocator of threads' own heaps spreads them over ever more pages (420 MB resident of 120 MB that were in
// use). So slabs from 256 KiB on are mapped by themselves, and some are kept for the next ones, whose pages then need
// not be faulted in. Any thread.
#pragma once

#include <cstddef>

namespace sabot {

// What is kept of freed slabs, in bytes, a process: with the slabs in use at most 64 MiB, or 8 MiB where those are more.
size_t keptSlabMemory();

}  // namespace sabot
