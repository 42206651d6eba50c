#include "bench/verify_jobs.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define POINT_BYTES 65

struct fama_bench_key {
    uint8_t point[POINT_BYTES];
    bool signs_once;
    struct fama_public_key *public_key;
    EVP_PKEY *private_key;
    EVP_PKEY_CTX *context;
};

static bool make_key(struct fama_bench_key *key)
{
    size_t len = 0;
    key->private_key = EVP_EC_gen("P-256");
    key->context = key->private_key == NULL ? NULL : EVP_PKEY_CTX_new(key->private_key, NULL);
    if (key->context == NULL || EVP_PKEY_sign_init(key->context) != 1 ||
        EVP_PKEY_get_octet_string_param(key->private_key, OSSL_PKEY_PARAM_PUB_KEY, key->point,
                                        sizeof key->point, &len) != 1) {
        return false;
    }
    key->public_key = fama_public_key_from_point(key->point, len);
    return key->public_key != NULL;
}

static bool sign(const struct fama_bench_key *key, size_t number, struct fama_verify_job *job)
{
    uint8_t der[2 * FAMA_SIGNATURE_DER_MAX];
    size_t len = sizeof der;
    fama_sha256(fama_bytes(&number, sizeof number), job->digest);
    if (EVP_PKEY_sign(key->context, der, &len, job->digest, sizeof job->digest) != 1) {
        return false;
    }
    int read = fama_signature_from_der(fama_bytes(der, len), &job->signature);
    if (read == FAMA_SIGNATURE_HIGH_S) {
        fama_signature_make_low_s(&job->signature);
        read = 0;
    }
    job->key = key->public_key;
    return read == 0;
}

/* The same order in every run: neighbours are rarely by the same key. */
static void mix(struct fama_bench_jobs *jobs)
{
    uint64_t state = 1;
    for (size_t i = jobs->count; i > 1; i--) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t j = (size_t)(state >> 33) % i;
        struct fama_verify_job *job = jobs->list[i - 1];
        jobs->list[i - 1] = jobs->list[j];
        jobs->list[j] = job;
    }
}

bool fama_bench_jobs_make(struct fama_bench_jobs *jobs, size_t count, size_t hot_keys,
                          size_t cold_every)
{
    size_t once = hot_keys == 0 ? count : 0;
    once = cold_every > 0 ? count / cold_every : once;
    *jobs = (struct fama_bench_jobs){.count = count, .key_count = hot_keys + once};
    jobs->jobs = calloc(count, sizeof *jobs->jobs);
    jobs->list = calloc(count, sizeof(*jobs->list));
    jobs->keys = calloc(jobs->key_count, sizeof *jobs->keys);
    bool is_made = jobs->jobs != NULL && jobs->list != NULL && jobs->keys != NULL;
    for (size_t i = 0; is_made && i < jobs->key_count; i++) {
        is_made = make_key(&jobs->keys[i]);
        jobs->keys[i].signs_once = i >= hot_keys;
    }
    for (size_t i = 0; is_made && i < count; i++) {
        size_t by = i < once ? hot_keys + i : i % hot_keys;
        is_made = sign(&jobs->keys[by], i, &jobs->jobs[i]);
        jobs->list[i] = &jobs->jobs[i];
    }
    if (is_made) {
        mix(jobs);
    } else {
        fama_bench_jobs_free(jobs);
    }
    return is_made;
}

void fama_bench_jobs_free(struct fama_bench_jobs *jobs)
{
    for (size_t i = 0; jobs->keys != NULL && i < jobs->key_count; i++) {
        fama_public_key_free(jobs->keys[i].public_key);
        EVP_PKEY_CTX_free(jobs->keys[i].context);
        EVP_PKEY_free(jobs->keys[i].private_key);
    }
    free(jobs->keys);
    free((void *)jobs->list);
    free(jobs->jobs);
    *jobs = (struct fama_bench_jobs){.jobs = NULL};
}

bool fama_bench_jobs_forget(struct fama_bench_jobs *jobs)
{
    size_t once = 0;
    for (size_t i = 0; i < jobs->key_count; i++) {
        struct fama_bench_key *key = &jobs->keys[i];
        if (!key->signs_once) {
            continue;
        }
        struct fama_public_key *fresh = fama_public_key_from_point(key->point, sizeof key->point);
        if (fresh == NULL) {
            return false;
        }
        fama_public_key_free(key->public_key);
        key->public_key = fresh;
        jobs->jobs[once++].key = fresh; /* the jobs of keys that sign once come first */
    }
    return true;
}
