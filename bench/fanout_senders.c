/* The three senders of the fan-out bench. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/fanout.h"
#include "bench/signer.h"
#include "dataplane/dataplane.h"
#include "dataplane/idle.h"
#include "dataplane/origin.h"

#define BATCH               64
#define SEGMENTS_MAX        64    /* the kernel's UDP_MAX_SEGMENTS */
#define UDP_BYTES_MAX       65507 /* of one datagram over IPv4, before it is cut */
#define BLOCK_BYTES         (256u << 10)
#define CHUNKS_MAX          1024 /* of it */
#define FEEDER_SLEEP_MAX_NS 50000

static bool pin_to(uint32_t core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    return sched_setaffinity(0, sizeof(cores), &cores) == 0;
}

/* ---- sendmmsg with segmentation offload: what a user would otherwise have ---- */

/* One message is a run of datagrams for one target, which the kernel cuts apart (UDP_SEGMENT). */
static uint32_t datagrams_in_a_message(const struct fama_fanout_case *what)
{
    uint32_t most = UDP_BYTES_MAX / what->datagram_bytes;
    return most < SEGMENTS_MAX ? most : SEGMENTS_MAX;
}

int fama_fanout_run_sendmmsg(const struct fama_fanout_case *what)
{
    struct mmsghdr messages[BATCH];
    struct sockaddr_in targets[FAMA_FANOUT_TARGETS_MAX];
    size_t bytes = (size_t)datagrams_in_a_message(what) * what->datagram_bytes;
    uint8_t *payload = calloc(1, bytes);
    struct iovec part = {.iov_base = payload, .iov_len = bytes};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int buffer = 4 << 20;
    int segment = (int)what->datagram_bytes;
    if (payload == NULL || fd < 0 || !pin_to(what->core) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) != 0 ||
        setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
        fprintf(stderr, "fama-bench: sendmmsg sender: %s\n", strerror(errno));
        return 1;
    }
    memset(messages, 0, sizeof messages);
    for (uint32_t i = 0; i < what->targets; i++) {
        targets[i] = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = htons(what->port),
            .sin_addr.s_addr = htonl(what->first_ipv4 + i),
        };
    }
    for (uint32_t i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_iov = &part;
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &targets[i % what->targets];
        messages[i].msg_hdr.msg_namelen = sizeof targets[0];
    }
    for (;;) {
        if (sendmmsg(fd, messages, BATCH, 0) < 0 && errno != EAGAIN && errno != ENOBUFS) {
            fprintf(stderr, "fama-bench: sendmmsg: %s\n", strerror(errno));
            return 1;
        }
    }
}

/* ---- testpmd: the limit of the port ---- */

int fama_fanout_run_testpmd(const struct fama_fanout_case *what, const char *target_mac)
{
    char lcores[64];
    char peer[64];
    char frame[32];
    snprintf(lcores, sizeof(lcores), "0@%u,1@%u", what->helper_core, what->core);
    snprintf(peer, sizeof(peer), "--eth-peer=0,%s", target_mac);
    /* testpmd counts the whole frame: Ethernet, IPv4 and UDP headers before the payload. */
    snprintf(frame, sizeof(frame), "--txpkts=%u", what->datagram_bytes + 42);
    execlp("dpdk-testpmd", "dpdk-testpmd", "--no-pci", "--no-huge", "--no-shconf", "-m", "512",
           "--no-telemetry", "--log-level=3", "--file-prefix=fama-bench-testpmd", "--lcores",
           lcores, "--vdev", what->device, "--", "--forward-mode=txonly", "--auto-start",
           "--nb-cores=1", peer, frame, "--total-num-mbufs=8192", "--txd=1024", "--rxd=1024",
           "--burst=32", "--stats-period=3600", "--no-flush-rx", (char *)NULL);
    fprintf(stderr, "fama-bench: dpdk-testpmd: %s: install Debian's dpdk-dev\n", strerror(errno));
    return 1;
}

