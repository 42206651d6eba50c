#include "ledger/slab.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define PIECE_BYTES ((size_t)256 << 10)

struct fama_slab_piece {
    struct fama_slab_piece *next;
    size_t used;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct fama_slab_piece *new_piece(struct fama_slab *slab, size_t size)
{
    struct fama_slab_piece *piece = slab->kept;
    if (size <= PIECE_BYTES && piece != NULL) {
        slab->kept = piece->next;
        return piece;
    }
    size_t room = size > PIECE_BYTES ? size : PIECE_BYTES;
    piece = malloc(sizeof *piece + room);
    if (piece != NULL) {
        piece->size = room;
    }
    return piece;
}

void *fama_slab_take(struct fama_slab *slab, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct fama_slab_piece *piece = slab->pieces;
    if (piece == NULL || piece->size - piece->used < size) {
        piece = new_piece(slab, size);
        if (piece == NULL) {
            return NULL;
        }
        piece->used = 0;
        piece->next = slab->pieces;
        slab->pieces = piece;
    }
    void *taken = piece->bytes + piece->used;
    piece->used += size;
    return taken;
}

static void free_all(struct fama_slab_piece **pieces)
{
    while (*pieces != NULL) {
        struct fama_slab_piece *next = (*pieces)->next;
        free(*pieces);
        *pieces = next;
    }
}

void fama_slab_reset(struct fama_slab *slab)
{
    size_t kept = 0;
    for (struct fama_slab_piece *piece = slab->kept; piece != NULL; piece = piece->next) {
        kept += piece->size;
    }
    while (slab->pieces != NULL) {
        struct fama_slab_piece *piece = slab->pieces;
        slab->pieces = piece->next;
        if (piece->size == PIECE_BYTES && kept + PIECE_BYTES <= FAMA_SLAB_KEPT_BYTES) {
            kept += PIECE_BYTES;
            piece->next = slab->kept;
            slab->kept = piece;
        } else {
            free(piece);
        }
    }
}

void fama_slab_free(struct fama_slab *slab)
{
    free_all(&slab->pieces);
    free_all(&slab->kept);
}
