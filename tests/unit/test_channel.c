/* The commit thread against a dataplane that is a queue: real blocks, a real ledger, the real sender. The
 * functions of dataplane/dataplane.h that a channel and a sender call are defined here. */
#include "controlplane/channel.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "ledger/ledger_rollback.h"
#include "ledger/snapshot.h"
#include "unit/made_chain.h"

#define BLOCKS  12
#define HANDED  96 /* blocks handed over in one test; each has a slot of its own */
#define WAIT_MS 10000

struct fama_dataplane {
    pthread_mutex_t lock;
    int bell;
    struct fama_assembled queue[HANDED];
    uint32_t handed, taken;
    uint32_t returned[HANDED]; /* how often */
    bool accepted[HANDED];
    uint32_t pushed_count;
    uint64_t pushed[HANDED];
    bool is_interrupted;
    struct fama_verifier *verifier;
};

bool fama_dataplane_take_block(struct fama_dataplane *dataplane, uint16_t channel,
                               struct fama_assembled *block)
{
    uint64_t rung;
    (void)channel;
    pthread_mutex_lock(&dataplane->lock);
    bool is_there = dataplane->taken < dataplane->handed;
    if (is_there) {
        *block = dataplane->queue[dataplane->taken++];
    } else {
        (void)!read(dataplane->bell, &rung, sizeof(rung));
    }
    pthread_mutex_unlock(&dataplane->lock);
    return is_there;
}

void fama_dataplane_return_block(struct fama_dataplane *dataplane,
                                 const struct fama_assembled *block, bool accepted)
{
    pthread_mutex_lock(&dataplane->lock);
    dataplane->returned[block->slot]++;
    dataplane->accepted[block->slot] = accepted;
    pthread_mutex_unlock(&dataplane->lock);
}

int fama_dataplane_block_fd(const struct fama_dataplane *dataplane, uint16_t channel)
{
    (void)channel;
    return dataplane->bell;
}

/* Judges when the batch is finished, as lcores that are busy until then would. */
void fama_dataplane_verify_begin(struct fama_dataplane *dataplane, struct fama_verify_batch *batch,
                                 struct fama_verify_job *jobs[], size_t count)
{
    (void)dataplane;
    batch->jobs = jobs;
    batch->count = count;
}

int fama_dataplane_verify_finish(struct fama_dataplane *dataplane, struct fama_verify_batch *batch)
{
    pthread_mutex_lock(&dataplane->lock);
    bool is_interrupted = dataplane->is_interrupted;
    pthread_mutex_unlock(&dataplane->lock);
    if (is_interrupted) {
        return FAMA_DATAPLANE_STOPPING;
    }
    fama_verifier_run(dataplane->verifier, batch->jobs, batch->count);
    return 0;
}

void fama_verify_batch_free(struct fama_verify_batch *batch)
{
    (void)batch;
}

void fama_dataplane_stand_aside(const struct fama_dataplane *dataplane)
{
    (void)dataplane;
}

int fama_dataplane_send_block(struct fama_dataplane *dataplane, const struct fama_signer *signer,
                              const struct fama_block_send *send, uint64_t *chunks)
{
    (void)signer;
    pthread_mutex_lock(&dataplane->lock);
    dataplane->pushed[dataplane->pushed_count++] = send->number;
    pthread_mutex_unlock(&dataplane->lock);
    *chunks += 1;
    return 0;
}

/* ---- One node's channel ---- */

static struct made_chain made;
static struct fama_bytes chain[BLOCKS + 1]; /* chain[0] is the genesis block */
static struct fama_bytes stranger_block;    /* block 1 by an orderer nobody knows */
static uint8_t *copies[HANDED];             /* spoilt ones, freed at the end */
static size_t copy_count;

struct bench {
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_channel *channel;
    struct fama_channel_setup setup;
    struct fama_push_settings push; /* of a node that is no origin: it has no key of its own */
    char ledgers[128];
    int wake_fd;
};

