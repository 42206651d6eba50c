#include "controlplane/sender.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"
#include "controlplane/repair.h"

#define PUSH_QUEUE  16
#define SERVE_QUEUE 256

struct push_job {
    const char *channel_id;
    uint64_t number;
    struct fama_block_buffer *buffer;
};

/* The block served last: an asker comes back for the rest of a large block again and again. */
struct served_block {
    const struct fama_ledger *ledger;
    uint64_t number;
    uint8_t *bytes;
    size_t len;
};

struct fama_sender {
    struct fama_dataplane *dataplane;
    const struct fama_signer *signer;
    pthread_t thread;
    pthread_mutex_t lock; /* guards everything below but `served` */
    pthread_cond_t work;
    pthread_cond_t room;
    bool is_stopping;
    struct push_job pushes[PUSH_QUEUE];
    uint32_t push_head, push_count;
    struct fama_sender_order serves[SERVE_QUEUE];
    uint32_t serve_head, serve_count;
    struct fama_sender_receipt receipts[SERVE_QUEUE];
    uint32_t receipt_head, receipt_count;
    struct fama_sender_stats stats;
    struct served_block served; /* sender thread only */
};

static void forget_served(struct fama_sender *sender)
{
    fama_ledger_free(sender->served.bytes);
    memset(&sender->served, 0, sizeof(sender->served));
}

static bool load_served(struct fama_sender *sender, const struct fama_sender_order *job)
{
    struct served_block *served = &sender->served;
    if (served->bytes != NULL && served->ledger == job->ledger &&
        served->number == job->request.block) {
        return true;
    }
    forget_served(sender);
    if (fama_ledger_block(job->ledger, job->request.block, &served->bytes, &served->len, NULL) !=
        0) {
        served->bytes = NULL;
        return false;
    }
    served->ledger = job->ledger;
    served->number = job->request.block;
    return true;
}

static void run_push(struct fama_sender *sender, const struct push_job *job)
{
    struct fama_block_send send = {
        .channel_id = job->channel_id,
        .number = job->number,
        .bytes = fama_block_buffer_bytes(job->buffer),
    };
    uint64_t chunks = 0;
    int result = fama_dataplane_send_block(sender->dataplane, sender->signer, &send, &chunks);
    if (result != 0 && result != FAMA_DATAPLANE_STOPPING) {
        fama_failure("sender",
                     "channel %s: block %llu could not be cut into chunks (code %d); peers "
                     "will ask for it",
                     job->channel_id, (unsigned long long)job->number, result);
    }
    fama_block_buffer_release(job->buffer);
    pthread_mutex_lock(&sender->lock);
    sender->stats.blocks_pushed += result == 0;
    sender->stats.chunks_pushed += chunks;
    pthread_mutex_unlock(&sender->lock);
}

static uint64_t charge_of_one(uint16_t chunk_bytes)
{
    struct fama_request one = {.chunk_bytes = chunk_bytes, .count = 1};
    one.entries[0].wanted = 1;
    return fama_repair_server_charge(&one);
}

/* An asker that knows nothing of a block gets its first chunks: they tell it the size, and what it then asks
 * for it names. They are as many as it has been charged for, whatever their size. */
static void ask_for_first_chunks(struct fama_request *request)
{
    uint64_t left = FAMA_REPAIR_WHOLE_BLOCK_BYTES / charge_of_one(request->chunk_bytes);
    /* Sets and chunks that the block does not have are passed over. */
    while (left > 0 && request->count < FAMA_REQUEST_ENTRIES_MAX) {
        uint64_t wanted = left < FAMA_SET_CHUNKS ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
        request->entries[request->count] =
            (struct fama_request_entry){.set = request->count, .wanted = wanted};
        request->count++;
        left -= left < FAMA_SET_CHUNKS ? left : FAMA_SET_CHUNKS;
    }
}

/* With the lock held. */
static void keep_receipt(struct fama_sender *sender, const struct fama_sender_receipt *receipt)
{
    if (sender->receipt_count < SERVE_QUEUE) {
        uint32_t tail = (sender->receipt_head + sender->receipt_count) % SERVE_QUEUE;
        sender->receipts[tail] = *receipt;
        sender->receipt_count++;
    }
}

