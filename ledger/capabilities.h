/* What the capability levels of a channel switch on, as answers rather than as names.
 *
 * Source: Fabric common/capabilities/{channel,application}.go of 2.5 and 3.1; spec fabric-formats
 * §4. The orderer group's capabilities concern orderers alone: a peer never asks whether it
 * supports them. Levels that concern endorsing or fetching private data alone (upgrades of collections in
 * lscc's own run, private data of invalid transactions, purging) have no answer here: no validation asks.
 * Stateless; any thread. */
#ifndef FAMA_LEDGER_CAPABILITIES_H
#define FAMA_LEDGER_CAPABILITIES_H

#include "crypto/error.h"
#include "crypto/msp.h"

struct fama_channel_capabilities {
    /* Of the channel: ChannelProvider. */
    enum fama_msp_version msp_version;
    bool consensus_type_migration;
    bool org_specific_orderer_endpoints;
    bool channel_v3; /* ConsensusTypeBFT: the rules for block signatures of BFT orderers */
    /* Of the application group: ApplicationProvider. */
    bool acls;
    bool forbid_duplicate_txid_in_block;
    bool private_channel_data;
    bool v1_1_validation;
    bool v1_2_validation;
    bool v1_3_validation;
    bool v2_0_validation;
    bool lifecycle_v2_0;
    bool key_level_endorsement;
};

/* Fill their half from a serialized common.Capabilities that decodes. Return 0, or
 * FAMA_CHANNEL_CONFIG_INVALID if a name is not supported: a peer stops at such a configuration. */
int fama_channel_capabilities_read(struct fama_bytes message,
                                   struct fama_channel_capabilities *capabilities,
                                   struct fama_error *error);
int fama_application_capabilities_read(struct fama_bytes message,
                                       struct fama_channel_capabilities *capabilities,
                                       struct fama_error *error);

#endif
