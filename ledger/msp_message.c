#include "ledger/msp_message.h"

#include "ledger/channel_config.h"
#include "ledger/idemix_message.h"
#include "ledger/pack.h"
#include "ledger/proto/msp.pb-c.h"
#include "ledger/proto_reader.h"

#define MSP_TYPE_FABRIC 0 /* msp.ProviderType */
#define MSP_TYPE_IDEMIX 1

static struct fama_bytes view(ProtobufCBinaryData data)
{
    return fama_bytes(data.data, data.len);
}

static bool views(struct fama_arena *arena, const ProtobufCBinaryData *list, size_t count,
                  const struct fama_bytes **views_out, size_t *count_out)
{
    *views_out = NULL;
    *count_out = count;
    if (count == 0) {
        return true;
    }
    struct fama_bytes *items = fama_arena_take(arena, count * sizeof(*items));
    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i] = view(list[i]);
    }
    *views_out = items;
    return items != NULL;
}

static struct fama_msp_ou ou_from(const Msp__FabricOUIdentifier *message)
{
    if (message == NULL) {
        return (struct fama_msp_ou){0};
    }
    return (struct fama_msp_ou){
        .certificate = view(message->certificate),
        .ou = fama_bytes_of_text(message->organizational_unit_identifier),
        .is_present = true,
    };
}

/* Fills `config` with views into the message; false at the arena's limit. */
static bool config_from(const Msp__FabricMSPConfig *message, struct fama_arena *arena,
                        struct fama_msp_config *config)
{
    *config = (struct fama_msp_config){.name = fama_bytes_of_text(message->name)};
    if (!views(arena, message->root_certs, message->n_root_certs, &config->root_certs,
               &config->root_cert_count) ||
        !views(arena, message->intermediate_certs, message->n_intermediate_certs,
               &config->intermediate_certs, &config->intermediate_cert_count) ||
        !views(arena, message->admins, message->n_admins, &config->admins, &config->admin_count) ||
        !views(arena, message->revocation_list, message->n_revocation_list,
               &config->revocation_lists, &config->revocation_list_count) ||
        !views(arena, message->tls_root_certs, message->n_tls_root_certs, &config->tls_root_certs,
               &config->tls_root_cert_count) ||
        !views(arena, message->tls_intermediate_certs, message->n_tls_intermediate_certs,
               &config->tls_intermediate_certs, &config->tls_intermediate_cert_count)) {
        return false;
    }
    size_t ou_count = message->n_organizational_unit_identifiers;
    struct fama_msp_ou *ous = fama_arena_take(arena, (ou_count + 1) * sizeof(*ous));
    if (ous == NULL) {
        return false;
    }
    for (size_t i = 0; i < ou_count; i++) {
        ous[i] = ou_from(message->organizational_unit_identifiers[i]);
    }
    config->organizational_units = ous;
    config->organizational_unit_count = ou_count;
    const Msp__FabricCryptoConfig *crypto = message->crypto_config;
    if (crypto != NULL) {
        config->signature_hash_family = fama_bytes_of_text(crypto->signature_hash_family);
        config->identity_hash_function =
            fama_bytes_of_text(crypto->identity_identifier_hash_function);
    }
    const Msp__FabricNodeOUs *node_ous = message->fabric_node_ous;
    if (node_ous != NULL) {
        config->has_node_ous = true;
        config->node_ous_enabled = node_ous->enable;
        config->client_ou = ou_from(node_ous->client_ou_identifier);
        config->peer_ou = ou_from(node_ous->peer_ou_identifier);
        config->admin_ou = ou_from(node_ous->admin_ou_identifier);
        config->orderer_ou = ou_from(node_ous->orderer_ou_identifier);
    }
    return true;
}

/* Fields of a message that are strings, and that are messages with strings. */
struct strings {
    uint32_t texts;
    uint32_t messages;
    const struct strings *inner;
};

#define FIELD(number) (UINT32_C(1) << (number))

