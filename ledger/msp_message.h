/* Between msp.MSPConfig as channel configurations carry it and an MSP object, both ways.
 *
 * Source: Fabric msp/configbuilder.go, spec fabric-formats §6. An Idemix MSP comes back opaque
 * (ledger/idemix_message.h) and is not written again. One thread at a time. */
#ifndef FAMA_LEDGER_MSP_MESSAGE_H
#define FAMA_LEDGER_MSP_MESSAGE_H

#include "crypto/msp.h"
#include "ledger/arena.h"

/* Makes the MSP that a serialized MSPConfig defines, following the rules of `version`. Returns 0 with one reference in `*msp`, or
 * FAMA_CHANNEL_CONFIG_INVALID or FAMA_CHANNEL_CONFIG_NO_MEMORY with words. */
int fama_msp_from_message(struct fama_bytes message, enum fama_msp_version version,
                          struct fama_msp **msp, struct fama_error *error);

/* Serializes an MSP's definition as an MSPConfig, into the arena. Empty at the arena's limit. */
struct fama_bytes fama_msp_to_message(const struct fama_msp *msp, struct fama_arena *arena);

#endif
