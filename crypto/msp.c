#include "crypto/msp.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/chain.h"
#include "crypto/identity_parts.h"
#include "crypto/msp_definition.h"
#include "crypto/pem.h"

/* More CAs, admins or lists than this in one MSP are a mistake or an attack. */
#define MSP_ENTRIES_MAX 1024

/* An organizational unit, perhaps bound to the CA that certifies it. */
struct unit {
    struct fama_bytes text; /* in the definition; empty: not configured */
    bool is_bound;
    uint8_t certifiers[FAMA_SHA256_BYTES];
};

enum node_ou { NODE_CLIENT, NODE_PEER, NODE_ADMIN, NODE_ORDERER, NODE_OUS };

struct certificates {
    struct fama_certificate **items;
    size_t count;
};

struct fama_msp {
    atomic_uint references;
    char *id;
    struct fama_msp_definition definition;
    struct certificates roots;
    struct certificates intermediates;
    struct certificates admins;
    /* Authorities above a configured intermediate: they issue CAs, not identities. Borrowed. */
    const struct fama_certificate **inner_nodes;
    size_t inner_node_count;
    X509_CRL **crls;
    size_t crl_count;
    struct unit *units;
    size_t unit_count;
    bool node_ous_enabled;
    struct unit node_ous[NODE_OUS];
};

static void free_certificates(struct certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++) {
        fama_certificate_free(certificates->items[i]);
    }
    free(certificates->items);
}

static void destroy(struct fama_msp *msp)
{
    free_certificates(&msp->roots);
    free_certificates(&msp->intermediates);
    free_certificates(&msp->admins);
    free(msp->inner_nodes);
    for (size_t i = 0; i < msp->crl_count; i++) {
        X509_CRL_free(msp->crls[i]);
    }
    free(msp->crls);
    free(msp->units);
    fama_msp_definition_free(&msp->definition);
    free(msp->id);
    free(msp);
}

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
}

static struct fama_chain_authorities authorities_of(const struct certificates *roots,
                                                    const struct certificates *intermediates)
{
    return (struct fama_chain_authorities){
        .roots = roots->items,
        .root_count = roots->count,
        .intermediates = intermediates->items,
        .intermediate_count = intermediates->count,
    };
}

static int find_chain(const struct fama_msp *msp, const struct fama_certificate *certificate,
                      struct fama_chain *chain, struct fama_error *error)
{
    struct fama_chain_authorities authorities = authorities_of(&msp->roots, &msp->intermediates);
    return fama_chain_find(&authorities, certificate, chain, error);
}

static bool contains(const struct certificates *certificates,
                     const struct fama_certificate *certificate)
{
    for (size_t i = 0; i < certificates->count; i++) {
        if (fama_certificate_equal(certificates->items[i], certificate)) {
            return true;
        }
    }
    return false;
}

/* Parses certificates of one kind; the same one twice counts once. */
static int read_certificates(const struct fama_bytes *pems, size_t count, const char *kind,
                             struct certificates *certificates, struct fama_error *error)
{
    if (count > MSP_ENTRIES_MAX) {
        return fama_error_set(error, FAMA_MSP_INVALID, "%zu %ss: at most %d are allowed", count,
                              kind, MSP_ENTRIES_MAX);
    }
    certificates->items = calloc(count + 1, sizeof(struct fama_certificate *));
    if (certificates->items == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        struct fama_certificate *certificate;
        int result = fama_certificate_from_pem(pems[i], &certificate, error);
        if (result != 0) {
            return fama_error_prefix(error,
                                     result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID,
                                     "%s %zu: ", kind, i + 1);
        }
        if (contains(certificates, certificate)) {
            fama_certificate_free(certificate);
        } else {
            certificates->items[certificates->count++] = certificate;
        }
    }
    return 0;
}

static bool is_self_signed_ca(const struct fama_certificate *certificate)
{
    return certificate->is_ca &&
           fama_bytes_equal(fama_certificate_issuer(certificate),
                            fama_certificate_subject(certificate)) &&
           X509_verify(certificate->x509, X509_get0_pubkey(certificate->x509)) == 1;
}

/* Gives a certificate its low-S form, and its chain. A self-signed CA comes first into its own
 * form, because a root is recognised by its octets. */
