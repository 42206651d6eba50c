/* The policies of a channel's configuration, compiled: signature policies and implicit meta
 * policies under their paths.
 *
 * Source: Fabric common/policies/{policy,implicitmeta}.go, common/cauthdsl; spec fabric-algorithms
 * §4.6. Immutable once made, part of a channel configuration (ledger/channel_config.h), readable
 * from any thread. Adversary: whoever writes configurations and collects signatures. */
#ifndef FAMA_LEDGER_POLICIES_H
#define FAMA_LEDGER_POLICIES_H

#include "crypto/error.h"
#include "crypto/identity.h"
#include "ledger/config_tree.h"

struct fama_policies;
struct fama_policy;

/* Compiles every policy of the tree, which must outlive them and hold no names with slashes.
 * Returns 0, FAMA_CHANNEL_CONFIG_INVALID (a policy does not compile: Fabric rejects the
 * configuration) or FAMA_CHANNEL_CONFIG_NO_MEMORY. */
int fama_policies_create(const struct fama_config_element *root, struct fama_policies **policies,
                         struct fama_error *error);
void fama_policies_destroy(struct fama_policies *policies); /* NULL is fine */

/* The policy of a path, absolute ("/Channel/Application/Endorsement") or relative to the root
 * ("Application/Endorsement", as Fabric's manager resolves it). NULL when there is none: whoever
 * asks must then treat it as never satisfied. */
const struct fama_policy *fama_policies_find(const struct fama_policies *policies,
                                             struct fama_bytes path);
/* The same as seen from a group: `groups` are its name and those above it, without the root's,
 * outermost first. Relative paths begin in that group; absolute ones must lead into it. */
const struct fama_policy *fama_policies_find_from(const struct fama_policies *policies,
                                                  const struct fama_bytes *groups,
                                                  size_t group_count, struct fama_bytes path);
/* Whether identities, each counted once and with verified signatures, in the order in which they
 * signed, satisfy the policy. NULL is never satisfied. */
bool fama_policy_evaluate(const struct fama_policy *policy,
                          const struct fama_identity *const *identities, size_t count);

#endif
