/* A node's settings: Fabric's core.yaml keys where Fabric has one, ours under `fama:`, each overridable
 * by environment (CORE_ + path in capitals with underscores).
 *
 * One table (controlplane/config_keys.h) declares every key with its type, default, unit and words; the
 * parser, the environment, `fama node config` and the documented sample deploy/core.yaml are made from
 * it. Keys are case-insensitive. An empty value, in the file or in the environment, counts as unset.
 * Lists from the environment or from a YAML scalar are split on white space. Durations are Go's
 * ("1500ms"). Relative paths are resolved against the directory of core.yaml. Fabric keys that exist but
 * mean nothing to Fama are accepted silently; any other unknown key, an ill-typed value, a value out of
 * its range and a key set twice are one error with file and line (or variable) and what to do; the same
 * goes for unknown variables CORE_PEER_GOSSIP_* and CORE_FAMA_*.
 *
 * Main thread at start; read-only afterwards. Adversary: whoever writes the file, which is parsed within
 * bounds (1 MiB, 16 levels) and is fuzzed. Source of the loading rule and of the defaults: Fabric
 * core/config/config.go and the packages that read each key. */
#ifndef FAMA_CONTROLPLANE_CONFIG_H
#define FAMA_CONTROLPLANE_CONFIG_H

#include <stdio.h>

#include "controlplane/membership.h"
#include "crypto/error.h"
#include "crypto/verifier.h"
#include "dataplane/dataplane.h"

enum fama_config_error {
    FAMA_CONFIG_UNREADABLE = -1,
    FAMA_CONFIG_INVALID = -2,
    FAMA_CONFIG_NO_MEMORY = -3,
};

struct fama_config {
    char *file; /* the core.yaml it came from */

    char *peer_id;
    char *local_mspid;
    char *msp_directory;
    char *file_system_path; /* ledgers and the admin socket live here */
    char *admin_socket;     /* default: <file_system_path>/fama.sock */

    /* peer.gossip; our own endpoint is left out of the bootstrap set */
    struct fama_endpoint bootstrap[FAMA_BOOTSTRAP_MAX];
    uint32_t bootstrap_count;
    bool is_org_leader;
    struct fama_endpoint endpoint;
    uint32_t propagate_peer_num;
    uint32_t pull_peer_num;
    uint64_t pull_interval_ns;
    uint64_t alive_interval_ns;
    uint64_t alive_expiration_ns;
    uint64_t reconnect_interval_ns;
    uint32_t message_expiration_factor;
    uint64_t publish_state_info_interval_ns;

    /* fama.orderer: a directory of block files, one sub-directory per channel, or none */
    char *source_directory;          /* NULL: no source */
    double source_blocks_per_second; /* 0: flat out */

    /* fama.repair */
    uint64_t repair_patience_ns;
    uint64_t repair_retry_ns;
    uint64_t repair_bytes_per_second;
    uint64_t repair_bytes_per_second_each;

    /* fama.dissemination */
    uint64_t key_rotation_ns;
    uint64_t key_grace_ns;
    uint32_t parity_min, parity_max; /* parity chunks of a full set of 32 data chunks */

    /* fama.dataplane; strings inside point into `strings`. random_seed and warn are the node's to set. */
    struct fama_dataplane_config dataplane;

    /* fama.crypto */
    enum fama_verifier_implementation verifier;
    uint64_t hot_keys_memory; /* bytes */

    char *log_level; /* debug, info, warning, error */
    void *strings;   /* owner of whatever the above points to */
};

/* Reads `file`, or core.yaml in $FABRIC_CFG_PATH (only there if set), ./ or /etc/hyperledger/fabric when
 * NULL, then the environment `environ`. */
int fama_config_load(const char *file, struct fama_config **config, struct fama_error *error);
/* The same from memory: `text` is what the file `name` would hold, `environment` is NULL-terminated like
 * environ. `name` is used in messages and for resolving relative paths; no file is opened. */
int fama_config_parse(const char *name, struct fama_bytes text, char *const environment[],
                      struct fama_config **config, struct fama_error *error);
void fama_config_free(struct fama_config *config); /* NULL is fine */

/* One key as it took effect. All texts live as long as the configuration. */
struct fama_config_entry {
    const char *key;
    const char *value;  /* the text that counts, defaults and derived values written out */
    const char *origin; /* "core.yaml:12", "environment CORE_...", "default" */
    const char *words;  /* what it means */
};
size_t fama_config_entry_count(void);
struct fama_config_entry fama_config_entry_at(const struct fama_config *config, size_t index);

/* Writes the documented sample configuration (deploy/core.yaml) from the table. 0, or
 * FAMA_CONFIG_UNREADABLE if `out` did not take it. */
int fama_config_write_sample(FILE *out);

/* Go's duration syntax without a minus; false if it is not one or does not fit 63 bits. */
bool fama_duration_parse(const char *text, uint64_t *nanoseconds);
#define FAMA_DURATION_TEXT_BYTES 24
/* The shortest exact text with one unit: "1500ms". */
void fama_duration_format(uint64_t nanoseconds, char text[FAMA_DURATION_TEXT_BYTES]);
/* "198.18.0.11:7051" or "[2001:db8::11]:7051"; a host name is resolved (blocking; to an IPv4
 * address if it has one). 0 or FAMA_CONFIG_INVALID. */
int fama_endpoint_parse(const char *text, struct fama_endpoint *endpoint, struct fama_error *error);
/* A plain or suffixed (K, M, G: binary) number; false if it is none or does not fit. */
bool fama_number_parse(const char *text, uint64_t *number);

#endif
