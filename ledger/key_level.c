/* Source: Fabric core/common/validation/statebased/{validator_keylevel,v20,v13,vpmanagerimpl}.go; spec
 * fabric-algorithms §4.4. Fabric judges transactions in parallel and waits for those before that change
 * a key's policy; here they have been judged already. */
#include "ledger/validator_parts.h"

#include <xxhash.h>

#include "ledger/mvcc.h"
#include "ledger/proto_reader.h"
#include "ledger/state_parts.h"

#define VALIDATION_PARAMETER    "VALIDATION_PARAMETER"
#define KEY_POLICY_REMEMBER_MAX ((size_t)16 * 1024)
#define READ_AHEAD              64 /* keys */

/* One namespace of one transaction, and what has been satisfied so far. */
struct check {
    struct fama_judgement *judgement;
    struct fama_chaincode_rules *rules;
    uint64_t evaluation;
    bool is_chaincode_checked;
    bool is_some_checked;
};

/* A collection as its writes are judged: `rule` NULL if it is not defined. */
struct place {
    struct fama_bytes collection; /* empty: public, as also in a collection without a name */
    struct fama_collection_rule *rule;
};

/* --- Policies of keys --- */

static int read_key_policy(struct fama_judgement *judgement, struct fama_bytes bytes,
                           struct fama_key_policy *policy)
{
    int result;
    fama_arena_init(&policy->arena, SIZE_MAX);
    uint8_t *copied = fama_arena_take(&policy->arena, bytes.len);
    if (copied == NULL) {
        return fama_judgement_no_memory(judgement->error);
    }
    memcpy(copied, bytes.at, bytes.len);
    policy->bytes = fama_bytes(copied, bytes.len);
    policy->is_readable = true;
    if (judgement->capabilities->v2_0_validation) {
        result = fama_endorsement_rule_of_wrapped_envelope(policy->bytes, &policy->arena,
                                                           &policy->rule, &policy->is_readable);
    } else {
        result = fama_endorsement_rule_of_envelope(policy->bytes, &policy->arena, &policy->rule);
    }
    return result == 0 ? 0 : fama_judgement_no_memory(judgement->error);
}

static void forget(struct fama_key_policy *policy)
{
    fama_arena_clear(&policy->arena);
    *policy = (struct fama_key_policy){0};
}

void fama_key_policies_forget(struct fama_validator *validator)
{
    for (size_t i = 0; i < FAMA_KEY_POLICIES_MAX; i++) {
        forget(&validator->key_policies[i]);
    }
}

static int hold_key_policy(struct fama_judgement *judgement, const struct fama_key_policy *policy,
                           bool *holds)
{
    if (!policy->is_readable) {
        return fama_error_set(judgement->error, FAMA_VALIDATION_HALT,
                              "a key-level policy in the state is no SignaturePolicyEnvelope; "
                              "Fabric stops a channel there, and so must this node");
    }
    *holds = fama_endorsement_rule_holds(&policy->rule, &judgement->signers);
    return 0;
}

static int evaluate_key_policy(struct fama_judgement *judgement, struct fama_bytes bytes,
                               bool *holds)
{
    uint64_t hash = XXH3_64bits(bytes.at, bytes.len);
    struct fama_key_policy *known =
        &judgement->validator->key_policies[hash % FAMA_KEY_POLICIES_MAX];
    if (known->bytes.at != NULL && fama_bytes_equal(known->bytes, bytes)) {
        return hold_key_policy(judgement, known, holds);
    }
    struct fama_key_policy made = {0};
    int result = read_key_policy(judgement, bytes, &made);
    if (result == 0) {
        result = hold_key_policy(judgement, &made, holds);
    }
    if (result != 0 || bytes.len > KEY_POLICY_REMEMBER_MAX) {
        forget(&made);
        return result;
    }
    forget(known);
    /* Moves: what the rule points to lies in the arena's pieces. */
    *known = made;
    known->arena.allocator.allocator_data = &known->arena;
    return 0;
}

/* The policy in a key's metadata, a kvrwset.KVMetadataWrite; of several entries the last counts. */
static bool find_parameter(struct fama_bytes metadata, struct fama_bytes *parameter)
{
    struct fama_proto_reader reader = fama_proto_reader(metadata);
    struct fama_proto_field field;
    *parameter = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 2)) {
            continue;
        }
        struct fama_proto_reader inner = fama_proto_reader(field.value);
        struct fama_proto_field part;
        struct fama_bytes name = {0};
        struct fama_bytes value = {0};
        while (fama_proto_next(&inner, &part)) {
            if (fama_proto_is_len(&part, 1)) {
                name = part.value;
            } else if (fama_proto_is_len(&part, 2)) {
                value = part.value;
            }
        }
        if (inner.failed || !fama_proto_is_utf8(name)) {
            return false;
        }
        if (fama_bytes_equal_text(name, VALIDATION_PARAMETER)) {
            *parameter = value;
        }
    }
    return !reader.failed;
}

