/* One Fabric block as bytes: decoded once, hashed, and judged for everything that needs no other
 * block and no signature.
 *
 * Sources: Fabric protoutil/blockutils.go, internal/peer/gossip/mcs.go VerifyBlock (spec
 * fabric-algorithms §1, §2). Adversary: whoever relays blocks. Decoding copies nothing:
 * a block makes us allocate one view per transaction, no more than eight times its own size; nine times
 * while the payloads of well-formed envelopes are digested, four for as long as the digests are kept.
 *
 * Ownership: a struct fama_block borrows the serialized bytes it was parsed from; they must outlive
 * it. One thread at a time. */
#ifndef FAMA_LEDGER_BLOCK_H
#define FAMA_LEDGER_BLOCK_H

#include "crypto/error.h"
#include "crypto/sha256.h"
#include "ledger/verdict.h"

#define FAMA_BLOCK_METADATA_SLOTS      5
#define FAMA_BLOCK_SIGNATURES          0 /* indices of common.BlockMetadataIndex */
#define FAMA_BLOCK_LAST_CONFIG         1
#define FAMA_BLOCK_TRANSACTIONS_FILTER 2
#define FAMA_BLOCK_COMMIT_HASH         4
/* One entry costs at least two bytes on the wire; this caps the envelope table of one block. */
#define FAMA_BLOCK_TRANSACTIONS_MAX (1u << 20)

struct fama_block {
    struct fama_bytes bytes; /* the whole serialized common.Block */
    uint64_t number;
    struct fama_bytes previous_hash;
    struct fama_bytes data_hash;
    struct fama_bytes *envelopes; /* each entry of BlockData.data, in order; owned */
    size_t envelope_count;
    struct fama_bytes metadata[FAMA_BLOCK_METADATA_SLOTS]; /* missing slots are empty */
    size_t metadata_count; /* slots on the wire, may exceed FAMA_BLOCK_METADATA_SLOTS */
    uint8_t header_hash[FAMA_SHA256_BYTES];
    /* One per envelope: SHA-256 of its payload, which its creator signs. Owned; NULL unless
     * fama_block_check_and_digest made them. */
    uint8_t (*payload_digests)[FAMA_SHA256_BYTES];
};

/* Decodes and hashes the header. Returns FAMA_BLOCK_ACCEPTED, or FAMA_BLOCK_MALFORMED or
 * FAMA_BLOCK_NO_MEMORY, when `*block` is empty. */
enum fama_block_refusal fama_block_parse(struct fama_bytes bytes, struct fama_block *block);
void fama_block_clear(struct fama_block *block);

/* The DER of the header (spec §1.1): what is hashed, and the tail of what orderers sign. Returns
 * its length, 0 if it does not fit into `size`; the longest header takes FAMA_BLOCK_HEADER_DER_MAX
 * + both hashes' lengths. */
#define FAMA_BLOCK_HEADER_DER_MAX 32
size_t fama_block_header_der(uint64_t number, struct fama_bytes previous_hash,
                             struct fama_bytes data_hash, uint8_t *der, size_t size);
void fama_block_data_hash(const struct fama_block *block, uint8_t hash[FAMA_SHA256_BYTES]);

/* All checks up to the data hash: number, channel of the first envelope, metadata, well-formedness
 * (re-marshalled envelopes equal the entries: CVE-2023-46132), data hash. The chain link and the
 * signatures need more than the block: ledger/ledger.h, ledger/channel_config.h. */
enum fama_block_refusal fama_block_check(const struct fama_block *block, uint64_t claimed_number,
                                         const char *channel_id);

/* The same, and fills block->payload_digests on the way: hashed beside the data hash they cost next to
 * nothing. They stay NULL when memory for them is out, or the block is refused. */
enum fama_block_refusal fama_block_check_and_digest(struct fama_block *block,
                                                    uint64_t claimed_number,
                                                    const char *channel_id);

/* Whether the block is a configuration block: exactly one envelope, of type CONFIG. */
bool fama_block_is_config(const struct fama_block *block);

/* The transaction id in an envelope's channel header, copied NUL-terminated into `txid`: "" if
 * there is none, it does not decode, it holds a NUL, or it is longer than any honest one (64
 * characters of hex). */
#define FAMA_TXID_MAX 128
void fama_block_txid(const struct fama_block *block, size_t index, char txid[FAMA_TXID_MAX]);

#endif
