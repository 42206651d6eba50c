#include "ledger/config_tree.h"

#include <stdlib.h>

#include "ledger/channel_config.h"
#include "ledger/envelope.h"
#include "ledger/proto_merge.h"
#include "ledger/proto_reader.h"

/* Why reading stopped: one of enum fama_proto_merge_error, or this. */
#define TOO_DEEP (-10)

static int read_element(struct fama_bytes bytes, unsigned int depth, struct fama_arena *arena,
                        struct fama_config_element *element);

/* Adds a field to those not known. */
static int keep(struct fama_arena *arena, struct fama_bytes *unknown, struct fama_bytes before,
                struct fama_bytes after)
{
    struct fama_bytes field = fama_bytes(before.at, before.len - after.len);
    if (unknown->len == 0) {
        *unknown = field;
        return 0;
    }
    uint8_t *joined = fama_arena_take(arena, unknown->len + field.len);
    if (joined == NULL) {
        return FAMA_PROTO_MERGE_NO_MEMORY;
    }
    memcpy(joined, unknown->at, unknown->len);
    memcpy(joined + unknown->len, field.at, field.len);
    *unknown = fama_bytes(joined, unknown->len + field.len);
    return 0;
}

/* --- Maps --- */

static int compare_elements(const void *left, const void *right)
{
    const struct fama_config_element *a = left;
    const struct fama_config_element *b = right;
    int order = fama_bytes_compare(a->name, b->name);
    return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

/* Sorts a map's entries; of several under one name the last counts, as in Go's maps. */
static size_t settle(struct fama_config_element *entries, size_t count)
{
    size_t kept = 0;
    qsort(entries, count, sizeof(*entries), compare_elements);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || fama_bytes_compare(entries[i].name, entries[i + 1].name) != 0) {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

/* Reads one entry of a map: key = 1, value = 2, absent ones are empty. */
static int read_entry(struct fama_bytes bytes, unsigned int depth, struct fama_arena *arena,
                      struct fama_config_element *element)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes content;
    bool is_present;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!fama_proto_is_utf8(field.value)) {
                return FAMA_PROTO_MERGE_MALFORMED;
            }
            element->name = field.value;
        }
    }
    int result = fama_proto_merge(bytes, 2, arena, &content, &is_present);
    return result == 0 ? read_element(content, depth, arena, element) : result;
}

/* Field numbers of ConfigGroup's maps. */
static const uint32_t map_numbers[FAMA_CONFIG_KINDS] = {
    [FAMA_CONFIG_GROUP] = 2, [FAMA_CONFIG_VALUE] = 3, [FAMA_CONFIG_POLICY] = 4};

static int read_map(struct fama_bytes group, enum fama_config_kind kind, unsigned int depth,
                    struct fama_arena *arena, struct fama_config_list *list)
{
    struct fama_proto_reader reader = fama_proto_reader(group);
    struct fama_proto_field field;
    size_t count = 0;
    while (fama_proto_next(&reader, &field)) {
        count += fama_proto_is_len(&field, map_numbers[kind]);
    }
    if (reader.failed) {
        return FAMA_PROTO_MERGE_MALFORMED;
    }
    if (count == 0) {
        return 0;
    }
    if (depth == 0) {
        return TOO_DEEP;
    }
    struct fama_config_element *entries = fama_arena_take(arena, count * sizeof(*entries));
    if (entries == NULL) {
        return FAMA_PROTO_MERGE_NO_MEMORY;
    }
    count = 0;
    reader = fama_proto_reader(group);
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, map_numbers[kind])) {
            continue;
        }
        entries[count] = (struct fama_config_element){.kind = kind, .position = count};
        int result = read_entry(field.value, depth - 1, arena, &entries[count++]);
        if (result != 0) {
            return result;
        }
    }
    list->at = entries;
    list->count = settle(entries, count);
    return 0;
}

/* --- Elements --- */

