#include "ledger/channel_config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/block_signers.h"
#include "ledger/config_tree.h"
#include "ledger/envelope.h"
#include "ledger/msp_message.h"
#include "ledger/proto/configuration.pb-c.h"
#include "ledger/proto_reader.h"
#include "ledger/signer_cache.h"

struct msp_list {
    struct fama_msp **msps;
    size_t count;
};

struct fama_channel_config {
    atomic_uint references;
    char id[FAMA_CHANNEL_ID_MAX];
    uint64_t sequence;
    struct msp_list orderers;
    struct msp_list applications;
    struct fama_block_signers signers;
    struct fama_signer_cache *cache; /* the one part that changes, and it changes no answer */
};

/* What a group of the tree may hold; anything else makes Fabric refuse the whole configuration. */
static const char *const channel_groups[] = {"Application", "Orderer", NULL};
static const char *const channel_values[] = {"HashingAlgorithm", "BlockDataHashingStructure",
                                             "OrdererAddresses", "Consortium",
                                             "Capabilities",     NULL};
static const char *const orderer_values[] = {
    "ConsensusType", "BatchSize", "BatchTimeout", "ChannelRestrictions", "KafkaBrokers",
    "Capabilities",  NULL};
static const char *const application_values[] = {"ACLs", "Capabilities", NULL};
static const char *const orderer_org_values[] = {"MSP", "Endpoints", NULL};
static const char *const application_org_values[] = {"MSP", "AnchorPeers", NULL};
static const char *const no_groups[] = {NULL};

static const char *const channel_capabilities[] = {"V1_1",   "V1_3", "V1_4_2",
                                                   "V1_4_3", "V2_0", NULL};
static const char *const application_capabilities[] = {"V1_1",
                                                       "V1_2",
                                                       "V1_3",
                                                       "V1_4_2",
                                                       "V2_0",
                                                       "V2_5",
                                                       "V1_1_PVTDATA_EXPERIMENTAL",
                                                       "V1_1_RESOURCETREE_EXPERIMENTAL",
                                                       NULL};

static bool is_listed(const char *name, const char *const *names)
{
    while (*names != NULL) {
        if (strcmp(name, *names++) == 0) {
            return true;
        }
    }
    return false;
}

/* Checks the names in a group; `groups` NULL means organisations of any name. */
static int check_names(const Common__ConfigGroup *group, const char *where,
                       const char *const *values, const char *const *groups,
                       struct fama_error *error)
{
    for (size_t i = 0; i < group->n_values; i++) {
        if (!is_listed(group->values[i]->key, values)) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s has a value \"%.64s\" that does not belong there",
                                  where, group->values[i]->key);
        }
    }
    for (size_t i = 0; i < group->n_groups; i++) {
        const char *name = group->groups[i]->key;
        if (groups != NULL && !is_listed(name, groups)) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s has a group \"%.64s\" that does not belong there",
                                  where, name);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(group->groups[j]->key, name) == 0) {
                return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                      "group %s has two groups named \"%.64s\"", where, name);
            }
        }
    }
    return 0;
}

/* Checks the capabilities of a group against those supported; `*is_modern` tells whether one of the
 * channel levels is there whose MSP rules are implemented (V1_4_3, V2_0). */
static int check_capabilities(struct fama_config_tree *tree, const Common__ConfigGroup *group,
                              const char *where, const char *const *supported, bool *is_modern,
                              struct fama_error *error)
{
    struct fama_bytes value = fama_config_value(group, "Capabilities");
    const Common__Capabilities *capabilities =
        common__capabilities__unpack(&tree->arena.allocator, value.len, value.at);
    if (capabilities == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the capabilities of group %s do not decode", where);
    }
    *is_modern = false;
    for (size_t i = 0; i < capabilities->n_capabilities; i++) {
        const char *name = capabilities->capabilities[i]->key;
        if (!is_listed(name, supported)) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s requires capability \"%.64s\", which is not supported",
                                  where, name);
        }
        *is_modern = *is_modern || strcmp(name, "V1_4_3") == 0 || strcmp(name, "V2_0") == 0;
    }
    return 0;
}

