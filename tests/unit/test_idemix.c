/* A channel of which one organisation is Idemix: it loads, and what needs no Idemix client's signature
 * is judged as ever. */
#include "ledger/envelope.h"
#include "ledger/proto/configtx.pb-c.h"
#include "unit/made_world.h"

#define VALID FAMA_TRANSACTION_VALID
#define FAILS FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE

/* A point of so many coordinates, all zero. */
static struct fama_bytes point(struct fama_arena *arena, uint32_t coordinates, size_t len)
{
    static const uint8_t zeros[33];
    struct fama_bytes message = {0};
    for (uint32_t i = 1; i <= coordinates; i++) {
        message = made_join(arena, message, made_field(arena, i, fama_bytes(zeros, len)));
    }
    return message;
}

static struct fama_bytes attribute_names(struct fama_arena *arena, const char *last)
{
    return made_join(arena, made_field(arena, 1, text("OU")), made_field(arena, 1, text("Role")),
                     made_field(arena, 1, text("EnrollmentID")), made_field(arena, 1, text(last)));
}

/* The points of an issuer's key, but for that of field `left_out`; the last attribute's has
 * coordinates of this length. */
static struct fama_bytes points(struct fama_arena *arena, uint32_t left_out, size_t last_len)
{
    struct fama_bytes message = {0};
    for (uint32_t i = 2; i <= 7; i++) {
        struct fama_bytes value = point(arena, i == 5 ? 4 : 2, 32);
        for (int j = 0; j < 3 && i == 4; j++) {
            message = made_join(arena, message, made_field(arena, i, value));
        }
        if (i != left_out) {
            value = i == 4 ? point(arena, 2, last_len) : value;
            message = made_join(arena, message, made_field(arena, i, value));
        }
    }
    return message;
}

static struct fama_bytes issuer_key(struct fama_arena *arena, const char *last_attribute)
{
    return made_join(arena, attribute_names(arena, last_attribute), points(arena, 0, 32),
                     made_field(arena, 10, text("hash")));
}

static const char p256_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELWfTLnLmAfYmW5gbTLkb8CJsm2Sj\n"
                               "b9MH2RlbA9ILzMmUzQmi3aKr/Q+rvWXbQmczoGzr/MQ5hfu2GP1ZXS1k8A==\n"
                               "-----END PUBLIC KEY-----\n";

/* An MSPConfig of this type around an IdemixMSPConfig. */
static struct fama_bytes definition(struct fama_arena *arena, uint64_t type, struct fama_bytes key,
                                    struct fama_bytes revocation_key, struct fama_bytes more)
{
    return made_join(arena, made_number(arena, 1, type),
                     made_field(arena, 2,
                                made_join(arena, made_field(arena, 1, text("WhiteBoxMSP")),
                                          made_field(arena, 2, key),
                                          made_field(arena, 4, revocation_key), more)));
}

static Common__ConfigGroup *child(Common__ConfigGroup *group, const char *name)
{
    for (size_t i = 0; i < group->n_groups; i++) {
        if (strcmp(group->groups[i]->key, name) == 0) {
            return group->groups[i]->value;
        }
    }
    CU_FAIL_FATAL("no such group");
    return NULL;
}

static void set_value(Common__ConfigGroup *group, const char *name, struct fama_bytes bytes)
{
    for (size_t i = 0; i < group->n_values; i++) {
        if (strcmp(group->values[i]->key, name) == 0) {
            group->values[i]->value->value = fama_pack_binary(bytes);
        }
    }
}

/* The made channel's configuration with this definition of the organisation WhiteBox; NULL if it is
 * refused. `capabilities` of the channel are kept if NULL. */
