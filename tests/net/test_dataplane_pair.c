/* Two processes, each with a dataplane, on the two ends of a link in a network namespace of their own:
 * blocks, messages, repair and refusal end to end, over every kind of virtual port. */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <rte_random.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "crypto/ca.h"
#include "net/pair_node.h"
#include "unit/suite.h"

#define LIMIT_NS     30000000000u
#define LOST_NS      1000000000u
#define SKIP_STATUS  77
#define STOP_MOST_NS 5000000000u /* on a machine that does much else, too */

/* Where fields lie in a datagram: dataplane/WIRE.md. */
enum { AT_SESSION_ID = 8, AT_KEY_EPOCH = 44 };

/* ---- The sender ---- */

/* Sealed for all who have the key, or, as the answer to a request, within the session. */
static int try_block(struct node *node, uint64_t number, bool is_answer,
                     const struct fama_request_entry *wanted, uint32_t wanted_count)
{
    uint8_t *bytes = make_block(number);
    uint64_t chunks = 0;
    struct fama_block_send send = {
        .transmit_class = is_answer ? FAMA_TRANSMIT_REPAIR : FAMA_TRANSMIT_NEW_BLOCK,
        .channel_id = CHANNEL,
        .number = number,
        .bytes = fama_bytes(bytes, block_bytes[number - FIRST_BLOCK]),
        .encoder = node->encoder,
        .key = is_answer ? NULL : node->key,
        .session = is_answer ? node->session : NULL,
        .parity = PARITY,
        .wanted = wanted,
        .wanted_count = wanted_count,
    };
    int status = fama_dataplane_send_block(node->dataplane, node->signer, &send, &chunks);
    CHECK(node, (chunks > 0) == (status == 0));
    free(bytes);
    return status;
}

static void send_block(struct node *node, uint64_t number, bool is_answer,
                       const struct fama_request_entry *wanted, uint32_t wanted_count)
{
    CHECK(node, try_block(node, number, is_answer, wanted, wanted_count) == 0);
}

/* No key, and one that has sealed that block or a later one: nothing is sent. */
static void check_blocks_without_key(struct node *node)
{
    struct fama_channel_key *key = node->key;
    node->key = NULL;
    CHECK(node, try_block(node, FIRST_BLOCK, false, NULL, 0) == FAMA_DATAPLANE_KEY);
    node->key = key;
    for (uint64_t i = 0; i < BLOCKS; i++) {
        CHECK(node, try_block(node, FIRST_BLOCK + i, false, NULL, 0) == FAMA_DATAPLANE_KEY);
    }
}

/* A chunk of our own whose root signature is somebody's good signature of something else: sealed as it should
 * be, with a broken seal, under a key that nobody has, and not sealed at all. */
static void send_forged_chunks(struct node *node)
{
    uint8_t datagram[1400], payload[500] = {0}, channel_digest[FAMA_SHA256_BYTES];
    uint8_t raw[FAMA_SIGNATURE_BYTES];
    struct fama_signature signature;
    fama_channel_digest(CHANNEL, channel_digest);
    CHECK(node, fama_signer_sign_digest(node->signer, channel_digest, &signature) == 0);
    fama_signature_to_raw(&signature, raw);
    struct fama_chunk chunk = {
        .hops = 3,
        .channel = fama_tag_of(channel_digest),
        .origin = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer))),
        .block = FIRST_BLOCK + BLOCKS,
        .block_bytes = sizeof payload,
        .chunk_bytes = 1000,
        .data_chunks = 1,
        .key_epoch = EPOCH,
        .signature = raw,
        .proof = raw,
        .payload = fama_bytes(payload, sizeof payload),
    };
    size_t len = fama_chunk_seal(node->key, &chunk, datagram, sizeof datagram);
    send_to_other(node, datagram, len);
    datagram[len - 1] ^= 1;
    send_to_other(node, datagram, len);
    datagram[AT_KEY_EPOCH] ^= 1;
    send_to_other(node, datagram, len);
    chunk.key_epoch = 0;
    len = fama_chunk_seal(NULL, &chunk, datagram, sizeof datagram);
    send_to_other(node, datagram, len);
}