/* Hashing parameters have one legal value each in Fabric, or nearly so. */
static int check_hashing(struct fama_config_tree *tree, struct fama_error *error)
{
    struct fama_bytes value = fama_config_value(tree->root, "HashingAlgorithm");
    const Common__HashingAlgorithm *algorithm =
        common__hashing_algorithm__unpack(&tree->arena.allocator, value.len, value.at);
    if (algorithm == NULL ||
        (strcmp(algorithm->name, "SHA256") != 0 && strcmp(algorithm->name, "SHA3_256") != 0)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the hashing algorithm is \"%.64s\": expected SHA256",
                              algorithm == NULL ? "" : algorithm->name);
    }
    value = fama_config_value(tree->root, "BlockDataHashingStructure");
    const Common__BlockDataHashingStructure *structure =
        common__block_data_hashing_structure__unpack(&tree->arena.allocator, value.len, value.at);
    if (structure == NULL || structure->width != UINT32_MAX) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the block data hashing structure has not the width %u", UINT32_MAX);
    }
    return 0;
}

/* Makes the MSPs of all organisations in `group`. What was made before a failure stays in `list`.
 */
static int read_orgs(const Common__ConfigGroup *group, const char *where,
                     const char *const *org_values, struct msp_list *list, struct fama_error *error)
{
    if (group->n_groups == 0) {
        return 0;
    }
    list->msps = calloc(group->n_groups, sizeof(*list->msps));
    if (list->msps == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < group->n_groups; i++) {
        const Common__ConfigGroup *org = group->groups[i]->value;
        char path[128];
        int written = snprintf(path, sizeof(path), "%s/%.64s", where, group->groups[i]->key);
        if (org == NULL || written < 0) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s has an organisation without a definition", where);
        }
        int result = check_names(org, path, org_values, no_groups, error);
        if (result != 0) {
            return result;
        }
        result =
            fama_msp_from_message(fama_config_value(org, "MSP"), &list->msps[list->count], error);
        if (result != 0) {
            return fama_error_prefix(error, result, "organisation %s: ", path);
        }
        list->count++;
    }
    return 0;
}

static struct fama_msp *find_msp(const struct msp_list *list, struct fama_bytes mspid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (fama_bytes_equal(fama_bytes_of_text(fama_msp_id(list->msps[i])), mspid)) {
            return list->msps[i];
        }
    }
    return NULL;
}

/* The serialized FabricMSPConfig of an organisation: the type is known to be FABRIC by now. */
static struct fama_bytes msp_content(const Common__ConfigGroup *org)
{
    struct fama_proto_reader reader = fama_proto_reader(fama_config_value(org, "MSP"));
    struct fama_proto_field field;
    struct fama_bytes content = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2)) {
            content = field.value;
        }
    }
    return content;
}

/* Two organisations may share an MSP id only if their definitions are equal (an organisation that
 * both orders and endorses). `a` and `b` are in the order in which their lists were made. */
static int check_equal_definitions(const Common__ConfigGroup *a, const struct msp_list *a_list,
                                   const Common__ConfigGroup *b, const struct msp_list *b_list,
                                   struct fama_error *error)
{
    for (size_t i = 0; i < a_list->count; i++) {
        for (size_t j = 0; j < b_list->count; j++) {
            const char *mspid = fama_msp_id(a_list->msps[i]);
            if (strcmp(mspid, fama_msp_id(b_list->msps[j])) == 0 &&
                !fama_bytes_equal(msp_content(a->groups[i]->value),
                                  msp_content(b->groups[j]->value))) {
                return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                      "organisations %.64s and %.64s define MSP %.64s differently",
                                      a->groups[i]->key, b->groups[j]->key, mspid);
            }
        }
    }
    return 0;
}

static int check_channel(struct fama_config_tree *tree, struct fama_error *error)
{
    bool is_modern;
    int result = check_names(tree->root, "/Channel", channel_values, channel_groups, error);
    if (result == 0) {
        result = check_capabilities(tree, tree->root, "/Channel", channel_capabilities, &is_modern,
                                    error);
    }
    if (result == 0 && !is_modern) {
        result = fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                "the channel has neither capability V1_4_3 nor V2_0: its older MSP "
                                "rules are not supported, raise the channel's capabilities first");
    }
    return result == 0 ? check_hashing(tree, error) : result;
}

