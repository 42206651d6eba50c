#include "crypto/cookie.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "crypto/sha256.h"

static bool fill(uint8_t secret[FAMA_COOKIE_SECRET_BYTES])
{
    bool is_filled = RAND_bytes(secret, FAMA_COOKIE_SECRET_BYTES) == 1;
    if (!is_filled) {
        ERR_clear_error();
    }
    return is_filled;
}

bool fama_cookie_jar_open(struct fama_cookie_jar *jar, uint64_t now_ns)
{
    jar->turned_ns = now_ns;
    return fill(jar->secrets[0]) && fill(jar->secrets[1]);
}

void fama_cookie_jar_close(struct fama_cookie_jar *jar)
{
    OPENSSL_cleanse(jar, sizeof *jar);
}

/* Without random bytes the old secret stays; it is a secret still. */
static void turn(struct fama_cookie_jar *jar, uint64_t now_ns)
{
    if (now_ns - jar->turned_ns < FAMA_COOKIE_TURN_NS || now_ns < jar->turned_ns) {
        return;
    }
    uint8_t fresh[2][FAMA_COOKIE_SECRET_BYTES];
    if (fill(fresh[0]) && fill(fresh[1])) {
        bool is_long_ago = now_ns - jar->turned_ns >= 2 * (uint64_t)FAMA_COOKIE_TURN_NS;
        memcpy(jar->secrets[1], is_long_ago ? fresh[1] : jar->secrets[0], sizeof jar->secrets[1]);
        memcpy(jar->secrets[0], fresh[0], sizeof jar->secrets[0]);
        jar->turned_ns = now_ns;
    }
    OPENSSL_cleanse(fresh, sizeof fresh);
}

static bool bake(const uint8_t secret[FAMA_COOKIE_SECRET_BYTES], struct fama_bytes what,
                 uint8_t cookie[FAMA_COOKIE_BYTES])
{
    uint8_t digest[FAMA_SHA256_BYTES];
    unsigned int len = sizeof digest;
    if (HMAC(EVP_sha256(), secret, FAMA_COOKIE_SECRET_BYTES, what.at, what.len, digest, &len) ==
        NULL) {
        ERR_clear_error();
        return false;
    }
    memcpy(cookie, digest, FAMA_COOKIE_BYTES);
    return true;
}

bool fama_cookie_make(struct fama_cookie_jar *jar, uint64_t now_ns, struct fama_bytes what,
                      uint8_t cookie[FAMA_COOKIE_BYTES])
{
    turn(jar, now_ns);
    return bake(jar->secrets[0], what, cookie);
}

bool fama_cookie_is_good(struct fama_cookie_jar *jar, uint64_t now_ns, struct fama_bytes what,
                         const uint8_t cookie[FAMA_COOKIE_BYTES])
{
    turn(jar, now_ns);
    bool is_good = false;
    for (size_t i = 0; i < 2; i++) {
        uint8_t wanted[FAMA_COOKIE_BYTES];
        if (bake(jar->secrets[i], what, wanted) &&
            CRYPTO_memcmp(wanted, cookie, FAMA_COOKIE_BYTES) == 0) {
            is_good = true;
        }
    }
    return is_good;
}
