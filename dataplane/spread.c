#include "dataplane/spread.h"

#include "dataplane/octets.h"

#define CHANNEL_AT   8 /* as wire.h has them */
#define BLOCK_AT     24
#define SESSION_AT   8
#define FIRST_LCORE  0
#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

/* Fibonacci hashing (Knuth, TAOCP 3, section 6.4), of which the high half is used. */
static uint32_t mixed(uint64_t value)
{
    return (uint32_t)(value * GOLDEN_RATIO >> 32);
}

uint32_t fama_spread_block(uint32_t lcores, fama_tag channel, uint64_t block)
{
    return (uint32_t)((mixed(channel) + block % lcores) % lcores);
}

uint32_t fama_spread_session(uint32_t lcores, uint64_t session)
{
    return mixed(session) % lcores;
}

uint32_t fama_spread_datagram(uint32_t lcores, uint32_t here, uint8_t kind,
                              struct fama_bytes datagram)
{
    if (lcores == 1) {
        return FIRST_LCORE;
    }
    if (kind == FAMA_KIND_CHUNK) {
        return datagram.len >= BLOCK_AT + sizeof(uint64_t)
                   ? fama_spread_block(lcores, fama_get64(datagram.at + CHANNEL_AT),
                                       fama_get64(datagram.at + BLOCK_AT))
                   : here;
    }
    if (kind == FAMA_KIND_SEALED) {
        return datagram.len >= SESSION_AT + sizeof(uint64_t)
                   ? fama_spread_session(lcores, fama_get64(datagram.at + SESSION_AT))
                   : here;
    }
    return FIRST_LCORE;
}
