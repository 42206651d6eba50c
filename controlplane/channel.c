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
#include "ledger/committer.h"
#include "ledger/rebuild.h"

#define WINDOW        64 /* blocks from the height on that may wait here; the dataplane's slots at most */
#define GROUP_MAX     16 /* blocks written together: two groups leave room for what comes meanwhile */
#define SOURCE_QUEUE  16
#define NOTE_EVERY_NS UINT64_C(5000000000)
/* Bytes of a group of more than one block: far below what the ledger takes at once, and no small block
 * waits for the disk behind several of the largest. */
#define GROUP_BYTES_MAX ((size_t)64 << 20)
_Static_assert(GROUP_MAX <= FAMA_COMMIT_GROUP_MAX && 2 * GROUP_MAX < WINDOW, "groups fit");

/* A whole block that waits for its turn. */
struct waiting_block {
    bool is_here;
    bool is_from_source;
    bool is_in_flight; /* part of a group: not to be replaced */
    uint64_t number;
    struct fama_block_buffer *buffer; /* from the source: our reference */
    struct fama_assembled assembled;  /* from the dataplane: a slot on loan */
    struct fama_arrival arrival;
    struct fama_block_time time;
};

struct source_block {
    uint64_t number;
    struct fama_block_buffer *buffer;
};

/* A group on its way: its orderers' signatures are good, those of its transactions are being checked. */
struct flight {
    struct fama_commit_group *group; /* NULL: none */
    struct waiting_block *from[GROUP_MAX];
    size_t count;
    size_t bytes;
    bool lacks_memory; /* for the next block */
    struct fama_verify_batch batch;
};

struct fama_channel {
    char id[FAMA_CHANNEL_ID_MAX];
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_tag tag;
    struct fama_channel_setup setup;
    const struct fama_push_settings *push;
    struct fama_ledger *ledger;
    struct fama_channel_gate gate;
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_stopping;
    int offer_fd; /* wakes the commit thread for source blocks and for the end */

    pthread_mutex_t lock; /* guards source queue, refusal note, status and times */
    struct source_block source[SOURCE_QUEUE];
    uint32_t source_count;
    bool has_refusal;
    uint64_t refusal;
    struct fama_channel_status status;
    struct fama_block_times times;

