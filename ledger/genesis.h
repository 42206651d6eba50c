/* Writes a channel's genesis block from MSP directories: what configtxgen does for Fabric.
 *
 * The configuration is one a Fabric 2.5 peer accepts: orderer group (etcdraft, batch size,
 * timeout), application group, one group per organisation with its MSP and the usual policies,
 * capabilities Channel V2_0, Orderer V2_0, Application V2_5, anchor peers if given. Policies are
 * configtxgen's usual ones; an organisation without NodeOUs gets MEMBER where those name peers and
 * clients. The etcdraft metadata is left empty: it lists the consenters of real ordering nodes, and
 * a block made here has none.
 *
 * Deterministic but for the nonce, the transaction id that follows from it, and the timestamp
 * (now). Main thread of a command. */
#ifndef FAMA_LEDGER_GENESIS_H
#define FAMA_LEDGER_GENESIS_H

#include "crypto/msp.h"

struct fama_genesis_org {
    const char *name; /* group name */
    const struct fama_msp *msp;
    const char *const
        *endpoints;        /* orderer orgs: orderer addresses; application orgs: anchor peers */
    size_t endpoint_count; /* host:port each */
};

struct fama_genesis {
    const char *channel_id;
    const struct fama_genesis_org *orderers;
    size_t orderer_count;
    const struct fama_genesis_org *applications;
    size_t application_count;
    uint32_t max_message_count;
    const char *batch_timeout; /* one number and ms, s, m or h: "2s" */
};

enum fama_genesis_error {
    FAMA_GENESIS_INVALID = -1,   /* a name or organisation makes no sense */
    FAMA_GENESIS_NO_MEMORY = -2, /* or no random bytes */
};

/* `*bytes` is the serialized common.Block, to be released with free(). */
int fama_genesis_build(const struct fama_genesis *genesis, uint8_t **bytes, size_t *len,
                       struct fama_error *error);

#endif
