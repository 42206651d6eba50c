/* The policies of a channel: how they are found, what implicit ones ask for, which do not compile. */
#include "ledger/policies.h"

#include "unit/made_config.h"

static struct made_chain made;
static struct made_admins admins;

static int make(void)
{
    return made_chain_create(&made) && made_admins_create(&made, &admins) ? 0 : -1;
}

/* A configuration with the identities of its members in it. */
struct fixture {
    struct fama_arena arena;
    struct fama_channel_config *config;
    const struct fama_policies *policies;
    struct fama_identity *sipher;
    struct fama_identity *whitebox;
    struct fama_identity *client; /* of Sipher */
};

static struct fama_identity *member(const struct fama_channel_config *config,
                                    const struct fama_signer *signer)
{
    const struct fama_identity *identity = fama_signer_identity(signer);
    const struct fama_msp *msp =
        fama_channel_config_msp(config, fama_bytes_of_text(fama_identity_mspid(identity)));
    struct fama_identity *made_here = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(msp);
    CU_ASSERT_EQUAL_FATAL(
        fama_msp_deserialize(msp, fama_identity_id_bytes(identity), &made_here, NULL), 0);
    return made_here;
}

static void set_up(struct fixture *fixture, made_change base)
{
    fama_arena_init(&fixture->arena, (size_t)16 << 20);
    fixture->config = made_base(&made, base, &fixture->arena);
    fixture->policies = fama_channel_config_policies(fixture->config);
    fixture->sipher = member(fixture->config, made.signers[MADE_SIPHER]);
    fixture->whitebox = member(fixture->config, made.signers[MADE_WHITEBOX]);
    fixture->client = member(fixture->config, made.signers[MADE_CLIENT]);
}

static void tear_down(struct fixture *fixture)
{
    fama_identity_release(fixture->sipher);
    fama_identity_release(fixture->whitebox);
    fama_identity_release(fixture->client);
    fama_channel_config_release(fixture->config);
    fama_arena_clear(&fixture->arena);
}

static const struct fama_policy *find(const struct fixture *fixture, const char *path)
{
    return fama_policies_find(fixture->policies, fama_bytes_of_text(path));
}

static const struct fama_policy *find_from_sipher(const struct fixture *fixture, const char *path)
{
    const struct fama_bytes groups[] = {fama_bytes_of_text("Application"),
                                        fama_bytes_of_text("Sipher")};
    return fama_policies_find_from(fixture->policies, groups, 2, fama_bytes_of_text(path));
}

static bool satisfies(const struct fixture *fixture, const char *path,
                      const struct fama_identity *first, const struct fama_identity *second)
{
    const struct fama_identity *const identities[] = {first, second};
    size_t count = (first != NULL) + (second != NULL);
    return fama_policy_evaluate(find(fixture, path), identities, count);
}

static void test_policies_are_found_under_absolute_and_relative_paths(void)
{
    struct fixture fixture;
    set_up(&fixture, NULL);
    const struct fama_policy *policy = find(&fixture, "/Channel/Application/Sipher/Admins");
    CU_ASSERT_PTR_NOT_NULL(policy);
    CU_ASSERT_PTR_EQUAL(find(&fixture, "Application/Sipher/Admins"), policy);
    CU_ASSERT_PTR_EQUAL(find_from_sipher(&fixture, "Admins"), policy);
    CU_ASSERT_PTR_EQUAL(find_from_sipher(&fixture, "/Channel/Application/Sipher/Admins"), policy);
    /* Fabric drops the character after the group's path, whatever it is. */
    CU_ASSERT_PTR_EQUAL(find(&fixture, "/Channel.Application/Sipher/Admins"), policy);
    CU_ASSERT_PTR_NOT_NULL(find(&fixture, "/Channel/Readers"));
    CU_ASSERT_PTR_NOT_NULL(find(&fixture, "Admins"));
    tear_down(&fixture);
}

static void test_what_is_not_there_is_not_found(void)
{
    static const char *const paths[] = {
        "",
        "/",
        "/Channel",
        "/Channel/",
        "/channel/Readers",
        "/Application/Admins",
        "Channel/Readers",
        "//Channel/Readers",
        "/Channel//Readers",
        "Application//Admins",
        "Application/",
        "Application",
        "/Channel/Application/Sipher/Admins/",
        "Application/Sipher/Nobody",
        "Nowhere/Admins",
    };
    struct fixture fixture;
    set_up(&fixture, NULL);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        CU_ASSERT_PTR_NULL(find(&fixture, paths[i]));
    }
    CU_ASSERT_PTR_NULL(find_from_sipher(&fixture, "/Channel/Application/WhiteBox/Admins"));
    CU_ASSERT_PTR_NULL(find_from_sipher(&fixture, "/Channel/Admins"));
    CU_ASSERT_PTR_NULL(find_from_sipher(&fixture, "Application/Sipher/Admins"));
    CU_ASSERT_FALSE(fama_policy_evaluate(NULL, NULL, 0));
    tear_down(&fixture);
}

static void test_implicit_policies_count_organisations(void)
{
    struct fixture fixture;
    set_up(&fixture, NULL);
    static const char majority[] = "/Channel/Application/Endorsement";
    CU_ASSERT(satisfies(&fixture, majority, fixture.sipher, fixture.whitebox));
    CU_ASSERT(satisfies(&fixture, majority, fixture.whitebox, fixture.sipher));
    CU_ASSERT_FALSE(satisfies(&fixture, majority, fixture.sipher, NULL));
    CU_ASSERT_FALSE(satisfies(&fixture, majority, fixture.client, fixture.whitebox));
    CU_ASSERT_FALSE(satisfies(&fixture, majority, NULL, NULL));
    CU_ASSERT(satisfies(&fixture, "/Channel/Readers", fixture.client, NULL));
    CU_ASSERT_FALSE(satisfies(&fixture, "/Channel/Readers", NULL, NULL));
    CU_ASSERT_FALSE(satisfies(&fixture, "/Channel/Admins", fixture.sipher, fixture.whitebox));
    tear_down(&fixture);
}

