#define _GNU_SOURCE
#include "controlplane/network_lifecycle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/admin.h"
#include "controlplane/network_create.h"
#include "controlplane/network_hugepages.h"
#include "controlplane/network_links.h"
#include "controlplane/network_process.h"
#include "controlplane/network_query.h"

#define START_TIMEOUT_MS   60000
#define MEMBERS_TIMEOUT_MS 15000
#define STOP_TIMEOUT_MS    5000
#define POLL_MS            50
#define LAST_WORDS_BYTES   400

static void pause_ms(int milliseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

static bool pid_path(const char *network_name, const char *who, char *path, size_t size)
{
    return fama_network_format(path, size, FAMA_NETWORK_RUN_FOLDER "/%s/%s.pid", network_name, who);
}

/* ---- One command at a time per name ---- */

static int lock(const char *network_name, int *fd, struct fama_error *error)
{
    char path[PATH_MAX];
    if (!fama_network_name_is_valid(network_name) ||
        !fama_network_format(path, sizeof(path), FAMA_NETWORK_RUN_FOLDER "/%s.lock",
                             network_name)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "'%s' is no name for a network",
                              network_name);
    }
    int status = fama_network_make_folder(FAMA_NETWORK_RUN_FOLDER, error);
    if (status != 0) {
        return status;
    }
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0 || flock(*fd, LOCK_EX) != 0) {
        status = fama_error_set(error, FAMA_NETWORK_IO, "%s: %s", path, strerror(errno));
        if (*fd >= 0) {
            close(*fd);
        }
    }
    return status;
}

/* ---- Starting ---- */

/* What a node that died said last: the reason is there. */
static void last_words(const char *log_path, char words[LAST_WORDS_BYTES])
{
    char line[LAST_WORDS_BYTES];
    words[0] = '\0';
    FILE *file = fopen(log_path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0') {
            memcpy(words, line, sizeof(line));
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static int spawn_node(const struct fama_network *network, const struct fama_network_node *node,
                      struct fama_error *error)
{
    char namespace[128], directory[PATH_MAX], log[PATH_MAX], pid[PATH_MAX], program[PATH_MAX];
    char variable[PATH_MAX + 32];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length <= 0 ||
        !fama_network_namespace(network->name, node->name, namespace, sizeof(namespace)) ||
        !fama_network_node_path(network, node, "", directory, sizeof(directory)) ||
        !fama_network_node_path(network, node, "node.log", log, sizeof(log)) ||
        !pid_path(network->name, node->name, pid, sizeof(pid))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: a path is too long", node->name);
    }
    program[length] = '\0';
    snprintf(variable, sizeof(variable), "FABRIC_CFG_PATH=%s", directory);
    const char *const argv[] = {"ip", "netns", "exec", namespace, program, "node", "start", NULL};
    const struct fama_network_daemon daemon = {
        .argv = argv, .log_path = log, .pid_path = pid, .variable = variable};
    return fama_network_spawn(&daemon, error);
}

/* Waits until the node answers; says why if it died instead. */
static int await_node(const struct fama_network *network, const struct fama_network_node *node,
                      struct fama_error *error)
{
    char pid[PATH_MAX], log[PATH_MAX], words[LAST_WORDS_BYTES];
    if (!pid_path(network->name, node->name, pid, sizeof(pid)) ||
        !fama_network_node_path(network, node, "node.log", log, sizeof(log))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: a path is too long", node->name);
    }
    for (int waited_ms = 0; waited_ms < START_TIMEOUT_MS; waited_ms += POLL_MS) {
        json_t *answer = NULL;
        bool is_running = fama_network_is_running(pid, NULL);
        if (is_running && fama_network_ask(network, node, json_pack("{s:s}", "op", "channel.list"),
                                           &answer, NULL) == 0) {
            json_decref(answer);
            return network->port_type == FAMA_NETWORK_PORT_TAP
                       ? fama_network_links_wire_tap(network, node, error)
                       : 0;
        }
        if (!is_running) {
            last_words(log, words);
            return fama_error_set(error, FAMA_NETWORK_NODE, "%s did not start: %s (log: %s)",
                                  node->name, words[0] == '\0' ? "it said nothing" : words, log);
        }
        pause_ms(POLL_MS);
    }
    return fama_error_set(error, FAMA_NETWORK_NODE, "%s does not answer after %d s (log: %s)",
                          node->name, START_TIMEOUT_MS / 1000, log);
}

int fama_network_start_node(const struct fama_network *network,
                            const struct fama_network_node *node, struct fama_error *error)
{
    char pid[PATH_MAX];
    if (!pid_path(network->name, node->name, pid, sizeof(pid))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: a path is too long", node->name);
    }
    if (fama_network_is_running(pid, NULL)) {
        return fama_error_set(error, FAMA_NETWORK_NODE, "%s runs already", node->name);
    }
    int status = spawn_node(network, node, error);
    return status != 0 ? status : await_node(network, node, error);
}

int fama_network_kill_node(const struct fama_network *network, const struct fama_network_node *node,
                           int signal_number, uint64_t *took_ms, struct fama_error *error)
{
    char pid[PATH_MAX];
    struct timespec before, after;
    if (!pid_path(network->name, node->name, pid, sizeof(pid))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: a path is too long", node->name);
    }
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (!fama_network_signal(pid, signal_number)) {
        return fama_error_set(error, FAMA_NETWORK_NODE, "%s does not run", node->name);
    }
    if (!fama_network_wait_gone(pid, STOP_TIMEOUT_MS)) {
        return fama_error_set(error, FAMA_NETWORK_NODE, "%s still runs %d s after signal %d",
                              node->name, STOP_TIMEOUT_MS / 1000, signal_number);
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    *took_ms = (uint64_t)((after.tv_sec - before.tv_sec) * 1000 +
                          (after.tv_nsec - before.tv_nsec) / 1000000);
    return 0;
}

static int start_switch(const struct fama_network *network, struct fama_error *error)
{
    char namespace[128], log[PATH_MAX], pid[PATH_MAX], program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length <= 0 ||
        !fama_network_namespace(network->name, "bridge", namespace, sizeof(namespace)) ||
        !fama_network_format(log, sizeof(log), "%s/switch.log", network->directory) ||
        !pid_path(network->name, "switch", pid, sizeof(pid))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "the switch: a path is too long");
    }
    program[length] = '\0';
    const char *const argv[] = {"ip",      "netns",  "exec",  namespace,          program,
                                "network", "switch", "--dir", network->directory, NULL};
    const struct fama_network_daemon daemon = {.argv = argv, .log_path = log, .pid_path = pid};
    return fama_network_spawn(&daemon, error);
}