static int from_state(int result)
{
    if (result == 0) {
        return 0;
    }
    return result == FAMA_STATE_NO_MEMORY ? FAMA_VALIDATION_NO_MEMORY : FAMA_VALIDATION_IO;
}

static struct fama_state_name name_of(const struct check *check, const struct place *place,
                                      struct fama_bytes key)
{
    return (struct fama_state_name){
        .space = check->rules->name,
        .collection = place->collection,
        .is_hashed = place->collection.len > 0,
        .key = key,
    };
}

static int read_entry(const struct check *check, const struct place *place, struct fama_bytes key,
                      const struct fama_state_place *known, struct fama_state_entry *entry)
{
    if (check->judgement->transaction->has_places) {
        *entry = known->update.entry;
        return 0;
    }
    const struct fama_state_name name = name_of(check, place, key);
    return from_state(
        fama_state_get(check->judgement->state, &name, entry, check->judgement->error));
}

static int read_parameter(struct check *check, const struct place *place, struct fama_bytes key,
                          const struct fama_state_place *known, struct fama_bytes *parameter)
{
    struct fama_state_entry entry;
    *parameter = fama_bytes(NULL, 0);
    if (place->collection.len > 0 && place->rule == NULL) {
        return 0; /* Fabric's ledger refuses to look into what is not defined, and that is ignored */
    }
    int result = read_entry(check, place, key, known, &entry);
    if (result != 0) {
        return result;
    }
    if (entry.metadata.len > 0 && !find_parameter(entry.metadata, parameter)) {
        return fama_error_set(check->judgement->error, FAMA_VALIDATION_HALT,
                              "the metadata of a key in the state does not decode; Fabric stops a "
                              "channel there, and so must this node");
    }
    return 0;
}

/* --- Policies of collections and chaincodes --- */

static bool check_chaincode(struct check *check)
{
    if (!fama_endorsement_rule_holds(&check->rules->rule, &check->judgement->signers)) {
        return false;
    }
    check->is_chaincode_checked = true;
    check->is_some_checked = true;
    return true;
}

/* What counts for a key without a policy of its own, unless it has been satisfied before. */
static bool check_default(struct check *check, const struct place *place)
{
    if (place->collection.len > 0 && check->judgement->capabilities->v2_0_validation) {
        if (place->rule == NULL && check->rules->is_lifecycle) {
            return false;
        }
        if (place->rule != NULL && place->rule->checked_in == check->evaluation) {
            return true;
        }
        if (place->rule != NULL && place->rule->has_rule) {
            if (!fama_endorsement_rule_holds(&place->rule->rule, &check->judgement->signers)) {
                return false;
            }
            place->rule->checked_in = check->evaluation;
            check->is_some_checked = true;
            return true;
        }
    }
    return check->is_chaincode_checked || check_chaincode(check);
}

static struct fama_key updated_key(struct fama_bytes chaincode, struct fama_bytes collection,
                                   struct fama_bytes key)
{
    return (struct fama_key){{chaincode, collection, key}};
}

static int check_key(struct check *check, const struct place *place, struct fama_bytes key,
                     const struct fama_state_place *known, bool *holds)
{
    const struct fama_key_set *updated = &check->judgement->validator->updated_keys;
    struct fama_bytes parameter;
    *holds = false;
    if (updated->count > 0) {
        const struct fama_key name = updated_key(check->rules->name, place->collection, key);
        if (fama_key_set_contains(updated, &name)) {
            return 0;
        }
    }
    int result = read_parameter(check, place, key, known, &parameter);
    if (result != 0) {
        return result;
    }
    if (parameter.len == 0) {
        *holds = check_default(check, place);
        return 0;
    }
    result = evaluate_key_policy(check->judgement, parameter, holds);
    check->is_some_checked = check->is_some_checked || *holds;
    return result;
}

/* Reads a few keys at once. */
static int read_ahead(struct check *check, const struct place *place,
                      const struct fama_write *writes, size_t count)
{
    struct fama_state_name names[READ_AHEAD];
    size_t some = count < READ_AHEAD ? count : READ_AHEAD;
    for (size_t i = 0; i < some; i++) {
        names[i] = name_of(check, place, writes[i].key);
    }
    return from_state(
        fama_state_prefetch(check->judgement->state, names, some, check->judgement->error));
}

