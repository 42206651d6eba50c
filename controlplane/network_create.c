#define _GNU_SOURCE
#include "controlplane/network_create.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/ca.h"
#include "ledger/genesis.h"

#define YEAR_S (INT64_C(365) * 24 * 3600)

/* Certificates made here are valid from an hour ago, for clocks that disagree, to five years ahead, well
 * within the ten years of their authority. */
#define NOT_BEFORE_S (-3600)
#define NOT_AFTER_S  (5 * YEAR_S)

int fama_network_make_folder(const char *path, struct fama_error *error)
{
    char partial[PATH_MAX];
    if (!fama_network_format(partial, sizeof(partial), "%s", path)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long", path);
    }
    for (char *slash = strchr(partial + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        if (mkdir(partial, 0755) != 0 && errno != EEXIST) {
            return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be made: %s", partial,
                                  strerror(errno));
        }
        if (slash == NULL) {
            return 0;
        }
        *slash = '/';
    }
}

/* ---- Identities ---- */

static int issue(const char *organisation, enum fama_msp_role role, const char *name,
                 const char *address, struct fama_error *error)
{
    const char *sans[] = {"localhost", "127.0.0.1", address};
    const struct fama_ca_issue request = {
        .organisation = organisation,
        .role = role,
        .name = name,
        .sans = sans,
        .san_count = address == NULL ? 2 : 3,
        .not_before_s = NOT_BEFORE_S,
        .not_after_s = NOT_AFTER_S,
    };
    return fama_ca_issue(&request, NULL, 0, error) == 0 ? 0 : FAMA_NETWORK_IO;
}

static int make_organisation(const struct fama_network *network, uint32_t index,
                             struct fama_error *error)
{
    const struct fama_network_org *org = &network->orgs[index];
    char folder[PATH_MAX];
    if (!fama_network_format(folder, sizeof(folder), "%s/peerOrganizations/%s", network->crypto,
                             org->domain)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                              network->crypto);
    }
    int status = fama_network_make_folder(folder, error);
    if (status == 0 && fama_ca_init(folder, org->domain, error) != 0) {
        status = FAMA_NETWORK_IO;
    }
    for (uint32_t i = 0; status == 0 && i < network->node_count; i++) {
        const struct fama_network_node *node = &network->nodes[i];
        if (node->org == index) {
            char host[16];
            snprintf(host, sizeof(host), "peer%u", node->number);
            status = issue(folder, FAMA_MSP_ROLE_PEER, host, node->address, error);
        }
    }
    return status != 0 ? status : issue(folder, FAMA_MSP_ROLE_CLIENT, "User1", NULL, error);
}

static int make_identities(const struct fama_network *network, struct fama_error *error)
{
    char folder[PATH_MAX];
    if (!fama_network_format(folder, sizeof(folder),
                             "%s/ordererOrganizations/" FAMA_NETWORK_ORDERER_DOMAIN,
                             network->crypto)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                              network->crypto);
    }
    int status = fama_network_make_folder(folder, error);
    if (status == 0 && fama_ca_init(folder, FAMA_NETWORK_ORDERER_DOMAIN, error) != 0) {
        status = FAMA_NETWORK_IO;
    }
    if (status == 0) {
        status = issue(folder, FAMA_MSP_ROLE_ORDERER, "orderer0", NULL, error);
    }
    for (uint32_t i = 0; status == 0 && i < network->org_count; i++) {
        status = make_organisation(network, i, error);
    }
    return status;
}

