/* What the parts of the validator share. For validation*.c, signers.c, key_level.c and lscc_invocation.c
 * only.
 *
 * Judging functions return 0 and leave a code (VALID if nothing speaks against the transaction), or an
 * error of ledger/validation.h when there is no verdict. */
#ifndef FAMA_LEDGER_VALIDATOR_PARTS_H
#define FAMA_LEDGER_VALIDATOR_PARTS_H

#include "ledger/chaincode_rules.h"
#include "ledger/key_set.h"
#include "ledger/prepared_block.h"
#include "ledger/validation.h"

#define FAMA_KEY_POLICIES_MAX 64 /* remembered; a power of two */

/* A key-level policy as it stands in a key's metadata, compiled. */
struct fama_key_policy {
    struct fama_bytes bytes; /* a copy; `at` NULL: free */
    bool is_readable;
    struct fama_endorsement_rule rule;
    struct fama_arena arena;
};

struct fama_validator {
    struct fama_chaincode_book book; /* of the definitions before `next_block` */
    uint64_t next_block;
    bool is_fresh; /* nothing judged yet, or not to the end: the book is not to be trusted */
    struct fama_key_policy key_policies[FAMA_KEY_POLICIES_MAX];
    uint64_t evaluations; /* counts evaluations of ledger/key_level.h */

    /* Of the block being judged. */
    struct fama_key_set txids;
    struct fama_key_set updated_keys; /* whose key-level policy a transaction before changed */
    struct fama_key_set seen;         /* scratch */
    const struct fama_identity **identities;
    size_t identity_capacity;
    struct fama_state_name *names;
    size_t name_capacity;
};

/* One transaction before the judge. */
struct fama_judgement {
    struct fama_validator *validator;
    struct fama_state *state;
    const struct fama_channel_capabilities *capabilities;
    const struct fama_prepared_transaction *transaction;
    struct fama_signers signers; /* of the endorsements, once gathered */
    bool has_signers;
    struct fama_error *error;
};

/* signers.c: whose endorsements count. Both fill judgement->signers; they borrow the validator's memory
 * until the next transaction. */
int fama_signers_gather(struct fama_judgement *judgement);
/* As before V1_3: of several endorsements by one serialized identity only the first is looked at. *are_readable
 * is false if an endorser's identity does not decode. */
int fama_signers_gather_v12(struct fama_judgement *judgement, bool *are_readable);

/* key_level.c: the policies of one namespace of a transaction: of keys, of collections (2.0), of the
 * chaincode. `set` is NULL if the transaction does not name the namespace. */
int fama_key_level_judge(struct fama_judgement *judgement, struct fama_chaincode_rules *rules,
                         const struct fama_namespace_set *set, uint8_t *code);
/* The plugin found the namespace good: whoever writes a key of which it changes the policy, later in the
 * block, conflicts. */
int fama_key_level_note(struct fama_judgement *judgement, const struct fama_namespace_set *set);
bool fama_namespace_has_metadata_writes(const struct fama_namespace_set *set);
void fama_key_policies_forget(struct fama_validator *validator);

/* lscc_invocation.c: an instantiation or upgrade through `lscc`, once its endorsements passed. */
int fama_lscc_invocation_judge(struct fama_judgement *judgement, uint8_t *code);
/* The chaincode that a valid transaction upgrades, if it is one that 1.x notices: false for all others,
 * and for chaincodes not written in Go. The name lives as long as the block and the arena. */
bool fama_lscc_invocation_upgrades(const struct fama_transaction *transaction,
                                   struct fama_arena *arena, struct fama_bytes *chaincode);

/* validation_v20.c, validation_v14.c: from the header's extension to the policies. */
int fama_judge_v20(struct fama_judgement *judgement, uint8_t *code);
int fama_judge_v14(struct fama_judgement *judgement, uint8_t *code);

/* What both routes share. */
const struct fama_namespace_set *fama_find_namespace(const struct fama_transaction *transaction,
                                                     struct fama_bytes name);
int fama_judgement_no_memory(struct fama_error *error);
/* The rules' plugin is not built in: Fabric cannot judge. */
int fama_judgement_foreign_plugin(const struct fama_chaincode_rules *rules,
                                  struct fama_error *error);

static inline int fama_judged(uint8_t *code, enum fama_transaction_code verdict)
{
    *code = (uint8_t)verdict;
    return 0;
}

#endif
