/* patterns.c: Lua's patterns (find, match, gmatch, gsub), so that a search can be stopped: a
 * pattern may need time that is exponential in its length, and Lua's own search sees no limit. */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/interp.h"

#define DEEPEST 200 /* calls of match_here, one inside another, as in Lua */
#define MOST 32     /* captures */
#define POLL 4096   /* steps between two looks at the limits */

enum { OPEN = -1, POSITION = -2 }; /* in place of a capture's length */

typedef struct {
  lua_State *L;
  cresset *c;
  const char *text, *end;  /* what is searched */
  const char *pattern_end; /* and by what */
  int steps, depth, count;
  struct {
    const char *start;
    ptrdiff_t length;
  } captures[MOST];
} matcher;

static const char *match_here(matcher *m, const char *s, const char *p);

static void step(matcher *m) {
  if (++m->steps < POLL) return;
  m->steps = 0;
  cr_count_steps(m->L, m->c, POLL);
}

/* ---- one character ---------------------------------------------------------------------- */

static bool in_class(int ch, int class) {
  bool is;
  switch (tolower(class)) {
  case 'a': is = isalpha(ch); break;
  case 'c': is = iscntrl(ch); break;
  case 'd': is = isdigit(ch); break;
  case 'g': is = isgraph(ch); break;
  case 'l': is = islower(ch); break;
  case 'p': is = ispunct(ch); break;
  case 's': is = isspace(ch); break;
  case 'u': is = isupper(ch); break;
  case 'w': is = isalnum(ch); break;
  case 'x': is = isxdigit(ch); break;
  case 'z': is = ch == 0; break; /* as in Lua 5.1 */
  default: return class == ch;
  }
  return isupper(class) ? !is : is;
}

/* Whether ch is in the set that begins at p, with '[', and ends at last, with ']'. */
static bool in_set(int ch, const char *p, const char *last) {
  bool found = true;
  if (p[1] == '^') {
    found = false;
    p++;
  }
  for (p++; p < last; p++) {
    if (*p == '%') {
      p++;
      if (in_class(ch, (unsigned char)*p)) return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if ((unsigned char)*p <= ch && ch <= (unsigned char)p[2]) return found;
      p += 2;
    } else if ((unsigned char)*p == ch) {
      return found;
    }
  }
  return !found;
}

/* Where the item at p, which matches one character, ends. */
static const char *item_end(const matcher *m, const char *p) {
  if (*p == '%') {
    if (p + 1 == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 2;
  }
  if (*p != '[') return p + 1;
  p++;
  if (*p == '^') p++;
  do { /* the first one is a member, even ']' */
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p++ == '%' && p < m->pattern_end) p++;
  } while (p == m->pattern_end || *p != ']');
  return p + 1;
}

static bool fits(const matcher *m, const char *s, const char *p, const char *end) {
  if (s >= m->end) return false;
  int ch = (unsigned char)*s;
  switch (*p) {
  case '.': return true;
  case '%': return in_class(ch, (unsigned char)p[1]);
  case '[': return in_set(ch, p, end - 1);
  default: return (unsigned char)*p == ch;
  }
}

/* ---- repeated items --------------------------------------------------------------------- */

