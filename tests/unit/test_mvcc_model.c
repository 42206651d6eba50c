/* Random blocks, judged here and by a model that does what Fabric's validation does, in lists and loops. */
#include <inttypes.h>

#include "ledger/commit_hash.h"
#include "ledger/mvcc.h"
#include "ledger/range_query.h"
#include "unit/made_sets.h"
#include "unit/seed.h"
#include "unit/stored_state.h"

#define BLOCKS  60
#define ROUNDS  40
#define ENTRIES 256

static const char *const spaces[] = {"a", "a-b", "b"};
static const char *const collections[] = {NULL, "c", "d", ""};
static const char *const keys[] = {"", "k0", "k1", "k10", "k2", "k3", "k4", "l"};
static const char *const values[] = {"v0", "v1", "longer value", "v3"};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint64_t random_state;

static uint64_t chance(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static struct fama_bytes text(const char *of)
{
    return fama_bytes_of_text(of);
}

/* ---- the model ---- */

struct entry {
    const char *space;
    const char *collection; /* NULL: public */
    const char *key;
    bool has_value; /* false: deleted */
    struct fama_bytes value;
    char metadata[32];
    size_t metadata_len;
    struct fama_version version;
};

struct entries {
    struct entry items[ENTRIES];
    size_t count;
};

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct entry *find(struct entries *in, const char *space, const char *collection,
                          const char *key)
{
    for (size_t i = 0; i < in->count; i++) {
        struct entry *entry = &in->items[i];
        if (same_text(entry->space, space) && same_text(entry->collection, collection) &&
            same_text(entry->key, key)) {
            return entry;
        }
    }
    return NULL;
}

static void set(struct entries *in, const struct entry *entry)
{
    struct entry *found = find(in, entry->space, entry->collection, entry->key);
    if (found == NULL) {
        if (in->count == ENTRIES) {
            abort();
        }
        found = &in->items[in->count++];
    }
    *found = *entry;
}

static void drop(struct entries *from, struct entry *entry)
{
    *entry = from->items[--from->count];
}

static int order_of(const struct entry *a, const struct entry *b)
{
    int order = strcmp(a->space, b->space);
    if (order == 0) {
        order = strcmp(a->collection == NULL ? "" : a->collection,
                       b->collection == NULL ? "" : b->collection);
    }
    return order != 0 ? order : strcmp(a->key, b->key);
}

static void sort(struct entries *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = i + 1; j < list->count; j++) {
            if (order_of(&list->items[j], &list->items[i]) < 0) {
                struct entry swapped = list->items[i];
                list->items[i] = list->items[j];
                list->items[j] = swapped;
            }
        }
    }
}

/* A public namespace as a range query sees it. */
static void view(struct entries *database, struct entries *batch, const char *space,
                 struct entries *seen)
{
    seen->count = 0;
    for (size_t i = 0; i < database->count; i++) {
        struct entry *entry = &database->items[i];
        if (entry->collection == NULL && same_text(entry->space, space) &&
            (batch == NULL || find(batch, space, NULL, entry->key) == NULL)) {
            set(seen, entry);
        }
    }
    for (size_t i = 0; batch != NULL && i < batch->count; i++) {
        struct entry *entry = &batch->items[i];
        if (entry->collection == NULL && same_text(entry->space, space) && entry->has_value) {
            set(seen, entry);
        }
    }
    sort(seen);
}

static size_t results(const struct entries *seen, const char *start, const char *end,
                      bool is_exhausted, const struct entry **found)
{
    size_t count = 0;
    for (size_t i = 0; i < seen->count; i++) {
        const struct entry *entry = &seen->items[i];
        if (strcmp(entry->key, start) >= 0 && (end[0] == '\0' || strcmp(entry->key, end) < 0)) {
            found[count++] = entry;
        }
    }
    for (size_t i = 0; i < seen->count && !is_exhausted; i++) {
        if (same_text(seen->items[i].key, end)) {
            found[count++] = &seen->items[i];
        }
    }
    return count;
}

/* ---- random sets ---- */

/* What the model remembers of a query beside what is in the set. */
static const char *text_of(struct fama_bytes bytes)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (fama_bytes_equal(bytes, text(keys[i]))) {
            return keys[i];
        }
    }
    abort();
}

