/* test_typing.c: the colours and the indentation of what is typed at the prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vm/colours.h"
#include "vm/lexer.h"

/* A letter for each colour: plain, keyword, string, number, comment, command, wrong, match. */
static const char letters[] = ".ksn-%!m";

/* The text's colours, one letter a byte, are `wanted`.  The copy ends where the text does, so that
 * sanitizers see a read behind it. */
static void check(const char *text, size_t cursor, const char *wanted) {
  size_t n = strlen(text);
  char *copy = malloc(n), got[200];
  unsigned char *colours = malloc(n + 1);
  assert_true(n < sizeof got && copy && colours);
  memcpy(copy, text, n);
  cr_colour_text(copy, n, cursor, colours);
  for (size_t i = 0; i < n; i++) got[i] = letters[colours[i]];
  got[n] = '\0';
  assert_string_equal(got, wanted);
  free(copy);
  free(colours);
}

static const size_t none = (size_t)-1;

static void words(void **state) {
  (void)state;
  check("local x = 'a' .. 12", none, "kkkkk.....sss....nn");
  check("ending = end1 -- end", none, "..............------");
  check("0x1p-3 1e+5 .5 1..2 3e", none, "nnnnnn.nnnn.nn.n..n.nn");
  check("'\xc3\xa4' \xc3\xa4", none, "ssss...");
}

static void strings_and_comments(void **state) {
  (void)state;
  check("'a\\'b' \"'\"", none, "ssssss.sss");
  check("[[a\n]] [==[ ]] ]==] x", none, "ssssss.ssssssssssss..");
  check("[=x a[i]", none, "........");
  check("--[[ a\n ]] x -- y\nz", none, "----------...----..");
  check("'unfinished", none, "sssssssssss");
  check("'broken\nx", none, "!!!!!!!..");
  check("'a\\z\n  b' 'a\\\nb'", none, "sssssssss.ssssss");
  check("'\\", none, "ss");
  check("[[", none, "ss");
  check("--[==[ ]=] ", none, "-----------");
}

static void brackets(void **state) {
  (void)state;
  check("f(a[1])", 7, ".m..n.m");
  check("f(a[1])", 3, "...mnm.");
  check("f(g())", 5, ".m...m");
  check("f(g())", 1, ".m...m");
  check("f('(')", 2, ".msssm");
  check(")", none, "!");
  check("(]", 2, ".!");
  check("end", none, "!!!");
  check("if x then (end)", none, "kk...kkkk..!!!.");
  check("do end", none, "kk.kkk");
  check("repeat until x", none, "kkkkkk.kkkkk..");
  check("if x then y() elseif z then else end", none, "kk...kkkk.....kkkkkk...kkkk.kkkk.kkk");
}

static void commands(void **state) {
  (void)state;
  check("%time 1", none, "%%%%%.n");
  check("  ?? end", none, "..%%....");
  check("$ echo it's", none, "%..........");
  check("a % b", none, ".....");
  check("", none, "");
}

/* Each line's indentation is what the text has. */
static void check_indent(const char *text) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    int has = (int)strspn(line, " ");
    if (cr_indent(text, strlen(text), (size_t)(line - text)) != has) fail_msg("%s", line);
  }
}

static void indentation(void **state) {
  (void)state;
  check_indent("for i = 1, 2 do\n  if x then\n    y()\n  elseif z then\n    y()\n  else\n    z()\n "
               " end\nend");
  check_indent("f(function()\n  g {\n    1,\n    { 2, {\n      3 }\n    }\n  }\nend)\nx = 1");
  check_indent("repeat\n  while x do\n    y = (\n      1\n    )\n  end\nuntil true\n");
  check_indent("local f = function() return 1 end\ng()");
  check_indent("if x then return end\nx()");
  check_indent("end\nend\n)");
}

static void inside_strings(void **state) {
  (void)state;
  assert_int_equal(cr_indent("x = [[\na", 8, 7), -1);
  assert_int_equal(cr_indent("x = [[\n", 7, 7), -1);
  assert_int_equal(cr_indent("--[[\n]]\ndo\n", 11, 11), 2);
  assert_int_equal(cr_indent("do -- it's\n", 11, 11), 2);
}

static void deep(void **state) {
  (void)state;
  size_t n = 100000;
  char *text = malloc(n);
  unsigned char *colours = malloc(n);
  assert_true(text && colours);
  memset(text, '(', n / 2);
  memset(text + n / 2, ')', n / 2);
  cr_colour_text(text, n, n, colours);
  assert_int_equal(colours[0], CR_MATCH);
  assert_int_equal(colours[n - 1], CR_MATCH);
  assert_int_equal(colours[n / 2], CR_PLAIN);
  assert_int_equal(cr_indent(text, n, n), 0);
  memset(text, '\n', n);
  assert_int_equal(cr_indent(text, n, n), 0);
  free(text);
  free(colours);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words),       cmocka_unit_test(strings_and_comments),
      cmocka_unit_test(brackets),    cmocka_unit_test(commands),
      cmocka_unit_test(indentation), cmocka_unit_test(inside_strings),
      cmocka_unit_test(deep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
