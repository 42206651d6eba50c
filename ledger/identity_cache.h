/* Identities of one channel configuration, each decoded once: from the serialized bytes as transactions
 * carry them.
 *
 * What does not deserialize is remembered too, so that garbage repeated costs a look-up. Bounded:
 * FAMA_IDENTITY_CACHE_SETS sets of eight entries, of which the oldest makes room; what is longer than
 * FAMA_IDENTITY_CACHE_BYTES_MAX (an honest one takes about 1 KiB) is decoded anew each time. A cache
 * belongs to one configuration, of which it holds a reference: it forgets everything when it is asked
 * under another one. One thread. Adversary: clients and endorsers with endless encodings of one
 * certificate: they cost a chain verification each, as in Fabric, and never more memory. Which set bytes
 * fall into depends on a secret of the process. */
#ifndef FAMA_LEDGER_IDENTITY_CACHE_H
#define FAMA_LEDGER_IDENTITY_CACHE_H

#include "crypto/identity.h"
#include "ledger/channel_config.h"

#define FAMA_IDENTITY_CACHE_SETS      1024
#define FAMA_IDENTITY_CACHE_BYTES_MAX 8192

struct fama_identity_cache;

/* NULL when memory is out, or the system has no randomness. */
struct fama_identity_cache *fama_identity_cache_create(void);
void fama_identity_cache_destroy(struct fama_identity_cache *cache); /* NULL is fine */

/* The identity that a serialized msp.SerializedIdentity names in this channel, with a reference of the
 * caller's own; NULL when it does not deserialize. Whether it is valid is another question:
 * fama_identity_validate, which remembers its answer. Returns 0, or FAMA_MSP_NO_MEMORY when there was none
 * to find out, which is not remembered. */
int fama_identity_cache_find(struct fama_identity_cache *cache, struct fama_channel_config *config,
                             struct fama_bytes serialized, struct fama_identity **identity);

#endif
