/* Capability levels, what they allow in a configuration, and what a configuration says. */
#include "ledger/capabilities.h"

#include "unit/made_config.h"

static struct made_chain made;

static int make(void)
{
    return made_chain_create(&made) ? 0 : -1;
}

/* A common.Capabilities with up to two names. */
static struct fama_bytes levels(struct fama_arena *arena, const char *first, const char *second)
{
    const char *const names[] = {first, second};
    uint8_t *bytes = fama_arena_take(arena, 256);
    size_t len = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        size_t name_len = strlen(names[i]);
        bytes[len++] = 0x0a;
        bytes[len++] = (uint8_t)(name_len + 4);
        bytes[len++] = 0x0a;
        bytes[len++] = (uint8_t)name_len;
        memcpy(bytes + len, names[i], name_len);
        len += name_len;
        bytes[len++] = 0x12;
        bytes[len++] = 0;
    }
    return fama_bytes(bytes, len);
}

static void test_channel_levels_choose_the_rules_of_msps(void)
{
    static const struct {
        const char *first, *second;
        enum fama_msp_version version;
        bool endpoints, v3;
    } cases[] = {
        {NULL, NULL, FAMA_MSP_V1_0, false, false},
        {"V1_1", NULL, FAMA_MSP_V1_1, false, false},
        {"V1_3", NULL, FAMA_MSP_V1_3, false, false},
        {"V1_4_2", NULL, FAMA_MSP_V1_3, true, false},
        {"V1_4_3", NULL, FAMA_MSP_V1_4_3, true, false},
        {"V2_0", NULL, FAMA_MSP_V1_4_3, true, false},
        {"V3_0", NULL, FAMA_MSP_V3_0, true, true},
        {"V1_1", "V1_3", FAMA_MSP_V1_3, false, false},
        {"V3_0", "V1_1", FAMA_MSP_V3_0, true, true},
    };
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fama_channel_capabilities capabilities = {0};
        CU_ASSERT_EQUAL(fama_channel_capabilities_read(
                            levels(&arena, cases[i].first, cases[i].second), &capabilities, NULL),
                        0);
        CU_ASSERT_EQUAL(capabilities.msp_version, cases[i].version);
        CU_ASSERT_EQUAL(capabilities.org_specific_orderer_endpoints, cases[i].endpoints);
        CU_ASSERT_EQUAL(capabilities.consensus_type_migration, cases[i].endpoints);
        CU_ASSERT_EQUAL(capabilities.channel_v3, cases[i].v3);
    }
    fama_arena_clear(&arena);
}

static void test_application_levels_choose_the_rules_of_validation(void)
{
    /* each row also has what the rows above it have, but for the experiments */
    static const char *const names[] = {"V1_1", "V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5"};
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fama_channel_capabilities has = {0};
        CU_ASSERT_EQUAL(
            fama_application_capabilities_read(levels(&arena, names[i], NULL), &has, NULL), 0);
        CU_ASSERT(has.v1_1_validation && has.forbid_duplicate_txid_in_block);
        CU_ASSERT_EQUAL(has.v1_2_validation, i >= 1);
        CU_ASSERT_EQUAL(has.acls && has.private_channel_data, i >= 1);
        CU_ASSERT_EQUAL(has.v1_3_validation && has.key_level_endorsement, i >= 2);
        CU_ASSERT_EQUAL(has.v2_0_validation && has.lifecycle_v2_0, i >= 4);
    }
    struct fama_channel_capabilities none = {0};
    CU_ASSERT_EQUAL(fama_application_capabilities_read(fama_bytes(NULL, 0), &none, NULL), 0);
    CU_ASSERT(!none.v1_1_validation && !none.forbid_duplicate_txid_in_block);
    CU_ASSERT_EQUAL(fama_application_capabilities_read(levels(&arena, "V1_1_PVTDATA_EXPERIMENTAL",
                                                              "V1_1_RESOURCETREE_EXPERIMENTAL"),
                                                       &none, NULL),
                    0);
    CU_ASSERT(none.private_channel_data && !none.acls && !none.v1_1_validation);
    struct fama_error error;
    CU_ASSERT_NOT_EQUAL(
        fama_application_capabilities_read(levels(&arena, "V2_0", "V2_6"), &none, &error), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "V2_6"));
    CU_ASSERT_NOT_EQUAL(fama_channel_capabilities_read(levels(&arena, "V1_2", NULL), &none, NULL),
                        0);
    fama_arena_clear(&arena);
}

