#include "controlplane/channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/log.h"
#include "ledger/last_config.h"

#define WINDOW       64 /* blocks from the height on that may wait here; the dataplane's slots at most */
#define GROUP_MAX    16 /* blocks judged and written together */
#define SOURCE_QUEUE 16
/* Bytes of a group of more than one block: far below what the ledger takes at once, and no small block
 * waits for the disk behind several of the largest. */
#define GROUP_BYTES_MAX ((size_t)64 << 20)
_Static_assert(GROUP_BYTES_MAX <= FAMA_LEDGER_GROUP_BYTES_MAX, "the ledger takes any group");

/* A whole block that waits for its turn. */
struct waiting_block {
    bool is_here;
    bool is_from_source;
    uint64_t number;
    struct fama_block_buffer *buffer; /* from the source: our reference */
    struct fama_assembled assembled;  /* from the dataplane: a slot on loan */
    struct fama_arrival arrival;
};

struct source_block {
    uint64_t number;
    struct fama_block_buffer *buffer;
};

struct fama_channel {
    char id[FAMA_CHANNEL_ID_MAX];
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_tag tag;
    struct fama_channel_setup setup;
    struct fama_ledger *ledger;
    struct fama_channel_gate gate;
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_stopping;
    int offer_fd; /* wakes the commit thread for source blocks and for the end */

    pthread_mutex_t lock; /* guards source queue, refusal note and status */
    struct source_block source[SOURCE_QUEUE];
    uint32_t source_count;
    bool has_refusal;
    uint64_t refusal;
    struct fama_channel_status status;

    /* The commit thread's own. */
    struct fama_channel_config *config;
    struct waiting_block waiting[WINDOW];
    uint64_t next;
    uint8_t last_hash[FAMA_SHA256_BYTES];
    bool has_failed;
};

/* A group on its way through judgement. */
struct group {
    size_t count;
    struct fama_block blocks[GROUP_MAX];
    struct waiting_block *from[GROUP_MAX];
    enum fama_block_refusal verdicts[GROUP_MAX];
    struct fama_block_signatures signatures[GROUP_MAX];
    struct fama_verify_job *jobs[GROUP_MAX * FAMA_BLOCK_SIGNATURES_MAX];
};

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void ring_bell(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written; /* A full eventfd is already readable: the sleeper will wake. */
}

static void drain_bell(int fd)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got; /* Nothing to read means somebody else woke us. */
}

/* ---- Receiving ---- */

static void release_waiting(struct fama_channel *channel, struct waiting_block *waiting,
                            bool accepted)
{
    if (waiting->is_from_source) {
        fama_block_buffer_release(waiting->buffer);
    } else {
        fama_dataplane_return_block(channel->setup.dataplane, &waiting->assembled, accepted);
    }
    memset(waiting, 0, sizeof(*waiting));
}

/* The place of a block, which may be taken by another copy of it; NULL when it is already committed or too
 * far ahead. */
static struct waiting_block *place_of(struct fama_channel *channel, uint64_t number)
{
    if (number < channel->next || number - channel->next >= WINDOW) {
        return NULL;
    }
    return &channel->waiting[number % WINDOW];
}

static void take_from_dataplane(struct fama_channel *channel)
{
    struct fama_assembled assembled;
    while (fama_dataplane_take_block(channel->setup.dataplane, channel->setup.index, &assembled)) {
        struct waiting_block *place = place_of(channel, assembled.number);
        if (place == NULL || place->is_here) {
            fama_dataplane_return_block(channel->setup.dataplane, &assembled, true);
            continue;
        }
        *place = (struct waiting_block){
            .is_here = true,
            .number = assembled.number,
            .assembled = assembled,
            .arrival = {.path = assembled.was_repaired ? FAMA_ARRIVAL_PULL : FAMA_ARRIVAL_PUSH,
                        .complete_ns = wall_clock_ns()},
        };
    }
}

/* The source's copy of a block takes the place of one from gossip that waits unjudged: a member that signs
 * bad copies of coming blocks must not get the source's own dropped, which are handed over but once. */
