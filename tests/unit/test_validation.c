/* The judgement of transactions under capability V2_0 and later: a test per code, then policies of
 * chaincodes, keys and collections. */
#include "ledger/state_parts.h"
#include "unit/made_world.h"
#include "unit/stored_state.h"

#define VALID FAMA_TRANSACTION_VALID
#define FAILS FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE

static const struct fama_bytes nothing;

static struct fama_bytes both(struct made_world *world)
{
    return made_application_policy(&world->arena,
                                   made_policy(&world->arena, 2, "SipherMSP", "WhiteBoxMSP"));
}

static struct fama_bytes sipher_alone(struct made_world *world)
{
    return made_policy(&world->arena, 1, "SipherMSP", NULL);
}

static struct fama_bytes whitebox_alone(struct made_world *world)
{
    return made_policy(&world->arena, 1, "WhiteBoxMSP", NULL);
}

/* A channel with chaincode `kv`, which both organisations must endorse. */
static void open_world(struct made_world *world)
{
    made_world_open(world, "V2_0");
    made_world_define(world, "kv", "vscc", both(world), nothing);
}

static void test_what_both_endorse_is_valid_and_what_one_endorses_is_not(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_NONE);
    made_world_add(&world, "kv", nothing, ENDORSED_BY_NONE);
    made_world_add(&world, "kv", nothing, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAILS, FAILS, FAILS, VALID);
    made_world_close(&world);
}

static struct fama_bytes signed_envelope(struct made_world *world,
                                         const struct fama_pack_headers *headers,
                                         enum made_member signer, struct fama_bytes data)
{
    struct fama_arena *arena = &world->arena;
    struct fama_bytes payload = fama_pack_payload(arena, headers, data);
    struct fama_bytes signature =
        fama_transaction_sign(world->chain.signers[signer], &payload, 1, arena);
    return made_join(arena, made_field(arena, 1, payload), made_field(arena, 2, signature));
}

static struct fama_bytes envelope_of(struct made_world *world, int32_t type, const char *channel,
                                     enum made_member signer, struct fama_bytes data)
{
    struct fama_arena *arena = &world->arena;
    struct fama_bytes creator = fama_transaction_creator(world->chain.signers[signer], arena);
    const struct fama_pack_headers headers = {.type = type,
                                              .channel_id = channel,
                                              .txid = "",
                                              .creator = creator,
                                              .nonce = fama_transaction_nonce(arena)};
    return signed_envelope(world, &headers, signer, data);
}

/* The same with the transaction id that belongs to it. */
static struct fama_bytes transaction_of(struct made_world *world, struct fama_bytes data)
{
    struct fama_arena *arena = &world->arena;
    char txid[FAMA_SHA256_TEXT_BYTES];
    uint8_t hash[FAMA_SHA256_BYTES];
    const struct fama_bytes parts[] = {
        fama_transaction_nonce(arena),
        fama_transaction_creator(world->chain.signers[MADE_CLIENT], arena)};
    fama_sha256_parts(parts, 2, hash);
    fama_sha256_text(hash, txid);
    const struct fama_pack_headers headers = {.type = 3,
                                              .channel_id = MADE_CHANNEL,
                                              .txid = txid,
                                              .creator = parts[1],
                                              .nonce = parts[0]};
    return signed_envelope(world, &headers, MADE_CLIENT, data);
}

