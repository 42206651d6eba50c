/* A real channel, judged and committed; then its state lost and made again, blocks taken back and committed
 * once more, everything held against everything. */
#include <rocksdb/c.h>

#include "crypto/verifier.h"
#include "ledger/committer.h"
#include "ledger/history.h"
#include "ledger/ledger_rollback.h"
#include "ledger/ledger_verify.h"
#include "ledger/rebuild.h"
#include "ledger/state_store.h"
#include "ledger/store.h"
#include "unit/metadata_walk.h"
#include "unit/real_blocks.h"
#include "unit/usual_ledger.h"

#define BLOCKS 84

static const char *shared;

static int commit_group_of(struct fama_committer *committer, struct fama_verifier *verifier,
                           struct fama_bytes *files, size_t *at, size_t end,
                           struct fama_error *error)
{
    struct fama_commit_group *group = fama_commit_group_create(committer);
    CU_ASSERT_PTR_NOT_NULL_FATAL(group);
    while (*at < end && !fama_commit_group_is_closed(group) && fama_commit_group_count(group) < 7) {
        files[*at] = read_real_block(shared, "drivenet", *at);
        CU_ASSERT_EQUAL_FATAL(
            fama_commit_group_add(group, files[*at],
                                  (struct fama_arrival){.path = FAMA_ARRIVAL_SOURCE}),
            FAMA_BLOCK_ACCEPTED);
        (*at)++;
    }
    size_t jobs;
    struct fama_verify_job **all = fama_commit_group_jobs(group, &jobs);
    fama_verifier_run(verifier, all, jobs);
    size_t committed;
    int status = fama_committer_commit(committer, group, &committed, error);
    fama_commit_group_destroy(group);
    return status;
}

/* Commits the real blocks from the ledger's height to `end`. */
static void commit_real(struct fama_ledger *ledger, size_t end)
{
    static struct fama_bytes files[BLOCKS];
    struct fama_error error = {{0}};
    struct fama_committer *committer = NULL;
    struct fama_verifier *verifier = fama_verifier_create();
    int status = fama_committer_create(ledger, NULL, &committer, &error);
    size_t at = (size_t)height_of(ledger);
    if (status == 0 && at == 0) {
        struct fama_commit_group *group = NULL;
        files[0] = read_real_block(shared, "drivenet", 0);
        status =
            fama_committer_found(committer, files[0], (struct fama_arrival){0}, &group, &error);
        fama_commit_group_destroy(group);
        at = 1;
    }
    while (status == 0 && at < end) {
        status = commit_group_of(committer, verifier, files, &at, end, &error);
    }
    if (status != 0) {
        fprintf(stderr, "\n    %s\n", error.text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    fama_committer_destroy(committer);
    fama_verifier_destroy(verifier);
    for (size_t i = 0; i < BLOCKS; i++) {
        free_bytes(files[i]);
        files[i] = (struct fama_bytes){0};
    }
}

static int verify(struct fama_ledger *ledger, struct fama_error *error)
{
    char second[PATH_BYTES];
    path_in(second, scratch, "second");
    const struct fama_ledger_verify job = {.ledger = ledger, .scratch = second};
    int status = fama_ledger_verify(&job, error);
    remove_folder(second);
    return status;
}

static void expect_sound(struct fama_ledger *ledger)
{
    struct fama_error error = {{0}};
    int status = verify(ledger, &error);
    if (status != 0) {
        fprintf(stderr, "\n    %s\n", error.text);
    }
    CU_ASSERT_EQUAL(status, 0);
    (void)walk_metadata(ledger);
}

static void expect_same_info(const struct fama_ledger *ledger, const struct fama_ledger_info *sound)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    CU_ASSERT_EQUAL(info.height, sound->height);
    CU_ASSERT_EQUAL(info.state_height, sound->state_height);
    CU_ASSERT(memcmp(info.last_hash, sound->last_hash, FAMA_SHA256_BYTES) == 0);
    CU_ASSERT(info.has_commit_hash && sound->has_commit_hash);
    CU_ASSERT(memcmp(info.commit_hash, sound->commit_hash, FAMA_SHA256_BYTES) == 0);
}

static struct fama_ledger *real_ledger(const char *name, char folder[PATH_BYTES],
                                       struct fama_ledger_info *info)
{
    path_in(folder, scratch, name);
    struct fama_ledger *ledger = open_or_explain(folder);
    commit_real(ledger, BLOCKS);
    fama_ledger_info(ledger, info);
    CU_ASSERT_EQUAL(info->state_height, BLOCKS);
    return ledger;
}

static bool stop_at_20(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)total;
    return done < 20;
}

