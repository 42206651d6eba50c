#include "ledger/mvcc.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ledger/envelope.h"
#include "ledger/range_query.h"
#include "ledger/state_parts.h"
#include "ledger/varint.h"

/* What a transaction does to a key. Fabric adds these up in one byte (validation/tx_ops.go), so that a key
 * written twice by one transaction carries into the next flag. */
#define PUTS             1
#define SETS_METADATA    2
#define DELETES_METADATA 4
#define DELETES          8

#define KEYS_AHEAD   4 /* transactions */
#define SPACES_AHEAD 4 /* namespaces of each */

struct operation {
    struct fama_state_place *place;
    uint8_t flags;
    bool has_value;
    struct fama_bytes value;
    struct fama_bytes metadata;
};

/* A block under judgement. Every name of its transactions is looked up once; from then on places stand for
 * names. */
struct judgement {
    struct fama_prepared_block *block;
    struct fama_state *state;
    struct fama_error *error;
    bool has_reads; /* reads count, and have places */
    bool wants_all; /* also what deletes would replace */
    /* Whether the names of a transaction are to be looked up. */
    bool (*is_to_be_opened)(const struct fama_prepared_block *block, size_t index);
    struct fama_state_place **wanted; /* those whose entries will be asked for */
    size_t wanted_count;
    struct operation *operations; /* of one transaction */
    size_t operation_count, operation_capacity;
};

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_MVCC_NO_MEMORY,
                          "judging the reads of a block: out of memory; give the process more");
}

static int from_state(int status)
{
    switch (status) {
    case 0:
        return 0;
    case FAMA_STATE_NO_MEMORY:
        return FAMA_MVCC_NO_MEMORY;
    case FAMA_RANGE_QUERY_INVALID:
        return FAMA_MVCC_HALT;
    default:
        return FAMA_MVCC_IO;
    }
}

/* ---- names to places ---- */

static size_t names_of(const struct fama_read_write_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *space = &set->namespaces[i];
        count += space->read_count + space->write_count + space->metadata_write_count;
        for (size_t j = 0; j < space->collection_count; j++) {
            const struct fama_collection_set *collection = &space->collections[j];
            count +=
                collection->read_count + collection->write_count + collection->metadata_write_count;
        }
    }
    return count;
}

static bool has_effect(const struct fama_prepared_block *block, size_t index)
{
    return block->codes[index] == FAMA_TRANSACTION_VALID &&
           block->transactions[index].decoded.type == FAMA_TRANSACTION_ENDORSER;
}

/* Worth reading ahead for, though nobody has judged it yet. */
static bool is_promising(const struct fama_prepared_block *block, size_t index)
{
    const struct fama_prepared_transaction *transaction = &block->transactions[index];
    return transaction->decoded.type == FAMA_TRANSACTION_ENDORSER &&
           transaction->decoded.header_code == FAMA_TRANSACTION_VALID &&
           transaction->decoded.body_code == FAMA_TRANSACTION_VALID &&
           transaction->decoded.has_set && !transaction->is_known_txid &&
           fama_prepared_signature_is_good(&transaction->creator) &&
           names_of(&transaction->decoded.set) <= FAMA_MVCC_PREFETCH_NAMES_MAX;
}

static bool open_one(struct judgement *judgement, struct fama_state_space *space,
                     struct fama_bytes key, bool is_wanted, struct fama_state_place **place)
{
    *place = fama_state_open_place(judgement->state, space, key);
    if (*place == NULL) {
        return false;
    }
    if (is_wanted && !(*place)->is_loaded) {
        judgement->wanted[judgement->wanted_count++] = *place;
    }
    return true;
}

static bool open_reads(struct judgement *judgement, struct fama_state_space *space,
                       struct fama_read *reads, size_t count)
{
    for (size_t i = 0; i < count && judgement->has_reads; i++) {
        if (!open_one(judgement, space, reads[i].key, true, &reads[i].place)) {
            return false;
        }
    }
    return true;
}

