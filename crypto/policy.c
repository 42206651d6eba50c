#include "crypto/policy.h"

enum {
    DEPTH_USUAL = 16,
    IDENTITIES_USUAL = 64,
};

/* A gate whose children are being evaluated. */
struct gate {
    uint32_t end;      /* index behind its last child */
    uint32_t taken;    /* identities that were taken before it */
    int32_t n;         /* children that must hold */
    uint32_t verified; /* children that do */
};

/* Identities are taken by setting a bit; the order is kept, so that what a failed rule took can be
 * given back without a copy per child. */
struct evaluation {
    const struct fama_signature_policy *policy;
    const struct fama_identity *const *identities;
    uint32_t count;
    uint32_t taken;
    uint64_t *is_taken; /* a bit per identity */
    uint16_t *order;
    struct gate *gates;
    uint32_t gate_limit;
};

/* Whether each gate's children fill its subtree exactly. As a parent is looked at before its
 * children, every rule is stepped over once only. */
static bool has_whole_subtree(const struct fama_policy_rule *rules, size_t index)
{
    uint64_t end = (uint64_t)index + rules[index].size;
    uint64_t at = (uint64_t)index + 1;
    for (uint32_t child = 0; child < rules[index].child_count; child++) {
        if (at >= end || rules[at].size == 0 || rules[at].size > end - at) {
            return false;
        }
        at += rules[at].size;
    }
    return at == end;
}

bool fama_signature_policy_is_sound(const struct fama_signature_policy *policy)
{
    const struct fama_policy_rule *rules = policy->rules;
    if (policy->rule_count == 0 || policy->rule_count > UINT32_MAX ||
        rules[0].size != policy->rule_count) {
        return false;
    }
    uint32_t ends[FAMA_POLICY_DEPTH_MAX + 1];
    size_t depth = 0; /* gates that are open; where the innermost ends */
    ends[0] = UINT32_MAX;
    for (size_t i = 0; i < policy->rule_count; i++) {
        while (ends[depth] <= i) {
            depth--;
        }
        if (!has_whole_subtree(rules, i)) {
            return false;
        }
        if (rules[i].signed_by == FAMA_POLICY_GATE) {
            if (depth == FAMA_POLICY_DEPTH_MAX) {
                return false;
            }
            ends[++depth] = (uint32_t)(i + rules[i].size);
        } else if (rules[i].signed_by < 0 ||
                   (size_t)rules[i].signed_by >= policy->principal_count ||
                   rules[i].child_count != 0) {
            return false;
        }
    }
    return true;
}

static bool take(struct evaluation *evaluation, const struct fama_principal *principal)
{
    if (evaluation->taken == evaluation->count) {
        return false;
    }
    for (uint32_t i = 0; i < evaluation->count; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        if ((evaluation->is_taken[i / 64] & bit) == 0 &&
            fama_identity_satisfies(evaluation->identities[i], principal)) {
            evaluation->is_taken[i / 64] |= bit;
            evaluation->order[evaluation->taken++] = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static void give_back(struct evaluation *evaluation, uint32_t taken)
{
    while (evaluation->taken > taken) {
        uint32_t i = evaluation->order[--evaluation->taken];
        evaluation->is_taken[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

/* False when there is not enough room for the gates; nothing is decided then. */
static bool evaluate(struct evaluation *evaluation, bool *is_satisfied)
{
    const struct fama_policy_rule *rules = evaluation->policy->rules;
    struct gate *gates = evaluation->gates;
    uint32_t depth = 0;
    uint32_t at = 0;
    do {
        const struct fama_policy_rule *rule = &rules[at];
        bool holds = false;
        if (rule->signed_by != FAMA_POLICY_GATE) {
            holds = take(evaluation, &evaluation->policy->principals[rule->signed_by]);
        } else if (depth < evaluation->gate_limit) {
            gates[depth++] =
                (struct gate){.end = at + rule->size, .taken = evaluation->taken, .n = rule->n};
        } else {
            return false;
        }
        at++;
        if (rule->signed_by == FAMA_POLICY_GATE && rule->child_count > 0) {
            continue;
        }
        bool is_child = rule->signed_by != FAMA_POLICY_GATE;
        for (; depth > 0; depth--) {
            struct gate *gate = &gates[depth - 1];
            gate->verified += is_child && holds ? 1 : 0;
            if (at < gate->end) {
                break;
            }
            holds = (int64_t)gate->verified >= gate->n;
            if (!holds) {
                give_back(evaluation, gate->taken);
            }
            is_child = true;
        }
        *is_satisfied = holds;
    } while (depth > 0);
    return true;
}

/* With room for the worst, which costs more than the usual policy's whole evaluation. */
static __attribute__((noinline)) bool evaluate_large(struct evaluation *evaluation)
{
    uint64_t is_taken[FAMA_POLICY_IDENTITIES_MAX / 64 + 1] = {0};
    uint16_t order[FAMA_POLICY_IDENTITIES_MAX];
    struct gate gates[FAMA_POLICY_DEPTH_MAX];
    bool is_satisfied = false;
    evaluation->taken = 0;
    evaluation->is_taken = is_taken;
    evaluation->order = order;
    evaluation->gates = gates;
    evaluation->gate_limit = FAMA_POLICY_DEPTH_MAX;
    return evaluate(evaluation, &is_satisfied) && is_satisfied;
}

bool fama_signature_policy_evaluate(const struct fama_signature_policy *policy,
                                    const struct fama_identity *const *identities, size_t count)
{
    if (count > FAMA_POLICY_IDENTITIES_MAX) {
        return false;
    }
    uint64_t is_taken[IDENTITIES_USUAL / 64] = {0};
    uint16_t order[IDENTITIES_USUAL];
    struct gate gates[DEPTH_USUAL];
    struct evaluation evaluation = {
        .policy = policy,
        .identities = identities,
        .count = (uint32_t)count,
        .is_taken = is_taken,
        .order = order,
        .gates = gates,
        .gate_limit = DEPTH_USUAL,
    };
    bool is_satisfied = false;
    if (count > IDENTITIES_USUAL || !evaluate(&evaluation, &is_satisfied)) {
        return evaluate_large(&evaluation);
    }
    return is_satisfied;
}
