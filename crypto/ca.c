#include "crypto/ca.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/ca_certificate.h"

/* A CA is valid from before it was made: the clocks of a consortium differ, and a certificate that
 * is issued as already expired, for a rehearsal, must be expired within its CA's time. */
#define CA_BACKDATED_S (INT64_C(30) * 24 * 3600)
#define CA_LIFETIME_S  (INT64_C(3650) * 24 * 3600)

#define COMMON_NAME_MAX 64 /* characters, X.520 ub-common-name */
#define SANS_MAX        64

static const char config_yaml_format[] = "NodeOUs:\n"
                                         "  Enable: true\n"
                                         "  ClientOUIdentifier:\n"
                                         "    Certificate: cacerts/%1$s\n"
                                         "    OrganizationalUnitIdentifier: client\n"
                                         "  PeerOUIdentifier:\n"
                                         "    Certificate: cacerts/%1$s\n"
                                         "    OrganizationalUnitIdentifier: peer\n"
                                         "  AdminOUIdentifier:\n"
                                         "    Certificate: cacerts/%1$s\n"
                                         "    OrganizationalUnitIdentifier: admin\n"
                                         "  OrdererOUIdentifier:\n"
                                         "    Certificate: cacerts/%1$s\n"
                                         "    OrganizationalUnitIdentifier: orderer\n";

/* An organisation's two authorities. */
struct organisation {
    char domain[COMMON_NAME_MAX + 1];
    char ca_file[COMMON_NAME_MAX + 32]; /* ca.<domain>-cert.pem */
    char tlsca_file[COMMON_NAME_MAX + 32];
    struct fama_ca_pair ca;
    struct fama_ca_pair tlsca;
};

static void free_organisation(struct organisation *organisation)
{
    fama_ca_pair_free(&organisation->ca);
    fama_ca_pair_free(&organisation->tlsca);
}

__attribute__((format(printf, 3, 4))) static int
join_path(char path[PATH_MAX], struct fama_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
    if (len < 0 || len >= PATH_MAX) {
        return fama_error_set(error, FAMA_CA_INVALID, "a path would be longer than %d bytes",
                              PATH_MAX);
    }
    return 0;
}

/* Makes the folder and those above it. */
static int make_folders(const char *folder, struct fama_error *error)
{
    char path[PATH_MAX];
    int result = join_path(path, error, "%s/", folder);
    for (char *slash = path + 1; result == 0 && (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            result = fama_error_set(error, FAMA_CA_IO, "cannot make the folder %s: %s", path,
                                    strerror(errno));
        }
        *slash = '/';
    }
    return result;
}

static int write_file(const char *path, mode_t mode, struct fama_bytes content,
                      struct fama_error *error)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) {
        return fama_error_set(error, errno == EEXIST ? FAMA_CA_EXISTS : FAMA_CA_IO,
                              "cannot create %s: %s", path, strerror(errno));
    }
    int failure = 0;
    while (failure == 0 && content.len > 0) {
        ssize_t wrote = write(descriptor, content.at, content.len);
        if (wrote >= 0) {
            content = fama_bytes(content.at + wrote, content.len - (size_t)wrote);
        } else if (errno != EINTR) {
            failure = errno;
        }
    }
    if (close(descriptor) != 0 && failure == 0) {
        failure = errno;
    }
    if (failure != 0) {
        return fama_error_set(error, FAMA_CA_IO, "cannot write %s: %s", path, strerror(failure));
    }
    return 0;
}

/* Writes into folder/name, making the folder. Takes the text over. */
static int write_pem(const char *folder, const char *name, mode_t mode, BIO *pem,
                     struct fama_error *error)
{
    char *text = NULL;
    long len = pem != NULL ? BIO_get_mem_data(pem, &text) : -1;
    char path[PATH_MAX];
    int result = len < 0 ? fama_error_set(error, FAMA_CA_CRYPTO, "cannot encode %s", name)
                         : join_path(path, error, "%s/%s", folder, name);
    if (result == 0) {
        result = make_folders(folder, error);
    }
    if (result == 0) {
        result = write_file(path, mode, fama_bytes(text, (size_t)len), error);
    }
    BIO_free(pem);
    return result;
}