/* Existing identities: an organisation's domain is the one folder whose name begins with its own. */
static int find_domain(const char *crypto, struct fama_network_org *org, struct fama_error *error)
{
    char folder[PATH_MAX];
    if (!fama_network_format(folder, sizeof(folder), "%s/peerOrganizations", crypto)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long", crypto);
    }
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return fama_error_set(error, FAMA_NETWORK_IO,
                              "%s: %s; --crypto wants a folder with peerOrganizations in it",
                              folder, strerror(errno));
    }
    size_t length = strlen(org->name);
    bool is_found = false;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strncasecmp(entry->d_name, org->name, length) == 0 &&
            (entry->d_name[length] == '.' || entry->d_name[length] == '\0') &&
            fama_network_format(org->domain, sizeof(org->domain), "%s", entry->d_name)) {
            is_found = true;
            break;
        }
    }
    closedir(entries);
    return is_found ? 0
                    : fama_error_set(error, FAMA_NETWORK_INVALID,
                                     "%s: no folder there is named after organisation %s", folder,
                                     org->name);
}

static int find_identities(struct fama_network *network, struct fama_error *error)
{
    for (uint32_t i = 0; i < network->org_count; i++) {
        int status = find_domain(network->crypto, &network->orgs[i], error);
        if (status != 0) {
            return status;
        }
    }
    for (uint32_t i = 0; i < network->node_count; i++) {
        char msp[PATH_MAX];
        if (!fama_network_msp_path(network, &network->nodes[i], msp, sizeof(msp)) ||
            access(msp, R_OK) != 0) {
            return fama_error_set(
                error, FAMA_NETWORK_IO,
                "%s: %s; node %s has no identity (fewer nodes, or another --crypto)", msp,
                strerror(errno), network->nodes[i].name);
        }
    }
    return 0;
}

/* ---- Genesis ---- */

static int write_file(const char *path, const uint8_t *bytes, size_t len, struct fama_error *error)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", path,
                              strerror(errno));
    }
    bool is_written = fwrite(bytes, 1, len, file) == len;
    if (fclose(file) != 0 || !is_written) {
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", path,
                              strerror(errno));
    }
    return 0;
}

static int open_org_msp(const struct fama_network *network, const char *kind, const char *domain,
                        const char *mspid, struct fama_msp **msp, struct fama_error *error)
{
    char folder[PATH_MAX];
    if (!fama_network_format(folder, sizeof(folder), "%s/%s/%s/msp", network->crypto, kind,
                             domain)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                              network->crypto);
    }
    return fama_msp_open_directory(folder, mspid, msp, error) == 0 ? 0 : FAMA_NETWORK_IO;
}

static int build_genesis(const struct fama_network *network, const struct fama_genesis_org *orderer,
                         const struct fama_genesis_org *applications, struct fama_error *error)
{
    const struct fama_genesis genesis = {
        .channel_id = network->channel,
        .orderers = orderer,
        .orderer_count = 1,
        .applications = applications,
        .application_count = network->org_count,
        .max_message_count = 500,
        .batch_timeout = "2s",
    };
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (fama_genesis_build(&genesis, &bytes, &len, error) != 0) {
        return FAMA_NETWORK_INVALID;
    }
    int status = write_file(network->genesis, bytes, len, error);
    free(bytes);
    return status;
}

static int make_genesis(const struct fama_network *network, struct fama_error *error)
{
    struct fama_msp *msps[FAMA_NETWORK_ORGS_MAX + 1] = {NULL};
    struct fama_genesis_org orgs[FAMA_NETWORK_ORGS_MAX] = {0};
    char anchors[FAMA_NETWORK_ORGS_MAX][64];
    const char *anchor_views[FAMA_NETWORK_ORGS_MAX];
    const char *const orderer_endpoints[] = {"orderer0." FAMA_NETWORK_ORDERER_DOMAIN ":7050"};

    struct fama_msp **orderer_msp = &msps[FAMA_NETWORK_ORGS_MAX];
    int status = open_org_msp(network, "ordererOrganizations", FAMA_NETWORK_ORDERER_DOMAIN,
                              "OrdererMSP", orderer_msp, error);
    for (uint32_t i = 0; status == 0 && i < network->org_count; i++) {
        const struct fama_network_org *org = &network->orgs[i];
        char mspid[FAMA_NETWORK_NAME_MAX + 8];
        snprintf(mspid, sizeof(mspid), "%sMSP", org->name);
        status = open_org_msp(network, "peerOrganizations", org->domain, mspid, &msps[i], error);
        for (uint32_t n = 0; n < network->node_count; n++) {
            if (network->nodes[n].org == i && network->nodes[n].is_leader) {
                (void)fama_network_endpoint(network, &network->nodes[n], anchors[i],
                                            sizeof(anchors[i])); /* every address fits */
            }
        }
        anchor_views[i] = anchors[i];
        orgs[i] = (struct fama_genesis_org){
            .name = org->name, .msp = msps[i], .endpoints = &anchor_views[i], .endpoint_count = 1};
    }
    if (status == 0) {
        const struct fama_genesis_org orderer = {.name = "Orderer",
                                                 .msp = *orderer_msp,
                                                 .endpoints = orderer_endpoints,
                                                 .endpoint_count = 1};
        status = build_genesis(network, &orderer, orgs, error);
    }
    for (size_t i = 0; i < sizeof(msps) / sizeof(msps[0]); i++) {
        if (msps[i] != NULL) {
            fama_msp_release(msps[i]);
        }
    }
    return status;
}

