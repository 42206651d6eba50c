#include "crypto/aead_engine.h"

#include <openssl/crypto.h>

static const struct fama_aead_engine *engine_of_process(void)
{
    const struct fama_aead_engine *fast = fama_aead_engine_ipsec_mb();
    return fast != NULL ? fast : fama_aead_engine_openssl();
}

const char *fama_aead_engine_name(void)
{
    return engine_of_process()->name;
}

static bool is_aligned(const void *key)
{
    /* cppcheck-suppress ctuuninitvar ; only where it lies is asked */
    return (uintptr_t)key % FAMA_AEAD_KEY_ALIGNMENT == 0;
}

bool fama_aead_key_set_with(struct fama_aead_key *key, const struct fama_aead_engine *engine,
                            const uint8_t bytes[FAMA_AEAD_KEY_BYTES])
{
    if (!is_aligned(key)) {
        return false;
    }
    if (engine == NULL || !engine->set(key, bytes)) {
        fama_aead_key_clear(key);
        return false;
    }
    key->engine = engine;
    return true;
}

bool fama_aead_key_set(struct fama_aead_key *key, const uint8_t bytes[FAMA_AEAD_KEY_BYTES])
{
    return fama_aead_key_set_with(key, engine_of_process(), bytes);
}

void fama_aead_key_clear(struct fama_aead_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
    key->engine = NULL;
}

/* Adds a length to those before it; false if that makes too long a message. */
static bool add_length(size_t *total, size_t len)
{
    if (len > FAMA_AEAD_MESSAGE_MAX - *total) {
        return false;
    }
    *total += len;
    return true;
}

static bool is_possible(const struct fama_aead_key *key, const struct fama_aead_label *label,
                        size_t count)
{
    return key->engine != NULL && count <= FAMA_AEAD_PIECES_MAX &&
           label->aad.len <= FAMA_AEAD_MESSAGE_MAX;
}

bool fama_aead_seal(const struct fama_aead_key *key, const struct fama_aead_label *label,
                    const struct fama_bytes *pieces, size_t count, uint8_t *out,
                    uint8_t tag[FAMA_AEAD_TAG_BYTES])
{
    if (!is_possible(key, label, count)) {
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!add_length(&total, pieces[i].len)) {
            return false;
        }
    }
    return key->engine->seal(key, label, pieces, count, out, tag);
}

bool fama_aead_open(const struct fama_aead_key *key, const struct fama_aead_label *label,
                    struct fama_bytes sealed, const uint8_t tag[FAMA_AEAD_TAG_BYTES],
                    const struct fama_aead_space *spaces, size_t count)
{
    if (!is_possible(key, label, count)) {
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!add_length(&total, spaces[i].len)) {
            return false;
        }
    }
    return total == sealed.len && key->engine->open(key, label, sealed, tag, spaces, count);
}
