/* The frame of a unit test program: tests are sentences, one table lists them, main runs them and exits
 * non-zero if any failed. Also where real Fabric data is found, or its absence said loudly. */
#ifndef FAMA_TESTS_UNIT_SUITE_H
#define FAMA_TESTS_UNIT_SUITE_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

#define TEST(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }

static inline int run_suite(const char *suite_name, const struct test_case *cases, size_t count)
{
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return EXIT_FAILURE;
    }
    CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
    for (size_t i = 0; suite != NULL && i < count; i++) {
        if (CU_add_test(suite, cases[i].name, cases[i].run) == NULL) {
            suite = NULL;
        }
    }
    if (suite == NULL) {
        fprintf(stderr, "%s: cannot register tests: %s\n", suite_name, CU_get_error_msg());
        return EXIT_FAILURE;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned int failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The folder with data of real Fabric networks, or NULL after saying loudly what is not tested. */
static inline const char *shared_data_or_say_so(const char *what_is_skipped)
{
    const char *folder = getenv("FAMA_SHARED");
    if (folder != NULL && access(folder, R_OK) == 0) {
        return folder;
    }
    fprintf(stderr, "\n*** NO REAL FABRIC DATA HERE (FAMA_SHARED): NOT TESTED: %s ***\n",
            what_is_skipped);
    return NULL;
}

#endif
