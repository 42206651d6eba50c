/* `fama network ...`: a local network of many nodes on one machine, for demonstrations, tests and benches. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli.h"
#include "controlplane/command.h"
#include "controlplane/network_create.h"
#include "controlplane/network_lifecycle.h"
#include "controlplane/network_query.h"
#include "controlplane/network_switch.h"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define DEFAULT_NAME    "local"
#define DEFAULT_CHANNEL "drivenet"
#define WAIT_POLL_MS    200
#define REAL_UNSET      (-1.0)

static int fail(const struct fama_error *error)
{
    fprintf(stderr, "fama network: %s\n", error->text);
    return FAMA_EXIT_FAILED;
}

static int misuse(const char *words, const char *value)
{
    fprintf(stderr, "fama network: %s%s\n", words, value);
    return FAMA_EXIT_USAGE;
}

/* The path made absolute, for the nodes run elsewhere. False if it does not fit. */
static bool make_absolute(const char *path, char *absolute, size_t size)
{
    char here[PATH_MAX];
    if (path[0] == '/') {
        return fama_network_format(absolute, size, "%s", path);
    }
    return getcwd(here, sizeof(here)) != NULL &&
           fama_network_format(absolute, size, "%s/%s", here, path);
}

/* ---- What `create` and `up` take ---- */

struct network_options {
    const char *dir;
    const char *name;
    struct fama_texts orgs;
    const char *channel;
    const char *genesis;
    const char *crypto;
    const char *blocks;
    const char *port_type;
    const char *idle;
    const char *planner;
    uint64_t mtu;
    bool is_ipv6;
    uint64_t pace; /* UINT64_MAX: not given */
    double rate;
    double loss;
    double delay;
    double jitter;
    double reorder;
    uint64_t seed;
};

static int parse_network_options(struct network_options *options, int argc, char **argv)
{
    *options = (struct network_options){.pace = UINT64_MAX,
                                        .rate = REAL_UNSET,
                                        .loss = REAL_UNSET,
                                        .delay = REAL_UNSET,
                                        .jitter = REAL_UNSET,
                                        .reorder = REAL_UNSET,
                                        .seed = UINT64_MAX};
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &options->dir, true},
        {"name", FAMA_OPTION_TEXT, &options->name, false},
        {"org", FAMA_OPTION_TEXTS, &options->orgs, false},
        {"channel", FAMA_OPTION_TEXT, &options->channel, false},
        {"genesis", FAMA_OPTION_TEXT, &options->genesis, false},
        {"crypto", FAMA_OPTION_TEXT, &options->crypto, false},
        {"blocks", FAMA_OPTION_TEXT, &options->blocks, false},
        {"rate", FAMA_OPTION_REAL, &options->rate, false},
        {"port-type", FAMA_OPTION_TEXT, &options->port_type, false},
        {"idle", FAMA_OPTION_TEXT, &options->idle, false},
        {"planner", FAMA_OPTION_TEXT, &options->planner, false},
        {"mtu", FAMA_OPTION_NUMBER, &options->mtu, false},
        {"ipv6", FAMA_OPTION_FLAG, &options->is_ipv6, false},
        {"pace", FAMA_OPTION_NUMBER, &options->pace, false},
        {"loss", FAMA_OPTION_REAL, &options->loss, false},
        {"delay", FAMA_OPTION_REAL, &options->delay, false},
        {"jitter", FAMA_OPTION_REAL, &options->jitter, false},
        {"reorder", FAMA_OPTION_REAL, &options->reorder, false},
        {"seed", FAMA_OPTION_NUMBER, &options->seed, false},
    };
    return fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
}

