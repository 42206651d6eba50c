#include "ledger/config_tree.h"

#include "ledger/channel_config.h"
#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

/* Fabric's deepest legitimate tree has four levels of groups. */
#define GROUP_DEPTH_MAX 16

/* protobuf-c follows nested messages by recursion without a limit, so the one message that may
 * contain itself is measured before it is unpacked. */
static bool nests_within(struct fama_bytes group, unsigned int depth)
{
    if (depth == 0) {
        return false;
    }
    struct fama_proto_reader reader = fama_proto_reader(group);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 2)) {
            continue;
        }
        struct fama_proto_reader entry_reader = fama_proto_reader(field.value);
        struct fama_proto_field entry;
        while (fama_proto_next(&entry_reader, &entry)) {
            if (fama_proto_is_len(&entry, 2) && !nests_within(entry.value, depth - 1)) {
                return false;
            }
        }
    }
    return true; /* damage is left for the unpacking to find */
}

/* Calls nests_within for every channel group inside a ConfigEnvelope (config = 1, channel_group =
 * 2). */
static bool envelope_nests_within(struct fama_bytes envelope)
{
    struct fama_proto_reader reader = fama_proto_reader(envelope);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 1)) {
            continue;
        }
        struct fama_proto_reader config_reader = fama_proto_reader(field.value);
        struct fama_proto_field config;
        while (fama_proto_next(&config_reader, &config)) {
            if (fama_proto_is_len(&config, 2) && !nests_within(config.value, GROUP_DEPTH_MAX)) {
                return false;
            }
        }
    }
    return true;
}

int fama_config_tree_open(const struct fama_block *block, struct fama_config_tree *tree,
                          struct fama_error *error)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_channel_header header;
    *tree = (struct fama_config_tree){0};
    if (!fama_block_is_config(block) || !fama_envelope_decode(block->envelopes[0], &envelope) ||
        !fama_payload_decode(envelope.payload, &payload) ||
        !fama_channel_header_decode(payload.channel_header, &header)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "block %llu is not a configuration block: expected exactly one "
                              "transaction of type CONFIG",
                              (unsigned long long)block->number);
    }
    if (!envelope_nests_within(payload.data)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration nests groups deeper than %d levels",
                              GROUP_DEPTH_MAX);
    }
    fama_arena_init(&tree->arena, FAMA_ARENA_LIMIT(payload.data.len));
    const Common__ConfigEnvelope *config =
        common__config_envelope__unpack(&tree->arena.allocator, payload.data.len, payload.data.at);
    if (config == NULL || config->config == NULL || config->config->channel_group == NULL) {
        fama_config_tree_close(tree);
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration in block %llu does not decode: the block is "
                              "damaged or not of Fabric 2",
                              (unsigned long long)block->number);
    }
    tree->channel_id = header.channel_id;
    tree->sequence = config->config->sequence;
    tree->root = config->config->channel_group;
    return 0;
}

void fama_config_tree_close(struct fama_config_tree *tree)
{
    fama_arena_clear(&tree->arena);
    tree->root = NULL;
}

const Common__ConfigGroup *fama_config_group(const Common__ConfigGroup *group, const char *name)
{
    for (size_t i = group->n_groups; i > 0; i--) {
        if (strcmp(group->groups[i - 1]->key, name) == 0) {
            return group->groups[i - 1]->value;
        }
    }
    return NULL;
}

const Common__Policy *fama_config_policy(const Common__ConfigGroup *group, const char *name)
{
    for (size_t i = group->n_policies; i > 0; i--) {
        if (strcmp(group->policies[i - 1]->key, name) == 0) {
            const Common__ConfigPolicy *policy = group->policies[i - 1]->value;
            return policy == NULL ? NULL : policy->policy;
        }
    }
    return NULL;
}

struct fama_bytes fama_config_value(const Common__ConfigGroup *group, const char *name)
{
    for (size_t i = group->n_values; i > 0; i--) {
        if (strcmp(group->values[i - 1]->key, name) == 0) {
            const Common__ConfigValue *value = group->values[i - 1]->value;
            return value == NULL ? fama_bytes(NULL, 0)
                                 : fama_bytes(value->value.data, value->value.len);
        }
    }
    return fama_bytes(NULL, 0);
}
