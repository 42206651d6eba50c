#include "controlplane/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "controlplane/block_file.h"
#include "controlplane/verify_pool.h"
#include "ledger/store.h"
#include "ledger/transaction_code.h"

/* Blocks of a group here: enough to share a sync among small ones, few enough that three groups of the
 * largest fit in memory. */
#define GROUP_BYTES ((size_t)8 << 20)
#define FLIGHTS     3 /* one being written, one being verified, one being prepared */

enum replay_error { REPLAY_FAILED = -1 };

/* A group under way with the bytes its blocks lie in. */
struct flight {
    struct fama_commit_group *group;
    uint8_t *bytes[FAMA_COMMIT_GROUP_MAX];
    size_t bytes_count;
    size_t size;
    struct fama_pool_batch batch;
};

struct replay {
    struct fama_ledger *ledger;
    const struct fama_replay_setup *setup;
    struct fama_replay_result *result;
    struct fama_committer *committer;
    struct fama_verify_pool *pool;
    struct flight flights[FLIGHTS];
    bool is_at_end;              /* no more blocks to read */
    struct fama_error complaint; /* why there are no more, if that is an error */
};

static void drop(struct flight *flight)
{
    fama_commit_group_destroy(flight->group);
    for (size_t i = 0; i < flight->bytes_count; i++) {
        free(flight->bytes[i]);
    }
    *flight = (struct flight){.group = NULL};
}

/* Asks the source. That it has nothing more is an error where it has something later, or nothing at all. */
static int ask(struct replay *replay, uint64_t number, uint8_t **bytes, size_t *len)
{
    struct fama_block_source *source = replay->setup->source;
    struct fama_error *complaint = &replay->complaint;
    uint64_t last = 0;
    int status = source->next(source, number, bytes, len, complaint);
    if (status != FAMA_BLOCK_SOURCE_NOT_YET || source->last == NULL) {
        return status;
    }
    if (!source->last(source, &last)) {
        (void)fama_error_set(complaint, 0,
                             "%s holds no block at all: name the directory of the channel's "
                             "NNNNNN.block files",
                             replay->setup->source_name);
    } else if (last >= number) {
        /* Once more: whoever fills the source may have come that far just now. */
        status = source->next(source, number, bytes, len, complaint);
        if (status == FAMA_BLOCK_SOURCE_NOT_YET) {
            (void)fama_error_set(complaint, 0,
                                 "block %" PRIu64 " is missing or empty in %s, which goes on to "
                                 "block %" PRIu64 ": complete it and run this again",
                                 number, replay->setup->source_name, last);
        }
    }
    return status;
}

/* Reads the next block into the flight. False when there is none. */
static bool read_next(struct replay *replay, struct flight *flight)
{
    uint64_t number = fama_committer_next(replay->committer);
    if (replay->setup->has_end && number > replay->setup->end) {
        replay->is_at_end = true;
        return false;
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    int status = ask(replay, number, &bytes, &len);
    if (status == FAMA_BLOCK_SOURCE_TOO_LARGE) {
        (void)fama_error_set(&replay->complaint, 0,
                             "block %" PRIu64 " in %s is larger than %zu bytes, the largest block "
                             "that is read",
                             number, replay->setup->source_name, FAMA_REPLAY_BLOCK_BYTES_MAX);
    }
    if (status != 0) {
        replay->is_at_end = true;
        return false;
    }
    struct fama_arrival arrival = {.path = FAMA_ARRIVAL_SOURCE};
    enum fama_block_refusal refusal =
        fama_commit_group_add(flight->group, fama_bytes(bytes, len), arrival);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        free(bytes);
        replay->is_at_end = true;
        (void)fama_error_set(&replay->complaint, 0, "block %" PRIu64 " of %s is %s: %s: %s", number,
                             replay->setup->source_name,
                             refusal == FAMA_BLOCK_NO_MEMORY ? "not judged" : "refused",
                             fama_block_refusal_name(refusal), fama_block_refusal_words(refusal));
        return false;
    }
    flight->bytes[flight->bytes_count++] = bytes;
    flight->size += len;
    return true;
}

/* Fills a flight and has its signatures begun. Leaves it empty when there is nothing (any more, or until the
 * other flight has landed). */