static size_t write_request(const struct fama_request *request, uint8_t *datagram, size_t size)
{
    uint8_t body[1024];
    size_t len = fama_wire_request_write(request, body, sizeof body);
    return fama_wire_inner_write(FAMA_KIND_REQUEST, fama_bytes(body, len), datagram, size);
}

/* A request without a session, and within one: broken, twice, and in a session that nobody has. */
static void send_forged_requests(struct node *node)
{
    uint8_t inner[1200] = {0}, datagram[1400];
    const struct fama_request request = {.channel = fama_tag_of(inner), .block = 1};
    size_t len = write_request(&request, inner, sizeof inner);
    send_to_other(node, inner, len);
    const struct fama_bytes piece = fama_bytes(inner, len);
    len =
        fama_session_seal(node->session, FAMA_STREAM_CONTROL, &piece, 1, datagram, sizeof datagram);
    datagram[len - 1] ^= 1;
    send_to_other(node, datagram, len);
    datagram[len - 1] ^= 1;
    send_to_other(node, datagram, len);
    send_to_other(node, datagram, len);
    datagram[AT_SESSION_ID] ^= 1;
    send_to_other(node, datagram, len);
}

static void send_bad_things(struct node *node)
{
    uint8_t datagram[2048];
    send_to_other(node, "hello", 5);
    send_to_other(node, "hello, this is no datagram of yours", 35);
    size_t len = write_alive(node, node->signer, datagram, sizeof datagram);
    datagram[len - 1] ^= 1;
    send_to_other(node, datagram, len);
    datagram[2] = 9;
    send_to_other(node, datagram, len);
    datagram[2] = FAMA_WIRE_VERSION;
    datagram[3] = 99;
    send_to_other(node, datagram, len);
    send_forged_chunks(node);
    send_forged_requests(node);
}

static void send_messages(struct node *node)
{
    uint8_t datagram[2048], body[64];
    struct fama_stateinfo stateinfo = {.channel = 42, .height = FIRST_BLOCK + BLOCKS};
    size_t body_len = fama_wire_stateinfo_write(&stateinfo, body, sizeof body);
    size_t len = write_message(node, node->signer, FAMA_KIND_STATEINFO, fama_bytes(body, body_len),
                               datagram, sizeof datagram);
    send_to_other(node, datagram, len);
    send_to_other(node, datagram, len);
    struct fama_signer *newcomer = open_peer(node->msp, "peer2");
    len = write_alive(node, newcomer, datagram, sizeof datagram);
    send_to_other(node, datagram, len);
    len = write_message(node, newcomer, FAMA_KIND_STATEINFO, fama_bytes(body, body_len), datagram,
                        sizeof datagram);
    send_to_other(node, datagram, len);
    fama_signer_close(newcomer);
}

/* Few chunks of the last block: the rest of it is a gap that the receiver has to notice. */
static void send_part_of_last(struct node *node, bool is_answer)
{
    const struct fama_request_entry part[] = {{.set = 0, .wanted = 0x0f0f},
                                              {.set = 2, .wanted = 1}};
    send_block(node, FIRST_BLOCK + BLOCKS - 1, is_answer, part, 2);
}

/* Nothing but requests comes within a session here, and nothing but what the receiver sealed. */
static void answer(struct node *node, const struct fama_event *event)
{
    struct fama_request request;
    struct fama_wire_header header;
    struct fama_bytes datagram = fama_bytes(event->datagram, event->datagram_bytes);
    if (event->kind != FAMA_EVENT_INNER) {
        return;
    }
    CHECK(node, fama_wire_header_read(datagram, &header) == FAMA_DROP_NONE);
    CHECK(node, header.kind == FAMA_KIND_REQUEST && event->session == node->session);
    struct fama_bytes body =
        fama_bytes(datagram.at + FAMA_WIRE_HEADER_BYTES, datagram.len - FAMA_WIRE_HEADER_BYTES);
    CHECK(node, fama_wire_request_read(body, &request) == FAMA_DROP_NONE);
    if (request.count == 0 && request.block == FIRST_BLOCK + BLOCKS - 1) {
        send_part_of_last(node, true);
    } else if (request.count == 0 && request.block >= FIRST_BLOCK) {
        send_block(node, request.block, true, NULL, 0);
    } else if (request.block >= FIRST_BLOCK && request.block < FIRST_BLOCK + BLOCKS) {
        send_block(node, request.block, true, request.entries, request.count);
    }
}

