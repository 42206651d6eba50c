/* Configuration updates: those that Fabric applied apply, and each rule that one can break is broken. */
#include "ledger/config_update.h"

#include "unit/made_config.h"
#include "unit/real_blocks.h"

static struct made_chain made;
static struct made_admins admins;

static int make(void)
{
    return made_chain_create(&made) && made_admins_create(&made, &admins) ? 0 : -1;
}

/* The ConfigEnvelope in a configuration block. */
static struct fama_bytes config_envelope_of(const struct fama_block *block)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    CU_ASSERT_FATAL(fama_envelope_decode(block->envelopes[0], &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    return payload.data;
}

static struct fama_channel_config *config_of(struct fama_bytes bytes)
{
    struct fama_block block;
    struct fama_error error = {{0}};
    struct fama_channel_config *config = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    if (fama_channel_config_from_block(&block, &config, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    fama_block_clear(&block);
    return config;
}

static void test_real_updates_apply_one_after_the_other(void)
{
    const char *shared = shared_data_or_say_so("configuration updates of a real channel");
    size_t applied = 0;
    for (size_t c = 0; shared != NULL && c < REAL_CHAINS; c++) {
        struct fama_channel_config *config = NULL;
        for (size_t i = 0; i < real_chains[c].blocks; i++) {
            struct fama_bytes bytes = read_real_block(shared, real_chains[c].channel, i);
            struct fama_block block;
            if (i == 0) {
                config = config_of(bytes);
                CU_ASSERT_PTR_NOT_NULL_FATAL(config);
            }
            CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
            if (i > 0 && fama_block_is_config(&block)) {
                struct fama_channel_config *next = NULL;
                struct fama_channel_config *again = NULL;
                struct fama_error error = {{0}};
                int result =
                    fama_channel_config_apply(config, config_envelope_of(&block), &next, &error);
                if (result != 0) {
                    fprintf(stderr, "block %zu: %s\n", i, error.text);
                }
                CU_ASSERT_EQUAL_FATAL(result, 0);
                CU_ASSERT_EQUAL(fama_channel_config_sequence(next),
                                fama_channel_config_sequence(config) + 1);
                CU_ASSERT_EQUAL(
                    fama_channel_config_apply(next, config_envelope_of(&block), &again, NULL),
                    FAMA_CHANNEL_CONFIG_INVALID);
                fama_channel_config_release(config);
                config = next;
                applied++;
            }
            fama_block_clear(&block);
            free_bytes(bytes);
        }
        fama_channel_config_release(config);
    }
    CU_ASSERT(shared == NULL || applied == 2);
}

/* --- Changes --- */

static made_group *sipher(made_group *root)
{
    return made_child(made_child(root, "Application"), "Sipher");
}

/* AnchorPeers{anchor_peers: [{host: "a", port: 1}]} */
#define NEW_ANCHORS                                                                                \
    fama_bytes("\x0a\x05\x0a\x01"                                                                  \
               "a\x10\x01",                                                                        \
               7)

static void move_anchor(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__ConfigValue *value = made_value(sipher(root), "AnchorPeers");
    value->version++;
    value->value = fama_pack_binary(NEW_ANCHORS);
}

static void skip_version(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->version++;
}

static void add_anchor_to_whitebox(made_group *root, struct fama_arena *arena)
{
    made_group *whitebox = made_child(made_child(root, "Application"), "WhiteBox");
    whitebox->version++;
    (void)made_add_value(whitebox, arena, "AnchorPeers", NEW_ANCHORS);
}

static void version_new_anchor(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(made_child(made_child(root, "Application"), "WhiteBox"), "AnchorPeers")->version = 1;
}

/* In the write set, but in a group whose list stays as it was. */
static void add_orphan(made_group *root, struct fama_arena *arena)
{
    (void)made_add_value(made_child(made_child(root, "Application"), "WhiteBox"), arena,
                         "AnchorPeers", NEW_ANCHORS);
}

static void read_what_is_not_there(made_group *root, struct fama_arena *arena)
{
    (void)made_add_value(root, arena, "Surprise", fama_bytes("", 0));
}

static void read_another_version(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_policy(sipher(root), "Readers")->version = 3;
}

static void forget_mod_policy(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->mod_policy = fama_pack_text("");
}

static void break_mod_policy(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->mod_policy = fama_pack_text("Admins//Admins");
}

static void guard_by_nothing(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->mod_policy = fama_pack_text("Nobody");
}

static void guard_by_whitebox(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->mod_policy =
        fama_pack_text("/Channel/Application/WhiteBox/Admins");
}

static void use_an_illegal_name(made_group *root, struct fama_arena *arena)
{
    (void)made_add_value(sipher(root), arena, "Anchor_Peers", fama_bytes("", 0));
}

static void drop_readers(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_policy(sipher(root), "Readers");
}

static void change_result(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(sipher(root), "AnchorPeers")->value = fama_pack_binary(fama_bytes("", 0));
}

static void change_elsewhere(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_child(root, "Orderer")->version = 7;
}

static void change_policy_type(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_policy(sipher(root), "Readers")->policy->type = 3;
}

/* Sipher's group gets WhiteBox's MSP. */
static void change_mspid(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__ConfigValue *value = made_value(sipher(root), "MSP");
    value->version++;
    value->value =
        made_value(made_child(made_child(root, "Application"), "WhiteBox"), "MSP")->value;
}

static void change_orderer_mspid(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__ConfigValue *value =
        made_value(made_child(made_child(root, "Orderer"), "OrdererOrg"), "MSP");
    value->version++;
    value->value = made_value(sipher(root), "MSP")->value;
}

static void migrate(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__ConfigValue *value = made_value(made_child(root, "Orderer"), "ConsensusType");
    value->version++;
    value->value = fama_pack_binary(fama_bytes("\x0a\x03"
                                               "BFT",
                                               5));
}

/* Any member is an administrator: without capabilities no OU makes one. */
static void let_members_administer(made_group *org, const char *mspid, struct fama_arena *arena)
{
    static const uint8_t any_one[] = {0x12, 8, 0x12, 6, 0x08, 1, 0x12, 2, 0x08, 0};
    size_t len = strlen(mspid);
    uint8_t *policy = fama_arena_take(arena, sizeof(any_one) + 6 + len);
    CU_ASSERT_FATAL(policy != NULL && len < 100);
    memcpy(policy, any_one, sizeof(any_one));
    uint8_t *principal = policy + sizeof(any_one);
    principal[0] = 0x1a;
    principal[1] = (uint8_t)(len + 4);
    principal[2] = 0x12;
    principal[3] = (uint8_t)(len + 2);
    principal[4] = 0x0a;
    principal[5] = (uint8_t)len;
    memcpy(principal + 6, mspid, len);
    made_policy(org, "Admins")->policy->value =
        fama_pack_binary(fama_bytes(policy, sizeof(any_one) + 6 + len));
}

/* A channel of Fabric 1.0: no capabilities, global addresses. */
static void be_old(made_group *root, struct fama_arena *arena)
{
    made_drop_value(root, "Capabilities");
    made_drop_value(made_child(root, "Orderer"), "Capabilities");
    made_drop_value(made_child(root, "Application"), "Capabilities");
    made_drop_value(made_child(made_child(root, "Orderer"), "OrdererOrg"), "Endpoints");
    let_members_administer(made_child(made_child(root, "Orderer"), "OrdererOrg"), "OrdererMSP",
                           arena);
    let_members_administer(sipher(root), "SipherMSP", arena);
    (void)made_add_value(root, arena, "OrdererAddresses",
                         fama_bytes("\x0a\x03"
                                    "a:1",
                                    5));
}

static void drop_orderers(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    root->version++;
    made_drop_group(root, "Orderer");
}

static void drop_whitebox(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_child(root, "Application")->version++;
    made_drop_group(made_child(root, "Application"), "WhiteBox");
}

/* Another group for an organisation that is a member already. */
static void add_twin(made_group *root, struct fama_arena *arena)
{
    made_group *application = made_child(root, "Application");
    application->version++;
    made_add_group(application, arena, "Twin", sipher(root));
}

static void require_the_future(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__ConfigValue *value = made_value(made_child(root, "Application"), "Capabilities");
    value->version++;
    value->value = fama_pack_binary(fama_bytes("\x0a\x06\x0a\x04V9_9", 8));
}

static void forget_guards(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_child(root, "Application")->mod_policy = fama_pack_text("");
    made_policy(sipher(root), "Writers")->mod_policy = fama_pack_text("");
    made_value(root, "HashingAlgorithm")->mod_policy = fama_pack_text("");
}

static void repair_guards(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_child(root, "Application")->mod_policy = fama_pack_text("Admins");
    made_policy(sipher(root), "Writers")->mod_policy = fama_pack_text("Admins");
    made_value(root, "HashingAlgorithm")->mod_policy = fama_pack_text("Admins");
}

static void be_old_without_guards(made_group *root, struct fama_arena *arena)
{
    be_old(root, arena);
    forget_guards(root, arena);
}

/* --- Judgement --- */

static int apply(const struct made_update *update, struct fama_channel_config **next,
                 struct fama_error *error)
{
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)64 << 20);
    struct fama_channel_config *base = made_base(&made, update->base, &arena);
    int result =
        fama_channel_config_apply(base, made_update_pack(&made, update, &arena), next, error);
    CU_ASSERT_EQUAL(result == 0, *next != NULL);
    fama_channel_config_release(base);
    fama_arena_clear(&arena);
    return result;
}

static void expect_applied(const char *what, const struct made_update *update)
{
    struct fama_error error = {{0}};
    struct fama_channel_config *next = NULL;
    if (apply(update, &next, &error) != 0) {
        fprintf(stderr, "%s: %s\n", what, error.text);
        CU_FAIL("an update that Fabric applies is refused");
    }
    fama_channel_config_release(next);
}

static void expect_refused(const char *word, const struct made_update *update)
{
    struct fama_error error = {{0}};
    struct fama_channel_config *next = NULL;
    int result = apply(update, &next, &error);
    if (result != FAMA_CHANNEL_CONFIG_INVALID || strstr(error.text, word) == NULL) {
        fprintf(stderr, "expected \"%s\", got %d: %s\n", word, result, error.text);
        CU_FAIL("an update is not refused for its fault");
    }
    fama_channel_config_release(next);
}

#define SIPHER      admins.signers[ADMIN_SIPHER]
#define WHITEBOX    admins.signers[ADMIN_WHITEBOX]
#define ORDERER     admins.signers[ADMIN_ORDERER]
#define UPDATE(...) (&(struct made_update){.sequence = 1, __VA_ARGS__})

static void test_what_its_guards_have_signed_applies(void)
{
    expect_applied("anchor", UPDATE(.change = move_anchor, .signers = {SIPHER}));
    expect_applied("new value", UPDATE(.change = add_anchor_to_whitebox, .signers = {WHITEBOX}));
    expect_applied("removed organisation",
                   UPDATE(.change = drop_whitebox, .signers = {WHITEBOX, SIPHER}));
    expect_applied("added organisation", UPDATE(.change = add_twin, .signers = {SIPHER, WHITEBOX}));
    expect_applied("guard elsewhere",
                   UPDATE(.base = guard_by_whitebox, .change = move_anchor, .signers = {WHITEBOX}));
    expect_applied("migration", UPDATE(.change = migrate, .signers = {ORDERER}));
    expect_applied("old channel",
                   UPDATE(.base = be_old, .change = move_anchor, .signers = {SIPHER}));
}

static void test_an_applied_update_is_what_the_next_configuration_says(void)
{
    struct fama_channel_config *next = NULL;
    CU_ASSERT_EQUAL_FATAL(apply(UPDATE(.change = move_anchor, .signers = {SIPHER}), &next, NULL),
                          0);
    CU_ASSERT_EQUAL(fama_channel_config_sequence(next), 1);
    const struct fama_application_org *org = fama_channel_config_application_org(next, 0);
    CU_ASSERT_STRING_EQUAL(org->mspid, "SipherMSP");
    CU_ASSERT_EQUAL_FATAL(org->anchor_peer_count, 1);
    CU_ASSERT(fama_bytes_equal(org->anchor_peers[0].host, fama_bytes_of_text("a")));
    CU_ASSERT_EQUAL(org->anchor_peers[0].port, 1);
    fama_channel_config_release(next);
}

static void test_signatures_that_do_not_count_satisfy_nothing(void)
{
    static const char word[] = "do not satisfy";
    expect_refused(word, UPDATE(.change = move_anchor));
    expect_refused(word, UPDATE(.change = move_anchor, .signers = {WHITEBOX, ORDERER}));
    expect_refused(word, UPDATE(.change = move_anchor, .signers = {made.signers[MADE_CLIENT]}));
    expect_refused(word, UPDATE(.change = move_anchor, .signers = {made.signers[MADE_STRANGER]}));
    expect_refused(word, UPDATE(.change = move_anchor, .signers = {SIPHER}, .bad_signatures = 1));
    /* one of two organisations, twice, is no majority */
    expect_refused(word, UPDATE(.change = drop_whitebox, .signers = {SIPHER, SIPHER}));
    expect_refused(
        word, UPDATE(.change = drop_whitebox, .signers = {SIPHER, WHITEBOX}, .bad_signatures = 2));
    expect_refused(word,
                   UPDATE(.base = guard_by_whitebox, .change = move_anchor, .signers = {SIPHER}));
}

static void test_a_failed_signature_does_not_hide_a_good_one_of_the_same_identity(void)
{
    expect_applied("good after bad",
                   UPDATE(.change = move_anchor, .signers = {SIPHER, SIPHER}, .bad_signatures = 1));
    expect_applied("with a stranger's",
                   UPDATE(.change = move_anchor, .signers = {made.signers[MADE_STRANGER], SIPHER}));
}

static void test_an_update_must_follow_what_is_there(void)
{
    expect_refused("sequence", (&(struct made_update){
                                   .sequence = 2, .change = move_anchor, .signers = {SIPHER}}));
    expect_refused("sequence", (&(struct made_update){
                                   .sequence = 0, .change = move_anchor, .signers = {SIPHER}}));
    expect_refused("another channel",
                   UPDATE(.change = move_anchor, .signers = {SIPHER}, .channel = "other"));
    expect_refused("not there", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                       .damage_read = read_what_is_not_there));
    expect_refused("another version", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                             .damage_read = read_another_version));
    expect_refused("no update", UPDATE(.change = move_anchor, .drops_update = true));
    expect_refused("no update", UPDATE(.change = move_anchor, .type = 1, .signers = {SIPHER}));
    expect_refused("changes nothing", UPDATE(.signers = {SIPHER}));
}

