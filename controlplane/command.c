#include "controlplane/command.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/config.h"

/* What is being run, so that messages can point to its help. Main thread. */
static const char *current_program = "fama";
static const struct fama_command *current_command;

/* How many of the words make up the path of a command; 0 if they are not all there. */
static int match(const char *path, int argc, char **argv)
{
    int words = 0;
    while (*path != '\0') {
        size_t len = strcspn(path, " ");
        if (words == argc || strlen(argv[words]) != len || memcmp(argv[words], path, len) != 0) {
            return 0;
        }
        words++;
        path += len;
        path += strspn(path, " ");
    }
    return words;
}

static const struct fama_command *find(const struct fama_command *commands, size_t count, int argc,
                                       char **argv, int *words)
{
    const struct fama_command *found = NULL;
    *words = 0;
    for (size_t i = 0; i < count; i++) {
        int matched = match(commands[i].path, argc, argv);
        if (matched > *words) {
            *words = matched;
            found = &commands[i];
        }
    }
    return found;
}

/* How many leading words are a proper beginning of some command's path ("node"). */
static int match_group(const struct fama_command *commands, size_t count, int argc, char **argv)
{
    int best = 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = commands[i].path;
        int words = 0;
        while (words < argc && *path != '\0') {
            size_t len = strcspn(path, " ");
            if (strlen(argv[words]) != len || memcmp(argv[words], path, len) != 0) {
                break;
            }
            words++;
            path += len;
            path += strspn(path, " ");
        }
        best = words > best ? words : best;
    }
    return best;
}

static void write_overview(FILE *out, const char *program, const char *intro,
                           const struct fama_command *commands, size_t count, int group_words,
                           char **group)
{
    int width = 0;
    if (group_words == 0 && intro != NULL) {
        fprintf(out, "%s\n\n", intro);
    }
    fprintf(out, "Commands:\n");
    for (size_t i = 0; i < count; i++) {
        int len = (int)strlen(commands[i].path);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < count; i++) {
        /* With a group, only the commands whose path begins with its words. */
        if (group_words == 0 || match_group(&commands[i], 1, group_words, group) == group_words) {
            fprintf(out, "  %s %-*s  %s\n", program, width, commands[i].path, commands[i].brief);
        }
    }
    fprintf(out, "\n`%s <command> --help` explains one of them with examples.\n", program);
}

static void write_help(FILE *out, const char *program, const struct fama_command *command)
{
    fprintf(out, "%s %s: %s\n\n%s", program, command->path, command->brief, command->help);
    size_t len = strlen(command->help);
    if (len == 0 || command->help[len - 1] != '\n') {
        (void)fputc('\n', out);
    }
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            return true;
        }
    }
    return false;
}

int fama_command_dispatch(const char *program, const char *intro,
                          const struct fama_command *commands, size_t count, int argc, char **argv)
{
    int words;
    char **verbs = argv + 1;
    int verb_count = argc > 0 ? argc - 1 : 0;
    bool wants_help = asks_for_help(verb_count, verbs);
    if (verb_count > 0 && strcmp(verbs[0], "help") == 0) {
        wants_help = true;
        verbs++;
        verb_count--;
    }
    const struct fama_command *command = find(commands, count, verb_count, verbs, &words);
    current_program = program;
    current_command = command;
    if (command != NULL && wants_help) {
        write_help(stdout, program, command);
        return FAMA_EXIT_OK;
    }
    if (command != NULL) {
        return command->run(verb_count - (words - 1), verbs + (words - 1));
    }
    int group = match_group(commands, count, verb_count, verbs);
    bool is_whole = group == verb_count || is_help(verbs[group]);
    if (wants_help && is_whole) {
        write_overview(stdout, program, intro, commands, count, group, verbs);
        return FAMA_EXIT_OK;
    }
    if (!is_whole) {
        fprintf(stderr, "%s: there is no command `%s%s%s`: see `%s%s%s --help`\n", program,
                group > 0 ? verbs[0] : "", group > 0 ? " " : "", verbs[group], program,
                group > 0 ? " " : "", group > 0 ? verbs[0] : "");
    } else {
        write_overview(stderr, program, intro, commands, count, group, verbs);
    }
    return FAMA_EXIT_USAGE;
}