static int sanitize(const struct fama_msp *msp, struct fama_certificate *certificate,
                    struct fama_chain *chain, struct fama_error *error)
{
    bool has_two_forms = fama_certificate_is_ecdsa_signed(certificate);
    bool is_self_signed = has_two_forms && is_self_signed_ca(certificate);
    int result = is_self_signed ? fama_certificate_sanitize(certificate, certificate) : 0;
    if (result == 0) {
        result = find_chain(msp, certificate, chain, error);
        if (result != 0) {
            return result;
        }
        if (has_two_forms && !is_self_signed && chain->length > 1) {
            result = fama_certificate_sanitize(certificate, chain->certificates[1]);
        }
    }
    if (result != 0) {
        return fama_error_set(error, result, "the issuer's signature on %s is malformed",
                              certificate->common_name);
    }
    return 0;
}

static bool is_inner_node(const struct fama_msp *msp, const struct fama_certificate *certificate)
{
    for (size_t i = 0; i < msp->inner_node_count; i++) {
        if (fama_certificate_equal(msp->inner_nodes[i], certificate)) {
            return true;
        }
    }
    return false;
}

/* SHA-256 over the DER of the chain from `first` up: Fabric's certifiersIdentifier. */
static void hash_chain(const struct fama_chain *chain, size_t first,
                       uint8_t digest[FAMA_SHA256_BYTES])
{
    struct fama_bytes parts[FAMA_CHAIN_MAX];
    size_t count = 0;
    for (size_t i = first; i < chain->length; i++) {
        parts[count++] = fama_certificate_der(chain->certificates[i]);
    }
    fama_sha256_parts(parts, count, digest);
}

static bool lists_serial(X509_CRL *crl, const ASN1_INTEGER *serial)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)),
                             serial) == 0) {
            return true;
        }
    }
    return false;
}

/* Only lists of the direct issuer count, found by their authority key id; dates in them do not. */
static int check_not_revoked(const struct fama_msp *msp, const struct fama_chain *chain,
                             struct fama_error *error)
{
    const struct fama_certificate *certificate = chain->certificates[0];
    const struct fama_certificate *issuer = chain->certificates[1];
    struct fama_bytes issuer_id = fama_certificate_key_id(issuer);
    if (issuer_id.len == 0) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "the CA %s has no subject key identifier, so revocation of %s cannot "
                              "be judged",
                              issuer->common_name, certificate->common_name);
    }
    for (size_t i = 0; i < msp->crl_count; i++) {
        AUTHORITY_KEYID *aki =
            X509_CRL_get_ext_d2i(msp->crls[i], NID_authority_key_identifier, NULL, NULL);
        if (aki == NULL) {
            return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                                  "revocation list %zu of %s has no authority key identifier; "
                                  "replace it with one that has",
                                  i + 1, msp->id);
        }
        /* One that names its issuer in another way than by key is nobody's here. */
        bool is_issuers = aki->keyid != NULL &&
                          fama_bytes_equal(fama_bytes(ASN1_STRING_get0_data(aki->keyid),
                                                      (size_t)ASN1_STRING_length(aki->keyid)),
                                           issuer_id);
        AUTHORITY_KEYID_free(aki);
        if (is_issuers && lists_serial(msp->crls[i], X509_get0_serialNumber(certificate->x509)) &&
            X509_CRL_verify(msp->crls[i], X509_get0_pubkey(issuer->x509)) == 1) {
            return fama_error_set(error, FAMA_MSP_REVOKED, "the certificate of %s is revoked by %s",
                                  certificate->common_name, issuer->common_name);
        }
    }
    return 0;
}

/* A chain of more than the certificate itself, whose issuer is one that issues identities. */
static int find_identity_chain(const struct fama_msp *msp,
                               const struct fama_certificate *certificate, struct fama_chain *chain,
                               struct fama_error *error)
{
    int result = find_chain(msp, certificate, chain, error);
    if (result != 0) {
        return result;
    }
    if (chain->length < 2 || is_inner_node(msp, chain->certificates[1])) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "%s was not issued by a CA of %s that issues identities",
                              certificate->common_name, msp->id);
    }
    return 0;
}

