/* Genesis blocks: ours parse as configurations and have the structure of those configtxgen wrote.
 */
#include "ledger/genesis.h"

#include "ledger/config_tree.h"
#include "ledger/proto/orderer.pb-c.h"
#include "unit/made_chain.h"
#include "unit/real_blocks.h"

static struct made_chain made;

static void test_a_genesis_block_is_a_configuration_of_its_channel(void)
{
    struct fama_channel_config *config = NULL;
    CU_ASSERT_EQUAL(fama_block_check(&made.genesis, 0, MADE_CHANNEL), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT(fama_block_is_config(&made.genesis));
    CU_ASSERT_EQUAL(made.genesis.previous_hash.len, 0);
    CU_ASSERT_EQUAL(made.genesis.metadata_count, FAMA_BLOCK_METADATA_SLOTS);
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&made.genesis, &config, NULL), 0);
    CU_ASSERT_STRING_EQUAL(fama_channel_config_id(config), MADE_CHANNEL);
    CU_ASSERT_EQUAL(fama_channel_config_sequence(config), 0);
    CU_ASSERT_PTR_NOT_NULL(fama_channel_config_msp(config, fama_bytes_of_text("OrdererMSP")));
    CU_ASSERT_PTR_NOT_NULL(fama_channel_config_application_msp(config, "SipherMSP"));
    CU_ASSERT_PTR_NOT_NULL(fama_channel_config_application_msp(config, "WhiteBoxMSP"));
    fama_channel_config_release(config);
}

static void test_the_msps_of_a_genesis_block_know_their_members(void)
{
    struct fama_channel_config *config = NULL;
    struct fama_identity *identity = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&made.genesis, &config, NULL), 0);
    const struct fama_msp *msp = fama_channel_config_application_msp(config, "SipherMSP");
    struct fama_bytes pem = fama_identity_id_bytes(fama_signer_identity(made.signers[MADE_SIPHER]));
    CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, pem, &identity, NULL), 0);
    CU_ASSERT_EQUAL(fama_msp_validate(msp, identity, NULL), 0);
    CU_ASSERT(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_PEER));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_CLIENT));
    fama_identity_release(identity);
    const struct fama_msp *other = fama_channel_config_application_msp(config, "WhiteBoxMSP");
    CU_ASSERT_NOT_EQUAL(fama_msp_deserialize(other, pem, &identity, NULL), 0);
    fama_channel_config_release(config);
}

/* Whether two groups hold the same names with the same mod_policy, and the same policies;
 * organisations' certificates and the orderers' settings differ by nature. */
