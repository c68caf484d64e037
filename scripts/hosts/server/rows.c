/* rows.c: the rows of numbers in a request's body.
 *
 * What nearly all bodies are, {"inputs": [[1, 2.5], ...]} and nothing else, is read number by
 * number into the array.  Any other text is left to Jansson, which makes a value of each number and
 * takes ten times as long; it says what is wrong, too. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models.h"

#define MOST_ROWS 65536

/* ---- plain rows ---------------------------------------------------------------------------- */

static const char *skip_blanks(const char *s) {
  return s + strspn(s, " \t\r\n");
}

/* Behind a text and the blanks after it, or NULL where it does not stand. */
static const char *skip(const char *s, const char *text) {
  size_t n = strlen(text);
  return s && strncmp(s, text, n) == 0 ? skip_blanks(s + n) : NULL;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Reads a number as JSON has it, of not too many digits.  NULL: it is none. */
static const char *read_number(const char *s, float *to) {
  const char *start = s;
  long whole = 0;
  s += *s == '-';
  const char *digits = s;
  while (is_digit(*s) && s - digits < 16) whole = 10 * whole + (*s++ - '0');
  if (s == digits || s - digits == 16 || (*digits == '0' && s - digits > 1)) return NULL;
  if (*s != '.' && *s != 'e' && *s != 'E') {
    *to = (float)(*start == '-' ? -whole : whole);
    return skip_blanks(s);
  }
  if (*s == '.' && !is_digit(s[1])) return NULL;
  char *end;
  *to = (float)strtod(start, &end);
  return isfinite(*to) && is_digit(end[-1]) ? skip_blanks(end) : NULL;
}

/* Reads the numbers of a row; *size grows by how many.  NULL: something else is among them. */
static const char *read_numbers(const char *s, float *to, size_t *size) {
  for (s = skip(s, "["); s; s = skip(s, ",")) {
    s = read_number(s, &to[*size]);
    if (!s) return NULL;
    ++*size;
    if (*s == ']') return skip(s, "]");
  }
  return NULL;
}

/* The rows of a text that ends with a zero, NULL where it is not as above. */
static float *read_plain(const char *text, size_t length, request *r) {
  const char *s = skip(skip(skip(skip(skip_blanks(text), "{"), "\"inputs\""), ":"), "[");
  size_t size = 0, width = 0, rows = 0;
  float *inputs = s ? malloc((length / 2 + 1) * sizeof *inputs) : NULL; /* "1," is the shortest */
  for (int more = inputs != NULL; s && more; rows++) {
    s = read_numbers(s, inputs, &size);
    if (rows == 0) width = size;
    if (size != (rows + 1) * width) s = NULL;
    more = s && *s == ',';
    if (more) s = skip(s, ",");
  }
  s = skip(skip(s, "]"), "}");
  if (inputs && s == text + length && rows <= MOST_ROWS) {
    r->rows = (int)rows;
    r->width = (int)width;
    return inputs;
  }
  free(inputs);
  return NULL;
}

/* ---- any JSON ------------------------------------------------------------------------------ */

/* Copies a row of numbers.  False: an element is no finite number of float32. */
static int read_row(const json_t *row, float *to) {
  for (size_t i = 0; i < json_array_size(row); i++) {
    const json_t *x = json_array_get(row, i);
    to[i] = (float)json_number_value(x);
    if (!json_is_number(x) || !isfinite(to[i])) return 0;
  }
  return 1;
}

/* The rows of any JSON, or NULL with a message in r->error. */
static float *read_json(const json_t *root, request *r) {
  const json_t *rows = json_object_get(root, "inputs");
  const json_t *first = json_array_get(rows, 0);
  int single = json_is_number(first); /* one row */
  const json_t *row = single ? rows : first;
  size_t width = json_array_size(row), n = single ? 1 : json_array_size(rows);
  if (!json_is_array(rows) || !json_is_array(row) || width == 0) {
    snprintf(r->error, sizeof r->error,
             "wanted {\"inputs\": [[x1, x2, ...], ...]}, or one row of numbers");
    return NULL;
  }
  if (n > MOST_ROWS) {
    snprintf(r->error, sizeof r->error, "%zu rows; at most %d are scored at once", n, MOST_ROWS);
    return NULL;
  }
  float *inputs = malloc(n * width * sizeof *inputs);
  for (size_t i = 0; inputs && i < n; i++) {
    row = single ? rows : json_array_get(rows, i);
    int fits = json_is_array(row) && json_array_size(row) == width;
    if (fits && read_row(row, inputs + i * width)) continue;
    snprintf(r->error, sizeof r->error,
             fits ? "row %zu: an element is no finite number"
                  : "row %zu: wanted an array as long as the first row's",
             i + 1);
    free(inputs);
    return NULL;
  }
  if (!inputs) snprintf(r->error, sizeof r->error, "not enough memory");
  r->rows = (int)n;
  r->width = (int)width;
  return inputs;
}

float *read_inputs(const char *text, size_t length, request *r) {
  float *inputs = read_plain(text, length, r);
  if (inputs) return inputs;
  json_error_t where;
  json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
  if (root)
    inputs = read_json(root, r);
  else
    snprintf(r->error, sizeof r->error, "the body is no JSON: line %d: %s", where.line, where.text);
  json_decref(root);
  return inputs;
}
