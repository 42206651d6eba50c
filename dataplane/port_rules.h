/* Flow rules of a port: they bring the datagrams to our address and UDP port to our receive queues, spread
 * over them where the port can, and nothing else where it can keep the rest away (isolated mode: what no
 * rule asks for stays with the kernel or is dropped by the port, and costs us nothing).
 *
 * Ports differ in what they take, so the best is tried first: spread by the port's hash; spread by the
 * lowest bits of the source address; all into the first queue, from where lcores hand them on; no rules
 * at all, and every frame is looked at by us as ever. Rules decide only who looks first: what a datagram is
 * worth is judged by its bytes alone.
 *
 * Main thread, while the port's owner is not polling it, apart from reading the mode. */
#ifndef FAMA_DATAPLANE_PORT_RULES_H
#define FAMA_DATAPLANE_PORT_RULES_H

#include <rte_flow.h>
#include <stdbool.h>

#include "dataplane/endpoint.h"

/* One for each queue, one for the link's own protocol (ARP or neighbour discovery) and one for queries of
 * multicast listeners. */
#define FAMA_PORT_RULES_MAX 10

enum fama_port_rules_mode {
    FAMA_PORT_RULES_NONE = 0,
    FAMA_PORT_RULES_FIRST_QUEUE,
    FAMA_PORT_RULES_BY_SOURCE,
    FAMA_PORT_RULES_BY_HASH,
};

struct fama_port_rules {
    enum fama_port_rules_mode mode;
    bool is_isolated;
    uint32_t count;
    struct rte_flow *flows[FAMA_PORT_RULES_MAX];
};

/* Asks the port for isolated mode: before it is configured, or of a virtual one after its start (net_tap takes
 * it before, and does nothing about it then). */
void fama_port_rules_isolate(struct fama_port_rules *rules, uint16_t port_id);

/* Makes the rules, of a port that has been started with `queues` receive queues (1 to 8) and can hash over
 * `hash_types` (RTE_ETH_RSS_*). False: the port has taken none, or too few to be left in isolated mode,
 * which then must be ended by fama_port_rules_end_isolation while the port is stopped. */
bool fama_port_rules_make(struct fama_port_rules *rules, uint16_t port_id,
                          const struct fama_endpoint *endpoint, uint16_t queues,
                          uint64_t hash_types);
void fama_port_rules_end_isolation(struct fama_port_rules *rules, uint16_t port_id);

/* Takes back all rules; fine without any. */
void fama_port_rules_remove(struct fama_port_rules *rules, uint16_t port_id);

/* "spread over the queues by the port's hash" and the like. */
const char *fama_port_rules_words(enum fama_port_rules_mode mode);

#endif