static void test_envelopes_that_are_broken_or_of_another_kind(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    made_world_add_bytes(&world, text("\xff no envelope"));
    made_world_add_bytes(&world, made_field(arena, 1, text("\xff no payload")));
    made_world_add_bytes(&world, envelope_of(&world, 0, MADE_CHANNEL, MADE_CLIENT, text("x")));
    made_world_add_bytes(&world, envelope_of(&world, 3, "another", MADE_CLIENT, text("x")));
    made_world_add_bytes(&world, envelope_of(&world, 3, MADE_CHANNEL, MADE_STRANGER, text("x")));
    made_world_add_bytes(&world, envelope_of(&world, 3, MADE_CHANNEL, MADE_CLIENT, text("x")));
    made_world_add_bytes(&world, envelope_of(&world, 2, MADE_CHANNEL, MADE_CLIENT, text("x")));
    made_world_add_bytes(&world, envelope_of(&world, 1, MADE_CHANNEL, MADE_CLIENT, nothing));
    made_world_add_bytes(&world, transaction_of(&world, text("\xff no transaction")));
    made_world_add_bytes(&world, transaction_of(&world, nothing));
    ASSERT_CODES(&world, FAMA_TRANSACTION_INVALID_OTHER_REASON, FAMA_TRANSACTION_BAD_PAYLOAD,
                 FAMA_TRANSACTION_BAD_COMMON_HEADER, FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE,
                 FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE, FAMA_TRANSACTION_BAD_PROPOSAL_TXID,
                 FAMA_TRANSACTION_UNSUPPORTED_TX_PAYLOAD,
                 FAMA_TRANSACTION_INVALID_CONFIG_TRANSACTION,
                 FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION,
                 FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION);
    made_world_close(&world);
}

static void test_a_signature_that_is_not_the_creators(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    /* The signature's last byte is the envelope's. */
    ((uint8_t *)(uintptr_t)world.envelopes[0].at)[world.envelopes[0].len - 1] ^= 1;
    ASSERT_CODES(&world, FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE);
    made_world_close(&world);
}

static void test_a_transaction_id_that_is_not_computed(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_transaction_draft draft = made_draft("kv", made_simple(&world, "kv", "a"));
    draft.txid = "0000";
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAMA_TRANSACTION_BAD_PROPOSAL_TXID);
    made_world_close(&world);
}

static void test_transaction_ids_that_came_before(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    made_world_add_bytes(&world, world.envelopes[0]);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    world.is_known[2] = true;
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
    made_world_add_bytes(&world, world.envelopes[3]);
    ASSERT_CODES(&world, VALID, FAMA_TRANSACTION_DUPLICATE_TXID, FAMA_TRANSACTION_DUPLICATE_TXID,
                 FAILS, FAILS);
    made_world_close(&world);
}

static void add_action(struct made_world *world, const char *chaincode, struct fama_bytes action)
{
    struct fama_transaction_draft draft = made_draft(chaincode, nothing);
    draft.action = action;
    made_world_add_draft(world, &draft, ENDORSED_BY_BOTH);
}

static struct fama_bytes action_of(struct made_world *world, const char *chaincode,
                                   const char *version)
{
    struct fama_arena *arena = &world->arena;
    return made_field(arena, 4,
                      made_join(arena, made_field(arena, 2, text(chaincode)),
                                made_field(arena, 3, text(version))));
}

static void test_what_stands_between_header_and_read_write_set(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    struct fama_transaction_draft draft = made_draft("kv", nothing);
    draft.header_extension = text("\xff no extension");
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    draft.header_extension = made_field(arena, 1, text("another field"));
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    add_action(&world, "kv", text("\xff no action"));
    add_action(&world, "kv", made_field(arena, 3, nothing));
    add_action(&world, "kv", action_of(&world, "kvm", "1"));
    add_action(&world, "kv", action_of(&world, "kv", ""));
    add_action(&world, "", action_of(&world, "", "1"));
    made_world_add(&world, "kv", text("\xff no set"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAMA_TRANSACTION_BAD_HEADER_EXTENSION,
                 FAMA_TRANSACTION_INVALID_OTHER_REASON, FAMA_TRANSACTION_BAD_RESPONSE_PAYLOAD,
                 FAMA_TRANSACTION_INVALID_OTHER_REASON, FAMA_TRANSACTION_INVALID_CHAINCODE,
                 FAMA_TRANSACTION_INVALID_CHAINCODE, FAMA_TRANSACTION_INVALID_CHAINCODE,
                 FAMA_TRANSACTION_BAD_RWSET);
    made_world_close(&world);
}

static void test_events_of_another_chaincode(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_transaction_draft draft = made_draft("kv", nothing);
    draft.events = made_field(&world.arena, 1, text("kv"));
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    draft.events = made_field(&world.arena, 1, text("kvm"));
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAMA_TRANSACTION_INVALID_OTHER_REASON);
    made_world_close(&world);
}

