/* Numbers in network byte order, at any address. */
#ifndef FAMA_DATAPLANE_OCTETS_H
#define FAMA_DATAPLANE_OCTETS_H

#include <stdint.h>

static inline uint16_t fama_get16(const uint8_t *at)
{
    return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

static inline uint32_t fama_get32(const uint8_t *at)
{
    return (uint32_t)fama_get16(at) << 16 | fama_get16(at + 2);
}

static inline uint64_t fama_get64(const uint8_t *at)
{
    return (uint64_t)fama_get32(at) << 32 | fama_get32(at + 4);
}

static inline void fama_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void fama_put32(uint8_t *at, uint32_t value)
{
    fama_put16(at, (uint16_t)(value >> 16));
    fama_put16(at + 2, (uint16_t)value);
}

static inline void fama_put64(uint8_t *at, uint64_t value)
{
    fama_put32(at, (uint32_t)(value >> 32));
    fama_put32(at + 4, (uint32_t)value);
}

#endif
