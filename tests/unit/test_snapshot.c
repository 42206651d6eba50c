/* Snapshots of a ledger with one of everything: made, read back, joined by, and spoiled. */
#include "ledger/snapshot.h"

#include "ledger/ledger_layout.h"
#include "ledger/ledger_origin.h"
#include "ledger/ledger_verify.h"
#include "unit/metadata_walk.h"
#include "unit/rich_ledger.h"

#define HEIGHT 21

static const char *const file_names[] = {
    FAMA_SNAPSHOT_SIGNABLE_NAME,
    FAMA_SNAPSHOT_ADDITIONAL_NAME,
    "confighistory.data",
    "confighistory.metadata",
    "private_state_hashes.data",
    "private_state_hashes.metadata",
    "public_state.data",
    "public_state.metadata",
    "txids.data",
    "txids.metadata",
};
#define FILES (sizeof file_names / sizeof file_names[0])

static void must(int status, const struct fama_error *error)
{
    if (status != 0) {
        fprintf(stderr, "\n    unexpected: %s\n", error->text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

static void must_say(int status, int expected, const struct fama_error *error, const char *words)
{
    if (status != expected || strstr(error->text, words) == NULL) {
        fprintf(stderr, "\n    wanted %d \"%s\", got %d: %s\n", expected, words, status,
                error->text);
    }
    CU_ASSERT_EQUAL(status, expected);
    CU_ASSERT(status == 0 || strstr(error->text, words) != NULL);
}

static struct fama_bytes load(const char *folder, const char *name)
{
    char path[2 * PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fama_bytes(NULL, 0);
    }
    struct growing content = {0};
    uint8_t piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
        grow(&content, piece, got);
    }
    (void)fclose(file);
    return fama_bytes(content.at, content.len);
}

static void release(struct fama_bytes bytes)
{
    free((void *)(uintptr_t)bytes.at);
}

static void save(const char *folder, const char *name, struct fama_bytes bytes)
{
    char path[2 * PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_FATAL(file != NULL &&
                    (bytes.len == 0 || fwrite(bytes.at, 1, bytes.len, file) == bytes.len));
    CU_ASSERT_EQUAL_FATAL(fclose(file), 0);
}

static void check_same_snapshots(const char *one, const char *other)
{
    for (size_t i = 0; i < FILES; i++) {
        struct fama_bytes a = load(one, file_names[i]);
        struct fama_bytes b = load(other, file_names[i]);
        if (a.len == 0 || !fama_bytes_equal(a, b)) {
            fprintf(stderr, "\n    %s differs\n", file_names[i]);
            CU_FAIL("snapshots differ");
        }
        release(a);
        release(b);
    }
}

/* The snapshot of a rich ledger of a height, made anew. */
static void snapshot_of(const char *ledger_folder, const char *folder)
{
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = open_or_explain(ledger_folder);
    must(fama_snapshot_create(ledger, folder, NULL, NULL, &error), &error);
    fama_ledger_close(ledger);
}

static char usual_snapshot[PATH_BYTES]; /* of HEIGHT blocks; made by the first test, read by all */

static void test_a_snapshot_of_everything_is_made(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "usual");
    make_rich_ledger(folder, HEIGHT);
    snapshot_of(folder, usual_snapshot);
    must(fama_snapshot_verify(usual_snapshot, NULL, NULL, &error), &error);
}

static bool count_schedules(const struct fama_store *store, struct growing *all)
{
    rocksdb_iterator_t *entries =
        rocksdb_create_iterator_cf(store->db, store->reading, store->families[FAMA_STORE_META]);
    bool found = false;
    for (rocksdb_iter_seek(entries, "expiry/", 7); rocksdb_iter_valid(entries);
         rocksdb_iter_next(entries)) {
        size_t len;
        const char *bytes = rocksdb_iter_key(entries, &len);
        if (len < 7 || memcmp(bytes, "expiry/", 7) != 0) {
            break;
        }
        found = true;
        grow(all, bytes, len);
        bytes = rocksdb_iter_value(entries, &len);
        grow(all, bytes, len);
    }
    rocksdb_iter_destroy(entries);
    return found;
}

static void test_a_snapshot_of_every_height_verifies_and_says_what_it_is(void)
{
    for (uint64_t height = 1; height <= 14; height++) {
        char name[32];
        char folder[PATH_BYTES];
        char made[PATH_BYTES];
        struct fama_error error = {{0}};
        struct fama_snapshot_metadata metadata;
        (void)snprintf(name, sizeof name, "growing-%d", (int)height);
        path_in(folder, scratch, "growing");
        path_in(made, scratch, name);
        make_rich_ledger(folder, height);
        snapshot_of(folder, made);
        must(fama_snapshot_verify(made, NULL, &metadata, &error), &error);
        CU_ASSERT_STRING_EQUAL(metadata.channel_id, "drivenet");
        CU_ASSERT_EQUAL(metadata.last_block, height - 1);
        CU_ASSERT_EQUAL(metadata.has_previous_hash, height > 1);
        CU_ASSERT_EQUAL(metadata.has_commit_hash, height > 1);
        CU_ASSERT(height == 1 || metadata.commit_hash[5] == (uint8_t)(height - 1));
        CU_ASSERT(!metadata.is_couchdb);
        /* What is empty has no file. */
        CU_ASSERT_EQUAL(metadata.parts[FAMA_SNAPSHOT_CONFIG_HISTORY].is_there, height > 1);
        CU_ASSERT_EQUAL(metadata.parts[FAMA_SNAPSHOT_PRIVATE_HASHES].is_there, height > 2);
    }
}

static void test_a_ledger_from_a_snapshot_makes_the_same_snapshot(void)
{
    char folder[PATH_BYTES];
    char again[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "imported");
    path_in(again, scratch, "imported-snapshot");
    must(fama_snapshot_import(usual_snapshot, folder, NULL, NULL, &error), &error);
    snapshot_of(folder, again);
    check_same_snapshots(usual_snapshot, again);
    struct fama_ledger *ledger = open_or_explain(folder);
    CU_ASSERT(walk_metadata(ledger) > 0);
    CU_ASSERT(may_have_metadata(ledger, "cc2"));
    CU_ASSERT_FALSE(may_have_metadata(ledger, "cc"));
    fama_ledger_close(ledger);
}

static void test_a_ledger_from_a_snapshot_goes_on_as_the_one_from_block_0(void)
{
    char whole[PATH_BYTES];
    char joined[PATH_BYTES];
    char snapshots[3][PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(whole, scratch, "whole");
    path_in(joined, scratch, "joined");
    path_in(snapshots[0], scratch, "whole-early");
    path_in(snapshots[1], scratch, "whole-late");
    path_in(snapshots[2], scratch, "joined-late");
    /* At block 12 the latest definition is that of block 7; keys put under that of block 1 end by the
     * latest where one joins, so that only later ones are comparable: from 16 on all are. */
    make_rich_ledger(whole, 18);
    snapshot_of(whole, snapshots[0]);
    must(fama_snapshot_import(snapshots[0], joined, NULL, NULL, &error), &error);
    struct rich one = rich_open(whole);
    struct rich other = rich_open(joined);
    for (int i = 0; i < 16; i++) {
        struct fama_ledger_info a;
        struct fama_ledger_info b;
        rich_commit(&one);
        rich_commit(&other);
        fama_ledger_info(one.ledger, &a);
        fama_ledger_info(other.ledger, &b);
        CU_ASSERT_EQUAL(a.height, b.height);
        CU_ASSERT_EQUAL(a.state_height, b.state_height);
        CU_ASSERT(memcmp(a.last_hash, b.last_hash, sizeof a.last_hash) == 0);
    }
    struct growing a = {0};
    struct growing b = {0};
    CU_ASSERT(count_schedules(fama_ledger_store(one.ledger), &a));
    CU_ASSERT(count_schedules(fama_ledger_store(other.ledger), &b));
    CU_ASSERT(fama_bytes_equal(fama_bytes(a.at, a.len), fama_bytes(b.at, b.len)));
    free(a.at);
    free(b.at);
    rich_close(&one);
    rich_close(&other);
    snapshot_of(whole, snapshots[1]);
    snapshot_of(joined, snapshots[2]);
    check_same_snapshots(snapshots[1], snapshots[2]);
}

/* Blocks 1, 7, 13 and 19 define collections; every block is tried behind the one before it, and given up. */
static void test_a_block_that_was_given_up_leaves_no_trace(void)
{
    char folders[2][PATH_BYTES];
    char snapshots[2][PATH_BYTES];
    struct growing schedules[2] = {{0}};
    path_in(folders[0], scratch, "straight");
    path_in(folders[1], scratch, "abandoning");
    path_in(snapshots[0], scratch, "straight-snapshot");
    path_in(snapshots[1], scratch, "abandoning-snapshot");
    for (size_t i = 0; i < 2; i++) {
        struct rich rich = rich_open(folders[i]);
        while (height_of(rich.ledger) < 19) {
            rich_commit_and_abandon(&rich, i == 1 && height_of(rich.ledger) > 0);
        }
        CU_ASSERT(count_schedules(fama_ledger_store(rich.ledger), &schedules[i]));
        rich_close(&rich);
        snapshot_of(folders[i], snapshots[i]);
    }
    CU_ASSERT(fama_bytes_equal(fama_bytes(schedules[0].at, schedules[0].len),
                               fama_bytes(schedules[1].at, schedules[1].len)));
    check_same_snapshots(snapshots[0], snapshots[1]);
    free(schedules[0].at);
    free(schedules[1].at);
}

static void test_what_came_before_the_snapshot_is_known_by_id_only(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "origin");
    must(fama_snapshot_import(usual_snapshot, folder, NULL, NULL, &error), &error);
    make_rich_ledger(folder, HEIGHT + 2);
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    CU_ASSERT_EQUAL(info.first_block, HEIGHT);
    CU_ASSERT_EQUAL(info.height, HEIGHT + 2);
    CU_ASSERT_EQUAL(info.state_height, HEIGHT + 2);
    CU_ASSERT_STRING_EQUAL(fama_ledger_origin(ledger)->channel_id, "drivenet");

    uint8_t hash[FAMA_SHA256_BYTES] = {0};
    uint8_t *bytes;
    size_t len;
    must_say(fama_ledger_block(ledger, HEIGHT - 1, &bytes, &len, &error), FAMA_LEDGER_NOT_FOUND,
             &error, "began with a snapshot");
    must(fama_ledger_block(ledger, HEIGHT, &bytes, &len, &error), &error);
    fama_ledger_free(bytes);
    struct fama_ledger_result result = {0};
    must_say(fama_ledger_result(ledger, 3, &result, &error), FAMA_LEDGER_NOT_FOUND, &error,
             "began with a snapshot");

    struct fama_block old = rich_block(4, hash);
    for (size_t i = 0; i < old.envelope_count; i++) {
        char txid[FAMA_TXID_MAX];
        bool is_known = false;
        struct fama_ledger_location location;
        fama_block_txid(&old, i, txid);
        struct fama_bytes view = fama_bytes_of_text(txid);
        CU_ASSERT(view.len > 0);
        must(fama_ledger_known_txids(ledger, &view, 1, &is_known, &error), &error);
        CU_ASSERT(is_known);
        must_say(fama_ledger_locate_txid(ledger, view, &location, &error), FAMA_LEDGER_NOT_FOUND,
                 &error, "before the snapshot");
    }
    synthetic_free(&old);
    fama_ledger_close(ledger);
}

static void delete_txid(struct fama_ledger *ledger, const char *txid)
{
    const struct fama_store *store = fama_ledger_store(ledger);
    struct fama_ledger_key key;
    char *message = NULL;
    fama_ledger_txid_key(fama_bytes_of_text(txid), &key);
    rocksdb_delete_cf(store->db, store->synced, store->families[FAMA_STORE_TXID],
                      (const char *)key.bytes, key.len, &message);
    CU_ASSERT_PTR_NULL_FATAL(message);
}

/* A transaction of block 4 comes once more after the snapshot, which knows its id and nothing else. */
static void test_a_ledger_from_a_snapshot_is_sound_with_an_old_transaction_in_it(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    struct fama_ledger_info info;
    path_in(folder, scratch, "repeated");
    must(fama_snapshot_import(usual_snapshot, folder, NULL, NULL, &error), &error);
    struct fama_ledger *ledger = open_or_explain(folder);
    const struct fama_ledger_verify verify = {.ledger = ledger};
    must(fama_ledger_verify(&verify, &error), &error);
    fama_ledger_info(ledger, &info);
    const struct synthetic_plan plan = {.number = HEIGHT,
                                        .previous_hash = info.last_hash,
                                        .txids = {"4", "a-new-one"},
                                        .txid_count = 2};
    struct fama_block block = synthetic_block(&plan);
    const struct fama_ledger_commit commit = {.block = &block};
    must(fama_ledger_commit(ledger, &commit, 1, NULL, &error), &error);
    must(fama_ledger_verify(&verify, &error), &error);
    delete_txid(ledger, "4");
    must_say(fama_ledger_verify(&verify, &error), FAMA_LEDGER_CORRUPT, &error, "not indexed");
    synthetic_free(&block);
    fama_ledger_close(ledger);
}

/* ---- Spoiled snapshots ---- */

static char spoiled[PATH_BYTES]; /* a copy to spoil */

static void copy_snapshot(void)
{
    path_in(spoiled, scratch, "spoiled");
    (void)mkdir(spoiled, 0700);
    for (size_t i = 0; i < FILES; i++) {
        struct fama_bytes content = load(usual_snapshot, file_names[i]);
        save(spoiled, file_names[i], content);
        release(content);
    }
}

/* Verifies the spoiled copy with other contents in one file, then mends it. */
static int verify_with(const char *name, struct fama_bytes content)
{
    struct fama_bytes good = load(spoiled, name);
    save(spoiled, name, content);
    struct fama_error error = {{0}};
    int status = fama_snapshot_verify(spoiled, NULL, NULL, &error);
    CU_ASSERT(status == 0 || error.text[0] != '\0');
    save(spoiled, name, good);
    release(good);
    return status;
}

static void test_no_byte_can_be_changed_cut_off_or_added(void)
{
    copy_snapshot();
    struct fama_error error = {{0}};
    must(fama_snapshot_verify(spoiled, NULL, NULL, &error), &error);
    for (size_t i = 0; i < FILES; i++) {
        struct fama_bytes content = load(usual_snapshot, file_names[i]);
        uint8_t *bytes = malloc(content.len + 1);
        CU_ASSERT_FATAL(bytes != NULL && content.len > 0);
        size_t unnoticed = 0;
        size_t step = content.len > 600 ? content.len / 300 : 1;
        for (size_t at = 0; at < content.len; at += step) {
            memcpy(bytes, content.at, content.len);
            bytes[at] ^= (uint8_t)(1u << (at % 8));
            unnoticed += verify_with(file_names[i], fama_bytes(bytes, content.len)) == 0;
            unnoticed += verify_with(file_names[i], fama_bytes(bytes, at)) == 0;
        }
        /* The commit hash is in no other file. */
        bool is_additional = strcmp(file_names[i], FAMA_SNAPSHOT_ADDITIONAL_NAME) == 0;
        CU_ASSERT(is_additional ? unnoticed <= 64 : unnoticed == 0);
        memcpy(bytes, content.at, content.len);
        bytes[content.len] = 'x';
        CU_ASSERT_EQUAL(verify_with(file_names[i], fama_bytes(bytes, content.len + 1)),
                        FAMA_SNAPSHOT_DAMAGED);
        free(bytes);
        release(content);
    }
    must(fama_snapshot_verify(spoiled, NULL, NULL, &error), &error);
}

static void test_no_file_can_be_missing_or_be_something_else(void)
{
    for (size_t i = 0; i < FILES; i++) {
        copy_snapshot();
        char path[2 * PATH_BYTES];
        struct fama_error error = {{0}};
        (void)snprintf(path, sizeof path, "%s/%s", spoiled, file_names[i]);
        CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
        CU_ASSERT(fama_snapshot_verify(spoiled, NULL, NULL, &error) < 0);
        CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
        CU_ASSERT(fama_snapshot_verify(spoiled, NULL, NULL, &error) < 0);
        CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
    }
}

/* Files whose hashes are right, and whose content is not. */
struct lie {
    const char *words;
    enum fama_snapshot_part part;
    const char *data; /* behind the format byte */
    size_t data_len;
    const char *count;
    size_t count_len;
};
#define LIE(what, which, data_bytes, count_bytes)                                                  \
    {                                                                                              \
        .words = (what), .part = (which), .data = (data_bytes),                                    \
        .data_len = sizeof(data_bytes) - 1, .count = (count_bytes),                                \
        .count_len = sizeof(count_bytes) - 1                                                       \
    }
#define CONFIG                                                                                     \
    "\x21\x0a\x18"                                                                                 \
    "CHANNEL_CONFIG_ENV_BYTES"                                                                     \
    "\x12\x01x\x22\x02\x00\x00"
#define KEY_A                                                                                      \
    "\x0a\x0a\x01"                                                                                 \
    "a"                                                                                            \
    "\x12\x01x\x22\x02\x00\x00"
#define KEY_B                                                                                      \
    "\x0a\x0a\x01"                                                                                 \
    "b"                                                                                            \
    "\x12\x01x\x22\x02\x00\x00"
#define HUGE    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
#define HISTORY "slscc\0cc~collection\xff\xff\xff\xff\xff\xff\xff\xfe"

static const struct lie lies[] = {
    LIE("not in order", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "b"
        "\x01"
        "a",
        "\x02"),
    LIE("not in order", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "a"
        "\x01"
        "a",
        "\x02"),
    LIE("not in order", FAMA_SNAPSHOT_TXIDS,
        "\x02"
        "aa"
        "\x01"
        "b",
        "\x02"),
    LIE("empty", FAMA_SNAPSHOT_TXIDS,
        "\x00"
        "\x01"
        "a",
        "\x02"),
    LIE("no text", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "\xff",
        "\x01"),
    LIE("ends too early", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "a",
        "\x02"),
    LIE("more follows", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "a"
        "\x01"
        "b",
        "\x01"),
    LIE("ends too early", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "a",
        HUGE),
    LIE("where 1 are left", FAMA_SNAPSHOT_TXIDS, HUGE "a", "\x01"),
    LIE("does not end", FAMA_SNAPSHOT_TXIDS, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x01"),
    LIE("ends too early", FAMA_SNAPSHOT_TXIDS,
        "\x01"
        "a",
        ""),
    LIE("lacks the channel's configuration", FAMA_SNAPSHOT_PUBLIC_STATE, KEY_A, "\x01\x00\x01"),
    LIE("not in order", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_B KEY_A,
        "\x02\x00\x01\x01"
        "n"
        "\x02"),
    LIE("not in order", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A KEY_A,
        "\x02\x00\x01\x01"
        "n"
        "\x02"),
    LIE("not in order", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A KEY_A,
        "\x03\x00\x01\x01"
        "n"
        "\x01\x01"
        "m"
        "\x01"),
    LIE("not in order", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A KEY_A,
        "\x03\x00\x01\x01"
        "n"
        "\x01\x01"
        "n"
        "\x01"),
    LIE("without keys", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG,
        "\x02\x00\x01\x01"
        "n"
        "\x00"),
    LIE("no place", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A,
        "\x02\x00\x01\x05"
        "n$$hc"
        "\x01"),
    LIE("no place", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A,
        "\x02\x00\x01\x05"
        "n$$pc"
        "\x01"),
    LIE("no place", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A,
        "\x02\x00\x01\x02"
        "n\0"
        "\x01"),
    LIE("does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x01"
        "a" CONFIG,
        "\x01\x00\x02"),
    LIE("version does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x07\x0a\x01"
        "a"
        "\x22\x02\x00\x09" CONFIG,
        "\x01\x00\x02"),
    LIE("version does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x08\x0a\x01"
        "a"
        "\x22\x03\x00\x01\x00" CONFIG,
        "\x01\x00\x02"),
    LIE("version does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x08\x0a\x01"
        "a"
        "\x22\x03\x00\x00\x00" CONFIG,
        "\x01\x00\x02"),
    LIE("version does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x0a\x0a\x01"
        "a"
        "\x22\x02\x00\x00\x2a\x01x" CONFIG,
        "\x01\x00\x02"),
    LIE("version does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x0a\x0a\x01"
        "a"
        "\x22\x02\x00\x00\x0a\x01x" CONFIG,
        "\x01\x00\x02"),
    LIE("metadata does not decode", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x0a\x0a\x01"
        "a"
        "\x1a\x01x\x22\x02\x00\x00" CONFIG,
        "\x01\x00\x02"),
    LIE("after the last block", FAMA_SNAPSHOT_PUBLIC_STATE,
        "\x08\x0a\x01"
        "a"
        "\x22\x03\x01\x15\x00" CONFIG,
        "\x01\x00\x02"),
    LIE("no place", FAMA_SNAPSHOT_PRIVATE_HASHES, KEY_A,
        "\x01\x01"
        "n"
        "\x01"),
    LIE("no place", FAMA_SNAPSHOT_PRIVATE_HASHES, KEY_A,
        "\x01\x09"
        "n$$hc$$hd"
        "\x01"),
    LIE("names no collections", FAMA_SNAPSHOT_CONFIG_HISTORY,
        "\x03"
        "abc"
        "\x01x",
        "\x01"),
    LIE("after the last", FAMA_SNAPSHOT_CONFIG_HISTORY,
        "\x1b"
        "slscc\0cc~collection\xff\xff\xff\xff\xff\xff\xff\x00"
        "\x01x",
        "\x01"),
    LIE("no configuration of collections", FAMA_SNAPSHOT_CONFIG_HISTORY, "\x1b" HISTORY "\x01x",
        "\x01"),
    LIE("no configuration of collections", FAMA_SNAPSHOT_CONFIG_HISTORY, "\x1b" HISTORY "\x00",
        "\x01"),
    LIE("not in order", FAMA_SNAPSHOT_CONFIG_HISTORY,
        "\x1b" HISTORY "\x04\x0a\x02\x0a\x00"
        "\x1b" HISTORY "\x04\x0a\x02\x0a\x00",
        "\x02"),
};

static void save_formatted(const char *name, const char *bytes, size_t len,
                           uint8_t hash[FAMA_SHA256_BYTES])
{
    struct growing content = {0};
    grow(&content, "\x01", 1);
    grow(&content, bytes, len);
    save(spoiled, name, fama_bytes(content.at, content.len));
    fama_sha256(fama_bytes(content.at, content.len), hash);
    free(content.at);
}

/* Puts other contents for one part into the spoiled copy, with hashes to match. */
static void tell(const struct lie *lie)
{
    struct fama_snapshot_metadata metadata;
    struct fama_error error = {{0}};
    char path[2 * PATH_BYTES];
    copy_snapshot();
    must(fama_snapshot_metadata_read(spoiled, &metadata, &error), &error);
    struct fama_snapshot_part_hashes *hashes = &metadata.parts[lie->part];
    save_formatted(fama_snapshot_data_name(lie->part), lie->data, lie->data_len, hashes->data);
    save_formatted(fama_snapshot_count_name(lie->part), lie->count, lie->count_len, hashes->count);
    (void)snprintf(path, sizeof path, "%s/%s", spoiled, FAMA_SNAPSHOT_SIGNABLE_NAME);
    CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/%s", spoiled, FAMA_SNAPSHOT_ADDITIONAL_NAME);
    CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
    must(fama_snapshot_metadata_write(spoiled, &metadata, &error), &error);
}

static void test_content_that_is_wrong_under_the_right_hash_is_refused(void)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct fama_error error = {{0}};
        tell(&lies[i]);
        must_say(fama_snapshot_verify(spoiled, NULL, NULL, &error), FAMA_SNAPSHOT_DAMAGED, &error,
                 lies[i].words);
    }
    /* The pieces that the lies are made of are true as such. */
    static const struct lie truths[] = {
        LIE("", FAMA_SNAPSHOT_TXIDS,
            "\x01"
            "a"
            "\x01"
            "b"
            "\x02"
            "aa",
            "\x03"),
        LIE("", FAMA_SNAPSHOT_PUBLIC_STATE, CONFIG KEY_A KEY_B KEY_A,
            "\x03\x00\x01\x01"
            "m"
            "\x02\x01"
            "n"
            "\x01"),
        LIE("", FAMA_SNAPSHOT_CONFIG_HISTORY, "\x1b" HISTORY "\x04\x0a\x02\x0a\x00", "\x01"),
    };
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        struct fama_error error = {{0}};
        tell(&truths[i]);
        must(fama_snapshot_verify(spoiled, NULL, NULL, &error), &error);
    }
}

