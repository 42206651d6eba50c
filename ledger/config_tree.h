/* A channel's configuration tree, decoded: groups, values and policies with look-ups by name.
 *
 * Source: Fabric common/configtx, common/channelconfig; spec fabric-formats §4. Read as Go's
 * protobuf runtime reads it (maps, merging, UTF-8), into a bounded arena. A tree holds a copy of
 * what it needs of the bytes; elements live as long as the tree or arena they were read into.
 * Adversary: whoever writes configurations; memory stays within FAMA_CONFIG_TREE_ARENA. Immutable
 * once read; any thread. */
#ifndef FAMA_LEDGER_CONFIG_TREE_H
#define FAMA_LEDGER_CONFIG_TREE_H

#include "crypto/error.h"
#include "ledger/arena.h"
#include "ledger/block.h"

enum fama_config_kind {
    FAMA_CONFIG_GROUP,
    FAMA_CONFIG_VALUE,
    FAMA_CONFIG_POLICY,
    FAMA_CONFIG_KINDS,
};

struct fama_config_element;
struct fama_config_list {
    const struct fama_config_element *at; /* ascending by name, none twice */
    size_t count;
};

struct fama_config_element {
    enum fama_config_kind kind;
    struct fama_bytes name; /* its key in the group that holds it */
    uint64_t version;
    struct fama_bytes mod_policy;
    struct fama_config_list children[FAMA_CONFIG_KINDS]; /* GROUP */
    struct fama_bytes value; /* VALUE: the value. POLICY: the policy, by its type */
    bool has_policy;         /* POLICY: the Policy message is there */
    int32_t policy_type;
    struct fama_bytes unknown; /* fields unknown to us, in their order: they count in comparisons */
    struct fama_bytes policy_unknown;
    size_t position; /* in its map on the wire */
};

/* Groups within groups. Configurations that Fabric accepts have at most four. */
#define FAMA_CONFIG_DEPTH_MAX 16
/* What reading `len` bytes may take: an element of two bytes becomes one of 200. */
#define FAMA_CONFIG_TREE_ARENA(len) (64 * 1024 + 256 * (size_t)(len))

struct fama_config_tree {
    struct fama_arena arena;
    struct fama_bytes channel_id; /* of the block's header; empty if read from an envelope */
    uint64_t sequence;
    const struct fama_config_element *root;
    bool has_last_update;
    struct fama_bytes last_update; /* a serialized common.Envelope; a view into what was read */
};

/* Reads a serialized common.ConfigEnvelope, or the one in a configuration block. Returns 0, or
 * FAMA_CHANNEL_CONFIG_INVALID or FAMA_CHANNEL_CONFIG_NO_MEMORY (ledger/channel_config.h). The
 * bytes must outlive `channel_id` and `last_update`, nothing else. */
int fama_config_tree_read(struct fama_bytes config_envelope, struct fama_config_tree *tree,
                          struct fama_error *error);
int fama_config_tree_open(const struct fama_block *block, struct fama_config_tree *tree,
                          struct fama_error *error);
void fama_config_tree_close(struct fama_config_tree *tree);

/* Reads a serialized common.ConfigGroup into an arena; the bytes must outlive the result. */
int fama_config_group_read(struct fama_bytes bytes, struct fama_arena *arena,
                           struct fama_config_element *group, struct fama_error *error);

/* What lies under a name, NULL when there is nothing. */
const struct fama_config_element *fama_config_find(const struct fama_config_element *group,
                                                   enum fama_config_kind kind,
                                                   struct fama_bytes name);
const struct fama_config_element *fama_config_group(const struct fama_config_element *group,
                                                    const char *name);
/* An absent value is the empty message. */
struct fama_bytes fama_config_value(const struct fama_config_element *group, const char *name);
bool fama_config_has_value(const struct fama_config_element *group, const char *name);

/* Whether two elements are the same but for their own names and children: proto.Equal's rule.
 * Unknown fields must be the same in the same order (Go allows another order between numbers). */
bool fama_config_is_same_content(const struct fama_config_element *a,
                                 const struct fama_config_element *b);

#endif