static void take_from_source(struct fama_channel *channel)
{
    struct source_block taken[SOURCE_QUEUE];
    pthread_mutex_lock(&channel->lock);
    uint32_t count = channel->source_count;
    memcpy(taken, channel->source, count * sizeof(taken[0]));
    channel->source_count = 0;
    pthread_mutex_unlock(&channel->lock);
    for (uint32_t i = 0; i < count; i++) {
        struct waiting_block *place = place_of(channel, taken[i].number);
        if (place == NULL || (place->is_here && place->is_from_source)) {
            fama_block_buffer_release(taken[i].buffer);
            continue;
        }
        if (place->is_here) {
            release_waiting(channel, place, true);
        }
        *place = (struct waiting_block){
            .is_here = true,
            .is_from_source = true,
            .number = taken[i].number,
            .buffer = taken[i].buffer,
            .arrival = {.path = FAMA_ARRIVAL_SOURCE, .complete_ns = wall_clock_ns()},
        };
    }
}

/* ---- Judging ---- */

static struct fama_bytes waiting_bytes(const struct waiting_block *waiting)
{
    if (waiting->is_from_source) {
        return fama_block_buffer_bytes(waiting->buffer);
    }
    return fama_bytes(waiting->assembled.at, waiting->assembled.len);
}

static enum fama_block_refusal judge_alone(struct fama_channel *channel, struct group *group,
                                           size_t i)
{
    struct fama_block *block = &group->blocks[i];
    enum fama_block_refusal refusal = fama_block_parse(waiting_bytes(group->from[i]), block);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return refusal;
    }
    refusal = fama_block_check(block, group->from[i]->number, channel->id);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return refusal;
    }
    const uint8_t *previous = i == 0 ? channel->last_hash : group->blocks[i - 1].header_hash;
    if (!fama_bytes_equal(block->previous_hash, fama_bytes(previous, FAMA_SHA256_BYTES))) {
        return FAMA_BLOCK_PREVIOUS_HASH;
    }
    return fama_block_signatures_prepare(channel->config, block, &group->signatures[i]);
}

/* Takes blocks from the height on as long as there is no gap and they are not too large together. A config
 * block ends the group: what follows is judged by the configuration it brings. The first refusal ends it
 * as well. */
static void gather_group(struct fama_channel *channel, struct group *group)
{
    size_t bytes = 0;
    group->count = 0;
    while (group->count < GROUP_MAX) {
        uint64_t number = channel->next + group->count;
        struct waiting_block *waiting = &channel->waiting[number % WINDOW];
        if (!waiting->is_here || waiting->number != number) {
            return;
        }
        bytes +=
            waiting_bytes(waiting).len; /* sixteen blocks of 32 bits each at most: no overflow */
        if (group->count > 0 && bytes > GROUP_BYTES_MAX) {
            return;
        }
        size_t i = group->count++;
        group->from[i] = waiting;
        memset(&group->blocks[i], 0, sizeof(group->blocks[i]));
        group->signatures[i].count = 0;
        group->verdicts[i] = judge_alone(channel, group, i);
        if (group->verdicts[i] != FAMA_BLOCK_ACCEPTED || fama_block_is_config(&group->blocks[i])) {
            return;
        }
    }
}

/* Runs the signatures of the whole group as one batch. False if the dataplane is stopping. */
static bool judge_signatures(struct fama_channel *channel, struct group *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        for (size_t j = 0; j < group->signatures[i].count; j++) {
            group->jobs[count++] = &group->signatures[i].jobs[j];
        }
    }
    if (count > 0 && fama_dataplane_verify(channel->setup.dataplane, group->jobs, count) != 0) {
        return false;
    }
    for (size_t i = 0; i < group->count; i++) {
        if (group->verdicts[i] == FAMA_BLOCK_ACCEPTED) {
            group->verdicts[i] =
                fama_block_signatures_judge(channel->config, &group->signatures[i]);
        }
        if (group->verdicts[i] != FAMA_BLOCK_ACCEPTED) {
            group->count = i + 1; /* What follows a refused block waits for its good copy. */
        }
    }
    return true;
}

static void refuse(struct fama_channel *channel, struct waiting_block *waiting,
                   enum fama_block_refusal refusal)
{
    fama_warning("channel", "%s: block %llu %s refused: %s: %s", channel->id,
                 (unsigned long long)waiting->number,
                 waiting->is_from_source ? "from the ordering source" : "from gossip",
                 fama_block_refusal_name(refusal), fama_block_refusal_words(refusal));
    pthread_mutex_lock(&channel->lock);
    channel->status.refused[refusal]++;
    if (waiting->is_from_source && (!channel->has_refusal || waiting->number < channel->refusal)) {
        channel->has_refusal = true;
        channel->refusal = waiting->number;
    }
    pthread_mutex_unlock(&channel->lock);
    release_waiting(channel, waiting, false);
    ring_bell(channel->setup.wake_fd);
}