static void test_keys_of_a_collection_without_history_are_not_imported(void)
{
    static const struct lie stranger = LIE("", FAMA_SNAPSHOT_PRIVATE_HASHES, KEY_A,
                                           "\x01\x08"
                                           "cc$$hcol"
                                           "\x01");
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "stranger");
    tell(&stranger);
    must(fama_snapshot_verify(spoiled, NULL, NULL, &error), &error);
    must_say(fama_snapshot_import(spoiled, folder, NULL, NULL, &error), FAMA_SNAPSHOT_DAMAGED,
             &error, "collection col of chaincode cc");
    CU_ASSERT(access(folder, F_OK) != 0);
    (void)strcat(folder, ".unfinished");
    CU_ASSERT(access(folder, F_OK) != 0);
}

/* ---- Directories ---- */

static void test_nothing_is_written_over(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "taken-ledger");
    make_rich_ledger(folder, 2);
    must_say(fama_snapshot_import(usual_snapshot, folder, NULL, NULL, &error), FAMA_SNAPSHOT_EXISTS,
             &error, "exists");
    struct fama_ledger *ledger = open_or_explain(folder);
    must_say(fama_snapshot_create(ledger, usual_snapshot, NULL, NULL, &error), FAMA_SNAPSHOT_EXISTS,
             &error, "exists");
    must_say(fama_snapshot_create(ledger, "", NULL, NULL, &error), FAMA_SNAPSHOT_IO, &error,
             "no directory");
    must_say(fama_snapshot_create(ledger, "/nowhere/at/all", NULL, NULL, &error), FAMA_SNAPSHOT_IO,
             &error, "parent");
    fama_ledger_close(ledger);
    must(fama_snapshot_verify(usual_snapshot, NULL, NULL, &error), &error);
}

