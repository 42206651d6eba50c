#include "dataplane/port.h"

#include <errno.h>
#include <net/if.h>
#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "dataplane/eal.h"
#include "dataplane/nd.h"
#include "dataplane/port_group.h"

#define ARGUMENTS_BYTES 512
#define MTU_MIN         576 /* RFC 791: what every host takes */
#define MTU_MAX         9000
#define DESCRIPTORS     1024
/* Virtual ports share their CPU with others more often than not; their queues last while we do not run.
 * Shared out among the queues. */
#define VIRTUAL_DESCRIPTORS 4096
#define MBUFS_MIN           2048
#define STOP_LOOK_US        100
#define POOL_CACHE          256
#define ETHERNET_OVERHEAD   (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
/* Drivers count up to two VLAN tags and the check sum in, and cut a buffer's room to whole KiB. */
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN)
#define ROOM_STEP      1024

/* net_af_packet shares rings of fixed frames with the kernel. The driver walks them as one array, so a
 * frame size must divide the block size, a multiple of the page; the kernel puts up to AF_PACKET_HEAD
 * bytes before a received frame and silently cuts what does not fit; and each frame must fit an mbuf. */
#define AF_PACKET_DRIVER "net_af_packet"
#define AF_PACKET_HEAD   96
#define AF_PACKET_FRAMES 4096u /* of all queues together, unless each has but the least */
#define AF_PACKET_LEAST  1024u

static uint32_t af_packet_frame_bytes(uint16_t mtu)
{
    uint32_t needed = (uint32_t)mtu + ETHERNET_OVERHEAD + AF_PACKET_HEAD;
    uint32_t bytes = 2048;
    long page = sysconf(_SC_PAGESIZE);
    while (bytes < needed && bytes < (uint32_t)page) {
        bytes *= 2;
    }
    while (bytes < needed) {
        bytes += (uint32_t)page;
    }
    return bytes;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool has_argument(const char *arguments, const char *key)
{
    for (const char *at = strchr(arguments, ','); at != NULL; at = strchr(at, ',')) {
        at++;
        size_t len = strlen(key);
        if (strncmp(at, key, len) == 0 && at[len] == '=') {
            return true;
        }
    }
    return false;
}

/* Splits "driver0,key=value" into the device's name and its arguments, with our defaults for keys the
 * user has not given. */
static int split_arguments(struct fama_port *port, const struct fama_dataplane_config *config,
                           char arguments[ARGUMENTS_BYTES], struct fama_error *error)
{
    size_t name_len = strcspn(config->port, ",");
    const char *rest = config->port[name_len] == ',' ? config->port + name_len + 1 : "";
    if (name_len >= sizeof port->name) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG, "port %s: its name is too long",
                              config->port);
    }
    memcpy(port->name, config->port, name_len);
    port->name[name_len] = '\0';
    const char *comma = rest[0] != '\0' ? "," : "";
    int len = snprintf(arguments, ARGUMENTS_BYTES, "%s", rest);
    if (starts_with(port->name, AF_PACKET_DRIVER) && !has_argument(config->port, "framesz") &&
        !has_argument(config->port, "blocksz") && !has_argument(config->port, "framecnt")) {
        uint32_t frame = af_packet_frame_bytes(config->mtu);
        uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
        uint32_t frames = AF_PACKET_FRAMES;
        while (frames > AF_PACKET_LEAST && frames * config->net_core_count > AF_PACKET_FRAMES) {
            frames /= 2;
        }
        char pairs[24] = "";
        if (!has_argument(config->port, "qpairs") && config->net_core_count > 1) {
            (void)snprintf(pairs, sizeof pairs, ",qpairs=%u", config->net_core_count);
        }
        len = snprintf(arguments, ARGUMENTS_BYTES, "%s%sblocksz=%u,framesz=%u,framecnt=%u%s", rest,
                       comma, frame > page ? frame : page, frame, frames, pairs);
    }
    if (len < 0 || len >= ARGUMENTS_BYTES) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG, "port %s: its arguments are too long",
                              port->name);
    }
    return 0;
}

