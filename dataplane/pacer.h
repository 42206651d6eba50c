/* A token bucket: how many bytes may go now, so that over any time no more go than the rate allows and one
 * burst (RFC 2697 section 3 with the committed bucket alone; ITU-T I.371 calls the same a leaky bucket).
 *
 * One per port, shared by the lcores that send through it. What has gone is one counter of bytes, and what
 * might have gone since the start is computed anew from the time each time: nothing is rounded away however
 * often it is asked, and taking is one compare-and-swap. A gap of any length fills the bucket and no more,
 * as long as the port could not have sent 2^63 bytes in it (over two years at the highest rate).
 *
 * Sans-I/O: time is passed in; a clock that goes back gives nothing. Any thread, but for init. */
#ifndef FAMA_DATAPLANE_PACER_H
#define FAMA_DATAPLANE_PACER_H

#include <stdatomic.h>
#include <stdint.h>

/* The least burst: a packet larger than the bucket would wait for ever, so each must be smaller. */
#define FAMA_PACER_BURST_MIN 16384u
#define FAMA_PACER_BURST_MAX 1073741824u   /* bytes */
#define FAMA_PACER_RATE_MAX  125000000000u /* bytes per second, 1 Tbit/s */

struct fama_pacer {
    uint64_t bytes_per_second; /* 0: unlimited, the rest means nothing */
    uint64_t burst_bytes;
    uint64_t started_ns;
    _Atomic uint64_t used; /* bytes gone since, or given up because the bucket was full; wraps */
};

/* Starts full. A rate of 0 is no limit; rate and burst beyond their bounds are taken as the bound. */
void fama_pacer_init(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes_per_second,
                     uint64_t burst_bytes);

/* Takes up to so many bytes; returns how many may go now. */
uint64_t fama_pacer_take(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes);
/* The same, but leaves half of the bucket, or what is beyond FAMA_PACER_BURST_MIN if that is less, to others:
 * so that what is urgent finds a burst however much is sent that is not. */
uint64_t fama_pacer_take_spare(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes);

/* Bytes that were taken and did not go. */
void fama_pacer_give_back(struct fama_pacer *pacer, uint64_t bytes);

/* Nanoseconds after which so many bytes (at most FAMA_PACER_BURST_MIN) may go if nobody else takes any; 0:
 * they may already. */
uint64_t fama_pacer_wait_ns(const struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes);
/* The same for fama_pacer_take_spare. */
uint64_t fama_pacer_wait_spare_ns(const struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes);

#endif
