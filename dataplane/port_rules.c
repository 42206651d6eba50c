#include "dataplane/port_rules.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <string.h>

#define ICMP6      58
#define HOP_BY_HOP 0 /* what queries of multicast listeners begin with */
#define ITEMS      4
#define ACTIONS    2

/* A rule as rte_flow wants it, with what its parts point at. */
struct pattern {
    struct rte_flow_item_eth ethernet;
    struct rte_flow_item_ipv4 ipv4, ipv4_mask;
    struct rte_flow_item_ipv6 ipv6, ipv6_mask;
    struct rte_flow_item_udp udp, udp_mask;
    struct rte_flow_item items[ITEMS];
};

/* Ports number priorities as they like, and some have one only; others (net_tap) cannot have rules of
 * different shapes under one. */
static bool create(struct fama_port_rules *rules, uint16_t port_id, uint32_t priority,
                   const struct pattern *pattern, const struct rte_flow_action *actions)
{
    const uint32_t priorities[2] = {priority, 0};
    for (int i = 0; i < 2 && rules->count < FAMA_PORT_RULES_MAX; i++) {
        struct rte_flow_attr attributes = {.ingress = 1, .priority = priorities[i]};
        struct rte_flow_error error = {0};
        struct rte_flow *flow =
            rte_flow_create(port_id, &attributes, pattern->items, actions, &error);
        if (flow != NULL) {
            rules->flows[rules->count++] = flow;
            return true;
        }
        if (priority == 0) {
            break;
        }
    }
    return false;
}

static bool create_for_queue(struct fama_port_rules *rules, uint16_t port_id, uint32_t priority,
                             const struct pattern *pattern, uint16_t queue)
{
    const struct rte_flow_action_queue to = {.index = queue};
    const struct rte_flow_action actions[ACTIONS] = {
        {.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to},
        {.type = RTE_FLOW_ACTION_TYPE_END},
    };
    return create(rules, port_id, priority, pattern, actions);
}

static bool create_hashed(struct fama_port_rules *rules, uint16_t port_id,
                          const struct pattern *pattern, uint16_t queues, uint64_t hash_types)
{
    uint16_t list[FAMA_PORT_RULES_MAX];
    for (uint16_t i = 0; i < queues; i++) {
        list[i] = i;
    }
    const struct rte_flow_action_rss spread = {
        .func = RTE_ETH_HASH_FUNCTION_DEFAULT,
        .types = hash_types,
        .queue_num = queues,
        .queue = list,
    };
    const struct rte_flow_action actions[ACTIONS] = {
        {.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &spread},
        {.type = RTE_FLOW_ACTION_TYPE_END},
    };
    return create(rules, port_id, 0, pattern, actions);
}

/* Datagrams to our endpoint. */
static void match_ours(struct pattern *pattern, const struct fama_endpoint *endpoint)
{
    *pattern = (struct pattern){.udp.hdr.dst_port = rte_cpu_to_be_16(endpoint->port),
                                .udp_mask.hdr.dst_port = UINT16_MAX};
    pattern->items[0] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
    if (fama_address_is_ipv4(endpoint->address)) {
        pattern->ipv4.hdr.dst_addr = rte_cpu_to_be_32(fama_address_to_ipv4(endpoint->address));
        pattern->ipv4_mask.hdr.dst_addr = UINT32_MAX;
        pattern->items[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &pattern->ipv4, .mask = &pattern->ipv4_mask};
    } else {
        memcpy(pattern->ipv6.hdr.dst_addr, endpoint->address, FAMA_ADDRESS_BYTES);
        memset(pattern->ipv6_mask.hdr.dst_addr, 0xff, FAMA_ADDRESS_BYTES);
        pattern->items[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &pattern->ipv6, .mask = &pattern->ipv6_mask};
    }
    pattern->items[2] = (struct rte_flow_item){
        .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &pattern->udp, .mask = &pattern->udp_mask};
    pattern->items[3] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_END};
}

/* ARP, or all of ICMPv6, of which neighbour discovery is a part. */
static void match_link(struct pattern *pattern, const struct fama_endpoint *endpoint)
{
    *pattern = (struct pattern){.ethernet.type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP)};
    static const struct rte_flow_item_eth type_only = {.type = UINT16_MAX};
    pattern->items[0] = (struct rte_flow_item){
        .type = RTE_FLOW_ITEM_TYPE_ETH, .spec = &pattern->ethernet, .mask = &type_only};
    pattern->items[1] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_END};
    if (!fama_address_is_ipv4(endpoint->address)) {
        pattern->items[0] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
        pattern->ipv6.hdr.proto = ICMP6;
        pattern->ipv6_mask.hdr.proto = UINT8_MAX;
        pattern->items[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &pattern->ipv6, .mask = &pattern->ipv6_mask};
        pattern->items[2] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_END};
    }
}

