/* What a ledger snapshot says of itself: two small JSON files, the one that organizations may sign and
 * the one that names its hash.
 *
 * Source: Fabric core/ledger/kvledger/snapshot.go. The text is what Go's json.MarshalIndent writes
 * with four spaces, without a newline at the end, so that two peers write the same bytes. Reading
 * takes any white space and order of members, as Go does, but every member must be there once and
 * none beyond: what nobody checks is not worth signing.
 *
 * Stateless; any thread. Adversary: whoever handed the snapshot over. */
#ifndef FAMA_LEDGER_SNAPSHOT_METADATA_H
#define FAMA_LEDGER_SNAPSHOT_METADATA_H

#include "ledger/channel_config.h"
#include "ledger/snapshot_file.h"

/* The parts of a snapshot, each a data file and a metadata file or, if there is nothing in it,
 * neither. */
enum fama_snapshot_part {
    FAMA_SNAPSHOT_CONFIG_HISTORY,
    FAMA_SNAPSHOT_PRIVATE_HASHES,
    FAMA_SNAPSHOT_PUBLIC_STATE,
    FAMA_SNAPSHOT_TXIDS,
    FAMA_SNAPSHOT_PARTS, /* how many */
};
const char *fama_snapshot_data_name(enum fama_snapshot_part part);
const char *fama_snapshot_count_name(enum fama_snapshot_part part); /* of the metadata file */

#define FAMA_SNAPSHOT_SIGNABLE_NAME   "_snapshot_signable_metadata.json"
#define FAMA_SNAPSHOT_ADDITIONAL_NAME "_snapshot_additional_metadata.json"
#define FAMA_SNAPSHOT_TEXT_BYTES      2048  /* either file as we write it */
#define FAMA_SNAPSHOT_TEXT_READ_MAX   65536 /* either file as we read it */

struct fama_snapshot_part_hashes {
    bool is_there;
    uint8_t data[FAMA_SHA256_BYTES];
    uint8_t count[FAMA_SHA256_BYTES];
};

struct fama_snapshot_metadata {
    char channel_id[FAMA_CHANNEL_ID_MAX];
    uint64_t last_block;
    uint8_t last_hash[FAMA_SHA256_BYTES];
    bool has_previous_hash; /* false: the last block is the genesis block */
    uint8_t previous_hash[FAMA_SHA256_BYTES];
    struct fama_snapshot_part_hashes parts[FAMA_SNAPSHOT_PARTS];
    bool is_couchdb; /* a peer with CouchDB wrote it: keys are in an order of its own */
    uint8_t snapshot_hash[FAMA_SHA256_BYTES];
    bool has_commit_hash; /* false: the channel's peers have none (or the genesis block is last) */
    uint8_t commit_hash[FAMA_SHA256_BYTES];
};

/* The text of either file; returns its length. The second takes snapshot_hash as it is. */
size_t fama_snapshot_signable_text(const struct fama_snapshot_metadata *metadata,
                                   char text[FAMA_SNAPSHOT_TEXT_BYTES]);
size_t fama_snapshot_additional_text(const struct fama_snapshot_metadata *metadata,
                                     char text[FAMA_SNAPSHOT_TEXT_BYTES]);

/* Both texts, and that the second names the hash of the first. Returns 0 or FAMA_SNAPSHOT_DAMAGED. */
int fama_snapshot_metadata_parse(struct fama_bytes signable, struct fama_bytes additional,
                                 struct fama_snapshot_metadata *metadata, struct fama_error *error);
/* The same from the files of a snapshot. */
int fama_snapshot_metadata_read(const char *directory, struct fama_snapshot_metadata *metadata,
                                struct fama_error *error);
/* Writes both files, sets metadata->snapshot_hash. */
int fama_snapshot_metadata_write(const char *directory, struct fama_snapshot_metadata *metadata,
                                 struct fama_error *error);

#endif
