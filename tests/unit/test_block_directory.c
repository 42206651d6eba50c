/* A directory of block files as an ordering source, and the arithmetic of pace and back-off. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "controlplane/block_directory.h"
#include "unit/suite.h"

#define PATH_BYTES 512
#define LIMIT      100000

static char folder[PATH_BYTES];

static void path_of(char path[PATH_BYTES], const char *file)
{
    CU_ASSERT_FATAL(snprintf(path, PATH_BYTES, "%s/%s", folder, file) < PATH_BYTES);
}

static void write_file(const char *file, const void *bytes, size_t len)
{
    char path[PATH_BYTES];
    path_of(path, file);
    FILE *out = fopen(path, "wb");
    CU_ASSERT_FATAL(out != NULL);
    CU_ASSERT(fwrite(bytes, 1, len, out) == len);
    CU_ASSERT(fclose(out) == 0);
}

static void remove_file(const char *file)
{
    char path[PATH_BYTES];
    path_of(path, file);
    CU_ASSERT(remove(path) == 0);
}

static struct fama_block_source *open_source(void)
{
    struct fama_block_source *source = NULL;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL_FATAL(fama_block_directory_open(folder, LIMIT, &source, &error), 0);
    return source;
}

/* Whether `number` is answered with exactly these bytes. */
static void expect_bytes(struct fama_block_source *source, uint64_t number, const void *bytes,
                         size_t len)
{
    uint8_t *got = NULL;
    size_t got_len = 0;
    CU_ASSERT_EQUAL(source->next(source, number, &got, &got_len, NULL), 0);
    CU_ASSERT_EQUAL(got_len, len);
    CU_ASSERT(got != NULL && got_len == len && memcmp(got, bytes, len) == 0);
    free(got);
}

/* Whether `number` is answered with this error, without bytes, and with this word. */
static void expect_error(struct fama_block_source *source, uint64_t number, int expected,
                         const char *word)
{
    uint8_t *got = (uint8_t *)"";
    size_t got_len = 1;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(source->next(source, number, &got, &got_len, &error), expected);
    CU_ASSERT(got == NULL && got_len == 0);
    CU_ASSERT(strstr(error.text, word) != NULL);
}

static void test_the_last_block_is_known_by_the_names_of_files(void)
{
    struct fama_block_source *source = open_source();
    uint64_t number = 7;
    CU_ASSERT_FALSE(source->last(source, &number));
    const char *const strange[] = {
        "9.block",          "000009.blocks", "x000009.block",
        "-000009.block",    "0000009.block", " 00009.block",
        "000009.block.tmp", "README",        "99999999999999999999.block"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        write_file(strange[i], "", 0);
    }
    CU_ASSERT_FALSE(source->last(source, &number));
    write_file("000003.block", "three", 5);
    write_file("000000.block", "zero", 4);
    CU_ASSERT_TRUE(source->last(source, &number));
    CU_ASSERT_EQUAL(number, 3);
    write_file("1000000.block", "", 0);
    CU_ASSERT_TRUE(source->last(source, &number));
    CU_ASSERT_EQUAL(number, 1000000);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        remove_file(strange[i]);
    }
    remove_file("000003.block");
    remove_file("000000.block");
    remove_file("1000000.block");
    source->close(source);
}

static void test_blocks_are_found_by_number_with_six_digits_and_more(void)
{
    write_file("000000.block", "zero", 4);
    write_file("000042.block", "forty-two", 9);
    write_file("1000000.block", "a million", 9);
    write_file("18446744073709551615.block", "last", 4);
    write_file("7.block", "seven", 5);
    struct fama_block_source *source = open_source();
    expect_bytes(source, 42, "forty-two", 9);
    expect_bytes(source, 0, "zero", 4);
    expect_bytes(source, 0, "zero", 4);
    expect_bytes(source, 1000000, "a million", 9);
    expect_bytes(source, UINT64_MAX, "last", 4);
    expect_error(source, 7, FAMA_BLOCK_SOURCE_NOT_YET, "");
    source->close(source);
    remove_file("000000.block");
    remove_file("000042.block");
    remove_file("1000000.block");
    remove_file("18446744073709551615.block");
    remove_file("7.block");
}

