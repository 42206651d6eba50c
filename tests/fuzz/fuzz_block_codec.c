/* A stored form as a failing disk might give it, and the same bytes as a block to be packed: what is unpacked
 * is never more than the limit, and what was packed comes back. */
#include <stdlib.h>

#include "ledger/block_codec.h"

#define LIMIT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct fama_block_packer *packer, const struct fama_block *block)
{
    struct fama_block_pieces pieces;
    if (fama_block_pack(packer, block, &pieces) != 0) {
        abort();
    }
    size_t len = 0;
    for (size_t i = 0; i < pieces.count; i++) {
        len += pieces.lens[i];
    }
    uint8_t *stored = malloc(len);
    if (stored == NULL) {
        abort();
    }
    size_t at = 0;
    for (size_t i = 0; i < pieces.count; i++) {
        memcpy(stored + at, pieces.at[i], pieces.lens[i]);
        at += pieces.lens[i];
    }
    uint8_t *bytes;
    size_t got;
    if (fama_block_unpack(fama_bytes(stored, len), block->bytes.len, &bytes, &got) != 0 ||
        !fama_bytes_equal(fama_bytes(bytes, got), block->bytes)) {
        abort();
    }
    free(bytes);
    free(stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    size_t len;
    if (fama_block_unpack(fama_bytes(data, size), LIMIT, &bytes, &len) == 0) {
        if (len > LIMIT) {
            abort();
        }
        free(bytes);
    }
    struct fama_block_packer *packer = fama_block_packer_create();
    if (packer == NULL) {
        return 0;
    }
    struct fama_bytes envelopes[2] = {fama_bytes(data, size / 2),
                                      fama_bytes(data + size / 2, size - size / 2)};
    const struct fama_block halves = {
        .bytes = fama_bytes(data, size), .envelopes = envelopes, .envelope_count = 2};
    check_round_trip(packer, &halves);
    struct fama_block block;
    if (fama_block_parse(fama_bytes(data, size), &block) == FAMA_BLOCK_ACCEPTED) {
        check_round_trip(packer, &block);
        fama_block_clear(&block);
    }
    fama_block_packer_destroy(packer);
    return 0;
}
