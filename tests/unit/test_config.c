#include <arpa/inet.h>
#include <limits.h>
#include <sys/stat.h>

#include "controlplane/config.h"
#include "controlplane/config_keys.h"
#include "controlplane/yaml_keys.h"
#include "unit/suite.h"

/* What every configuration must say; texts of the tests go before or after it. */
#define REQUIRED                                                                                   \
    "peer:\n"                                                                                      \
    "  id: p0\n"                                                                                   \
    "  localMspId: SipherMSP\n"                                                                    \
    "  mspConfigPath: msp\n"                                                                       \
    "  fileSystemPath: data\n"                                                                     \
    "  address: 198.18.0.11:7051\n"
#define PORT "fama: {dataplane: {port: net_tap0, address: 198.18.0.11/24}}\n"

#define PLANE(more) "fama: {dataplane: {port: x, address: 198.18.0.11/24, " more "}}\n"

static struct fama_error error;

static int parse_with(const char *text, const char *const environment[],
                      struct fama_config **config)
{
    memset(&error, 0, sizeof error);
    return fama_config_parse("/etc/fama/core.yaml", fama_bytes_of_text(text),
                             (char *const *)environment, config, &error);
}

static struct fama_config *accepted(const char *text, const char *const environment[])
{
    struct fama_config *config = NULL;
    int status = parse_with(text, environment, &config);
    if (status != 0) {
        fprintf(stderr, "\nrefused: %s\n", error.text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

/* The text is refused, and the words hold both fragments. */
static void refuse_with(const char *text, const char *const environment[], const char *first,
                        const char *second)
{
    struct fama_config *config = NULL;
    int status = parse_with(text, environment, &config);
    CU_ASSERT_EQUAL(status, FAMA_CONFIG_INVALID);
    CU_ASSERT_PTR_NULL(config);
    bool says_both = strstr(error.text, first) != NULL && strstr(error.text, second) != NULL;
    if (!says_both) {
        fprintf(stderr, "\nwanted \"%s\" and \"%s\" in: %s\n", first, second, error.text);
    }
    CU_ASSERT_TRUE(says_both);
    fama_config_free(config);
}

static void refuse(const char *text, const char *first, const char *second)
{
    refuse_with(text, NULL, first, second);
}

static uint32_t address(const char *text)
{
    return ntohl(inet_addr(text));
}

static struct fama_config_entry entry(const struct fama_config *config, const char *key)
{
    for (size_t i = 0; i < fama_config_entry_count(); i++) {
        struct fama_config_entry found = fama_config_entry_at(config, i);
        if (strcmp(found.key, key) == 0) {
            return found;
        }
    }
    CU_FAIL_FATAL("no such key");
    return (struct fama_config_entry){0};
}

static void test_unset_keys_take_fabrics_defaults(void)
{
    struct fama_config *config = accepted(REQUIRED PORT, NULL);
    CU_ASSERT_STRING_EQUAL(config->peer_id, "p0");
    CU_ASSERT_STRING_EQUAL(config->local_mspid, "SipherMSP");
    CU_ASSERT_EQUAL(config->bootstrap_count, 0);
    CU_ASSERT_FALSE(config->is_org_leader);
    CU_ASSERT_EQUAL(config->propagate_peer_num, 3);
    CU_ASSERT_EQUAL(config->pull_peer_num, 3);
    CU_ASSERT_EQUAL(config->pull_interval_ns, UINT64_C(4000000000));
    CU_ASSERT_EQUAL(config->alive_interval_ns, UINT64_C(5000000000));
    CU_ASSERT_EQUAL(config->alive_expiration_ns, UINT64_C(25000000000));
    CU_ASSERT_EQUAL(config->reconnect_interval_ns, UINT64_C(25000000000));
    CU_ASSERT_EQUAL(config->message_expiration_factor, 20);
    CU_ASSERT_EQUAL(config->publish_state_info_interval_ns, UINT64_C(4000000000));
    CU_ASSERT_EQUAL(config->dataplane.planner, FAMA_PLANNER_COORDINATED);
    CU_ASSERT_STRING_EQUAL(config->log_level, "info");
    CU_ASSERT_PTR_NULL(config->source_directory);
    CU_ASSERT_EQUAL(config->source_blocks_per_second, 0.0);
    fama_config_free(config);
}

static void test_the_dataplane_gets_every_value_it_needs(void)
{
    struct fama_config *config =
        accepted(REQUIRED "  gossip: {propagatePeerNum: 5}\n"
                          "fama:\n"
                          "  dissemination: {planner: infectious}\n"
                          "  dataplane:\n"
                          "    port: net_af_packet0,iface=eth1\n"
                          "    address: 198.18.0.11/16\n"
                          "    gateway: 198.18.255.1\n"
                          "    mtu: 9000\n"
                          "    memory: 1024\n"
                          "    cores: {control: 3, net: 4, verify: [5, 6, 7]}\n"
                          "    idle: poll\n"
                          "    idleSleepMax: 1ms\n"
                          "    hugepages: off\n"
                          "    maxBlockBytes: 4M\n"
                          "    hopBudget: 6\n"
                          "    pace: {bitsPerSecond: 900000000, burstBytes: 64K}\n"
                          "    stalledAfter: 10ms\n",
                 NULL);
    const struct fama_dataplane_config *dataplane = &config->dataplane;
    CU_ASSERT_STRING_EQUAL(dataplane->port, "net_af_packet0,iface=eth1");
    CU_ASSERT_STRING_EQUAL(dataplane->file_prefix, "fama-p0");
    CU_ASSERT_EQUAL(fama_address_to_ipv4(dataplane->endpoint.address), address("198.18.0.11"));
    CU_ASSERT_EQUAL(dataplane->endpoint.port, 7051);
    CU_ASSERT_EQUAL(dataplane->prefix_bits, 16);
    CU_ASSERT_EQUAL(fama_address_to_ipv4(dataplane->gateway), address("198.18.255.1"));
    CU_ASSERT_EQUAL(dataplane->mtu, 9000);
    CU_ASSERT_EQUAL(dataplane->memory_mb, 1024);
    CU_ASSERT_EQUAL(dataplane->control_core, 3);
    CU_ASSERT_EQUAL_FATAL(dataplane->net_core_count, 1);
    CU_ASSERT_EQUAL(dataplane->net_cores[0], 4);
    CU_ASSERT_EQUAL_FATAL(dataplane->verify_core_count, 3);
    CU_ASSERT_EQUAL(dataplane->verify_cores[0], 5);
    CU_ASSERT_EQUAL(dataplane->verify_cores[2], 7);
    CU_ASSERT_EQUAL(dataplane->idle, FAMA_IDLE_POLL);
    CU_ASSERT_EQUAL(dataplane->idle_sleep_max_ns, 1000000);
    CU_ASSERT_EQUAL(dataplane->hugepages, FAMA_HUGEPAGES_OFF);
    CU_ASSERT_EQUAL(dataplane->reassembly.block_bytes_max, 4u << 20);
    CU_ASSERT_EQUAL(dataplane->reassembly.slots, 32);
    CU_ASSERT_EQUAL(dataplane->hop_budget, 6);
    CU_ASSERT_EQUAL(dataplane->pace_bits_per_second, 900000000);
    CU_ASSERT_EQUAL(dataplane->pace_burst_bytes, 65536);
    CU_ASSERT_EQUAL(dataplane->stalled_ns, 10000000);
    CU_ASSERT_EQUAL(dataplane->propagate_peer_num, 5);
    CU_ASSERT_EQUAL(dataplane->planner, FAMA_PLANNER_INFECTIOUS);
    CU_ASSERT_EQUAL(dataplane->admissions_per_second, 200);
    fama_config_free(config);
}

static void test_keys_are_read_without_regard_to_case(void)
{
    struct fama_config *config =
        accepted("PEER:\n  Id: p0\n  localmspid: A\n  MSPCONFIGPATH: /m\n  Gossip:\n"
                 "    ENDPOINT: 198.18.0.11:7051\n    OrgLeader: TRUE\n" PORT,
                 NULL);
    CU_ASSERT_TRUE(config->is_org_leader);
    CU_ASSERT_STRING_EQUAL(config->msp_directory, "/m");
    fama_config_free(config);
}

static void test_the_environment_overrides_the_file(void)
{
    const char *environment[] = {"HOME=/",
                                 "CORE_PEER_ID=other",
                                 "CORE_PEER_GOSSIP_PULLINTERVAL=1m30s",
                                 "CORE_FAMA_DATAPLANE_CORES_VERIFY=1 2",
                                 "CORE_VM_ENDPOINT=unix:///x",
                                 "CORE_PEER_GOSSIP_STATE_ENABLED=true",
                                 NULL};
    struct fama_config *config =
        accepted(REQUIRED "  gossip: {pullInterval: 9s}\n" PORT, environment);
    CU_ASSERT_STRING_EQUAL(config->peer_id, "other");
    CU_ASSERT_EQUAL(config->pull_interval_ns, UINT64_C(90000000000));
    CU_ASSERT_EQUAL(config->dataplane.verify_core_count, 2);
    CU_ASSERT_STRING_EQUAL(entry(config, "peer.id").origin, "environment CORE_PEER_ID");
    fama_config_free(config);
}

static void test_an_empty_variable_counts_as_unset(void)
{
    const char *environment[] = {"CORE_PEER_ID=", "CORE_PEER_GOSSIP_NOSUCHTHING=", NULL};
    struct fama_config *config = accepted(REQUIRED PORT, environment);
    CU_ASSERT_STRING_EQUAL(config->peer_id, "p0");
    fama_config_free(config);
}

static void test_zero_means_the_default_for_fabrics_gossip_numbers(void)
{
    struct fama_config *config = accepted(
        REQUIRED "  gossip: {propagatePeerNum: 0, aliveTimeInterval: 0s, pullInterval: 0}\n" PORT,
        NULL);
    CU_ASSERT_EQUAL(config->propagate_peer_num, 3);
    CU_ASSERT_EQUAL(config->alive_interval_ns, UINT64_C(5000000000));
    CU_ASSERT_EQUAL(config->pull_interval_ns, UINT64_C(4000000000));
    CU_ASSERT_STRING_EQUAL(entry(config, "peer.gossip.propagatePeerNum").origin, "default");
    fama_config_free(config);
}

static void test_unset_timeouts_follow_the_heartbeat(void)
{
    struct fama_config *config =
        accepted(REQUIRED "  gossip: {aliveTimeInterval: 300ms}\n" PORT, NULL);
    CU_ASSERT_EQUAL(config->alive_expiration_ns, 1500000000);
    CU_ASSERT_EQUAL(config->reconnect_interval_ns, 1500000000);
    CU_ASSERT_STRING_EQUAL(entry(config, "peer.gossip.reconnectInterval").value, "1500ms");
    fama_config_free(config);
}

static void test_bootstrap_is_a_list_or_words_and_leaves_ourselves_out(void)
{
    struct fama_config *config = accepted(
        REQUIRED
        "  gossip:\n    bootstrap: \"198.18.0.12:7051  198.18.0.11:7051\t198.18.0.13:1\"\n" PORT,
        NULL);
    CU_ASSERT_EQUAL_FATAL(config->bootstrap_count, 2);
    CU_ASSERT_EQUAL(fama_address_to_ipv4(config->bootstrap[0].address), address("198.18.0.12"));
    CU_ASSERT_EQUAL(fama_address_to_ipv4(config->bootstrap[1].address), address("198.18.0.13"));
    CU_ASSERT_EQUAL(config->bootstrap[1].port, 1);
    fama_config_free(config);
    config = accepted(
        REQUIRED
        "  gossip:\n    bootstrap:\n      - 198.18.0.12:7051\n      - 198.18.0.14:2\n" PORT,
        NULL);
    CU_ASSERT_EQUAL_FATAL(config->bootstrap_count, 2);
    CU_ASSERT_EQUAL(config->bootstrap[1].port, 2);
    fama_config_free(config);
}

static void test_more_bootstrap_endpoints_than_fit_are_refused(void)
{
    char text[8192] = REQUIRED "  gossip:\n    bootstrap: ";
    for (int i = 0; i <= FAMA_BOOTSTRAP_MAX; i++) {
        strcat(text, "198.18.1.1:7051 ");
    }
    strcat(text, "\n" PORT);
    refuse(text, "peer.gossip.bootstrap: /etc/fama/core.yaml:8", "more than 64");
}

static void test_relative_paths_start_at_the_files_folder(void)
{
    struct fama_config *config = accepted(REQUIRED PORT, NULL);
    CU_ASSERT_STRING_EQUAL(config->msp_directory, "/etc/fama/msp");
    CU_ASSERT_STRING_EQUAL(config->file_system_path, "/etc/fama/data");
    CU_ASSERT_STRING_EQUAL(config->admin_socket, "/etc/fama/data/fama.sock");
    CU_ASSERT_STRING_EQUAL(config->file, "/etc/fama/core.yaml");
    fama_config_free(config);
}

static void test_a_typing_error_is_named_with_its_place_and_the_key_that_was_meant(void)
{
    refuse(REQUIRED "  gossip:\n    pulInterval: 4s\n" PORT,
           "peer.gossip.pulInterval is no known key: /etc/fama/core.yaml:8",
           "did you mean peer.gossip.pullInterval?");
    refuse(REQUIRED "fama:\n  dataplane:\n    hugepage: on\n", "/etc/fama/core.yaml:9",
           "did you mean fama.dataplane.hugepages?");
    refuse(REQUIRED "fama:\n  dataplane: {zzzzzzzzzzzzzzzzzzzzzzzzzzz: 1}\n", ":8", "--sample");
    refuse("pear: {id: x}\n", "pear.id is no known key: /etc/fama/core.yaml:1",
           "did you mean peer.id?");
}

static void test_unknown_variables_of_our_sections_are_errors(void)
{
    const char *gossip[] = {"CORE_PEER_GOSSIP_PULINTERVAL=4s", NULL};
    const char *fama[] = {"CORE_FAMA_LOG_LEVL=debug", NULL};
    const char *foreign[] = {"CORE_PEER_TLS_ENABLED=true", "CORE_CHAINCODE_X=1", NULL};
    refuse_with(REQUIRED PORT, gossip, "CORE_PEER_GOSSIP_PULINTERVAL names no known key",
                "did you mean CORE_PEER_GOSSIP_PULLINTERVAL?");
    refuse_with(REQUIRED PORT, fama, "CORE_FAMA_LOG_LEVL", "CORE_FAMA_LOG_LEVEL?");
    fama_config_free(accepted(REQUIRED PORT, foreign));
}

static void test_fabrics_other_keys_are_accepted_silently(void)
{
    fama_config_free(accepted(
        REQUIRED "  networkId: dev\n  tls: {enabled: true, clientRootCAs: {files: [a, b]}}\n"
                 "  handlers: {authFilters: [{name: DefaultAuth}]}\n"
                 "  gossip: {externalEndpoint: , election: {startupGracePeriod: 15s}}\n"
                 "  limits: {concurrency: {endorserService: 2500}}\n"
                 "vm: {endpoint: 'unix:///var/run/docker.sock'}\n"
                 "chaincode: {externalBuilders: [{path: /x, name: y}]}\n"
                 "ledger: {state: &a {x: 1}, other: *a}\n"
                 "operations:\nmetrics: {provider: disabled}\n" PORT,
        NULL));
}

static void test_ill_typed_values_say_what_would_be_right(void)
{
    refuse(REQUIRED "  gossip: {pullInterval: 4}\n" PORT,
           "peer.gossip.pullInterval: /etc/fama/core.yaml:7: is \"4\"", "1500ms");
    refuse(REQUIRED "  gossip: {orgLeader: maybe}\n" PORT, "peer.gossip.orgLeader",
           "true or false");
    refuse(REQUIRED "  gossip: {propagatePeerNum: three}\n" PORT, "three", "digits");
    refuse(REQUIRED "  gossip: {endpoint: 'nobody'}\n" PORT, "peer.gossip.endpoint", "host:port");
    refuse(REQUIRED "  gossip: {endpoint: '0.0.0.0:7051'}\n" PORT, "not the address of one host",
           "0.0.0.0:7051");
    refuse(REQUIRED "  gossip: {endpoint: '[::1]:7051'}\n" PORT, "not the address of one host",
           "[::1]:7051");
    refuse(REQUIRED "  gossip: {endpoint: '2001:db8::1:7051'}\n" PORT, "brackets",
           "[2001:db8::11]:7051");
    refuse(REQUIRED "  gossip: {pullInterval: [4s]}\n" PORT, "no single value", "one plain value");
    refuse(REQUIRED PLANE("idle: lazy"), "fama.dataplane.idle", "poll adaptive");
    refuse(REQUIRED "fama: {dissemination: {planner: tree}}\n", "fama.dissemination.planner",
           "coordinated infectious");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.11}}\n", "prefix length",
           "198.18.0.11/24");
    refuse(REQUIRED "fama: {orderer: {blocksPerSecond: fast}}\n", "no number", "12.5");
    refuse(REQUIRED "fama: {log: {level: \"in\\nfo\"}}\n", "fama.log.level", "control characters");
}

