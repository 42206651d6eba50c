/* What the state says of a chaincode: which policy its transactions need, and its collections. From
 * namespace `_lifecycle` (2.x) or `lscc` (1.x).
 *
 * Source: Fabric core/chaincode/lifecycle/{lifecycle,deployedcc_infoprovider,serializer}.go,
 * core/scc/lscc/deployedcc_infoprovider.go, core/common/ccprovider/ccprovider.go (ChaincodeData),
 * core/ledger/confighistory/mgr.go; spec fabric-formats §7. Views live as long as the state's entries
 * (until fama_state_reset) and the arena. One thread. Adversary: whoever can get a write into those
 * namespaces endorsed. */
#ifndef FAMA_LEDGER_CHAINCODE_DEFINITION_H
#define FAMA_LEDGER_CHAINCODE_DEFINITION_H

#include "ledger/arena.h"
#include "ledger/collection_package.h"
#include "ledger/state.h"

enum fama_chaincode_definition_error {
    /* Besides those of ledger/state.h: what is stored does not decode. Fabric stops the channel. */
    FAMA_CHAINCODE_DEFINITION_CORRUPT = -10,
};

#define FAMA_LIFECYCLE_NAMESPACE "_lifecycle"
#define FAMA_LSCC_NAMESPACE      "lscc"

/* A definition of the 2.x lifecycle. Its plugin and parameter may both be empty. */
struct fama_lifecycle_definition {
    bool exists;
    int64_t sequence;
    struct fama_bytes version;
    struct fama_bytes validation_plugin;
    struct fama_bytes validation_parameter; /* a serialized ApplicationPolicy */
    struct fama_bytes collections;          /* as stored */
    struct fama_collection_package package;
};
/* `_lifecycle` itself is defined, with nothing in it. The arena needs no limit for its reader's sake:
 * NO_MEMORY is an error of the state's. */
int fama_lifecycle_definition_read(struct fama_state *state, struct fama_bytes chaincode,
                                   struct fama_arena *arena,
                                   struct fama_lifecycle_definition *definition,
                                   struct fama_error *error);

/* ccprovider.ChaincodeData: what 1.x instantiated. */
struct fama_legacy_definition {
    bool exists;
    struct fama_bytes name;
    struct fama_bytes version;
    struct fama_bytes validation_plugin;
    struct fama_bytes policy; /* a serialized SignaturePolicyEnvelope */
    struct fama_bytes instantiation_policy;
};
int fama_legacy_definition_read(struct fama_state *state, struct fama_bytes chaincode,
                                struct fama_legacy_definition *definition,
                                struct fama_error *error);
/* The same from bytes, as transactions carry them; false if they do not decode. */
bool fama_legacy_definition_decode(struct fama_bytes bytes,
                                   struct fama_legacy_definition *definition);

/* What stands in `lscc` under the chaincode's collection key. */
struct fama_legacy_collections {
    bool exists;
    struct fama_bytes bytes;
    struct fama_collection_package package;
};
int fama_legacy_collections_read(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_arena *arena,
                                 struct fama_legacy_collections *collections,
                                 struct fama_error *error);

/* Blocks for which a private key of the collection lives; 0: for ever. A collection that is not defined is
 * FAMA_CHAINCODE_DEFINITION_CORRUPT. As core/ledger/pvtdatapolicy/btlpolicy.go finds it (legacy, lifecycle and implicit
 * collections). */
int fama_chaincode_block_to_live(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_bytes collection, uint64_t *blocks,
                                 struct fama_error *error);

/* A chaincode whose definition a block touched and which then has explicit collections. */
struct fama_collections_update {
    struct fama_bytes chaincode;
    struct fama_bytes package; /* a serialized CollectionConfigPackage, as Go marshals it */
};
/* What the ledger's history of collections gains by the current block of `state`, after its updates: one
 * entry each under the block's number, in no order. The list lives in the arena. */
int fama_chaincode_collections_updated(struct fama_state *state, struct fama_arena *arena,
                                       struct fama_collections_update **updates, size_t *count,
                                       struct fama_error *error);

#endif
