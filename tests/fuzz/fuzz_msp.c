/* MSPs as channel configurations define them, identities as transactions bring them, and the
 * principals and policies they meet. The input is text, a statement a line: a letter, then text or
 * "@N", the made certificate number N, of which "@N 1a2=ff" changes the octet at 1a2. Seeds lie in
 * tests/fuzz/corpus/msp. */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ca_certificate.h"
#include "crypto/msp.h"
#include "crypto/pem.h"
#include "crypto/policy.h"
#include "crypto/signature_job.h"

enum {
    ROOT,
    INTERMEDIATE,
    OTHER_ROOT,
    PEER,
    CLIENT,
    ADMIN,
    DEEP_PEER,
    STRANGER,
    REVOCATIONS,
    MADE,
    DER_MAX = 4096,
    TEXT_MAX = 8192,
    LINES_MAX = 64,
    RULES_MAX = 64,
    LISTS_MAX = 8,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t der[DER_MAX];
    size_t len;
} made[MADE];

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void keep(int index, int len, unsigned char *der)
{
    must(len > 0 && len <= DER_MAX, "a certificate too large");
    memcpy(made[index].der, der, (size_t)len);
    made[index].len = (size_t)len;
    OPENSSL_free(der);
}

static void make(int index, enum fama_ca_purpose purpose, const char *name, const char *ou,
                 const struct fama_ca_pair *issuer, struct fama_ca_pair *pair)
{
    struct fama_ca_order order = {.purpose = purpose,
                                  .common_name = name,
                                  .ou = ou,
                                  .not_before = time(NULL) - 60,
                                  .not_after = time(NULL) + 86400,
                                  .issuer = issuer};
    struct fama_error error = {{0}};
    must(fama_ca_pair_make(&order, pair, &error) == 0, error.text);
    unsigned char *der = NULL;
    int len = i2d_X509(pair->certificate, &der);
    keep(index, len, der);
}

static void make_member(int index, const char *ou, const struct fama_ca_pair *issuer)
{
    struct fama_ca_pair pair;
    make(index, FAMA_CA_PURPOSE_SIGNING, "member", ou, issuer, &pair);
    fama_ca_pair_free(&pair);
}

/* A list of the root that revokes its client. */
static void make_revocations(const struct fama_ca_pair *root)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL));
    const unsigned char *at = made[CLIENT].der;
    X509 *client = d2i_X509(NULL, &at, (long)made[CLIENT].len);
    X509V3_CTX context;
    must(crl != NULL && revoked != NULL && now != NULL && client != NULL, "out of memory");
    X509V3_set_ctx(&context, root->certificate, NULL, NULL, crl, 0);
    X509_EXTENSION *aki =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    must(X509_CRL_set_version(crl, 1) == 1 &&
             X509_CRL_set_issuer_name(crl, X509_get_subject_name(root->certificate)) == 1 &&
             X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, now) == 1 &&
             X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(client)) == 1 &&
             X509_REVOKED_set_revocationDate(revoked, now) == 1 &&
             X509_CRL_add0_revoked(crl, revoked) == 1 && aki != NULL &&
             X509_CRL_add_ext(crl, aki, -1) == 1 && X509_CRL_sign(crl, root->key, EVP_sha256()) > 0,
         "cannot make a revocation list");
    unsigned char *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    keep(REVOCATIONS, len, der);
    X509_EXTENSION_free(aki);
    ASN1_TIME_free(now);
    X509_free(client);
    X509_CRL_free(crl);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct fama_ca_pair root;
    struct fama_ca_pair intermediate;
    struct fama_ca_pair other;
    make(ROOT, FAMA_CA_PURPOSE_AUTHORITY, "ca.one", NULL, NULL, &root);
    make(INTERMEDIATE, FAMA_CA_PURPOSE_AUTHORITY, "ca.below", NULL, &root, &intermediate);
    make(OTHER_ROOT, FAMA_CA_PURPOSE_AUTHORITY, "ca.other", NULL, NULL, &other);
    make_member(PEER, "peer", &root);
    make_member(CLIENT, "client", &root);
    make_member(ADMIN, "admin", &root);
    make_member(DEEP_PEER, "peer", &intermediate);
    make_member(STRANGER, "orderer", &other);
    make_revocations(&root);
    fama_ca_pair_free(&root);
    fama_ca_pair_free(&intermediate);
    fama_ca_pair_free(&other);
    return 0;
}

/* ---- The input, line by line ---- */

