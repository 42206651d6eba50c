#include "ledger/expiry.h"

#include <stdlib.h>

#include "ledger/slab.h"

#define PREFIX          "expiry/"
#define PREFIX_END      "expiry0" /* '0' follows '/' */
#define PREFIX_LEN      (sizeof PREFIX - 1)
#define HEAD_LEN        (PREFIX_LEN + 8)
#define VALUE_LEN       (8 + 4 + 4)
#define LIVES_KEPT      16 /* collections of one block whose lives are asked for once */
#define PREFETCHED_KEYS 64

/* A key that ends. */
struct schedule {
    struct fama_state_name name;
    struct fama_bytes stored_key;
    uint64_t due;
    uint64_t put_in;
    bool is_used;
};

struct schedules {
    struct schedule *items;
    size_t count, capacity;
};

struct fama_expiry {
    const struct fama_store *store;
    fama_expiry_lives lives;
    struct schedules fresh;    /* by this group, not yet in the store */
    uint64_t fresh_due;        /* the earliest of them */
    struct schedules consumed; /* from the store */
    uint64_t stored_due;       /* the earliest in the store from the current block on */
    bool is_stored_due_known;
    struct fama_slab slab; /* names of `consumed` */
};

uint64_t fama_expiry_due(uint64_t block, uint64_t blocks_to_live)
{
    if (blocks_to_live == 0) {
        return UINT64_MAX;
    }
    uint64_t due = block + blocks_to_live + 1;
    return due <= block ? UINT64_MAX : due;
}

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_EXPIRY_NO_MEMORY,
                          "private keys that end by themselves: out of memory");
}

struct fama_expiry *fama_expiry_create(const struct fama_store *store, fama_expiry_lives lives)
{
    struct fama_expiry *expiry = calloc(1, sizeof *expiry);
    if (expiry != NULL) {
        expiry->store = store;
        expiry->lives = lives;
        fama_expiry_reset(expiry);
    }
    return expiry;
}

void fama_expiry_destroy(struct fama_expiry *expiry)
{
    if (expiry != NULL) {
        free(expiry->fresh.items);
        free(expiry->consumed.items);
        fama_slab_free(&expiry->slab);
        free(expiry);
    }
}

void fama_expiry_reset(struct fama_expiry *expiry)
{
    expiry->fresh.count = 0;
    expiry->consumed.count = 0;
    expiry->fresh_due = UINT64_MAX;
    expiry->stored_due = UINT64_MAX;
    expiry->is_stored_due_known = expiry->store == NULL;
    fama_slab_reset(&expiry->slab);
}

static struct schedule *add(struct schedules *schedules)
{
    if (schedules->count == schedules->capacity) {
        size_t capacity = schedules->capacity == 0 ? 64 : 2 * schedules->capacity;
        struct schedule *items = realloc(schedules->items, capacity * sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        schedules->items = items;
        schedules->capacity = capacity;
    }
    return &schedules->items[schedules->count++];
}

static void put_number(uint8_t *at, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
    }
}

static uint64_t get_number(const uint8_t *at, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

/* ---- what the current block schedules ---- */

struct lives {
    struct fama_state_name names[LIVES_KEPT];
    uint64_t blocks[LIVES_KEPT];
    size_t count;
};

static int lives_of(struct fama_expiry *expiry, struct fama_state *state, struct lives *known,
                    const struct fama_state_name *name, uint64_t *blocks, struct fama_error *error)
{
    for (size_t i = 0; i < known->count; i++) {
        if (fama_bytes_equal(known->names[i].space, name->space) &&
            fama_bytes_equal(known->names[i].collection, name->collection)) {
            *blocks = known->blocks[i];
            return 0;
        }
    }
    fama_state_look_back(state);
    int status = expiry->lives(state, name->space, name->collection, blocks, error);
    fama_state_look_forward(state);
    if (status == 0 && known->count < LIVES_KEPT) {
        known->names[known->count] = *name;
        known->blocks[known->count++] = *blocks;
    }
    return status;
}

static int schedule_block(struct fama_expiry *expiry, struct fama_state *state,
                          struct fama_error *error)
{
    const struct fama_state_update *const *updates;
    size_t count = fama_state_block_updates(state, &updates);
    struct lives known = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct fama_state_update *update = updates[i];
        uint64_t blocks;
        if (!update->name.is_hashed) {
            continue;
        }
        /* Deleted ones are asked about too: Fabric stops at a collection that is not defined. */
        int status = lives_of(expiry, state, &known, &update->name, &blocks, error);
        if (status != 0) {
            return status;
        }
        uint64_t due = fama_expiry_due(update->entry.version.block, blocks);
        if (due == UINT64_MAX || !update->entry.exists) {
            continue;
        }
        struct schedule *fresh = add(&expiry->fresh);
        if (fresh == NULL) {
            return no_memory(error);
        }
        *fresh = (struct schedule){
            .name = update->name,
            .stored_key = update->stored_key,
            .due = due,
            .put_in = update->entry.version.block,
        };
        expiry->fresh_due = due < expiry->fresh_due ? due : expiry->fresh_due;
    }
    return 0;
}

