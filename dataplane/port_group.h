/* Makes a port hear groups' frames: a port takes in what is for its own address and for all, and a group,
 * such as the one in which neighbour discovery asks for us, must be asked for. By the narrowest means that
 * its driver has: the groups themselves, all groups, or whatever passes by (what is not ours is dropped by
 * name). Ports without a filter of their own (rings, memif) hear everything anyway.
 *
 * Main thread, once the port has started. */
#ifndef FAMA_DATAPLANE_PORT_GROUP_H
#define FAMA_DATAPLANE_PORT_GROUP_H

#include <stdint.h>

#define FAMA_PORT_GROUPS_MAX 2

/* At most FAMA_PORT_GROUPS_MAX. 0, or what the driver said: then solicitations for us may not arrive. */
int fama_port_groups_join(uint16_t port, const uint8_t (*macs)[6], uint32_t count);

#endif
