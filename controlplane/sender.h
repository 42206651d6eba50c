/* The sender thread: the one thread that cuts blocks into signed chunks, for push and for repair.
 *
 * It exists because cutting a large block takes milliseconds (hashing, one signature per set) which the
 * control thread must not spend, and because the node's key stays with control-side threads. Pushes of new
 * blocks always go before repairs, so that catch-up of one peer never delays the newest block of the
 * others. Both queues are bounded: a push waits for its place (the commit thread is slowed, never the
 * membership), a repair that finds no place is dropped and asked for again by its asker. */
#ifndef FAMA_CONTROLPLANE_SENDER_H
#define FAMA_CONTROLPLANE_SENDER_H

#include "controlplane/block_buffer.h"
#include "crypto/signer.h"
#include "dataplane/dataplane.h"
#include "ledger/ledger.h"

struct fama_sender;

struct fama_sender_stats {
    uint64_t blocks_pushed;
    uint64_t chunks_pushed;
    uint64_t requests_served;
    uint64_t chunks_repaired;
    uint64_t requests_dropped; /* the queue was full */
    uint64_t requests_void;    /* we do not have that block, or another version of it */
};

/* The answer to one verified, admitted request. */
struct fama_sender_order {
    const char *channel_id; /* must outlive the sender, like `ledger` */
    const struct fama_ledger *ledger;
    fama_tag asker;
    struct fama_endpoint target;
    struct fama_request request; /* of a chunk size that our MTU takes */
};

/* What an answer was charged and what it took, for fama_repair_server_settle. */
struct fama_sender_receipt {
    fama_tag asker;
    uint64_t charged_bytes;
    uint64_t sent_bytes; /* at least what one chunk takes: looking for a block is not free */
};

/* NULL if the thread cannot be started or memory is out. `dataplane` and `signer` must outlive it. */
struct fama_sender *fama_sender_start(struct fama_dataplane *dataplane,
                                      const struct fama_signer *signer);
/* Call after fama_dataplane_interrupt; drops what is queued. */
void fama_sender_stop(struct fama_sender *sender);

/* Queues a new block for everybody; takes its own reference. Waits for a place; false when stopping.
 * Commit threads. `channel_id` must outlive the sender. */
bool fama_sender_push(struct fama_sender *sender, const char *channel_id, uint64_t number,
                      struct fama_block_buffer *buffer);
/* Queues an answer. A request that names nothing is answered by the first chunks of the block, as many as
 * FAMA_REPAIR_WHOLE_BLOCK_BYTES are charged for. Control thread; never waits. False if the queue is full. */
bool fama_sender_serve(struct fama_sender *sender, const struct fama_sender_order *order);
/* The receipt of the next answer given, or false. Receipts that nobody takes are lost beyond some hundred.
 * Control thread. */
bool fama_sender_receipt(struct fama_sender *sender, struct fama_sender_receipt *receipt);
void fama_sender_stats(struct fama_sender *sender, struct fama_sender_stats *stats);

#endif
