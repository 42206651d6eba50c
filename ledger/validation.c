#include "ledger/validation.h"

#include <inttypes.h>
#include <stdlib.h>

#include "crypto/msp.h"
#include "ledger/config_update.h"
#include "ledger/envelope.h"
#include "ledger/mvcc.h"
#include "ledger/validator_parts.h"

#define TRANSACTIONS_AHEAD 4
#define VERDICTS_AHEAD     4 /* of each */

struct fama_validator *fama_validator_create(void)
{
    struct fama_validator *validator = calloc(1, sizeof(*validator));
    if (validator != NULL) {
        validator->is_fresh = true;
    }
    return validator;
}

void fama_validator_destroy(struct fama_validator *validator)
{
    if (validator == NULL) {
        return;
    }
    fama_chaincode_book_close(&validator->book);
    fama_key_policies_forget(validator);
    fama_key_set_free(&validator->txids);
    fama_key_set_free(&validator->updated_keys);
    fama_key_set_free(&validator->seen);
    free(validator->identities);
    free(validator->names);
    free(validator);
}

int fama_judgement_no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_VALIDATION_NO_MEMORY,
                          "validation of a block: out of memory; give the process more");
}

int fama_judgement_foreign_plugin(const struct fama_chaincode_rules *rules,
                                  struct fama_error *error)
{
    return fama_error_set(
        error, FAMA_VALIDATION_HALT,
        "chaincode %.*s asks for validation plugin \"%.*s\", which is not built "
        "in: its transactions cannot be judged",
        (int)(rules->name.len < 64 ? rules->name.len : 64), (const char *)rules->name.at,
        (int)(rules->plugin.len < 64 ? rules->plugin.len : 64), (const char *)rules->plugin.at);
}

const struct fama_namespace_set *fama_find_namespace(const struct fama_transaction *transaction,
                                                     struct fama_bytes name)
{
    for (size_t i = 0; i < transaction->set.namespace_count; i++) {
        if (fama_bytes_equal(transaction->set.namespaces[i].name, name)) {
            return &transaction->set.namespaces[i];
        }
    }
    return NULL;
}

/* --- Before the policies --- */

/* What needs neither state nor policies, in Fabric's order; NOT_VALIDATED if nothing speaks against it. */
static uint8_t judge_envelope(const struct fama_prepared_transaction *transaction)
{
    const struct fama_transaction *decoded = &transaction->decoded;
    if (decoded->header_code != FAMA_TRANSACTION_VALID) {
        return (uint8_t)decoded->header_code;
    }
    if (!fama_prepared_signature_is_good(&transaction->creator)) {
        return FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE;
    }
    if (decoded->body_code != FAMA_TRANSACTION_VALID) {
        return (uint8_t)decoded->body_code;
    }
    if (decoded->type == FAMA_TRANSACTION_ENDORSER && transaction->is_known_txid) {
        return FAMA_TRANSACTION_DUPLICATE_TXID;
    }
    return FAMA_TRANSACTION_NOT_VALIDATED;
}

/* Whether the creator's organisation is one whose members' signatures are beyond us, Idemix. */
static bool has_opaque_creator(const struct fama_prepared_block *block,
                               const struct fama_transaction *decoded)
{
    struct fama_serialized_identity creator;
    if (!decoded->signature.is_present ||
        !fama_bytes_equal_text(decoded->channel_id, fama_channel_config_id(block->config)) ||
        !fama_serialized_identity_decode(decoded->creator, &creator)) {
        return false;
    }
    const struct fama_msp *msp = fama_channel_config_msp(block->config, creator.mspid);
    return msp != NULL && fama_msp_is_opaque(msp);
}

/* Applies a configuration to the channel's, or to the one that the block brought already. */
static int apply_config(const struct fama_prepared_block *block,
                        const struct fama_transaction *decoded, struct fama_channel_config **next,
                        struct fama_error *error)
{
    struct fama_channel_config *made = NULL;
    int result = fama_channel_config_apply(*next != NULL ? *next : block->config,
                                           decoded->config.bytes, &made, error);
    if (result != 0) {
        return fama_error_prefix(error,
                                 result == FAMA_CHANNEL_CONFIG_NO_MEMORY ? FAMA_VALIDATION_NO_MEMORY
                                                                         : FAMA_VALIDATION_HALT,
                                 "the configuration in block %" PRIu64 ": ", block->block.number);
    }
    fama_channel_config_release(*next);
    *next = made;
    return 0;
}

