/* The inside of an MSP, shared by the parts that set it up, judge certificates by it and answer for
 * it. For this folder only.
 *
 * Nothing but the count of references changes once the MSP is made, so judging needs no lock.
 * Sources: Fabric msp/mspimpl.go, mspimplsetup.go, mspimplvalidate.go (v2.5.12, v3.1.5). */
#ifndef FAMA_CRYPTO_MSP_INSIDE_H
#define FAMA_CRYPTO_MSP_INSIDE_H

#include <openssl/types.h>
#include <stdatomic.h>

#include "crypto/chain.h"
#include "crypto/hash.h"
#include "crypto/msp_definition.h"

/* An organizational unit, perhaps bound to the CA that certifies it. */
struct fama_msp_unit {
    bool is_present;
    struct fama_bytes text; /* in the definition */
    bool is_bound;
    uint8_t certifiers[FAMA_HASH_BYTES_MAX];
};

enum fama_node_ou {
    FAMA_NODE_CLIENT,
    FAMA_NODE_PEER,
    FAMA_NODE_ADMIN,
    FAMA_NODE_ORDERER,
    FAMA_NODE_OUS,
};

struct fama_certificates {
    struct fama_certificate **items;
    size_t count;
};

struct fama_msp {
    atomic_uint references;
    char *id;
    size_t id_len;
    bool is_opaque; /* nothing but its name is known */
    enum fama_msp_version version;
    enum fama_hash signature_hash; /* FAMA_HASH_NONE: no ECDSA signature verifies */
    enum fama_hash identity_hash;
    size_t identity_hash_bytes;
    struct fama_msp_definition definition;
    struct fama_certificates roots;
    struct fama_certificates intermediates;
    struct fama_certificates admins;
    /* Authorities above a configured intermediate: they issue CAs, not identities. Borrowed. */
    const struct fama_certificate **inner_nodes;
    size_t inner_node_count;
    X509_CRL **crls;
    size_t crl_count;
    struct fama_msp_unit *units;
    size_t unit_count;
    bool node_ous_enforced;
    struct fama_msp_unit node_ous[FAMA_NODE_OUS];
};

/* All that an MSP ever says of a certificate. */
struct fama_msp_judgement {
    int validity;         /* what Fabric's Validate says: 0 or an enum fama_msp_error */
    unsigned int roles;   /* bit n: satisfies the ROLE principal n of this MSP */
    size_t certifier_len; /* 0: it has no chain that counts */
    uint8_t certifiers[FAMA_HASH_BYTES_MAX];
};

void fama_certificates_free(struct fama_certificates *certificates);
int fama_msp_no_memory(struct fama_error *error);

bool fama_msp_contains(const struct fama_certificates *certificates,
                       const struct fama_certificate *certificate);
bool fama_msp_is_inner_node(const struct fama_msp *msp, const struct fama_certificate *certificate);

/* ---- msp_chain.c ---- */

struct fama_chain_authorities fama_msp_authorities(const struct fama_certificates *roots,
                                                   const struct fama_certificates *intermediates);
int fama_msp_find_chain(const struct fama_msp *msp, const struct fama_certificate *certificate,
                        struct fama_chain *chain, struct fama_error *error);
/* A chain whose issuer is one that issues identities, for a certificate that is not a CA. */
int fama_msp_find_identity_chain(const struct fama_msp *msp,
                                 const struct fama_certificate *certificate,
                                 struct fama_chain *chain, struct fama_error *error);
/* Gives a certificate that is signed with ECDSA its low-S form, for which it must have a chain. */
int fama_msp_sanitize(const struct fama_msp *msp, struct fama_certificate *certificate,
                      struct fama_error *error);
/* Fabric's certifiersIdentifier: hash over the DER of the chain from number `first` up. False when
 * out of memory. */
bool fama_msp_hash_chain(const struct fama_msp *msp, const struct fama_chain *chain, size_t first,
                         uint8_t digest[FAMA_HASH_BYTES_MAX]);
/* Whether the direct issuer's lists name it. Chain of at least two. */
int fama_msp_check_not_revoked(const struct fama_msp *msp, const struct fama_chain *chain,
                               struct fama_error *error);

/* ---- msp_judge.c ---- */

/* Words only if it is not valid. Costs a chain of signatures. */
void fama_msp_judge(const struct fama_msp *msp, const struct fama_certificate *certificate,
                    struct fama_msp_judgement *judgement, struct fama_error *error);
/* Whether it has the organizational unit of this role, which must be configured. */
bool fama_msp_has_node_ou(const struct fama_msp *msp, const struct fama_certificate *certificate,
                          enum fama_node_ou role);
/* The certificate's key, to be freed; FAMA_MSP_BAD_CERTIFICATE if it is none of which Fabric makes
 * identities, be they valid or not, or FAMA_MSP_NO_MEMORY. */
int fama_msp_read_key(const struct fama_certificate *certificate, struct fama_public_key **key,
                      struct fama_error *error);

/* ---- msp_setup.c ---- */

/* Fills an MSP whose id, version and definition are there. */
int fama_msp_set_up(struct fama_msp *msp, struct fama_error *error);

#endif
