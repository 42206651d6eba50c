/* The ledger in orderly use: commits, look-ups, wrong order, readers beside the writer, a real
 * channel. */
#include <pthread.h>
#include <stdatomic.h>

#include "ledger/transaction_code.h"
#include "unit/usual_ledger.h"

static void test_committed_blocks_are_found_again_after_reopening(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "reopen");
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    uint8_t zeros[FAMA_SHA256_BYTES] = {0};
    CU_ASSERT_EQUAL(info.height, 0);
    CU_ASSERT(memcmp(info.last_hash, zeros, sizeof zeros) == 0);
    for (size_t group = 1; group <= 8; group++) {
        CU_ASSERT_EQUAL(commit_usual(ledger, group, NULL), 0);
    }
    CU_ASSERT_EQUAL(check_all_usual(ledger), 36);
    CU_ASSERT_EQUAL(fama_ledger_commit(ledger, NULL, 0, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        fama_ledger_close(ledger);
        ledger = open_or_explain(folder);
        CU_ASSERT_EQUAL(check_all_usual(ledger), 36 + (uint64_t)i);
        CU_ASSERT_EQUAL(commit_usual(ledger, 1, NULL), 0);
    }
    struct fama_ledger_location location;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(
        fama_ledger_locate_txid(ledger, fama_bytes_of_text("tx-999-0"), &location, &error),
        FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT(strstr(error.text, "tx-999-0") != NULL);
    CU_ASSERT_EQUAL(fama_ledger_locate_txid(ledger, fama_bytes_of_text(""), &location, NULL),
                    FAMA_LEDGER_NOT_FOUND);
    struct fama_arrival arrival;
    CU_ASSERT_EQUAL(fama_ledger_arrival(ledger, 39, &arrival, NULL), FAMA_LEDGER_NOT_FOUND);
    fama_ledger_close(ledger);
}

static int commit_plans(struct fama_ledger *ledger, struct synthetic_plan *plans, size_t count,
                        struct fama_error *error)
{
    struct fama_block blocks[4];
    struct fama_ledger_commit commits[4] = {{.block = NULL}};
    for (size_t i = 0; i < count; i++) {
        if (plans[i].previous_hash == NULL && i > 0) {
            plans[i].previous_hash = blocks[i - 1].header_hash;
        }
        blocks[i] = synthetic_block(&plans[i]);
        commits[i] = (struct fama_ledger_commit){.block = &blocks[i]};
    }
    int status = fama_ledger_commit(ledger, commits, count, NULL, error);
    for (size_t i = 0; i < count; i++) {
        synthetic_free(&blocks[i]);
    }
    return status;
}

static void expect_txid(const struct fama_ledger *ledger, const char *txid, uint64_t number,
                        uint32_t index)
{
    struct fama_ledger_location location = {.number = UINT64_MAX};
    CU_ASSERT_EQUAL(fama_ledger_locate_txid(ledger, fama_bytes_of_text(txid), &location, NULL), 0);
    CU_ASSERT_EQUAL(location.number, number);
    CU_ASSERT_EQUAL(location.index, index);
}

static void test_a_repeated_txid_stays_where_it_appeared_first(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "duplicates");
    struct fama_ledger *ledger = open_or_explain(folder);
    struct synthetic_plan group[3] = {
        {.number = 0, .txids = {"", "a", "b", "a"}, .txid_count = 4},
        {.number = 1, .txids = {"b", "c", "c"}, .txid_count = 3},
        {.number = 2, .txids = {"a", "d", "c"}, .txid_count = 3},
    };
    CU_ASSERT_EQUAL_FATAL(commit_plans(ledger, group, 3, NULL), 0);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    struct synthetic_plan later = {
        .number = 3, .previous_hash = info.last_hash, .txids = {"d", "e", "a"}, .txid_count = 3};
    CU_ASSERT_EQUAL_FATAL(commit_plans(ledger, &later, 1, NULL), 0);
    for (int round = 0; round < 2; round++) {
        expect_txid(ledger, "a", 0, 1);
        expect_txid(ledger, "b", 0, 2);
        expect_txid(ledger, "c", 1, 1);
        expect_txid(ledger, "d", 2, 1);
        expect_txid(ledger, "e", 3, 1);
        fama_ledger_close(ledger);
        ledger = open_or_explain(folder);
    }
    fama_ledger_close(ledger);
}

