#include "ledger/capabilities.h"

#include "ledger/channel_config.h"
#include "ledger/proto_reader.h"

#define LEVELS_MAX 8

static const char *const channel_levels[LEVELS_MAX] = {"V1_1", "V1_3", "V1_4_2", "V1_4_3",
                                                       "V2_0", "V3_0", NULL};
enum channel_level {
    CHANNEL_V1_1,
    CHANNEL_V1_3,
    CHANNEL_V1_4_2,
    CHANNEL_V1_4_3,
    CHANNEL_V2_0,
    CHANNEL_V3_0,
};

static const char *const application_levels[LEVELS_MAX] = {"V1_1",
                                                           "V1_2",
                                                           "V1_3",
                                                           "V1_4_2",
                                                           "V2_0",
                                                           "V2_5",
                                                           "V1_1_PVTDATA_EXPERIMENTAL",
                                                           "V1_1_RESOURCETREE_EXPERIMENTAL"};
enum application_level {
    APPLICATION_V1_1,
    APPLICATION_V1_2,
    APPLICATION_V1_3,
    APPLICATION_V1_4_2,
    APPLICATION_V2_0,
    APPLICATION_V2_5,
    APPLICATION_PRIVATE_DATA_EXPERIMENTAL,
};

/* The key of a map's entry. */
static struct fama_bytes key_of(struct fama_bytes entry)
{
    struct fama_proto_reader reader = fama_proto_reader(entry);
    struct fama_proto_field field;
    struct fama_bytes key = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            key = field.value;
        }
    }
    return key;
}

/* Marks the levels that a common.Capabilities names. */
static int read_levels(struct fama_bytes message, const char *where, const char *const *names,
                       bool levels[LEVELS_MAX], struct fama_error *error)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    memset(levels, 0, LEVELS_MAX * sizeof(*levels));
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 1)) {
            continue;
        }
        struct fama_bytes name = key_of(field.value);
        size_t i = 0;
        while (i < LEVELS_MAX && names[i] != NULL &&
               !fama_bytes_equal(fama_bytes_of_text(names[i]), name)) {
            i++;
        }
        if (i == LEVELS_MAX || names[i] == NULL) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s requires capability \"%.*s\", which is not supported",
                                  where, name.len > 64 ? 64 : (int)name.len, name.at);
        }
        levels[i] = true;
    }
    return 0;
}

int fama_channel_capabilities_read(struct fama_bytes message,
                                   struct fama_channel_capabilities *capabilities,
                                   struct fama_error *error)
{
    bool level[LEVELS_MAX];
    int result = read_levels(message, "/Channel", channel_levels, level, error);
    bool since_1_4_2 = level[CHANNEL_V1_4_2] || level[CHANNEL_V1_4_3] || level[CHANNEL_V2_0] ||
                       level[CHANNEL_V3_0];
    if (level[CHANNEL_V3_0]) {
        capabilities->msp_version = FAMA_MSP_V3_0;
    } else if (level[CHANNEL_V1_4_3] || level[CHANNEL_V2_0]) {
        capabilities->msp_version = FAMA_MSP_V1_4_3;
    } else if (level[CHANNEL_V1_3] || level[CHANNEL_V1_4_2]) {
        capabilities->msp_version = FAMA_MSP_V1_3;
    } else {
        capabilities->msp_version = level[CHANNEL_V1_1] ? FAMA_MSP_V1_1 : FAMA_MSP_V1_0;
    }
    capabilities->consensus_type_migration = since_1_4_2;
    capabilities->org_specific_orderer_endpoints = since_1_4_2;
    capabilities->channel_v3 = level[CHANNEL_V3_0];
    return result;
}

int fama_application_capabilities_read(struct fama_bytes message,
                                       struct fama_channel_capabilities *capabilities,
                                       struct fama_error *error)
{
    bool level[LEVELS_MAX];
    int result = read_levels(message, "/Channel/Application", application_levels, level, error);
    bool since_2_0 = level[APPLICATION_V2_0] || level[APPLICATION_V2_5];
    bool since_1_4_2 = since_2_0 || level[APPLICATION_V1_4_2];
    bool since_1_3 = since_1_4_2 || level[APPLICATION_V1_3];
    bool since_1_2 = since_1_3 || level[APPLICATION_V1_2];
    bool since_1_1 = since_1_2 || level[APPLICATION_V1_1];
    capabilities->forbid_duplicate_txid_in_block = since_1_1;
    capabilities->v1_1_validation = since_1_1;
    capabilities->acls = since_1_2;
    capabilities->private_channel_data = since_1_2 || level[APPLICATION_PRIVATE_DATA_EXPERIMENTAL];
    capabilities->v1_2_validation = since_1_2;
    capabilities->v1_3_validation = since_1_3;
    capabilities->key_level_endorsement = since_1_3;
    capabilities->v2_0_validation = since_2_0;
    capabilities->lifecycle_v2_0 = since_2_0;
    return result;
}
