#include "dataplane/port_group.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <string.h>

int fama_port_groups_join(uint16_t port, const uint8_t (*macs)[6], uint32_t count)
{
    struct rte_ether_addr groups[FAMA_PORT_GROUPS_MAX];
    if (count > FAMA_PORT_GROUPS_MAX) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(groups[i].addr_bytes, macs[i], sizeof groups[i].addr_bytes);
    }
    int status = rte_eth_dev_set_mc_addr_list(port, groups, count);
    if (status != 0) {
        status = rte_eth_allmulticast_enable(port);
    }
    if (status != 0) {
        status = rte_eth_promiscuous_enable(port);
    }
    return status == -ENOTSUP ? 0 : status;
}
