/* Flow rules on a port that has them in software: net_tap, whose rules are the kernel's (tc flower). The
 * kernel sends real datagrams to a dataplane with two net lcores, and each lcore's counters tell what came
 * in by its queue. */
#include "dataplane/dataplane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "dataplane/eal.h"
#include "dataplane/port.h"
#include "unit/suite.h"

#define OURS        0xc6120502 /* 198.18.5.2 */
#define SOURCE      0xc612050a /* 198.18.5.10 and up are the kernel's */
#define SOURCES     8
#define PORT        7051
#define OTHER_PORT  7052
#define EACH        20 /* datagrams from each source to each port */
#define SKIP_STATUS 77

static bool has_namespace;
static char told[256];

static void keep_words(const char *words)
{
    (void)snprintf(told, sizeof told, "%s", words);
}

static struct fama_dataplane_config config_of(const char *port, bool is_ipv6)
{
    static char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "fama-test-%d", (int)getpid());
    struct fama_dataplane_config config = {
        .port = port,
        .file_prefix = prefix,
        .endpoint = fama_endpoint_from_ipv4(OURS, PORT),
        .prefix_bits = 24,
        .mtu = 1500,
        .net_core_count = 2,
        .verify_core_count = 1,
        .idle = FAMA_IDLE_ADAPTIVE,
        .idle_sleep_max_ns = 200000,
        .hugepages = FAMA_HUGEPAGES_OFF,
        .memory_mb = 192,
        .mbufs = 24576,
        .reassembly = {.slots = 2,
                       .block_bytes_max = 1 << 20,
                       .roots_max = 16,
                       .held_max = 64,
                       .blame_ns = 1000000000},
        .propagate_peer_num = 3,
        .hop_budget = 4,
        .stalled_ns = 100000000,
        .admissions_per_second = 10,
        .random_seed = 1,
        .tell = keep_words,
    };
    if (is_ipv6) {
        (void)fama_address_parse("2001:db8::2", config.endpoint.address);
    }
    return config;
}

/* ---- What the kernel sends ---- */

