#include "ledger/commit_hash.h"

#include <stdlib.h>

#include "ledger/state_parts.h"
#include "ledger/state_store.h"
#include "ledger/varint.h"

#define VERSION_MAX  (2 * FAMA_ORDERED_NUMBER_MAX)
#define VALUES_AHEAD 4

/* The updates of one namespace or collection. */
struct family {
    const struct fama_state_space *space;
    size_t first, count;
};

/* Beginning of a key behind what all keys of its family share, so that most comparisons are of numbers. */
struct item {
    uint64_t start;
    const struct fama_state_update *update;
};

static int compare_bytes(struct fama_bytes a, struct fama_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.at, b.at, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_families(const void *a, const void *b)
{
    const struct fama_state_space *one = ((const struct family *)a)->space;
    const struct fama_state_space *other = ((const struct family *)b)->space;
    int order = compare_bytes(one->space, other->space);
    if (order == 0) {
        order = (int)one->is_hashed - (int)other->is_hashed;
    }
    return order != 0 ? order : compare_bytes(one->collection, other->collection);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *one = a;
    const struct item *other = b;
    if (one->start != other->start) {
        return one->start < other->start ? -1 : 1;
    }
    return compare_bytes(one->update->name.key, other->update->name.key);
}

static void sort_family(struct item *items, size_t count)
{
    struct fama_bytes first = items[0].update->name.key;
    size_t shared = first.len;
    for (size_t i = 1; i < count; i++) {
        struct fama_bytes key = items[i].update->name.key;
        size_t same = 0;
        shared = key.len < shared ? key.len : shared;
        while (same < shared && key.at[same] == first.at[same]) {
            same++;
        }
        shared = same;
    }
    for (size_t i = 0; i < count; i++) {
        struct fama_bytes key = items[i].update->name.key;
        items[i].start = 0;
        for (size_t j = 0; j < 8; j++) {
            /* A key that ends here sorts like one that goes on with 00, and is compared in full. */
            items[i].start = items[i].start << 8 | (shared + j < key.len ? key.at[shared + j] : 0);
        }
    }
    qsort(items, count, sizeof *items, compare_items);
}

/* Small pieces joined before they are hashed. */
struct writer {
    struct fama_sha256_stream stream;
    uint8_t buffer[4096];
    size_t len;
};

static void flush(struct writer *writer)
{
    fama_sha256_add(&writer->stream, fama_bytes(writer->buffer, writer->len));
    writer->len = 0;
}

static void write_bytes(struct writer *writer, struct fama_bytes bytes)
{
    if (bytes.len > sizeof writer->buffer - writer->len) {
        flush(writer);
        if (bytes.len > sizeof writer->buffer) {
            fama_sha256_add(&writer->stream, bytes);
            return;
        }
    }
    if (bytes.len > 0) {
        memcpy(writer->buffer + writer->len, bytes.at, bytes.len);
        writer->len += bytes.len;
    }
}

static void write_varint(struct writer *writer, uint64_t number)
{
    uint8_t digits[FAMA_VARINT_BYTES_MAX];
    write_bytes(writer, fama_bytes(digits, fama_varint_put(digits, number)));
}

static void write_field(struct writer *writer, uint8_t number, struct fama_bytes value)
{
    if (value.len > 0) {
        uint8_t tag = (uint8_t)(number << 3 | 2);
        write_bytes(writer, fama_bytes(&tag, 1));
        write_varint(writer, value.len);
        write_bytes(writer, value);
    }
}

static size_t field_bytes(struct fama_bytes value)
{
    return value.len == 0 ? 0 : 1 + fama_varint_len(value.len) + value.len;
}

/* One txmgr.KVWrite of txmgr.Updates. */
static void write_update(struct writer *writer, const struct fama_state_update *update,
                         struct fama_bytes space, struct fama_bytes collection)
{
    static const uint8_t head = 1 << 3 | 2;
    static const uint8_t is_delete[] = {4 << 3, 1};
    uint8_t digits[VERSION_MAX];
    size_t len = fama_ordered_number_encode(update->entry.version.block, digits);
    len += fama_ordered_number_encode(update->entry.version.transaction, digits + len);
    struct fama_bytes version = fama_bytes(digits, len);
    struct fama_bytes value = update->entry.value;
    write_bytes(writer, fama_bytes(&head, 1));
    write_varint(writer, field_bytes(space) + field_bytes(collection) +
                             field_bytes(update->name.key) +
                             (update->entry.exists ? 0 : sizeof is_delete) + field_bytes(value) +
                             field_bytes(version));
    write_field(writer, 1, space);
    write_field(writer, 2, collection);
    write_field(writer, 3, update->name.key);
    if (!update->entry.exists) {
        write_bytes(writer, fama_bytes(is_delete, sizeof is_delete));
    }
    write_field(writer, 5, value);
    write_field(writer, 6, version);
}

static const struct fama_state_space *space_of(const struct fama_state_update *update)
{
    return ((const struct fama_state_place *)update)->space;
}

/* Where the updates stand, by family; as many families as updates at most. */
struct order {
    struct family *families;
    size_t family_count;
    struct item *items;
};

/* Updates come in runs of one family, because a transaction writes them so. Runs are put in order and
 * those of one family joined. */
static bool order_updates(struct order *order, const struct fama_state_update *const *updates,
                          size_t count)
{
    size_t runs = 0;
    for (size_t i = 0; i < count; i++) {
        runs += i == 0 || space_of(updates[i]) != space_of(updates[i - 1]);
    }
    *order = (struct order){
        .families = malloc(runs * sizeof *order->families),
        .items = malloc(count * sizeof *order->items),
    };
    if (order->families == NULL || order->items == NULL) {
        return false;
    }
    struct family *families = order->families;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || space_of(updates[i]) != space_of(updates[i - 1])) {
            families[at++] = (struct family){.space = space_of(updates[i]), .first = i};
        }
        families[at - 1].count++;
    }
    qsort(families, runs, sizeof *families, compare_families);
    size_t placed = 0;
    for (size_t i = 0; i < runs; i++) {
        struct family run = families[i];
        for (size_t j = 0; j < run.count; j++) {
            order->items[placed + j].update = updates[run.first + j];
        }
        if (order->family_count > 0 && families[order->family_count - 1].space == run.space) {
            families[order->family_count - 1].count += run.count;
        } else {
            families[order->family_count++] =
                (struct family){.space = run.space, .first = placed, .count = run.count};
        }
        placed += run.count;
    }
    return true;
}

