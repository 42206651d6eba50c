#include "crypto/name_constraints.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum answer { NO, YES, UNREADABLE };

static struct fama_bytes octets_of(const ASN1_STRING *text)
{
    return fama_bytes(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

/* Labels of visible ASCII with single dots between them; no labels at all is fine too. */
static bool is_domain(struct fama_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        bool is_at_edge = i == 0 || i == text.len - 1 || text.at[i - 1] == '.';
        if (c < 33 || c > 126 || (c == '.' && is_at_edge)) {
            return false;
        }
    }
    return true;
}

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool equal_but_for_case(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (folded(a[i]) != folded(b[i])) {
            return false;
        }
    }
    return true;
}

/* A constraint covers itself and what is below it; with a dot in front only what is below it. */
static enum answer covers_domain(struct fama_bytes constraint, struct fama_bytes domain)
{
    if (constraint.len == 0) {
        return YES;
    }
    bool only_below = constraint.at[0] == '.';
    if (only_below) {
        constraint = fama_bytes(constraint.at + 1, constraint.len - 1);
    }
    if (!is_domain(domain) || !is_domain(constraint)) {
        return UNREADABLE;
    }
    if (constraint.len == 0) {
        return domain.len > 0 ? YES : NO;
    }
    if (domain.len < constraint.len) {
        return NO;
    }
    size_t above = domain.len - constraint.len;
    bool is_aligned = above == 0 ? !only_below : domain.at[above - 1] == '.';
    return is_aligned && equal_but_for_case(domain.at + above, constraint.at, constraint.len) ? YES
                                                                                              : NO;
}

/* An address without quotes: RFC 2821 dot-string @ domain. */
static bool split_mailbox(struct fama_bytes address, struct fama_bytes *local,
                          struct fama_bytes *domain)
{
    const uint8_t *at = address.len > 0 ? memchr(address.at, '@', address.len) : NULL;
    if (at == NULL || at == address.at) {
        return false;
    }
    *local = fama_bytes(address.at, (size_t)(at - address.at));
    *domain = fama_bytes(at + 1, address.len - local->len - 1);
    for (size_t i = 0; i < local->len; i++) {
        uint8_t c = local->at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~.", c) == NULL)) {
            return false;
        }
    }
    return is_domain(*local) && is_domain(*domain);
}

static enum answer covers_address(struct fama_bytes constraint, struct fama_bytes address)
{
    struct fama_bytes local;
    struct fama_bytes domain;
    struct fama_bytes wanted_local;
    struct fama_bytes wanted_domain;
    if (!split_mailbox(address, &local, &domain)) {
        return UNREADABLE;
    }
    if (constraint.len == 0 || memchr(constraint.at, '@', constraint.len) == NULL) {
        return covers_domain(constraint, domain);
    }
    if (!split_mailbox(constraint, &wanted_local, &wanted_domain)) {
        return UNREADABLE;
    }
    return fama_bytes_equal(local, wanted_local) && domain.len == wanted_domain.len &&
                   equal_but_for_case(domain.at, wanted_domain.at, domain.len)
               ? YES
               : NO;
}

/* The part between // and the path, without user and port. False for addresses and what has none.
 */
static bool host_of(struct fama_bytes uri, struct fama_bytes *host)
{
    const uint8_t *slashes = uri.len > 0 ? memmem(uri.at, uri.len, "://", 3) : NULL;
    if (slashes == NULL) {
        return false;
    }
    const uint8_t *from = slashes + 3;
    const uint8_t *to = from;
    for (; to < uri.at + uri.len && strchr("/?#", *to) == NULL; to++) {
        if (*to == '@') {
            from = to + 1;
        }
    }
    const uint8_t *colon = to > from ? memchr(from, ':', (size_t)(to - from)) : NULL;
    *host = fama_bytes(from, (size_t)((colon != NULL ? colon : to) - from));
    char text[64];
    struct in_addr address;
    if (host->len > 0 && host->len < sizeof text) {
        memcpy(text, host->at, host->len);
        text[host->len] = '\0';
        if (inet_pton(AF_INET, text, &address) == 1) {
            return false;
        }
    }
    return host->len > 0 && host->at[0] != '[';
}

static enum answer covers_uri(struct fama_bytes constraint, struct fama_bytes uri)
{
    struct fama_bytes host;
    return host_of(uri, &host) ? covers_domain(constraint, host) : UNREADABLE;
}

static bool is_mask(const uint8_t *mask, size_t len)
{
    bool ended = false;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bool is_set = (mask[bit / 8] >> (7 - bit % 8) & 1) != 0;
        if (is_set && ended) {
            return false;
        }
        ended = !is_set;
    }
    return true;
}

