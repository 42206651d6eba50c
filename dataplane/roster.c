#include "dataplane/roster.h"

#include <stdlib.h>

bool fama_roster_size(struct fama_roster *roster, uint32_t count)
{
    *roster = (struct fama_roster){
        .count = count,
        .tags = calloc((size_t)count + 1, sizeof *roster->tags),
        .peers = calloc((size_t)count + 1, sizeof *roster->peers),
    };
    if (roster->tags == NULL || roster->peers == NULL) {
        fama_roster_free(roster);
        return false;
    }
    return true;
}

void fama_roster_name(struct fama_roster *roster)
{
    struct fama_sha256_stream stream;
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256_begin(&stream);
    fama_sha256_add(&stream, fama_bytes_of_text("fama view 1"));
    for (uint32_t i = 0; i < roster->count; i++) {
        uint8_t tag[FAMA_TAG_BYTES];
        for (uint32_t j = 0; j < FAMA_TAG_BYTES; j++) {
            tag[j] = (uint8_t)(roster->tags[i] >> (8 * (FAMA_TAG_BYTES - 1 - j)));
        }
        fama_sha256_add(&stream, fama_bytes(tag, sizeof tag));
    }
    fama_sha256_end(&stream, digest);
    uint64_t id = fama_tag_of(digest);
    roster->view_id = id != 0 ? id : 1;
}

void fama_roster_free(struct fama_roster *roster)
{
    free(roster->tags);
    free(roster->peers);
    *roster = (struct fama_roster){.view_id = 0};
}

bool fama_roster_rank(const struct fama_roster *roster, fama_tag tag, uint32_t *rank)
{
    uint32_t low = 0;
    uint32_t high = roster->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (roster->tags[middle] < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *rank = low;
    return low < roster->count && roster->tags[low] == tag;
}
