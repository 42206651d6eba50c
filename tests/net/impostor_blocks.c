#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/arena.h"
#include "ledger/pack.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/proto/msp.pb-c.h"
#include "tests/net/impostor.h"

#define ARENA_BYTES (1u << 20) /* for one signature slot */

static const struct {
    const char *name;
    const char *refusal;
} changes[IMPOSTOR_CHANGES] = {
    [IMPOSTOR_UNCHANGED] = {"unchanged", NULL},
    [IMPOSTOR_TRUNCATED] = {"truncated", "block_malformed"},
    [IMPOSTOR_OTHER_NUMBER] = {"other-number", "block_wrong_number"},
    [IMPOSTOR_NO_METADATA] = {"no-metadata", "block_no_metadata"},
    [IMPOSTOR_CROSS_LINKED] = {"cross-linked", "block_not_well_formed"},
    [IMPOSTOR_FLIPPED_DATA] = {"flipped-data", "block_data_hash"},
    [IMPOSTOR_FLIPPED_LINK] = {"flipped-link", "block_previous_hash"},
    [IMPOSTOR_RE_SIGNED] = {"re-signed", "block_unknown_signer"},
    [IMPOSTOR_FLIPPED_SIGNATURE] = {"flipped-signature", "block_bad_signature"},
};

const char *impostor_change_name(enum impostor_change change)
{
    return changes[change].name;
}

const char *impostor_change_refusal(enum impostor_change change)
{
    return changes[change].refusal;
}

