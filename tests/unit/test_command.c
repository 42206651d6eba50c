#include "controlplane/command.h"

#include <stdint.h>
#include <string.h>

#include "unit/suite.h"

static int seen_argc;
static char **seen_argv;

static int run_start(int argc, char **argv)
{
    seen_argc = argc;
    seen_argv = argv;
    return FAMA_EXIT_OK;
}

static int run_status(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return FAMA_EXIT_UNREACHABLE;
}

static const char *config_file;
static uint64_t count;
static double rate;
static bool json;
static struct fama_texts texts;

static int run_options(int argc, char **argv)
{
    const struct fama_option options[] = {
        {"config", FAMA_OPTION_TEXT, &config_file, true},
        {"count", FAMA_OPTION_NUMBER, &count, false},
        {"rate", FAMA_OPTION_REAL, &rate, false},
        {"json", FAMA_OPTION_FLAG, &json, false},
        {"san", FAMA_OPTION_TEXTS, &texts, false},
    };
    config_file = NULL;
    count = 0;
    rate = 0;
    json = false;
    texts.count = 0;
    return fama_options_parse(NULL, options, sizeof options / sizeof options[0], argc, argv, NULL);
}

static const struct fama_command commands[] = {
    {"node", "the short one", "Help of node.\n", run_status},
    {"node start", "start a node", "Help of start.\n", run_start},
    {"gossip members", "who is there", "Help of members.", run_status},
    {"gossip try options", "options", "Help of options.", run_options},
};

/* Runs a command line of words, with both streams caught. */
static char caught[8192];
static int dispatch(FILE **stream, const char *line)
{
    char words[512];
    char *argv[32] = {(char *)(uintptr_t) "fama"};
    int argc = 1;
    FILE *before = *stream;
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    FILE *diverted = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(diverted);
    *stream = diverted;
    int status = fama_command_dispatch("fama", "What fama is.", commands,
                                       sizeof commands / sizeof commands[0], argc, argv);
    *stream = before;
    rewind(diverted);
    caught[fread(caught, 1, sizeof caught - 1, diverted)] = '\0';
    (void)fclose(diverted);
    return status;
}

static int said(const char *line)
{
    return dispatch(&stdout, line);
}

static int complained(const char *line)
{
    return dispatch(&stderr, line);
}

static bool caught_one_line_with(const char *words)
{
    const char *end = strchr(caught, '\n');
    return end != NULL && end[1] == '\0' && strncmp(caught, "fama: ", 6) == 0 &&
           strstr(caught, words) != NULL;
}

static void test_the_longest_matching_path_runs_and_gets_its_last_verb_first(void)
{
    CU_ASSERT_EQUAL(said("node start --now x"), FAMA_EXIT_OK);
    CU_ASSERT_EQUAL_FATAL(seen_argc, 3);
    CU_ASSERT_EQUAL(said("node"), FAMA_EXIT_UNREACHABLE);
    CU_ASSERT_EQUAL(said("gossip members"), FAMA_EXIT_UNREACHABLE);
}

static void test_an_unknown_verb_is_a_usage_error_that_points_to_help(void)
{
    CU_ASSERT_EQUAL(complained("gosip members"), FAMA_EXIT_USAGE);
    CU_ASSERT_TRUE(caught_one_line_with("no command `gosip`: see `fama --help`"));
    CU_ASSERT_EQUAL(complained("gossip stat"), FAMA_EXIT_USAGE);
    CU_ASSERT_TRUE(caught_one_line_with("no command `gossip stat`: see `fama gossip --help`"));
}

static void test_no_words_or_a_group_alone_show_what_there_is_and_fail(void)
{
    CU_ASSERT_EQUAL(complained(""), FAMA_EXIT_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "What fama is."));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "gossip members"));
    CU_ASSERT_EQUAL(complained("gossip"), FAMA_EXIT_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "gossip members"));
    CU_ASSERT_PTR_NULL(strstr(caught, "node start"));
}

