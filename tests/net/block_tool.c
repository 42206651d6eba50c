/* For the scenarios that run whole nodes: says what a block file holds, and spoils blocks in the ways an
 * attacker or a broken disk would.
 *
 *   block_tool facts FILE...                  one line per file: number, header hash, data hash (computed)
 *   block_tool spoil KIND IN OUT [MSP:ID]     writes a spoiled copy; kinds are listed below
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/signer.h"
#include "ledger/arena.h"
#include "ledger/block.h"
#include "ledger/pack.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/proto/msp.pb-c.h"

#define FILE_BYTES_MAX (64L << 20)

struct spoil {
    struct fama_block block;
    struct fama_pack_block made;
    struct fama_arena arena;
    const char *stranger; /* MSP directory:MSP id */
};

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return NULL;
    }
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    *len = bytes == NULL ? 0 : fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    if (*len == 0 || *len == FILE_BYTES_MAX) {
        fprintf(stderr, "%s: empty or too large\n", path);
        free(bytes);
        return NULL;
    }
    return bytes;
}

static int write_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(bytes, 1, len, file) == len;
    if (file == NULL || fclose(file) != 0 || !is_written) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int facts(const char *path)
{
    size_t len;
    struct fama_block block;
    uint8_t data_hash[FAMA_SHA256_BYTES];
    char header_text[FAMA_SHA256_TEXT_BYTES], data_text[FAMA_SHA256_TEXT_BYTES];
    uint8_t *bytes = read_file(path, &len);
    if (bytes == NULL) {
        return EXIT_FAILURE;
    }
    if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED) {
        fprintf(stderr, "%s: not a block\n", path);
        free(bytes);
        return EXIT_FAILURE;
    }
    fama_block_data_hash(&block, data_hash);
    fama_sha256_text(block.header_hash, header_text);
    fama_sha256_text(data_hash, data_text);
    printf("%" PRIu64 " %s %s\n", block.number, header_text, data_text);
    fama_block_clear(&block);
    free(bytes);
    return EXIT_SUCCESS;
}

/* ---- Ways of spoiling; each changes `made`, which begins as a faithful copy ---- */

static struct fama_bytes *copy_envelopes(struct spoil *spoil)
{
    size_t count = spoil->block.envelope_count;
    struct fama_bytes *copy = fama_arena_take(&spoil->arena, count * sizeof(*copy));
    if (copy != NULL) {
        memcpy(copy, spoil->block.envelopes, count * sizeof(*copy));
        spoil->made.envelopes = copy;
    }
    return copy;
}

static bool flip_last_bit(struct spoil *spoil, struct fama_bytes *view)
{
    uint8_t *copy = view->len == 0 ? NULL : fama_arena_take(&spoil->arena, view->len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, view->at, view->len);
    copy[view->len - 1] ^= 1;
    view->at = copy;
    return true;
}

/* One bit in the signature at the end of the last transaction. */
static bool flip_bit(struct spoil *spoil)
{
    struct fama_bytes *envelopes = copy_envelopes(spoil);
    return envelopes != NULL && flip_last_bit(spoil, &envelopes[spoil->block.envelope_count - 1]);
}

static bool swap_transactions(struct spoil *spoil)
{
    struct fama_bytes *envelopes = copy_envelopes(spoil);
    if (envelopes == NULL || spoil->block.envelope_count < 2) {
        return false;
    }
    struct fama_bytes first = envelopes[0];
    envelopes[0] = envelopes[1];
    envelopes[1] = first;
    return true;
}

