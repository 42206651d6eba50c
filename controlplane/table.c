#include "controlplane/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

struct fama_table {
    size_t columns;
    bool is_number[COLUMNS_MAX];
    char **cells; /* titles first, then row by row */
    size_t count;
    size_t capacity;
    bool has_failed;
};

static void add(struct fama_table *table, char *cell)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity * 2 + 64;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (cells == NULL) {
            table->has_failed = true;
            free(cell);
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    if (cell == NULL) {
        table->has_failed = true;
        return;
    }
    for (char *c = cell; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '.';
        }
    }
    table->cells[table->count++] = cell;
}

struct fama_table *fama_table_new(const char *titles)
{
    struct fama_table *table = calloc(1, sizeof *table);
    while (table != NULL && *titles != '\0' && table->columns < COLUMNS_MAX) {
        table->is_number[table->columns++] = *titles == '>';
        titles += *titles == '>' ? 1 : 0;
        size_t len = strcspn(titles, " ");
        char *cell = strndup(titles, len);
        for (char *c = cell; c != NULL && *c != '\0'; c++) {
            *c = *c == '_' ? ' ' : *c;
        }
        add(table, cell);
        titles += len;
        titles += strspn(titles, " ");
    }
    return table;
}

void fama_table_cell(struct fama_table *table, const char *format, ...)
{
    char *cell = NULL;
    if (table == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&cell, format, arguments);
    va_end(arguments);
    add(table, len >= 0 ? cell : NULL);
}

/* Characters of UTF-8 text, which is what a terminal's column holds in all but East Asian scripts. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_row(const struct fama_table *table, const size_t *widths, size_t first, FILE *out)
{
    for (size_t i = 0; i < table->columns && first + i < table->count; i++) {
        const char *cell = table->cells[first + i];
        int padding = (int)(widths[i] - width_of(cell));
        bool is_last = i + 1 == table->columns;
        if (table->is_number[i]) {
            (void)fprintf(out, "%*s%s", padding, "", cell);
        } else {
            (void)fprintf(out, "%s%*s", cell, is_last ? 0 : padding, "");
        }
        (void)fputs(is_last ? "\n" : "  ", out);
    }
}

int fama_table_print(struct fama_table *table, FILE *out)
{
    size_t widths[COLUMNS_MAX] = {0};
    if (table == NULL) {
        return -1;
    }
    bool is_good = !table->has_failed;
    for (size_t i = 0; i < table->count && is_good; i++) {
        size_t width = width_of(table->cells[i]);
        size_t column = i % table->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t i = 0; i < table->count && is_good; i += table->columns) {
        print_row(table, widths, i, out);
    }
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
    return is_good && fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