static void send_from(uint32_t source, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(source)}};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr = {htonl(OURS)}, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    for (int i = 0; i < EACH; i++) {
        CU_ASSERT_EQUAL(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    }
    (void)close(fd);
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Datagrams to our port that came to be read by this lcore: "hello" is shorter than any of ours. */
static uint64_t heard_by(const struct fama_dataplane *dataplane, uint32_t lcore)
{
    struct fama_dataplane_counters counters;
    uint32_t cpu;
    CU_ASSERT(fama_dataplane_net_counters(dataplane, lcore, &cpu, &counters));
    return counters.drops[FAMA_DROP_TRUNCATED];
}

/* All that was sent to our port has come, or so much time has passed that it will not. */
static void wait_for_all(const struct fama_dataplane *dataplane, uint64_t expected)
{
    for (int i = 0; i < 100; i++) {
        if (heard_by(dataplane, 0) + heard_by(dataplane, 1) >= expected) {
            return;
        }
        pause_ms(50);
    }
}

static void check_spread(const struct fama_dataplane *dataplane)
{
    uint64_t first = heard_by(dataplane, 0), second = heard_by(dataplane, 1);
    struct fama_dataplane_counters counters;
    fama_dataplane_counters(dataplane, &counters);
    printf(
        "  %s\n    queue 0: %llu datagrams to our port, queue 1: %llu; %llu frames that were not "
        "ours\n",
        told, (unsigned long long)first, (unsigned long long)second,
        (unsigned long long)counters.drops[FAMA_DROP_NOT_OURS]);
    CU_ASSERT_EQUAL(first + second, EACH * SOURCES);
    if (strstr(told, "by source address") != NULL) {
        CU_ASSERT_EQUAL(first, EACH * SOURCES / 2);
        CU_ASSERT_EQUAL(second, EACH * SOURCES / 2);
    } else if (strstr(told, "by the port's hash") != NULL) {
        CU_ASSERT(first > 0 && second > 0);
    } else if (strstr(told, "to the first queue") != NULL) {
        CU_ASSERT_EQUAL(second, 0);
    }
    if (strstr(told, "kept away") != NULL) {
        CU_ASSERT_EQUAL(counters.drops[FAMA_DROP_NOT_OURS], 0);
        /* Our port's, and the few that find link addresses. */
        CU_ASSERT(counters.rx_packets < EACH * SOURCES + 4 * SOURCES);
    } else {
        CU_ASSERT(counters.drops[FAMA_DROP_NOT_OURS] >= EACH * SOURCES);
    }
}

static void say_what_is_not_tested(void)
{
    fprintf(stderr,
            "\n*** THIS KERNEL HAS NO tc flower, multiq AND skbedit: NOT TESTED: FLOW RULES "
            "OF net_tap ***\n");
}

/* ---- Each in a process of its own, for DPDK starts once in one ---- */

static int with_traffic(void)
{
    struct fama_dataplane_config config = config_of("net_tap0,iface=famaT", false);
    struct fama_dataplane *dataplane = NULL;
    struct fama_error error = {{0}};
    if (fama_dataplane_start(&config, &dataplane, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    CU_ASSERT_EQUAL_FATAL(system("ip link set famaT up && for i in 10 11 12 13 14 15 16 17; do "
                                 "ip addr add 198.18.5.$i/24 dev famaT || exit 1; done"),
                          0);
    /* The first one finds our link address; the kernel keeps few packets meanwhile. */
    send_from(SOURCE, OTHER_PORT);
    pause_ms(500);
    for (uint32_t i = 0; i < SOURCES; i++) {
        send_from(SOURCE + i, PORT);
        send_from(SOURCE + i, OTHER_PORT);
        pause_ms(20);
    }
    wait_for_all(dataplane, EACH * SOURCES);
    check_spread(dataplane);
    fama_dataplane_stop(dataplane);
    return strstr(told, "no flow rules") != NULL ? SKIP_STATUS : EXIT_SUCCESS;
}

static int rules_in_kernel(void)
{
    FILE *list = popen("tc filter show dev famaU 2>/dev/null | grep -c queue_mapping", "r");
    int count = -1;
    if (list == NULL || fscanf(list, "%d", &count) != 1) {
        count = -1;
    }
    if (list != NULL) {
        (void)pclose(list);
    }
    return count;
}

static int open_and_take_back(bool is_ipv6)
{
    struct fama_dataplane_config config = config_of("net_tap0,iface=famaU", is_ipv6);
    struct fama_error error = {{0}};
    struct fama_port port;
    if (fama_eal_start(&config, &error) != 0 || fama_port_open(&port, &config, 64, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    enum fama_port_rules_mode mode = port.rules.mode;
    int with = rules_in_kernel();
    uint32_t count = port.rules.count;
    fama_port_rules_remove(&port.rules, port.id);
    int without = rules_in_kernel();
    printf("  %s\n    %u rules: %d in the kernel, %d when they were taken back\n", told, count,
           with, without);
    CU_ASSERT_EQUAL(port.queues, 2);
    if (mode != FAMA_PORT_RULES_NONE) {
        CU_ASSERT(count > 0 && with - without == (int)count);
    }
    fama_port_close(&port);
    fama_eal_stop();
    return mode == FAMA_PORT_RULES_NONE ? SKIP_STATUS : EXIT_SUCCESS;
}

static int run_ipv4_port(void)
{
    return open_and_take_back(false);
}

static int run_ipv6_port(void)
{
    return open_and_take_back(true);
}

static void in_a_process(int (*run)(void))
{
    if (!has_namespace) {
        return;
    }
    (void)fflush(stdout);
    unsigned int failures = CU_get_number_of_failures();
    pid_t pid = fork();
    if (pid == 0) {
        int status = run();
        (void)fflush(stdout);
        _exit(CU_get_number_of_failures() == failures ? status : EXIT_FAILURE);
    }
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_FATAL(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP_STATUS) {
        say_what_is_not_tested();
    } else {
        CU_ASSERT_EQUAL(WEXITSTATUS(status), EXIT_SUCCESS);
    }
}

static void test_rules_bring_our_udp_port_to_the_queues_and_nothing_else(void)
{
    in_a_process(with_traffic);
}

static void test_rules_are_taken_back(void)
{
    in_a_process(run_ipv4_port);
}

static void test_rules_for_an_ipv6_address_are_taken_back(void)
{
    in_a_process(run_ipv6_port);
}

int main(void)
{
    has_namespace = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
    if (!has_namespace) {
        fprintf(stderr,
                "\n*** NO NETWORK NAMESPACE HERE (%s; needs root and iproute2): NOT TESTED: flow "
                "rules ***\n",
                strerror(errno));
    }
    const struct test_case cases[] = {
        TEST(test_rules_bring_our_udp_port_to_the_queues_and_nothing_else),
        TEST(test_rules_are_taken_back),
        TEST(test_rules_for_an_ipv6_address_are_taken_back),
    };
    return run_suite("flow rules of a port", cases, sizeof cases / sizeof cases[0]);
}