/* The commonest mistake gets words of its own before DPDK gives its less clear ones. */
static int check_interface(const struct fama_dataplane_config *config, struct fama_error *error)
{
    const char *at = strstr(config->port, ",iface=");
    bool takes_interface =
        starts_with(config->port, AF_PACKET_DRIVER) || starts_with(config->port, "net_af_xdp");
    if (!takes_interface) {
        return 0;
    }
    if (at == NULL) {
        return fama_error_set(error, FAMA_DATAPLANE_PORT,
                              "port %s: name the network interface with iface=", config->port);
    }
    char name[IF_NAMESIZE];
    at += strlen(",iface=");
    size_t len = strcspn(at, ",");
    if (len == 0 || len >= sizeof name) {
        return fama_error_set(error, FAMA_DATAPLANE_PORT,
                              "port %s: iface= is no name of a network interface", config->port);
    }
    memcpy(name, at, len);
    name[len] = '\0';
    if (if_nametoindex(name) == 0) {
        return fama_error_set(error, FAMA_DATAPLANE_PORT,
                              "port %s: there is no network interface %s (see `ip link`)",
                              config->port, name);
    }
    return 0;
}

static int create_virtual(struct fama_port *port, const struct fama_dataplane_config *config,
                          struct fama_error *error)
{
    char arguments[ARGUMENTS_BYTES];
    int status = split_arguments(port, config, arguments, error);
    if (status == 0) {
        status = check_interface(config, error);
    }
    if (status != 0) {
        return status;
    }
    fama_eal_words_clear();
    fama_eal_quiet_begin();
    status = rte_eal_hotplug_add("vdev", port->name, arguments);
    fama_eal_quiet_end();
    if (status != 0) {
        const char *words = fama_eal_words();
        return fama_error_set(error, FAMA_DATAPLANE_PORT,
                              "port %s does not exist or cannot be opened: %s", config->port,
                              words[0] != '\0' ? words : rte_strerror(-status));
    }
    port->is_virtual = true;
    port->is_reconnected =
        starts_with(port->name, "net_memif") && strstr(arguments, "role=server") == NULL;
    return 0;
}

static int find_port(struct fama_port *port, const struct fama_dataplane_config *config,
                     struct fama_error *error)
{
    if (rte_eth_dev_get_port_by_name(port->name, &port->id) == 0) {
        return 0;
    }
    /* A PCI port's name need not be its address as it was written; only one was allowed in. */
    if (!port->is_virtual && rte_eth_dev_count_avail() > 0) {
        port->id = (uint16_t)rte_eth_find_next(0);
        return 0;
    }
    const char *words = fama_eal_words();
    return fama_error_set(
        error, FAMA_DATAPLANE_PORT, "port %s: %s%s%s", config->port,
        port->is_virtual ? "the device is not a network port"
                         : "no such PCI device, or it is not bound to vfio-pci (dpdk-devbind.py "
                           "--status shows both)",
        words[0] != '\0' ? ": " : "", words);
}

static int take_memory(struct fama_port *port, const struct fama_dataplane_config *config,
                       uint16_t private_bytes, struct fama_error *error)
{
    uint32_t room = RTE_ALIGN_CEIL((uint32_t)config->mtu + FRAME_OVERHEAD, ROOM_STEP);
    if (starts_with(port->name, AF_PACKET_DRIVER)) {
        room = af_packet_frame_bytes(config->mtu);
    }
    if (room < 2048) {
        room = 2048;
    }
    if (config->mbufs < MBUFS_MIN) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG, "%u packets: at least %d are needed",
                              config->mbufs, MBUFS_MIN);
    }
    int socket = rte_eth_dev_socket_id(port->id);
    private_bytes = RTE_ALIGN_CEIL(private_bytes, RTE_MBUF_PRIV_ALIGN);
    port->packets =
        rte_pktmbuf_pool_create("fama packets", config->mbufs, POOL_CACHE, private_bytes,
                                (uint16_t)(RTE_PKTMBUF_HEADROOM + room), socket);
    if (port->packets != NULL) {
        port->headers =
            rte_pktmbuf_pool_create("fama headers", config->mbufs, POOL_CACHE, private_bytes,
                                    RTE_PKTMBUF_HEADROOM + FAMA_PORT_HEADER_ROOM, socket);
    }
    if (port->packets == NULL || port->headers == NULL) {
        uint64_t needed = (uint64_t)config->mbufs * (room + 1024) >> 20;
        return fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY,
                              "%u MB do not hold %u packets for an MTU of %u, about %llu MB would: "
                              "%s",
                              config->memory_mb, config->mbufs, config->mtu,
                              (unsigned long long)needed, rte_strerror(rte_errno));
    }
    return 0;
}

