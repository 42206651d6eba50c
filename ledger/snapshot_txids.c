/* Transaction ids in Fabric's order: by length, then bytes. */
#include <inttypes.h>
#include <stdlib.h>

#include "ledger/indexed_txid.h"
#include "ledger/snapshot_export.h"

#define KIND_HEX   'h' /* the first byte of keys in `txid`, ledger/ledger_layout.h */
#define KIND_TEXT  't'
#define KIND_LONG  's'
#define USUAL_LEN  ((size_t)64)
#define LENGTH_MAX ((size_t)FAMA_LEDGER_TXID_TEXT_MAX)

_Static_assert(FAMA_LEDGER_TXID_TEXT_MAX == 64, "texts are no longer than the usual id");

/* The keys of one kind, without that byte. */
struct kind {
    rocksdb_iterator_t *keys;
    char letter;
    struct fama_bytes key; /* what stands behind the letter; `at` NULL at the end */
};

static void look(struct kind *kind)
{
    kind->key = fama_bytes(NULL, 0);
    if (rocksdb_iter_valid(kind->keys)) {
        size_t len;
        const char *key = rocksdb_iter_key(kind->keys, &len);
        if (len > 0 && key[0] == kind->letter) {
            kind->key = fama_bytes(key + 1, len - 1);
        }
    }
}

static struct kind open_kind(const struct fama_snapshot_view *view, char letter)
{
    const struct fama_store *store = &view->ledger->store;
    struct kind kind = {.letter = letter,
                        .keys = rocksdb_create_iterator_cf(store->db, view->reading,
                                                           store->families[FAMA_STORE_TXID])};
    rocksdb_iter_seek(kind.keys, &letter, 1);
    look(&kind);
    return kind;
}

static void advance(struct kind *kind)
{
    rocksdb_iter_next(kind->keys);
    look(kind);
}

static int close_kind(const struct fama_snapshot_view *view, struct kind *kind, int status,
                      struct fama_error *error)
{
    if (status == 0) {
        status = fama_snapshot_iterator_status(view, kind->keys, error);
    }
    rocksdb_iter_destroy(kind->keys);
    return status;
}

static int damaged(const struct fama_snapshot_view *view, struct fama_error *error)
{
    (void)fama_ledger_damaged(view->ledger, error,
                              "an entry of its index of transactions is damaged");
    return FAMA_SNAPSHOT_LEDGER;
}

static int write_txid(const struct fama_snapshot_view *view, struct fama_snapshot_list *list,
                      struct fama_bytes txid, struct fama_error *error)
{
    int status = fama_snapshot_list_begin_item(view, list, error);
    return status == 0 ? fama_snapshot_writer_bytes(&list->data, txid, error) : status;
}

/* Which lengths occur among the texts. */
static int find_lengths(const struct fama_snapshot_view *view, bool lengths[LENGTH_MAX + 1],
                        struct fama_error *error)
{
    struct kind texts = open_kind(view, KIND_TEXT);
    int status = 0;
    for (; texts.key.at != NULL && status == 0; advance(&texts)) {
        if (texts.key.len == 0 || texts.key.len > LENGTH_MAX) {
            status = damaged(view, error);
        } else {
            lengths[texts.key.len] = true;
        }
    }
    return close_kind(view, &texts, status, error);
}

static int write_length(const struct fama_snapshot_view *view, struct fama_snapshot_list *list,
                        size_t len, struct fama_error *error)
{
    struct kind texts = open_kind(view, KIND_TEXT);
    int status = 0;
    for (; texts.key.at != NULL && status == 0; advance(&texts)) {
        if (texts.key.len == len) {
            status = write_txid(view, list, texts.key, error);
        }
    }
    return close_kind(view, &texts, status, error);
}

/* The usual ids, and texts of the same length between them. */
static int write_usual(const struct fama_snapshot_view *view, struct fama_snapshot_list *list,
                       struct fama_error *error)
{
    struct kind digests = open_kind(view, KIND_HEX);
    struct kind texts = open_kind(view, KIND_TEXT);
    int status = 0;
    while (status == 0 && (digests.key.at != NULL || texts.key.at != NULL)) {
        if (texts.key.at != NULL && texts.key.len != USUAL_LEN) {
            advance(&texts);
            continue;
        }
        if (digests.key.at != NULL && digests.key.len != FAMA_SHA256_BYTES) {
            status = damaged(view, error);
            break;
        }
        char digits[FAMA_SHA256_TEXT_BYTES] = "";
        if (digests.key.at != NULL) {
            fama_sha256_text(digests.key.at, digits);
        }
        bool is_text = digests.key.at == NULL ||
                       (texts.key.at != NULL && memcmp(texts.key.at, digits, USUAL_LEN) < 0);
        if (is_text) {
            status = write_txid(view, list, texts.key, error);
            advance(&texts);
        } else {
            status = write_txid(view, list, fama_bytes(digits, USUAL_LEN), error);
            advance(&digests);
        }
    }
    status = close_kind(view, &digests, status, error);
    return close_kind(view, &texts, status, error);
}

/* ---- Ids that are stored by their hash ---- */

struct long_txid {
    uint8_t *at;
    size_t len;
};

struct long_txids {
    struct long_txid *items;
    size_t count;
    size_t capacity;
    size_t bytes;
};

