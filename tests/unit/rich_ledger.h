/* A ledger with one of everything that a snapshot holds: public keys with and without metadata, deleted and
 * overwritten ones, hashes of private keys that end, collections that change, transaction ids of
 * every length. Each block is a function of its number. */
#ifndef FAMA_TESTS_UNIT_RICH_LEDGER_H
#define FAMA_TESTS_UNIT_RICH_LEDGER_H

#include "ledger/config_history.h"
#include "ledger/expiry.h"
#include "unit/usual_ledger.h"

#define RICH_LONG_TXID  ((size_t)70)
#define RICH_ROOM_BYTES 4096

struct rich {
    struct fama_ledger *ledger;
    struct fama_state *state;
    struct fama_expiry *expiry;
    struct fama_config_history *history;
    uint8_t room[RICH_ROOM_BYTES]; /* of the keys and values of the current block */
    size_t used;
};

static inline struct rich rich_open(const char *folder)
{
    struct rich rich = {.ledger = open_or_explain(folder)};
    rich.state = fama_state_create(fama_ledger_state(rich.ledger));
    rich.expiry = fama_expiry_create(fama_ledger_store(rich.ledger), fama_chaincode_block_to_live);
    rich.history = fama_config_history_create();
    CU_ASSERT_FATAL(rich.state != NULL && rich.expiry != NULL && rich.history != NULL);
    return rich;
}

static inline void rich_close(struct rich *rich)
{
    fama_config_history_destroy(rich->history);
    fama_expiry_destroy(rich->expiry);
    fama_state_destroy(rich->state);
    fama_ledger_close(rich->ledger);
}

static inline struct fama_bytes rich_keep(struct rich *rich, const void *bytes, size_t len)
{
    if (len > sizeof rich->room - rich->used) {
        abort();
    }
    uint8_t *at = rich->room + rich->used;
    memcpy(at, bytes, len);
    rich->used += len;
    return fama_bytes(at, len);
}

static inline struct fama_bytes rich_text(struct rich *rich, const char *text)
{
    return rich_keep(rich, text, strlen(text));
}

static inline void rich_put(struct rich *rich, const char *space, const char *collection,
                            struct fama_bytes key, struct fama_bytes value,
                            struct fama_bytes metadata, struct fama_version version)
{
    struct fama_state_name name = {.space = rich_text(rich, space),
                                   .collection = rich_text(rich, collection),
                                   .is_hashed = collection[0] != '\0',
                                   .key = key};
    struct fama_state_entry entry = {
        .exists = value.len > 0, .version = version, .value = value, .metadata = metadata};
    CU_ASSERT_EQUAL_FATAL(fama_state_put(rich->state, &name, &entry, NULL), 0);
}

/* A package with one collection, its fields in an order no peer writes. */
static inline struct fama_bytes rich_package(struct rich *rich, uint64_t block_to_live)
{
    struct growing inner = {0};
    put_varint(&inner, 5 << 3);
    put_varint(&inner, block_to_live);
    put_varint(&inner, 6 << 3); /* a default, said aloud */
    put_varint(&inner, 0);
    put_bytes(&inner, 1, "coll", 4);
    struct growing config = {0};
    put_message(&config, 1, &inner);
    struct growing package = {0};
    put_message(&package, 1, &config);
    struct fama_bytes kept = rich_keep(rich, package.at, package.len);
    free(package.at);
    return kept;
}

