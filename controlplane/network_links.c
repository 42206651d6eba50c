#include "controlplane/network_links.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/network_process.h"

#define NAMESPACES "/run/netns"

/* Argument vectors, NULL-terminated. */
#define TOOL(...)     fama_network_run_tool((const char *const[]){__VA_ARGS__, NULL}, error)
#define TRY_TOOL(...) fama_network_try_tool((const char *const[]){__VA_ARGS__, NULL})

static bool has_faults(const struct fama_network_faults *faults)
{
    return faults->loss_percent > 0 || faults->delay_ms > 0 || faults->jitter_ms > 0 ||
           faults->reorder_percent > 0;
}

static int make_namespace(const char *name, struct fama_error *error)
{
    int status = TOOL("ip", "netns", "add", name);
    return status != 0 ? status : TOOL("ip", "-n", name, "link", "set", "lo", "up");
}

/* One veth pair: `port` in the bridge's namespace, eth0 in the node's. No IPv6 link-local addresses, which
 * would chatter on a wire that carries nothing but ours. */
static int make_link(const struct fama_network *network, const char *bridge, const char *port,
                     const char *node, bool is_bridged, struct fama_error *error)
{
    char mtu[16];
    snprintf(mtu, sizeof(mtu), "%u", network->mtu);
    int status = TOOL("ip", "-n", bridge, "link", "add", port, "mtu", mtu, "type", "veth", "peer",
                      "name", "eth0", "mtu", mtu, "netns", node);
    if (status == 0) {
        status = TOOL("ip", "-n", node, "link", "set", "eth0", "arp", "off", "addrgenmode", "none");
    }
    if (status == 0) {
        status = TOOL("ip", "-n", node, "link", "set", "eth0", "up");
    }
    if (status == 0 && is_bridged) {
        status = TOOL("ip", "-n", bridge, "link", "set", port, "master", "br0");
    }
    return status != 0 ? status
                       : TOOL("ip", "-n", bridge, "link", "set", port, "addrgenmode", "none", "up");
}

static int add_netem(const char *bridge, const char *port, const struct fama_network_faults *faults,
                     struct fama_error *error)
{
    char loss[32], delay[32], jitter[32], reorder[32];
    snprintf(loss, sizeof(loss), "%g%%", faults->loss_percent);
    snprintf(delay, sizeof(delay), "%gus", faults->delay_ms * 1000);
    snprintf(jitter, sizeof(jitter), "%gus", faults->jitter_ms * 1000);
    snprintf(reorder, sizeof(reorder), "%g%%", faults->reorder_percent);
    /* netem keeps frames that wait in a queue of `limit`; its default of 1000 would add losses that nobody
     * asked for. Reordering means that some frames skip the delay, so it needs one. */
    if (faults->reorder_percent > 0) {
        return TOOL("tc", "-n", bridge, "qdisc", "add", "dev", port, "root", "netem", "limit",
                    "100000", "delay", delay, jitter, "reorder", reorder, "loss", loss);
    }
    return TOOL("tc", "-n", bridge, "qdisc", "add", "dev", port, "root", "netem", "limit", "100000",
                "delay", delay, jitter, "loss", loss);
}

/* Where br_netfilter is loaded, as container engines do, a bridge shows every frame to the machine's packet
 * filter, a sixth of what a frame costs. Where it is not, there are no such settings. */
static void keep_firewall_out(const char *bridge)
{
    static const char *const settings[] = {"net.bridge.bridge-nf-call-iptables=0",
                                           "net.bridge.bridge-nf-call-ip6tables=0"};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        fama_network_try_tool((const char *const[]){"ip", "netns", "exec", bridge, "sysctl", "-q",
                                                    "-w", settings[i], NULL});
    }
}

static bool kernel_has_netem(const char *bridge)
{
    return fama_network_run_tool((const char *const[]){"tc", "-n", bridge, "qdisc", "add", "dev",
                                                       "lo", "root", "netem", "loss", "0%", NULL},
                                 NULL) == 0;
}

