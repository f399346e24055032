// For the thread sanitizer only (ends in _test.cc so that it is linked into the test program; empty otherwise).
//
// librdkafka uses C11 threads. The sanitizer knows only pthreads: a thread that glibc's thrd_create started crashes in
// it, and what glibc's mtx_lock guards looks like a race. These definitions take the place of glibc's and go through
// pthreads; the types are the same underneath (mtx_t holds a pthread_mutex_t, thrd_t is a pthread_t).
#if defined(__SANITIZE_THREAD__)

#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

namespace {

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t));

pthread_mutex_t* native(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* native(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

int result(int error) {
  switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    case ENOMEM: return thrd_nomem;
    default: return thrd_error;
  }
}

struct Start {
  thrd_start_t run;
  void* argument;
};

void* runStart(void* opaque) {
  const std::unique_ptr<Start> start(static_cast<Start*>(opaque));
  return reinterpret_cast<void*>(static_cast<intptr_t>(start->run(start->argument)));
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument) {
  auto* start = new Start{run, argument};
  const int error = pthread_create(thread, nullptr, runStart, start);
  if (error != 0) delete start;
  return result(error);
}

int thrd_join(thrd_t thread, int* code) {
  void* value = nullptr;
  const int error = pthread_join(thread, &value);
  if (code != nullptr) *code = static_cast<int>(reinterpret_cast<intptr_t>(value));
  return result(error);
}

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(native(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return result(error);
}
void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(native(mutex)); }
int mtx_lock(mtx_t* mutex) { return result(pthread_mutex_lock(native(mutex))); }
int mtx_trylock(mtx_t* mutex) { return result(pthread_mutex_trylock(native(mutex))); }
int mtx_unlock(mtx_t* mutex) { return result(pthread_mutex_unlock(native(mutex))); }

int cnd_init(cnd_t* condition) { return result(pthread_cond_init(native(condition), nullptr)); }
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(native(condition)); }
int cnd_signal(cnd_t* condition) { return result(pthread_cond_signal(native(condition))); }
int cnd_broadcast(cnd_t* condition) { return result(pthread_cond_broadcast(native(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return result(pthread_cond_wait(native(condition), native(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return result(pthread_cond_timedwait(native(condition), native(mutex), until));
}

}  // extern "C"

#endif