/* ---- Configuration files ---- */

/* The CPUs this process may use, for spreading the nodes over them. */
static uint32_t usable_cpus(uint32_t *cpus, uint32_t capacity)
{
    cpu_set_t set;
    uint32_t count = 0;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        for (uint32_t cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++) {
            if (CPU_ISSET(cpu, &set)) {
                cpus[count++] = cpu;
            }
        }
    }
    if (count == 0) {
        cpus[count++] = 0;
    }
    return count;
}

static void write_bootstrap(FILE *file, const struct fama_network *network, uint32_t org)
{
    /* The first three of the organisation: one that lives is enough to find all the others. */
    uint32_t named = 0;
    fprintf(file, "    bootstrap:\n");
    for (uint32_t i = 0; i < network->node_count && named < 3; i++) {
        if (network->nodes[i].org == org) {
            char endpoint[64];
            (void)fama_network_endpoint(network, &network->nodes[i], endpoint, sizeof(endpoint));
            fprintf(file, "      - \"%s\"\n", endpoint);
            named++;
        }
    }
}

/* A path in double quotes as YAML reads them. */
static void write_path(FILE *file, const char *key, const char *path)
{
    fprintf(file, "%s: \"", key);
    for (; *path != '\0'; path++) {
        if (*path == '"' || *path == '\\') {
            fputc('\\', file);
        }
        fputc(*path, file);
    }
    fprintf(file, "\"\n");
}

static void write_settings(FILE *file, const struct fama_network *network,
                           const struct fama_network_node *node, const char *msp,
                           const char *ledgers, const char *socket)
{
    static const char *const ports[] = {
        [FAMA_NETWORK_PORT_AF_PACKET] = "net_af_packet0,iface=eth0",
        [FAMA_NETWORK_PORT_AF_XDP] = "net_af_xdp0,iface=eth0",
        [FAMA_NETWORK_PORT_TAP] = "net_tap0,iface=fama0",
    };
    const struct fama_network_org *org = &network->orgs[node->org];
    char endpoint[64];
    uint32_t cpus[256];
    uint32_t count = usable_cpus(cpus, 256);
    uint32_t index = (uint32_t)(node - network->nodes);

    fprintf(file, "# Node %s of the local network %s; written by `fama network`.\npeer:\n",
            node->name, network->name);
    fprintf(file, "  id: peer%u.%s\n  localMspId: %sMSP\n", node->number, org->domain, org->name);
    write_path(file, "  mspConfigPath", msp);
    write_path(file, "  fileSystemPath", ledgers);
    (void)fama_network_endpoint(network, node, endpoint, sizeof(endpoint)); /* every address fits */
    fprintf(file, "  gossip:\n    endpoint: \"%s\"\n    orgLeader: %s\n", endpoint,
            node->is_leader ? "true" : "false");
    fprintf(file, "    aliveTimeInterval: 1s\n    pullInterval: 1s\n    reconnectInterval: 2s\n"
                  "    publishStateInfoInterval: 1s\n");
    write_bootstrap(file, network, node->org);
    fprintf(file, "fama:\n");
    write_path(file, "  admin:\n    socket", socket);
    if (node->is_leader && network->blocks[0] != '\0') {
        write_path(file, "  orderer:\n    directory", network->blocks);
        fprintf(file, "    blocksPerSecond: %g\n", network->blocks_per_second);
    }
    fprintf(file, "  dissemination:\n    planner: %s\n",
            network->is_infectious ? "infectious" : "coordinated");
    fprintf(file, "  dataplane:\n    port: \"%s\"\n    address: \"%s/%d\"\n    mtu: %u\n",
            ports[network->port_type], node->address, network->is_ipv6 ? 64 : 24, network->mtu);
    fprintf(file, "    pace:\n      bitsPerSecond: %llu\n", (unsigned long long)network->pace);
    fprintf(file, "    idle: %s\n    memory: %u\n    mbufs: %d\n    filePrefix: fama-%s-%s\n",
            network->is_polling ? "poll" : "adaptive", fama_network_node_memory_mb(network),
            FAMA_NETWORK_NODE_MBUFS, network->name, node->name);
    /* Neighbouring nodes put their net lcores on different CPUs, so that each CPU gets its share. */
    fprintf(file, "    cores:\n      control: %u\n      net: %u\n      verify: %u\n",
            cpus[(index + 1) % count], cpus[index % count], cpus[(index + 1) % count]);
}

