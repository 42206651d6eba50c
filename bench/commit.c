#include "bench/commit.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/commit_chain.h"
#include "controlplane/replay.h"
#include "controlplane/scratch_folder.h"

#define ROUNDS_MAX    25
#define SMALL_BLOCKS  2000
#define VERIFY_NS     UINT64_C(500000000) /* how long OpenSSL is measured, twice a run */
#define SIGNATURES    3                   /* of a transaction: its creator, two endorsers */
#define FABRIC_ONE    2042.0              /* transactions per second of a real peer, on one core */
#define FABRIC_TWO    3107.0
#define FABRIC_BLOCKS 386.0 /* blocks of one transaction per second, on one core */

static const char help[] =
    "usage: fama-bench commit [--blocks N] [--transactions N] [--value-bytes SIZE] [--rounds N]\n"
    "           [--case NAME] [--skip-signatures] [--dir DIR] [--json]\n"
    "\n"
    "Makes a chain of signed blocks in memory (each transaction: a client, two endorsers, one\n"
    "blind write) and commits it to a new ledger, synced, as a node does. Cases:\n"
    "  one-core, two-cores          the whole way: parsing, identities, signatures, policies,\n"
    "                               MVCC, commit; ratio_openssl is transactions per second by a\n"
    "                               third of what OpenSSL's verification alone reaches on the\n"
    "                               same cores in the same run, ratio_fabric by a real peer's\n"
    "  skip-signatures              one core, signature verdicts taken as given: the rest\n"
    "  small-blocks, small-blocks-two-cores   blocks of one transaction\n"
    "\n"
    "  --blocks N           blocks of a chain (100)\n"
    "  --transactions N     in each (500)\n"
    "  --value-bytes SIZE   that each writes (100)\n"
    "  --rounds N           of all cases in turn; medians are printed (3)\n"
    "  --case NAME          this one only; with --skip-signatures the case of that name\n"
    "  --dir DIR            where ledgers are made and removed again (.)\n"
    "  --json               one JSON object per case\n"
    "\n"
    "The times in microseconds per transaction are those of the thread that prepares and\n"
    "commits; signatures are those of all threads together. Peak memory is the whole process,\n"
    "with the chain itself in it.\n"
    "\n"
    "example: fama-bench commit --case skip-signatures --rounds 5\n";

const struct fama_command fama_bench_commit_command = {
    "commit", "validate and commit blocks, beside OpenSSL and Fabric", help, fama_bench_commit};

struct commit_options {
    uint64_t blocks, transactions, value_bytes, rounds;
    const char *only;
    const char *directory;
    bool as_json;
};

struct commit_case {
    const char *name;
    unsigned cores;
    bool skips_signatures;
    bool has_small_blocks;
};

static const struct commit_case cases[] = {
    {"one-core", 1, false, false},
    {"two-cores", 2, false, false},
    {"skip-signatures", 1, true, false},
    {"small-blocks", 1, false, true},
    {"small-blocks-two-cores", 2, false, true},
};
#define CASES (sizeof cases / sizeof cases[0])

/* One run in its child process. */
struct commit_figures {
    uint64_t wall_ns;
    uint64_t cpu_ns;      /* of all threads, RocksDB's too */
    double openssl_per_s; /* verifications on one core */
    struct fama_replay_result result;
    double peak_mib;
    struct fama_error error;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t process_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* OpenSSL's rate through its own interface for a digest, key and context made once. */
static double measure_openssl(void)
{
    uint8_t digest[32] = {1};
    uint8_t signature[80];
    size_t len = sizeof signature;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    uint64_t count = 0;
    uint64_t took = 1;
    if (context != NULL && EVP_PKEY_sign_init(context) == 1 &&
        EVP_PKEY_sign(context, signature, &len, digest, sizeof digest) == 1 &&
        EVP_PKEY_verify_init(context) == 1) {
        uint64_t began = now_ns();
        do {
            for (int i = 0; i < 100; i++) {
                count += EVP_PKEY_verify(context, signature, len, digest, sizeof digest) == 1;
            }
            took = now_ns() - began;
        } while (took < VERIFY_NS);
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return (double)count * 1e9 / (double)took;
}

static void take_as_given(struct fama_verify_job *jobs[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i]->verdict = FAMA_VERDICT_GOOD;
    }
}

static int stay_on(unsigned cores)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned i = 0; i < cores; i++) {
        CPU_SET(i, &set);
    }
    return sched_setaffinity(0, sizeof set, &set);
}

