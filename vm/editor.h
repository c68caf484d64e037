/* editor.h: lines from a terminal, edited with readline, with a history that is kept. */
#ifndef CR_EDITOR_H
#define CR_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "vm/cresset.h"

/* What Tab offers, filled by the function that cr_editor_open is given. */
typedef struct {
  char **words; /* of malloc, each too; NULL after the last.  NULL: the names of files */
  char *hint;   /* of malloc: what to print instead; or NULL */
} cr_completions;

/* text: all that was typed of a chunk, up to the cursor; its word begins after `start` bytes. */
typedef void (*cr_completer)(const char *text, size_t start, cr_completions *out);

/* How lines are typed; the editor's owner sets it before each line. */
typedef struct {
  bool draw;                          /* colours, and several lines in one text, where it can be */
  bool suggest;                       /* the rest of an earlier input */
  bool indent;                        /* of new lines */
  const char *more;                   /* the prompt of a text's further lines */
  bool (*is_whole)(const char *text); /* whether Enter ends it; NULL: always */
} cr_typing;

void cr_editor_set(const cr_typing *typing);

void cr_editor_open(cr_completer completer);
void cr_editor_close(void);

/* A line without its end, or a text of several lines, which the caller frees; NULL: no more.
 * `before` is what was typed of the chunk so far, for the completer.  Ctrl-C gives an empty line
 * and sets *dropped. */
char *cr_editor_read(const char *prompt, const char *before, bool *dropped);

/* The same for a prompt inside a running chunk: its lines have a history of their own, which no
 * file keeps. */
char *cr_editor_read_inner(const char *prompt, bool *dropped);

/* Lets the user change a text in an editor of his own; the next line that is read begins with it.
 * False: it could not be, or the editor failed. */
bool cr_editor_edit(const char *text);

/* Whether more keys have come already, as in a paste that the terminal does not mark. */
bool cr_editor_pending(void);

/* Adds a chunk, which may have several lines, to the history and its file. */
void cr_editor_remember(const char *chunk);

#endif