static int refuse(const struct fama_dataplane_config *config, const char *what, int status,
                  struct fama_error *error)
{
    const char *words = fama_eal_words();
    return fama_error_set(error, FAMA_DATAPLANE_PORT, "port %s refuses %s: %s%s%s", config->port,
                          what, rte_strerror(-status), words[0] != '\0' ? ": " : "", words);
}

static int set_mtu(struct fama_port *port, const struct fama_dataplane_config *config,
                   struct fama_error *error)
{
    /* Some ports have no MTU of their own (net_memif); what they then cannot carry they drop. */
    uint16_t present = 0;
    int status = rte_eth_dev_get_mtu(port->id, &present);
    if (status == 0 && present != config->mtu) {
        status = rte_eth_dev_set_mtu(port->id, config->mtu);
        /* net_af_packet owns to no frame larger than the usual, and carries whatever fits its rings. */
        bool is_carried = starts_with(port->name, AF_PACKET_DRIVER) && status == -EINVAL;
        if (status != 0 && status != -ENOTSUP && !is_carried) {
            return refuse(config, "the MTU", status, error);
        }
    }
    port->mtu = config->mtu;
    return 0;
}

static int set_queues(struct fama_port *port, const struct fama_dataplane_config *config,
                      const struct rte_eth_dev_info *info, struct fama_error *error)
{
    uint16_t rx = DESCRIPTORS;
    if (port->is_virtual && VIRTUAL_DESCRIPTORS / port->queues > DESCRIPTORS) {
        rx = (uint16_t)(VIRTUAL_DESCRIPTORS / port->queues);
    }
    uint16_t tx = rx;
    int socket = rte_eth_dev_socket_id(port->id);
    int status = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
    if (status != 0) {
        return refuse(config, "its descriptors", status, error);
    }
    port->queue_packets = (uint32_t)port->queues * ((uint32_t)rx + tx);
    struct rte_eth_rxconf rxconf = info->default_rxconf;
    rxconf.offloads = 0; /* beyond the port's */
    struct rte_eth_txconf txconf = info->default_txconf;
    txconf.offloads = 0;
    for (uint16_t queue = 0; queue < port->queues; queue++) {
        status = rte_eth_rx_queue_setup(port->id, queue, rx, (unsigned int)socket, &rxconf,
                                        port->packets);
        if (status != 0) {
            return refuse(config, "a receive queue", status, error);
        }
    }
    for (uint16_t queue = 0; queue < port->queues; queue++) {
        status = rte_eth_tx_queue_setup(port->id, queue, tx, (unsigned int)socket, &txconf);
        if (status != 0) {
            return refuse(config, "a transmit queue", status, error);
        }
    }
    return 0;
}

/* One for each net lcore, if the port has so many. Both ends of a memif must agree on their number, and
 * the other end is not ours to ask: it has one. */
static uint16_t queues_of(const struct fama_port *port, const struct fama_dataplane_config *config,
                          const struct rte_eth_dev_info *info)
{
    uint32_t queues = starts_with(port->name, "net_memif") ? 1 : config->net_core_count;
    queues = queues < info->max_rx_queues ? queues : info->max_rx_queues;
    queues = queues < info->max_tx_queues ? queues : info->max_tx_queues;
    return (uint16_t)(queues > 0 ? queues : 1);
}

#define HASHED                                                                                     \
    (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV4 |              \
     RTE_ETH_RSS_IPV6)

