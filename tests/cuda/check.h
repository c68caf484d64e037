/* check.h: counts what holds and prints what does not, for the test programs of this folder. */
#ifndef CR_TESTS_CUDA_CHECK_H
#define CR_TESTS_CUDA_CHECK_H

/* Whether it holds; if not, prints the text, but not without end. */
bool check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The closing line; the program's exit status. */
int report();

#endif
