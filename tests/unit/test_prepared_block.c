/* Blocks made ready for judgement: who signed what, which signatures are worth verifying, and how much
 * memory a block can make us take. */
#include "ledger/prepared_block.h"

#include "ledger/envelope.h"
#include "ledger/pack.h"
#include "ledger/transaction_builder.h"
#include "unit/made_chain.h"
#include "unit/made_transaction.h"
#include "unit/real_blocks.h"

#define ENVELOPES_MAX 8

static struct made_chain chain;
static struct fama_channel_config *config;
static struct fama_identity_cache *cache;
static struct fama_verifier *verifier;

/* A block under way, and what came of it. */
static struct fama_arena arena;
static struct fama_bytes envelopes[ENVELOPES_MAX];
static size_t envelope_count;
static uint8_t *block_bytes;
static struct fama_prepared_block *prepared;

static void finish(void)
{
    fama_prepared_block_destroy(prepared);
    prepared = NULL;
    free(block_bytes);
    block_bytes = NULL;
    fama_arena_clear(&arena);
    envelope_count = 0;
}

static void add(struct fama_bytes envelope)
{
    envelopes[envelope_count++] = envelope;
}

static struct fama_bytes transaction_by(enum made_member client, const char *channel,
                                        const struct fama_signer *const *endorsers, size_t count)
{
    struct fama_error error = {{0}};
    struct fama_bytes envelope = {0};
    const struct fama_transaction_draft draft = {
        .channel_id = channel, .seconds = 1, .chaincode = "kv", .chaincode_version = "1.0"};
    if (arena.left == 0) {
        fama_arena_init(&arena, 1u << 20);
    }
    CU_ASSERT_EQUAL_FATAL(fama_transaction_build(&draft, chain.signers[client], endorsers, count,
                                                 &arena, &envelope, &error),
                          0);
    return envelope;
}

static struct fama_bytes usual_transaction(void)
{
    return transaction_by(MADE_CLIENT, MADE_CHANNEL, chain.endorsers, 2);
}

static void run_jobs(struct fama_prepared_block *block)
{
    for (size_t i = 0; i < block->job_count; i++) {
        struct fama_verify_job *job = &block->jobs[i];
        if (job->verdict == FAMA_VERDICT_PENDING) {
            fama_verifier_run(verifier, &job, 1);
        }
    }
}

static void prepare(void)
{
    struct fama_error error = {{0}};
    size_t len = 0;
    const struct fama_pack_block block = {
        .number = 1, .envelopes = envelopes, .envelope_count = envelope_count};
    CU_ASSERT_FATAL(fama_pack_block(&block, &block_bytes, &len));
    CU_ASSERT_EQUAL_FATAL(
        fama_prepared_block_create(fama_bytes(block_bytes, len), config, cache, &prepared, &error),
        0);
    CU_ASSERT_EQUAL_FATAL(prepared->count, envelope_count);
    run_jobs(prepared);
}

static bool is_creator_good(size_t index)
{
    return fama_prepared_signature_is_good(&prepared->transactions[index].creator);
}

static bool is_endorser_good(size_t index, size_t endorser)
{
    return fama_prepared_signature_is_good(&prepared->transactions[index].endorsements[endorser]);
}

static void test_each_good_signature_is_found_good(void)
{
    add(usual_transaction());
    add(usual_transaction());
    prepare();
    CU_ASSERT_EQUAL(prepared->job_count, 6);
    for (size_t i = 0; i < prepared->count; i++) {
        const struct fama_prepared_transaction *transaction = &prepared->transactions[i];
        CU_ASSERT_EQUAL_FATAL(transaction->decoded.endorsement_count, 2);
        CU_ASSERT(is_creator_good(i) && is_endorser_good(i, 0) && is_endorser_good(i, 1));
        CU_ASSERT_STRING_EQUAL(fama_identity_mspid(transaction->endorsements[1].identity),
                               "WhiteBoxMSP");
        CU_ASSERT_EQUAL(prepared->codes[i], FAMA_TRANSACTION_NOT_VALIDATED);
        CU_ASSERT(!transaction->is_known_txid);
    }
    CU_ASSERT_PTR_EQUAL(prepared->transactions[0].creator.identity,
                        prepared->transactions[1].creator.identity);
    CU_ASSERT_PTR_EQUAL(prepared->config, config);
    finish();
}