/* ---- our dataplane ---- */

/* A world of `targets` living members of one channel; identities are not looked at when sending. */
static struct fama_view *make_view(const struct fama_fanout_case *what, const char *channel_id,
                                   struct fama_channel_gate *gate, struct fama_msp *msp,
                                   struct fama_identity *identity)
{
    struct fama_view *view = fama_view_create(what->targets, 1);
    if (view == NULL) {
        return NULL;
    }
    view->self = fama_tag_of(fama_identity_pki_id(identity));
    view->msp = fama_msp_acquire(msp);
    struct fama_view_channel *channel = &view->channels[0];
    fama_channel_digest(channel_id, channel->digest);
    channel->tag = fama_tag_of(channel->digest);
    channel->gate = gate;
    if (!fama_view_channel_size(channel, what->targets, what->targets)) {
        fama_view_destroy(view);
        return NULL;
    }
    for (uint32_t i = 0; i < what->targets; i++) {
        struct fama_view_peer *peer = &view->peers[i];
        fama_sha256(fama_bytes(&i, sizeof(i)), peer->pki_id);
        peer->tag = fama_tag_of(peer->pki_id);
        peer->endpoint = fama_endpoint_from_ipv4(what->first_ipv4 + i, what->port);
        peer->identity = fama_identity_acquire(identity);
        peer->is_alive = true;
        channel->targets[i] = i;
        channel->members[i] = i;
    }
    if (!fama_view_seal(view)) {
        fama_view_destroy(view);
        return NULL;
    }
    return view;
}

static void say(const char *words)
{
    fprintf(stderr, "fama-bench: %s\n", words);
}

/* ---- The feeder ---- */

/* The chunks of one block as the origin thread cuts them: of a topology that is the origin's end only. */
static uint32_t cut_chunks(const struct fama_dataplane_config *config,
                           const struct fama_signer *signer, struct fama_view *view,
                           const struct fama_block_send *send, struct rte_mbuf **chunks)
{
    static struct fama_topology origin_end;
    uint64_t count = 0;
    origin_end.config = *config;
    origin_end.view = view;
    origin_end.port.packets = rte_mempool_lookup("fama packets");
    origin_end.net[0].origin_to_net =
        rte_ring_create("cut", CHUNKS_MAX, SOCKET_ID_ANY, RING_F_EXACT_SZ);
    if (origin_end.port.packets == NULL || origin_end.net[0].origin_to_net == NULL ||
        fama_origin_send(&origin_end, signer, send, &count) != 0) {
        return 0;
    }
    return rte_ring_dequeue_burst(origin_end.net[0].origin_to_net, (void **)chunks, CHUNKS_MAX,
                                  NULL);
}

static struct rte_mbuf *copy_of(struct rte_mempool *pool, struct rte_mbuf *chunk)
{
    struct rte_mbuf *copy = rte_pktmbuf_alloc(pool);
    if (copy != NULL) {
        uint16_t len = rte_pktmbuf_data_len(chunk);
        memcpy(rte_pktmbuf_append(copy, len), rte_pktmbuf_mtod(chunk, void *), len);
        *fama_packet_of(copy) = *fama_packet_of(chunk);
    }
    return copy;
}

/* Puts the same chunks into the net lcore's ring over and over: as an origin thread would that does not need
 * to hash, code and seal them. */
static int feed(struct rte_mbuf **chunks, uint32_t count)
{
    struct rte_ring *ring = rte_ring_lookup("origin>net 0");
    struct rte_mempool *pool = rte_mempool_lookup("fama packets");
    if (ring == NULL || pool == NULL) {
        say("dataplane sender: the dataplane has no such ring");
        return 1;
    }
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, FEEDER_SLEEP_MAX_NS);
    for (uint32_t at = 0;; at = (at + 1) % count) {
        struct rte_mbuf *copy = copy_of(pool, chunks[at]);
        while (copy == NULL || rte_ring_enqueue(ring, copy) != 0) {
            fama_idle_wait(fama_idle_next(&idler, 0));
            copy = copy != NULL ? copy : copy_of(pool, chunks[at]);
        }
        (void)fama_idle_next(&idler, 1);
    }
}