static void test_a_state_made_again_is_the_one_that_was_lost(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_ledger *ledger = real_ledger("rebuilt", folder, &info);
    expect_sound(ledger);
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(fama_ledger_rebuild_state(ledger, stop_at_20, NULL, &error),
                    FAMA_LEDGER_STOPPED);
    fama_ledger_close(ledger);
    ledger = open_or_explain(folder);
    struct fama_ledger_info half;
    fama_ledger_info(ledger, &half);
    CU_ASSERT(half.state_height >= 20 && half.height == BLOCKS);
    CU_ASSERT(half.state_height == BLOCKS || verify(ledger, &error) == FAMA_LEDGER_STATE_BEHIND);
    CU_ASSERT_EQUAL(fama_ledger_catch_up_state(ledger, NULL, NULL, &error), 0);
    expect_same_info(ledger, &info);
    expect_sound(ledger);
    fama_ledger_close(ledger);
}

static void test_blocks_taken_back_can_be_committed_again(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_ledger *ledger = real_ledger("cut", folder, &info);
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(fama_ledger_rollback(ledger, BLOCKS, NULL, NULL, &error),
                    FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_EQUAL(fama_ledger_rollback(ledger, 40, NULL, NULL, &error), 0);
    CU_ASSERT_EQUAL(height_of(ledger), 41);
    fama_ledger_close(ledger);
    ledger = open_or_explain(folder);
    CU_ASSERT_EQUAL(height_of(ledger), 41);
    CU_ASSERT_EQUAL(fama_ledger_catch_up_state(ledger, NULL, NULL, &error), 0);
    expect_sound(ledger);
    commit_real(ledger, BLOCKS);
    expect_same_info(ledger, &info);
    expect_sound(ledger);
    fama_ledger_close(ledger);
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    uint64_t *told = context;
    told[0] = done;
    told[1] = total;
    return false;
}

static void test_a_rollback_that_was_stopped_goes_on_at_opening(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_ledger *ledger = real_ledger("stopped", folder, &info);
    struct fama_error error = {{0}};
    uint64_t told[2] = {0};
    CU_ASSERT_EQUAL(fama_ledger_rollback(ledger, 4, stop_at_once, told, &error),
                    FAMA_LEDGER_STOPPED);
    CU_ASSERT(told[0] > 0 && told[0] < told[1]);
    CU_ASSERT_EQUAL(told[1], BLOCKS - 5);
    CU_ASSERT_EQUAL(height_of(ledger), BLOCKS - told[0]);
    fama_ledger_close(ledger);
    ledger = open_or_explain(folder);
    CU_ASSERT_EQUAL(height_of(ledger), 5);
    CU_ASSERT_EQUAL(fama_ledger_catch_up_state(ledger, NULL, NULL, &error), 0);
    expect_sound(ledger);
    fama_ledger_close(ledger);
}

/* Writes or deletes a key behind the ledger's back. */
static void meddle_with(const char *folder, enum fama_store_family family, struct fama_bytes key,
                        struct fama_bytes value)
{
    struct fama_store store;
    struct fama_error error;
    CU_ASSERT_EQUAL_FATAL(fama_store_open(folder, &store, &error), 0);
    char *message = NULL;
    rocksdb_put_cf(store.db, store.synced, store.families[family], (const char *)key.at, key.len,
                   (const char *)value.at, value.len, &message);
    CU_ASSERT_PTR_NULL(message);
    fama_store_close(&store);
}

static void test_a_changed_state_is_found_and_a_void_one_noticed(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_error error = {{0}};
    fama_ledger_close(real_ledger("meddled", folder, &info));
    meddle_with(folder, FAMA_STORE_STATE, fama_bytes("nobody\0key", 10),
                fama_bytes("\1\1\0\0value", 9));
    struct fama_ledger *ledger = open_or_explain(folder);
    CU_ASSERT_EQUAL(verify(ledger, &error), FAMA_LEDGER_CORRUPT);
    CU_ASSERT(strstr(error.text, "'nobody'") != NULL && strstr(error.text, "rebuild") != NULL);
    CU_ASSERT(strstr(error.text, " key 6b6579 ") != NULL);
    fama_ledger_close(ledger);
    meddle_with(folder, FAMA_STORE_HISTORY, fama_bytes("", 0), fama_bytes("\0\0\0\0\0\0\0\7", 8));
    ledger = open_or_explain(folder);
    struct fama_ledger_info found;
    fama_ledger_info(ledger, &found);
    CU_ASSERT_EQUAL(found.state_height, 0);
    CU_ASSERT_EQUAL(fama_ledger_catch_up_state(ledger, NULL, NULL, &error), 0);
    expect_same_info(ledger, &info);
    expect_sound(ledger);
    fama_ledger_close(ledger);
}

static void remove_table(const char *path, const char *name, void *context)
{
    const char *wanted = context;
    if (strcmp(name, wanted) == 0) {
        CU_ASSERT(unlink(path) == 0);
    }
}

/* Removes the largest table file of a family. */
static void remove_table_of(const char *folder, const char *family)
{
    struct fama_store store;
    struct fama_error error;
    CU_ASSERT_EQUAL_FATAL(fama_store_open(folder, &store, &error), 0);
    const rocksdb_livefiles_t *files = rocksdb_livefiles(store.db);
    char wanted[64] = "";
    size_t largest = 0;
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        if (strcmp(rocksdb_livefiles_column_family_name(files, i), family) == 0 &&
            rocksdb_livefiles_size(files, i) > largest) {
            largest = rocksdb_livefiles_size(files, i);
            (void)snprintf(wanted, sizeof wanted, "%s", rocksdb_livefiles_name(files, i) + 1);
        }
    }
    rocksdb_livefiles_destroy(files);
    fama_store_close(&store);
    CU_ASSERT(largest > 0);
    each_file(folder, remove_table, wanted);
}

