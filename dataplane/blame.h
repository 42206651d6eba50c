/* Origins whose chunks are ignored for a while: because a block they signed was refused, or, for one
 * block only, because what they signed kept that block from being put together.
 *
 * A fixed list in its owner's struct; the entry that would end first is replaced when it is full.
 * Private to reassembly. One thread, no clock of its own. */
#ifndef FAMA_DATAPLANE_BLAME_H
#define FAMA_DATAPLANE_BLAME_H

#include "dataplane/wire.h"

#define FAMA_BLAMES_MAX 64

struct fama_blame {
    fama_tag origin;
    uint64_t until_ns; /* an entry whose time has passed is free */
    bool is_for_one_block;
    fama_tag channel; /* with block: which one */
    uint64_t block;
};

struct fama_blames {
    struct fama_blame entries[FAMA_BLAMES_MAX];
    uint64_t latest_ns; /* when the last of all ends: most of the time in the past */
};

/* Adds, or prolongs an entry of the same origin (and block). */
void fama_blame(struct fama_blames *blames, uint64_t now_ns, const struct fama_blame *blame);
bool fama_is_blamed(const struct fama_blames *blames, uint64_t now_ns, fama_tag origin,
                    fama_tag channel, uint64_t block);

#endif
