/* A borrowed view of bytes: the one way this project hands memory from floor to floor.
 *
 * A view owns nothing. Whoever hands one out keeps the memory alive and unchanged for the duration
 * of the call, or for as long as the receiving function's contract says. Any thread. */
#ifndef FAMA_CRYPTO_BYTES_H
#define FAMA_CRYPTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fama_bytes {
    const uint8_t *at;
    size_t len; /* bytes */
};

static inline struct fama_bytes fama_bytes(const void *at, size_t len)
{
    return (struct fama_bytes){.at = at, .len = len};
}

static inline struct fama_bytes fama_bytes_of_text(const char *text)
{
    return fama_bytes(text, strlen(text));
}

static inline bool fama_bytes_equal(struct fama_bytes a, struct fama_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool fama_bytes_equal_text(struct fama_bytes bytes, const char *text)
{
    return fama_bytes_equal(bytes, fama_bytes_of_text(text));
}

/* Below, at or above zero as `a` comes before, is, or comes after `b`: byte by byte, then the shorter
 * first. */
static inline int fama_bytes_compare(struct fama_bytes a, struct fama_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.at, b.at, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
