#include "ledger/state.h"

#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ledger/state_parts.h"
#include "ledger/state_store.h"

#define SLOTS_AT_FIRST 1024
#define SLOTS_KEPT     ((size_t)1 << 16) /* between groups: 1 MiB */
#define LIST_KEPT      ((size_t)1 << 14) /* entries of a list between groups */
#define KEYS_AT_ONCE   256               /* loaded by one call */

/* What loading needs, too large for the stack. */
struct batch {
    struct fama_state_place *places[KEYS_AT_ONCE];
    struct fama_bytes keys[KEYS_AT_ONCE];
    struct fama_state_record records[KEYS_AT_ONCE];
};

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_STATE_NO_MEMORY,
                          "the updates of a group of blocks: out of memory; give the process more");
}

static uint64_t hash_bytes(struct fama_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.len > 0 ? (const void *)bytes.at : "", bytes.len, seed);
}

/* ---- tables ---- */

static bool table_init(struct fama_state_table *table, size_t size)
{
    *table = (struct fama_state_table){.slots = calloc(size, sizeof *table->slots), .size = size};
    return table->slots != NULL;
}

static void table_insert(struct fama_state_table *table, uint64_t hash, void *item)
{
    size_t at = hash & (table->size - 1);
    while (table->slots[at].item != NULL) {
        at = (at + 1) & (table->size - 1);
    }
    table->slots[at] = (struct fama_state_slot){.hash = hash, .item = item};
    table->taken++;
}

/* Makes room for one more. */
static bool table_reserve(struct fama_state_table *table)
{
    if (table->taken < table->size / 2) {
        return true;
    }
    struct fama_state_table larger;
    if (table->size > SIZE_MAX / 4 / sizeof *table->slots ||
        !table_init(&larger, 2 * table->size)) {
        return false;
    }
    for (size_t i = 0; i < table->size; i++) {
        if (table->slots[i].item != NULL) {
            table_insert(&larger, table->slots[i].hash, table->slots[i].item);
        }
    }
    free(table->slots);
    *table = larger;
    return true;
}

/* A table that has grown large is given back; a small one costs one memset per group. */
static void table_reset(struct fama_state_table *table)
{
    struct fama_state_table small;
    if (table->size > SLOTS_KEPT && table_init(&small, SLOTS_AT_FIRST)) {
        free(table->slots);
        *table = small;
    } else if (table->taken > 0) {
        memset(table->slots, 0, table->size * sizeof *table->slots);
        table->taken = 0;
    }
}

/* ---- lists ---- */

static bool list_reserve(struct fama_state_list *list)
{
    if (list->count < list->capacity) {
        return true;
    }
    size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    void *items = realloc(list->items, capacity * sizeof *list->items);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->capacity = capacity;
    return true;
}

static void list_reset(struct fama_state_list *list)
{
    list->count = 0;
    if (list->capacity > LIST_KEPT) {
        free(list->items);
        *list = (struct fama_state_list){0};
    }
}

static bool space_reserve(struct fama_state_space *space)
{
    if (space->count < space->capacity) {
        return true;
    }
    size_t capacity = space->capacity == 0 ? 16 : 2 * space->capacity;
    void *places = realloc(space->places, capacity * sizeof *space->places);
    if (places == NULL) {
        return false;
    }
    space->places = places;
    space->capacity = capacity;
    return true;
}

/* ---- spaces ---- */

static uint64_t space_hash(const struct fama_state *state, struct fama_bytes space,
                           struct fama_bytes collection, bool is_hashed)
{
    uint64_t hash = hash_bytes(space, state->seed);
    return is_hashed ? hash_bytes(collection, ~hash) : hash;
}

static bool is_space(const struct fama_state_space *known, struct fama_bytes space,
                     struct fama_bytes collection, bool is_hashed)
{
    return known->is_hashed == is_hashed && fama_bytes_equal(known->space, space) &&
           (!is_hashed || fama_bytes_equal(known->collection, collection));
}