static int write_key(const char *folder, const char *name, const struct fama_ca_pair *pair,
                     struct fama_error *error)
{
    return write_pem(folder, name, 0600, fama_ca_pair_key_pem(pair), error);
}

static int write_certificate(const char *folder, const char *name, const struct fama_ca_pair *pair,
                             struct fama_error *error)
{
    return write_pem(folder, name, 0644, fama_ca_pair_certificate_pem(pair), error);
}

static int write_authority(const char *folder, const char *name, const struct fama_ca_pair *pair,
                           struct fama_error *error)
{
    int result = write_certificate(folder, name, pair, error);
    return result != 0 ? result : write_key(folder, "priv_sk", pair, error);
}

/* What every MSP directory of the organisation has: both CAs and the NodeOUs. */
static int write_common_msp(const char *msp, const struct organisation *organisation,
                            struct fama_error *error)
{
    char folder[PATH_MAX];
    int result = join_path(folder, error, "%s/cacerts", msp);
    if (result == 0) {
        result = write_certificate(folder, organisation->ca_file, &organisation->ca, error);
    }
    if (result == 0) {
        result = join_path(folder, error, "%s/tlscacerts", msp);
    }
    if (result == 0) {
        result = write_certificate(folder, organisation->tlsca_file, &organisation->tlsca, error);
    }
    char path[PATH_MAX];
    if (result == 0) {
        result = join_path(path, error, "%s/config.yaml", msp);
    }
    if (result == 0) {
        char text[sizeof config_yaml_format + 4 * sizeof organisation->ca_file];
        int len = snprintf(text, sizeof text, config_yaml_format, organisation->ca_file);
        result = write_file(path, 0644, fama_bytes(text, len > 0 ? (size_t)len : 0), error);
    }
    return result;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    /* What cannot be removed stays; the failure that led here is the one to report. */
    (void)remove(path);
    return 0;
}

/* Takes back a folder that this call has made, so that the same command can be tried again. */
static void remove_folder(const char *folder)
{
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Names become file names and parts of certificates. */
static bool is_name(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len == 0 || len > COMMON_NAME_MAX || text[0] == '.' || text[0] == '-') {
        return false;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int name_organisation(struct organisation *organisation, const char *domain,
                             struct fama_error *error)
{
    int len = snprintf(organisation->domain, sizeof organisation->domain, "%s", domain);
    if (!is_name(domain) || len + (int)strlen("tlsca.") > COMMON_NAME_MAX) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "the domain must be letters, digits, dots and dashes, at most %d "
                              "characters",
                              COMMON_NAME_MAX - (int)strlen("tlsca."));
    }
    (void)snprintf(organisation->ca_file, sizeof organisation->ca_file, "ca.%s-cert.pem",
                   organisation->domain);
    (void)snprintf(organisation->tlsca_file, sizeof organisation->tlsca_file, "tlsca.%s-cert.pem",
                   organisation->domain);
    return 0;
}

static int make_authority(const char *kind, const struct organisation *organisation,
                          struct fama_ca_pair *pair, struct fama_error *error)
{
    char common_name[COMMON_NAME_MAX + 32];
    (void)snprintf(common_name, sizeof common_name, "%s.%s", kind, organisation->domain);
    time_t now = time(NULL);
    struct fama_ca_order order = {
        .purpose = FAMA_CA_PURPOSE_AUTHORITY,
        .common_name = common_name,
        .organisation = organisation->domain,
        .not_before = now - CA_BACKDATED_S,
        .not_after = now + CA_LIFETIME_S,
    };
    return fama_ca_pair_make(&order, pair, error);
}

/* Makes one folder that must not be there yet. */
static int make_new_folder(const char *folder, struct fama_error *error)
{
    if (mkdir(folder, 0755) == 0) {
        return 0;
    }
    if (errno == EEXIST) {
        return fama_error_set(
            error, FAMA_CA_EXISTS,
            "%s exists already; choose another name, or remove it if its keys are "
            "not needed any more",
            folder);
    }
    return fama_error_set(error, FAMA_CA_IO, "cannot make the folder %s: %s", folder,
                          strerror(errno));
}