static void ring(int fd)
{
    uint64_t one = 1;
    CU_ASSERT_EQUAL(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static bool draw_nothing(uint8_t *bytes, size_t count)
{
    (void)bytes;
    (void)count;
    return false;
}

static struct fama_channel_keys *make_keys(void)
{
    static const uint8_t digest[FAMA_SHA256_BYTES] = {1};
    const struct fama_channel_keys_config config = {
        .channel_digest = digest,
        .self_pki_id = fama_identity_pki_id(fama_signer_identity(made.signers[MADE_SIPHER])),
        .first_epoch = 1,
        .rotate_ns = 1,
        .grace_ns = 1,
        .retry_ns = 1,
        .members_max = 1,
        .random = draw_nothing,
    };
    return fama_channel_keys_create(&config);
}

static void begin(struct bench *bench)
{
    fama_channel_push_as(bench->channel, &bench->push);
    CU_ASSERT_EQUAL_FATAL(fama_channel_start(bench->channel), 0);
}

static void prepare(struct bench *bench)
{
    static int count;
    memset(bench, 0, sizeof(*bench));
    snprintf(bench->ledgers, sizeof(bench->ledgers), "%s/ledgers%d", made.folder, count++);
    CU_ASSERT_EQUAL_FATAL(mkdir(bench->ledgers, 0700), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_mutex_init(&bench->dataplane.lock, NULL), 0);
    bench->dataplane.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bench->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bench->dataplane.verifier = fama_verifier_create();
    bench->sender = fama_sender_start(&bench->dataplane, made.signers[MADE_SIPHER]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench->dataplane.verifier);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench->sender);
    bench->push.keys = make_keys();
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench->push.keys);
    bench->setup = (struct fama_channel_setup){.ledgers_directory = bench->ledgers,
                                               .mspid = "SipherMSP",
                                               .dataplane = &bench->dataplane,
                                               .sender = bench->sender,
                                               .wake_fd = bench->wake_fd};
}

static void start(struct bench *bench)
{
    struct fama_error error = {""};
    prepare(bench);
    CU_ASSERT_EQUAL_FATAL(fama_channel_join(&bench->setup, chain[0], &bench->channel, &error), 0);
    begin(bench);
}

static void finish(struct bench *bench)
{
    if (bench->channel != NULL) {
        fama_channel_stop(bench->channel);
    }
    fama_sender_stop(bench->sender);
    fama_channel_close(bench->channel);
    fama_channel_keys_destroy(bench->push.keys);
    for (uint32_t i = 0; i < bench->dataplane.taken; i++) {
        CU_ASSERT_EQUAL(bench->dataplane.returned[i], 1);
    }
    fama_verifier_destroy(bench->dataplane.verifier);
    close(bench->dataplane.bell);
    close(bench->wake_fd);
    pthread_mutex_destroy(&bench->dataplane.lock);
}

/* As the dataplane would: a whole block by gossip, in a slot of its own. Returns the slot. */
static uint32_t hand_over(struct bench *bench, uint64_t number, struct fama_bytes bytes)
{
    struct fama_dataplane *dataplane = &bench->dataplane;
    pthread_mutex_lock(&dataplane->lock);
    uint32_t slot = dataplane->handed++;
    dataplane->queue[slot] = (struct fama_assembled){
        .slot = slot, .number = number, .at = bytes.at, .len = (uint32_t)bytes.len};
    ring(dataplane->bell);
    pthread_mutex_unlock(&dataplane->lock);
    return slot;
}

/* As the ordering source would. */
static void offer(struct bench *bench, uint64_t number, struct fama_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, bytes.at, bytes.len);
    struct fama_block_buffer *buffer = fama_block_buffer_adopt(copy, bytes.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
    CU_ASSERT_TRUE(fama_channel_source_room(bench->channel) > 0);
    fama_channel_offer(bench->channel, number, buffer);
    fama_block_buffer_release(buffer);
}

static bool pause_a_little(uint32_t *waited_ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    return ++*waited_ms < WAIT_MS;
}

static struct fama_channel_status status_of(struct bench *bench)
{
    struct fama_channel_status status;
    fama_channel_status(bench->channel, &status);
    return status;
}

static bool reaches(struct bench *bench, uint64_t height)
{
    uint32_t waited_ms = 0;
    while (status_of(bench).height != height && pause_a_little(&waited_ms)) {
    }
    return status_of(bench).height == height;
}

static bool refuses(struct bench *bench, enum fama_block_refusal refusal, uint64_t times)
{
    uint32_t waited_ms = 0;
    while (status_of(bench).refused[refusal] != times && pause_a_little(&waited_ms)) {
    }
    return status_of(bench).refused[refusal] == times;
}

