#include "ledger/collection_package.h"

#include "ledger/pack.h"
#include "ledger/policy_message.h"
#include "ledger/proto/collection.pb-c.h"
#include "ledger/proto_reader.h"

#define MALFORMED FAMA_COLLECTION_PACKAGE_MALFORMED
#define NO_MEMORY FAMA_COLLECTION_PACKAGE_NO_MEMORY

/* Whether a policy decodes; what a compiler says of it is asked elsewhere. */
static int decodes(int result)
{
    switch (result) {
    case FAMA_POLICY_MESSAGE_MALFORMED:
        return MALFORMED;
    case FAMA_POLICY_MESSAGE_NO_MEMORY:
        return NO_MEMORY;
    default:
        return 0;
    }
}

static int decode_policies(struct fama_bytes bytes, struct fama_arena *arena,
                           struct fama_collection *collection)
{
    struct fama_signature_policy signature;
    struct fama_application_policy application;
    struct fama_bytes members;
    bool has_members;
    int result = fama_proto_merge(bytes, 2, arena, &members, &has_members);
    if (result == 0 && has_members) {
        result = fama_proto_merge(members, 1, arena, &collection->member_policy,
                                  &collection->has_member_policy);
    }
    if (result == 0 && collection->has_member_policy) {
        result = decodes(
            fama_signature_policy_decode_any_version(collection->member_policy, arena, &signature));
    }
    if (result == 0) {
        result = fama_proto_merge(bytes, 8, arena, &collection->endorsement_policy,
                                  &collection->has_endorsement_policy);
    }
    if (result == 0 && collection->has_endorsement_policy) {
        result = decodes(
            fama_application_policy_decode(collection->endorsement_policy, arena, &application));
    }
    return result;
}

static int decode_static(struct fama_bytes bytes, struct fama_arena *arena,
                         struct fama_collection *collection)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!fama_proto_is_utf8(field.value)) {
                return MALFORMED;
            }
            collection->name = field.value;
        } else if (fama_proto_is_varint(&field, 3)) {
            collection->required_peer_count = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_varint(&field, 4)) {
            collection->maximum_peer_count = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_varint(&field, 5)) {
            collection->block_to_live = field.varint;
        }
    }
    return reader.failed ? MALFORMED : decode_policies(bytes, arena, collection);
}

static int decode_one(struct fama_bytes bytes, struct fama_arena *arena,
                      struct fama_collection *collection)
{
    struct fama_bytes content;
    int result = fama_proto_merge(bytes, 1, arena, &content, &collection->is_static);
    if (result == 0 && collection->is_static) {
        result = decode_static(content, arena, collection);
    }
    return result;
}

int fama_collection_package_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                   struct fama_collection_package *package)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    size_t count = 0;
    *package = (struct fama_collection_package){0};
    while (fama_proto_next(&reader, &field)) {
        count += fama_proto_is_len(&field, 1) ? 1 : 0;
    }
    if (reader.failed || count == 0) {
        return reader.failed ? MALFORMED : 0;
    }
    struct fama_collection *list = fama_arena_take(arena, count * sizeof(*list));
    if (list == NULL) {
        return NO_MEMORY;
    }
    int result = 0;
    reader = fama_proto_reader(bytes);
    while (result == 0 && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            result = decode_one(field.value, arena, &list[package->count++]);
        }
    }
    package->collections = list;
    return result;
}

const struct fama_collection *
fama_collection_package_find(const struct fama_collection_package *package, struct fama_bytes name)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct fama_collection *collection = &package->collections[i];
        if (collection->is_static && fama_bytes_equal(collection->name, name)) {
            return collection;
        }
    }
    return NULL;
}

bool fama_collection_is_implicit(struct fama_bytes name, struct fama_bytes *mspid)
{
    const size_t len = sizeof(FAMA_IMPLICIT_COLLECTION_PREFIX) - 1;
    if (name.len < len || memcmp(name.at, FAMA_IMPLICIT_COLLECTION_PREFIX, len) != 0) {
        return false;
    }
    *mspid = fama_bytes(name.at + len, name.len - len);
    return true;
}

/* --- Writing a package anew --- */

/* Whether no policy's tree is deeper than a recursing reader should follow. */
static bool is_shallow(const struct fama_signature_policy *policy)
{
    size_t ends[FAMA_COLLECTION_NESTING_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        while (depth > 0 && i >= ends[depth - 1]) {
            depth--;
        }
        if (policy->rules[i].size > 1) {
            if (depth == FAMA_COLLECTION_NESTING_MAX) {
                return false;
            }
            ends[depth++] = i + policy->rules[i].size;
        }
    }
    return true;
}

static bool has_shallow_policies(const struct fama_collection_package *package,
                                 struct fama_arena *arena)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct fama_collection *collection = &package->collections[i];
        struct fama_signature_policy members = {0};
        struct fama_application_policy endorsement = {0};
        if (collection->has_member_policy &&
            fama_signature_policy_decode_any_version(collection->member_policy, arena, &members) ==
                FAMA_POLICY_MESSAGE_NO_MEMORY) {
            return false;
        }
        if (collection->has_endorsement_policy &&
            fama_application_policy_decode(collection->endorsement_policy, arena, &endorsement) ==
                FAMA_POLICY_MESSAGE_NO_MEMORY) {
            return false;
        }
        if (!is_shallow(&members) || !is_shallow(&endorsement.signature)) {
            return false;
        }
    }
    return true;
}

int fama_collection_package_normalize(struct fama_bytes bytes, struct fama_arena *arena,
                                      struct fama_bytes *normalized)
{
    struct fama_collection_package package;
    int result = fama_collection_package_decode(bytes, arena, &package);
    *normalized = bytes;
    if (result != 0 || !has_shallow_policies(&package, arena)) {
        return result;
    }
    Protos__CollectionConfigPackage *message =
        protos__collection_config_package__unpack(&arena->allocator, bytes.len, bytes.at);
    if (message == NULL) {
        return NO_MEMORY;
    }
    *normalized = fama_pack(arena, &message->base);
    return arena->is_exhausted ? NO_MEMORY : 0;
}
