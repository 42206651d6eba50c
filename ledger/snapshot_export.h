/* The data and metadata files of a snapshot, written from one consistent view of a ledger. For snapshot.c
 * only.
 *
 * The id of a transaction is stored as ledger/ledger_layout.h says, and Fabric exports ids by length,
 * then bytes. So ids are read once for each length that occurs, usually one. One thread. */
#ifndef FAMA_LEDGER_SNAPSHOT_EXPORT_H
#define FAMA_LEDGER_SNAPSHOT_EXPORT_H

#include "ledger/ledger_parts.h"
#include "ledger/snapshot.h"

struct fama_snapshot_view {
    const struct fama_ledger *ledger;
    rocksdb_readoptions_t *reading; /* of one moment */
    const char *directory;          /* to write to */
    const struct fama_snapshot_progress *progress;
};

/* One of the parts that are plain lists, and the files of it; made when the first item comes. */
struct fama_snapshot_list {
    enum fama_snapshot_part part;
    struct fama_snapshot_writer data;
    uint64_t items;
    bool is_open;
};
/* Counts an item that is about to be written to list->data. */
int fama_snapshot_list_begin_item(const struct fama_snapshot_view *view,
                                  struct fama_snapshot_list *list, struct fama_error *error);

/* What RocksDB says about an iterator that is at its end: 0 or FAMA_SNAPSHOT_LEDGER. */
int fama_snapshot_iterator_status(const struct fama_snapshot_view *view,
                                  const rocksdb_iterator_t *iterator, struct fama_error *error);

/* Each writes one part (state: two) and fills its hashes. */
int fama_snapshot_export_txids(const struct fama_snapshot_view *view,
                               struct fama_snapshot_part_hashes *hashes, struct fama_error *error);
int fama_snapshot_export_config_history(const struct fama_snapshot_view *view,
                                        struct fama_snapshot_part_hashes *hashes,
                                        struct fama_error *error);
int fama_snapshot_export_state(const struct fama_snapshot_view *view,
                               struct fama_snapshot_part_hashes *public_state,
                               struct fama_snapshot_part_hashes *private_hashes,
                               struct fama_error *error);

/* Ends a list: its metadata file is the number of items. Closes it in any case. */
int fama_snapshot_list_finish(const struct fama_snapshot_view *view,
                              struct fama_snapshot_list *list, int status,
                              struct fama_snapshot_part_hashes *hashes, struct fama_error *error);

#endif