static int take_off(struct replay *replay, struct flight *flight, struct fama_error *error)
{
    if (replay->is_at_end || !fama_committer_can_prepare(replay->committer)) {
        return 0;
    }
    flight->group = fama_commit_group_create(replay->committer);
    if (flight->group == NULL) {
        return fama_error_set(error, REPLAY_FAILED, "out of memory");
    }
    while (!fama_commit_group_is_closed(flight->group) && flight->size < GROUP_BYTES &&
           read_next(replay, flight)) {
    }
    if (fama_commit_group_count(flight->group) == 0) {
        drop(flight);
        return 0;
    }
    size_t count;
    struct fama_verify_job **jobs = fama_commit_group_jobs(flight->group, &count);
    if (jobs == NULL) {
        return fama_error_set(error, REPLAY_FAILED, "out of memory");
    }
    if (replay->setup->instead_of_verifying != NULL) {
        replay->setup->instead_of_verifying(jobs, count);
        count = 0;
    }
    fama_verify_pool_begin(replay->pool, &flight->batch, jobs, count);
    return 0;
}

static void report(struct replay *replay, const struct fama_commit_group *group, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fama_committed_block *block = fama_commit_group_block(group, i);
        replay->result->blocks++;
        replay->result->transactions += block->prepared->count;
        for (size_t j = 0; j < block->prepared->count; j++) {
            replay->result->valid += block->prepared->codes[j] == FAMA_TRANSACTION_VALID;
        }
        if (replay->setup->committed != NULL) {
            replay->setup->committed(replay->setup->context, block);
        }
    }
}

/* Judges the flight's group and has it written, while the last free flight takes off. */
static int land(struct replay *replay, struct flight *flight, struct flight *next,
                struct fama_error *error)
{
    struct fama_error failure = {""};
    size_t committed = 0;
    fama_verify_pool_finish(replay->pool, &flight->batch);
    int status = fama_committer_begin(replay->committer, flight->group, &committed, error);
    if (status == 0) {
        status = take_off(replay, next, error);
        if (fama_committer_finish(replay->committer, &committed, &failure) != 0) {
            status = fama_error_set(error, REPLAY_FAILED, "%s", failure.text);
        }
    }
    report(replay, flight->group, committed);
    drop(flight);
    return status == 0 ? 0 : REPLAY_FAILED;
}

static int fly(struct replay *replay, struct fama_error *error)
{
    size_t at = 0;
    int status = take_off(replay, &replay->flights[0], error);
    if (status == 0 && replay->flights[0].group != NULL) {
        status = take_off(replay, &replay->flights[1], error);
    }
    while (status == 0 && replay->flights[at % FLIGHTS].group != NULL) {
        struct flight *next = &replay->flights[(at + 1) % FLIGHTS];
        struct flight *after = &replay->flights[(at + 2) % FLIGHTS];
        status =
            land(replay, &replay->flights[at % FLIGHTS], next->group != NULL ? after : next, error);
        if (status == 0 && next->group == NULL) {
            status = take_off(replay, next, error); /* after a configuration block */
        }
        if (status == 0 && after->group == NULL) {
            status = take_off(replay, after, error);
        }
        at++;
    }
    return status;
}

/* Whether the ledger holds this very block. */
static bool is_held(const struct replay *replay, struct fama_bytes bytes)
{
    struct fama_block block = {0};
    uint64_t number = 0;
    bool is_so = fama_block_parse(bytes, &block) == FAMA_BLOCK_ACCEPTED &&
                 fama_ledger_block_by_hash(replay->ledger, block.header_hash, &number, NULL) == 0;
    fama_block_clear(&block);
    return is_so;
}

/* Nobody goes on with blocks of one channel in a ledger of another and is told that nothing is new: the latest
 * block that both have is compared. */
static int check_source(const struct replay *replay, const struct fama_ledger_info *info,
                        struct fama_error *error)
{
    struct fama_block_source *source = replay->setup->source;
    uint64_t number = 0;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (source->last == NULL || !source->last(source, &number)) {
        return 0;
    }
    number = number < info->height ? number : info->height - 1;
    if (number < info->first_block || source->next(source, number, &bytes, &len, NULL) != 0) {
        return 0;
    }
    bool is_same = is_held(replay, fama_bytes(bytes, len));
    free(bytes);
    return is_same ? 0
                   : fama_error_set(error, REPLAY_FAILED,
                                    "block %" PRIu64 " of %s is not the one in ledger %s: they are "
                                    "of two chains, or one is damaged; use a ledger of its own for "
                                    "each",
                                    number, replay->setup->source_name,
                                    fama_ledger_store(replay->ledger)->directory);
}