static void test_namespaces_that_repeat_or_are_not_defined(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    struct fama_bytes kv = made_simple(&world, "kv", "a");
    made_world_add(&world, "kv", made_join(arena, kv, kv), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_join(arena, kv, made_simple(&world, "void", "a")),
                   ENDORSED_BY_BOTH);
    made_world_add(&world, "void", nothing, ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_join(arena, kv, made_simple(&world, "lscc", "kv")),
                   ENDORSED_BY_BOTH);
    made_world_add(&world, "kv",
                   made_join(arena, kv, made_namespace(arena, "void", nothing, nothing)),
                   ENDORSED_BY_BOTH); /* only reads */
    ASSERT_CODES(&world, FAMA_TRANSACTION_ILLEGAL_WRITESET, FAMA_TRANSACTION_INVALID_CHAINCODE,
                 FAMA_TRANSACTION_INVALID_CHAINCODE, FAMA_TRANSACTION_INVALID_CHAINCODE, VALID);
    made_world_close(&world);
}

static void test_every_namespace_written_to_has_its_say(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    made_world_define(&world, "easy", "vscc", made_application_policy(arena, sipher_alone(&world)),
                      nothing);
    made_world_add(&world, "easy", made_simple(&world, "easy", "a"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "easy", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "easy", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "easy", "a"), ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID, FAILS, VALID, FAILS);
    made_world_close(&world);
}

static void test_policies_of_the_channel_and_lifecycle(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    made_world_define(&world, "byref", "vscc",
                      made_field(arena, 2, text("/Channel/Application/Endorsement")), nothing);
    made_world_define(&world, "lost", "vscc",
                      made_field(arena, 2, text("/Channel/Application/Nothing")), nothing);
    made_world_define(&world, "broken", "vscc", text("\xff no policy"), nothing);
    made_world_add(&world, "byref", nothing, ENDORSED_BY_BOTH);
    made_world_add(&world, "byref", nothing, ENDORSED_BY_SIPHER);
    made_world_add(&world, "lost", nothing, ENDORSED_BY_BOTH);
    made_world_add(&world, "broken", nothing, ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "_lifecycle", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "_lifecycle", nothing, ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID, FAILS, FAILS, FAILS, VALID, FAILS);
    made_world_close(&world);
}

