/* An identity for a bench: a certificate authority and a peer of it, made anew; its folder is gone when this
 * returns. Main thread. */
#ifndef FAMA_BENCH_SIGNER_H
#define FAMA_BENCH_SIGNER_H

#include "crypto/signer.h"

/* 0, and the MSP and the signer are the caller's; else negative, with words. */
int fama_bench_signer(struct fama_msp **msp, struct fama_signer **signer, struct fama_error *error);

#endif
