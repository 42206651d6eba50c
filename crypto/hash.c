#include "crypto/hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/sha256.h"

enum fama_hash fama_hash_of_name(struct fama_bytes name)
{
    static const struct {
        const char *name;
        enum fama_hash hash;
    } names[] = {
        {"", FAMA_HASH_SHA256},           {"SHA256", FAMA_HASH_SHA256},
        {"SHA384", FAMA_HASH_SHA384},     {"SHA3_256", FAMA_HASH_SHA3_256},
        {"SHA3_384", FAMA_HASH_SHA3_384},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fama_bytes_equal_text(name, names[i].name)) {
            return names[i].hash;
        }
    }
    return FAMA_HASH_NONE;
}

static const EVP_MD *algorithm_of(enum fama_hash hash)
{
    switch (hash) {
    case FAMA_HASH_NONE:
        return NULL;
    case FAMA_HASH_SHA256:
        return EVP_sha256();
    case FAMA_HASH_SHA384:
        return EVP_sha384();
    case FAMA_HASH_SHA3_256:
        return EVP_sha3_256();
    case FAMA_HASH_SHA3_384:
        return EVP_sha3_384();
    }
    return NULL;
}

size_t fama_hash_parts(enum fama_hash hash, const struct fama_bytes *parts, size_t count,
                       uint8_t digest[FAMA_HASH_BYTES_MAX])
{
    if (hash == FAMA_HASH_SHA256) {
        fama_sha256_parts(parts, count, digest);
        return FAMA_SHA256_BYTES;
    }
    const EVP_MD *algorithm = algorithm_of(hash);
    EVP_MD_CTX *context = algorithm != NULL ? EVP_MD_CTX_new() : NULL;
    unsigned int len = 0;
    bool is_done = context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) == 1;
    for (size_t i = 0; is_done && i < count; i++) {
        is_done = parts[i].len == 0 || EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1;
    }
    is_done = is_done && EVP_DigestFinal_ex(context, digest, &len) == 1;
    EVP_MD_CTX_free(context);
    if (!is_done) {
        ERR_clear_error();
        return 0;
    }
    return len;
}