static void test_values_out_of_range_name_the_range(void)
{
    refuse(REQUIRED PLANE("pace: {bitsPerSecond: 9999999}"), "fama.dataplane.pace.bitsPerSecond",
           "10000000 or more");
    refuse(REQUIRED PLANE("pace: {burstBytes: 1500}"), "fama.dataplane.pace.burstBytes",
           "from 16K to 1G");
    refuse(REQUIRED "  gossip: {propagatePeerNum: 65}\n" PORT, "out of its range",
           "from 1 to 64 peers");
    refuse(REQUIRED PLANE("mtu: 576"), "fama.dataplane.mtu", "from 1280 to 9000 bytes");
    refuse(REQUIRED PLANE("hopBudget: 256"), "256", "from 1 to 64");
    refuse(REQUIRED PLANE("stalledAfter: 1us"), "1us", "from 1ms to 10s");
    refuse(REQUIRED PLANE("maxBlockBytes: 2G"), "2G", "64K to 512M");
    refuse(REQUIRED "fama: {orderer: {blocksPerSecond: -1}}\n", "-1", "from 0");
    refuse(REQUIRED PLANE("cores: {verify: 1 2 1}"), "CPU 1 twice", "once");
    refuse(REQUIRED PLANE("cores: {verify: 1 5000}"), "5000", "from 0 to 1023");
    refuse(REQUIRED PLANE("cores: {net: 1 2 1}"), "CPU 1 twice", "once");
    refuse(REQUIRED PLANE("cores: {net: 1 2 3 4 5 6 7 8 9}"), "more than 8 CPUs", "leave some out");
}