/* ---- what the store has for a block ---- */

static int cannot_read(const struct fama_expiry *expiry, char *message, struct fama_error *error)
{
    (void)fama_store_fail(expiry->store->directory, "reading when private keys end", message,
                          error);
    return FAMA_EXPIRY_IO;
}

/* Takes one record over. False if memory is out or the record is damaged, which `*is_damaged` tells. */
static bool take_record(struct fama_expiry *expiry, uint64_t due, struct fama_bytes key,
                        struct fama_bytes value, bool *is_damaged)
{
    struct fama_bytes stored_key = fama_bytes(key.at + HEAD_LEN, key.len - HEAD_LEN);
    uint64_t space_len = value.len == VALUE_LEN ? get_number(value.at + 8, 4) : 0;
    uint64_t collection_len = value.len == VALUE_LEN ? get_number(value.at + 12, 4) : 0;
    *is_damaged = value.len != VALUE_LEN || space_len + 3 + collection_len + 1 > stored_key.len;
    if (*is_damaged) {
        return false;
    }
    struct schedule *consumed = add(&expiry->consumed);
    uint8_t *copy = fama_slab_take(&expiry->slab, stored_key.len);
    if (consumed == NULL || copy == NULL) {
        return false;
    }
    memcpy(copy, stored_key.at, stored_key.len);
    size_t key_at = (size_t)(space_len + 3 + collection_len + 1);
    *consumed = (struct schedule){
        .name = {.space = fama_bytes(copy, (size_t)space_len),
                 .collection = fama_bytes(copy + space_len + 3, (size_t)collection_len),
                 .is_hashed = true,
                 .key = fama_bytes(copy + key_at, stored_key.len - key_at)},
        .stored_key = fama_bytes(copy, stored_key.len),
        .due = due,
        .put_in = get_number(value.at, 8),
    };
    return true;
}

static int read_records(struct fama_expiry *expiry, rocksdb_iterator_t *iterator, uint64_t due,
                        struct fama_error *error)
{
    uint8_t head[HEAD_LEN];
    memcpy(head, PREFIX, PREFIX_LEN);
    put_number(head + PREFIX_LEN, due, 8);
    expiry->stored_due = UINT64_MAX;
    for (rocksdb_iter_seek(iterator, (const char *)head, sizeof head); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        size_t len;
        const char *bytes = rocksdb_iter_key(iterator, &len);
        struct fama_bytes key = fama_bytes(bytes, len);
        bytes = rocksdb_iter_value(iterator, &len);
        struct fama_bytes value = fama_bytes(bytes, len);
        bool is_damaged = key.len < HEAD_LEN;
        if (!is_damaged && memcmp(key.at, head, HEAD_LEN) != 0) {
            expiry->stored_due = get_number(key.at + PREFIX_LEN, 8);
            break;
        }
        if (is_damaged || !take_record(expiry, due, key, value, &is_damaged)) {
            return is_damaged
                       ? fama_error_set(error, FAMA_EXPIRY_IO,
                                        "reading when private keys end: ledger %s holds a record "
                                        "that does not decode; stop the node and run `fama ledger "
                                        "rebuild`",
                                        expiry->store->directory)
                       : no_memory(error);
        }
    }
    expiry->is_stored_due_known = true;
    char *message = NULL;
    rocksdb_iter_get_error(iterator, &message);
    return message == NULL ? 0 : cannot_read(expiry, message, error);
}

/* Reads what is due at the block, unless it is known that there is nothing. */
static int read_due(struct fama_expiry *expiry, uint64_t due, struct fama_error *error)
{
    if (expiry->is_stored_due_known && expiry->stored_due > due) {
        return 0;
    }
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_upper_bound(options, PREFIX_END, sizeof PREFIX_END - 1);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        expiry->store->db, options, expiry->store->families[FAMA_STORE_META]);
    int status = read_records(expiry, iterator, due, error);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return status;
}

/* ---- what ends ---- */

static int end_key(struct fama_state *state, const struct schedule *schedule,
                   struct fama_error *error)
{
    struct fama_state_entry entry;
    if (fama_state_is_touched(state, &schedule->name)) {
        return 0;
    }
    int status = fama_state_get(state, &schedule->name, &entry, error);
    if (status == 0 && entry.exists && entry.version.block == schedule->put_in) {
        status = fama_state_expire(state, &schedule->name, error);
    }
    return status;
}

static int end_keys(struct fama_state *state, struct schedule *schedules, size_t count,
                    uint64_t due, struct fama_error *error)
{
    struct fama_state_name names[PREFETCHED_KEYS];
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        if (i % PREFETCHED_KEYS == 0) {
            size_t ahead = 0;
            for (size_t j = i; j < count && j < i + PREFETCHED_KEYS; j++) {
                if (schedules[j].due == due) {
                    names[ahead++] = schedules[j].name;
                }
            }
            status = fama_state_prefetch(state, names, ahead, error);
        }
        if (status == 0 && schedules[i].due == due) {
            status = end_key(state, &schedules[i], error);
            schedules[i].is_used = true;
        }
    }
    switch (status) {
    case 0:
        return 0;
    case FAMA_STATE_NO_MEMORY:
        return FAMA_EXPIRY_NO_MEMORY;
    default:
        return FAMA_EXPIRY_IO;
    }
}