/* What may change from one start to the next: the source and its pace, ports, faults, the name. */
static int apply_running_options(const struct network_options *options,
                                 struct fama_network *network)
{
    if (options->name != NULL) {
        if (!fama_network_name_is_valid(options->name)) {
            return misuse("--name wants small letters, digits and inner hyphens, at most 23: not ",
                          options->name);
        }
        snprintf(network->name, sizeof(network->name), "%s", options->name);
    }
    if (options->blocks != NULL && strcmp(options->blocks, "none") == 0) {
        network->blocks[0] = '\0';
    } else if (options->blocks != NULL &&
               !make_absolute(options->blocks, network->blocks, sizeof(network->blocks))) {
        return misuse("the path is too long: ", options->blocks);
    }
    if (options->port_type != NULL &&
        fama_network_port_from_name(options->port_type, &network->port_type) != 0) {
        return misuse("--port-type is af_packet, af_xdp or tap, not ", options->port_type);
    }
    if (options->idle != NULL) {
        if (strcmp(options->idle, "poll") != 0 && strcmp(options->idle, "adaptive") != 0) {
            return misuse("--idle is poll or adaptive, not ", options->idle);
        }
        network->is_polling = strcmp(options->idle, "poll") == 0;
    }
    if (options->planner != NULL) {
        if (strcmp(options->planner, "coordinated") != 0 &&
            strcmp(options->planner, "infectious") != 0) {
            return misuse("--planner is coordinated or infectious, not ", options->planner);
        }
        network->is_infectious = strcmp(options->planner, "infectious") == 0;
    }
    if (options->mtu != 0) {
        if (options->mtu < FAMA_NETWORK_MTU_MIN || options->mtu > FAMA_NETWORK_MTU_MAX) {
            return misuse("--mtu is 1280 to 9000", "");
        }
        network->mtu = (uint32_t)options->mtu;
    }
    if (options->pace != UINT64_MAX) {
        if (options->pace != 0 &&
            (options->pace < FAMA_NETWORK_PACE_MIN || options->pace > FAMA_NETWORK_PACE_MAX)) {
            return misuse("--pace is 0, or 10000000 to 1000000000000", "");
        }
        network->pace = options->pace;
    }
    const struct {
        const char *name;
        double given;
        double most;
        double *field;
    } reals[] = {
        {"--rate", options->rate, 1e6, &network->blocks_per_second},
        {"--loss", options->loss, 100, &network->faults.loss_percent},
        {"--delay", options->delay, 10000, &network->faults.delay_ms},
        {"--jitter", options->jitter, 10000, &network->faults.jitter_ms},
        {"--reorder", options->reorder, 100, &network->faults.reorder_percent},
    };
    for (size_t i = 0; i < COUNT(reals); i++) {
        if (reals[i].given == REAL_UNSET) {
            continue;
        }
        if (!isfinite(reals[i].given) || reals[i].given < 0 || reals[i].given > reals[i].most) {
            return misuse("out of its bounds: ", reals[i].name);
        }
        *reals[i].field = reals[i].given;
    }
    if (network->faults.reorder_percent > 0 && network->faults.delay_ms <= 0) {
        return misuse("--reorder needs --delay: a frame overtakes others that are delayed", "");
    }
    if (options->seed != UINT64_MAX) {
        network->faults.seed = options->seed & INT64_MAX;
    }
    return 0;
}

/* What is fixed when a network is made. */
static int apply_fixed_options(const struct network_options *options, struct fama_network *network)
{
    struct fama_error error = {""};
    static const char *const usual[] = {"Sipher:5", "WhiteBox:2"};
    size_t count = options->orgs.count == 0 ? COUNT(usual) : options->orgs.count;
    network->is_ipv6 = options->is_ipv6;
    for (size_t i = 0; i < count; i++) {
        const char *text = options->orgs.count == 0 ? usual[i] : options->orgs.items[i];
        if (fama_network_add_org(network, text, &error) != 0) {
            return misuse(error.text, "");
        }
    }
    const char *channel = options->channel == NULL ? DEFAULT_CHANNEL : options->channel;
    snprintf(network->name, sizeof(network->name), "%s", DEFAULT_NAME);
    if (!fama_network_format(network->channel, sizeof(network->channel), "%s", channel) ||
        !make_absolute(options->dir, network->directory, sizeof(network->directory)) ||
        (options->genesis != NULL &&
         !make_absolute(options->genesis, network->genesis, sizeof(network->genesis))) ||
        (options->crypto != NULL &&
         !make_absolute(options->crypto, network->crypto, sizeof(network->crypto)))) {
        return misuse("a path or the channel's name is too long", "");
    }
    network->faults.seed = (uint64_t)time(NULL);
    return apply_running_options(options, network);
}

