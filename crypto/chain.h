/* Certificate chains, found as Go's crypto/x509 finds them and judged as Fabric's MSP judges them.
 *
 * Fabric accepts an identity only when exactly one chain leads to its MSP's roots, so all chains
 * are looked for, not the first. Sources: Go crypto/x509/verify.go (Verify with its default key
 * usage, server authentication); Fabric msp/mspimpl.go getUniqueValidationChain,
 * getValidityOptsForCert and verifyLegacyNameConstraints. Chains are judged at NotBefore + 1 s of
 * their first certificate. For this folder only; stateless; any thread. */
#ifndef FAMA_CRYPTO_CHAIN_H
#define FAMA_CRYPTO_CHAIN_H

#include "crypto/certificate.h"

/* Certificates in a chain, first and root included. Go has no limit but the next one. */
#define FAMA_CHAIN_MAX            32
#define FAMA_CHAIN_SIGNATURES_MAX 100 /* signatures checked before giving up, as in Go */

/* The certificates of an MSP that may stand above others. None twice. Borrowed. */
struct fama_chain_authorities {
    struct fama_certificate **roots;
    size_t root_count;
    struct fama_certificate **intermediates;
    size_t intermediate_count;
};

struct fama_chain {
    const struct fama_certificate *certificates[FAMA_CHAIN_MAX]; /* first, its issuer, ..., root */
    size_t length;
};

/* Finds the one chain. Returns 0 or FAMA_MSP_UNTRUSTED when there is none or more than one. */
int fama_chain_find(const struct fama_chain_authorities *authorities,
                    const struct fama_certificate *first, struct fama_chain *chain,
                    struct fama_error *error);

#endif