static int read_policy(struct fama_bytes bytes, struct fama_arena *arena,
                       struct fama_config_element *element)
{
    struct fama_bytes policy;
    int result = fama_proto_merge(bytes, 2, arena, &policy, &element->has_policy);
    struct fama_proto_reader reader = fama_proto_reader(policy);
    struct fama_proto_field field;
    struct fama_bytes before = policy;
    while (result == 0 && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            element->policy_type = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 2)) {
            element->value = field.value;
        } else {
            result = keep(arena, &element->policy_unknown, before, reader.rest);
        }
        before = reader.rest;
    }
    return result == 0 && reader.failed ? FAMA_PROTO_MERGE_MALFORMED : result;
}

static bool is_map(const struct fama_proto_field *field)
{
    return field->type == FAMA_PROTO_LEN && field->number >= 2 && field->number <= 4;
}

/* Fills an element of known kind from its message. */
static int read_element(struct fama_bytes bytes, unsigned int depth, struct fama_arena *arena,
                        struct fama_config_element *element)
{
    const uint32_t mod_policy = element->kind == FAMA_CONFIG_GROUP ? 5 : 3;
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes before = bytes;
    int result = 0;
    while (result == 0 && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            element->version = field.varint;
        } else if (fama_proto_is_len(&field, mod_policy)) {
            element->mod_policy = field.value;
            result = fama_proto_is_utf8(field.value) ? 0 : FAMA_PROTO_MERGE_MALFORMED;
        } else if (fama_proto_is_len(&field, 2) && element->kind == FAMA_CONFIG_VALUE) {
            element->value = field.value;
        } else if (!(element->kind == FAMA_CONFIG_GROUP && is_map(&field)) &&
                   !(element->kind == FAMA_CONFIG_POLICY && fama_proto_is_len(&field, 2))) {
            result = keep(arena, &element->unknown, before, reader.rest);
        }
        before = reader.rest;
    }
    if (result == 0 && reader.failed) {
        result = FAMA_PROTO_MERGE_MALFORMED;
    }
    if (result == 0 && element->kind == FAMA_CONFIG_POLICY) {
        result = read_policy(bytes, arena, element);
    }
    for (unsigned int kind = 0;
         result == 0 && element->kind == FAMA_CONFIG_GROUP && kind < FAMA_CONFIG_KINDS; kind++) {
        result =
            read_map(bytes, (enum fama_config_kind)kind, depth, arena, &element->children[kind]);
    }
    return result;
}

static int explain(int result, const char *what, struct fama_error *error)
{
    switch (result) {
    case 0:
        return 0;
    case FAMA_PROTO_MERGE_NO_MEMORY:
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "%s is too large to be decoded",
                              what);
    case TOO_DEEP:
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "%s nests groups deeper than %d levels", what, FAMA_CONFIG_DEPTH_MAX);
    default:
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "%s does not decode: it is damaged", what);
    }
}

int fama_config_group_read(struct fama_bytes bytes, struct fama_arena *arena,
                           struct fama_config_element *group, struct fama_error *error)
{
    *group = (struct fama_config_element){.kind = FAMA_CONFIG_GROUP};
    return explain(read_element(bytes, FAMA_CONFIG_DEPTH_MAX, arena, group),
                   "a configuration group", error);
}

/* --- Trees --- */

