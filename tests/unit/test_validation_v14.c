/* The judgement of transactions below capability V2_0: chaincodes of 1.x, `lscc` and its invocations, and
 * what each capability level changes. */
#include "unit/made_world.h"

#define VALID   FAMA_TRANSACTION_VALID
#define FAILS   FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE
#define OTHER   FAMA_TRANSACTION_INVALID_OTHER_REASON
#define ILLEGAL FAMA_TRANSACTION_ILLEGAL_WRITESET

static const struct fama_bytes nothing;

static void open_world(struct made_world *world, const char *capability)
{
    made_world_open(world, capability);
    made_world_instantiate(world, "kv", "1",
                           made_policy(&world->arena, 2, "SipherMSP", "WhiteBoxMSP"));
}

static void test_invocations_of_chaincodes(void)
{
    static const char *const levels[] = {"V1_1", "V1_2", "V1_3"};
    for (size_t i = 0; i < 3; i++) {
        struct made_world world;
        open_world(&world, levels[i]);
        made_world_put(&world, "lscc", "bare",
                       made_chaincode_data(&world.arena, "bare", "1", "vscc", nothing, nothing));
        made_world_put(&world, "lscc", "garbage", text("\xff no definition"));
        made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
        made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
        made_world_add(&world, "void", made_simple(&world, "void", "a"), ENDORSED_BY_BOTH);
        made_world_add(&world, "bare", made_simple(&world, "bare", "a"), ENDORSED_BY_BOTH);
        made_world_add(&world, "garbage", made_simple(&world, "garbage", "a"), ENDORSED_BY_BOTH);
        struct fama_transaction_draft draft = made_draft("kv", made_simple(&world, "kv", "a"));
        draft.chaincode_version = "2";
        made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
        ASSERT_CODES(&world, VALID, FAILS, OTHER, OTHER, OTHER, FAMA_TRANSACTION_EXPIRED_CHAINCODE);
        made_world_close(&world);
    }
}

static void test_read_only_invocations_need_a_policy_from_v1_2_on(void)
{
    struct made_world world;
    open_world(&world, "V1_1");
    made_world_add(&world, "kv", nothing, ENDORSED_BY_NONE);
    made_world_add(&world, "void", nothing, ENDORSED_BY_NONE);
    ASSERT_CODES(&world, VALID, VALID);
    made_world_close(&world);
    open_world(&world, "V1_2");
    made_world_add(&world, "kv", nothing, ENDORSED_BY_NONE);
    made_world_add(&world, "void", nothing, ENDORSED_BY_NONE);
    ASSERT_CODES(&world, FAILS, OTHER);
    made_world_close(&world);
}

static void test_events_are_looked_at_from_v1_2_on(void)
{
    struct made_world world;
    struct fama_transaction_draft draft;
    open_world(&world, "V1_1");
    draft = made_draft("kv", nothing);
    draft.events = made_field(&world.arena, 1, text("kvm"));
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID);
    made_world_close(&world);
    open_world(&world, "V1_2");
    draft.events = made_field(&world.arena, 1, text("kvm"));
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, OTHER);
    made_world_close(&world);
}

static void test_what_stands_before_the_policies(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    struct fama_arena *arena = &world.arena;
    struct fama_bytes kv = made_simple(&world, "kv", "a");
    struct fama_transaction_draft draft = made_draft("kv", nothing);
    draft.header_extension = text("\xff no extension");
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    draft = made_draft("kv", nothing);
    draft.action = text("\xff no action");
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    draft.action = made_field(arena, 4, made_field(arena, 2, text("kv"))); /* without a version */
    made_world_add_draft(&world, &draft, ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", text("\xff no set"), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", made_join(arena, kv, kv), ENDORSED_BY_BOTH);
    made_world_add(&world, "kv", kv, ENDORSED_BY_BOTH);
    made_world_add_bytes(&world, world.envelopes[5]);
    ASSERT_CODES(&world, FAMA_TRANSACTION_BAD_HEADER_EXTENSION,
                 FAMA_TRANSACTION_BAD_RESPONSE_PAYLOAD, OTHER, FAMA_TRANSACTION_BAD_RWSET, ILLEGAL,
                 VALID, FAMA_TRANSACTION_DUPLICATE_TXID);
    made_world_close(&world);
}

