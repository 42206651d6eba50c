/* The MSPs of a channel's organisations, made once per definition and told apart by id.
 *
 * Source: Fabric common/channelconfig/{msp,organization}.go, msp/mspmgrimpl.go. Part of a channel
 * configuration while it is made; afterwards only read. One thread while it is filled, any
 * afterwards. */
#ifndef FAMA_LEDGER_CONFIG_ORGANISATIONS_H
#define FAMA_LEDGER_CONFIG_ORGANISATIONS_H

#include "crypto/msp.h"
#include "ledger/config_tree.h"

struct fama_config_msp {
    struct fama_msp *msp;      /* one reference */
    struct fama_bytes message; /* the MSPConfig it was made from */
};

struct fama_config_msps {
    struct fama_config_msp *at; /* ascending by id once settled */
    size_t count;
    size_t room;
};

/* Room for `count` organisations. Returns 0 or FAMA_CHANNEL_CONFIG_NO_MEMORY. */
int fama_config_msps_init(struct fama_config_msps *msps, size_t count, struct fama_error *error);
void fama_config_msps_clear(struct fama_config_msps *msps);

/* Finds or makes the MSP that an organisation's MSPConfig defines. Two organisations may share an
 * MSP id only if their definitions are equal. `*msp` is borrowed from `msps`. Returns 0,
 * FAMA_CHANNEL_CONFIG_INVALID or FAMA_CHANNEL_CONFIG_NO_MEMORY. */
int fama_config_msps_add(struct fama_config_msps *msps, struct fama_bytes message,
                         enum fama_msp_version version, const struct fama_msp **msp,
                         struct fama_error *error);
/* After the last one was added; look-ups may begin. */
void fama_config_msps_settle(struct fama_config_msps *msps);
const struct fama_msp *fama_config_msps_find(const struct fama_config_msps *msps,
                                             struct fama_bytes mspid);

#endif