static bool open_writes(struct judgement *judgement, struct fama_state_space *space,
                        struct fama_write *writes, size_t write_count,
                        struct fama_metadata_write *metadata, size_t metadata_count)
{
    for (size_t i = 0; i < write_count; i++) {
        /* Metadata survives a new value. */
        bool is_wanted = space->may_have_metadata && (judgement->wants_all || !writes[i].is_delete);
        if (!open_one(judgement, space, writes[i].key, is_wanted, &writes[i].place)) {
            return false;
        }
    }
    for (size_t i = 0; i < metadata_count; i++) {
        if (!open_one(judgement, space, metadata[i].key, true, &metadata[i].place)) {
            return false;
        }
    }
    return true;
}

static bool open_collection(struct judgement *judgement, struct fama_bytes namespace,
                            const struct fama_collection_set *set)
{
    /* Fabric takes writes to a collection without a name for public ones, but not reads. */
    struct fama_state_space *read_space =
        fama_state_open_space(judgement->state, namespace, set->name, true);
    struct fama_state_space *write_space =
        set->name.len > 0 ? read_space
                          : fama_state_open_space(judgement->state, namespace, set->name, false);
    return read_space != NULL && write_space != NULL &&
           open_reads(judgement, read_space, set->reads, set->read_count) &&
           open_writes(judgement, write_space, set->writes, set->write_count, set->metadata_writes,
                       set->metadata_write_count);
}

static bool open_set(struct judgement *judgement, const struct fama_read_write_set *set)
{
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *of = &set->namespaces[i];
        struct fama_state_space *space =
            fama_state_open_space(judgement->state, of->name, fama_bytes(NULL, 0), false);
        if (space == NULL || !open_reads(judgement, space, of->reads, of->read_count) ||
            !open_writes(judgement, space, of->writes, of->write_count, of->metadata_writes,
                         of->metadata_write_count)) {
            return false;
        }
        for (size_t j = 0; j < of->collection_count; j++) {
            if (!open_collection(judgement, of->name, &of->collections[j])) {
                return false;
            }
        }
    }
    return true;
}

/* ---- reads ---- */

static bool reads_hold(const struct judgement *judgement, const struct fama_read *reads,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fama_state_place *place = reads[i].place;
        if (fama_state_place_is_touched(judgement->state, place)) {
            return false;
        }
        const struct fama_state_entry *entry = &place->update.entry;
        if (reads[i].has_version != entry->exists ||
            (entry->exists && !fama_version_equal(reads[i].version, entry->version))) {
            return false;
        }
    }
    return true;
}

static int ranges_hold(const struct judgement *judgement, const struct fama_namespace_set *set,
                       bool *hold)
{
    *hold = true;
    for (size_t i = 0; i < set->range_query_count && *hold; i++) {
        int status = fama_range_query_check(judgement->state, set->name, &set->range_queries[i],
                                            hold, judgement->error);
        if (status != 0) {
            return from_state(status);
        }
    }
    return 0;
}

static int judge_reads(const struct judgement *judgement, const struct fama_read_write_set *set,
                       uint8_t *code)
{
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *of = &set->namespaces[i];
        if (!reads_hold(judgement, of->reads, of->read_count)) {
            *code = FAMA_TRANSACTION_MVCC_READ_CONFLICT;
            return 0;
        }
        bool hold;
        int status = ranges_hold(judgement, of, &hold);
        if (status != 0 || !hold) {
            *code = FAMA_TRANSACTION_PHANTOM_READ_CONFLICT;
            return status;
        }
        for (size_t j = 0; j < of->collection_count; j++) {
            const struct fama_collection_set *collection = &of->collections[j];
            if (!reads_hold(judgement, collection->reads, collection->read_count)) {
                *code = FAMA_TRANSACTION_MVCC_READ_CONFLICT;
                return 0;
            }
        }
    }
    return 0;
}

/* ---- writes ---- */

