#include "bench/dissemination.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/dissemination_figures.h"

#define BLOCK_BYTES_MAX (UINT64_C(32) << 20)
#define BLOCKS_MAX      4000 /* of a series: what a node remembers */
#define DEFAULT_SIZES   "10KB,100KB,1MB,10MB"
#define DEFAULT_WATCHED 100

static const char help[] =
    "usage: fama-bench dissemination [--peers N] [--sizes LIST] [--blocks LIST] [--pause LIST]\n"
    "           [--mtu N] [--loss PERCENT [--seed N]] [--idle MODE] [--planner NAME]\n"
    "           [--dir DIR] [--keep] [--json]\n"
    "       fama-bench dissemination --cluster hosts.yaml [--sizes LIST] [--blocks N]\n"
    "           [--seconds S] [--json]\n"
    "\n"
    "Runs a network of node processes in namespaces of this machine, gives its leader blocks of\n"
    "each size one by one, and prints how long they took from the leader's first send to the\n"
    "moment the last peer had the whole block and had judged it (chain link, data hash, orderers'\n"
    "signatures), and to the last commit: p50, p95, p99 and the longest, beside those of a real\n"
    "Fabric network of eight peers on two cores. Needs root, and about two and a half minutes.\n"
    "\n"
    "  --peers N        nodes, the leader among them (8)\n"
    "  --sizes LIST     of blocks, with KB, MB (1000) or K, M (1024) (10KB,100KB,1MB,10MB)\n"
    "  --blocks LIST    so many of each size: one number, or as many as sizes (200, 200, 100, 20)\n"
    "  --pause LIST     milliseconds from one block to the next (100, 150, 300, 2000); a block\n"
    "                   waits in any case until the one before is committed everywhere\n"
    "  --mtu N          of the links (9000: jumbo frames, as in a data centre; Fabric's figures "
    "are\n"
    "                   over a loopback interface, whose frames are 64 KiB)\n"
    "  --loss PERCENT   of all frames are lost on every link (0); where the kernel has no netem, "
    "a\n"
    "                   switch in user space loses them, and takes its share of the processor\n"
    "  --seed N         makes the same losses again (1)\n"
    "  --idle MODE      what idle packet threads do: adaptive, since many nodes share this\n"
    "                   machine, or poll\n"
    "  --planner NAME   how chunks are spread: coordinated or infectious (coordinated)\n"
    "  --dir DIR        where a folder for ledgers and blocks is made and removed again (.)\n"
    "  --keep           leave it behind: configurations, logs, ledgers; so it is after failures\n"
    "  --json           one JSON object per size\n"
    "\n"
    "On servers of your own: start your nodes, join them to a channel, and let blocks flow, for\n"
    "example from a folder made by `fama-bench blocks` that is the leader's ordering source. This\n"
    "command then starts and sends nothing. It watches --blocks N blocks (100) pass, for at most\n"
    "--seconds S (600), asks every node when it had each, and groups them by the nearest of\n"
    "--sizes (within a factor of two; others are counted only). hosts.yaml:\n"
    "\n"
    "  channel: drivenet\n"
    "  leader: p0                    # the node that has the blocks first\n"
    "  nodes:\n"
    "    p0:\n"
    "      command: ssh peer0.example    # what commands for that host begin with; words are\n"
    "                                    # split at blanks; leave it out for this machine\n"
    "      fama: /usr/local/bin/fama     # there (fama)\n"
    "      config: /etc/fama/core.yaml   # there; or socket: PATH\n"
    "    p1:\n"
    "      command: ssh peer1.example\n"
    "\n"
    "`COMMAND fama channel blocks --json` tells the times, `COMMAND fama node status --json` the\n"
    "leader's traffic, `COMMAND fama node clock` the clock: the hosts' clocks are compared with\n"
    "ours by round trips before and after, times are corrected by that, and what may be left is\n"
    "reported (clock_error_ms). Have them synchronised (PTP, NTP) all the same, so that none is\n"
    "stepped in between.\n"
    "\n"
    "examples: sudo fama-bench dissemination\n"
    "          sudo fama-bench dissemination --sizes 1MB --blocks 50 --loss 1 --json\n"
    "          fama-bench dissemination --cluster hosts.yaml --sizes 100KB,1MB --blocks 500\n";

const struct fama_command fama_bench_dissemination_command = {
    "dissemination", "from the leader's first send to the last peer, beside Fabric", help,
    fama_bench_dissemination};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* ---- Options ---- */

static int usage(const char *words, const char *value)
{
    (void)fprintf(stderr,
                  "fama-bench dissemination: %s%s\nTry `fama-bench dissemination --help`.\n", words,
                  value);
    return FAMA_EXIT_USAGE;
}

/* A number with a unit, up to a comma or the end; NULL if it is none. */
static const char *read_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {{"KB", 1000}, {"MB", 1000000}, {"K", 1024}, {"M", 1048576}, {"", 1}};
    char *end = NULL;
    if (!isdigit((unsigned char)text[0])) {
        return NULL;
    }
    unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(end, units[i].name, len) == 0 && (end[len] == ',' || end[len] == '\0')) {
            *bytes = number <= BLOCK_BYTES_MAX ? number * units[i].factor : UINT64_MAX;
            return end + len;
        }
    }
    return NULL;
}

