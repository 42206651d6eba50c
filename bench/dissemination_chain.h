/* The blocks that `fama-bench dissemination` spreads: a chain on the genesis block of a local network, signed
 * by its orderer, of transactions of about 4 KB (a client, two endorsers, one write), cut to sizes that are
 * asked for.
 *
 * One thread. The identities are those of the network's folder. */
#ifndef FAMA_BENCH_DISSEMINATION_CHAIN_H
#define FAMA_BENCH_DISSEMINATION_CHAIN_H

#include "controlplane/network_topology.h"

struct fama_spread_chain;

/* Makes the first three blocks after the genesis block too: the chaincode's definition, and two that tell how
 * much a transaction weighs. They go to `directory`, as all later ones: NNNNNN.block. Returns 0 or -1. */
int fama_spread_chain_begin(const struct fama_network *network, const char *directory,
                            struct fama_spread_chain **chain, struct fama_error *error);
/* Writes the next block, of about `bytes` bytes: within a hundredth from 10 KB upwards. */
int fama_spread_chain_next(struct fama_spread_chain *chain, uint64_t bytes,
                           struct fama_error *error);
/* The number of the block that comes next. */
uint64_t fama_spread_chain_height(const struct fama_spread_chain *chain);
void fama_spread_chain_end(struct fama_spread_chain *chain); /* NULL is fine */

#endif
