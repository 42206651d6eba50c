#include "controlplane/network_topology.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const port_names[] = {
    [FAMA_NETWORK_PORT_AF_PACKET] = "af_packet",
    [FAMA_NETWORK_PORT_AF_XDP] = "af_xdp",
    [FAMA_NETWORK_PORT_TAP] = "tap",
};

bool fama_network_format(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return length >= 0 && (size_t)length < size;
}

bool fama_network_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= FAMA_NETWORK_NAME_MAX || name[0] == '-' ||
        name[length - 1] == '-') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int fama_network_port_from_name(const char *name, enum fama_network_port *port)
{
    for (size_t i = 0; i < sizeof(port_names) / sizeof(port_names[0]); i++) {
        if (strcmp(name, port_names[i]) == 0) {
            *port = (enum fama_network_port)i;
            return 0;
        }
    }
    return FAMA_NETWORK_INVALID;
}

const char *fama_network_port_name(enum fama_network_port port)
{
    return port_names[port];
}

bool fama_network_endpoint(const struct fama_network *network, const struct fama_network_node *node,
                           char *text, size_t size)
{
    return fama_network_format(text, size, network->is_ipv6 ? "[%s]:%d" : "%s:%d", node->address,
                               FAMA_NETWORK_PORT);
}

const struct fama_network_node *fama_network_find(const struct fama_network *network,
                                                  const char *node_name)
{
    for (uint32_t i = 0; i < network->node_count; i++) {
        if (strcmp(network->nodes[i].name, node_name) == 0) {
            return &network->nodes[i];
        }
    }
    return NULL;
}

static bool org_name_is_valid(const char *name, size_t length)
{
    if (length == 0 || length >= FAMA_NETWORK_NAME_MAX || !isalpha((unsigned char)name[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i])) {
            return false;
        }
    }
    return true;
}

int fama_network_add_org(struct fama_network *network, const char *text, struct fama_error *error)
{
    const char *colon = strchr(text, ':');
    char *end = NULL;
    errno = 0;
    unsigned long nodes = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || !org_name_is_valid(text, (size_t)(colon - text)) ||
        !isdigit((unsigned char)colon[1]) || *end != '\0' || errno != 0 || nodes == 0) {
        return fama_error_set(error, FAMA_NETWORK_INVALID,
                              "--org %s: wanted NAME:NODES, such as Sipher:5 (letters and digits, "
                              "at least one node)",
                              text);
    }
    if (network->org_count == FAMA_NETWORK_ORGS_MAX ||
        nodes > FAMA_NETWORK_NODES_MAX - network->node_count) {
        return fama_error_set(error, FAMA_NETWORK_INVALID,
                              "--org %s: a local network has at most %d organisations and %d nodes",
                              text, FAMA_NETWORK_ORGS_MAX, FAMA_NETWORK_NODES_MAX);
    }
    struct fama_network_org *org = &network->orgs[network->org_count];
    memset(org, 0, sizeof(*org));
    memcpy(org->name, text, (size_t)(colon - text));
    char lower[FAMA_NETWORK_NAME_MAX] = {0};
    for (size_t i = 0; org->name[i] != '\0'; i++) {
        lower[i] = (char)tolower((unsigned char)org->name[i]);
    }
    for (uint32_t i = 0; i < network->org_count; i++) {
        if (strcasecmp(network->orgs[i].name, org->name) == 0) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "--org %s: named twice", org->name);
        }
    }
    snprintf(org->domain, sizeof(org->domain), "%s.fama", lower);
    org->nodes = (uint32_t)nodes;
    for (uint32_t i = 0; i < nodes; i++) {
        struct fama_network_node *node = &network->nodes[network->node_count];
        memset(node, 0, sizeof(*node));
        snprintf(node->name, sizeof(node->name), "%s%u", lower, i);
        node->org = network->org_count;
        node->number = i;
        node->is_leader = i == 0;
        snprintf(node->address, sizeof(node->address),
                 network->is_ipv6 ? "2001:2::%u" : "198.18.0.%u", 11 + network->node_count);
        network->node_count++;
    }
    network->org_count++;
    return 0;
}

uint32_t fama_network_node_memory_mb(const struct fama_network *network)
{
    uint64_t more = network->mtu > FAMA_NETWORK_MTU ? network->mtu - FAMA_NETWORK_MTU : 0;
    return FAMA_NETWORK_NODE_MEMORY_MB + (uint32_t)((more * FAMA_NETWORK_NODE_MBUFS * 9 / 8) >> 20);
}

bool fama_network_node_path(const struct fama_network *network,
                            const struct fama_network_node *node, const char *file, char *path,
                            size_t size)
{
    return fama_network_format(path, size, "%s/nodes/%s%s%s", network->directory, node->name,
                               file[0] == '\0' ? "" : "/", file);
}

