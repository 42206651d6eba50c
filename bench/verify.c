#include "bench/verify.h"

#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/verify_jobs.h"

#define ROUNDS_MAX   101
#define MEASURED_NS  UINT64_C(100000000) /* of one implementation in one round */
#define LOOK_AFTER   64                  /* signatures */
#define WARM_UP_RUNS 20                  /* through all signatures of a case, at most */

static const char help[] =
    "usage: fama-bench verify [--case NAME] [--implementation NAME] [--batch N] [--rounds N]\n"
    "           [--json]\n"
    "\n"
    "Verifies ECDSA P-256 signatures on one core with every implementation that this processor\n"
    "runs (openssl is the reference, then portable, mulx, avx512ifma), in turn, a tenth of a\n"
    "second of processor time each per round. Cases:\n"
    "  hot-2, hot-16, hot-256   signatures by so many keys, which have been used before\n"
    "  cold                     each signature by a key never seen before\n"
    "  mixed                    by 16 hot keys, and one in ten by a key never seen before\n"
    "  lone                     one signature at a time, by a hot key: how long one has to wait\n"
    "\n"
    "  --case NAME             this one only\n"
    "  --implementation NAME   this one only, beside openssl\n"
    "  --batch N               signatures handed over at once (256); lone has always 1\n"
    "  --rounds N              medians of so many are printed (7)\n"
    "  --json                  one JSON object per case and implementation\n"
    "\n"
    "ratio_openssl is the median of the rounds' ratios: the two were measured within a second.\n"
    "\n"
    "example: fama-bench verify --case hot-16 --batch 64 --json\n";

const struct fama_command fama_bench_verify_command = {
    "verify", "verify signatures in batches, beside OpenSSL", help, fama_bench_verify};

struct verify_case {
    const char *name;
    size_t signatures;
    size_t hot_keys;
    size_t cold_every;
    size_t batch; /* 0: as the caller says */
};

/* So many signatures that they touch most of the keys' tables: else those would seem to fit the caches. */
static const struct verify_case cases[] = {
    {"hot-2", 4096, 2, 0, 0}, {"hot-16", 8192, 16, 0, 0}, {"hot-256", 16384, 256, 0, 0},
    {"cold", 1024, 0, 0, 0},  {"mixed", 4096, 16, 10, 0}, {"lone", 1024, 1, 0, 1},
};
#define CASES (sizeof cases / sizeof cases[0])

struct verify_options {
    const char *only_case;
    const char *only_implementation;
    uint64_t batch, rounds;
    bool as_json;
};

/* One implementation in one case. The first one of all is OpenSSL. */
struct contestant {
    enum fama_verifier_implementation implementation;
    struct fama_verifier *verifier;
    size_t at; /* where in the signatures it goes on */
    double per_s[ROUNDS_MAX];
    double ratio[ROUNDS_MAX];
};

/* Of this thread on its processor: what others take from it is no property of an implementation. */
static uint64_t busy_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Verifies the next batch. Returns how many, or 0 when a good signature was called bad. */
static size_t run_batch(struct contestant *contestant, struct fama_bench_jobs *jobs, size_t batch)
{
    struct fama_verify_job **list = jobs->list + contestant->at;
    size_t left = jobs->count - contestant->at;
    size_t count = batch < left ? batch : left;
    for (size_t i = 0; i < count; i++) {
        list[i]->verdict = FAMA_VERDICT_PENDING;
    }
    fama_verifier_run(contestant->verifier, list, count);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->verdict != FAMA_VERDICT_GOOD) {
            return 0;
        }
    }
    contestant->at = (contestant->at + count) % jobs->count;
    return count;
}

/* Until every hot key has its table. */
static bool warm_up(struct contestant *contestant, struct fama_bench_jobs *jobs, size_t batch)
{
    const struct fama_verifier_counts *counts = fama_verifier_counts(contestant->verifier);
    for (int run = 0; run < WARM_UP_RUNS; run++) {
        uint64_t tables = counts->tables;
        do {
            if (run_batch(contestant, jobs, batch) == 0) {
                return false;
            }
        } while (contestant->at != 0);
        if (counts->tables == tables && run > 0) {
            break;
        }
    }
    return true;
}

/* Verifications per second, 0 on failure. Keys that sign once are used once. */
static double measure(struct contestant *contestant, const struct verify_case *which,
                      struct fama_bench_jobs *jobs, size_t batch)
{
    bool is_once = which->hot_keys == 0 || which->cold_every > 0;
    size_t between_looks = 1 + LOOK_AFTER / batch; /* at the clock, which is not free */
    uint64_t count = 0;
    uint64_t took = 0;
    while (took < MEASURED_NS) {
        if (is_once && (!fama_bench_jobs_forget(jobs) || contestant->at != 0)) {
            return 0;
        }
        uint64_t began = busy_ns();
        size_t batches = 0;
        do {
            size_t done = run_batch(contestant, jobs, batch);
            if (done == 0) {
                return 0;
            }
            count += done;
            batches++;
        } while (contestant->at != 0 && (is_once || batches % between_looks != 0 ||
                                         busy_ns() - began + took < MEASURED_NS));
        took += busy_ns() - began;
    }
    return (double)count * 1e9 / (double)took;
}

/* ---- Results ---- */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_size);
    return values[count / 2];
}