static const char *most(matcher *m, const char *s, const char *p, const char *end) {
  ptrdiff_t n = 0;
  for (; fits(m, s + n, p, end); n++) step(m);
  for (; n >= 0; n--) {
    const char *found = match_here(m, s + n, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *fewest(matcher *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match_here(m, s, end + 1);
    if (found) return found;
    if (!fits(m, s, p, end)) return NULL;
  }
}

/* ---- captures --------------------------------------------------------------------------- */

static const char *begin_capture(matcher *m, const char *s, const char *p, ptrdiff_t what) {
  if (m->count >= MOST) luaL_error(m->L, "too many captures");
  m->captures[m->count].start = s;
  m->captures[m->count].length = what;
  m->count++;
  const char *found = match_here(m, s, p);
  if (!found) m->count--;
  return found;
}

static const char *end_capture(matcher *m, const char *s, const char *p) {
  int i = m->count - 1;
  while (i >= 0 && m->captures[i].length != OPEN) i--;
  if (i < 0) luaL_error(m->L, "invalid pattern capture");
  m->captures[i].length = s - m->captures[i].start;
  const char *found = match_here(m, s, p);
  if (!found) m->captures[i].length = OPEN;
  return found;
}

/* %1 and so on: where what the capture holds ends when it is met again at s; or NULL. */
static const char *same_again(matcher *m, const char *s, int digit) {
  int i = digit - '1';
  if (i < 0 || i >= m->count || m->captures[i].length == OPEN)
    luaL_error(m->L, "invalid capture index %%%d", i + 1);
  ptrdiff_t length = m->captures[i].length;
  if (length == POSITION || m->end - s < length) return NULL;
  m->steps += length < (POLL << 6) ? (int)(length >> 6) : POLL;
  return memcmp(m->captures[i].start, s, (size_t)length) == 0 ? s + length : NULL;
}

/* ---- items that are no characters ------------------------------------------------------- */

/* %bxy, p being at x. */
static const char *balanced(matcher *m, const char *s, const char *p) {
  if (p + 1 >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->end || *s != *p) return NULL;
  ptrdiff_t open = 1;
  for (s++; s < m->end; s++) {
    step(m);
    if (*s == p[1]) {
      if (--open == 0) return s + 1;
    } else if (*s == *p) {
      open++;
    }
  }
  return NULL;
}

/* %f[set], p being at the set, which *end is set behind: whether s is at its border. */
static bool at_frontier(const matcher *m, const char *s, const char *p, const char **end) {
  if (p >= m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
  *end = item_end(m, p);
  int before = s == m->text ? 0 : (unsigned char)s[-1];
  int here = s < m->end ? (unsigned char)*s : 0;
  return !in_set(before, p, *end - 1) && in_set(here, p, *end - 1);
}

/* An escape that is no character: advances *s and *p over it.  False: it does not match. */
static bool match_escape(matcher *m, const char **s, const char **p) {
  const char *end;
  switch ((*p)[1]) {
  case 'b':
    *s = balanced(m, *s, *p + 2);
    *p += 4;
    return *s != NULL;
  case 'f':
    if (!at_frontier(m, *s, *p + 2, &end)) return false;
    *p = end;
    return true;
  default:
    *s = same_again(m, *s, (unsigned char)(*p)[1]);
    *p += 2;
    return *s != NULL;
  }
}

static bool is_special_escape(const matcher *m, const char *p) {
  if (*p != '%' || p + 1 == m->pattern_end) return false;
  return p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1]);
}

/* ---- matching --------------------------------------------------------------------------- */

static const char *match_items(matcher *m, const char *s, const char *p) {
  while (p != m->pattern_end) {
    step(m);
    if (*p == '(')
      return p[1] == ')' ? begin_capture(m, s, p + 2, POSITION) : begin_capture(m, s, p + 1, OPEN);
    if (*p == ')') return end_capture(m, s, p + 1);
    if (*p == '$' && p + 1 == m->pattern_end) return s == m->end ? s : NULL;
    if (is_special_escape(m, p)) {
      if (!match_escape(m, &s, &p)) return NULL;
      continue;
    }
    const char *end = item_end(m, p);
    char suffix = end < m->pattern_end ? *end : '\0';
    if (suffix == '*') return most(m, s, p, end);
    if (suffix == '-') return fewest(m, s, p, end);
    bool fit = fits(m, s, p, end);
    if (suffix == '+') return fit ? most(m, s + 1, p, end) : NULL;
    if (suffix == '?') {
      const char *found = fit ? match_here(m, s + 1, end + 1) : NULL;
      if (found) return found;
      p = end + 1;
      continue;
    }
    if (!fit) return NULL;
    s++;
    p = end;
  }
  return s;
}

/* Where what matches the pattern from p on ends, when it begins at s; or NULL. */
static const char *match_here(matcher *m, const char *s, const char *p) {
  if (m->depth == DEEPEST) luaL_error(m->L, "pattern too complex");
  m->depth++;
  step(m);
  const char *found = match_items(m, s, p);
  m->depth--;
  return found;
}

static const char *match_from(matcher *m, const char *s, const char *p) {
  m->depth = m->count = 0;
  return match_here(m, s, p);
}

/* ---- results ---------------------------------------------------------------------------- */

/* Pushes capture i of the match from s to end; without captures the whole is the first. */
static void push_capture(const matcher *m, int i, const char *s, const char *end) {
  if (i >= m->count) {
    if (i != 0) luaL_error(m->L, "invalid capture index %%%d", i + 1);
    lua_pushlstring(m->L, s, (size_t)(end - s));
  } else if (m->captures[i].length == POSITION) {
    lua_pushinteger(m->L, m->captures[i].start - m->text + 1);
  } else if (m->captures[i].length == OPEN) {
    luaL_error(m->L, "unfinished capture");
  } else {
    lua_pushlstring(m->L, m->captures[i].start, (size_t)m->captures[i].length);
  }
}

/* Pushes all captures and returns how many; `whole` says that there is at least one. */
static int push_captures(const matcher *m, const char *s, const char *end, bool whole) {
  int n = m->count == 0 && whole ? 1 : m->count;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) push_capture(m, i, s, end);
  return n;
}

