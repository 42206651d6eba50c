#include "crypto/aead_engine.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

/* OpenSSL's contexts hold a key's tables and a message's state in one, so they cannot be shared: each
 * thread has one. It is set anew only when another key is used than the time before. */
struct thread_context {
    EVP_CIPHER_CTX *context;
    bool has_key;
    uint8_t key[FAMA_AEAD_KEY_BYTES]; /* the one that is set */
};

static struct {
    bool is_made;
    EVP_CIPHER *cipher; /* for the life of the process */
    pthread_key_t ends; /* frees a thread's context */
} process;

static _Thread_local struct thread_context *mine;

static void end_of_thread(void *ended)
{
    struct thread_context *thread = ended;
    EVP_CIPHER_CTX_free(thread->context);
    OPENSSL_cleanse(thread, sizeof(*thread));
    free(thread);
    mine = NULL;
}

static void make_process(void)
{
    process.cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    process.is_made =
        process.cipher != NULL && pthread_key_create(&process.ends, end_of_thread) == 0;
}

static struct thread_context *make_mine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, make_process) != 0 || !process.is_made) {
        return NULL;
    }
    struct thread_context *thread = calloc(1, sizeof(*thread));
    if (thread == NULL) {
        return NULL;
    }
    thread->context = EVP_CIPHER_CTX_new();
    if (thread->context == NULL ||
        EVP_CipherInit_ex2(thread->context, process.cipher, NULL, NULL, 1, NULL) != 1 ||
        pthread_setspecific(process.ends, thread) != 0) {
        EVP_CIPHER_CTX_free(thread->context);
        free(thread);
        return NULL;
    }
    mine = thread;
    return thread;
}

/* The thread's context, ready for what is authenticated and then the message; or NULL. */
static EVP_CIPHER_CTX *begin(const struct fama_aead_key *key, const struct fama_aead_label *label,
                             bool is_sealing)
{
    struct thread_context *thread = mine != NULL ? mine : make_mine();
    if (thread == NULL) {
        return NULL;
    }
    bool is_same =
        thread->has_key && CRYPTO_memcmp(thread->key, key->schedule, FAMA_AEAD_KEY_BYTES) == 0;
    thread->has_key = false; /* until it is clear that it has */
    if (EVP_CipherInit_ex2(thread->context, NULL, is_same ? NULL : key->schedule, label->nonce,
                           is_sealing ? 1 : 0, NULL) != 1) {
        return NULL;
    }
    memcpy(thread->key, key->schedule, FAMA_AEAD_KEY_BYTES);
    thread->has_key = true;
    int len = 0;
    if (label->aad.len > 0 &&
        EVP_CipherUpdate(thread->context, NULL, &len, label->aad.at, (int)label->aad.len) != 1) {
        return NULL;
    }
    return thread->context;
}

static bool set(struct fama_aead_key *key, const uint8_t bytes[FAMA_AEAD_KEY_BYTES])
{
    memcpy(key->schedule, bytes, FAMA_AEAD_KEY_BYTES);
    return mine != NULL || make_mine() != NULL;
}

static bool add(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *at, size_t len)
{
    int written = 0;
    return len == 0 ||
           (EVP_CipherUpdate(context, out, &written, at, (int)len) == 1 && (size_t)written == len);
}

static bool seal(const struct fama_aead_key *key, const struct fama_aead_label *label,
                 const struct fama_bytes *pieces, size_t count, uint8_t *out,
                 uint8_t tag[FAMA_AEAD_TAG_BYTES])
{
    EVP_CIPHER_CTX *context = begin(key, label, true);
    if (context == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add(context, out, pieces[i].at, pieces[i].len)) {
            return false;
        }
        out += pieces[i].len;
    }
    int len = 0;
    uint8_t none[FAMA_AEAD_TAG_BYTES];
    return EVP_CipherFinal_ex(context, none, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, FAMA_AEAD_TAG_BYTES, tag) == 1;
}

static bool open_sealed(const struct fama_aead_key *key, const struct fama_aead_label *label,
                        struct fama_bytes sealed, const uint8_t tag[FAMA_AEAD_TAG_BYTES],
                        const struct fama_aead_space *spaces, size_t count)
{
    EVP_CIPHER_CTX *context = begin(key, label, false);
    if (context == NULL) {
        return false;
    }
    const uint8_t *at = sealed.at;
    for (size_t i = 0; i < count; i++) {
        if (!add(context, spaces[i].at, at, spaces[i].len)) {
            return false;
        }
        at += spaces[i].len;
    }
    /* The control takes what it only reads through a pointer to what it might write. */
    uint8_t wanted[FAMA_AEAD_TAG_BYTES];
    memcpy(wanted, tag, sizeof(wanted));
    int len = 0;
    uint8_t none[FAMA_AEAD_TAG_BYTES];
    /* In constant time: OpenSSL compares with CRYPTO_memcmp. */
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, FAMA_AEAD_TAG_BYTES, wanted) == 1 &&
           EVP_CipherFinal_ex(context, none, &len) == 1;
}

const struct fama_aead_engine *fama_aead_engine_openssl(void)
{
    static const struct fama_aead_engine engine = {
        .name = "openssl", .set = set, .seal = seal, .open = open_sealed};
    return &engine;
}