static struct fama_state_space *find_space(const struct fama_state *state, uint64_t hash,
                                           struct fama_bytes space, struct fama_bytes collection,
                                           bool is_hashed)
{
    const struct fama_state_table *table = &state->spaces;
    for (size_t at = hash & (table->size - 1); table->slots[at].item != NULL;
         at = (at + 1) & (table->size - 1)) {
        if (table->slots[at].hash == hash &&
            is_space(table->slots[at].item, space, collection, is_hashed)) {
            return table->slots[at].item;
        }
    }
    return NULL;
}

struct fama_state_space *fama_state_known_space(const struct fama_state *state,
                                                struct fama_bytes space,
                                                struct fama_bytes collection, bool is_hashed)
{
    if (state->last_space != NULL && is_space(state->last_space, space, collection, is_hashed)) {
        return state->last_space;
    }
    return find_space(state, space_hash(state, space, collection, is_hashed), space, collection,
                      is_hashed);
}

static void append(uint8_t *at, size_t *len, struct fama_bytes bytes)
{
    if (bytes.len > 0) {
        memcpy(at + *len, bytes.at, bytes.len);
        *len += bytes.len;
    }
}

static struct fama_state_space *new_space(struct fama_state *state, struct fama_bytes space,
                                          struct fama_bytes collection, bool is_hashed)
{
    static const char mark[] = {'$', '$', 'h'};
    struct fama_state_space *made = fama_slab_take(&state->slab, sizeof *made);
    uint8_t *prefix = fama_slab_take(&state->slab, space.len + sizeof mark +
                                                       (is_hashed ? collection.len : 0) + 1);
    if (made == NULL || prefix == NULL) {
        return NULL;
    }
    size_t len = 0;
    append(prefix, &len, space);
    size_t collection_at = len;
    if (is_hashed) {
        append(prefix, &len, fama_bytes(mark, sizeof mark));
        collection_at = len;
        append(prefix, &len, collection);
    }
    *made = (struct fama_state_space){
        .space = fama_bytes(prefix, space.len),
        .collection = fama_bytes(prefix + collection_at, len - collection_at),
        .is_hashed = is_hashed,
    };
    if (!is_hashed) {
        made->collection.len = 0;
    }
    prefix[len++] = 0;
    made->prefix = fama_bytes(prefix, len);
    made->may_have_metadata =
        state->store != NULL && fama_state_store_may_have_metadata(state->store, made->prefix);
    return made;
}

struct fama_state_space *fama_state_open_space(struct fama_state *state, struct fama_bytes space,
                                               struct fama_bytes collection, bool is_hashed)
{
    struct fama_state_space *found = fama_state_known_space(state, space, collection, is_hashed);
    if (found == NULL) {
        if (!table_reserve(&state->spaces)) {
            return NULL;
        }
        found = new_space(state, space, collection, is_hashed);
        if (found == NULL) {
            return NULL;
        }
        found->seed = space_hash(state, space, collection, is_hashed);
        table_insert(&state->spaces, found->seed, found);
    }
    state->last_space = found;
    return found;
}

/* ---- places ---- */

static struct fama_state_place *find_place(const struct fama_state *state,
                                           const struct fama_state_space *space, uint64_t hash,
                                           struct fama_bytes key)
{
    const struct fama_state_table *table = &state->places;
    for (size_t at = hash & (table->size - 1); table->slots[at].item != NULL;
         at = (at + 1) & (table->size - 1)) {
        struct fama_state_place *place = table->slots[at].item;
        if (table->slots[at].hash == hash && place->space == space &&
            fama_bytes_equal(place->update.name.key, key)) {
            return place;
        }
    }
    return NULL;
}

