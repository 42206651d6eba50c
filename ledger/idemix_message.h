/* An Idemix organisation's definition in a channel's configuration (msp.MSPConfig of type 1).
 *
 * Source: Fabric msp/factory.go; IBM/idemix idemixmsp.go, msp/idemixmsp.proto. Fama has no Idemix
 * cryptography. Such organisations have anonymous clients only: no peers, no orderers, no TLS. So a
 * channel that holds one loads, with an opaque MSP in its place (crypto/msp.h), and stops only
 * where a transaction's creator is one of those clients (ledger/validation.h). Their signatures
 * count neither as endorsements nor on configuration updates. Of the issuer's key and the signer's
 * credential only the form is looked at: a key with all its parts whose points or proof are wrong is
 * taken, where Fabric refuses it (orderers do as well, and let no such configuration into a block).
 * Stateless; any thread. Adversary: whoever writes configurations. */
#ifndef FAMA_LEDGER_IDEMIX_MESSAGE_H
#define FAMA_LEDGER_IDEMIX_MESSAGE_H

#include "crypto/msp.h"

/* From a serialized IdemixMSPConfig. Returns 0 with one reference in *msp, or
 * FAMA_CHANNEL_CONFIG_INVALID or FAMA_CHANNEL_CONFIG_NO_MEMORY with words. */
int fama_idemix_msp_from_message(struct fama_bytes message, enum fama_msp_version version,
                                 struct fama_msp **msp, struct fama_error *error);

#endif