static void test_chaincodes_of_1x_keep_their_policy(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    made_world_instantiate(&world, "old", "0", made_policy(arena, 2, "SipherMSP", "WhiteBoxMSP"));
    made_world_put(&world, "lscc", "bare",
                   made_chaincode_data(arena, "bare", "1", "vscc", nothing, nothing));
    made_world_add(&world, "old", made_simple(&world, "old", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "old", made_simple(&world, "old", "a"), ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "bare", nothing, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAILS, FAMA_TRANSACTION_INVALID_CHAINCODE);
    made_world_close(&world);
}

static void test_a_definition_changes_between_blocks(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "_lifecycle", made_simple(&world, "_lifecycle", "x"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", nothing, ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID, FAILS);
    made_world_define(&world, "kv", "vscc",
                      made_application_policy(&world.arena, sipher_alone(&world)), nothing);
    made_world_add(&world, "kv", nothing, ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID);
    made_world_close(&world);
}

/* --- What is read --- */

static struct fama_bytes many_writes(struct made_world *world, size_t count)
{
    struct fama_bytes *writes = fama_arena_take(&world->arena, count * sizeof(*writes));
    for (size_t i = 0; i < count; i++) {
        char *key = fama_arena_take(&world->arena, 24);
        snprintf(key, 24, "%zu", i);
        writes[i] = made_write(&world->arena, key, text("value"));
    }
    return made_namespace(&world->arena, "kv", made_join_list(&world->arena, writes, count),
                          nothing);
}

static void test_nobody_has_many_keys_read_without_endorsements(void)
{
    const size_t many = 1000;
    struct made_world world;
    open_world(&world);
    struct fama_bytes results = many_writes(&world, many);
    made_world_add(&world, "kv", results, ENDORSED_BY_SIPHER);
    size_t before = world.state->places.taken;
    ASSERT_CODES(&world, FAILS);
    CU_ASSERT(world.state->places.taken - before < 100);
    made_world_add(&world, "kv", results, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID);
    CU_ASSERT(world.state->places.taken - before >= many);
    made_world_close(&world);
}

/* --- Where there is no verdict --- */

static void assert_halts(struct made_world *world, const char *about)
{
    CU_ASSERT_EQUAL(made_world_judge(world), FAMA_VALIDATION_HALT);
    CU_ASSERT_PTR_NOT_NULL(strstr(world->error.text, about));
}

static void test_a_foreign_plugin_halts(void)
{
    struct made_world world;
    open_world(&world);
    made_world_define(&world, "foreign", "other", both(&world), nothing);
    made_world_add(&world, "foreign", nothing, ENDORSED_BY_BOTH);
    assert_halts(&world, "\"other\"");
    made_world_close(&world);
}

static void test_a_definition_that_does_not_decode_halts(void)
{
    struct made_world world;
    open_world(&world);
    made_world_define(&world, "kvx", "vscc", both(&world), nothing);
    made_world_put_lifecycle(&world, "kvx", "Collections", made_field(&world.arena, 3, text("x")));
    made_world_add(&world, "kvx", nothing, ENDORSED_BY_BOTH);
    assert_halts(&world, "kvx");
    /* The same block once more: it is not forgotten that the first judgement did not end. */
    world.number--;
    made_world_add(&world, "kvx", nothing, ENDORSED_BY_BOTH);
    assert_halts(&world, "kvx");
    made_world_close(&world);
}

static void test_a_configuration_that_does_not_apply_halts(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add_bytes(&world,
                         envelope_of(&world, 1, MADE_CHANNEL, MADE_ORDERER, text("\xff x")));
    assert_halts(&world, "configuration");
    made_world_close(&world);
}

static void test_a_key_policy_that_does_not_decode_halts(void)
{
    struct made_world world;
    open_world(&world);
    made_world_put_key_policy(&world, "kv", "", "a", text("\xff no policy"));
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    assert_halts(&world, "key-level");
    made_world_close(&world);
}

/* --- Keys with a policy of their own --- */

static void test_a_keys_policy_stands_in_for_the_chaincodes(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    made_world_put_key_policy(&world, "kv", "", "mine", sipher_alone(&world));
    made_world_put_key_policy(&world, "kv", "", "theirs", whitebox_alone(&world));
    made_world_put_key_policy(&world, "kv", "", "unsound", made_field(arena, 2, nothing));
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "kv", made_simple(&world, "kv", "theirs"), ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "kv", made_simple(&world, "kv", "unsound"), ENDORSED_BY_BOTH);
    struct fama_bytes two = made_join(arena, made_write(arena, "mine", text("1")),
                                      made_write(arena, "plain", text("2")));
    made_world_add(&world, "kv", made_namespace(arena, "kv", two, nothing), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_namespace(arena, "kv", two, nothing), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAILS, VALID, FAILS, FAILS, VALID);
    made_world_close(&world);
}

/* A policy counts from the block after the one that sets it, in the same group and in later ones, whatever is
 * said of where metadata is. */
static void test_a_keys_policy_is_found_in_the_group_and_in_the_store(void)
{
    struct made_world world;
    struct stored_state stored;
    open_world(&world);
    stored_state_open(&stored);
    fama_metadata_spaces_begin(&stored.states.metadata);
    fama_state_destroy(world.state);
    world.state = fama_state_create(&stored.states);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.state);
    world.reads_ahead = true;
    fama_state_begin_block(world.state, 0);
    made_world_define(&world, "kv", "vscc", both(&world), nothing);
    stored_state_write(&stored, world.state, NULL);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAILS, VALID);
    made_world_put_key_policy(&world, "kv", "", "mine", sipher_alone(&world));
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_WHITEBOX);
    ASSERT_CODES(&world, VALID, FAILS);
    stored_state_write(&stored, world.state, NULL);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "kv", made_simple(&world, "kv", "mine"), ENDORSED_BY_WHITEBOX);
    ASSERT_CODES(&world, VALID, FAILS);
    made_world_close(&world);
    stored_state_close(&stored);
}

