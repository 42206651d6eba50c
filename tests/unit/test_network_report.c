#include "unit/suite.h"

#include <string.h>

#include "controlplane/network_report.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static bool read_state(struct fama_report_row *row, uint64_t height, const char *hash,
                       const char *commit_hash)
{
    json_t *status = json_pack(
        "{s:[{s:s, s:i, s:s, s:s, s:{}}, {s:s, s:I, s:s, s:s, s:i, s:i, s:{s:i, s:i}}], s:{s:{s:i, "
        "s:i}}}",
        "channels", "channel", "other", "height", 99, "last_hash", HASH_B, "commit_hash", HASH_B,
        "refused", "channel", "drivenet", "height", (json_int_t)height, "last_hash", hash,
        "commit_hash", commit_hash, "transactions", 100, "invalid_transactions", 7, "refused",
        "block_data_hash", 2, "block_malformed", 0, "dataplane", "drops", "wire_bad_magic", 7,
        "tx_full", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(status);
    bool is_read = fama_report_read_status(row, status, "drivenet");
    json_decref(status);
    return is_read;
}

static bool read_status(struct fama_report_row *row, uint64_t height, const char *hash)
{
    return read_state(row, height, hash, HASH_B);
}

static bool add_arrival(struct fama_report_row *row, uint64_t number, const char *path,
                        uint64_t sent_ns, uint64_t durable_ns)
{
    json_t *answer =
        json_pack("{s:[{s:I, s:s, s:I, s:I, s:I}]}", "arrivals", "number", (json_int_t)number,
                  "path", path, "sent_ns", (json_int_t)sent_ns, "complete_ns",
                  (json_int_t)durable_ns, "durable_ns", (json_int_t)durable_ns);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    bool is_read = fama_report_read_arrivals(row, answer);
    json_decref(answer);
    return is_read;
}

static void test_equal_heights_and_hashes_are_identical_ledgers(void)
{
    struct fama_report_row rows[] = {{.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 2};
    CU_ASSERT_TRUE(read_status(&rows[0], 84, HASH_A));
    CU_ASSERT_TRUE(read_status(&rows[1], 84, HASH_A));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_TRUE(report.is_identical);
    CU_ASSERT_TRUE(report.all_answered);
    CU_ASSERT_STRING_EQUAL(report.verdict, "ledgers and states: identical (2 nodes, height 84)");
    fama_report_clear(&report);
}

static void test_a_lagging_node_makes_the_ledgers_different(void)
{
    struct fama_report_row rows[] = {{.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 2};
    CU_ASSERT_TRUE(read_status(&rows[0], 83, HASH_A));
    CU_ASSERT_TRUE(read_status(&rows[1], 84, HASH_A));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_FALSE(report.is_identical);
    CU_ASSERT_STRING_EQUAL(report.verdict, "ledgers and states: DIFFERENT (sipher0 behind)");
    fama_report_clear(&report);
}

static void test_another_hash_at_equal_height_makes_the_ledgers_different(void)
{
    struct fama_report_row rows[] = {{.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 2};
    CU_ASSERT_TRUE(read_status(&rows[0], 84, HASH_A));
    CU_ASSERT_TRUE(read_status(&rows[1], 84, HASH_B));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_FALSE(report.is_identical);
    CU_ASSERT_TRUE(report.all_answered);
    CU_ASSERT_STRING_EQUAL(report.verdict, "ledgers and states: DIFFERENT (sipher1 other hash)");
    fama_report_clear(&report);
}

static void test_another_commit_hash_means_another_state(void)
{
    struct fama_report_row rows[] = {{.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 2};
    CU_ASSERT_TRUE(read_state(&rows[0], 84, HASH_A, HASH_A));
    CU_ASSERT_TRUE(read_state(&rows[1], 84, HASH_A, HASH_B));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_FALSE(report.is_identical);
    CU_ASSERT_STRING_EQUAL(report.verdict, "ledgers and states: DIFFERENT (sipher1 other state)");
    /* None at both is the same; none at one is not. */
    CU_ASSERT_TRUE(read_state(&rows[0], 1, HASH_A, ""));
    CU_ASSERT_TRUE(read_state(&rows[1], 1, HASH_A, ""));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_TRUE(report.is_identical);
    CU_ASSERT_TRUE(read_state(&rows[1], 1, HASH_A, HASH_A));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_FALSE(report.is_identical);
    fama_report_clear(&report);
}

static void test_a_silent_node_is_never_identical(void)
{
    struct fama_report_row rows[] = {
        {.node = "sipher0", .org = "Sipher", .role = "leader"},
        {.node = "sipher1", .org = "Sipher", .role = "follower", .problem = "nobody listens"}};
    struct fama_report report = {.rows = rows, .count = 2};
    CU_ASSERT_TRUE(read_status(&rows[0], 84, HASH_A));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_FALSE(report.is_identical);
    CU_ASSERT_FALSE(report.all_answered);
    CU_ASSERT_STRING_EQUAL(report.verdict, "ledgers and states: DIFFERENT (sipher1 silent)");
    fama_report_clear(&report);

    struct fama_report nobody = {.rows = NULL, .count = 0};
    CU_ASSERT_TRUE(fama_report_judge(&nobody));
    CU_ASSERT_FALSE(nobody.is_identical);
}

static void test_blocks_are_counted_by_the_way_they_came(void)
{
    struct fama_report_row row = {.node = "sipher1", .org = "Sipher", .role = "follower"};
    struct fama_report report = {.rows = &row, .count = 1};
    CU_ASSERT_TRUE(add_arrival(&row, 0, "genesis", 0, 10));
    CU_ASSERT_TRUE(add_arrival(&row, 1, "push", 0, 20));
    CU_ASSERT_TRUE(add_arrival(&row, 2, "pull", 0, 30));
    CU_ASSERT_TRUE(add_arrival(&row, 3, "push", 0, 40));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_EQUAL(row.blocks_by[FAMA_REPORT_GENESIS], 1);
    CU_ASSERT_EQUAL(row.blocks_by[FAMA_REPORT_SOURCE], 0);
    CU_ASSERT_EQUAL(row.blocks_by[FAMA_REPORT_PUSH], 2);
    CU_ASSERT_EQUAL(row.blocks_by[FAMA_REPORT_PULL], 1);
    CU_ASSERT_EQUAL(row.timed_blocks, 0);
    fama_report_clear(&report);
}

static void test_times_run_from_the_own_leaders_send_to_the_nodes_commit(void)
{
    struct fama_report_row rows[] = {{.node = "whitebox0", .org = "WhiteBox", .role = "leader"},
                                     {.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 3};
    /* 100 blocks; the follower has block n after n milliseconds; the other organisation sent earlier. */
    for (uint64_t n = 1; n <= 100; n++) {
        uint64_t sent_ns = n * 1000000000;
        CU_ASSERT_TRUE(add_arrival(&rows[0], n, "source", sent_ns - 500000000, sent_ns));
        CU_ASSERT_TRUE(add_arrival(&rows[1], n, "source", sent_ns, sent_ns + 250000));
        CU_ASSERT_TRUE(add_arrival(&rows[2], n, "push", 0, sent_ns + n * 1000000));
    }
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_EQUAL(rows[2].timed_blocks, 100);
    CU_ASSERT_EQUAL(rows[2].p50_ns, 50000000);
    CU_ASSERT_EQUAL(rows[2].p99_ns, 99000000);
    CU_ASSERT_EQUAL(rows[1].p50_ns, 250000);
    CU_ASSERT_EQUAL(rows[0].p99_ns, 500000000);
    fama_report_clear(&report);
}

static void test_a_block_that_came_before_the_own_leader_sent_it_is_timed_by_the_other_leader(void)
{
    struct fama_report_row rows[] = {{.node = "sipher0", .org = "Sipher", .role = "leader"},
                                     {.node = "whitebox0", .org = "WhiteBox", .role = "leader"},
                                     {.node = "sipher1", .org = "Sipher", .role = "follower"}};
    struct fama_report report = {.rows = rows, .count = 3};
    CU_ASSERT_TRUE(add_arrival(&rows[0], 1, "source", 9000, 9500));
    CU_ASSERT_TRUE(add_arrival(&rows[1], 1, "source", 1000, 1500));
    CU_ASSERT_TRUE(add_arrival(&rows[2], 1, "push", 0, 4000));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    CU_ASSERT_EQUAL(rows[2].timed_blocks, 1);
    CU_ASSERT_EQUAL(rows[2].p50_ns, 3000);
    fama_report_clear(&report);
}

static void test_answers_that_make_no_sense_are_refused(void)
{
    struct fama_report_row row = {.node = "sipher1", .org = "Sipher", .role = "follower"};
    struct fama_report report = {.rows = &row, .count = 1};
    CU_ASSERT_TRUE(add_arrival(&row, 5, "push", 0, 20));
    CU_ASSERT_FALSE(add_arrival(&row, 5, "push", 0, 20));
    CU_ASSERT_FALSE(add_arrival(&row, 6, "carrier pigeon", 0, 20));
    json_t *empty = json_object();
    CU_ASSERT_FALSE(fama_report_read_arrivals(&row, empty));
    CU_ASSERT_FALSE(fama_report_read_status(&row, empty, "drivenet"));
    CU_ASSERT_STRING_EQUAL(row.problem, "it has not joined the channel");
    json_decref(empty);
    CU_ASSERT_FALSE(read_status(&row, 3, HASH_A "00"));
    fama_report_clear(&report);
}

static void test_the_report_names_what_was_refused_by_whom(void)
{
    struct fama_report_row row = {.node = "sipher0", .org = "Sipher", .role = "leader"};
    struct fama_report report = {.rows = &row, .count = 1};
    CU_ASSERT_TRUE(read_status(&row, 84, HASH_A));
    CU_ASSERT_TRUE(fama_report_judge(&report));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fama_report_print(&report, out);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "blocks refused at sipher0: block_data_hash 2\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "ledgers and states: identical (1 nodes, height 84)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "transactions: 93 valid, 7 invalid"));
    CU_ASSERT_PTR_NULL(strstr(text, "block_malformed"));
    free(text);

    json_t *json = fama_report_json(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    json_t *node = json_array_get(json_object_get(json, "nodes"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(node, "height")), 84);
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(json_object_get(node, "drops"), "wire_bad_magic")), 7);
    CU_ASSERT_TRUE(json_is_true(json_object_get(json, "identical")));
    json_decref(json);
    fama_report_clear(&report);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_equal_heights_and_hashes_are_identical_ledgers),
        TEST(test_a_lagging_node_makes_the_ledgers_different),
        TEST(test_another_hash_at_equal_height_makes_the_ledgers_different),
        TEST(test_another_commit_hash_means_another_state),
        TEST(test_a_silent_node_is_never_identical),
        TEST(test_blocks_are_counted_by_the_way_they_came),
        TEST(test_times_run_from_the_own_leaders_send_to_the_nodes_commit),
        TEST(test_a_block_that_came_before_the_own_leader_sent_it_is_timed_by_the_other_leader),
        TEST(test_answers_that_make_no_sense_are_refused),
        TEST(test_the_report_names_what_was_refused_by_whom),
    };
    return run_suite("network_report", cases, sizeof(cases) / sizeof(cases[0]));
}
