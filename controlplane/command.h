/* The frame of the command line: a tree of verbs, each with options, a help that teaches, and exit codes
 * that mean something: 0 done, 1 the operation failed or the answer is no, 2 wrong usage, 3 the node
 * could not be reached. Main thread. */
#ifndef FAMA_CONTROLPLANE_COMMAND_H
#define FAMA_CONTROLPLANE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum fama_exit {
    FAMA_EXIT_OK = 0,
    FAMA_EXIT_FAILED = 1,
    FAMA_EXIT_USAGE = 2,
    FAMA_EXIT_UNREACHABLE = 3,
};

struct fama_command {
    const char *path;  /* "node start" */
    const char *brief; /* one line for the overview */
    const char *help;  /* the whole text after the usage line: what it does, options, examples */
    int (*run)(int argc, char **argv); /* argv[0] is the last verb */
};

/* Finds the command by the longest matching path and runs it. `--help` and `help` are answered here, on
 * standard output; a group alone ("node") or a wrong verb is a usage error. */
int fama_command_dispatch(const char *program, const char *intro,
                          const struct fama_command *commands, size_t count, int argc, char **argv);

/* Options of one command: `--name value`, `--name=value`, flags; `--` ends them. Unknown ones, missing
 * ones and ones given twice are usage errors that name the option and point to --help. A repeatable text
 * option collects up to its capacity. At most 64 options per command. */
enum fama_option_kind {
    FAMA_OPTION_FLAG,   /* bool * */
    FAMA_OPTION_TEXT,   /* const char ** */
    FAMA_OPTION_TEXTS,  /* struct fama_texts * */
    FAMA_OPTION_NUMBER, /* uint64_t *; K, M, G suffixes (binary) */
    FAMA_OPTION_REAL,   /* double * */
};
struct fama_texts {
    const char *items[64];
    size_t count;
};
struct fama_option {
    const char *name; /* without the dashes */
    enum fama_option_kind kind;
    void *value;
    bool is_required;
};
/* Returns 0 or FAMA_EXIT_USAGE after saying what is wrong on standard error. Operands (what is no option)
 * are collected into `operands` (NULL: none allowed). Texts point into argv. Without a command the one
 * that is being dispatched is named in messages. */
int fama_options_parse(const struct fama_command *command_or_null,
                       const struct fama_option *options, size_t count, int argc, char **argv,
                       struct fama_texts *operands);

#endif