static int check_genesis(const struct replay *replay, const struct fama_ledger_info *info,
                         struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    const char *file = replay->setup->genesis_file;
    if (file == NULL) {
        return 0;
    }
    if (fama_block_file_read(file, &bytes, &len, error) != 0) {
        return REPLAY_FAILED;
    }
    /* A ledger that began with a snapshot has nothing to compare it with. */
    bool is_same = info->first_block > 0 || is_held(replay, fama_bytes(bytes, len));
    free(bytes);
    return is_same ? 0
                   : fama_error_set(error, REPLAY_FAILED,
                                    "ledger %s does not begin with the genesis block of %s: use a "
                                    "ledger of its own for each channel",
                                    fama_ledger_store(replay->ledger)->directory, file);
}

/* Goes on with a ledger that has blocks. */
static int take_up(struct replay *replay, struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(replay->ledger, &info);
    int status = check_genesis(replay, &info, error);
    return status == 0 ? check_source(replay, &info, error) : status;
}

/* Block 0 of a new ledger. */
static int found(struct replay *replay, struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    const char *file = replay->setup->genesis_file;
    int status = file != NULL
                     ? fama_block_file_read(file, &bytes, &len, error)
                     : replay->setup->source->next(replay->setup->source, 0, &bytes, &len, error);
    if (status == FAMA_BLOCK_SOURCE_NOT_YET && file == NULL) {
        return fama_error_set(error, REPLAY_FAILED,
                              "the ledger is empty and %s has no 000000.block: give the channel's "
                              "genesis block with --genesis FILE",
                              replay->setup->source_name);
    }
    if (status != 0) {
        return REPLAY_FAILED;
    }
    struct fama_arrival arrival = {.path = FAMA_ARRIVAL_GENESIS};
    struct fama_commit_group *group = NULL;
    status =
        fama_committer_found(replay->committer, fama_bytes(bytes, len), arrival, &group, error);
    if (status == 0) {
        report(replay, group, 1);
    }
    fama_commit_group_destroy(group);
    free(bytes);
    return status == 0 ? 0 : REPLAY_FAILED;
}

static int begin(struct replay *replay, struct fama_error *error)
{
    int status = fama_committer_create(replay->ledger, NULL, &replay->committer, error);
    if (status != 0) {
        return fama_error_prefix(error, status,
                                 "ledger %s: ", fama_ledger_store(replay->ledger)->directory);
    }
    replay->pool = fama_verify_pool_create(replay->setup->threads);
    if (replay->pool == NULL) {
        return fama_error_set(error, REPLAY_FAILED,
                              "out of memory or threads: take fewer with --threads");
    }
    return fama_committer_next(replay->committer) > 0 ? take_up(replay, error)
                                                      : found(replay, error);
}

int fama_replay(struct fama_ledger *ledger, const struct fama_replay_setup *setup,
                struct fama_replay_result *result, struct fama_error *error)
{
    struct replay replay = {.ledger = ledger, .setup = setup, .result = result};
    *result = (struct fama_replay_result){.blocks = 0};
    int status = begin(&replay, error);
    if (status == 0) {
        status = fly(&replay, error);
    }
    for (size_t i = 0; i < FLIGHTS; i++) {
        if (replay.flights[i].group != NULL) {
            fama_verify_pool_finish(replay.pool, &replay.flights[i].batch);
            drop(&replay.flights[i]);
        }
    }
    if (replay.pool != NULL) {
        result->signatures_ns = fama_verify_pool_busy_ns(replay.pool);
    }
    if (replay.committer != NULL) {
        fama_committer_times(replay.committer, &result->times);
    }
    fama_verify_pool_destroy(replay.pool);
    fama_committer_destroy(replay.committer);
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    result->height = info.height;
    if (status == 0 && replay.complaint.text[0] == '\0' && setup->has_end &&
        info.height <= setup->end) {
        return fama_error_set(error, REPLAY_FAILED,
                              "%s ends before block %" PRIu64 ": block %" PRIu64 " is the next one",
                              setup->source_name, setup->end, info.height);
    }
    if (status == 0 && replay.complaint.text[0] != '\0') {
        *error = replay.complaint;
        return REPLAY_FAILED;
    }
    return status == 0 ? 0 : REPLAY_FAILED;
}