static int read_groups(struct fama_config_tree *tree, struct fama_channel_config *config,
                       struct fama_error *error)
{
    bool ignored;
    const Common__ConfigGroup *orderer = fama_config_group(tree->root, "Orderer");
    const Common__ConfigGroup *application = fama_config_group(tree->root, "Application");
    if (orderer == NULL || application == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration has no group %s: it is not that of an application "
                              "channel",
                              orderer == NULL ? "Orderer" : "Application");
    }
    int result = check_names(orderer, "/Channel/Orderer", orderer_values, NULL, error);
    if (result == 0) {
        result = check_names(application, "/Channel/Application", application_values, NULL, error);
    }
    if (result == 0) {
        result = check_capabilities(tree, application, "/Channel/Application",
                                    application_capabilities, &ignored, error);
    }
    if (result == 0) {
        result =
            read_orgs(orderer, "/Channel/Orderer", orderer_org_values, &config->orderers, error);
    }
    if (result == 0) {
        result = read_orgs(application, "/Channel/Application", application_org_values,
                           &config->applications, error);
    }
    if (result == 0) {
        result = check_equal_definitions(orderer, &config->orderers, application,
                                         &config->applications, error);
    }
    if (result == 0) {
        result =
            check_equal_definitions(orderer, &config->orderers, orderer, &config->orderers, error);
    }
    if (result == 0) {
        result = check_equal_definitions(application, &config->applications, application,
                                         &config->applications, error);
    }
    if (result == 0) {
        result = fama_block_signers_read(orderer, config->orderers.msps, config->orderers.count,
                                         &config->signers, error);
    }
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

static int fill(struct fama_config_tree *tree, struct fama_channel_config *config,
                struct fama_error *error)
{
    if (!fama_channel_id_is_valid(tree->channel_id)) {
        return fama_error_set(
            error, FAMA_CHANNEL_CONFIG_INVALID,
            "the configuration's channel name is not one Fabric allows (lower-case "
            "letters, digits, dots and dashes, at most %d)",
            FAMA_CHANNEL_ID_MAX - 1);
    }
    memcpy(config->id, tree->channel_id.at, tree->channel_id.len);
    config->id[tree->channel_id.len] = '\0';
    config->sequence = tree->sequence;
    int result = check_channel(tree, error);
    if (result == 0) {
        result = read_groups(tree, config, error);
    }
    return result == 0 ? 0 : fama_error_prefix(error, result, "channel %s: ", config->id);
}

int fama_channel_config_from_block(const struct fama_block *block,
                                   struct fama_channel_config **config, struct fama_error *error)
{
    struct fama_config_tree tree;
    *config = NULL;
    int result = fama_config_tree_open(block, &tree, error);
    if (result != 0) {
        return result;
    }
    struct fama_channel_config *made = calloc(1, sizeof(*made));
    struct fama_signer_cache *cache = fama_signer_cache_create();
    if (made == NULL || cache == NULL) {
        free(made);
        fama_signer_cache_destroy(cache);
        fama_config_tree_close(&tree);
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory");
    }
    made->cache = cache;
    atomic_init(&made->references, 1);
    result = fill(&tree, made, error);
    fama_config_tree_close(&tree);
    if (result != 0) {
        fama_channel_config_release(made);
        return result;
    }
    *config = made;
    return 0;
}

struct fama_channel_config *fama_channel_config_acquire(struct fama_channel_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

static void release_msps(struct msp_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fama_msp_release(list->msps[i]);
    }
    free(list->msps);
}

void fama_channel_config_release(struct fama_channel_config *config)
{
    if (config == NULL ||
        atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    fama_signer_cache_destroy(config->cache);
    release_msps(&config->orderers);
    release_msps(&config->applications);
    free(config);
}

const char *fama_channel_config_id(const struct fama_channel_config *config)
{
    return config->id;
}

uint64_t fama_channel_config_sequence(const struct fama_channel_config *config)
{
    return config->sequence;
}

const struct fama_msp *fama_channel_config_application_msp(const struct fama_channel_config *config,
                                                           const char *mspid)
{
    return find_msp(&config->applications, fama_bytes_of_text(mspid));
}

const struct fama_msp *fama_channel_config_orderer_msp(const struct fama_channel_config *config,
                                                       const char *mspid)
{
    return find_msp(&config->orderers, fama_bytes_of_text(mspid));
}

/* Decodes and validates a creator as a signer of blocks. Returns one reference, or NULL. */
static struct fama_identity *block_signer(const struct fama_channel_config *config,
                                          struct fama_bytes creator)
{
    struct fama_serialized_identity serialized;
    if (!fama_serialized_identity_decode(creator, &serialized)) {
        return NULL;
    }
    struct fama_identity *identity =
        fama_signer_cache_recall(config->cache, serialized.mspid, serialized.id_bytes);
    if (identity != NULL) {
        return identity;
    }
    const struct fama_msp *msp = find_msp(&config->orderers, serialized.mspid);
    if (msp == NULL || fama_msp_deserialize(msp, serialized.id_bytes, &identity, NULL) != 0) {
        return NULL;
    }
    if (fama_msp_validate(msp, identity, NULL) != 0 ||
        !fama_block_signers_include(&config->signers, msp, identity)) {
        fama_identity_release(identity);
        return NULL;
    }
    return identity;
}

/* One signature of slot 0, still encoded in part. */
struct signature_view {
    struct fama_bytes header;
    struct fama_bytes creator;
    struct fama_bytes der;
};

static bool read_signature(struct fama_bytes bytes, struct signature_view *view)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_signature_header header;
    *view = (struct signature_view){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            view->header = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            view->der = field.value;
        }
    }
    if (reader.failed || !fama_signature_header_decode(view->header, &header)) {
        return false;
    }
    view->creator = header.creator;
    return true;
}

