/* Runs commands of the command line in this process and catches what they print. */
#ifndef FAMA_TESTS_UNIT_RUN_COMMAND_H
#define FAMA_TESTS_UNIT_RUN_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "unit/suite.h"

/* Of the latest command: standard output and standard error. */
static char caught[1 << 20];
static char complained[4096];

static inline FILE *divert_stream(FILE **stream)
{
    FILE *before = *stream;
    *stream = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(*stream);
    return before;
}

static inline void restore_stream(FILE **stream, FILE *before, char *text, size_t size)
{
    rewind(*stream);
    text[fread(text, 1, size - 1, *stream)] = '\0';
    (void)fclose(*stream);
    *stream = before;
}

/* Runs a command of blank-separated words after its name, `first_words` before them. */
static inline int run_command(const char *first_words, int (*command)(int, char **),
                              const char *line)
{
    char words[PATH_MAX + 256];
    char *argv[32];
    int argc = 0;
    (void)snprintf(words, sizeof words, "x %s %s", first_words, line);
    for (char *word = strtok(words, " "); word != NULL && argc < 31; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    FILE *out = divert_stream(&stdout);
    FILE *err = divert_stream(&stderr);
    int status = command(argc, argv);
    restore_stream(&stdout, out, caught, sizeof caught);
    restore_stream(&stderr, err, complained, sizeof complained);
    return status;
}

/* Whether it printed nothing but one line about what went wrong, with these words in it. */
static inline bool is_one_complaint(const char *words)
{
    const char *end = strchr(complained, '\n');
    return end != NULL && end[1] == '\0' && strncmp(complained, "fama: ", 6) == 0 &&
           strstr(complained, words) != NULL && caught[0] == '\0';
}

#endif
