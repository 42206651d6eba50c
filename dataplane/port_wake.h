/* What wakes a net lcore that rests: the descriptors of its port, and a bell for its rings. A resting lcore
 * then costs nothing, and the first packet after a silence waits for one wake-up instead of the rest of a
 * sleep.
 *
 * DPDK's virtual ports on kernel sockets have no receive interrupts, but their sockets are this process's own
 * and say by poll(2) whether frames wait: AF_PACKET's shared ring (packet(7)), AF_XDP's (xsk's ring), and a
 * tap's queue. They are found by what they are, among all descriptors of the process. A port without any
 * (memif, a NIC) has an empty list, and its lcore sleeps by the clock as before.
 *
 * Adaptive idling only: in `poll` mode nobody rests. Owner: one net lcore. */
#ifndef FAMA_DATAPLANE_PORT_WAKE_H
#define FAMA_DATAPLANE_PORT_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#define FAMA_PORT_WAKE_MAX 64

struct fama_port_wake {
    int descriptors[FAMA_PORT_WAKE_MAX];
    uint32_t count;
};

/* Looks for the sockets and taps that this process has open: after the port has been started. */
void fama_port_wake_find(struct fama_port_wake *wake);
/* Waits until one of them has frames, `bell` becomes readable, or the time is over. False if a descriptor can
 * only complain (its interface is down): the caller then sleeps by the clock. */
bool fama_port_wake_wait(const struct fama_port_wake *wake, int bell, uint64_t timeout_ns);

#endif
