/* Whether a channel's orderers have signed a block: its signatures made into verify jobs, and the
 * verdicts judged by policy /Channel/Orderer/BlockValidation, of whatever shape it is.
 *
 * Source: Fabric internal/peer/gossip/mcs.go VerifyBlock, common/policies/policy.go
 * SignatureSetToValidIdentities; v3.1 protoutil/blockutils.go BlockSignatureVerifier (signatures
 * that name a consenter by number, once the channel has capability V3_0); spec fabric-algorithms
 * §2.2. Any thread; one at a time per struct. Adversary: whoever relays blocks. */
#ifndef FAMA_LEDGER_BLOCK_SIGNATURES_H
#define FAMA_LEDGER_BLOCK_SIGNATURES_H

#include "crypto/verifier.h"
#include "ledger/block.h"

struct fama_channel_config;
struct fama_identity;

/* Signatures that are looked at. A raft orderer writes one. A block of a BFT channel carries those
 * of a quorum, at most one per consenter, and consenters are some ten, a few dozen at most: their
 * traffic grows with the square of their number. A block that only signatures beyond this would
 * carry over the threshold was made by whoever relayed it, and is refused until it comes from
 * somebody else. */
#define FAMA_BLOCK_SIGNATURES_MAX 128

struct fama_block_signatures {
    struct fama_verify_job jobs[FAMA_BLOCK_SIGNATURES_MAX];      /* those PENDING are to be run */
    struct fama_identity *identities[FAMA_BLOCK_SIGNATURES_MAX]; /* references, one per job */
    size_t count;
};

/* One job per signature by an identity of an MSP of this channel that might count. Those of other
 * curves than P-256 are verified here. Returns FAMA_BLOCK_ACCEPTED with at least one job,
 * NO_METADATA if slot 0 does not decode (or one of its headers does not), UNKNOWN_SIGNER if no
 * signature names a member of the channel's MSPs, NO_MEMORY if there was none to read one. Where the policy asks for no signature at all,
 * ACCEPTED comes with none. Call it after fama_block_check; a hash longer than a hash is refused
 * by that hash's name. The block must outlive the call only. Clear `signatures` whatever the
 * result. */
enum fama_block_refusal fama_block_signatures_prepare(const struct fama_channel_config *config,
                                                      const struct fama_block *block,
                                                      struct fama_block_signatures *signatures);
/* After the jobs were run: ACCEPTED if the identities whose signatures are good satisfy the policy,
 * BAD_SIGNATURE if no signature is good, else UNKNOWN_SIGNER: those who signed may not, or are too
 * few. Identities with good signatures are remembered. */
enum fama_block_refusal fama_block_signatures_judge(const struct fama_channel_config *config,
                                                    const struct fama_block_signatures *signatures);
void fama_block_signatures_clear(struct fama_block_signatures *signatures);

#endif