static void test_every_change_takes_the_version_that_follows(void)
{
    expect_refused("version that follows", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                                  .damage_write = skip_version));
    expect_refused("not in version 0",
                   UPDATE(.change = add_anchor_to_whitebox, .signers = {WHITEBOX},
                          .damage_write = version_new_anchor));
}

static void test_every_change_needs_a_guard(void)
{
    expect_refused("mod_policy", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                        .damage_write = forget_mod_policy));
    expect_refused("mod_policy", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                        .damage_write = break_mod_policy));
    expect_refused("does not exist",
                   UPDATE(.base = guard_by_nothing, .change = move_anchor, .signers = {SIPHER}));
    expect_refused("not one Fabric allows", UPDATE(.change = move_anchor, .signers = {SIPHER},
                                                   .damage_write = use_an_illegal_name));
}

static void test_the_result_is_what_the_update_leads_to(void)
{
    static const made_change damages[] = {drop_readers, change_result, change_elsewhere,
                                          change_policy_type, use_an_illegal_name};
    static const char *const words[] = {"does not hold", "is not what", "is not what",
                                        "is not what", "does not hold"};
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        expect_refused(words[i], UPDATE(.change = move_anchor, .signers = {SIPHER},
                                        .damage_result = damages[i]));
    }
    /* What no list names has no effect, here as in Fabric. */
    expect_applied("orphan",
                   UPDATE(.change = move_anchor, .signers = {SIPHER}, .damage_write = add_orphan));
    expect_refused("does not hold",
                   UPDATE(.change = move_anchor, .signers = {SIPHER}, .damage_write = add_orphan,
                          .damage_result = add_orphan));
}