/* A memif's client may find its server late, and nobody here repeats gossip: until a datagram has left the
 * port, for which the other's link address must be known, only what may get lost is sent. */
static bool has_sent_one(const struct fama_dataplane_counters *counters)
{
    return counters->tx_packets >
           counters->neighbour_requests_sent + counters->neighbour_replies_sent;
}

static void wait_for_link(struct node *node)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    struct fama_dataplane_counters counters = {0};
    uint64_t deadline = now_ns() + LIMIT_NS / 3;
    while (!has_sent_one(&counters) && now_ns() < deadline) {
        send_to_other(node, "hello", 5);
        (void)nanosleep(&pause, NULL);
        fama_dataplane_counters(node->dataplane, &counters);
    }
    (void)nanosleep(&pause, NULL);
}

static void run_sender(struct node *node)
{
    wait_for_link(node);
    send_bad_things(node);
    send_messages(node);
    for (uint64_t i = 0; i + 1 < BLOCKS; i++) {
        send_block(node, FIRST_BLOCK + i, false, NULL, 0);
    }
    send_part_of_last(node, false);
    check_blocks_without_key(node);

    uint64_t deadline = now_ns() + LIMIT_NS;
    struct pollfd ends[] = {{.fd = node->own_end, .events = POLLIN},
                            {.fd = fama_dataplane_event_fd(node->dataplane), .events = POLLIN}};
    while ((ends[0].revents & (POLLIN | POLLHUP)) == 0 && now_ns() < deadline) {
        struct fama_event *events[16];
        uint32_t count;
        while ((count = fama_dataplane_receive(node->dataplane, events, 16)) > 0) {
            for (uint32_t i = 0; i < count; i++) {
                answer(node, events[i]);
                fama_dataplane_event_done(node->dataplane, events[i]);
            }
        }
        (void)poll(ends, 2, 1000);
    }
    char word = 0;
    CHECK(node, read(node->own_end, &word, 1) == 1 && word == 'd');
}

/* ---- The receiver ---- */

struct seen {
    uint64_t blocks, repaired_blocks, stateinfos, newcomers, gaps, windows, unknown_keys;
    uint64_t horizon;
    uint64_t first_ns, last_ns;
    uint64_t heard_ns; /* of anything that is progress, or asked for what was lost as a whole */
};

static void ask_for(struct node *node, const struct fama_gap *gap)
{
    uint8_t inner[1200], datagram[1400], channel_digest[FAMA_SHA256_BYTES];
    fama_channel_digest(CHANNEL, channel_digest);
    struct fama_request request = {
        .channel = fama_tag_of(channel_digest),
        .block = gap->block,
        .block_bytes = gap->cut.block_bytes,
        .chunk_bytes = gap->cut.chunk_bytes,
        .parity = gap->cut.parity,
        .count = gap->count,
    };
    memcpy(request.entries, gap->entries, sizeof request.entries);
    const struct fama_bytes piece = fama_bytes(inner, write_request(&request, inner, sizeof inner));
    send_to_other(node, datagram,
                  fama_session_seal(node->session, FAMA_STREAM_CONTROL, &piece, 1, datagram,
                                    sizeof datagram));
}

