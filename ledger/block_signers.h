/* Who may sign a channel's blocks, as its policy /Channel/Orderer/BlockValidation says: any one
 * identity holding one of a list of (MSP, role) pairs. That is the policy every raft channel has
 * ("ANY Writers", each orderer organisation's Writers being one or more roles of its MSP). Policies
 * of other shapes are refused by name rather than approximated.
 *
 * Source: Fabric common/policies/implicitmeta.go, common/cauthdsl; spec fabric-algorithms §4.6. */
#ifndef FAMA_LEDGER_BLOCK_SIGNERS_H
#define FAMA_LEDGER_BLOCK_SIGNERS_H

#include "crypto/msp.h"
#include "ledger/config_tree.h"

#define FAMA_BLOCK_SIGNER_ROLES_MAX 256

struct fama_block_signer_role {
    const struct fama_msp *msp; /* borrowed from the channel's configuration */
    enum fama_msp_role role;
};

struct fama_block_signers {
    struct fama_block_signer_role roles[FAMA_BLOCK_SIGNER_ROLES_MAX];
    size_t count;
};

/* Reads the policy of the orderer group; `msps` are those of the orderer organisations. Returns 0
 * or FAMA_CHANNEL_CONFIG_INVALID with words. */
int fama_block_signers_read(const Common__ConfigGroup *orderer, struct fama_msp *const *msps,
                            size_t msp_count, struct fama_block_signers *signers,
                            struct fama_error *error);

/* Whether a validated identity of `msp` is one of them. */
bool fama_block_signers_include(const struct fama_block_signers *signers,
                                const struct fama_msp *msp, const struct fama_identity *identity);

#endif