static void test_missing_guards_are_repaired_once_orderers_have_capabilities(void)
{
    expect_applied("repaired", UPDATE(.base = forget_guards, .change = move_anchor,
                                      .signers = {SIPHER}, .damage_result = repair_guards));
    expect_refused("is not what",
                   UPDATE(.base = forget_guards, .change = move_anchor, .signers = {SIPHER}));
    expect_applied("left alone", UPDATE(.base = be_old_without_guards, .change = move_anchor,
                                        .signers = {SIPHER}));
    expect_refused("is not what", UPDATE(.base = be_old_without_guards, .change = move_anchor,
                                         .signers = {SIPHER}, .damage_result = repair_guards));
}

static void test_some_things_never_change(void)
{
    expect_refused("changes its MSP id", UPDATE(.change = change_mspid, .signers = {SIPHER}));
    expect_refused("changes its MSP id",
                   UPDATE(.change = change_orderer_mspid, .signers = {ORDERER}));
    expect_refused("consensus type",
                   UPDATE(.base = be_old, .change = migrate, .signers = {ORDERER}));
    expect_refused("no group Orderer",
                   UPDATE(.change = drop_orderers, .signers = {ORDERER, SIPHER, WHITEBOX}));
    expect_refused("V9_9", UPDATE(.change = require_the_future, .signers = {SIPHER, WHITEBOX}));
}