/* ---- Options ---- */

static int usage(const struct fama_command *command, const char *what, const char *name,
                 const char *more)
{
    fprintf(stderr, "%s: %s%s%s: see `%s%s%s --help`\n", current_program, what, name, more,
            current_program, command != NULL ? " " : "", command != NULL ? command->path : "");
    return FAMA_EXIT_USAGE;
}

static int store(const struct fama_command *command, const struct fama_option *option,
                 const char *text)
{
    struct fama_texts *texts;
    uint64_t number;
    double real;
    char *end;
    switch (option->kind) {
    case FAMA_OPTION_FLAG:
        *(bool *)option->value = true;
        return 0;
    case FAMA_OPTION_TEXT:
        *(const char **)option->value = text;
        return 0;
    case FAMA_OPTION_TEXTS:
        texts = option->value;
        if (texts->count == sizeof texts->items / sizeof texts->items[0]) {
            return usage(command, "option --", option->name, " is given too often: leave some out");
        }
        texts->items[texts->count++] = text;
        return 0;
    case FAMA_OPTION_NUMBER:
        if (!fama_number_parse(text, &number)) {
            return usage(command, "option --", option->name,
                         " takes a whole number (K, M, G allowed)");
        }
        *(uint64_t *)option->value = number;
        return 0;
    case FAMA_OPTION_REAL:
        real = strtod(text, &end);
        if (end == text || *end != '\0' || !isfinite(real)) {
            return usage(command, "option --", option->name, " takes a number like 12.5");
        }
        *(double *)option->value = real;
        return 0;
    }
    return usage(command, "option --", option->name, " is of no kind");
}

static const struct fama_option *find_option(const struct fama_option *options, size_t count,
                                             const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

/* Takes argv[*i], which begins with two dashes, and its value. */
static int take_option(const struct fama_command *command, const struct fama_option *options,
                       size_t count, int argc, char **argv, int *i, uint64_t *given)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct fama_option *option = find_option(options, count, name, len);
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (option == NULL) {
        return usage(command, "unknown option ", argv[*i], "");
    }
    if (option->kind == FAMA_OPTION_FLAG) {
        if (text != NULL) {
            return usage(command, "option --", option->name, " takes no value");
        }
    } else if (text == NULL) {
        if (*i + 1 >= argc) {
            return usage(command, "option --", option->name, " needs a value");
        }
        text = argv[++*i];
    }
    size_t index = (size_t)(option - options);
    if ((*given >> index & 1) != 0 && option->kind != FAMA_OPTION_TEXTS) {
        return usage(command, "option --", option->name, " is given twice");
    }
    *given |= UINT64_C(1) << index;
    return store(command, option, text);
}

static int take_operand(const struct fama_command *command, const char *word,
                        struct fama_texts *operands)
{
    if (operands == NULL) {
        return usage(command, "unexpected word `", word, "`");
    }
    if (operands->count == sizeof operands->items / sizeof operands->items[0]) {
        return usage(command, "too many words, from `", word, "` on");
    }
    operands->items[operands->count++] = word;
    return 0;
}

int fama_options_parse(const struct fama_command *command_or_null,
                       const struct fama_option *options, size_t count, int argc, char **argv,
                       struct fama_texts *operands)
{
    const struct fama_command *command =
        command_or_null != NULL ? command_or_null : current_command;
    bool only_operands = false;
    uint64_t given = 0;
    int status = 0;
    if (count > 64) {
        return usage(command, "a command declares more than 64 options", "", "");
    }
    for (int i = 1; i < argc && status == 0; i++) {
        if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
            status = take_operand(command, argv[i], operands);
        } else if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (argv[i][1] == '-') {
            status = take_option(command, options, count, argc, argv, &i, &given);
        } else {
            status = usage(command, "unknown option ", argv[i], "");
        }
    }
    for (size_t i = 0; i < count && status == 0; i++) {
        if (options[i].is_required && (given >> i & 1) == 0) {
            status = usage(command, "option --", options[i].name, " is missing");
        }
    }
    return status;
}
