"""Writes lib/data/unicode.inc, the tables of Unicode that the tokenizers need, from Python's unicodedata.

    python3 scripts/unicode.py > lib/data/unicode.inc
"""

import sys
import unicodedata

LAST = 0x10FFFF


def runs(first_letter):
    """Ranges of code points whose category begins with that letter."""
    out, start = [], None
    for c in range(LAST + 2):
        inside = c <= LAST and unicodedata.category(chr(c))[0] == first_letter
        if inside and start is None:
            start = c
        elif not inside and start is not None:
            out.append((start, c - 1))
            start = None
    return out


def lower_runs():
    """(first, last, step, distance to the small letter), for letters that have one of a single code point."""
    pairs = [(c, ord(chr(c).lower()) - c) for c in range(LAST + 1) if len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)]
    out = []
    for c, distance in pairs:
        if out:
            first, last, step, d = out[-1]
            if d == distance and c - last <= 2 and (first == last or c - last == step):
                out[-1] = (first, c, c - last, d)
                continue
        out.append((c, c, 1, distance))
    return out


def table(name, kind, rows):
    out, line = [f"static const {kind} {name}[] = {{"], "   "
    for row in rows:
        item = " {" + ", ".join(str(x) for x in row) + "},"
        if len(line) + len(item) > 100:
            out.append(line)
            line = "   "
        line += item
    return "\n".join(out + [line, "};"])


print(f"""/* unicode.inc: which code points are letters, numbers and marks, and their small letters.  Written by
 * scripts/unicode.py from Unicode {unicodedata.unidata_version}. */
/* clang-format off */""")
print(table("letters", "range", runs("L")))
print(table("numbers", "range", runs("N")))
print(table("marks", "range", runs("M")))
print(table("capitals", "capital", lower_runs()))
print("/* clang-format on */")