static int judge_envelopes(struct fama_prepared_block *block, struct fama_channel_config **next,
                           struct fama_error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < block->count; i++) {
        const struct fama_prepared_transaction *transaction = &block->transactions[i];
        block->codes[i] = judge_envelope(transaction);
        if (block->codes[i] == FAMA_TRANSACTION_BAD_CREATOR_SIGNATURE &&
            has_opaque_creator(block, &transaction->decoded)) {
            return fama_error_set(error, FAMA_VALIDATION_HALT,
                                  "block %" PRIu64 ", transaction %zu: its creator is an Idemix "
                                  "client, whose signature cannot be verified here: only a Fabric "
                                  "peer can follow this channel further",
                                  block->block.number, i);
        }
        if (block->codes[i] == FAMA_TRANSACTION_NOT_VALIDATED &&
            transaction->decoded.type == FAMA_TRANSACTION_CONFIG) {
            block->codes[i] = FAMA_TRANSACTION_VALID;
            result = apply_config(block, &transaction->decoded, next, error);
        }
    }
    return result;
}

/* --- Metadata of all keys that are written, read at once --- */

static size_t count_writes(const struct fama_namespace_set *set)
{
    size_t count = set->write_count + set->metadata_write_count;
    for (size_t i = 0; i < set->collection_count; i++) {
        count += set->collections[i].write_count + set->collections[i].metadata_write_count;
    }
    return count;
}

/* Appends names; all but their keys are as in `name`. */
static struct fama_state_name *append_names(struct fama_state_name *at, struct fama_state_name name,
                                            const struct fama_write *writes, size_t write_count,
                                            const struct fama_metadata_write *metadata_writes,
                                            size_t metadata_write_count)
{
    for (size_t i = 0; i < write_count; i++) {
        name.key = writes[i].key;
        *at++ = name;
    }
    for (size_t i = 0; i < metadata_write_count; i++) {
        name.key = metadata_writes[i].key;
        *at++ = name;
    }
    return at;
}

static struct fama_state_name *append_set(struct fama_state_name *at,
                                          const struct fama_namespace_set *set)
{
    struct fama_state_name name = {.space = set->name};
    at = append_names(at, name, set->writes, set->write_count, set->metadata_writes,
                      set->metadata_write_count);
    name.is_hashed = true;
    for (size_t i = 0; i < set->collection_count; i++) {
        const struct fama_collection_set *collection = &set->collections[i];
        name.collection = collection->name;
        at = append_names(at, name, collection->writes, collection->write_count,
                          collection->metadata_writes, collection->metadata_write_count);
    }
    return at;
}

/* What is worth reading at once before any policy is asked: of transactions that name a great many keys only
 * those that their endorsements lead to are read (ledger/key_level.c), or a client whom nobody endorsed
 * could have the whole state read. */
static size_t count_prefetched(const struct fama_prepared_block *block, size_t index)
{
    const struct fama_read_write_set *set = &block->transactions[index].decoded.set;
    size_t count = 0;
    if (block->transactions[index].has_places) {
        return 0; /* read already */
    }
    for (size_t i = 0;
         block->codes[index] == FAMA_TRANSACTION_NOT_VALIDATED && i < set->namespace_count; i++) {
        count += count_writes(&set->namespaces[i]);
    }
    return count <= FAMA_MVCC_PREFETCH_NAMES_MAX ? count : 0;
}