/* Finds the signed value and the first signatures of slot 0. False if it does not decode. */
static bool read_slot(struct fama_bytes slot, struct fama_bytes *value,
                      struct signature_view views[FAMA_BLOCK_SIGNATURES_MAX], size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(slot);
    struct fama_proto_field field;
    *value = (struct fama_bytes){0};
    *count = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *value = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            struct signature_view view;
            if (!read_signature(field.value, &view)) {
                return false;
            }
            if (*count < FAMA_BLOCK_SIGNATURES_MAX) {
                views[(*count)++] = view;
            }
        }
    }
    return !reader.failed;
}

enum fama_block_refusal fama_block_signatures_prepare(const struct fama_channel_config *config,
                                                      const struct fama_block *block,
                                                      struct fama_block_signatures *signatures)
{
    struct signature_view views[FAMA_BLOCK_SIGNATURES_MAX];
    size_t view_count;
    struct fama_bytes value;
    signatures->count = 0;
    if (block->metadata_count == 0 ||
        !read_slot(block->metadata[FAMA_BLOCK_SIGNATURES], &value, views, &view_count)) {
        return FAMA_BLOCK_NO_METADATA;
    }
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    if (block->data_hash.len > FAMA_SHA256_BYTES) {
        return FAMA_BLOCK_DATA_HASH;
    }
    if (block->previous_hash.len > FAMA_SHA256_BYTES) {
        return FAMA_BLOCK_PREVIOUS_HASH; /* no block has such a hash */
    }
    size_t der_len = fama_block_header_der(block->number, block->previous_hash, block->data_hash,
                                           der, sizeof(der));
    enum fama_block_refusal refusal = FAMA_BLOCK_UNKNOWN_SIGNER;
    for (size_t i = 0; i < view_count; i++) {
        struct fama_identity *identity = block_signer(config, views[i].creator);
        if (identity == NULL) {
            continue;
        }
        if (!fama_public_key_is_p256(fama_identity_key(identity))) {
            fama_identity_release(identity);
            refusal = refusal == FAMA_BLOCK_UNKNOWN_SIGNER ? FAMA_BLOCK_UNSUPPORTED_KEY : refusal;
            continue;
        }
        refusal = FAMA_BLOCK_BAD_SIGNATURE;
        struct fama_verify_job *job = &signatures->jobs[signatures->count];
        *job = (struct fama_verify_job){.key = fama_identity_key(identity)};
        if (fama_signature_from_der(views[i].der, &job->signature) != 0) {
            fama_identity_release(identity);
            continue;
        }
        const struct fama_bytes parts[] = {value, views[i].header, fama_bytes(der, der_len)};
        fama_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), job->digest);
        signatures->identities[signatures->count++] = identity;
    }
    return signatures->count > 0 ? FAMA_BLOCK_ACCEPTED : refusal;
}

enum fama_block_refusal fama_block_signatures_judge(const struct fama_channel_config *config,
                                                    const struct fama_block_signatures *signatures)
{
    /* The rule was applied when the jobs were made: any one signer suffices. */
    enum fama_block_refusal refusal = FAMA_BLOCK_BAD_SIGNATURE;
    for (size_t i = 0; i < signatures->count; i++) {
        if (signatures->jobs[i].verdict == FAMA_VERDICT_GOOD) {
            fama_signer_cache_remember(config->cache, signatures->identities[i]);
            refusal = FAMA_BLOCK_ACCEPTED;
        }
    }
    return refusal;
}

void fama_block_signatures_clear(struct fama_block_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++) {
        fama_identity_release(signatures->identities[i]);
    }
    signatures->count = 0;
}
