#include "controlplane/chunk_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/repair.h"

#define QUEUE 256

_Static_assert(FAMA_CHUNK_SERVER_WAITING_EACH >= FAMA_REPAIR_WINDOW_MAX,
               "an honest asker's window of blocks finds room");
_Static_assert(QUEUE >= 4 * FAMA_CHUNK_SERVER_WAITING_EACH, "nobody fills a queue alone");

struct queue {
    struct fama_chunk_order orders[QUEUE];
    uint32_t head, count;
    fama_tag served; /* whose order was taken last */
};

/* The block read last for a class: an asker comes back for the rest of a large block again and again. */
struct served_block {
    const struct fama_ledger *ledger;
    uint64_t number;
    uint8_t *bytes;
    size_t len;
};

/* An answer under way. */
struct answer {
    struct fama_chunk_order order;
    uint64_t charged_bytes;
    uint32_t
        entry; /* of the request: the next to send, and what of it has been sent is taken out */
    struct fama_repair_work work;
    bool is_void;
};

struct fama_chunk_server {
    struct fama_dataplane *dataplane;
    const struct fama_signer *signer;
    pthread_t thread;
    _Atomic bool repair_waits; /* what makes a transfer give way */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    bool is_stopping;
    struct queue repairs, transfers;
    struct fama_chunk_receipt receipts[QUEUE];
    uint32_t receipt_head, receipt_count;
    struct fama_chunk_server_stats stats;

    /* The server thread's alone. */
    struct served_block repaired, transferred;
    struct answer repair, transfer;
    bool is_transferring; /* `transfer` is under way */
    struct fama_set_encoder *encoder;
};

enum fama_transmit_class fama_chunk_server_class(uint64_t block, uint64_t height)
{
    bool is_newest =
        height < FAMA_CHUNK_SERVER_NEWEST || block >= height - FAMA_CHUNK_SERVER_NEWEST;
    return is_newest ? FAMA_TRANSMIT_REPAIR : FAMA_TRANSMIT_TRANSFER;
}

/* ---- One answer ---- */

static void forget(struct served_block *served)
{
    fama_ledger_free(served->bytes);
    memset(served, 0, sizeof(*served));
}

static bool load(struct served_block *served, const struct fama_chunk_order *order,
                 struct fama_repair_work *work)
{
    if (served->bytes != NULL && served->ledger == order->ledger &&
        served->number == order->request.block) {
        return true;
    }
    forget(served);
    work->is_loaded = true;
    if (fama_ledger_block(order->ledger, order->request.block, &served->bytes, &served->len,
                          NULL) != 0) {
        served->bytes = NULL;
        return false;
    }
    served->ledger = order->ledger;
    served->number = order->request.block;
    work->loaded_bytes = served->len;
    return true;
}

static uint64_t charge_of_one(uint16_t chunk_bytes)
{
    const struct fama_repair_work one = {.chunks = 1, .chunk_bytes = chunk_bytes};
    return fama_repair_server_cost(&one);
}

/* An asker that knows nothing of a block gets its first chunks: they tell it the size, and what it then asks
 * for it names. They are as many as it has been charged for, whatever their size. */
static void ask_for_first_chunks(struct fama_request *request)
{
    uint64_t left = FAMA_REPAIR_WHOLE_BLOCK_BYTES / charge_of_one(request->chunk_bytes);
    /* Sets and chunks that the block does not have are passed over. */
    while (left > 0 && request->count < FAMA_REQUEST_ENTRIES_MAX) {
        uint64_t wanted = left < FAMA_SET_CHUNKS ? (UINT64_C(1) << left) - 1 : UINT32_MAX;
        request->entries[request->count] =
            (struct fama_request_entry){.set = request->count, .wanted = wanted};
        request->count++;
        left -= left < FAMA_SET_CHUNKS ? left : FAMA_SET_CHUNKS;
    }
}

static void begin(struct answer *answer, struct served_block *served)
{
    struct fama_request *request = &answer->order.request;
    answer->charged_bytes = fama_repair_server_charge(request);
    answer->entry = 0;
    answer->work = (struct fama_repair_work){.chunk_bytes = request->chunk_bytes};
    answer->is_void = !load(served, &answer->order, &answer->work) ||
                      (request->block_bytes != 0 && request->block_bytes != served->len);
    if (request->count == 0) {
        ask_for_first_chunks(request);
    }
}

/* Then it has been coded and signed, whether or not it has the chunks that were asked for. */
static bool has_set(const struct served_block *served, uint16_t chunk_bytes, uint16_t set)
{
    return (uint64_t)set * FAMA_SET_CHUNKS * chunk_bytes < served->len;
}

