#include "controlplane/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "unit/suite.h"

static uint64_t monotonic = 1;
static FILE *lines;

static uint64_t monotonic_ns(void)
{
    return monotonic;
}

/* 2026-01-02T03:04:05.000006Z */
static uint64_t wall_ns(void)
{
    return UINT64_C(1767323045000006000);
}

static void begin(void)
{
    fama_log_finish();
    lines = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
    fama_log_divert(fileno(lines), monotonic_ns, wall_ns);
    CU_ASSERT_EQUAL(fama_log_set_level("info"), 0);
}

/* What was written so far; valid until the next call. */
static const char *written(void)
{
    static char text[65536];
    rewind(lines);
    size_t len = fread(text, 1, sizeof text - 1, lines);
    text[len] = '\0';
    return text;
}

static size_t line_count(void)
{
    size_t count = 0;
    for (const char *c = written(); *c != '\0'; c++) {
        count += *c == '\n';
    }
    return count;
}

static void end(void)
{
    fama_log_finish();
    fama_log_divert(STDERR_FILENO, NULL, NULL);
    (void)fclose(lines);
}

static void test_a_line_has_time_level_component_and_words(void)
{
    begin();
    fama_warning("gossip", "peer %s is %d", "p1", 7);
    CU_ASSERT_STRING_EQUAL(written(), "2026-01-02T03:04:05.000006Z warning gossip: peer p1 is 7\n");
    end();
}

static void test_lines_below_the_level_are_not_written(void)
{
    begin();
    fama_debug("node", "unimportant");
    CU_ASSERT_EQUAL(line_count(), 0);
    CU_ASSERT_EQUAL(fama_log_set_level("error"), 0);
    fama_warning("node", "not an error");
    CU_ASSERT_EQUAL(line_count(), 0);
    fama_failure("node", "an error");
    CU_ASSERT_EQUAL(line_count(), 1);
    CU_ASSERT_EQUAL(fama_log_set_level("debug"), 0);
    fama_debug("node", "now it is");
    CU_ASSERT_EQUAL(line_count(), 2);
    CU_ASSERT_EQUAL(fama_log_set_level("loud"), -1);
    end();
}

static void test_an_identical_line_is_written_once_and_counted(void)
{
    begin();
    for (int i = 0; i < 1000; i++) {
        fama_info("gossip", "certificate of %s has expired", "p9");
    }
    CU_ASSERT_EQUAL(line_count(), 1);
    fama_log_flush();
    CU_ASSERT_EQUAL(line_count(), 1); /* not before ten seconds have passed */
    monotonic += FAMA_LOG_PAUSE_NS;
    fama_log_flush();
    CU_ASSERT_EQUAL(line_count(), 2);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(written(), "gossip: 999 more like this, the last: certificate of p9 has expired\n"));
    fama_log_flush();
    CU_ASSERT_EQUAL(line_count(), 2);
    end();
}

static void say_again(void)
{
    fama_info("gossip", "the same place, %s", "the same words");
}

static void test_a_kind_that_comes_back_after_a_pause_is_written_again(void)
{
    begin();
    say_again();
    say_again();
    say_again();
    CU_ASSERT_EQUAL(line_count(), 1);
    monotonic += FAMA_LOG_PAUSE_NS;
    say_again();
    CU_ASSERT_EQUAL(line_count(), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(written(), "2 more like this"));
    end();
}

static void test_different_lines_of_one_kind_are_written_up_to_ten(void)
{
    begin();
    for (int i = 0; i < 100; i++) {
        fama_info("channel", "block %d committed", i);
    }
    CU_ASSERT_EQUAL(line_count(), FAMA_LOG_DIFFERENT);
    fama_log_finish();
    CU_ASSERT_PTR_NOT_NULL(strstr(written(), "90 more like this, the last: block 99 committed"));
    end();
}

static void test_the_same_words_of_two_components_are_two_kinds(void)
{
    static const char format[] = "the same";
    begin();
    fama_log(FAMA_LOG_INFO, "one", format);
    fama_log(FAMA_LOG_INFO, "two", format);
    CU_ASSERT_EQUAL(line_count(), 2);
    end();
}

static void test_control_bytes_are_shown_and_long_lines_cut(void)
{
    char huge[5000];
    begin();
    fama_info("node", "%s", "two\nlines\x1b[31m and \x7f, \xc3\xa9t\xc3\xa9");
    CU_ASSERT_EQUAL(line_count(), 1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(written(), "two\\x0alines\\x1b[31m and \\x7f, \xc3\xa9t\xc3\xa9\n"));
    memset(huge, '\n', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    fama_info("no\nde", "%s", huge);
    CU_ASSERT_EQUAL(line_count(), 2);
    const char *second = strchr(written(), '\n') + 1;
    CU_ASSERT_TRUE(strlen(second) <= FAMA_LOG_LINE_BYTES);
    CU_ASSERT_TRUE(strlen(second) > FAMA_LOG_LINE_BYTES - 8);
    CU_ASSERT_PTR_NOT_NULL(strstr(second, "no\\x0ade: \\x0a"));
    end();
}

static void test_more_kinds_than_are_remembered_lose_no_count(void)
{
    static char formats[FAMA_LOG_KINDS + 1][8]; /* the address of a format is its kind */
    begin();
    for (int i = 0; i <= FAMA_LOG_KINDS; i++) {
        (void)snprintf(formats[i], sizeof formats[i], "k%d", i);
        monotonic++;
        fama_log(FAMA_LOG_INFO, "many", formats[i], 0);
        fama_log(FAMA_LOG_INFO, "many", formats[i], 0);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(written(), "1 more like this, the last: k0\n"));
    CU_ASSERT_PTR_NULL(strstr(written(), "the last: k1\n"));
    end();
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_line_has_time_level_component_and_words),
        TEST(test_lines_below_the_level_are_not_written),
        TEST(test_an_identical_line_is_written_once_and_counted),
        TEST(test_a_kind_that_comes_back_after_a_pause_is_written_again),
        TEST(test_different_lines_of_one_kind_are_written_up_to_ten),
        TEST(test_the_same_words_of_two_components_are_two_kinds),
        TEST(test_control_bytes_are_shown_and_long_lines_cut),
        TEST(test_more_kinds_than_are_remembered_lose_no_count),
    };
    return run_suite("log", cases, sizeof cases / sizeof cases[0]);
}