static void test_members_of_the_orderers_organisation_may_create(void)
{
    add(transaction_by(MADE_ORDERER, MADE_CHANNEL, chain.endorsers, 2));
    prepare();
    CU_ASSERT(is_creator_good(0));
    finish();
}

static void test_nobody_outside_the_channels_msps_creates(void)
{
    add(transaction_by(MADE_STRANGER, MADE_CHANNEL, chain.endorsers, 2));
    prepare();
    CU_ASSERT_PTR_NULL(prepared->transactions[0].creator.identity);
    CU_ASSERT(!is_creator_good(0) && !is_endorser_good(0, 0));
    CU_ASSERT_EQUAL(prepared->transactions[0].decoded.endorsement_count, 2);
    CU_ASSERT_EQUAL(prepared->job_count, 0);
    finish();
}

static void test_a_creator_is_looked_up_in_the_channel_that_is_named(void)
{
    add(transaction_by(MADE_CLIENT, "othernet", chain.endorsers, 2));
    add(transaction_by(MADE_CLIENT, "", chain.endorsers, 2));
    prepare();
    CU_ASSERT_PTR_NULL(prepared->transactions[0].creator.identity);
    CU_ASSERT_PTR_NULL(prepared->transactions[1].creator.identity);
    CU_ASSERT_EQUAL(prepared->job_count, 0);
    finish();
}

static void test_an_endorser_without_an_msp_leaves_the_others_alone(void)
{
    const struct fama_signer *endorsers[] = {chain.signers[MADE_STRANGER],
                                             chain.signers[MADE_WHITEBOX]};
    add(transaction_by(MADE_CLIENT, MADE_CHANNEL, endorsers, 2));
    prepare();
    CU_ASSERT(is_creator_good(0));
    CU_ASSERT_PTR_NULL(prepared->transactions[0].endorsements[0].identity);
    CU_ASSERT(!is_endorser_good(0, 0) && is_endorser_good(0, 1));
    CU_ASSERT_EQUAL(prepared->job_count, 2);
    finish();
}

/* The envelope with another signature. */
static struct fama_bytes resigned(struct fama_bytes envelope, struct fama_bytes signature)
{
    static struct written message;
    struct fama_envelope parts;
    CU_ASSERT_FATAL(fama_envelope_decode(envelope, &parts));
    message.len = 0;
    write_bytes(&message, 1, parts.payload);
    write_bytes(&message, 2, signature);
    return bytes_of(&message);
}

static void test_a_signature_that_cannot_be_one_needs_no_curve(void)
{
    add(resigned(usual_transaction(), fama_bytes_of_text("not DER")));
    prepare();
    CU_ASSERT_PTR_NOT_NULL(prepared->transactions[0].creator.identity);
    CU_ASSERT(!is_creator_good(0));
    CU_ASSERT_EQUAL(prepared->job_count, 1);
    CU_ASSERT_PTR_NULL(prepared->transactions[0].endorsements[0].job);
    finish();
}

static void test_a_signature_that_is_absent_is_not_good(void)
{
    add(resigned(usual_transaction(), fama_bytes(NULL, 0)));
    prepare();
    CU_ASSERT(!is_creator_good(0));
    CU_ASSERT_EQUAL(prepared->job_count, 0);
    finish();
}

/* The signature of another transaction by the same client. */
static void test_a_signature_of_something_else_is_bad(void)
{
    struct fama_envelope other;
    CU_ASSERT_FATAL(fama_envelope_decode(usual_transaction(), &other));
    add(resigned(usual_transaction(), other.signature));
    prepare();
    CU_ASSERT(!is_creator_good(0));
    CU_ASSERT_PTR_NOT_NULL_FATAL(prepared->transactions[0].creator.job);
    CU_ASSERT_EQUAL(prepared->transactions[0].creator.job->verdict, FAMA_VERDICT_BAD);
    CU_ASSERT(is_endorser_good(0, 0) && is_endorser_good(0, 1));
    finish();
}

