/* Ledger snapshots, as Fabric's peers make them and join channels by them, bit for bit: world state, hashes
 * of private state, transaction ids and the history of collections at one height, in a directory
 * (files: ledger/snapshot_metadata.h, ledger/snapshot_contents.h).
 *
 * Source: Fabric core/ledger/kvledger/snapshot.go. Two nodes at the same height make the same bytes,
 * whichever of them is Fabric's with LevelDB: comparing snapshot_hash compares everything.
 *
 * Adversary: whoever handed a snapshot over; a crash at any moment; the disk. */
#ifndef FAMA_LEDGER_SNAPSHOT_H
#define FAMA_LEDGER_SNAPSHOT_H

#include "ledger/ledger.h"
#include "ledger/snapshot_contents.h"

/* Writes a snapshot of the ledger's present height to `directory`, which must not exist while its parent
 * does. It appears whole or not at all; what a crash leaves behind is `directory` with ".unfinished"
 * behind its name, and is swept away by the next attempt.
 *
 * From one consistent view: blocks may be committed meanwhile, from their own thread. Memory: buffers,
 * the list of namespaces, and transaction ids beyond 64 bytes (in all at most
 * FAMA_SNAPSHOT_LONG_TXIDS_MAX). `metadata` and `progress` may be NULL. */
#define FAMA_SNAPSHOT_LONG_TXIDS_MAX ((size_t)256 << 20) /* bytes */
int fama_snapshot_create(const struct fama_ledger *ledger, const char *directory,
                         const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error);

/* Everything Fabric checks before it joins by a snapshot, and all that ledger/snapshot_contents.h lists.
 * That no files lie there unnamed is not checked: nobody reads them. */
int fama_snapshot_verify(const char *directory, const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error);

/* Makes a new ledger in `ledger_directory`, which must not exist while its parent does, from a snapshot that is
 * verified first. Its height is that of the snapshot; blocks that follow can be committed to it. Of
 * earlier ones it knows the transaction ids only (ledger/ledger_origin.h). The ends of private keys are
 * scheduled as the latest history of collections has it, which is Fabric's way and not always what
 * the definition said when the key was put.
 *
 * The directory appears whole or not at all; ".unfinished" as above. */
int fama_snapshot_import(const char *directory, const char *ledger_directory,
                         const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error);

#endif
