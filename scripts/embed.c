/* embed.c: writes the Lua files named as arguments as one C file, which lib/packages.h describes.
 * Of C files among them it takes only the doc comments, those that begin with two stars, for help.
 *
 * Each file becomes one string literal, a line of it for each line of the source: compilers read
 * that much faster than an array of numbers.  A Lua file becomes a second one, its bytecode, with
 * which programs start sooner; the source stays for messages, help and the debugger. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Octal escapes take at most three digits, so what follows one can never be taken into it; an
 * escaped question mark can never begin a trigraph. */
static void write_char(int ch) {
  if (ch == 0x100) /* the byte alone, without an end of line here */
    fputs("\\n", stdout);
  else if (ch == '\n')
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

static bool is_c(const char *path) {
  size_t n = strlen(path);
  return n >= 2 && strcmp(path + n - 2, ".c") == 0;
}

static bool write_file(const char *path, int index) {
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  filter kept = {.all = !is_c(path)};
  printf("\nstatic const char file_%d[] = \"", index);
  for (int ch; (ch = getc(f)) != EOF;)
    if (keep(&kept, ch)) write_char(ch);
  puts("\";");
  int bad = ferror(f);
  fclose(f);
  return !bad;
}

/* Writes a piece of bytecode; lua_Writer. */
static int write_code(lua_State *L, const void *piece, size_t size, void *length) {
  (void)L;
  const unsigned char *p = piece;
  for (size_t i = 0; i < size; i++) {
    if (*(size_t *)length % 64 == 0) fputs("\"\n\"", stdout);
    ++*(size_t *)length;
    write_char(p[i] == '\n' ? 0x100 : p[i]);
  }
  return 0;
}

/* The bytecode of a Lua file, with all that errors and the debugger tell. */
static bool write_bytecode(lua_State *L, const char *path, int index) {
  lua_pushfstring(L, "@%s", path);
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  luaL_Buffer source;
  luaL_buffinit(L, &source);
  for (int ch; (ch = getc(f)) != EOF;) luaL_addchar(&source, (char)ch);
  fclose(f);
  luaL_pushresult(&source);
  size_t size, length = 0;
  const char *text = lua_tolstring(L, -1, &size);
  if (luaL_loadbufferx(L, text, size, lua_tostring(L, -2), "t") != LUA_OK) {
    fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
    return false;
  }
  printf("static const char code_%d[] = \"", index);
  lua_dump(L, write_code, &length, 0);
  puts("\";");
  lua_settop(L, 0);
  return true;
}

int main(int argc, char **argv) {
  int count = argc - 1;
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  qsort(argv + 1, (size_t)count, sizeof *argv, compare);
  puts("/* Written by scripts/embed.c: the Lua files of the libraries. */");
  puts("#include \"lib/packages.h\"");
  for (int i = 0; i < count; i++) {
    if (!write_file(argv[i + 1], i) || (!is_c(argv[i + 1]) && !write_bytecode(L, argv[i + 1], i))) {
      fprintf(stderr, "embed: %s: %s\n", argv[i + 1], strerror(errno));
      return 1;
    }
  }
  puts("\nconst cr_embedded_file cr_embedded_files[] = {");
  for (int i = 0; i < count; i++) {
    printf("    {\"%s\", file_%d, sizeof file_%d - 1, ", argv[i + 1], i, i);
    if (is_c(argv[i + 1]))
      puts("NULL, 0},");
    else
      printf("code_%d, sizeof code_%d - 1},\n", i, i);
  }
  puts("    {NULL, NULL, 0, NULL, 0},\n};");
  lua_close(L);
  printf("const size_t cr_embedded_count = %d;\n", count);
  return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
