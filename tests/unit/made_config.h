/* Configuration updates made for a test: a change to the made chain's configuration, signed by whom the
 * test likes, with each part open to damage. */
#ifndef FAMA_TESTS_UNIT_MADE_CONFIG_H
#define FAMA_TESTS_UNIT_MADE_CONFIG_H

#include "ledger/config_update.h"
#include "ledger/envelope.h"
#include "ledger/pack.h"
#include "ledger/proto/configtx.pb-c.h"
#include "ledger/proto/msp.pb-c.h"
#include "unit/made_chain.h"

/* The administrators, of the orderers and of the two organisations. */
enum made_admin {
    ADMIN_ORDERER,
    ADMIN_SIPHER,
    ADMIN_WHITEBOX,
    MADE_ADMINS,
};

struct made_admins {
    struct fama_msp *msps[MADE_ADMINS];
    struct fama_signer *signers[MADE_ADMINS];
};

static inline bool made_admins_create(const struct made_chain *chain, struct made_admins *admins)
{
    static const enum made_member members[] = {MADE_ORDERER, MADE_SIPHER, MADE_WHITEBOX};
    struct fama_error error = {{0}};
    bool made = true;
    *admins = (struct made_admins){0};
    for (size_t i = 0; made && i < MADE_ADMINS; i++) {
        char folder[128];
        char issued[512];
        char msp_folder[600];
        snprintf(folder, sizeof(folder), "%s/%s", chain->folder, made_members[members[i]].folder);
        const struct fama_ca_issue request = {.organisation = folder,
                                              .role = FAMA_MSP_ROLE_ADMIN,
                                              .name = "admin",
                                              .not_before_s = -60,
                                              .not_after_s = 3600};
        made = fama_ca_issue(&request, issued, sizeof(issued), &error) == 0;
        snprintf(msp_folder, sizeof(msp_folder), "%s/msp", issued);
        made = made &&
               fama_msp_open_directory(msp_folder, made_members[members[i]].mspid, &admins->msps[i],
                                       &error) == 0 &&
               fama_signer_open(msp_folder, admins->msps[i], &admins->signers[i], &error) == 0;
    }
    if (!made) {
        fprintf(stderr, "cannot make administrators: %s\n", error.text);
    }
    return made;
}

static inline void made_admins_destroy(struct made_admins *admins)
{
    for (size_t i = 0; i < MADE_ADMINS; i++) {
        if (admins->signers[i] != NULL) {
            fama_signer_close(admins->signers[i]);
        }
        if (admins->msps[i] != NULL) {
            fama_msp_release(admins->msps[i]);
        }
    }
}

/* --- Trees as messages: what lies under a name, or a failed test --- */

typedef Common__ConfigGroup made_group;
typedef void (*made_change)(made_group *root, struct fama_arena *arena);

static inline made_group *made_child(made_group *group, const char *name)
{
    for (size_t i = 0; i < group->n_groups; i++) {
        if (strcmp(group->groups[i]->key, name) == 0) {
            return group->groups[i]->value;
        }
    }
    CU_FAIL_FATAL("no such group");
    return NULL;
}

static inline Common__ConfigValue *made_value(made_group *group, const char *name)
{
    for (size_t i = 0; i < group->n_values; i++) {
        if (strcmp(group->values[i]->key, name) == 0) {
            return group->values[i]->value;
        }
    }
    CU_FAIL_FATAL("no such value");
    return NULL;
}

static inline Common__ConfigPolicy *made_policy(made_group *group, const char *name)
{
    for (size_t i = 0; i < group->n_policies; i++) {
        if (strcmp(group->policies[i]->key, name) == 0) {
            return group->policies[i]->value;
        }
    }
    CU_FAIL_FATAL("no such policy");
    return NULL;
}

static inline void made_drop_value(made_group *group, const char *name)
{
    (void)made_value(group, name);
    for (size_t i = 0; i < group->n_values; i++) {
        if (strcmp(group->values[i]->key, name) == 0) {
            group->values[i] = group->values[--group->n_values];
        }
    }
}

