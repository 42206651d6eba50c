/* Nodes of one organisation for tests: each with a certificate, a key and the signer over both. */
#ifndef FAMA_TESTS_UNIT_SIGNERS_H
#define FAMA_TESTS_UNIT_SIGNERS_H

#include "crypto/signer.h"
#include "unit/members.h"

/* A signer opened from an MSP directory of its own, which is gone again when this returns. */
static inline struct fama_signer *test_signer(const struct fama_msp *msp,
                                              const struct test_order *order)
{
    char folder[64];
    test_make_folder(folder);
    struct test_pair pair;
    test_make(order, &pair);
    test_write_file(folder, "signcerts/me.pem", pair.pem);
    test_write_key(folder, "keystore/key", pair.key);
    test_free(&pair);
    struct fama_signer *signer = NULL;
    struct fama_error error = {{0}};
    if (fama_signer_open(folder, msp, &signer, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL_FATAL("no signer");
    }
    test_remove_folder(folder);
    return signer;
}

static inline struct fama_signer *test_peer_signer(const struct test_organisation *organisation,
                                                   const struct fama_msp *msp, const char *name)
{
    return test_signer(
        msp,
        &(struct test_order){.common_name = name, .ous = {"peer"}, .issuer = &organisation->root});
}

#endif