static void test_help_is_answered_at_every_level(void)
{
    CU_ASSERT_EQUAL(said("--help"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "node start"));
    CU_ASSERT_EQUAL(said("help"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "node start"));
    CU_ASSERT_EQUAL(said("gossip --help"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "who is there"));
    CU_ASSERT_EQUAL(said("help gossip"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NULL(strstr(caught, "node start"));
    CU_ASSERT_EQUAL(said("node start --help"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "Help of start."));
    CU_ASSERT_EQUAL(said("help node start"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "Help of start."));
    CU_ASSERT_EQUAL(said("gossip members -h"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "Help of members.\n"));
}

static void test_options_take_their_values_in_both_spellings(void)
{
    CU_ASSERT_EQUAL(
        said("gossip try options --config a --count=4K --rate 2.5 --json --san x --san=y"), 0);
    CU_ASSERT_STRING_EQUAL(config_file, "a");
    CU_ASSERT_EQUAL(count, 4096);
    CU_ASSERT_EQUAL(rate, 2.5);
    CU_ASSERT_TRUE(json);
    CU_ASSERT_EQUAL_FATAL(texts.count, 2);
}

static void test_wrong_options_are_named_in_one_line(void)
{
    static const struct {
        const char *line;
        const char *words;
    } wrong[] = {
        {"--confg a", "unknown option --confg: see `fama gossip try options --help`"},
        {"--config", "option --config needs a value"},
        {"--json", "option --config is missing"},
        {"--config a --config b", "option --config is given twice"},
        {"--config a --count many", "option --count takes a whole number"},
        {"--config a --count -1", "option --count takes a whole number"},
        {"--config a --rate inf", "option --rate takes a number"},
        {"--config a --json=yes", "option --json takes no value"},
        {"--config a -j", "unknown option -j"},
        {"--config a word", "unexpected word `word`"},
        {"--config a -- --json", "unexpected word `--json`"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "gossip try options %s", wrong[i].line);
        CU_ASSERT_EQUAL(complained(line), FAMA_EXIT_USAGE);
        CU_ASSERT_TRUE(caught_one_line_with(wrong[i].words));
    }
}

static void test_a_repeatable_option_has_an_end(void)
{
    char *argv[140] = {(char *)(uintptr_t) "x"};
    struct fama_texts many = {.count = 0};
    const struct fama_option option = {"san", FAMA_OPTION_TEXTS, &many, false};
    FILE *before = stderr;
    for (int i = 1; i < 140; i++) {
        argv[i] = (char *)(uintptr_t) "--san=a";
    }
    CU_ASSERT_EQUAL(fama_options_parse(&commands[0], &option, 1, 65, argv, NULL), 0);
    CU_ASSERT_EQUAL(many.count, 64);
    many.count = 0;
    stderr = tmpfile();
    CU_ASSERT_EQUAL(fama_options_parse(&commands[0], &option, 1, 66, argv, NULL), FAMA_EXIT_USAGE);
    (void)fclose(stderr);
    stderr = before;
}

static void test_operands_are_collected_where_they_are_allowed(void)
{
    char *argv[] = {(char *)(uintptr_t) "fetch",  (char *)(uintptr_t) "17",
                    (char *)(uintptr_t) "--json", (char *)(uintptr_t) "--",
                    (char *)(uintptr_t) "-x",     NULL};
    struct fama_texts operands = {.count = 0};
    bool flag = false;
    const struct fama_option option = {"json", FAMA_OPTION_FLAG, &flag, false};
    CU_ASSERT_EQUAL(fama_options_parse(&commands[0], &option, 1, 5, argv, &operands), 0);
    CU_ASSERT_TRUE(flag);
    CU_ASSERT_EQUAL_FATAL(operands.count, 2);
    CU_ASSERT_STRING_EQUAL(operands.items[0], "17");
    CU_ASSERT_STRING_EQUAL(operands.items[1], "-x");
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_longest_matching_path_runs_and_gets_its_last_verb_first),
        TEST(test_an_unknown_verb_is_a_usage_error_that_points_to_help),
        TEST(test_no_words_or_a_group_alone_show_what_there_is_and_fail),
        TEST(test_help_is_answered_at_every_level),
        TEST(test_options_take_their_values_in_both_spellings),
        TEST(test_wrong_options_are_named_in_one_line),
        TEST(test_a_repeatable_option_has_an_end),
        TEST(test_operands_are_collected_where_they_are_allowed),
    };
    return run_suite("command", cases, sizeof cases / sizeof cases[0]);
}
