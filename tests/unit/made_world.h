/* A channel with a state and a validator, into which a test puts definitions and from which it asks the
 * codes of blocks. */
#ifndef FAMA_TESTS_UNIT_MADE_WORLD_H
#define FAMA_TESTS_UNIT_MADE_WORLD_H

#include "ledger/mvcc.h"
#include "ledger/pack.h"
#include "ledger/prepared_block.h"
#include "ledger/transaction_builder.h"
#include "ledger/validation.h"
#include "unit/made_chain.h"
#include "unit/made_messages.h"

#define MADE_TRANSACTIONS 32

struct made_world {
    struct made_chain chain;
    struct fama_channel_config *config;
    struct fama_identity_cache *identities;
    struct fama_verifier *verifier;
    struct fama_state *state;
    struct fama_validator *validator;
    struct fama_arena arena;
    struct fama_error error;
    uint64_t number; /* of the next block */
    struct fama_bytes envelopes[MADE_TRANSACTIONS];
    bool is_known[MADE_TRANSACTIONS]; /* the transaction id stands in an earlier block */
    size_t count;
    uint8_t codes[MADE_TRANSACTIONS]; /* of the block judged last */
    bool reads_ahead;                 /* as the committer does */
};

/* The channel's application capability becomes `capability`, four letters like the V2_5 it stands for. */
static inline void made_world_set_capability(struct made_world *world, const char *capability)
{
    struct fama_block block;
    uint8_t *bytes = world->chain.genesis_bytes;
    size_t changed = 0;
    for (size_t i = 0; i + 4 <= world->chain.genesis_len; i++) {
        if (memcmp(bytes + i, "V2_5", 4) == 0) {
            memcpy(bytes + i, capability, 4);
            changed++;
        }
    }
    CU_ASSERT_EQUAL_FATAL(changed, 1);
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, world->chain.genesis_len), &block),
                          FAMA_BLOCK_ACCEPTED);
    int result = fama_channel_config_from_block(&block, &world->config, &world->error);
    fama_block_clear(&block);
    if (result != 0) {
        fprintf(stderr, "%s\n", world->error.text);
    }
    CU_ASSERT_EQUAL_FATAL(result, 0);
}

static inline void made_world_open(struct made_world *world, const char *capability)
{
    memset(world, 0, sizeof(*world));
    CU_ASSERT_FATAL(made_chain_create(&world->chain));
    made_world_set_capability(world, capability);
    fama_arena_init(&world->arena, (size_t)256 << 20);
    world->identities = fama_identity_cache_create();
    world->verifier = fama_verifier_create();
    world->state = fama_state_create(NULL);
    world->validator = fama_validator_create();
    CU_ASSERT_FATAL(world->identities != NULL && world->verifier != NULL && world->state != NULL &&
                    world->validator != NULL);
    world->number = 1;
    fama_state_begin_block(world->state, 0);
}

static inline void made_world_close(struct made_world *world)
{
    fama_validator_destroy(world->validator);
    fama_state_destroy(world->state);
    fama_verifier_destroy(world->verifier);
    fama_identity_cache_destroy(world->identities);
    fama_channel_config_release(world->config);
    fama_arena_clear(&world->arena);
    made_chain_destroy(&world->chain);
}

/* --- State --- */

static inline void made_world_put_name(struct made_world *world, const struct fama_state_name *name,
                                       struct fama_bytes value, struct fama_bytes metadata)
{
    const struct fama_state_entry entry = {
        .exists = true, .version = {.block = 0}, .value = value, .metadata = metadata};
    CU_ASSERT_EQUAL_FATAL(fama_state_put(world->state, name, &entry, &world->error), 0);
}

static inline void made_world_put(struct made_world *world, const char *space, const char *key,
                                  struct fama_bytes value)
{
    const struct fama_state_name name = {.space = text(space), .key = text(key)};
    made_world_put_name(world, &name, value, fama_bytes(NULL, 0));
}

/* A key whose metadata hold a policy of its own. */
static inline void made_world_put_key_policy(struct made_world *world, const char *space,
                                             const char *collection, const char *key,
                                             struct fama_bytes policy)
{
    const struct fama_state_name name = {.space = text(space),
                                         .collection = text(collection),
                                         .is_hashed = collection[0] != '\0',
                                         .key = text(key)};
    made_world_put_name(world, &name, text("value"), made_metadata_entry(&world->arena, 2, policy));
}

static inline void made_world_put_lifecycle(struct made_world *world, const char *chaincode,
                                            const char *field, struct fama_bytes data)
{
    char *key = fama_arena_take(&world->arena, 256);
    snprintf(key, 256, "namespaces/fields/%s/%s", chaincode, field);
    made_world_put(world, "_lifecycle", key, data);
}

/* A chaincode as 2.x defines it. */
static inline void made_world_define(struct made_world *world, const char *chaincode,
                                     const char *plugin, struct fama_bytes parameter,
                                     struct fama_bytes package)
{
    struct fama_arena *arena = &world->arena;
    char *key = fama_arena_take(arena, 256);
    snprintf(key, 256, "namespaces/metadata/%s", chaincode);
    made_world_put(world, "_lifecycle", key, made_field(arena, 1, text("ChaincodeDefinition")));
    made_world_put_lifecycle(world, chaincode, "Sequence", made_number(arena, 1, 1));
    made_world_put_lifecycle(world, chaincode, "EndorsementInfo",
                             made_field(arena, 2, made_field(arena, 1, text("1"))));
    made_world_put_lifecycle(world, chaincode, "ValidationInfo",
                             made_field(arena, 2,
                                        made_join(arena, made_field(arena, 1, text(plugin)),
                                                  made_field(arena, 2, parameter))));
    made_world_put_lifecycle(world, chaincode, "Collections", made_field(arena, 2, package));
}