int fama_fanout_run_dataplane(const struct fama_fanout_case *what)
{
    static const char channel_id[] = "bench";
    struct fama_error error = {""};
    struct fama_msp *msp = NULL;
    struct fama_signer *signer = NULL;
    struct fama_dataplane *dataplane = NULL;
    struct fama_channel_gate gate = {0};
    struct fama_dataplane_config config = {
        .port = what->device,
        .file_prefix = "fama-bench",
        .endpoint = fama_endpoint_from_ipv4(what->source_ipv4, what->port),
        .prefix_bits = 24,
        .mtu = 1500,
        .control_core = what->helper_core,
        .net_cores = {what->core},
        .net_core_count = 1,
        .verify_cores = {what->helper_core},
        .verify_core_count = 1,
        .idle = FAMA_IDLE_ADAPTIVE,
        .idle_sleep_max_ns = 100000,
        .hugepages = FAMA_HUGEPAGES_OFF, /* testpmd runs without as well */
        .memory_mb = 512,
        .mbufs = 16384,
        .reassembly = {.slots = 2,
                       .block_bytes_max = BLOCK_BYTES,
                       .roots_max = 16,
                       .held_max = 64,
                       .blame_ns = 1000000000},
        .planner = FAMA_PLANNER_INFECTIOUS, /* to all of them at once */
        .propagate_peer_num = what->targets,
        .hop_budget = 1,
        .stalled_ns = 1000000000,
        .admissions_per_second = 1,
        .random_seed = 1,
        .warn = NULL,
    };
    static uint8_t block[BLOCK_BYTES];
    static struct rte_mbuf *chunks[CHUNKS_MAX];
    if (fama_bench_signer(&msp, &signer, &error) != 0 ||
        fama_dataplane_start(&config, &dataplane, &error) != 0) {
        fprintf(stderr, "fama-bench: dataplane sender: %s\n", error.text);
        return 1;
    }
    memset(block, 0x5a, BLOCK_BYTES);
    struct fama_view *view = make_view(what, channel_id, &gate, msp, fama_signer_identity(signer));
    if (view == NULL) {
        say("dataplane sender: no view");
        return 1;
    }
    fama_dataplane_publish(dataplane, view);
    struct fama_set_encoder *encoder = fama_set_encoder_create();
    uint8_t digest[FAMA_SHA256_BYTES];
    uint8_t secret[FAMA_CHANNEL_KEY_BYTES] = {1}; /* nobody listens */
    fama_channel_digest(channel_id, digest);
    const struct fama_channel_key_setup setup = {
        .channel_digest = digest,
        .maker_pki_id = fama_identity_pki_id(fama_signer_identity(signer)),
        .epoch = 1,
        .bytes = secret,
    };
    struct fama_channel_key *key = fama_channel_key_create(&setup);
    if (encoder == NULL || key == NULL) {
        say("dataplane sender: no key");
        return 1;
    }
    const struct fama_block_send send = {
        .channel_id = channel_id,
        .transmit_class = FAMA_TRANSMIT_NEW_BLOCK,
        .bytes = fama_bytes(block, BLOCK_BYTES),
        .encoder = encoder,
        .key = key,
        /* The chunk with its header and proof is the datagram that the others send. */
        .chunk_bytes = fama_chunk_bytes_for(what->datagram_bytes, 0),
    };
    uint32_t count = cut_chunks(&config, signer, view, &send, chunks);
    if (count == 0) {
        say("dataplane sender: a block could not be cut");
        return 1;
    }
    return feed(chunks, count);
}
