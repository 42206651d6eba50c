#include "ledger/endorsement_rule.h"

#include "crypto/msp.h"

/* What reading a signature policy came to, as a rule. */
static int settle(int result, const struct fama_signature_policy *signature,
                  struct fama_endorsement_rule *rule)
{
    *rule = (struct fama_endorsement_rule){.kind = FAMA_RULE_NEVER};
    if (result == FAMA_POLICY_MESSAGE_NO_MEMORY) {
        return result;
    }
    if (result == 0) {
        rule->kind = FAMA_RULE_OF_SIGNATURES;
        rule->signature = *signature;
    }
    return 0;
}

struct fama_endorsement_rule fama_endorsement_rule_of_channel(struct fama_bytes path,
                                                              const struct fama_policies *policies)
{
    const struct fama_policy *policy = fama_policies_find(policies, path);
    return (struct fama_endorsement_rule){
        .kind = policy == NULL ? FAMA_RULE_NEVER : FAMA_RULE_OF_CHANNEL,
        .policy = policy,
    };
}

int fama_endorsement_rule_of_application(struct fama_bytes bytes,
                                         const struct fama_policies *policies,
                                         struct fama_arena *arena,
                                         struct fama_endorsement_rule *rule)
{
    struct fama_application_policy application;
    int result = fama_application_policy_decode(bytes, arena, &application);
    if (result == 0 && application.is_reference) {
        *rule = fama_endorsement_rule_of_channel(application.reference, policies);
        return 0;
    }
    return settle(result, &application.signature, rule);
}

int fama_endorsement_rule_of_envelope(struct fama_bytes bytes, struct fama_arena *arena,
                                      struct fama_endorsement_rule *rule)
{
    struct fama_signature_policy signature;
    return settle(fama_signature_policy_decode(bytes, arena, &signature), &signature, rule);
}

int fama_endorsement_rule_of_wrapped_envelope(struct fama_bytes bytes, struct fama_arena *arena,
                                              struct fama_endorsement_rule *rule, bool *is_readable)
{
    struct fama_signature_policy signature;
    int result = fama_signature_policy_decode_any_version(bytes, arena, &signature);
    *is_readable = result != FAMA_POLICY_MESSAGE_MALFORMED;
    return settle(result, &signature, rule);
}

int fama_endorsement_rule_of_members(const char *const *mspids, size_t count, int32_t needed,
                                     struct fama_arena *arena, struct fama_endorsement_rule *rule)
{
    struct fama_policy_rule *rules = fama_arena_take(arena, (count + 1) * sizeof(*rules));
    struct fama_principal *principals = fama_arena_take(arena, (count + 1) * sizeof(*principals));
    *rule = (struct fama_endorsement_rule){.kind = FAMA_RULE_NEVER};
    if (rules == NULL || principals == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    rules[0] = (struct fama_policy_rule){
        .signed_by = FAMA_POLICY_GATE,
        .n = needed,
        .child_count = (uint32_t)count,
        .size = (uint32_t)count + 1,
    };
    for (size_t i = 0; i < count; i++) {
        rules[i + 1] = (struct fama_policy_rule){.signed_by = (int32_t)i, .size = 1};
        principals[i] = (struct fama_principal){
            .kind = FAMA_PRINCIPAL_ROLE,
            .mspid = fama_bytes_of_text(mspids[i]),
            .role = FAMA_MSP_ROLE_MEMBER,
        };
    }
    *rule = (struct fama_endorsement_rule){
        .kind = FAMA_RULE_OF_SIGNATURES,
        .signature = {rules, count + 1, principals, count},
    };
    return 0;
}