    /* The commit thread's own. */
    struct fama_committer *committer;
    struct waiting_block waiting[WINDOW];
    struct flight flights[2];
    struct flight *elder, *younger; /* of the two */
    uint64_t next;
    bool has_failed;
    uint64_t noted_ns; /* when progress was last logged */
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t wall_clock_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
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
            .time = {.whole_ns = clock_ns(CLOCK_MONOTONIC)},
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
        if (place == NULL || (place->is_here && (place->is_from_source || place->is_in_flight))) {
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
            .time = {.whole_ns = clock_ns(CLOCK_MONOTONIC)},
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

/* Under the lock, or before there are threads. */
static void note_tip(struct fama_channel *channel, const struct fama_ledger_info *info)
{
    channel->status.height = info->height;
    memcpy(channel->status.last_hash, info->last_hash, FAMA_SHA256_BYTES);
    channel->status.has_commit_hash = info->has_commit_hash;
    memcpy(channel->status.commit_hash, info->commit_hash, FAMA_SHA256_BYTES);
}

static void note_committed(struct fama_channel *channel, const struct flight *flight, size_t count)
{
    struct fama_ledger_info info;
    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    fama_ledger_info(channel->ledger, &info);
    pthread_mutex_lock(&channel->lock);
    for (size_t i = 0; i < count; i++) {
        enum fama_arrival_path path = flight->from[i]->arrival.path;
        struct fama_block_time *time = &flight->from[i]->time;
        time->number = flight->from[i]->number;
        time->path = path;
        time->committed_ns = now_ns;
        fama_block_times_note(&channel->times, time);
        const struct fama_prepared_block *block =
            fama_commit_group_block(flight->group, i)->prepared;
        channel->status.blocks_by_push += path == FAMA_ARRIVAL_PUSH;
        channel->status.blocks_by_pull += path == FAMA_ARRIVAL_PULL;
        channel->status.blocks_from_source += path == FAMA_ARRIVAL_SOURCE;
        channel->status.transactions += block->count;
        for (size_t j = 0; j < block->count; j++) {
            channel->status.invalid_transactions += block->codes[j] != FAMA_TRANSACTION_VALID;
        }
    }
    note_tip(channel, &info);
    pthread_mutex_unlock(&channel->lock);
    channel->next = info.height;
    atomic_store_explicit(&channel->gate.next_block, channel->next, memory_order_release);
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

/* ---- Groups under way ---- */

/* Ends a flight. Blocks of it that were not committed wait again. */
static void turn_back(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++) {
        flight->from[i]->is_in_flight = false;
    }
    fama_commit_group_destroy(flight->group);
    flight->group = NULL;
    flight->count = 0;
}

/* Takes the block that waits for its place in the chain. False when it is not here, or was refused; or
 * memory is out, when it goes on waiting. The orderers' signatures are good then, so that the source's
 * block is sent on at once. */
static bool board(struct fama_channel *channel, struct flight *flight)
{
    uint64_t number = fama_committer_next(channel->committer);
    struct waiting_block *waiting = &channel->waiting[number % WINDOW];
    if (!waiting->is_here || waiting->number != number || waiting->is_in_flight) {
        return false;
    }
    struct fama_bytes bytes = waiting_bytes(waiting);
    if (flight->count > 0 && flight->bytes + bytes.len > GROUP_BYTES_MAX) {
        return false;
    }
    if (waiting->is_from_source) {
        waiting->arrival.sent_ns = wall_clock_ns();
    }
    enum fama_block_refusal refusal = fama_commit_group_add(flight->group, bytes, waiting->arrival);
    flight->lacks_memory = refusal == FAMA_BLOCK_NO_MEMORY;
    if (flight->lacks_memory) {
        return false;
    }
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        refuse(channel, waiting, refusal);
        return false;
    }
    waiting->is_in_flight = true;
    waiting->time.bytes = bytes.len;
    waiting->time.judged_ns = fama_commit_group_judged_ns(flight->group, flight->count);
    flight->from[flight->count++] = waiting;
    flight->bytes += bytes.len;
    if (waiting->is_from_source) {
        waiting->time.sent_ns = clock_ns(CLOCK_MONOTONIC);
        (void)fama_sender_push(channel->setup.sender, channel->id, channel->push, number,
                               waiting->buffer);
    }
    return true;
}

/* Whether memory may come free without anybody's help: a group under way gives back its own. */
static bool will_have_memory(const struct fama_channel *channel, const struct flight *flight)
{
    const struct flight *other = flight == channel->elder ? channel->younger : channel->elder;
    return other->group != NULL;
}

/* Gathers the next group and has its signatures begun. False if there is none to gather (now). */
static bool take_off(struct fama_channel *channel, struct flight *flight)
{
    if (channel->has_failed || !fama_committer_can_prepare(channel->committer)) {
        return false;
    }
    struct fama_error error = {""};
    flight->bytes = 0;
    flight->lacks_memory = false;
    flight->group = fama_commit_group_create(channel->committer);
    if (flight->group != NULL) {
        while (flight->count < GROUP_MAX && !fama_commit_group_is_closed(flight->group) &&
               board(channel, flight)) {
        }
        bool is_empty = flight->count == 0;
        if (is_empty && (!flight->lacks_memory || will_have_memory(channel, flight))) {
            turn_back(flight);
            return false;
        }
        size_t count;
        struct fama_verify_job **jobs =
            is_empty ? NULL : fama_commit_group_jobs(flight->group, &count);
        if (jobs != NULL) {
            fama_dataplane_verify_begin(channel->setup.dataplane, &flight->batch, jobs, count);
            return true;
        }
    }
    fama_error_set(&error, 0, "no memory for a commit group: free some and restart the node");
    turn_back(flight);
    fail(channel, &error);
    return false;
}

/* Waits for the signatures of the elder flight and commits it. False if the dataplane is being
 * interrupted, so that nothing can be judged any more, or the channel has failed. */
static bool land(struct fama_channel *channel, struct flight *flight)
{
    if (fama_dataplane_verify_finish(channel->setup.dataplane, &flight->batch) != 0) {
        return false;
    }
    struct fama_error error = {""};
    size_t committed = 0;
    int status = fama_committer_commit(channel->committer, flight->group, &committed, &error);
    if (committed > 0) {
        note_committed(channel, flight, committed);
    }
    size_t count = flight->count;
    turn_back(flight);
    for (size_t i = 0; i < committed && i < count; i++) {
        release_waiting(channel, flight->from[i], true);
    }
    ring_bell(channel->setup.wake_fd);
    if (status != 0) {
        fail(channel, &error);
    }
    return status == 0;
}

/* Brings the blocks one step further: gathers what waits, commits what was gathered before. False when
 * there was nothing to do or nothing can be done any more. */
static bool commit_step(struct fama_channel *channel)
{
    struct flight *elder = channel->elder;
    struct flight *younger = channel->younger;
    if (elder->group == NULL && !take_off(channel, elder)) {
        return false;
    }
    (void)take_off(channel, younger);
    if (!land(channel, elder)) {
        if (younger->group != NULL) {
            (void)fama_dataplane_verify_finish(channel->setup.dataplane, &younger->batch);
            turn_back(younger);
        }
        turn_back(elder);
        return false;
    }
    channel->elder = younger;
    channel->younger = elder;
    return true;
}

static void *commit_main(void *context)
{
    struct fama_channel *channel = context;
    fama_dataplane_stand_aside(channel->setup.dataplane);
    struct pollfd bells[2] = {
        {.fd = channel->offer_fd, .events = POLLIN},
        {.fd = fama_dataplane_block_fd(channel->setup.dataplane, channel->setup.index),
         .events = POLLIN},
    };
    while (!atomic_load(&channel->is_stopping)) {
        take_from_source(channel);
        take_from_dataplane(channel);
        if (!channel->has_failed && commit_step(channel)) {
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
    /* Stopping between two steps leaves one group in the air. */
    if (channel->elder->group != NULL) {
        (void)fama_dataplane_verify_finish(channel->setup.dataplane, &channel->elder->batch);
        turn_back(channel->elder);
    }
    return NULL;
}

/* ---- Life ---- */

static void free_channel(struct fama_channel *channel)
{
    for (size_t i = 0; i < 2; i++) {
        fama_verify_batch_free(&channel->flights[i].batch);
    }
    fama_committer_destroy(channel->committer);
    fama_ledger_close(channel->ledger);
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
    channel->elder = &channel->flights[0];
    channel->younger = &channel->flights[1];
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
    note_tip(channel, &info);
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
static int found_ledger(struct fama_channel *channel, struct fama_bytes genesis,
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
    struct fama_arrival arrival = {.path = FAMA_ARRIVAL_GENESIS, .complete_ns = wall_clock_ns()};
    struct fama_commit_group *group = NULL;
    if (fama_committer_create(channel->ledger, channel->id, &channel->committer, error) != 0 ||
        fama_committer_found(channel->committer, genesis, arrival, &group, error) != 0) {
        return FAMA_CHANNEL_LEDGER;
    }
    fama_commit_group_destroy(group);
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
                              : found_ledger(made, genesis, error);
    }
    fama_block_clear(&block);
    fama_channel_config_release(config);
    if (result != 0) {
        if (made != NULL) {
            free_channel(made);
        }
        return result;
    }
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

/* Says now and then how far the rebuilding of a state is. False to end it now. */
static bool note_rebuilding(void *context, uint64_t done, uint64_t total)
{
    struct fama_channel *channel = context;
    uint64_t now = wall_clock_ns();
    if (done == total || now - channel->noted_ns >= NOTE_EVERY_NS) {
        channel->noted_ns = now;
        fama_info("channel", "%s: state rebuilt from %llu of %llu blocks", channel->id,
                  (unsigned long long)done, (unsigned long long)total);
    }
    return done == total || channel->setup.may_go_on == NULL || channel->setup.may_go_on();
}

/* Takes up the channel at its height. A state that is missing or behind its blocks is made anew first. */
static int open_committer(struct fama_channel *channel, struct fama_error *error)
{
    int result = fama_committer_create(channel->ledger, channel->id, &channel->committer, error);
    if (result == FAMA_COMMITTER_DAMAGED) {
        fama_warning("channel", "%s: %s: doing so now", channel->id, error->text);
        channel->noted_ns = wall_clock_ns();
        result = fama_ledger_catch_up_state(channel->ledger, note_rebuilding, channel, error);
        if (result == 0) {
            result =
                fama_committer_create(channel->ledger, channel->id, &channel->committer, error);
        } else if (result == FAMA_LEDGER_STOPPED) {
            return fama_error_prefix(error, FAMA_CHANNEL_STOPPED,
                                     "its state is not whole yet and is completed at the next "
                                     "start: ");
        }
    }
    return result == 0 ? 0 : FAMA_CHANNEL_LEDGER;
}

int fama_channel_open(const struct fama_channel_setup *setup, const char *channel_id,
                      struct fama_channel **channel, struct fama_error *error)
{
    if (!fama_channel_id_is_valid(fama_bytes_of_text(channel_id))) {
        return fama_error_set(error, FAMA_CHANNEL_INVALID,
                              "%s/%s: no channel has such a name: what is no ledger belongs "
                              "elsewhere",
                              setup->ledgers_directory, channel_id);
    }
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
            result = open_committer(made, error);
        }
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
    struct fama_ledger_info info;
    char id[FAMA_CHANNEL_ID_MAX];
    fama_ledger_info(channel->ledger, &info);
    if (info.first_block > 0) {
        return fama_channel_genesis_id(genesis, id, NULL) == 0 && strcmp(id, channel->id) == 0;
    }
    bool is_same = read_own(channel, 0, &bytes, &own, NULL) == 0 &&
                   fama_block_parse(genesis, &given) == FAMA_BLOCK_ACCEPTED &&
                   memcmp(given.header_hash, own.header_hash, sizeof(own.header_hash)) == 0;
    fama_block_clear(&own);
    fama_block_clear(&given);
    fama_ledger_free(bytes);
    return is_same;
}

void fama_channel_push_as(struct fama_channel *channel, const struct fama_push_settings *settings)
{
    channel->push = settings;
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

size_t fama_channel_block_times(struct fama_channel *channel, uint64_t first, size_t count,
                                struct fama_block_time *times)
{
    size_t found = 0;
    pthread_mutex_lock(&channel->lock);
    uint64_t height = channel->status.height;
    if (height > FAMA_BLOCK_TIMES_KEPT && first < height - FAMA_BLOCK_TIMES_KEPT) {
        first = height - FAMA_BLOCK_TIMES_KEPT;
    }
    for (uint64_t number = first; number < height && found < count; number++) {
        found += fama_block_times_find(&channel->times, number, &times[found]);
    }
    pthread_mutex_unlock(&channel->lock);
    return found;
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