/* Packets share payloads by reference count, so the fast-free offload must stay off. */
static struct rte_eth_conf offloads_of(struct fama_port *port,
                                       const struct fama_dataplane_config *config,
                                       const struct rte_eth_dev_info *info)
{
    struct rte_eth_conf conf = {0};
    const uint64_t rx_sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    const uint64_t tx_sums = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
    if ((info->rx_offload_capa & rx_sums) == rx_sums) {
        conf.rxmode.offloads |= rx_sums;
        port->rx_checked = FAMA_FRAME_CHECKED_IP | FAMA_FRAME_CHECKED_UDP;
    }
    /* A frame fits a packet, but there are ports whose buffers have a limit of their own. */
    if (config->mtu > RTE_ETHER_MTU) {
        conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    }
    port->takes_segments = (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
    if (port->takes_segments) {
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    }
    port->tx_checksums = (info->tx_offload_capa & tx_sums) == tx_sums;
    if (port->tx_checksums) {
        conf.txmode.offloads |= tx_sums;
    }
    if (port->queues > 1 && (info->flow_type_rss_offloads & HASHED) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & HASHED;
    }
    return conf;
}

static int set_up(struct fama_port *port, const struct fama_dataplane_config *config,
                  const struct rte_eth_dev_info *info, struct fama_error *error)
{
    port->queues = queues_of(port, config, info);
    struct rte_eth_conf conf = offloads_of(port, config, info);
    if (!port->is_virtual) {
        fama_port_rules_isolate(&port->rules, port->id);
    }
    /* Ports that state no larger frames than the usual (virtual ones do) take what set_mtu asks. */
    conf.rxmode.mtu = config->mtu;
    int status = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
    if (status == -EINVAL) {
        conf.rxmode.mtu = RTE_ETHER_MTU;
        status = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
    }
    if (status != 0) {
        return refuse(config, "its queues", status, error);
    }
    status = set_mtu(port, config, error);
    if (status == 0) {
        status = set_queues(port, config, info, error);
    }
    return status;
}

/* Neighbour discovery asks for our address in a group that we must have joined; who has our address already,
 * and who asks for groups, says so to all nodes. */
static int join_groups(const struct fama_port *port, const struct fama_dataplane_config *config,
                       struct fama_error *error)
{
    uint8_t group[FAMA_ADDRESS_BYTES];
    uint8_t macs[2][FAMA_MAC_BYTES];
    if (fama_address_is_ipv4(config->endpoint.address)) {
        return 0;
    }
    fama_nd_group(config->endpoint.address, group);
    fama_nd_group_mac(group, macs[0]);
    fama_nd_group_mac(fama_nd_all_nodes, macs[1]);
    int status = fama_port_groups_join(port->id, (const uint8_t(*)[FAMA_MAC_BYTES])macs, 2);
    return status == 0 ? 0 : refuse(config, "its address's multicast groups", status, error);
}

/* net_memif hears from its other end in DPDK's interrupt thread, and nothing keeps that thread from touching what
 * is being stopped elsewhere: in the middle of their handshake it falls. Alarms run in that very thread. */
struct stopping {
    uint16_t id;
    _Atomic bool is_done;
};

static void stop_on_alarm(void *argument)
{
    struct stopping *stopping = argument;
    (void)rte_eth_dev_stop(stopping->id);
    atomic_store_explicit(&stopping->is_done, true, memory_order_release);
}

static void stop(const struct fama_port *port)
{
    struct stopping stopping = {.id = port->id};
    if (!starts_with(port->name, "net_memif") ||
        rte_eal_alarm_set(1, stop_on_alarm, &stopping) != 0) {
        (void)rte_eth_dev_stop(port->id);
        return;
    }
    while (!atomic_load_explicit(&stopping.is_done, memory_order_acquire)) {
        (void)usleep(STOP_LOOK_US);
    }
}

static int start(struct fama_port *port, const struct fama_dataplane_config *config,
                 struct fama_error *error)
{
    /* The link may come up later: a memif's other side is not there yet, a cable is plugged in. */
    int status = rte_eth_dev_start(port->id);
    port->is_started = status == 0;
    if (status != 0 && !port->is_reconnected) {
        return refuse(config, "to start", status, error);
    }
    struct rte_ether_addr mac;
    status = rte_eth_macaddr_get(port->id, &mac);
    if (status != 0) {
        return refuse(config, "to tell its address", status, error);
    }
    memcpy(port->mac, mac.addr_bytes, FAMA_MAC_BYTES);
    return join_groups(port, config, error);
}

/* Rules are a help, and a port without them is as good as ever, unless it stays isolated. */
static int make_rules(struct fama_port *port, const struct fama_dataplane_config *config,
                      const struct rte_eth_dev_info *info, struct fama_error *error)
{
    if (port->is_virtual && port->is_started) {
        fama_port_rules_isolate(&port->rules, port->id);
    }
    bool was_isolated = port->rules.is_isolated;
    bool is_made = port->is_started &&
                   fama_port_rules_make(&port->rules, port->id, &config->endpoint, port->queues,
                                        info->flow_type_rss_offloads & HASHED);
    if (!is_made && was_isolated) {
        stop(port);
        fama_port_rules_end_isolation(&port->rules, port->id);
        return start(port, config, error);
    }
    return 0;
}

static void tell(const struct fama_port *port, const struct fama_dataplane_config *config)
{
    if (config->tell == NULL) {
        return;
    }
    char words[200];
    (void)snprintf(words, sizeof words, "port %s: %u queue%s, UDP port %u is %s%s", port->name,
                   port->queues, port->queues > 1 ? "s" : "", config->endpoint.port,
                   fama_port_rules_words(port->rules.mode),
                   port->rules.is_isolated ? "; the rest is kept away" : "");
    config->tell(words);
}

static int bring_up(struct fama_port *port, const struct fama_dataplane_config *config,
                    struct fama_error *error)
{
    struct rte_eth_dev_info info;
    int status = rte_eth_dev_info_get(port->id, &info);
    if (status != 0) {
        return refuse(config, "to describe itself", status, error);
    }
    status = set_up(port, config, &info, error);
    if (status == 0) {
        status = start(port, config, error);
    }
    return status == 0 ? make_rules(port, config, &info, error) : status;
}

int fama_port_open(struct fama_port *port, const struct fama_dataplane_config *config,
                   uint16_t private_bytes, struct fama_error *error)
{
    *port = (struct fama_port){.id = RTE_MAX_ETHPORTS};
    if (config->mtu < MTU_MIN || config->mtu > MTU_MAX) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "MTU %u: between %d and %d are possible", config->mtu, MTU_MIN,
                              MTU_MAX);
    }
    int status = 0;
    if (fama_eal_is_pci(config->port)) {
        (void)snprintf(port->name, sizeof port->name, "%.*s", (int)strcspn(config->port, ","),
                       config->port);
    } else {
        status = create_virtual(port, config, error);
    }
    if (status == 0) {
        status = find_port(port, config, error);
    }
    if (status == 0) {
        status = take_memory(port, config, private_bytes, error);
    }
    if (status == 0) {
        fama_eal_words_clear();
        fama_eal_quiet_begin();
        status = bring_up(port, config, error);
        fama_eal_quiet_end();
    }
    if (status == 0) {
        tell(port, config);
    } else {
        fama_port_close(port);
    }
    return status;
}