int fama_ca_init(const char *folder, const char *domain, struct fama_error *error)
{
    enum { CA, TLSCA, MSP, PARTS };
    static const char *const parts[PARTS] = {"ca", "tlsca", "msp"};
    char paths[PARTS][PATH_MAX];
    size_t made = 0;
    struct organisation organisation = {0};
    int result = name_organisation(&organisation, domain, error);
    if (result == 0) {
        result = make_authority("ca", &organisation, &organisation.ca, error);
    }
    if (result == 0) {
        result = make_authority("tlsca", &organisation, &organisation.tlsca, error);
    }
    if (result == 0) {
        result = make_folders(folder, error);
    }
    while (result == 0 && made < PARTS) {
        result = join_path(paths[made], error, "%s/%s", folder, parts[made]);
        if (result == 0) {
            result = make_new_folder(paths[made], error);
        }
        made += result == 0 ? 1 : 0;
    }
    if (result == 0) {
        result = write_authority(paths[CA], organisation.ca_file, &organisation.ca, error);
    }
    if (result == 0) {
        result = write_authority(paths[TLSCA], organisation.tlsca_file, &organisation.tlsca, error);
    }
    if (result == 0) {
        result = write_common_msp(paths[MSP], &organisation, error);
    }
    for (size_t i = 0; result != 0 && i < made; i++) {
        remove_folder(paths[i]);
    }
    free_organisation(&organisation);
    return result;
}

/* The domain is known from the name of the CA's certificate file. */
static int find_domain(const char *folder, struct organisation *organisation,
                       struct fama_error *error)
{
    static const char prefix[] = "ca.";
    static const char suffix[] = "-cert.pem";
    char path[PATH_MAX];
    int result = join_path(path, error, "%s/ca", folder);
    DIR *entries = result == 0 ? opendir(path) : NULL;
    if (entries == NULL) {
        return result != 0 ? result
                           : fama_error_set(error, FAMA_CA_IO,
                                            "cannot open %s: %s; make the organisation's authority "
                                            "first",
                                            path, strerror(errno));
    }
    bool is_found = false;
    const struct dirent *entry;
    while (!is_found && (entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len <= strlen(prefix) + strlen(suffix) ||
            strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            strcmp(entry->d_name + len - strlen(suffix), suffix) != 0) {
            continue;
        }
        char domain[NAME_MAX + 1];
        (void)snprintf(domain, sizeof domain, "%.*s", (int)(len - strlen(prefix) - strlen(suffix)),
                       entry->d_name + strlen(prefix));
        result = name_organisation(organisation, domain, error);
        is_found = true;
    }
    (void)closedir(entries);
    if (!is_found) {
        result = fama_error_set(error, FAMA_CA_IO, "%s holds no ca.<domain>-cert.pem", path);
    }
    return result;
}

static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static int read_authority(const char *folder, const char *part, const char *file,
                          struct fama_ca_pair *pair, struct fama_error *error)
{
    char certificate_path[PATH_MAX];
    char key_path[PATH_MAX];
    int result = join_path(certificate_path, error, "%s/%s/%s", folder, part, file);
    if (result == 0) {
        result = join_path(key_path, error, "%s/%s/priv_sk", folder, part);
    }
    if (result != 0) {
        return result;
    }
    BIO *certificate = BIO_new_file(certificate_path, "r");
    if (certificate != NULL) {
        pair->certificate = PEM_read_bio_X509(certificate, NULL, no_password, NULL);
    }
    BIO *key = BIO_new_file(key_path, "r");
    if (key != NULL) {
        pair->key = PEM_read_bio_PrivateKey(key, NULL, no_password, NULL);
    }
    BIO_free(certificate);
    BIO_free(key);
    ERR_clear_error();
    if (pair->certificate == NULL || pair->key == NULL) {
        return fama_error_set(error, FAMA_CA_IO, "cannot read the authority's %s in %s",
                              pair->certificate == NULL ? "certificate" : "key",
                              pair->certificate == NULL ? certificate_path : key_path);
    }
    if (X509_check_private_key(pair->certificate, pair->key) != 1) {
        ERR_clear_error();
        return fama_error_set(error, FAMA_CA_IO, "%s does not belong to %s", key_path,
                              certificate_path);
    }
    return 0;
}

