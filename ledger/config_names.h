/* The names that Fabric allows in a configuration: of groups, values and policies, and in the paths
 * of policies that guard them.
 *
 * Source: Fabric common/configtx/{validator,configmap,update}.go. Stateless; any thread. */
#ifndef FAMA_LEDGER_CONFIG_NAMES_H
#define FAMA_LEDGER_CONFIG_NAMES_H

#include "ledger/config_tree.h"

/* Letters, digits, dots and dashes, 1 to 249 of them, neither "." nor "..". */
bool fama_config_name_is_valid(struct fama_bytes name);
/* Such names joined by slashes, with one in front or not. */
bool fama_config_policy_path_is_valid(struct fama_bytes path);

/* Whether all names below a group are valid. Returns 0 or FAMA_CHANNEL_CONFIG_INVALID. */
int fama_config_names_check(const struct fama_config_element *group, struct fama_error *error);

#endif