static struct fama_read random_read(struct entries *database, const char *space,
                                    const char *collection)
{
    const char *key = keys[chance(COUNT(keys))];
    const struct entry *entry = find(database, space, collection, key);
    struct fama_read read = {.key = text(key)};
    if (chance(8) == 0) {
        read.has_version = chance(2) == 0;
        read.version = (struct fama_version){chance(5), chance(3)};
    } else if (entry != NULL) {
        read.has_version = true;
        read.version = entry->version;
    }
    return read;
}

static void add_range_query(struct made_sets *made, struct fama_namespace_set *to,
                            struct entries *database, const char *space)
{
    static struct entries seen;
    const struct entry *found[ENTRIES];
    const char *start = keys[chance(COUNT(keys))];
    const char *end = keys[chance(COUNT(keys))];
    view(database, NULL, space, &seen);
    size_t count = results(&seen, start, end, true, found);
    struct fama_range_query query = {.start_key = text(start), .is_exhausted = chance(2) == 0};
    if (!query.is_exhausted && count > 0) {
        count = 1 + chance(count);
        end = found[count - 1]->key;
    }
    query.end_key = text(end);
    query.kind = chance(3) == 0 ? FAMA_RANGE_MERKLE : FAMA_RANGE_RAW;
    query.reads = made_list(made, sizeof *query.reads);
    for (size_t i = 0; i < count; i++) {
        query.reads[query.read_count++] = (struct fama_read){
            .key = text(found[i]->key), .has_version = true, .version = found[i]->version};
    }
    if (chance(10) == 0 && count > 0) {
        query.read_count--;
    }
    if (query.kind == FAMA_RANGE_MERKLE) {
        struct fama_read_tree *tree = fama_read_tree_create(2);
        const uint8_t *hashes;
        for (size_t i = 0; i < query.read_count; i++) {
            CU_ASSERT_TRUE_FATAL(
                fama_read_tree_add(tree, query.reads[i].key, query.reads[i].version));
        }
        CU_ASSERT_TRUE_FATAL(fama_read_tree_finish(tree));
        query.max_degree = 2;
        query.max_level_hash_count = fama_read_tree_summary(tree, &query.max_level, &hashes);
        query.max_level_hashes = made_list(made, sizeof *query.max_level_hashes);
        for (size_t i = 0; i < query.max_level_hash_count; i++) {
            uint8_t *copy = made_list(made, FAMA_SHA256_BYTES);
            memcpy(copy, hashes + i * FAMA_SHA256_BYTES, FAMA_SHA256_BYTES);
            query.max_level_hashes[i] = fama_bytes(copy, FAMA_SHA256_BYTES);
        }
        fama_read_tree_destroy(tree);
    }
    to->range_queries[to->range_query_count++] = query;
}

#define FILL(made, to, database, space, collection)                                                \
    do {                                                                                           \
        for (uint64_t n = chance(3); n > 0; n--) {                                                 \
            (to)->reads[(to)->read_count++] = random_read(database, space, collection);            \
        }                                                                                          \
        for (uint64_t n = chance(4); n > 0; n--) {                                                 \
            struct fama_bytes filled = text(keys[chance(COUNT(keys))]);                            \
            if (chance(4) == 0) {                                                                  \
                MADE_DELETE(to, filled);                                                           \
            } else {                                                                               \
                MADE_WRITE(to, filled, text(values[chance(COUNT(values))]));                       \
            }                                                                                      \
        }                                                                                          \
        for (uint64_t n = chance(8) == 0 ? 1 + chance(2) : 0; n > 0; n--) {                        \
            struct fama_bytes filled = text(keys[chance(COUNT(keys))]);                            \
            MADE_METADATA(made, to, filled,                                                        \
                          chance(3) == 0 ? text("") : text(values[chance(COUNT(values))]));        \
        }                                                                                          \
    } while (0)

