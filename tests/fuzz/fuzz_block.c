/* Bytes of a stranger as a block: everything that is done with a block before its signatures are looked
 * at. Two readings of the same bytes must agree. */
#include <stdlib.h>

#include "ledger/block.h"
#include "ledger/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_header(const struct fama_block *block)
{
    size_t room = FAMA_BLOCK_HEADER_DER_MAX + block->previous_hash.len + block->data_hash.len;
    uint8_t *der = malloc(room);
    uint8_t hash[FAMA_SHA256_BYTES];
    require(der != NULL);
    size_t len =
        fama_block_header_der(block->number, block->previous_hash, block->data_hash, der, room);
    require(len > 0 && len <= room);
    fama_sha256(fama_bytes(der, len), hash);
    require(memcmp(hash, block->header_hash, sizeof(hash)) == 0);
    free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fama_block block;
    if (fama_block_parse(fama_bytes(data, size), &block) != FAMA_BLOCK_ACCEPTED) {
        return 0;
    }
    check_header(&block);
    (void)fama_block_is_config(&block);
    for (size_t i = 0; i <= block.envelope_count && i < 64; i++) {
        char txid[FAMA_TXID_MAX];
        fama_block_txid(&block, i, txid);
        require(strlen(txid) < sizeof(txid));
    }
    for (size_t i = 0; i < block.envelope_count && i < 64; i++) {
        struct fama_envelope envelope;
        if (fama_envelope_is_canonical(block.envelopes[i])) {
            require(fama_envelope_decode(block.envelopes[i], &envelope));
            require(envelope.payload.len > 0 && envelope.signature.len > 0);
        }
    }
    if (fama_block_check(&block, block.number, "drivenet") == FAMA_BLOCK_ACCEPTED) {
        uint8_t hash[FAMA_SHA256_BYTES];
        fama_block_data_hash(&block, hash);
        require(fama_bytes_equal(block.data_hash, fama_bytes(hash, sizeof(hash))));
        require(block.envelope_count > 0 && block.metadata_count > 0);
    }
    fama_block_clear(&block);
    return 0;
}