/* What goes to a group of the link with hop-by-hop options: changes match_link's pattern of ICMPv6. Drivers to which
 * a protocol of 0 means any let in what goes to a group, and no more. */
static void match_queries(struct pattern *link)
{
    link->ipv6.hdr.proto = HOP_BY_HOP;
    link->ipv6.hdr.dst_addr[0] = 0xff;
    link->ipv6.hdr.dst_addr[1] = 0x02;
    memset(link->ipv6_mask.hdr.dst_addr, 0xff, 2);
}

/* By the lowest bits of the source address: a rule for each queue, and some queues get two shares where
 * their number is no power of two. */
static bool create_by_source(struct fama_port_rules *rules, uint16_t port_id,
                             struct pattern *pattern, uint16_t queues)
{
    uint32_t shares = 1;
    while (shares < queues) {
        shares *= 2;
    }
    pattern->ipv4_mask.hdr.src_addr = rte_cpu_to_be_32(shares - 1);
    pattern->ipv6_mask.hdr.src_addr[FAMA_ADDRESS_BYTES - 1] = (uint8_t)(shares - 1);
    for (uint32_t share = 0; share < shares; share++) {
        pattern->ipv4.hdr.src_addr = rte_cpu_to_be_32(share);
        pattern->ipv6.hdr.src_addr[FAMA_ADDRESS_BYTES - 1] = (uint8_t)share;
        if (!create_for_queue(rules, port_id, 0, pattern, (uint16_t)(share % queues))) {
            return false;
        }
    }
    return true;
}

static bool create_ours(struct fama_port_rules *rules, uint16_t port_id,
                        const struct fama_endpoint *endpoint, uint16_t queues, uint64_t hash_types)
{
    struct pattern pattern;
    match_ours(&pattern, endpoint);
    if (queues > 1 && hash_types != 0 &&
        create_hashed(rules, port_id, &pattern, queues, hash_types)) {
        rules->mode = FAMA_PORT_RULES_BY_HASH;
        return true;
    }
    if (queues > 1) {
        if (create_by_source(rules, port_id, &pattern, queues)) {
            rules->mode = FAMA_PORT_RULES_BY_SOURCE;
            return true;
        }
        fama_port_rules_remove(rules, port_id);
        match_ours(&pattern, endpoint);
    }
    if (create_for_queue(rules, port_id, 0, &pattern, 0)) {
        rules->mode = FAMA_PORT_RULES_FIRST_QUEUE;
        return true;
    }
    return false;
}

void fama_port_rules_isolate(struct fama_port_rules *rules, uint16_t port_id)
{
    struct rte_flow_error error = {0};
    rules->is_isolated = rte_flow_isolate(port_id, 1, &error) == 0;
}

void fama_port_rules_end_isolation(struct fama_port_rules *rules, uint16_t port_id)
{
    struct rte_flow_error error = {0};
    /* A port that cannot go back says so to nobody who could help: it stays as deaf as it is. */
    (void)rte_flow_isolate(port_id, 0, &error);
    rules->is_isolated = false;
}

bool fama_port_rules_make(struct fama_port_rules *rules, uint16_t port_id,
                          const struct fama_endpoint *endpoint, uint16_t queues,
                          uint64_t hash_types)
{
    if (!create_ours(rules, port_id, endpoint, queues, hash_types)) {
        return false;
    }
    struct pattern link;
    match_link(&link, endpoint);
    if (rules->is_isolated && !create_for_queue(rules, port_id, 1, &link, 0)) {
        fama_port_rules_remove(rules, port_id);
        return false;
    }
    if (rules->is_isolated && !fama_address_is_ipv4(endpoint->address)) {
        match_queries(&link);
        /* Without it no queries are heard, and reports go out unasked all the same. */
        (void)create_for_queue(rules, port_id, 1, &link, 0);
    }
    return true;
}

void fama_port_rules_remove(struct fama_port_rules *rules, uint16_t port_id)
{
    while (rules->count > 0) {
        struct rte_flow_error error = {0};
        /* One that cannot be taken back goes with the port, which is closed next. */
        (void)rte_flow_destroy(port_id, rules->flows[--rules->count], &error);
    }
    rules->mode = FAMA_PORT_RULES_NONE;
}

const char *fama_port_rules_words(enum fama_port_rules_mode mode)
{
    switch (mode) {
    case FAMA_PORT_RULES_FIRST_QUEUE:
        return "brought to the first queue by a rule of the port";
    case FAMA_PORT_RULES_BY_SOURCE:
        return "spread over the queues by source address, by rules of the port";
    case FAMA_PORT_RULES_BY_HASH:
        return "spread over the queues by the port's hash, by a rule of the port";
    case FAMA_PORT_RULES_NONE:
        break;
    }
    return "not told apart by the port, which takes no flow rules";
}
