/* protos.ChaincodeID: which chaincode, and which version of it, as headers, actions and specs carry it.
 *
 * Source: Fabric peer/chaincode.proto; spec fabric-formats §2. Views live as long as the bytes. Adversary:
 * clients. Stateless; any thread. */
#ifndef FAMA_LEDGER_CHAINCODE_ID_H
#define FAMA_LEDGER_CHAINCODE_ID_H

#include "crypto/bytes.h"

struct fama_chaincode_id {
    bool is_present;
    struct fama_bytes name;
    struct fama_bytes version;
};

/* Reads one part of the message into *id, over what earlier parts said. False if it does not decode, or a
 * text of it is not UTF-8. */
bool fama_chaincode_id_merge(struct fama_bytes part, struct fama_chaincode_id *id);

#endif