static int run_chain(const struct commit_case *which, struct fama_commit_chain *chain,
                     const char *folder, struct commit_figures *figures)
{
    struct fama_ledger *ledger = NULL;
    struct fama_error *error = &figures->error;
    struct fama_replay_setup setup = {
        .source = fama_commit_chain_source(chain),
        .source_name = "memory",
        .threads = which->cores - 1,
        .has_end = true,
        .end = 1,
        .instead_of_verifying = which->skips_signatures ? take_as_given : NULL,
    };
    if (setup.source == NULL) {
        return fama_error_set(error, -1, "out of memory");
    }
    int status = fama_ledger_open(folder, &ledger, error);
    /* The genesis block and the chaincode's definition are not measured. */
    status = status == 0 ? fama_replay(ledger, &setup, &figures->result, error) : status;
    if (status == 0) {
        setup.has_end = false;
        double before = measure_openssl();
        uint64_t began = now_ns();
        uint64_t used = process_ns();
        status = fama_replay(ledger, &setup, &figures->result, error);
        figures->wall_ns = now_ns() - began;
        figures->cpu_ns = process_ns() - used;
        figures->openssl_per_s = (before + measure_openssl()) / 2;
    }
    if (status == 0 && figures->result.valid != chain->transactions) {
        status = fama_error_set(error, -1, "%" PRIu64 " of %zu transactions are valid",
                                figures->result.valid, chain->transactions);
    }
    fama_ledger_close(ledger);
    setup.source->close(setup.source);
    return status;
}

static int run_child(const struct commit_case *which, struct fama_commit_chain *chain, char *folder,
                     struct commit_figures *figures)
{
    struct rusage usage;
    *figures = (struct commit_figures){.wall_ns = 0};
    if (stay_on(which->cores) != 0) {
        return fama_error_set(&figures->error, -1, "cannot run on %u cores: %s", which->cores,
                              strerror(errno));
    }
    int status = run_chain(which, chain, folder, figures);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        figures->peak_mib = (double)usage.ru_maxrss / 1024;
    }
    return status;
}

/* A process of its own for each run: RocksDB's threads stay on the run's cores, and memory is counted
 * afresh. */
static int run(const struct commit_options *options, const struct commit_case *which,
               struct fama_commit_chain *chain, struct commit_figures *figures)
{
    char folder[4096];
    int ends[2];
    struct fama_error error;
    if (fama_scratch_make(options->directory, "fama-bench", folder, sizeof folder, &error) != 0) {
        (void)fprintf(stderr, "fama-bench: %s\n", error.text);
        return -1;
    }
    if (pipe(ends) != 0) {
        (void)fprintf(stderr, "fama-bench: no pipe: %s\n", strerror(errno));
        fama_scratch_remove(folder);
        return -1;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        int status = run_child(which, chain, folder, figures);
        bool is_told = write(ends[1], figures, sizeof *figures) == (ssize_t)sizeof *figures;
        _exit(status == 0 && is_told ? 0 : 1);
    }
    (void)close(ends[1]);
    int status = -1;
    bool is_told = child > 0 && read(ends[0], figures, sizeof *figures) == (ssize_t)sizeof *figures;
    (void)close(ends[0]);
    if (child > 0) {
        (void)waitpid(child, &status, 0);
    }
    fama_scratch_remove(folder);
    if (!is_told || status != 0) {
        (void)fprintf(stderr, "fama-bench: %s: %s\n", which->name,
                      is_told ? figures->error.text : "the run died");
        return -1;
    }
    return 0;
}

/* ---- Results ---- */

static int by_wall(const void *a, const void *b)
{
    uint64_t left = ((const struct commit_figures *)a)->wall_ns;
    uint64_t right = ((const struct commit_figures *)b)->wall_ns;
    return left < right ? -1 : left > right;
}

static void print_case(const struct commit_case *which, struct commit_figures *figures,
                       size_t rounds, bool as_json)
{
    qsort(figures, rounds, sizeof figures[0], by_wall);
    const struct commit_figures *median = &figures[rounds / 2];
    const struct fama_replay_result *result = &median->result;
    double transactions = (double)result->transactions;
    double per_s = transactions * 1e9 / (double)median->wall_ns;
    double blocks_per_s = (double)result->blocks * 1e9 / (double)median->wall_ns;
    double limit = median->openssl_per_s * which->cores / SIGNATURES;
    double fabric = which->has_small_blocks ? blocks_per_s / FABRIC_BLOCKS
                                            : per_s / (which->cores == 1 ? FABRIC_ONE : FABRIC_TWO);
    double us = 1e-3 / transactions;
    const struct fama_committer_times *times = &result->times;
    if (as_json) {
        json_t *line = json_pack(
            "{s:s, s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
            "case", which->name, "cores", (int)which->cores, "blocks", (json_int_t)result->blocks,
            "transactions", (json_int_t)result->transactions, "transactions_per_s", per_s,
            "blocks_per_s", blocks_per_s, "openssl_verify_per_s", median->openssl_per_s,
            "ratio_openssl", per_s / limit, "ratio_fabric", fabric, "parse_us_per_tx",
            (double)times->parse * us, "identity_us_per_tx", (double)times->identity * us,
            "signatures_us_per_tx", (double)result->signatures_ns * us, "policy_us_per_tx",
            (double)times->policy * us, "mvcc_us_per_tx", (double)times->mvcc * us,
            "commit_us_per_tx", (double)times->commit * us, "peak_mib", median->peak_mib);
        (void)json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
        (void)putchar('\n');
        json_decref(line);
    } else {
        (void)printf("%-24s %9.0f tx/s %7.0f blocks/s  %5.2f of OpenSSL/3 (%.0f/s)  %6.1fx Fabric\n"
                     "    us per transaction: parse %.2f  identity %.2f  signatures %.2f  policy "
                     "%.2f  mvcc %.2f  commit %.2f   peak %.0f MiB\n",
                     which->name, per_s, blocks_per_s, per_s / limit, median->openssl_per_s, fabric,
                     (double)times->parse * us, (double)times->identity * us,
                     (double)result->signatures_ns * us, (double)times->policy * us,
                     (double)times->mvcc * us, (double)times->commit * us, median->peak_mib);
    }
    (void)fflush(stdout);
}