static struct operation *operation_at(struct judgement *judgement, struct fama_state_place *place)
{
    if (place->mark == judgement->state->marks) {
        return &judgement->operations[place->mark_index];
    }
    if (judgement->operation_count == judgement->operation_capacity) {
        size_t capacity =
            judgement->operation_capacity == 0 ? 64 : 2 * judgement->operation_capacity;
        struct operation *operations =
            capacity > UINT32_MAX ? NULL
                                  : realloc(judgement->operations, capacity * sizeof *operations);
        if (operations == NULL) {
            return NULL;
        }
        judgement->operations = operations;
        judgement->operation_capacity = capacity;
    }
    place->mark = judgement->state->marks;
    place->mark_index = (uint32_t)judgement->operation_count;
    struct operation *made = &judgement->operations[judgement->operation_count++];
    *made = (struct operation){.place = place};
    return made;
}

static size_t field_bytes(size_t len)
{
    return len == 0 ? 0 : 1 + fama_varint_len(len) + len;
}

static size_t put_field(uint8_t *at, uint8_t number, struct fama_bytes value)
{
    if (value.len == 0) {
        return 0;
    }
    size_t len = 0;
    at[len++] = (uint8_t)(number << 3 | 2);
    len += fama_varint_put(at + len, value.len);
    memcpy(at + len, value.at, value.len);
    return len + value.len;
}

/* A KVMetadataWrite without key, as Go serializes it: what state keeps as a key's metadata. */
static bool encode_metadata(struct judgement *judgement, const struct fama_metadata_write *write,
                            struct fama_bytes *encoded)
{
    size_t size = 0;
    for (size_t i = 0; i < write->entry_count; i++) {
        size_t entry =
            field_bytes(write->entries[i].name.len) + field_bytes(write->entries[i].value.len);
        size += entry == 0 ? 2 : field_bytes(entry);
    }
    uint8_t *at = fama_state_take(judgement->state, size);
    if (at == NULL) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < write->entry_count; i++) {
        const struct fama_metadata_entry *entry = &write->entries[i];
        at[len++] = 2 << 3 | 2;
        len +=
            fama_varint_put(at + len, field_bytes(entry->name.len) + field_bytes(entry->value.len));
        len += put_field(at + len, 1, entry->name);
        len += put_field(at + len, 2, entry->value);
    }
    *encoded = fama_bytes(at, len);
    return true;
}

static bool collect(struct judgement *judgement, const struct fama_write *writes,
                    size_t write_count, const struct fama_metadata_write *metadata,
                    size_t metadata_count)
{
    for (size_t i = 0; i < write_count; i++) {
        struct operation *operation = operation_at(judgement, writes[i].place);
        if (operation == NULL) {
            return false;
        }
        if (writes[i].is_delete) {
            operation->flags = (uint8_t)(operation->flags + DELETES);
        } else {
            operation->flags = (uint8_t)(operation->flags + PUTS);
            operation->value = writes[i].value;
            operation->has_value = true;
        }
    }
    for (size_t i = 0; i < metadata_count; i++) {
        struct operation *operation = operation_at(judgement, metadata[i].place);
        if (operation == NULL) {
            return false;
        }
        if (metadata[i].entry_count == 0) {
            operation->flags = (uint8_t)(operation->flags + DELETES_METADATA);
        } else {
            operation->flags = (uint8_t)(operation->flags + SETS_METADATA);
            if (!encode_metadata(judgement, &metadata[i], &operation->metadata)) {
                return false;
            }
        }
    }
    return true;
}

static bool collect_set(struct judgement *judgement, const struct fama_read_write_set *set)
{
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *of = &set->namespaces[i];
        if (!collect(judgement, of->writes, of->write_count, of->metadata_writes,
                     of->metadata_write_count)) {
            return false;
        }
        for (size_t j = 0; j < of->collection_count; j++) {
            const struct fama_collection_set *collection = &of->collections[j];
            if (!collect(judgement, collection->writes, collection->write_count,
                         collection->metadata_writes, collection->metadata_write_count)) {
                return false;
            }
        }
    }
    return true;
}

/* Adds what an operation leaves as it is: the metadata under a new value, the value under new metadata.
 * `*is_nothing` if there is no key to leave. */