bool fama_port_patience_ends(struct fama_port_patience *patience, uint64_t now_ns, bool is_up)
{
    if (patience->since_ns == 0 || is_up) {
        patience->since_ns = now_ns;
    }
    bool was_up = patience->was_up;
    patience->was_up = is_up;
    return !is_up && (was_up || now_ns - patience->since_ns >= FAMA_PORT_PATIENCE_NS);
}

void fama_port_watch(struct fama_port *port, uint64_t now_ns)
{
    struct rte_eth_link link = {0};
    if (!port->is_reconnected) {
        return;
    }
    if (port->is_started) {
        bool is_up =
            rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
        if (!fama_port_patience_ends(&port->patience, now_ns, is_up)) {
            return;
        }
        port->is_started = false;
        /* From then on no lcore is in a queue, nor will be. */
        urcu_qsbr_synchronize_rcu();
        stop(port);
    }
    port->is_started = rte_eth_dev_start(port->id) == 0;
    port->patience = (struct fama_port_patience){.since_ns = now_ns};
}

void fama_port_close(struct fama_port *port)
{
    fama_eal_quiet_begin();
    if (port->id != RTE_MAX_ETHPORTS) {
        fama_port_rules_remove(&port->rules, port->id);
        if (port->is_started) {
            stop(port);
        }
        (void)rte_eth_dev_close(port->id);
    }
    if (port->is_virtual) {
        /* Closing an ethdev may have removed the device already. */
        (void)rte_eal_hotplug_remove("vdev", port->name);
    }
    fama_eal_quiet_end();
    rte_mempool_free(port->headers);
    rte_mempool_free(port->packets);
    *port = (struct fama_port){.id = RTE_MAX_ETHPORTS};
}
