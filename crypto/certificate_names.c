#include "crypto/certificate_names.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* The letters of PrintableString, and the two that Go adds because they are in use. */
static bool is_printable(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(" '()+,-./:=?*&", c) != NULL);
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static bool is_utf8(struct fama_bytes text)
{
    size_t at = 0;
    while (at < text.len) {
        uint8_t first = text.at[at++];
        if (first < 0x80) {
            continue;
        }
        size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || more > text.len - at) {
            return false;
        }
        uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        for (size_t i = 0; i < more; i++) {
            uint8_t c = text.at[at++];
            if (c < low || c > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

static struct fama_bytes octets_of(const ASN1_STRING *text)
{
    return fama_bytes(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

static bool is_readable(const ASN1_STRING *string)
{
    struct fama_bytes text = octets_of(string);
    uint8_t all = 0;
    switch (ASN1_STRING_type(string)) {
    case V_ASN1_T61STRING:
        return true;
    case V_ASN1_BMPSTRING:
        return text.len % 2 == 0;
    case V_ASN1_UTF8STRING:
        return is_utf8(text);
    case V_ASN1_IA5STRING:
        for (size_t i = 0; i < text.len; i++) {
            all |= text.at[i];
        }
        return all < 0x80;
    case V_ASN1_PRINTABLESTRING:
        for (size_t i = 0; i < text.len; i++) {
            if (!is_printable(text.at[i])) {
                return false;
            }
        }
        return true;
    case V_ASN1_NUMERICSTRING:
        for (size_t i = 0; i < text.len; i++) {
            if ((text.at[i] < '0' || text.at[i] > '9') && text.at[i] != ' ') {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

bool fama_name_is_readable(const X509_NAME *name)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        if (!is_readable(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)))) {
            return false;
        }
    }
    return true;
}

/* UTF-16 becomes UTF-8: at most three octets for each two. Returns how many were written. */
static size_t put_bmp(struct fama_bytes text, uint8_t *out)
{
    size_t len = 0;
    if (text.len >= 2 && text.at[text.len - 1] == 0 && text.at[text.len - 2] == 0) {
        text.len -= 2; /* Go takes a terminator off */
    }
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        uint32_t c = (uint32_t)text.at[i] << 8 | text.at[i + 1];
        uint32_t next = i + 3 < text.len ? (uint32_t)text.at[i + 2] << 8 | text.at[i + 3] : 0;
        if (c >= 0xd800 && c < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        if (c < 0x80) {
            out[len++] = (uint8_t)c;
        } else if (c < 0x800) {
            out[len++] = (uint8_t)(0xc0 | c >> 6);
            out[len++] = (uint8_t)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            out[len++] = (uint8_t)(0xe0 | c >> 12);
            out[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            out[len++] = (uint8_t)(0x80 | (c & 0x3f));
        } else {
            out[len++] = (uint8_t)(0xf0 | c >> 18);
            out[len++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
            out[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            out[len++] = (uint8_t)(0x80 | (c & 0x3f));
        }
    }
    return len;
}

/* `out` has room for room_for() octets. */
static size_t put(const ASN1_STRING *string, uint8_t *out)
{
    struct fama_bytes text = octets_of(string);
    if (ASN1_STRING_type(string) == V_ASN1_BMPSTRING) {
        return put_bmp(text, out);
    }
    if (text.len > 0) {
        memcpy(out, text.at, text.len);
    }
    return text.len;
}

static size_t room_for(const ASN1_STRING *string)
{
    return 2 * (size_t)ASN1_STRING_length(string);
}

/* The next attribute of this kind after number `at`; moves `at` there. NULL behind the last. */
static const ASN1_STRING *next_of(const X509_NAME *name, int nid, int *at)
{
    *at = X509_NAME_get_index_by_NID(name, nid, *at);
    return *at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, *at)) : NULL;
}

char *fama_name_common_name(const X509_NAME *name)
{
    const ASN1_STRING *last = NULL;
    int at = -1;
    for (const ASN1_STRING *next; (next = next_of(name, NID_commonName, &at)) != NULL;) {
        last = next;
    }
    char *text = calloc(1, last != NULL ? room_for(last) + 1 : 1);
    if (text == NULL || last == NULL) {
        return text;
    }
    size_t len = put(last, (uint8_t *)text);
    for (size_t i = 0; i < len; i++) {
        text[i] = text[i] != '\0' ? text[i] : '?';
    }
    return text;
}

struct fama_bytes *fama_name_units(const X509_NAME *name, size_t *count)
{
    size_t found = 0;
    size_t room = 0;
    int at = -1;
    for (const ASN1_STRING *next;
         (next = next_of(name, NID_organizationalUnitName, &at)) != NULL;) {
        found++;
        room += room_for(next);
    }
    struct fama_bytes *units = malloc(found * sizeof *units + room + 1);
    if (units == NULL) {
        return NULL;
    }
    uint8_t *text = (uint8_t *)(units + found);
    *count = 0;
    for (const ASN1_STRING *next;
         (next = next_of(name, NID_organizationalUnitName, &at)) != NULL;) {
        size_t len = put(next, text);
        units[(*count)++] = fama_bytes(text, len);
        text += len;
    }
    return units;
}