static uint32_t returned(struct bench *bench)
{
    uint32_t count = 0;
    pthread_mutex_lock(&bench->dataplane.lock);
    for (uint32_t i = 0; i < bench->dataplane.handed; i++) {
        count += bench->dataplane.returned[i];
    }
    pthread_mutex_unlock(&bench->dataplane.lock);
    return count;
}

static bool returns(struct bench *bench, uint32_t count)
{
    uint32_t waited_ms = 0;
    while (returned(bench) < count && pause_a_little(&waited_ms)) {
    }
    return returned(bench) == count;
}

static bool has_taken_all(struct bench *bench)
{
    uint32_t waited_ms = 0;
    bool is_so;
    do {
        pthread_mutex_lock(&bench->dataplane.lock);
        is_so = bench->dataplane.taken == bench->dataplane.handed;
        pthread_mutex_unlock(&bench->dataplane.lock);
    } while (!is_so && pause_a_little(&waited_ms));
    return is_so;
}

static bool was_accepted(struct bench *bench, uint32_t slot)
{
    pthread_mutex_lock(&bench->dataplane.lock);
    bool is_so = bench->dataplane.returned[slot] == 1 && bench->dataplane.accepted[slot];
    pthread_mutex_unlock(&bench->dataplane.lock);
    return is_so;
}

/* A copy with the lowest bit of the byte at `at` changed. */
static struct fama_bytes with_flipped_bit(struct fama_bytes bytes, const uint8_t *at)
{
    uint8_t *copy = malloc(bytes.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, bytes.at, bytes.len);
    copy[at - bytes.at] ^= 1;
    CU_ASSERT_FATAL(copy_count < HANDED);
    copies[copy_count++] = copy;
    return fama_bytes(copy, bytes.len);
}

static struct fama_bytes last_part_spoilt(struct fama_bytes bytes, bool is_data)
{
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    const struct fama_bytes part =
        is_data ? block.envelopes[block.envelope_count - 1] : block.metadata[FAMA_BLOCK_SIGNATURES];
    fama_block_clear(&block);
    return with_flipped_bit(bytes, part.at + part.len - 1);
}

/* What ends an envelope is its creator's signature. */
static struct fama_bytes spoilt(struct fama_bytes bytes)
{
    return last_part_spoilt(bytes, true);
}

/* What ends the signatures' slot is the orderer's. */
static struct fama_bytes with_wrong_signature(struct fama_bytes bytes)
{
    return last_part_spoilt(bytes, false);
}

/* ---- Tests ---- */

static void test_blocks_in_any_order_and_twice_are_committed_in_order_and_once(void)
{
    struct bench bench;
    start(&bench);
    for (uint64_t number = BLOCKS; number >= 2; number--) {
        hand_over(&bench, number, chain[number]);
        hand_over(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(has_taken_all(&bench));
    CU_ASSERT_EQUAL(status_of(&bench).height, 1);
    hand_over(&bench, 1, chain[1]);
    CU_ASSERT_TRUE(reaches(&bench, BLOCKS + 1));
    hand_over(&bench, 1, chain[1]);
    CU_ASSERT_TRUE(returns(&bench, 2 * BLOCKS));
    for (uint32_t slot = 0; slot < 2 * BLOCKS; slot++) {
        CU_ASSERT_TRUE(was_accepted(&bench, slot));
    }
    struct fama_channel_status status = status_of(&bench);
    CU_ASSERT_EQUAL(status.blocks_by_push, BLOCKS);
    CU_ASSERT_EQUAL(atomic_load(&fama_channel_gate(bench.channel)->next_block), BLOCKS + 1);
    for (uint64_t number = 0; number <= BLOCKS; number++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        CU_ASSERT_EQUAL_FATAL(
            fama_ledger_block(fama_channel_ledger(bench.channel), number, &bytes, &len, NULL), 0);
        CU_ASSERT_TRUE(fama_bytes_equal(fama_bytes(bytes, len), chain[number]));
        fama_ledger_free(bytes);
    }
    finish(&bench);
    CU_ASSERT_EQUAL(bench.dataplane.pushed_count, 0);
}

static void test_a_bad_block_is_refused_by_name_and_its_good_copy_taken(void)
{
    struct bench bench;
    start(&bench);
    hand_over(&bench, 2, chain[2]);
    uint32_t bad = hand_over(&bench, 1, spoilt(chain[1]));
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_DATA_HASH, 1));
    CU_ASSERT_TRUE(returns(&bench, 1));
    CU_ASSERT_FALSE(was_accepted(&bench, bad));
    hand_over(&bench, 1, fama_bytes(chain[1].at, chain[1].len / 2));
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_MALFORMED, 1));
    hand_over(&bench, 1, chain[3]);
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_WRONG_NUMBER, 1));
    hand_over(&bench, 1, stranger_block);
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_UNKNOWN_SIGNER, 1));
    hand_over(&bench, 1, with_wrong_signature(chain[1]));
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_BAD_SIGNATURE, 1));
    CU_ASSERT_EQUAL(status_of(&bench).height, 1);
    hand_over(&bench, 1, chain[1]);
    CU_ASSERT_TRUE(reaches(&bench, 3));
    finish(&bench);
}

