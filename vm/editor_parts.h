/* editor_parts.h: what the files of the editor, vm/editor*.c, share with each other. */
#ifndef CR_EDITOR_PARTS_H
#define CR_EDITOR_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include <stdio.h>

#include <readline/readline.h>

#include "vm/editor.h"

/* Longer texts are drawn without colours, taken whole, and not kept in the history's file: readline
 * takes a time that grows with the square of an entry's lines to read it. */
enum { CR_LONG_TEXT = 1 << 16 };

/* ---- editor.c --------------------------------------------------------------------------- */

extern cr_typing cr_editor_typing;
/* Whether this line is drawn by editor_draw.c, not by readline. */
extern bool cr_drawing;
/* What was typed of the chunk in earlier lines. */
extern const char *cr_chunk_before;
/* By Ctrl-C. */
bool cr_line_dropped(void);
/* Keys that do `usual`, by readline's or the user's binding, do `ours`. */
void cr_rebind(rl_command_func_t *usual, rl_command_func_t *ours);

/* ---- editor_draw.c ---------------------------------------------------------------------- */

/* Readline's redisplay: prompt, text in colours, suggestion. */
void cr_draw(void);
/* Before the first cr_draw of a line: the cursor goes to the beginning of a row. */
void cr_draw_begin(void);
/* Draws without the suggestion and leaves the cursor in the last row, after it.  What is printed
 * then begins with the end of a line; the next cr_draw draws all anew. */
void cr_draw_leave(void);
/* The same at the end of a line, ended too. */
void cr_draw_end(void);
/* After a line that a key of readline's own has ended: the same. */
void cr_draw_ended(void);
int cr_draw_cleared(int count, int key);

/* ---- editor_lines.c --------------------------------------------------------------------- */

void cr_lines_open(void);
/* Before the next key is read: `end` and its like go back under what they close. */
void cr_settle_line(void);

/* ---- editor_suggest.c ------------------------------------------------------------------- */

void cr_suggest_open(void);
/* What the newest entry of the history that begins with the text goes on with; or NULL. */
const char *cr_suggestion(void);
bool cr_accept_suggestion(void);

/* ---- editor_complete.c ------------------------------------------------------------------ */

void cr_complete_open(cr_completer completer);
void cr_complete_close(void);

/* ---- editor_paste.c --------------------------------------------------------------------- */

void cr_paste_open(void);

/* ---- editor_external.c ------------------------------------------------------------------ */

void cr_external_open(void);
/* Readline's hook: puts in what %edit left. */
int cr_external_insert(void);
void cr_external_close(void);

#endif