static void test_a_file_that_appears_and_grows_is_handed_out_as_far_as_it_goes(void)
{
    struct fama_block_source *source = open_source();
    expect_error(source, 3, FAMA_BLOCK_SOURCE_NOT_YET, "");
    write_file("000003.block", "", 0);
    expect_error(source, 3, FAMA_BLOCK_SOURCE_NOT_YET, "");
    write_file("000003.block", "half", 4);
    expect_bytes(source, 3, "half", 4);
    write_file("000003.block", "half and half", 13);
    expect_bytes(source, 3, "half and half", 13);
    remove_file("000003.block");
    expect_error(source, 3, FAMA_BLOCK_SOURCE_NOT_YET, "");
    source->close(source);
}

static void test_a_file_above_the_limit_is_not_read(void)
{
    char *large = calloc(1, LIMIT + 1);
    CU_ASSERT_FATAL(large != NULL);
    large[LIMIT - 1] = 'x';
    write_file("000001.block", large, LIMIT);
    write_file("000002.block", large, LIMIT + 1);
    struct fama_block_source *source = open_source();
    expect_bytes(source, 1, large, LIMIT);
    expect_error(source, 2, FAMA_BLOCK_SOURCE_TOO_LARGE, "the limit is 100000");
    /* A hole of a terabyte costs no memory either. */
    char path[PATH_BYTES];
    path_of(path, "000002.block");
    CU_ASSERT(truncate(path, (off_t)1 << 40) == 0);
    expect_error(source, 2, FAMA_BLOCK_SOURCE_TOO_LARGE, "000002.block");
    source->close(source);
    remove_file("000001.block");
    remove_file("000002.block");
    free(large);
}

static void test_what_is_not_a_plain_file_is_refused_without_waiting(void)
{
    char path[PATH_BYTES];
    path_of(path, "000004.block");
    CU_ASSERT_FATAL(mkfifo(path, 0600) == 0);
    path_of(path, "000005.block");
    CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
    path_of(path, "000006.block");
    CU_ASSERT_FATAL(symlink("000006.block", path) == 0);
    struct fama_block_source *source = open_source();
    expect_error(source, 4, FAMA_BLOCK_SOURCE_FAILED, "000004.block (not a plain file)");
    expect_error(source, 5, FAMA_BLOCK_SOURCE_FAILED, "000005.block (not a plain file)");
    expect_error(source, 6, FAMA_BLOCK_SOURCE_FAILED, "000006.block (");
    source->close(source);
    remove_file("000004.block");
    remove_file("000005.block");
    remove_file("000006.block");
}

static void test_a_directory_that_is_none_or_goes_away_is_named(void)
{
    char path[PATH_BYTES];
    struct fama_error error = {{0}};
    struct fama_block_source *source = NULL;
    path_of(path, "absent");
    CU_ASSERT_EQUAL(fama_block_directory_open(path, LIMIT, &source, &error),
                    FAMA_BLOCK_SOURCE_FAILED);
    CU_ASSERT(strstr(error.text, path) != NULL && source == NULL);
    write_file("a-file", "x", 1);
    path_of(path, "a-file");
    CU_ASSERT_EQUAL(fama_block_directory_open(path, LIMIT, &source, &error),
                    FAMA_BLOCK_SOURCE_FAILED);
    CU_ASSERT(strstr(error.text, path) != NULL && source == NULL);
    remove_file("a-file");

    path_of(path, "leaving");
    CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
    CU_ASSERT_EQUAL_FATAL(fama_block_directory_open(path, LIMIT, &source, &error), 0);
    expect_error(source, 0, FAMA_BLOCK_SOURCE_NOT_YET, "");
    CU_ASSERT(rmdir(path) == 0);
    expect_error(source, 0, FAMA_BLOCK_SOURCE_FAILED, "was removed");
    source->close(source);
}

static void test_a_real_channel_comes_in_order_and_then_not_yet(void)
{
    const char *shared = shared_data_or_say_so("a directory of real blocks");
    if (shared == NULL) {
        return;
    }
    char path[PATH_BYTES];
    struct fama_error error = {{0}};
    struct fama_block_source *source = NULL;
    CU_ASSERT_FATAL(snprintf(path, sizeof path, "%s/fabric-data/drivenet", shared) < PATH_BYTES);
    CU_ASSERT_EQUAL_FATAL(fama_block_directory_open(path, 4u << 20, &source, &error), 0);
    size_t total = 0;
    for (uint64_t number = 0; number < 84; number++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        CU_ASSERT_EQUAL(source->next(source, number, &bytes, &len, &error), 0);
        total += len;
        free(bytes);
    }
    CU_ASSERT_EQUAL(total, 10912570);
    expect_error(source, 84, FAMA_BLOCK_SOURCE_NOT_YET, "");
    source->close(source);
}

