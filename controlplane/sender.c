#include "controlplane/sender.h"

#include <pthread.h>
#include <stdlib.h>

#include "controlplane/log.h"

#define PUSH_QUEUE 16

struct push_job {
    const char *channel_id;
    const struct fama_push_settings *settings;
    uint64_t number;
    struct fama_block_buffer *buffer;
};

struct fama_sender {
    struct fama_dataplane *dataplane;
    const struct fama_signer *signer;
    pthread_t thread;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t work;
    pthread_cond_t room;
    bool is_stopping;
    struct push_job pushes[PUSH_QUEUE];
    uint32_t push_head, push_count;
    struct fama_sender_stats stats;
    struct fama_set_encoder *encoder; /* the sender thread's alone */
};

static void run_push(struct fama_sender *sender, const struct push_job *job)
{
    const struct fama_push_settings *settings = job->settings;
    struct fama_channel_key *key = fama_channel_keys_in_force(settings->keys);
    struct fama_block_send send = {
        .transmit_class = FAMA_TRANSMIT_NEW_BLOCK,
        .channel_id = job->channel_id,
        .channel = settings->channel,
        .number = job->number,
        .bytes = fama_block_buffer_bytes(job->buffer),
        .encoder = sender->encoder,
        .key = key,
        .parity = atomic_load_explicit(&settings->parity, memory_order_relaxed),
        .is_infectious = atomic_load_explicit(&settings->is_infectious, memory_order_relaxed),
    };
    uint64_t chunks = 0;
    int result = fama_dataplane_send_block(sender->dataplane, sender->signer, &send, &chunks);
    if (result != 0 && result != FAMA_DATAPLANE_STOPPING && result != FAMA_DATAPLANE_KEY) {
        fama_failure("sender",
                     "channel %s: block %llu could not be cut into chunks (code %d); peers "
                     "will ask for it",
                     job->channel_id, (unsigned long long)job->number, result);
    }
    fama_channel_key_release(key);
    fama_block_buffer_release(job->buffer);
    pthread_mutex_lock(&sender->lock);
    sender->stats.blocks_pushed += result == 0;
    sender->stats.blocks_unsealed += result == FAMA_DATAPLANE_KEY;
    sender->stats.chunks_pushed += chunks;
    pthread_mutex_unlock(&sender->lock);
}

static void *sender_main(void *context)
{
    struct fama_sender *sender = context;
    fama_dataplane_stand_aside(sender->dataplane);
    pthread_mutex_lock(&sender->lock);
    while (!sender->is_stopping) {
        if (sender->push_count > 0) {
            struct push_job job = sender->pushes[sender->push_head];
            sender->push_head = (sender->push_head + 1) % PUSH_QUEUE;
            sender->push_count--;
            pthread_cond_signal(&sender->room);
            pthread_mutex_unlock(&sender->lock);
            run_push(sender, &job);
            pthread_mutex_lock(&sender->lock);
        } else {
            pthread_cond_wait(&sender->work, &sender->lock);
        }
    }
    pthread_mutex_unlock(&sender->lock);
    return NULL;
}

struct fama_sender *fama_sender_start(struct fama_dataplane *dataplane,
                                      const struct fama_signer *signer)
{
    struct fama_sender *sender = calloc(1, sizeof(*sender));
    if (sender == NULL) {
        return NULL;
    }
    sender->encoder = fama_set_encoder_create();
    if (sender->encoder == NULL) {
        free(sender);
        return NULL;
    }
    sender->dataplane = dataplane;
    sender->signer = signer;
    if (pthread_mutex_init(&sender->lock, NULL) != 0) {
        fama_set_encoder_destroy(sender->encoder);
        free(sender);
        return NULL;
    }
    if (pthread_cond_init(&sender->work, NULL) != 0) {
        pthread_mutex_destroy(&sender->lock);
        fama_set_encoder_destroy(sender->encoder);
        free(sender);
        return NULL;
    }
    if (pthread_cond_init(&sender->room, NULL) != 0) {
        pthread_cond_destroy(&sender->work);
        pthread_mutex_destroy(&sender->lock);
        fama_set_encoder_destroy(sender->encoder);
        free(sender);
        return NULL;
    }
    if (pthread_create(&sender->thread, NULL, sender_main, sender) != 0) {
        pthread_cond_destroy(&sender->room);
        pthread_cond_destroy(&sender->work);
        pthread_mutex_destroy(&sender->lock);
        fama_set_encoder_destroy(sender->encoder);
        free(sender);
        return NULL;
    }
    return sender;
}

void fama_sender_stop(struct fama_sender *sender)
{
    if (sender == NULL) {
        return;
    }
    pthread_mutex_lock(&sender->lock);
    sender->is_stopping = true;
    pthread_cond_broadcast(&sender->work);
    pthread_cond_broadcast(&sender->room);
    pthread_mutex_unlock(&sender->lock);
    pthread_join(sender->thread, NULL);
    while (sender->push_count > 0) {
        fama_block_buffer_release(sender->pushes[sender->push_head].buffer);
        sender->push_head = (sender->push_head + 1) % PUSH_QUEUE;
        sender->push_count--;
    }
    fama_set_encoder_destroy(sender->encoder);
    pthread_cond_destroy(&sender->room);
    pthread_cond_destroy(&sender->work);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

bool fama_sender_push(struct fama_sender *sender, const char *channel_id,
                      const struct fama_push_settings *settings, uint64_t number,
                      struct fama_block_buffer *buffer)
{
    pthread_mutex_lock(&sender->lock);
    while (sender->push_count == PUSH_QUEUE && !sender->is_stopping) {
        pthread_cond_wait(&sender->room, &sender->lock);
    }
    bool is_queued = !sender->is_stopping;
    if (is_queued) {
        uint32_t tail = (sender->push_head + sender->push_count) % PUSH_QUEUE;
        sender->pushes[tail] = (struct push_job){
            .channel_id = channel_id,
            .settings = settings,
            .number = number,
            .buffer = fama_block_buffer_acquire(buffer),
        };
        sender->push_count++;
        pthread_cond_signal(&sender->work);
    }
    pthread_mutex_unlock(&sender->lock);
    return is_queued;
}

void fama_sender_stats(struct fama_sender *sender, struct fama_sender_stats *stats)
{
    pthread_mutex_lock(&sender->lock);
    *stats = sender->stats;
    pthread_mutex_unlock(&sender->lock);
}
