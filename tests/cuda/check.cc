/* check.cc: see check.h. */
#include "tests/cuda/check.h"

#include <stdarg.h>
#include <stdio.h>

#define MOST_PRINTED 60

static int passed, failed;

bool check(bool holds, const char *format, ...) {
  holds ? passed++ : failed++;
  if (holds || failed > MOST_PRINTED) return holds;
  va_list list;
  va_start(list, format);
  printf("not ok: ");
  vprintf(format, list);
  printf("\n");
  va_end(list);
  return false;
}

int report() {
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