/* ---- Writing ---- */

static void fail(struct fama_channel *channel, const struct fama_error *error)
{
    fama_failure("channel", "%s: commits stop at height %llu: %s", channel->id,
                 (unsigned long long)channel->next, error->text);
    channel->has_failed = true;
    pthread_mutex_lock(&channel->lock);
    channel->status.has_failed = true;
    snprintf(channel->status.failure, sizeof(channel->status.failure), "%s", error->text);
    pthread_mutex_unlock(&channel->lock);
    ring_bell(channel->setup.wake_fd);
}

/* Follows a committed config block. The orderers have signed it and the chain has it: a configuration
 * that we cannot read stops the channel, as going on by the old one could accept what others refuse. */
static bool adopt_config(struct fama_channel *channel, const struct fama_block *block)
{
    struct fama_channel_config *config = NULL;
    struct fama_error error = {""};
    if (fama_channel_config_from_block(block, &config, &error) != 0) {
        fail(channel, &error);
        return false;
    }
    fama_channel_config_release(channel->config);
    channel->config = config;
    return true;
}

static void note_committed(struct fama_channel *channel, const struct group *group, size_t count)
{
    const struct fama_block *last = &group->blocks[count - 1];
    pthread_mutex_lock(&channel->lock);
    for (size_t i = 0; i < count; i++) {
        enum fama_arrival_path path = group->from[i]->arrival.path;
        channel->status.blocks_by_push += path == FAMA_ARRIVAL_PUSH;
        channel->status.blocks_by_pull += path == FAMA_ARRIVAL_PULL;
        channel->status.blocks_from_source += path == FAMA_ARRIVAL_SOURCE;
    }
    channel->status.height = last->number + 1;
    memcpy(channel->status.last_hash, last->header_hash, FAMA_SHA256_BYTES);
    pthread_mutex_unlock(&channel->lock);
    channel->next = last->number + 1;
    memcpy(channel->last_hash, last->header_hash, FAMA_SHA256_BYTES);
    atomic_store_explicit(&channel->gate.next_block, channel->next, memory_order_release);
}

static bool write_group(struct fama_channel *channel, struct group *group, size_t count)
{
    struct fama_ledger_commit commits[GROUP_MAX];
    for (size_t i = 0; i < count; i++) {
        struct waiting_block *waiting = group->from[i];
        if (waiting->is_from_source) {
            waiting->arrival.sent_ns = wall_clock_ns();
            fama_sender_push(channel->setup.sender, channel->id, waiting->number, waiting->buffer);
        }
        commits[i] =
            (struct fama_ledger_commit){.block = &group->blocks[i], .arrival = waiting->arrival};
    }
    struct fama_error error = {""};
    if (fama_ledger_commit(channel->ledger, commits, count, &error) != 0) {
        fail(channel, &error);
        return false;
    }
    note_committed(channel, group, count);
    bool is_well = true;
    if (fama_block_is_config(&group->blocks[count - 1])) {
        is_well = adopt_config(channel, &group->blocks[count - 1]);
    }
    for (size_t i = 0; i < count; i++) {
        release_waiting(channel, group->from[i], true);
    }
    ring_bell(channel->setup.wake_fd);
    return is_well;
}

/* Gives back all that waits. A channel that has failed must not keep slots of the dataplane, which other
 * channels need. */
static void drop_waiting(struct fama_channel *channel)
{
    for (size_t i = 0; i < WINDOW; i++) {
        if (channel->waiting[i].is_here) {
            release_waiting(channel, &channel->waiting[i], true);
        }
    }
}

/* Judges and writes one group. False when there was nothing to do, when the channel has failed, or when
 * the dataplane is being interrupted, so that nothing can be judged any more. */
static bool commit_step(struct fama_channel *channel, struct group *group)
{
    gather_group(channel, group);
    if (group->count == 0) {
        return false;
    }
    size_t gathered = group->count;
    bool is_judged = judge_signatures(channel, group);
    size_t last = group->count - 1;
    size_t good = group->verdicts[last] == FAMA_BLOCK_ACCEPTED ? group->count : last;
    bool is_well = is_judged;
    if (is_judged && good > 0) {
        is_well = write_group(channel, group, good);
    }
    if (is_judged && good < group->count) {
        refuse(channel, group->from[last], group->verdicts[last]);
    }
    for (size_t i = 0; i < gathered; i++) {
        fama_block_signatures_clear(&group->signatures[i]);
        fama_block_clear(&group->blocks[i]);
    }
    return is_well;
}

