/* Principals: what a policy asks of an identity.
 *
 * Fabric's MSPPrincipal in plain C; whoever reads policies from bytes makes these. Everything here
 * is borrowed: the views and inner principals live as long as the principal is used. Immutable; any
 * thread. Sources: Fabric msp/mspimpl.go SatisfiesPrincipal, collectPrincipals and the three
 * satisfiesPrincipalInternal functions; spec fabric-algorithms §3.6. Adversary: whoever writes
 * policies. */
#ifndef FAMA_CRYPTO_PRINCIPAL_H
#define FAMA_CRYPTO_PRINCIPAL_H

#include "crypto/identity.h"

/* Combined principals within combined principals beyond this are satisfied by nobody. */
#define FAMA_PRINCIPAL_DEPTH_MAX 64

enum fama_principal_kind {
    FAMA_PRINCIPAL_ROLE = 0, /* numbers as in msp.MSPPrincipal.Classification */
    FAMA_PRINCIPAL_ORGANIZATION_UNIT = 1,
    FAMA_PRINCIPAL_IDENTITY = 2,
    FAMA_PRINCIPAL_ANONYMITY = 3,
    FAMA_PRINCIPAL_COMBINED = 4,
    FAMA_PRINCIPAL_UNSATISFIABLE = 5, /* content did not decode, or of a kind that is not known */
};

enum fama_principal_anonymity {
    FAMA_PRINCIPAL_NOMINAL = 0, /* numbers as in msp.MSPIdentityAnonymity */
    FAMA_PRINCIPAL_ANONYMOUS = 1,
};

struct fama_principal {
    enum fama_principal_kind kind;
    struct fama_bytes mspid;      /* ROLE, ORGANIZATION_UNIT, IDENTITY */
    int32_t role;                 /* ROLE: enum fama_msp_role, or any other number */
    struct fama_bytes unit;       /* ORGANIZATION_UNIT: its text */
    struct fama_bytes certifiers; /* ORGANIZATION_UNIT: hash of the certifying chain */
    struct fama_bytes id_bytes;   /* IDENTITY: the certificate in PEM */
    int32_t anonymity; /* ANONYMITY: enum fama_principal_anonymity, or any other number */
    const struct fama_principal *combined; /* COMBINED: all of these; none is an error */
    size_t combined_count;
};

/* Whether the identity's own MSP, in its version, finds that the identity satisfies the principal.
 * Errors count as no. The first question about an identity costs its validation (a chain of
 * signatures); later ones some ten nanoseconds, but for IDENTITY principals with another text than
 * the identity's own: their PEM is decoded each time (microseconds), and one that differs from the
 * identity's certificate in nothing but its issuer's signature costs a chain of signatures. */
bool fama_identity_satisfies(const struct fama_identity *identity,
                             const struct fama_principal *principal);

#endif
