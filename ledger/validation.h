/* The first of two judgements of a block's transactions: everything but their reads. Fabric's VSCC phase:
 * envelope checks, creators, transaction ids, chaincode definitions, endorsement policies (chaincode,
 * collection, key level), and duplicates within the block.
 *
 * Source: Fabric core/committer/txvalidator/v20 and v14 (chosen by the application capabilities),
 * core/handlers/validation/builtin/{v20,v13,v12}, core/common/validation/statebased; spec
 * fabric-algorithms §4. In order, against the state as all earlier blocks leave it. One thread, the one
 * that commits. Adversary: clients and endorsers. */
#ifndef FAMA_LEDGER_VALIDATION_H
#define FAMA_LEDGER_VALIDATION_H

#include "ledger/prepared_block.h"
#include "ledger/state.h"

struct fama_validator; /* caches of one channel: decoded definitions and policies */

enum fama_validation_error {
    /* Fabric stops processing the channel at this block, and so does Fama: an unknown validation
     * plugin, a key-level policy or a definition that does not decode, a configuration that does not
     * apply. Fama alone stops where a creator is an Idemix client, whose signature it cannot verify
     * (orderers have, before they took the transaction). Words say which. */
    FAMA_VALIDATION_HALT = -20,
    FAMA_VALIDATION_IO = -21,
    FAMA_VALIDATION_NO_MEMORY = -22,
};

struct fama_validator *fama_validator_create(void); /* NULL when memory is out */
void fama_validator_destroy(struct fama_validator *validator);

/* Fills block->codes. The validator remembers definitions between blocks; it notices by itself when they
 * may have changed, when the configuration is another, and when a block is not the one after the last.
 * Block 0 is not for it: whoever joins a channel trusts its genesis block, and its codes are VALID.
 * All signature jobs have been run, is_known_txid is filled. If the block carries a configuration
 * that is valid, *next is the channel's configuration from the next block on, else NULL. */
int fama_validate(struct fama_validator *validator, struct fama_prepared_block *block,
                  struct fama_state *state, struct fama_channel_config **next,
                  struct fama_error *error);

#endif
