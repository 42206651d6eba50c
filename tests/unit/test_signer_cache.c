/* The identities remembered from block signatures: which, how many, and under many threads at once.
 */
#include "ledger/signer_cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "unit/made_chain.h"

#define VARIANTS   (FAMA_SIGNER_CACHE_ENTRIES + 8)
#define THREADS    4
#define ROUNDS     400
#define TEXT_BYTES 4096

static struct made_chain made;

/* The orderer's certificate with other text before its PEM block: another serialized identity of
 * one key. */
static struct fama_bytes variant(size_t number, char text[TEXT_BYTES])
{
    struct fama_bytes pem =
        fama_identity_id_bytes(fama_signer_identity(made.signers[MADE_ORDERER]));
    int len = snprintf(text, TEXT_BYTES, "copy %zu\n%.*s", number, (int)pem.len, pem.at);
    if (len < 0 || len >= TEXT_BYTES) {
        abort();
    }
    return fama_bytes(text, (size_t)len);
}

static struct fama_identity *decode(size_t number)
{
    char text[TEXT_BYTES];
    struct fama_identity *identity = NULL;
    const struct fama_msp *msp = made.msps[MADE_ORDERER];
    if (fama_msp_deserialize(msp, variant(number, text), &identity, NULL) != 0 ||
        fama_msp_validate(msp, identity, NULL) != 0) {
        abort();
    }
    return identity;
}

static struct fama_identity *recall(struct fama_signer_cache *cache, size_t number)
{
    char text[TEXT_BYTES];
    return fama_signer_cache_recall(cache, fama_bytes_of_text("OrdererMSP"), variant(number, text));
}

static void remember(struct fama_signer_cache *cache, size_t number)
{
    struct fama_identity *identity = decode(number);
    fama_signer_cache_remember(cache, identity);
    fama_identity_release(identity);
}

static void test_what_is_remembered_is_recalled_by_msp_and_certificate(void)
{
    struct fama_signer_cache *cache = fama_signer_cache_create();
    char text[TEXT_BYTES];
    CU_ASSERT_PTR_NOT_NULL_FATAL(cache);
    CU_ASSERT_PTR_NULL(recall(cache, 0));
    struct fama_identity *identity = decode(0);
    struct fama_identity *same = decode(0);
    fama_signer_cache_remember(cache, identity);
    fama_signer_cache_remember(cache, same); /* is there already */
    fama_identity_release(same);
    same = recall(cache, 0);
    CU_ASSERT_PTR_EQUAL(same, identity);
    fama_identity_release(same);
    CU_ASSERT_PTR_NULL(recall(cache, 1));
    CU_ASSERT_PTR_NULL(
        fama_signer_cache_recall(cache, fama_bytes_of_text("OtherMSP"), variant(0, text)));
    fama_signer_cache_destroy(cache);
    CU_ASSERT_STRING_EQUAL(fama_identity_mspid(identity), "OrdererMSP"); /* still ours */
    fama_identity_release(identity);
}

static void test_the_first_remembered_makes_room_at_the_limit(void)
{
    struct fama_signer_cache *cache = fama_signer_cache_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(cache);
    for (size_t i = 0; i < VARIANTS; i++) {
        remember(cache, i);
    }
    for (size_t i = 0; i < VARIANTS; i++) {
        struct fama_identity *identity = recall(cache, i);
        CU_ASSERT_EQUAL(identity != NULL, i >= VARIANTS - FAMA_SIGNER_CACHE_ENTRIES);
        fama_identity_release(identity);
    }
    fama_signer_cache_destroy(cache);
}

/* What several threads do at once; CUnit's assertions belong to one thread, so they only count. */
struct crowd {
    struct fama_signer_cache *cache;
    struct fama_channel_config *config;
    struct fama_identity *shared;
    struct fama_block block;
    pthread_barrier_t start;
    atomic_uint wrong;
};

struct member {
    struct crowd *crowd;
    size_t number;
    pthread_t thread;
};

/* More variants than entries, so that the cache forgets identities which other threads hold. */
static void *recall_and_remember(void *context)
{
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    (void)pthread_barrier_wait(&crowd->start);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t number = (round * 7 + member->number * 61) % VARIANTS;
        struct fama_identity *identity = recall(crowd->cache, number);
        if (identity == NULL) {
            identity = decode(number);
            fama_signer_cache_remember(crowd->cache, identity);
        }
        char text[TEXT_BYTES];
        if (!fama_bytes_equal(fama_identity_id_bytes(identity), variant(number, text)) ||
            strcmp(fama_identity_id(identity), fama_identity_id(crowd->shared)) != 0) {
            atomic_fetch_add(&crowd->wrong, 1);
        }
        fama_identity_release(identity);
        fama_identity_release(fama_identity_acquire(crowd->shared));
    }
    fama_identity_release(
        crowd->shared); /* each thread was given a reference; the last one frees */
    return NULL;
}

static void *judge_blocks(void *context)
{
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    (void)pthread_barrier_wait(&crowd->start);
    for (size_t round = 0; round < ROUNDS / 8; round++) {
        struct fama_channel_config *config = fama_channel_config_acquire(crowd->config);
        if (verify_signatures(config, &crowd->block) != FAMA_BLOCK_ACCEPTED) {
            atomic_fetch_add(&crowd->wrong, 1);
        }
        fama_channel_config_release(config);
    }
    fama_channel_config_release(crowd->config);
    return NULL;
}

static void run_crowd(struct crowd *crowd, void *(*run)(void *))
{
    struct member members[THREADS];
    CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&crowd->start, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){.crowd = crowd, .number = i};
        if (pthread_create(&members[i].thread, NULL, run, &members[i]) != 0) {
            abort(); /* the others would wait for it for ever */
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(members[i].thread, NULL);
    }
    (void)pthread_barrier_destroy(&crowd->start);
    CU_ASSERT_EQUAL(atomic_load(&crowd->wrong), 0);
}

static void test_threads_recall_remember_and_release_identities_at_once(void)
{
    struct crowd crowd = {.cache = fama_signer_cache_create(), .shared = decode(VARIANTS)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(crowd.cache);
    for (size_t i = 1; i < THREADS; i++) {
        (void)fama_identity_acquire(crowd.shared);
    }
    run_crowd(&crowd, recall_and_remember);
    fama_signer_cache_destroy(crowd.cache);
}

static void test_threads_judge_blocks_by_one_configuration_at_once(void)
{
    struct crowd crowd = {0};
    uint8_t *bytes;
    size_t len;
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 1, 64, &bytes, &len, NULL), 0);
    fama_chain_builder_destroy(builder);
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, len), &crowd.block),
                          FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&made.genesis, &crowd.config, NULL), 0);
    for (size_t i = 1; i < THREADS; i++) {
        (void)fama_channel_config_acquire(crowd.config);
    }
    run_crowd(&crowd, judge_blocks);
    fama_block_clear(&crowd.block);
    free(bytes);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_what_is_remembered_is_recalled_by_msp_and_certificate),
        TEST(test_the_first_remembered_makes_room_at_the_limit),
        TEST(test_threads_recall_remember_and_release_identities_at_once),
        TEST(test_threads_judge_blocks_by_one_configuration_at_once),
    };
    int status = made_chain_create(&made)
                     ? run_suite("signer_cache", cases, sizeof(cases) / sizeof(cases[0]))
                     : EXIT_FAILURE;
    made_chain_destroy(&made);
    return status;
}
