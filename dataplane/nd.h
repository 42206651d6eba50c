/* Neighbour solicitations and advertisements (RFC 4861) as values: reading and writing, and nothing about
 * what they mean to a table of neighbours. The other messages of ICMPv6, router advertisements and
 * redirects among them, are not for us: addresses and gateway are configured.
 *
 * Adversary: whoever is on the link, and nobody beyond it: a hop limit of 255 shows that no router has
 * passed the packet on. Pure functions on bytes; any thread. */
#ifndef FAMA_DATAPLANE_ND_H
#define FAMA_DATAPLANE_ND_H

#include "dataplane/frame.h"

/* Ethernet, IPv6, message, one option with a link address. */
#define FAMA_ND_FRAME_MAX (FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + 24 + 8)

enum fama_nd_kind {
    FAMA_ND_SOLICITATION = 135,
    FAMA_ND_ADVERTISEMENT = 136,
};

struct fama_nd {
    enum fama_nd_kind kind;
    bool is_solicited; /* an advertisement that answers; never one to a group */
    bool overrides;    /* an advertisement that may change a link address already known */
    bool has_mac;      /* the source's, in a solicitation; the target's, in an advertisement */
    uint8_t mac[FAMA_MAC_BYTES];
    uint8_t source[FAMA_ADDRESS_BYTES]; /* all zero: one that looks whether the target is taken */
    uint8_t destination[FAMA_ADDRESS_BYTES];
    uint8_t target[FAMA_ADDRESS_BYTES];
};

/* Reads an IPv6 packet that carries ICMPv6 (struct fama_frame). FAMA_DROP_NONE; NOT_OURS for other kinds;
 * BAD_CHECKSUM; BAD_ND for what sections 7.1.1 and 7.1.2 have dropped, and for link addresses that no host
 * can have. */
enum fama_drop fama_nd_read(struct fama_bytes packet, struct fama_nd *nd);

/* Writes a whole frame from `ethernet_source`; returns its length. */
size_t fama_nd_write(const struct fama_nd *nd, const uint8_t ethernet_source[FAMA_MAC_BYTES],
                     const uint8_t ethernet_target[FAMA_MAC_BYTES],
                     uint8_t frame[FAMA_ND_FRAME_MAX]);

/* The group of all hosts on the link, ff02::1. */
extern const uint8_t fama_nd_all_nodes[FAMA_ADDRESS_BYTES];
/* The group in which the owner of an address is asked for: RFC 4291 section 2.7.1. */
void fama_nd_group(const uint8_t address[FAMA_ADDRESS_BYTES], uint8_t group[FAMA_ADDRESS_BYTES]);
/* A group's link address: RFC 2464 section 7. */
void fama_nd_group_mac(const uint8_t group[FAMA_ADDRESS_BYTES], uint8_t mac[FAMA_MAC_BYTES]);

#endif
