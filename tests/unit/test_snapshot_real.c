/* A real channel, committed from its genesis block and from a snapshot: the same bytes as real peers wrote. */
#include "ledger/snapshot.h"

#include "crypto/verifier.h"
#include "ledger/committer.h"
#include "unit/real_blocks.h"
#include "unit/usual_ledger.h"

#define CHANNEL "drivenet"
#define LAST    83
#define JOINED  48 /* a configuration block comes next */

static void must(int status, const struct fama_error *error)
{
    if (status != 0) {
        fprintf(stderr, "\n    unexpected: %s\n", error->text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

static void commit_group(struct fama_committer *committer, struct fama_verifier *verifier,
                         const struct fama_bytes *blocks, size_t count)
{
    struct fama_error error = {{0}};
    struct fama_commit_group *group = fama_commit_group_create(committer);
    CU_ASSERT_FATAL(group != NULL);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(fama_commit_group_add(group, blocks[i], (struct fama_arrival){0}), 0);
    }
    size_t jobs_count;
    size_t committed;
    struct fama_verify_job **jobs = fama_commit_group_jobs(group, &jobs_count);
    fama_verifier_run(verifier, jobs, jobs_count);
    must(fama_committer_commit(committer, group, &committed, &error), &error);
    CU_ASSERT_EQUAL(committed, count);
    fama_commit_group_destroy(group);
}

static void found(struct fama_committer *committer, struct fama_bytes genesis)
{
    struct fama_error error = {{0}};
    struct fama_commit_group *group;
    must(fama_committer_found(committer, genesis, (struct fama_arrival){0}, &group, &error),
         &error);
    fama_commit_group_destroy(group);
}

/* Commits the blocks that the ledger of a folder lacks, up to `last`. */
static void commit_to(const char *shared, const char *folder, uint64_t last)
{
    struct fama_error error = {{0}};
    struct fama_committer *committer;
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_verifier *verifier = fama_verifier_create();
    must(fama_committer_create(ledger, CHANNEL, &committer, &error), &error);
    for (uint64_t number = fama_committer_next(committer); number <= last; number++) {
        struct fama_bytes block = read_real_block(shared, CHANNEL, (size_t)number);
        CU_ASSERT_FATAL(block.len > 0);
        if (number == 0) {
            found(committer, block);
        } else {
            commit_group(committer, verifier, &block, 1);
        }
        free_bytes(block);
    }
    fama_committer_destroy(committer);
    fama_verifier_destroy(verifier);
    fama_ledger_close(ledger);
}

static struct fama_snapshot_metadata snapshot_of(const char *folder, const char *made)
{
    struct fama_error error = {{0}};
    struct fama_snapshot_metadata metadata;
    struct fama_ledger *ledger = open_or_explain(folder);
    must(fama_snapshot_create(ledger, made, NULL, &metadata, &error), &error);
    fama_ledger_close(ledger);
    return metadata;
}

/* What the real peers said of their own snapshot at this height. */
static void check_as_real(const char *shared, const struct fama_snapshot_metadata *metadata)
{
    char path[512];
    char text[FAMA_SHA256_TEXT_BYTES];
    json_t *root;
    (void)snprintf(path, sizeof path, "%s/fabric-data/state.json", shared);
    json_t *state = json_load_file(path, JSON_ALLOW_NUL, NULL);
    json_t *real = json_object_get(state, "snapshot_signable_metadata");
    char ours[FAMA_SNAPSHOT_TEXT_BYTES];
    size_t len = fama_snapshot_signable_text(metadata, ours);
    json_t *own = json_loadb(ours, len, 0, NULL);
    CU_ASSERT_FATAL(real != NULL && own != NULL);
    CU_ASSERT(json_equal(real, own));
    json_decref(own);
    json_decref(state);

    json_t *blocks = load_expected(shared, &real_chains[0], &root);
    json_t *last = json_array_get(blocks, LAST);
    fama_sha256_text(metadata->commit_hash, text);
    CU_ASSERT(metadata->has_commit_hash);
    CU_ASSERT_STRING_EQUAL(text, json_string_value(json_object_get(last, "commit_hash")));
    json_decref(root);
}

static void test_the_snapshot_of_a_real_channel_is_that_of_its_real_peers(void)
{
    const char *shared = shared_data_or_say_so("snapshots of a real channel");
    if (shared == NULL) {
        return;
    }
    char folder[PATH_BYTES];
    char made[PATH_BYTES];
    path_in(folder, scratch, "whole");
    path_in(made, scratch, "whole-snapshot");
    commit_to(shared, folder, JOINED - 1);
    char early[PATH_BYTES];
    path_in(early, scratch, "early-snapshot");
    (void)snapshot_of(folder, early);
    commit_to(shared, folder, LAST);
    struct fama_snapshot_metadata metadata = snapshot_of(folder, made);
    check_as_real(shared, &metadata);
}

static void test_a_ledger_joined_by_snapshot_ends_as_the_one_from_genesis(void)
{
    const char *shared = shared_data_or_say_so("joining a real channel by a snapshot");
    if (shared == NULL) {
        return;
    }
    char early[PATH_BYTES];
    char folder[PATH_BYTES];
    char made[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(early, scratch, "early-snapshot");
    path_in(folder, scratch, "joined");
    path_in(made, scratch, "joined-snapshot");
    must(fama_snapshot_import(early, folder, NULL, NULL, &error), &error);
    commit_to(shared, folder, LAST);
    struct fama_snapshot_metadata metadata = snapshot_of(folder, made);
    check_as_real(shared, &metadata);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_snapshot_of_a_real_channel_is_that_of_its_real_peers),
        TEST(test_a_ledger_joined_by_snapshot_ends_as_the_one_from_genesis),
    };
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("snapshots of a real channel", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
