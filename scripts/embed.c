/* embed.c: writes the Lua files named as arguments as one C file, which lib/packages.h describes.
 *
 * Each file becomes one string literal, a line of it for each line of the source: compilers read
 * that much faster than an array of numbers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Octal escapes take at most three digits, so what follows one can never be taken into it; an
 * escaped question mark can never begin a trigraph. */
static void write_char(int ch) {
  if (ch == '\n')
    fputs("\\n\"\n\"", stdout);
  else if (ch == '"' || ch == '\\' || ch == '?')
    printf("\\%c", ch);
  else if (ch < ' ' || ch > '~')
    printf("\\%03o", ch);
  else
    putchar(ch);
}

/* The number of bytes, or -1. */
static long write_file(const char *path, int index) {
  FILE *f = fopen(path, "rb");
  if (!f) return -1;
  long n = 0;
  printf("\nstatic const char file_%d[] = \"", index);
  for (int ch; (ch = getc(f)) != EOF; n++) write_char(ch);
  puts("\";");
  int bad = ferror(f);
  fclose(f);
  return bad ? -1 : n;
}

int main(int argc, char **argv) {
  int count = argc - 1;
  long *length = calloc((size_t)count + 1, sizeof *length);
  if (!length) return 1;
  qsort(argv + 1, (size_t)count, sizeof *argv, compare);
  puts("/* Written by scripts/embed.c: the Lua files of the libraries. */");
  puts("#include \"lib/packages.h\"");
  for (int i = 0; i < count; i++) {
    length[i] = write_file(argv[i + 1], i);
    if (length[i] < 0) {
      fprintf(stderr, "embed: %s: %s\n", argv[i + 1], strerror(errno));
      free(length);
      return 1;
    }
  }
  puts("\nconst cr_embedded_file cr_embedded_files[] = {");
  for (int i = 0; i < count; i++)
    printf("    {\"%s\", file_%d, %ld},\n", argv[i + 1], i, length[i]);
  puts("    {NULL, NULL, 0},\n};");
  printf("const size_t cr_embedded_count = %d;\n", count);
  free(length);
  return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