static void test_missing_keys_are_asked_for(void)
{
    refuse(PORT, "peer.id is not set: /etc/fama/core.yaml", "CORE_PEER_ID");
    refuse(REQUIRED, "fama.dataplane.port is not set", "net_af_packet0,iface=eth1");
    refuse("", "peer.id is not set", "CORE_PEER_ID");
}

#define IPV6(gateway)                                                                              \
    "peer: {id: p0, localMspId: SipherMSP, mspConfigPath: msp, fileSystemPath: /var/fama,\n"       \
    "  gossip: {endpoint: '[2001:db8::11]:7051', bootstrap: '[2001:db8:0::11]:7051 "               \
    "[2001:db8::12]:7052'}}\n"                                                                     \
    "fama: {dataplane: {port: x, address: '2001:db8::11/64', gateway: '" gateway "'}}\n"

static void test_a_node_of_ipv6_is_configured_alike(void)
{
    struct fama_config *config = accepted(IPV6("fe80::1"), NULL);
    static const uint8_t own[FAMA_ADDRESS_BYTES] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x11};
    static const uint8_t router[FAMA_ADDRESS_BYTES] = {0xfe, 0x80, [15] = 1};
    CU_ASSERT(fama_address_equal(config->dataplane.endpoint.address, own));
    CU_ASSERT(fama_address_equal(config->dataplane.gateway, router));
    CU_ASSERT_EQUAL(config->dataplane.prefix_bits, 64);
    CU_ASSERT_EQUAL_FATAL(config->bootstrap_count, 1);
    CU_ASSERT_EQUAL(config->bootstrap[0].port, 7052);
    fama_config_free(config);
    fama_config_free(accepted(IPV6("2001:db8::1"), NULL));
    refuse(IPV6("2001:db8:1::1"), "fama.dataplane.gateway", "no other host");
    refuse(IPV6("2001:db8::11"), "fama.dataplane.gateway", "no other host");
    refuse(IPV6("198.18.0.1"), "fama.dataplane.gateway", "no other host");
    refuse(IPV6("ff02::1"), "fama.dataplane.gateway", "no address of a host");
}

