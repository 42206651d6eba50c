/* Numbers as protobuf and Go's binary.PutUvarint write them: seven bits a byte, the lowest first, in the
 * fewest bytes. Stateless; any thread. */
#ifndef FAMA_LEDGER_VARINT_H
#define FAMA_LEDGER_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define FAMA_VARINT_BYTES_MAX 10

/* Returns how many bytes it wrote. */
static inline size_t fama_varint_put(uint8_t *at, uint64_t number)
{
    size_t len = 0;
    for (; number > 0x7f; number >>= 7) {
        at[len++] = (uint8_t)(number | 0x80);
    }
    at[len++] = (uint8_t)number;
    return len;
}

/* How many it would write. */
static inline size_t fama_varint_len(uint64_t number)
{
    size_t len = 1;
    for (; number > 0x7f; number >>= 7) {
        len++;
    }
    return len;
}

#endif