/* Every CA must be one, be recognisable by its key, chain up, and not be revoked. */
static int check_authority(const struct fama_msp *msp,
                           const struct fama_chain_authorities *authorities,
                           const struct fama_certificate *certificate, struct fama_chain *chain,
                           struct fama_error *error)
{
    if (!certificate->is_ca) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "%s is listed as a CA but its certificate has no CA flag",
                              certificate->common_name);
    }
    if (fama_certificate_key_id(certificate).len == 0) {
        return fama_error_set(error, FAMA_MSP_INVALID, "the CA %s has no subject key identifier",
                              certificate->common_name);
    }
    int result = fama_chain_find(authorities, certificate, chain, error);
    if (result == 0 && chain->length > 1) {
        result = check_not_revoked(msp, chain, error);
    }
    return result == 0 ? 0 : FAMA_MSP_INVALID;
}

static int check_authorities(const struct fama_msp *msp, const struct certificates *roots,
                             const struct certificates *intermediates, struct fama_error *error)
{
    struct fama_chain_authorities authorities = authorities_of(roots, intermediates);
    struct fama_chain chain;
    int result = 0;
    for (size_t i = 0; result == 0 && i < roots->count; i++) {
        result = check_authority(msp, &authorities, roots->items[i], &chain, error);
    }
    for (size_t i = 0; result == 0 && i < intermediates->count; i++) {
        result = check_authority(msp, &authorities, intermediates->items[i], &chain, error);
    }
    return result;
}

static int sanitize_all(const struct fama_msp *msp, const struct certificates *certificates,
                        struct fama_error *error)
{
    for (size_t i = 0; i < certificates->count; i++) {
        struct fama_chain chain;
        if (sanitize(msp, certificates->items[i], &chain, error) != 0) {
            return FAMA_MSP_INVALID;
        }
    }
    return 0;
}

static int set_up_authorities(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    if (config->root_cert_count == 0) {
        return fama_error_set(error, FAMA_MSP_INVALID, "it has no root CA certificate");
    }
    int result = read_certificates(config->root_certs, config->root_cert_count, "root certificate",
                                   &msp->roots, error);
    if (result == 0) {
        result = read_certificates(config->intermediate_certs, config->intermediate_cert_count,
                                   "intermediate certificate", &msp->intermediates, error);
    }
    if (result == 0) {
        result = sanitize_all(msp, &msp->roots, error);
    }
    if (result == 0) {
        result = sanitize_all(msp, &msp->intermediates, error);
    }
    return result;
}

static int set_up_inner_nodes(struct fama_msp *msp, struct fama_error *error)
{
    msp->inner_nodes =
        calloc(msp->roots.count + msp->intermediates.count, sizeof msp->inner_nodes[0]);
    if (msp->inner_nodes == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < msp->intermediates.count; i++) {
        struct fama_chain chain;
        int result = find_chain(msp, msp->intermediates.items[i], &chain, error);
        if (result != 0) {
            return FAMA_MSP_INVALID;
        }
        for (size_t j = 1; j < chain.length; j++) {
            if (!is_inner_node(msp, chain.certificates[j])) {
                msp->inner_nodes[msp->inner_node_count++] = chain.certificates[j];
            }
        }
    }
    return 0;
}

static X509_CRL *read_crl(struct fama_bytes text)
{
    static const char pem_mark[] = "-----BEGIN X509 CRL";
    X509_CRL *crl = NULL;
    uint8_t *buffer = NULL;
    struct fama_bytes der = text;
    if (text.len >= sizeof pem_mark - 1 && memcmp(text.at, pem_mark, sizeof pem_mark - 1) == 0) {
        struct fama_pem_block block;
        buffer = malloc(text.len + 1);
        if (buffer == NULL || !fama_pem_next(&text, buffer, &block)) {
            free(buffer);
            return NULL;
        }
        der = block.content;
    }
    const unsigned char *end = der.at;
    if (der.len > 0 && der.len <= LONG_MAX) {
        crl = d2i_X509_CRL(NULL, &end, (long)der.len);
    }
    if (crl != NULL && end != der.at + der.len) {
        X509_CRL_free(crl);
        crl = NULL;
    }
    ERR_clear_error();
    free(buffer);
    return crl;
}

static int set_up_crls(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    if (config->revocation_list_count > MSP_ENTRIES_MAX) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "%zu revocation lists: at most %d are allowed",
                              config->revocation_list_count, MSP_ENTRIES_MAX);
    }
    msp->crls = calloc(config->revocation_list_count + 1, sizeof(X509_CRL *));
    if (msp->crls == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < config->revocation_list_count; i++) {
        X509_CRL *crl = read_crl(config->revocation_lists[i]);
        if (crl == NULL) {
            return fama_error_set(error, FAMA_MSP_INVALID,
                                  "revocation list %zu is not a CRL in PEM or DER", i + 1);
        }
        msp->crls[msp->crl_count++] = crl;
    }
    return 0;
}

