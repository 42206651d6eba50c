/* A membership service provider: the roots, intermediates, admins, NodeOUs and revocation lists of
 * one organisation, and the judgement whether a certificate belongs to it.
 *
 * Source: Fabric msp/mspimpl.go, msp/mspimplvalidate.go; facts in spec fabric-algorithms §3. Chains
 * are verified at NotBefore + 1 s of the certificate, so a verdict never depends on the wall clock.
 * Adversary: whoever writes certificates. Lifetime: immutable once made, reference-counted. Any
 * thread. */
#ifndef FAMA_CRYPTO_MSP_H
#define FAMA_CRYPTO_MSP_H

#include "crypto/error.h"
#include "crypto/identity.h"

struct fama_msp;

enum fama_msp_error {
    FAMA_MSP_UNREADABLE = -1,      /* a directory or file is missing or cannot be read */
    FAMA_MSP_INVALID = -2,         /* the MSP's own definition breaks a rule of spec §3.4 */
    FAMA_MSP_BAD_CERTIFICATE = -3, /* not one PEM X.509 certificate with a usable public key */
    FAMA_MSP_UNTRUSTED = -4, /* no unique chain to this MSP's roots, or a key that proves nothing */
    FAMA_MSP_REVOKED = -5,   /* on a CRL of its issuer */
    FAMA_MSP_WRONG_ROLE = -6, /* NodeOUs: not exactly one of client, peer, admin, orderer */
    FAMA_MSP_NO_MEMORY = -7,
};

enum fama_msp_role {
    FAMA_MSP_ROLE_MEMBER = 0, /* numbers as in msp.MSPRole */
    FAMA_MSP_ROLE_ADMIN = 1,
    FAMA_MSP_ROLE_CLIENT = 2,
    FAMA_MSP_ROLE_PEER = 3,
    FAMA_MSP_ROLE_ORDERER = 4,
};

/* Which rules an MSP follows. A channel's capabilities decide it (Fabric
 * common/channelconfig, capabilities MSPVersion). */
enum fama_msp_version {
    FAMA_MSP_V1_0 = 1,   /* no NodeOUs */
    FAMA_MSP_V1_1 = 2,   /* NodeOUs tell clients from peers */
    FAMA_MSP_V1_3 = 3,   /* combined and anonymity principals */
    FAMA_MSP_V1_4_3 = 4, /* NodeOUs for admins and orderers too */
    FAMA_MSP_V3_0 = 5,   /* members have Ed25519 keys too, and RSA keys no more */
};

struct fama_msp_ou {
    struct fama_bytes certificate; /* PEM of the certifying CA; empty: any */
    struct fama_bytes ou;          /* the OU's text */
    bool is_present;               /* a NodeOU counts as configured if this is set or one of the
                                      texts is not empty */
};

/* What a FabricMSPConfig says, in plain C. All views are only read during fama_msp_create. */
struct fama_msp_config {
    enum fama_msp_version version; /* 0: FAMA_MSP_V1_4_3 */
    struct fama_bytes name;        /* the MSP id */
    /* "SHA2" (or empty), "SHA3"; with any other name no ECDSA signature of a member verifies. */
    struct fama_bytes signature_hash_family;
    /* "SHA256" (or empty), "SHA384", "SHA3_256", "SHA3_384"; any other name is refused. */
    struct fama_bytes identity_hash_function;
    const struct fama_bytes *root_certs;
    size_t root_cert_count;
    const struct fama_bytes *intermediate_certs;
    size_t intermediate_cert_count;
    const struct fama_bytes *admins;
    size_t admin_count;
    const struct fama_bytes *revocation_lists;
    size_t revocation_list_count;
    const struct fama_bytes *tls_root_certs;
    size_t tls_root_cert_count;
    const struct fama_bytes *tls_intermediate_certs;
    size_t tls_intermediate_cert_count;
    const struct fama_msp_ou *organizational_units;
    size_t organizational_unit_count;
    bool has_node_ous; /* FabricNodeOUs is there; also assumed if it is enabled or names an OU */
    bool node_ous_enabled;
    struct fama_msp_ou client_ou, peer_ou, admin_ou, orderer_ou;
};

int fama_msp_create(const struct fama_msp_config *config, struct fama_msp **msp,
                    struct fama_error *error);
/* An MSP of another kind than X.509, of which only the name is known: no identity of it deserializes,
 * so that nobody has a role in it. Whoever judges what its members sign must ask fama_msp_is_opaque. */
int fama_msp_create_opaque(struct fama_bytes name, struct fama_msp **msp, struct fama_error *error);
bool fama_msp_is_opaque(const struct fama_msp *msp);
/* Reads a Fabric MSP directory (cacerts, intermediatecerts, admincerts, crls, tlscacerts,
 * config.yaml); the signing identity in it, if any, is left to crypto/signer.h. */
int fama_msp_open_directory(const char *directory, const char *mspid, struct fama_msp **msp,
                            struct fama_error *error);
struct fama_msp *fama_msp_acquire(struct fama_msp *msp);
void fama_msp_release(struct fama_msp *msp);

const char *fama_msp_id(const struct fama_msp *msp);

/* The definition the MSP was made from, for writing it into a channel configuration. The views live
 * as long as the MSP. */
const struct fama_msp_config *fama_msp_definition(const struct fama_msp *msp);

/* Decodes a certificate of this MSP (spec §3.1). Costs a chain verification when the issuer signs
 * with ECDSA. On success *identity holds one reference, and the identity one to the MSP. The text is
 * kept as it is: who remembers identities of strangers bounds its length first. */
int fama_msp_deserialize(const struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_identity **identity, struct fama_error *error);

/* Fabric's Validate, as fama_identity_validate. For an MSP that is not the one that made the
 * identity but has its name, a chain of signatures is verified on every call. */
int fama_msp_validate(const struct fama_msp *msp, const struct fama_identity *identity,
                      struct fama_error *error);

/* Whether the identity satisfies the ROLE principal of this MSP: it must be valid, but for listed
 * administrators. Costs what fama_msp_validate costs. */
bool fama_msp_has_role(const struct fama_msp *msp, const struct fama_identity *identity,
                       enum fama_msp_role role);

#endif