static void test_keys_that_contradict_each_other_are_refused(void)
{
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.12/24}}\n",
           "fama.dataplane.address: /etc/fama/core.yaml:7",
           "peer.gossip.endpoint is 198.18.0.11:7051");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.11/24, gateway: 198.18.1.1}}\n",
           "fama.dataplane.gateway", "198.18.0.11/24");
    refuse(REQUIRED "  gossip: {bootstrap: '[2001:db8::12]:7051'}\n" PORT,
           "peer.gossip.bootstrap: /etc/fama/core.yaml", "its IPv4 address");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.11/24, gateway: 'fe80::1'}}\n",
           "fama.dataplane.gateway", "198.18.0.11/24");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.11/24, gateway: 224.0.0.1}}\n",
           "fama.dataplane.gateway", "no address of a host");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: '2001:db8::11/128'}}\n",
           "fama.dataplane.address", "from 8 to 127");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: '2001:db8::11/64'}}\n",
           "fama.dataplane.address", "peer.gossip.endpoint is 198.18.0.11:7051");
    refuse(REQUIRED "  gossip: {aliveExpirationTimeout: 6s}\n" PORT, "twice aliveTimeInterval",
           "raise it");
    refuse(REQUIRED "fama: {dataplane: {port: x, address: 198.18.0.11/24, mtu: 9000}}\n",
           "fama.dataplane.memory: /etc/fama/core.yaml: 256 MiB", "set it to 314");
    refuse(REQUIRED "fama: {repair: {bytesPerSecondEach: 256M}, "
                    "dataplane: {port: x, address: 198.18.0.11/24}}\n",
           "fama.repair.bytesPerSecondEach", "lower it");
    refuse(REQUIRED "fama: {dissemination: {parity: {min: 5, max: 4}}, "
                    "dataplane: {port: x, address: 198.18.0.11/24}}\n",
           "fama.dissemination.parity.min: /etc/fama/core.yaml:7",
           "5 is more than fama.dissemination.parity.max (4)");
    refuse(REQUIRED "fama: {dissemination: {parity: {min: 17}}, "
                    "dataplane: {port: x, address: 198.18.0.11/24}}\n",
           "fama.dissemination.parity.min", "max (16): lower it, or raise the other");
    fama_config_free(accepted(REQUIRED "fama: {dissemination: {parity: {min: 4, max: 4}}, "
                                       "dataplane: {port: x, address: 198.18.0.11/24}}\n",
                              NULL));
    refuse(REQUIRED "  gossip: {useLeaderElection: true}\n" PORT, "not available in this version",
           "peer.gossip.orgLeader");
}