/* Behind the first key of many, which endorsers have vouched for, reading goes ahead. */
static int check_writes(struct check *check, const struct place *place,
                        const struct fama_write *writes, size_t count, bool *holds)
{
    int result = 0;
    for (size_t i = 0; result == 0 && *holds && i < count; i++) {
        if (count > FAMA_MVCC_PREFETCH_NAMES_MAX && i % READ_AHEAD == 1) {
            result = read_ahead(check, place, writes + i, count - i);
        }
        if (result == 0) {
            result = check_key(check, place, writes[i].key, writes[i].place, holds);
        }
    }
    return result;
}

static int check_metadata_writes(struct check *check, const struct place *place,
                                 const struct fama_metadata_write *writes, size_t count,
                                 bool *holds)
{
    int result = 0;
    for (size_t i = 0; result == 0 && *holds && i < count; i++) {
        result = check_key(check, place, writes[i].key, writes[i].place, holds);
    }
    return result;
}

static int find_place(struct check *check, const struct fama_collection_set *collection,
                      struct place *place)
{
    struct fama_judgement *judgement = check->judgement;
    *place = (struct place){.collection = collection->name};
    if (collection->name.len == 0) {
        return 0;
    }
    return fama_chaincode_book_collection(&judgement->validator->book, judgement->state,
                                          check->rules, collection->name, &place->rule,
                                          judgement->error);
}

/* Writes of all collections, then metadata writes of all collections. */
static int check_collections(struct check *check, const struct fama_namespace_set *set, bool *holds)
{
    struct place place;
    int result = 0;
    for (size_t i = 0; result == 0 && *holds && i < set->collection_count; i++) {
        const struct fama_collection_set *collection = &set->collections[i];
        if (collection->write_count > 0) {
            result = find_place(check, collection, &place);
            if (result == 0) {
                result =
                    check_writes(check, &place, collection->writes, collection->write_count, holds);
            }
        }
    }
    for (size_t i = 0; result == 0 && *holds && i < set->collection_count; i++) {
        const struct fama_collection_set *collection = &set->collections[i];
        if (collection->metadata_write_count > 0) {
            result = find_place(check, collection, &place);
            if (result == 0) {
                result = check_metadata_writes(check, &place, collection->metadata_writes,
                                               collection->metadata_write_count, holds);
            }
        }
    }
    return result;
}

static int check_set(struct check *check, const struct fama_namespace_set *set, bool *holds)
{
    const struct place everyone = {0};
    int result = check_writes(check, &everyone, set->writes, set->write_count, holds);
    if (result == 0) {
        result = check_metadata_writes(check, &everyone, set->metadata_writes,
                                       set->metadata_write_count, holds);
    }
    return result == 0 ? check_collections(check, set, holds) : result;
}

/* --- Changes of policies --- */

bool fama_namespace_has_metadata_writes(const struct fama_namespace_set *set)
{
    bool has = set->metadata_write_count > 0;
    for (size_t i = 0; !has && i < set->collection_count; i++) {
        has = set->collections[i].metadata_write_count > 0;
    }
    return has;
}

static int note_updates(struct fama_judgement *judgement, struct fama_bytes chaincode,
                        struct fama_bytes collection, const struct fama_metadata_write *writes,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fama_key name = updated_key(chaincode, collection, writes[i].key);
        if (fama_key_set_add(&judgement->validator->updated_keys, &name) ==
            FAMA_KEY_SET_NO_MEMORY) {
            return fama_judgement_no_memory(judgement->error);
        }
    }
    return 0;
}

/* Of the transaction's views only: rules may be forgotten before the block ends. */
int fama_key_level_note(struct fama_judgement *judgement, const struct fama_namespace_set *set)
{
    if (set == NULL) {
        return 0;
    }
    int result = note_updates(judgement, set->name, fama_bytes(NULL, 0), set->metadata_writes,
                              set->metadata_write_count);
    for (size_t i = 0; result == 0 && i < set->collection_count; i++) {
        const struct fama_collection_set *collection = &set->collections[i];
        result = note_updates(judgement, set->name, collection->name, collection->metadata_writes,
                              collection->metadata_write_count);
    }
    return result;
}

int fama_key_level_judge(struct fama_judgement *judgement, struct fama_chaincode_rules *rules,
                         const struct fama_namespace_set *set, uint8_t *code)
{
    struct check check = {
        .judgement = judgement,
        .rules = rules,
        .evaluation = ++judgement->validator->evaluations,
    };
    bool holds = true;
    int result = fama_signers_gather(judgement);
    if (result == 0 && set != NULL) {
        result = check_set(&check, set, &holds);
    }
    if (result != 0) {
        return result;
    }
    if (holds && !check.is_some_checked) {
        holds = check_chaincode(&check);
    }
    return fama_judged(code, holds ? FAMA_TRANSACTION_VALID
                                   : FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE);
}
