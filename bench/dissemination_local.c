#include "bench/dissemination_local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/network_process.h"
#include "controlplane/network_query.h"
#include "controlplane/scratch_folder.h"

#define NETWORK_NAME "dissemination"
#define CHANNEL      "bench"
#define ORG          "Sipher"
#define WORDS_MAX    32

/* The program `fama` in our own folder. */
static int find_fama(char *path, size_t size, struct fama_error *error)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) {
        self[len] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL) {
            *slash = '\0';
            if (fama_network_format(path, size, "%s/fama", self) && access(path, X_OK) == 0) {
                return 0;
            }
        }
    }
    return fama_error_set(error, -1, "there is no program `fama` beside this one: build it too");
}

/* `fama network WORDS...`; the list ends with NULL. */
static int run_network(const char *const words[], struct fama_error *error)
{
    char fama[PATH_MAX];
    const char *argv[WORDS_MAX] = {fama, "network"};
    int status = find_fama(fama, sizeof fama, error);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; words[i] != NULL && i + 3 < WORDS_MAX; i++) {
        argv[i + 2] = words[i];
    }
    return fama_network_run_tool(argv, error) == 0 ? 0 : -1;
}

static int make_folder(const char *path, struct fama_error *error)
{
    return mkdir(path, 0755) == 0
               ? 0
               : fama_error_set(error, -1, "%s: cannot be made: %s", path, strerror(errno));
}

static int make_folders(struct fama_spread_local *local, const char *parent, char *blocks,
                        size_t size, struct fama_error *error)
{
    char absolute[PATH_MAX];
    if (realpath(parent, absolute) == NULL) {
        return fama_error_set(error, -1, "%s: %s", parent, strerror(errno));
    }
    if (fama_scratch_make(absolute, "fama-dissemination", local->folder, sizeof local->folder,
                          error) != 0) {
        local->folder[0] = '\0';
        return -1;
    }
    if (!fama_network_format(local->staged, sizeof local->staged, "%s/staged", local->folder) ||
        !fama_network_format(blocks, size, "%s/blocks", local->folder) ||
        !fama_network_format(local->source, sizeof local->source, "%s/blocks/" CHANNEL,
                             local->folder)) {
        return fama_error_set(error, -1, "%s: the path is too long", parent);
    }
    int status = make_folder(local->staged, error);
    if (status == 0) {
        status = make_folder(blocks, error);
    }
    return status == 0 ? make_folder(local->source, error) : status;
}

int fama_spread_local_create(const struct fama_spread_local_setup *setup,
                             struct fama_spread_local *local, struct fama_error *error)
{
    char blocks[PATH_MAX];
    char network[PATH_MAX];
    char org[32];
    char mtu[24];
    char loss[32];
    char seed[24];
    *local = (struct fama_spread_local){.network = NULL};
    if (geteuid() != 0) {
        return fama_error_set(error, -1, "network namespaces and DPDK ports need root: use sudo");
    }
    if (make_folders(local, setup->directory, blocks, sizeof blocks, error) != 0) {
        return -1;
    }
    (void)snprintf(org, sizeof org, ORG ":%" PRIu64, setup->peers);
    (void)snprintf(mtu, sizeof mtu, "%" PRIu64, setup->mtu);
    (void)snprintf(loss, sizeof loss, "%g", setup->loss_percent);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, setup->seed);
    if (!fama_network_format(network, sizeof network, "%s/network", local->folder)) {
        return fama_error_set(error, -1, "%s: the path is too long", setup->directory);
    }
    const char *words[WORDS_MAX] = {
        "create",    "--dir",     network,        "--name", NETWORK_NAME, "--org", org,
        "--channel", CHANNEL,     "--blocks",     blocks,   "--rate",     "0",     "--idle",
        setup->idle, "--planner", setup->planner, "--mtu",  mtu,
    };
    size_t count = 19;
    if (setup->loss_percent > 0) {
        words[count++] = "--loss";
        words[count++] = loss;
        words[count++] = "--seed";
        words[count++] = seed;
    }
    int status = run_network(words, error);
    return status == 0 && fama_network_load(network, &local->network, error) == 0 ? 0 : -1;
}

int fama_spread_local_up(const struct fama_spread_local *local, struct fama_error *error)
{
    const char *const words[] = {"up", "--dir", local->network->directory, NULL};
    return run_network(words, error);
}

int fama_spread_local_release(const struct fama_spread_local *local, uint64_t number,
                              struct fama_error *error)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (!fama_network_format(from, sizeof from, "%s/%06" PRIu64 ".block", local->staged, number) ||
        !fama_network_format(to, sizeof to, "%s/%06" PRIu64 ".block", local->source, number)) {
        return fama_error_set(error, -1, "%s: the path is too long", local->staged);
    }
    return rename(from, to) == 0
               ? 0
               : fama_error_set(error, -1, "%s: cannot be moved: %s", from, strerror(errno));
}

bool fama_spread_local_has(const struct fama_spread_local *local, uint64_t height)
{
    for (uint32_t i = 0; i < local->network->node_count; i++) {
        struct fama_error problem = {""};
        if (fama_network_height(local->network, &local->network->nodes[i], &problem) < height) {
            return false;
        }
    }
    return true;
}

int fama_spread_local_ask(const struct fama_spread_local *local, uint32_t node, json_t *request,
                          json_t **answer, struct fama_error *error)
{
    return fama_network_ask(local->network, &local->network->nodes[node], request, answer, error);
}

void fama_spread_local_end(struct fama_spread_local *local, bool is_kept)
{
    const char *const words[] = {"down", "--name", NETWORK_NAME, NULL};
    if (local->folder[0] == '\0') {
        return;
    }
    (void)run_network(words, NULL);
    if (is_kept) {
        (void)fprintf(stderr, "kept: %s\n", local->folder);
    } else {
        fama_scratch_remove(local->folder);
    }
    free(local->network);
    *local = (struct fama_spread_local){.network = NULL};
}