/* The signature slot with a signature of our own over the same value and header. */
static struct fama_bytes signed_by_us(const struct impostor_identity *identity,
                                      const struct fama_block *block, struct fama_arena *arena)
{
    struct fama_bytes slot = block->metadata[FAMA_BLOCK_SIGNATURES];
    Common__Metadata *theirs = common__metadata__unpack(&arena->allocator, slot.len, slot.at);
    uint8_t header[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    uint8_t der[FAMA_SIGNATURE_DER_MAX];
    static const uint8_t nonce[24] = {0x5a};
    size_t header_len = fama_block_header_der(block->number, block->previous_hash, block->data_hash,
                                              header, sizeof(header));
    Msp__SerializedIdentity creator = MSP__SERIALIZED_IDENTITY__INIT;
    creator.mspid = fama_pack_text(identity->mspid);
    creator.id_bytes = fama_pack_binary(fama_bytes(identity->pem, identity->pem_len));
    struct fama_bytes signature_header = fama_pack_signature_header(
        arena, fama_pack(arena, &creator.base), fama_bytes(nonce, sizeof(nonce)));
    if (theirs == NULL || header_len == 0 || signature_header.len == 0) {
        return fama_bytes(NULL, 0);
    }
    const struct fama_bytes parts[] = {fama_bytes(theirs->value.data, theirs->value.len),
                                       signature_header, fama_bytes(header, header_len)};
    size_t der_len = impostor_sign_parts(identity, parts, 3, der);
    Common__MetadataSignature ours = COMMON__METADATA_SIGNATURE__INIT;
    Common__MetadataSignature *list[] = {&ours};
    Common__Metadata metadata = COMMON__METADATA__INIT;
    ours.signature_header = fama_pack_binary(signature_header);
    ours.signature = fama_pack_binary(fama_bytes(der, der_len));
    metadata.value = theirs->value;
    metadata.n_signatures = 1;
    metadata.signatures = list;
    return der_len > 0 ? fama_pack(arena, &metadata.base) : fama_bytes(NULL, 0);
}

/* Two neighbouring transactions become one; a lone one is cut between its payload and its signature. The
 * bytes of all together, and so the data hash, stay. */
static bool cross_link(const struct fama_block *block, struct fama_pack_block *out,
                       struct fama_bytes *envelopes)
{
    if (block->envelope_count >= 2) {
        const struct fama_bytes *first = &block->envelopes[0];
        const struct fama_bytes *second = &block->envelopes[1];
        uint8_t *joined = malloc(first->len + second->len);
        if (joined == NULL) {
            return false;
        }
        memcpy(joined, first->at, first->len);
        memcpy(joined + first->len, second->at, second->len);
        envelopes[0] = fama_bytes(joined, first->len + second->len);
        for (size_t i = 2; i < block->envelope_count; i++) {
            envelopes[i - 1] = block->envelopes[i];
        }
        out->envelope_count = block->envelope_count - 1;
        return true;
    }
    struct fama_bytes only = block->envelopes[0];
    Common__Envelope *envelope = common__envelope__unpack(NULL, only.len, only.at);
    if (envelope == NULL) {
        return false;
    }
    envelope->signature.len = 0;
    size_t payload_len = common__envelope__get_packed_size(envelope);
    common__envelope__free_unpacked(envelope, NULL);
    if (payload_len == 0 || payload_len >= only.len) {
        return false;
    }
    envelopes[0] = fama_bytes(only.at, payload_len);
    envelopes[1] = fama_bytes(only.at + payload_len, only.len - payload_len);
    out->envelope_count = 2;
    return true;
}

/* A copy of the bytes with the lowest bit of the last one turned; from malloc. */
static struct fama_bytes with_last_bit_turned(struct fama_bytes bytes)
{
    uint8_t *copy = bytes.len > 0 ? malloc(bytes.len) : NULL;
    if (copy == NULL) {
        return fama_bytes(NULL, 0);
    }
    memcpy(copy, bytes.at, bytes.len);
    copy[bytes.len - 1] ^= 1;
    return fama_bytes(copy, bytes.len);
}

static bool rebuild(enum impostor_change change, const struct impostor_identity *identity,
                    const struct fama_block *block, uint8_t **made, size_t *made_len)
{
    static const uint8_t unreadable[] = {0x0a}; /* a field that does not end */
    struct fama_arena arena;
    struct fama_bytes owned = {NULL, 0};
    struct fama_bytes *envelopes = calloc(block->envelope_count + 1, sizeof(*envelopes));
    if (envelopes == NULL || block->envelope_count == 0) {
        free(envelopes);
        return false;
    }
    memcpy(envelopes, block->envelopes, block->envelope_count * sizeof(*envelopes));
    struct fama_pack_block out = {
        .number = block->number,
        .previous_hash = block->previous_hash,
        .data_hash = block->data_hash,
        .envelopes = envelopes,
        .envelope_count = block->envelope_count,
    };
    memcpy(out.metadata, block->metadata, sizeof(out.metadata));
    fama_arena_init(&arena, ARENA_BYTES);
    bool is_changed = true;
    struct fama_bytes *last = &envelopes[block->envelope_count - 1];
    switch (change) {
    case IMPOSTOR_NO_METADATA:
        out.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes(unreadable, sizeof(unreadable));
        break;
    case IMPOSTOR_CROSS_LINKED:
        is_changed = cross_link(block, &out, envelopes);
        owned = block->envelope_count >= 2 ? envelopes[0] : owned;
        break;
    case IMPOSTOR_FLIPPED_DATA:
        owned = with_last_bit_turned(*last);
        *last = owned;
        break;
    case IMPOSTOR_FLIPPED_LINK:
        owned = with_last_bit_turned(block->previous_hash);
        out.previous_hash = owned;
        break;
    case IMPOSTOR_RE_SIGNED:
        out.metadata[FAMA_BLOCK_SIGNATURES] = signed_by_us(identity, block, &arena);
        is_changed = out.metadata[FAMA_BLOCK_SIGNATURES].len > 0;
        break;
    case IMPOSTOR_FLIPPED_SIGNATURE:
        /* The slot's last bytes are the signature's: s differs, the DER around it stays whole. */
        owned = with_last_bit_turned(block->metadata[FAMA_BLOCK_SIGNATURES]);
        out.metadata[FAMA_BLOCK_SIGNATURES] = owned;
        break;
    default:
        is_changed = false;
        break;
    }
    bool is_made = is_changed && fama_pack_block(&out, made, made_len);
    fama_arena_clear(&arena);
    free((void *)(uintptr_t)owned.at);
    free(envelopes);
    return is_made;
}

bool impostor_change_block(enum impostor_change change, const struct impostor_identity *identity,
                           struct fama_bytes original, uint8_t **made, size_t *made_len)
{
    if (change == IMPOSTOR_UNCHANGED || change == IMPOSTOR_OTHER_NUMBER ||
        change == IMPOSTOR_TRUNCATED) {
        *made_len = change == IMPOSTOR_TRUNCATED ? original.len - original.len / 3 : original.len;
        *made = malloc(*made_len + 1);
        if (*made != NULL) {
            memcpy(*made, original.at, *made_len);
        }
        return *made != NULL;
    }
    struct fama_block block;
    if (fama_block_parse(original, &block) != FAMA_BLOCK_ACCEPTED) {
        return false;
    }
    bool is_made = rebuild(change, identity, &block, made, made_len);
    fama_block_clear(&block);
    return is_made;
}

int impostor_read_file(const char *path, uint8_t **bytes, size_t *len, struct fama_error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return fama_error_set(error, IMPOSTOR_FAILED, "%s: %s", path, strerror(errno));
    }
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool is_sane = size > 0 && size <= (long)IMPOSTOR_BLOCK_MAX && fseek(file, 0, SEEK_SET) == 0;
    *bytes = is_sane ? malloc((size_t)size) : NULL;
    bool is_read = *bytes != NULL && fread(*bytes, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (!is_read) {
        free(*bytes);
        *bytes = NULL;
        return fama_error_set(error, IMPOSTOR_FAILED, "%s: cannot be read as a block", path);
    }
    *len = (size_t)size;
    return 0;
}