static matcher matcher_of(lua_State *L, const char *text, size_t length, const char *pattern,
                          size_t pattern_length) {
  matcher m = {.L = L, .c = lua_touserdata(L, lua_upvalueindex(1))};
  m.text = text;
  m.end = text + length;
  m.pattern_end = pattern + pattern_length;
  return m;
}

/* The place where a search begins, from 0. */
static size_t first_place(lua_State *L, int arg, size_t length) {
  lua_Integer i = luaL_optinteger(L, arg, 1);
  if (i > 0) return (size_t)i - 1;
  if (i == 0 || i < -(lua_Integer)length) return 0;
  return length - (size_t)-i;
}

static bool is_plain(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i] && strchr("^$*+?.([%-", p[i])) return false;
  return true;
}

static int find_plain(lua_State *L, const char *text, size_t length, size_t first, const char *p,
                      size_t n) {
  const char *at = n ? memmem(text + first, length - first, p, n) : text + first;
  if (!at) {
    luaL_pushfail(L);
    return 1;
  }
  lua_pushinteger(L, at - text + 1);
  lua_pushinteger(L, at - text + (lua_Integer)n);
  return 2;
}

/* ---- the functions ---------------------------------------------------------------------- */

static int search(lua_State *L, bool find) {
  size_t length, n;
  const char *text = luaL_checklstring(L, 1, &length), *p = luaL_checklstring(L, 2, &n);
  size_t first = first_place(L, 3, length);
  if (first > length) {
    luaL_pushfail(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) || is_plain(p, n)))
    return find_plain(L, text, length, first, p, n);
  matcher m = matcher_of(L, text, length, p, n);
  bool anchored = *p == '^' && n > 0;
  p += anchored;
  for (const char *s = text + first; s <= m.end; s++) {
    const char *end = match_from(&m, s, p);
    if (end && find) {
      lua_pushinteger(L, s - text + 1);
      lua_pushinteger(L, end - text);
      return push_captures(&m, s, end, false) + 2;
    }
    if (end) return push_captures(&m, s, end, true);
    if (anchored) break;
  }
  luaL_pushfail(L);
  return 1;
}

static int p_find(lua_State *L) {
  return search(L, true);
}

static int p_match(lua_State *L) {
  return search(L, false);
}

