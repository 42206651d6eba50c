/* Series of blocks through a local network: made, given to the leader one by one, asked after. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/dissemination.h"
#include "bench/dissemination_chain.h"
#include "bench/dissemination_local.h"
#include "bench/dissemination_report.h"

#define LARGE_BLOCK   UINT64_C(2000000)
#define WARM_UP       5 /* blocks of each size that are not counted */
#define WARM_UP_LARGE 2
#define STUCK_MS      60000 /* a block that is not everywhere by then ends the measurement */
#define POLL_MS       20
#define SETTLE_MS     300 /* counters are published now and then */
#define BACKGROUND_MS 3000
#define TIMES_PER_ASK 1024

struct measurement {
    const struct fama_spread_options *options;
    const volatile sig_atomic_t *is_interrupted;
    struct fama_spread_local local;
    struct fama_spread_setting setting;
    uint64_t next;                          /* block to give out */
    uint64_t firsts[FAMA_SPREAD_SIZES_MAX]; /* of each series: its first block, warm-up included */
    double background_per_s;                /* bytes that the leader sends when no blocks flow */
    struct fama_error error;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL); /* a signal ends it early, which the loops look for */
}

static int interrupted(struct measurement *measurement)
{
    return fama_error_set(&measurement->error, -1, "interrupted");
}

static uint64_t warm_up(const struct fama_spread_series *series)
{
    return series->bytes > LARGE_BLOCK ? WARM_UP_LARGE : WARM_UP;
}

/* On a terminal the line is written over itself; elsewhere only its last state is. */
static void progress(const char *what, uint64_t bytes, uint64_t done, uint64_t all)
{
    if (isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\r%s of %" PRIu64 " bytes: %" PRIu64 " of %" PRIu64 "%s", what,
                      bytes, done, all, done == all ? "\n" : "");
    } else if (done == all) {
        (void)fprintf(stderr, "%s of %" PRIu64 " bytes: %" PRIu64 "\n", what, bytes, all);
    }
}

/* ---- Blocks ---- */

static int make_blocks(struct measurement *measurement)
{
    const struct fama_spread_options *options = measurement->options;
    struct fama_spread_chain *chain = NULL;
    int status = fama_spread_chain_begin(measurement->local.network, measurement->local.staged,
                                         &chain, &measurement->error);
    for (size_t i = 0; status == 0 && i < options->series_count; i++) {
        const struct fama_spread_series *series = &options->series[i];
        uint64_t all = warm_up(series) + series->blocks;
        measurement->firsts[i] = fama_spread_chain_height(chain);
        for (uint64_t made = 0; status == 0 && made < all; made++) {
            status = *measurement->is_interrupted != 0
                         ? interrupted(measurement)
                         : fama_spread_chain_next(chain, series->bytes, &measurement->error);
            progress("signing blocks", series->bytes, made + 1, all);
        }
    }
    fama_spread_chain_end(chain);
    return status;
}

/* Gives the leader the next block, when the one before is committed everywhere. */
static int release_next(struct measurement *measurement)
{
    uint64_t began = now_ms();
    while (!fama_spread_local_has(&measurement->local, measurement->next)) {
        if (*measurement->is_interrupted != 0) {
            return interrupted(measurement);
        }
        if (now_ms() - began > STUCK_MS) {
            return fama_error_set(&measurement->error, -1,
                                  "block %" PRIu64 " is not everywhere after %d s",
                                  measurement->next - 1, STUCK_MS / 1000);
        }
        sleep_ms(POLL_MS);
    }
    int status =
        fama_spread_local_release(&measurement->local, measurement->next, &measurement->error);
    measurement->next += status == 0;
    return status;
}

static int await_all(struct measurement *measurement)
{
    uint64_t began = now_ms();
    while (!fama_spread_local_has(&measurement->local, measurement->next)) {
        if (now_ms() - began > STUCK_MS || *measurement->is_interrupted != 0) {
            return fama_error_set(&measurement->error, -1, "the last block is not everywhere");
        }
        sleep_ms(POLL_MS);
    }
    return 0;
}

/* ---- The leader's traffic ---- */

static int sent_bytes(struct measurement *measurement, uint64_t *bytes)
{
    json_t *answer = NULL;
    int status =
        fama_spread_local_ask(&measurement->local, 0, json_pack("{s:s}", "op", "node.status"),
                              &answer, &measurement->error);
    if (status != 0) {
        return -1;
    }
    *bytes = (uint64_t)json_integer_value(
        json_object_get(json_object_get(answer, "dataplane"), "tx_bytes"));
    json_decref(answer);
    return 0;
}

static int measure_background(struct measurement *measurement)
{
    uint64_t before = 0;
    uint64_t after = 0;
    int status = sent_bytes(measurement, &before);
    uint64_t began = now_ms();
    sleep_ms(BACKGROUND_MS);
    status = status == 0 ? sent_bytes(measurement, &after) : status;
    measurement->background_per_s =
        (double)(after - before) / (double)(now_ms() - began + 1) * 1000;
    return status;
}

/* ---- A series ---- */

