#include "dataplane/doorbell.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int fama_doorbell_open(struct fama_doorbell *doorbell)
{
    atomic_init(&doorbell->is_armed, false);
    atomic_init(&doorbell->is_due, false);
    doorbell->is_left_to_ringer = false;
    doorbell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return doorbell->fd >= 0 ? 0 : -errno;
}

void fama_doorbell_close(struct fama_doorbell *doorbell)
{
    if (doorbell->fd >= 0) {
        (void)close(doorbell->fd);
        doorbell->fd = -1;
    }
}

void fama_doorbell_arm(struct fama_doorbell *doorbell)
{
    uint64_t rung;
    /* EAGAIN: it had not been rung. Emptied before arming, or a ring after arming could be swallowed. */
    (void)!read(doorbell->fd, &rung, sizeof rung);
    (void)atomic_exchange_explicit(&doorbell->is_armed, true, memory_order_acq_rel);
}

void fama_doorbell_wait(struct fama_doorbell *doorbell, uint64_t timeout_ns)
{
    struct pollfd descriptor = {.fd = doorbell->fd, .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000u),
        .tv_nsec = (long)(timeout_ns % 1000000000u),
    };
    /* Whatever ends the wait, the consumer looks at its ring again. */
    (void)ppoll(&descriptor, 1, &timeout, NULL);
}

static void write_one(const struct fama_doorbell *doorbell)
{
    uint64_t one = 1;
    /* It can only fail when the counter is at its limit, and then the consumer is awake anyway. */
    (void)!write(doorbell->fd, &one, sizeof one);
}

bool fama_doorbell_ring(struct fama_doorbell *doorbell)
{
    if (!atomic_exchange_explicit(&doorbell->is_armed, false, memory_order_acq_rel)) {
        return false;
    }
    if (doorbell->is_left_to_ringer) {
        atomic_store_explicit(&doorbell->is_due, true, memory_order_release);
    } else {
        write_one(doorbell);
    }
    return true;
}

bool fama_doorbell_ring_due(struct fama_doorbell *doorbell)
{
    /* Looked at far more often than rung: reading alone leaves the cache line with its owner. */
    if (!atomic_load_explicit(&doorbell->is_due, memory_order_relaxed) ||
        !atomic_exchange_explicit(&doorbell->is_due, false, memory_order_acq_rel)) {
        return false;
    }
    write_one(doorbell);
    return true;
}