static void test_lost_files_of_the_state_cost_a_rebuild_and_no_blocks(void)
{
    if (shared == NULL) {
        return;
    }
    static const char *const families[] = {"state", "history"};
    for (size_t i = 0; i < 2; i++) {
        char folder[PATH_BYTES];
        struct fama_ledger_info info;
        struct fama_error error = {{0}};
        fama_ledger_close(real_ledger(families[i], folder, &info));
        remove_table_of(folder, families[i]);
        struct fama_ledger *ledger = open_or_explain(folder);
        struct fama_ledger_info found;
        fama_ledger_info(ledger, &found);
        CU_ASSERT_EQUAL(found.height, BLOCKS);
        CU_ASSERT_EQUAL(found.state_height, 0);
        CU_ASSERT_EQUAL(fama_ledger_catch_up_state(ledger, NULL, NULL, &error), 0);
        expect_same_info(ledger, &info);
        expect_sound(ledger);
        fama_ledger_close(ledger);
    }
}

static void test_lost_files_of_the_blocks_are_not_made_up_for(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_ledger *ledger = NULL;
    fama_ledger_close(real_ledger("blockless", folder, &info));
    remove_table_of(folder, "state");
    remove_table_of(folder, "blocks");
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(fama_ledger_open(folder, &ledger, &error), FAMA_LEDGER_CORRUPT);
    CU_ASSERT(strstr(error.text, "damaged") != NULL);
}