static void print(const struct verify_case *which, struct contestant *contestant, size_t batch,
                  const struct verify_options *options)
{
    const char *name = fama_verifier_name(contestant->implementation);
    double per_s = median(contestant->per_s, options->rounds);
    double ratio = median(contestant->ratio, options->rounds);
    bool is_lone = which->batch == 1;
    if (options->as_json) {
        json_t *line =
            json_pack("{s:s, s:s, s:I, s:f, s:f}", "case", which->name, "implementation", name,
                      "batch", (json_int_t)batch, "verifies_per_s", per_s, "ratio_openssl", ratio);
        if (is_lone) {
            (void)json_object_set_new(line, "latency_us", json_real(1e6 / per_s));
        }
        (void)json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
        (void)putchar('\n');
        json_decref(line);
    } else {
        (void)printf("%-8s %-11s %9.0f verifies/s %7.2f of OpenSSL %7.2f us each\n", which->name,
                     name, per_s, ratio, 1e6 / per_s);
    }
    (void)fflush(stdout);
}

/* ---- Cases ---- */

static bool is_wanted(const struct verify_options *options,
                      enum fama_verifier_implementation implementation)
{
    return fama_verifier_is_supported(implementation) &&
           (options->only_implementation == NULL || implementation == FAMA_VERIFIER_OPENSSL ||
            strcmp(options->only_implementation, fama_verifier_name(implementation)) == 0);
}

static bool run_rounds(const struct verify_case *which, struct contestant *contestants,
                       size_t count, struct fama_bench_jobs *jobs,
                       const struct verify_options *options, size_t batch)
{
    for (size_t i = 1; which->hot_keys > 0 && i < count; i++) {
        if (!warm_up(&contestants[i], jobs, batch)) {
            return false;
        }
    }
    for (size_t round = 0; round < options->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            double per_s = measure(&contestants[i], which, jobs, batch);
            if (per_s == 0) {
                return false;
            }
            contestants[i].per_s[round] = per_s;
            contestants[i].ratio[round] = per_s / contestants[0].per_s[round];
        }
    }
    return true;
}

static bool run_case(const struct verify_case *which, const struct verify_options *options)
{
    static struct contestant contestants[FAMA_VERIFIER_IMPLEMENTATIONS];
    struct fama_bench_jobs jobs;
    size_t batch = which->batch != 0 ? which->batch : (size_t)options->batch;
    size_t count = 0;
    if (!fama_bench_jobs_make(&jobs, which->signatures, which->hot_keys, which->cold_every)) {
        (void)fprintf(stderr, "fama-bench: cannot make signatures: out of memory\n");
        return false;
    }
    bool is_done = true;
    for (int i = FAMA_VERIFIER_OPENSSL; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        if (is_wanted(options, (enum fama_verifier_implementation)i)) {
            contestants[count].implementation = (enum fama_verifier_implementation)i;
            contestants[count].verifier =
                fama_verifier_create_with((enum fama_verifier_implementation)i);
            contestants[count].at = 0;
            is_done = is_done && contestants[count++].verifier != NULL;
        }
    }
    is_done = is_done && run_rounds(which, contestants, count, &jobs, options, batch);
    if (!is_done) {
        (void)fprintf(stderr, "fama-bench: %s: out of memory, or a good signature was refused\n",
                      which->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_done) {
            print(which, &contestants[i], batch, options);
        }
        fama_verifier_destroy(contestants[i].verifier);
    }
    fama_bench_jobs_free(&jobs);
    return is_done;
}

static int read_options(int argc, char **argv, struct verify_options *options)
{
    *options = (struct verify_options){.batch = 256, .rounds = 7};
    const struct fama_option table[] = {
        {"case", FAMA_OPTION_TEXT, &options->only_case, false},
        {"implementation", FAMA_OPTION_TEXT, &options->only_implementation, false},
        {"batch", FAMA_OPTION_NUMBER, &options->batch, false},
        {"rounds", FAMA_OPTION_NUMBER, &options->rounds, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
    };
    int status = fama_options_parse(&fama_bench_verify_command, table,
                                    sizeof table / sizeof table[0], argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    bool is_case = options->only_case == NULL;
    for (size_t i = 0; i < CASES; i++) {
        is_case = is_case || strcmp(options->only_case, cases[i].name) == 0;
    }
    bool is_implementation = options->only_implementation == NULL;
    for (int i = FAMA_VERIFIER_OPENSSL; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        enum fama_verifier_implementation one = (enum fama_verifier_implementation)i;
        is_implementation = is_implementation ||
                            (strcmp(options->only_implementation, fama_verifier_name(one)) == 0 &&
                             fama_verifier_is_supported(one));
    }
    if (!is_case || !is_implementation || options->batch == 0 || options->batch > 16384 ||
        options->rounds == 0 || options->rounds > ROUNDS_MAX) {
        (void)fprintf(stderr,
                      "fama-bench verify: no such case, no such implementation on this machine, or "
                      "a number out of range: batches of 1 to 16384, 1 to %d rounds\nTry "
                      "`fama-bench verify --help`.\n",
                      ROUNDS_MAX);
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

/* Wherever the scheduler has put this thread, it stays there. */
static void stay_here(void)
{
    int here = sched_getcpu();
    cpu_set_t set;
    CPU_ZERO(&set);
    if (here >= 0) {
        CPU_SET((size_t)here, &set);
        (void)sched_setaffinity(0, sizeof set, &set); /* a wish */
    }
}

int fama_bench_verify(int argc, char **argv)
{
    struct verify_options options;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    stay_here();
    for (size_t i = 0; i < CASES; i++) {
        if ((options.only_case == NULL || strcmp(options.only_case, cases[i].name) == 0) &&
            !run_case(&cases[i], &options)) {
            return FAMA_EXIT_FAILED;
        }
    }
    return FAMA_EXIT_OK;
}
