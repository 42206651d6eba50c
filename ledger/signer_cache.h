/* The identities whose signatures on blocks of one channel have verified, decoded and validated
 * once.
 *
 * Adversary: whoever relays blocks. A certificate is public, and one certificate has endless
 * encodings (text around its PEM block, unknown fields around that), each of which costs a chain
 * verification. So an identity is looked up by what Fabric decodes, its MSP id and id_bytes, and it
 * is remembered only after a signature by it has verified: every encoding is part of what is
 * signed, hence only the holder of the key can fill the cache. At FAMA_SIGNER_CACHE_ENTRIES the
 * entry remembered first makes room; identities in longer texts than FAMA_SIGNER_CACHE_BYTES_MAX are
 * not remembered.
 *
 * Threads: any, at any time between creation and destruction. One lock, held for a look-up and
 * never while anything is verified; packet threads stay away from it. */
#ifndef FAMA_LEDGER_SIGNER_CACHE_H
#define FAMA_LEDGER_SIGNER_CACHE_H

#include "crypto/identity.h"

/* A channel has far fewer orderers than this. */
#define FAMA_SIGNER_CACHE_ENTRIES 256
/* Certificates have one to three kilobytes. */
#define FAMA_SIGNER_CACHE_BYTES_MAX 32768

struct fama_signer_cache;

struct fama_signer_cache *fama_signer_cache_create(void); /* NULL when out of memory */
/* Drops the cache's references; NULL is fine. */
void fama_signer_cache_destroy(struct fama_signer_cache *cache);

/* A new reference to the remembered identity, or NULL. */
struct fama_identity *fama_signer_cache_recall(struct fama_signer_cache *cache,
                                               struct fama_bytes mspid, struct fama_bytes id_bytes);
/* Takes a reference of its own, unless an identity of the same MSP id and id_bytes is there
 * already. */
void fama_signer_cache_remember(struct fama_signer_cache *cache, struct fama_identity *identity);

#endif
