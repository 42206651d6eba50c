/* A message inside a message, as protobuf reads it: where it stands in parts, the parts merge.
 *
 * Merging messages is joining their bytes, so what comes back is one view: into the outer message
 * where there is one part, a copy in the arena where there are more. Adversary: whoever writes
 * messages; only they write parts. Stateless; one thread per arena. */
#ifndef FAMA_LEDGER_PROTO_MERGE_H
#define FAMA_LEDGER_PROTO_MERGE_H

#include "crypto/bytes.h"
#include "ledger/arena.h"

enum fama_proto_merge_error {
    FAMA_PROTO_MERGE_MALFORMED = -1, /* the outer message or a part does not decode */
    FAMA_PROTO_MERGE_NO_MEMORY = -2, /* the arena is exhausted */
};

/* Finds the message under field `number` of `outer`: `*inner` is empty and `*is_present` false if
 * there is none. The inner message is known to be readable field by field, no more. */
int fama_proto_merge(struct fama_bytes outer, uint32_t number, struct fama_arena *arena,
                     struct fama_bytes *inner, bool *is_present);

#endif