static int read_organisation(const char *folder, struct organisation *organisation,
                             struct fama_error *error)
{
    int result = find_domain(folder, organisation, error);
    if (result == 0) {
        result = read_authority(folder, "ca", organisation->ca_file, &organisation->ca, error);
    }
    if (result == 0) {
        result =
            read_authority(folder, "tlsca", organisation->tlsca_file, &organisation->tlsca, error);
    }
    return result;
}

/* Where certificates of a role go, and how they are called. */
struct role_form {
    const char *ou;
    const char *folder;
    const char *joint; /* between name and domain */
    const char *tls_name;
};

static const struct role_form *form_of(enum fama_msp_role role)
{
    static const struct role_form forms[] = {
        [FAMA_MSP_ROLE_ADMIN] = {"admin", "users", "@", "client"},
        [FAMA_MSP_ROLE_CLIENT] = {"client", "users", "@", "client"},
        [FAMA_MSP_ROLE_PEER] = {"peer", "peers", ".", "server"},
        [FAMA_MSP_ROLE_ORDERER] = {"orderer", "orderers", ".", "server"},
    };
    size_t index = (size_t)role;
    return index < sizeof forms / sizeof forms[0] && forms[index].ou != NULL ? &forms[index] : NULL;
}

static int check_request(const struct fama_ca_issue *request, struct fama_error *error)
{
    if (form_of(request->role) == NULL) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "a certificate is issued for a client, peer, admin or orderer");
    }
    if (!is_name(request->name)) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "a name must be letters, digits, dots, dashes and underscores, at "
                              "most %d characters",
                              COMMON_NAME_MAX);
    }
    if (request->not_before_s < -CA_LIFETIME_S || request->not_after_s > CA_LIFETIME_S) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "the certificate of %s would lie outside the validity of its CA; "
                              "shorten it",
                              request->name);
    }
    if (request->not_after_s <= request->not_before_s) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "the certificate of %s would expire before it begins", request->name);
    }
    if (request->san_count > SANS_MAX) {
        return fama_error_set(error, FAMA_CA_INVALID, "at most %d alternative names are allowed",
                              SANS_MAX);
    }
    for (size_t i = 0; i < request->san_count; i++) {
        const char *san = request->sans[i];
        size_t len = san != NULL ? strlen(san) : 0;
        if (len == 0 || len > 253 ||
            strspn(san, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:*") !=
                len) {
            return fama_error_set(error, FAMA_CA_INVALID,
                                  "%s is neither a DNS name nor an IP address",
                                  san != NULL ? san : "an empty text");
        }
    }
    return 0;
}

/* Fabric judges a certificate at the moment it begins: its CA must be valid then. */
static int check_within(const struct fama_ca_pair *authority, const struct fama_ca_order *order,
                        struct fama_error *error)
{
    time_t begin = order->not_before;
    time_t end = order->not_after;
    if (X509_cmp_time(X509_get0_notBefore(authority->certificate), &begin) > 0 ||
        X509_cmp_time(X509_get0_notAfter(authority->certificate), &end) < 0) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "the certificate of %s would not lie within the validity of its CA; "
                              "shorten it",
                              order->common_name);
    }
    return 0;
}

static int issue_signing(const char *folder, const struct organisation *organisation,
                         struct fama_ca_order order, struct fama_error *error)
{
    char msp[PATH_MAX];
    char part[PATH_MAX];
    char file[2 * COMMON_NAME_MAX + 32];
    (void)snprintf(file, sizeof file, "%s-cert.pem", order.common_name);
    order.purpose = FAMA_CA_PURPOSE_SIGNING;
    order.issuer = &organisation->ca;
    struct fama_ca_pair pair;
    int result = fama_ca_pair_make(&order, &pair, error);
    if (result != 0) {
        return result;
    }
    result = join_path(msp, error, "%s/msp", folder);
    if (result == 0) {
        result = join_path(part, error, "%s/signcerts", msp);
    }
    if (result == 0) {
        result = write_certificate(part, file, &pair, error);
    }
    if (result == 0) {
        result = join_path(part, error, "%s/keystore", msp);
    }
    if (result == 0) {
        result = write_key(part, "priv_sk", &pair, error);
    }
    if (result == 0) {
        result = write_common_msp(msp, organisation, error);
    }
    fama_ca_pair_free(&pair);
    return result;
}

