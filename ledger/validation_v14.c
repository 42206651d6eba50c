/* Source: Fabric core/committer/txvalidator/v14/vscc_validator.go and
 * core/handlers/validation/builtin/{v12,v13}/validation_logic.go: channels whose application capabilities
 * are below V2_0. */
#include "ledger/validator_parts.h"

static enum fama_transaction_code check_facts(const struct fama_judgement *judgement)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    if (!decoded->has_extension) {
        return FAMA_TRANSACTION_BAD_HEADER_EXTENSION;
    }
    if (!decoded->has_action) {
        return FAMA_TRANSACTION_BAD_RESPONSE_PAYLOAD;
    }
    if (!decoded->has_set) {
        return FAMA_TRANSACTION_BAD_RWSET;
    }
    struct fama_bytes name = decoded->header_chaincode.name;
    if (!decoded->header_chaincode.is_present || !decoded->action_chaincode.is_present ||
        name.len == 0 || !fama_bytes_equal(name, decoded->action_chaincode.name) ||
        decoded->action_chaincode.version.len == 0) {
        return FAMA_TRANSACTION_INVALID_OTHER_REASON;
    }
    if (judgement->capabilities->v1_2_validation && !decoded->has_good_events) {
        return FAMA_TRANSACTION_INVALID_OTHER_REASON;
    }
    return decoded->has_repeated_namespace ? FAMA_TRANSACTION_ILLEGAL_WRITESET
                                           : FAMA_TRANSACTION_VALID;
}

/* Writes count as far as the capabilities know of them. */
static bool has_writes(const struct fama_channel_capabilities *capabilities,
                       const struct fama_namespace_set *set)
{
    bool has = set->write_count > 0;
    for (size_t i = 0; !has && capabilities->private_channel_data && i < set->collection_count;
         i++) {
        has = set->collections[i].write_count > 0 ||
              (capabilities->key_level_endorsement && set->collections[i].metadata_write_count > 0);
    }
    return has || (capabilities->key_level_endorsement && set->metadata_write_count > 0);
}

/* An application's chaincode must not write to `lscc`, nor to system chaincodes it cannot call. */
static bool writes_to_system(const struct fama_judgement *judgement)
{
    const struct fama_read_write_set *set = &judgement->transaction->decoded.set;
    for (size_t i = 0; i < set->namespace_count; i++) {
        struct fama_bytes name = set->namespaces[i].name;
        bool is_forbidden =
            fama_bytes_equal_text(name, "lscc") || fama_bytes_equal_text(name, "vscc") ||
            fama_bytes_equal_text(name, "escc") || fama_bytes_equal_text(name, "cscc");
        if (is_forbidden && has_writes(judgement->capabilities, &set->namespaces[i])) {
            return true;
        }
    }
    return false;
}

/* The rules of 1.0 to 1.2: the chaincode's policy, nothing finer. */
static int judge_v12(struct fama_judgement *judgement, const struct fama_chaincode_rules *rules,
                     uint8_t *code)
{
    bool are_readable;
    int result = fama_signers_gather_v12(judgement, &are_readable);
    if (result != 0) {
        return result;
    }
    bool holds = are_readable && fama_endorsement_rule_holds(&rules->rule, &judgement->signers);
    return fama_judged(code, holds ? FAMA_TRANSACTION_VALID
                                   : FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE);
}

/* The built-in plugin on one namespace. */
static int judge_with_plugin(struct fama_judgement *judgement, struct fama_chaincode_rules *rules,
                             const struct fama_namespace_set *set, uint8_t *code)
{
    if (!rules->has_our_plugin) {
        return fama_judgement_foreign_plugin(rules, judgement->error);
    }
    bool is_lscc = fama_bytes_equal_text(rules->name, FAMA_LSCC_NAMESPACE);
    int result = judgement->capabilities->v1_3_validation
                     ? fama_key_level_judge(judgement, rules, set, code)
                     : judge_v12(judgement, rules, code);
    if (result == 0 && *code == FAMA_TRANSACTION_VALID && is_lscc) {
        result = fama_lscc_invocation_judge(judgement, code);
    }
    if (result == 0 && *code == FAMA_TRANSACTION_VALID &&
        judgement->capabilities->v1_3_validation) {
        result = fama_key_level_note(judgement, set);
    }
    return result;
}

static int judge_namespace(struct fama_judgement *judgement, struct fama_bytes name,
                           const struct fama_namespace_set *set, uint8_t *code)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    struct fama_chaincode_rules *rules;
    int result = fama_chaincode_book_find(&judgement->validator->book, judgement->state, name,
                                          &rules, judgement->error);
    if (result != 0) {
        return result;
    }
    if (!rules->is_defined) {
        return fama_judged(code, FAMA_TRANSACTION_INVALID_OTHER_REASON);
    }
    if (fama_bytes_equal(name, decoded->header_chaincode.name) && !fama_is_system_chaincode(name) &&
        !fama_bytes_equal(rules->version, decoded->action_chaincode.version)) {
        return fama_judged(code, FAMA_TRANSACTION_EXPIRED_CHAINCODE);
    }
    return judge_with_plugin(judgement, rules, set, code);
}

/* Every namespace that is written to; from V1_2 on the invoked chaincode in any case, and first. */
static int judge_application(struct fama_judgement *judgement, uint8_t *code)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    struct fama_bytes invoked = decoded->header_chaincode.name;
    bool always_invoked = judgement->capabilities->v1_2_validation;
    int result = 0;
    if (writes_to_system(judgement)) {
        return fama_judged(code, FAMA_TRANSACTION_ILLEGAL_WRITESET);
    }
    if (always_invoked) {
        result = judge_namespace(judgement, invoked, fama_find_namespace(decoded, invoked), code);
    }
    for (size_t i = 0;
         result == 0 && *code == FAMA_TRANSACTION_VALID && i < decoded->set.namespace_count; i++) {
        const struct fama_namespace_set *set = &decoded->set.namespaces[i];
        if (has_writes(judgement->capabilities, set) &&
            !(always_invoked && fama_bytes_equal(set->name, invoked))) {
            result = judge_namespace(judgement, set->name, set, code);
        }
    }
    return result;
}

int fama_judge_v14(struct fama_judgement *judgement, uint8_t *code)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    *code = (uint8_t)check_facts(judgement);
    if (*code != FAMA_TRANSACTION_VALID) {
        return 0;
    }
    struct fama_bytes invoked = decoded->header_chaincode.name;
    if (!fama_is_system_chaincode(invoked)) {
        return judge_application(judgement, code);
    }
    if (fama_bytes_equal_text(invoked, "vscc") || fama_bytes_equal_text(invoked, "escc")) {
        return fama_judged(code, FAMA_TRANSACTION_ILLEGAL_WRITESET);
    }
    return judge_namespace(judgement, invoked, fama_find_namespace(decoded, invoked), code);
}