static void test_writes_to_system_chaincodes(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    static const char *const names[] = {"lscc", "cscc", "escc", "vscc"};
    for (size_t i = 0; i < 4; i++) {
        made_world_add(&world, "kv", made_simple(&world, names[i], "a"), ENDORSED_BY_BOTH);
    }
    made_world_add(&world, "kv", made_simple(&world, "qscc", "a"), ENDORSED_BY_BOTH);
    made_world_add(&world, "escc", nothing, ENDORSED_BY_BOTH);
    made_world_add(&world, "cscc", nothing, ENDORSED_BY_WHITEBOX);
    made_world_add(&world, "qscc", nothing, ENDORSED_BY_NONE);
    ASSERT_CODES(&world, ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL, VALID, ILLEGAL, VALID, FAILS);
    made_world_close(&world);
}

static void test_a_foreign_plugin_halts(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    made_world_put(&world, "lscc", "foreign",
                   made_chaincode_data(&world.arena, "foreign", "1", "other",
                                       made_policy(&world.arena, 1, "SipherMSP", NULL), nothing));
    made_world_add(&world, "foreign", nothing, ENDORSED_BY_BOTH);
    CU_ASSERT_EQUAL(made_world_judge(&world), FAMA_VALIDATION_HALT);
    made_world_close(&world);
}

static void test_keys_have_policies_from_v1_3_on(void)
{
    struct made_world world;
    open_world(&world, "V1_2");
    made_world_put_key_policy(&world, "kv", "", "a",
                              made_policy(&world.arena, 1, "SipherMSP", NULL));
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, FAILS);
    made_world_close(&world);
    open_world(&world, "V1_3");
    made_world_put_key_policy(&world, "kv", "", "a",
                              made_policy(&world.arena, 1, "SipherMSP", NULL));
    made_world_put_key_policy(&world, "kv", "", "broken", text("\xff no policy"));
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_SIPHER);
    /* Unlike in 2.0, a policy that does not decode is one that nobody satisfies. */
    made_world_add(&world, "kv", made_simple(&world, "kv", "broken"), ENDORSED_BY_BOTH);
    ASSERT_CODES(&world, VALID, FAILS);
    made_world_close(&world);
}

/* --- lscc --- */

struct deployment {
    const char *function;
    const char *name;
    const char *version;
    const char *written_version; /* NULL: the same */
    struct fama_bytes policy;    /* for instantiation; empty: none */
    bool has_package;
    struct fama_bytes package;         /* the argument */
    struct fama_bytes written_package; /* written, if has_package */
    struct fama_bytes other_set;
};

static void add_deployment(struct made_world *world, const struct deployment *deployment)
{
    struct fama_arena *arena = &world->arena;
    char *key = fama_arena_take(arena, 64);
    snprintf(key, 64, "%s~collection", deployment->name);
    struct fama_bytes *args = fama_arena_take(arena, 7 * sizeof(*args));
    args[0] = text(deployment->function);
    args[1] = text(MADE_CHANNEL);
    args[2] = made_deployment(arena, deployment->name, deployment->version);
    args[3] = text("policy");
    args[4] = text("escc");
    args[5] = text("vscc");
    args[6] = deployment->package;
    struct fama_bytes data = made_chaincode_data(
        arena, deployment->name,
        deployment->written_version != NULL ? deployment->written_version : deployment->version,
        "vscc", made_policy(arena, 1, "SipherMSP", NULL), deployment->policy);
    struct fama_bytes writes = made_join(
        arena, made_write(arena, deployment->name, data),
        deployment->has_package ? made_write(arena, key, deployment->written_package) : nothing);
    struct fama_transaction_draft draft =
        made_draft("lscc", made_join(arena, made_namespace(arena, "lscc", writes, nothing),
                                     deployment->other_set));
    draft.args = args;
    draft.arg_count = deployment->has_package ? 7 : 6;
    made_world_add_draft(world, &draft, ENDORSED_BY_SIPHER);
}