/* Upvalues: the interpreter, the text, the pattern, where to go on, where the last match ended. */
static int next_match(lua_State *L) {
  size_t length, n;
  const char *text = lua_tolstring(L, lua_upvalueindex(2), &length);
  const char *p = lua_tolstring(L, lua_upvalueindex(3), &n);
  matcher m = matcher_of(L, text, length, p, n);
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(4));
  lua_Integer last = lua_tointeger(L, lua_upvalueindex(5));
  for (; at <= (lua_Integer)length; at++) {
    const char *end = match_from(&m, text + at, p);
    if (!end || end - text == last) continue;
    lua_pushinteger(L, end - text);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(4));
    lua_replace(L, lua_upvalueindex(5));
    return push_captures(&m, text + at, end, true);
  }
  return 0;
}

static int p_gmatch(lua_State *L) {
  size_t length;
  luaL_checklstring(L, 1, &length);
  luaL_checkstring(L, 2);
  size_t first = first_place(L, 3, length);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushinteger(L, first > length ? (lua_Integer)length + 1 : (lua_Integer)first);
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, next_match, 5);
  return 1;
}

/* Adds the replacement string at 3, with its %0 to %9. */
static void add_template(const matcher *m, luaL_Buffer *b, const char *s, const char *end) {
  size_t n;
  const char *t = lua_tolstring(m->L, 3, &n), *last = t + n;
  for (; t < last; t++) {
    if (*t != '%') {
      luaL_addchar(b, *t);
      continue;
    }
    t++;
    if (t < last && *t == '%') {
      luaL_addchar(b, '%');
    } else if (t < last && *t == '0') {
      luaL_addlstring(b, s, (size_t)(end - s));
    } else if (t < last && isdigit((unsigned char)*t)) {
      push_capture(m, *t - '1', s, end);
      luaL_tolstring(m->L, -1, NULL);
      lua_remove(m->L, -2);
      luaL_addvalue(b);
    } else {
      luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
  }
}

/* Adds what takes the place of the match.  False: it stays as it is. */
static bool add_replacement(const matcher *m, luaL_Buffer *b, const char *s, const char *end) {
  lua_State *L = m->L;
  switch (lua_type(L, 3)) {
  case LUA_TFUNCTION:
    lua_pushvalue(L, 3);
    lua_call(L, push_captures(m, s, end, true), 1);
    break;
  case LUA_TTABLE:
    push_capture(m, 0, s, end);
    lua_gettable(L, 3);
    break;
  default: add_template(m, b, s, end); return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, s, (size_t)(end - s));
    return false;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
  return true;
}

static int p_gsub(lua_State *L) {
  size_t length, n;
  const char *text = luaL_checklstring(L, 1, &length), *p = luaL_checklstring(L, 2, &n);
  int type = lua_type(L, 3);
  lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
  luaL_argexpected(
      L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
      3, "string/function/table");
  matcher m = matcher_of(L, text, length, p, n);
  bool anchored = *p == '^' && n > 0, changed = false;
  const char *s = text, *last = NULL;
  luaL_Buffer b;
  p += anchored;
  luaL_buffinit(L, &b);
  while (count < limit) {
    const char *end = match_from(&m, s, p);
    if (end && end != last) {
      count++;
      changed = add_replacement(&m, &b, s, end) || changed;
      s = last = end;
    } else if (s < m.end) {
      luaL_addchar(&b, *s++);
    } else {
      break;
    }
    if (anchored) break;
  }
  if (changed) {
    luaL_addlstring(&b, s, (size_t)(m.end - s));
    luaL_pushresult(&b);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_pushinteger(L, count);
  return 2;
}

void cr_push_patterns(lua_State *L, cresset *c) {
  static const luaL_Reg functions[] = {
      {"find", p_find}, {"match", p_match}, {"gmatch", p_gmatch}, {"gsub", p_gsub}, {NULL, NULL}};
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, c);
  luaL_setfuncs(L, functions, 1);
}
