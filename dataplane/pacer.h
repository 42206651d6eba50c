/* A token bucket: how many bytes may go now, so that over any time no more go than the rate allows and one
 * burst (RFC 2697 section 3 with the committed bucket alone; ITU-T I.371 calls the same a leaky bucket).
 *
 * The level is kept in bytes times 10^9, so that a nanosecond at any whole rate is a whole number: nothing
 * is rounded away, however often it is asked, and the rate holds exactly. A gap of any length fills the
 * bucket and no more. Sans-I/O: time is passed in; a clock that goes back gives nothing. Owner: one lcore. */
#ifndef FAMA_DATAPLANE_PACER_H
#define FAMA_DATAPLANE_PACER_H

#include <stdint.h>

/* The least burst: a packet larger than the bucket would wait for ever, so each must be smaller. */
#define FAMA_PACER_BURST_MIN 16384u
#define FAMA_PACER_BURST_MAX 1073741824u    /* bytes */
#define FAMA_PACER_RATE_MAX  1000000000000u /* bytes per second, 8 Tbit/s */

struct fama_pacer {
    uint64_t bytes_per_second; /* 0: unlimited, the rest means nothing */
    uint64_t capacity;         /* bytes times 10^9, as is `level` */
    uint64_t level;
    uint64_t filled_ns;
    uint64_t gap_ns; /* what fills an empty bucket for sure */
};

/* Starts full. A rate of 0 is no limit; rate and burst beyond their bounds are taken as the bound. */
void fama_pacer_init(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes_per_second,
                     uint64_t burst_bytes);

/* Whole bytes that may go now; UINT64_MAX if there is no limit. */
uint64_t fama_pacer_bytes(struct fama_pacer *pacer, uint64_t now_ns);

/* Takes bytes that have gone: at most as many as fama_pacer_bytes said. More empties the bucket. */
void fama_pacer_charge(struct fama_pacer *pacer, uint64_t bytes);

/* Nanoseconds from the last fama_pacer_bytes until so many bytes may go; 0: they may already. At most
 * FAMA_PACER_BURST_MIN bytes: more might never be there at once. */
uint64_t fama_pacer_wait_ns(const struct fama_pacer *pacer, uint64_t bytes);

#endif