static inline void made_world_instantiate(struct made_world *world, const char *chaincode,
                                          const char *version, struct fama_bytes policy)
{
    struct fama_bytes instantiation = made_policy(&world->arena, 0, "SipherMSP", NULL);
    made_world_put(
        world, "lscc", chaincode,
        made_chaincode_data(&world->arena, chaincode, version, "vscc", policy, instantiation));
}

/* --- Transactions --- */

#define ENDORSED_BY_NONE     0U
#define ENDORSED_BY_SIPHER   1U
#define ENDORSED_BY_WHITEBOX 2U
#define ENDORSED_BY_BOTH     3U

static inline void made_world_add_bytes(struct made_world *world, struct fama_bytes envelope)
{
    CU_ASSERT_FATAL(world->count < MADE_TRANSACTIONS);
    world->envelopes[world->count++] = envelope;
}

static inline void made_world_add_draft(struct made_world *world,
                                        const struct fama_transaction_draft *draft,
                                        unsigned int endorsed)
{
    struct fama_bytes envelope = {0};
    const struct fama_signer *endorsers[2];
    size_t count = 0;
    if ((endorsed & ENDORSED_BY_SIPHER) != 0) {
        endorsers[count++] = world->chain.signers[MADE_SIPHER];
    }
    if ((endorsed & ENDORSED_BY_WHITEBOX) != 0) {
        endorsers[count++] = world->chain.signers[MADE_WHITEBOX];
    }
    CU_ASSERT_EQUAL_FATAL(fama_transaction_build(draft, world->chain.signers[MADE_CLIENT],
                                                 endorsers, count, &world->arena, &envelope,
                                                 &world->error),
                          0);
    made_world_add_bytes(world, envelope);
}

static inline struct fama_transaction_draft made_draft(const char *chaincode,
                                                       struct fama_bytes results)
{
    return (struct fama_transaction_draft){
        .channel_id = MADE_CHANNEL,
        .seconds = 1,
        .chaincode = chaincode,
        .chaincode_version = "1",
        .results = results,
    };
}

/* An invocation of `chaincode` that has these namespaces in its read-write set. */
static inline void made_world_add(struct made_world *world, const char *chaincode,
                                  struct fama_bytes results, unsigned int endorsed)
{
    const struct fama_transaction_draft draft = made_draft(chaincode, results);
    made_world_add_draft(world, &draft, endorsed);
}

/* A namespace with one public write. */
static inline struct fama_bytes made_simple(struct made_world *world, const char *space,
                                            const char *key)
{
    return made_namespace(&world->arena, space, made_write(&world->arena, key, text("value")),
                          fama_bytes(NULL, 0));
}

/* Judges what was added as the next block; its transactions change nothing. Returns the result. */
static inline int made_world_judge(struct made_world *world)
{
    struct fama_prepared_block *prepared = NULL;
    struct fama_channel_config *next = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    const struct fama_pack_block block = {.number = world->number,
                                          .previous_hash = text("previous"),
                                          .envelopes = world->envelopes,
                                          .envelope_count = world->count};
    CU_ASSERT_FATAL(fama_pack_block(&block, &bytes, &len));
    CU_ASSERT_EQUAL_FATAL(fama_prepared_block_create(fama_bytes(bytes, len), world->config,
                                                     world->identities, &prepared, &world->error),
                          0);
    for (size_t i = 0; i < prepared->job_count; i++) {
        struct fama_verify_job *job = &prepared->jobs[i];
        if (job->verdict == FAMA_VERDICT_PENDING) {
            fama_verifier_run(world->verifier, &job, 1);
        }
    }
    for (size_t i = 0; i < prepared->count; i++) {
        prepared->transactions[i].is_known_txid = world->is_known[i];
    }
    if (world->reads_ahead) {
        CU_ASSERT_EQUAL_FATAL(fama_mvcc_prefetch(prepared, world->state, &world->error), 0);
    }
    fama_state_begin_block(world->state, world->number);
    int result = fama_validate(world->validator, prepared, world->state, &next, &world->error);
    memcpy(world->codes, prepared->codes, prepared->count);
    fama_channel_config_release(next);
    fama_prepared_block_destroy(prepared);
    free(bytes);
    world->count = 0;
    memset(world->is_known, 0, sizeof(world->is_known));
    world->number++;
    return result;
}

/* Judges, and asserts the codes given. */
#define ASSERT_CODES(world, ...)                                                                   \
    do {                                                                                           \
        const enum fama_transaction_code wanted[] = {__VA_ARGS__};                                 \
        const size_t wanted_count = sizeof(wanted) / sizeof(wanted[0]);                            \
        CU_ASSERT_EQUAL_FATAL((world)->count, wanted_count);                                       \
        int judged = made_world_judge(world);                                                      \
        if (judged != 0) {                                                                         \
            fprintf(stderr, "no verdict: %s\n", (world)->error.text);                              \
        }                                                                                          \
        CU_ASSERT_EQUAL_FATAL(judged, 0);                                                          \
        for (size_t at = 0; at < wanted_count; at++) {                                             \
            if ((world)->codes[at] != (uint8_t)wanted[at]) {                                       \
                fprintf(stderr, "\n%s:%d: transaction %zu: %s, not %s\n", __FILE__, __LINE__, at,  \
                        fama_transaction_code_name((world)->codes[at]),                            \
                        fama_transaction_code_name((uint8_t)wanted[at]));                          \
            }                                                                                      \
            CU_ASSERT_EQUAL((world)->codes[at], (uint8_t)wanted[at]);                              \
        }                                                                                          \
    } while (0)

#endif
