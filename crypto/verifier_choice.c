#include "crypto/verifier_choice.h"

#include <pthread.h>

#include "crypto/hot_keys.h"

static const struct {
    const char *name;
    const struct fama_p256_engine *engine; /* NULL: OpenSSL, or not in this build */
} implementations[FAMA_VERIFIER_IMPLEMENTATIONS] = {
    [FAMA_VERIFIER_AUTO] = {"auto", NULL},
    [FAMA_VERIFIER_OPENSSL] = {"openssl", NULL},
    [FAMA_VERIFIER_PORTABLE] = {"portable", &fama_p256_engine_portable},
#if defined(__x86_64__)
    [FAMA_VERIFIER_MULX] = {"mulx", &fama_p256_engine_mulx},
    [FAMA_VERIFIER_IFMA] = {"avx512ifma", &fama_p256_engine_ifma},
#else
    [FAMA_VERIFIER_MULX] = {"mulx", NULL},
    [FAMA_VERIFIER_IFMA] = {"avx512ifma", NULL},
#endif
};

/* Everything that is decided once for the process. */
static struct {
    pthread_mutex_t lock;
    enum fama_verifier_implementation chosen;
    size_t hot_keys_bytes;
    bool is_in_use;
    struct fama_hot_keys *hot_keys[FAMA_VERIFIER_IMPLEMENTATIONS]; /* never freed */
} process = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .chosen = FAMA_VERIFIER_AUTO,
    .hot_keys_bytes = FAMA_HOT_KEYS_BYTES_DEFAULT,
};

static bool is_known(enum fama_verifier_implementation implementation)
{
    return (unsigned)implementation < FAMA_VERIFIER_IMPLEMENTATIONS;
}

const char *fama_verifier_name(enum fama_verifier_implementation implementation)
{
    return is_known(implementation) ? implementations[implementation].name : "unknown";
}

bool fama_verifier_is_supported(enum fama_verifier_implementation implementation)
{
    if (!is_known(implementation)) {
        return false;
    }
    const struct fama_p256_engine *engine = implementations[implementation].engine;
    return implementation <= FAMA_VERIFIER_OPENSSL || (engine != NULL && engine->is_supported());
}

static enum fama_verifier_implementation resolve(enum fama_verifier_implementation implementation)
{
    if (implementation == FAMA_VERIFIER_AUTO) {
        implementation = FAMA_VERIFIER_IFMA;
        while (!fama_verifier_is_supported(implementation)) {
            implementation--;
        }
    }
    return implementation;
}

int fama_verifier_choose(enum fama_verifier_implementation implementation, size_t hot_keys_bytes,
                         struct fama_error *error)
{
    if (!fama_verifier_is_supported(implementation)) {
        return fama_error_set(error, FAMA_VERIFIER_UNSUPPORTED,
                              "this processor or build cannot verify signatures with %s: choose "
                              "auto, which takes the fastest it can (%s)",
                              fama_verifier_name(implementation),
                              fama_verifier_name(resolve(FAMA_VERIFIER_AUTO)));
    }
    (void)pthread_mutex_lock(&process.lock);
    bool is_same = process.chosen == implementation && process.hot_keys_bytes == hot_keys_bytes;
    bool is_late = process.is_in_use && !is_same;
    if (!is_late) {
        process.chosen = implementation;
        process.hot_keys_bytes = hot_keys_bytes;
    }
    (void)pthread_mutex_unlock(&process.lock);
    return is_late ? fama_error_set(error, FAMA_VERIFIER_TOO_LATE,
                                    "signatures have been verified already: choose how before")
                   : 0;
}

enum fama_verifier_implementation fama_verifier_chosen(void)
{
    (void)pthread_mutex_lock(&process.lock);
    process.is_in_use = true;
    enum fama_verifier_implementation chosen = process.chosen;
    (void)pthread_mutex_unlock(&process.lock);
    return resolve(chosen);
}

struct fama_hot_keys *fama_verifier_hot_keys(enum fama_verifier_implementation implementation)
{
    if (!fama_verifier_is_supported(implementation) ||
        implementations[implementation].engine == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&process.lock);
    process.is_in_use = true;
    struct fama_hot_keys **table = &process.hot_keys[implementation];
    if (*table == NULL) {
        *table =
            fama_hot_keys_create(implementations[implementation].engine, process.hot_keys_bytes);
    }
    (void)pthread_mutex_unlock(&process.lock);
    return *table;
}
