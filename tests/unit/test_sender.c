/* The sender thread with a dataplane that only notes what it is asked to send, and can be held up. */
#include "controlplane/sender.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "controlplane/repair.h"
#include "unit/made_chain.h"

#define SENT_MAX 512

struct sent {
    uint64_t number;
    bool is_push;
    uint16_t chunk_bytes;
    uint64_t chunks; /* wanted of a block that has them all */
};

struct fama_dataplane {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool is_held_up;
    uint64_t block_chunks; /* that a block has; 0: as many as are wanted */
    uint32_t begun;
    uint32_t count;
    struct sent sent[SENT_MAX];
};

void fama_dataplane_stand_aside(const struct fama_dataplane *dataplane)
{
    (void)dataplane;
}

int fama_dataplane_send_block(struct fama_dataplane *dataplane, const struct fama_signer *signer,
                              const struct fama_block_send *send, uint64_t *chunks)
{
    struct sent sent = {
        .number = send->number, .is_push = send->target == NULL, .chunk_bytes = send->chunk_bytes};
    (void)signer;
    for (uint32_t i = 0; i < send->wanted_count; i++) {
        sent.chunks += (uint64_t)__builtin_popcountll(send->wanted[i].wanted);
    }
    pthread_mutex_lock(&dataplane->lock);
    dataplane->begun++;
    pthread_cond_broadcast(&dataplane->change);
    while (dataplane->is_held_up) {
        pthread_cond_wait(&dataplane->change, &dataplane->lock);
    }
    dataplane->sent[dataplane->count++] = sent;
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
    *chunks += dataplane->block_chunks != 0 && sent.chunks > dataplane->block_chunks
                   ? dataplane->block_chunks
                   : sent.chunks;
    return 0;
}

static struct made_chain made;
static struct fama_ledger *ledger;
static const struct fama_endpoint target = {.address = {[10] = 0xff, 0xff, 198, 18, 0, 2},
                                            .port = 7051};

static void start(struct fama_dataplane *dataplane, struct fama_sender **sender)
{
    memset(dataplane, 0, sizeof(*dataplane));
    CU_ASSERT_EQUAL_FATAL(pthread_mutex_init(&dataplane->lock, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_cond_init(&dataplane->change, NULL), 0);
    *sender = fama_sender_start(dataplane, made.signers[MADE_SIPHER]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*sender);
}

static void finish(struct fama_dataplane *dataplane, struct fama_sender *sender)
{
    fama_sender_stop(sender);
    pthread_cond_destroy(&dataplane->change);
    pthread_mutex_destroy(&dataplane->lock);
}

static void hold_up(struct fama_dataplane *dataplane, bool is_held_up)
{
    pthread_mutex_lock(&dataplane->lock);
    dataplane->is_held_up = is_held_up;
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
}

static void await(struct fama_dataplane *dataplane, const uint32_t *counter, uint32_t value)
{
    struct timespec deadline;
    int status = 0;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    pthread_mutex_lock(&dataplane->lock);
    while (*counter < value && status == 0) {
        status = pthread_cond_timedwait(&dataplane->change, &dataplane->lock, &deadline);
    }
    CU_ASSERT_EQUAL(*counter, value);
    pthread_mutex_unlock(&dataplane->lock);
}

static bool serve(struct fama_sender *sender, const struct fama_request *request)
{
    const struct fama_sender_order order = {.channel_id = MADE_CHANNEL,
                                            .ledger = ledger,
                                            .asker = 7,
                                            .target = target,
                                            .request = *request};
    return fama_sender_serve(sender, &order);
}

static struct fama_block_buffer *a_buffer(void)
{
    uint8_t *bytes = malloc(4);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, "fama", 4);
    struct fama_block_buffer *buffer = fama_block_buffer_adopt(bytes, 4);
    CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
    return buffer;
}

static void test_a_first_answer_takes_no_more_than_was_charged_whatever_the_chunks(void)
{
    static const uint16_t sizes[] = {FAMA_CHUNK_BYTES_MIN, 1020, 1240, 4000, FAMA_CHUNK_BYTES_MAX};
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    start(&dataplane, &sender);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct fama_request request = {.chunk_bytes = sizes[i]};
        struct fama_request named = {.chunk_bytes = sizes[i], .count = 1};
        named.entries[0].wanted = 1;
        uint64_t each = fama_repair_server_charge(&named);
        CU_ASSERT_TRUE(serve(sender, &request));
        await(&dataplane, &dataplane.count, i + 1);
        const struct sent *sent = &dataplane.sent[i];
        CU_ASSERT_EQUAL(sent->chunk_bytes, sizes[i]);
        CU_ASSERT(sent->chunks > 0);
        CU_ASSERT(sent->chunks * each <= fama_repair_server_charge(&request));
        CU_ASSERT((sent->chunks + 1) * each > fama_repair_server_charge(&request));
    }
    finish(&dataplane, sender);
}

static void test_named_chunks_are_sent_as_asked_and_another_block_is_void(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_sender_stats stats;
    struct fama_request request = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    start(&dataplane, &sender);
    request.entries[0].wanted = 5;
    struct fama_request other = request;
    struct fama_request absent = request;
    other.block_bytes++;
    absent.block = 7;
    CU_ASSERT_TRUE(serve(sender, &other));
    CU_ASSERT_TRUE(serve(sender, &absent));
    CU_ASSERT_TRUE(serve(sender, &request));
    await(&dataplane, &dataplane.count, 1);
    CU_ASSERT_EQUAL(dataplane.sent[0].number, 0);
    CU_ASSERT_EQUAL(dataplane.sent[0].chunks, 2);
    fama_sender_stats(sender, &stats);
    CU_ASSERT_EQUAL(stats.requests_void, 2);
    finish(&dataplane, sender);
}