/* CVE-2023-46132: two transactions become one entry; the data hash, which concatenates, stays the same. */
static bool cross_link(struct spoil *spoil)
{
    struct fama_bytes *envelopes = copy_envelopes(spoil);
    if (envelopes == NULL || spoil->block.envelope_count < 2) {
        return false;
    }
    uint8_t *joined = fama_arena_take(&spoil->arena, envelopes[0].len + envelopes[1].len);
    if (joined == NULL) {
        return false;
    }
    memcpy(joined, envelopes[0].at, envelopes[0].len);
    memcpy(joined + envelopes[0].len, envelopes[1].at, envelopes[1].len);
    envelopes[1] = fama_bytes(joined, envelopes[0].len + envelopes[1].len);
    spoil->made.envelopes = envelopes + 1;
    spoil->made.envelope_count = spoil->block.envelope_count - 1;
    return true;
}

/* The slot of the orderers' signatures holds something that is no message. */
static bool damage_metadata(struct spoil *spoil)
{
    static const uint8_t nonsense[] = {0xff, 0xff, 0xff};
    spoil->made.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes(nonsense, sizeof(nonsense));
    return true;
}

/* The slot is there and empty: a block that nobody signed. */
static bool strip_signatures(struct spoil *spoil)
{
    spoil->made.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes(NULL, 0);
    return true;
}

static Common__Metadata *unpack_signatures(struct spoil *spoil)
{
    struct fama_bytes slot = spoil->block.metadata[FAMA_BLOCK_SIGNATURES];
    Common__Metadata *metadata =
        common__metadata__unpack(&spoil->arena.allocator, slot.len, slot.at);
    return metadata != NULL && metadata->n_signatures > 0 ? metadata : NULL;
}

static bool repack_signatures(struct spoil *spoil, const Common__Metadata *metadata)
{
    struct fama_bytes slot = fama_pack(&spoil->arena, &metadata->base);
    spoil->made.metadata[FAMA_BLOCK_SIGNATURES] = slot;
    return slot.len > 0;
}

/* Every signature stays well-formed DER with a low s, and no longer fits: the last bit of each s flips. */
static bool break_signatures(struct spoil *spoil)
{
    Common__Metadata *metadata = unpack_signatures(spoil);
    for (size_t i = 0; metadata != NULL && i < metadata->n_signatures; i++) {
        ProtobufCBinaryData *signature = &metadata->signatures[i]->signature;
        struct fama_bytes view = fama_bytes(signature->data, signature->len);
        if (!flip_last_bit(spoil, &view)) {
            return false;
        }
        *signature = fama_pack_binary(view);
    }
    return metadata != NULL && repack_signatures(spoil, metadata);
}