static void test_what_precedes_a_bad_block_in_its_group_is_committed(void)
{
    struct bench bench;
    start(&bench);
    for (uint64_t number = 8; number >= 1; number--) {
        hand_over(&bench, number, number == 5 ? spoilt(chain[5]) : chain[number]);
    }
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_DATA_HASH, 1));
    CU_ASSERT_TRUE(reaches(&bench, 5));
    CU_ASSERT_TRUE(returns(&bench, 5));
    hand_over(&bench, 5, chain[5]);
    CU_ASSERT_TRUE(reaches(&bench, 9));
    finish(&bench);
}

static void test_a_block_cut_short_in_the_source_is_named_and_its_whole_copy_sent_once(void)
{
    struct bench bench;
    uint64_t number = 0;
    start(&bench);
    offer(&bench, 1, fama_bytes(chain[1].at, chain[1].len / 3));
    CU_ASSERT_TRUE(refuses(&bench, FAMA_BLOCK_MALFORMED, 1));
    CU_ASSERT_TRUE(fama_channel_source_refusal(bench.channel, &number));
    CU_ASSERT_EQUAL(number, 1);
    CU_ASSERT_FALSE(fama_channel_source_refusal(bench.channel, &number));
    for (uint64_t i = 1; i <= 3; i++) {
        offer(&bench, i, chain[i]);
    }
    CU_ASSERT_TRUE(reaches(&bench, 4));
    CU_ASSERT_EQUAL(status_of(&bench).blocks_from_source, 3);
    struct fama_arrival arrival;
    CU_ASSERT_EQUAL(fama_ledger_arrival(fama_channel_ledger(bench.channel), 1, &arrival, NULL), 0);
    CU_ASSERT_EQUAL(arrival.path, FAMA_ARRIVAL_SOURCE);
    CU_ASSERT(arrival.sent_ns >= arrival.complete_ns);
    struct fama_block_time times[8];
    CU_ASSERT_EQUAL_FATAL(fama_channel_block_times(bench.channel, 0, 8, times), 3);
    for (uint64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(times[i].number, i + 1);
        CU_ASSERT_EQUAL(times[i].bytes, chain[i + 1].len);
        CU_ASSERT_EQUAL(times[i].path, FAMA_ARRIVAL_SOURCE);
        CU_ASSERT(times[i].whole_ns > 0 && times[i].whole_ns <= times[i].judged_ns);
        CU_ASSERT(times[i].judged_ns <= times[i].sent_ns);
        CU_ASSERT(times[i].sent_ns < times[i].committed_ns);
    }
    CU_ASSERT_EQUAL(fama_channel_block_times(bench.channel, 2, 1, times), 1);
    CU_ASSERT_EQUAL(times[0].number, 2);
    CU_ASSERT_EQUAL(fama_channel_block_times(bench.channel, 4, 8, times), 0);
    struct fama_sender_stats stats;
    uint32_t waited_ms = 0;
    do {
        fama_sender_stats(bench.sender, &stats);
    } while (stats.blocks_pushed < 3 && pause_a_little(&waited_ms));
    finish(&bench);
    CU_ASSERT_EQUAL_FATAL(bench.dataplane.pushed_count, 3);
    for (uint64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(bench.dataplane.pushed[i], i + 1);
    }
}