static struct fama_bytes anyone(struct made_world *world)
{
    return made_policy(&world->arena, 0, "SipherMSP", NULL);
}

static struct fama_bytes nobody(struct made_world *world)
{
    return made_policy(&world->arena, 1, "WhiteBoxMSP", NULL);
}

static void test_deployments(void)
{
    static const char *const levels[] = {"V1_1", "V1_2", "V1_3"};
    for (size_t i = 0; i < 3; i++) {
        struct made_world world;
        open_world(&world, levels[i]);
        const struct deployment deployments[] = {
            {"deploy", "new", "1", .policy = anyone(&world)},
            {"deploy", "new", "1", .policy = nobody(&world)},
            {"deploy", "new", "1", .policy = nothing},         /* no instantiation policy */
            {"deploy", "kv", "2", .policy = anyone(&world)},   /* is there already */
            {"start", "new", "1", .policy = anyone(&world)},   /* no such function */
            {"deploy", "-new", "1", .policy = anyone(&world)}, /* no such names */
            {"deploy", "n--w", "1", .policy = anyone(&world)},
            {"deploy", "qscc", "1", .policy = anyone(&world)},
            {"deploy", "new", "1:1", .policy = anyone(&world)}, /* nor versions */
            {"deploy", "new", "1", .written_version = "2",
             .policy = anyone(&world)}, /* writes another version */
            {"deploy", "new", "1", .policy = anyone(&world),
             .other_set = made_simple(&world, "new", "init")},
            {"deploy", "new", "1", .policy = anyone(&world),
             .other_set = made_simple(&world, "kv", "init")}, /* writes elsewhere */
        };
        for (size_t j = 0; j < sizeof(deployments) / sizeof(deployments[0]); j++) {
            add_deployment(&world, &deployments[j]);
        }
        made_world_add(&world, "lscc", made_simple(&world, "lscc", "x"), ENDORSED_BY_BOTH);
        ASSERT_CODES(&world, VALID, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS,
                     VALID, FAILS, FAILS);
        made_world_close(&world);
    }
}

static void test_upgrades_void_what_else_the_block_does_with_a_chaincode(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    const struct deployment first = {"upgrade", "kv", "2", .policy = anyone(&world)};
    const struct deployment second = {"upgrade", "kv", "3", .policy = anyone(&world)};
    const struct deployment same = {"upgrade", "kv", "1", .policy = anyone(&world)};
    const struct deployment lost = {"upgrade", "void", "2", .policy = anyone(&world)};
    const struct deployment locked = {"upgrade", "kv", "4", .policy = nobody(&world)};
    made_world_add(&world, "kv", made_simple(&world, "kv", "a"), ENDORSED_BY_BOTH);
    add_deployment(&world, &first);
    add_deployment(&world, &second);
    made_world_add(&world, "kv", made_simple(&world, "kv", "b"), ENDORSED_BY_BOTH);
    add_deployment(&world, &same);
    add_deployment(&world, &lost);
    add_deployment(&world, &locked);
    made_world_add(&world, "kv", made_simple(&world, "kv", "c"), ENDORSED_BY_SIPHER);
    ASSERT_CODES(&world, FAMA_TRANSACTION_CHAINCODE_VERSION_CONFLICT,
                 FAMA_TRANSACTION_CHAINCODE_VERSION_CONFLICT, VALID,
                 FAMA_TRANSACTION_CHAINCODE_VERSION_CONFLICT, FAILS, FAILS, FAILS, FAILS);
    made_world_close(&world);
}

static void test_an_upgrade_asks_the_policy_of_before(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    made_world_put(
        &world, "lscc", "kept",
        made_chaincode_data(&world.arena, "kept", "1", "vscc", anyone(&world), nobody(&world)));
    const struct deployment upgrade = {"upgrade", "kept", "2", .policy = anyone(&world)};
    add_deployment(&world, &upgrade);
    ASSERT_CODES(&world, FAILS);
    made_world_close(&world);
}