/* --- Configurations --- */

#define LEVEL(name) fama_bytes("\x0a\x08\x0a\x04" name "\x12\x00", 10)

static made_group *org_of(made_group *root, const char *group, const char *org)
{
    return made_child(made_child(root, group), org);
}

static void be_of_1_1(made_group *root, struct fama_arena *arena)
{
    made_value(root, "Capabilities")->value = fama_pack_binary(LEVEL("V1_1"));
    made_value(made_child(root, "Application"), "Capabilities")->value =
        fama_pack_binary(LEVEL("V1_1"));
    made_drop_value(org_of(root, "Orderer", "OrdererOrg"), "Endpoints");
    (void)made_add_value(root, arena, "OrdererAddresses",
                         fama_bytes("\x0a\x03"
                                    "a:1",
                                    5));
}

static void be_of_3_0(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(root, "Capabilities")->value = fama_pack_binary(LEVEL("V3_0"));
}

static void be_of_3_0_with_global_addresses(made_group *root, struct fama_arena *arena)
{
    be_of_3_0(root, arena);
    (void)made_add_value(root, arena, "OrdererAddresses",
                         fama_bytes("\x0a\x03"
                                    "a:1",
                                    5));
}

static void be_of_3_0_without_endpoints(made_group *root, struct fama_arena *arena)
{
    be_of_3_0(root, arena);
    made_drop_value(org_of(root, "Orderer", "OrdererOrg"), "Endpoints");
}

static void keep_endpoints_at_1_1(made_group *root, struct fama_arena *arena)
{
    be_of_1_1(root, arena);
    (void)made_add_value(org_of(root, "Orderer", "OrdererOrg"), arena, "Endpoints",
                         fama_bytes("\x0a\x03"
                                    "a:1",
                                    5));
}

static void forget_addresses_at_1_1(made_group *root, struct fama_arena *arena)
{
    be_of_1_1(root, arena);
    made_drop_value(root, "OrdererAddresses");
}

static void have_acls(made_group *root, struct fama_arena *arena)
{
    (void)made_add_value(made_child(root, "Application"), arena, "ACLs",
                         fama_bytes("\x0a\x08\x0a\x01r\x12\x03\x0a\x01p", 10));
}

static void have_acls_at_1_1(made_group *root, struct fama_arena *arena)
{
    be_of_1_1(root, arena);
    have_acls(root, arena);
}

static void have_damaged_acls(made_group *root, struct fama_arena *arena)
{
    (void)made_add_value(made_child(root, "Application"), arena, "ACLs",
                         fama_bytes("\x0a\x08\x0a\x01r\x12\x03\x0a\x01\xff", 10));
}

static void come_before_the_orderers(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_value(made_child(root, "Orderer"), "Capabilities");
}

static void leave_the_orderers_at_the_future(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(made_child(root, "Orderer"), "Capabilities")->value =
        fama_pack_binary(LEVEL("V9_9"));
}

static void drop_orderer(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_group(root, "Orderer");
}

static void drop_application(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_group(root, "Application");
}

static void hash_with_sha3(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(root, "HashingAlgorithm")->value =
        fama_pack_binary(fama_bytes("\x0a\x08SHA3_256", 10));
}

static void hash_with_md5(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(root, "HashingAlgorithm")->value = fama_pack_binary(fama_bytes("\x0a\x03MD5", 5));
}

static void hash_in_pairs(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(root, "BlockDataHashingStructure")->value =
        fama_pack_binary(fama_bytes("\x08\x02", 2));
}

static void batch_nothing(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(made_child(root, "Orderer"), "BatchSize")->value =
        fama_pack_binary(fama_bytes("\x08\x01\x10\x01\x18\x02", 6));
}

static void batch_for_no_time(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_value(made_child(root, "Orderer"), "BatchTimeout")->value =
        fama_pack_binary(fama_bytes("\x0a\x02"
                                    "0s",
                                    4));
}

static void have_a_group_in_an_organisation(made_group *root, struct fama_arena *arena)
{
    made_group *sipher = org_of(root, "Application", "Sipher");
    made_add_group(sipher, arena, "Inner", org_of(root, "Application", "WhiteBox"));
}

