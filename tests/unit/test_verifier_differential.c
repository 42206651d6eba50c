/* Every implementation of the verifier against OpenSSL, and against what signatures were made to be: random
 * ones, and ones aimed at what formulas leave out. FAMA_CASES says how many (default 200,000; many
 * millions by hand). */
#include <inttypes.h>

#include "crypto/verifier.h"
#include "unit/aimed_signatures.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define CASES     200000
#define BATCH_MAX 400
#define KEYS      (AIMED_KEYS + AIMED_STRAY_KEYS)
/* The same keys again and again, so that they become hot: all have a table before a third of all. */
#define TABLES_AT_LEAST (KEYS / 2)

/* One batch, as two implementations see it. */
static struct aimed_signature signatures[BATCH_MAX];
static struct fama_verify_job jobs[BATCH_MAX];
static struct fama_verify_job reference_jobs[BATCH_MAX];
static struct fama_verify_job *list[BATCH_MAX];
static struct fama_verify_job *reference_list[BATCH_MAX];
static struct fama_public_key *fresh[BATCH_MAX]; /* keys of their own, never used again: cold */

static uint64_t how_many(void)
{
    const char *given = getenv("FAMA_CASES");
    return given != NULL ? strtoull(given, NULL, 0) : CASES;
}

static void print_bytes(const char *name, const uint8_t *bytes, size_t len)
{
    fprintf(stderr, "  %s ", name);
    for (size_t i = 0; i < len; i++) {
        fprintf(stderr, "%02x", bytes[i]);
    }
    fprintf(stderr, "\n");
}

static void fill(struct aimed *aimed, struct fama_public_key *const keys[KEYS], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct aimed_signature *signature = &signatures[i];
        aimed_next(aimed, signature);
        fresh[i] = NULL;
        if (aimed_below(aimed, 2) == 0) {
            fresh[i] = fama_public_key_from_point(aimed->points[signature->key], AIMED_POINT_BYTES);
            CU_ASSERT_PTR_NOT_NULL_FATAL(fresh[i]);
        }
        jobs[i] =
            (struct fama_verify_job){.key = fresh[i] != NULL ? fresh[i] : keys[signature->key]};
        memcpy(jobs[i].digest, signature->digest, AIMED_BYTES);
        memcpy(jobs[i].signature.r, signature->r, AIMED_BYTES);
        memcpy(jobs[i].signature.s, signature->s, AIMED_BYTES);
        reference_jobs[i] = jobs[i];
        list[i] = &jobs[i];
        reference_list[i] = &reference_jobs[i];
    }
}

static size_t compare(const struct aimed *aimed, enum fama_verifier_implementation implementation,
                      size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct aimed_signature *signature = &signatures[i];
        enum fama_verdict expected = reference_jobs[i].verdict;
        if (signature->verdict != AIMED_UNKNOWN) {
            expected = signature->verdict == AIMED_GOOD ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD;
        }
        if (jobs[i].verdict != expected || reference_jobs[i].verdict != expected) {
            wrong++;
            fprintf(stderr, "\n%s says %d, OpenSSL %d, made to be %d, %s key %zu\n",
                    fama_verifier_name(implementation), jobs[i].verdict, reference_jobs[i].verdict,
                    signature->verdict, fresh[i] != NULL ? "new" : "old", signature->key);
            print_bytes("point ", aimed->points[signature->key], AIMED_POINT_BYTES);
            print_bytes("digest", signature->digest, AIMED_BYTES);
            print_bytes("r     ", signature->r, AIMED_BYTES);
            print_bytes("s     ", signature->s, AIMED_BYTES);
        }
        fama_public_key_free(fresh[i]);
    }
    return wrong;
}

static void run(struct aimed *aimed, enum fama_verifier_implementation implementation,
                uint64_t cases)
{
    struct fama_verifier *verifier = fama_verifier_create_with(implementation);
    struct fama_verifier *reference = fama_verifier_create_with(FAMA_VERIFIER_OPENSSL);
    struct fama_public_key *keys[KEYS];
    CU_ASSERT_FATAL(verifier != NULL && reference != NULL);
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = fama_public_key_from_point(aimed->points[i], AIMED_POINT_BYTES);
        CU_ASSERT_PTR_NOT_NULL_FATAL(keys[i]);
    }
    size_t wrong = 0;
    uint64_t good = 0;
    uint64_t done = 0;
    while (done < cases && wrong < 10) {
        size_t count = 1 + aimed_below(aimed, aimed_below(aimed, 2) == 0 ? BATCH_MAX : 20);
        fill(aimed, keys, count);
        fama_verifier_run(verifier, list, count);
        fama_verifier_run(reference, reference_list, count);
        wrong += compare(aimed, implementation, count);
        for (size_t i = 0; i < count; i++) {
            good += jobs[i].verdict == FAMA_VERDICT_GOOD;
        }
        done += count;
    }
    const struct fama_verifier_counts *counts = fama_verifier_counts(verifier);
    fprintf(stderr,
            "\n%s: %" PRIu64 " cases, %" PRIu64 " good; %" PRIu64 " hot, %" PRIu64 " cold, %" PRIu64
            " undecided, %" PRIu64 " tables\n",
            fama_verifier_name(implementation), done, good, counts->hot, counts->cold,
            counts->undecided, counts->tables);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(good > done / 4 && good < done - done / 8);
    if (cases >= CASES / 4) {
        CU_ASSERT(counts->hot > done / 8);
        CU_ASSERT(counts->cold > done / 4);
        CU_ASSERT(counts->tables > TABLES_AT_LEAST);
        /* What is aimed hits now and then, and never more than that. */
        CU_ASSERT(counts->undecided > 0 && counts->undecided < done / 4);
    }
    for (size_t i = 0; i < KEYS; i++) {
        fama_public_key_free(keys[i]);
    }
    fama_verifier_destroy(reference);
    fama_verifier_destroy(verifier);
}

static void all_implementations_judge_as_openssl_does(void)
{
    struct aimed *aimed = aimed_create(test_seed("verifier_differential"));
    size_t implementations = 0;
    for (int i = FAMA_VERIFIER_PORTABLE; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        implementations += fama_verifier_is_supported((enum fama_verifier_implementation)i);
    }
    CU_ASSERT_FATAL(implementations > 0);
    uint64_t cases = how_many() / implementations + 1;
    for (int i = FAMA_VERIFIER_PORTABLE; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        if (fama_verifier_is_supported((enum fama_verifier_implementation)i)) {
            run(aimed, (enum fama_verifier_implementation)i, cases);
        }
    }
    aimed_destroy(aimed);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(all_implementations_judge_as_openssl_does),
    };
    return run_suite("verifier_differential", cases, sizeof cases / sizeof cases[0]);
}
