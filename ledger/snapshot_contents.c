#include "ledger/snapshot_contents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/collection_package.h"
#include "ledger/config_history.h"
#include "ledger/proto_reader.h"
#include "ledger/state_store.h"

#define PROGRESS_EVERY 100000u /* items */
#define MARK_BYTES     3       /* of "$$h" and "$$p" */

/* Bytes that stay when the reader's next item comes. */
struct kept {
    uint8_t *at;
    size_t len;
    size_t capacity;
};

struct walk {
    const struct fama_snapshot_metadata *metadata;
    const struct fama_snapshot_visitor *visitor;
    const struct fama_snapshot_progress *progress;
    struct fama_snapshot_reader data;
    struct fama_snapshot_reader count;
    enum fama_snapshot_part part;
    uint64_t items;
    struct kept space;    /* the namespace */
    struct kept current;  /* the key in order */
    struct kept previous; /* and the one before it */
    bool has_config;      /* the channel's configuration has come by */
};

void fama_snapshot_progress_tell(const struct fama_snapshot_progress *progress, const char *part,
                                 uint64_t items)
{
    if (progress != NULL && progress->report != NULL) {
        progress->report(progress->context, part, items);
    }
}

static size_t find_mark(struct fama_bytes space, const char *mark)
{
    for (size_t i = 0; i + MARK_BYTES <= space.len; i++) {
        if (memcmp(space.at + i, mark, MARK_BYTES) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool fama_snapshot_space_is_hashed(struct fama_bytes space)
{
    return find_mark(space, "$$h") != SIZE_MAX;
}

bool fama_snapshot_space_is_private(struct fama_bytes space)
{
    return find_mark(space, "$$p") != SIZE_MAX;
}

static int damaged(struct walk *walk, struct fama_error *error, const char *words)
{
    char where[256];
    (void)snprintf(where, sizeof where, "%s (item %" PRIu64 ")", words, walk->items);
    return fama_snapshot_reader_damaged(&walk->data, error, where);
}

static int keep(struct walk *walk, struct kept *kept, struct fama_bytes bytes,
                struct fama_error *error)
{
    size_t wanted = kept->len + bytes.len;
    if (wanted > kept->capacity) {
        uint8_t *at = realloc(kept->at, 2 * wanted);
        if (at == NULL) {
            return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY,
                                  "snapshot file %.300s: out of memory", walk->data.path);
        }
        kept->at = at;
        kept->capacity = 2 * wanted;
    }
    if (bytes.len > 0) {
        memcpy(kept->at + kept->len, bytes.at, bytes.len);
    }
    kept->len = wanted;
    return 0;
}

static void forget(struct kept *kept)
{
    kept->len = 0;
}

static struct fama_bytes view(const struct kept *kept)
{
    return fama_bytes(kept->at, kept->len);
}

/* The current key becomes the previous one. */
static void step(struct walk *walk)
{
    struct kept old = walk->previous;
    walk->previous = walk->current;
    walk->current = old;
    forget(&walk->current);
    walk->items++;
    if (walk->items % PROGRESS_EVERY == 0) {
        fama_snapshot_progress_tell(walk->progress, fama_snapshot_data_name(walk->part),
                                    walk->items);
    }
}

/* ---- Transaction ids ---- */

static int visit_txid(struct walk *walk, struct fama_error *error)
{
    struct fama_bytes txid;
    int status = fama_snapshot_reader_bytes(&walk->data, &txid, error);
    if (status != 0) {
        return status;
    }
    if (txid.len == 0 || !fama_proto_is_utf8(txid)) {
        return damaged(walk, error, "a transaction id is empty or no text");
    }
    if (txid.len < walk->previous.len ||
        (txid.len == walk->previous.len && fama_bytes_compare(txid, view(&walk->previous)) <= 0)) {
        return damaged(walk, error, "transaction ids are not in order");
    }
    status = keep(walk, &walk->current, txid, error);
    if (status == 0 && walk->visitor != NULL && walk->visitor->txid != NULL) {
        status = walk->visitor->txid(walk->visitor->context, txid, error);
    }
    return status;
}

/* ---- History of collections ---- */

static int check_package(struct walk *walk, struct fama_bytes package, struct fama_error *error)
{
    struct fama_arena arena;
    struct fama_collection_package decoded;
    fama_arena_init(&arena, FAMA_COLLECTION_PACKAGE_ARENA(package.len));
    int status = fama_collection_package_decode(package, &arena, &decoded);
    size_t count = status == 0 ? decoded.count : 0;
    fama_arena_clear(&arena);
    return status == 0 && count > 0
               ? 0
               : damaged(walk, error, "an entry is no configuration of collections");
}

static int visit_config_history(struct walk *walk, struct fama_error *error)
{
    struct fama_bytes key;
    struct fama_bytes package;
    struct fama_bytes chaincode;
    uint64_t number;
    int status = fama_snapshot_reader_bytes(&walk->data, &key, error);
    if (status == 0) {
        status = keep(walk, &walk->current, key, error);
    }
    if (status != 0) {
        return status;
    }
    key = view(&walk->current);
    if (!fama_config_history_key_decode(key, &chaincode, &number) ||
        number > walk->metadata->last_block) {
        return damaged(walk, error, "a key names no collections, or a block after the last");
    }
    if (walk->items > 0 && fama_bytes_compare(key, view(&walk->previous)) <= 0) {
        return damaged(walk, error, "keys are not in order");
    }
    status = fama_snapshot_reader_bytes(&walk->data, &package, error);
    if (status == 0) {
        status = check_package(walk, package, error);
    }
    if (status == 0 && walk->visitor != NULL && walk->visitor->config_history != NULL) {
        status = walk->visitor->config_history(walk->visitor->context, key, package, error);
    }
    return status;
}

/* ---- State ---- */

/* The four fields of SnapshotRecord, each at most once. */
static bool read_record(struct fama_bytes record, struct fama_bytes fields[4])
{
    struct fama_proto_reader reader = fama_proto_reader(record);
    struct fama_proto_field field;
    bool is_seen[4] = {false};
    memset(fields, 0, 4 * sizeof fields[0]);
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number < 1 || field.number > 4 ||
            is_seen[field.number - 1]) {
            return false;
        }
        is_seen[field.number - 1] = true;
        fields[field.number - 1] = field.value;
    }
    return !reader.failed;
}