static void have_consortiums(made_group *root, struct fama_arena *arena)
{
    made_group *consortiums = fama_arena_take(arena, sizeof(*consortiums));
    made_group *consortium = fama_arena_take(arena, sizeof(*consortium));
    CU_ASSERT_FATAL(consortiums != NULL && consortium != NULL);
    common__config_group__init(consortiums);
    common__config_group__init(consortium);
    (void)made_add_value(consortium, arena, "ChannelCreationPolicy", fama_bytes("\x08\x03", 2));
    made_add_group(consortiums, arena, "Ours", consortium);
    made_add_group(root, arena, "Consortiums", consortiums);
    made_add_group(consortium, arena, "Orderers", org_of(root, "Orderer", "OrdererOrg"));
    made_drop_value(org_of(root, "Orderer", "OrdererOrg"), "Endpoints");
}

/* Two definitions of one MSP id: an unknown field inside makes them differ. */
static void define_sipher_twice(made_group *root, struct fama_arena *arena)
{
    made_group *twin = fama_arena_take(arena, sizeof(*twin));
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin);
    common__config_group__init(twin);
    ProtobufCBinaryData *old = &made_value(org_of(root, "Application", "Sipher"), "MSP")->value;
    uint8_t *bytes = fama_arena_take(arena, old->len + 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    /* MSPConfig{config: ...}: appending a field to it makes another message */
    memcpy(bytes, old->data, old->len);
    memcpy(bytes + old->len, "\x1a\x01x", 3);
    (void)made_add_value(twin, arena, "MSP", fama_bytes(bytes, old->len + 3));
    made_add_group(made_child(root, "Application"), arena, "Twin", twin);
}

/* The MSP id is text; Go refuses what is not UTF-8, and no id ends at a NUL. */
static void name_an_msp(made_group *root, struct fama_arena *arena, char odd)
{
    ProtobufCBinaryData *value = &made_value(org_of(root, "Application", "Sipher"), "MSP")->value;
    uint8_t *bytes = fama_arena_take(arena, value->len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, value->data, value->len);
    uint8_t *name = memmem(bytes, value->len, "SipherMSP", 9);
    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    name[3] = (uint8_t)odd;
    value->data = bytes;
}

static void name_an_msp_badly(made_group *root, struct fama_arena *arena)
{
    name_an_msp(root, arena, '\xff');
}

static void name_an_msp_with_nul(made_group *root, struct fama_arena *arena)
{
    name_an_msp(root, arena, '\0');
}

static void have_two_equal_groups(made_group *root, struct fama_arena *arena)
{
    made_add_group(made_child(root, "Application"), arena, "Twin",
                   org_of(root, "Application", "Sipher"));
}

