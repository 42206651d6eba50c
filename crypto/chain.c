#include "crypto/chain.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/msp.h"
#include "crypto/name_constraints.h"

/* One search, depth first from the first certificate up. */
struct search {
    const struct fama_chain_authorities *authorities;
    time_t at;
    struct fama_chain path;
    struct fama_chain found; /* the last complete chain */
    size_t found_count;
    size_t signatures_checked;
    const char *obstacle; /* the last reason why a path ended */
    bool gave_up;
};

static bool same_public_key(const struct fama_certificate *a, const struct fama_certificate *b)
{
    return EVP_PKEY_eq(X509_get0_pubkey(a->x509), X509_get0_pubkey(b->x509)) == 1;
}

/* Value of the alternative names as they stand in the certificate; `at` is NULL when there are
 * none. */
static struct fama_bytes alternative_names(const struct fama_certificate *certificate)
{
    int index = X509_get_ext_by_NID(certificate->x509, NID_subject_alt_name, -1);
    if (index < 0) {
        return fama_bytes(NULL, 0);
    }
    const ASN1_OCTET_STRING *value =
        X509_EXTENSION_get_data(X509_get_ext(certificate->x509, index));
    return fama_bytes(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

/* Go tells authorities on a path apart by subject, key and alternative names, and stops comparing
 * at the first of which only one has such names. */
static bool is_on_path(const struct fama_chain *path, const struct fama_certificate *candidate)
{
    struct fama_bytes names = alternative_names(candidate);
    for (size_t i = 0; i < path->length; i++) {
        if (!fama_bytes_equal(fama_certificate_subject(path->certificates[i]),
                              fama_certificate_subject(candidate)) ||
            !same_public_key(path->certificates[i], candidate)) {
            continue;
        }
        struct fama_bytes others = alternative_names(path->certificates[i]);
        if ((others.at == NULL) != (names.at == NULL)) {
            return false;
        }
        if (fama_bytes_equal(names, others)) {
            return true;
        }
    }
    return false;
}

/* Go understands alternative names only if there is a host name, mail address, IP address or URI.
 */
static bool has_known_alternative_name(const X509 *x509)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    bool has_known = false;
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;
        has_known = has_known || type == GEN_DNS || type == GEN_EMAIL || type == GEN_IPADD ||
                    type == GEN_URI;
    }
    GENERAL_NAMES_free(names);
    return has_known;
}

static bool has_unknown_critical_extension(const X509 *x509)
{
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        if (X509_EXTENSION_get_critical(extension) == 0) {
            continue;
        }
        switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
        case NID_subject_alt_name:
            if (!has_known_alternative_name(x509)) {
                return true;
            }
            break;
        case NID_subject_key_identifier:
        case NID_key_usage:
        case NID_basic_constraints:
        case NID_name_constraints:
        case NID_crl_distribution_points:
        case NID_certificate_policies:
        case NID_authority_key_identifier:
        case NID_ext_key_usage:
        case NID_info_access:
            break;
        default:
            return true;
        }
    }
    return false;
}

static bool has_extension(const X509 *x509, int nid)
{
    return X509_get_ext_by_NID(x509, nid, -1) >= 0;
}

/* Whether this certificate may stand above the path, or, on an empty path, at its beginning. */
static bool is_valid_here(struct search *search, const struct fama_certificate *certificate)
{
    if (has_unknown_critical_extension(certificate->x509)) {
        search->obstacle = "it has a critical extension that is not understood";
        return false;
    }
    if (search->at < certificate->not_before || search->at > certificate->not_after) {
        search->obstacle = "it was made outside the validity period of a certificate in its chain";
        return false;
    }
    if (search->path.length == 0) {
        return true;
    }
    if (!certificate->is_ca) {
        search->obstacle = "its issuer is not a CA";
        return false;
    }
    long allowed = X509_get_pathlen(certificate->x509);
    if (allowed >= 0 && (long)(search->path.length - 1) > allowed) {
        search->obstacle = "a path length constraint in its chain is exceeded";
        return false;
    }
    if (!fama_name_constraints_hold(certificate, &search->path)) {
        search->obstacle = "a name constraint in its chain does not allow it";
        return false;
    }
    return true;
}

static bool is_trusted_algorithm(int nid)
{
    switch (nid) {
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_rsassaPss:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
    case NID_ED25519:
        return true;
    default:
        return false;
    }
}

static bool is_signed_by(struct search *search, const struct fama_certificate *certificate,
                         const struct fama_certificate *issuer)
{
    if (search->signatures_checked++ >= FAMA_CHAIN_SIGNATURES_MAX) {
        search->obstacle = "too many certificates have its issuer's name";
        search->gave_up = true;
        return false;
    }
    uint32_t usage = X509_get_key_usage(issuer->x509);
    if (!has_extension(issuer->x509, NID_basic_constraints) || !issuer->is_ca ||
        (usage != UINT32_MAX && usage != 0 && (usage & KU_KEY_CERT_SIGN) == 0)) {
        search->obstacle = "its issuer may not sign certificates";
        return false;
    }
    if (!is_trusted_algorithm(X509_get_signature_nid(certificate->x509)) ||
        X509_verify(certificate->x509, X509_get0_pubkey(issuer->x509)) != 1) {
        search->obstacle = "its issuer's signature on it is bad or of a weak kind";
        return false;
    }
    return true;
}