/* Makes the network of these options, or loads the one that is there already and applies what may change.
 * Returns an exit code; `*network` is released with free(). */
static int create_or_load(const struct network_options *options, bool may_exist,
                          struct fama_network **network)
{
    struct fama_error error = {""};
    bool exists = fama_network_exists(options->dir);
    if (exists && may_exist) {
        if (options->orgs.count > 0 || options->channel != NULL || options->genesis != NULL ||
            options->crypto != NULL || options->is_ipv6) {
            return misuse(
                "there is a network already, whose organisations, channel, identities and "
                "addresses stay as they are, in ",
                options->dir);
        }
        if (fama_network_load(options->dir, network, &error) != 0) {
            return fail(&error);
        }
        int code = apply_running_options(options, *network);
        if (code == 0 && (fama_network_write_configs(*network, &error) != 0 ||
                          fama_network_save(*network, &error) != 0)) {
            code = fail(&error);
        }
        if (code != 0) {
            free(*network);
        }
        return code;
    }
    struct fama_network *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        fprintf(stderr, "fama network: out of memory\n");
        return FAMA_EXIT_FAILED;
    }
    int code = apply_fixed_options(options, made);
    if (code == 0 && fama_network_create(made, &error) != 0) {
        code = fail(&error);
    }
    if (code != 0) {
        free(made);
        return code;
    }
    *network = made;
    return 0;
}

int fama_cli_network_create(int argc, char **argv)
{
    struct network_options options;
    struct fama_network *network = NULL;
    int code = parse_network_options(&options, argc, argv);
    if (code == 0) {
        code = create_or_load(&options, false, &network);
    }
    if (code == 0) {
        printf("network %s: %u nodes of %u organisations, channel %s, in %s\n", network->name,
               network->node_count, network->org_count, network->channel, network->directory);
        free(network);
    }
    return code;
}

int fama_cli_network_up(int argc, char **argv)
{
    struct network_options options;
    struct fama_network *network = NULL;
    struct fama_error error = {""};
    int code = parse_network_options(&options, argc, argv);
    if (code == 0) {
        code = create_or_load(&options, true, &network);
    }
    if (code != 0) {
        return code;
    }
    if (fama_network_up(network, &error) != 0) {
        code = fail(&error);
    } else {
        printf("network %s is up: %u nodes, channel %s, in %s\n", network->name,
               network->node_count, network->channel, network->directory);
    }
    free(network);
    return code;
}

int fama_cli_network_down(int argc, char **argv)
{
    const char *dir = NULL, *name = NULL;
    struct fama_error error = {""};
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &dir, false},
        {"name", FAMA_OPTION_TEXT, &name, false},
    };
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code != 0) {
        return code;
    }
    if ((dir == NULL) == (name == NULL)) {
        return misuse("down wants either --dir or --name", "");
    }
    struct fama_network *network = NULL;
    if (dir != NULL && fama_network_load(dir, &network, &error) != 0) {
        return fail(&error);
    }
    if (network != NULL) {
        name = network->name;
    }
    if (geteuid() != 0) {
        fama_error_set(&error, FAMA_NETWORK_SYSTEM,
                       "network namespaces need root to be removed: use sudo");
        code = fail(&error);
    } else if (fama_network_down(name, &error) != 0) {
        code = fail(&error);
    } else {
        printf("network %s is down\n", name);
    }
    free(network);
    return code;
}

/* ---- Looking ---- */

static int print_json(const struct fama_report *report)
{
    json_t *json = fama_report_json(report);
    if (json == NULL || json_dumpf(json, stdout, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "fama network: out of memory\n");
        json_decref(json);
        return FAMA_EXIT_FAILED;
    }
    printf("\n");
    json_decref(json);
    return 0;
}

static int judge(const struct fama_report *report, uint64_t expected_height)
{
    if (!report->all_answered) {
        return FAMA_EXIT_UNREACHABLE;
    }
    if (!report->is_identical) {
        return FAMA_EXIT_FAILED;
    }
    if (expected_height != 0 && report->rows[0].height != expected_height) {
        fprintf(stderr, "fama network: height %" PRIu64 " where %" PRIu64 " is expected\n",
                report->rows[0].height, expected_height);
        return FAMA_EXIT_FAILED;
    }
    return 0;
}

