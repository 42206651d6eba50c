/* Who has signed a set's root.
 *
 * Any member can sign a root that another one signed first, since its leaves are plaintext: a repair server does
 * so for whom it serves, a liar so that the origin's chunks, which come with another signature, are passed on
 * by nobody. So a root has several signers, each with one place of its own and its own record of chunks
 * that came; a signature takes a place only once it is verified. A member may hold one place of three,
 * and one is kept for the channel's steady origin: it takes three members to keep out an origin that is new, and
 * no number of them keeps out one whose chunks have been coming. What answers requests is never passed on
 * and takes a place only as the first. */
#include "dataplane/reassembly_state.h"

static uint32_t place_of(const struct fama_set_state *set, fama_tag tag)
{
    uint32_t i = 0;
    while (i < set->signer_count && set->signers[i].tag != tag) {
        i++;
    }
    return i;
}

struct fama_set_signer *fama_set_signer(struct fama_set_state *set, fama_tag tag)
{
    uint32_t place = place_of(set, tag);
    return place < set->signer_count ? &set->signers[place] : NULL;
}

static const struct fama_set_signer *find(const struct fama_set_state *set, fama_tag tag)
{
    uint32_t place = place_of(set, tag);
    return place < set->signer_count ? &set->signers[place] : NULL;
}

static fama_tag steady_origin(const struct fama_reassembly *reassembly,
                              const struct fama_slot *slot)
{
    const struct fama_channel_memory *memory = &reassembly->channels[slot->channel_index];
    return memory->channel == slot->channel ? memory->steady_origin : 0;
}

bool fama_set_may_sign(const struct fama_reassembly *reassembly, const struct fama_slot *slot,
                       const struct fama_set_state *set, fama_tag tag, uint32_t key_epoch)
{
    const struct fama_set_signer *signer = find(set, tag);
    if (key_epoch == 0 ||
        fama_is_blamed(&reassembly->blames, reassembly->now_ns, tag, slot->channel, slot->block)) {
        return false;
    }
    if (signer != NULL) {
        /* It answered a request before, or has begun anew and sends the block once more. */
        return key_epoch > signer->key_epoch;
    }
    fama_tag steady = steady_origin(reassembly, slot);
    bool is_one_kept = steady != 0 && steady != tag && find(set, steady) == NULL;
    return set->signer_count + (is_one_kept ? 1U : 0U) < FAMA_SET_SIGNERS;
}

void fama_set_sign(struct fama_set_state *set, const struct fama_root *root)
{
    struct fama_set_signer *signer = fama_set_signer(set, root->origin);
    if (signer == NULL) {
        signer = &set->signers[set->signer_count++];
    }
    signer->tag = root->origin;
    signer->arrived = 0;
    signer->key_epoch = root->key_epoch;
    memcpy(signer->signature, root->signature, sizeof(signer->signature));
}

bool fama_set_may_pass_on(const struct fama_reassembly *reassembly, const struct fama_slot *slot,
                          const struct fama_set_state *set, const struct fama_chunk *chunk)
{
    const struct fama_set_signer *signer = find(set, chunk->origin);
    if (signer != NULL && signer->key_epoch == chunk->key_epoch) {
        return chunk->key_epoch != 0 && (signer->arrived >> chunk->index & 1) == 0;
    }
    return fama_set_may_sign(reassembly, slot, set, chunk->origin, chunk->key_epoch);
}

/* ---- The steady origin ---- */

/* Whether at least half of the block's chunks came with this member's signature. */
static bool has_brought_most(const struct fama_slot *slot, uint32_t expected, fama_tag tag)
{
    uint32_t brought = 0;
    for (uint32_t i = 0; i < slot->geometry.sets; i++) {
        const struct fama_set_signer *signer = find(&slot->sets[i], tag);
        brought += signer != NULL ? (uint32_t)__builtin_popcountll(signer->arrived) : 0;
    }
    return 2 * brought >= expected;
}

/* Whoever it is stays it while its chunks come, however many others bring the same. */
void fama_slot_note_origin(const struct fama_slot *slot, uint32_t expected,
                           struct fama_channel_memory *memory)
{
    const struct fama_set_state *first = &slot->sets[0];
    if (memory->steady_origin != 0 && has_brought_most(slot, expected, memory->steady_origin)) {
        return;
    }
    for (uint32_t i = 0; i < first->signer_count; i++) {
        if (has_brought_most(slot, expected, first->signers[i].tag)) {
            memory->steady_origin = first->signers[i].tag;
            return;
        }
    }
}