static void test_bad_copies_by_gossip_of_coming_blocks_do_not_displace_the_sources(void)
{
    struct bench bench;
    start(&bench);
    for (uint64_t number = 2; number <= 9; number++) {
        hand_over(&bench, number, spoilt(chain[number]));
    }
    CU_ASSERT_TRUE(has_taken_all(&bench));
    for (uint64_t number = 1; number <= 9; number++) {
        offer(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(reaches(&bench, 10));
    CU_ASSERT_EQUAL(status_of(&bench).blocks_from_source, 9);
    finish(&bench);
}

static void test_a_channel_whose_disk_fails_keeps_no_slot_of_the_others(void)
{
    struct bench bench;
    struct rlimit limit;
    start(&bench);
    for (uint64_t number = 2; number <= 6; number++) {
        hand_over(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(has_taken_all(&bench));
    /* From here on no file grows: what a full disk does to a write. */
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max}), 0);
    hand_over(&bench, 1, chain[1]);
    CU_ASSERT_TRUE(returns(&bench, 6));
    hand_over(&bench, 7, chain[7]);
    CU_ASSERT_TRUE(returns(&bench, 7));
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct fama_channel_status status = status_of(&bench);
    CU_ASSERT_TRUE(status.has_failed);
    CU_ASSERT_NOT_EQUAL(status.failure[0], '\0');
    CU_ASSERT_EQUAL(status.height, 1);
    CU_ASSERT_EQUAL(fama_channel_source_room(bench.channel), 0);
    finish(&bench);
}

/* Makes a snapshot of a channel that has committed two blocks and hands its ledgers over to the bench's
 * next life: nothing but what the snapshot holds. */
static void begin_with_snapshot_of_height_3(struct bench *bench)
{
    char snapshot[sizeof(bench->ledgers) + 16];
    char ledger[sizeof(bench->ledgers) + 16];
    struct fama_error error = {""};
    for (uint64_t number = 1; number <= 2; number++) {
        hand_over(bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(reaches(bench, 3));
    fama_channel_stop(bench->channel);
    (void)snprintf(snapshot, sizeof(snapshot), "%s-snapshot", bench->ledgers);
    CU_ASSERT_EQUAL_FATAL(
        fama_snapshot_create(fama_channel_ledger(bench->channel), snapshot, NULL, NULL, &error), 0);
    fama_channel_close(bench->channel);
    bench->channel = NULL;
    made_remove(bench->ledgers);
    CU_ASSERT_EQUAL_FATAL(mkdir(bench->ledgers, 0700), 0);
    (void)snprintf(ledger, sizeof(ledger), "%s/" MADE_CHANNEL, bench->ledgers);
    CU_ASSERT_EQUAL_FATAL(fama_snapshot_import(snapshot, ledger, NULL, NULL, &error), 0);
}

static void test_a_channel_opens_a_ledger_that_began_with_a_snapshot(void)
{
    struct bench bench;
    struct fama_error error = {""};
    struct fama_channel *again = NULL;
    start(&bench);
    begin_with_snapshot_of_height_3(&bench);
    CU_ASSERT_EQUAL(fama_channel_join(&bench.setup, chain[0], &again, &error), FAMA_CHANNEL_EXISTS);
    CU_ASSERT_EQUAL_FATAL(fama_channel_open(&bench.setup, MADE_CHANNEL, &bench.channel, &error), 0);
    /* It has no block 0 to compare. */
    CU_ASSERT_TRUE(fama_channel_begins_with(bench.channel, chain[0]));
    CU_ASSERT_FALSE(fama_channel_begins_with(bench.channel, chain[1]));
    struct fama_channel_status status = status_of(&bench);
    struct fama_block last;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(chain[2], &last), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(status.height, 3);
    CU_ASSERT_EQUAL(memcmp(status.last_hash, last.header_hash, sizeof(last.header_hash)), 0);
    CU_ASSERT_TRUE(status.has_commit_hash);
    fama_block_clear(&last);
    CU_ASSERT_EQUAL(atomic_load(&fama_channel_gate(bench.channel)->next_block), 3);
    begin(&bench);
    for (uint64_t number = 3; number <= 6; number++) {
        hand_over(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(reaches(&bench, 7));
    uint8_t *bytes = NULL;
    size_t len = 0;
    CU_ASSERT_EQUAL(fama_ledger_block(fama_channel_ledger(bench.channel), 2, &bytes, &len, &error),
                    FAMA_LEDGER_NOT_FOUND);
    finish(&bench);
}

static void test_a_snapshot_of_another_channel_is_not_opened(void)
{
    struct bench bench;
    struct fama_error error = {""};
    char from[sizeof(bench.ledgers) + 16];
    char to[sizeof(bench.ledgers) + 16];
    start(&bench);
    begin_with_snapshot_of_height_3(&bench);
    (void)snprintf(from, sizeof(from), "%s/" MADE_CHANNEL, bench.ledgers);
    (void)snprintf(to, sizeof(to), "%s/othernet", bench.ledgers);
    CU_ASSERT_EQUAL_FATAL(rename(from, to), 0);
    CU_ASSERT_NOT_EQUAL(fama_channel_open(&bench.setup, "othernet", &bench.channel, &error), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "its ledger holds channel " MADE_CHANNEL));
    finish(&bench);
}

static void test_a_folder_that_is_no_channels_is_left_alone(void)
{
    struct bench bench;
    struct fama_error error = {""};
    char folder[sizeof(bench.ledgers) + 16];
    prepare(&bench);
    (void)snprintf(folder, sizeof(folder), "%s/lost+found", bench.ledgers);
    CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
    CU_ASSERT_EQUAL(fama_channel_open(&bench.setup, "lost+found", &bench.channel, &error),
                    FAMA_CHANNEL_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, folder));
    CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing was put into it */
    finish(&bench);
}

static void test_a_channel_opens_again_at_its_height_and_goes_on(void)
{
    struct bench bench;
    struct fama_error error = {""};
    struct fama_channel *again = NULL;
    start(&bench);
    for (uint64_t number = 1; number <= 4; number++) {
        hand_over(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(reaches(&bench, 5));
    fama_channel_stop(bench.channel);
    fama_channel_close(bench.channel);
    CU_ASSERT_EQUAL(fama_channel_join(&bench.setup, chain[0], &again, &error), FAMA_CHANNEL_EXISTS);
    CU_ASSERT_EQUAL_FATAL(fama_channel_open(&bench.setup, MADE_CHANNEL, &bench.channel, &error), 0);
    CU_ASSERT_TRUE(fama_channel_begins_with(bench.channel, chain[0]));
    CU_ASSERT_FALSE(fama_channel_begins_with(bench.channel, chain[1]));
    CU_ASSERT_FALSE(fama_channel_begins_with(bench.channel, fama_bytes(chain[0].at, 9)));
    CU_ASSERT_EQUAL(status_of(&bench).height, 5);
    CU_ASSERT_EQUAL(atomic_load(&fama_channel_gate(bench.channel)->next_block), 5);
    begin(&bench);
    hand_over(&bench, 5, chain[5]);
    CU_ASSERT_TRUE(reaches(&bench, 6));
    finish(&bench);
}

static bool may_not(void)
{
    return false;
}

/* A ledger of so many blocks, from a source, whose state is lost when the last is taken back. */
static void lose_state(struct bench *bench, uint64_t blocks)
{
    struct fama_error error = {""};
    struct fama_ledger *ledger = NULL;
    char folder[sizeof(bench->ledgers) + FAMA_CHANNEL_ID_MAX];
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    start(bench);
    for (uint64_t number = 1; number < blocks; number++) {
        uint8_t *bytes;
        size_t len;
        CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 1, 8, &bytes, &len, &error), 0);
        offer(bench, number, fama_bytes(bytes, len));
        CU_ASSERT_TRUE_FATAL(reaches(bench, number + 1));
        free(bytes);
    }
    fama_chain_builder_destroy(builder);
    fama_channel_stop(bench->channel);
    fama_channel_close(bench->channel);
    bench->channel = NULL;
    (void)snprintf(folder, sizeof(folder), "%s/%s", bench->ledgers, MADE_CHANNEL);
    CU_ASSERT_EQUAL_FATAL(fama_ledger_open(folder, &ledger, &error), 0);
    CU_ASSERT_EQUAL(fama_ledger_rollback(ledger, blocks - 2, NULL, NULL, &error), 0);
    fama_ledger_close(ledger);
}

static void test_making_a_state_anew_ends_when_asked_and_goes_on_at_the_next_opening(void)
{
    const uint64_t blocks = 70; /* more than are applied at once */
    struct bench bench;
    struct fama_error error = {""};
    lose_state(&bench, blocks);
    bench.setup.may_go_on = may_not;
    CU_ASSERT_EQUAL(fama_channel_open(&bench.setup, MADE_CHANNEL, &bench.channel, &error),
                    FAMA_CHANNEL_STOPPED);
    CU_ASSERT_PTR_NULL(bench.channel);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "next start"));
    /* Few are left, which are done before anybody is asked. */
    CU_ASSERT_EQUAL_FATAL(fama_channel_open(&bench.setup, MADE_CHANNEL, &bench.channel, &error), 0);
    CU_ASSERT_EQUAL(status_of(&bench).height, blocks - 1);
    finish(&bench);
}

static void test_a_channel_stops_at_once_while_the_dataplane_is_interrupted(void)
{
    struct bench bench;
    struct timespec before;
    struct timespec after;
    start(&bench);
    pthread_mutex_lock(&bench.dataplane.lock);
    bench.dataplane.is_interrupted = true;
    pthread_mutex_unlock(&bench.dataplane.lock);
    for (uint64_t number = 1; number <= 4; number++) {
        hand_over(&bench, number, chain[number]);
    }
    CU_ASSERT_TRUE(has_taken_all(&bench));
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    fama_channel_stop(bench.channel);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    CU_ASSERT_TRUE(after.tv_sec - before.tv_sec <= 1);
    CU_ASSERT_EQUAL(returned(&bench), 4);
    CU_ASSERT_EQUAL(status_of(&bench).height, 1);
    finish(&bench);
}

static void test_a_damaged_or_foreign_genesis_block_is_not_joined(void)
{
    struct bench bench;
    struct fama_error error = {""};
    prepare(&bench);
    CU_ASSERT_EQUAL(fama_channel_join(&bench.setup, spoilt(chain[0]), &bench.channel, &error),
                    FAMA_CHANNEL_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, fama_block_refusal_name(FAMA_BLOCK_DATA_HASH)));
    CU_ASSERT_EQUAL(fama_channel_join(&bench.setup, chain[1], &bench.channel, &error),
                    FAMA_CHANNEL_INVALID);
    bench.setup.mspid = "NobodyMSP";
    CU_ASSERT_EQUAL(fama_channel_join(&bench.setup, chain[0], &bench.channel, &error),
                    FAMA_CHANNEL_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "NobodyMSP"));
    CU_ASSERT_PTR_NULL(bench.channel);
    finish(&bench);
}

