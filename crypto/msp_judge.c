#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/msp_inside.h"
#include "crypto/public_key.h"

/* A matter of Fabric's release, not of the channel: 2.x makes no identity of an Ed25519 key. As 3.x
 * does in every channel, and 2.x stops where one is configured, 3.x is followed. */
int fama_msp_read_key(const struct fama_certificate *certificate, struct fama_public_key **key,
                      struct fama_error *error)
{
    if (!fama_certificate_public_key(certificate, key)) {
        return fama_msp_no_memory(error);
    }
    if (*key == NULL) {
        return fama_error_set(
            error, FAMA_MSP_BAD_CERTIFICATE,
            "the public key of %s is neither ECDSA on a NIST curve nor Ed25519 nor RSA",
            certificate->common_name);
    }
    return 0;
}

bool fama_msp_has_node_ou(const struct fama_msp *msp, const struct fama_certificate *certificate,
                          enum fama_node_ou role)
{
    return msp->node_ous_enforced && msp->node_ous[role].is_present &&
           fama_certificate_has_ou(certificate, msp->node_ous[role].text);
}

static int check_listed_unit(const struct fama_msp *msp, const struct fama_certificate *certificate,
                             const uint8_t *certifiers, struct fama_error *error)
{
    if (msp->unit_count == 0) {
        return 0;
    }
    for (size_t i = 0; i < msp->unit_count; i++) {
        if (memcmp(msp->units[i].certifiers, certifiers, msp->identity_hash_bytes) == 0 &&
            fama_certificate_has_ou(certificate, msp->units[i].text)) {
            return 0;
        }
    }
    return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                          "%s has none of the organizational units that %s asks for",
                          certificate->common_name, msp->id);
}

/* Of two roles with one name the later counts, as in Fabric's map of names; but before version
 * 1.4.3 the earlier. */
static const struct fama_msp_unit *role_of(const struct fama_msp *msp, struct fama_bytes ou)
{
    const struct fama_msp_unit *role = NULL;
    for (size_t i = 0; i < FAMA_NODE_OUS; i++) {
        if (msp->node_ous[i].is_present && fama_bytes_equal(ou, msp->node_ous[i].text) &&
            (role == NULL || msp->version >= FAMA_MSP_V1_4_3)) {
            role = &msp->node_ous[i];
        }
    }
    return role;
}

static int check_node_ou(const struct fama_msp *msp, const struct fama_certificate *certificate,
                         const uint8_t *certifiers, struct fama_error *error)
{
    if (!msp->node_ous_enforced) {
        return 0;
    }
    size_t roles = 0;
    for (size_t i = 0; i < certificate->ou_count; i++) {
        const struct fama_msp_unit *role = role_of(msp, certificate->ous[i]);
        if (role == NULL) {
            continue;
        }
        if (role->is_bound && memcmp(role->certifiers, certifiers, msp->identity_hash_bytes) != 0) {
            return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                                  "the role of %s is not certified by the CA that %s names for it",
                                  certificate->common_name, msp->id);
        }
        roles++;
    }
    if (roles != 1) {
        return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                              "%s must have exactly one of the organizational units %s; it has %zu",
                              certificate->common_name,
                              msp->version >= FAMA_MSP_V1_4_3 ? "client, peer, admin, orderer"
                                                              : "client, peer",
                              roles);
    }
    return 0;
}

/* Whether members may have keys of this kind, which authorities may have in any case. Fabric 3.x
 * would refuse RSA keys of members in older channels too; as they sign nothing in any release, this
 * says something only of administrators in a configuration, and there 2.x is followed. Asked of the
 * certificate, because administrators are judged too and have no decoded key. */
static int check_identifies(const struct fama_msp *msp, const struct fama_certificate *certificate,
                            struct fama_error *error)
{
    ASN1_OBJECT *kind = NULL;
    X509_PUBKEY_get0_param(&kind, NULL, NULL, NULL, X509_get_X509_PUBKEY(certificate->x509));
    int nid = OBJ_obj2nid(kind);
    if (nid == NID_rsaEncryption && msp->version >= FAMA_MSP_V3_0) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "%s has an RSA key, which identifies nobody from version 3.0 on",
                              certificate->common_name);
    }
    if (nid == NID_ED25519 && msp->version < FAMA_MSP_V3_0) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "%s has an Ed25519 key; such members need a channel of capability "
                              "V3_0",
                              certificate->common_name);
    }
    return 0;
}

static unsigned int bit_if(bool holds, enum fama_msp_role role)
{
    return holds ? 1u << role : 0;
}

/* Which ROLE principals of this MSP hold, given whether the certificate is valid. A listed
 * administrator needs no validity: it may be revoked by now. */
static unsigned int roles_of(const struct fama_msp *msp, const struct fama_certificate *certificate,
                             bool is_valid)
{
    bool is_listed = fama_msp_contains(&msp->admins, certificate);
    bool knows_all = msp->version >= FAMA_MSP_V1_4_3;
    bool has[FAMA_NODE_OUS];
    for (int i = 0; i < FAMA_NODE_OUS; i++) {
        has[i] = is_valid && fama_msp_has_node_ou(msp, certificate, (enum fama_node_ou)i);
    }
    return bit_if(is_valid, FAMA_MSP_ROLE_MEMBER) |
           bit_if(has[FAMA_NODE_CLIENT], FAMA_MSP_ROLE_CLIENT) |
           bit_if(has[FAMA_NODE_PEER], FAMA_MSP_ROLE_PEER) |
           bit_if(is_listed || (knows_all && has[FAMA_NODE_ADMIN]), FAMA_MSP_ROLE_ADMIN) |
           bit_if(knows_all && has[FAMA_NODE_ORDERER], FAMA_MSP_ROLE_ORDERER);
}

void fama_msp_judge(const struct fama_msp *msp, const struct fama_certificate *certificate,
                    struct fama_msp_judgement *judgement, struct fama_error *error)
{
    *judgement = (struct fama_msp_judgement){0};
    struct fama_chain chain = {.length = 0};
    int result = check_identifies(msp, certificate, error);
    if (result == 0) {
        result = fama_msp_find_identity_chain(msp, certificate, &chain, error);
    }
    if (result == 0) {
        result = fama_msp_check_not_revoked(msp, &chain, error);
    }
    if (result == 0 && !fama_msp_hash_chain(msp, &chain, 1, judgement->certifiers)) {
        result = fama_msp_no_memory(error);
    }
    if (result == 0) {
        judgement->certifier_len = msp->identity_hash_bytes;
        result = check_listed_unit(msp, certificate, judgement->certifiers, error);
    }
    if (result == 0) {
        result = check_node_ou(msp, certificate, judgement->certifiers, error);
    }
    ERR_clear_error();
    judgement->validity = result;
    judgement->roles = roles_of(msp, certificate, result == 0);
}