bool fama_network_run_path(const char *network_name, const char *file, char *path, size_t size)
{
    return fama_network_format(path, size, FAMA_NETWORK_RUN_FOLDER "/%s%s%s", network_name,
                               file[0] == '\0' ? "" : "/", file);
}

bool fama_network_socket_path(const struct fama_network *network,
                              const struct fama_network_node *node, char *path, size_t size)
{
    return fama_network_format(path, size, FAMA_NETWORK_RUN_FOLDER "/%s/%s.sock", network->name,
                               node->name);
}

bool fama_network_msp_path(const struct fama_network *network, const struct fama_network_node *node,
                           char *path, size_t size)
{
    const char *domain = network->orgs[node->org].domain;
    return fama_network_format(path, size, "%s/peerOrganizations/%s/peers/peer%u.%s/msp",
                               network->crypto, domain, node->number, domain);
}

bool fama_network_namespace(const char *network_name, const char *node_name, char *name,
                            size_t size)
{
    return fama_network_format(name, size, "fama-%s-%s", network_name, node_name);
}

/* ---- The description on disk ---- */

static json_t *faults_to_json(const struct fama_network_faults *faults)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:I}", "loss_percent", faults->loss_percent, "delay_ms",
                     faults->delay_ms, "jitter_ms", faults->jitter_ms, "reorder_percent",
                     faults->reorder_percent, "seed", (json_int_t)faults->seed);
}

static json_t *orgs_to_json(const struct fama_network *network)
{
    json_t *orgs = json_array();
    for (uint32_t i = 0; i < network->org_count; i++) {
        const struct fama_network_org *org = &network->orgs[i];
        if (json_array_append_new(orgs, json_pack("{s:s, s:s+, s:s, s:i}", "name", org->name,
                                                  "mspid", org->name, "MSP", "domain", org->domain,
                                                  "nodes", (int)org->nodes)) != 0) {
            json_decref(orgs);
            return NULL;
        }
    }
    return orgs;
}

/* What is derived (addresses, namespaces, sockets) is written for people and scripts to read; loading
 * derives it anew. */
static json_t *nodes_to_json(const struct fama_network *network)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < network->node_count; i++) {
        const struct fama_network_node *node = &network->nodes[i];
        char namespace[128], socket[PATH_MAX], msp[PATH_MAX], directory[PATH_MAX];
        bool fits =
            fama_network_namespace(network->name, node->name, namespace, sizeof(namespace)) &&
            fama_network_socket_path(network, node, socket, sizeof(socket)) &&
            fama_network_msp_path(network, node, msp, sizeof(msp)) &&
            fama_network_node_path(network, node, "", directory, sizeof(directory));
        json_t *entry =
            fits ? json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}", "name", node->name, "org",
                             network->orgs[node->org].name, "leader", (int)node->is_leader,
                             "address", node->address, "namespace", namespace, "socket", socket,
                             "msp", msp, "directory", directory)
                 : NULL;
        if (json_array_append_new(nodes, entry) != 0) {
            json_decref(nodes);
            return NULL;
        }
    }
    return nodes;
}

int fama_network_save(const struct fama_network *network, struct fama_error *error)
{
    char path[PATH_MAX], scratch[PATH_MAX];
    if (!fama_network_format(path, sizeof(path), "%s/network.json", network->directory) ||
        !fama_network_format(scratch, sizeof(scratch), "%s/network.json.new", network->directory)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long",
                              network->directory);
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:b, s:o, s:o, s:o}", "name", network->name,
        "directory", network->directory, "channel", network->channel, "genesis", network->genesis,
        "crypto", network->crypto, "blocks", network->blocks, "blocks_per_second",
        network->blocks_per_second, "port_type", fama_network_port_name(network->port_type), "idle",
        network->is_polling ? "poll" : "adaptive", "own_identities",
        (int)network->has_own_identities, "faults", faults_to_json(&network->faults), "orgs",
        orgs_to_json(network), "nodes", nodes_to_json(network));
    if (json == NULL ||
        json_object_set_new(json, "mtu", json_integer((json_int_t)network->mtu)) != 0 ||
        json_object_set_new(json, "ipv6", json_boolean(network->is_ipv6)) != 0 ||
        json_object_set_new(json, "pace", json_integer((json_int_t)network->pace)) != 0 ||
        json_object_set_new(json, "planner",
                            json_string(network->is_infectious ? "infectious" : "coordinated")) !=
            0) {
        json_decref(json);
        return fama_error_set(error, FAMA_NETWORK_INVALID,
                              "%s: cannot be described: a path is too long or memory is out", path);
    }
    int status = json_dump_file(json, scratch, JSON_INDENT(2));
    json_decref(json);
    if (status != 0 || rename(scratch, path) != 0) {
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", path,
                              strerror(errno));
    }
    return 0;
}