static void test_election_that_is_off_is_fine(void)
{
    fama_config_free(accepted(REQUIRED "  gossip: {useLeaderElection: false}\n" PORT, NULL));
}

static void test_a_socket_path_too_long_for_a_socket_is_refused(void)
{
    const char *environment[] = {
        "CORE_FAMA_ADMIN_SOCKET=/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/fama.sock",
        NULL};
    refuse_with(REQUIRED PORT, environment, "fama.admin.socket: environment CORE_FAMA_ADMIN_SOCKET",
                "107");
}

static void test_a_key_set_twice_is_refused_with_both_places(void)
{
    refuse(REQUIRED "  ID: p1\n" PORT, "peer.id is set twice: /etc/fama/core.yaml:7",
           "first at /etc/fama/core.yaml:2");
}

static void test_what_is_no_yaml_is_refused_with_its_line(void)
{
    refuse("peer:\n  id: [p0\n", "not YAML", "/etc/fama/core.yaml:");
    refuse("- a\n- b\n", "not a mapping", "/etc/fama/core.yaml:1");
    refuse("just words\n", "not a mapping", ":1");
    refuse("a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: {r: "
           "1}}}}}}}}}}}}}}}}}}\n",
           "more than 16 levels", ":1");
    refuse("? [a, b]\n: c\n", "not a plain word", ":1");
}