struct fama_state_place *fama_state_open_place(struct fama_state *state,
                                               struct fama_state_space *space,
                                               struct fama_bytes key)
{
    uint64_t hash = hash_bytes(key, space->seed);
    struct fama_state_place *place = find_place(state, space, hash, key);
    if (place != NULL) {
        return place;
    }
    size_t len = 0;
    place = fama_slab_take(&state->slab, sizeof *place);
    uint8_t *stored = fama_slab_take(&state->slab, space->prefix.len + key.len);
    if (place == NULL || stored == NULL || !table_reserve(&state->places)) {
        return NULL;
    }
    append(stored, &len, space->prefix);
    append(stored, &len, key);
    memset(place, 0, sizeof *place);
    place->space = space;
    place->update.stored_key = fama_bytes(stored, len);
    place->update.name = (struct fama_state_name){
        .space = space->space,
        .collection = space->collection,
        .is_hashed = space->is_hashed,
        .key = fama_bytes(stored + space->prefix.len, key.len),
    };
    place->is_loaded = state->store == NULL;
    table_insert(&state->places, hash, place);
    return place;
}

static struct fama_state_place *place_of(struct fama_state *state,
                                         const struct fama_state_name *name)
{
    struct fama_state_space *space =
        fama_state_open_space(state, name->space, name->collection, name->is_hashed);
    return space == NULL ? NULL : fama_state_open_place(state, space, name->key);
}

/* ---- loading ---- */

/* Moves what was read into the slab, and what RocksDB's reader took for it back to the heap. */
static bool keep_record(struct fama_state *state, struct fama_state_record *record,
                        struct fama_state_entry *entry)
{
    *entry = record->entry;
    if (record->entry.exists) {
        size_t len = 0;
        uint8_t *memory =
            fama_slab_take(&state->slab, record->entry.value.len + record->entry.metadata.len);
        if (memory == NULL) {
            return false;
        }
        append(memory, &len, record->entry.value);
        append(memory, &len, record->entry.metadata);
        entry->value.at = memory;
        entry->metadata.at = memory + record->entry.value.len;
    }
    fama_state_record_clear(record);
    return true;
}

static int load_batch(struct fama_state *state, struct batch *batch, size_t count,
                      struct fama_error *error)
{
    memset(batch->records, 0, count * sizeof batch->records[0]);
    int status = fama_state_store_get_many(state->store, batch->keys, count, batch->records, error);
    for (size_t i = 0; i < count; i++) {
        if (status == 0 &&
            !keep_record(state, &batch->records[i], &batch->places[i]->update.entry)) {
            status = no_memory(error);
        }
        if (status != 0) {
            batch->places[i]->is_loaded = false;
            fama_state_record_clear(&batch->records[i]);
        }
    }
    return status;
}

int fama_state_load(struct fama_state *state, struct fama_state_place *const *places, size_t count,
                    struct fama_error *error)
{
    struct batch *batch = state->batch;
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        if (places[i]->is_loaded) {
            continue;
        }
        places[i]->is_loaded = true; /* so that it waits once only */
        batch->places[waiting] = places[i];
        batch->keys[waiting++] = places[i]->update.stored_key;
        if (waiting == KEYS_AT_ONCE) {
            int status = load_batch(state, batch, waiting, error);
            if (status != 0) {
                return status;
            }
            waiting = 0;
        }
    }
    return waiting == 0 ? 0 : load_batch(state, batch, waiting, error);
}

static int load_before(struct fama_state *state, const struct fama_state_place *place,
                       struct fama_error *error)
{
    struct fama_state_record record = {0};
    int status = fama_state_store_get(state->store, place->update.stored_key, &record, error);
    if (status == 0 && !keep_record(state, &record, &place->before->entry)) {
        status = no_memory(error);
    }
    fama_state_record_clear(&record);
    place->before->is_loaded = status == 0;
    return status;
}

/* ---- the door ---- */

