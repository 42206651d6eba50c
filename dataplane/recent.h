/* Which signed messages came a moment ago: gossip brings the same one from several sides, and one check
 * of its signature is enough.
 *
 * A message is known by the SHA-256 of its bytes without the hop count, so nobody can make another
 * message look known. Memory is fixed; a newer message takes an older one's place, and after
 * FAMA_RECENT_NS one is taken again, because its first copy may have been lost on the way up.
 * Owner: one net lcore. Sans-I/O. */
#ifndef FAMA_DATAPLANE_RECENT_H
#define FAMA_DATAPLANE_RECENT_H

#include "crypto/bytes.h"

#define FAMA_RECENT_ENTRIES 4096
#define FAMA_RECENT_NS      500000000u

struct fama_recent {
    struct {
        uint64_t name;
        uint64_t at_ns;
    } entries[FAMA_RECENT_ENTRIES];
};

/* A name for the datagram, which must hold at least a common header. */
uint64_t fama_recent_name(struct fama_bytes datagram);
bool fama_recent_has(const struct fama_recent *recent, uint64_t now_ns, uint64_t name);
void fama_recent_add(struct fama_recent *recent, uint64_t now_ns, uint64_t name);

#endif
