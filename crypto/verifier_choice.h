/* Which implementation verifies, and the tables of hot keys that all contexts of a process share, one per
 * engine, made when the first context needs it. For this folder only: others choose through
 * crypto/verifier.h. Any thread. */
#ifndef FAMA_CRYPTO_VERIFIER_CHOICE_H
#define FAMA_CRYPTO_VERIFIER_CHOICE_H

#include "crypto/verifier.h"

/* NULL for AUTO and OPENSSL, for what is not supported, and when out of memory. */
struct fama_hot_keys *fama_verifier_hot_keys(enum fama_verifier_implementation implementation);

#endif