int fama_cli_network_status(int argc, char **argv)
{
    const char *dir = NULL, *channel = NULL;
    bool is_json = false;
    uint64_t expected_height = 0;
    struct fama_error error = {""};
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &dir, true},
        {"channel", FAMA_OPTION_TEXT, &channel, false},
        {"json", FAMA_OPTION_FLAG, &is_json, false},
        {"expect-height", FAMA_OPTION_NUMBER, &expected_height, false},
    };
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code != 0) {
        return code;
    }
    struct fama_network *network = NULL;
    if (fama_network_load(dir, &network, &error) != 0) {
        return fail(&error);
    }
    if (channel != NULL &&
        !fama_network_format(network->channel, sizeof(network->channel), "%s", channel)) {
        free(network);
        return misuse("no channel has so long a name: ", channel);
    }
    struct fama_report report = {.rows = calloc(network->node_count, sizeof(*report.rows))};
    if (report.rows == NULL || !fama_network_query_report(network, &report)) {
        fama_error_set(&error, FAMA_NETWORK_NO_MEMORY, "out of memory");
        code = fail(&error);
    } else {
        if (is_json) {
            code = print_json(&report);
        } else {
            fama_report_print(&report, stdout);
        }
        code = code != 0 ? code : judge(&report, expected_height);
    }
    fama_report_clear(&report);
    free(report.rows);
    free(network);
    return code;
}

/* One line about where everybody is. Returns how many nodes have reached the height. */
static uint32_t look_at_heights(const struct fama_network *network, uint64_t height, char *line,
                                size_t size)
{
    uint64_t lowest = UINT64_MAX, highest = 0;
    uint32_t reached = 0, silent = 0;
    for (uint32_t i = 0; i < network->node_count; i++) {
        struct fama_error problem = {""};
        uint64_t has = fama_network_height(network, &network->nodes[i], &problem);
        if (problem.text[0] != '\0') {
            silent++;
            continue;
        }
        lowest = has < lowest ? has : lowest;
        highest = has > highest ? has : highest;
        reached += has >= height;
    }
    snprintf(line, size, "height %" PRIu64 " to %" PRIu64 " of %" PRIu64 ", %u of %u nodes there%s",
             lowest == UINT64_MAX ? 0 : lowest, highest, height, reached, network->node_count,
             silent == 0 ? "" : ", some do not answer");
    return reached;
}

static uint64_t elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)((now.tv_sec - since->tv_sec) * 1000 +
                      (now.tv_nsec - since->tv_nsec) / 1000000);
}

/* On a terminal the line is written over itself; elsewhere, a line every two seconds. */
static int wait_for_height(const struct fama_network *network, uint64_t height, uint64_t timeout_s)
{
    struct timespec start;
    uint64_t next_line_ms = 0;
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        char line[160];
        bool is_there = look_at_heights(network, height, line, sizeof(line)) == network->node_count;
        uint64_t now_ms = elapsed_ms(&start);
        bool is_late = now_ms >= timeout_s * 1000;
        if (is_terminal || is_there || is_late || now_ms >= next_line_ms) {
            fprintf(stderr, "%s%s after %.1f s%s", is_terminal ? "\r" : "", line,
                    (double)now_ms / 1000, is_terminal && !is_there && !is_late ? "  " : "\n");
            next_line_ms = now_ms + 2000;
        }
        if (is_there) {
            return FAMA_EXIT_OK;
        }
        if (is_late) {
            fprintf(stderr,
                    "fama network: not all nodes are at height %" PRIu64 " in %" PRIu64
                    " s; `fama network status` tells who\n",
                    height, timeout_s);
            return FAMA_EXIT_FAILED;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_POLL_MS * 1000000L}, NULL);
    }
}