static void run_serve(struct fama_sender *sender, struct fama_sender_order *job)
{
    struct fama_request *request = &job->request;
    struct fama_sender_receipt receipt = {
        .asker = job->asker,
        .charged_bytes = fama_repair_server_charge(request),
    };
    uint64_t chunks = 0;
    bool is_void = !load_served(sender, job) ||
                   (request->block_bytes != 0 && request->block_bytes != sender->served.len);
    if (!is_void) {
        if (request->count == 0) {
            ask_for_first_chunks(request);
        }
        struct fama_block_send send = {
            .channel_id = job->channel_id,
            .number = request->block,
            .bytes = fama_bytes(sender->served.bytes, sender->served.len),
            .target = &job->target,
            .chunk_bytes = request->chunk_bytes,
            .wanted = request->entries,
            .wanted_count = request->count,
        };
        int result = fama_dataplane_send_block(sender->dataplane, sender->signer, &send, &chunks);
        is_void = result != 0;
    }
    receipt.sent_bytes = (chunks > 0 ? chunks : 1) * charge_of_one(request->chunk_bytes);
    pthread_mutex_lock(&sender->lock);
    keep_receipt(sender, &receipt);
    sender->stats.requests_void += is_void;
    sender->stats.requests_served += !is_void;
    sender->stats.chunks_repaired += chunks;
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
        } else if (sender->serve_count > 0) {
            struct fama_sender_order job = sender->serves[sender->serve_head];
            sender->serve_head = (sender->serve_head + 1) % SERVE_QUEUE;
            sender->serve_count--;
            pthread_mutex_unlock(&sender->lock);
            run_serve(sender, &job);
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
    sender->dataplane = dataplane;
    sender->signer = signer;
    if (pthread_mutex_init(&sender->lock, NULL) != 0) {
        free(sender);
        return NULL;
    }
    if (pthread_cond_init(&sender->work, NULL) != 0) {
        pthread_mutex_destroy(&sender->lock);
        free(sender);
        return NULL;
    }
    if (pthread_cond_init(&sender->room, NULL) != 0) {
        pthread_cond_destroy(&sender->work);
        pthread_mutex_destroy(&sender->lock);
        free(sender);
        return NULL;
    }
    if (pthread_create(&sender->thread, NULL, sender_main, sender) != 0) {
        pthread_cond_destroy(&sender->room);
        pthread_cond_destroy(&sender->work);
        pthread_mutex_destroy(&sender->lock);
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
    forget_served(sender);
    pthread_cond_destroy(&sender->room);
    pthread_cond_destroy(&sender->work);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

bool fama_sender_push(struct fama_sender *sender, const char *channel_id, uint64_t number,
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
            .number = number,
            .buffer = fama_block_buffer_acquire(buffer),
        };
        sender->push_count++;
        pthread_cond_signal(&sender->work);
    }
    pthread_mutex_unlock(&sender->lock);
    return is_queued;
}

bool fama_sender_serve(struct fama_sender *sender, const struct fama_sender_order *order)
{
    pthread_mutex_lock(&sender->lock);
    bool is_queued = sender->serve_count < SERVE_QUEUE;
    if (is_queued) {
        uint32_t tail = (sender->serve_head + sender->serve_count) % SERVE_QUEUE;
        sender->serves[tail] = *order;
        sender->serve_count++;
        pthread_cond_signal(&sender->work);
    } else {
        sender->stats.requests_dropped++;
    }
    pthread_mutex_unlock(&sender->lock);
    return is_queued;
}

bool fama_sender_receipt(struct fama_sender *sender, struct fama_sender_receipt *receipt)
{
    pthread_mutex_lock(&sender->lock);
    bool is_there = sender->receipt_count > 0;
    if (is_there) {
        *receipt = sender->receipts[sender->receipt_head];
        sender->receipt_head = (sender->receipt_head + 1) % SERVE_QUEUE;
        sender->receipt_count--;
    }
    pthread_mutex_unlock(&sender->lock);
    return is_there;
}

void fama_sender_stats(struct fama_sender *sender, struct fama_sender_stats *stats)
{
    pthread_mutex_lock(&sender->lock);
    *stats = sender->stats;
    pthread_mutex_unlock(&sender->lock);
}
