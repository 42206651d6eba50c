#include "ledger/channel_config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/config_names.h"
#include "ledger/config_organisations.h"
#include "ledger/signer_cache.h"

#define PATH_MAX_BYTES 192

struct fama_channel_config {
    atomic_uint references;
    char id[FAMA_CHANNEL_ID_MAX];
    struct fama_config_tree tree;
    struct fama_arena arena; /* the lists below */
    struct fama_channel_capabilities capabilities;
    struct fama_config_msps msps;
    struct fama_application_org *applications;
    size_t application_count;
    struct fama_orderer_settings orderer;
    struct fama_config_texts orderer_addresses;
    struct fama_policies *policies;
    struct fama_signer_cache *signers;
};

static int invalid(struct fama_error *error, const char *words)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID, "%s", words);
}

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory");
}

/* --- Organisations --- */

/* "/Channel/Orderer/Org", shortened if need be: for words only. */
static void path_of(const struct fama_config_element *org, const char *where,
                    char path[PATH_MAX_BYTES])
{
    (void)snprintf(path, PATH_MAX_BYTES, "%s/%.*s", where,
                   org->name.len > 64 ? 64 : (int)org->name.len, org->name.at);
}

static int read_org(struct fama_channel_config *config, const struct fama_config_element *org,
                    enum fama_config_group_kind kind, const char *where,
                    const struct fama_msp **msp, struct fama_error *error)
{
    char path[PATH_MAX_BYTES];
    path_of(org, where, path);
    if (org->children[FAMA_CONFIG_GROUP].count > 0) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "organisation %s has groups below it", path);
    }
    int result = fama_config_values_check(org, kind, path, error);
    if (result == 0) {
        result = fama_config_msps_add(&config->msps, fama_config_value(org, "MSP"),
                                      config->capabilities.msp_version, msp, error);
        result = result == 0 ? 0 : fama_error_prefix(error, result, "organisation %s: ", path);
    }
    return result;
}

static int compare_applications(const void *left, const void *right)
{
    const struct fama_application_org *a = left;
    const struct fama_application_org *b = right;
    return strcmp(a->mspid, b->mspid);
}

static int compare_orderers(const void *left, const void *right)
{
    const struct fama_orderer_org *a = left;
    const struct fama_orderer_org *b = right;
    return strcmp(a->mspid, b->mspid);
}

/* --- Groups --- */

static int read_application(struct fama_channel_config *config,
                            const struct fama_config_element *group, struct fama_error *error)
{
    static const char where[] = "/Channel/Application";
    const struct fama_config_list *orgs = &group->children[FAMA_CONFIG_GROUP];
    int result = fama_config_values_check(group, FAMA_CONFIG_APPLICATION, where, error);
    if (result == 0) {
        result = fama_application_capabilities_read(fama_config_value(group, "Capabilities"),
                                                    &config->capabilities, error);
    }
    if (result == 0 && !config->capabilities.acls && fama_config_has_value(group, "ACLs")) {
        result = invalid(error, "group /Channel/Application has ACLs without a capability that "
                                "allows them (V1_2 or later)");
    }
    config->applications =
        fama_arena_take(&config->arena, (orgs->count + 1) * sizeof(*config->applications));
    if (result == 0 && config->applications == NULL) {
        result = no_memory(error);
    }
    for (size_t i = 0; result == 0 && i < orgs->count; i++) {
        struct fama_application_org *org = &config->applications[config->application_count++];
        org->group = orgs->at[i].name;
        result =
            read_org(config, &orgs->at[i], FAMA_CONFIG_APPLICATION_ORG, where, &org->msp, error);
        if (result == 0) {
            org->mspid = fama_msp_id(org->msp);
            result = fama_config_read_anchor_peers(fama_config_value(&orgs->at[i], "AnchorPeers"),
                                                   &config->arena, &org->anchor_peers,
                                                   &org->anchor_peer_count);
        }
    }
    if (result == 0) {
        qsort(config->applications, config->application_count, sizeof(*config->applications),
              compare_applications);
    }
    return result;
}

/* The numbers that make an orderer's group valid. Broker lists are not looked at: 2.5 demands that
 * they look like addresses, 3.1 does not. */
