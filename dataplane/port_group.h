/* Makes a port hear a group's frames: a port takes in what is for its own address and for all, and a group,
 * such as the one in which neighbour discovery asks for us, must be asked for. By the narrowest means that
 * its driver has: the group itself, all groups, or whatever passes by (what is not ours is dropped by
 * name). Ports without a filter of their own (rings, memif) hear everything anyway.
 *
 * Main thread, once the port has started. */
#ifndef FAMA_DATAPLANE_PORT_GROUP_H
#define FAMA_DATAPLANE_PORT_GROUP_H

#include <stdint.h>

/* 0, or what the driver said: then solicitations for us may not arrive. */
int fama_port_group_join(uint16_t port, const uint8_t mac[6]);

#endif