struct statements {
    char texts[LINES_MAX][TEXT_MAX];
    size_t text_count;
    struct fama_msp_config config;
    struct fama_bytes lists[5][LISTS_MAX]; /* roots, intermediates, admins, revocations, TLS */
    size_t counts[5];
    struct fama_msp_ou units[LISTS_MAX];
    struct fama_bytes identities[LISTS_MAX];
    size_t identity_count;
    struct fama_principal principals[LISTS_MAX];
    size_t principal_count;
    struct fama_policy_rule rules[RULES_MAX];
    size_t rule_count;
};

/* "@N" and its changes as a PEM text; anything else as it stands. */
static struct fama_bytes text_of(struct statements *statements, const char *line)
{
    char *text = statements->texts[statements->text_count++];
    if (line[0] != '@') {
        snprintf(text, TEXT_MAX, "%s", line);
        return fama_bytes_of_text(text);
    }
    char *at;
    size_t index = strtoul(line + 1, &at, 10) % MADE;
    uint8_t der[DER_MAX];
    memcpy(der, made[index].der, made[index].len);
    while (*at == ' ') {
        char *end;
        size_t offset = strtoul(at + 1, &end, 16) % made[index].len;
        if (*end != '=') {
            break;
        }
        der[offset] = (uint8_t)strtoul(end + 1, &at, 16);
    }
    const char *kind = index == REVOCATIONS ? "X509 CRL" : "CERTIFICATE";
    char base64[DER_MAX / 3 * 4 + 8];
    EVP_EncodeBlock((unsigned char *)base64, der, (int)made[index].len);
    snprintf(text, TEXT_MAX, "-----BEGIN %s-----\n%s\n-----END %s-----\n", kind, base64, kind);
    return fama_bytes_of_text(text);
}

static void add_principal(struct statements *statements, const char *line)
{
    static const struct fama_bytes mspid = {(const uint8_t *)"OneMSP", 6};
    if (statements->principal_count == LISTS_MAX || line[0] == '\0') {
        return;
    }
    struct fama_principal *principal = &statements->principals[statements->principal_count++];
    *principal = (struct fama_principal){
        .kind = (enum fama_principal_kind)((unsigned char)line[0] % 6), .mspid = mspid};
    principal->role = atoi(line + 1);
    principal->anonymity = principal->role;
    struct fama_bytes text = text_of(statements, line + 1);
    principal->id_bytes = text;
    principal->unit = text;
    principal->certifiers = text;
    principal->combined = statements->principals;
    /* Only what stands before it, so that nothing contains itself. */
    principal->combined_count = statements->principal_count - 1;
}

static void add_rule(struct statements *statements, const char *line)
{
    struct fama_policy_rule rule = {0};
    if (statements->rule_count < RULES_MAX &&
        sscanf(line, "%d %d %u %u", &rule.signed_by, &rule.n, &rule.child_count, &rule.size) == 4) {
        statements->rules[statements->rule_count++] = rule;
    }
}

static void add(struct statements *statements, const char *line)
{
    static const char list_letters[] = "rialt";
    struct fama_msp_config *config = &statements->config;
    struct fama_msp_ou *roles[] = {&config->client_ou, &config->peer_ou, &config->admin_ou,
                                   &config->orderer_ou};
    const char *list = strchr(list_letters, line[0]);
    const char *rest = line + 1;
    if (list != NULL) {
        size_t index = (size_t)(list - list_letters);
        if (statements->counts[index] < LISTS_MAX) {
            statements->lists[index][statements->counts[index]++] = text_of(statements, rest);
        }
    } else if (line[0] == 'v') {
        config->version = (enum fama_msp_version)atoi(rest);
    } else if (line[0] == 'n') {
        config->has_node_ous = true;
        config->node_ous_enabled = rest[0] != '0';
    } else if (line[0] >= '0' && line[0] <= '3') {
        struct fama_msp_ou *role = roles[line[0] - '0'];
        *(rest[0] == '@' ? &role->certificate : &role->ou) = text_of(statements, rest);
        role->is_present = true;
    } else if (line[0] == 'u' && config->organizational_unit_count < LISTS_MAX) {
        statements->units[config->organizational_unit_count++].certificate =
            text_of(statements, rest);
    } else if (line[0] == 'U' && config->organizational_unit_count > 0) {
        statements->units[config->organizational_unit_count - 1].ou = text_of(statements, rest);
    } else if (line[0] == 'h') {
        config->identity_hash_function = text_of(statements, rest);
    } else if (line[0] == 's') {
        config->signature_hash_family = text_of(statements, rest);
    } else if (line[0] == 'I' && statements->identity_count < LISTS_MAX) {
        statements->identities[statements->identity_count++] = text_of(statements, rest);
    } else if (line[0] == 'P') {
        add_principal(statements, rest);
    } else if (line[0] == 'R') {
        add_rule(statements, rest);
    }
}

