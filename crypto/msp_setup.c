#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/msp_inside.h"
#include "crypto/pem.h"
#include "crypto/public_key.h"

/* More CAs, admins or lists than this in one MSP are a mistake or an attack. */
#define MSP_ENTRIES_MAX 1024

/* Parses certificates of one kind; the same one twice counts once. */
static int read_certificates(const struct fama_bytes *pems, size_t count, const char *kind,
                             struct fama_certificates *certificates, struct fama_error *error)
{
    if (count > MSP_ENTRIES_MAX) {
        return fama_error_set(error, FAMA_MSP_INVALID, "%zu %ss: at most %d are allowed", count,
                              kind, MSP_ENTRIES_MAX);
    }
    certificates->items = calloc(count + 1, sizeof(struct fama_certificate *));
    if (certificates->items == NULL) {
        return fama_msp_no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        struct fama_certificate *certificate;
        int result = fama_certificate_from_pem(pems[i], &certificate, error);
        if (result != 0) {
            return fama_error_prefix(error,
                                     result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID,
                                     "%s %zu: ", kind, i + 1);
        }
        if (fama_msp_contains(certificates, certificate)) {
            fama_certificate_free(certificate);
        } else {
            certificates->items[certificates->count++] = certificate;
        }
    }
    return 0;
}

/* Fabric makes identities of authorities and administrators, so their keys must be such that it
 * can. */
static int check_keys(const struct fama_certificates *certificates, struct fama_error *error)
{
    for (size_t i = 0; i < certificates->count; i++) {
        struct fama_public_key *key = NULL;
        int result = fama_msp_read_key(certificates->items[i], &key, error);
        fama_public_key_free(key);
        if (result != 0) {
            return result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID;
        }
    }
    return 0;
}

static int sanitize_all(const struct fama_msp *msp, const struct fama_certificates *certificates,
                        struct fama_error *error)
{
    for (size_t i = 0; i < certificates->count; i++) {
        if (fama_msp_sanitize(msp, certificates->items[i], error) != 0) {
            return FAMA_MSP_INVALID;
        }
    }
    return 0;
}

/* The two forms of one certificate are the same once sanitized. */
static void drop_twins(struct fama_certificates *certificates)
{
    size_t count = certificates->count;
    certificates->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct fama_certificate *certificate = certificates->items[i];
        if (fama_msp_contains(certificates, certificate)) {
            fama_certificate_free(certificate);
        } else {
            certificates->items[certificates->count++] = certificate;
        }
    }
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
        result = check_keys(&msp->roots, error);
    }
    if (result == 0) {
        result = check_keys(&msp->intermediates, error);
    }
    if (result == 0) {
        result = sanitize_all(msp, &msp->roots, error);
    }
    if (result == 0) {
        result = sanitize_all(msp, &msp->intermediates, error);
    }
    drop_twins(&msp->roots);
    drop_twins(&msp->intermediates);
    return result;
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
        result = fama_msp_check_not_revoked(msp, chain, error);
    }
    return result == 0 ? 0 : FAMA_MSP_INVALID;
}

