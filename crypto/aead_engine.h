/* Who computes AES-256-GCM: one table of functions per implementation. For this folder and its tests only;
 * others seal through crypto/aead.h, which has checked counts and lengths before it comes here.
 *
 * Contract of the functions: those of crypto/aead.h. Any thread. */
#ifndef FAMA_CRYPTO_AEAD_ENGINE_H
#define FAMA_CRYPTO_AEAD_ENGINE_H

#include "crypto/aead.h"

struct fama_aead_engine {
    const char *name;
    /* Writes the schedule; the rest of the key is not the engine's. */
    bool (*set)(struct fama_aead_key *key, const uint8_t bytes[FAMA_AEAD_KEY_BYTES]);
    bool (*seal)(const struct fama_aead_key *key, const struct fama_aead_label *label,
                 const struct fama_bytes *pieces, size_t count, uint8_t *out,
                 uint8_t tag[FAMA_AEAD_TAG_BYTES]);
    bool (*open)(const struct fama_aead_key *key, const struct fama_aead_label *label,
                 struct fama_bytes sealed, const uint8_t tag[FAMA_AEAD_TAG_BYTES],
                 const struct fama_aead_space *spaces, size_t count);
};

/* NULL where the build has no intel-ipsec-mb, or the processor lacks what makes it fast and free of
 * tables that are looked up by secrets. */
const struct fama_aead_engine *fama_aead_engine_ipsec_mb(void);
/* Everywhere. */
const struct fama_aead_engine *fama_aead_engine_openssl(void);

/* fama_aead_key_set with an engine of the caller's choice; false for none. */
bool fama_aead_key_set_with(struct fama_aead_key *key, const struct fama_aead_engine *engine,
                            const uint8_t bytes[FAMA_AEAD_KEY_BYTES]);

#endif
