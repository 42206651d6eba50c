#include "dataplane/recent.h"

#include "dataplane/wire.h"

#define HOPS_AT 4

uint64_t fama_recent_name(struct fama_bytes datagram)
{
    const struct fama_bytes parts[] = {
        fama_bytes(datagram.at, HOPS_AT),
        fama_bytes(datagram.at + HOPS_AT + 1, datagram.len - HOPS_AT - 1),
    };
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256_parts(parts, sizeof parts / sizeof parts[0], digest);
    return fama_tag_of(digest);
}

bool fama_recent_has(const struct fama_recent *recent, uint64_t now_ns, uint64_t name)
{
    size_t at = name % FAMA_RECENT_ENTRIES;
    return recent->entries[at].name == name && recent->entries[at].at_ns != 0 &&
           now_ns - recent->entries[at].at_ns < FAMA_RECENT_NS;
}

void fama_recent_add(struct fama_recent *recent, uint64_t now_ns, uint64_t name)
{
    size_t at = name % FAMA_RECENT_ENTRIES;
    recent->entries[at].name = name;
    recent->entries[at].at_ns = now_ns;
}