/* The TLS authorities are only checked here; those who open TLS connections read the definition. */
static int check_tls_authorities(const struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    struct certificates roots = {0};
    struct certificates intermediates = {0};
    int result = read_certificates(config->tls_root_certs, config->tls_root_cert_count,
                                   "TLS root certificate", &roots, error);
    if (result == 0) {
        result =
            read_certificates(config->tls_intermediate_certs, config->tls_intermediate_cert_count,
                              "TLS intermediate certificate", &intermediates, error);
    }
    if (result == 0) {
        result = check_authorities(msp, &roots, &intermediates, error);
        if (result != 0) {
            result = fama_error_prefix(error, result, "TLS authorities: ");
        }
    }
    free_certificates(&roots);
    free_certificates(&intermediates);
    return result;
}

/* Binds a unit to a CA of this MSP. */
static int bind_unit(const struct fama_msp *msp, const struct fama_msp_ou *from, struct unit *unit,
                     struct fama_error *error)
{
    unit->text = from->ou;
    if (from->certificate.len == 0) {
        return 0;
    }
    struct fama_certificate *certificate;
    int result = fama_certificate_from_pem(from->certificate, &certificate, error);
    if (result != 0) {
        return result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID;
    }
    struct fama_chain chain;
    result = sanitize(msp, certificate, &chain, error);
    if (result == 0 && !contains(&msp->roots, certificate) &&
        !contains(&msp->intermediates, certificate)) {
        result = fama_error_set(error, FAMA_MSP_INVALID,
                                "%s is neither a root nor an intermediate CA of this MSP",
                                certificate->common_name);
    }
    if (result == 0 && chain.length > 1 && is_inner_node(msp, certificate)) {
        result = fama_error_set(error, FAMA_MSP_INVALID,
                                "the CA %s issues CAs, so it certifies no organizational unit",
                                certificate->common_name);
    }
    if (result == 0) {
        unit->is_bound = true;
        hash_chain(&chain, 0, unit->certifiers);
    }
    fama_certificate_free(certificate);
    return result == 0 ? 0 : FAMA_MSP_INVALID;
}

static int set_up_units(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    if (config->organizational_unit_count > MSP_ENTRIES_MAX) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "%zu organizational units: at most %d are allowed",
                              config->organizational_unit_count, MSP_ENTRIES_MAX);
    }
    msp->units = calloc(config->organizational_unit_count + 1, sizeof msp->units[0]);
    if (msp->units == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < config->organizational_unit_count; i++) {
        const struct fama_msp_ou *ou = &config->organizational_units[i];
        if (ou->certificate.len == 0) {
            return fama_error_set(error, FAMA_MSP_INVALID,
                                  "organizational unit %zu names no CA certificate", i + 1);
        }
        int result = bind_unit(msp, ou, &msp->units[msp->unit_count++], error);
        if (result != 0) {
            return fama_error_prefix(error, result, "organizational unit %.*s: ", (int)ou->ou.len,
                                     ou->ou.len > 0 ? (const char *)ou->ou.at : "");
        }
    }
    const struct fama_msp_ou *node_ous[NODE_OUS] = {
        [NODE_CLIENT] = &config->client_ou,
        [NODE_PEER] = &config->peer_ou,
        [NODE_ADMIN] = &config->admin_ou,
        [NODE_ORDERER] = &config->orderer_ou,
    };
    for (size_t i = 0; config->node_ous_enabled && i < NODE_OUS; i++) {
        if (node_ous[i]->ou.len == 0) {
            continue;
        }
        int result = bind_unit(msp, node_ous[i], &msp->node_ous[i], error);
        if (result != 0) {
            return fama_error_prefix(error, result, "NodeOU %.*s: ", (int)node_ous[i]->ou.len,
                                     (const char *)node_ous[i]->ou.at);
        }
        msp->node_ous_enabled = true;
    }
    return 0;
}

