/* One rule that endorsements must satisfy, from any of the forms in which Fabric writes it, ready to be
 * asked again and again.
 *
 * Source: Fabric core/policy/application.go, core/committer/txvalidator/v14/plugin_validator.go
 * (PolicyEvaluator), common/cauthdsl/policy.go, common/policies/policy.go. A rule that cannot be made is a
 * rule that nobody satisfies. A rule borrows from the bytes, the arena and the channel's policies it was
 * made from. Immutable; any thread. Adversary: whoever writes policies, and whoever collects endorsements. */
#ifndef FAMA_LEDGER_ENDORSEMENT_RULE_H
#define FAMA_LEDGER_ENDORSEMENT_RULE_H

#include "ledger/policies.h"
#include "ledger/policy_message.h"

enum fama_endorsement_rule_kind {
    FAMA_RULE_NEVER,
    FAMA_RULE_OF_CHANNEL,
    FAMA_RULE_OF_SIGNATURES,
};

struct fama_endorsement_rule {
    enum fama_endorsement_rule_kind kind;
    const struct fama_policy *policy;       /* OF_CHANNEL */
    struct fama_signature_policy signature; /* OF_SIGNATURES */
};

/* Each returns 0 or FAMA_POLICY_MESSAGE_NO_MEMORY; FAMA_POLICY_MESSAGE_ARENA says what suffices. */

/* A serialized ApplicationPolicy, as the 2.0 validation reads. */
int fama_endorsement_rule_of_application(struct fama_bytes bytes,
                                         const struct fama_policies *policies,
                                         struct fama_arena *arena,
                                         struct fama_endorsement_rule *rule);
/* A serialized SignaturePolicyEnvelope, as the 1.x validation reads. */
int fama_endorsement_rule_of_envelope(struct fama_bytes bytes, struct fama_arena *arena,
                                      struct fama_endorsement_rule *rule);
/* A SignaturePolicyEnvelope that 2.0 wraps into an ApplicationPolicy: *is_readable is false, and the rule
 * one that nobody satisfies, if it does not decode, which callers take differently. */
int fama_endorsement_rule_of_wrapped_envelope(struct fama_bytes bytes, struct fama_arena *arena,
                                              struct fama_endorsement_rule *rule,
                                              bool *is_readable);
/* The channel's policy of this path. */
struct fama_endorsement_rule fama_endorsement_rule_of_channel(struct fama_bytes path,
                                                              const struct fama_policies *policies);
/* `needed` out of the members of these MSPs, each listed once, in this order. */
int fama_endorsement_rule_of_members(const char *const *mspids, size_t count, int32_t needed,
                                     struct fama_arena *arena, struct fama_endorsement_rule *rule);

/* Whose signatures are good, each identity once, in the order in which they signed. */
struct fama_signers {
    const struct fama_identity *const *identities;
    size_t count;
};

static inline bool fama_endorsement_rule_holds(const struct fama_endorsement_rule *rule,
                                               const struct fama_signers *signers)
{
    switch (rule->kind) {
    case FAMA_RULE_OF_CHANNEL:
        return fama_policy_evaluate(rule->policy, signers->identities, signers->count);
    case FAMA_RULE_OF_SIGNATURES:
        return fama_signature_policy_evaluate(&rule->signature, signers->identities,
                                              signers->count);
    default:
        return false;
    }
}

#endif