static inline void made_drop_group(made_group *group, const char *name)
{
    (void)made_child(group, name);
    for (size_t i = 0; i < group->n_groups; i++) {
        if (strcmp(group->groups[i]->key, name) == 0) {
            group->groups[i] = group->groups[--group->n_groups];
        }
    }
}

static inline void made_drop_policy(made_group *group, const char *name)
{
    (void)made_policy(group, name);
    for (size_t i = 0; i < group->n_policies; i++) {
        if (strcmp(group->policies[i]->key, name) == 0) {
            group->policies[i] = group->policies[--group->n_policies];
        }
    }
}

static inline Common__ConfigValue *made_add_value(made_group *group, struct fama_arena *arena,
                                                  const char *name, struct fama_bytes bytes)
{
    Common__ConfigValue *value = fama_arena_take(arena, sizeof(*value));
    Common__ConfigGroup__ValuesEntry *entry = fama_arena_take(arena, sizeof(*entry));
    Common__ConfigGroup__ValuesEntry **list =
        fama_arena_take(arena, (group->n_values + 1) * sizeof(*list));
    CU_ASSERT_FATAL(value != NULL && entry != NULL && list != NULL);
    common__config_value__init(value);
    common__config_group__values_entry__init(entry);
    for (size_t i = 0; i < group->n_values; i++) {
        list[i] = group->values[i];
    }
    list[group->n_values++] = entry;
    group->values = list;
    entry->key = fama_pack_text(name);
    entry->value = value;
    value->value = fama_pack_binary(bytes);
    value->mod_policy = fama_pack_text("Admins");
    return value;
}

static inline void made_add_group(made_group *group, struct fama_arena *arena, const char *name,
                                  made_group *added)
{
    Common__ConfigGroup__GroupsEntry *entry = fama_arena_take(arena, sizeof(*entry));
    Common__ConfigGroup__GroupsEntry **list =
        fama_arena_take(arena, (group->n_groups + 1) * sizeof(*list));
    CU_ASSERT_FATAL(entry != NULL && list != NULL);
    common__config_group__groups_entry__init(entry);
    for (size_t i = 0; i < group->n_groups; i++) {
        list[i] = group->groups[i];
    }
    list[group->n_groups++] = entry;
    group->groups = list;
    entry->key = fama_pack_text(name);
    entry->value = added;
}

/* --- Updates --- */

