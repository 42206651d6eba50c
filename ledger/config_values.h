/* The values in a channel's configuration: which may stand in which group, whether they decode, and
 * what they say.
 *
 * Source: Fabric common/channelconfig/{standardvalues,channel,orderer,application}.go; spec
 * fabric-formats §4. Every reader but the first expects a value that fama_config_values_check has
 * passed, and answers with views into it. Adversary: whoever writes configurations. Stateless; one
 * thread per arena. */
#ifndef FAMA_LEDGER_CONFIG_VALUES_H
#define FAMA_LEDGER_CONFIG_VALUES_H

#include "ledger/config_tree.h"

enum fama_config_group_kind {
    FAMA_CONFIG_CHANNEL,
    FAMA_CONFIG_ORDERER,
    FAMA_CONFIG_ORDERER_ORG,
    FAMA_CONFIG_APPLICATION,
    FAMA_CONFIG_APPLICATION_ORG,
    FAMA_CONFIG_CONSORTIUM,
    FAMA_CONFIG_CONSORTIUM_ORG,
};

/* Whether the group holds only values that belong there, each of which decodes. Returns 0 or
 * FAMA_CHANNEL_CONFIG_INVALID; `where` is the group's path for words. */
int fama_config_values_check(const struct fama_config_element *group,
                             enum fama_config_group_kind kind, const char *where,
                             struct fama_error *error);

struct fama_config_texts {
    const struct fama_bytes *at;
    size_t count;
};

/* common.OrdererAddresses. Returns 0 or FAMA_CHANNEL_CONFIG_NO_MEMORY. */
int fama_config_read_addresses(struct fama_bytes value, struct fama_arena *arena,
                               struct fama_config_texts *addresses);

struct fama_anchor_peer {
    struct fama_bytes host;
    int32_t port;
};
/* protos.AnchorPeers. */
int fama_config_read_anchor_peers(struct fama_bytes value, struct fama_arena *arena,
                                  const struct fama_anchor_peer **peers, size_t *count);

struct fama_consenter {
    uint32_t id;
    struct fama_bytes host;
    uint32_t port;
    struct fama_bytes mspid;
    struct fama_bytes identity; /* the certificate in PEM */
    struct fama_bytes client_tls_cert;
    struct fama_bytes server_tls_cert;
};
/* common.Orderers. */
int fama_config_read_consenters(struct fama_bytes value, struct fama_arena *arena,
                                const struct fama_consenter **consenters, size_t *count);

/* The text of a message that holds one in field 1: HashingAlgorithm, Consortium, BatchTimeout,
 * ConsensusType. */
struct fama_bytes fama_config_read_text(struct fama_bytes value);
/* A uint32 of a message, 0 if absent. */
uint32_t fama_config_read_number(struct fama_bytes value, uint32_t number);

/* A duration as Go's time.ParseDuration reads it, in nanoseconds. False if it does not parse, is
 * not positive, or too long. */
bool fama_config_read_duration(struct fama_bytes text, int64_t *nanoseconds);

#endif
