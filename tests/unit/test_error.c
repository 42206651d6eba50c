/* Words about failures: one printable line, whatever the names in them hold. */
#include "crypto/error.h"

#include <string.h>

#include "unit/suite.h"

static void test_a_name_cannot_steer_the_terminal_it_is_shown_on(void)
{
    struct fama_error error;
    CU_ASSERT_EQUAL(fama_error_set(&error, -3, "peer %s",
                                   "a\n\x1b[2J\x7f"
                                   "b"),
                    -3);
    CU_ASSERT_STRING_EQUAL(error.text, "peer a  [2J b");
    /* The same controls as U+0080 to U+009F, which some terminals obey as well. */
    (void)fama_error_set(&error, -1, "%s",
                         "a\xc2\x9b"
                         "2Jb\xc2\x80"
                         "c");
    CU_ASSERT_STRING_EQUAL(error.text, "a  2Jb  c");
    (void)fama_error_set(&error, -1, "%s", "caf\xc3\xa9 \xc2\xa0 \xe2\x82\xac \xd1\x81\xd0\x9b");
    CU_ASSERT_STRING_EQUAL(error.text, "caf\xc3\xa9 \xc2\xa0 \xe2\x82\xac \xd1\x81\xd0\x9b");
}

static void test_context_comes_before_the_words_and_the_end_gives_way(void)
{
    struct fama_error error;
    char longest[2 * FAMA_ERROR_TEXT_BYTES];
    (void)fama_error_set(&error, -1, "the disk is full");
    CU_ASSERT_EQUAL(fama_error_prefix(&error, -7, "channel %s: ", "drivenet"), -7);
    CU_ASSERT_STRING_EQUAL(error.text, "channel drivenet: the disk is full");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    (void)fama_error_set(&error, -1, "%s", longest);
    CU_ASSERT_EQUAL(strlen(error.text), FAMA_ERROR_TEXT_BYTES - 1);
    (void)fama_error_prefix(&error, -1, "here: ");
    CU_ASSERT_EQUAL(strlen(error.text), FAMA_ERROR_TEXT_BYTES - 1);
    CU_ASSERT_EQUAL(strncmp(error.text, "here: xxx", 9), 0);
    (void)fama_error_prefix(&error, -1, "%s", longest);
    CU_ASSERT_EQUAL(strlen(error.text), FAMA_ERROR_TEXT_BYTES - 1);
}

static void test_the_old_words_may_be_part_of_the_new(void)
{
    struct fama_error error;
    (void)fama_error_set(&error, -1, "no space");
    (void)fama_error_set(&error, -1, "cannot write: %s", error.text);
    CU_ASSERT_STRING_EQUAL(error.text, "cannot write: no space");
}

static void test_nobody_needs_to_listen(void)
{
    CU_ASSERT_EQUAL(fama_error_set(NULL, -2, "%d", 1), -2);
    CU_ASSERT_EQUAL(fama_error_prefix(NULL, -2, "%d", 1), -2);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_name_cannot_steer_the_terminal_it_is_shown_on),
        TEST(test_context_comes_before_the_words_and_the_end_gives_way),
        TEST(test_the_old_words_may_be_part_of_the_new),
        TEST(test_nobody_needs_to_listen),
    };
    return run_suite("error", cases, sizeof(cases) / sizeof(cases[0]));
}