/* The made genesis configuration, anew on every call. */
static inline Common__ConfigEnvelope *made_envelope(const struct made_chain *chain,
                                                    struct fama_arena *arena)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    CU_ASSERT_FATAL(fama_envelope_decode(chain->genesis.envelopes[0], &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    Common__ConfigEnvelope *message =
        common__config_envelope__unpack(&arena->allocator, payload.data.len, payload.data.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    return message;
}

/* One update: changes that are NULL change nothing. */
struct made_update {
    made_change base;   /* what the channel has instead of the made genesis configuration */
    made_change change; /* of write set and result */
    made_change damage_read;
    made_change damage_write;
    made_change damage_result;
    const char *channel;                  /* NULL: the made one */
    uint64_t sequence;                    /* of the result */
    int32_t type;                         /* 0: CONFIG_UPDATE */
    const struct fama_signer *signers[6]; /* ends with NULL; those at bad_signatures sign wrongly */
    uint32_t bad_signatures;              /* bit by bit */
    bool drops_update;
};

static inline Common__ConfigSignature *made_signature(const struct fama_signer *signer,
                                                      struct fama_bytes update, bool is_bad,
                                                      struct fama_arena *arena)
{
    const struct fama_identity *identity = fama_signer_identity(signer);
    Msp__SerializedIdentity serialized = MSP__SERIALIZED_IDENTITY__INIT;
    Common__ConfigSignature *message = fama_arena_take(arena, sizeof(*message));
    uint8_t *der = fama_arena_take(arena, FAMA_SIGNATURE_DER_MAX);
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    CU_ASSERT_FATAL(message != NULL && der != NULL);
    common__config_signature__init(message);
    serialized.mspid = fama_pack_text(fama_identity_mspid(identity));
    serialized.id_bytes = fama_pack_binary(fama_identity_id_bytes(identity));
    struct fama_bytes header = fama_pack_signature_header(arena, fama_pack(arena, &serialized.base),
                                                          fama_bytes("nonce", 5));
    const struct fama_bytes parts[] = {header, update, fama_bytes("x", is_bad)};
    fama_sha256_parts(parts, 3, digest);
    CU_ASSERT_EQUAL_FATAL(fama_signer_sign_digest(signer, digest, &signature), 0);
    message->signature_header = fama_pack_binary(header);
    message->signature = fama_pack_binary(fama_bytes(der, fama_signature_to_der(&signature, der)));
    return message;
}

static inline void made_apply(made_change change, made_group *root, struct fama_arena *arena)
{
    if (change != NULL) {
        change(root, arena);
    }
}

/* A serialized common.Envelope with the signed update. */
static inline Common__Envelope *made_last_update(const struct made_chain *chain,
                                                 const struct made_update *made,
                                                 struct fama_arena *arena)
{
    Common__ConfigUpdate update = COMMON__CONFIG_UPDATE__INIT;
    Common__ConfigUpdateEnvelope envelope = COMMON__CONFIG_UPDATE_ENVELOPE__INIT;
    Common__ConfigSignature *signatures[6];
    update.channel_id = fama_pack_text(made->channel == NULL ? MADE_CHANNEL : made->channel);
    update.read_set = made_envelope(chain, arena)->config->channel_group;
    update.write_set = made_envelope(chain, arena)->config->channel_group;
    made_apply(made->base, update.read_set, arena);
    made_apply(made->damage_read, update.read_set, arena);
    made_apply(made->base, update.write_set, arena);
    made_apply(made->change, update.write_set, arena);
    made_apply(made->damage_write, update.write_set, arena);
    struct fama_bytes bytes = fama_pack(arena, &update.base);
    while (envelope.n_signatures < 6 && made->signers[envelope.n_signatures] != NULL) {
        size_t i = envelope.n_signatures++;
        signatures[i] =
            made_signature(made->signers[i], bytes, (made->bad_signatures >> i & 1) != 0, arena);
    }
    envelope.config_update = fama_pack_binary(bytes);
    envelope.signatures = signatures;
    const struct fama_pack_headers headers = {
        .type = made->type == 0 ? 2 : made->type, .channel_id = MADE_CHANNEL, .txid = ""};
    Common__Envelope *outer = fama_arena_take(arena, sizeof(*outer));
    CU_ASSERT_PTR_NOT_NULL_FATAL(outer);
    common__envelope__init(outer);
    outer->payload =
        fama_pack_binary(fama_pack_payload(arena, &headers, fama_pack(arena, &envelope.base)));
    return outer;
}

/* The serialized ConfigEnvelope that results, in the arena. */
static inline struct fama_bytes made_update_pack(const struct made_chain *chain,
                                                 const struct made_update *made,
                                                 struct fama_arena *arena)
{
    Common__ConfigEnvelope *result = made_envelope(chain, arena);
    made_apply(made->base, result->config->channel_group, arena);
    made_apply(made->change, result->config->channel_group, arena);
    made_apply(made->damage_result, result->config->channel_group, arena);
    result->config->sequence = made->sequence;
    result->last_update = made->drops_update ? NULL : made_last_update(chain, made, arena);
    struct fama_bytes bytes = fama_pack(arena, &result->base);
    CU_ASSERT_FALSE_FATAL(arena->is_exhausted);
    return bytes;
}

/* The configuration that an update starts from. */
static inline struct fama_channel_config *made_base(const struct made_chain *chain,
                                                    made_change base, struct fama_arena *arena)
{
    struct fama_error error = {{0}};
    struct fama_channel_config *config = NULL;
    Common__ConfigEnvelope *envelope = made_envelope(chain, arena);
    made_apply(base, envelope->config->channel_group, arena);
    if (fama_channel_config_from_envelope(fama_pack(arena, &envelope->base),
                                          fama_bytes_of_text(MADE_CHANNEL), &config, &error) != 0) {
        fprintf(stderr, "the base is refused: %s\n", error.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

#endif