static uint64_t without_lowest(uint64_t bits, uint64_t count)
{
    while (bits != 0 && count > 0) {
        bits &= bits - 1;
        count--;
    }
    return bits;
}

/* Sends on, entry by entry. True when it is finished, false when it has given way. */
static bool go_on(struct fama_chunk_server *server, struct answer *answer,
                  const struct served_block *served)
{
    const struct fama_chunk_order *order = &answer->order;
    struct fama_request *request = &answer->order.request;
    bool gives_way = order->transmit_class == FAMA_TRANSMIT_TRANSFER;
    while (!answer->is_void && answer->entry < request->count) {
        struct fama_request_entry *entry = &request->entries[answer->entry];
        const struct fama_block_send send = {
            .transmit_class = order->transmit_class,
            .channel_id = order->channel_id,
            .number = request->block,
            .channel = order->channel,
            .bytes = fama_bytes(served->bytes, served->len),
            .encoder = server->encoder,
            .session = order->session,
            .chunk_bytes = request->chunk_bytes,
            .parity = request->parity,
            .wanted = entry,
            .wanted_count = 1,
            .gives_way = gives_way ? &server->repair_waits : NULL,
        };
        uint64_t chunks = 0;
        int result = fama_dataplane_send_block(server->dataplane, server->signer, &send, &chunks);
        answer->work.chunks += chunks;
        if (result == FAMA_DATAPLANE_BUSY && gives_way) {
            entry->wanted = without_lowest(entry->wanted, chunks);
            return false;
        }
        answer->is_void = result != 0;
        answer->work.sets += has_set(served, request->chunk_bytes, entry->set);
        answer->entry++;
        if (gives_way && atomic_load_explicit(&server->repair_waits, memory_order_acquire)) {
            return answer->entry == request->count;
        }
    }
    return true;
}

/* With the lock held. */
static void keep_receipt(struct fama_chunk_server *server, const struct fama_chunk_receipt *receipt)
{
    if (server->receipt_count < QUEUE) {
        uint32_t tail = (server->receipt_head + server->receipt_count) % QUEUE;
        server->receipts[tail] = *receipt;
        server->receipt_count++;
    }
}

/* With the lock held. */
static void finish(struct fama_chunk_server *server, const struct answer *answer)
{
    uint64_t cost = fama_repair_server_cost(&answer->work);
    uint64_t least = charge_of_one(answer->order.request.chunk_bytes);
    const struct fama_chunk_receipt receipt = {
        .asker = answer->order.asker,
        .charged_bytes = answer->charged_bytes,
        .cost_bytes = cost > least ? cost : least,
    };
    bool is_transfer = answer->order.transmit_class == FAMA_TRANSMIT_TRANSFER;
    keep_receipt(server, &receipt);
    server->stats.requests_void += answer->is_void;
    server->stats.requests_served += !answer->is_void;
    server->stats.requests_transfer += !answer->is_void && is_transfer;
    server->stats.chunks_sent += answer->work.chunks;
}

/* ---- The thread ---- */

static struct fama_chunk_order *order_at(struct queue *queue, uint32_t place)
{
    return &queue->orders[(queue->head + place) % QUEUE];
}

/* With the lock held. The oldest order of anybody but whom the last one taken was for: so who asks for much
 * waits for itself, and others for one answer of its. */
static bool take(struct queue *queue, struct fama_chunk_order *order)
{
    if (queue->count == 0) {
        return false;
    }
    uint32_t place = 0;
    while (place < queue->count && order_at(queue, place)->asker == queue->served) {
        place++;
    }
    place = place < queue->count ? place : 0;
    *order = *order_at(queue, place);
    for (; place > 0; place--) {
        *order_at(queue, place) = *order_at(queue, place - 1);
    }
    queue->head = (queue->head + 1) % QUEUE;
    queue->count--;
    queue->served = order->asker;
    return true;
}

/* All of these with the lock held, which is given up while the answer is sent. */
static void serve_repair(struct fama_chunk_server *server)
{
    pthread_mutex_unlock(&server->lock);
    begin(&server->repair, &server->repaired);
    (void)go_on(server, &server->repair, &server->repaired);
    fama_session_release(server->repair.order.session);
    pthread_mutex_lock(&server->lock);
    finish(server, &server->repair);
}

