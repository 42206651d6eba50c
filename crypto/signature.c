#include "crypto/signature.h"

/* The order of P-256 (SEC 2, secp256r1) and its half, rounded down; big-endian. */
static const uint8_t order[FAMA_SCALAR_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t half_order[FAMA_SCALAR_BYTES] = {
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
};

enum {
    TAG_INTEGER = 0x02,
    TAG_SEQUENCE = 0x30,
    /* Go refuses lengths that need more than this many bits, whatever follows. */
    LENGTH_LIMIT = 1 << 23,
};

static bool is_zero(const uint8_t scalar[FAMA_SCALAR_BYTES])
{
    uint8_t any = 0;
    for (size_t i = 0; i < FAMA_SCALAR_BYTES; i++) {
        any |= scalar[i];
    }
    return any == 0;
}

static int check(const struct fama_signature *signature)
{
    if (is_zero(signature->r) || is_zero(signature->s) ||
        memcmp(signature->r, order, FAMA_SCALAR_BYTES) >= 0 ||
        memcmp(signature->s, order, FAMA_SCALAR_BYTES) >= 0) {
        return FAMA_SIGNATURE_OUT_OF_RANGE;
    }
    if (memcmp(signature->s, half_order, FAMA_SCALAR_BYTES) > 0) {
        return FAMA_SIGNATURE_HIGH_S;
    }
    return 0;
}

/* Takes one element with this tag off the front of `input`. Lengths must be definite and as short
 * as they can be (X.690 §10.1). */
static bool take_element(struct fama_bytes *input, uint8_t tag, struct fama_bytes *content)
{
    if (input->len < 2 || input->at[0] != tag) {
        return false;
    }
    size_t len = input->at[1];
    size_t header = 2;
    if (len >= 0x80) {
        size_t octets = len & 0x7f;
        if (octets == 0 || octets > input->len - 2) {
            return false;
        }
        len = 0;
        for (; octets > 0; octets--) {
            if (len >= LENGTH_LIMIT) {
                return false;
            }
            len = len << 8 | input->at[header++];
            if (len == 0) {
                return false;
            }
        }
        if (len < 0x80) {
            return false;
        }
    }
    if (len > input->len - header) {
        return false;
    }
    *content = fama_bytes(input->at + header, len);
    *input = fama_bytes(input->at + header + len, input->len - header - len);
    return true;
}

/* Takes a non-negative INTEGER of any size, in as few octets as it needs (none for zero). */
static bool take_number(struct fama_bytes *input, struct fama_bytes *number)
{
    if (!take_element(input, TAG_INTEGER, number) || number->len == 0 ||
        (number->at[0] & 0x80) != 0) {
        return false;
    }
    if (number->at[0] == 0) {
        if (number->len > 1 && (number->at[1] & 0x80) == 0) {
            return false;
        }
        *number = fama_bytes(number->at + 1, number->len - 1);
    }
    return true;
}

int fama_signature_split(struct fama_bytes der, struct fama_bytes *r, struct fama_bytes *s)
{
    struct fama_bytes sequence;
    if (!take_element(&der, TAG_SEQUENCE, &sequence) || !take_number(&sequence, r) ||
        !take_number(&sequence, s)) {
        return FAMA_SIGNATURE_MALFORMED;
    }
    return r->len == 0 || s->len == 0 ? FAMA_SIGNATURE_OUT_OF_RANGE : 0;
}

static void put_number(struct fama_bytes number, uint8_t scalar[FAMA_SCALAR_BYTES])
{
    memset(scalar, 0, FAMA_SCALAR_BYTES);
    memcpy(scalar + FAMA_SCALAR_BYTES - number.len, number.at, number.len);
}

int fama_signature_from_der(struct fama_bytes der, struct fama_signature *signature)
{
    struct fama_bytes r;
    struct fama_bytes s;
    int result = fama_signature_split(der, &r, &s);
    if (result != 0) {
        return result;
    }
    if (r.len > FAMA_SCALAR_BYTES || s.len > FAMA_SCALAR_BYTES) {
        return FAMA_SIGNATURE_OUT_OF_RANGE;
    }
    put_number(r, signature->r);
    put_number(s, signature->s);
    return check(signature);
}

int fama_signature_from_raw(const uint8_t raw[FAMA_SIGNATURE_BYTES],
                            struct fama_signature *signature)
{
    memcpy(signature->r, raw, FAMA_SCALAR_BYTES);
    memcpy(signature->s, raw + FAMA_SCALAR_BYTES, FAMA_SCALAR_BYTES);
    return check(signature);
}

void fama_signature_make_low_s(struct fama_signature *signature)
{
    if (memcmp(signature->s, half_order, FAMA_SCALAR_BYTES) <= 0) {
        return;
    }
    int borrow = 0;
    for (size_t i = FAMA_SCALAR_BYTES; i-- > 0;) {
        int difference = order[i] - signature->s[i] - borrow;
        borrow = difference < 0;
        signature->s[i] = (uint8_t)(difference + (borrow ? 256 : 0));
    }
}

static size_t put_scalar(const uint8_t scalar[FAMA_SCALAR_BYTES], uint8_t *der)
{
    size_t skipped = 0;
    while (skipped < FAMA_SCALAR_BYTES - 1 && scalar[skipped] == 0) {
        skipped++;
    }
    size_t len = FAMA_SCALAR_BYTES - skipped;
    size_t padding = (scalar[skipped] & 0x80) != 0 ? 1 : 0;
    der[0] = TAG_INTEGER;
    der[1] = (uint8_t)(len + padding);
    der[2] = 0;
    memcpy(der + 2 + padding, scalar + skipped, len);
    return 2 + padding + len;
}

size_t fama_signature_to_der(const struct fama_signature *signature,
                             uint8_t der[FAMA_SIGNATURE_DER_MAX])
{
    size_t len = put_scalar(signature->r, der + 2);
    len += put_scalar(signature->s, der + 2 + len);
    der[0] = TAG_SEQUENCE;
    der[1] = (uint8_t)len;
    return 2 + len;
}

void fama_signature_to_raw(const struct fama_signature *signature,
                           uint8_t raw[FAMA_SIGNATURE_BYTES])
{
    memcpy(raw, signature->r, FAMA_SCALAR_BYTES);
    memcpy(raw + FAMA_SCALAR_BYTES, signature->s, FAMA_SCALAR_BYTES);
}
