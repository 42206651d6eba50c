/* Policies as messages carry them, decoded into crypto/policy.h's form.
 *
 * Source: Fabric common/cauthdsl/{cauthdsl,policy}.go, core/policy/application.go; spec
 * fabric-formats §5. Messages are read as Go's protobuf runtime reads them: the last member of a
 * oneof counts, parts of one message merge, everything inside must decode even where it does not
 * count. Nothing is kept but views and what the arena holds; both must outlive the result.
 * Adversary: whoever writes configurations, definitions and key-level policies. Nothing recurses
 * along with a policy; combined principals nest up to FAMA_PRINCIPAL_DEPTH_MAX. Stateless; one
 * thread per arena. */
#ifndef FAMA_LEDGER_POLICY_MESSAGE_H
#define FAMA_LEDGER_POLICY_MESSAGE_H

#include "crypto/policy.h"
#include "ledger/arena.h"

enum fama_policy_message_error {
    FAMA_POLICY_MESSAGE_MALFORMED = -1, /* the bytes do not decode */
    FAMA_POLICY_MESSAGE_UNSOUND = -2,   /* they decode, and Fabric's compiler refuses them */
    FAMA_POLICY_MESSAGE_NO_MEMORY = -3, /* the arena is exhausted */
};

/* What an arena must hold at most to decode a message of `len` bytes, whatever is in it: a
 * principal of two bytes becomes one of 128. With that much left NO_MEMORY means what it says. */
#define FAMA_POLICY_MESSAGE_ARENA(len) (4096 + 128 * (size_t)(len))

/* A serialized SignaturePolicyEnvelope, of version 0 or unsound: how configurations and
 * instantiated chaincodes are read (NewPolicyProvider). */
int fama_signature_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                 struct fama_signature_policy *policy);
/* The same of any version: EnvelopeBasedPolicyProvider never looks at it, and by way of
 * ApplicationPolicy the v2.0 validation reads key-level policies with that. */
int fama_signature_policy_decode_any_version(struct fama_bytes bytes, struct fama_arena *arena,
                                             struct fama_signature_policy *policy);

/* A serialized protos.ApplicationPolicy: one of both; unsound if neither is there. */
struct fama_application_policy {
    bool is_reference;
    struct fama_bytes reference; /* path of a channel policy */
    struct fama_signature_policy signature;
};
int fama_application_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                   struct fama_application_policy *policy);

#endif