static void test_a_block_out_of_order_or_of_another_chain_is_refused(void)
{
    char folder[PATH_BYTES];
    make_usual_ledger(folder, "order", 3);
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    uint8_t strange[FAMA_SHA256_BYTES];
    memcpy(strange, info.last_hash, sizeof strange);
    strange[31] ^= 1;
    const struct {
        uint64_t number;
        const uint8_t *previous;
        int expected;
        const char *word;
    } cases[] = {{2, info.last_hash, FAMA_LEDGER_EXISTS, "already"},
                 {0, info.last_hash, FAMA_LEDGER_EXISTS, "already"},
                 {4, info.last_hash, FAMA_LEDGER_OUT_OF_ORDER, "block 3 is next"},
                 {UINT64_MAX, info.last_hash, FAMA_LEDGER_OUT_OF_ORDER, "block 3 is next"},
                 {3, strange, FAMA_LEDGER_OUT_OF_ORDER, "another chain"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct synthetic_plan plan = {.number = cases[i].number,
                                      .previous_hash = cases[i].previous,
                                      .txids = {"refused"},
                                      .txid_count = 1};
        struct fama_error error = {{0}};
        CU_ASSERT_EQUAL(commit_plans(ledger, &plan, 1, &error), cases[i].expected);
        CU_ASSERT(strstr(error.text, cases[i].word) != NULL);
    }
    /* A refusal is the block's fault, not the ledger's: it goes on. */
    CU_ASSERT_EQUAL(commit_usual(ledger, 1, NULL), 0);
    CU_ASSERT_EQUAL(check_all_usual(ledger), 4);
    fama_ledger_close(ledger);
}

static void test_a_group_with_one_bad_block_leaves_no_trace(void)
{
    char folder[PATH_BYTES];
    make_usual_ledger(folder, "group", 3);
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    uint8_t strange[FAMA_SHA256_BYTES] = {1};
    for (int fault = 0; fault < 2; fault++) {
        struct synthetic_plan group[3] = {
            {.number = 3, .previous_hash = info.last_hash, .txids = {"trace-1"}, .txid_count = 1},
            {.number = 4, .txids = {"trace-2"}, .txid_count = 1},
            {.number = fault == 0 ? 6 : 5,
             .previous_hash = fault == 0 ? NULL : strange,
             .txids = {"trace-3"},
             .txid_count = 1},
        };
        CU_ASSERT_EQUAL(commit_plans(ledger, group, 3, NULL), FAMA_LEDGER_OUT_OF_ORDER);
        CU_ASSERT_EQUAL(height_of(ledger), 3);
    }
    struct fama_ledger_location location;
    struct fama_arrival arrival;
    CU_ASSERT_EQUAL(fama_ledger_locate_txid(ledger, fama_bytes_of_text("trace-1"), &location, NULL),
                    FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_EQUAL(fama_ledger_arrival(ledger, 3, &arrival, NULL), FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_EQUAL(check_all_usual(ledger), 3);
    CU_ASSERT_EQUAL(commit_usual(ledger, 4, NULL), 0);
    CU_ASSERT_EQUAL(check_all_usual(ledger), 7);
    fama_ledger_close(ledger);
}

struct reader {
    const struct fama_ledger *ledger;
    const struct fama_ledger_info *allowed; /* indexed by height */
    _Atomic bool is_done;
    uint64_t reads;
    uint64_t torn;
};

static void *read_info(void *context)
{
    struct reader *reader = context;
    uint64_t highest = 0;
    do {
        struct fama_ledger_info info;
        fama_ledger_info(reader->ledger, &info);
        bool is_whole =
            info.height >= highest && info.height <= 400 &&
            memcmp(info.last_hash, reader->allowed[info.height].last_hash, FAMA_SHA256_BYTES) == 0;
        uint8_t *bytes = NULL;
        size_t len;
        if (info.height > 0 &&
            fama_ledger_block(reader->ledger, info.height - 1, &bytes, &len, NULL) != 0) {
            is_whole = false;
        }
        fama_ledger_free(bytes);
        highest = info.height;
        reader->reads++;
        reader->torn += is_whole ? 0 : 1;
    } while (!atomic_load(&reader->is_done));
    return NULL;
}

static void test_other_threads_never_see_half_a_commit(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "readers");
    struct fama_ledger_info *allowed = calloc(401, sizeof *allowed);
    CU_ASSERT_FATAL(allowed != NULL);
    for (uint64_t number = 0; number < 400; number++) {
        struct fama_block block = usual_block(number, allowed[number].last_hash);
        memcpy(allowed[number + 1].last_hash, block.header_hash, FAMA_SHA256_BYTES);
        synthetic_free(&block);
    }
    struct fama_ledger *ledger = open_or_explain(folder);
    struct reader readers[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = (struct reader){.ledger = ledger, .allowed = allowed};
        CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, read_info, &readers[i]) == 0);
    }
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(commit_usual(ledger, 4, NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].is_done, true);
        (void)pthread_join(threads[i], NULL);
        CU_ASSERT(readers[i].reads > 0);
        CU_ASSERT_EQUAL(readers[i].torn, 0);
    }
    CU_ASSERT_EQUAL(height_of(ledger), 400);
    fama_ledger_close(ledger);
    free(allowed);
}

