/* Signature policies: trees of "n out of these" over principals, evaluated greedily as Fabric does.
 *
 * A tree is an array of rules in preorder: a rule, then the subtrees of its children one after the
 * other. Borrowed and immutable; whoever reads policies from bytes makes these. Any thread. Sources:
 * Fabric common/cauthdsl/cauthdsl.go; spec fabric-algorithms §4.6. Adversary: whoever writes
 * policies, and whoever collects signatures. Evaluation takes no memory but the stack's, does not
 * recurse, and asks about each pair of rule and identity at most once. */
#ifndef FAMA_CRYPTO_POLICY_H
#define FAMA_CRYPTO_POLICY_H

#include "crypto/principal.h"

/* Gates within gates. Go's protobuf reader gives up at 10000 messages within messages, and every
 * gate takes two, so Fabric cannot read a policy that is deeper. */
#define FAMA_POLICY_DEPTH_MAX 5000
/* More identities than this satisfy nothing; their signatures alone would fill several MiB. */
#define FAMA_POLICY_IDENTITIES_MAX 65535

struct fama_policy_rule {
    int32_t signed_by; /* principal index, or FAMA_POLICY_GATE */
    int32_t n;         /* gate: how many children must hold; none or fewer: always satisfied */
    uint32_t child_count;
    uint32_t size; /* rules in this subtree, itself included */
};

#define FAMA_POLICY_GATE (-1)
/* For a rule of no known type, and in place of a negative index: no tree with it is sound. */
#define FAMA_POLICY_BROKEN INT32_MIN

struct fama_signature_policy {
    const struct fama_policy_rule *rules;
    size_t rule_count;
    const struct fama_principal *principals;
    size_t principal_count;
};

/* Whether there is a tree, whole and no deeper than allowed, whose indices name principals: what
 * Fabric checks when it compiles a policy. Linear in the rules. */
bool fama_signature_policy_is_sound(const struct fama_signature_policy *policy);

/* Whether these identities satisfy a sound policy. None of them may appear twice (same MSP id and
 * fama_identity_id), and all their signatures must have verified. Order counts: a rule takes the
 * first identity that fits and is not taken, even where a later rule would need it. */
bool fama_signature_policy_evaluate(const struct fama_signature_policy *policy,
                                    const struct fama_identity *const *identities, size_t count);

#endif
