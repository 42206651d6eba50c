#include "ledger/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first piece is small: it is zeroed whole, and most messages take little. */
#define FIRST_PIECE_BYTES (4 * 1024)
#define PIECE_BYTES       (16 * 1024)

struct fama_arena_piece {
    struct fama_arena_piece *next;
    size_t used;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

static void *allocate(void *context, size_t size)
{
    return fama_arena_take(context, size);
}

static void forget(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

void fama_arena_init(struct fama_arena *arena, size_t limit_bytes)
{
    *arena = (struct fama_arena){
        .allocator = {.alloc = allocate, .free = forget, .allocator_data = arena},
        .left = limit_bytes,
    };
}

void *fama_arena_take(struct fama_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > arena->left || arena->left - size < align) {
        arena->is_exhausted = true;
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct fama_arena_piece *piece = arena->pieces;
    if (piece == NULL || piece->size - piece->used < size) {
        size_t piece_size = piece == NULL ? FIRST_PIECE_BYTES : PIECE_BYTES;
        piece_size = size > piece_size ? size : piece_size;
        piece = calloc(1, sizeof(*piece) + piece_size);
        if (piece == NULL) {
            arena->is_exhausted = true;
            return NULL;
        }
        piece->size = piece_size;
        piece->next = arena->pieces;
        arena->pieces = piece;
    }
    void *taken = piece->bytes + piece->used;
    piece->used += size;
    arena->left -= size;
    return taken;
}

void fama_arena_clear(struct fama_arena *arena)
{
    while (arena->pieces != NULL) {
        struct fama_arena_piece *next = arena->pieces->next;
        free(arena->pieces);
        arena->pieces = next;
    }
    arena->left = 0;
}