static void test_a_file_too_large_is_refused(void)
{
    size_t len = FAMA_YAML_BYTES_MAX + 1;
    char *text = malloc(len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, '\n', len);
    text[len] = '\0';
    refuse(text, "larger than", "/etc/fama/core.yaml");
    free(text);
}

static void test_durations_are_gos(void)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"0", 0},
        {"0s", 0},
        {"1500ms", 1500000000},
        {"5s", 5000000000},
        {"1m30s", UINT64_C(90000000000)},
        {"1.5h", UINT64_C(5400000000000)},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"+3ns", 3},
        {"7us", 7000},
        {"7\xc2\xb5s", 7000},
        {"2h45m0.5s", UINT64_C(9900500000000)},
        {"0.123456789012345678901234567890s", 123456789},
        {"9223372036854775807ns", INT64_MAX},
    };
    static const char *const bad[] = {"",
                                      "5",
                                      "s",
                                      "-5s",
                                      "5 s",
                                      "5S",
                                      ".s",
                                      "5s5",
                                      "1e3s",
                                      "+",
                                      "5d",
                                      "--",
                                      "9223372036854775808ns",
                                      "99999999999999999999s",
                                      "2562048h"};
    uint64_t ns;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT_TRUE(fama_duration_parse(good[i].text, &ns));
        CU_ASSERT_EQUAL(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(fama_duration_parse(bad[i], &ns));
    }
}

static void test_a_formatted_duration_parses_to_itself(void)
{
    static const uint64_t values[] = {
        0, 1, 999, 1000, 1500000, 1500000000, UINT64_C(3600000000000), INT64_MAX};
    char text[FAMA_DURATION_TEXT_BYTES];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t ns = 77;
        fama_duration_format(values[i], text);
        CU_ASSERT_TRUE(fama_duration_parse(text, &ns));
        CU_ASSERT_EQUAL(ns, values[i]);
    }
    fama_duration_format(1500000000, text);
    CU_ASSERT_STRING_EQUAL(text, "1500ms");
}

