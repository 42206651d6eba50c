/* Identities of one channel configuration, each decoded and validated once: from the serialized bytes as
 * transactions carry them.
 *
 * Bounded: sets of eight entries, the oldest of a set makes room; an entry holds at most the 32 KiB that
 * crypto/msp.h reads. What does not deserialize is remembered too, so that garbage repeated costs a
 * look-up. A cache belongs to one configuration: it forgets everything when it is asked under another
 * one. One thread. Adversary: clients and endorsers with endless encodings of one certificate: they
 * cost a chain verification each, as in Fabric, and never memory. */
#ifndef FAMA_LEDGER_IDENTITY_CACHE_H
#define FAMA_LEDGER_IDENTITY_CACHE_H

#include "crypto/identity.h"
#include "ledger/channel_config.h"

struct fama_identity_cache;

struct fama_identity_cache *fama_identity_cache_create(void); /* NULL when memory is out */
void fama_identity_cache_destroy(struct fama_identity_cache *cache);

/* The identity that a serialized msp.SerializedIdentity names in this channel, with a reference of the
 * caller's own; NULL when it does not deserialize. */
struct fama_identity *fama_identity_cache_find(struct fama_identity_cache *cache,
                                               const struct fama_channel_config *config,
                                               struct fama_bytes serialized);

#endif
