/* Bytes of a stranger as a policy in each of its forms, and as the policy of a small channel. What decodes is
 * whole, sound and within its memory; decoding twice gives the same. */
#include <stdlib.h>

#include "ledger/policies.h"
#include "ledger/policy_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check(const struct fama_signature_policy *policy)
{
    size_t gates = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct fama_policy_rule *rule = &policy->rules[i];
        require(rule->size >= 1 && i + rule->size <= policy->rule_count);
        require(rule->signed_by == FAMA_POLICY_GATE ||
                (rule->signed_by >= 0 && (size_t)rule->signed_by < policy->principal_count));
        gates += rule->signed_by == FAMA_POLICY_GATE;
    }
    require(policy->rule_count > 0 && policy->rules[0].size == policy->rule_count);
    bool open = fama_signature_policy_evaluate(policy, NULL, 0);
    require(!open || gates > 0); /* only a gate that asks for nothing is satisfied by nobody */
}

/* The bytes as the policy of a group, and implicit ones above and below it. */
static void compile(struct fama_bytes bytes, int32_t type)
{
    const struct fama_config_element inner_policies[] = {{.kind = FAMA_CONFIG_POLICY,
                                                          .name = fama_bytes_of_text("Readers"),
                                                          .has_policy = true,
                                                          .policy_type = type,
                                                          .value = bytes}};
    const struct fama_config_element groups[] = {
        {.kind = FAMA_CONFIG_GROUP,
         .name = fama_bytes_of_text("Org"),
         .children = {[FAMA_CONFIG_POLICY] = {inner_policies, 1}}}};
    const struct fama_config_element outer_policies[] = {{.kind = FAMA_CONFIG_POLICY,
                                                          .name = fama_bytes_of_text("Any"),
                                                          .has_policy = true,
                                                          .policy_type = 3,
                                                          .value = bytes}};
    const struct fama_config_element root = {
        .kind = FAMA_CONFIG_GROUP,
        .children = {
            [FAMA_CONFIG_GROUP] = {groups, 1}, [FAMA_CONFIG_POLICY] = {outer_policies, 1}}};
    struct fama_policies *policies;
    if (fama_policies_create(&root, &policies, NULL) == 0) {
        const struct fama_policy *policy =
            fama_policies_find(policies, fama_bytes_of_text("/Channel/Org/Readers"));
        require(policy != NULL &&
                policy == fama_policies_find(policies, fama_bytes_of_text("Org/Readers")));
        (void)fama_policy_evaluate(policy, NULL, 0);
        (void)fama_policy_evaluate(fama_policies_find(policies, fama_bytes_of_text("Any")), NULL,
                                   0);
        (void)fama_policies_find(policies, bytes);
        fama_policies_destroy(policies);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fama_bytes bytes = fama_bytes(data, size);
    struct fama_arena arena;
    struct fama_signature_policy policy;
    struct fama_signature_policy again;
    struct fama_application_policy application;
    fama_arena_init(&arena, FAMA_POLICY_MESSAGE_ARENA(size));
    int result = fama_signature_policy_decode(bytes, &arena, &policy);
    require(result != FAMA_POLICY_MESSAGE_NO_MEMORY);
    fama_arena_clear(&arena);
    fama_arena_init(&arena, FAMA_POLICY_MESSAGE_ARENA(size));
    int any = fama_signature_policy_decode_any_version(bytes, &arena, &again);
    require(any == result || (any == 0 && result == FAMA_POLICY_MESSAGE_UNSOUND));
    if (any == 0) {
        check(&again);
    }
    fama_arena_clear(&arena);
    fama_arena_init(&arena, FAMA_POLICY_MESSAGE_ARENA(size));
    result = fama_application_policy_decode(bytes, &arena, &application);
    require(result != FAMA_POLICY_MESSAGE_NO_MEMORY);
    if (result == 0 && !application.is_reference) {
        check(&application.signature);
    }
    fama_arena_clear(&arena);
    compile(bytes, 1);
    compile(bytes, 3);
    return 0;
}
