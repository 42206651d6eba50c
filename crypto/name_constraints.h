/* Whether an authority's name constraints allow the certificates below it, as Go judges.
 *
 * OpenSSL's own check also looks at mail addresses in subjects, and reads constraints on mail
 * addresses in another way; nodes that disagree on a certificate disagree on a transaction. Go looks
 * at alternative names only. Sources: Go crypto/x509/verify.go isValid, checkNameConstraints and the
 * matching functions, parser.go parseNameConstraintsExtension (Go 1.23). For crypto/chain.c only;
 * stateless; any thread. Adversary: whoever writes certificates.
 *
 * One deviation: a mail address with a quoted part before the @ is refused under any authority with
 * constraints. */
#ifndef FAMA_CRYPTO_NAME_CONSTRAINTS_H
#define FAMA_CRYPTO_NAME_CONSTRAINTS_H

#include "crypto/chain.h"

bool fama_name_constraints_hold(const struct fama_certificate *authority,
                                const struct fama_chain *below);

#endif
