// What the linker puts in place of the C library's allocator (-Wl,--wrap=malloc makes every call of malloc in this
// module one of __wrap_malloc), for librdkafka, zstd, OpenSSL and our C++, whose operator new is linked statically.
// Node and every other module of the process keep theirs, so memory must be freed on the side that allocated it.
//
// What the C library allocates itself and its caller frees must therefore be wrapped too. Of such functions strdup and
// strndup are called in this module; the others are wrapped without a definition here, so that a call of one fails the
// link of the C++ tests instead of freeing foreign memory (native/CMakeLists.txt has the list).
#include <mimalloc.h>
#include <stdbool.h>
#include <stddef.h>

// What other threads freed of a thread's large blocks comes back to it when its heap is collected, which mimalloc does
// after 10,000 slow allocations. librdkafka's thread receives responses of megabytes and allocates little else, so each
// came into fresh memory: reading 400 MB faulted 75,000 pages in and peaked at 430 MB, instead of 12,000 and 165.
static void collectBefore(size_t size) {
  if (size >= 256u << 10) mi_collect(false);
}

void* __wrap_malloc(size_t size) {
  collectBefore(size);
  return mi_malloc(size);
}
void* __wrap_calloc(size_t count, size_t size) { return mi_calloc(count, size); }
void* __wrap_realloc(void* memory, size_t size) { return mi_realloc(memory, size); }
void* __wrap_aligned_alloc(size_t alignment, size_t size) { return mi_aligned_alloc(alignment, size); }
void __wrap_free(void* memory) { mi_free(memory); }
char* __wrap_strdup(const char* text) { return mi_strdup(text); }
char* __wrap_strndup(const char* text, size_t size) { return mi_strndup(text, size); }

// Memory that was freed goes back to the system after this time instead of 10 ms. Batches of one size come and go: with
// 10 ms every page of every slab was faulted in anew, a tenth of the time that reading takes.
__attribute__((constructor)) static void keepLonger(void) { mi_option_set_default(mi_option_purge_delay, 100); }
