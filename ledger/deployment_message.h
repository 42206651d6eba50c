/* What a client asks of `lscc`: the arguments in its proposal, and the deployment spec among them, decoded
 * as Go decodes them.
 *
 * Source: Fabric peer/{proposal,chaincode}.proto; spec fabric-formats §2. Views live as long as the bytes
 * and the arena. Adversary: clients. Stateless; one thread per arena. */
#ifndef FAMA_LEDGER_DEPLOYMENT_MESSAGE_H
#define FAMA_LEDGER_DEPLOYMENT_MESSAGE_H

#include "crypto/bytes.h"
#include "ledger/arena.h"
#include "ledger/chaincode_id.h"
#include "ledger/proto_merge.h"

#define FAMA_DEPLOYMENT_ARGUMENTS_MAX 8 /* those looked at; nobody accepts more than seven */

/* Numbers of protos.ChaincodeSpec.Type. */
#define FAMA_CHAINCODE_GOLANG 1
#define FAMA_CHAINCODE_NODE   2
#define FAMA_CHAINCODE_CAR    3
#define FAMA_CHAINCODE_JAVA   4

/* protos.ChaincodeSpec. */
struct fama_chaincode_spec {
    bool is_present;
    int32_t type;
    struct fama_chaincode_id id;
    bool has_input;
    struct fama_bytes arguments[FAMA_DEPLOYMENT_ARGUMENTS_MAX];
    size_t argument_count; /* may exceed the maximum */
};

enum fama_deployment_message_error {
    FAMA_DEPLOYMENT_MESSAGE_MALFORMED = FAMA_PROTO_MERGE_MALFORMED,
    FAMA_DEPLOYMENT_MESSAGE_NO_MEMORY = FAMA_PROTO_MERGE_NO_MEMORY,
};

/* From the signed payload of an endorser transaction whose body is good: the spec that its proposal
 * invokes. */
int fama_invocation_spec_find(struct fama_bytes payload, struct fama_arena *arena,
                              struct fama_chaincode_spec *spec);
/* From a serialized ChaincodeDeploymentSpec. */
int fama_deployment_spec_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                struct fama_chaincode_spec *spec);

#endif