static struct fama_bytes policy_change(struct made_world *world, const char *key)
{
    return made_namespace(&world->arena, "kv",
                          made_metadata_write(&world->arena, 4, text(key), sipher_alone(world)),
                          nothing);
}

static void test_a_key_cannot_be_written_after_its_policy_changed_in_the_block(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "kv", policy_change(&world, "b"), ENDORSED_BY_SIPHER); /* fails */
    made_world_add(&world, "kv", made_simple(&world, "kv", "b"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", policy_change(&world, "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", policy_change(&world, "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_simple(&world, "kv", "b"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAILS, VALID, VALID, VALID, FAILS, FAILS, VALID);
    /* A new block knows nothing of it. */
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID);
    made_world_close(&world);
}

/* --- Collections --- */

static struct fama_bytes private_write(struct made_world *world, const char *collection,
                                       const char *key)
{
    struct fama_arena *arena = &world->arena;
    return made_namespace(
        arena, "priv", nothing,
        made_collection_set(arena, collection, made_hashed_write(arena, text(key))));
}

static void define_private(struct made_world *world)
{
    const struct made_collection collections[] = {
        {.name = "plain"},
        {.name = "mine",
         .endorsement_policy = made_application_policy(&world->arena, sipher_alone(world))},
    };
    made_world_define(world, "priv", "vscc", both(world),
                      made_package(&world->arena, collections, 2));
}

static void test_collections_have_their_own_policies(void)
{
    struct made_world world;
    open_world(&world);
    define_private(&world);
    made_world_add(&world, "priv", private_write(&world, "mine", "k"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "priv", private_write(&world, "mine", "k"), ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "priv", private_write(&world, "plain", "k"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "priv", private_write(&world, "plain", "k"), ENDORSED_BY_BOTH);
    made_world_add(&world, "priv", private_write(&world, "unknown", "k"), ENDORSED_BY_BOTH);
    made_world_add(&world, "priv", private_write(&world, "", "k"), ENDORSED_BY_BOTH);
    made_world_add(&world, "priv", private_write(&world, "_implicit_org_SipherMSP", "k"),
                   ENDORSED_BY_SIPHER);
    made_world_add(&world, "priv", private_write(&world, "_implicit_org_SipherMSP", "k"),
                   ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "priv", private_write(&world, "_implicit_org_NobodyMSP", "k"),
                   ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAILS, FAILS, VALID, FAILS, VALID, VALID, FAILS, FAILS);
    made_world_close(&world);
}

static void test_a_collection_of_a_1x_chaincode_follows_the_chaincode(void)
{
    struct made_world world;
    open_world(&world);
    made_world_instantiate(&world, "priv", "1",
                           made_policy(&world.arena, 2, "SipherMSP", "WhiteBoxMSP"));
    made_world_add(&world, "priv", private_write(&world, "any", "k"), ENDORSED_BY_BOTH);
    made_world_add(&world, "priv", private_write(&world, "any", "k"), ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID, FAILS);
    made_world_close(&world);
}

static void test_private_keys_have_policies_too(void)
{
    struct made_world world;
    open_world(&world);
    define_private(&world);
    struct fama_arena *arena = &world.arena;
    made_world_put_key_policy(&world, "priv", "plain", "k", sipher_alone(&world));
    made_world_put_key_policy(&world, "priv", "unknown", "k", sipher_alone(&world));
    made_world_add(&world, "priv", private_write(&world, "plain", "k"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "priv", private_write(&world, "unknown", "k"), ENDORSED_BY_SIPHER);
    struct fama_bytes change = made_collection_set(
        arena, "plain", made_metadata_write(arena, 3, text("k"), whitebox_alone(&world)));
    made_world_add(&world, "priv", made_namespace(arena, "priv", nothing, change),
                   ENDORSED_BY_SIPHER);
    made_world_add(&world, "priv", private_write(&world, "plain", "k"), ENDORSED_BY_BOTH);
    made_world_add(&world, "priv", private_write(&world, "mine", "k"), ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, VALID, FAILS, VALID, FAILS, VALID);
    made_world_close(&world);
}

/* Fabric 2.5 crashes or hangs at these, which any client can provoke; here each gets the code of what is wrong
 * with it, and the block goes on. */
static void test_entries_that_crash_fabric_get_their_codes(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_arena *arena = &world.arena;
    struct fama_bytes header = made_join(arena, made_field(arena, 1, text("creator")),
                                         made_field(arena, 2, text("nonce")));
    struct fama_bytes action = made_join(arena, made_field(arena, 1, header),
                                         made_field(arena, 2, made_field(arena, 1, text("x"))));
    made_world_add_bytes(&world, transaction_of(&world, made_field(arena, 1, action)));
    made_world_add_bytes(&world, envelope_of(&world, 3, MADE_CHANNEL, MADE_CLIENT, text("\xff x")));
    made_world_add_bytes(&world, made_field(&world.arena, 1, made_field(&world.arena, 2, nothing)));
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION,
                 FAMA_TRANSACTION_BAD_PROPOSAL_TXID, FAMA_TRANSACTION_BAD_COMMON_HEADER, VALID);
    made_world_close(&world);
}

static void test_a_policy_change_that_was_never_judged_changes_nothing(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "kv", policy_change(&world, "a"), ENDORSED_BY_BOTH);
    world.is_known[0] = true;
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, FAMA_TRANSACTION_DUPLICATE_TXID, VALID);
    made_world_close(&world);
}

