/* Cookies: what an address has to bring back before anything is kept or sent on its behalf.
 *
 * A cookie is HMAC-SHA256 (RFC 2104), cut to 16 bytes, under a secret that only this node knows, of
 * whatever the caller wants bound together (a source address, who it claims to be, the attempt). Making
 * one keeps nothing. The secret changes every FAMA_COOKIE_TURN_NS; cookies of the one before are still
 * taken, so a cookie is good for at least one turn and at most two. The idea is RFC 6347 §4.2.1's.
 *
 * One thread. Adversary: whoever sends under another's address and never sees the answer. */
#ifndef FAMA_CRYPTO_COOKIE_H
#define FAMA_CRYPTO_COOKIE_H

#include "crypto/bytes.h"

#define FAMA_COOKIE_BYTES        16
#define FAMA_COOKIE_SECRET_BYTES 32
#define FAMA_COOKIE_TURN_NS      30000000000u

struct fama_cookie_jar {
    uint8_t secrets[2][FAMA_COOKIE_SECRET_BYTES]; /* the present one and the one before */
    uint64_t turned_ns;
};

/* False when OpenSSL has no random bytes. */
bool fama_cookie_jar_open(struct fama_cookie_jar *jar, uint64_t now_ns);
/* Wipes the secrets. */
void fama_cookie_jar_close(struct fama_cookie_jar *jar);

/* Both let the secret turn when it is time. False, and *cookie is not to be used, when OpenSSL fails. */
bool fama_cookie_make(struct fama_cookie_jar *jar, uint64_t now_ns, struct fama_bytes what,
                      uint8_t cookie[FAMA_COOKIE_BYTES]);
/* In a time that does not depend on the cookie. */
bool fama_cookie_is_good(struct fama_cookie_jar *jar, uint64_t now_ns, struct fama_bytes what,
                         const uint8_t cookie[FAMA_COOKIE_BYTES]);

#endif
