/* A small certificate authority that makes Fabric-style MSP directories: the stand-in for an
 * organisation's CA service on test networks and small consortia.
 *
 * Layout of an organisation's folder, as Fabric's cryptogen lays it out:
 *   ca/ (ca.<domain>-cert.pem, priv_sk)   tlsca/ (the same)
 *   msp/ (cacerts, tlscacerts, config.yaml with NodeOUs)
 *   peers|orderers/<host>.<domain>/{msp,tls}    users/<name>@<domain>/{msp,tls}
 * Every key is ECDSA P-256; files with private keys are 0600. Existing files are never overwritten;
 * what a failed call has made is removed again, but for empty folders above it. A CA is valid from
 * 30 days before it was made, for ten years; what it issues must lie within that. Main thread of a
 * command; blocking file I/O. */
#ifndef FAMA_CRYPTO_CA_H
#define FAMA_CRYPTO_CA_H

#include "crypto/error.h"
#include "crypto/msp.h"

enum fama_ca_error {
    FAMA_CA_EXISTS = -1,  /* refusing to overwrite */
    FAMA_CA_IO = -2,      /* a file or directory could not be written or read */
    FAMA_CA_CRYPTO = -3,  /* OpenSSL refused */
    FAMA_CA_INVALID = -4, /* a name, role or lifetime makes no sense */
};

struct fama_ca_issue {
    const char *organisation; /* the organisation's folder, made by fama_ca_init */
    enum fama_msp_role role;  /* client, peer, admin or orderer: becomes the OU */
    const char *name;         /* host or user name without the domain */
    const char *const *sans;  /* DNS names or IP addresses for the TLS certificate */
    size_t san_count;
    int64_t not_before_s; /* seconds from now, may be negative */
    int64_t not_after_s;  /* seconds from now, may be negative: an expired certificate for tests */
};

/* Makes ca/, tlsca/ and msp/ for `domain` under `folder`, which it makes too if need be. The MSP id
 * is not part of an MSP directory. */
int fama_ca_init(const char *folder, const char *domain, struct fama_error *error);
/* Issues a signing and a TLS certificate. The TLS certificate of a host also carries the host's
 * full and short name; `made` (may be NULL) receives the new folder's path. */
int fama_ca_issue(const struct fama_ca_issue *request, char *made, size_t made_size,
                  struct fama_error *error);

#endif