/* Exactly as it is encoded: a version of another form would change the state's hash. */
static bool read_version(struct fama_bytes bytes, struct fama_version *version)
{
    uint8_t again[2 * FAMA_ORDERED_NUMBER_MAX];
    size_t first = fama_ordered_number_decode(bytes, &version->block);
    if (first == 0 || fama_ordered_number_decode(fama_bytes(bytes.at + first, bytes.len - first),
                                                 &version->transaction) == 0) {
        return false;
    }
    size_t len = fama_ordered_number_encode(version->block, again);
    len += fama_ordered_number_encode(version->transaction, again + len);
    return fama_bytes_equal(bytes, fama_bytes(again, len));
}

static int set_names(struct walk *walk, struct fama_snapshot_state *state, struct fama_bytes key,
                     struct fama_error *error)
{
    struct fama_bytes space = view(&walk->space);
    int status = keep(walk, &walk->current, space, error);
    if (status == 0) {
        status = keep(walk, &walk->current, fama_bytes("", 1), error);
    }
    if (status == 0) {
        status = keep(walk, &walk->current, key, error);
    }
    state->stored_key = view(&walk->current);
    size_t mark = find_mark(space, "$$h");
    state->name = (struct fama_state_name){.space = space, .key = key};
    if (mark != SIZE_MAX) {
        state->name.is_hashed = true;
        state->name.space = fama_bytes(space.at, mark);
        state->name.collection =
            fama_bytes(space.at + mark + MARK_BYTES, space.len - mark - MARK_BYTES);
    }
    return status;
}

static int visit_state(struct walk *walk, struct fama_error *error)
{
    struct fama_bytes record;
    struct fama_bytes fields[4];
    struct fama_snapshot_state state = {.entry.exists = true};
    int status = fama_snapshot_reader_bytes(&walk->data, &record, error);
    if (status != 0) {
        return status;
    }
    if (!read_record(record, fields) || !read_version(fields[3], &state.entry.version)) {
        return damaged(walk, error, "a key's record or version does not decode");
    }
    if (state.entry.version.block > walk->metadata->last_block) {
        return damaged(walk, error, "a key was written after the last block");
    }
    state.entry.value = fields[1];
    state.entry.metadata = fields[2];
    if (!fama_proto_is_message(state.entry.metadata)) {
        return damaged(walk, error, "a key's metadata does not decode");
    }
    status = set_names(walk, &state, fields[0], error);
    if (status != 0) {
        return status;
    }
    if (!walk->metadata->is_couchdb && walk->items > 0 &&
        fama_bytes_compare(state.stored_key, view(&walk->previous)) <= 0) {
        return damaged(walk, error, "keys are not in order");
    }
    walk->has_config =
        walk->has_config ||
        (walk->space.len == 0 && fama_bytes_equal_text(fields[0], FAMA_SNAPSHOT_CONFIG_KEY));
    if (walk->visitor != NULL && walk->visitor->state != NULL) {
        status = walk->visitor->state(walk->visitor->context, &state, error);
    }
    return status;
}