static void see_event(struct node *node, const struct fama_event *event, struct seen *seen)
{
    if (event->kind == FAMA_EVENT_GAP) {
        seen->gaps++;
        seen->heard_ns = now_ns();
        CHECK(node, event->gap.count > 0);
        ask_for(node, &event->gap);
    } else if (event->kind == FAMA_EVENT_WINDOW) {
        seen->windows++;
        seen->heard_ns = now_ns();
        seen->horizon = event->window.horizon;
    } else if (event->kind == FAMA_EVENT_NO_KEY) {
        seen->unknown_keys++;
        CHECK(node, event->key_wanted.maker == fama_session_peer(node->session));
        CHECK(node, event->key_wanted.epoch != EPOCH);
    } else if (event->kind == FAMA_EVENT_INNER) {
        CHECK(node, event->session == node->session);
        CHECK(node, fama_endpoint_equal(&event->came_from, fama_session_endpoint(node->session)));
    } else if (event->message.kind == FAMA_KIND_STATEINFO) {
        struct fama_stateinfo stateinfo;
        seen->stateinfos++;
        CHECK(node, fama_wire_stateinfo_read(event->message.body, &stateinfo) == FAMA_DROP_NONE);
        CHECK(node, stateinfo.height == FIRST_BLOCK + BLOCKS && !event->author_is_new);
        CHECK(node, fama_address_equal(event->came_from.address, endpoint_of(true).address));
    } else if (event->message.kind == FAMA_KIND_ALIVE) {
        seen->newcomers++;
        CHECK(node, event->author_is_new && event->author != NULL);
        CHECK(node, strcmp(fama_identity_common_name(event->author), "peer2.example.com") == 0);
    }
}

static void see_block(struct node *node, const struct fama_assembled *block, struct seen *seen)
{
    uint64_t next = atomic_load(&node->gate.next_block);
    CHECK(node, block->number >= next && block->number < FIRST_BLOCK + BLOCKS);
    if (block->number != next) {
        /* Ahead of the ledger, which this test does not wait for: it is asked for again. */
        fama_dataplane_return_block(node->dataplane, block, true);
        return;
    }
    uint8_t *expected = make_block(block->number);
    CHECK(node, block->len == block_bytes[block->number - FIRST_BLOCK]);
    CHECK(node, memcmp(block->at, expected, block->len) == 0);
    free(expected);
    atomic_store(&node->gate.next_block, next + 1);
    fama_dataplane_return_block(node->dataplane, block, true);
    seen->blocks++;
    seen->repaired_blocks += block->was_repaired;
    seen->last_ns = now_ns();
}

/* A block of which nothing came at all (full queues on a busy machine) has no gap to be told of. */
static void ask_for_lost_block(struct node *node, struct seen *seen)
{
    uint64_t now = now_ns();
    if (seen->blocks < BLOCKS && now - seen->heard_ns > LOST_NS) {
        struct fama_gap gap = {.block = atomic_load(&node->gate.next_block)};
        seen->heard_ns = now;
        ask_for(node, &gap);
    }
}

static bool is_done(const struct seen *seen)
{
    return seen->blocks == BLOCKS && seen->stateinfos > 0 && seen->newcomers > 0;
}

static void check_counters(struct node *node, const struct seen *seen)
{
    struct fama_dataplane_counters counters;
    struct timespec pause = {.tv_nsec = 50000000};
    (void)nanosleep(&pause, NULL);
    fama_dataplane_counters(node->dataplane, &counters);
    CHECK(node, counters.blocks_assembled >= BLOCKS);
    CHECK(node, counters.drops[FAMA_DROP_TRUNCATED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_BAD_MAGIC] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_BAD_VERSION] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_BAD_KIND] >= 2);
    CHECK(node, counters.drops[FAMA_DROP_BAD_SIGNATURE] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_ROOT_FORGED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_SEAL_FORGED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_NO_KEY] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_UNSEALED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_SESSION_FORGED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_SESSION_REPLAYED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_SESSION_UNKNOWN] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_REPLAYED] >= 1);
    CHECK(node, counters.drops[FAMA_DROP_UNKNOWN_AUTHOR] >= 1);
    CHECK(node, counters.chunks_repaired > 0);
    CHECK(node, counters.signatures_bad >= 2);
    CHECK(node, counters.rx_packets > 0 && counters.tx_packets > 0);
    printf(
        "  %d blocks, %llu chunks received, %llu repaired, %llu gaps told; %.0f chunks/s from the "
        "first event to the last block\n",
        BLOCKS, (unsigned long long)counters.chunks_received,
        (unsigned long long)counters.chunks_repaired, (unsigned long long)seen->gaps,
        (double)counters.chunks_stored * 1e9 / (double)(seen->last_ns - seen->first_ns));
    uint32_t cpu, lcores = 0;
    struct fama_dataplane_counters own;
    while (fama_dataplane_net_counters(node->dataplane, lcores, &cpu, &own)) {
        printf("    net lcore %u: %llu frames in, %llu out, %llu handed over, %llu chunks, %llu "
               "blocks\n",
               lcores, (unsigned long long)own.rx_packets, (unsigned long long)own.tx_packets,
               (unsigned long long)own.packets_handed_over, (unsigned long long)own.chunks_received,
               (unsigned long long)own.blocks_assembled);
        /* Of four blocks in a row, each of up to four lcores has one at least. */
        CHECK(node, own.chunks_received > 0 && own.blocks_assembled > 0);
        lcores++;
    }
    CHECK(node, lcores == node->net_lcores);
    for (int i = 1; i < FAMA_DROP_COUNT; i++) {
        if (counters.drops[i] > 0) {
            printf("    %s %llu\n", fama_drop_name((enum fama_drop)i),
                   (unsigned long long)counters.drops[i]);
        }
    }
}