/* ---- Joining ---- */

static int join(const struct fama_network *network, const struct fama_network_node *node,
                struct fama_error *error)
{
    struct fama_error problem = {""};
    json_t *answer = NULL;
    if (fama_network_height(network, node, &problem) > 0) {
        return 0; /* its ledger remembers */
    }
    if (fama_network_ask(
            network, node,
            json_pack("{s:s, s:s}", "op", "channel.join", "block_file", network->genesis), &answer,
            error) != 0) {
        return fama_error_prefix(error, FAMA_NETWORK_NODE, "%s: ", node->name);
    }
    json_decref(answer);
    return 0;
}

/* Leaders join last, and after everybody of their organisation is known to them: their first block then
 * goes out by push. Not knowing everybody in time is no failure, for pull brings what push missed. */
static void await_members(const struct fama_network *network, const struct fama_network_node *node)
{
    uint32_t others = network->orgs[node->org].nodes - 1;
    for (int waited_ms = 0; waited_ms < MEMBERS_TIMEOUT_MS; waited_ms += POLL_MS) {
        if (fama_network_living(network, node) >= others) {
            return;
        }
        pause_ms(POLL_MS);
    }
    fprintf(stderr, "network: %s does not know all nodes of its organisation yet; going on\n",
            node->name);
}

