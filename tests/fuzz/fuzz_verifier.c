/* Signatures that all implementations of the verifier must judge alike: either written by the input byte by
 * byte, or such that the input says which u1 and u2 a verifier meets on its way, so that it can steer sums
 * into each other. The verdict of the second kind is known. Each is verified with a key that may have a table
 * and with one that has none. */
#include <stdlib.h>

#include "crypto/hot_keys.h"
#include "crypto/verifier.h"
#include "tests/unit/aimed_signatures.h"

#define JOBS_MAX  12 /* of one input */
#define JOB_BYTES (2 + 3 * AIMED_BYTES)
#define KEYS      (AIMED_KEYS + AIMED_STRAY_KEYS)
#define WARM_KEYS 48
#define WARM_STEP 9 /* from one of them to the next, round and round */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct aimed *aimed;
static struct fama_verifier *verifiers[FAMA_VERIFIER_IMPLEMENTATIONS];
static struct fama_public_key *keys[KEYS];

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Each of some keys of all kinds gets its table by an engine. */
static void warm_up(struct fama_verifier *verifier)
{
    static struct fama_verify_job jobs[FAMA_HOT_KEYS_WARM_UP];
    struct fama_verify_job *list[FAMA_HOT_KEYS_WARM_UP];
    for (size_t key = 0; key < WARM_KEYS; key++) {
        for (size_t i = 0; i < FAMA_HOT_KEYS_WARM_UP; i++) {
            jobs[i] = (struct fama_verify_job){.key = keys[(WARM_STEP * key) % KEYS]};
            jobs[i].signature.r[AIMED_BYTES - 1] = 1;
            jobs[i].signature.s[AIMED_BYTES - 1] = 1;
            list[i] = &jobs[i];
        }
        fama_verifier_run(verifier, list, FAMA_HOT_KEYS_WARM_UP);
    }
    must(fama_verifier_counts(verifier)->tables == WARM_KEYS);
}

/* Before the clock of the first input runs. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    aimed = aimed_create(1);
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = fama_public_key_from_point(aimed->points[i], AIMED_POINT_BYTES);
        must(keys[i] != NULL);
    }
    for (int i = FAMA_VERIFIER_OPENSSL; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        enum fama_verifier_implementation implementation = (enum fama_verifier_implementation)i;
        if (fama_verifier_is_supported(implementation)) {
            verifiers[i] = fama_verifier_create_with(implementation);
            must(verifiers[i] != NULL);
            if (i != FAMA_VERIFIER_OPENSSL) {
                warm_up(verifiers[i]);
            }
        }
    }
    return 0;
}

static void read_scalar(const uint8_t *bytes, BIGNUM *scalar)
{
    must(BN_bin2bn(bytes, AIMED_BYTES, scalar) != NULL &&
         BN_nnmod(scalar, scalar, aimed->n, aimed->context) == 1);
}

/* A byte says of which kind it is, a byte its key, then digest, r and s, or u1, u2 and what to add. */
static void read_signature(const uint8_t *data, struct aimed_signature *signature)
{
    const uint8_t *first = data + 2;
    const uint8_t *second = first + AIMED_BYTES;
    const uint8_t *third = second + AIMED_BYTES;
    size_t key = data[1];
    switch (data[0] % 4) {
    case 0:
        *signature = (struct aimed_signature){.key = key % KEYS, .verdict = AIMED_UNKNOWN};
        memcpy(signature->digest, first, AIMED_BYTES);
        memcpy(signature->r, second, AIMED_BYTES);
        memcpy(signature->s, third, AIMED_BYTES);
        return;
    case 1:
        *signature = aimed->stray[key % AIMED_STRAY_KEYS];
        return;
    case 2:
        read_scalar(first, aimed->u1);
        read_scalar(second, aimed->u2);
        break;
    default:
        /* u1 = (u2 times the logarithm, or its opposite) + what to add */
        read_scalar(second, aimed->u2);
        read_scalar(third, aimed->t);
        must(BN_mod_mul(aimed->u1, aimed->u2, aimed->logarithm[key % AIMED_KEYS], aimed->n,
                        aimed->context) == 1 &&
             (data[0] < 128 || BN_sub(aimed->u1, aimed->n, aimed->u1) == 1) &&
             BN_mod_add(aimed->u1, aimed->u1, aimed->t, aimed->n, aimed->context) == 1);
        break;
    }
    if (BN_is_zero(aimed->u2)) {
        must(BN_one(aimed->u2) == 1);
    }
    aimed_from_scalars(aimed, key % AIMED_KEYS, aimed->u1, aimed->u2, signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fama_verify_job jobs[2 * JOBS_MAX];
    struct fama_verify_job *list[2 * JOBS_MAX];
    struct fama_public_key *cold[JOBS_MAX];
    struct aimed_signature signatures[JOBS_MAX];
    enum fama_verdict expected[JOBS_MAX];
    aimed->random = 1; /* the same input is the same signatures */
    size_t count = size / JOB_BYTES < JOBS_MAX ? size / JOB_BYTES : JOBS_MAX;
    for (size_t i = 0; i < count; i++) {
        read_signature(data + i * JOB_BYTES, &signatures[i]);
        cold[i] = fama_public_key_from_point(aimed->points[signatures[i].key], AIMED_POINT_BYTES);
        must(cold[i] != NULL);
    }
    for (size_t v = FAMA_VERIFIER_OPENSSL; v < FAMA_VERIFIER_IMPLEMENTATIONS; v++) {
        for (size_t i = 0; i < 2 * count; i++) {
            const struct aimed_signature *signature = &signatures[i / 2];
            jobs[i] =
                (struct fama_verify_job){.key = i % 2 == 0 ? keys[signature->key] : cold[i / 2]};
            memcpy(jobs[i].digest, signature->digest, AIMED_BYTES);
            memcpy(jobs[i].signature.r, signature->r, AIMED_BYTES);
            memcpy(jobs[i].signature.s, signature->s, AIMED_BYTES);
            list[i] = &jobs[i];
        }
        if (verifiers[v] != NULL) {
            fama_verifier_run(verifiers[v], list, 2 * count);
        }
        for (size_t i = 0; verifiers[v] != NULL && i < 2 * count; i++) {
            if (v == FAMA_VERIFIER_OPENSSL) {
                expected[i / 2] = jobs[i].verdict;
            }
            must(jobs[i].verdict == expected[i / 2]);
            must(signatures[i / 2].verdict == AIMED_UNKNOWN ||
                 (signatures[i / 2].verdict == AIMED_GOOD) ==
                     (jobs[i].verdict == FAMA_VERDICT_GOOD));
        }
    }
    for (size_t i = 0; i < count; i++) {
        fama_public_key_free(cold[i]);
    }
    return 0;
}