static void test_the_mark_of_a_rollback_is_obeyed_at_opening(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    fama_ledger_close(real_ledger("marked", folder, &info));
    meddle_with(folder, FAMA_STORE_META, fama_bytes_of_text("rollback"),
                fama_bytes("\0\0\0\0\0\0\0\12", 8));
    for (int round = 0; round < 2; round++) {
        struct fama_ledger *ledger = open_or_explain(folder);
        CU_ASSERT_EQUAL(height_of(ledger), 10);
        struct fama_ledger_info found;
        fama_ledger_info(ledger, &found);
        CU_ASSERT_EQUAL(found.state_height, 0);
        fama_ledger_close(ledger);
    }
}

/* Every version of a key, one way and the other. */
static void test_history_runs_both_ways_and_ends_in_the_state(void)
{
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    struct fama_ledger_info info;
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = real_ledger("history", folder, &info);
    struct fama_state_cursor *cursor = NULL;
    const struct fama_bytes all = {0};
    CU_ASSERT_EQUAL_FATAL(
        fama_state_cursor_open(fama_ledger_state(ledger), all, all, &cursor, &error), 0);
    struct fama_bytes key;
    struct fama_state_entry entry;
    size_t keys = 0;
    size_t longest = 0;
    while (fama_state_cursor_next(cursor, &key, &entry, &error) == 1) {
        const uint8_t *zero = memchr(key.at, 0, key.len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(zero);
        struct fama_bytes space = fama_bytes(key.at, (size_t)(zero - key.at));
        struct fama_bytes rest = fama_bytes(zero + 1, key.len - space.len - 1);
        struct fama_history_cursor *up = NULL;
        struct fama_history_cursor *down = NULL;
        CU_ASSERT_EQUAL_FATAL(
            fama_history_open(ledger, space, rest, FAMA_HISTORY_OLDEST_FIRST, &up, &error), 0);
        CU_ASSERT_EQUAL_FATAL(
            fama_history_open(ledger, space, rest, FAMA_HISTORY_NEWEST_FIRST, &down, &error), 0);
        struct fama_version version;
        struct fama_version last = {0};
        size_t count = 0;
        while (fama_history_next(up, &version, &error) == 1) {
            CU_ASSERT(count == 0 || version.block > last.block ||
                      (version.block == last.block && version.transaction > last.transaction));
            last = version;
            count++;
        }
        CU_ASSERT(count == 0 || (fama_history_next(down, &version, &error) == 1 &&
                                 fama_version_equal(version, last)));
        for (size_t i = 1; i < count; i++) {
            CU_ASSERT_EQUAL(fama_history_next(down, &version, &error), 1);
        }
        CU_ASSERT_EQUAL(fama_history_next(down, &version, &error), 0);
        keys += count > 0;
        longest = count > longest ? count : longest;
        fama_history_close(up);
        fama_history_close(down);
    }
    fprintf(stderr, "\n    %zu keys with a history, of up to %zu versions\n    ", keys, longest);
    CU_ASSERT(keys > 100 && longest > 1);
    fama_state_cursor_close(cursor);
    fama_ledger_close(ledger);
}

static const struct test_case cases[] = {
    TEST(test_a_state_made_again_is_the_one_that_was_lost),
    TEST(test_blocks_taken_back_can_be_committed_again),
    TEST(test_a_rollback_that_was_stopped_goes_on_at_opening),
    TEST(test_a_changed_state_is_found_and_a_void_one_noticed),
    TEST(test_lost_files_of_the_state_cost_a_rebuild_and_no_blocks),
    TEST(test_lost_files_of_the_blocks_are_not_made_up_for),
    TEST(test_the_mark_of_a_rollback_is_obeyed_at_opening),
    TEST(test_history_runs_both_ways_and_ends_in_the_state),
};

int main(void)
{
    shared = shared_data_or_say_so("a real channel rebuilt and taken back");
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("rebuild", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