static void test_a_directory_that_cannot_be_is_explained(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = NULL;
    path_in(folder, scratch, "no-parent/ledger");
    CU_ASSERT_EQUAL(fama_ledger_open(folder, &ledger, &error), FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, "parent") != NULL && strstr(error.text, folder) != NULL);
    path_in(folder, scratch, "a-file");
    FILE *file = fopen(folder, "w");
    CU_ASSERT_FATAL(file != NULL);
    (void)fclose(file);
    CU_ASSERT_EQUAL(fama_ledger_open(folder, &ledger, &error), FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, folder) != NULL);
    CU_ASSERT_PTR_NULL(ledger);
}

static void test_a_real_channel_is_kept_as_it_came(void)
{
    const char *shared = shared_data_or_say_so("a real channel in the ledger");
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    path_in(folder, scratch, "real");
    struct fama_ledger *ledger = open_or_explain(folder);
    static struct fama_bytes files[84];
    static struct fama_block blocks[84];
    for (size_t i = 0; i < 84; i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/fabric-data/drivenet/%06zu.block", shared, i);
        struct stat facts;
        FILE *file = fopen(path, "rb");
        CU_ASSERT_FATAL(file != NULL && fstat(fileno(file), &facts) == 0);
        size_t len = (size_t)facts.st_size;
        uint8_t *bytes = malloc(len);
        CU_ASSERT_FATAL(bytes != NULL && fread(bytes, 1, len, file) == len);
        (void)fclose(file);
        files[i] = fama_bytes(bytes, len);
        CU_ASSERT_EQUAL_FATAL(fama_block_parse(files[i], &blocks[i]), FAMA_BLOCK_ACCEPTED);
    }
    for (size_t i = 0; i < 84; i++) {
        struct fama_error error;
        struct fama_ledger_commit commit = {.block = &blocks[i]};
        CU_ASSERT_EQUAL_FATAL(fama_ledger_commit(ledger, &commit, 1, NULL, &error), 0);
    }
    fama_ledger_close(ledger);
    ledger = open_or_explain(folder);
    size_t repeated = 0;
    size_t located = 0;
    for (size_t i = 0; i < 84; i++) {
        uint8_t *bytes;
        size_t len;
        CU_ASSERT_EQUAL_FATAL(fama_ledger_block(ledger, i, &bytes, &len, NULL), 0);
        CU_ASSERT(fama_bytes_equal(fama_bytes(bytes, len), files[i]));
        fama_ledger_free(bytes);
        for (size_t index = 0; index < blocks[i].envelope_count; index++) {
            char txid[FAMA_TXID_MAX];
            struct fama_ledger_location location = {0};
            fama_block_txid(&blocks[i], index, txid);
            if (txid[0] == '\0') {
                continue;
            }
            CU_ASSERT_EQUAL(
                fama_ledger_locate_txid(ledger, fama_bytes_of_text(txid), &location, NULL), 0);
            uint64_t at = location.number;
            uint32_t where = location.index;
            char first[FAMA_TXID_MAX];
            fama_block_txid(&blocks[at], where, first);
            CU_ASSERT_STRING_EQUAL(first, txid);
            CU_ASSERT(at < i || (at == i && where <= index));
            repeated += at != i || where != index ? 1 : 0;
            located++;
        }
    }
    CU_ASSERT(located > 2200);
    CU_ASSERT_EQUAL(repeated, 3); /* as many DUPLICATE_TXID as real peers found in this channel */
    fama_ledger_close(ledger);
    for (size_t i = 0; i < 84; i++) {
        fama_block_clear(&blocks[i]);
        free((uint8_t *)files[i].at);
    }
}