static int check_authorities(const struct fama_msp *msp, const struct fama_certificates *roots,
                             const struct fama_certificates *intermediates,
                             struct fama_error *error)
{
    struct fama_chain_authorities authorities = fama_msp_authorities(roots, intermediates);
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

static int check_own_authorities(struct fama_msp *msp, struct fama_error *error)
{
    return check_authorities(msp, &msp->roots, &msp->intermediates, error);
}

static int set_up_inner_nodes(struct fama_msp *msp, struct fama_error *error)
{
    msp->inner_nodes =
        calloc(msp->roots.count + msp->intermediates.count, sizeof msp->inner_nodes[0]);
    if (msp->inner_nodes == NULL) {
        return fama_msp_no_memory(error);
    }
    for (size_t i = 0; i < msp->intermediates.count; i++) {
        struct fama_chain chain;
        int result = fama_msp_find_chain(msp, msp->intermediates.items[i], &chain, error);
        if (result != 0) {
            return FAMA_MSP_INVALID;
        }
        for (size_t j = 1; j < chain.length; j++) {
            if (!fama_msp_is_inner_node(msp, chain.certificates[j])) {
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

/* Fabric reads the numbers of a list's ECDSA signature when it reads the list. */
static bool has_readable_signature(const X509_CRL *crl)
{
    const ASN1_BIT_STRING *bits;
    struct fama_bytes r;
    struct fama_bytes s;
    switch (X509_CRL_get_signature_nid(crl)) {
    case NID_ecdsa_with_SHA1:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
        X509_CRL_get0_signature(crl, &bits, NULL);
        return fama_signature_split(
                   fama_bytes(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)), &r,
                   &s) == 0;
    default:
        return true;
    }
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
        return fama_msp_no_memory(error);
    }
    for (size_t i = 0; i < config->revocation_list_count; i++) {
        X509_CRL *crl = read_crl(config->revocation_lists[i]);
        if (crl == NULL || !has_readable_signature(crl)) {
            X509_CRL_free(crl);
            return fama_error_set(error, FAMA_MSP_INVALID,
                                  "revocation list %zu is not a CRL in PEM or DER", i + 1);
        }
        msp->crls[msp->crl_count++] = crl;
    }
    return 0;
}

/* The TLS authorities are only checked here; those who open TLS connections read the definition. */
static int check_tls_authorities(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    struct fama_certificates roots = {0};
    struct fama_certificates intermediates = {0};
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
    fama_certificates_free(&roots);
    fama_certificates_free(&intermediates);
    return result;
}

/* The chain of a CA of this MSP, for the units it certifies. */
static int find_certifier_chain(const struct fama_msp *msp,
                                const struct fama_certificate *certificate,
                                struct fama_chain *chain, struct fama_error *error)
{
    if (fama_msp_contains(&msp->roots, certificate)) {
        *chain = (struct fama_chain){.certificates = {certificate}, .length = 1};
        return 0;
    }
    if (!fama_msp_contains(&msp->intermediates, certificate)) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "%s is neither a root nor an intermediate CA of this MSP",
                              certificate->common_name);
    }
    int result = fama_msp_find_chain(msp, certificate, chain, error);
    if (result == 0 && (chain->length < 2 || fama_msp_is_inner_node(msp, certificate))) {
        result = fama_error_set(error, FAMA_MSP_INVALID,
                                "the CA %s issues CAs, so it certifies no organizational unit",
                                certificate->common_name);
    }
    return result;
}

/* Binds a unit to a CA of this MSP. */
static int bind_unit(const struct fama_msp *msp, struct fama_bytes pem, struct fama_msp_unit *unit,
                     struct fama_error *error)
{
    struct fama_certificate *certificate;
    struct fama_chain chain;
    int result = fama_certificate_from_pem(pem, &certificate, error);
    if (result != 0) {
        return result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID;
    }
    result = fama_msp_sanitize(msp, certificate, error);
    if (result == 0) {
        result = find_certifier_chain(msp, certificate, &chain, error);
    }
    if (result == 0 && !fama_msp_hash_chain(msp, &chain, 0, unit->certifiers)) {
        result = fama_msp_no_memory(error);
    }
    unit->is_bound = result == 0;
    fama_certificate_free(certificate);
    return result == 0 || result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID;
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
        return fama_msp_no_memory(error);
    }
    for (size_t i = 0; i < config->organizational_unit_count; i++) {
        const struct fama_msp_ou *ou = &config->organizational_units[i];
        struct fama_msp_unit *unit = &msp->units[msp->unit_count++];
        unit->is_present = true;
        unit->text = ou->ou;
        int result = bind_unit(msp, ou->certificate, unit, error);
        if (result != 0) {
            return fama_error_prefix(error, result, "organizational unit %.*s: ", (int)ou->ou.len,
                                     ou->ou.len > 0 ? (const char *)ou->ou.at : "");
        }
    }
    return 0;
}

static bool is_present(const struct fama_msp_ou *ou)
{
    return ou->is_present || ou->ou.len > 0 || ou->certificate.len > 0;
}

/* Version 1.0 knows no roles, and the next two only clients and peers, both of which they demand. */
static int set_up_node_ous(struct fama_msp *msp, struct fama_error *error)
{
    static const char *const names[FAMA_NODE_OUS] = {"client", "peer", "admin", "orderer"};
    const struct fama_msp_config *config = &msp->definition.config;
    const struct fama_msp_ou *ous[FAMA_NODE_OUS] = {
        [FAMA_NODE_CLIENT] = &config->client_ou,
        [FAMA_NODE_PEER] = &config->peer_ou,
        [FAMA_NODE_ADMIN] = &config->admin_ou,
        [FAMA_NODE_ORDERER] = &config->orderer_ou,
    };
    size_t present = 0;
    for (size_t i = 0; i < FAMA_NODE_OUS; i++) {
        present += is_present(ous[i]) ? 1 : 0;
    }
    bool has_node_ous = config->has_node_ous || config->node_ous_enabled || present > 0;
    if (msp->version == FAMA_MSP_V1_0 || !has_node_ous) {
        return 0;
    }
    bool knows_all = msp->version >= FAMA_MSP_V1_4_3;
    for (size_t i = 0; i < (knows_all ? FAMA_NODE_OUS : FAMA_NODE_ADMIN); i++) {
        struct fama_msp_unit *unit = &msp->node_ous[i];
        if (!knows_all && ous[i]->ou.len == 0) {
            return fama_error_set(
                error, FAMA_MSP_INVALID,
                "its NodeOUs name no OU for role %s, which MSPs of this channel's "
                "capabilities must",
                names[i]);
        }
        unit->is_present = is_present(ous[i]);
        unit->text = ous[i]->ou;
        int result = 0;
        if (ous[i]->certificate.len > 0) {
            result = bind_unit(msp, ous[i]->certificate, unit, error);
        }
        if (result != 0) {
            return fama_error_prefix(error, result, "NodeOU of role %s: ", names[i]);
        }
    }
    msp->node_ous_enforced = config->node_ous_enabled && (present > 0 || !knows_all);
    return 0;
}