/* To whom it matters that a median is of a noisy machine. */
static void print_round(const struct commit_case *which, const struct commit_figures *figures,
                        size_t round, uint64_t rounds)
{
    const struct fama_committer_times *times = &figures->result.times;
    double us = 1e-3 / (double)figures->result.transactions;
    (void)fprintf(stderr,
                  "round %zu of %" PRIu64
                  ": %s: %.2f us, %.2f of processors: parse %.2f  identity %.2f  policy %.2f  "
                  "mvcc %.2f  commit %.2f\n",
                  round + 1, rounds, which->name, (double)figures->wall_ns * us,
                  (double)figures->cpu_ns * us, (double)times->parse * us,
                  (double)times->identity * us, (double)times->policy * us,
                  (double)times->mvcc * us, (double)times->commit * us);
}

static bool is_wanted(const struct commit_options *options, const struct commit_case *which)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return (options->only == NULL || strcmp(options->only, which->name) == 0) &&
           (long)which->cores <= cores;
}

static int measure(const struct commit_options *options, struct fama_commit_chain *large,
                   struct fama_commit_chain *small)
{
    static struct commit_figures figures[CASES][ROUNDS_MAX];
    for (size_t round = 0; round < options->rounds; round++) {
        for (size_t i = 0; i < CASES; i++) {
            if (!is_wanted(options, &cases[i])) {
                continue;
            }
            if (run(options, &cases[i], cases[i].has_small_blocks ? small : large,
                    &figures[i][round]) != 0) {
                return -1;
            }
            print_round(&cases[i], &figures[i][round], round, options->rounds);
        }
    }
    for (size_t i = 0; i < CASES; i++) {
        if (is_wanted(options, &cases[i])) {
            print_case(&cases[i], figures[i], options->rounds, options->as_json);
        }
    }
    return 0;
}

static int read_options(int argc, char **argv, struct commit_options *options)
{
    bool skips = false;
    *options = (struct commit_options){
        .blocks = 100, .transactions = 500, .value_bytes = 100, .rounds = 3, .directory = "."};
    const struct fama_option table[] = {
        {"blocks", FAMA_OPTION_NUMBER, &options->blocks, false},
        {"transactions", FAMA_OPTION_NUMBER, &options->transactions, false},
        {"value-bytes", FAMA_OPTION_NUMBER, &options->value_bytes, false},
        {"rounds", FAMA_OPTION_NUMBER, &options->rounds, false},
        {"case", FAMA_OPTION_TEXT, &options->only, false},
        {"skip-signatures", FAMA_OPTION_FLAG, &skips, false},
        {"dir", FAMA_OPTION_TEXT, &options->directory, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
    };
    int status = fama_options_parse(&fama_bench_commit_command, table,
                                    sizeof table / sizeof table[0], argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    options->only = skips ? "skip-signatures" : options->only;
    bool is_known = options->only == NULL;
    for (size_t i = 0; i < CASES; i++) {
        is_known = is_known || strcmp(options->only, cases[i].name) == 0;
    }
    if (!is_known || options->blocks == 0 || options->blocks > 10000 ||
        options->transactions == 0 || options->transactions > 10000 || options->value_bytes == 0 ||
        options->value_bytes > (1u << 20) || options->rounds == 0 || options->rounds > ROUNDS_MAX) {
        (void)fprintf(stderr, "fama-bench commit: no such case, or a number out of range: 1 to "
                              "10000 blocks and transactions, 25 rounds\nTry `fama-bench commit "
                              "--help`.\n");
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

int fama_bench_commit(int argc, char **argv)
{
    struct commit_options options;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    struct fama_commit_chain large = {.blocks = NULL};
    struct fama_commit_chain small = {.blocks = NULL};
    struct fama_error error = {""};
    (void)fprintf(stderr, "signing %" PRIu64 " blocks of %" PRIu64 " transactions\n",
                  options.blocks, options.transactions);
    status = fama_commit_chain_make(options.blocks, options.transactions, options.value_bytes,
                                    &large, &error);
    if (status == 0) {
        status = fama_commit_chain_make(SMALL_BLOCKS, 1, options.value_bytes, &small, &error);
    }
    if (status != 0) {
        (void)fprintf(stderr, "fama-bench: %s\n", error.text);
    } else {
        status = measure(&options, &large, &small);
    }
    fama_commit_chain_free(&large);
    fama_commit_chain_free(&small);
    return status == 0 ? FAMA_EXIT_OK : FAMA_EXIT_FAILED;
}
