#include "dataplane/blame.h"

static bool is_same(const struct fama_blame *a, const struct fama_blame *b)
{
    if (a->origin != b->origin || a->is_for_one_block != b->is_for_one_block) {
        return false;
    }
    return !a->is_for_one_block || (a->channel == b->channel && a->block == b->block);
}

void fama_blame(struct fama_blames *blames, uint64_t now_ns, const struct fama_blame *blame)
{
    if (blame->until_ns <= now_ns) {
        return;
    }
    struct fama_blame *place = &blames->entries[0];
    for (uint32_t i = 0; i < FAMA_BLAMES_MAX; i++) {
        struct fama_blame *entry = &blames->entries[i];
        if (entry->until_ns > now_ns && is_same(entry, blame)) {
            place = entry;
            break;
        }
        if (entry->until_ns < place->until_ns) {
            place = entry;
        }
    }
    uint64_t until_ns = blame->until_ns;
    if (is_same(place, blame) && place->until_ns > until_ns) {
        until_ns = place->until_ns;
    }
    *place = *blame;
    place->until_ns = until_ns;
    if (until_ns > blames->latest_ns) {
        blames->latest_ns = until_ns;
    }
}

bool fama_is_blamed(const struct fama_blames *blames, uint64_t now_ns, fama_tag origin,
                    fama_tag channel, uint64_t block)
{
    if (now_ns >= blames->latest_ns) {
        return false;
    }
    for (uint32_t i = 0; i < FAMA_BLAMES_MAX; i++) {
        const struct fama_blame *entry = &blames->entries[i];
        if (entry->until_ns > now_ns && entry->origin == origin &&
            (!entry->is_for_one_block || (entry->channel == channel && entry->block == block))) {
            return true;
        }
    }
    return false;
}