static bool has_ou(const struct fama_certificate *certificate, struct fama_bytes wanted)
{
    struct fama_bytes ou;
    for (size_t i = 0; wanted.len > 0 && fama_certificate_ou(certificate, i, &ou); i++) {
        if (fama_bytes_equal(ou, wanted)) {
            return true;
        }
    }
    return false;
}

static int check_listed_unit(const struct fama_msp *msp, const struct fama_certificate *certificate,
                             const uint8_t certifiers[FAMA_SHA256_BYTES], struct fama_error *error)
{
    if (msp->unit_count == 0) {
        return 0;
    }
    for (size_t i = 0; i < msp->unit_count; i++) {
        if (has_ou(certificate, msp->units[i].text) &&
            memcmp(msp->units[i].certifiers, certifiers, FAMA_SHA256_BYTES) == 0) {
            return 0;
        }
    }
    return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                          "%s has none of the organizational units that %s asks for",
                          certificate->common_name, msp->id);
}

static int check_node_ou(const struct fama_msp *msp, const struct fama_certificate *certificate,
                         const uint8_t certifiers[FAMA_SHA256_BYTES], struct fama_error *error)
{
    if (!msp->node_ous_enabled) {
        return 0;
    }
    size_t roles = 0;
    struct fama_bytes ou;
    for (size_t i = 0; fama_certificate_ou(certificate, i, &ou); i++) {
        /* Of two roles with one name the later counts, as in Fabric's map of names. */
        const struct unit *role = NULL;
        for (size_t j = 0; j < NODE_OUS; j++) {
            if (msp->node_ous[j].text.len > 0 && fama_bytes_equal(ou, msp->node_ous[j].text)) {
                role = &msp->node_ous[j];
            }
        }
        if (role == NULL) {
            continue;
        }
        if (role->is_bound && memcmp(role->certifiers, certifiers, FAMA_SHA256_BYTES) != 0) {
            return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                                  "the role of %s is not certified by the CA that %s names for it",
                                  certificate->common_name, msp->id);
        }
        roles++;
    }
    if (roles != 1) {
        return fama_error_set(error, FAMA_MSP_WRONG_ROLE,
                              "%s must have exactly one of the organizational units client, peer, "
                              "admin, orderer; it has %zu",
                              certificate->common_name, roles);
    }
    return 0;
}

static int validate(const struct fama_msp *msp, const struct fama_certificate *certificate,
                    struct fama_error *error)
{
    if (certificate->is_ca) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED, "%s is a CA, not an identity",
                              certificate->common_name);
    }
    struct fama_chain chain;
    int result = find_identity_chain(msp, certificate, &chain, error);
    if (result == 0) {
        result = check_not_revoked(msp, &chain, error);
    }
    if (result == 0) {
        uint8_t certifiers[FAMA_SHA256_BYTES];
        hash_chain(&chain, 1, certifiers);
        result = check_listed_unit(msp, certificate, certifiers, error);
        if (result == 0) {
            result = check_node_ou(msp, certificate, certifiers, error);
        }
    }
    ERR_clear_error();
    return result;
}

/* Fabric does not let an MSP without administrators be. */
static int set_up_admins(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    int result = read_certificates(config->admins, config->admin_count, "admin certificate",
                                   &msp->admins, error);
    if (result != 0) {
        return result;
    }
    for (size_t i = 0; i < msp->admins.count; i++) {
        struct fama_certificate *admin = msp->admins.items[i];
        struct fama_chain chain;
        result = sanitize(msp, admin, &chain, error);
        if (result == 0) {
            result = validate(msp, admin, error);
        }
        if (result == 0 && msp->node_ous_enabled &&
            !has_ou(admin, msp->node_ous[NODE_ADMIN].text) &&
            !has_ou(admin, msp->node_ous[NODE_CLIENT].text)) {
            result = fama_error_set(error, FAMA_MSP_INVALID,
                                    "%s has neither admin nor client as OU", admin->common_name);
        }
        if (result != 0) {
            return fama_error_prefix(error, FAMA_MSP_INVALID, "admin certificate %zu: ", i + 1);
        }
    }
    if (msp->admins.count == 0 && msp->node_ous[NODE_ADMIN].text.len == 0) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "it has no administrators: add admin certificates or an AdminOU to "
                              "its NodeOUs");
    }
    return 0;
}