static struct fama_channel_config *config_with(struct made_world *world, struct fama_bytes msp,
                                               const struct fama_bytes *capabilities)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_channel_config *config = NULL;
    CU_ASSERT_FATAL(fama_envelope_decode(world->chain.genesis.envelopes[0], &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    Common__ConfigEnvelope *message =
        common__config_envelope__unpack(&world->arena.allocator, payload.data.len, payload.data.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    Common__ConfigGroup *root = message->config->channel_group;
    set_value(child(child(root, "Application"), "WhiteBox"), "MSP", msp);
    if (capabilities != NULL) {
        set_value(root, "Capabilities", *capabilities);
    }
    int result = fama_channel_config_from_envelope(fama_pack(&world->arena, &message->base),
                                                   text(MADE_CHANNEL), &config, &world->error);
    CU_ASSERT_EQUAL(result == 0, config != NULL);
    return config;
}

/* A world whose organisation WhiteBox is Idemix, with a chaincode for both to endorse and one for
 * Sipher alone. */
static void open_world(struct made_world *world)
{
    made_world_open(world, "V2_0");
    struct fama_arena *arena = &world->arena;
    struct fama_channel_config *config = config_with(
        world,
        definition(arena, 1, issuer_key(arena, "RevocationHandle"), text(p256_pem), text("")),
        NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    fama_channel_config_release(world->config);
    world->config = config;
    made_world_define(
        world, "both", "vscc",
        made_application_policy(arena, made_policy(arena, 2, "SipherMSP", "WhiteBoxMSP")),
        fama_bytes(NULL, 0));
    made_world_define(world, "one", "vscc",
                      made_application_policy(arena, made_policy(arena, 1, "SipherMSP", NULL)),
                      fama_bytes(NULL, 0));
}

static void add_from(struct made_world *world, enum made_member client)
{
    struct fama_bytes envelope = {0};
    const struct fama_transaction_draft draft = made_draft("one", made_simple(world, "one", "a"));
    const struct fama_signer *endorser = world->chain.signers[MADE_SIPHER];
    CU_ASSERT_EQUAL_FATAL(fama_transaction_build(&draft, world->chain.signers[client], &endorser, 1,
                                                 &world->arena, &envelope, &world->error),
                          0);
    made_world_add_bytes(world, envelope);
}

static void test_a_channel_with_an_idemix_organisation_loads(void)
{
    struct made_world world;
    struct fama_identity *identity = NULL;
    open_world(&world);
    const struct fama_msp *msp = fama_channel_config_msp(world.config, text("WhiteBoxMSP"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(msp);
    CU_ASSERT(fama_msp_is_opaque(msp));
    CU_ASSERT_FALSE(fama_msp_is_opaque(fama_channel_config_msp(world.config, text("SipherMSP"))));
    const struct fama_identity *member = fama_signer_identity(world.chain.signers[MADE_WHITEBOX]);
    CU_ASSERT_EQUAL(
        fama_msp_deserialize(msp, fama_identity_id_bytes(member), &identity, &world.error),
        FAMA_MSP_UNTRUSTED);
    CU_ASSERT_PTR_NULL(identity);
    CU_ASSERT_FALSE(fama_msp_has_role(msp, member, FAMA_MSP_ROLE_MEMBER));
    made_world_close(&world);
}

struct definition_case {
    struct fama_bytes msp;
    const struct fama_bytes *capabilities;
};

static void expect(struct made_world *world, const struct definition_case *cases, size_t count,
                   bool is_taken)
{
    for (size_t i = 0; i < count; i++) {
        struct fama_channel_config *config =
            config_with(world, cases[i].msp, cases[i].capabilities);
        if ((config != NULL) != is_taken) {
            fprintf(stderr, "definition %zu: %s\n", i, world->error.text);
        }
        CU_ASSERT_EQUAL(config != NULL, is_taken);
        if (!is_taken) {
            CU_ASSERT_PTR_NOT_NULL(strstr(world->error.text, "WhiteBox"));
        }
        fama_channel_config_release(config);
    }
}

static void test_definitions_that_fabric_refuses_are_refused(void)
{
    static const uint8_t v3_0[] = "\x0a\x06\x0a\x04V3_0";
    struct made_world world;
    made_world_open(&world, "V2_0");
    struct fama_arena *arena = &world.arena;
    struct fama_bytes names = attribute_names(arena, "RevocationHandle");
    struct fama_bytes key = issuer_key(arena, "RevocationHandle");
    struct fama_bytes more_names = made_join(arena, key, made_field(arena, 1, text("more")));
    const struct fama_bytes none = {0};
    const struct fama_bytes pem = text(p256_pem);
    const struct fama_bytes too_new = fama_bytes(v3_0, sizeof(v3_0) - 1);
    const struct definition_case cases[] = {
        {definition(arena, 1, key, none, none), NULL},
        {definition(arena, 1, none, pem, none), NULL},
        {definition(arena, 1, issuer_key(arena, "Other"), pem, none), NULL},
        {definition(arena, 1, more_names, pem, none), NULL},
        {definition(arena, 2, key, pem, none), NULL},
        {definition(arena, 1, key, pem, none), &too_new},
        {definition(arena, 1, key, pem, made_field(arena, 6, text("\xff"))), NULL},
        {definition(arena, 1, names, pem, none), NULL},
        {definition(arena, 1, made_join(arena, names, points(arena, 0, 31)), pem, none), NULL},
        {definition(arena, 1, made_join(arena, names, points(arena, 0, 33)), pem, none), NULL},
    };
    expect(&world, cases, sizeof(cases) / sizeof(cases[0]), false);
    for (uint32_t field = 2; field <= 7; field++) {
        struct fama_bytes holed = made_join(arena, names, points(arena, field, 32));
        const struct definition_case hole = {definition(arena, 1, holed, pem, none), NULL};
        expect(&world, &hole, 1, false);
    }
    made_world_close(&world);
}

static void test_a_revocation_key_that_is_no_ecdsa_key_is_refused(void)
{
    static const char ed25519_pem[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEAxvbc6GyGwgwTfjYS2whk+7S4DWS6hBxanWnuE4mVXi4=\n"
        "-----END PUBLIC KEY-----\n";
    static const char garbage_pem[] = "-----BEGIN PUBLIC KEY-----\neA==\n"
                                      "-----END PUBLIC KEY-----\n";
    struct made_world world;
    made_world_open(&world, "V2_0");
    struct fama_arena *arena = &world.arena;
    struct fama_bytes key = issuer_key(arena, "RevocationHandle");
    struct fama_bytes good = text(p256_pem);
    char off_curve[sizeof(p256_pem)];
    char followed[sizeof(p256_pem)];
    memcpy(off_curve, p256_pem, sizeof(off_curve));
    off_curve[100] = off_curve[100] == 'A' ? 'B' : 'A';
    memcpy(followed, p256_pem, sizeof(followed));
    *strstr(followed, "k8A==") = 'k';
    memcpy(strstr(followed, "8A=="), "8AAA", 4); /* two bytes behind the key */
    const struct fama_bytes none = {0};
    const struct definition_case cases[] = {
        {definition(arena, 1, key, text("x"), none), NULL},
        {definition(arena, 1, key, text(garbage_pem), none), NULL},
        {definition(arena, 1, key, text(ed25519_pem), none), NULL},
        {definition(arena, 1, key, text(off_curve), none), NULL},
        {definition(arena, 1, key, text(followed), none), NULL},
        {definition(arena, 1, key, fama_bytes(good.at, good.len - 30), none), NULL},
    };
    expect(&world, cases, sizeof(cases) / sizeof(cases[0]), false);
    const struct definition_case framed = {
        definition(arena, 1, key, made_join(arena, text("words\n"), good, text("more")), none),
        NULL};
    expect(&world, &framed, 1, true);
    made_world_close(&world);
}

static void test_a_signer_without_secret_or_credential_is_refused(void)
{
    static const uint8_t secret[33];
    struct made_world world;
    made_world_open(&world, "V2_0");
    struct fama_arena *arena = &world.arena;
    struct fama_bytes key = issuer_key(arena, "RevocationHandle");
    struct fama_bytes pem = text(p256_pem);
    struct fama_bytes credential = made_field(arena, 1, text("credential"));
    struct fama_bytes whole = made_field(arena, 2, fama_bytes(secret, 32));
    struct fama_bytes parts[] = {
        made_join(arena, credential, whole),
        text(""),
        credential,
        whole,
        made_join(arena, credential, made_field(arena, 2, fama_bytes(secret, 31))),
        made_join(arena, credential, made_field(arena, 2, fama_bytes(secret, 33))),
        made_join(arena, credential, whole, made_field(arena, 3, text("\xff"))),
        text("\xff"),
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const struct definition_case one = {
            definition(arena, 1, key, pem, made_field(arena, 3, parts[i])), NULL};
        expect(&world, &one, 1, i == 0);
    }
    made_world_close(&world);
}

static void test_transactions_without_idemix_clients_are_judged(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "one", made_simple(&world, "one", "a"), ENDORSED_BY_SIPHER);
    made_world_add(&world, "both", made_simple(&world, "both", "a"), ENDORSED_BY_BOTH);
    add_from(&world, MADE_STRANGER);
    ASSERT_CODES(&world, VALID, FAILS, FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE);
    made_world_close(&world);
}

static void test_a_transaction_of_an_idemix_client_halts(void)
{
    struct made_world world;
    open_world(&world);
    made_world_add(&world, "one", made_simple(&world, "one", "a"), ENDORSED_BY_SIPHER);
    add_from(&world, MADE_WHITEBOX);
    CU_ASSERT_EQUAL(made_world_judge(&world), FAMA_VALIDATION_HALT);
    CU_ASSERT_PTR_NOT_NULL(strstr(world.error.text, "Idemix"));
    made_world_close(&world);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_channel_with_an_idemix_organisation_loads),
        TEST(test_definitions_that_fabric_refuses_are_refused),
        TEST(test_a_revocation_key_that_is_no_ecdsa_key_is_refused),
        TEST(test_a_signer_without_secret_or_credential_is_refused),
        TEST(test_transactions_without_idemix_clients_are_judged),
        TEST(test_a_transaction_of_an_idemix_client_halts),
    };
    return run_suite("idemix", cases, sizeof(cases) / sizeof(cases[0]));
}
