/* In which namespaces and collections of the committed state any key has metadata, so that a value put
 * blindly where none has needs no look at what it replaces: neither for a policy of its key nor to keep
 * its metadata (the idea of Fabric's metadata hint, core/ledger/kvledger/txmgmt/privacyenabledstate/
 * optimization.go).
 *
 * Spaces are added and never taken back, so that more may be named than still have metadata, but never
 * less. A space is what stands before the first 00 of its stored keys (ledger/state_store.h): also two
 * spaces whose stored keys could be taken for each other are one here. Where the names take more than
 * FAMA_METADATA_SPACES_BYTES, any space may have metadata.
 *
 * Kept in column family `meta` under "metadata", written with each group whose effects the state takes:
 *   height of the state (8), 1 if any space may have metadata or else 0, then of each space the length of
 *   its name (2) and the name.
 * A record that is missing, or of another height than the state's, comes from a program that does not keep
 * it: then any space may have metadata, until the state is made anew.
 *
 * Zeroed, any space may have metadata. One thread: the one that commits. */
#ifndef FAMA_LEDGER_METADATA_SPACES_H
#define FAMA_LEDGER_METADATA_SPACES_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/bytes.h"

#define FAMA_METADATA_SPACES_KEY        "metadata"
#define FAMA_METADATA_SPACES_BYTES      2048
#define FAMA_METADATA_SPACES_RECORD_MAX (8 + 1 + FAMA_METADATA_SPACES_BYTES)

struct fama_metadata_spaces {
    bool is_known; /* false: any space may have metadata, and nothing below counts */
    size_t len;
    uint8_t names[FAMA_METADATA_SPACES_BYTES]; /* as in the record */
};

/* Of a state without any key. */
void fama_metadata_spaces_begin(struct fama_metadata_spaces *spaces);
/* Both take a stored key, or the beginning of one with its first 00. */
void fama_metadata_spaces_add(struct fama_metadata_spaces *spaces, struct fama_bytes stored_key);
bool fama_metadata_spaces_may_have(const struct fama_metadata_spaces *spaces,
                                   struct fama_bytes stored_key);

/* Returns the length. */
size_t fama_metadata_spaces_encode(const struct fama_metadata_spaces *spaces, uint64_t height,
                                   uint8_t record[FAMA_METADATA_SPACES_RECORD_MAX]);
/* A record that is damaged or of another height leaves nothing known. */
void fama_metadata_spaces_decode(struct fama_bytes record, uint64_t height,
                                 struct fama_metadata_spaces *spaces);

#endif