static void *commit_main(void *context)
{
    struct fama_channel *channel = context;
    fama_dataplane_stand_aside(channel->setup.dataplane);
    struct group *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        struct fama_error error;
        fama_error_set(&error, 0, "no memory for a commit group: free some and restart the node");
        fail(channel, &error);
    }
    struct pollfd bells[2] = {
        {.fd = channel->offer_fd, .events = POLLIN},
        {.fd = fama_dataplane_block_fd(channel->setup.dataplane, channel->setup.index),
         .events = POLLIN},
    };
    while (!atomic_load(&channel->is_stopping)) {
        take_from_source(channel);
        take_from_dataplane(channel);
        if (!channel->has_failed && commit_step(channel, group)) {
            continue;
        }
        if (channel->has_failed) {
            drop_waiting(channel);
        }
        /* The dataplane rings its bell only for a thread that has found nothing: that was just now. */
        if (poll(bells, 2, 1000) < 0 && errno != EINTR) {
            fama_failure("channel", "%s: poll: %s", channel->id, strerror(errno));
        }
        if (bells[0].revents & POLLIN) {
            drain_bell(channel->offer_fd);
        }
    }
    free(group);
    return NULL;
}

/* ---- Life ---- */

static void free_channel(struct fama_channel *channel)
{
    fama_ledger_close(channel->ledger);
    fama_channel_config_release(channel->config);
    if (channel->offer_fd >= 0) {
        close(channel->offer_fd);
    }
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

static struct fama_channel *new_channel(const struct fama_channel_setup *setup, const char *id)
{
    struct fama_channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        return NULL;
    }
    channel->setup = *setup;
    snprintf(channel->id, sizeof(channel->id), "%s", id);
    fama_channel_digest(channel->id, channel->digest);
    channel->tag = fama_tag_of(channel->digest);
    if (pthread_mutex_init(&channel->lock, NULL) != 0) {
        free(channel);
        return NULL;
    }
    channel->offer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (channel->offer_fd < 0) {
        free_channel(channel);
        return NULL;
    }
    return channel;
}

static int open_ledger(struct fama_channel *channel, struct fama_error *error)
{
    char directory[4096];
    int len = snprintf(directory, sizeof(directory), "%s/%s", channel->setup.ledgers_directory,
                       channel->id);
    if (len < 0 || (size_t)len >= sizeof(directory)) {
        return fama_error_set(error, FAMA_CHANNEL_INVALID, "ledger path too long: %s",
                              channel->setup.ledgers_directory);
    }
    if (fama_ledger_open(directory, &channel->ledger, error) != 0) {
        return FAMA_CHANNEL_LEDGER;
    }
    return 0;
}

/* Brings memory up to what the ledger says. */
static void adopt_height(struct fama_channel *channel)
{
    struct fama_ledger_info info;
    fama_ledger_info(channel->ledger, &info);
    channel->next = info.height;
    memcpy(channel->last_hash, info.last_hash, FAMA_SHA256_BYTES);
    channel->status.height = info.height;
    memcpy(channel->status.last_hash, info.last_hash, FAMA_SHA256_BYTES);
    atomic_store(&channel->gate.next_block, info.height);
}

static int check_membership(const struct fama_channel_setup *setup,
                            const struct fama_channel_config *config, struct fama_error *error)
{
    if (fama_channel_config_application_msp(config, setup->mspid) == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_INVALID,
                              "channel %s: %s is not one of its application organisations: have it "
                              "added to the channel's configuration first",
                              fama_channel_config_id(config), setup->mspid);
    }
    return 0;
}

