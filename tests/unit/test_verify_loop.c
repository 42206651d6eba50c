/* A verify lcore on a thread of its own, between rings that the test holds the other ends of. */
#include "dataplane/verify_loop.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "unit/dpdk.h"
#include "unit/suite.h"

#define MBUFS   2048
#define ROOTS   4096
#define PRIVATE RTE_ALIGN_CEIL(sizeof(struct fama_packet), RTE_MBUF_PRIV_ALIGN)
#define MS      UINT64_C(1000000)

static struct fama_topology topology;
static struct fama_verify *verify;
static struct fama_root_job jobs[ROOTS];
static struct fama_public_key *key;
static pthread_t thread;

static uint64_t now_ns(void)
{
    struct timespec time;
    CU_ASSERT_EQUAL_FATAL(clock_gettime(CLOCK_MONOTONIC, &time), 0);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *run(void *argument)
{
    (void)fama_verify_run(argument);
    return NULL;
}

static void set_up(uint64_t sleep_max_ns)
{
    /* The generator of P-256: any point will do, for no signature here is good. */
    static const uint8_t point[65] = {
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
        0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
        0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
        0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    struct fama_error error = {{0}};
    struct rte_mempool *packets = topology.port.packets;
    memset(&topology, 0, sizeof topology);
    topology.port.packets = packets;
    topology.config = (struct fama_dataplane_config){
        .idle = FAMA_IDLE_ADAPTIVE,
        .idle_sleep_max_ns = sleep_max_ns,
        .net_core_count = 1,
        .verify_core_count = 1,
        .mbufs = 65536,
        .reassembly = {.roots_max = ROOTS, .held_max = 64},
        .random_seed = 1,
    };
    CU_ASSERT_EQUAL_FATAL(fama_topology_create(&topology, &error), 0);
    verify = fama_verify_create(&topology, 0);
    key = fama_public_key_from_point(point, sizeof point);
    CU_ASSERT_FATAL(verify != NULL && key != NULL);
    for (uint32_t i = 0; i < ROOTS; i++) {
        jobs[i] = (struct fama_root_job){.job = {.key = key}};
        jobs[i].job.signature.r[FAMA_SCALAR_BYTES - 1] = 1;
        jobs[i].job.signature.s[FAMA_SCALAR_BYTES - 1] = 1;
    }
}

static void start(void)
{
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run, verify), 0);
}

static void tear_down(void)
{
    atomic_store(&topology.is_stopping, true);
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    fama_verify_destroy(verify);
    fama_topology_destroy(&topology);
    fama_public_key_free(key);
    CU_ASSERT_EQUAL(rte_mempool_avail_count(topology.port.packets), MBUFS);
}

/* An alive message; without a view nobody knows its author. */
static struct rte_mbuf *message(void)
{
    static const uint8_t body[8];
    struct fama_message message = {.kind = FAMA_KIND_ALIVE,
                                   .author = 9,
                                   .incarnation = 1,
                                   .sequence = 1,
                                   .body = fama_bytes(body, sizeof body)};
    message.signature[FAMA_SCALAR_BYTES - 1] = 1;
    message.signature[2 * FAMA_SCALAR_BYTES - 1] = 1;
    uint8_t datagram[256];
    size_t len = fama_wire_message_write(&message, datagram, sizeof datagram);
    struct rte_mbuf *packet = rte_pktmbuf_alloc(topology.port.packets);
    CU_ASSERT_FATAL(len > 0 && packet != NULL);
    memcpy(rte_pktmbuf_append(packet, (uint16_t)len), datagram, len);
    *fama_packet_of(packet) = (struct fama_packet){.peer = fama_endpoint_from_ipv4(5, 6)};
    return packet;
}

static uint64_t messages_judged(void)
{
    struct fama_dataplane_counters counters = {0};
    fama_counts_add(fama_verify_counts(verify), &counters);
    return counters.drops[FAMA_DROP_UNKNOWN_AUTHOR];
}

static void test_messages_are_judged_while_roots_never_end(void)
{
    set_up(1000);
    for (uint32_t i = 0; i < ROOTS - 1; i++) {
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_roots, &jobs[i]), 0);
    }
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_messages, message()), 0);
    start();
    uint64_t until_ns = now_ns() + 3000 * MS;
    while (messages_judged() == 0 && now_ns() < until_ns) {
        void *object;
        while (rte_ring_dequeue(topology.net[0].verify_to_net, &object) == 0) {
            const struct fama_root_job *job = object;
            CU_ASSERT_EQUAL(job->job.verdict, FAMA_VERDICT_BAD);
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_roots, object), 0);
        }
        (void)sched_yield();
    }
    CU_ASSERT_EQUAL(messages_judged(), 1);
    tear_down();
}

