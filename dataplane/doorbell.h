/* Wakes a thread that waits in epoll or poll for a ring, at the price of a system call only when it
 * really sleeps.
 *
 * Consumer: takes from its ring until empty, then fama_doorbell_arm, then looks at the ring once more,
 * and only then waits for the descriptor to become readable. Producer: puts into the ring, then
 * fama_doorbell_ring.
 *
 * No wake-up is lost: arm and ring both are read-modify-writes of one atomic flag, hence totally
 * ordered. If ring comes after arm, it finds the flag set and writes to the descriptor. If arm comes
 * after ring, it reads what ring wrote (or something later), synchronises with it, and so the consumer's
 * last look at the ring sees what the producer had put there. A wake-up too many is possible and
 * harmless.
 *
 * A producer that must not make system calls leaves the write to a thread of its own (dataplane/ringer.h):
 * it only says that it is due.
 *
 * Threads: one consumer, any number of producers. */
#ifndef FAMA_DATAPLANE_DOORBELL_H
#define FAMA_DATAPLANE_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fama_doorbell {
    int fd; /* an eventfd, non-blocking; -1: closed */
    _Atomic bool is_armed;
    _Atomic bool is_due;    /* rung, but not written yet */
    bool is_left_to_ringer; /* set before the first ring */
};

/* 0, or -errno of eventfd(2). */
int fama_doorbell_open(struct fama_doorbell *doorbell);
void fama_doorbell_close(struct fama_doorbell *doorbell);

/* Consumer: empties the descriptor and asks to be woken from now on. */
void fama_doorbell_arm(struct fama_doorbell *doorbell);
/* Consumer: waits until rung or `timeout_ns` has passed. */
void fama_doorbell_wait(struct fama_doorbell *doorbell, uint64_t timeout_ns);
/* Producer. True if the consumer had asked to be woken. */
bool fama_doorbell_ring(struct fama_doorbell *doorbell);
/* Ringer: writes what is due. True if something was. */
bool fama_doorbell_ring_due(struct fama_doorbell *doorbell);

#endif
