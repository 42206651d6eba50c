/* The sender thread: cuts each new block into signed chunks and pushes them to everybody.
 *
 * It exists because cutting a large block takes milliseconds (hashing, one signature per set) which the
 * control thread must not spend, and because the node's key stays with control-side threads. It does nothing
 * else: answers to requests have a thread of their own (chunk_server.h), so that nobody's catching up delays
 * a new block. Its queue is bounded: a push waits for its place (the commit thread is slowed, never the
 * membership). */
#ifndef FAMA_CONTROLPLANE_SENDER_H
#define FAMA_CONTROLPLANE_SENDER_H

#include "controlplane/block_buffer.h"
#include "controlplane/channel_keys.h"
#include "crypto/signer.h"
#include "dataplane/dataplane.h"

struct fama_sender;

/* How a channel's new blocks are pushed. Lives at least as long as the sender. */
struct fama_push_settings {
    struct fama_channel_keys *keys;
    uint16_t channel;       /* its number in views */
    _Atomic uint8_t parity; /* chunks of a full set; the control thread follows the loss with it */
    _Atomic bool is_infectious; /* trees lose more than parity makes good: likewise */
};

struct fama_sender_stats {
    uint64_t blocks_pushed;
    uint64_t blocks_unsealed; /* not pushed: there was no key that might have sealed them */
    uint64_t chunks_pushed;
};

/* NULL if the thread cannot be started or memory is out. `dataplane` and `signer` must outlive it. */
struct fama_sender *fama_sender_start(struct fama_dataplane *dataplane,
                                      const struct fama_signer *signer);
/* Call after fama_dataplane_interrupt; drops what is queued. */
void fama_sender_stop(struct fama_sender *sender);

/* Queues a new block for everybody; takes its own reference. Waits for a place; false when stopping.
 * Commit threads. `channel_id` must outlive the sender. */
bool fama_sender_push(struct fama_sender *sender, const char *channel_id,
                      const struct fama_push_settings *settings, uint64_t number,
                      struct fama_block_buffer *buffer);
void fama_sender_stats(struct fama_sender *sender, struct fama_sender_stats *stats);

#endif