static int write_config(const struct fama_network *network, const struct fama_network_node *node,
                        struct fama_error *error)
{
    char path[PATH_MAX], ledgers[PATH_MAX], socket[PATH_MAX], msp[PATH_MAX];
    if (!fama_network_node_path(network, node, "ledgers", ledgers, sizeof(ledgers)) ||
        !fama_network_node_path(network, node, "core.yaml", path, sizeof(path)) ||
        !fama_network_socket_path(network, node, socket, sizeof(socket)) ||
        !fama_network_msp_path(network, node, msp, sizeof(msp))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                              network->directory);
    }
    int status = fama_network_make_folder(ledgers, error);
    if (status != 0) {
        return status;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", path,
                              strerror(errno));
    }
    write_settings(file, network, node, msp, ledgers, socket);
    bool is_written = ferror(file) == 0;
    if (fclose(file) != 0 || !is_written) {
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", path,
                              strerror(errno));
    }
    return 0;
}

int fama_network_write_configs(const struct fama_network *network, struct fama_error *error)
{
    for (uint32_t i = 0; i < network->node_count; i++) {
        int status = write_config(network, &network->nodes[i], error);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int fama_network_create(struct fama_network *network, struct fama_error *error)
{
    if (fama_network_exists(network->directory)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID,
                              "%s holds a network already: another --dir, or remove it first",
                              network->directory);
    }
    int status = fama_network_make_folder(network->directory, error);
    if (status != 0) {
        return status;
    }
    network->mtu = network->mtu == 0 ? FAMA_NETWORK_MTU : network->mtu;
    network->has_own_identities = network->crypto[0] == '\0';
    if (network->has_own_identities) {
        if (!fama_network_format(network->crypto, sizeof(network->crypto), "%s/crypto",
                                 network->directory)) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                                  network->directory);
        }
        status = make_identities(network, error);
    } else {
        status = find_identities(network, error);
    }
    if (status == 0 && network->genesis[0] == '\0') {
        if (!network->has_own_identities) {
            return fama_error_set(error, FAMA_NETWORK_INVALID,
                                  "--crypto needs --genesis: existing identities come with their "
                                  "channel's genesis block");
        }
        if (!fama_network_format(network->genesis, sizeof(network->genesis), "%s/%s.block",
                                 network->directory, network->channel)) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                                  network->directory);
        }
        status = make_genesis(network, error);
    }
    if (status == 0) {
        status = fama_network_write_configs(network, error);
    }
    return status != 0 ? status : fama_network_save(network, error);
}
