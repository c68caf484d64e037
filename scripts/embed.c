/* embed.c: writes the Lua files named as arguments as one C file, which lib/packages.h describes.
 * Of C files among them it takes only the doc comments, those that begin with two stars, for help.
 *
 * Each file becomes one string literal, a line of it for each line of the source: compilers read
 * that much faster than an array of numbers. */
#include <errno.h>
#include <stdbool.h>
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

/* What is kept of a C file: its doc comments, and all ends of lines, so that they stay at theirs.
 */
typedef struct {
  bool all;    /* not a C file */
  bool inside; /* a doc comment */
  char last[3];
} filter;

static bool keep(filter *f, int ch) {
  f->last[0] = f->last[1], f->last[1] = f->last[2], f->last[2] = (char)ch;
  if (f->all) return true;
  bool was = f->inside;
  if (!f->inside && memcmp(f->last, "/**", 3) == 0) {
    f->inside = true;
    fputs("/*", stdout); /* held back until it was known */
    return true;
  }
  if (f->inside && memcmp(f->last + 1, "*/", 2) == 0) f->inside = false;
  return was || ch == '\n';
}

static bool write_file(const char *path, int index) {
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  size_t name = strlen(path);
  filter kept = {.all = name < 2 || strcmp(path + name - 2, ".c") != 0};
  printf("\nstatic const char file_%d[] = \"", index);
  for (int ch; (ch = getc(f)) != EOF;)
    if (keep(&kept, ch)) write_char(ch);
  puts("\";");
  int bad = ferror(f);
  fclose(f);
  return !bad;
}

int main(int argc, char **argv) {
  int count = argc - 1;
  qsort(argv + 1, (size_t)count, sizeof *argv, compare);
  puts("/* Written by scripts/embed.c: the Lua files of the libraries. */");
  puts("#include \"lib/packages.h\"");
  for (int i = 0; i < count; i++) {
    if (!write_file(argv[i + 1], i)) {
      fprintf(stderr, "embed: %s: %s\n", argv[i + 1], strerror(errno));
      return 1;
    }
  }
  puts("\nconst cr_embedded_file cr_embedded_files[] = {");
  for (int i = 0; i < count; i++)
    printf("    {\"%s\", file_%d, sizeof file_%d - 1},\n", argv[i + 1], i, i);
  puts("    {NULL, NULL, 0},\n};");
  printf("const size_t cr_embedded_count = %d;\n", count);
  return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
