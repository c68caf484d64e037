/* csv.h: tables of text, cell by cell. */
#ifndef CR_CSV_H
#define CR_CSV_H

#include <locale.h>

#include "lib/formats/stream.h"

typedef enum { CR_CSV_CELL, CR_CSV_ROW_END, CR_CSV_END, CR_CSV_FAILED } cr_csv_event;

/* What a cell, or all cells of a column, can be read as. */
typedef enum {
  CR_CSV_NONE,  /* missing; a column of nothing else */
  CR_CSV_BOOL,  /* true and false in three spellings */
  CR_CSV_INT,   /* fits int64 */
  CR_CSV_FLOAT, /* any other number */
  CR_CSV_TEXT
} cr_csv_kind;

typedef struct {
  cr_stream *stream;
  char separator;
  /* The cell that cr_csv_next found, with a zero behind it; valid until the next call. */
  char *text;
  size_t length;
  int64_t line, field; /* where it begins, from 1 */
  /* The rest is the parser's own. */
  size_t room, at, have;
  int64_t next_line, fields;
  bool in_row;
  char buffer[65536];
} cr_csv;

/* Begins to read; the stream belongs to c from then on.  On failure nothing needs to be closed. */
bool cr_csv_open(cr_csv *c, cr_stream *stream, char separator);
void cr_csv_close(cr_csv *c);
/* Lines that are empty are passed over.  A row's cells come first, then CR_CSV_ROW_END. */
cr_csv_event cr_csv_next(cr_csv *c);
/* Passes over a whole line, whatever is in it. */
bool cr_csv_skip_line(cr_csv *c);
/* What the present cell is, and its number when it is one (1 and 0 for true and false); value may
 * be NULL.  Never CR_CSV_NONE: which words mean that something is missing is the caller's business.
 */
cr_csv_kind cr_csv_number(const cr_csv *c, cr_scalar *value);
/* The kind of a column that holds both. */
cr_csv_kind cr_csv_merge(cr_csv_kind a, cr_csv_kind b);

/* The locale in which a decimal point is a point. */
locale_t cr_c_locale(void);

#endif