static void add_transaction(struct made_sets *made, struct entries *database)
{
    struct fama_transaction *transaction = made_transaction(made);
    size_t first = chance(COUNT(spaces));
    for (uint64_t i = 0; i < 1 + chance(2); i++) {
        const char *space = spaces[(first + i) % COUNT(spaces)];
        struct fama_namespace_set *to = made_namespace(made, transaction, text(space));
        FILL(made, to, database, space, NULL);
        if (chance(4) == 0) {
            add_range_query(made, to, database, space);
        }
        for (size_t j = 1; j < COUNT(collections); j++) {
            if (chance(6) == 0) {
                struct fama_collection_set *into = made_collection(made, to, text(collections[j]));
                FILL(made, into, database, space, collections[j]);
            }
        }
    }
    if (chance(10) == 0) {
        made->codes[made->block.count - 1] = FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE;
    }
}

/* ---- the model's judgement ---- */

static bool model_read_holds(struct entries *database, struct entries *batch, const char *space,
                             const char *collection, const struct fama_read *read)
{
    const char *key = text_of(read->key);
    if (find(batch, space, collection, key) != NULL) {
        return false;
    }
    const struct entry *entry = find(database, space, collection, key);
    if (entry == NULL || !read->has_version) {
        return entry == NULL && !read->has_version;
    }
    return entry->version.block == read->version.block &&
           entry->version.transaction == read->version.transaction;
}

static bool model_range_holds(struct entries *database, struct entries *batch, const char *space,
                              const struct fama_range_query *query)
{
    static struct entries seen;
    const struct entry *found[ENTRIES];
    view(database, batch, space, &seen);
    size_t count = results(&seen, text_of(query->start_key), text_of(query->end_key),
                           query->is_exhausted, found);
    if (query->kind == FAMA_RANGE_MERKLE && query->max_level_hash_count == 0) {
        return false; /* nobody makes a summary of so little */
    }
    if (count != query->read_count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fama_bytes_equal(text(found[i]->key), query->reads[i].key) ||
            !fama_version_equal(found[i]->version, query->reads[i].version)) {
            return false;
        }
    }
    return true;
}

static uint8_t model_reads(struct entries *database, struct entries *batch,
                           const struct fama_read_write_set *set)
{
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *of = &set->namespaces[i];
        char space[8] = "";
        memcpy(space, of->name.at, of->name.len);
        for (size_t j = 0; j < of->read_count; j++) {
            if (!model_read_holds(database, batch, space, NULL, &of->reads[j])) {
                return FAMA_TRANSACTION_MVCC_READ_CONFLICT;
            }
        }
        for (size_t j = 0; j < of->range_query_count; j++) {
            if (!model_range_holds(database, batch, space, &of->range_queries[j])) {
                return FAMA_TRANSACTION_PHANTOM_READ_CONFLICT;
            }
        }
        for (size_t j = 0; j < of->collection_count; j++) {
            char name[8] = "";
            memcpy(name, of->collections[j].name.at, of->collections[j].name.len);
            for (size_t k = 0; k < of->collections[j].read_count; k++) {
                if (!model_read_holds(database, batch, space, name, &of->collections[j].reads[k])) {
                    return FAMA_TRANSACTION_MVCC_READ_CONFLICT;
                }
            }
        }
    }
    return FAMA_TRANSACTION_VALID;
}

struct operation {
    int flags;
    bool has_value;
    struct fama_bytes value;
    const struct fama_metadata_write *metadata;
};

static void model_add(struct operation *operation, const char *key, const struct fama_write *writes,
                      size_t write_count, const struct fama_metadata_write *metadata,
                      size_t metadata_count)
{
    for (size_t i = 0; i < write_count; i++) {
        if (!fama_bytes_equal(writes[i].key, text(key))) {
            continue;
        }
        operation->flags += writes[i].is_delete ? 8 : 1;
        if (!writes[i].is_delete) {
            operation->value = writes[i].value;
            operation->has_value = true;
        }
    }
    for (size_t i = 0; i < metadata_count; i++) {
        if (!fama_bytes_equal(metadata[i].key, text(key))) {
            continue;
        }
        operation->flags += metadata[i].entry_count == 0 ? 4 : 2;
        if (metadata[i].entry_count > 0) {
            operation->metadata = &metadata[i];
        }
    }
}

