/* An MSP's definition as the MSP keeps it: a copy in one block of memory. For this folder only. */
#ifndef FAMA_CRYPTO_MSP_DEFINITION_H
#define FAMA_CRYPTO_MSP_DEFINITION_H

#include "crypto/msp.h"

struct fama_msp_definition {
    struct fama_msp_config config; /* every view points into `memory` */
    void *memory;
};

/* Returns 0, FAMA_MSP_NO_MEMORY, or FAMA_MSP_INVALID when the definition is larger than 64 MiB. */
int fama_msp_definition_copy(const struct fama_msp_config *config,
                             struct fama_msp_definition *definition);
void fama_msp_definition_free(struct fama_msp_definition *definition);

#endif