static inline void rich_effects(struct rich *rich, uint64_t number)
{
    const struct fama_bytes none = {0};
    const uint8_t odd_key[] = {'a', 0, 0xff, (uint8_t)(number % 5)};
    const struct fama_version version = {.block = number, .transaction = number % 3};
    const uint8_t metadata[] = {0x12, 0x00};
    uint8_t hash[FAMA_SHA256_BYTES];
    char text[32];
    (void)snprintf(text, sizeof text, "key-%" PRIu64, number % 7);
    if (number == 0) {
        rich_put(rich, "", "", rich_text(rich, "CHANNEL_CONFIG_ENV_BYTES"),
                 rich_text(rich, "configuration"), none, version);
    }
    if (number % 6 == 1) {
        rich_put(rich, "lscc", "", rich_text(rich, "cc"),
                 rich_text(rich, "\x0a\x02"
                                 "cc"),
                 none, version);
        rich_put(rich, "lscc", "", rich_text(rich, "cc~collection"), rich_package(rich, 2 + number),
                 none, version);
    }
    rich_put(rich, "cc", "", rich_text(rich, text), number % 4 == 3 ? none : rich_text(rich, text),
             none, version);
    rich_put(rich, "cc2", "", rich_keep(rich, odd_key, sizeof odd_key), rich_text(rich, text),
             number % 2 == 0 ? rich_keep(rich, metadata, sizeof metadata) : none, version);
    if (number >= 2) {
        (void)snprintf(text, sizeof text, "private-%" PRIu64, number % 9);
        fama_sha256(fama_bytes_of_text(text), hash);
        struct fama_bytes kept = rich_keep(rich, hash, sizeof hash);
        rich_put(rich, "cc", "coll", kept, kept, none, version);
        rich_put(rich, "_lifecycle", "_implicit_org_SipherMSP", kept, kept, none, version);
    }
}

static inline struct fama_block rich_block(uint64_t number, const uint8_t *previous_hash)
{
    char texts[5][RICH_LONG_TXID + 64];
    (void)snprintf(texts[0], sizeof texts[0], "%" PRIu64, number);
    (void)snprintf(texts[1], sizeof texts[1], "%063" PRIu64, number * 37 % 101);
    (void)snprintf(texts[2], sizeof texts[2], "%063" PRIu64 "a", number * 41 % 103);
    (void)snprintf(texts[3], sizeof texts[3], "%063" PRIu64 "A", number * 43 % 107);
    (void)snprintf(texts[4], sizeof texts[4], "%0*" PRIu64, (int)(RICH_LONG_TXID + number % 3),
                   number * 47 % 109);
    struct synthetic_plan plan = {
        .number = number,
        .previous_hash = previous_hash,
        .txids = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[0]},
        .txid_count = 6,
        .filler_bytes = 100};
    return synthetic_block(&plan);
}

static inline void rich_judge(struct rich *rich, uint64_t number)
{
    fama_state_begin_block(rich->state, number);
    rich_effects(rich, number);
    int status = fama_config_history_advance(rich->history, rich->state, number, NULL);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_EQUAL_FATAL(fama_expiry_advance(rich->expiry, rich->state, NULL), 0);
}

/* Commits the next block; the one after it may be judged first, and given up. */
static inline void rich_commit_and_abandon(struct rich *rich, bool abandons)
{
    struct fama_ledger_info info;
    struct fama_error error = {{0}};
    fama_ledger_info(rich->ledger, &info);
    uint64_t number = info.height;
    struct fama_block block = rich_block(number, info.last_hash);
    uint8_t commit_hash[FAMA_SHA256_BYTES];
    memset(commit_hash, (int)number, sizeof commit_hash);
    rich->used = 0;
    rich_judge(rich, number);
    if (abandons) {
        rich_judge(rich, number + 1);
        fama_state_abandon_block(rich->state);
        fama_config_history_abandon_block(rich->history, number + 1);
        fama_expiry_abandon_block(rich->expiry, number + 1);
    }
    const struct fama_ledger_commit commit = {.block = &block,
                                              .commit_hash = number > 0 ? commit_hash : NULL};
    const struct fama_ledger_effects effects = {
        .state = rich->state, .expiry = rich->expiry, .config_history = rich->history};
    int status = fama_ledger_commit(rich->ledger, &commit, 1, &effects, &error);
    if (status != 0) {
        fprintf(stderr, "\n    cannot commit: %s\n", error.text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    fama_config_history_reset(rich->history);
    fama_expiry_reset(rich->expiry);
    fama_state_reset(rich->state);
    synthetic_free(&block);
}

static inline void rich_commit(struct rich *rich)
{
    rich_commit_and_abandon(rich, false);
}

/* Brings the ledger of a folder, new or not, to a height. */
static inline void make_rich_ledger(const char *folder, uint64_t height)
{
    struct rich rich = rich_open(folder);
    while (height_of(rich.ledger) < height) {
        rich_commit(&rich);
    }
    rich_close(&rich);
}

#endif
