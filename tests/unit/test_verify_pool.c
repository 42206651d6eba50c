/* Signatures checked by threads: whatever their number and however many batches are under way, each job gets
 * its own verdict. */
#include "controlplane/verify_pool.h"

#include "unit/made_chain.h"
#include "unit/seed.h"

#define DIGESTS 16
#define BATCHES 12

static struct made_chain made;
static struct fama_signature good[DIGESTS];
static uint8_t digests[DIGESTS][FAMA_SHA256_BYTES];

static int make(void)
{
    if (!made_chain_create(&made)) {
        return -1;
    }
    for (size_t i = 0; i < DIGESTS; i++) {
        fama_sha256(fama_bytes(&i, sizeof i), digests[i]);
        if (fama_signer_sign_digest(made.signers[MADE_SIPHER], digests[i], &good[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

struct batch {
    struct fama_verify_job *jobs;
    struct fama_verify_job **list;
    size_t count;
    struct fama_pool_batch pool;
};

/* Every third job is wrong, and every fifth has its verdict already. */
static enum fama_verdict expected(size_t index)
{
    return index % 3 == 0 || index % 5 == 0 ? FAMA_VERDICT_BAD : FAMA_VERDICT_GOOD;
}

static void batch_make(struct batch *batch, size_t count)
{
    *batch = (struct batch){.count = count};
    batch->jobs = calloc(count + 1, sizeof batch->jobs[0]);
    batch->list = calloc(count + 1, sizeof batch->list[0]);
    CU_ASSERT_FATAL(batch->jobs != NULL && batch->list != NULL);
    for (size_t i = 0; i < count; i++) {
        struct fama_verify_job *job = &batch->jobs[i];
        job->key = fama_identity_key(fama_signer_identity(made.signers[MADE_SIPHER]));
        job->signature = good[i % DIGESTS];
        memcpy(job->digest, digests[i % DIGESTS], FAMA_SHA256_BYTES);
        job->digest[0] ^= i % 3 == 0;
        job->verdict = i % 5 == 0 ? FAMA_VERDICT_BAD : FAMA_VERDICT_PENDING;
        batch->list[i] = job;
    }
}

static void batch_check(struct batch *batch)
{
    size_t wrong = 0;
    for (size_t i = 0; i < batch->count; i++) {
        wrong += batch->jobs[i].verdict != expected(i);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(batch->jobs);
    free(batch->list);
}

static const unsigned thread_counts[] = {0, 1, 3};
#define THREAD_COUNTS (sizeof thread_counts / sizeof thread_counts[0])

static void test_each_job_gets_its_verdict(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 200};
    for (size_t t = 0; t < THREAD_COUNTS; t++) {
        struct fama_verify_pool *pool = fama_verify_pool_create(thread_counts[t]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
        CU_ASSERT_EQUAL(fama_verify_pool_busy_ns(pool), 0);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct batch batch;
            batch_make(&batch, sizes[i]);
            fama_verify_pool_begin(pool, &batch.pool, batch.list, batch.count);
            fama_verify_pool_finish(pool, &batch.pool);
            batch_check(&batch);
        }
        CU_ASSERT_TRUE(fama_verify_pool_busy_ns(pool) > 0);
        fama_verify_pool_destroy(pool);
    }
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static void test_batches_under_way_are_finished_in_any_order(void)
{
    uint64_t random = test_seed("order of batches");
    for (size_t t = 0; t < THREAD_COUNTS; t++) {
        struct fama_verify_pool *pool = fama_verify_pool_create(thread_counts[t]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
        struct batch batches[BATCHES];
        bool is_finished[BATCHES] = {false};
        for (size_t i = 0; i < BATCHES; i++) {
            batch_make(&batches[i], (size_t)draw(&random, 150));
            fama_verify_pool_begin(pool, &batches[i].pool, batches[i].list, batches[i].count);
        }
        for (size_t left = BATCHES; left > 0; left--) {
            size_t next = (size_t)draw(&random, BATCHES);
            while (is_finished[next]) {
                next = (next + 1) % BATCHES;
            }
            is_finished[next] = true;
            fama_verify_pool_finish(pool, &batches[next].pool);
            batch_check(&batches[next]);
        }
        fama_verify_pool_destroy(pool);
    }
}

static void test_a_batch_is_used_again_while_others_are_under_way(void)
{
    struct fama_verify_pool *pool = fama_verify_pool_create(3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
    struct batch flights[2];
    batch_make(&flights[0], 100);
    fama_verify_pool_begin(pool, &flights[0].pool, flights[0].list, flights[0].count);
    for (size_t i = 1; i <= 20; i++) {
        struct batch *next = &flights[i % 2];
        batch_make(next, 40 + i);
        fama_verify_pool_begin(pool, &next->pool, next->list, next->count);
        fama_verify_pool_finish(pool, &flights[(i + 1) % 2].pool);
        batch_check(&flights[(i + 1) % 2]);
    }
    fama_verify_pool_finish(pool, &flights[0].pool);
    batch_check(&flights[0]);
    fama_verify_pool_destroy(pool);
    fama_verify_pool_destroy(NULL);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_each_job_gets_its_verdict),
        TEST(test_batches_under_way_are_finished_in_any_order),
        TEST(test_a_batch_is_used_again_while_others_are_under_way),
    };
    if (make() != 0) {
        fprintf(stderr, "cannot make signatures\n");
        return EXIT_FAILURE;
    }
    int result = run_suite("verify pool", cases, sizeof cases / sizeof cases[0]);
    made_chain_destroy(&made);
    return result;
}