/* Whether all strings are UTF-8, which protobuf-c does not ask and Go does, and hold no NUL, which a C
 * string would end at. Damage is left for the unpacking to find. */
static bool has_good_strings(struct fama_bytes message, const struct strings *strings)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number >= 32) {
            continue;
        }
        bool is_text = (strings->texts & FIELD(field.number)) != 0;
        bool is_message = (strings->messages & FIELD(field.number)) != 0;
        if (is_text && (!fama_proto_is_utf8(field.value) ||
                        (field.value.len > 0 && memchr(field.value.at, 0, field.value.len)))) {
            return false;
        }
        if (is_message && !has_good_strings(field.value, strings->inner)) {
            return false;
        }
    }
    return true;
}

/* FabricMSPConfig: its name; OU identifiers; names of hash functions; NodeOUs. */
static bool has_good_names(struct fama_bytes definition)
{
    static const struct strings ou = {.texts = FIELD(2)};
    static const struct strings named = {.texts = FIELD(1), .messages = FIELD(7), .inner = &ou};
    static const struct strings hashes = {.texts = FIELD(1) | FIELD(2)};
    static const struct strings crypto = {.messages = FIELD(8), .inner = &hashes};
    static const struct strings node_ous = {.messages = FIELD(2) | FIELD(3) | FIELD(4) | FIELD(5),
                                            .inner = &ou};
    static const struct strings nodes = {.messages = FIELD(11), .inner = &node_ous};
    return has_good_strings(definition, &named) && has_good_strings(definition, &crypto) &&
           has_good_strings(definition, &nodes);
}

static int msp_from(const Msp__MSPConfig *outer, enum fama_msp_version version,
                    struct fama_arena *arena, struct fama_msp **msp, struct fama_error *error)
{
    if (outer == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the organisation's MSP value does not decode");
    }
    if (outer->type == MSP_TYPE_IDEMIX) {
        return fama_idemix_msp_from_message(view(outer->config), version, msp, error);
    }
    if (outer->type != MSP_TYPE_FABRIC) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the organisation's MSP is of type %d, which no peer knows",
                              outer->type);
    }
    const Msp__FabricMSPConfig *fabric =
        msp__fabric_mspconfig__unpack(&arena->allocator, outer->config.len, outer->config.data);
    struct fama_msp_config config;
    if (fabric == NULL || !has_good_names(view(outer->config))) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the organisation's MSP definition does not decode");
    }
    if (!config_from(fabric, arena, &config)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY,
                              "MSP %s is too large to be decoded", fabric->name);
    }
    config.version = version;
    int created = fama_msp_create(&config, msp, error);
    if (created != 0) {
        return created == FAMA_MSP_NO_MEMORY ? FAMA_CHANNEL_CONFIG_NO_MEMORY
                                             : FAMA_CHANNEL_CONFIG_INVALID;
    }
    return 0;
}

int fama_msp_from_message(struct fama_bytes message, enum fama_msp_version version,
                          struct fama_msp **msp, struct fama_error *error)
{
    struct fama_arena arena;
    fama_arena_init(&arena, 2 * FAMA_ARENA_LIMIT(message.len));
    const Msp__MSPConfig *outer =
        message.len == 0 ? NULL : msp__mspconfig__unpack(&arena.allocator, message.len, message.at);
    int result = msp_from(outer, version, &arena, msp, error);
    fama_arena_clear(&arena);
    return result;
}

static char *text(struct fama_arena *arena, struct fama_bytes bytes)
{
    char *copy = fama_arena_take(arena, bytes.len + 1);
    if (copy != NULL && bytes.len > 0) {
        memcpy(copy, bytes.at, bytes.len);
    }
    return copy;
}

static char *name_or(struct fama_arena *arena, struct fama_bytes name, const char *usual)
{
    return text(arena, name.len > 0 ? name : fama_bytes_of_text(usual));
}