static int read_batches(struct fama_orderer_settings *orderer,
                        const struct fama_config_element *group, struct fama_error *error)
{
    struct fama_bytes size = fama_config_value(group, "BatchSize");
    orderer->max_message_count = fama_config_read_number(size, 1);
    orderer->absolute_max_bytes = fama_config_read_number(size, 2);
    orderer->preferred_max_bytes = fama_config_read_number(size, 3);
    if (orderer->max_message_count == 0 || orderer->absolute_max_bytes == 0 ||
        orderer->preferred_max_bytes == 0 ||
        orderer->preferred_max_bytes > orderer->absolute_max_bytes) {
        return invalid(error, "the orderers' batch size has a zero, or prefers more bytes than it "
                              "allows");
    }
    struct fama_bytes timeout = fama_config_read_text(fama_config_value(group, "BatchTimeout"));
    if (!fama_config_read_duration(timeout, &orderer->batch_timeout_ns)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the orderers' batch timeout \"%.*s\" is no positive duration",
                              timeout.len > 32 ? 32 : (int)timeout.len, timeout.at);
    }
    return 0;
}

static int read_orderer_org(struct fama_channel_config *config,
                            const struct fama_config_element *element, struct fama_orderer_org *org,
                            struct fama_error *error)
{
    static const char where[] = "/Channel/Orderer";
    char path[PATH_MAX_BYTES];
    path_of(element, where, path);
    org->group = element->name;
    if (!config->capabilities.org_specific_orderer_endpoints &&
        fama_config_has_value(element, "Endpoints")) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "organisation %s has endpoints without a channel capability that "
                              "allows them (V1_4_2 or later)",
                              path);
    }
    int result = read_org(config, element, FAMA_CONFIG_ORDERER_ORG, where, &org->msp, error);
    if (result != 0) {
        return result;
    }
    org->mspid = fama_msp_id(org->msp);
    result = fama_config_read_addresses(fama_config_value(element, "Endpoints"), &config->arena,
                                        &org->endpoints);
    if (result == 0 && config->capabilities.channel_v3 && org->endpoints.count == 0) {
        result =
            fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                           "organisation %s has no endpoints, which capability V3_0 demands", path);
    }
    return result;
}

static int read_orderer(struct fama_channel_config *config, const struct fama_config_element *group,
                        struct fama_error *error)
{
    struct fama_orderer_settings *orderer = &config->orderer;
    const struct fama_config_list *orgs = &group->children[FAMA_CONFIG_GROUP];
    int result = fama_config_values_check(group, FAMA_CONFIG_ORDERER, "/Channel/Orderer", error);
    if (result == 0) {
        result = read_batches(orderer, group, error);
    }
    orderer->is_present = true;
    orderer->consensus_type = fama_config_read_text(fama_config_value(group, "ConsensusType"));
    if (result == 0) {
        result = fama_config_read_consenters(fama_config_value(group, "Orderers"), &config->arena,
                                             &orderer->consenters, &orderer->consenter_count);
    }
    struct fama_orderer_org *list =
        fama_arena_take(&config->arena, (orgs->count + 1) * sizeof(*list));
    if (result == 0 && list == NULL) {
        result = no_memory(error);
    }
    for (size_t i = 0; result == 0 && i < orgs->count; i++) {
        result = read_orderer_org(config, &orgs->at[i], &list[i], error);
    }
    if (result == 0) {
        qsort(list, orgs->count, sizeof(*list), compare_orderers);
        orderer->orgs = list;
        orderer->org_count = orgs->count;
    }
    return result;
}

/* Of an old system channel: its organisations are members of the channel like all others. */
static int read_consortiums(struct fama_channel_config *config,
                            const struct fama_config_element *group, struct fama_error *error)
{
    const struct fama_config_list *consortiums = &group->children[FAMA_CONFIG_GROUP];
    int result = 0;
    for (size_t i = 0; result == 0 && i < consortiums->count; i++) {
        const struct fama_config_element *consortium = &consortiums->at[i];
        const struct fama_config_list *orgs = &consortium->children[FAMA_CONFIG_GROUP];
        char path[PATH_MAX_BYTES];
        path_of(consortium, "/Channel/Consortiums", path);
        result = fama_config_values_check(consortium, FAMA_CONFIG_CONSORTIUM, path, error);
        for (size_t j = 0; result == 0 && j < orgs->count; j++) {
            const struct fama_msp *ignored;
            result =
                read_org(config, &orgs->at[j], FAMA_CONFIG_CONSORTIUM_ORG, path, &ignored, error);
        }
    }
    return result;
}

/* --- The channel --- */

