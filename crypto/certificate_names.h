/* What Go's certificate parser makes of names; for crypto/certificate.c only.
 *
 * Source: Go crypto/x509/parser.go parseName and parseASN1String (Go 1.23, which Fabric 2.5.12 is
 * built with), crypto/x509/pkix FillFromRDNSequence. Stateless; any thread. */
#ifndef FAMA_CRYPTO_CERTIFICATE_NAMES_H
#define FAMA_CRYPTO_CERTIFICATE_NAMES_H

#include <openssl/types.h>

#include "crypto/bytes.h"

/* Whether every attribute is of a text kind that Go reads and holds what that kind allows. */
bool fama_name_is_readable(const X509_NAME *name);

/* The last common name as text, empty when there is none. Octets that a C text cannot hold become
 * question marks. NULL when out of memory; the caller frees it. */
char *fama_name_common_name(const X509_NAME *name);

/* The organizational units in order, in UTF-8 or as they stand. One block of memory, views first,
 * for the caller to free; NULL when out of memory. */
struct fama_bytes *fama_name_units(const X509_NAME *name, size_t *count);

#endif