static ProtobufCBinaryData *binaries(struct fama_arena *arena, const struct fama_bytes *list,
                                     size_t count)
{
    ProtobufCBinaryData *items = fama_arena_take(arena, (count + 1) * sizeof(*items));
    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i] = fama_pack_binary(list[i]);
    }
    return items;
}

static Msp__FabricOUIdentifier *ou_to(struct fama_arena *arena, struct fama_msp_ou ou)
{
    if (ou.ou.len == 0) {
        return NULL;
    }
    Msp__FabricOUIdentifier *message = fama_arena_take(arena, sizeof(*message));
    if (message != NULL) {
        msp__fabric_ouidentifier__init(message);
        message->certificate = fama_pack_binary(ou.certificate);
        message->organizational_unit_identifier = text(arena, ou.ou);
    }
    return message;
}

static void ous_to(const struct fama_msp_config *config, struct fama_arena *arena,
                   Msp__FabricMSPConfig *message)
{
    size_t count = config->organizational_unit_count;
    Msp__FabricOUIdentifier **ous = fama_arena_take(arena, (count + 1) * sizeof(*ous));
    for (size_t i = 0; ous != NULL && i < count; i++) {
        ous[message->n_organizational_unit_identifiers] =
            ou_to(arena, config->organizational_units[i]);
        if (ous[message->n_organizational_unit_identifiers] != NULL) {
            message->n_organizational_unit_identifiers++;
        }
    }
    message->organizational_unit_identifiers = ous;
    if (!config->node_ous_enabled) {
        return;
    }
    Msp__FabricNodeOUs *node_ous = fama_arena_take(arena, sizeof(*node_ous));
    if (node_ous == NULL) {
        return;
    }
    msp__fabric_node_ous__init(node_ous);
    node_ous->enable = true;
    node_ous->client_ou_identifier = ou_to(arena, config->client_ou);
    node_ous->peer_ou_identifier = ou_to(arena, config->peer_ou);
    node_ous->admin_ou_identifier = ou_to(arena, config->admin_ou);
    node_ous->orderer_ou_identifier = ou_to(arena, config->orderer_ou);
    message->fabric_node_ous = node_ous;
}

struct fama_bytes fama_msp_to_message(const struct fama_msp *msp, struct fama_arena *arena)
{
    const struct fama_msp_config *config = fama_msp_definition(msp);
    Msp__FabricMSPConfig fabric = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricCryptoConfig crypto = MSP__FABRIC_CRYPTO_CONFIG__INIT;
    crypto.signature_hash_family = name_or(arena, config->signature_hash_family, "SHA2");
    crypto.identity_identifier_hash_function =
        name_or(arena, config->identity_hash_function, "SHA256");
    fabric.crypto_config = &crypto;
    fabric.name = text(arena, config->name);
    fabric.root_certs = binaries(arena, config->root_certs, config->root_cert_count);
    fabric.n_root_certs = config->root_cert_count;
    fabric.intermediate_certs =
        binaries(arena, config->intermediate_certs, config->intermediate_cert_count);
    fabric.n_intermediate_certs = config->intermediate_cert_count;
    fabric.admins = binaries(arena, config->admins, config->admin_count);
    fabric.n_admins = config->admin_count;
    fabric.revocation_list =
        binaries(arena, config->revocation_lists, config->revocation_list_count);
    fabric.n_revocation_list = config->revocation_list_count;
    fabric.tls_root_certs = binaries(arena, config->tls_root_certs, config->tls_root_cert_count);
    fabric.n_tls_root_certs = config->tls_root_cert_count;
    fabric.tls_intermediate_certs =
        binaries(arena, config->tls_intermediate_certs, config->tls_intermediate_cert_count);
    fabric.n_tls_intermediate_certs = config->tls_intermediate_cert_count;
    ous_to(config, arena, &fabric);
    if (arena->is_exhausted) {
        return fama_bytes(NULL, 0);
    }

    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    outer.type = MSP_TYPE_FABRIC;
    outer.config = fama_pack_binary(fama_pack(arena, &fabric.base));
    return fama_pack(arena, &outer.base);
}
