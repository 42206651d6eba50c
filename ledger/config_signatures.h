/* Who has signed a configuration update: the identities whose signatures verify, each once.
 *
 * Source: Fabric protoutil/signeddata.go ConfigUpdateEnvelopeAsSignedData, common/policies/policy.go
 * SignatureSetToValidIdentities. One thread. Adversary: whoever collects signatures; a signature
 * costs its identity's chain and one verification. */
#ifndef FAMA_LEDGER_CONFIG_SIGNATURES_H
#define FAMA_LEDGER_CONFIG_SIGNATURES_H

#include "ledger/channel_config.h"

struct fama_config_signatures {
    const struct fama_identity **identities; /* in the order of their signatures */
    size_t count;
    struct fama_identity **references; /* all that deserialized */
    size_t reference_count;
};

/* Reads a serialized common.ConfigUpdateEnvelope. Identities are those of `config`'s organisations.
 * Returns 0, FAMA_CHANNEL_CONFIG_INVALID (a signature header does not decode) or
 * FAMA_CHANNEL_CONFIG_NO_MEMORY. Clear `signatures` whatever the result. */
int fama_config_signatures_verify(const struct fama_channel_config *config,
                                  struct fama_bytes update_envelope,
                                  struct fama_config_signatures *signatures,
                                  struct fama_error *error);
void fama_config_signatures_clear(struct fama_config_signatures *signatures);

#endif