static void test_every_answer_leaves_a_receipt_of_what_it_took(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_sender_receipt receipt;
    struct fama_request named = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    const struct fama_request whole = {.chunk_bytes = 1240};
    named.entries[0].wanted = 1;
    uint64_t each = fama_repair_server_charge(&named);
    start(&dataplane, &sender);
    dataplane.block_chunks = 3;
    CU_ASSERT_FALSE(fama_sender_receipt(sender, &receipt));
    CU_ASSERT_TRUE(serve(sender, &whole));
    await(&dataplane, &dataplane.count, 1);
    named.block = 99; /* we do not have it */
    CU_ASSERT_TRUE(serve(sender, &named));
    named.block = 0;
    CU_ASSERT_TRUE(serve(sender, &named));
    await(&dataplane, &dataplane.count, 2);
    CU_ASSERT_TRUE(fama_sender_receipt(sender, &receipt));
    CU_ASSERT_EQUAL(receipt.asker, 7);
    CU_ASSERT_EQUAL(receipt.charged_bytes, FAMA_REPAIR_WHOLE_BLOCK_BYTES);
    CU_ASSERT_EQUAL(receipt.sent_bytes, 3 * each);
    CU_ASSERT_TRUE(fama_sender_receipt(sender, &receipt));
    CU_ASSERT_EQUAL(receipt.charged_bytes, each);
    CU_ASSERT_EQUAL(receipt.sent_bytes, each);
    finish(&dataplane, sender);
}

static void test_a_push_goes_before_the_requests_that_came_before_it(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    const struct fama_request request = {.chunk_bytes = 1240};
    struct fama_block_buffer *buffer = a_buffer();
    start(&dataplane, &sender);
    hold_up(&dataplane, true);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(serve(sender, &request));
    }
    await(&dataplane, &dataplane.begun, 1);
    CU_ASSERT_TRUE(fama_sender_push(sender, MADE_CHANNEL, 9, buffer));
    hold_up(&dataplane, false);
    await(&dataplane, &dataplane.count, 4);
    CU_ASSERT_FALSE(dataplane.sent[0].is_push);
    CU_ASSERT_TRUE(dataplane.sent[1].is_push);
    CU_ASSERT_EQUAL(dataplane.sent[1].number, 9);
    fama_block_buffer_release(buffer);
    finish(&dataplane, sender);
}

static void test_requests_beyond_the_queue_are_dropped_and_counted(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_sender_stats stats;
    const struct fama_request request = {.chunk_bytes = 1240};
    uint32_t taken = 0;
    start(&dataplane, &sender);
    hold_up(&dataplane, true);
    CU_ASSERT_TRUE(serve(sender, &request));
    await(&dataplane, &dataplane.begun, 1);
    while (taken < SENT_MAX && serve(sender, &request)) {
        taken++;
    }
    CU_ASSERT(taken > 0 && taken < SENT_MAX);
    fama_sender_stats(sender, &stats);
    CU_ASSERT_EQUAL(stats.requests_dropped, 1);
    hold_up(&dataplane, false);
    await(&dataplane, &dataplane.count, taken + 1);
    CU_ASSERT_TRUE(serve(sender, &request));
    finish(&dataplane, sender);
}

struct pusher {
    struct fama_sender *sender;
    struct fama_block_buffer *buffer;
};

static void *push_for_ever(void *context)
{
    struct pusher *pusher = context;
    uint64_t number = 0;
    while (number < SENT_MAX &&
           fama_sender_push(pusher->sender, MADE_CHANNEL, number, pusher->buffer)) {
        number++;
    }
    return NULL;
}

static void test_a_push_waits_for_its_place(void)
{
    struct fama_dataplane dataplane;
    struct pusher pusher = {.buffer = a_buffer()};
    pthread_t thread;
    start(&dataplane, &pusher.sender);
    hold_up(&dataplane, true);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, push_for_ever, &pusher), 0);
    await(&dataplane, &dataplane.begun, 1);
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    hold_up(&dataplane, false);
    await(&dataplane, &dataplane.count, SENT_MAX);
    for (uint32_t i = 0; i < SENT_MAX; i++) {
        CU_ASSERT_EQUAL(dataplane.sent[i].number, i);
    }
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    fama_block_buffer_release(pusher.buffer);
    finish(&dataplane, pusher.sender);
}

static bool make_ledger(void)
{
    char directory[128];
    struct fama_error error = {""};
    const struct fama_ledger_commit commit = {.block = &made.genesis};
    snprintf(directory, sizeof(directory), "%s/ledger", made.folder);
    return fama_ledger_open(directory, &ledger, &error) == 0 &&
           fama_ledger_commit(ledger, &commit, 1, NULL, &error) == 0;
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_first_answer_takes_no_more_than_was_charged_whatever_the_chunks),
        TEST(test_named_chunks_are_sent_as_asked_and_another_block_is_void),
        TEST(test_every_answer_leaves_a_receipt_of_what_it_took),
        TEST(test_a_push_goes_before_the_requests_that_came_before_it),
        TEST(test_requests_beyond_the_queue_are_dropped_and_counted),
        TEST(test_a_push_waits_for_its_place),
    };
    bool is_ready = made_chain_create(&made) && make_ledger();
    int status =
        is_ready ? run_suite("sender", cases, sizeof(cases) / sizeof(cases[0])) : EXIT_FAILURE;
    fama_ledger_close(ledger);
    made_chain_destroy(&made);
    return status;
}
