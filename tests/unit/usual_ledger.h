/* Ledgers with the usual chain in them: blocks that are a function of their number, so that
 * everything read back can be told right from wrong, in a scratch folder of the test program's own.
 */
#ifndef FAMA_TESTS_UNIT_USUAL_LEDGER_H
#define FAMA_TESTS_UNIT_USUAL_LEDGER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "ledger/ledger.h"
#include "unit/suite.h"
#include "unit/synthetic_chain.h"

#define PATH_BYTES 512

static char scratch[PATH_BYTES]; /* made and removed by main */

static inline void path_in(char path[PATH_BYTES], const char *folder, const char *name)
{
    int written = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    if (written < 0 || written >= PATH_BYTES) {
        fprintf(stderr, "path too long: %s/%s\n", folder, name);
        abort();
    }
}

/* Calls `visit` with the path of every plain file of a flat folder. */
static inline void each_file(const char *folder,
                             void (*visit)(const char *path, const char *name, void *),
                             void *context)
{
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        char path[PATH_BYTES];
        struct stat facts;
        path_in(path, folder, entry->d_name);
        if (lstat(path, &facts) == 0 && S_ISREG(facts.st_mode)) {
            visit(path, entry->d_name, context);
        }
    }
    (void)closedir(listing);
}

static inline void remove_one(const char *path, const char *name, void *context)
{
    (void)name;
    (void)context;
    (void)unlink(path);
}

static inline void remove_folder(const char *folder)
{
    each_file(folder, remove_one, NULL);
    (void)rmdir(folder);
}

static inline int make_scratch(void)
{
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(scratch, sizeof scratch, "%s/fama-ledger-XXXXXX",
                   temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(scratch) == NULL) {
        fprintf(stderr, "cannot make the folder %s: %s\n", scratch, strerror(errno));
        return -1;
    }
    return 0;
}

/* Removes the scratch folder with the flat folders in it. */
static inline void remove_scratch(void)
{
    DIR *listing = opendir(scratch);
    struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        char path[PATH_BYTES];
        struct stat facts;
        path_in(path, scratch, entry->d_name);
        if (entry->d_name[0] != '.' && lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            remove_folder(path);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    remove_folder(scratch);
    if (access(scratch, F_OK) == 0) {
        fprintf(stderr, "left behind: %s\n", scratch);
    }
}

static inline struct fama_ledger *open_or_explain(const char *folder)
{
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = NULL;
    int status = fama_ledger_open(folder, &ledger, &error);
    if (status != 0) {
        fprintf(stderr, "\n    cannot open: %s\n", error.text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    return ledger;
}

static inline uint64_t height_of(const struct fama_ledger *ledger)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    return info.height;
}

/* The block every usual chain has at this number. `txids` backs the plan's texts. */
static inline struct fama_block usual_block(uint64_t number, const uint8_t *previous_hash)
{
    char own[2][64];
    char shared[64];
    (void)snprintf(own[0], sizeof own[0], "tx-%" PRIu64 "-0", number);
    (void)snprintf(own[1], sizeof own[1], "tx-%" PRIu64 "-1", number);
    (void)snprintf(shared, sizeof shared, "shared-%" PRIu64, number / 3);
    struct synthetic_plan plan = {.number = number,
                                  .previous_hash = previous_hash,
                                  .txids = {own[0], "", shared, own[1]},
                                  .txid_count = 4,
                                  .filler_bytes =
                                      number % 17 == 16 ? 300000 : 500 + number * 7919 % 12000};
    return synthetic_block(&plan);
}

/* Commits the next `count` (at most 8) usual blocks as one group. */
static inline int commit_usual(struct fama_ledger *ledger, size_t count, struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    struct fama_block blocks[8];
    struct fama_ledger_commit commits[8] = {{.block = NULL}};
    for (size_t i = 0; i < count; i++) {
        blocks[i] = usual_block(info.height + i, info.last_hash);
        memcpy(info.last_hash, blocks[i].header_hash, FAMA_SHA256_BYTES);
        commits[i] = (struct fama_ledger_commit){
            .block = &blocks[i],
            .arrival = {.path = FAMA_ARRIVAL_PULL, .sent_ns = 7, .complete_ns = blocks[i].number}};
    }
    int status = fama_ledger_commit(ledger, commits, count, NULL, error);
    for (size_t i = 0; i < count; i++) {
        synthetic_free(&blocks[i]);
    }
    return status;
}

/* Whether the ledger gives back exactly the usual block; its hash goes to `hash`. Otherwise the
 * error. */
static inline int check_usual(const struct fama_ledger *ledger, uint64_t number, uint8_t *hash,
                              struct fama_error *error)
{
    struct fama_block expected = usual_block(number, hash);
    uint8_t *bytes;
    size_t len;
    int status = fama_ledger_block(ledger, number, &bytes, &len, error);
    if (status == 0) {
        CU_ASSERT(fama_bytes_equal(fama_bytes(bytes, len), expected.bytes));
        fama_ledger_free(bytes);
    }
    char txid[64];
    struct fama_ledger_location location = {.number = UINT64_MAX};
    (void)snprintf(txid, sizeof txid, "tx-%" PRIu64 "-1", number);
    if (status == 0) {
        status = fama_ledger_locate_txid(ledger, fama_bytes_of_text(txid), &location, error);
        CU_ASSERT(status != 0 || (location.number == number && location.index == 3));
    }
    (void)snprintf(txid, sizeof txid, "shared-%" PRIu64, number / 3);
    if (status == 0) {
        status = fama_ledger_locate_txid(ledger, fama_bytes_of_text(txid), &location, error);
        CU_ASSERT(status != 0 || (location.number == number / 3 * 3 && location.index == 2));
    }
    struct fama_arrival arrival;
    if (status == 0) {
        status = fama_ledger_arrival(ledger, number, &arrival, error);
        CU_ASSERT(status != 0 || (arrival.path == FAMA_ARRIVAL_PULL && arrival.sent_ns == 7 &&
                                  arrival.complete_ns == number && arrival.durable_ns > 0));
    }
    memcpy(hash, expected.header_hash, FAMA_SHA256_BYTES);
    synthetic_free(&expected);
    return status;
}

/* Every block from 0 to the height is the usual one, and the last hash is theirs. Returns the
 * height. */
static inline uint64_t check_all_usual(const struct fama_ledger *ledger)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    uint8_t hash[FAMA_SHA256_BYTES] = {0};
    for (uint64_t number = 0; number < info.height; number++) {
        struct fama_error error = {{0}};
        int status = check_usual(ledger, number, hash, &error);
        if (status != 0) {
            fprintf(stderr, "\n    block %" PRIu64 ": %s\n", number, error.text);
        }
        CU_ASSERT_EQUAL_FATAL(status, 0);
    }
    CU_ASSERT(memcmp(hash, info.last_hash, sizeof hash) == 0);
    uint8_t *bytes;
    size_t len;
    CU_ASSERT_EQUAL(fama_ledger_block(ledger, info.height, &bytes, &len, NULL),
                    FAMA_LEDGER_NOT_FOUND);
    return info.height;
}

static inline void make_usual_ledger(char folder[PATH_BYTES], const char *name, size_t blocks)
{
    path_in(folder, scratch, name);
    struct fama_ledger *ledger = open_or_explain(folder);
    for (size_t i = 0; i < blocks; i++) {
        CU_ASSERT_EQUAL_FATAL(commit_usual(ledger, 1, NULL), 0);
    }
    fama_ledger_close(ledger);
}

#endif