static bool sign_as(struct spoil *spoil, const struct fama_signer *signer, const char *mspid,
                    Common__Metadata *metadata)
{
    static const uint8_t nonce[24] = {7};
    uint8_t header_der[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;
    identity.mspid = fama_pack_text(mspid);
    identity.id_bytes = fama_pack_binary(fama_identity_id_bytes(fama_signer_identity(signer)));
    struct fama_bytes creator = fama_pack(&spoil->arena, &identity.base);
    struct fama_bytes header =
        fama_pack_signature_header(&spoil->arena, creator, fama_bytes(nonce, sizeof(nonce)));
    size_t der_len = fama_block_header_der(spoil->block.number, spoil->block.previous_hash,
                                           spoil->block.data_hash, header_der, sizeof(header_der));
    const struct fama_bytes parts[] = {fama_bytes(metadata->value.data, metadata->value.len),
                                       header, fama_bytes(header_der, der_len)};
    uint8_t *der = fama_arena_take(&spoil->arena, FAMA_SIGNATURE_DER_MAX);
    fama_sha256_parts(parts, 3, digest);
    if (der == NULL || creator.len == 0 || header.len == 0 ||
        fama_signer_sign_digest(signer, digest, &signature) != 0) {
        return false;
    }
    metadata->n_signatures = 1;
    metadata->signatures[0]->signature_header = fama_pack_binary(header);
    metadata->signatures[0]->signature =
        fama_pack_binary(fama_bytes(der, fama_signature_to_der(&signature, der)));
    return repack_signatures(spoil, metadata);
}

/* The right content with a valid signature by somebody who is no orderer of the channel. */
static bool sign_by_stranger(struct spoil *spoil)
{
    char directory[4096];
    const char *colon = spoil->stranger == NULL ? NULL : strrchr(spoil->stranger, ':');
    if (colon == NULL || (size_t)(colon - spoil->stranger) >= sizeof(directory)) {
        fprintf(stderr, "stranger: wants MSPDIRECTORY:MSPID\n");
        return false;
    }
    memcpy(directory, spoil->stranger, (size_t)(colon - spoil->stranger));
    directory[colon - spoil->stranger] = '\0';
    struct fama_error error = {""};
    struct fama_msp *msp = NULL;
    struct fama_signer *signer = NULL;
    Common__Metadata *metadata = unpack_signatures(spoil);
    bool is_done = false;
    if (fama_msp_open_directory(directory, colon + 1, &msp, &error) == 0 &&
        fama_signer_open(directory, msp, &signer, &error) == 0) {
        is_done = metadata != NULL && sign_as(spoil, signer, colon + 1, metadata);
        fama_signer_close(signer);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    if (msp != NULL) {
        fama_msp_release(msp);
    }
    return is_done;
}

static const struct {
    const char *kind;
    bool (*change)(struct spoil *spoil);
} ways[] = {
    {"flipped", flip_bit},          {"reordered", swap_transactions},
    {"crosslinked", cross_link},    {"nometadata", damage_metadata},
    {"unsigned", strip_signatures}, {"badsignature", break_signatures},
    {"stranger", sign_by_stranger},
};

static int change_block(const char *kind, struct spoil *spoil, const char *out)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        uint8_t *made = NULL;
        size_t made_len = 0;
        if (strcmp(kind, ways[i].kind) != 0) {
            continue;
        }
        if (!ways[i].change(spoil) || !fama_pack_block(&spoil->made, &made, &made_len)) {
            fprintf(stderr, "block %" PRIu64 " cannot be %s\n", spoil->block.number, kind);
            return EXIT_FAILURE;
        }
        int status = write_file(out, made, made_len);
        free(made);
        return status;
    }
    fprintf(stderr, "%s: no way of spoiling a block\n", kind);
    return EXIT_FAILURE;
}

static int spoil_file(const char *kind, const char *in, const char *out, const char *stranger)
{
    size_t len;
    uint8_t *bytes = read_file(in, &len);
    if (bytes == NULL) {
        return EXIT_FAILURE;
    }
    struct spoil spoil = {.stranger = stranger};
    int status = EXIT_FAILURE;
    if (strcmp(kind, "truncated") == 0) {
        status = write_file(out, bytes, len - len / 8 - 1);
    } else if (fama_block_parse(fama_bytes(bytes, len), &spoil.block) != FAMA_BLOCK_ACCEPTED) {
        fprintf(stderr, "%s: not a block\n", in);
    } else {
        fama_arena_init(&spoil.arena, 4 * len + (1 << 20));
        spoil.made = (struct fama_pack_block){.number = spoil.block.number,
                                              .previous_hash = spoil.block.previous_hash,
                                              .data_hash = spoil.block.data_hash,
                                              .envelopes = spoil.block.envelopes,
                                              .envelope_count = spoil.block.envelope_count};
        memcpy(spoil.made.metadata, spoil.block.metadata, sizeof(spoil.made.metadata));
        status = change_block(kind, &spoil, out);
        fama_arena_clear(&spoil.arena);
        fama_block_clear(&spoil.block);
    }
    free(bytes);
    return status;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "facts") == 0) {
        int status = EXIT_SUCCESS;
        for (int i = 2; i < argc && status == EXIT_SUCCESS; i++) {
            status = facts(argv[i]);
        }
        return status;
    }
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "spoil") == 0) {
        return spoil_file(argv[2], argv[3], argv[4], argc == 6 ? argv[5] : NULL);
    }
    fprintf(stderr, "usage: block_tool facts FILE... | spoil KIND IN OUT [MSPDIRECTORY:MSPID]\n");
    return 2;
}
