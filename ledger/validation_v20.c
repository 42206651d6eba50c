/* Source: Fabric core/committer/txvalidator/v20/plugindispatcher/dispatcher.go; spec fabric-algorithms
 * §4.3. Fabric visits namespaces in random order; here the invoked chaincode comes first, then the others
 * as they stand in the read-write set. */
#include "ledger/validator_parts.h"

/* Everything before the policies. */
static enum fama_transaction_code check_facts(const struct fama_transaction *decoded)
{
    if (!decoded->has_extension) {
        return FAMA_TRANSACTION_BAD_HEADER_EXTENSION;
    }
    if (!decoded->has_action) {
        return FAMA_TRANSACTION_BAD_RESPONSE_PAYLOAD;
    }
    if (!decoded->has_set) {
        return FAMA_TRANSACTION_BAD_RWSET;
    }
    if (!decoded->header_chaincode.is_present || !decoded->action_chaincode.is_present) {
        return FAMA_TRANSACTION_INVALID_OTHER_REASON;
    }
    struct fama_bytes name = decoded->header_chaincode.name;
    if (name.len == 0 || !fama_bytes_equal(name, decoded->action_chaincode.name) ||
        decoded->action_chaincode.version.len == 0) {
        return FAMA_TRANSACTION_INVALID_CHAINCODE;
    }
    if (!decoded->has_good_events) {
        return FAMA_TRANSACTION_INVALID_OTHER_REASON;
    }
    return decoded->has_repeated_namespace ? FAMA_TRANSACTION_ILLEGAL_WRITESET
                                           : FAMA_TRANSACTION_VALID;
}

static bool has_writes(const struct fama_namespace_set *set)
{
    bool has = set->write_count > 0 || set->metadata_write_count > 0;
    for (size_t i = 0; !has && i < set->collection_count; i++) {
        has = set->collections[i].write_count > 0 || set->collections[i].metadata_write_count > 0;
    }
    return has;
}

static int judge_namespace(struct fama_judgement *judgement, struct fama_bytes name,
                           const struct fama_namespace_set *set, uint8_t *code)
{
    struct fama_chaincode_rules *rules;
    int result = fama_chaincode_book_find(&judgement->validator->book, judgement->state, name,
                                          &rules, judgement->error);
    if (result != 0) {
        return result;
    }
    if (!rules->is_defined) {
        return fama_judged(code, FAMA_TRANSACTION_INVALID_CHAINCODE);
    }
    if (!rules->has_our_plugin) {
        return fama_judgement_foreign_plugin(rules, judgement->error);
    }
    result = fama_key_level_judge(judgement, rules, set, code);
    return result == 0 && *code == FAMA_TRANSACTION_VALID ? fama_key_level_note(judgement, set)
                                                          : result;
}

int fama_judge_v20(struct fama_judgement *judgement, uint8_t *code)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    *code = (uint8_t)check_facts(decoded);
    if (*code != FAMA_TRANSACTION_VALID) {
        return 0;
    }
    struct fama_bytes invoked = decoded->header_chaincode.name;
    int result = judge_namespace(judgement, invoked, fama_find_namespace(decoded, invoked), code);
    for (size_t i = 0; result == 0 && i < decoded->set.namespace_count; i++) {
        const struct fama_namespace_set *set = &decoded->set.namespaces[i];
        if (fama_bytes_equal(set->name, invoked) || !has_writes(set)) {
            continue;
        }
        if (*code == FAMA_TRANSACTION_VALID) {
            result = judge_namespace(judgement, set->name, set, code);
        } else if (fama_namespace_has_metadata_writes(set)) {
            /* The verdict is out. But that this namespace passes counts for its keys' next writers:
             * Fabric, in its random order, may judge it first. */
            uint8_t ignored;
            result = judge_namespace(judgement, set->name, set, &ignored);
            result = result == FAMA_VALIDATION_HALT ? 0 : result;
        }
    }
    return result;
}
