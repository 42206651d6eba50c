/* Memory that runs out while a good block is judged says nothing about the block: every allocation of our
 * own fails once, and no verdict may come of it. */
#include <string.h>

#include "ledger/committer.h"
#include "unit/made_chain.h"

#define ALLOCATIONS_MAX 100000
#define SIGNATURES      3 /* of the one transaction: its creator and two endorsers */
#define PATH_BYTES      128

/* The linker puts these in the place of those without the prefix (tests/CMakeLists.txt). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long until_failure = -1; /* allocations that still succeed; negative: all */

static bool fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

static struct made_chain made;
static struct fama_bytes first; /* block 1 */

/* Adds block 1 to a group of a new committer while the allocation after `spared` others fails. Whether one
 * did. */
static bool add_with_failure(struct fama_ledger *ledger, long spared)
{
    struct fama_error error = {{0}};
    struct fama_committer *committer = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_committer_create(ledger, NULL, &committer, &error), 0);
    struct fama_commit_group *group = fama_commit_group_create(committer);
    CU_ASSERT_PTR_NOT_NULL_FATAL(group);
    until_failure = spared;
    enum fama_block_refusal refusal = fama_commit_group_add(group, first, (struct fama_arrival){0});
    bool has_failed = until_failure < 0;
    until_failure = -1;
    if (refusal != FAMA_BLOCK_ACCEPTED && refusal != FAMA_BLOCK_NO_MEMORY) {
        fprintf(stderr, "allocation %ld: %s\n", spared, fama_block_refusal_name(refusal));
        CU_FAIL("a verdict for want of memory");
    }
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        CU_ASSERT_TRUE(has_failed);
        CU_ASSERT_EQUAL(fama_commit_group_count(group), 0);
        CU_ASSERT_EQUAL(fama_committer_next(committer), 1);
        CU_ASSERT_EQUAL(fama_commit_group_add(group, first, (struct fama_arrival){0}),
                        FAMA_BLOCK_ACCEPTED); /* later there is memory again */
    }
    size_t jobs = 0;
    CU_ASSERT_PTR_NOT_NULL(fama_commit_group_jobs(group, &jobs));
    CU_ASSERT_EQUAL(jobs, SIGNATURES); /* nobody's signature is left out */
    if (jobs != SIGNATURES) {
        fprintf(stderr, "allocation %ld: %zu signatures\n", spared, jobs);
    }
    fama_commit_group_destroy(group);
    fama_committer_destroy(committer);
    return has_failed;
}

static void test_no_verdict_comes_of_a_lack_of_memory(void)
{
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = NULL;
    struct fama_committer *committer = NULL;
    struct fama_commit_group *group = NULL;
    char folder[PATH_BYTES];
    (void)snprintf(folder, sizeof(folder), "%s/ledger", made.folder);
    CU_ASSERT_EQUAL_FATAL(fama_ledger_open(folder, &ledger, &error), 0);
    CU_ASSERT_EQUAL_FATAL(fama_committer_create(ledger, NULL, &committer, &error), 0);
    CU_ASSERT_EQUAL_FATAL(fama_committer_found(committer,
                                               fama_bytes(made.genesis_bytes, made.genesis_len),
                                               (struct fama_arrival){0}, &group, &error),
                          0);
    fama_commit_group_destroy(group);
    fama_committer_destroy(committer);
    long spared = 0;
    while (spared < ALLOCATIONS_MAX && add_with_failure(ledger, spared)) {
        spared++;
    }
    CU_ASSERT_TRUE(spared > 10);
    fama_ledger_close(ledger);
}

static void test_a_block_that_finds_no_memory_is_not_malformed(void)
{
    struct fama_block block;
    until_failure = 0;
    CU_ASSERT_EQUAL(fama_block_parse(first, &block), FAMA_BLOCK_NO_MEMORY);
    until_failure = -1;
    CU_ASSERT_PTR_NULL(block.envelopes);
    CU_ASSERT_STRING_EQUAL(fama_block_refusal_name(FAMA_BLOCK_NO_MEMORY), "no_memory");
    CU_ASSERT_PTR_NOT_NULL(strstr(fama_block_refusal_words(FAMA_BLOCK_NO_MEMORY), "memory"));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_no_verdict_comes_of_a_lack_of_memory),
        TEST(test_a_block_that_finds_no_memory_is_not_malformed),
    };
    struct fama_error error = {{0}};
    uint8_t *bytes = NULL;
    size_t len = 0;
    int result = EXIT_FAILURE;
    struct fama_chain_builder *builder =
        made_chain_create(&made) ? made_builder(&made, MADE_ORDERER) : NULL;
    if (builder == NULL || fama_chain_builder_next(builder, 1, 40, &bytes, &len, &error) != 0) {
        fprintf(stderr, "cannot make a chain: %s\n", error.text);
    } else {
        first = fama_bytes(bytes, len);
        result = run_suite("out_of_memory", cases, sizeof(cases) / sizeof(cases[0]));
    }
    free(bytes);
    fama_chain_builder_destroy(builder);
    made_chain_destroy(&made);
    return result;
}
