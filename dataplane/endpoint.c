#include "dataplane/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

struct fama_endpoint fama_endpoint_from_ipv4(uint32_t ipv4, uint16_t port)
{
    return (struct fama_endpoint){.address = {[10] = 0xff,
                                              [11] = 0xff,
                                              [FAMA_ADDRESS_IPV4_AT] = (uint8_t)(ipv4 >> 24),
                                              (uint8_t)(ipv4 >> 16),
                                              (uint8_t)(ipv4 >> 8),
                                              (uint8_t)ipv4},
                                  .port = port};
}

bool fama_address_is_one_host(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    /* The unspecified and the loopback address, and the "IPv4-compatible" ones that RFC 4291 gave up. */
    static const uint8_t low[FAMA_ADDRESS_IPV4_AT];
    if (fama_address_is_ipv4(address)) {
        uint8_t first = address[FAMA_ADDRESS_IPV4_AT];
        return first != 0 && first < 224;
    }
    bool is_group = address[0] == 0xff;
    return !is_group && !fama_address_is_link_local(address) &&
           memcmp(address, low, sizeof low) != 0;
}

bool fama_address_has_prefix(const uint8_t address[FAMA_ADDRESS_BYTES],
                             const uint8_t network[FAMA_ADDRESS_BYTES], uint8_t bits)
{
    unsigned int all = bits;
    all += fama_address_is_ipv4(network) ? 8 * FAMA_ADDRESS_IPV4_AT : 0;
    all = all <= 8 * FAMA_ADDRESS_BYTES ? all : 8 * FAMA_ADDRESS_BYTES;
    if (memcmp(address, network, all / 8) != 0) {
        return false;
    }
    unsigned int rest = all % 8;
    return rest == 0 || (address[all / 8] ^ network[all / 8]) >> (8 - rest) == 0;
}

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        word = word << 8 | at[i];
    }
    return word;
}

uint64_t fama_address_source(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    return word_at(fama_address_is_ipv4(address) ? address + 8 : address);
}

uint64_t fama_address_source_seen(const uint8_t address[FAMA_ADDRESS_BYTES],
                                  const uint8_t own[FAMA_ADDRESS_BYTES])
{
    uint64_t source = fama_address_source(address);
    bool is_neighbour = !fama_address_is_ipv4(address) && memcmp(address, own, 8) == 0;
    return is_neighbour ? source ^ word_at(address + 8) : source;
}

bool fama_address_parse(const char *text, uint8_t address[FAMA_ADDRESS_BYTES])
{
    struct in_addr ipv4;
    if (inet_pton(AF_INET, text, &ipv4) == 1) {
        struct fama_endpoint endpoint = fama_endpoint_from_ipv4(ntohl(ipv4.s_addr), 0);
        memcpy(address, endpoint.address, FAMA_ADDRESS_BYTES);
        return true;
    }
    return inet_pton(AF_INET6, text, address) == 1 && !fama_address_is_ipv4(address);
}

void fama_address_format(const uint8_t address[FAMA_ADDRESS_BYTES],
                         char text[FAMA_ADDRESS_TEXT_BYTES])
{
    bool is_ipv4 = fama_address_is_ipv4(address);
    const void *at = is_ipv4 ? address + FAMA_ADDRESS_IPV4_AT : address;
    if (inet_ntop(is_ipv4 ? AF_INET : AF_INET6, at, text, FAMA_ADDRESS_TEXT_BYTES) == NULL) {
        text[0] = '\0'; /* Cannot be: every address fits. */
    }
}

void fama_endpoint_format(const struct fama_endpoint *endpoint, char text[FAMA_ENDPOINT_TEXT_BYTES])
{
    char address[FAMA_ADDRESS_TEXT_BYTES];
    bool is_ipv4 = fama_address_is_ipv4(endpoint->address);
    fama_address_format(endpoint->address, address);
    (void)snprintf(text, FAMA_ENDPOINT_TEXT_BYTES, is_ipv4 ? "%s:%u" : "[%s]:%u", address,
                   endpoint->port);
}
