/* The configuration tree inside a config block, unpacked: a decoded message with look-ups by name.
 *
 * Source: Fabric common/configtx, common/channelconfig; spec fabric-formats §4. Unpacked into a
 * bounded arena, after its nesting was checked. Lives as long as the struct; one thread. */
#ifndef FAMA_LEDGER_CONFIG_TREE_H
#define FAMA_LEDGER_CONFIG_TREE_H

#include "crypto/error.h"
#include "ledger/arena.h"
#include "ledger/block.h"
#include "ledger/proto/configtx.pb-c.h"

struct fama_config_tree {
    struct fama_arena arena;
    struct fama_bytes channel_id; /* a view into the block */
    uint64_t sequence;
    const Common__ConfigGroup *root;
};

/* Returns 0 or FAMA_CHANNEL_CONFIG_INVALID (ledger/channel_config.h). The block must outlive the
 * tree. */
int fama_config_tree_open(const struct fama_block *block, struct fama_config_tree *tree,
                          struct fama_error *error);
void fama_config_tree_close(struct fama_config_tree *tree);

/* What lies under a name, NULL when there is nothing. Of several entries with one name the last
 * counts, as in Go's maps. */
const Common__ConfigGroup *fama_config_group(const Common__ConfigGroup *group, const char *name);
const Common__Policy *fama_config_policy(const Common__ConfigGroup *group, const char *name);
/* An absent value is the empty message. */
struct fama_bytes fama_config_value(const Common__ConfigGroup *group, const char *name);

#endif
