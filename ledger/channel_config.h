/* A channel's configuration, from a config block: its name, the MSPs of its orderer and application
 * organisations, and the judgement of block signatures against the orderers' MSPs.
 *
 * Source: Fabric common/channelconfig, spec fabric-formats §4, fabric-algorithms §2.2, §9.
 * Lifetime: immutable, reference-counted, one object per configuration sequence; readers on any
 * thread. Identities whose block signatures have verified are remembered inside, decoded and
 * validated (ledger/signer_cache.h). */
#ifndef FAMA_LEDGER_CHANNEL_CONFIG_H
#define FAMA_LEDGER_CHANNEL_CONFIG_H

#include "crypto/msp.h"
#include "crypto/verifier.h"
#include "ledger/block.h"

struct fama_channel_config;

enum fama_channel_config_error {
    FAMA_CHANNEL_CONFIG_INVALID = -1, /* not a config block, or its content breaks a rule */
    FAMA_CHANNEL_CONFIG_NO_MEMORY = -2,
};

#define FAMA_CHANNEL_ID_MAX 250 /* bytes with the NUL: Fabric allows 249 */
/* Whether Fabric allows the name: a lower-case letter, then lower-case letters, digits, dots,
 * dashes. */
bool fama_channel_id_is_valid(struct fama_bytes id);

int fama_channel_config_from_block(const struct fama_block *block,
                                   struct fama_channel_config **config, struct fama_error *error);
struct fama_channel_config *fama_channel_config_acquire(struct fama_channel_config *config);
void fama_channel_config_release(struct fama_channel_config *config);

const char *fama_channel_config_id(const struct fama_channel_config *config);
uint64_t fama_channel_config_sequence(const struct fama_channel_config *config);
/* The MSP of this id among the application (or orderer) organisations, or NULL. Borrowed. */
const struct fama_msp *fama_channel_config_application_msp(const struct fama_channel_config *config,
                                                           const char *mspid);
const struct fama_msp *fama_channel_config_orderer_msp(const struct fama_channel_config *config,
                                                       const char *mspid);

/* Signature jobs of a block: one per orderer signature whose identity is valid in the orderer MSP
 * it names, may sign blocks (policy BlockValidation) with a P-256 key, and whose DER decodes with a
 * low s. Signatures beyond the limit are not looked at; an honest raft orderer writes one. Fabric
 * also takes orderers' keys on P-224, P-384 and P-521: a channel whose blocks only such keys sign
 * cannot be followed here, and each of its blocks is refused as UNSUPPORTED_KEY. */
#define FAMA_BLOCK_SIGNATURES_MAX 64
struct fama_block_signatures {
    struct fama_verify_job jobs[FAMA_BLOCK_SIGNATURES_MAX];
    struct fama_identity *identities[FAMA_BLOCK_SIGNATURES_MAX]; /* references, one per job */
    size_t count;
};

/* FAMA_BLOCK_ACCEPTED with at least one job, NO_METADATA if slot 0 does not decode (or a signature
 * header does not), UNKNOWN_SIGNER if no signature names a signer, UNSUPPORTED_KEY if all signers
 * named have keys of other kinds than P-256, BAD_SIGNATURE if the DER of all the others was
 * unusable. Call it after fama_block_check; a hash longer than a hash is refused by that hash's
 * name. The block must outlive the call only. Clear `signatures` whatever the result. */
enum fama_block_refusal fama_block_signatures_prepare(const struct fama_channel_config *config,
                                                      const struct fama_block *block,
                                                      struct fama_block_signatures *signatures);
/* After the jobs were run: accepted if the verdicts satisfy the orderers' rule (one valid member).
 * Signers whose signature is good are remembered. */
enum fama_block_refusal fama_block_signatures_judge(const struct fama_channel_config *config,
                                                    const struct fama_block_signatures *signatures);
void fama_block_signatures_clear(struct fama_block_signatures *signatures);

#endif