/* The bulk way to the verify lcores: good and bad signatures get their own verdicts. */
static void check_bulk_verification(struct node *node)
{
    enum { JOBS = 200 };
    static struct fama_verify_job jobs[JOBS];
    struct fama_verify_job *list[JOBS];
    struct fama_identity *identity = fama_signer_identity(node->signer);
    struct fama_signature signature;
    uint8_t digest[FAMA_SHA256_BYTES] = {7};
    CHECK(node, fama_signer_sign_digest(node->signer, digest, &signature) == 0);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] =
            (struct fama_verify_job){.key = fama_identity_key(identity), .signature = signature};
        memcpy(jobs[i].digest, digest, sizeof digest);
        jobs[i].digest[1] = i % 3 == 0 ? 1 : 0;
        list[i] = &jobs[i];
    }
    CHECK(node, fama_dataplane_verify(node->dataplane, list, JOBS) == 0);
    for (int i = 0; i < JOBS; i++) {
        CHECK(node, jobs[i].verdict == (i % 3 == 0 ? FAMA_VERDICT_BAD : FAMA_VERDICT_GOOD));
    }
    CHECK(node, fama_dataplane_verify(node->dataplane, list, 0) == 0);
}

/* Batches under way at once, of which one is larger than the lcores' ring. */
static void check_batches_under_way(struct node *node)
{
    enum { JOBS = 6000 };
    static struct fama_verify_job jobs[2][JOBS];
    static struct fama_verify_job *lists[2][JOBS];
    const size_t counts[2] = {5, JOBS};
    struct fama_verify_batch batches[2] = {{.count = 0}, {.count = 0}};
    for (int b = 0; b < 2; b++) {
        for (size_t i = 0; i < counts[b]; i++) {
            jobs[b][i] = (struct fama_verify_job){.key = NULL}; /* bad, and quickly so */
            lists[b][i] = &jobs[b][i];
        }
        fama_dataplane_verify_begin(node->dataplane, &batches[b], lists[b], counts[b]);
    }
    for (int b = 0; b < 2; b++) {
        CHECK(node, fama_dataplane_verify_finish(node->dataplane, &batches[b]) == 0);
        for (size_t i = 0; i < counts[b]; i++) {
            CHECK(node, jobs[b][i].verdict == FAMA_VERDICT_BAD);
        }
        fama_verify_batch_free(&batches[b]);
    }
}