bool fama_network_exists(const char *directory)
{
    char path[PATH_MAX];
    return fama_network_format(path, sizeof(path), "%s/network.json", directory) &&
           access(path, F_OK) == 0;
}

static bool copy_text(char *to, size_t size, const char *from)
{
    return fama_network_format(to, size, "%s", from);
}

static int from_json(json_t *json, struct fama_network *network, struct fama_error *error)
{
    const char *name, *directory, *channel, *genesis, *crypto, *blocks, *port, *idle;
    int own_identities;
    json_t *orgs;
    json_int_t seed;
    json_error_t problem;
    struct fama_network_faults *faults = &network->faults;
    if (json_unpack_ex(json, &problem, 0,
                       "{s:s, s:s, s:s, s:s, s:s, s:s, s:F, s:s, s:s, s:b, s:o, "
                       "s:{s:F, s:F, s:F, s:F, s:I}}",
                       "name", &name, "directory", &directory, "channel", &channel, "genesis",
                       &genesis, "crypto", &crypto, "blocks", &blocks, "blocks_per_second",
                       &network->blocks_per_second, "port_type", &port, "idle", &idle,
                       "own_identities", &own_identities, "orgs", &orgs, "faults", "loss_percent",
                       &faults->loss_percent, "delay_ms", &faults->delay_ms, "jitter_ms",
                       &faults->jitter_ms, "reorder_percent", &faults->reorder_percent, "seed",
                       &seed) != 0) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s", problem.text);
    }
    faults->seed = (uint64_t)seed;
    network->has_own_identities = own_identities != 0;
    network->is_polling = strcmp(idle, "poll") == 0;
    json_int_t pace = json_integer_value(json_object_get(json, "pace"));
    network->pace = pace > 0 ? (uint64_t)pace : 0;
    json_int_t mtu = json_integer_value(json_object_get(json, "mtu"));
    network->mtu = mtu >= FAMA_NETWORK_MTU_MIN && mtu <= FAMA_NETWORK_MTU_MAX ? (uint32_t)mtu
                                                                              : FAMA_NETWORK_MTU;
    network->is_ipv6 = json_is_true(json_object_get(json, "ipv6"));
    const char *planner = json_string_value(json_object_get(json, "planner"));
    network->is_infectious = planner != NULL && strcmp(planner, "infectious") == 0;
    if (!fama_network_name_is_valid(name) ||
        fama_network_port_from_name(port, &network->port_type) != 0 ||
        !copy_text(network->name, sizeof(network->name), name) ||
        !copy_text(network->directory, sizeof(network->directory), directory) ||
        !copy_text(network->channel, sizeof(network->channel), channel) ||
        !copy_text(network->genesis, sizeof(network->genesis), genesis) ||
        !copy_text(network->crypto, sizeof(network->crypto), crypto) ||
        !copy_text(network->blocks, sizeof(network->blocks), blocks)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID,
                              "a name, port type or path is not valid");
    }
    size_t index;
    json_t *entry;
    json_array_foreach(orgs, index, entry)
    {
        const char *org_name, *domain;
        int nodes;
        char text[64];
        if (json_unpack_ex(entry, &problem, 0, "{s:s, s:s, s:i}", "name", &org_name, "domain",
                           &domain, "nodes", &nodes) != 0) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "orgs: %s", problem.text);
        }
        if (!fama_network_format(text, sizeof(text), "%s:%d", org_name, nodes)) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "orgs: a name is too long");
        }
        int status = fama_network_add_org(network, text, error);
        if (status != 0) {
            return status;
        }
        struct fama_network_org *org = &network->orgs[network->org_count - 1];
        if (!copy_text(org->domain, sizeof(org->domain), domain)) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "orgs: a domain is too long");
        }
    }
    if (network->node_count == 0) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "it has no nodes");
    }
    return 0;
}

int fama_network_load(const char *directory, struct fama_network **network,
                      struct fama_error *error)
{
    char path[PATH_MAX];
    if (!fama_network_format(path, sizeof(path), "%s/network.json", directory)) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the path is too long", directory);
    }
    if (access(path, R_OK) != 0) {
        return fama_error_set(error, FAMA_NETWORK_IO,
                              "%s: %s; is this the directory of `fama network up --dir`?", path,
                              strerror(errno));
    }
    json_error_t problem;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (json == NULL) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s:%d: %s", path, problem.line,
                              problem.text);
    }
    struct fama_network *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        json_decref(json);
        return fama_error_set(error, FAMA_NETWORK_NO_MEMORY, "out of memory");
    }
    int status = from_json(json, made, error);
    json_decref(json);
    if (status != 0) {
        free(made);
        return fama_error_prefix(error, status, "%s: ", path);
    }
    *network = made;
    return 0;
}