/* Gives /Channel/Application/Endorsement another rule: "\x10" and its number. */
static void set_rule(made_group *root, const char *rule, size_t len)
{
    made_policy(made_child(root, "Application"), "Endorsement")->policy->value =
        fama_pack_binary(fama_bytes(rule, len));
}

#define ENDORSEMENT                                                                                \
    "\x0a\x0b"                                                                                     \
    "Endorsement"

static void ask_any(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    set_rule(root, ENDORSEMENT, 13);
    made_drop_policy(made_child(made_child(root, "Application"), "WhiteBox"), "Endorsement");
}

static void ask_all(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    set_rule(root, ENDORSEMENT "\x10\x01", 15);
}

static void ask_majority_with_one_missing(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_policy(made_child(made_child(root, "Application"), "WhiteBox"), "Endorsement");
}

static void ask_what_nobody_knows(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    set_rule(root, ENDORSEMENT "\x10\x07", 15);
}

static void ask_by_absolute_path(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    set_rule(root,
             "\x0a\x27"
             "/Channel/Application/Sipher/Endorsement",
             41);
}

/* An implicit policy in a group that has no groups below it. */
static void ask_nobody(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    Common__Policy *policy =
        made_policy(made_child(made_child(root, "Application"), "Sipher"), "Endorsement")->policy;
    policy->type = 3;
    policy->value = fama_pack_binary(fama_bytes(ENDORSEMENT "\x10\x02", 15));
}

static void test_implicit_rules_and_missing_policies(void)
{
    static const struct {
        made_change base;
        bool nobody, sipher, whitebox, both;
    } cases[] = {
        {ask_any, false, true, false, true},
        {ask_all, false, false, false, true},
        {ask_majority_with_one_missing, false, false, false, false},
        /* Fabric counts down from zero and never gets there again. */
        {ask_what_nobody_knows, true, false, false, false},
        {ask_by_absolute_path, false, true, false, true},
        {ask_nobody, false, false, true, true}, /* Sipher's is always satisfied */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const char path[] = "/Channel/Application/Endorsement";
        struct fixture fixture;
        set_up(&fixture, cases[i].base);
        CU_ASSERT_EQUAL(satisfies(&fixture, path, NULL, NULL), cases[i].nobody);
        CU_ASSERT_EQUAL(satisfies(&fixture, path, fixture.sipher, NULL), cases[i].sipher);
        CU_ASSERT_EQUAL(satisfies(&fixture, path, fixture.whitebox, NULL), cases[i].whitebox);
        CU_ASSERT_EQUAL(satisfies(&fixture, path, fixture.sipher, fixture.whitebox), cases[i].both);
        tear_down(&fixture);
    }
}

/* --- What does not compile --- */

static Common__Policy *endorsement(made_group *root)
{
    return made_policy(made_child(made_child(root, "Application"), "Sipher"), "Endorsement")
        ->policy;
}

static void be_of_type_msp(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->type = 2;
}

static void be_of_no_type(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->type = 0;
}

static void be_absent(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_policy(made_child(made_child(root, "Application"), "Sipher"), "Endorsement")->policy =
        NULL;
}

static void be_of_version_one(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->value = fama_pack_binary(fama_bytes("\x08\x01\x12\x02\x12\x00", 6));
}

static void name_nobody(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->value = fama_pack_binary(fama_bytes("\x12\x02\x08\x00", 4));
}

static void be_damaged(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->value = fama_pack_binary(fama_bytes("\x12\x09", 2));
}

static void name_no_text(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    endorsement(root)->type = 3;
    endorsement(root)->value = fama_pack_binary(fama_bytes("\x0a\x01\xff", 3));
}

static void test_policies_that_do_not_compile_refuse_the_configuration(void)
{
    static const made_change changes[] = {be_of_type_msp,    be_of_no_type, be_absent,
                                          be_of_version_one, name_nobody,   be_damaged,
                                          name_no_text};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct fama_arena arena;
        struct fama_error error = {{0}};
        struct fama_channel_config *config = NULL;
        fama_arena_init(&arena, (size_t)16 << 20);
        Common__ConfigEnvelope *envelope = made_envelope(&made, &arena);
        changes[i](envelope->config->channel_group, &arena);
        CU_ASSERT_EQUAL(fama_channel_config_from_envelope(fama_pack(&arena, &envelope->base),
                                                          fama_bytes_of_text(MADE_CHANNEL), &config,
                                                          &error),
                        FAMA_CHANNEL_CONFIG_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/Channel/Application/Sipher/Endorsement"));
        fama_channel_config_release(config);
        fama_arena_clear(&arena);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_policies_are_found_under_absolute_and_relative_paths),
        TEST(test_what_is_not_there_is_not_found),
        TEST(test_implicit_policies_count_organisations),
        TEST(test_implicit_rules_and_missing_policies),
        TEST(test_policies_that_do_not_compile_refuse_the_configuration),
    };
    int status =
        make() == 0 ? run_suite("policies", cases, sizeof(cases) / sizeof(cases[0])) : EXIT_FAILURE;
    made_admins_destroy(&admins);
    made_chain_destroy(&made);
    return status;
}
