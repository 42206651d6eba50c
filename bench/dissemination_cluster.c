/* Blocks on the user's own servers, watched as they pass. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/dissemination.h"
#include "bench/dissemination_hosts.h"
#include "bench/dissemination_report.h"

#define LOOK_MS       1000
#define STRAGGLERS_MS 10000 /* how long nodes are waited for that the leader is ahead of */
#define TIMES_PER_ASK 1024

struct watch {
    const struct fama_spread_options *options;
    const volatile sig_atomic_t *is_interrupted;
    struct fama_hosts hosts;
    struct fama_host_clock clocks[FAMA_HOSTS_MAX]; /* before, later the mean with after */
    struct fama_spread spread;
    struct fama_spread_setting setting;
    json_t *about; /* what the leader says of itself: the setting borrows from it */
    uint64_t first, end;
    double uplink_share; /* bytes the leader sent per byte of block; negative: not known */
    struct fama_error error;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int ask_blocks(struct watch *watch, size_t host, uint64_t first, uint64_t count,
                      json_t **answer)
{
    char from[24];
    char most[24];
    (void)snprintf(from, sizeof from, "%" PRIu64, first);
    (void)snprintf(most, sizeof most, "%" PRIu64, count);
    const char *const words[] = {"channel", "blocks", "--channel", watch->hosts.channel,
                                 "--first", from,     "--count",   most,
                                 NULL};
    return fama_host_ask(&watch->hosts.hosts[host], words, answer, &watch->error);
}

static int ask_height(struct watch *watch, size_t host, uint64_t *height)
{
    json_t *answer = NULL;
    int status = ask_blocks(watch, host, 0, 0, &answer);
    json_int_t value = json_integer_value(json_object_get(answer, "height"));
    *height = value > 0 ? (uint64_t)value : 0;
    if (status == 0 && host == 0 && watch->about == NULL) {
        watch->about = answer;
    } else {
        json_decref(answer);
    }
    return status;
}

static int ask_sent(struct watch *watch, uint64_t *bytes)
{
    json_t *answer = NULL;
    const char *const words[] = {"node", "status", NULL};
    int status = fama_host_ask(&watch->hosts.hosts[0], words, &answer, &watch->error);
    json_int_t value =
        json_integer_value(json_object_get(json_object_get(answer, "dataplane"), "tx_bytes"));
    *bytes = value > 0 ? (uint64_t)value : 0;
    json_decref(answer);
    return status;
}

/* Compares all clocks with ours. The second time, offsets become the mean of both, and what they have drifted
 * apart in between is added to the possible error. */
static int compare_clocks(struct watch *watch, bool is_second)
{
    for (size_t i = 0; i < watch->hosts.count; i++) {
        struct fama_host_clock now = {0, 0};
        struct fama_host_clock *clock = &watch->clocks[i];
        if (fama_host_clock(&watch->hosts.hosts[i], &now, &watch->error) != 0) {
            return -1;
        }
        if (!is_second) {
            *clock = now;
            continue;
        }
        int64_t drift = now.offset_ns - clock->offset_ns;
        uint64_t larger = now.error_ns > clock->error_ns ? now.error_ns : clock->error_ns;
        clock->offset_ns += drift / 2;
        clock->error_ns = larger + (uint64_t)llabs(drift) / 2;
    }
    return 0;
}

/* Two nodes' errors may add up. */
static uint64_t clock_error(const struct watch *watch)
{
    uint64_t largest = 0;
    uint64_t second = 0;
    for (size_t i = 0; i < watch->hosts.count; i++) {
        uint64_t error = watch->clocks[i].error_ns;
        if (error > largest) {
            second = largest;
            largest = error;
        } else if (error > second) {
            second = error;
        }
    }
    return largest + second;
}

/* Waits until the leader has the blocks wanted, or time is up; what came by then counts. */
static int watch_blocks(struct watch *watch)
{
    const struct fama_spread_options *options = watch->options;
    uint64_t began = now_ms();
    uint64_t height = watch->first;
    int status = 0;
    while (status == 0 && height < watch->first + options->blocks &&
           (double)(now_ms() - began) < options->seconds * 1000 && *watch->is_interrupted == 0) {
        (void)nanosleep(&(struct timespec){.tv_sec = LOOK_MS / 1000}, NULL);
        status = ask_height(watch, 0, &height);
        if (status == 0 && isatty(STDERR_FILENO) != 0) {
            (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " blocks have passed",
                          height - watch->first, options->blocks);
        }
    }
    if (status != 0) {
        return status;
    }
    watch->end = height < watch->first + options->blocks ? height : watch->first + options->blocks;
    (void)fprintf(stderr, "%s%" PRIu64 " blocks have passed\n",
                  isatty(STDERR_FILENO) != 0 ? "\r" : "", watch->end - watch->first);
    return watch->end > watch->first
               ? 0
               : fama_error_set(&watch->error, -1,
                                "no block came in %.0f s: is the leader's ordering source filled?",
                                options->seconds);
}

static int await_stragglers(struct watch *watch)
{
    uint64_t began = now_ms();
    for (size_t i = 1; i < watch->hosts.count; i++) {
        uint64_t height = 0;
        int status = ask_height(watch, i, &height);
        while (status == 0 && height < watch->end && now_ms() - began < STRAGGLERS_MS) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
            status = ask_height(watch, i, &height);
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* What to add to a node's monotonic times to have them on our wall clock. */
static int64_t to_our_clock(const json_t *answer, const struct fama_host_clock *clock)
{
    json_int_t wall = json_integer_value(json_object_get(answer, "realtime_ns"));
    json_int_t monotonic = json_integer_value(json_object_get(answer, "monotonic_ns"));
    return wall - monotonic - clock->offset_ns;
}

static int collect(struct watch *watch)
{
    watch->spread.count = watch->hosts.count;
    for (size_t i = 0; i < watch->hosts.count; i++) {
        for (uint64_t from = watch->first; from < watch->end; from += TIMES_PER_ASK) {
            json_t *answer = NULL;
            if (ask_blocks(watch, i, from, TIMES_PER_ASK, &answer) != 0) {
                return -1;
            }
            bool is_read = fama_spread_read(&watch->spread.nodes[i], answer);
            watch->spread.nodes[i].clock_ns = to_our_clock(answer, &watch->clocks[i]);
            json_decref(answer);
            if (!is_read) {
                return fama_error_set(&watch->error, -1, "%s: its times make no sense",
                                      watch->hosts.hosts[i].name);
            }
        }
    }
    return 0;
}

/* Sizes that are nearer to this one than to any other, within a factor of two. */
static struct fama_spread_choice choice_of(const struct watch *watch, size_t index)
{
    const struct fama_spread_options *options = watch->options;
    double bytes = (double)options->series[index].bytes;
    double least = bytes / 2;
    double most = bytes * 2;
    for (size_t i = 0; i < options->series_count; i++) {
        double other = (double)options->series[i].bytes;
        double middle = sqrt(bytes * other);
        least = other < bytes && middle > least ? middle : least;
        most = other > bytes && middle < most ? middle : most;
    }
    return (struct fama_spread_choice){.first = watch->first,
                                       .last = watch->end - 1,
                                       .least_bytes = (uint64_t)ceil(least),
                                       .most_bytes = (uint64_t)floor(most)};
}

static int report(struct watch *watch)
{
    const struct fama_spread_options *options = watch->options;
    size_t grouped = 0;
    int status = 0;
    fama_spread_print_heading(&watch->setting);
    for (size_t i = 0; status == 0 && i < options->series_count; i++) {
        struct fama_spread_choice choice = choice_of(watch, i);
        struct fama_spread_line line = {.uplink_bytes = -1};
        if (!fama_spread_judge(&watch->spread, &choice, &line.figures)) {
            return fama_error_set(&watch->error, -1, "out of memory");
        }
        grouped += line.figures.blocks + line.figures.missing;
        if (watch->uplink_share >= 0) {
            line.uplink_bytes = watch->uplink_share * (double)line.figures.bytes;
        }
        if (line.figures.blocks + line.figures.missing > 0 &&
            fama_spread_print_line(&watch->setting, &line) != 0) {
            status = fama_error_set(&watch->error, -1, "out of memory, or nobody reads this");
        }
    }
    if (watch->end - watch->first > grouped) {
        (void)fprintf(stderr, "%" PRIu64 " blocks are of other sizes, or not remembered any more\n",
                      watch->end - watch->first - grouped);
    }
    fama_spread_print_footing(&watch->setting);
    return status;
}

/* All that the leader sent in the time of the blocks, over all bytes of blocks: background traffic is in it,
 * and sizes are not told apart. */
static void share_uplink(struct watch *watch, uint64_t sent_bytes)
{
    const struct fama_spread_node *leader = &watch->spread.nodes[0];
    uint64_t bytes = 0;
    for (size_t i = 0; i < leader->count; i++) {
        bytes += leader->times[i].bytes;
    }
    watch->uplink_share = bytes > 0 ? (double)sent_bytes / (double)bytes : -1;
}

static int measure(struct watch *watch)
{
    uint64_t before = 0;
    uint64_t after = 0;
    int status = fama_hosts_read(watch->options->cluster, &watch->hosts, &watch->error);
    status = status == 0 ? compare_clocks(watch, false) : status;
    status = status == 0 ? ask_sent(watch, &before) : status;
    status = status == 0 ? ask_height(watch, 0, &watch->first) : status;
    status = status == 0 ? watch_blocks(watch) : status;
    status = status == 0 ? await_stragglers(watch) : status;
    status = status == 0 ? ask_sent(watch, &after) : status;
    status = status == 0 ? compare_clocks(watch, true) : status;
    status = status == 0 ? collect(watch) : status;
    if (status != 0) {
        return status;
    }
    watch->setting = (struct fama_spread_setting){
        .where = "cluster",
        .peers = watch->hosts.count,
        .clock_error_ns = clock_error(watch),
        .as_json = watch->options->as_json,
    };
    fama_spread_setting_read(&watch->setting, watch->about);
    share_uplink(watch, after - before);
    return report(watch);
}

int fama_spread_measure_cluster(const struct fama_spread_options *options,
                                const volatile sig_atomic_t *is_interrupted)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        (void)fprintf(stderr, "fama-bench dissemination: out of memory\n");
        return FAMA_EXIT_FAILED;
    }
    watch->options = options;
    watch->is_interrupted = is_interrupted;
    int status = measure(watch);
    if (status != 0) {
        (void)fprintf(stderr, "fama-bench dissemination: %s\n", watch->error.text);
    }
    fama_spread_clear(&watch->spread);
    json_decref(watch->about);
    free(watch);
    return status == 0 ? FAMA_EXIT_OK : FAMA_EXIT_FAILED;
}