static int prefetch(struct fama_validator *validator, const struct fama_prepared_block *block,
                    struct fama_state *state, struct fama_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        count += count_prefetched(block, i);
    }
    if (count > validator->name_capacity) {
        free(validator->names);
        validator->names = malloc(count * sizeof(validator->names[0]));
        validator->name_capacity = validator->names == NULL ? 0 : count;
        if (validator->names == NULL) {
            return fama_judgement_no_memory(error);
        }
    }
    struct fama_state_name *at = validator->names;
    for (size_t i = 0; i < block->count; i++) {
        const struct fama_read_write_set *set = &block->transactions[i].decoded.set;
        size_t namespaces = count_prefetched(block, i) > 0 ? set->namespace_count : 0;
        for (size_t j = 0; j < namespaces; j++) {
            at = append_set(at, &set->namespaces[j]);
        }
    }
    int result = count == 0 ? 0 : fama_state_prefetch(state, validator->names, count, error);
    if (result == 0) {
        return 0;
    }
    return result == FAMA_STATE_NO_MEMORY ? FAMA_VALIDATION_NO_MEMORY : FAMA_VALIDATION_IO;
}

/* --- Policies --- */

/* Verdicts were given long ago, perhaps by another core. */
static void call_verdicts_near(const struct fama_prepared_transaction *transaction)
{
    size_t count = transaction->endorsements == NULL ? 0 : transaction->decoded.endorsement_count;
    for (size_t i = 0; i < count && i < VERDICTS_AHEAD; i++) {
        if (transaction->endorsements[i].job != NULL) {
            __builtin_prefetch(&transaction->endorsements[i].job->verdict);
        }
    }
}

static int judge_policies(struct fama_validator *validator, struct fama_prepared_block *block,
                          struct fama_state *state, struct fama_error *error)
{
    const struct fama_channel_capabilities *capabilities =
        fama_channel_config_capabilities(block->config);
    int result = 0;
    fama_key_set_clear(&validator->updated_keys);
    if (capabilities->v1_3_validation) {
        result = prefetch(validator, block, state, error);
    }
    for (size_t i = 0; result == 0 && i < block->count; i++) {
        if (i + TRANSACTIONS_AHEAD < block->count) {
            call_verdicts_near(&block->transactions[i + TRANSACTIONS_AHEAD]);
        }
        if (block->codes[i] != FAMA_TRANSACTION_NOT_VALIDATED) {
            continue;
        }
        struct fama_judgement judgement = {
            .validator = validator,
            .state = state,
            .capabilities = capabilities,
            .transaction = &block->transactions[i],
            .error = error,
        };
        uint8_t code = FAMA_TRANSACTION_VALID;
        result = capabilities->v2_0_validation ? fama_judge_v20(&judgement, &code)
                                               : fama_judge_v14(&judgement, &code);
        if (result != 0) {
            return fama_error_prefix(
                error, result, "block %" PRIu64 ", transaction %zu: ", block->block.number, i);
        }
        block->codes[i] = code;
    }
    return result;
}

/* --- Between transactions of the block --- */

/* The first of several valid transactions with one id keeps it. */
static int mark_duplicates(struct fama_validator *validator, struct fama_prepared_block *block,
                           struct fama_error *error)
{
    fama_key_set_clear(&validator->txids);
    for (size_t i = 0; i < block->count; i++) {
        const struct fama_transaction *decoded = &block->transactions[i].decoded;
        if (block->codes[i] != FAMA_TRANSACTION_VALID ||
            decoded->type != FAMA_TRANSACTION_ENDORSER) {
            continue;
        }
        const struct fama_key key = {{decoded->claimed_txid}};
        switch (fama_key_set_add(&validator->txids, &key)) {
        case FAMA_KEY_SET_NO_MEMORY:
            return fama_judgement_no_memory(error);
        case FAMA_KEY_SET_KNOWN:
            block->codes[i] = FAMA_TRANSACTION_DUPLICATE_TXID;
            break;
        case FAMA_KEY_SET_ADDED:
            break;
        }
    }
    return 0;
}

/* A chaincode upgraded by a transaction of the block. */
struct upgrade {
    size_t index;
    struct fama_bytes chaincode;
};

static int find_upgrades(const struct fama_prepared_block *block, struct fama_arena *arena,
                         struct upgrade **upgrades, size_t *count, struct fama_error *error)
{
    *upgrades = NULL;
    *count = 0;
    for (size_t i = 0; i < block->count; i++) {
        struct fama_bytes chaincode;
        if (block->codes[i] != FAMA_TRANSACTION_VALID ||
            !fama_lscc_invocation_upgrades(&block->transactions[i].decoded, arena, &chaincode)) {
            continue;
        }
        if (*upgrades == NULL) {
            *upgrades = fama_arena_take(arena, (block->count - i) * sizeof(**upgrades));
        }
        if (*upgrades != NULL) {
            (*upgrades)[(*count)++] = (struct upgrade){.index = i, .chaincode = chaincode};
        }
    }
    return arena->is_exhausted ? fama_judgement_no_memory(error) : 0;
}