/* What the whole transaction does to one key. */
static struct operation model_operation(const struct fama_read_write_set *set, const char *space,
                                        const char *collection, const char *key)
{
    struct operation operation = {0};
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *of = &set->namespaces[i];
        if (!fama_bytes_equal(of->name, text(space))) {
            continue;
        }
        if (collection == NULL) {
            model_add(&operation, key, of->writes, of->write_count, of->metadata_writes,
                      of->metadata_write_count);
        }
        for (size_t j = 0; j < of->collection_count; j++) {
            const struct fama_collection_set *in = &of->collections[j];
            if (fama_bytes_equal(in->name, text(collection == NULL ? "" : collection))) {
                model_add(&operation, key, in->writes, in->write_count, in->metadata_writes,
                          in->metadata_write_count);
            }
        }
    }
    operation.flags %= 256;
    return operation;
}

static void model_metadata(struct entry *entry, const struct fama_metadata_write *write)
{
    entry->metadata_len = 0;
    if (write != NULL) {
        struct fama_bytes value = write->entries[0].value;
        entry->metadata_len = (size_t)snprintf(
            entry->metadata, sizeof entry->metadata, "\x12%c\x0a\x01M\x12%c%.*s",
            (int)(5 + value.len), (int)value.len, (int)value.len, (const char *)value.at);
    }
}

/* False: Fabric crashes. */
static bool model_apply(struct entries *database, struct entries *batch, const struct entries *old,
                        const struct operation *operation, struct entry entry)
{
    const struct entry *latest =
        find((struct entries *)(uintptr_t)old, entry.space, entry.collection, entry.key);
    if (latest == NULL) {
        latest = find(database, entry.space, entry.collection, entry.key);
    }
    bool puts = (operation->flags & 1) != 0;
    if ((operation->flags & 8) != 0) {
        set(batch, &entry);
        return true;
    }
    entry.value = operation->value;
    entry.has_value = operation->has_value;
    model_metadata(&entry, operation->metadata);
    if (puts && (operation->flags & 6) != 0) {
        /* all is said */
    } else if (operation->flags == 0 || operation->flags == 1) {
        entry.metadata_len = latest == NULL ? 0 : latest->metadata_len;
        if (latest != NULL) {
            memcpy(entry.metadata, latest->metadata, sizeof entry.metadata);
        }
    } else if (latest == NULL) {
        return true;
    } else {
        entry.has_value = latest->has_value;
        entry.value = latest->value;
    }
    if (entry.has_value) {
        set(batch, &entry);
    }
    return entry.has_value;
}

