/* The server thread: answers requests for chunks, cutting and signing them anew from the ledger's blocks.
 *
 * It is not the pusher (sender.h), so that reading and cutting an old block never delays a new one. Of its
 * own two queues, repair of the newest blocks goes before state transfer of old ones, also when a long
 * answer to somebody who catches up is under way already: that is put aside wherever it waits for room and
 * taken up again behind the repair. Both queues are bounded: a request that finds no place is dropped and
 * asked for again by its asker.
 *
 * Adversary: a member that asks for as much as it is allowed. Of each queue it fills a quarter and no more, and
 * after an answer to one asker the oldest request of another is next. What it is allowed, repair.h says.
 *
 * Threads: the control thread calls, one thread of its own serves. */
#ifndef FAMA_CONTROLPLANE_CHUNK_SERVER_H
#define FAMA_CONTROLPLANE_CHUNK_SERVER_H

#include "crypto/signer.h"
#include "dataplane/dataplane.h"
#include "ledger/ledger.h"

/* So many of the highest blocks are repaired; requests for those below are state transfer. More than a peer
 * in step can lack, fewer than one catches up by. */
#define FAMA_CHUNK_SERVER_NEWEST 16

/* Requests of one asker that wait in a queue: no fewer than the blocks it asks for at one time. */
#define FAMA_CHUNK_SERVER_WAITING_EACH 64

struct fama_chunk_server;

struct fama_chunk_server_stats {
    uint64_t requests_served;
    uint64_t chunks_sent;
    uint64_t requests_dropped;    /* the queue was full */
    uint64_t requests_crowding;   /* refused: too many of its asker's waited already */
    uint64_t requests_void;       /* we do not have that block, or another version of it */
    uint64_t requests_transfer;   /* of those served: for old blocks */
    uint64_t transfers_put_aside; /* for a repair, in the middle of the answer */
};

/* The answer to one verified, admitted request. */
struct fama_chunk_order {
    const char *channel_id; /* must outlive the server, like `ledger` */
    const struct fama_ledger *ledger;
    enum fama_transmit_class transmit_class; /* REPAIR or TRANSFER */
    fama_tag asker;
    struct fama_session *session; /* with the asker; the server takes a reference of its own */
    uint16_t channel;             /* its number in views */
    struct fama_request request;  /* of a chunk size that our MTU takes */
};

/* What an answer was charged and what it took, for fama_repair_server_settle. */
struct fama_chunk_receipt {
    fama_tag asker;
    uint64_t charged_bytes;
    uint64_t cost_bytes; /* fama_repair_server_cost of it; looking for a block is not free */
};

/* REPAIR or TRANSFER, for a block of a channel of that height. */
enum fama_transmit_class fama_chunk_server_class(uint64_t block, uint64_t height);

/* NULL if the thread cannot be started or memory is out. `dataplane` and `signer` must outlive it. */
struct fama_chunk_server *fama_chunk_server_start(struct fama_dataplane *dataplane,
                                                  const struct fama_signer *signer);
/* Call after fama_dataplane_interrupt; drops what is queued. */
void fama_chunk_server_stop(struct fama_chunk_server *server);

/* Queues an answer. A request that names nothing is answered by the first chunks of the block, as many as
 * FAMA_REPAIR_WHOLE_BLOCK_BYTES are charged for. Never waits. False if the queue of its class is full, or
 * the asker's part of it. */
bool fama_chunk_server_order(struct fama_chunk_server *server,
                             const struct fama_chunk_order *order);
/* The receipt of the next answer given, or false. Receipts that nobody takes are lost beyond some hundred. */
bool fama_chunk_server_receipt(struct fama_chunk_server *server,
                               struct fama_chunk_receipt *receipt);
void fama_chunk_server_stats(struct fama_chunk_server *server,
                             struct fama_chunk_server_stats *stats);

#endif