static void test_entries_that_are_nothing_are_kept_and_cost_no_signature(void)
{
    static struct made_transaction strange;
    add(fama_bytes_of_text("\xff"));
    add(fama_bytes(NULL, 0));
    add(made_envelope(&strange)); /* sound, by somebody called "creator" */
    prepare();
    CU_ASSERT_EQUAL(prepared->job_count, 0);
    CU_ASSERT_EQUAL(prepared->transactions[0].decoded.header_code,
                    FAMA_TRANSACTION_INVALID_OTHER_REASON);
    CU_ASSERT_EQUAL(prepared->transactions[1].decoded.header_code,
                    FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT_EQUAL(prepared->transactions[2].decoded.body_code, FAMA_TRANSACTION_VALID);
    finish();
    prepare(); /* a block without entries */
    CU_ASSERT_EQUAL(prepared->job_count, 0);
    finish();
}

static void test_bytes_that_are_no_block_are_refused_by_name(void)
{
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(fama_prepared_block_create(fama_bytes_of_text("no block"), config, cache,
                                               &prepared, &error),
                    FAMA_PREPARED_BLOCK_MALFORMED);
    CU_ASSERT_PTR_NULL(prepared);
    CU_ASSERT(strlen(error.text) > 0);
    fama_prepared_block_destroy(NULL);
}

/* `count` fields of two bytes each inside these layers: field numbers, outermost first. */
static size_t nest(uint8_t *bytes, size_t room, size_t count, uint8_t tag, const uint32_t *fields,
                   size_t depth)
{
    size_t len = 2 * count;
    size_t at = room - len;
    for (size_t i = 0; i < count; i++) {
        bytes[at + 2 * i] = tag;
        bytes[at + 2 * i + 1] = 0;
    }
    for (size_t i = depth; i-- > 0;) {
        struct written head = {.len = 0};
        write_tag(&head, fields[i], 2);
        write_number(&head, len);
        at -= head.len;
        memcpy(bytes + at, head.at, head.len);
        len += head.len;
    }
    memmove(bytes, bytes + at, len);
    return len;
}

/* A node that runs out of memory stops; so no bytes may get there by being many and small. */
static void test_no_block_exhausts_what_is_set_aside_for_it(void)
{
    static const uint32_t entries[] = {2};
    struct written header = {.len = 0};
    struct written empty = {.len = 0};
    const size_t room = (4u << 20) + 64;
    uint8_t *bytes = malloc(room);
    struct fama_error error = {{0}};
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    write_message(&header, 1, &empty);
    memcpy(bytes, header.at, header.len);
    size_t count = FAMA_BLOCK_TRANSACTIONS_MAX / 8;
    size_t len = header.len + nest(bytes + header.len, room - header.len, count, 0x0a, entries, 1);
    CU_ASSERT_EQUAL_FATAL(
        fama_prepared_block_create(fama_bytes(bytes, len), config, cache, &prepared, &error), 0);
    CU_ASSERT_EQUAL(prepared->count, count);
    fama_prepared_block_destroy(prepared);
    prepared = NULL;
    free(bytes);
}

/* As many empty endorsements as fit, in an otherwise sound transaction of a member. */
static void test_many_endorsements_of_nobody_fit_into_memory(void)
{
    static const uint32_t fields[] = {2, 2}; /* action, which comes twice, and is merged */
    const size_t count = 100000;
    const size_t room = 2 * count + 64;
    static struct made_transaction strange;
    uint8_t *bytes = malloc(2 * room + 65536);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    made_envelope(&strange);
    /* The layers above, too large for the writer, are put around by hand. */
    struct written start = strange.at[LAYER_ACTION_PAYLOAD];
    memcpy(bytes, start.at, start.len);
    size_t len = start.len + nest(bytes + start.len, room, count, 0x12, fields, 1);
    static const enum layer around[] = {LAYER_ACTION_HEADER, LAYERS, LAYER_HEADER, LAYERS};
    static const uint32_t numbers[] = {2, 1, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        struct written head = {.len = 0};
        if (around[i] != LAYERS) {
            write_message(&head, 1, &strange.at[around[i]]);
        }
        write_tag(&head, numbers[i], 2);
        write_number(&head, len);
        memmove(bytes + head.len, bytes, len);
        memcpy(bytes, head.at, head.len);
        len += head.len;
    }
    add(fama_bytes(bytes, len));
    prepare();
    CU_ASSERT_EQUAL(prepared->transactions[0].decoded.body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(prepared->transactions[0].decoded.endorsement_count, count + 1);
    finish();
    free(bytes);
}

static struct fama_bytes serialized(enum made_member member)
{
    if (arena.left == 0) {
        fama_arena_init(&arena, 1u << 20);
    }
    return fama_transaction_creator(chain.signers[member], &arena);
}

static struct fama_identity *find(struct fama_identity_cache *from,
                                  struct fama_channel_config *channel, struct fama_bytes bytes)
{
    struct fama_identity *identity = NULL;
    CU_ASSERT_EQUAL(fama_identity_cache_find(from, channel, bytes, &identity), 0);
    return identity;
}

static void test_the_cache_answers_with_the_same_identity(void)
{
    struct fama_bytes bytes = serialized(MADE_CLIENT);
    struct fama_identity *first = find(cache, config, bytes);
    struct fama_identity *again = find(cache, config, bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_EQUAL(first, again);
    CU_ASSERT_STRING_EQUAL(fama_identity_mspid(first), "SipherMSP");
    fama_identity_release(first);
    fama_identity_release(again);
    CU_ASSERT_PTR_NULL(find(cache, config, fama_bytes(NULL, 0)));
    CU_ASSERT_PTR_NULL(find(cache, config, fama_bytes(NULL, 0)));
    CU_ASSERT_PTR_NULL(find(cache, config, serialized(MADE_STRANGER)));
    finish();
}

static void test_an_msp_is_named_by_all_of_its_name(void)
{
    struct fama_serialized_identity parts;
    struct written named = {.len = 0};
    CU_ASSERT_FATAL(fama_serialized_identity_decode(serialized(MADE_CLIENT), &parts));
    write_bytes(&named, 1, fama_bytes("SipherMSP\0", 10));
    write_bytes(&named, 2, parts.id_bytes);
    CU_ASSERT_PTR_NULL(find(cache, config, bytes_of(&named)));
    named.len = 0;
    write_text(&named, 1, "SipherMS");
    write_bytes(&named, 2, parts.id_bytes);
    CU_ASSERT_PTR_NULL(find(cache, config, bytes_of(&named)));
    finish();
}

/* Other encodings of one identity, far more than the cache has room for. */
static void test_endless_encodings_push_out_and_come_back(void)
{
    struct fama_bytes client = serialized(MADE_CLIENT);
    struct fama_identity *first = find(cache, config, client);
    for (uint32_t i = 0; i < 64 * FAMA_IDENTITY_CACHE_SETS; i++) {
        struct written garbage = {.len = 0};
        write_varint(&garbage, 1000, i); /* no MSP id at all: cheap */
        CU_ASSERT_PTR_NULL_FATAL(find(cache, config, bytes_of(&garbage)));
    }
    struct fama_identity *later = find(cache, config, client);
    CU_ASSERT_PTR_NOT_NULL_FATAL(later);
    CU_ASSERT(first != later); /* pushed out: some 64 came into its set of eight */
    CU_ASSERT_STRING_EQUAL(fama_identity_id(first), fama_identity_id(later));
    fama_identity_release(first);
    fama_identity_release(later);
    finish();
}

static void test_long_encodings_are_decoded_without_being_remembered(void)
{
    struct fama_bytes client = serialized(MADE_CLIENT);
    uint8_t *bytes = calloc(1, client.len + FAMA_IDENTITY_CACHE_BYTES_MAX + 64);
    struct written head = {.len = 0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, client.at, client.len);
    write_tag(&head, 1000, 2);
    write_number(&head, FAMA_IDENTITY_CACHE_BYTES_MAX);
    memcpy(bytes + client.len, head.at, head.len);
    struct fama_bytes padded =
        fama_bytes(bytes, client.len + head.len + FAMA_IDENTITY_CACHE_BYTES_MAX);
    struct fama_identity *first = find(cache, config, padded);
    struct fama_identity *second = find(cache, config, padded);
    CU_ASSERT(first != NULL && second != NULL && first != second);
    fama_identity_release(first);
    fama_identity_release(second);
    free(bytes);
    finish();
}

static void test_another_configuration_starts_anew(void)
{
    struct fama_channel_config *other = NULL;
    struct fama_bytes client = serialized(MADE_CLIENT);
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&chain.genesis, &other, NULL), 0);
    struct fama_identity *first = find(cache, config, client);
    struct fama_identity *second = find(cache, other, client);
    struct fama_identity *third = find(cache, config, client);
    CU_ASSERT(first != NULL && second != NULL && third != NULL);
    CU_ASSERT(first != second && first != third);
    fama_identity_release(first);
    fama_identity_release(second);
    fama_identity_release(third);
    fama_channel_config_release(other);
    finish();
}

/* With the keys of the genesis block, which no block of these chains changes. */
static void check_real_block(struct fama_bytes bytes, struct fama_channel_config *real,
                             const json_t *known)
{
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL_FATAL(fama_prepared_block_create(bytes, real, cache, &prepared, &error), 0);
    run_jobs(prepared);
    for (size_t i = 0; i < prepared->count; i++) {
        const struct fama_prepared_transaction *transaction = &prepared->transactions[i];
        json_int_t code =
            json_integer_value(json_object_get(json_array_get(known, i), "validation_code"));
        /* No client of these networks forged its own signature. */
        CU_ASSERT_EQUAL(is_creator_good(i),
                        transaction->decoded.header_code == FAMA_TRANSACTION_VALID);
        for (size_t j = 0; j < transaction->decoded.endorsement_count; j++) {
            CU_ASSERT(code != FAMA_TRANSACTION_MVCC_READ_CONFLICT || is_endorser_good(i, j));
            CU_ASSERT_PTR_NOT_NULL(transaction->endorsements[j].identity);
        }
    }
    fama_prepared_block_destroy(prepared);
    prepared = NULL;
}

static void test_signatures_of_real_clients_and_endorsers_are_good(void)
{
    const char *shared = shared_data_or_say_so("signatures of real transactions");
    for (size_t i = 0; shared != NULL && i < REAL_CHAINS; i++) {
        json_t *root;
        json_t *blocks = load_expected(shared, &real_chains[i], &root);
        struct fama_channel_config *real = NULL;
        for (size_t number = 0; number < real_chains[i].blocks; number++) {
            struct fama_bytes bytes = read_real_block(shared, real_chains[i].channel, number);
            if (number == 0) {
                struct fama_block genesis;
                CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &genesis), FAMA_BLOCK_ACCEPTED);
                CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&genesis, &real, NULL), 0);
                fama_block_clear(&genesis);
            }
            check_real_block(bytes, real, json_object_get(json_array_get(blocks, number), "txs"));
            free_bytes(bytes);
        }
        fama_channel_config_release(real);
        json_decref(root);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_each_good_signature_is_found_good),
        TEST(test_members_of_the_orderers_organisation_may_create),
        TEST(test_nobody_outside_the_channels_msps_creates),
        TEST(test_a_creator_is_looked_up_in_the_channel_that_is_named),
        TEST(test_an_endorser_without_an_msp_leaves_the_others_alone),
        TEST(test_a_signature_that_cannot_be_one_needs_no_curve),
        TEST(test_a_signature_that_is_absent_is_not_good),
        TEST(test_a_signature_of_something_else_is_bad),
        TEST(test_entries_that_are_nothing_are_kept_and_cost_no_signature),
        TEST(test_bytes_that_are_no_block_are_refused_by_name),
        TEST(test_no_block_exhausts_what_is_set_aside_for_it),
        TEST(test_many_endorsements_of_nobody_fit_into_memory),
        TEST(test_the_cache_answers_with_the_same_identity),
        TEST(test_an_msp_is_named_by_all_of_its_name),
        TEST(test_endless_encodings_push_out_and_come_back),
        TEST(test_long_encodings_are_decoded_without_being_remembered),
        TEST(test_another_configuration_starts_anew),
        TEST(test_signatures_of_real_clients_and_endorsers_are_good),
    };
    int result = EXIT_FAILURE;
    cache = fama_identity_cache_create();
    verifier = fama_verifier_create();
    if (made_chain_create(&chain) && cache != NULL && verifier != NULL &&
        fama_channel_config_from_block(&chain.genesis, &config, NULL) == 0) {
        result = run_suite("prepared block", cases, sizeof(cases) / sizeof(cases[0]));
        fama_identity_cache_destroy(cache);
        fama_channel_config_release(config);
    }
    fama_verifier_destroy(verifier);
    made_chain_destroy(&chain);
    return result;
}