/* The metadata file's next row: a namespace, which must fit the part and follow the one before. */
static int next_space(struct walk *walk, bool is_first, uint64_t *keys, struct fama_error *error)
{
    struct fama_bytes space;
    int status = fama_snapshot_reader_bytes(&walk->count, &space, error);
    if (status != 0) {
        return status;
    }
    bool is_hashed = walk->part == FAMA_SNAPSHOT_PRIVATE_HASHES;
    size_t mark = find_mark(space, "$$h");
    size_t rest = mark + MARK_BYTES;
    if ((mark != SIZE_MAX) != is_hashed ||
        (is_hashed &&
         find_mark(fama_bytes(space.at + rest, space.len - rest), "$$h") != SIZE_MAX) ||
        fama_snapshot_space_is_private(space) || !fama_proto_is_utf8(space) ||
        (space.len > 0 && memchr(space.at, 0, space.len) != NULL)) {
        return fama_snapshot_reader_damaged(&walk->count, error,
                                            "a namespace has no place in this file");
    }
    /* As stored keys compare: with the 00 behind. A text's own end is lower than any letter. */
    if (!is_first && fama_bytes_compare(space, view(&walk->space)) <= 0) {
        return fama_snapshot_reader_damaged(&walk->count, error, "namespaces are not in order");
    }
    forget(&walk->space);
    status = keep(walk, &walk->space, space, error);
    if (status == 0) {
        status = fama_snapshot_reader_number(&walk->count, keys, error);
    }
    if (status == 0 && *keys == 0) {
        status = fama_snapshot_reader_damaged(&walk->count, error, "a namespace without keys");
    }
    return status;
}

static int walk_state(struct walk *walk, struct fama_error *error)
{
    uint64_t spaces;
    int status = fama_snapshot_reader_number(&walk->count, &spaces, error);
    for (uint64_t space = 0; space < spaces && status == 0; space++) {
        uint64_t keys = 0;
        status = next_space(walk, space == 0, &keys, error);
        for (uint64_t key = 0; key < keys && status == 0; key++) {
            status = visit_state(walk, error);
            step(walk);
        }
    }
    return status;
}

static int walk_items(struct walk *walk, struct fama_error *error)
{
    uint64_t count;
    int status = fama_snapshot_reader_number(&walk->count, &count, error);
    for (uint64_t item = 0; item < count && status == 0; item++) {
        status = walk->part == FAMA_SNAPSHOT_TXIDS ? visit_txid(walk, error)
                                                   : visit_config_history(walk, error);
        step(walk);
    }
    return status;
}

static int open_file(const char *directory, const char *name, struct fama_snapshot_reader *reader,
                     struct fama_error *error)
{
    int status = fama_snapshot_reader_open(directory, name, reader, error);
    if (status == FAMA_SNAPSHOT_NOT_FOUND) {
        return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                              "snapshot %.300s is damaged: its file %s is missing; copy the "
                              "snapshot again from where it came",
                              directory, name);
    }
    return status;
}

static int walk_part(struct walk *walk, const char *directory, enum fama_snapshot_part part,
                     struct fama_error *error)
{
    const struct fama_snapshot_part_hashes *hashes = &walk->metadata->parts[part];
    if (!hashes->is_there) {
        return 0;
    }
    walk->part = part;
    walk->items = 0;
    forget(&walk->space);
    forget(&walk->current);
    forget(&walk->previous);
    walk->data.fd = -1;
    walk->count.fd = -1;
    int status = open_file(directory, fama_snapshot_data_name(part), &walk->data, error);
    if (status != 0) {
        return status;
    }
    status = open_file(directory, fama_snapshot_count_name(part), &walk->count, error);
    if (status == 0) {
        bool is_state = part == FAMA_SNAPSHOT_PUBLIC_STATE || part == FAMA_SNAPSHOT_PRIVATE_HASHES;
        status = is_state ? walk_state(walk, error) : walk_items(walk, error);
    }
    if (status == 0) {
        status = fama_snapshot_reader_finish(&walk->count, hashes->count, error);
    }
    if (status == 0) {
        status = fama_snapshot_reader_finish(&walk->data, hashes->data, error);
    }
    if (status == 0) {
        fama_snapshot_progress_tell(walk->progress, fama_snapshot_data_name(part), walk->items);
    }
    fama_snapshot_reader_close(&walk->count);
    fama_snapshot_reader_close(&walk->data);
    return status;
}

int fama_snapshot_walk(const char *directory, const struct fama_snapshot_metadata *metadata,
                       const struct fama_snapshot_visitor *visitor,
                       const struct fama_snapshot_progress *progress, struct fama_error *error)
{
    static const enum fama_snapshot_part order[] = {
        FAMA_SNAPSHOT_TXIDS, FAMA_SNAPSHOT_CONFIG_HISTORY, FAMA_SNAPSHOT_PUBLIC_STATE,
        FAMA_SNAPSHOT_PRIVATE_HASHES};
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL) {
        return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY, "snapshot %.300s: out of memory",
                              directory);
    }
    walk->metadata = metadata;
    walk->visitor = visitor;
    walk->progress = progress;
    int status = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0] && status == 0; i++) {
        status = walk_part(walk, directory, order[i], error);
    }
    if (status == 0 && !walk->has_config) {
        status = fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                                "snapshot %.300s is damaged: its public state lacks the channel's "
                                "configuration; copy the snapshot again from where it came",
                                directory);
    }
    free(walk->space.at);
    free(walk->current.at);
    free(walk->previous.at);
    free(walk);
    return status;
}
