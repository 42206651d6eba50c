#include "crypto/principal.h"

#include <stdlib.h>

#include "crypto/identity_parts.h"
#include "crypto/msp_inside.h"
#include "crypto/pem.h"

static bool is_own_msp(const struct fama_msp *msp, struct fama_bytes mspid)
{
    return mspid.len == msp->id_len && memcmp(mspid.at, msp->id, mspid.len) == 0;
}

static bool has_role(const struct fama_identity *identity, int32_t role)
{
    return role >= FAMA_MSP_ROLE_MEMBER && role <= FAMA_MSP_ROLE_ORDERER &&
           (fama_identity_judgement(identity)->roles >> role & 1) != 0;
}

static bool has_unit(const struct fama_identity *identity, struct fama_bytes unit,
                     struct fama_bytes certifiers)
{
    const struct fama_msp_judgement *judgement = fama_identity_judgement(identity);
    return judgement->validity == 0 &&
           fama_bytes_equal(certifiers,
                            fama_bytes(judgement->certifiers, judgement->certifier_len)) &&
           fama_certificate_has_ou(fama_identity_certificate(identity), unit);
}

/* The long way: reads the text as an identity and compares what came of it. */
static bool becomes(const struct fama_identity *identity, struct fama_bytes text)
{
    struct fama_identity *other = NULL;
    bool is_same = fama_msp_deserialize(fama_identity_msp(identity), text, &other, NULL) == 0 &&
                   fama_certificate_equal(fama_identity_certificate(other),
                                          fama_identity_certificate(identity));
    fama_identity_release(other);
    return is_same;
}

/* Whether the text, read as an identity of the same MSP, is this one. Sanitizing changes nothing but
 * the issuer's signature, so most differences show without it. */
static bool is_text_of(const struct fama_identity *identity, struct fama_bytes text)
{
    if (fama_bytes_equal(text, fama_identity_id_bytes(identity))) {
        return true;
    }
    if (text.len > FAMA_CERTIFICATE_PEM_MAX) {
        return false;
    }
    uint8_t *buffer = malloc(text.len + 1);
    struct fama_pem_block block;
    struct fama_bytes own = fama_certificate_der(fama_identity_certificate(identity));
    struct fama_bytes rest = text;
    bool is_same = false;
    if (buffer != NULL && fama_pem_next(&rest, buffer, &block)) {
        is_same = fama_bytes_equal(block.content, own) ||
                  (fama_bytes_equal(fama_certificate_signed_part(block.content),
                                    fama_certificate_signed_part(own)) &&
                   becomes(identity, text));
    }
    free(buffer);
    return is_same;
}

static bool satisfies(const struct fama_identity *identity, const struct fama_principal *principal,
                      int depth)
{
    const struct fama_msp *msp = fama_identity_msp(identity);
    switch (principal->kind) {
    case FAMA_PRINCIPAL_ROLE:
        return is_own_msp(msp, principal->mspid) && has_role(identity, principal->role);
    case FAMA_PRINCIPAL_ORGANIZATION_UNIT:
        return is_own_msp(msp, principal->mspid) &&
               has_unit(identity, principal->unit, principal->certifiers);
    case FAMA_PRINCIPAL_IDENTITY:
        return is_own_msp(msp, principal->mspid) && is_text_of(identity, principal->id_bytes) &&
               fama_identity_validate(identity, NULL) == 0;
    case FAMA_PRINCIPAL_ANONYMITY:
        return msp->version >= FAMA_MSP_V1_3 && principal->anonymity == FAMA_PRINCIPAL_NOMINAL;
    case FAMA_PRINCIPAL_COMBINED:
        if (msp->version < FAMA_MSP_V1_3 || principal->combined_count == 0 || depth == 0) {
            return false;
        }
        for (size_t i = 0; i < principal->combined_count; i++) {
            if (!satisfies(identity, &principal->combined[i], depth - 1)) {
                return false;
            }
        }
        return true;
    case FAMA_PRINCIPAL_UNSATISFIABLE:
        return false;
    }
    return false;
}

bool fama_identity_satisfies(const struct fama_identity *identity,
                             const struct fama_principal *principal)
{
    return satisfies(identity, principal, FAMA_PRINCIPAL_DEPTH_MAX);
}