/* Copies the common.Config, so that the tree outlives the bytes. */
static int read_config(struct fama_bytes config, struct fama_config_tree *tree)
{
    uint8_t *copy = fama_arena_take(&tree->arena, config.len);
    struct fama_config_element *root = fama_arena_take(&tree->arena, sizeof(*root));
    if (copy == NULL || root == NULL) {
        return FAMA_PROTO_MERGE_NO_MEMORY;
    }
    if (config.len > 0) {
        memcpy(copy, config.at, config.len);
    }
    config.at = copy;
    struct fama_proto_reader reader = fama_proto_reader(config);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            tree->sequence = field.varint;
        }
    }
    struct fama_bytes group;
    bool has_group;
    int result = fama_proto_merge(config, 2, &tree->arena, &group, &has_group);
    if (result == 0 && !has_group) {
        result = FAMA_PROTO_MERGE_MALFORMED;
    }
    if (result == 0) {
        *root = (struct fama_config_element){.kind = FAMA_CONFIG_GROUP};
        result = read_element(group, FAMA_CONFIG_DEPTH_MAX, &tree->arena, root);
        tree->root = root;
    }
    return result;
}

int fama_config_tree_read(struct fama_bytes config_envelope, struct fama_config_tree *tree,
                          struct fama_error *error)
{
    struct fama_bytes config;
    struct fama_envelope ignored;
    bool has_config;
    *tree = (struct fama_config_tree){0};
    fama_arena_init(&tree->arena, FAMA_CONFIG_TREE_ARENA(config_envelope.len));
    int result = fama_proto_merge(config_envelope, 1, &tree->arena, &config, &has_config);
    if (result == 0 && !has_config) {
        result = FAMA_PROTO_MERGE_MALFORMED;
    }
    if (result == 0) {
        result = read_config(config, tree);
    }
    if (result == 0) {
        result = fama_proto_merge(config_envelope, 2, &tree->arena, &tree->last_update,
                                  &tree->has_last_update);
    }
    if (result == 0 && !fama_envelope_decode(tree->last_update, &ignored)) {
        result = FAMA_PROTO_MERGE_MALFORMED;
    }
    if (result != 0) {
        fama_config_tree_close(tree);
    }
    return explain(result, "the configuration", error);
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
    int result = fama_config_tree_read(payload.data, tree, error);
    if (result != 0) {
        return fama_error_prefix(error, result, "block %llu: ", (unsigned long long)block->number);
    }
    tree->channel_id = header.channel_id;
    return 0;
}

void fama_config_tree_close(struct fama_config_tree *tree)
{
    fama_arena_clear(&tree->arena);
    tree->root = NULL;
}

/* --- Look-ups --- */

static int compare_with_name(const void *key, const void *element)
{
    const struct fama_bytes *name = key;
    return fama_bytes_compare(*name, ((const struct fama_config_element *)element)->name);
}

const struct fama_config_element *fama_config_find(const struct fama_config_element *group,
                                                   enum fama_config_kind kind,
                                                   struct fama_bytes name)
{
    const struct fama_config_list *list = &group->children[kind];
    return list->count == 0
               ? NULL
               : bsearch(&name, list->at, list->count, sizeof(*list->at), compare_with_name);
}

const struct fama_config_element *fama_config_group(const struct fama_config_element *group,
                                                    const char *name)
{
    return fama_config_find(group, FAMA_CONFIG_GROUP, fama_bytes_of_text(name));
}

struct fama_bytes fama_config_value(const struct fama_config_element *group, const char *name)
{
    const struct fama_config_element *value =
        fama_config_find(group, FAMA_CONFIG_VALUE, fama_bytes_of_text(name));
    return value == NULL ? fama_bytes(NULL, 0) : value->value;
}

bool fama_config_has_value(const struct fama_config_element *group, const char *name)
{
    return fama_config_find(group, FAMA_CONFIG_VALUE, fama_bytes_of_text(name)) != NULL;
}

bool fama_config_is_same_content(const struct fama_config_element *a,
                                 const struct fama_config_element *b)
{
    return a->kind == b->kind && a->version == b->version &&
           fama_bytes_equal(a->mod_policy, b->mod_policy) &&
           fama_bytes_equal(a->unknown, b->unknown) && a->has_policy == b->has_policy &&
           a->policy_type == b->policy_type && fama_bytes_equal(a->value, b->value) &&
           fama_bytes_equal(a->policy_unknown, b->policy_unknown);
}