/* Decodes a genesis block and its configuration; the block borrows `genesis`. */
static int read_genesis(struct fama_bytes genesis, struct fama_block *block,
                        struct fama_channel_config **config, struct fama_error *error)
{
    if (fama_block_parse(genesis, block) != FAMA_BLOCK_ACCEPTED || block->number != 0) {
        return fama_error_set(error, FAMA_CHANNEL_INVALID,
                              "not a genesis block: give the channel's block 0, as configtxgen or "
                              "`fama channel genesis` wrote it");
    }
    if (fama_channel_config_from_block(block, config, error) != 0) {
        return FAMA_CHANNEL_INVALID;
    }
    enum fama_block_refusal refusal = fama_block_check(block, 0, fama_channel_config_id(*config));
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return fama_error_set(error, FAMA_CHANNEL_INVALID,
                              "the genesis block of channel %s is damaged: %s (%s): get it anew",
                              fama_channel_config_id(*config), fama_block_refusal_name(refusal),
                              fama_block_refusal_words(refusal));
    }
    return 0;
}

int fama_channel_genesis_id(struct fama_bytes genesis, char id[FAMA_CHANNEL_ID_MAX],
                            struct fama_error *error)
{
    struct fama_block block = {0};
    struct fama_channel_config *config = NULL;
    int result = read_genesis(genesis, &block, &config, error);
    if (result == 0) {
        snprintf(id, FAMA_CHANNEL_ID_MAX, "%s", fama_channel_config_id(config));
    }
    fama_channel_config_release(config);
    fama_block_clear(&block);
    return result;
}

/* Makes the ledger and writes block 0 into it. */
static int found_ledger(struct fama_channel *channel, const struct fama_block *genesis,
                        struct fama_error *error)
{
    int result = open_ledger(channel, error);
    if (result != 0) {
        return result;
    }
    adopt_height(channel);
    if (channel->next != 0) {
        return fama_error_set(error, FAMA_CHANNEL_EXISTS, "channel %s is already joined",
                              channel->id);
    }
    struct fama_ledger_commit commit = {
        .block = genesis,
        .arrival = {.path = FAMA_ARRIVAL_GENESIS, .complete_ns = wall_clock_ns()},
    };
    if (fama_ledger_commit(channel->ledger, &commit, 1, error) != 0) {
        return FAMA_CHANNEL_LEDGER;
    }
    adopt_height(channel);
    return 0;
}

int fama_channel_join(const struct fama_channel_setup *setup, struct fama_bytes genesis,
                      struct fama_channel **channel, struct fama_error *error)
{
    struct fama_block block = {0};
    struct fama_channel_config *config = NULL;
    struct fama_channel *made = NULL;
    int result = read_genesis(genesis, &block, &config, error);
    if (result == 0) {
        result = check_membership(setup, config, error);
    }
    if (result == 0) {
        made = new_channel(setup, fama_channel_config_id(config));
        result = made == NULL ? fama_error_set(error, FAMA_CHANNEL_NO_MEMORY, "out of memory")
                              : found_ledger(made, &block, error);
    }
    fama_block_clear(&block);
    if (result != 0) {
        fama_channel_config_release(config);
        if (made != NULL) {
            free_channel(made);
        }
        return result;
    }
    made->config = config;
    *channel = made;
    return 0;
}

/* Reads one of our own blocks; the block borrows *bytes, to be freed in either case. */
static int read_own(const struct fama_channel *channel, uint64_t number, uint8_t **bytes,
                    struct fama_block *block, struct fama_error *error)
{
    size_t len = 0;
    int result = fama_ledger_block(channel->ledger, number, bytes, &len, error);
    if (result == 0 && fama_block_parse(fama_bytes(*bytes, len), block) != FAMA_BLOCK_ACCEPTED) {
        result = fama_error_set(error, FAMA_CHANNEL_LEDGER, "block %llu does not decode",
                                (unsigned long long)number);
    }
    return result;
}