static int set_up(struct fama_msp *msp, struct fama_error *error)
{
    int result = set_up_authorities(msp, error);
    if (result == 0) {
        result = set_up_crls(msp, error);
    }
    if (result == 0) {
        result = check_authorities(msp, &msp->roots, &msp->intermediates, error);
    }
    if (result == 0) {
        result = set_up_inner_nodes(msp, error);
    }
    if (result == 0) {
        result = check_tls_authorities(msp, error);
    }
    if (result == 0) {
        result = set_up_units(msp, error);
    }
    if (result == 0) {
        result = set_up_admins(msp, error);
    }
    return result;
}

int fama_msp_create(const struct fama_msp_config *config, struct fama_msp **msp,
                    struct fama_error *error)
{
    *msp = NULL;
    if (config->name.len == 0 || memchr(config->name.at, '\0', config->name.len) != NULL) {
        return fama_error_set(error, FAMA_MSP_INVALID, "the MSP has no usable MSP id");
    }
    struct fama_msp *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return no_memory(error);
    }
    atomic_init(&made->references, 1);
    made->id = strndup((const char *)config->name.at, config->name.len);
    int result =
        made->id != NULL ? fama_msp_definition_copy(config, &made->definition) : FAMA_MSP_NO_MEMORY;
    if (result != 0) {
        fama_error_set(error, result, "%s",
                       result == FAMA_MSP_INVALID ? "its definition is too large"
                                                  : "out of memory");
    } else {
        result = set_up(made, error);
    }
    ERR_clear_error();
    if (result != 0) {
        fama_error_prefix(error, result, "MSP %s: ", made->id != NULL ? made->id : "");
        destroy(made);
        return result;
    }
    *msp = made;
    return 0;
}

struct fama_msp *fama_msp_acquire(struct fama_msp *msp)
{
    unsigned int before = atomic_fetch_add_explicit(&msp->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return msp;
}

void fama_msp_release(struct fama_msp *msp)
{
    if (msp != NULL && atomic_fetch_sub_explicit(&msp->references, 1, memory_order_acq_rel) == 1) {
        destroy(msp);
    }
}

const char *fama_msp_id(const struct fama_msp *msp)
{
    return msp->id;
}

const struct fama_msp_config *fama_msp_definition(const struct fama_msp *msp)
{
    return &msp->definition.config;
}

int fama_msp_deserialize(const struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_identity **identity, struct fama_error *error)
{
    *identity = NULL;
    struct fama_certificate *certificate;
    int result = fama_certificate_from_pem(id_bytes, &certificate, error);
    if (result != 0) {
        return result;
    }
    if (fama_certificate_is_ecdsa_signed(certificate)) {
        struct fama_chain chain;
        result = sanitize(msp, certificate, &chain, error);
        ERR_clear_error();
        if (result != 0) {
            fama_certificate_free(certificate);
            return result;
        }
    }
    /* References are the one thing about an MSP that changes. */
    return fama_identity_create((struct fama_msp *)msp, id_bytes, certificate, identity, error);
}

int fama_msp_validate(const struct fama_msp *msp, const struct fama_identity *identity,
                      struct fama_error *error)
{
    if (strcmp(fama_identity_mspid(identity), msp->id) != 0) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED, "%s is a member of %s, not of %s",
                              fama_identity_common_name(identity), fama_identity_mspid(identity),
                              msp->id);
    }
    return validate(msp, fama_identity_certificate(identity), error);
}

bool fama_msp_has_role(const struct fama_msp *msp, const struct fama_identity *identity,
                       enum fama_msp_role role)
{
    if (strcmp(fama_identity_mspid(identity), msp->id) != 0) {
        return false;
    }
    const struct fama_certificate *certificate = fama_identity_certificate(identity);
    switch (role) {
    case FAMA_MSP_ROLE_MEMBER:
        return true;
    case FAMA_MSP_ROLE_ADMIN:
        return contains(&msp->admins, certificate) ||
               has_ou(certificate, msp->node_ous[NODE_ADMIN].text);
    case FAMA_MSP_ROLE_CLIENT:
        return has_ou(certificate, msp->node_ous[NODE_CLIENT].text);
    case FAMA_MSP_ROLE_PEER:
        return has_ou(certificate, msp->node_ous[NODE_PEER].text);
    case FAMA_MSP_ROLE_ORDERER:
        return has_ou(certificate, msp->node_ous[NODE_ORDERER].text);
    }
    return false;
}