static void test_the_pace_keeps_its_average_and_forgets_long_delays(void)
{
    const uint64_t second = 1000000000;
    struct fama_block_pace pace = {.blocks_per_second = 40};
    /* A caller that looks only every 7 ms: 40 blocks a second all the same. */
    uint64_t due = 5 * second;
    unsigned int blocks = 0;
    for (uint64_t now = 5 * second; now < 15 * second; now += 7000000) {
        while (due <= now) {
            due = fama_block_pace_due_ns(pace, due, now);
            blocks++;
        }
    }
    CU_ASSERT_EQUAL(blocks, 400);
    /* Half a second late is made up for, an hour is not. */
    CU_ASSERT_EQUAL(fama_block_pace_due_ns(pace, 10 * second, 10 * second + second / 2),
                    10 * second + second / 40);
    CU_ASSERT_EQUAL(fama_block_pace_due_ns(pace, 10 * second, 3600 * second),
                    3600 * second + second / 40);
}

static void test_a_pace_of_zero_or_nonsense_never_waits_and_never_overflows(void)
{
    static const double flat_out[] = {0, -1, NAN, -INFINITY, INFINITY, 1e300};
    for (size_t i = 0; i < sizeof flat_out / sizeof flat_out[0]; i++) {
        struct fama_block_pace pace = {.blocks_per_second = flat_out[i]};
        CU_ASSERT_EQUAL(fama_block_pace_due_ns(pace, 77, 77), 77);
    }
    struct fama_block_pace slow = {.blocks_per_second = 1e-300};
    CU_ASSERT_EQUAL(fama_block_pace_due_ns(slow, 0, 0), UINT64_C(86400000000000));
    CU_ASSERT_EQUAL(fama_block_pace_due_ns(slow, UINT64_MAX - 1, UINT64_MAX - 1), UINT64_MAX);
}

static void test_retries_double_up_to_five_seconds_and_scatter_below(void)
{
    static const uint64_t full_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (uint32_t attempt = 1; attempt <= 8; attempt++) {
        uint64_t full = full_ms[attempt - 1] * 1000000;
        CU_ASSERT_EQUAL(fama_block_retry_after_ns(attempt, 0), full / 2);
        CU_ASSERT_EQUAL(fama_block_retry_after_ns(attempt, full / 2), full);
        uint64_t random = attempt;
        uint64_t lowest = UINT64_MAX;
        uint64_t highest = 0;
        for (int i = 0; i < 1000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint64_t wait = fama_block_retry_after_ns(attempt, random);
            lowest = wait < lowest ? wait : lowest;
            highest = wait > highest ? wait : highest;
        }
        CU_ASSERT(lowest >= full / 2 && lowest < full * 6 / 10);
        CU_ASSERT(highest <= full && highest > full * 9 / 10);
    }
    CU_ASSERT_EQUAL(fama_block_retry_after_ns(UINT32_MAX, 0), FAMA_BLOCK_RETRY_MAX_NS / 2);
    CU_ASSERT_EQUAL(fama_block_retry_after_ns(0, 0), FAMA_BLOCK_RETRY_FIRST_NS / 2);
}

static const struct test_case cases[] = {
    TEST(test_the_last_block_is_known_by_the_names_of_files),
    TEST(test_blocks_are_found_by_number_with_six_digits_and_more),
    TEST(test_a_file_that_appears_and_grows_is_handed_out_as_far_as_it_goes),
    TEST(test_a_file_above_the_limit_is_not_read),
    TEST(test_what_is_not_a_plain_file_is_refused_without_waiting),
    TEST(test_a_directory_that_is_none_or_goes_away_is_named),
    TEST(test_a_real_channel_comes_in_order_and_then_not_yet),
    TEST(test_the_pace_keeps_its_average_and_forgets_long_delays),
    TEST(test_a_pace_of_zero_or_nonsense_never_waits_and_never_overflows),
    TEST(test_retries_double_up_to_five_seconds_and_scatter_below),
};

int main(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/fama-blocks-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return EXIT_FAILURE;
    }
    int result = run_suite("block directory", cases, sizeof cases / sizeof cases[0]);
    if (rmdir(folder) != 0) {
        fprintf(stderr, "left behind: %s\n", folder);
    }
    return result;
}