static void compare_groups(const char *path, const struct fama_config_element *ours,
                           const struct fama_config_element *real)
{
    const struct fama_config_list *policies = &real->children[FAMA_CONFIG_POLICY];
    const struct fama_config_list *values = &real->children[FAMA_CONFIG_VALUE];
    const struct fama_config_list *groups = &real->children[FAMA_CONFIG_GROUP];
    CU_ASSERT(fama_bytes_equal(ours->mod_policy, real->mod_policy));
    CU_ASSERT_EQUAL(ours->children[FAMA_CONFIG_POLICY].count, policies->count);
    for (size_t i = 0; i < policies->count; i++) {
        const struct fama_config_element *policy =
            fama_config_find(ours, FAMA_CONFIG_POLICY, policies->at[i].name);
        bool is_same = policy != NULL && fama_config_is_same_content(policy, &policies->at[i]);
        if (!is_same) {
            fprintf(stderr, "policy %.*s of %s differs\n", (int)policies->at[i].name.len,
                    policies->at[i].name.at, path);
        }
        CU_ASSERT(is_same);
    }
    for (size_t i = 0; i < values->count; i++) {
        struct fama_bytes name = values->at[i].name;
        const struct fama_config_element *value = fama_config_find(ours, FAMA_CONFIG_VALUE, name);
        bool is_there =
            value != NULL && fama_bytes_equal(value->mod_policy, values->at[i].mod_policy);
        /* ours has one organisation without */
        bool is_bare_org = fama_bytes_equal(name, fama_bytes_of_text("AnchorPeers"));
        if (!is_there && !is_bare_org) {
            fprintf(stderr, "value %.*s of %s is missing\n", (int)name.len, name.at, path);
        }
        CU_ASSERT(is_there || is_bare_org);
    }
    CU_ASSERT_EQUAL(ours->children[FAMA_CONFIG_GROUP].count, groups->count);
    for (size_t i = 0; i < groups->count; i++) {
        const struct fama_config_element *group =
            fama_config_find(ours, FAMA_CONFIG_GROUP, groups->at[i].name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(group);
        compare_groups("a group", group, &groups->at[i]);
    }
}

static void compare_value(const struct fama_config_element *ours,
                          const struct fama_config_element *real, const char *name)
{
    CU_ASSERT(fama_config_value(real, name).len > 0);
    CU_ASSERT(fama_bytes_equal(fama_config_value(ours, name), fama_config_value(real, name)));
}

static void test_the_structure_is_that_of_configtxgen(void)
{
    const char *shared = shared_data_or_say_so("comparison with configtxgen's genesis block");
    if (shared == NULL) {
        return;
    }
    struct fama_bytes bytes = read_real_block(shared, "drivenet", 0);
    struct fama_block real;
    struct fama_config_tree our_tree;
    struct fama_config_tree real_tree;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &real), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(fama_config_tree_open(&made.genesis, &our_tree, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(fama_config_tree_open(&real, &real_tree, NULL), 0);
    compare_groups("/Channel", our_tree.root, real_tree.root);
    compare_value(our_tree.root, real_tree.root, "HashingAlgorithm");
    compare_value(our_tree.root, real_tree.root, "BlockDataHashingStructure");
    compare_value(our_tree.root, real_tree.root, "Capabilities");
    const char *const groups[] = {"Orderer", "Application"};
    for (size_t i = 0; i < 2; i++) {
        compare_value(fama_config_group(our_tree.root, groups[i]),
                      fama_config_group(real_tree.root, groups[i]), "Capabilities");
    }
    CU_ASSERT(fama_bytes_equal(made.genesis.metadata[0], real.metadata[0]));
    fama_config_tree_close(&our_tree);
    fama_config_tree_close(&real_tree);
    fama_block_clear(&real);
    free_bytes(bytes);
}

static void test_endpoints_and_batch_settings_are_written_as_given(void)
{
    struct fama_config_tree tree;
    CU_ASSERT_EQUAL_FATAL(fama_config_tree_open(&made.genesis, &tree, NULL), 0);
    const struct fama_config_element *orderer = fama_config_group(tree.root, "Orderer");
    const struct fama_config_element *sipher =
        fama_config_group(fama_config_group(tree.root, "Application"), "Sipher");
    struct fama_bytes value = fama_config_value(orderer, "BatchSize");
    Orderer__BatchSize *size =
        orderer__batch_size__unpack(&tree.arena.allocator, value.len, value.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(size);
    CU_ASSERT_EQUAL(size->max_message_count, 100);
    CU_ASSERT(fama_bytes_equal(fama_config_value(orderer, "BatchTimeout"), fama_bytes("\x0a\x02"
                                                                                      "2s",
                                                                                      4)));
    /* AnchorPeers{anchor_peers: [{host: "198.18.0.3", port: 7051}]} */
    CU_ASSERT(fama_bytes_equal(fama_config_value(sipher, "AnchorPeers"),
                               fama_bytes("\x0a\x0f\x0a\x0a"
                                          "198.18.0.3\x10\x8b\x37",
                                          17)));
    CU_ASSERT(
        fama_bytes_equal(fama_config_value(fama_config_group(orderer, "OrdererOrg"), "Endpoints"),
                         fama_bytes("\x0a\x0f"
                                    "198.18.0.2:7050",
                                    17)));
    fama_config_tree_close(&tree);
}

static void test_what_fabric_would_refuse_is_refused_with_words(void)
{
    const char *const bad_endpoint[] = {"nowhere"};
    const struct fama_genesis_org good = {.name = "Org", .msp = made.msps[MADE_ORDERER]};
    const struct fama_genesis_org badly_named = {.name = "Org 1", .msp = made.msps[MADE_ORDERER]};
    const struct fama_genesis_org lost = {.name = "Org",
                                          .msp = made.msps[MADE_ORDERER],
                                          .endpoints = bad_endpoint,
                                          .endpoint_count = 1};
    const struct fama_genesis_org twins[] = {good, good};
    const struct fama_genesis cases[] = {
        {"Upper", &good, 1, &good, 1, 10, "2s"},      {"", &good, 1, &good, 1, 10, "2s"},
        {"net", &good, 0, &good, 1, 10, "2s"},        {"net", &good, 1, &good, 0, 10, "2s"},
        {"net", &badly_named, 1, &good, 1, 10, "2s"}, {"net", &good, 1, twins, 2, 10, "2s"},
        {"net", &lost, 1, &good, 1, 10, "2s"},        {"net", &good, 1, &good, 1, 0, "2s"},
        {"net", &good, 1, &good, 1, 10, "0s"},        {"net", &good, 1, &good, 1, 10, "two"},
        {"net", &good, 1, &good, 1, 10, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fama_error error = {{0}};
        uint8_t *bytes;
        size_t len;
        CU_ASSERT_EQUAL(fama_genesis_build(&cases[i], &bytes, &len, &error), FAMA_GENESIS_INVALID);
        CU_ASSERT(strlen(error.text) > 20);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_genesis_block_is_a_configuration_of_its_channel),
        TEST(test_the_msps_of_a_genesis_block_know_their_members),
        TEST(test_the_structure_is_that_of_configtxgen),
        TEST(test_endpoints_and_batch_settings_are_written_as_given),
        TEST(test_what_fabric_would_refuse_is_refused_with_words),
    };
    int status = made_chain_create(&made)
                     ? run_suite("genesis", cases, sizeof(cases) / sizeof(cases[0]))
                     : EXIT_FAILURE;
    made_chain_destroy(&made);
    return status;
}
