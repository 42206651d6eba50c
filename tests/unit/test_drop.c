#include "dataplane/drop.h"

#include <ctype.h>
#include <string.h>

#include "unit/suite.h"

static void test_every_drop_reason_has_a_distinct_metric_name_and_words(void)
{
    for (int i = FAMA_DROP_NONE; i < FAMA_DROP_COUNT; i++) {
        const char *name = fama_drop_name((enum fama_drop)i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(name);
        CU_ASSERT(strlen(name) > 0);
        CU_ASSERT(strlen(fama_drop_words((enum fama_drop)i)) > strlen("none"));
        for (const char *at = name; *at != '\0'; at++) {
            CU_ASSERT(islower((unsigned char)*at) || *at == '_');
        }
        for (int j = FAMA_DROP_NONE; j < i; j++) {
            CU_ASSERT_STRING_NOT_EQUAL(name, fama_drop_name((enum fama_drop)j));
        }
    }
    CU_ASSERT_STRING_EQUAL(fama_drop_name(FAMA_DROP_BAD_SIGNATURE), "bad_signature");
}

static void test_a_number_that_is_no_reason_reads_as_none(void)
{
    CU_ASSERT_STRING_EQUAL(fama_drop_name(FAMA_DROP_COUNT), fama_drop_name(FAMA_DROP_NONE));
    CU_ASSERT_STRING_EQUAL(fama_drop_name((enum fama_drop) - 1), fama_drop_name(FAMA_DROP_NONE));
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_every_drop_reason_has_a_distinct_metric_name_and_words),
        TEST(test_a_number_that_is_no_reason_reads_as_none),
    };
    return run_suite("drop reasons", cases, sizeof cases / sizeof cases[0]);
}
