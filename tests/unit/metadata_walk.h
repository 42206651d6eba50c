/* What a ledger says of its metadata (ledger/metadata_spaces.h), held against its whole state. */
#ifndef FAMA_TESTS_UNIT_METADATA_WALK_H
#define FAMA_TESTS_UNIT_METADATA_WALK_H

#include "ledger/ledger.h"
#include "ledger/state_store.h"
#include "unit/suite.h"

static inline bool may_have_metadata(struct fama_ledger *ledger, const char *space)
{
    return fama_state_store_may_have_metadata(fama_ledger_state(ledger),
                                              fama_bytes(space, strlen(space) + 1));
}

/* No key has metadata where none may; something is known. Returns how many keys have some. */
static inline size_t walk_metadata(struct fama_ledger *ledger)
{
    struct fama_state_store *states = fama_ledger_state(ledger);
    const struct fama_bytes all = {0};
    struct fama_state_cursor *cursor = NULL;
    struct fama_bytes key;
    struct fama_state_entry entry;
    size_t count = 0;
    int status = fama_state_cursor_open(states, all, all, &cursor, NULL);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    while ((status = fama_state_cursor_next(cursor, &key, &entry, NULL)) == 1) {
        if (entry.metadata.len > 0) {
            CU_ASSERT(fama_state_store_may_have_metadata(states, key));
            count++;
        }
    }
    CU_ASSERT_EQUAL(status, 0);
    fama_state_cursor_close(cursor);
    CU_ASSERT_FALSE(may_have_metadata(ledger, "nobody's"));
    return count;
}

#endif