static void test_no_flipped_bit_of_an_update_makes_another_configuration(void)
{
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)64 << 20);
    struct fama_channel_config *base = made_base(&made, NULL, &arena);
    struct fama_bytes good =
        made_update_pack(&made, UPDATE(.change = move_anchor, .signers = {SIPHER}), &arena);
    uint8_t *bytes = fama_arena_take(&arena, good.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, good.at, good.len);
    size_t applied = 0;
    for (size_t i = 0; i < good.len; i += 11) {
        struct fama_channel_config *next = NULL;
        bytes[i] ^= (uint8_t)(1 << (i % 8));
        if (fama_channel_config_apply(base, fama_bytes(bytes, good.len), &next, NULL) == 0) {
            applied++; /* a bit of the update's header, or of its padding */
            CU_ASSERT_EQUAL(fama_channel_config_application_org(next, 0)->anchor_peers[0].port, 1);
        }
        fama_channel_config_release(next);
        bytes[i] ^= (uint8_t)(1 << (i % 8));
    }
    CU_ASSERT(applied < good.len / 100);
    for (size_t len = 0; len < good.len; len += 37) {
        struct fama_channel_config *next = NULL;
        CU_ASSERT_EQUAL(fama_channel_config_apply(base, fama_bytes(bytes, len), &next, NULL),
                        FAMA_CHANNEL_CONFIG_INVALID);
    }
    fama_channel_config_release(base);
    fama_arena_clear(&arena);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_real_updates_apply_one_after_the_other),
        TEST(test_what_its_guards_have_signed_applies),
        TEST(test_an_applied_update_is_what_the_next_configuration_says),
        TEST(test_signatures_that_do_not_count_satisfy_nothing),
        TEST(test_a_failed_signature_does_not_hide_a_good_one_of_the_same_identity),
        TEST(test_an_update_must_follow_what_is_there),
        TEST(test_every_change_takes_the_version_that_follows),
        TEST(test_every_change_needs_a_guard),
        TEST(test_the_result_is_what_the_update_leads_to),
        TEST(test_missing_guards_are_repaired_once_orderers_have_capabilities),
        TEST(test_some_things_never_change),
        TEST(test_no_flipped_bit_of_an_update_makes_another_configuration),
    };
    int status = make() == 0 ? run_suite("config_update", cases, sizeof(cases) / sizeof(cases[0]))
                             : EXIT_FAILURE;
    made_admins_destroy(&admins);
    made_chain_destroy(&made);
    return status;
}