static int join_all(const struct fama_network *network, struct fama_error *error)
{
    for (uint32_t i = 0; i < network->node_count; i++) {
        int status = network->nodes[i].is_leader ? 0 : join(network, &network->nodes[i], error);
        if (status != 0) {
            return status;
        }
    }
    for (uint32_t i = 0; i < network->node_count; i++) {
        if (network->nodes[i].is_leader) {
            await_members(network, &network->nodes[i]);
        }
    }
    for (uint32_t i = 0; i < network->node_count; i++) {
        int status = network->nodes[i].is_leader ? join(network, &network->nodes[i], error) : 0;
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* ---- Stopping ---- */

static bool is_pid_file(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".pid") == 0;
}

/* Calls `act` on each pid file of the network; returns how many say that they live. */
static uint32_t each_pid(const char *network_name, bool (*act)(const char *path))
{
    char folder[PATH_MAX], path[PATH_MAX];
    uint32_t living = 0;
    DIR *entries =
        fama_network_run_path(network_name, "", folder, sizeof(folder)) ? opendir(folder) : NULL;
    if (entries == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (is_pid_file(entry->d_name) &&
            fama_network_format(path, sizeof(path), "%s/%s", folder, entry->d_name)) {
            living += act(path);
        }
    }
    closedir(entries);
    return living;
}

static bool terminate(const char *path)
{
    return fama_network_signal(path, SIGTERM);
}

static bool is_alive(const char *path)
{
    return fama_network_is_running(path, NULL);
}

static bool kill_and_wait(const char *path)
{
    return fama_network_signal(path, SIGKILL) && !fama_network_wait_gone(path, STOP_TIMEOUT_MS);
}

static void remove_run_folder(const char *network_name)
{
    char folder[PATH_MAX], path[PATH_MAX];
    if (!fama_network_run_path(network_name, "", folder, sizeof(folder))) {
        return;
    }
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] != '.' &&
            fama_network_format(path, sizeof(path), "%s/%s", folder, entry->d_name)) {
            (void)unlink(path);
        }
    }
    closedir(entries);
    (void)rmdir(folder);
}

static int clear_away(const char *network_name, struct fama_error *error)
{
    (void)each_pid(network_name, terminate);
    for (int waited_ms = 0; waited_ms < STOP_TIMEOUT_MS && each_pid(network_name, is_alive) > 0;
         waited_ms += POLL_MS) {
        pause_ms(POLL_MS);
    }
    if (each_pid(network_name, kill_and_wait) > 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM,
                              "network %s: a process outlives SIGKILL; see " FAMA_NETWORK_RUN_FOLDER
                              "/%s/*.pid",
                              network_name, network_name);
    }
    fama_network_links_remove(network_name);
    fama_network_hugepages_return(network_name);
    remove_run_folder(network_name);
    return 0;
}

int fama_network_down(const char *network_name, struct fama_error *error)
{
    int fd = -1;
    int status = lock(network_name, &fd, error);
    if (status == 0) {
        status = clear_away(network_name, error);
        close(fd);
    }
    return status;
}

/* ---- Up ---- */

static int bring_up(const struct fama_network *network, struct fama_error *error)
{
    char folder[PATH_MAX];
    enum fama_network_fault_carrier carrier = FAMA_NETWORK_NO_FAULTS;
    if (!fama_network_run_path(network->name, "", folder, sizeof(folder))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the name is too long",
                              network->name);
    }
    int status = fama_network_make_folder(folder, error);
    if (status == 0) {
        uint64_t added = fama_network_hugepages_borrow(network);
        if (added > 0) {
            fprintf(stderr, "network: %llu hugepages added for as long as it runs\n",
                    (unsigned long long)added);
        }
        status = fama_network_links_make(network, &carrier, error);
    }
    if (status == 0 && carrier == FAMA_NETWORK_BY_SWITCH) {
        fprintf(stderr,
                "network: this kernel has no netem; a switch of our own makes the faults\n");
        status = start_switch(network, error);
    }
    for (uint32_t i = 0; status == 0 && i < network->node_count; i++) {
        status = spawn_node(network, &network->nodes[i], error);
    }
    for (uint32_t i = 0; status == 0 && i < network->node_count; i++) {
        status = await_node(network, &network->nodes[i], error);
    }
    if (status == 0) {
        fprintf(stderr, "network: %u nodes run\n", network->node_count);
        status = join_all(network, error);
    }
    return status;
}

int fama_network_up(const struct fama_network *network, struct fama_error *error)
{
    int fd = -1;
    if (geteuid() != 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM,
                              "network namespaces and DPDK ports need root: use sudo");
    }
    int status = lock(network->name, &fd, error);
    if (status != 0) {
        return status;
    }
    status = clear_away(network->name, error);
    if (status == 0) {
        status = bring_up(network, error);
        if (status != 0) {
            (void)clear_away(network->name, NULL);
        }
    }
    close(fd);
    return status;
}