static int read_admins(struct fama_msp *msp, struct fama_error *error)
{
    const struct fama_msp_config *config = &msp->definition.config;
    int result = read_certificates(config->admins, config->admin_count, "admin certificate",
                                   &msp->admins, error);
    if (result == 0) {
        result = check_keys(&msp->admins, error);
    }
    if (result == 0) {
        result = sanitize_all(msp, &msp->admins, error);
        if (result != 0) {
            result = fama_error_prefix(error, result, "admin certificates: ");
        }
    }
    if (result == 0 && msp->version >= FAMA_MSP_V1_4_3 && msp->admins.count == 0 &&
        !(msp->node_ous_enforced && msp->node_ous[FAMA_NODE_ADMIN].is_present)) {
        result = fama_error_set(error, FAMA_MSP_INVALID,
                                "it has no administrators: add admin certificates or an AdminOU to "
                                "its NodeOUs");
    }
    return result;
}

/* Where roles are told apart, administrators must be classified: as clients before version 1.4.3,
 * as clients or admins since. The later versions then ask for a chain only, not whether they are
 * valid. */
static int check_admin(const struct fama_msp *msp, const struct fama_certificate *admin,
                       struct fama_error *error)
{
    struct fama_msp_judgement judgement;
    struct fama_chain chain;
    int result;
    if (msp->node_ous_enforced && msp->version >= FAMA_MSP_V1_4_3) {
        result = fama_msp_find_identity_chain(msp, admin, &chain, error);
        if (result == 0 && !fama_msp_has_node_ou(msp, admin, FAMA_NODE_CLIENT) &&
            !fama_msp_has_node_ou(msp, admin, FAMA_NODE_ADMIN)) {
            result = fama_error_set(error, FAMA_MSP_INVALID,
                                    "%s has neither admin nor client as OU", admin->common_name);
        }
        return result;
    }
    fama_msp_judge(msp, admin, &judgement, error);
    result = judgement.validity;
    if (result == 0 && msp->node_ous_enforced &&
        !fama_msp_has_node_ou(msp, admin, FAMA_NODE_CLIENT)) {
        result = fama_error_set(error, FAMA_MSP_INVALID, "%s does not have client as OU",
                                admin->common_name);
    }
    return result;
}

static int set_up_admins(struct fama_msp *msp, struct fama_error *error)
{
    int result = read_admins(msp, error);
    for (size_t i = 0; result == 0 && i < msp->admins.count; i++) {
        result = check_admin(msp, msp->admins.items[i], error);
        if (result != 0) {
            return fama_error_prefix(error,
                                     result == FAMA_MSP_NO_MEMORY ? result : FAMA_MSP_INVALID,
                                     "admin certificate %zu: ", i + 1);
        }
    }
    drop_twins(&msp->admins);
    return result;
}

/* An unknown family for signatures is found out by Fabric only when there is one to verify. */
static int set_up_hashes(struct fama_msp *msp, struct fama_error *error)
{
    struct fama_bytes family = msp->definition.config.signature_hash_family;
    struct fama_bytes name = msp->definition.config.identity_hash_function;
    if (family.len == 0 || fama_bytes_equal_text(family, "SHA2")) {
        msp->signature_hash = FAMA_HASH_SHA256;
    } else if (fama_bytes_equal_text(family, "SHA3")) {
        msp->signature_hash = FAMA_HASH_SHA3_256;
    }
    msp->identity_hash = fama_hash_of_name(name);
    if (msp->identity_hash == FAMA_HASH_NONE) {
        return fama_error_set(error, FAMA_MSP_INVALID,
                              "its hash function for identities, %.*s, is unknown: use SHA256, "
                              "SHA384, SHA3_256 or SHA3_384",
                              (int)(name.len < 64 ? name.len : 64), (const char *)name.at);
    }
    uint8_t digest[FAMA_HASH_BYTES_MAX];
    msp->identity_hash_bytes = fama_hash_parts(msp->identity_hash, NULL, 0, digest);
    return msp->identity_hash_bytes > 0 ? 0 : fama_msp_no_memory(error);
}

int fama_msp_set_up(struct fama_msp *msp, struct fama_error *error)
{
    static int (*const steps[])(struct fama_msp *, struct fama_error *) = {
        set_up_hashes,         set_up_authorities, set_up_crls,
        check_own_authorities, set_up_inner_nodes, check_tls_authorities,
        set_up_units,          set_up_node_ous,    set_up_admins,
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof steps / sizeof steps[0]; i++) {
        result = steps[i](msp, error);
    }
    return result;
}
