/* A world state on disk in a scratch folder, and groups of blocks written to it as the ledger does. */
#ifndef FAMA_TESTS_UNIT_STORED_STATE_H
#define FAMA_TESTS_UNIT_STORED_STATE_H

#include "ledger/expiry.h"
#include "ledger/state_store.h"
#include "ledger/store.h"
#include "unit/suite.h"

struct stored_state {
    char folder[64];
    struct fama_store store;
    struct fama_state_store states;
};

static inline void stored_state_open(struct stored_state *stored)
{
    struct fama_error error;
    *stored = (struct stored_state){.folder = "/tmp/fama-state-XXXXXX"};
    if (mkdtemp(stored->folder) == NULL ||
        fama_store_open(stored->folder, &stored->store, &error) != 0) {
        fprintf(stderr, "no scratch store in %s\n", stored->folder);
        abort();
    }
    stored->states.store = &stored->store;
}

static inline void stored_state_close(struct stored_state *stored)
{
    char command[128];
    fama_store_close(&stored->store);
    (void)snprintf(command, sizeof command, "rm -rf %s", stored->folder);
    if (system(command) != 0) {
        fprintf(stderr, "%s stays behind\n", stored->folder);
    }
}

static inline void stored_state_append(rocksdb_writebatch_t *batch, struct stored_state *stored,
                                       struct fama_bytes key, const struct fama_state_entry *entry)
{
    rocksdb_column_family_handle_t *family = stored->store.families[FAMA_STORE_STATE];
    if (!entry->exists) {
        rocksdb_writebatch_delete_cf(batch, family, (const char *)key.at, key.len);
        return;
    }
    uint8_t head[FAMA_STATE_VALUE_HEAD_MAX];
    const char *keys[] = {(const char *)key.at};
    const char *parts[] = {(const char *)head, (const char *)entry->metadata.at,
                           (const char *)entry->value.at};
    const size_t lens[] = {fama_state_value_head(entry, head), entry->metadata.len,
                           entry->value.len};
    rocksdb_writebatch_putv_cf(batch, family, 1, keys, &key.len, 3, parts, lens);
}

/* Writes the group and begins the next. `expiry` may be NULL. */
static inline void stored_state_write(struct stored_state *stored, struct fama_state *state,
                                      struct fama_expiry *expiry)
{
    const struct fama_state_update *const *updates;
    size_t count = fama_state_group_updates(state, &updates);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < count; i++) {
        if (updates[i]->entry.metadata.len > 0) {
            fama_metadata_spaces_add(&stored->states.metadata, updates[i]->stored_key);
        }
        stored_state_append(batch, stored, updates[i]->stored_key, &updates[i]->entry);
    }
    if (expiry != NULL) {
        fama_expiry_append(expiry, batch);
    }
    rocksdb_writeoptions_t *quickly = rocksdb_writeoptions_create();
    char *message = NULL;
    rocksdb_write(stored->store.db, quickly, batch, &message);
    if (message != NULL) {
        fprintf(stderr, "cannot write: %s\n", message);
        abort();
    }
    rocksdb_writeoptions_destroy(quickly);
    rocksdb_writebatch_destroy(batch);
    if (expiry != NULL) {
        fama_expiry_reset(expiry);
    }
    fama_state_reset(state);
}

#endif
