/* What the state says of a chaincode: which policy its transactions need, and its collections. From
 * namespace `_lifecycle` (2.x) or `lscc` (1.x).
 *
 * Source: Fabric core/chaincode/lifecycle/{lifecycle,deployedcc_infoprovider,serializer}.go,
 * core/scc/lscc/deployedcc_infoprovider.go, core/committer/txvalidator/v20/valinforetriever/shim.go;
 * spec fabric-formats §7. Views live as long as the state's entries (until fama_state_reset). One
 * thread. Adversary: whoever can get a write into those namespaces endorsed. */
#ifndef FAMA_LEDGER_CHAINCODE_DEFINITION_H
#define FAMA_LEDGER_CHAINCODE_DEFINITION_H

#include "ledger/arena.h"
#include "ledger/state.h"

enum fama_chaincode_definition_error {
    /* Besides those of ledger/state.h: what is stored does not decode. Fabric stops the channel. */
    FAMA_CHAINCODE_DEFINITION_CORRUPT = -10,
};

/* Blocks for which a private key of the collection lives; 0: for ever, also when the collection is not
 * defined. As core/ledger/pvtdatapolicy/btlpolicy.go finds it (legacy, lifecycle and implicit
 * collections). */
int fama_chaincode_block_to_live(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_bytes collection, uint64_t *blocks,
                                 struct fama_error *error);

#endif
