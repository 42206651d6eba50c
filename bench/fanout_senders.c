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
#include "dataplane/transmit_queues.h"

#define BATCH         64
#define SEGMENTS_MAX  64    /* the kernel's UDP_MAX_SEGMENTS */
#define UDP_BYTES_MAX 65507 /* of one datagram over IPv4, before it is cut */
#define HEADER_BYTES  (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES + FAMA_UDP_BYTES)
#define MBUFS         16384
#define BLOCK_BYTES   (512u << 10)
#define CHUNKS_MAX    1024 /* of it */
/* For each target: half of what all chunks last on the fastest ports. */
#define FEEDER_SLEEP_NS 20000

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
    if (payload == NULL || fd < 0 || !fama_fanout_pin_to(what->core) ||
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

static int run_testpmd(const struct fama_fanout_case *what, const char *target_mac,
                       const char *frame)
{
    char lcores[64];
    char peer[64];
    snprintf(lcores, sizeof(lcores), "0@%u,1@%u", what->helper_core, what->core);
    snprintf(peer, sizeof(peer), "--eth-peer=0,%s", target_mac);
    execlp("dpdk-testpmd", "dpdk-testpmd", "--no-pci", "--no-huge", "--no-shconf", "-m", "512",
           "--no-telemetry", "--log-level=3", "--file-prefix=fama-bench-testpmd", "--lcores",
           lcores, "--vdev", what->device, "--", "--forward-mode=txonly", "--auto-start",
           "--nb-cores=1", peer, frame, "--total-num-mbufs=" RTE_STR(MBUFS), "--txd=1024",
           "--rxd=1024", "--burst=" RTE_STR(FAMA_TRANSMIT_BURST), "--stats-period=3600",
           "--no-flush-rx", (char *)NULL);
    fprintf(stderr, "fama-bench: dpdk-testpmd: %s: install Debian's dpdk-dev\n", strerror(errno));
    return 1;
}

/* testpmd counts the whole frame: Ethernet, IPv4 and UDP headers before the payload. */
int fama_fanout_run_testpmd(const struct fama_fanout_case *what, const char *target_mac)
{
    char frame[32];
    snprintf(frame, sizeof frame, "--txpkts=%u", what->datagram_bytes + HEADER_BYTES);
    return run_testpmd(what, target_mac, frame);
}

int fama_fanout_run_testpmd_chained(const struct fama_fanout_case *what, const char *target_mac)
{
    char frame[32];
    snprintf(frame, sizeof frame, "--txpkts=%d,%u", HEADER_BYTES + FAMA_WIRE_HEADER_BYTES,
             what->datagram_bytes - FAMA_WIRE_HEADER_BYTES);
    return run_testpmd(what, target_mac, frame);
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

/* Where a chunk lies in its packet. */
struct extent {
    uint16_t offset;
    uint16_t bytes;
};

/* A chunk goes to the net lcore as often as the bench lasts: one reference stays here, and when it is the
 * only one, the packet is made again what it was. Its payload is never written twice, and so lies in the
 * sending core's cache as the other senders' does. */
static bool has_come_back(struct rte_mbuf *chunk)
{
    return rte_mbuf_refcnt_read(chunk) == 1;
}

static void send_again(struct rte_ring *ring, struct rte_mbuf *chunk, const struct extent *extent)
{
    chunk->data_off = extent->offset;
    chunk->data_len = extent->bytes;
    chunk->pkt_len = extent->bytes;
    rte_mbuf_refcnt_set(chunk, 2);
    if (rte_ring_enqueue(ring, chunk) != 0) {
        rte_mbuf_refcnt_set(chunk, 1);
    }
}

/* Woken by its timer the feeder is to run at once, though the memif sink keeps its core busy. It sleeps most of
 * the time. */
static void feed_before_others(void)
{
    const struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) {
        say("dataplane sender: the feeder is no real-time thread: figures are too low");
    }
    fama_idle_prepare_thread();
}

/* Puts the same chunks into the net lcore's ring over and over: as an origin thread would that does not need
 * to hash, code and seal them. */
static int feed(struct rte_mbuf **chunks, uint32_t count, const struct fama_fanout_case *what)
{
    struct rte_ring *ring = rte_ring_lookup("origin>net 0");
    struct extent extents[CHUNKS_MAX];
    if (ring == NULL) {
        say("dataplane sender: the dataplane has no such ring");
        return 1;
    }
    uint64_t sleep_ns = (uint64_t)FEEDER_SLEEP_NS * what->targets;
    for (uint32_t i = 0; i < count; i++) {
        extents[i] = (struct extent){chunks[i]->data_off, chunks[i]->data_len};
    }
    feed_before_others();
    fama_fanout_yield_core(what->helper_core); /* verify lcores, which have nothing to do */
    for (uint32_t at = 0;; at = (at + 1) % count) {
        while (!has_come_back(chunks[at])) {
            fama_idle_wait(sleep_ns);
        }
        send_again(ring, chunks[at], &extents[at]);
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
        .idle = FAMA_IDLE_POLL,          /* as the others do */
        .hugepages = FAMA_HUGEPAGES_OFF, /* testpmd runs without as well */
        .memory_mb = 512,
        .mbufs = MBUFS,
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
    return feed(chunks, count, what);
}