static int load_config(struct fama_channel *channel, struct fama_error *error)
{
    uint8_t *bytes = NULL;
    struct fama_block block = {0};
    uint64_t number = 0;
    int result = read_own(channel, channel->next - 1, &bytes, &block, error);
    if (result == 0 && !fama_block_is_config(&block) && fama_block_last_config(&block, &number)) {
        fama_block_clear(&block);
        fama_ledger_free(bytes);
        bytes = NULL;
        result = read_own(channel, number, &bytes, &block, error);
    }
    if (result == 0) {
        result = fama_channel_config_from_block(&block, &channel->config, error);
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    if (result != 0) {
        return fama_error_prefix(error, FAMA_CHANNEL_LEDGER, "last configuration: ");
    }
    return 0;
}

int fama_channel_open(const struct fama_channel_setup *setup, const char *channel_id,
                      struct fama_channel **channel, struct fama_error *error)
{
    struct fama_channel *made = new_channel(setup, channel_id);
    if (made == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_NO_MEMORY, "out of memory");
    }
    int result = open_ledger(made, error);
    if (result == 0) {
        adopt_height(made);
        if (made->next == 0) {
            result = fama_error_set(error, FAMA_CHANNEL_EMPTY,
                                    "its ledger is empty: join the channel again");
        } else {
            result = load_config(made, error);
        }
    }
    if (result == 0 && strcmp(fama_channel_config_id(made->config), channel_id) != 0) {
        result = fama_error_set(error, FAMA_CHANNEL_LEDGER,
                                "its ledger holds channel %s: the folder was renamed or mixed up",
                                fama_channel_config_id(made->config));
    }
    if (result != 0) {
        free_channel(made);
        return fama_error_prefix(error, result, "channel %s: ", channel_id);
    }
    *channel = made;
    return 0;
}

bool fama_channel_begins_with(const struct fama_channel *channel, struct fama_bytes genesis)
{
    struct fama_block given = {0};
    struct fama_block own = {0};
    uint8_t *bytes = NULL;
    bool is_same = read_own(channel, 0, &bytes, &own, NULL) == 0 &&
                   fama_block_parse(genesis, &given) == FAMA_BLOCK_ACCEPTED &&
                   memcmp(given.header_hash, own.header_hash, sizeof(own.header_hash)) == 0;
    fama_block_clear(&own);
    fama_block_clear(&given);
    fama_ledger_free(bytes);
    return is_same;
}

int fama_channel_start(struct fama_channel *channel)
{
    if (pthread_create(&channel->thread, NULL, commit_main, channel) != 0) {
        return FAMA_CHANNEL_NO_MEMORY;
    }
    channel->has_thread = true;
    return 0;
}

void fama_channel_stop(struct fama_channel *channel)
{
    if (channel->has_thread) {
        atomic_store(&channel->is_stopping, true);
        ring_bell(channel->offer_fd);
        pthread_join(channel->thread, NULL);
        channel->has_thread = false;
    }
    drop_waiting(channel);
    for (uint32_t i = 0; i < channel->source_count; i++) {
        fama_block_buffer_release(channel->source[i].buffer);
    }
    channel->source_count = 0;
}

void fama_channel_close(struct fama_channel *channel)
{
    if (channel != NULL) {
        fama_channel_stop(channel);
        free_channel(channel);
    }
}

/* ---- Looking in ---- */

const char *fama_channel_id(const struct fama_channel *channel)
{
    return channel->id;
}

fama_tag fama_channel_tag(const struct fama_channel *channel)
{
    return channel->tag;
}

const uint8_t *fama_channel_digest_of(const struct fama_channel *channel)
{
    return channel->digest;
}

uint16_t fama_channel_index(const struct fama_channel *channel)
{
    return channel->setup.index;
}

struct fama_channel_gate *fama_channel_gate(struct fama_channel *channel)
{
    return &channel->gate;
}

const struct fama_ledger *fama_channel_ledger(const struct fama_channel *channel)
{
    return channel->ledger;
}

void fama_channel_status(struct fama_channel *channel, struct fama_channel_status *status)
{
    pthread_mutex_lock(&channel->lock);
    *status = channel->status;
    pthread_mutex_unlock(&channel->lock);
}

uint32_t fama_channel_source_room(struct fama_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    uint32_t room = channel->status.has_failed ? 0 : SOURCE_QUEUE - channel->source_count;
    pthread_mutex_unlock(&channel->lock);
    return room;
}

void fama_channel_offer(struct fama_channel *channel, uint64_t number,
                        struct fama_block_buffer *buffer)
{
    pthread_mutex_lock(&channel->lock);
    if (channel->source_count < SOURCE_QUEUE) {
        channel->source[channel->source_count++] =
            (struct source_block){.number = number, .buffer = fama_block_buffer_acquire(buffer)};
    }
    pthread_mutex_unlock(&channel->lock);
    ring_bell(channel->offer_fd);
}

bool fama_channel_source_refusal(struct fama_channel *channel, uint64_t *number)
{
    pthread_mutex_lock(&channel->lock);
    bool has_refusal = channel->has_refusal;
    *number = channel->refusal;
    channel->has_refusal = false;
    pthread_mutex_unlock(&channel->lock);
    return has_refusal;
}