static int check_hashing(const struct fama_config_element *root, struct fama_error *error)
{
    struct fama_bytes name = fama_config_read_text(fama_config_value(root, "HashingAlgorithm"));
    if (!fama_bytes_equal_text(name, "SHA256") && !fama_bytes_equal_text(name, "SHA3_256")) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the hashing algorithm is \"%.*s\": expected SHA256 or SHA3_256",
                              name.len > 32 ? 32 : (int)name.len, name.at);
    }
    if (fama_config_read_number(fama_config_value(root, "BlockDataHashingStructure"), 1) !=
        UINT32_MAX) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the block data hashing structure has not the width %u", UINT32_MAX);
    }
    return 0;
}

static int read_channel(struct fama_channel_config *config, struct fama_error *error)
{
    const struct fama_config_element *root = config->tree.root;
    int result = fama_config_values_check(root, FAMA_CONFIG_CHANNEL, "/Channel", error);
    if (result == 0) {
        result = fama_channel_capabilities_read(fama_config_value(root, "Capabilities"),
                                                &config->capabilities, error);
    }
    if (result == 0) {
        result = check_hashing(root, error);
    }
    if (result == 0) {
        result = fama_config_read_addresses(fama_config_value(root, "OrdererAddresses"),
                                            &config->arena, &config->orderer_addresses);
    }
    if (result != 0) {
        return result;
    }
    if (!config->capabilities.org_specific_orderer_endpoints &&
        config->orderer_addresses.count == 0) {
        return invalid(error, "the channel has no orderer addresses, which it must have below "
                              "capability V1_4_2");
    }
    if (config->capabilities.channel_v3 && config->orderer_addresses.count > 0) {
        return invalid(error, "the channel has global orderer addresses, which capability V3_0 "
                              "does not allow");
    }
    return 0;
}

/* Fabric's preValidate: the orderers' capabilities come first. */
static int check_capability_order(const struct fama_config_element *root, struct fama_error *error)
{
    const struct fama_config_element *orderer = fama_config_group(root, "Orderer");
    const struct fama_config_element *application = fama_config_group(root, "Application");
    if (orderer != NULL && !fama_config_has_value(orderer, "Capabilities") &&
        (fama_config_has_value(root, "Capabilities") ||
         (application != NULL && fama_config_has_value(application, "Capabilities")))) {
        return invalid(error, "the channel or its application has capabilities, and the orderers "
                              "have none");
    }
    return 0;
}

static size_t count_orgs(const struct fama_config_element *group, unsigned int levels)
{
    const struct fama_config_list *groups = &group->children[FAMA_CONFIG_GROUP];
    size_t count = groups->count;
    for (size_t i = 0; levels > 1 && i < groups->count; i++) {
        count += count_orgs(&groups->at[i], levels - 1);
    }
    return count;
}

static int read_groups(struct fama_channel_config *config, struct fama_error *error)
{
    const struct fama_config_list *groups = &config->tree.root->children[FAMA_CONFIG_GROUP];
    int result = fama_config_msps_init(&config->msps, count_orgs(config->tree.root, 3), error);
    bool has_application = false;
    for (size_t i = 0; result == 0 && i < groups->count; i++) {
        const struct fama_config_element *group = &groups->at[i];
        if (fama_bytes_equal_text(group->name, "Application")) {
            has_application = true;
            result = read_application(config, group, error);
        } else if (fama_bytes_equal_text(group->name, "Orderer")) {
            result = read_orderer(config, group, error);
        } else if (fama_bytes_equal_text(group->name, "Consortiums")) {
            result = read_consortiums(config, group, error);
        } else {
            result =
                fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                               "group /Channel has a group \"%.*s\" that does not belong there",
                               group->name.len > 64 ? 64 : (int)group->name.len, group->name.at);
        }
    }
    if (result == 0 && !has_application) {
        result = invalid(error, "the configuration has no group Application: it is not that of an "
                                "application channel");
    }
    fama_config_msps_settle(&config->msps);
    return result;
}

bool fama_channel_id_is_valid(struct fama_bytes id)
{
    if (id.len == 0 || id.len >= FAMA_CHANNEL_ID_MAX || id.at[0] < 'a' || id.at[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-')) {
            return false;
        }
    }
    return true;
}

static int fill(struct fama_channel_config *config, struct fama_error *error)
{
    int result = fama_config_names_check(config->tree.root, error);
    if (result == 0) {
        result = check_capability_order(config->tree.root, error);
    }
    if (result == 0) {
        result = read_channel(config, error);
    }
    if (result == 0) {
        result = read_groups(config, error);
    }
    if (result == 0) {
        result = fama_policies_create(config->tree.root, &config->policies, error);
    }
    return result == 0 ? 0 : fama_error_prefix(error, result, "channel %s: ", config->id);
}