static void write_updates(struct writer *writer, const struct order *order)
{
    struct fama_bytes last = {0};
    for (size_t i = 0; i < order->family_count; i++) {
        const struct family *family = &order->families[i];
        struct item *items = order->items + family->first;
        struct fama_bytes space = family->space->space;
        struct fama_bytes collection = family->space->collection;
        if (space.len == 0) {
            continue; /* the channel's configuration, whose bytes Fabric does not trust to be the same */
        }
        if (fama_bytes_equal(space, last)) {
            space.len = 0;
        } else {
            last = space;
        }
        sort_family(items, family->count);
        for (size_t j = 0; j < family->count; j++) {
            if (j + VALUES_AHEAD < family->count) {
                __builtin_prefetch(items[j + VALUES_AHEAD].update->entry.value.at);
            }
            write_update(writer, items[j].update, space, collection);
            space.len = 0;
            collection.len = 0;
        }
    }
}

int fama_commit_hash(const struct fama_state *state, const uint8_t *codes, size_t count,
                     struct fama_bytes previous, uint8_t hash[FAMA_SHA256_BYTES])
{
    const struct fama_state_update *const *updates;
    size_t update_count = fama_state_block_updates(state, &updates);
    struct order order = {0};
    if (update_count > 0 && !order_updates(&order, updates, update_count)) {
        free(order.families);
        free(order.items);
        return FAMA_STATE_NO_MEMORY;
    }
    struct writer writer;
    writer.len = 0;
    fama_sha256_begin(&writer.stream);
    write_varint(&writer, count);
    write_bytes(&writer, fama_bytes(codes, count));
    write_updates(&writer, &order);
    write_bytes(&writer, previous);
    flush(&writer);
    fama_sha256_end(&writer.stream, hash);
    free(order.families);
    free(order.items);
    return 0;
}
