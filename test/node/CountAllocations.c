// Preloaded into a process: counts what each thread allocates, by name of thread, and writes
// "name count" lines into the file that COUNT_ALLOCATIONS names, with the process's number behind
// it, when the process ends.
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kThreads = 256, kName = 16 };

struct Slot {
  char name[kName];
  atomic_ulong count;
};
static struct Slot slots[kThreads];
static atomic_int used;
static __thread struct Slot *mine;

static struct Slot *slotOfThread(void) {
  if (!mine) {
    const int index = atomic_fetch_add(&used, 1);
    mine = &slots[index < kThreads ? index : kThreads - 1];
    syscall(SYS_prctl, PR_GET_NAME, mine->name);
  }
  return mine;
}

static void count(void) { atomic_fetch_add(&slotOfThread()->count, 1); }

// A thread that takes a name is counted, even if it never allocates.
int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long rest[4];
  for (int i = 0; i < 4; ++i)
    rest[i] = va_arg(list, unsigned long);
  va_end(list);
  if (option == PR_SET_NAME)
    strncpy(slotOfThread()->name, (const char *)rest[0], kName - 1);
  return (int)syscall(SYS_prctl, option, rest[0], rest[1], rest[2], rest[3]);
}

// What glibc's own functions are called.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void *calloc(size_t number, size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}
void *realloc(void *old, size_t bytes) {
  count();
  return __libc_realloc(old, bytes);
}
void *memalign(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  count();
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : ENOMEM;
}

__attribute__((destructor)) static void report(void) {
  const char *base = getenv("COUNT_ALLOCATIONS");
  char path[512];
  if (!base || snprintf(path, sizeof path, "%s.%d", base, (int)getpid()) >= (int)sizeof path)
    return;
  FILE *file = fopen(path, "w");
  if (!file)
    return;
  const int threads = atomic_load(&used);
  for (int i = 0; i < threads && i < kThreads; ++i)
    fprintf(file, "%s %lu\n", slots[i].name, (unsigned long)atomic_load(&slots[i].count));
  fclose(file);
}
