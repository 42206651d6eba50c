/* Policies as messages carry them, decoded into crypto/policy.h's form.
 *
 * Source: Fabric common/cauthdsl/cauthdsl.go, core/policy/application.go; spec fabric-formats §5.
 * Nothing is kept but views and what the arena holds; both must outlive the result. Adversary:
 * whoever writes configurations, definitions and key-level policies; nesting and counts are bounded by
 * the arena. Stateless; one thread per arena. */
#ifndef FAMA_LEDGER_POLICY_MESSAGE_H
#define FAMA_LEDGER_POLICY_MESSAGE_H

#include "crypto/policy.h"
#include "ledger/arena.h"

enum fama_policy_message_error {
    FAMA_POLICY_MESSAGE_MALFORMED = -1, /* the bytes do not decode */
    FAMA_POLICY_MESSAGE_UNSOUND = -2,   /* they decode, and Fabric's compiler refuses them */
    FAMA_POLICY_MESSAGE_NO_MEMORY = -3, /* the arena is exhausted */
};

/* A serialized SignaturePolicyEnvelope. */
int fama_signature_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                 struct fama_signature_policy *policy);

/* A serialized common.MSPPrincipal with everything inside. Undecodable content makes it
 * FAMA_PRINCIPAL_UNSATISFIABLE, which is no error. */
int fama_principal_decode(struct fama_bytes bytes, struct fama_arena *arena,
                          struct fama_principal *principal);

/* A serialized protos.ApplicationPolicy: one of both. */
struct fama_application_policy {
    bool is_reference;
    struct fama_bytes reference; /* path of a channel policy */
    struct fama_signature_policy signature;
};
int fama_application_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                   struct fama_application_policy *policy);

#endif
