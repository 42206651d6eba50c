/* The configuration file as whoever can write it may write it. The first byte says how much of the input
 * is one environment variable's value; the rest is core.yaml. Names are not resolved: the fuzzer answers
 * in the resolver's place, so that nothing leaves the process. */
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/config.h"
#include "controlplane/config_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    (void)node;
    (void)service;
    (void)hints;
    *found = NULL;
    return EAI_NONAME;
}

/* Whatever is accepted must hold what the table promises. */
static void check(const struct fama_config *config)
{
    if (config->peer_id == NULL || config->local_mspid == NULL || config->dataplane.port == NULL ||
        config->bootstrap_count > FAMA_BOOTSTRAP_MAX || config->dataplane.verify_core_count == 0 ||
        config->dataplane.verify_core_count > FAMA_CORES_MAX || config->endpoint.port == 0 ||
        config->dataplane.mtu < 1280 || config->dataplane.reassembly.slots > 64 ||
        config->alive_expiration_ns < 2 * config->alive_interval_ns ||
        config->propagate_peer_num == 0) {
        abort();
    }
    for (size_t i = 0; i < fama_config_entry_count(); i++) {
        struct fama_config_entry entry = fama_config_entry_at(config, i);
        if (entry.key == NULL || entry.value == NULL || entry.origin == NULL ||
            entry.words == NULL) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *const required[] = {
        (char *)(uintptr_t) "CORE_PEER_ID=p",
        (char *)(uintptr_t) "CORE_PEER_LOCALMSPID=M",
        (char *)(uintptr_t) "CORE_PEER_MSPCONFIGPATH=/m",
        (char *)(uintptr_t) "CORE_PEER_GOSSIP_ENDPOINT=198.18.0.1:1",
        (char *)(uintptr_t) "CORE_FAMA_DATAPLANE_PORT=x",
        (char *)(uintptr_t) "CORE_FAMA_DATAPLANE_ADDRESS=198.18.0.1/24",
        NULL,
    };
    struct fama_config *config = NULL;
    struct fama_error error;
    char variable[300] = "CORE_";
    char *environment[8];
    size_t taken = size > 0 && data[0] < size - 1 ? data[0] : 0;
    size_t skip = size > 0 ? 1 : 0;
    /* Once with the required keys at hand, so that values are reached; once with a variable instead. */
    if (fama_config_parse("core.yaml", fama_bytes(data + skip + taken, size - skip - taken),
                          required, &config, &error) == 0) {
        check(config);
    } else if (strnlen(error.text, sizeof error.text) == 0) {
        abort();
    }
    fama_config_free(config);
    memcpy(variable + 5, data + skip, taken);
    memcpy(environment, required, sizeof required);
    environment[6] = variable;
    environment[7] = NULL;
    if (fama_config_parse("core.yaml", fama_bytes("", 0), environment, &config, &error) == 0) {
        check(config);
    }
    fama_config_free(config);
    return 0;
}
