/* Which block holds the configuration a block was made under. Source: protoutil/blockutils.go
 * GetLastConfigIndexFromBlock (spec fabric-formats §1): OrdererBlockMetadata in slot 0, else
 * slot 1. Any thread. */
#ifndef FAMA_LEDGER_LAST_CONFIG_H
#define FAMA_LEDGER_LAST_CONFIG_H

#include "ledger/block.h"

/* False if neither slot says so; a genesis block says nothing. */
bool fama_block_last_config(const struct fama_block *block, uint64_t *number);

#endif