static void run_receiver(struct node *node)
{
    struct seen seen = {.heard_ns = now_ns()};
    uint64_t deadline = now_ns() + LIMIT_NS;
    struct pollfd ends[] = {{.fd = fama_dataplane_event_fd(node->dataplane), .events = POLLIN},
                            {.fd = fama_dataplane_block_fd(node->dataplane, 0), .events = POLLIN}};
    while (!is_done(&seen) && now_ns() < deadline) {
        struct fama_event *events[16];
        struct fama_assembled block;
        uint32_t count;
        while ((count = fama_dataplane_receive(node->dataplane, events, 16)) > 0) {
            for (uint32_t i = 0; i < count; i++) {
                if (seen.first_ns == 0 && events[i]->kind == FAMA_EVENT_MESSAGE) {
                    seen.first_ns = now_ns();
                }
                see_event(node, events[i], &seen);
                fama_dataplane_event_done(node->dataplane, events[i]);
            }
        }
        while (fama_dataplane_take_block(node->dataplane, 0, &block)) {
            see_block(node, &block, &seen);
        }
        ask_for_lost_block(node, &seen);
        (void)poll(ends, 2, 200);
    }
    CHECK(node, seen.blocks == BLOCKS);
    CHECK(node, seen.stateinfos == 1);
    CHECK(node, seen.newcomers == 1);
    CHECK(node, seen.gaps > 0 && seen.repaired_blocks > 0);
    CHECK(node, seen.windows > 0);
    CHECK(node, seen.unknown_keys > 0);
    check_bulk_verification(node);
    check_batches_under_way(node);
    check_counters(node, &seen);
    CHECK(node, write(node->own_end, "d", 1) == 1);
}

/* ---- One node's process ---- */

static struct fama_dataplane_config config_of(const struct node *node, char *prefix, size_t size)
{
    (void)snprintf(prefix, size, "fama-test-%d", (int)getpid());
    uint32_t cpu = node->is_sender || sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 0 : 1;
    return (struct fama_dataplane_config){
        .port = node->port,
        .file_prefix = prefix,
        .endpoint = endpoint_of(node->is_sender),
        .prefix_bits = 24,
        .mtu = 1500,
        .control_core = cpu,
        .net_cores = {cpu, cpu, cpu},
        .net_core_count = node->net_lcores,
        .verify_cores = {cpu},
        .verify_core_count = 1,
        .idle = FAMA_IDLE_ADAPTIVE,
        .idle_sleep_max_ns = 200000,
        .hugepages = FAMA_HUGEPAGES_OFF,
        .memory_mb = node->net_lcores == 1 ? 128 : 256,
        .mbufs = node->net_lcores == 1 ? 20480 : 30720,
        .reassembly = {.slots = 8, .block_bytes_max = 8 << 20, .roots_max = 256, .held_max = 4096},
        .propagate_peer_num = 3,
        .hop_budget = 4,
        .stalled_ns = 100000000,
        .reassembly.blame_ns = 1000000000,
        .admissions_per_second = 10,
        .random_seed = 1,
    };
}