/* Roots and other messages never end: alive messages of members have a queue and a share of their own. */
static void test_alive_messages_are_judged_while_roots_and_mail_never_end(void)
{
    enum { ALIVE = 100 };
    set_up(1000);
    for (uint32_t i = 0; i < ROOTS - 1; i++) {
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_roots, &jobs[i]), 0);
    }
    for (uint32_t i = 0; i < ALIVE; i++) {
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_alive, message()), 0);
    }
    start();
    uint64_t until_ns = now_ns() + 3000 * MS;
    while (rte_ring_empty(topology.net_to_verify_alive) == 0 && now_ns() < until_ns) {
        void *object;
        while (rte_ring_dequeue(topology.net[0].verify_to_net, &object) == 0) {
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_roots, object), 0);
        }
        while (rte_ring_count(topology.net_to_verify_messages) < 64) {
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_messages, message()), 0);
        }
        (void)sched_yield();
    }
    CU_ASSERT_NOT_EQUAL(rte_ring_empty(topology.net_to_verify_alive), 0);
    tear_down();
}

/* The other way round, too. */
static void test_mail_is_judged_while_alive_messages_never_end(void)
{
    set_up(1000);
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_messages, message()), 0);
    for (uint32_t i = 0; i < 500; i++) {
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_alive, message()), 0);
    }
    start();
    uint64_t until_ns = now_ns() + 3000 * MS;
    while (rte_ring_empty(topology.net_to_verify_messages) == 0 && now_ns() < until_ns) {
        while (rte_ring_count(topology.net_to_verify_alive) < 64) {
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_alive, message()), 0);
        }
        (void)sched_yield();
    }
    CU_ASSERT_NOT_EQUAL(rte_ring_empty(topology.net_to_verify_messages), 0);
    tear_down();
}

static void test_a_sleeping_lcore_is_woken_by_a_root(void)
{
    set_up(10000 * MS);
    start();
    /* Its sleeps double from 20 us on: after 2.8 s it lies in one that ends at 5.2 s. */
    struct timespec pause = {.tv_sec = 2, .tv_nsec = (long)(800 * MS)};
    (void)nanosleep(&pause, NULL);
    uint64_t before_ns = now_ns();
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.net_to_verify_roots, &jobs[0]), 0);
    fama_topology_wake_verify(&topology);
    void *object = NULL;
    while (rte_ring_dequeue(topology.net[0].verify_to_net, &object) != 0 &&
           now_ns() - before_ns < 5000 * MS) {
        (void)sched_yield();
    }
    CU_ASSERT_PTR_EQUAL(object, &jobs[0]);
    CU_ASSERT(now_ns() - before_ns < 1800 * MS); /* a busy machine takes its time, too */
    tear_down();
}

static void test_parts_of_an_interrupted_batch_are_given_back_unjudged(void)
{
    set_up(1000);
    struct fama_verify_job *batch[] = {&jobs[0].job, &jobs[1].job};
    _Atomic uint32_t left = 1;
    struct fama_bulk_part part = {.jobs = batch, .count = 2, .left = &left};
    atomic_store(&topology.is_interrupted, true);
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(topology.commit_to_verify, &part), 0);
    atomic_store(&topology.is_stopping, true);
    start();
    tear_down();
    CU_ASSERT_EQUAL(atomic_load(&left), 0);
    CU_ASSERT_EQUAL(jobs[0].job.verdict, FAMA_VERDICT_PENDING);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_messages_are_judged_while_roots_never_end),
        TEST(test_alive_messages_are_judged_while_roots_and_mail_never_end),
        TEST(test_mail_is_judged_while_alive_messages_never_end),
        TEST(test_a_sleeping_lcore_is_woken_by_a_root),
        TEST(test_parts_of_an_interrupted_batch_are_given_back_unjudged),
    };
    if (!start_dpdk()) {
        return EXIT_FAILURE;
    }
    topology.port.packets = rte_pktmbuf_pool_create("packets", MBUFS, 0, PRIVATE,
                                                    2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    if (topology.port.packets == NULL) {
        fprintf(stderr, "no packets: %s\n", rte_strerror(rte_errno));
        return EXIT_FAILURE;
    }
    return run_suite("a verify lcore", cases, sizeof cases / sizeof cases[0]);
}