int fama_cli_network_wait(int argc, char **argv)
{
    const char *dir = NULL;
    uint64_t height = 0, timeout_s = 120;
    struct fama_error error = {""};
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &dir, true},
        {"height", FAMA_OPTION_NUMBER, &height, true},
        {"timeout", FAMA_OPTION_NUMBER, &timeout_s, false},
    };
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code != 0) {
        return code;
    }
    if (timeout_s > 86400) {
        return misuse("--timeout is at most 86400 seconds", "");
    }
    struct fama_network *network = NULL;
    if (fama_network_load(dir, &network, &error) != 0) {
        return fail(&error);
    }
    code = wait_for_height(network, height, timeout_s);
    free(network);
    return code;
}

/* ---- Single nodes ---- */

/* Loads the network and finds the node; returns an exit code. `*network` is released with free(). */
static int load_with_node(const char *dir, const char *node_name, struct fama_network **network,
                          const struct fama_network_node **node)
{
    struct fama_error error = {""};
    if (fama_network_load(dir, network, &error) != 0) {
        return fail(&error);
    }
    *node = fama_network_find(*network, node_name);
    if (*node == NULL) {
        fprintf(stderr, "fama network: no node %s; there are %s to %s\n", node_name,
                (*network)->nodes[0].name, (*network)->nodes[(*network)->node_count - 1].name);
        free(*network);
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

int fama_cli_network_node_kill(int argc, char **argv)
{
    const char *dir = NULL, *node_name = NULL;
    uint64_t signal_number = SIGKILL, took_ms = 0;
    struct fama_error error = {""};
    struct fama_network *network = NULL;
    const struct fama_network_node *node = NULL;
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &dir, true},
        {"node", FAMA_OPTION_TEXT, &node_name, true},
        {"signal", FAMA_OPTION_NUMBER, &signal_number, false},
    };
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code != 0) {
        return code;
    }
    if (signal_number != SIGKILL && signal_number != SIGTERM && signal_number != SIGINT) {
        return misuse("--signal is 9 (kill), 15 (terminate) or 2 (interrupt)", "");
    }
    code = load_with_node(dir, node_name, &network, &node);
    if (code != 0) {
        return code;
    }
    if (fama_network_kill_node(network, node, (int)signal_number, &took_ms, &error) != 0) {
        code = fail(&error);
    } else {
        printf("%s is gone %" PRIu64 " ms after signal %" PRIu64 "\n", node->name, took_ms,
               signal_number);
    }
    free(network);
    return code;
}

int fama_cli_network_node_start(int argc, char **argv)
{
    const char *dir = NULL, *node_name = NULL;
    struct fama_error error = {""};
    struct fama_network *network = NULL;
    const struct fama_network_node *node = NULL;
    const struct fama_option table[] = {
        {"dir", FAMA_OPTION_TEXT, &dir, true},
        {"node", FAMA_OPTION_TEXT, &node_name, true},
    };
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code == 0) {
        code = load_with_node(dir, node_name, &network, &node);
    }
    if (code != 0) {
        return code;
    }
    if (fama_network_start_node(network, node, &error) != 0) {
        code = fail(&error);
    } else {
        printf("%s runs\n", node->name);
    }
    free(network);
    return code;
}

int fama_cli_network_switch(int argc, char **argv)
{
    const char *dir = NULL;
    struct fama_error error = {""};
    struct fama_network *network = NULL;
    struct fama_network_switch_counters counters = {0};
    const struct fama_option table[] = {{"dir", FAMA_OPTION_TEXT, &dir, true}};
    int code = fama_options_parse(NULL, table, COUNT(table), argc, argv, NULL);
    if (code != 0) {
        return code;
    }
    if (fama_network_load(dir, &network, &error) != 0) {
        return fail(&error);
    }
    if (fama_network_switch_run(network->node_count, &network->faults, &counters, &error) != 0) {
        code = fail(&error);
    } else {
        printf("switch (seed %" PRIu64 "): %" PRIu64 " frames received, %" PRIu64
               " forwarded, %" PRIu64 " lost on purpose, %" PRIu64 " sent ahead, %" PRIu64
               " overflowed\n",
               network->faults.seed, counters.received, counters.forwarded, counters.lost,
               counters.reordered, counters.overflowed);
    }
    free(network);
    return code;
}