static void read_statements(struct statements *statements, const uint8_t *data, size_t size)
{
    memset(statements, 0, sizeof *statements);
    size_t at = 0;
    for (int lines = 0; at < size && lines < LINES_MAX; lines++) {
        char line[1024];
        size_t len = 0;
        for (; at < size && data[at] != '\n'; at++) {
            if (len < sizeof line - 1) {
                line[len++] = (char)data[at];
            }
        }
        at++;
        line[len] = '\0';
        if (line[0] != '\0') {
            add(statements, line);
        }
    }
    struct fama_msp_config *config = &statements->config;
    config->name = fama_bytes_of_text("OneMSP");
    config->root_certs = statements->lists[0];
    config->root_cert_count = statements->counts[0];
    config->intermediate_certs = statements->lists[1];
    config->intermediate_cert_count = statements->counts[1];
    config->admins = statements->lists[2];
    config->admin_count = statements->counts[2];
    config->revocation_lists = statements->lists[3];
    config->revocation_list_count = statements->counts[3];
    config->tls_root_certs = statements->lists[4];
    config->tls_root_cert_count = statements->counts[4];
    config->organizational_units = statements->units;
}

/* ---- What must hold ---- */

static void question(const struct fama_identity *identity, const struct statements *statements)
{
    struct fama_error error = {{0}};
    bool is_valid = fama_identity_validate(identity, &error) == 0;
    must(is_valid == (error.text[0] == '\0'), "a judgement and its words disagree");
    must(fama_msp_validate(fama_identity_msp(identity), identity, NULL) == 0 || !is_valid,
         "a second judgement disagrees");
    struct fama_principal itself = {.kind = FAMA_PRINCIPAL_IDENTITY,
                                    .mspid = fama_bytes_of_text("OneMSP"),
                                    .id_bytes = fama_identity_id_bytes(identity)};
    must(fama_identity_satisfies(identity, &itself) == is_valid, "an identity is not itself");
    for (int32_t role = 0; role <= FAMA_MSP_ROLE_ORDERER; role++) {
        struct fama_principal principal = {
            .kind = FAMA_PRINCIPAL_ROLE, .mspid = fama_bytes_of_text("OneMSP"), .role = role};
        bool holds = fama_identity_satisfies(identity, &principal);
        must(!holds || is_valid || role == FAMA_MSP_ROLE_ADMIN, "a role without validity");
        must(role != FAMA_MSP_ROLE_MEMBER || holds == is_valid, "membership is not validity");
    }
    for (size_t i = 0; i < statements->principal_count; i++) {
        (void)fama_identity_satisfies(identity, &statements->principals[i]);
    }
    for (size_t i = 0; i < statements->identity_count; i++) {
        struct fama_verify_job job;
        fama_identity_prepare_verify(identity, statements->identities, i, statements->identities[i],
                                     &job);
        must(job.key == fama_identity_key(identity), "a job for another key");
        must(job.verdict != FAMA_VERDICT_GOOD, "a signature out of nothing");
    }
}

static void question_msp(const struct fama_msp *msp, struct statements *statements)
{
    struct fama_identity *identities[LISTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < statements->identity_count; i++) {
        struct fama_error error = {{0}};
        int result =
            fama_msp_deserialize(msp, statements->identities[i], &identities[count], &error);
        must((result == 0) == (identities[count] != NULL), "an identity and an error");
        must((result == 0) == (error.text[0] == '\0'), "an error without words");
        if (result == 0) {
            question(identities[count++], statements);
        }
    }
    struct fama_signature_policy policy = {.rules = statements->rules,
                                           .rule_count = statements->rule_count,
                                           .principals = statements->principals,
                                           .principal_count = statements->principal_count};
    if (fama_signature_policy_is_sound(&policy)) {
        bool with = fama_signature_policy_evaluate(
            &policy, (const struct fama_identity *const *)identities, count);
        bool without = fama_signature_policy_evaluate(&policy, NULL, 0);
        must(with || !without, "signers made a policy fail that needs none");
    }
    while (count > 0) {
        fama_identity_release(identities[--count]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct statements statements;
    struct fama_msp *msp = NULL;
    struct fama_error error = {{0}};
    read_statements(&statements, data, size);
    int result = fama_msp_create(&statements.config, &msp, &error);
    must((result == 0) == (msp != NULL), "an MSP and an error");
    must((result == 0) == (error.text[0] == '\0'), "an error without words");
    if (msp != NULL) {
        question_msp(msp, &statements);
        fama_msp_release(msp);
    }
    return 0;
}