/* Of several upgrades the last counts; what was invoked before it in the block is void. */
static void mark_upgraded(struct fama_prepared_block *block, const struct upgrade *upgrades,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_last = true;
        for (size_t j = i + 1; is_last && j < count; j++) {
            is_last = !fama_bytes_equal(upgrades[i].chaincode, upgrades[j].chaincode);
        }
        if (!is_last) {
            block->codes[upgrades[i].index] = FAMA_TRANSACTION_CHAINCODE_VERSION_CONFLICT;
        }
    }
    for (size_t i = 0; count > 0 && i < block->count; i++) {
        const struct fama_transaction *decoded = &block->transactions[i].decoded;
        for (size_t j = 0; block->codes[i] == FAMA_TRANSACTION_VALID && j < count; j++) {
            if (decoded->type == FAMA_TRANSACTION_ENDORSER &&
                fama_bytes_equal(decoded->header_chaincode.name, upgrades[j].chaincode)) {
                block->codes[i] = FAMA_TRANSACTION_CHAINCODE_VERSION_CONFLICT;
            }
        }
    }
}

static int judge_together(struct fama_validator *validator, struct fama_prepared_block *block,
                          struct fama_error *error)
{
    const struct fama_channel_capabilities *capabilities =
        fama_channel_config_capabilities(block->config);
    struct fama_arena arena;
    struct upgrade *upgrades = NULL;
    size_t count = 0;
    int result = 0;
    fama_arena_init(&arena, SIZE_MAX);
    if (!capabilities->v2_0_validation) {
        result = find_upgrades(block, &arena, &upgrades, &count, error);
    }
    if (result == 0 && capabilities->forbid_duplicate_txid_in_block) {
        result = mark_duplicates(validator, block, error);
    }
    if (result == 0) {
        mark_upgraded(block, upgrades, count);
    }
    fama_arena_clear(&arena);
    return result;
}

/* --- A block --- */

/* Whether a valid transaction may change definitions. */
static bool touches_definitions(const struct fama_prepared_block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        const struct fama_read_write_set *set = &block->transactions[i].decoded.set;
        for (size_t j = 0; block->codes[i] == FAMA_TRANSACTION_VALID && j < set->namespace_count;
             j++) {
            struct fama_bytes name = set->namespaces[j].name;
            if (set->namespaces[j].write_count > 0 &&
                (fama_bytes_equal_text(name, FAMA_LIFECYCLE_NAMESPACE) ||
                 fama_bytes_equal_text(name, FAMA_LSCC_NAMESPACE))) {
                return true;
            }
        }
    }
    return false;
}

/* Forgets what the validator knows if it may be out of date. */
static int refresh(struct fama_validator *validator, const struct fama_prepared_block *block,
                   struct fama_error *error)
{
    if (validator->book.config != block->config) {
        fama_key_policies_forget(validator);
    } else if (!validator->is_fresh && validator->next_block == block->block.number) {
        return 0;
    }
    return fama_chaincode_book_open(&validator->book, block->config, error);
}

int fama_validate(struct fama_validator *validator, struct fama_prepared_block *block,
                  struct fama_state *state, struct fama_channel_config **next,
                  struct fama_error *error)
{
    *next = NULL;
    int result = refresh(validator, block, error);
    validator->is_fresh = true;
    if (result == 0) {
        result = judge_envelopes(block, next, error);
    }
    if (result == 0) {
        result = judge_policies(validator, block, state, error);
    }
    if (result == 0) {
        result = judge_together(validator, block, error);
    }
    if (result != 0) {
        fama_channel_config_release(*next);
        *next = NULL;
        return result;
    }
    validator->next_block = block->block.number + 1;
    validator->is_fresh = touches_definitions(block);
    return 0;
}