static void test_endpoints_are_read_and_written(void)
{
    struct fama_endpoint endpoint;
    char text[FAMA_ENDPOINT_TEXT_BYTES];
    CU_ASSERT_EQUAL(fama_endpoint_parse("198.18.0.200:65535", &endpoint, NULL), 0);
    CU_ASSERT_EQUAL(fama_address_to_ipv4(endpoint.address), address("198.18.0.200"));
    fama_endpoint_format(&endpoint, text);
    CU_ASSERT_STRING_EQUAL(text, "198.18.0.200:65535");
    CU_ASSERT_EQUAL(fama_endpoint_parse("[2001:DB8:0:0::a]:7051", &endpoint, NULL), 0);
    static const uint8_t ipv6[FAMA_ADDRESS_BYTES] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x0a};
    CU_ASSERT(fama_address_equal(endpoint.address, ipv6));
    CU_ASSERT_EQUAL(endpoint.port, 7051);
    fama_endpoint_format(&endpoint, text);
    CU_ASSERT_STRING_EQUAL(text, "[2001:db8::a]:7051");
    CU_ASSERT_EQUAL(fama_endpoint_parse("localhost:1", &endpoint, NULL), 0);
    CU_ASSERT_EQUAL(fama_address_to_ipv4(endpoint.address), address("127.0.0.1"));
    static const char *const bad[] = {"198.18.0.1",       ":7051",
                                      "198.18.0.1:",      "198.18.0.1:0",
                                      "198.18.0.1:65536", "198.18.0.1:70x",
                                      "224.0.0.1:1",      "255.255.255.255:1",
                                      "::1:7051",         "",
                                      "[]:7051",          "[::1]:1",
                                      "[2001:db8::1]",    "[ff02::1]:1",
                                      "[fe80::1]:1",      "2001:db8::1:1",
                                      "[::]:1",           "[198.18.0.1:1",
                                      "198.18.0.1]:1",    "[::ffff:198.18.0.1]:1",
                                      "[2001:db8::1]x:1", "[2001:db8::1%lo]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(fama_endpoint_parse(bad[i], &endpoint, NULL), FAMA_CONFIG_INVALID);
    }
}

static void test_numbers_take_binary_suffixes_and_do_not_overflow(void)
{
    uint64_t number;
    CU_ASSERT_TRUE(fama_number_parse("16M", &number));
    CU_ASSERT_EQUAL(number, 16u << 20);
    CU_ASSERT_TRUE(fama_number_parse("18446744073709551615", &number));
    CU_ASSERT_EQUAL(number, UINT64_MAX);
    CU_ASSERT_FALSE(fama_number_parse("18446744073709551616", &number));
    CU_ASSERT_FALSE(fama_number_parse("18446744073709551615K", &number));
    CU_ASSERT_FALSE(fama_number_parse("17179869184G", &number));
    CU_ASSERT_FALSE(fama_number_parse("K", &number));
    CU_ASSERT_FALSE(fama_number_parse("", &number));
    CU_ASSERT_FALSE(fama_number_parse("-1", &number));
    CU_ASSERT_FALSE(fama_number_parse("1 M", &number));
}