/* Absent, or it names server authentication or any purpose: what Go asks for when not told
 * otherwise. */
static bool allows_default_usage(const struct fama_certificate *certificate)
{
    if (!has_extension(certificate->x509, NID_ext_key_usage)) {
        return true;
    }
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate->x509, NID_ext_key_usage, NULL, NULL);
    bool allows = usages != NULL && sk_ASN1_OBJECT_num(usages) == 0;
    for (int i = 0; usages != NULL && i < sk_ASN1_OBJECT_num(usages); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));
        allows = allows || nid == NID_server_auth || nid == NID_anyExtendedKeyUsage;
    }
    EXTENDED_KEY_USAGE_free(usages);
    return allows;
}

static void accept(struct search *search)
{
    for (size_t i = 0; i < search->path.length; i++) {
        if (!allows_default_usage(search->path.certificates[i])) {
            search->obstacle = "the extended key usage in its chain excludes server authentication";
            return;
        }
    }
    search->found = search->path;
    search->found_count++;
}

static void climb(struct search *search)
{
    const struct fama_certificate *top = search->path.certificates[search->path.length - 1];
    if (search->path.length == FAMA_CHAIN_MAX) {
        search->obstacle = "its chain is too long";
        return;
    }
    const struct fama_chain_authorities *authorities = search->authorities;
    size_t candidates = authorities->root_count + authorities->intermediate_count;
    for (size_t i = 0; i < candidates && !search->gave_up; i++) {
        bool is_root = i < authorities->root_count;
        const struct fama_certificate *candidate =
            is_root ? authorities->roots[i]
                    : authorities->intermediates[i - authorities->root_count];
        if (!fama_bytes_equal(fama_certificate_issuer(top), fama_certificate_subject(candidate)) ||
            is_on_path(&search->path, candidate) || !is_signed_by(search, top, candidate) ||
            !is_valid_here(search, candidate)) {
            continue;
        }
        search->path.certificates[search->path.length++] = candidate;
        if (is_root) {
            accept(search);
        } else {
            climb(search);
        }
        search->path.length--;
    }
}

static bool is_root(const struct fama_chain_authorities *authorities,
                    const struct fama_certificate *certificate)
{
    for (size_t i = 0; i < authorities->root_count; i++) {
        if (fama_certificate_equal(authorities->roots[i], certificate)) {
            return true;
        }
    }
    return false;
}

/* A certificate without alternative names whose common name looks like a host name could escape an
 * authority's name constraints; Fabric refuses it under any such authority. */
static bool looks_like_host_name(const char *name)
{
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.') {
        len--;
    }
    if (len == 0) {
        return false;
    }
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            continue;
        }
        if (!is_letter && !is_digit && c != '_' && c != ':' && !(c == '-' && label > 0) &&
            !(c == '*' && i == 0 && (len == 1 || name[1] == '.'))) {
            return false;
        }
        label++;
    }
    return label > 0;
}

static bool legacy_name_is_safe(const struct fama_chain *chain)
{
    const struct fama_certificate *first = chain->certificates[0];
    if (chain->length < 2 || has_extension(first->x509, NID_subject_alt_name) ||
        !looks_like_host_name(first->common_name)) {
        return true;
    }
    for (size_t i = 1; i < chain->length; i++) {
        if (has_extension(chain->certificates[i]->x509, NID_name_constraints)) {
            return false;
        }
    }
    return true;
}

int fama_chain_find(const struct fama_chain_authorities *authorities,
                    const struct fama_certificate *first, struct fama_chain *chain,
                    struct fama_error *error)
{
    struct search search = {
        .authorities = authorities,
        .at = first->not_before + 1,
        .obstacle = "none of the MSP's CAs has its issuer's name",
    };
    if (is_valid_here(&search, first)) {
        search.path.certificates[search.path.length++] = first;
        if (is_root(authorities, first)) {
            accept(&search);
        } else {
            climb(&search);
        }
    }
    ERR_clear_error();
    if (search.found_count == 1 && !legacy_name_is_safe(&search.found)) {
        search.found_count = 0;
        search.obstacle = "it has no alternative names and a CA in its chain has name constraints";
    }
    if (search.found_count == 1) {
        *chain = search.found;
        return 0;
    }
    return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                          "no single chain leads from %s to a root CA: %s",
                          first->common_name[0] != '\0' ? first->common_name : "the certificate",
                          search.found_count > 1 ? "there are several" : search.obstacle);
}