static void test_an_identity_counts_once(void)
{
    struct made_world world;
    open_world(&world);
    struct fama_bytes envelope = {0};
    const struct fama_signer *twice[] = {world.chain.signers[MADE_SIPHER],
                                         world.chain.signers[MADE_SIPHER]};
    made_world_define(&world, "two", "vscc",
                      made_application_policy(
                          &world.arena, made_policy(&world.arena, 2, "SipherMSP", "SipherMSP")),
                      nothing);
    const struct fama_transaction_draft draft = made_draft("two", nothing);
    CU_ASSERT_EQUAL_FATAL(fama_transaction_build(&draft, world.chain.signers[MADE_CLIENT], twice, 2,
                                                 &world.arena, &envelope, &world.error),
                          0);
    made_world_add_bytes(&world, envelope);
    ASSERT_CODES(&world, FAILS);
    made_world_close(&world);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_what_both_endorse_is_valid_and_what_one_endorses_is_not),
        TEST(test_envelopes_that_are_broken_or_of_another_kind),
        TEST(test_a_signature_that_is_not_the_creators),
        TEST(test_a_transaction_id_that_is_not_computed),
        TEST(test_transaction_ids_that_came_before),
        TEST(test_what_stands_between_header_and_read_write_set),
        TEST(test_events_of_another_chaincode),
        TEST(test_namespaces_that_repeat_or_are_not_defined),
        TEST(test_every_namespace_written_to_has_its_say),
        TEST(test_policies_of_the_channel_and_lifecycle),
        TEST(test_chaincodes_of_1x_keep_their_policy),
        TEST(test_a_definition_changes_between_blocks),
        TEST(test_nobody_has_many_keys_read_without_endorsements),
        TEST(test_a_foreign_plugin_halts),
        TEST(test_a_definition_that_does_not_decode_halts),
        TEST(test_a_configuration_that_does_not_apply_halts),
        TEST(test_a_key_policy_that_does_not_decode_halts),
        TEST(test_a_keys_policy_stands_in_for_the_chaincodes),
        TEST(test_a_keys_policy_is_found_in_the_group_and_in_the_store),
        TEST(test_a_key_cannot_be_written_after_its_policy_changed_in_the_block),
        TEST(test_collections_have_their_own_policies),
        TEST(test_a_collection_of_a_1x_chaincode_follows_the_chaincode),
        TEST(test_private_keys_have_policies_too),
        TEST(test_entries_that_crash_fabric_get_their_codes),
        TEST(test_a_policy_change_that_was_never_judged_changes_nothing),
        TEST(test_an_identity_counts_once),
    };
    return run_suite("validation", cases, sizeof(cases) / sizeof(cases[0]));
}
