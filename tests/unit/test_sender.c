/* The sender thread with a dataplane that only notes what it is asked to send, and can be held up. */
#include "controlplane/sender.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "unit/made_chain.h"

#define SENT_MAX 512

struct sent {
    uint64_t number;
    enum fama_transmit_class transmit_class;
    bool is_push;
    uint32_t epoch; /* of the key; 0: none */
    uint8_t parity;
    bool is_infectious;
};

struct fama_dataplane {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool is_held_up;
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
    (void)signer;
    pthread_mutex_lock(&dataplane->lock);
    dataplane->begun++;
    pthread_cond_broadcast(&dataplane->change);
    while (dataplane->is_held_up) {
        pthread_cond_wait(&dataplane->change, &dataplane->lock);
    }
    dataplane->sent[dataplane->count++] = (struct sent){
        .number = send->number,
        .transmit_class = send->transmit_class,
        .is_push = send->session == NULL,
        .epoch = send->key != NULL ? send->key->epoch : 0,
        .parity = send->parity,
        .is_infectious = send->is_infectious,
    };
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
    if (send->key == NULL) {
        return FAMA_DATAPLANE_KEY;
    }
    *chunks += 3;
    return 0;
}

static struct made_chain made;
static struct fama_push_settings settings;

static bool draw(uint8_t *bytes, size_t count)
{
    memset(bytes, 0x5a, count);
    return true;
}

static struct fama_channel_keys *make_keys(void)
{
    static const uint8_t digest[FAMA_SHA256_BYTES] = {1};
    const struct fama_channel_keys_config config = {
        .channel_digest = digest,
        .self_pki_id = fama_identity_pki_id(fama_signer_identity(made.signers[MADE_SIPHER])),
        .first_epoch = 77,
        .rotate_ns = 1000,
        .grace_ns = 1000,
        .retry_ns = 1000,
        .members_max = 1,
        .random = draw,
    };
    return fama_channel_keys_create(&config);
}

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
    deadline.tv_sec += 30;
    pthread_mutex_lock(&dataplane->lock);
    while (*counter < value && status == 0) {
        status = pthread_cond_timedwait(&dataplane->change, &dataplane->lock, &deadline);
    }
    CU_ASSERT_EQUAL(*counter, value);
    pthread_mutex_unlock(&dataplane->lock);
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

static void test_blocks_are_pushed_to_everybody_in_their_class(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_sender_stats stats;
    struct fama_block_buffer *buffer = a_buffer();
    start(&dataplane, &sender);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(fama_sender_push(sender, MADE_CHANNEL, &settings, 9 + i, buffer));
    }
    await(&dataplane, &dataplane.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(dataplane.sent[i].number, 9 + i);
        CU_ASSERT_EQUAL(dataplane.sent[i].transmit_class, FAMA_TRANSMIT_NEW_BLOCK);
        CU_ASSERT_TRUE(dataplane.sent[i].is_push);
        CU_ASSERT_EQUAL(dataplane.sent[i].epoch, 77);
        CU_ASSERT_EQUAL(dataplane.sent[i].parity, 4);
        CU_ASSERT_FALSE(dataplane.sent[i].is_infectious);
    }
    fama_sender_stats(sender, &stats);
    /* The last one is counted a moment after it was sent. */
    CU_ASSERT(stats.blocks_pushed == 2 || stats.blocks_pushed == 3);
    CU_ASSERT_EQUAL(stats.chunks_pushed, 3 * stats.blocks_pushed);
    fama_block_buffer_release(buffer);
    finish(&dataplane, sender);
}

static void test_each_push_takes_the_key_and_the_settings_of_its_time(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_block_buffer *buffer = a_buffer();
    start(&dataplane, &sender);
    for (uint32_t i = 0; i < 3; i++) {
        atomic_store(&settings.parity, (uint8_t)(10 + i));
        atomic_store(&settings.is_infectious, i == 1);
        fama_channel_keys_tick(settings.keys, 5000 * (i + 1)); /* nobody is waited for */
        CU_ASSERT_TRUE(fama_sender_push(sender, MADE_CHANNEL, &settings, i, buffer));
        await(&dataplane, &dataplane.count, i + 1);
        CU_ASSERT_EQUAL(dataplane.sent[i].epoch, 78 + i);
        CU_ASSERT_EQUAL(dataplane.sent[i].parity, 10 + i);
        CU_ASSERT_EQUAL(dataplane.sent[i].is_infectious, i == 1);
    }
    fama_block_buffer_release(buffer);
    finish(&dataplane, sender);
}

static void test_without_a_key_nothing_is_pushed_and_that_is_counted(void)
{
    struct fama_dataplane dataplane;
    struct fama_sender *sender;
    struct fama_sender_stats stats;
    struct fama_block_buffer *buffer = a_buffer();
    struct fama_push_settings keyless = {.keys = make_keys()};
    CU_ASSERT_PTR_NOT_NULL_FATAL(keyless.keys);
    start(&dataplane, &sender);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(fama_sender_push(sender, MADE_CHANNEL, &keyless, i, buffer));
        await(&dataplane, &dataplane.count, i + 1);
    }
    fama_sender_stats(sender, &stats);
    CU_ASSERT_EQUAL(stats.blocks_pushed, 0);
    CU_ASSERT_EQUAL(stats.chunks_pushed, 0);
    CU_ASSERT(stats.blocks_unsealed >= 1);
    fama_block_buffer_release(buffer);
    finish(&dataplane, sender);
    fama_channel_keys_destroy(keyless.keys);
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
           fama_sender_push(pusher->sender, MADE_CHANNEL, &settings, number, pusher->buffer)) {
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

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_blocks_are_pushed_to_everybody_in_their_class),
        TEST(test_each_push_takes_the_key_and_the_settings_of_its_time),
        TEST(test_without_a_key_nothing_is_pushed_and_that_is_counted),
        TEST(test_a_push_waits_for_its_place),
    };
    bool is_ready = made_chain_create(&made);
    settings.keys = is_ready ? make_keys() : NULL;
    atomic_store(&settings.parity, 4);
    is_ready = settings.keys != NULL && fama_channel_keys_begin(settings.keys, 0);
    int status =
        is_ready ? run_suite("sender", cases, sizeof(cases) / sizeof(cases[0])) : EXIT_FAILURE;
    fama_channel_keys_destroy(settings.keys);
    made_chain_destroy(&made);
    return status;
}