/* --- Collections of lscc --- */

static struct fama_bytes package_of(struct made_world *world, const char *name,
                                    uint64_t block_to_live)
{
    const struct made_collection collection = {.name = name, .block_to_live = block_to_live};
    return made_package(&world->arena, &collection, 1);
}

static struct deployment with_package(struct made_world *world, const char *function,
                                      const char *name, struct fama_bytes package)
{
    return (struct deployment){function,
                               name,
                               "2",
                               .policy = anyone(world),
                               .has_package = true,
                               .package = package,
                               .written_package = package};
}

static void test_deployments_with_collections(void)
{
    struct made_world world;
    open_world(&world, "V1_2");
    struct fama_arena *arena = &world.arena;
    struct fama_bytes good = package_of(&world, "coll", 5);
    made_world_put(&world, "lscc", "left~collection", good);
    struct deployment other = with_package(&world, "deploy", "new", good);
    other.written_package = package_of(&world, "coll", 6);
    const struct deployment deployments[] = {
        with_package(&world, "deploy", "new", good),
        with_package(&world, "deploy", "left", good), /* there are collections already */
        with_package(&world, "deploy", "new", package_of(&world, "c.l", 5)),
        with_package(&world, "deploy", "new", package_of(&world, "", 5)),
        with_package(&world, "deploy", "new", made_join(arena, good, good)),
        with_package(&world, "deploy", "new", text("\xff no package")),
        other,
    };
    for (size_t i = 0; i < sizeof(deployments) / sizeof(deployments[0]); i++) {
        add_deployment(&world, &deployments[i]);
    }
    ASSERT_CODES(&world, VALID, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS);
    made_world_close(&world);
    /* Before collections there was no argument for them. */
    open_world(&world, "V1_1");
    struct deployment early = with_package(&world, "deploy", "new", package_of(&world, "coll", 5));
    add_deployment(&world, &early);
    ASSERT_CODES(&world, FAILS);
    made_world_close(&world);
}

static void test_an_upgrade_keeps_collections(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    made_world_put(&world, "lscc", "kv~collection", package_of(&world, "coll", 5));
    struct fama_bytes more =
        made_join(&world.arena, package_of(&world, "coll", 5), package_of(&world, "other", 0));
    const struct deployment deployments[] = {
        with_package(&world, "upgrade", "kv", package_of(&world, "coll", 6)),
        with_package(&world, "upgrade", "kv", package_of(&world, "other", 5)),
        with_package(&world, "upgrade", "kv", more),
    };
    for (size_t i = 0; i < sizeof(deployments) / sizeof(deployments[0]); i++) {
        add_deployment(&world, &deployments[i]);
    }
    ASSERT_CODES(&world, FAILS, FAILS, VALID);
    made_world_close(&world);
}

static void test_a_collection_without_members_halts(void)
{
    struct made_world world;
    open_world(&world, "V1_3");
    const struct made_collection collection = {.name = "coll", .without_members = true};
    struct deployment deployment =
        with_package(&world, "deploy", "new", made_package(&world.arena, &collection, 1));
    add_deployment(&world, &deployment);
    CU_ASSERT_EQUAL(made_world_judge(&world), FAMA_VALIDATION_HALT);
    made_world_close(&world);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_invocations_of_chaincodes),
        TEST(test_read_only_invocations_need_a_policy_from_v1_2_on),
        TEST(test_events_are_looked_at_from_v1_2_on),
        TEST(test_what_stands_before_the_policies),
        TEST(test_writes_to_system_chaincodes),
        TEST(test_a_foreign_plugin_halts),
        TEST(test_keys_have_policies_from_v1_3_on),
        TEST(test_deployments),
        TEST(test_upgrades_void_what_else_the_block_does_with_a_chaincode),
        TEST(test_an_upgrade_asks_the_policy_of_before),
        TEST(test_deployments_with_collections),
        TEST(test_an_upgrade_keeps_collections),
        TEST(test_a_collection_without_members_halts),
    };
    return run_suite("validation of 1.x", cases, sizeof(cases) / sizeof(cases[0]));
}