static void test_what_levels_allow_and_demand(void)
{
    static const struct {
        made_change change;
        const char *word; /* NULL: accepted */
    } cases[] = {
        {be_of_1_1, NULL},
        {be_of_3_0, NULL},
        {be_of_3_0_with_global_addresses, "global orderer addresses"},
        {be_of_3_0_without_endpoints, "endpoints"},
        {keep_endpoints_at_1_1, "endpoints"},
        {forget_addresses_at_1_1, "orderer addresses"},
        {have_acls, NULL},
        {have_acls_at_1_1, "ACLs"},
        {have_damaged_acls, "does not decode"},
        {come_before_the_orderers, "orderers"},
        {leave_the_orderers_at_the_future, NULL},
        {drop_orderer, NULL},
        {drop_application, "Application"},
        {hash_with_sha3, NULL},
        {hash_with_md5, "MD5"},
        {hash_in_pairs, "width"},
        {batch_nothing, "batch size"},
        {batch_for_no_time, "0s"},
        {have_a_group_in_an_organisation, "groups below it"},
        {have_consortiums, NULL},
        {define_sipher_twice, "differently"},
        {have_two_equal_groups, NULL},
        {name_an_msp_badly, "does not decode"},
        {name_an_msp_with_nul, "does not decode"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fama_arena arena;
        struct fama_error error = {{0}};
        struct fama_channel_config *config = NULL;
        fama_arena_init(&arena, (size_t)16 << 20);
        Common__ConfigEnvelope *envelope = made_envelope(&made, &arena);
        cases[i].change(envelope->config->channel_group, &arena);
        int result = fama_channel_config_from_envelope(
            fama_pack(&arena, &envelope->base), fama_bytes_of_text(MADE_CHANNEL), &config, &error);
        bool is_right = cases[i].word == NULL ? result == 0
                                              : result == FAMA_CHANNEL_CONFIG_INVALID &&
                                                    strstr(error.text, cases[i].word) != NULL;
        if (!is_right) {
            fprintf(stderr, "case %zu says: %s\n", i, error.text);
            CU_FAIL("a configuration is judged wrongly");
        }
        fama_channel_config_release(config);
        fama_arena_clear(&arena);
    }
}

static void test_a_configuration_says_what_is_in_it(void)
{
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)16 << 20);
    struct fama_channel_config *config = made_base(&made, have_two_equal_groups, &arena);
    const struct fama_orderer_settings *orderer = fama_channel_config_orderer(config);
    CU_ASSERT(orderer->is_present);
    CU_ASSERT_EQUAL(orderer->max_message_count, 100);
    CU_ASSERT_EQUAL(orderer->batch_timeout_ns, 2000000000);
    CU_ASSERT(fama_bytes_equal(orderer->consensus_type, fama_bytes_of_text("etcdraft")));
    CU_ASSERT_EQUAL_FATAL(orderer->org_count, 1);
    CU_ASSERT_EQUAL_FATAL(orderer->orgs[0].endpoints.count, 1);
    CU_ASSERT(
        fama_bytes_equal(orderer->orgs[0].endpoints.at[0], fama_bytes_of_text("198.18.0.2:7050")));
    CU_ASSERT_EQUAL(fama_channel_config_orderer_addresses(config).count, 0);
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_application_count(config), 3);
    CU_ASSERT_STRING_EQUAL(fama_channel_config_application_mspid(config, 0), "SipherMSP");
    CU_ASSERT_STRING_EQUAL(fama_channel_config_application_mspid(config, 1), "SipherMSP");
    CU_ASSERT_STRING_EQUAL(fama_channel_config_application_mspid(config, 2), "WhiteBoxMSP");
    CU_ASSERT_EQUAL(fama_channel_config_application_org(config, 0)->anchor_peers[0].port, 7051);
    CU_ASSERT_PTR_EQUAL(fama_channel_config_msp(config, fama_bytes_of_text("SipherMSP")),
                        fama_channel_config_application_msp(config, "SipherMSP"));
    CU_ASSERT_PTR_NOT_NULL(fama_channel_config_msp(config, fama_bytes_of_text("OrdererMSP")));
    CU_ASSERT_PTR_NULL(fama_channel_config_msp(config, fama_bytes_of_text("OrdererMS")));
    CU_ASSERT_PTR_NULL(fama_channel_config_msp(config, fama_bytes_of_text("")));
    fama_channel_config_release(config);
    fama_arena_clear(&arena);
}

static void test_durations_are_read_as_go_reads_them(void)
{
    static const struct {
        const char *text;
        int64_t nanoseconds; /* 0: refused */
    } cases[] = {
        {"2s", 2000000000},
        {"250ms", 250000000},
        {"1m30s", 90000000000},
        {"1h", 3600000000000},
        {"1.5h", 5400000000000},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"+2s", 2000000000},
        {"3us", 3000},
        {"3\xc2\xb5s", 3000},
        {"3\xce\xbcs", 3000},
        {"7ns", 7},
        {"9223372036854775807ns", INT64_MAX},
        {"0.100000000000000000000h", 360000000000},
        {"", 0},
        {"0", 0},
        {"0s", 0},
        {"2", 0},
        {"s", 0},
        {".s", 0},
        {"-2s", 0},
        {"2 s", 0},
        {"2d", 0},
        {"9223372036854775808ns", 0},
        {"99999999999999999999s", 0},
        {"2562048h", 0},
        {"1s2", 0},
        {"++1s", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t nanoseconds = -1;
        bool is_read = fama_config_read_duration(fama_bytes_of_text(cases[i].text), &nanoseconds);
        bool is_right =
            cases[i].nanoseconds == 0 ? !is_read : is_read && nanoseconds == cases[i].nanoseconds;
        if (!is_right) {
            fprintf(stderr, "\"%s\" is read as %lld\n", cases[i].text, (long long)nanoseconds);
            CU_FAIL("a duration is read wrongly");
        }
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_channel_levels_choose_the_rules_of_msps),
        TEST(test_application_levels_choose_the_rules_of_validation),
        TEST(test_what_levels_allow_and_demand),
        TEST(test_a_configuration_says_what_is_in_it),
        TEST(test_durations_are_read_as_go_reads_them),
    };
    int status = make() == 0 ? run_suite("capabilities", cases, sizeof(cases) / sizeof(cases[0]))
                             : EXIT_FAILURE;
    made_chain_destroy(&made);
    return status;
}
