/* A block as the ledger stores it: what repeats inside it is stored once.
 *
 * Most of an endorser transaction is serialized identities: the client's in the payload's signature
 * header and, the same header again, in the transaction's action; and one for each endorser. A block of
 * hundreds of transactions holds the same few identities over and over. Packing finds them by walking
 * the wire format, so that it costs a few comparisons for each transaction and no search, and makes of
 * the block a list of pieces: literal bytes, or a range that stands in the block before. The bytes that
 * come out are those that went in, whatever they mean: a block that does not decode has one literal.
 *
 * Stored (numbers base-128, least significant first):
 *   1 (the codec's version), block's length, number of copies,
 *   for each copy: length of the literal before it, position it is copied from, length,
 *   all literals one after another, the last one after the last copy.
 *
 * Memory: a packer keeps what it needs for the largest block it has packed, at most a few hundredths
 * of that block. Unpacking allocates the block's length, which a damaged value can make large but not
 * larger than `limit`. One thread a packer; unpacking from any thread. Adversary: whoever writes
 * transactions; a disk. */
#ifndef FAMA_LEDGER_BLOCK_CODEC_H
#define FAMA_LEDGER_BLOCK_CODEC_H

#include "ledger/block.h"

enum fama_block_codec_error {
    FAMA_BLOCK_CODEC_DAMAGED = -1,
    FAMA_BLOCK_CODEC_NO_MEMORY = -2,
};

struct fama_block_packer;

struct fama_block_packer *fama_block_packer_create(void);         /* NULL when memory is out */
void fama_block_packer_destroy(struct fama_block_packer *packer); /* NULL is fine */

/* The stored form of a block as pieces to be joined, as RocksDB takes them. They point into the block's
 * bytes and the packer, and live until its next call. */
struct fama_block_pieces {
    const char *const *at;
    const size_t *lens;
    size_t count;
};
/* 0 or FAMA_BLOCK_CODEC_NO_MEMORY. */
int fama_block_pack(struct fama_block_packer *packer, const struct fama_block *block,
                    struct fama_block_pieces *pieces);

/* Gives back the block; `*bytes` is to be freed. */
int fama_block_unpack(struct fama_bytes stored, size_t limit, uint8_t **bytes, size_t *len);

#endif
