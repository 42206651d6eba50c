/* A channel's configuration: its name and sequence, capabilities, policies, the MSPs of all its
 * organisations, and what it says of orderers and anchor peers.
 *
 * Source: Fabric common/channelconfig, common/capabilities, common/configtx of 2.5 and 3.1; spec
 * fabric-formats §4, fabric-algorithms §9. What either version of a peer accepts is accepted, and
 * read as that version reads it. Idemix organisations stand in it with opaque MSPs
 * (ledger/idemix_message.h). All capability levels from none to V3_0 (channel) and V2_5
 * (application) are supported.
 *
 * Lifetime: immutable, reference-counted, one object per configuration sequence; readers on any
 * thread. How the next one follows from this one: ledger/config_update.h. Identities whose block
 * signatures have verified are remembered inside, decoded and validated (ledger/signer_cache.h).
 * All views and pointers handed out live as long as the configuration. */
#ifndef FAMA_LEDGER_CHANNEL_CONFIG_H
#define FAMA_LEDGER_CHANNEL_CONFIG_H

#include "ledger/block.h"
#include "ledger/block_signatures.h"
#include "ledger/capabilities.h"
#include "ledger/config_values.h"
#include "ledger/policies.h"

struct fama_channel_config;
struct fama_signer_cache;

enum fama_channel_config_error {
    FAMA_CHANNEL_CONFIG_INVALID = -1, /* not a config block, or its content breaks a rule */
    FAMA_CHANNEL_CONFIG_NO_MEMORY = -2,
};

#define FAMA_CHANNEL_ID_MAX 250 /* bytes with the NUL: Fabric allows 249 */
/* Whether Fabric allows the name: a lower-case letter, then lower-case letters, digits, dots,
 * dashes. */
bool fama_channel_id_is_valid(struct fama_bytes id);

/* From a configuration block: one that is trusted for other reasons, such as a genesis block. */
int fama_channel_config_from_block(const struct fama_block *block,
                                   struct fama_channel_config **config, struct fama_error *error);
/* From a serialized common.ConfigEnvelope, as the state keeps it under namespace "". */
int fama_channel_config_from_envelope(struct fama_bytes config_envelope,
                                      struct fama_bytes channel_id,
                                      struct fama_channel_config **config,
                                      struct fama_error *error);
/* From a tree, which it takes over whatever happens. */
int fama_channel_config_from_tree(struct fama_config_tree *tree, struct fama_bytes channel_id,
                                  struct fama_channel_config **config, struct fama_error *error);
struct fama_channel_config *fama_channel_config_acquire(struct fama_channel_config *config);
void fama_channel_config_release(struct fama_channel_config *config); /* NULL is fine */

const char *fama_channel_config_id(const struct fama_channel_config *config);
uint64_t fama_channel_config_sequence(const struct fama_channel_config *config);
const struct fama_channel_capabilities *
fama_channel_config_capabilities(const struct fama_channel_config *config);
const struct fama_policies *fama_channel_config_policies(const struct fama_channel_config *config);
/* The whole tree: groups, values and policies as they stand, with versions. */
const struct fama_config_element *
fama_channel_config_root(const struct fama_channel_config *config);

/* The MSP of this id among all organisations (or the application's), or NULL. */
const struct fama_msp *fama_channel_config_msp(const struct fama_channel_config *config,
                                               struct fama_bytes mspid);
const struct fama_msp *fama_channel_config_application_msp(const struct fama_channel_config *config,
                                                           const char *mspid);

/* The application's organisations, one per group, ascending by MSP id: two groups may share one. */
struct fama_application_org {
    struct fama_bytes group; /* its name in the tree */
    const char *mspid;
    const struct fama_msp *msp;
    const struct fama_anchor_peer *anchor_peers;
    size_t anchor_peer_count;
};
size_t fama_channel_config_application_count(const struct fama_channel_config *config);
const struct fama_application_org *
fama_channel_config_application_org(const struct fama_channel_config *config, size_t index);
const char *fama_channel_config_application_mspid(const struct fama_channel_config *config,
                                                  size_t index);

/* The orderers' organisations in the same order. */
struct fama_orderer_org {
    struct fama_bytes group;
    const char *mspid;
    const struct fama_msp *msp;
    struct fama_config_texts endpoints; /* "host:port", of this organisation alone */
};
/* The orderer group. A channel may lack it: then no block signature is ever good. */
struct fama_orderer_settings {
    bool is_present;
    struct fama_bytes consensus_type; /* "etcdraft", "BFT", or historic "solo", "kafka" */
    uint32_t max_message_count;
    uint32_t absolute_max_bytes;
    uint32_t preferred_max_bytes;
    int64_t batch_timeout_ns;
    const struct fama_consenter *consenters; /* of BFT channels (value Orderers) */
    size_t consenter_count;
    const struct fama_orderer_org *orgs;
    size_t org_count;
};
const struct fama_orderer_settings *
fama_channel_config_orderer(const struct fama_channel_config *config);
/* The channel's addresses of orderers without an organisation: what counts where no orderer
 * organisation has endpoints of its own. */
struct fama_config_texts
fama_channel_config_orderer_addresses(const struct fama_channel_config *config);

/* The identities whose block signatures have verified: the one part that changes, and it changes
 * no answer. */
struct fama_signer_cache *fama_channel_config_signers(const struct fama_channel_config *config);

#endif