int fama_channel_config_from_tree(struct fama_config_tree *tree, struct fama_bytes channel_id,
                                  struct fama_channel_config **config, struct fama_error *error)
{
    int result = 0;
    struct fama_channel_config *made = NULL;
    *config = NULL;
    if (!fama_channel_id_is_valid(channel_id)) {
        result = fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                "the configuration's channel name is not one Fabric allows "
                                "(lower-case letters, digits, dots and dashes, at most %d)",
                                FAMA_CHANNEL_ID_MAX - 1);
    } else {
        made = calloc(1, sizeof(*made));
        result = made == NULL ? no_memory(error) : 0;
    }
    if (result != 0) {
        fama_config_tree_close(tree);
        return result;
    }
    atomic_init(&made->references, 1);
    made->tree = *tree;
    made->tree.arena.allocator.allocator_data = &made->tree.arena;
    made->tree.channel_id = made->tree.last_update = fama_bytes(NULL, 0); /* of other memory */
    memcpy(made->id, channel_id.at, channel_id.len);
    made->signers = fama_signer_cache_create();
    fama_arena_init(&made->arena, SIZE_MAX / 2);
    result = made->signers == NULL ? no_memory(error) : fill(made, error);
    if (result != 0) {
        fama_channel_config_release(made);
        return result;
    }
    *config = made;
    return 0;
}

int fama_channel_config_from_block(const struct fama_block *block,
                                   struct fama_channel_config **config, struct fama_error *error)
{
    struct fama_config_tree tree;
    *config = NULL;
    int result = fama_config_tree_open(block, &tree, error);
    return result == 0 ? fama_channel_config_from_tree(&tree, tree.channel_id, config, error)
                       : result;
}

int fama_channel_config_from_envelope(struct fama_bytes config_envelope,
                                      struct fama_bytes channel_id,
                                      struct fama_channel_config **config, struct fama_error *error)
{
    struct fama_config_tree tree;
    *config = NULL;
    int result = fama_config_tree_read(config_envelope, &tree, error);
    return result == 0 ? fama_channel_config_from_tree(&tree, channel_id, config, error) : result;
}

struct fama_channel_config *fama_channel_config_acquire(struct fama_channel_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void fama_channel_config_release(struct fama_channel_config *config)
{
    if (config == NULL ||
        atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    fama_signer_cache_destroy(config->signers);
    fama_policies_destroy(config->policies);
    fama_config_msps_clear(&config->msps);
    fama_arena_clear(&config->arena);
    fama_config_tree_close(&config->tree);
    free(config);
}

/* --- What it says --- */

const char *fama_channel_config_id(const struct fama_channel_config *config)
{
    return config->id;
}

uint64_t fama_channel_config_sequence(const struct fama_channel_config *config)
{
    return config->tree.sequence;
}

const struct fama_channel_capabilities *
fama_channel_config_capabilities(const struct fama_channel_config *config)
{
    return &config->capabilities;
}

const struct fama_policies *fama_channel_config_policies(const struct fama_channel_config *config)
{
    return config->policies;
}

const struct fama_config_element *fama_channel_config_root(const struct fama_channel_config *config)
{
    return config->tree.root;
}

const struct fama_msp *fama_channel_config_msp(const struct fama_channel_config *config,
                                               struct fama_bytes mspid)
{
    return fama_config_msps_find(&config->msps, mspid);
}

const struct fama_msp *fama_channel_config_application_msp(const struct fama_channel_config *config,
                                                           const char *mspid)
{
    for (size_t i = 0; i < config->application_count; i++) {
        if (strcmp(config->applications[i].mspid, mspid) == 0) {
            return config->applications[i].msp;
        }
    }
    return NULL;
}

size_t fama_channel_config_application_count(const struct fama_channel_config *config)
{
    return config->application_count;
}

const struct fama_application_org *
fama_channel_config_application_org(const struct fama_channel_config *config, size_t index)
{
    return &config->applications[index];
}

const char *fama_channel_config_application_mspid(const struct fama_channel_config *config,
                                                  size_t index)
{
    return config->applications[index].mspid;
}

const struct fama_orderer_settings *
fama_channel_config_orderer(const struct fama_channel_config *config)
{
    return &config->orderer;
}

struct fama_config_texts
fama_channel_config_orderer_addresses(const struct fama_channel_config *config)
{
    return config->orderer_addresses;
}

struct fama_signer_cache *fama_channel_config_signers(const struct fama_channel_config *config)
{
    return config->signers;
}
