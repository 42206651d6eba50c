#include "ledger/block_signatures.h"

#include "crypto/signature_job.h"
#include "ledger/channel_config.h"
#include "ledger/envelope.h"
#include "ledger/proto_reader.h"
#include "ledger/signer_cache.h"

static const char policy_path[] = "/Channel/Orderer/BlockValidation";

/* One signature of slot 0. */
struct signature {
    struct fama_bytes header; /* of either kind: what is signed */
    struct fama_serialized_identity signer;
    struct fama_bytes der;
};

struct slot {
    struct fama_bytes value;
    struct signature signatures[FAMA_BLOCK_SIGNATURES_MAX];
    size_t count;
};

/* The first consenter of this number; an identity without any name if there is none. */
static struct fama_serialized_identity
consenter_identity(const struct fama_orderer_settings *orderer, uint32_t id)
{
    for (size_t i = 0; i < orderer->consenter_count; i++) {
        if (orderer->consenters[i].id == id) {
            return (struct fama_serialized_identity){.mspid = orderer->consenters[i].mspid,
                                                     .id_bytes = orderer->consenters[i].identity};
        }
    }
    return (struct fama_serialized_identity){0};
}

/* Reads who signed. False if a header does not decode, which refuses the whole block. */
static bool read_signer(const struct fama_channel_config *config, struct fama_bytes header,
                        struct fama_bytes identifier_header, struct signature *signature)
{
    bool names_consenter = fama_channel_config_capabilities(config)->channel_v3 &&
                           header.len == 0 && identifier_header.len > 0;
    signature->header = names_consenter ? identifier_header : header;
    if (names_consenter) {
        if (!fama_proto_is_message(identifier_header)) {
            return false;
        }
        signature->signer = consenter_identity(fama_channel_config_orderer(config),
                                               fama_config_read_number(identifier_header, 1));
        return true;
    }
    struct fama_signature_header decoded;
    if (!fama_signature_header_decode(header, &decoded)) {
        return false;
    }
    if (!fama_serialized_identity_decode(decoded.creator, &signature->signer)) {
        signature->signer = (struct fama_serialized_identity){0}; /* nobody's: it does not count */
    }
    return true;
}

/* Reads a common.MetadataSignature. */
static bool read_signature(const struct fama_channel_config *config, struct fama_bytes bytes,
                           struct signature *signature)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes header = {0};
    struct fama_bytes identifier_header = {0};
    *signature = (struct signature){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            header = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            signature->der = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            identifier_header = field.value;
        }
    }
    return !reader.failed && read_signer(config, header, identifier_header, signature);
}

/* Reads slot 0, a common.Metadata. False if it does not decode. */
static bool read_slot(const struct fama_channel_config *config, struct fama_bytes bytes,
                      struct slot *slot)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    slot->value = fama_bytes(NULL, 0);
    slot->count = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            slot->value = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            struct signature signature;
            if (!read_signature(config, field.value, &signature)) {
                return false;
            }
            if (slot->count < FAMA_BLOCK_SIGNATURES_MAX) {
                slot->signatures[slot->count++] = signature;
            }
        }
    }
    return !reader.failed;
}

/* A reference to the identity, or NULL if it does not deserialize in this channel. False if memory is
 * out. */
static bool find_identity(const struct fama_channel_config *config,
                          const struct fama_serialized_identity *signer,
                          struct fama_identity **identity)
{
    *identity = fama_signer_cache_recall(fama_channel_config_signers(config), signer->mspid,
                                         signer->id_bytes);
    if (*identity != NULL) {
        return true;
    }
    const struct fama_msp *msp = fama_channel_config_msp(config, signer->mspid);
    return msp == NULL ||
           fama_msp_deserialize(msp, signer->id_bytes, identity, NULL) != FAMA_MSP_NO_MEMORY;
}

static const struct fama_policy *block_validation(const struct fama_channel_config *config)
{
    return fama_policies_find(fama_channel_config_policies(config),
                              fama_bytes_of_text(policy_path));
}

enum fama_block_refusal fama_block_signatures_prepare(const struct fama_channel_config *config,
                                                      const struct fama_block *block,
                                                      struct fama_block_signatures *signatures)
{
    struct slot slot;
    signatures->count = 0;
    if (block->metadata_count == 0 ||
        !read_slot(config, block->metadata[FAMA_BLOCK_SIGNATURES], &slot)) {
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
    for (size_t i = 0; i < slot.count; i++) {
        const struct signature *signature = &slot.signatures[i];
        struct fama_identity *identity;
        if (!find_identity(config, &signature->signer, &identity)) {
            return FAMA_BLOCK_NO_MEMORY;
        }
        if (identity == NULL) {
            continue;
        }
        const struct fama_bytes parts[] = {slot.value, signature->header, fama_bytes(der, der_len)};
        fama_identity_prepare_verify(identity, parts, sizeof(parts) / sizeof(parts[0]),
                                     signature->der, &signatures->jobs[signatures->count]);
        signatures->identities[signatures->count++] = identity;
    }
    bool is_open =
        signatures->count == 0 && fama_policy_evaluate(block_validation(config), NULL, 0);
    return signatures->count > 0 || is_open ? FAMA_BLOCK_ACCEPTED : FAMA_BLOCK_UNKNOWN_SIGNER;
}

static bool is_among(const struct fama_identity *const *identities, size_t count,
                     const struct fama_identity *identity)
{
    for (size_t i = 0; i < count; i++) {
        if (fama_identity_is_same(identities[i], identity)) {
            return true;
        }
    }
    return false;
}

enum fama_block_refusal fama_block_signatures_judge(const struct fama_channel_config *config,
                                                    const struct fama_block_signatures *signatures)
{
    const struct fama_identity *good[FAMA_BLOCK_SIGNATURES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < signatures->count; i++) {
        struct fama_identity *identity = signatures->identities[i];
        if (signatures->jobs[i].verdict == FAMA_VERDICT_GOOD && !is_among(good, count, identity)) {
            fama_signer_cache_remember(fama_channel_config_signers(config), identity);
            good[count++] = identity;
        }
    }
    if (fama_policy_evaluate(block_validation(config), good, count)) {
        return FAMA_BLOCK_ACCEPTED;
    }
    return count == 0 ? FAMA_BLOCK_BAD_SIGNATURE : FAMA_BLOCK_UNKNOWN_SIGNER;
}

void fama_block_signatures_clear(struct fama_block_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++) {
        fama_identity_release(signatures->identities[i]);
    }
    signatures->count = 0;
}