int fama_network_links_make(const struct fama_network *network,
                            enum fama_network_fault_carrier *carrier, struct fama_error *error)
{
    char bridge[128];
    if (!fama_network_namespace(network->name, "bridge", bridge, sizeof(bridge))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the name is too long",
                              network->name);
    }
    int status = make_namespace(bridge, error);
    if (status != 0) {
        return status;
    }
    *carrier = !has_faults(&network->faults) ? FAMA_NETWORK_NO_FAULTS
               : kernel_has_netem(bridge)    ? FAMA_NETWORK_BY_NETEM
                                             : FAMA_NETWORK_BY_SWITCH;
    bool is_bridged = *carrier != FAMA_NETWORK_BY_SWITCH;
    if (is_bridged) {
        status = TOOL("ip", "-n", bridge, "link", "add", "br0", "type", "bridge", "stp_state", "0",
                      "mcast_snooping", "0");
        if (status == 0) {
            status = TOOL("ip", "-n", bridge, "link", "set", "br0", "addrgenmode", "none", "up");
        }
        keep_firewall_out(bridge);
    }
    for (uint32_t i = 0; status == 0 && i < network->node_count; i++) {
        char name[128], port[16];
        snprintf(port, sizeof(port), "p%u", i);
        if (!fama_network_namespace(network->name, network->nodes[i].name, name, sizeof(name))) {
            return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the name is too long",
                                  network->nodes[i].name);
        }
        status = make_namespace(name, error);
        if (status == 0) {
            status = make_link(network, bridge, port, name, is_bridged, error);
        }
        if (status == 0 && *carrier == FAMA_NETWORK_BY_NETEM) {
            status = add_netem(bridge, port, &network->faults, error);
        }
    }
    return status;
}

/* The names end in a node's name, which has no hyphen, or in "bridge" or a test's own guest: so that network
 * "a" never removes what belongs to network "a-b". */
void fama_network_links_remove(const char *network_name)
{
    char beginning[64];
    DIR *entries = opendir(NAMESPACES);
    if (entries == NULL) {
        return;
    }
    if (fama_network_format(beginning, sizeof(beginning), "fama-%s-", network_name)) {
        size_t length = strlen(beginning);
        for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
            if (strncmp(entry->d_name, beginning, length) == 0 &&
                strchr(entry->d_name + length, '-') == NULL) {
                TRY_TOOL("ip", "netns", "del", entry->d_name);
            }
        }
    }
    closedir(entries);
}

static int redirect(const char *namespace, const char *from, const char *to,
                    struct fama_error *error)
{
    TRY_TOOL("tc", "-n", namespace, "qdisc", "del", "dev", from, "ingress");
    int status = TOOL("tc", "-n", namespace, "qdisc", "add", "dev", from, "ingress");
    return status != 0 ? status
                       : TOOL("tc", "-n", namespace, "filter", "add", "dev", from, "parent",
                              "ffff:", "protocol", "all", "prio", "1", "u32", "match", "u32", "0",
                              "0", "action", "mirred", "egress", "redirect", "dev", to);
}

int fama_network_links_wire_tap(const struct fama_network *network,
                                const struct fama_network_node *node, struct fama_error *error)
{
    char namespace[128];
    if (!fama_network_namespace(network->name, node->name, namespace, sizeof(namespace))) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "%s: the name is too long", node->name);
    }
    int status = TOOL("ip", "-n", namespace, "link", "set", "fama0", "arp", "off", "addrgenmode",
                      "none", "up");
    if (status == 0) {
        status = TOOL("ip", "-n", namespace, "link", "set", "eth0", "promisc", "on");
    }
    if (status == 0) {
        status = redirect(namespace, "eth0", "fama0", error);
    }
    return status != 0 ? status : redirect(namespace, "fama0", "eth0", error);
}
