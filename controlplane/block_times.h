/* When the latest blocks of a channel came, nanosecond by nanosecond: for measurements that go on while a
 * node runs, and for the operator who asks where the time of a block went. What lies longer ago is
 * forgotten; the ledger keeps a coarser record of every block (struct fama_arrival).
 *
 * Times are this machine's monotonic clock, so that a step of the wall clock changes no interval, and
 * processes of one machine can be compared; whoever compares machines is told both clocks at once
 * (`channel.blocks` of the admin socket) and converts.
 *
 * Memory: fixed. No I/O, no lock: its owner sees to that. */
#ifndef FAMA_CONTROLPLANE_BLOCK_TIMES_H
#define FAMA_CONTROLPLANE_BLOCK_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

#define FAMA_BLOCK_TIMES_KEPT 4096

struct fama_block_time {
    uint64_t number; /* 0, the genesis block, is never noted: it comes by hand */
    uint64_t bytes;
    enum fama_arrival_path path;
    uint64_t whole_ns;  /* all bytes were in the hands of the commit thread */
    uint64_t judged_ns; /* form, chain link, data hash and orderers' signatures were found good */
    uint64_t sent_ns;   /* leader only: it was handed on to be cut and sent; else 0 */
    uint64_t committed_ns; /* it was durable */
};

struct fama_block_times {
    struct fama_block_time kept[FAMA_BLOCK_TIMES_KEPT];
};

/* Notes a committed block, in the place of the one FAMA_BLOCK_TIMES_KEPT before it. Starts zeroed. */
void fama_block_times_note(struct fama_block_times *times, const struct fama_block_time *time);
/* False if the block was never noted, or is forgotten. */
bool fama_block_times_find(const struct fama_block_times *times, uint64_t number,
                           struct fama_block_time *time);

#endif
