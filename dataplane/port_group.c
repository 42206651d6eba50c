#include "dataplane/port_group.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <string.h>

int fama_port_group_join(uint16_t port, const uint8_t mac[6])
{
    struct rte_ether_addr group;
    memcpy(group.addr_bytes, mac, sizeof group.addr_bytes);
    int status = rte_eth_dev_set_mc_addr_list(port, &group, 1);
    if (status != 0) {
        status = rte_eth_allmulticast_enable(port);
    }
    if (status != 0) {
        status = rte_eth_promiscuous_enable(port);
    }
    return status == -ENOTSUP ? 0 : status;
}
