#include "controlplane/block_buffer.h"

#include <stdatomic.h>
#include <stdlib.h>

struct fama_block_buffer {
    _Atomic uint32_t holders;
    uint8_t *at;
    size_t len;
};

struct fama_block_buffer *fama_block_buffer_adopt(uint8_t *bytes, size_t len)
{
    struct fama_block_buffer *buffer = malloc(sizeof(*buffer));
    if (buffer != NULL) {
        atomic_init(&buffer->holders, 1);
        buffer->at = bytes;
        buffer->len = len;
    }
    return buffer;
}

struct fama_block_buffer *fama_block_buffer_acquire(struct fama_block_buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->holders, 1, memory_order_relaxed);
    return buffer;
}

void fama_block_buffer_release(struct fama_block_buffer *buffer)
{
    if (buffer != NULL &&
        atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) == 1) {
        free(buffer->at);
        free(buffer);
    }
}

struct fama_bytes fama_block_buffer_bytes(const struct fama_block_buffer *buffer)
{
    return fama_bytes(buffer->at, buffer->len);
}