static bool model_writes(struct entries *database, struct entries *batch,
                         const struct fama_read_write_set *read_write_set,
                         struct fama_version version)
{
    static struct entries old;
    old = *batch;
    for (size_t i = 0; i < COUNT(spaces); i++) {
        for (size_t j = 0; j + 1 < COUNT(collections); j++) { /* "" counts as public */
            for (size_t k = 0; k < COUNT(keys); k++) {
                struct operation operation =
                    model_operation(read_write_set, spaces[i], collections[j], keys[k]);
                struct entry entry = {.space = spaces[i],
                                      .collection = collections[j],
                                      .key = keys[k],
                                      .version = version};
                if (operation.flags != 0 &&
                    !model_apply(database, batch, &old, &operation, entry)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool model_judge(struct entries *database, struct entries *batch,
                        const struct made_sets *made, uint8_t *codes)
{
    batch->count = 0;
    memcpy(codes, made->codes, sizeof made->codes);
    for (size_t i = 0; i < made->block.count; i++) {
        const struct fama_read_write_set *of = &made->transactions[i].decoded.set;
        if (codes[i] == FAMA_TRANSACTION_VALID) {
            codes[i] = model_reads(database, batch, of);
        }
        if (codes[i] == FAMA_TRANSACTION_VALID &&
            !model_writes(database, batch, of,
                          (struct fama_version){made->block.block.number, i})) {
            return false;
        }
    }
    return true;
}

static void model_commit(struct entries *database, const struct entries *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->items[i];
        struct entry *old = find(database, entry->space, entry->collection, entry->key);
        if (entry->has_value) {
            set(database, entry);
        } else if (old != NULL) {
            drop(database, old);
        }
    }
}

static void put_field(uint8_t *at, size_t *len, uint8_t tag, const char *bytes, size_t count)
{
    if (count > 0) {
        at[(*len)++] = tag;
        at[(*len)++] = (uint8_t)count;
        memcpy(at + *len, bytes, count);
        *len += count;
    }
}

static void put_version(uint8_t *at, size_t *len, uint64_t number)
{
    at[(*len)++] = number > 0;
    if (number > 0) {
        at[(*len)++] = (uint8_t)number;
    }
}

static void model_hash(struct entries *batch, const uint8_t *codes, size_t count,
                       uint8_t hash[FAMA_SHA256_BYTES])
{
    static uint8_t bytes[ENTRIES * 128];
    size_t len = 0;
    const char *space = "";
    const char *collection = "";
    bytes[len++] = (uint8_t)count;
    memcpy(bytes + len, codes, count);
    len += count;
    sort(batch);
    for (size_t i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->items[i];
        const char *of = entry->collection == NULL ? "" : entry->collection;
        bool is_new = strcmp(entry->space, space) != 0;
        uint8_t write[128];
        uint8_t version[4];
        size_t write_len = 0;
        size_t version_len = 0;
        put_version(version, &version_len, entry->version.block);
        put_version(version, &version_len, entry->version.transaction);
        if (is_new) {
            put_field(write, &write_len, 0x0a, entry->space, strlen(entry->space));
        }
        if (is_new || strcmp(of, collection) != 0) {
            put_field(write, &write_len, 0x12, of, strlen(of));
        }
        put_field(write, &write_len, 0x1a, entry->key, strlen(entry->key));
        if (entry->has_value) {
            put_field(write, &write_len, 0x2a, (const char *)entry->value.at, entry->value.len);
        } else {
            write[write_len++] = 0x20;
            write[write_len++] = 1;
        }
        put_field(write, &write_len, 0x32, (const char *)version, version_len);
        put_field(bytes, &len, 0x0a, (const char *)write, write_len);
        space = entry->space;
        collection = of;
    }
    fama_sha256(fama_bytes(bytes, len), hash);
}

/* ---- side by side ---- */

static struct fama_error failure;

static bool agrees(struct fama_state *state, struct entries *database)
{
    for (size_t i = 0; i < COUNT(spaces); i++) {
        for (size_t j = 0; j < COUNT(collections); j++) {
            for (size_t k = 0; k < COUNT(keys); k++) {
                const struct entry *known = find(database, spaces[i], collections[j], keys[k]);
                const struct fama_state_name name = {
                    .space = text(spaces[i]),
                    .collection = text(collections[j] == NULL ? "" : collections[j]),
                    .is_hashed = collections[j] != NULL,
                    .key = text(keys[k]),
                };
                struct fama_state_entry entry;
                if (fama_state_get(state, &name, &entry, &failure) != 0 ||
                    entry.exists != (known != NULL) ||
                    (known != NULL &&
                     (!fama_bytes_equal(entry.value, known->value) ||
                      !fama_version_equal(entry.version, known->version) ||
                      !fama_bytes_equal(entry.metadata,
                                        fama_bytes(known->metadata, known->metadata_len))))) {
                    fprintf(stderr, "%s/%s/%s differs\n", spaces[i],
                            collections[j] == NULL ? "-" : collections[j], keys[k]);
                    return false;
                }
            }
        }
    }
    return true;
}

/* Judges one random block on both sides; false ends the run. */
static bool run_block(struct fama_state *state, struct entries *database, uint64_t number,
                      size_t counts[2])
{
    static struct entries batch;
    uint8_t codes[MADE_TRANSACTIONS_MAX];
    uint8_t expected[FAMA_SHA256_BYTES];
    uint8_t hash[FAMA_SHA256_BYTES];
    struct made_sets *made = made_sets(number);
    struct fama_verify_job good = {.verdict = FAMA_VERDICT_GOOD};
    for (uint64_t i = 1 + chance(6); i > 0; i--) {
        add_transaction(made, database);
    }
    bool survives = model_judge(database, &batch, made, codes);
    for (size_t i = 0; i < made->block.count; i++) { /* some are read ahead */
        made->transactions[i].creator.job = chance(2) == 0 ? &good : NULL;
    }
    CU_ASSERT_EQUAL(fama_mvcc_prefetch(&made->block, state, &failure), 0);
    fama_state_begin_block(state, number);
    int status = fama_mvcc_judge(&made->block, state, &failure);
    bool is_same = status == (survives ? 0 : FAMA_MVCC_HALT);
    if (is_same && survives) {
        is_same = memcmp(codes, made->codes, made->block.count) == 0;
        model_hash(&batch, codes, made->block.count, expected);
        is_same = is_same &&
                  fama_commit_hash(state, made->codes, made->block.count, fama_bytes(NULL, 0),
                                   hash) == 0 &&
                  memcmp(hash, expected, sizeof hash) == 0;
        model_commit(database, &batch);
        for (size_t i = 0; i < made->block.count; i++) {
            counts[0] += codes[i] == FAMA_TRANSACTION_VALID;
            counts[1] += codes[i] == FAMA_TRANSACTION_PHANTOM_READ_CONFLICT;
        }
    } else {
        fama_state_abandon_block(state);
    }
    made_sets_free(made);
    is_same = is_same && agrees(state, database);
    if (!is_same) {
        fprintf(stderr, "block %" PRIu64 " differs\n", number);
    }
    return is_same;
}

static void run(struct stored_state *stored, size_t rounds)
{
    static struct entries database;
    size_t counts[2] = {0};
    for (size_t round = 0; round < rounds; round++) {
        database.count = 0;
        struct fama_state *state = fama_state_create(stored == NULL ? NULL : &stored->states);
        CU_ASSERT_PTR_NOT_NULL_FATAL(state);
        for (uint64_t number = 0; number < BLOCKS; number++) {
            if (!run_block(state, &database, number, counts)) {
                CU_FAIL_FATAL("state and model differ");
            }
            if (stored != NULL && chance(4) == 0) {
                stored_state_write(stored, state, NULL);
            }
        }
        if (stored != NULL) {
            /* Leaves the store empty for the next round. */
            for (size_t i = 0; i < database.count; i++) {
                const struct entry *entry = &database.items[i];
                const struct fama_state_name name = {
                    .space = text(entry->space),
                    .collection = text(entry->collection == NULL ? "" : entry->collection),
                    .is_hashed = entry->collection != NULL,
                    .key = text(entry->key),
                };
                const struct fama_state_entry nothing = {0};
                CU_ASSERT_EQUAL(fama_state_put(state, &name, &nothing, &failure), 0);
            }
            stored_state_write(stored, state, NULL);
        }
        fama_state_destroy(state);
    }
    /* So random that nothing happens would prove nothing. */
    CU_ASSERT_TRUE(counts[0] > rounds * BLOCKS / 2);
    CU_ASSERT_TRUE(counts[1] > rounds / 2);
}

static void test_one_group_does_what_the_model_does(void)
{
    random_state = test_seed("one group") | 1;
    run(NULL, ROUNDS);
}

static void test_groups_written_to_a_store_do_what_the_model_does(void)
{
    struct stored_state stored;
    random_state = test_seed("groups and a store") | 1;
    stored_state_open(&stored);
    run(&stored, ROUNDS);
    stored_state_close(&stored);
}

/* Where no key of a namespace has metadata yet, what is written blindly is not looked up. */
static void test_a_store_that_knows_its_metadata_does_what_the_model_does(void)
{
    struct stored_state stored;
    random_state = test_seed("known metadata") | 1;
    stored_state_open(&stored);
    for (int i = 0; i < 10; i++) { /* soon all have some */
        fama_metadata_spaces_begin(&stored.states.metadata);
        run(&stored, ROUNDS / 10);
    }
    stored_state_close(&stored);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_one_group_does_what_the_model_does),
        TEST(test_groups_written_to_a_store_do_what_the_model_does),
        TEST(test_a_store_that_knows_its_metadata_does_what_the_model_does),
    };
    return run_suite("mvcc against a model", cases, sizeof cases / sizeof cases[0]);
}
