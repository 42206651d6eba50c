/* Where a node's dataplane listens: an IP address of either family and a UDP port.
 *
 * Addresses are 16 bytes in network byte order. One of IPv4 is kept as its IPv4-mapped IPv6 address,
 * ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that both families compare, hash and copy alike and every
 * address has exactly one form. All zero means none.
 *
 * Plain values without padding that matters; any thread. */
#ifndef FAMA_DATAPLANE_ENDPOINT_H
#define FAMA_DATAPLANE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FAMA_ADDRESS_BYTES       16
#define FAMA_ADDRESS_IPV4_AT     12 /* where the four bytes of an IPv4 address lie */
#define FAMA_ADDRESS_TEXT_BYTES  46
#define FAMA_ENDPOINT_TEXT_BYTES 54

struct fama_endpoint {
    uint8_t address[FAMA_ADDRESS_BYTES];
    uint16_t port; /* host byte order */
};

/* In host byte order. */
struct fama_endpoint fama_endpoint_from_ipv4(uint32_t ipv4, uint16_t port);

static inline bool fama_address_equal(const uint8_t a[FAMA_ADDRESS_BYTES],
                                      const uint8_t b[FAMA_ADDRESS_BYTES])
{
    return memcmp(a, b, FAMA_ADDRESS_BYTES) == 0;
}

static inline bool fama_address_is_none(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    static const uint8_t none[FAMA_ADDRESS_BYTES];
    return fama_address_equal(address, none);
}

static inline bool fama_address_is_ipv4(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    static const uint8_t mapped[FAMA_ADDRESS_IPV4_AT] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

/* The address as a number in host byte order; 0 if it is none of IPv4. */
static inline uint32_t fama_address_to_ipv4(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    const uint8_t *at = address + FAMA_ADDRESS_IPV4_AT;
    return fama_address_is_ipv4(address)
               ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : 0;
}

static inline bool fama_endpoint_equal(const struct fama_endpoint *a, const struct fama_endpoint *b)
{
    return a->port == b->port && fama_address_equal(a->address, b->address);
}

/* Whether datagrams can be meant for one host there, wherever it is: not "this host" or "this network",
 * no group, not broadcast or reserved, no IPv6 address that means something on its own link only or holds
 * an IPv4 one. */
bool fama_address_is_one_host(const uint8_t address[FAMA_ADDRESS_BYTES]);

/* Whether the first `bits` of two addresses of one family are equal; bits as that family counts them. */
bool fama_address_has_prefix(const uint8_t address[FAMA_ADDRESS_BYTES],
                             const uint8_t network[FAMA_ADDRESS_BYTES], uint8_t bits);

/* fe80::/10, RFC 4291 section 2.5.6. */
static inline bool fama_address_is_link_local(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* One number for all addresses that one host can send from at will: an IPv4 address itself, but the whole
 * /64 of an IPv6 one, since that is what a link gives away for the asking (RFC 4862). */
uint64_t fama_address_source(const uint8_t address[FAMA_ADDRESS_BYTES]);
/* The same as seen by a host at `own`: those of its own /64 are its neighbours, each another host as far as
 * anybody can tell, and have a number each. Else one stranger among them would stand for all. */
uint64_t fama_address_source_seen(const uint8_t address[FAMA_ADDRESS_BYTES],
                                  const uint8_t own[FAMA_ADDRESS_BYTES]);

/* "198.18.0.11" or "2001:db8::1"; a mapped address is not accepted in its IPv6 spelling. */
bool fama_address_parse(const char *text, uint8_t address[FAMA_ADDRESS_BYTES]);
/* As RFC 5952 has it. */
void fama_address_format(const uint8_t address[FAMA_ADDRESS_BYTES],
                         char text[FAMA_ADDRESS_TEXT_BYTES]);
/* "198.18.0.11:7051", "[2001:db8::1]:7051". */
void fama_endpoint_format(const struct fama_endpoint *endpoint,
                          char text[FAMA_ENDPOINT_TEXT_BYTES]);

#endif
