/* One channel of this node: its ledger, its configuration, and the commit thread that judges blocks and
 * writes them in order.
 *
 * Blocks come whole from the dataplane (push and repair) or, at a leader, from the ordering source. The
 * commit thread waits until it holds the next one, takes every block that follows without a gap as a
 * group, judges the blocks themselves (structure, chain link, orderers' signatures), hands those from the
 * source to the sender thread, has the signatures of their transactions checked on the verify lcores, and
 * meanwhile commits the group before (ledger/committer.h) with one synced batch. Only then the height
 * moves. A refused block is counted by its reason, logged, and its place stays open for a good copy; it is
 * neither written nor sent.
 *
 * Threads: create, open, start, stop and the offers belong to the control thread; the status may be read by
 * any. A ledger that cannot be written stops this channel's commits with one error and drops the blocks
 * that wait; gossip goes on and what was committed keeps being served. */
#ifndef FAMA_CONTROLPLANE_CHANNEL_H
#define FAMA_CONTROLPLANE_CHANNEL_H

#include "controlplane/block_buffer.h"
#include "controlplane/block_times.h"
#include "controlplane/sender.h"
#include "dataplane/dataplane.h"
#include "ledger/channel_config.h"
#include "ledger/ledger.h"

struct fama_channel;

enum fama_channel_error {
    FAMA_CHANNEL_INVALID = -1, /* not a genesis block of a channel this organisation is in */
    FAMA_CHANNEL_EXISTS = -2,
    FAMA_CHANNEL_LEDGER = -3, /* the ledger could not be opened or written */
    FAMA_CHANNEL_NO_MEMORY = -4,
    FAMA_CHANNEL_EMPTY = -5, /* a join that died before its genesis block was written: join again */
    FAMA_CHANNEL_STOPPED =
        -6, /* `may_go_on` said no: the next opening goes on where this one was */
};

struct fama_channel_setup {
    const char *ledgers_directory; /* each channel's ledger is a folder of its name in here */
    const char *mspid;             /* our organisation */
    struct fama_dataplane *dataplane;
    struct fama_sender *sender;
    uint16_t index; /* < FAMA_CHANNELS_MAX, unique while the node runs */
    int wake_fd;    /* eventfd of the control thread: written when a height or refusal is news */
    /* Asked while a state is made anew from the blocks, which may take as long as they are many. NULL: it
     * may. */
    bool (*may_go_on)(void);
};

struct fama_channel_status {
    uint64_t height;
    uint8_t last_hash[FAMA_SHA256_BYTES];
    bool has_commit_hash; /* of the last block: all codes and updates since block 1 */
    uint8_t commit_hash[FAMA_SHA256_BYTES];
    uint64_t blocks_by_push, blocks_by_pull, blocks_from_source; /* since this process started */
    uint64_t transactions, invalid_transactions;                 /* likewise, of committed blocks */
    uint64_t refused[FAMA_BLOCK_REFUSAL_COUNT];
    bool has_failed;
    char failure[FAMA_ERROR_TEXT_BYTES];
};

/* The name of the channel that a genesis block is for. */
int fama_channel_genesis_id(struct fama_bytes genesis, char id[FAMA_CHANNEL_ID_MAX],
                            struct fama_error *error);
/* Joins: checks the genesis block, makes the ledger, writes block 0. */
int fama_channel_join(const struct fama_channel_setup *setup, struct fama_bytes genesis,
                      struct fama_channel **channel, struct fama_error *error);
/* Opens the ledger of a channel joined earlier. A state behind its blocks is made anew first. */
int fama_channel_open(const struct fama_channel_setup *setup, const char *channel_id,
                      struct fama_channel **channel, struct fama_error *error);
/* Whether the ledger's block 0 is this one: channels of two networks may have one name. A ledger that began
 * with a snapshot does not have that block, and begins with any of its channel's name. */
bool fama_channel_begins_with(const struct fama_channel *channel, struct fama_bytes genesis);
/* How its new blocks are pushed; before fama_channel_start. Borrowed until the channel is closed. */
void fama_channel_push_as(struct fama_channel *channel, const struct fama_push_settings *settings);
/* Starts the commit thread. 0, or FAMA_CHANNEL_NO_MEMORY. */
int fama_channel_start(struct fama_channel *channel);
/* Call after fama_dataplane_interrupt and before fama_dataplane_stop: ends the commit thread. The
 * ledger stays open for readers until fama_channel_close, which the sender must not outlive. */
void fama_channel_stop(struct fama_channel *channel);
void fama_channel_close(struct fama_channel *channel);

const char *fama_channel_id(const struct fama_channel *channel);
fama_tag fama_channel_tag(const struct fama_channel *channel);
const uint8_t *fama_channel_digest_of(const struct fama_channel *channel);
uint16_t fama_channel_index(const struct fama_channel *channel);
struct fama_channel_gate *fama_channel_gate(struct fama_channel *channel);
const struct fama_ledger *fama_channel_ledger(const struct fama_channel *channel);
void fama_channel_status(struct fama_channel *channel, struct fama_channel_status *status);
/* Times of up to `count` committed blocks from `first` on, in rising numbers; blocks that are forgotten, or
 * were committed by an earlier process, are passed over. Returns how many. */
size_t fama_channel_block_times(struct fama_channel *channel, uint64_t first, size_t count,
                                struct fama_block_time *times);

/* ---- The ordering source's side, control thread ---- */

/* Blocks that may be offered from the source after this height without being dropped: the waiting room. */
#define FAMA_CHANNEL_SOURCE_AHEAD 32
/* Blocks the commit thread has room for from the source now (0: wait for the next wake-up). */
uint32_t fama_channel_source_room(struct fama_channel *channel);
/* Hands over one block from the source, within height + FAMA_CHANNEL_SOURCE_AHEAD; takes its own
 * reference. */
void fama_channel_offer(struct fama_channel *channel, uint64_t number,
                        struct fama_block_buffer *buffer);
/* The number of a source block refused since the last call (the lowest, if several), or false. */
bool fama_channel_source_refusal(struct fama_channel *channel, uint64_t *number);

#endif
