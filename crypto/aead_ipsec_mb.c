#include "crypto/aead_engine.h"

#if defined(FAMA_IPSEC_MB)

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <pthread.h>

/* The library's direct calls, which need no job, no manager and no state of its own: only the key's
 * tables, which they read, and a context on the caller's stack. Its manager is asked once which of its
 * implementations is this processor's. */
static struct {
    bool is_there;
    aes_gcm_pre_t set;
    aes_gcm_init_t begin;
    aes_gcm_enc_dec_update_t seal_more;
    aes_gcm_enc_dec_update_t open_more;
    aes_gcm_enc_dec_finalize_t seal_end;
    aes_gcm_enc_dec_finalize_t open_end;
} library;

_Static_assert(sizeof(struct gcm_key_data) <= FAMA_AEAD_SCHEDULE_BYTES,
               "the library's tables go into a key");
_Static_assert(_Alignof(struct gcm_key_data) <= FAMA_AEAD_KEY_ALIGNMENT,
               "the library's tables are aligned in a key");

static void find_library(void)
{
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (manager == NULL) {
        return;
    }
    const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
    IMB_ARCH architecture = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &architecture);
    if (imb_get_errno(manager) == 0 && architecture != IMB_ARCH_NONE &&
        architecture != IMB_ARCH_NOAESNI && (manager->features & needed) == needed) {
        library.set = manager->gcm256_pre;
        library.begin = manager->gcm256_init;
        library.seal_more = manager->gcm256_enc_update;
        library.open_more = manager->gcm256_dec_update;
        library.seal_end = manager->gcm256_enc_finalize;
        library.open_end = manager->gcm256_dec_finalize;
        library.is_there = true;
    }
    free_mb_mgr(manager);
}

static const struct gcm_key_data *tables(const struct fama_aead_key *key)
{
    return (const struct gcm_key_data *)(const void *)key->schedule;
}

static bool set(struct fama_aead_key *key, const uint8_t bytes[FAMA_AEAD_KEY_BYTES])
{
    library.set(bytes, (struct gcm_key_data *)(void *)key->schedule);
    return true;
}

static void begin(const struct fama_aead_key *key, struct gcm_context_data *context,
                  const struct fama_aead_label *label)
{
    static const uint8_t nothing;
    library.begin(tables(key), context, label->nonce, label->aad.len > 0 ? label->aad.at : &nothing,
                  label->aad.len);
}

static bool seal(const struct fama_aead_key *key, const struct fama_aead_label *label,
                 const struct fama_bytes *pieces, size_t count, uint8_t *out,
                 uint8_t tag[FAMA_AEAD_TAG_BYTES])
{
    struct gcm_context_data context;
    begin(key, &context, label);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            library.seal_more(tables(key), &context, out, pieces[i].at, pieces[i].len);
            out += pieces[i].len;
        }
    }
    library.seal_end(tables(key), &context, tag, FAMA_AEAD_TAG_BYTES);
    OPENSSL_cleanse(&context, sizeof(context));
    return true;
}

static bool open_sealed(const struct fama_aead_key *key, const struct fama_aead_label *label,
                        struct fama_bytes sealed, const uint8_t tag[FAMA_AEAD_TAG_BYTES],
                        const struct fama_aead_space *spaces, size_t count)
{
    struct {
        struct gcm_context_data context;
        uint8_t tag[FAMA_AEAD_TAG_BYTES]; /* the right one, which nobody must learn */
    } secret;
    begin(key, &secret.context, label);
    const uint8_t *at = sealed.at;
    for (size_t i = 0; i < count; i++) {
        if (spaces[i].len > 0) {
            library.open_more(tables(key), &secret.context, spaces[i].at, at, spaces[i].len);
            at += spaces[i].len;
        }
    }
    library.open_end(tables(key), &secret.context, secret.tag, FAMA_AEAD_TAG_BYTES);
    bool is_right = CRYPTO_memcmp(secret.tag, tag, FAMA_AEAD_TAG_BYTES) == 0;
    OPENSSL_cleanse(&secret, sizeof(secret));
    return is_right;
}

const struct fama_aead_engine *fama_aead_engine_ipsec_mb(void)
{
    static const struct fama_aead_engine engine = {
        .name = "intel-ipsec-mb", .set = set, .seal = seal, .open = open_sealed};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    return pthread_once(&once, find_library) == 0 && library.is_there ? &engine : NULL;
}

#else

const struct fama_aead_engine *fama_aead_engine_ipsec_mb(void)
{
    return NULL;
}

#endif