static int run_node(struct node *node)
{
    char prefix[64];
    struct fama_error error = {{0}};
    struct fama_dataplane_config config = config_of(node, prefix, sizeof prefix);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/org/msp", folder);
    if (fama_msp_open_directory(path, MSPID, &node->msp, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    node->signer = open_peer(node->msp, node->is_sender ? "peer0" : "peer1");
    node->other_signer = open_peer(node->msp, node->is_sender ? "peer1" : "peer0");
    node->key = make_key(node);
    node->session = make_session(node);
    node->encoder = fama_set_encoder_create();
    if (node->key == NULL || node->session == NULL || node->encoder == NULL) {
        fprintf(stderr, "out of memory\n");
        return EXIT_FAILURE;
    }
    atomic_init(&node->gate.next_block, FIRST_BLOCK);
    /* DPDK seeded its generator before the fork, and both would draw one link address. */
    rte_srand((uint64_t)getpid());
    int status = fama_dataplane_start(&config, &node->dataplane, &error);
    if (status != 0) {
        fprintf(stderr, "the dataplane does not start (%d): %s\n", status, error.text);
        return SKIP_STATUS;
    }
    if (node->after_start != NULL) {
        CHECK(node, system(node->after_start) == 0);
    }
    publish(node);
    publish(node);
    /* Both ports are open from here on. */
    char word = 0;
    CHECK(node, write(node->own_end, "r", 1) == 1 && read(node->own_end, &word, 1) == 1);
    if (word == 'r') {
        if (node->is_sender) {
            run_sender(node);
        } else {
            run_receiver(node);
        }
    }
    fama_dataplane_interrupt(node->dataplane);
    struct fama_verify_job *none = NULL;
    CHECK(node, fama_dataplane_verify(node->dataplane, &none, 1) == FAMA_DATAPLANE_STOPPING);
    struct fama_verify_batch batch = {.count = 0};
    fama_dataplane_verify_begin(node->dataplane, &batch, &none, 1);
    CHECK(node, fama_dataplane_verify_finish(node->dataplane, &batch) == FAMA_DATAPLANE_STOPPING);
    fama_verify_batch_free(&batch);
    uint64_t before = now_ns();
    fama_dataplane_stop(node->dataplane);
    CHECK(node, now_ns() - before < STOP_MOST_NS);
    fama_set_encoder_destroy(node->encoder);
    fama_session_release(node->session);
    fama_channel_key_release(node->key);
    fama_signer_close(node->signer);
    fama_signer_close(node->other_signer);
    fama_msp_release(node->msp);
    return node->failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- The judge ---- */

static bool has_namespace;

static pid_t start_node(struct node *node, int other_end)
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(other_end);
        int status = run_node(node);
        (void)fflush(stdout);
        _exit(status);
    }
    return pid;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    if (pid <= 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* How many net lcores the nodes of the next pair have. */
static uint32_t sender_lcores = 1, receiver_lcores = 1;

/* Runs both nodes; true if they started at all. */
static bool run_pair(const char *sender_port, const char *receiver_port, const char *after_sender,
                     const char *after_receiver)
{
    if (!has_namespace) {
        return false;
    }
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct node sender = {.is_sender = true,
                          .port = sender_port,
                          .after_start = after_sender,
                          .net_lcores = sender_lcores,
                          .own_end = ends[0]};
    struct node receiver = {.port = receiver_port,
                            .after_start = after_receiver,
                            .net_lcores = receiver_lcores,
                            .own_end = ends[1]};
    pid_t first = start_node(&sender, ends[1]);
    pid_t second = start_node(&receiver, ends[0]);
    (void)close(ends[0]);
    (void)close(ends[1]);
    int first_status = wait_for(first);
    int second_status = wait_for(second);
    if (first_status == SKIP_STATUS || second_status == SKIP_STATUS) {
        return false;
    }
    CU_ASSERT_EQUAL(first_status, EXIT_SUCCESS);
    CU_ASSERT_EQUAL(second_status, EXIT_SUCCESS);
    return true;
}

static void test_blocks_and_messages_pass_over_af_packet(void)
{
    bool has_run = run_pair("net_af_packet0,iface=famaA", "net_af_packet0,iface=famaB", NULL, NULL);
    CU_ASSERT(has_run || !has_namespace);
}

static void test_blocks_and_messages_pass_over_memif(void)
{
    char server[256], client[256];
    (void)snprintf(server, sizeof server,
                   "net_memif0,role=server,socket=%s/memif.sock,socket-abstract=no,rsize=11",
                   folder);
    (void)snprintf(client, sizeof client,
                   "net_memif0,role=client,socket=%s/memif.sock,socket-abstract=no,rsize=11",
                   folder);
    bool has_run = run_pair(server, client, NULL, NULL);
    CU_ASSERT(has_run || !has_namespace);
}

/* A bridge takes frames for its own ports' addresses itself, so the kernel's ends get others. */
static void test_blocks_and_messages_pass_over_tap(void)
{
    bool has_run = run_pair("net_tap0,iface=famaC", "net_tap0,iface=famaD",
                            "ip link set famaC address 02:00:00:00:01:01 master famaBr up",
                            "ip link set famaD address 02:00:00:00:01:02 master famaBr up");
    CU_ASSERT(has_run || !has_namespace);
}

static void test_blocks_and_messages_pass_over_af_xdp(void)
{
    if (!run_pair("net_af_xdp0,iface=famaA", "net_af_xdp0,iface=famaB", NULL, NULL)) {
        fprintf(stderr,
                "\n*** THE KERNEL GIVES NO AF_XDP SOCKET HERE: NOT TESTED: net_af_xdp ***\n");
    }
}

/* Two lcores at one end and three at the other: with queues of their own, and over a port (memif) that has
 * one queue for all of them. */
static void with_more_lcores(void (*test)(void))
{
    sender_lcores = 2;
    receiver_lcores = 3;
    test();
    sender_lcores = 1;
    receiver_lcores = 1;
}

static void test_several_net_lcores_share_the_work_over_af_packet(void)
{
    with_more_lcores(test_blocks_and_messages_pass_over_af_packet);
}

static void test_several_net_lcores_share_one_queue_of_a_memif(void)
{
    with_more_lcores(test_blocks_and_messages_pass_over_memif);
}

static void test_several_net_lcores_share_the_work_over_tap(void)
{
    with_more_lcores(test_blocks_and_messages_pass_over_tap);
}

static void expect_refusal(const char *port, const char *words)
{
    if (!has_namespace) {
        return;
    }
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct node node = {.is_sender = true, .port = port, .net_lcores = 1};
        char prefix[64];
        struct fama_dataplane_config config = config_of(&node, prefix, sizeof prefix);
        struct fama_error error = {{0}};
        struct fama_dataplane *dataplane = NULL;
        int status = fama_dataplane_start(&config, &dataplane, &error);
        fprintf(stderr, "    %s\n", error.text);
        _exit(status == FAMA_DATAPLANE_PORT && dataplane == NULL && strstr(error.text, port) &&
                      strstr(error.text, words)
                  ? EXIT_SUCCESS
                  : EXIT_FAILURE);
    }
    CU_ASSERT_EQUAL(wait_for(pid), EXIT_SUCCESS);
}

static void test_a_port_that_does_not_exist_is_refused_in_one_clear_line(void)
{
    fprintf(stderr, "\n");
    expect_refusal("net_af_packet0,iface=nosuch0", "no network interface nosuch0");
    expect_refusal("net_nosuch0,iface=famaA", "does not exist");
    expect_refusal("net_af_packet0", "iface=");
    expect_refusal("0000:ff:1f.7", "no such PCI device");
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static bool make_identities(void)
{
    const char *const names[] = {"peer0", "peer1", "peer2"};
    char organisation[256];
    struct fama_error error = {{0}};
    if (mkdtemp(folder) == NULL) {
        return false;
    }
    (void)snprintf(organisation, sizeof organisation, "%s/org", folder);
    int status = fama_ca_init(organisation, "example.com", &error);
    for (size_t i = 0; i < 3 && status == 0; i++) {
        struct fama_ca_issue issue = {
            .organisation = organisation,
            .role = FAMA_MSP_ROLE_PEER,
            .name = names[i],
            .not_before_s = -60,
            .not_after_s = 3600,
        };
        status = fama_ca_issue(&issue, NULL, 0, &error);
    }
    if (status != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    return status == 0;
}

/* A namespace of our own: it and all links in it are gone with the last of our processes. The indices are
 * far apart because net_af_packet names its fan-out group by process number XOR index: neighbours in both
 * would meet in one group, which the kernel refuses. */
static bool make_namespace(void)
{
    return unshare(CLONE_NEWNET) == 0 &&
           system("ip link add famaA index 100 type veth peer name famaB index 200 && "
                  "ip link set famaA up && "
                  "ip link set famaB up && ip link add famaBr type bridge forward_delay 0 && "
                  "ip link set famaBr up") == 0;
}

int main(void)
{
    has_namespace = make_namespace();
    if (!has_namespace) {
        fprintf(stderr,
                "\n*** NO NETWORK NAMESPACE HERE (%s; needs root and iproute2): NOT TESTED: "
                "the dataplane over real ports ***\n",
                strerror(errno));
    }
    if (!make_identities()) {
        return EXIT_FAILURE;
    }
    const struct test_case cases[] = {
        TEST(test_a_port_that_does_not_exist_is_refused_in_one_clear_line),
        TEST(test_blocks_and_messages_pass_over_af_packet),
        TEST(test_blocks_and_messages_pass_over_memif),
        TEST(test_blocks_and_messages_pass_over_tap),
        TEST(test_blocks_and_messages_pass_over_af_xdp),
        TEST(test_several_net_lcores_share_the_work_over_af_packet),
        TEST(test_several_net_lcores_share_one_queue_of_a_memif),
        TEST(test_several_net_lcores_share_the_work_over_tap),
    };
    int status = run_suite("a pair of dataplanes", cases, sizeof cases / sizeof cases[0]);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