struct fama_state *fama_state_create(struct fama_state_store *store)
{
    struct fama_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->store = store;
    state->batch = malloc(sizeof(struct batch));
    if (state->batch == NULL || !table_init(&state->places, SLOTS_AT_FIRST) ||
        !table_init(&state->spaces, SLOTS_AT_FIRST) ||
        getrandom(&state->seed, sizeof state->seed, 0) != sizeof state->seed) {
        fama_state_destroy(state);
        return NULL;
    }
    /* Of a place that was never touched it shall not be said that it was touched in this round. */
    state->round = 1;
    return state;
}

static void free_spaces(struct fama_state *state)
{
    for (size_t i = 0; i < state->spaces.size && state->spaces.taken > 0; i++) {
        struct fama_state_space *space = state->spaces.slots[i].item;
        if (space != NULL) {
            free(space->places);
        }
    }
    state->last_space = NULL;
}

void fama_state_destroy(struct fama_state *state)
{
    if (state == NULL) {
        return;
    }
    free_spaces(state);
    free(state->places.slots);
    free(state->spaces.slots);
    free(state->block.items);
    free(state->expired.items);
    free(state->group.items);
    free(state->batch);
    fama_slab_free(&state->slab);
    free(state);
}

void fama_state_reset(struct fama_state *state)
{
    free_spaces(state);
    table_reset(&state->places);
    table_reset(&state->spaces);
    list_reset(&state->block);
    list_reset(&state->expired);
    list_reset(&state->group);
    state->group_before = 0;
    state->looks_back = false;
    state->round++;
    fama_slab_reset(&state->slab);
}

void fama_state_begin_block(struct fama_state *state, uint64_t number)
{
    state->number = number;
    state->round++;
    state->block.count = 0;
    state->expired.count = 0;
    state->group_before = state->group.count;
    state->looks_back = false;
}

uint64_t fama_state_block(const struct fama_state *state)
{
    return state->number;
}

void *fama_state_take(struct fama_state *state, size_t size)
{
    return fama_slab_take(&state->slab, size);
}

int fama_state_get(struct fama_state *state, const struct fama_state_name *name,
                   struct fama_state_entry *entry, struct fama_error *error)
{
    *entry = (struct fama_state_entry){0};
    struct fama_state_place *place = place_of(state, name);
    if (place == NULL) {
        return no_memory(error);
    }
    if (state->looks_back && place->changed_in == state->round) {
        int status = place->before->is_loaded ? 0 : load_before(state, place, error);
        if (status == 0) {
            *entry = place->before->entry;
        }
        return status;
    }
    if (!place->is_loaded) {
        int status = fama_state_load(state, &place, 1, error);
        if (status != 0) {
            return status;
        }
    }
    *entry = place->update.entry;
    return 0;
}

void fama_state_look_back(struct fama_state *state)
{
    state->looks_back = true;
}

void fama_state_look_forward(struct fama_state *state)
{
    state->looks_back = false;
}

bool fama_state_is_touched(const struct fama_state *state, const struct fama_state_name *name)
{
    const struct fama_state_space *space =
        fama_state_known_space(state, name->space, name->collection, name->is_hashed);
    if (space == NULL) {
        return false;
    }
    const struct fama_state_place *place =
        find_place(state, space, hash_bytes(name->key, space->seed), name->key);
    return place != NULL && fama_state_place_is_touched(state, place);
}

int fama_state_prefetch(struct fama_state *state, const struct fama_state_name *names, size_t count,
                        struct fama_error *error)
{
    struct fama_state_place *places[64];
    while (count > 0) {
        size_t some = count < 64 ? count : 64;
        for (size_t i = 0; i < some; i++) {
            places[i] = place_of(state, &names[i]);
            if (places[i] == NULL) {
                return no_memory(error);
            }
        }
        int status = fama_state_load(state, places, some, error);
        if (status != 0) {
            return status;
        }
        names += some;
        count -= some;
    }
    return 0;
}

