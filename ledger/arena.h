/* A bounded arena behind protobuf-c: everything one message allocates while it is unpacked (or
 * built) lies in a few large pieces and is given back at once.
 *
 * Adversary: whoever writes a message. Small fields on the wire become large structs in memory, so
 * the limit is set from the message's size by whoever unpacks; at the limit unpacking fails like a
 * damaged message. One thread at a time. */
#ifndef FAMA_LEDGER_ARENA_H
#define FAMA_LEDGER_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct fama_arena_piece;

struct fama_arena {
    ProtobufCAllocator allocator; /* give &arena->allocator to protobuf-c */
    struct fama_arena_piece *pieces;
    size_t left;       /* bytes that may still be allocated */
    bool is_exhausted; /* an allocation was refused */
};

/* Honest configurations take about twice their size; this leaves room and still bounds the rest. */
#define FAMA_ARENA_LIMIT(message_len) (64 * 1024 + 16 * (size_t)(message_len))

void fama_arena_init(struct fama_arena *arena, size_t limit_bytes);
/* Aligned for any type, zeroed; NULL at the limit. Lives until the arena is cleared. */
void *fama_arena_take(struct fama_arena *arena, size_t size);
void fama_arena_clear(struct fama_arena *arena);

#endif
