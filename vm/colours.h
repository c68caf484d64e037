/* colours.h: which colour each byte of a text of Lua has while it is typed. */
#ifndef CR_COLOURS_H
#define CR_COLOURS_H

#include <stddef.h>

typedef enum {
  CR_PLAIN,
  CR_KEYWORDS,
  CR_STRINGS,
  CR_NUMBERS,
  CR_COMMENTS,
  CR_COMMANDS, /* what is not Lua: %name, ?, $ */
  CR_WRONG,    /* closes what is not open; a string that does not end in its line */
  CR_MATCH,    /* the bracket at the cursor, and its partner */
  CR_COLOURS,
} cr_colour;

/* Fills colours[0] to colours[length - 1].  `cursor` is a place in the text, the bracket in front
 * of it or under it is shown with its partner; -1: none is. */
void cr_colour_text(const char *text, size_t length, size_t cursor, unsigned char *colours);

#endif
