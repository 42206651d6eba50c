/* Roots that wait for their signature's verification, and the packets that wait with them.
 *
 * A root is one entry however many chunks lead to it: the first asks for the verification, the others
 * wait. The signature is part of what makes two roots the same; otherwise a stranger who has seen one
 * chunk could send its copy with a wrong signature first, and take every good chunk of the set down
 * with it. Fixed memory, taken at creation; private to reassembly. One thread. */
#ifndef FAMA_DATAPLANE_ROOTS_H
#define FAMA_DATAPLANE_ROOTS_H

#include "dataplane/view.h"
#include "dataplane/wire.h"

#define FAMA_ROOTS_MAX 65536
#define FAMA_HELD_MAX  (1U << 20)

struct fama_roots;

struct fama_root {
    struct fama_channel_gate *gate;
    fama_tag channel;
    uint16_t channel_index;
    uint16_t set;
    struct fama_cut cut;
    uint32_t key_epoch; /* what is signed names the key */
    uint64_t block;
    fama_tag origin;
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    uint8_t signature[FAMA_SIGNATURE_BYTES];
};

/* NULL if out of memory or over the limits above. */
struct fama_roots *fama_roots_create(uint32_t roots_max, uint32_t held_max);
/* Forgets the packets still held. NULL is fine. */
void fama_roots_destroy(struct fama_roots *roots);

/* Has `packet`, chunk `index` of the root's set, wait for the root. FAMA_DROP_NONE: it waits, and if
 * *is_new, the root was not waiting before and `ticket` is to be verified. Otherwise the packet stays
 * the caller's: ROOTS_FULL, HELD_FULL, or CHUNK_DUPLICATE if this very chunk waits already. */
enum fama_drop fama_roots_hold(struct fama_roots *roots, const struct fama_root *root,
                               uint8_t index, void *packet, bool *is_new, uint32_t *ticket);

/* Ends a root's wait: copies it to *root, hands back its packets (at most FAMA_SET_CHUNKS_MAX) in the order
 * they came and says how many in *count. False if no root waits under this ticket. */
bool fama_roots_take(struct fama_roots *roots, uint32_t ticket, struct fama_root *root,
                     void **packets, uint32_t *count);

#endif