/* "1,2,3" into at most `capacity` numbers. Returns how many, or 0. */
static size_t read_list(const char *text, uint64_t *numbers, size_t capacity)
{
    size_t count = 0;
    for (;;) {
        text = count < capacity ? read_size(text, &numbers[count]) : NULL;
        if (text == NULL) {
            return 0;
        }
        count++;
        if (*text == '\0') {
            return count;
        }
        text++;
    }
}

/* As many blocks as give figures worth printing, and pauses in which eight nodes on two cores finish. */
static void set_defaults(struct fama_spread_series *series)
{
    series->blocks = series->bytes <= 200000 ? 200 : series->bytes <= 2000000 ? 100 : 20;
    series->pause_ms = series->bytes <= 20000     ? 100
                       : series->bytes <= 200000  ? 150
                       : series->bytes <= 2000000 ? 300
                                                  : 2000;
}

static int read_series(const char *sizes, const char *blocks, const char *pauses,
                       struct fama_spread_options *options)
{
    uint64_t numbers[3][FAMA_SPREAD_SIZES_MAX];
    size_t count = read_list(sizes, numbers[0], FAMA_SPREAD_SIZES_MAX);
    size_t block_count = blocks == NULL ? 0 : read_list(blocks, numbers[1], FAMA_SPREAD_SIZES_MAX);
    size_t pause_count = pauses == NULL ? 0 : read_list(pauses, numbers[2], FAMA_SPREAD_SIZES_MAX);
    if (count == 0) {
        return usage("--sizes wants sizes with commas between them, not ", sizes);
    }
    if (blocks != NULL && block_count != 1 && block_count != count) {
        return usage("--blocks wants one number, or as many as there are sizes, not ", blocks);
    }
    if (pauses != NULL && pause_count != 1 && pause_count != count) {
        return usage("--pause wants one number, or as many as there are sizes, not ", pauses);
    }
    options->series_count = count;
    for (size_t i = 0; i < count; i++) {
        struct fama_spread_series *series = &options->series[i];
        series->bytes = numbers[0][i];
        set_defaults(series);
        if (block_count > 0) {
            series->blocks = numbers[1][block_count == 1 ? 0 : i];
        }
        if (pause_count > 0) {
            series->pause_ms = numbers[2][pause_count == 1 ? 0 : i];
        }
        if (series->bytes < 1000 || series->bytes > BLOCK_BYTES_MAX || series->blocks == 0 ||
            series->blocks > BLOCKS_MAX || series->pause_ms > 60000) {
            return usage("sizes are 1KB to 32M, blocks 1 to 4000, pauses at most 60000", "");
        }
    }
    return 0;
}

static int read_options(int argc, char **argv, struct fama_spread_options *options)
{
    *options = (struct fama_spread_options){.peers = 8,
                                            .mtu = 9000,
                                            .seed = 1,
                                            .idle = "adaptive",
                                            .planner = "coordinated",
                                            .directory = ".",
                                            .seconds = 600};
    const char *sizes = DEFAULT_SIZES;
    const char *blocks = NULL;
    const char *pauses = NULL;
    const struct fama_option table[] = {
        {"peers", FAMA_OPTION_NUMBER, &options->peers, false},
        {"sizes", FAMA_OPTION_TEXT, &sizes, false},
        {"blocks", FAMA_OPTION_TEXT, &blocks, false},
        {"pause", FAMA_OPTION_TEXT, &pauses, false},
        {"mtu", FAMA_OPTION_NUMBER, &options->mtu, false},
        {"loss", FAMA_OPTION_REAL, &options->loss_percent, false},
        {"seed", FAMA_OPTION_NUMBER, &options->seed, false},
        {"idle", FAMA_OPTION_TEXT, &options->idle, false},
        {"planner", FAMA_OPTION_TEXT, &options->planner, false},
        {"dir", FAMA_OPTION_TEXT, &options->directory, false},
        {"cluster", FAMA_OPTION_TEXT, &options->cluster, false},
        {"seconds", FAMA_OPTION_REAL, &options->seconds, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
        {"keep", FAMA_OPTION_FLAG, &options->keep, false},
    };
    int status = fama_options_parse(&fama_bench_dissemination_command, table,
                                    sizeof table / sizeof table[0], argc, argv, NULL);
    if (status == 0) {
        status = read_series(sizes, blocks, pauses, options);
    }
    if (status != 0) {
        return status;
    }
    options->blocks = blocks == NULL ? DEFAULT_WATCHED : options->series[0].blocks;
    if (options->peers < 2 || options->peers > FAMA_SPREAD_NODES_MAX || options->mtu < 1280 ||
        options->mtu > 9000) {
        return usage("--peers is 2 to 64, --mtu 1280 to 9000", "");
    }
    if (!(options->loss_percent >= 0 && options->loss_percent <= 50) ||
        !(options->seconds > 0 && options->seconds <= 86400) || options->seed > INT64_MAX) {
        return usage("--loss is 0 to 50, --seconds at most 86400", "");
    }
    if (strcmp(options->idle, "adaptive") != 0 && strcmp(options->idle, "poll") != 0) {
        return usage("--idle is adaptive or poll, not ", options->idle);
    }
    if (strcmp(options->planner, "coordinated") != 0 &&
        strcmp(options->planner, "infectious") != 0) {
        return usage("--planner is coordinated or infectious, not ", options->planner);
    }
    return 0;
}

int fama_bench_dissemination(int argc, char **argv)
{
    struct fama_spread_options options;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    const struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return options.cluster != NULL ? fama_spread_measure_cluster(&options, &is_interrupted)
                                   : fama_spread_measure_local(&options, &is_interrupted);
}
