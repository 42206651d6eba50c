/* Builds a chain of real blocks after a genesis block: endorser transactions with real signatures
 * by real identities, cut into blocks signed by an orderer. The ordering service of quickstart,
 * tests and benches when no recorded chain is at hand. Blocks are what a Fabric 2.5 raft orderer
 * would deliver (slot 0 signed; slot 1 names block 0 as the last configuration, which takes no
 * bytes; 2 to 4 empty), and their transactions what its peers would find valid if the endorsers are
 * peers of a majority of the organisations: block 1 commits the definition of chaincode `kv`
 * through _lifecycle and nothing else, since only later blocks can use it; those write unique keys
 * of `kv`.
 *
 * One thread. Deterministic in everything but signatures, nonces and what follows from them
 * (transaction ids, hashes, a byte or two of length per signature); clocks count from the genesis
 * block's, one second per block. */
#ifndef FAMA_LEDGER_CHAIN_BUILDER_H
#define FAMA_LEDGER_CHAIN_BUILDER_H

#include "crypto/signer.h"
#include "ledger/block.h"

struct fama_chain_builder;

struct fama_chain_identities {
    const struct fama_signer *orderer;          /* signs blocks */
    const struct fama_signer *client;           /* creates transactions */
    const struct fama_signer *const *endorsers; /* one per endorsing organisation */
    size_t endorser_count;
};

enum fama_chain_builder_error {
    FAMA_CHAIN_BUILDER_INVALID = -1,
    FAMA_CHAIN_BUILDER_FAILED = -2, /* signing failed or memory is out */
};

/* `genesis` is parsed and only read during the call; signers are borrowed until destruction. */
int fama_chain_builder_create(const struct fama_block *genesis,
                              const struct fama_chain_identities *identities,
                              struct fama_chain_builder **builder, struct fama_error *error);
void fama_chain_builder_destroy(struct fama_chain_builder *builder);

/* The next block: `transactions` (>= 1) transactions, each writing one value of `value_bytes` (>=
 * 1) bytes; block 1 has its one transaction whatever is asked. `*bytes` is released with free(). */
int fama_chain_builder_next(struct fama_chain_builder *builder, size_t transactions,
                            size_t value_bytes, uint8_t **bytes, size_t *len,
                            struct fama_error *error);
/* The same, with about `target_bytes` bytes in the whole block: within a hundredth from 16 KB
 * upwards. A block of one transaction with two endorsements takes 4 to 6 KB (its certificates)
 * however small its value. */
int fama_chain_builder_next_sized(struct fama_chain_builder *builder, size_t target_bytes,
                                  uint8_t **bytes, size_t *len, struct fama_error *error);

#endif
