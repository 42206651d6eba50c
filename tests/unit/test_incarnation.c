/* Every start of a node gets a higher number than the one before, whatever its clock says. */
#include "controlplane/incarnation.h"

#include <string.h>

#include "unit/suite.h"

static char folder[64];

static void in_a_new_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/fama-incarnation-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void remove_folder(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/incarnation", folder);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_a_clock_that_runs_gives_the_time(void)
{
    uint64_t incarnation = 0;
    in_a_new_folder();
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 1000, &incarnation, NULL), 0);
    CU_ASSERT_EQUAL(incarnation, 1000);
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 2000, &incarnation, NULL), 0);
    CU_ASSERT_EQUAL(incarnation, 2000);
    remove_folder();
}

static void test_a_clock_set_back_still_gives_a_higher_number(void)
{
    uint64_t incarnation = 0;
    in_a_new_folder();
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 5000, &incarnation, NULL), 0);
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 10, &incarnation, NULL), 0);
    CU_ASSERT_EQUAL(incarnation, 5001);
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 10, &incarnation, NULL), 0);
    CU_ASSERT_EQUAL(incarnation, 5002);
    remove_folder();
}

static void test_a_damaged_file_is_an_error_that_names_it(void)
{
    uint64_t incarnation = 0;
    struct fama_error error = {""};
    char path[128];
    in_a_new_folder();
    snprintf(path, sizeof(path), "%s/incarnation", folder);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("soon\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(fama_incarnation_next(folder, 1000, &incarnation, &error),
                    FAMA_INCARNATION_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, path));
    remove_folder();
}

static void test_a_folder_that_cannot_be_written_is_an_error(void)
{
    uint64_t incarnation = 0;
    struct fama_error error = {""};
    CU_ASSERT_EQUAL(fama_incarnation_next("/proc/self", 1000, &incarnation, &error),
                    FAMA_INCARNATION_UNWRITABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/proc/self"));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_clock_that_runs_gives_the_time),
        TEST(test_a_clock_set_back_still_gives_a_higher_number),
        TEST(test_a_damaged_file_is_an_error_that_names_it),
        TEST(test_a_folder_that_cannot_be_written_is_an_error),
    };
    return run_suite("incarnation", cases, sizeof(cases) / sizeof(cases[0]));
}
