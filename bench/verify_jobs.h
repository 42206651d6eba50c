/* Signatures to measure verification with: good ones, over digests of their own, by keys of a given number.
 *
 * A key counts its uses and warms up with them, so whoever measures cold keys forgets them each time: the
 * same points, as keys never seen before. One thread. */
#ifndef FAMA_BENCH_VERIFY_JOBS_H
#define FAMA_BENCH_VERIFY_JOBS_H

#include "crypto/verifier.h"

struct fama_bench_key; /* a private key, and its public one as a verifier sees it */

struct fama_bench_jobs {
    struct fama_verify_job *jobs;
    struct fama_verify_job **list; /* the jobs, in an order in which the keys are mixed */
    size_t count;
    struct fama_bench_key *keys;
    size_t key_count;
};

/* `hot_keys` sign all but one in `cold_every` signatures; those are each by a key of its own (0: none). With
 * no hot keys all are. False when memory is out or OpenSSL refuses. */
bool fama_bench_jobs_make(struct fama_bench_jobs *jobs, size_t count, size_t hot_keys,
                          size_t cold_every);
void fama_bench_jobs_free(struct fama_bench_jobs *jobs);
/* Makes those keys new that sign once. False when memory is out. */
bool fama_bench_jobs_forget(struct fama_bench_jobs *jobs);

#endif