/* The earliest that is still to come. */
static uint64_t earliest(const struct schedules *schedules)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < schedules->count; i++) {
        if (!schedules->items[i].is_used && schedules->items[i].due < due) {
            due = schedules->items[i].due;
        }
    }
    return due;
}

int fama_expiry_advance(struct fama_expiry *expiry, struct fama_state *state,
                        struct fama_error *error)
{
    uint64_t block = fama_state_block(state);
    int status = schedule_block(expiry, state, error);
    if (status != 0) {
        return status;
    }
    size_t known = expiry->consumed.count;
    status = read_due(expiry, block, error);
    if (status == 0 && expiry->consumed.count > known) {
        status = end_keys(state, expiry->consumed.items + known, expiry->consumed.count - known,
                          block, error);
    }
    if (status == 0 && expiry->fresh_due <= block) {
        status = end_keys(state, expiry->fresh.items, expiry->fresh.count, block, error);
        expiry->fresh_due = earliest(&expiry->fresh);
    }
    return status;
}

void fama_expiry_abandon_block(struct fama_expiry *expiry, uint64_t block)
{
    struct schedules *fresh = &expiry->fresh;
    struct schedules *consumed = &expiry->consumed;
    while (fresh->count > 0 && fresh->items[fresh->count - 1].put_in == block) {
        fresh->count--;
    }
    while (consumed->count > 0 && consumed->items[consumed->count - 1].due == block) {
        consumed->count--;
    }
    for (size_t i = 0; i < fresh->count; i++) {
        fresh->items[i].is_used = fresh->items[i].is_used && fresh->items[i].due != block;
    }
    expiry->fresh_due = earliest(fresh);
    expiry->stored_due = UINT64_MAX;
    expiry->is_stored_due_known = expiry->store == NULL;
}

/* ---- writing ---- */

static void begin_key(uint8_t head[HEAD_LEN], const struct schedule *schedule)
{
    memcpy(head, PREFIX, PREFIX_LEN);
    put_number(head + PREFIX_LEN, schedule->due, 8);
}

static void append_schedule(const struct fama_store *store, const struct schedule *schedule,
                            rocksdb_writebatch_t *batch)
{
    uint8_t head[HEAD_LEN];
    uint8_t value[VALUE_LEN];
    begin_key(head, schedule);
    put_number(value, schedule->put_in, 8);
    put_number(value + 8, schedule->name.space.len, 4);
    put_number(value + 12, schedule->name.collection.len, 4);
    const char *const keys[2] = {(const char *)head, (const char *)schedule->stored_key.at};
    const size_t lens[2] = {sizeof head, schedule->stored_key.len};
    const char *const values[1] = {(const char *)value};
    const size_t value_lens[1] = {sizeof value};
    rocksdb_writebatch_putv_cf(batch, store->families[FAMA_STORE_META], 2, keys, lens, 1, values,
                               value_lens);
}

void fama_expiry_append(const struct fama_expiry *expiry, rocksdb_writebatch_t *batch)
{
    uint8_t head[HEAD_LEN];
    const char *keys[2] = {(const char *)head};
    size_t lens[2] = {sizeof head};
    if (expiry->store == NULL) {
        return;
    }
    rocksdb_column_family_handle_t *family = expiry->store->families[FAMA_STORE_META];
    for (size_t i = 0; i < expiry->consumed.count; i++) {
        const struct schedule *schedule = &expiry->consumed.items[i];
        begin_key(head, schedule);
        keys[1] = (const char *)schedule->stored_key.at;
        lens[1] = schedule->stored_key.len;
        rocksdb_writebatch_deletev_cf(batch, family, 2, keys, lens);
    }
    for (size_t i = 0; i < expiry->fresh.count; i++) {
        const struct schedule *schedule = &expiry->fresh.items[i];
        if (!schedule->is_used) {
            append_schedule(expiry->store, schedule, batch);
        }
    }
}

void fama_expiry_append_key(const struct fama_store *store, const struct fama_state_name *name,
                            struct fama_bytes stored_key, uint64_t put_in, uint64_t due,
                            rocksdb_writebatch_t *batch)
{
    const struct schedule schedule = {
        .name = *name, .stored_key = stored_key, .due = due, .put_in = put_in};
    append_schedule(store, &schedule, batch);
}

void fama_expiry_append_clear(const struct fama_store *store, rocksdb_writebatch_t *batch)
{
    rocksdb_writebatch_delete_range_cf(batch, store->families[FAMA_STORE_META], PREFIX, PREFIX_LEN,
                                       PREFIX_END, sizeof PREFIX_END - 1);
}
