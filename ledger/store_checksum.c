#include "ledger/store_checksum.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* Castagnoli's, least significant bit first */

/* For processors without the instruction. */
static uint32_t by_bits(uint32_t rest, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        rest ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            rest = rest >> 1 ^ (POLYNOMIAL & (0u - (rest & 1)));
        }
    }
    return rest;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t rest, const char *bytes,
                                                                 size_t len)
{
    uint64_t wide = rest;
    for (; len >= sizeof wide; len -= sizeof wide, bytes += sizeof wide) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    rest = (uint32_t)wide;
    for (; len > 0; len--, bytes++) {
        rest = _mm_crc32_u8(rest, (uint8_t)*bytes);
    }
    return rest;
}

/* Visible to RocksDB, which calls it. */
__attribute__((visibility("default"))) uint32_t fama_store_checksum(uint32_t checksum,
                                                                    const char *bytes, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? ~by_instruction(~checksum, bytes, len)
                                            : ~by_bits(~checksum, bytes, len);
}
#else
uint32_t fama_store_checksum(uint32_t checksum, const char *bytes, size_t len)
{
    return ~by_bits(~checksum, bytes, len);
}
#endif