static void test_results_hashes_and_known_ids_are_kept(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "results");
    struct fama_ledger *ledger = open_or_explain(folder);
    char long_id[200];
    memset(long_id, 'a', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    struct synthetic_plan plan = {.txids = {"short", long_id, ""}, .txid_count = 3};
    struct fama_block block = synthetic_block(&plan);
    const uint8_t codes[3] = {FAMA_TRANSACTION_VALID, FAMA_TRANSACTION_MVCC_READ_CONFLICT,
                              FAMA_TRANSACTION_BAD_PAYLOAD};
    uint8_t commit_hash[FAMA_SHA256_BYTES];
    memset(commit_hash, 0x5a, sizeof commit_hash);
    const struct fama_ledger_commit commit = {
        .block = &block, .codes = codes, .commit_hash = commit_hash};
    CU_ASSERT_EQUAL_FATAL(fama_ledger_commit(ledger, &commit, 1, NULL, NULL), 0);
    fama_ledger_close(ledger);
    ledger = open_or_explain(folder);

    struct fama_ledger_info info;
    struct fama_ledger_result result;
    struct fama_ledger_location location = {0};
    uint64_t number = 7;
    fama_ledger_info(ledger, &info);
    CU_ASSERT(info.has_commit_hash && memcmp(info.commit_hash, commit_hash, 32) == 0);
    CU_ASSERT_EQUAL(info.state_height, 0);
    CU_ASSERT_EQUAL(fama_ledger_result(ledger, 0, &result, NULL), 0);
    CU_ASSERT(result.count == 3 && memcmp(result.codes, codes, 3) == 0);
    CU_ASSERT(result.has_commit_hash && memcmp(result.commit_hash, commit_hash, 32) == 0);
    fama_ledger_result_clear(&result);
    CU_ASSERT_EQUAL(fama_ledger_result(ledger, 1, &result, NULL), FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_EQUAL(fama_ledger_block_by_hash(ledger, block.header_hash, &number, NULL), 0);
    CU_ASSERT_EQUAL(number, 0);
    CU_ASSERT_EQUAL(fama_ledger_block_by_hash(ledger, commit_hash, &number, NULL),
                    FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_EQUAL(fama_ledger_locate_txid(ledger, fama_bytes_of_text(long_id), &location, NULL),
                    0);
    CU_ASSERT(location.index == 1 && location.code == FAMA_TRANSACTION_MVCC_READ_CONFLICT);
    const struct fama_bytes ids[4] = {fama_bytes_of_text("none"), fama_bytes_of_text(long_id),
                                      fama_bytes(NULL, 0), fama_bytes_of_text("short")};
    bool known[4];
    CU_ASSERT_EQUAL(fama_ledger_known_txids(ledger, ids, 4, known, NULL), 0);
    CU_ASSERT(!known[0] && known[1] && !known[2] && known[3]);
    fama_ledger_close(ledger);
    synthetic_free(&block);
}

static const struct test_case cases[] = {
    TEST(test_committed_blocks_are_found_again_after_reopening),
    TEST(test_a_repeated_txid_stays_where_it_appeared_first),
    TEST(test_a_block_out_of_order_or_of_another_chain_is_refused),
    TEST(test_a_group_with_one_bad_block_leaves_no_trace),
    TEST(test_other_threads_never_see_half_a_commit),
    TEST(test_a_directory_that_cannot_be_is_explained),
    TEST(test_results_hashes_and_known_ids_are_kept),
    TEST(test_a_real_channel_is_kept_as_it_came),
};

int main(void)
{
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("ledger", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