static void test_an_empty_ledger_has_no_snapshot(void)
{
    char folder[PATH_BYTES];
    char made[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "empty-ledger");
    path_in(made, scratch, "empty-snapshot");
    struct fama_ledger *ledger = open_or_explain(folder);
    must_say(fama_snapshot_create(ledger, made, NULL, NULL, &error), FAMA_SNAPSHOT_LEDGER, &error,
             "is empty");
    /* Blocks that nobody has judged leave the state behind. */
    CU_ASSERT_EQUAL_FATAL(commit_usual(ledger, 2, &error), 0);
    must_say(fama_snapshot_create(ledger, made, NULL, NULL, &error), FAMA_SNAPSHOT_LEDGER, &error,
             "behind its blocks");
    fama_ledger_close(ledger);
    CU_ASSERT(access(made, F_OK) != 0);
}

static void test_what_a_crash_left_behind_is_swept_away(void)
{
    char ledger_folder[PATH_BYTES];
    char made[PATH_BYTES];
    char left[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(ledger_folder, scratch, "swept-ledger");
    path_in(made, scratch, "swept-snapshot");
    make_rich_ledger(ledger_folder, 3);
    path_in(left, scratch, "swept-snapshot.unfinished");
    CU_ASSERT_EQUAL_FATAL(mkdir(left, 0700), 0);
    save(left, "txids.data", fama_bytes("half", 4));
    snapshot_of(ledger_folder, made);
    CU_ASSERT(access(left, F_OK) != 0);
    must(fama_snapshot_verify(made, NULL, NULL, &error), &error);

    char joined[PATH_BYTES];
    path_in(joined, scratch, "swept-joined");
    path_in(left, scratch, "swept-joined.unfinished");
    make_rich_ledger(left, 5);
    must(fama_snapshot_import(made, joined, NULL, NULL, &error), &error);
    CU_ASSERT(access(left, F_OK) != 0);
    struct fama_ledger *ledger = open_or_explain(joined);
    CU_ASSERT_EQUAL(height_of(ledger), 3);
    fama_ledger_close(ledger);
}

static void test_an_import_that_was_cut_short_does_not_open(void)
{
    char folder[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(folder, scratch, "cut-short");
    must(fama_snapshot_import(usual_snapshot, folder, NULL, NULL, &error), &error);
    struct fama_store store;
    must(fama_store_open(folder, &store, &error), &error);
    const struct fama_ledger_origin origin = {.first_block = HEIGHT, .channel_id = "drivenet"};
    uint8_t record[FAMA_LEDGER_ORIGIN_BYTES_MAX];
    size_t len = fama_ledger_origin_encode(&origin, record);
    char *message = NULL;
    rocksdb_put_cf(store.db, store.synced, store.families[FAMA_STORE_META], FAMA_LEDGER_ORIGIN_KEY,
                   strlen(FAMA_LEDGER_ORIGIN_KEY), (const char *)record, len, &message);
    CU_ASSERT_FATAL(message == NULL);
    fama_store_close(&store);
    struct fama_ledger *ledger = NULL;
    must_say(fama_ledger_open(folder, &ledger, &error), FAMA_LEDGER_CORRUPT, &error, "cut short");
    CU_ASSERT_PTR_NULL(ledger);
}

struct told {
    uint64_t reports;
    uint64_t txids;
};

static void note(void *context, const char *part, uint64_t items)
{
    struct told *told = context;
    told->reports++;
    if (strcmp(part, "txids.data") == 0) {
        told->txids = items;
    }
}

static void test_progress_is_told(void)
{
    struct told told = {0};
    struct fama_error error = {{0}};
    const struct fama_snapshot_progress progress = {.report = note, .context = &told};
    must(fama_snapshot_verify(usual_snapshot, &progress, NULL, &error), &error);
    CU_ASSERT_EQUAL(told.reports, 4);
    CU_ASSERT_EQUAL(told.txids, 5 * (uint64_t)HEIGHT);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_snapshot_of_everything_is_made),
        TEST(test_a_snapshot_of_every_height_verifies_and_says_what_it_is),
        TEST(test_a_ledger_from_a_snapshot_makes_the_same_snapshot),
        TEST(test_a_ledger_from_a_snapshot_goes_on_as_the_one_from_block_0),
        TEST(test_a_block_that_was_given_up_leaves_no_trace),
        TEST(test_what_came_before_the_snapshot_is_known_by_id_only),
        TEST(test_a_ledger_from_a_snapshot_is_sound_with_an_old_transaction_in_it),
        TEST(test_no_byte_can_be_changed_cut_off_or_added),
        TEST(test_no_file_can_be_missing_or_be_something_else),
        TEST(test_content_that_is_wrong_under_the_right_hash_is_refused),
        TEST(test_keys_of_a_collection_without_history_are_not_imported),
        TEST(test_nothing_is_written_over),
        TEST(test_an_empty_ledger_has_no_snapshot),
        TEST(test_what_a_crash_left_behind_is_swept_away),
        TEST(test_an_import_that_was_cut_short_does_not_open),
        TEST(test_progress_is_told),
    };
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    path_in(usual_snapshot, scratch, "usual-snapshot");
    int result = run_suite("snapshot", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
