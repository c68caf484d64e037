/* map.c: elements of a file in mapped memory. */
#include "lib/formats/map.h"
#include "lib/formats/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORTH_MAPPING 65536

/* The pages around the elements. */
typedef struct {
  void *base;
  size_t length;
} pages;

static void unmap(void *owner, void *data) {
  (void)data;
  pages *p = owner;
  munmap(p->base, p->length);
  cr_free(p, sizeof *p);
}

static cr_storage *map_pages(int fd, const char *name, cr_dtype dtype, int64_t offset,
                             int64_t count, bool shared) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = (size_t)offset % page;
  pages *p = cr_malloc(sizeof *p);
  if (!p) return NULL;
  p->length = skip + (size_t)count * cr_sizeof(dtype);
  p->base = mmap(NULL, p->length, PROT_READ | PROT_WRITE,
                 shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE, fd, offset - (off_t)skip);
  if (p->base == MAP_FAILED) {
    cr_free(p, sizeof *p);
    return cr_fail_null("%s: cannot be mapped: %s", name, strerror(errno));
  }
  cr_storage *s = cr_storage_wrap(dtype, (char *)p->base + skip, count, unmap, p);
  if (!s) unmap(p, NULL);
  return s;
}

static cr_storage *copy_elements(int fd, const char *name, cr_dtype dtype, int64_t offset,
                                 int64_t count) {
  cr_storage *s = cr_storage_new(dtype, (cr_device){CR_CPU, 0}, count);
  int64_t bytes = count * (int64_t)cr_sizeof(dtype), done = 0;
  while (s && done < bytes) {
    ssize_t n = pread(fd, (char *)s->data + done, (size_t)(bytes - done), offset + done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      cr_storage_release(s);
      return cr_fail_null("%s: %s", name, n == 0 ? "truncated" : strerror(errno));
    }
    done += n;
  }
  if (s && dtype == CR_BOOL) cr_settle_bools(s->data, count);
  return s;
}

cr_storage *cr_map_elements(int fd, const char *name, cr_dtype dtype, int64_t offset, int64_t count,
                            bool shared) {
  struct stat st;
  int64_t size = (int64_t)cr_sizeof(dtype);
  if (fd < 0 || fstat(fd, &st) != 0) return cr_fail_null("%s: %s", name, strerror(errno));
  if (!S_ISREG(st.st_mode)) return cr_fail_null("%s: only an ordinary file can be mapped", name);
  if (offset < 0 || count < 0 || offset > st.st_size || count > (st.st_size - offset) / size)
    return cr_fail_null(
        "%s: truncated: %lld elements of %s at byte %lld lie outside its %lld bytes", name,
        (long long)count, cr_dtypes[dtype].name, (long long)offset, (long long)st.st_size);
  bool odd = offset % size != 0;
  if (shared && odd)
    return cr_fail_null("%s: elements at byte %lld cannot be mapped", name, (long long)offset);
  /* bool: a byte from outside may be neither 0 nor 1. */
  if (!shared && (odd || dtype == CR_BOOL || count * size < WORTH_MAPPING))
    return copy_elements(fd, name, dtype, offset, count);
  if (count == 0) return cr_storage_new(dtype, (cr_device){CR_CPU, 0}, 0);
  return map_pages(fd, name, dtype, offset, count, shared);
}

bool cr_map_flush(const void *data, int64_t bytes) {
  size_t skip = (size_t)((uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE));
  if (bytes <= 0 || msync((char *)(uintptr_t)data - skip, (size_t)bytes + skip, MS_SYNC) == 0)
    return true;
  return cr_fail("cannot write: %s", strerror(errno));
}