static int complete(const struct judgement *judgement, struct operation *operation,
                    bool *is_nothing)
{
    *is_nothing = false;
    bool puts = (operation->flags & PUTS) != 0;
    if (puts && (operation->flags & (SETS_METADATA | DELETES_METADATA)) != 0) {
        return 0;
    }
    bool keeps_metadata = (operation->flags | PUTS) == PUTS;
    /* An entry that nobody knows has no metadata where no key has. */
    if (!keeps_metadata || operation->place->space->may_have_metadata) {
        int status = fama_state_load(judgement->state, &operation->place, 1, judgement->error);
        if (status != 0) {
            return from_state(status);
        }
    }
    const struct fama_state_entry *latest = &operation->place->update.entry;
    if (keeps_metadata) {
        operation->metadata = latest->metadata;
    } else if (latest->exists) {
        operation->value = latest->value;
        operation->has_value = true;
    } else if (fama_state_place_is_touched(judgement->state, operation->place)) {
        /* Deleted earlier in this block: Fabric finds a value there, but nil. */
        operation->has_value = false;
    } else {
        *is_nothing = true;
    }
    return 0;
}

static int execute(const struct judgement *judgement, struct operation *operation, size_t index)
{
    struct fama_state_entry entry = {
        .version = {.block = judgement->block->block.number, .transaction = index},
    };
    if ((operation->flags & DELETES) == 0) {
        bool is_nothing;
        int status = complete(judgement, operation, &is_nothing);
        if (status != 0 || is_nothing) {
            return status;
        }
        if (!operation->has_value) {
            return fama_error_set(judgement->error, FAMA_MVCC_HALT,
                                  "transaction %zu puts a key without a value (its metadata is set "
                                  "after the key was deleted in the same block, or it is written "
                                  "too often by one transaction); Fabric crashes here",
                                  index);
        }
        entry.exists = true;
        entry.value = operation->value;
        entry.metadata = operation->metadata;
    }
    return from_state(
        fama_state_put_at(judgement->state, operation->place, &entry, judgement->error));
}

static int apply_set(struct judgement *judgement, size_t index)
{
    const struct fama_read_write_set *set = &judgement->block->transactions[index].decoded.set;
    judgement->state->marks++;
    judgement->operation_count = 0;
    if (!collect_set(judgement, set)) {
        return no_memory(judgement->error);
    }
    for (size_t i = 0; i < judgement->operation_count; i++) {
        int status = execute(judgement, &judgement->operations[i], index);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* The channel's configuration is state like any other, in the namespace without a name
 * (core/peer/configtx_processor.go). Read from the payload itself: the header of a genesis block need not
 * be what validation asks of a header. */
static int apply_config(const struct judgement *judgement, size_t index)
{
    const struct fama_transaction *transaction = &judgement->block->transactions[index].decoded;
    struct fama_payload payload;
    if (!fama_payload_decode(transaction->payload, &payload) || payload.data.len == 0) {
        return fama_error_set(judgement->error, FAMA_MVCC_HALT,
                              "transaction %zu is a configuration without content", index);
    }
    const struct fama_state_name name = {.key = fama_bytes_of_text("CHANNEL_CONFIG_ENV_BYTES")};
    const struct fama_state_entry entry = {
        .exists = true,
        .version = {.block = judgement->block->block.number, .transaction = index},
        .value = payload.data,
    };
    return from_state(fama_state_put(judgement->state, &name, &entry, judgement->error));
}

/* ---- the block ---- */

static int judge_one(struct judgement *judgement, uint8_t *codes, size_t index)
{
    const struct fama_prepared_block *block = judgement->block;
    if (codes[index] != FAMA_TRANSACTION_VALID) {
        return 0;
    }
    if (block->transactions[index].decoded.type == FAMA_TRANSACTION_CONFIG) {
        return apply_config(judgement, index);
    }
    if (!has_effect(block, index)) {
        return 0;
    }
    if (judgement->has_reads) {
        uint8_t code = FAMA_TRANSACTION_VALID;
        int status = judge_reads(judgement, &block->transactions[index].decoded.set, &code);
        if (status != 0) {
            return status;
        }
        codes[index] = code;
        if (code != FAMA_TRANSACTION_VALID) {
            return 0;
        }
    }
    return apply_set(judgement, index);
}

/* Sets that validation of older channels lets pass, spec §5.4. */
static void refuse_unreadable(struct fama_prepared_block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        const struct fama_transaction *transaction = &block->transactions[i].decoded;
        if (has_effect(block, i) && !transaction->has_action) {
            block->codes[i] = FAMA_TRANSACTION_NIL_TXACTION;
        } else if (has_effect(block, i) && !transaction->has_set) {
            block->codes[i] = FAMA_TRANSACTION_INVALID_OTHER_REASON;
        }
    }
}

static bool has_places(const struct fama_prepared_block *block, size_t index)
{
    return block->transactions[index].has_places;
}

static bool lacks_places(const struct fama_prepared_block *block, size_t index)
{
    return !has_places(block, index) && has_effect(block, index);
}

static void forget_places(struct fama_prepared_block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        block->transactions[i].has_places = false;
    }
}