static void serve_transfer(struct fama_chunk_server *server)
{
    bool is_new = !server->is_transferring;
    pthread_mutex_unlock(&server->lock);
    if (is_new) {
        begin(&server->transfer, &server->transferred);
    }
    bool is_finished = go_on(server, &server->transfer, &server->transferred);
    pthread_mutex_lock(&server->lock);
    server->is_transferring = !is_finished;
    server->stats.transfers_put_aside += !is_finished;
    if (is_finished) {
        fama_session_release(server->transfer.order.session);
        finish(server, &server->transfer);
    }
}

static void *server_main(void *context)
{
    struct fama_chunk_server *server = context;
    fama_dataplane_stand_aside(server->dataplane);
    pthread_mutex_lock(&server->lock);
    while (!server->is_stopping) {
        if (take(&server->repairs, &server->repair.order)) {
            atomic_store_explicit(&server->repair_waits, server->repairs.count > 0,
                                  memory_order_release);
            serve_repair(server);
        } else if (server->is_transferring || take(&server->transfers, &server->transfer.order)) {
            serve_transfer(server);
        } else {
            pthread_cond_wait(&server->work, &server->lock);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

struct fama_chunk_server *fama_chunk_server_start(struct fama_dataplane *dataplane,
                                                  const struct fama_signer *signer)
{
    struct fama_chunk_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->encoder = fama_set_encoder_create();
    if (server->encoder == NULL) {
        free(server);
        return NULL;
    }
    server->dataplane = dataplane;
    server->signer = signer;
    if (pthread_mutex_init(&server->lock, NULL) != 0) {
        fama_set_encoder_destroy(server->encoder);
        free(server);
        return NULL;
    }
    if (pthread_cond_init(&server->work, NULL) != 0) {
        pthread_mutex_destroy(&server->lock);
        fama_set_encoder_destroy(server->encoder);
        free(server);
        return NULL;
    }
    if (pthread_create(&server->thread, NULL, server_main, server) != 0) {
        pthread_cond_destroy(&server->work);
        pthread_mutex_destroy(&server->lock);
        fama_set_encoder_destroy(server->encoder);
        free(server);
        return NULL;
    }
    return server;
}

static void let_go(struct queue *queue)
{
    struct fama_chunk_order order;
    while (take(queue, &order)) {
        fama_session_release(order.session);
    }
}

void fama_chunk_server_stop(struct fama_chunk_server *server)
{
    if (server == NULL) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    pthread_cond_broadcast(&server->work);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    let_go(&server->repairs);
    let_go(&server->transfers);
    if (server->is_transferring) {
        fama_session_release(server->transfer.order.session);
    }
    forget(&server->repaired);
    forget(&server->transferred);
    fama_set_encoder_destroy(server->encoder);
    pthread_cond_destroy(&server->work);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* ---- The control thread ---- */

/* With the lock held. */
static bool crowds(struct queue *queue, fama_tag asker)
{
    uint32_t waiting = 0;
    for (uint32_t place = 0; place < queue->count; place++) {
        waiting += order_at(queue, place)->asker == asker;
    }
    return waiting >= FAMA_CHUNK_SERVER_WAITING_EACH;
}

bool fama_chunk_server_order(struct fama_chunk_server *server, const struct fama_chunk_order *order)
{
    pthread_mutex_lock(&server->lock);
    bool is_repair = order->transmit_class == FAMA_TRANSMIT_REPAIR;
    struct queue *queue = is_repair ? &server->repairs : &server->transfers;
    bool is_crowding = crowds(queue, order->asker);
    bool is_queued = !is_crowding && queue->count < QUEUE;
    if (is_queued) {
        struct fama_chunk_order *place = order_at(queue, queue->count);
        *place = *order;
        place->session = fama_session_acquire(order->session);
        queue->count++;
        if (is_repair) {
            atomic_store_explicit(&server->repair_waits, true, memory_order_release);
        }
        pthread_cond_signal(&server->work);
    } else {
        server->stats.requests_crowding += is_crowding;
        server->stats.requests_dropped += !is_crowding;
    }
    pthread_mutex_unlock(&server->lock);
    return is_queued;
}

bool fama_chunk_server_receipt(struct fama_chunk_server *server, struct fama_chunk_receipt *receipt)
{
    pthread_mutex_lock(&server->lock);
    bool is_there = server->receipt_count > 0;
    if (is_there) {
        *receipt = server->receipts[server->receipt_head];
        server->receipt_head = (server->receipt_head + 1) % QUEUE;
        server->receipt_count--;
    }
    pthread_mutex_unlock(&server->lock);
    return is_there;
}

void fama_chunk_server_stats(struct fama_chunk_server *server,
                             struct fama_chunk_server_stats *stats)
{
    pthread_mutex_lock(&server->lock);
    *stats = server->stats;
    pthread_mutex_unlock(&server->lock);
}