static int issue_tls(const char *folder, const struct organisation *organisation,
                     struct fama_ca_order order, const char *tls_name, struct fama_error *error)
{
    char tls[PATH_MAX];
    char certificate[32];
    char key[32];
    (void)snprintf(certificate, sizeof certificate, "%s.crt", tls_name);
    (void)snprintf(key, sizeof key, "%s.key", tls_name);
    order.purpose = FAMA_CA_PURPOSE_TLS;
    order.issuer = &organisation->tlsca;
    order.ou = NULL;
    struct fama_ca_pair pair;
    int result = fama_ca_pair_make(&order, &pair, error);
    if (result != 0) {
        return result;
    }
    result = join_path(tls, error, "%s/tls", folder);
    if (result == 0) {
        result = write_certificate(tls, certificate, &pair, error);
    }
    if (result == 0) {
        result = write_key(tls, key, &pair, error);
    }
    if (result == 0) {
        result = write_certificate(tls, "ca.crt", &organisation->tlsca, error);
    }
    fama_ca_pair_free(&pair);
    return result;
}

/* The node's or user's own folder; that it must be new is what keeps keys from being
 * overwritten. */
static int make_holder_folder(const struct fama_ca_issue *request, const struct role_form *form,
                              const char *common_name, char folder[PATH_MAX],
                              struct fama_error *error)
{
    int result = join_path(folder, error, "%s/%s", request->organisation, form->folder);
    if (result == 0) {
        result = make_folders(folder, error);
    }
    if (result == 0) {
        result =
            join_path(folder, error, "%s/%s/%s", request->organisation, form->folder, common_name);
    }
    return result != 0 ? result : make_new_folder(folder, error);
}

static int issue(const struct fama_ca_issue *request, const struct organisation *organisation,
                 char folder[PATH_MAX], struct fama_error *error)
{
    const struct role_form *form = form_of(request->role);
    char common_name[2 * COMMON_NAME_MAX + 2];
    int len = snprintf(common_name, sizeof common_name, "%s%s%s", request->name, form->joint,
                       organisation->domain);
    if (len > COMMON_NAME_MAX) {
        return fama_error_set(error, FAMA_CA_INVALID,
                              "%s has more than %d characters, which a certificate's name may not",
                              common_name, COMMON_NAME_MAX);
    }
    /* Hosts answer to their full and short name; users to none of their own. */
    const char *sans[SANS_MAX + 2];
    size_t san_count = 0;
    if (strcmp(form->joint, ".") == 0) {
        sans[san_count++] = common_name;
        sans[san_count++] = request->name;
    }
    for (size_t i = 0; i < request->san_count; i++) {
        sans[san_count++] = request->sans[i];
    }
    time_t now = time(NULL);
    struct fama_ca_order order = {
        .common_name = common_name,
        .ou = form->ou,
        .not_before = now + request->not_before_s,
        .not_after = now + request->not_after_s,
    };
    int result = check_within(&organisation->ca, &order, error);
    if (result == 0) {
        result = check_within(&organisation->tlsca, &order, error);
    }
    if (result == 0) {
        result = make_holder_folder(request, form, common_name, folder, error);
    }
    if (result != 0) {
        return result;
    }
    result = issue_signing(folder, organisation, order, error);
    if (result == 0) {
        order.sans = sans;
        order.san_count = san_count;
        result = issue_tls(folder, organisation, order, form->tls_name, error);
    }
    if (result != 0) {
        remove_folder(folder);
    }
    return result;
}

int fama_ca_issue(const struct fama_ca_issue *request, char *made, size_t made_size,
                  struct fama_error *error)
{
    struct organisation organisation = {0};
    char folder[PATH_MAX] = "";
    int result = check_request(request, error);
    if (result == 0) {
        result = read_organisation(request->organisation, &organisation, error);
    }
    if (result == 0) {
        result = issue(request, &organisation, folder, error);
    }
    free_organisation(&organisation);
    if (result == 0 && made != NULL) {
        int len = snprintf(made, made_size, "%s", folder);
        if (len < 0 || (size_t)len >= made_size) {
            return fama_error_set(error, FAMA_CA_INVALID,
                                  "%s was made, but its path does not fit the caller's %zu bytes",
                                  folder, made_size);
        }
    }
    return result;
}