static bool make_blocks(void)
{
    struct fama_error error = {""};
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    struct fama_chain_builder *stranger = made_builder(&made, MADE_STRANGER);
    bool is_made = builder != NULL && stranger != NULL;
    uint8_t *bytes;
    size_t len;
    chain[0] = fama_bytes(made.genesis_bytes, made.genesis_len);
    for (size_t number = 1; is_made && number <= BLOCKS; number++) {
        is_made = fama_chain_builder_next(builder, 2, 64, &bytes, &len, &error) == 0;
        chain[number] = fama_bytes(bytes, len);
    }
    is_made = is_made && fama_chain_builder_next(stranger, 2, 64, &bytes, &len, &error) == 0;
    stranger_block = fama_bytes(bytes, len);
    fama_chain_builder_destroy(builder);
    fama_chain_builder_destroy(stranger);
    return is_made;
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_blocks_in_any_order_and_twice_are_committed_in_order_and_once),
        TEST(test_a_bad_block_is_refused_by_name_and_its_good_copy_taken),
        TEST(test_what_precedes_a_bad_block_in_its_group_is_committed),
        TEST(test_a_block_cut_short_in_the_source_is_named_and_its_whole_copy_sent_once),
        TEST(test_bad_copies_by_gossip_of_coming_blocks_do_not_displace_the_sources),
        TEST(test_a_channel_whose_disk_fails_keeps_no_slot_of_the_others),
        TEST(test_a_folder_that_is_no_channels_is_left_alone),
        TEST(test_a_channel_opens_again_at_its_height_and_goes_on),
        TEST(test_a_channel_opens_a_ledger_that_began_with_a_snapshot),
        TEST(test_a_snapshot_of_another_channel_is_not_opened),
        TEST(test_making_a_state_anew_ends_when_asked_and_goes_on_at_the_next_opening),
        TEST(test_a_channel_stops_at_once_while_the_dataplane_is_interrupted),
        TEST(test_a_damaged_or_foreign_genesis_block_is_not_joined),
    };
    bool is_ready = made_chain_create(&made) && make_blocks();
    int status =
        is_ready ? run_suite("channel", cases, sizeof(cases) / sizeof(cases[0])) : EXIT_FAILURE;
    for (size_t i = 0; i < copy_count; i++) {
        free(copies[i]);
    }
    for (size_t i = 1; i <= BLOCKS; i++) {
        free((void *)chain[i].at);
    }
    free((void *)stranger_block.at);
    made_chain_destroy(&made);
    return status;
}