static int out_of_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY, "making a snapshot: out of memory");
}

static int add_long(struct long_txids *txids, struct fama_bytes txid, struct fama_error *error)
{
    if (txid.len > FAMA_SNAPSHOT_LONG_TXIDS_MAX - txids->bytes) {
        return fama_error_set(error, FAMA_SNAPSHOT_LEDGER,
                              "making a snapshot: transaction ids longer than any honest one take "
                              "more than %zu bytes together; no snapshots of this channel are made",
                              FAMA_SNAPSHOT_LONG_TXIDS_MAX);
    }
    if (txids->count == txids->capacity) {
        size_t capacity = 2 * txids->capacity + 16;
        struct long_txid *items = realloc(txids->items, capacity * sizeof items[0]);
        if (items == NULL) {
            return out_of_memory(error);
        }
        txids->items = items;
        txids->capacity = capacity;
    }
    uint8_t *copy = malloc(txid.len + 1);
    if (copy == NULL) {
        return out_of_memory(error);
    }
    memcpy(copy, txid.at, txid.len);
    txids->items[txids->count++] = (struct long_txid){.at = copy, .len = txid.len};
    txids->bytes += txid.len;
    return 0;
}

/* From the block where it stands. */
static int add_from_block(const struct fama_snapshot_view *view, uint64_t number, uint32_t index,
                          struct long_txids *txids, struct fama_error *error)
{
    uint8_t *bytes;
    size_t len;
    if (fama_ledger_block(view->ledger, number, &bytes, &len, error) != 0) {
        return FAMA_SNAPSHOT_LEDGER;
    }
    struct fama_block block;
    char computed[FAMA_SHA256_TEXT_BYTES];
    int status;
    if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED ||
        index >= block.envelope_count) {
        status = damaged(view, error);
    } else {
        status = add_long(txids, fama_indexed_txid(block.envelopes[index], computed), error);
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return status;
}

/* From beside the snapshot that the ledger began with. */
static int add_from_origin(const struct fama_snapshot_view *view, struct fama_bytes hash,
                           struct long_txids *txids, struct fama_error *error)
{
    static const char prefix[] = FAMA_LEDGER_LONG_TXID_PREFIX;
    uint8_t key[sizeof prefix - 1 + FAMA_SHA256_BYTES];
    memcpy(key, prefix, sizeof prefix - 1);
    memcpy(key + sizeof prefix - 1, hash.at, FAMA_SHA256_BYTES);
    rocksdb_pinnableslice_t *value;
    if (fama_ledger_read(view->ledger, FAMA_STORE_META, fama_bytes(key, sizeof key),
                         "making a snapshot", &value, error) != 0) {
        return FAMA_SNAPSHOT_LEDGER;
    }
    if (value == NULL) {
        return damaged(view, error);
    }
    int status = add_long(txids, fama_ledger_pinned(value), error);
    rocksdb_pinnableslice_destroy(value);
    return status;
}

static int collect_long(const struct fama_snapshot_view *view, struct long_txids *txids,
                        struct fama_error *error)
{
    struct kind hashes = open_kind(view, KIND_LONG);
    int status = 0;
    for (; hashes.key.at != NULL && status == 0; advance(&hashes)) {
        size_t len;
        const char *record = rocksdb_iter_value(hashes.keys, &len);
        uint64_t number;
        uint32_t index;
        if (hashes.key.len != FAMA_SHA256_BYTES ||
            !fama_ledger_location_decode(fama_bytes(record, len), &number, &index)) {
            status = damaged(view, error);
        } else {
            status = index == FAMA_LEDGER_ORIGIN_INDEX
                         ? add_from_origin(view, hashes.key, txids, error)
                         : add_from_block(view, number, index, txids, error);
        }
    }
    return close_kind(view, &hashes, status, error);
}

static int by_length(const void *left, const void *right)
{
    const struct long_txid *a = left;
    const struct long_txid *b = right;
    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }
    return memcmp(a->at, b->at, a->len);
}

static int write_long(const struct fama_snapshot_view *view, struct fama_snapshot_list *list,
                      struct fama_error *error)
{
    struct long_txids txids = {0};
    int status = collect_long(view, &txids, error);
    if (txids.count > 0) {
        qsort(txids.items, txids.count, sizeof txids.items[0], by_length);
    }
    for (size_t i = 0; i < txids.count; i++) {
        if (status == 0) {
            status =
                write_txid(view, list, fama_bytes(txids.items[i].at, txids.items[i].len), error);
        }
        free(txids.items[i].at);
    }
    free(txids.items);
    return status;
}

int fama_snapshot_export_txids(const struct fama_snapshot_view *view,
                               struct fama_snapshot_part_hashes *hashes, struct fama_error *error)
{
    bool lengths[LENGTH_MAX + 1] = {false};
    struct fama_snapshot_list list = {.part = FAMA_SNAPSHOT_TXIDS};
    int status = find_lengths(view, lengths, error);
    for (size_t len = 1; len < USUAL_LEN && status == 0; len++) {
        if (lengths[len]) {
            status = write_length(view, &list, len, error);
        }
    }
    if (status == 0) {
        status = write_usual(view, &list, error);
    }
    if (status == 0) {
        status = write_long(view, &list, error);
    }
    return fama_snapshot_list_finish(view, &list, status, hashes, error);
}