static void call_key_near(struct fama_bytes key)
{
    if (key.len > 0) {
        __builtin_prefetch(key.at);
        __builtin_prefetch(key.at + key.len - 1);
    }
}

/* Keys lie scattered over the block's bytes, which have left the processor's cache since they were
 * decoded. The first ones of each transaction are better than none. */
static void call_keys_near(const struct fama_read_write_set *set)
{
    for (size_t i = 0; i < set->namespace_count && i < SPACES_AHEAD; i++) {
        const struct fama_namespace_set *space = &set->namespaces[i];
        if (space->write_count > 0) {
            call_key_near(space->writes[0].key);
        }
        if (space->read_count > 0) {
            call_key_near(space->reads[0].key);
        }
    }
}

static int open_block(struct judgement *judgement)
{
    const struct fama_prepared_block *block = judgement->block;
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        count += judgement->is_to_be_opened(block, i)
                     ? names_of(&block->transactions[i].decoded.set)
                     : 0;
    }
    if (count == 0) {
        return 0;
    }
    judgement->wanted = calloc(count, sizeof(struct fama_state_place *));
    if (judgement->wanted == NULL) {
        return no_memory(judgement->error);
    }
    for (size_t i = 0; i < block->count; i++) {
        if (i + KEYS_AHEAD < block->count) {
            call_keys_near(&block->transactions[i + KEYS_AHEAD].decoded.set);
        }
        if (judgement->is_to_be_opened(block, i) &&
            !open_set(judgement, &block->transactions[i].decoded.set)) {
            return no_memory(judgement->error);
        }
    }
    return from_state(fama_state_load(judgement->state, judgement->wanted, judgement->wanted_count,
                                      judgement->error));
}

static void free_judgement(struct judgement *judgement)
{
    free(judgement->wanted);
    free(judgement->operations);
}

int fama_mvcc_prefetch(struct fama_prepared_block *block, struct fama_state *state,
                       struct fama_error *error)
{
    struct judgement judgement = {
        .block = block,
        .state = state,
        .error = error,
        .has_reads = true,
        .wants_all = true,
        .is_to_be_opened = has_places,
    };
    for (size_t i = 0; i < block->count; i++) {
        block->transactions[i].has_places = is_promising(block, i);
    }
    int status = open_block(&judgement);
    if (status != 0) {
        forget_places(block);
    }
    free_judgement(&judgement);
    return status;
}

static int judge(struct fama_prepared_block *block, struct fama_state *state, bool has_reads,
                 struct fama_error *error)
{
    struct judgement judgement = {
        .block = block,
        .state = state,
        .error = error,
        .has_reads = has_reads,
        .is_to_be_opened = lacks_places,
    };
    refuse_unreadable(block);
    int status = open_block(&judgement);
    for (size_t i = 0; i < block->count && status == 0; i++) {
        status = judge_one(&judgement, block->codes, i);
    }
    forget_places(block); /* the state may be reset from here on */
    free_judgement(&judgement);
    return status;
}

int fama_mvcc_judge(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error)
{
    return judge(block, state, true, error);
}

int fama_mvcc_apply(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error)
{
    return judge(block, state, false, error);
}
