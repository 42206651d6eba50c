/* Entries of a block that no Fabric peer gets past, because its key-level validation looks into every
 * earlier entry of the block, whatever that entry's own code, and waits for ever, or crashes, where it
 * finds no transaction.
 *
 * Source: Fabric core/common/validation/statebased/validator_keylevel.go (extractDependenciesForTx),
 * core/common/validation/msgvalidation.go. Views live as long as the entry. Stateless; any thread.
 * Adversary: clients. */
#ifndef FAMA_LEDGER_ENTRY_HAZARD_H
#define FAMA_LEDGER_ENTRY_HAZARD_H

#include "crypto/bytes.h"

enum fama_entry_hazard {
    FAMA_ENTRY_HARMLESS,
    FAMA_ENTRY_HANGS,   /* whoever later writes a key waits for ever */
    FAMA_ENTRY_CRASHES, /* whoever later is asked for endorsements at all brings the peer down */
};

/* What the entry does to transactions after it. `*results` is its read-write set if it is harmless. */
enum fama_entry_hazard fama_entry_hazard_find(struct fama_bytes entry, struct fama_bytes *results);

/* Whether the entry, whose creator and transaction id are good, crashes the peer by itself: it has an
 * action without an endorsed action in it. */
bool fama_entry_lacks_endorsed_action(struct fama_bytes entry);

/* Whether the entry crashes the peer because its payload, which decodes, has no header. */
bool fama_entry_lacks_header(struct fama_bytes entry);

#endif
