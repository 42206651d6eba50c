/* From one configuration of a channel to the next: whether an update was allowed, leads to what it
 * claims to lead to, and may follow.
 *
 * Source: Fabric core/peer/channel.go Apply, common/configtx/{validator,update,configmap}.go,
 * common/channelconfig/bundle.go ValidateNew, common/policies/policy.go; spec fabric-algorithms
 * §9.2. Stateless; any thread. Adversary: whoever writes configuration updates and collects
 * signatures for them. Every signature is verified once, whatever the update changes; all else is
 * linear in the update and the configurations but for look-ups by name. */
#ifndef FAMA_LEDGER_CONFIG_UPDATE_H
#define FAMA_LEDGER_CONFIG_UPDATE_H

#include "ledger/channel_config.h"

/* Judges a serialized common.ConfigEnvelope (the data of a CONFIG transaction) against the
 * configuration it replaces. Returns 0 with one reference in `*next`, FAMA_CHANNEL_CONFIG_INVALID
 * (a Fabric peer stops at such a block) or FAMA_CHANNEL_CONFIG_NO_MEMORY. */
int fama_channel_config_apply(const struct fama_channel_config *current,
                              struct fama_bytes config_envelope, struct fama_channel_config **next,
                              struct fama_error *error);

#endif