static enum answer covers_ip(struct fama_bytes constraint, struct fama_bytes ip)
{
    size_t len = constraint.len / 2;
    if ((constraint.len != 8 && constraint.len != 32) || !is_mask(constraint.at + len, len)) {
        return UNREADABLE;
    }
    if (ip.len != len) {
        return NO;
    }
    for (size_t i = 0; i < len; i++) {
        if (((ip.at[i] ^ constraint.at[i]) & constraint.at[len + i]) != 0) {
            return NO;
        }
    }
    return YES;
}

static enum answer covers(const GENERAL_NAME *constraint, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        return covers_domain(octets_of(constraint->d.dNSName), octets_of(name->d.dNSName));
    case GEN_EMAIL:
        return covers_address(octets_of(constraint->d.rfc822Name), octets_of(name->d.rfc822Name));
    case GEN_URI:
        return covers_uri(octets_of(constraint->d.uniformResourceIdentifier),
                          octets_of(name->d.uniformResourceIdentifier));
    case GEN_IPADD:
        return covers_ip(octets_of(constraint->d.iPAddress), octets_of(name->d.iPAddress));
    default:
        return NO;
    }
}

static bool is_known(int type)
{
    return type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI || type == GEN_IPADD;
}

/* Go looks at the form of a name before it looks for constraints on it. */
static bool is_readable(const GENERAL_NAME *name)
{
    struct fama_bytes local;
    struct fama_bytes domain;
    switch (name->type) {
    case GEN_DNS:
        return is_domain(octets_of(name->d.dNSName));
    case GEN_EMAIL:
        return split_mailbox(octets_of(name->d.rfc822Name), &local, &domain);
    case GEN_IPADD:
        return ASN1_STRING_length(name->d.iPAddress) == 4 ||
               ASN1_STRING_length(name->d.iPAddress) == 16;
    default:
        return true;
    }
}

/* YES when one of the trees of the name's kind covers it; *has_any tells if there are such. */
static enum answer cover(const STACK_OF(GENERAL_SUBTREE) * trees, const GENERAL_NAME *name,
                         bool *has_any)
{
    *has_any = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
        const GENERAL_NAME *constraint = sk_GENERAL_SUBTREE_value(trees, i)->base;
        if (constraint->type != name->type) {
            continue;
        }
        *has_any = true;
        enum answer answer = covers(constraint, name);
        if (answer != NO) {
            return answer;
        }
    }
    return NO;
}

static bool allow(const NAME_CONSTRAINTS *constraints, const GENERAL_NAME *name)
{
    bool has_any;
    if (!is_known(name->type)) {
        return true;
    }
    if (!is_readable(name) || cover(constraints->excludedSubtrees, name, &has_any) != NO) {
        return false;
    }
    enum answer permitted = cover(constraints->permittedSubtrees, name, &has_any);
    return permitted == YES || (permitted == NO && !has_any);
}

static bool allow_all(const NAME_CONSTRAINTS *constraints, const X509 *certificate)
{
    if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0) {
        return true;
    }
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool allowed = names != NULL;
    for (int i = 0; allowed && i < sk_GENERAL_NAME_num(names); i++) {
        allowed = allow(constraints, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
    return allowed;
}

static bool has_unknown(const STACK_OF(GENERAL_SUBTREE) * trees)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
        if (!is_known(sk_GENERAL_SUBTREE_value(trees, i)->base->type)) {
            return true;
        }
    }
    return false;
}

/* Constraints of kinds that Go does not know are passed over, unless the extension is critical (as
 * it must be, RFC 5280 §4.2.1.10): then the authority is good for nothing. */
bool fama_name_constraints_hold(const struct fama_certificate *authority,
                                const struct fama_chain *below)
{
    if (X509_get_ext_by_NID(authority->x509, NID_name_constraints, -1) < 0) {
        return true;
    }
    int is_critical = 0;
    NAME_CONSTRAINTS *constraints =
        X509_get_ext_d2i(authority->x509, NID_name_constraints, &is_critical, NULL);
    bool hold =
        constraints != NULL && (is_critical != 1 || (!has_unknown(constraints->permittedSubtrees) &&
                                                     !has_unknown(constraints->excludedSubtrees)));
    for (size_t i = 0; hold && i < below->length; i++) {
        hold = allow_all(constraints, below->certificates[i]->x509);
    }
    NAME_CONSTRAINTS_free(constraints);
    return hold;
}
