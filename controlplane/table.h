/* Tables for people: columns as wide as their widest cell, numbers to the right, texts to the left.
 * Control bytes in cells are shown as dots, so that no name of a stranger drives the terminal. At most
 * 16 columns. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_TABLE_H
#define FAMA_CONTROLPLANE_TABLE_H

#include <stdio.h>

struct fama_table;

/* `titles` are separated by blanks, underscores in them become blanks; a title that begins with '>' is a
 * column of numbers. NULL if there is no memory. */
struct fama_table *fama_table_new(const char *titles);
/* The next cell of the current row, a new row after the last column. Running out of memory is remembered
 * and reported by fama_table_print. */
void fama_table_cell(struct fama_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints and frees. Returns 0, or -1 if memory ran out on the way (then nothing is printed) or `out` did
 * not take it. NULL counts as memory that ran out. */
int fama_table_print(struct fama_table *table, FILE *out);

#endif