/* Puts what the place holds into safety, once per block. */
static bool remember(struct fama_state *state, struct fama_state_place *place)
{
    if (place->changed_in == state->round) {
        return true;
    }
    struct fama_state_before *before = fama_slab_take(&state->slab, sizeof *before);
    if (before == NULL) {
        return false;
    }
    *before = (struct fama_state_before){
        .entry = place->update.entry,
        .is_loaded = place->is_loaded,
        .is_updated = place->is_updated,
    };
    place->before = before;
    place->changed_in = state->round;
    return true;
}

/* Makes the place one of the group's updates. The caller has made room. */
static void join_group(struct fama_state *state, struct fama_state_place *place)
{
    if (!place->is_updated) {
        place->is_updated = true;
        state->group.items[state->group.count++] = &place->update;
        place->space->places[place->space->count++] = place;
    }
}

int fama_state_put_at(struct fama_state *state, struct fama_state_place *place,
                      const struct fama_state_entry *entry, struct fama_error *error)
{
    if (!fama_state_place_is_touched(state, place)) {
        if (!list_reserve(&state->block) || !list_reserve(&state->group) ||
            !space_reserve(place->space) || !remember(state, place)) {
            return no_memory(error);
        }
        join_group(state, place);
        place->touched_in = state->round;
        state->block.items[state->block.count++] = &place->update;
    }
    place->is_loaded = true;
    if (entry->exists) {
        place->update.entry = *entry;
    } else {
        place->update.entry = (struct fama_state_entry){.version = entry->version};
    }
    return 0;
}

int fama_state_put(struct fama_state *state, const struct fama_state_name *name,
                   const struct fama_state_entry *entry, struct fama_error *error)
{
    struct fama_state_place *place = place_of(state, name);
    return place == NULL ? no_memory(error) : fama_state_put_at(state, place, entry, error);
}

int fama_state_expire(struct fama_state *state, const struct fama_state_name *name,
                      struct fama_error *error)
{
    struct fama_state_place *place = place_of(state, name);
    if (place == NULL || !list_reserve(&state->expired) || !list_reserve(&state->group) ||
        !space_reserve(place->space) || !remember(state, place)) {
        return no_memory(error);
    }
    join_group(state, place);
    state->expired.items[state->expired.count++] = &place->update;
    place->is_loaded = true;
    place->update.entry = (struct fama_state_entry){
        .version = {.block = state->number, .transaction = UINT64_MAX},
    };
    return 0;
}

static void take_back(struct fama_state *state, struct fama_state_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        /* The update is the first member of its place. */
        struct fama_state_place *place = (struct fama_state_place *)list->items[i];
        place->update.entry = place->before->entry;
        place->is_loaded = place->before->is_loaded;
        if (place->is_updated && !place->before->is_updated) {
            place->is_updated = false;
            place->space->sorted = SIZE_MAX; /* to be cleaned up */
        }
    }
    list->count = 0;
    state->group.count = state->group_before;
}

void fama_state_abandon_block(struct fama_state *state)
{
    take_back(state, &state->block);
    take_back(state, &state->expired);
    for (size_t i = 0; i < state->spaces.size; i++) {
        struct fama_state_space *space = state->spaces.slots[i].item;
        if (space == NULL || space->sorted != SIZE_MAX) {
            continue;
        }
        size_t kept = 0;
        for (size_t j = 0; j < space->count; j++) {
            if (space->places[j]->is_updated) {
                space->places[kept++] = space->places[j];
            }
        }
        space->count = kept;
        space->sorted = 0;
    }
    state->round++;
}

size_t fama_state_block_updates(const struct fama_state *state,
                                const struct fama_state_update *const **updates)
{
    *updates = state->block.items;
    return state->block.count;
}

size_t fama_state_group_updates(const struct fama_state *state,
                                const struct fama_state_update *const **updates)
{
    *updates = state->group.items;
    return state->group.count;
}
