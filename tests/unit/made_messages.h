/* Fabric's messages written field by field, so that a test can write what no honest encoder would. All
 * results live in the arena. */
#ifndef FAMA_TESTS_UNIT_MADE_MESSAGES_H
#define FAMA_TESTS_UNIT_MADE_MESSAGES_H

#include <string.h>

#include "crypto/bytes.h"
#include "ledger/arena.h"

static inline struct fama_bytes text(const char *content)
{
    return fama_bytes_of_text(content);
}

/* One after the other: fields of one message. */
static inline struct fama_bytes made_join_list(struct fama_arena *arena,
                                               const struct fama_bytes *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    uint8_t *joined = fama_arena_take(arena, len);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(joined + at, parts[i].at, parts[i].len);
        }
        at += parts[i].len;
    }
    return fama_bytes(joined, len);
}

#define made_join(arena, ...)                                                                      \
    made_join_list((arena), (const struct fama_bytes[]){__VA_ARGS__},                              \
                   sizeof((const struct fama_bytes[]){__VA_ARGS__}) / sizeof(struct fama_bytes))

static inline size_t made_varint(uint8_t *at, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        at[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[len++] = (uint8_t)value;
    return len;
}

static inline struct fama_bytes made_number(struct fama_arena *arena, uint32_t field,
                                            uint64_t value)
{
    uint8_t *at = fama_arena_take(arena, 20);
    size_t len = made_varint(at, (uint64_t)field << 3);
    return fama_bytes(at, len + made_varint(at + len, value));
}

static inline struct fama_bytes made_field(struct fama_arena *arena, uint32_t field,
                                           struct fama_bytes content)
{
    uint8_t *at = fama_arena_take(arena, content.len + 20);
    size_t len = made_varint(at, (uint64_t)field << 3 | 2);
    len += made_varint(at + len, content.len);
    if (content.len > 0) {
        memcpy(at + len, content.at, content.len);
    }
    return fama_bytes(at, len + content.len);
}

/* --- Policies --- */

#define ROLE_MEMBER 0
#define ROLE_PEER   3

/* SignaturePolicyEnvelope: `needed` out of one holder of the role in each of these MSPs. */
static inline struct fama_bytes made_policy(struct fama_arena *arena, uint64_t needed,
                                            const char *first, const char *second)
{
    const char *const mspids[] = {first, second};
    struct fama_bytes rules = made_number(arena, 1, needed);
    struct fama_bytes principals = {0};
    for (size_t i = 0; i < 2 && mspids[i] != NULL; i++) {
        struct fama_bytes role = made_join(arena, made_field(arena, 1, text(mspids[i])),
                                           made_number(arena, 2, ROLE_PEER));
        rules = made_join(arena, rules, made_field(arena, 2, made_number(arena, 1, i)));
        principals = made_join(arena, principals, made_field(arena, 3, made_field(arena, 2, role)));
    }
    return made_join(arena, made_field(arena, 2, made_field(arena, 2, rules)), principals);
}

static inline struct fama_bytes made_application_policy(struct fama_arena *arena,
                                                        struct fama_bytes envelope)
{
    return made_field(arena, 1, envelope);
}

/* --- Read-write sets: pieces of a KVRWSet, then a namespace, then the set --- */

static inline struct fama_bytes made_write(struct fama_arena *arena, const char *key,
                                           struct fama_bytes value)
{
    return made_field(
        arena, 3, made_join(arena, made_field(arena, 1, text(key)), made_field(arena, 3, value)));
}

static inline struct fama_bytes made_metadata_entry(struct fama_arena *arena, uint32_t field,
                                                    struct fama_bytes policy)
{
    return made_field(arena, field,
                      made_join(arena, made_field(arena, 1, text("VALIDATION_PARAMETER")),
                                made_field(arena, 2, policy)));
}

/* The entry of a KVRWSet (field 4) or a HashedRWSet (field 3). */
static inline struct fama_bytes made_metadata_write(struct fama_arena *arena, uint32_t field,
                                                    struct fama_bytes key, struct fama_bytes policy)
{
    return made_field(
        arena, field,
        made_join(arena, made_field(arena, 1, key), made_metadata_entry(arena, 2, policy)));
}

static inline struct fama_bytes made_hashed_write(struct fama_arena *arena, struct fama_bytes key)
{
    return made_field(arena, 2,
                      made_join(arena, made_field(arena, 1, key),
                                made_field(arena, 3, text("the hash of some value..........."))));
}

static inline struct fama_bytes made_collection_set(struct fama_arena *arena, const char *name,
                                                    struct fama_bytes hashed)
{
    return made_field(
        arena, 3, made_join(arena, made_field(arena, 1, text(name)), made_field(arena, 2, hashed)));
}

/* A namespace of a TxReadWriteSet: `public` are pieces of a KVRWSet, `collections` of made_collection_set. */
static inline struct fama_bytes made_namespace(struct fama_arena *arena, const char *name,
                                               struct fama_bytes public,
                                               struct fama_bytes collections)
{
    return made_field(arena, 2,
                      made_join(arena, made_field(arena, 1, text(name)),
                                made_field(arena, 2, public), collections));
}

/* --- Definitions --- */

struct made_collection {
    const char *name;
    uint64_t block_to_live;
    struct fama_bytes endorsement_policy; /* ApplicationPolicy; empty: none */
    bool without_members;
};

static inline struct fama_bytes
made_package(struct fama_arena *arena, const struct made_collection *collections, size_t count)
{
    struct fama_bytes package = {0};
    for (size_t i = 0; i < count; i++) {
        struct fama_bytes members =
            made_field(arena, 1, made_policy(arena, 1, "SipherMSP", "WhiteBoxMSP"));
        struct fama_bytes content = made_join(
            arena, made_field(arena, 1, text(collections[i].name)),
            collections[i].without_members ? fama_bytes(NULL, 0) : made_field(arena, 2, members),
            made_number(arena, 4, 3), made_number(arena, 5, collections[i].block_to_live),
            collections[i].endorsement_policy.len > 0
                ? made_field(arena, 8, collections[i].endorsement_policy)
                : fama_bytes(NULL, 0));
        package = made_join(arena, package, made_field(arena, 1, made_field(arena, 1, content)));
    }
    return package;
}

/* ccprovider.ChaincodeData */
static inline struct fama_bytes made_chaincode_data(struct fama_arena *arena, const char *name,
                                                    const char *version, const char *plugin,
                                                    struct fama_bytes policy,
                                                    struct fama_bytes instantiation_policy)
{
    return made_join(arena, made_field(arena, 1, text(name)), made_field(arena, 2, text(version)),
                     made_field(arena, 3, text("escc")), made_field(arena, 4, text(plugin)),
                     made_field(arena, 5, policy),
                     instantiation_policy.len > 0 ? made_field(arena, 8, instantiation_policy)
                                                  : fama_bytes(NULL, 0));
}

/* ChaincodeDeploymentSpec of a chaincode written in Go. */
static inline struct fama_bytes made_deployment(struct fama_arena *arena, const char *name,
                                                const char *version)
{
    struct fama_bytes id =
        made_join(arena, made_field(arena, 2, text(name)), made_field(arena, 3, text(version)));
    return made_field(arena, 1,
                      made_join(arena, made_number(arena, 1, 1), made_field(arena, 2, id)));
}

#endif