/* The text of the file, to be freed; NULL if it cannot be read. */
static char *slurp(const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = calloc(1, FAMA_YAML_BYTES_MAX);
    if (in == NULL || text == NULL || fread(text, 1, FAMA_YAML_BYTES_MAX - 1, in) == 0) {
        free(text);
        text = NULL;
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    return text;
}

static void test_the_sample_file_is_what_the_table_says(void)
{
    char *written = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&written, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(fama_config_write_sample(out), 0);
    (void)fclose(out);
    char *committed = slurp(FAMA_SOURCE_DIR "/deploy/core.yaml");
    CU_ASSERT_PTR_NOT_NULL_FATAL(committed);
    CU_ASSERT_STRING_EQUAL(committed, written);
    free(written);
    free(committed);
}

static void test_the_sample_file_loads_and_means_the_defaults(void)
{
    char *text = slurp(FAMA_SOURCE_DIR "/deploy/core.yaml");
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    struct fama_config *sample = accepted(text, NULL);
    struct fama_config *plain = accepted(REQUIRED PORT, NULL);
    for (size_t i = 0; i < fama_config_key_count; i++) {
        if (fama_config_keys[i].fallback != NULL && fama_config_keys[i].type != FAMA_KEY_PATH) {
            CU_ASSERT_STRING_EQUAL(fama_config_entry_at(sample, i).value,
                                   fama_config_entry_at(plain, i).value);
        }
    }
    CU_ASSERT_EQUAL(sample->bootstrap_count, 1);
    fama_config_free(sample);
    fama_config_free(plain);
    free(text);
}

static void test_every_key_of_the_table_is_told_in_words(void)
{
    for (size_t i = 0; i < fama_config_key_count; i++) {
        const struct fama_config_key *key = &fama_config_keys[i];
        CU_ASSERT_PTR_NOT_NULL_FATAL(key->words);
        CU_ASSERT_TRUE(strlen(key->words) > 20);
        CU_ASSERT_TRUE(key->least <= key->most);
        bool is_choice = key->type == FAMA_KEY_CHOICE || key->type == FAMA_KEY_WORD;
        CU_ASSERT_EQUAL(is_choice, key->choices != NULL);
        for (size_t j = 0; j < i; j++) {
            CU_ASSERT_STRING_NOT_EQUAL(key->path, fama_config_keys[j].path);
        }
    }
}

static void test_the_listing_says_where_each_value_comes_from(void)
{
    const char *environment[] = {"CORE_FAMA_LOG_LEVEL=DEBUG", NULL};
    struct fama_config *config = accepted(REQUIRED PORT, environment);
    CU_ASSERT_STRING_EQUAL(entry(config, "peer.id").origin, "/etc/fama/core.yaml:2");
    CU_ASSERT_STRING_EQUAL(entry(config, "fama.log.level").origin,
                           "environment CORE_FAMA_LOG_LEVEL");
    CU_ASSERT_STRING_EQUAL(entry(config, "fama.log.level").value, "debug");
    CU_ASSERT_STRING_EQUAL(entry(config, "fama.dataplane.mtu").origin, "default");
    CU_ASSERT_STRING_EQUAL(entry(config, "fama.dataplane.mtu").value, "1500");
    CU_ASSERT_STRING_EQUAL(entry(config, "peer.gossip.endpoint").value, "198.18.0.11:7051");
    CU_ASSERT_STRING_EQUAL(entry(config, "fama.orderer.directory").value, "");
    fama_config_free(config);
}

static void test_fabric_cfg_path_is_the_only_place_looked_at_when_set(void)
{
    char folder[] = "/tmp/fama-test-config-XXXXXX";
    char path[PATH_MAX];
    struct fama_config *config = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL(setenv("FABRIC_CFG_PATH", folder, 1), 0);
    CU_ASSERT_EQUAL(fama_config_load(NULL, &config, &error), FAMA_CONFIG_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, folder));
    (void)snprintf(path, sizeof path, "%s/core.yaml", folder);
    FILE *out = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_TRUE(fputs(REQUIRED PORT, out) >= 0);
    CU_ASSERT_EQUAL(fclose(out), 0);
    CU_ASSERT_EQUAL(fama_config_load(NULL, &config, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(config->file, path);
    fama_config_free(config);
    CU_ASSERT_EQUAL(unsetenv("FABRIC_CFG_PATH"), 0);
    CU_ASSERT_EQUAL(fama_config_load("/nonexistent/core.yaml", &config, &error),
                    FAMA_CONFIG_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/nonexistent/core.yaml"));
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_unset_keys_take_fabrics_defaults),
        TEST(test_the_dataplane_gets_every_value_it_needs),
        TEST(test_keys_are_read_without_regard_to_case),
        TEST(test_the_environment_overrides_the_file),
        TEST(test_an_empty_variable_counts_as_unset),
        TEST(test_zero_means_the_default_for_fabrics_gossip_numbers),
        TEST(test_unset_timeouts_follow_the_heartbeat),
        TEST(test_bootstrap_is_a_list_or_words_and_leaves_ourselves_out),
        TEST(test_more_bootstrap_endpoints_than_fit_are_refused),
        TEST(test_relative_paths_start_at_the_files_folder),
        TEST(test_a_typing_error_is_named_with_its_place_and_the_key_that_was_meant),
        TEST(test_unknown_variables_of_our_sections_are_errors),
        TEST(test_fabrics_other_keys_are_accepted_silently),
        TEST(test_ill_typed_values_say_what_would_be_right),
        TEST(test_values_out_of_range_name_the_range),
        TEST(test_missing_keys_are_asked_for),
        TEST(test_a_node_of_ipv6_is_configured_alike),
        TEST(test_keys_that_contradict_each_other_are_refused),
        TEST(test_election_that_is_off_is_fine),
        TEST(test_a_socket_path_too_long_for_a_socket_is_refused),
        TEST(test_a_key_set_twice_is_refused_with_both_places),
        TEST(test_what_is_no_yaml_is_refused_with_its_line),
        TEST(test_a_file_too_large_is_refused),
        TEST(test_durations_are_gos),
        TEST(test_a_formatted_duration_parses_to_itself),
        TEST(test_endpoints_are_read_and_written),
        TEST(test_numbers_take_binary_suffixes_and_do_not_overflow),
        TEST(test_the_sample_file_is_what_the_table_says),
        TEST(test_the_sample_file_loads_and_means_the_defaults),
        TEST(test_every_key_of_the_table_is_told_in_words),
        TEST(test_the_listing_says_where_each_value_comes_from),
        TEST(test_fabric_cfg_path_is_the_only_place_looked_at_when_set),
    };
    return run_suite("config", cases, sizeof cases / sizeof cases[0]);
}