static int ask_times(struct measurement *measurement, uint64_t first, struct fama_spread *spread)
{
    const struct fama_network *network = measurement->local.network;
    spread->count = network->node_count;
    for (uint32_t i = 0; i < network->node_count; i++) {
        for (uint64_t from = first; from < measurement->next; from += TIMES_PER_ASK) {
            json_t *answer = NULL;
            if (fama_spread_local_ask(&measurement->local, i,
                                      json_pack("{s:s, s:s, s:I, s:i}", "op", "channel.blocks",
                                                "channel", network->channel, "first",
                                                (json_int_t)from, "count", TIMES_PER_ASK),
                                      &answer, &measurement->error) != 0) {
                return -1;
            }
            bool is_read = fama_spread_read(&spread->nodes[i], answer);
            json_decref(answer);
            if (!is_read) {
                return fama_error_set(&measurement->error, -1, "%s: its times make no sense",
                                      network->nodes[i].name);
            }
        }
    }
    return 0;
}

static int report(struct measurement *measurement, uint64_t first, double uplink)
{
    struct fama_spread spread = {.count = 0};
    struct fama_spread_line line = {.uplink_bytes = uplink};
    const struct fama_spread_choice choice = {
        .first = first, .last = measurement->next - 1, .most_bytes = UINT64_MAX};
    int status = ask_times(measurement, first, &spread);
    if (status == 0 && (!fama_spread_judge(&spread, &choice, &line.figures) ||
                        fama_spread_print_line(&measurement->setting, &line) != 0)) {
        status = fama_error_set(&measurement->error, -1, "out of memory, or nobody reads this");
    }
    fama_spread_clear(&spread);
    return status;
}

static int run_series(struct measurement *measurement, size_t index)
{
    const struct fama_spread_series *series = &measurement->options->series[index];
    uint64_t warm = warm_up(series);
    uint64_t first = measurement->firsts[index] + warm;
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t began = 0;
    int status = 0;
    while (status == 0 && measurement->next < first + series->blocks) {
        if (measurement->next == first) {
            status = await_all(measurement);
            sleep_ms(SETTLE_MS);
            status = status == 0 ? sent_bytes(measurement, &before) : status;
            began = now_ms();
        }
        status = status == 0 ? release_next(measurement) : status;
        if (status == 0 && measurement->next > first) {
            progress("sending blocks", series->bytes, measurement->next - first, series->blocks);
        }
        sleep_ms(series->pause_ms);
    }
    status = status == 0 ? await_all(measurement) : status;
    sleep_ms(SETTLE_MS);
    status = status == 0 ? sent_bytes(measurement, &after) : status;
    if (status != 0) {
        return status;
    }
    double own = (double)(after - before) -
                 measurement->background_per_s * (double)(now_ms() - began) / 1000;
    return report(measurement, first, own > 0 ? own / (double)series->blocks : 0);
}

/* What the nodes say about how they send. */
static int read_setting(struct measurement *measurement, json_t **answer)
{
    const struct fama_spread_options *options = measurement->options;
    struct fama_spread_setting *setting = &measurement->setting;
    int status = fama_spread_local_ask(&measurement->local, 0,
                                       json_pack("{s:s, s:s, s:i, s:i}", "op", "channel.blocks",
                                                 "channel", measurement->local.network->channel,
                                                 "first", 0, "count", 0),
                                       answer, &measurement->error);
    if (status != 0) {
        return -1;
    }
    *setting = (struct fama_spread_setting){
        .where = "namespaces",
        .peers = (size_t)options->peers,
        .loss_percent = options->loss_percent,
        .as_json = options->as_json,
    };
    fama_spread_setting_read(setting, *answer);
    return 0;
}

static int measure(struct measurement *measurement)
{
    const struct fama_spread_options *options = measurement->options;
    json_t *about = NULL;
    int status = make_blocks(measurement);
    if (status == 0) {
        (void)fprintf(stderr, "starting %" PRIu64 " nodes\n", options->peers);
        status = fama_spread_local_up(&measurement->local, &measurement->error);
    }
    status = status == 0 ? read_setting(measurement, &about) : status;
    status = status == 0 ? measure_background(measurement) : status;
    if (status == 0) {
        fama_spread_print_heading(&measurement->setting);
    }
    measurement->next = 1;
    for (size_t i = 0; status == 0 && i < options->series_count; i++) {
        status = run_series(measurement, i);
    }
    if (status == 0) {
        fama_spread_print_footing(&measurement->setting);
    }
    json_decref(about);
    return status;
}

int fama_spread_measure_local(const struct fama_spread_options *options,
                              const volatile sig_atomic_t *is_interrupted)
{
    struct measurement measurement = {.options = options, .is_interrupted = is_interrupted};
    const struct fama_spread_local_setup setup = {
        .directory = options->directory,
        .peers = options->peers,
        .mtu = options->mtu,
        .loss_percent = options->loss_percent,
        .seed = options->seed,
        .idle = options->idle,
        .planner = options->planner,
    };
    int status = fama_spread_local_create(&setup, &measurement.local, &measurement.error);
    status = status == 0 ? measure(&measurement) : status;
    if (status != 0) {
        (void)fprintf(stderr, "fama-bench dissemination: %s\n", measurement.error.text);
    }
    /* Why a node did not start, or a block did not arrive, stands in the logs. */
    bool is_failed = status != 0 && *is_interrupted == 0;
    fama_spread_local_end(&measurement.local, options->keep || is_failed);
    return status == 0 ? FAMA_EXIT_OK : FAMA_EXIT_FAILED;
}
