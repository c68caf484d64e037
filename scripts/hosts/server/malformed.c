/* malformed.c: requests with a mistake each, that a server must answer with a 4xx. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define MOST 64
#define TOO_LARGE (4 << 20) /* bytes; the server takes no more */
#define RARE 500 /* of so many mistakes one is a large body: it takes as long as hundreds */

static malformed list[MOST]; /* the first is the large one */
static int count, failed;

char *make_request(const char *method, const char *path, const char *type, const char *body,
                   size_t *size) {
  char *text;
  int n = asprintf(
      &text, "%s %s HTTP/1.1\r\nHost: load\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
      method, path, type, strlen(body), body);
  if (n < 0) return NULL;
  *size = (size_t)n;
  return text;
}

static void add(const char *what, char *text, size_t size, int ends) {
  if (!text || count == MOST)
    failed = 1;
  else
    list[count++] = (malformed){what, text, size, ends};
}

/* A request that is wrong for its path, method or body; the body may be freed. */
static void add_body(const char *what, const char *method, const char *path, char *body,
                     int owned) {
  size_t size = 0;
  char *text = body ? make_request(method, path, "application/json", body, &size) : NULL;
  add(what, text, size, 0);
  if (owned) free(body);
}

/* The body of a right request, with something in place of the `skip` bytes from a place on. */
static void add_change(const char *what, const char *right, size_t at, size_t skip,
                       const char *by) {
  char *body;
  if (asprintf(&body, "%.*s%s%s", (int)at, right, by, right + at + skip) < 0) body = NULL;
  add_body(what, "POST", "/predict", body, 1);
}

static char *repeated(const char *start, char c, size_t n) {
  size_t before = strlen(start);
  char *text = malloc(before + n + 1);
  if (!text) return NULL;
  memcpy(text, start, before);
  memset(text + before, c, n);
  text[before + n] = 0;
  return text;
}

static void add_bodies(const char *right) {
  size_t end = strlen(right), first = strcspn(right, "0123456789-");
  size_t number = strcspn(right + first, ",]"), closing = strcspn(right, "]");
  size_t last = closing;
  while (last > first && right[last - 1] != ',') last--;
  static const char *const no_numbers[] = {
      "NaN", "-Infinity", "1e39", "1e999", "null", "true", "\"1\"", "[1]", "{}", "0x1p3",
      "1.",  "\xff",      "",     "01",    "+1",   ".5",   "1e",    "-",   "1 1"};
  for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++)
    add_change(no_numbers[i], right, first, number, no_numbers[i]);
  add_change("a row cut short", right, last - 1, closing - last + 1, "");
  add_change("a row too long", right, closing, 0, ",1");
  add_change("a second row of one number", right, closing + 1, 0, ",[1]");
  add_change("half of the JSON", right, end / 2, end - end / 2, "");
  add_change("text after the JSON", right, end, 0, "}");
  static char *const bodies[] = {"",
                                 "{",
                                 "null",
                                 "1",
                                 "[]",
                                 "{}",
                                 "{\"inputs\": []}",
                                 "{\"inputs\": [[]]}",
                                 "{\"inputs\": 1}",
                                 "{\"inputs\": \"1\"}",
                                 "{\"input\": [[1]]}",
                                 "{\"inputs\": [1], \"inputs\": [1]}"};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
    add_body(bodies[i], "POST", "/predict", bodies[i], 0);
  add_body("deep arrays", "POST", "/predict", repeated("{\"inputs\": ", '[', 100000), 1);
}

/* What is wrong before the body. */
static void add_heads(char *right) {
  add_body("an unknown path", "POST", "/predictions", right, 0);
  add_body("a path with ..", "POST", "/../predict", right, 0);
  add_body("PUT", "PUT", "/predict", right, 0);
  add_body("GET", "GET", "/predict", "", 0);
  add_body("POST", "POST", "/health", right, 0);
  static char *const heads[] = {
      "POST /predict HTTP/1.1\r\nHost: load\r\nContent-Length: many\r\n\r\n",
      "POST /predict HTTP/1.1\r\nHost: load\r\nContent-Length: -1\r\n\r\n",
      "POST /predict HTTP/1.1\r\nHost: load\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "POST /predict HTTP/1.1\r\nHost: load\r\nContent-Length: 2\r\n\r\n{\"inputs\": [[1]]}",
      "POST /predict HTTP/1.1\r\nHost: load\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{}\r\n",
      "POST /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", /* no Host */
      "GET /health\r\n\r\n",                                   /* of HTTP/0.9 */
      "PREDICT /predict HTTP/1.1\r\nHost: load\r\n\r\n",
  };
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    add(heads[i], heads[i], strlen(heads[i]), 1);
}

int make_malformed(char *right) {
  char *body = strstr(right, "\r\n\r\n") + 4;
  add_body("a large body", "POST", "/predict", repeated("{\"inputs\": [[1", ' ', TOO_LARGE), 1);
  add_bodies(body);
  add_heads(body);
  return !failed;
}

const malformed *pick_malformed(int random) {
  if (random % RARE == 0) return &list[0];
  return &list[1 + random / RARE % (count - 1)];
}
