#include "dataplane/verify_loop.h"

#include <stdlib.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "dataplane/clock.h"
#include "dataplane/idle.h"

#define BATCH 64
/* Of a batch: however many roots come, messages go on, and however many alive messages, others do. */
#define ROOTS_MOST      48
#define MAIL_LEAST      8
#define HOUSEKEEPING_NS 1000000u
#define REST_MAX_NS     100000000u /* the stop flag rings no bell */
#define SECOND_NS       UINT64_C(1000000000)

/* A message whose signature is being checked. */
struct letter {
    struct rte_mbuf *packet;
    enum fama_source_kind queue;  /* it came through */
    struct fama_identity *author; /* a reference */
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    bool author_is_new;
    struct fama_verify_job job;
};

struct fama_verify {
    struct fama_topology *topology;
    struct fama_doorbell *bell;
    struct fama_verifier *verifier;
    struct fama_counts counts;

    /* Admissions of unknown authors, in certificates times nanoseconds. */
    uint64_t tokens;
    uint64_t refilled_ns;

    /* Of the cycle at hand. */
    const struct fama_view *view;
    uint64_t now_ns;
    time_t wall;
    uint32_t root_count, letter_count, job_count;
    uint32_t work; /* things taken from rings */
    struct fama_root_job *roots[ROOTS_MOST];
    struct letter letters[BATCH];
    struct fama_verify_job *jobs[BATCH];
};

/* ---- Admission of unknown authors ---- */

/* This lcore's share of the node's budget; at most one second's worth is saved up. */
static bool take_token(struct fama_verify *verify)
{
    const struct fama_dataplane_config *config = &verify->topology->config;
    uint64_t rate = config->admissions_per_second / config->verify_core_count;
    if (rate == 0 && config->admissions_per_second > 0) {
        rate = 1;
    }
    uint64_t passed = verify->now_ns - verify->refilled_ns;
    passed = passed < SECOND_NS ? passed : SECOND_NS;
    verify->refilled_ns = verify->now_ns;
    verify->tokens += passed * rate;
    if (verify->tokens > rate * SECOND_NS) {
        verify->tokens = rate * SECOND_NS;
    }
    if (verify->tokens < SECOND_NS) {
        return false;
    }
    verify->tokens -= SECOND_NS;
    return true;
}

static bool is_valid_now(const struct fama_verify *verify, const struct fama_identity *identity)
{
    return fama_identity_not_before(identity) <= verify->wall &&
           verify->wall <= fama_identity_not_after(identity);
}

/* The author of an alive message, from the certificate in it. On success a reference is in *author. */
static enum fama_drop admit(struct fama_verify *verify, const struct fama_message *message,
                            struct fama_identity **author)
{
    struct fama_alive alive;
    enum fama_drop reason = fama_wire_alive_read(message->body, &alive);
    if (reason != FAMA_DROP_NONE) {
        return reason;
    }
    struct fama_msp *msp = verify->view->msp;
    if (msp == NULL || !fama_bytes_equal(alive.mspid, fama_bytes_of_text(fama_msp_id(msp)))) {
        return FAMA_DROP_IDENTITY_REFUSED;
    }
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    fama_pki_id(alive.mspid, alive.id_bytes, pki_id);
    if (fama_tag_of(pki_id) != message->author) {
        return FAMA_DROP_IDENTITY_REFUSED;
    }
    if (!take_token(verify)) {
        return FAMA_DROP_ADMISSION_BUDGET;
    }
    struct fama_identity *identity;
    if (fama_msp_deserialize(msp, alive.id_bytes, &identity, NULL) != 0) {
        return FAMA_DROP_IDENTITY_REFUSED;
    }
    if (!is_valid_now(verify, identity)) {
        fama_identity_release(identity);
        return FAMA_DROP_IDENTITY_EXPIRED;
    }
    if (fama_msp_validate(msp, identity, NULL) != 0) {
        fama_identity_release(identity);
        return FAMA_DROP_IDENTITY_REFUSED;
    }
    *author = identity;
    return FAMA_DROP_NONE;
}

/* ---- Messages ---- */

static enum fama_drop find_author(struct fama_verify *verify, const struct fama_message *message,
                                  struct letter *letter)
{
    if (verify->view == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    const struct fama_view_peer *peer = fama_view_peer(verify->view, message->author);
    if (peer != NULL && peer->identity != NULL) {
        if (!is_valid_now(verify, peer->identity)) {
            return FAMA_DROP_IDENTITY_EXPIRED;
        }
        letter->author = fama_identity_acquire(peer->identity);
        letter->author_is_new = false;
        return FAMA_DROP_NONE;
    }
    if (message->kind != FAMA_KIND_ALIVE) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    letter->author_is_new = true;
    return admit(verify, message, &letter->author);
}

static enum fama_drop open_letter(struct fama_verify *verify, struct rte_mbuf *packet,
                                  struct letter *letter)
{
    struct fama_message message;
    enum fama_drop reason = fama_wire_message_read(fama_packet_bytes(packet), &message);
    if (reason != FAMA_DROP_NONE) {
        return reason;
    }
    /* Ranges and low-S, before anything dear is done for the message. */
    if (fama_signature_from_raw(message.signature, &letter->job.signature) != 0) {
        return FAMA_DROP_BAD_SIGNATURE;
    }
    reason = find_author(verify, &message, letter);
    if (reason != FAMA_DROP_NONE) {
        return reason;
    }
    letter->packet = packet;
    memcpy(letter->pki_id, fama_identity_pki_id(letter->author), FAMA_PKI_ID_BYTES);
    letter->job.key = fama_identity_key(letter->author);
    letter->job.verdict = FAMA_VERDICT_PENDING;
    fama_wire_message_digest(&message, letter->pki_id, letter->job.digest);
    return FAMA_DROP_NONE;
}

static void tell_message(struct fama_verify *verify, struct letter *letter)
{
    struct fama_topology *topology = verify->topology;
    struct fama_event *event = fama_topology_event(topology);
    struct fama_bytes datagram = fama_packet_bytes(letter->packet);
    if (event == NULL || datagram.len > sizeof event->datagram) {
        verify->counts.own.drops[FAMA_DROP_EVENT_RING_FULL]++;
        fama_identity_release(letter->author);
        if (event != NULL) {
            fama_topology_event_done(topology, event);
        }
        return;
    }
    event->kind = FAMA_EVENT_MESSAGE;
    event->came_from = fama_packet_of(letter->packet)->peer;
    memcpy(event->datagram, datagram.at, datagram.len);
    event->datagram_bytes = (uint16_t)datagram.len;
    /* Read once more, so that the body points into the event's own copy; it was readable before. */
    (void)fama_wire_message_read(fama_bytes(event->datagram, datagram.len), &event->message);
    event->author = letter->author;
    memcpy(event->author_pki_id, letter->pki_id, FAMA_PKI_ID_BYTES);
    event->author_is_new = letter->author_is_new;
    if (!fama_topology_tell(topology, event)) {
        verify->counts.own.drops[FAMA_DROP_EVENT_RING_FULL]++;
    }
}

static void forgive(struct fama_verify *verify, struct rte_mbuf *packet,
                    enum fama_source_kind queue)
{
    fama_sources_forgive(&verify->topology->net[0].sources,
                         fama_address_source_seen(fama_packet_of(packet)->peer.address,
                                                  verify->topology->config.endpoint.address),
                         queue);
}

/* Refused for what its source cannot know: the view has changed, or newcomers are too many. */
static bool was_cheap(enum fama_drop reason)
{
    return reason == FAMA_DROP_UNKNOWN_AUTHOR || reason == FAMA_DROP_ADMISSION_BUDGET;
}

static void close_letter(struct fama_verify *verify, struct letter *letter)
{
    if (letter->job.verdict == FAMA_VERDICT_GOOD) {
        forgive(verify, letter->packet, letter->queue);
        tell_message(verify, letter);
    } else {
        verify->counts.own.drops[FAMA_DROP_BAD_SIGNATURE]++;
        fama_identity_release(letter->author);
    }
    letter->author = NULL;
    rte_pktmbuf_free(letter->packet);
}

/* ---- Batches ---- */

static void count(struct fama_verify *verify, struct fama_verify_job *const jobs[],
                  size_t jobs_count)
{
    verify->counts.own.signatures_verified += jobs_count;
    verify->counts.own.signature_batches++;
    for (size_t i = 0; i < jobs_count; i++) {
        verify->counts.own.signatures_bad += jobs[i]->verdict != FAMA_VERDICT_GOOD;
    }
}

/* All of them fit into the verifier, which holds nothing else: bulk is run to its end. */
static void run_urgent(struct fama_verify *verify)
{
    struct fama_verify_job *back[BATCH];
    size_t left = fama_verifier_enqueue(verify->verifier, verify->jobs, verify->job_count,
                                        FAMA_VERIFY_URGENT);
    while (left > 0) {
        left -= fama_verifier_dequeue(verify->verifier, back, BATCH);
    }
    count(verify, verify->jobs, verify->job_count);
}

static void collect_letters(struct fama_verify *verify, struct rte_ring *ring,
                            enum fama_source_kind queue, uint32_t most)
{
    void *objects[BATCH];
    uint32_t count = rte_ring_dequeue_burst(ring, objects, most, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct letter *letter = &verify->letters[verify->letter_count];
        enum fama_drop reason = open_letter(verify, objects[i], letter);
        verify->work++;
        if (reason == FAMA_DROP_NONE) {
            letter->queue = queue;
            verify->letter_count++;
            verify->jobs[verify->job_count++] = &letter->job;
        } else {
            verify->counts.own.drops[reason]++;
            if (was_cheap(reason)) {
                forgive(verify, objects[i], queue);
            }
            rte_pktmbuf_free(objects[i]);
        }
    }
}

static void collect_urgent(struct fama_verify *verify)
{
    struct fama_topology *topology = verify->topology;
    verify->job_count = 0;
    verify->letter_count = 0;
    verify->root_count = rte_ring_dequeue_burst(topology->net_to_verify_roots,
                                                (void **)verify->roots, ROOTS_MOST, NULL);
    verify->work = verify->root_count;
    for (uint32_t i = 0; i < verify->root_count; i++) {
        verify->jobs[verify->job_count++] = &verify->roots[i]->job;
    }
    collect_letters(verify, topology->net_to_verify_alive, FAMA_SOURCE_ALIVE,
                    BATCH - MAIL_LEAST - verify->job_count);
    collect_letters(verify, topology->net_to_verify_messages, FAMA_SOURCE_MESSAGES,
                    BATCH - verify->job_count);
}

static void deliver_urgent(struct fama_verify *verify)
{
    for (uint32_t i = 0; i < verify->root_count; i++) {
        /* Each ring has room for every job of its lcore's. */
        struct fama_root_job *job = verify->roots[i];
        (void)rte_ring_enqueue(verify->topology->net[job->net_lcore].verify_to_net, job);
    }
    if (verify->root_count > 0) {
        (void)fama_doorbell_ring(&verify->topology->net_bell);
    }
    for (uint32_t i = 0; i < verify->letter_count; i++) {
        close_letter(verify, &verify->letters[i]);
    }
}

/* One part, so that urgent work waits for no more than that. */
static uint32_t do_bulk(struct fama_verify *verify)
{
    void *object;
    if (rte_ring_dequeue(verify->topology->commit_to_verify, &object) != 0) {
        return 0;
    }
    const struct fama_bulk_part *part = object;
    _Atomic uint32_t *left = part->left;
    if (!atomic_load_explicit(&verify->topology->is_interrupted, memory_order_acquire)) {
        fama_verifier_run(verify->verifier, part->jobs, part->count);
        count(verify, part->jobs, part->count);
    }
    /* From here on the waiting thread may be gone, and the part with it. */
    (void)atomic_fetch_sub_explicit(left, 1, memory_order_acq_rel);
    return 1;
}

/* The lcore reads the view only while it collects; during signatures it is offline for RCU, so that
 * nobody who replaces the view waits for a batch. */
static uint32_t cycle(struct fama_verify *verify)
{
    verify->now_ns = fama_clock_ns();
    verify->wall = time(NULL);
    verify->view = rcu_dereference(verify->topology->view);
    collect_urgent(verify);
    verify->view = NULL;
    urcu_qsbr_thread_offline();
    if (verify->job_count > 0) {
        run_urgent(verify);
    }
    deliver_urgent(verify);
    (void)fama_verifier_rest(verify->verifier);
    verify->work += do_bulk(verify);
    urcu_qsbr_thread_online();
    return verify->work;
}

/* Sleeps until there is something to do: whoever fills a ring rings the bell. */
static void sleep_until_rung(struct fama_verify *verify)
{
    const struct fama_topology *topology = verify->topology;
    fama_doorbell_arm(verify->bell);
    if (rte_ring_empty(topology->net_to_verify_roots) != 0 &&
        rte_ring_empty(topology->net_to_verify_alive) != 0 &&
        rte_ring_empty(topology->net_to_verify_messages) != 0 &&
        rte_ring_empty(topology->commit_to_verify) != 0) {
        fama_doorbell_wait(verify->bell, REST_MAX_NS);
    }
}

int fama_verify_run(void *argument)
{
    struct fama_verify *verify = argument;
    struct fama_topology *topology = verify->topology;
    struct fama_idler idler;
    uint64_t publish_at_ns = 0;
    fama_idle_init(&idler, topology->config.idle, topology->config.idle_sleep_max_ns);
    fama_idle_prepare_thread();
    urcu_qsbr_register_thread();
    while (!atomic_load_explicit(&topology->is_stopping, memory_order_acquire)) {
        uint32_t work = cycle(verify);
        if (verify->now_ns >= publish_at_ns) {
            fama_counts_publish(&verify->counts);
            publish_at_ns = verify->now_ns + HOUSEKEEPING_NS;
        }
        uint64_t sleep_ns = fama_idle_next(&idler, work);
        if (sleep_ns != 0) {
            urcu_qsbr_thread_offline();
            sleep_until_rung(verify);
            urcu_qsbr_thread_online();
        } else if (work == 0) {
            fama_idle_wait(0);
        }
    }
    urcu_qsbr_unregister_thread();
    /* A commit thread may still wait for its batch. */
    while (do_bulk(verify) != 0) {
    }
    fama_counts_publish(&verify->counts);
    return 0;
}

struct fama_verify *fama_verify_create(struct fama_topology *topology, uint32_t number)
{
    struct fama_verify *verify = NULL;
    if (posix_memalign((void **)&verify, RTE_CACHE_LINE_SIZE, sizeof *verify) != 0) {
        return NULL;
    }
    memset(verify, 0, sizeof *verify);
    verify->topology = topology;
    verify->bell = &topology->verify_bells[number];
    verify->verifier = fama_verifier_create();
    if (verify->verifier == NULL) {
        fama_verify_destroy(verify);
        return NULL;
    }
    return verify;
}

void fama_verify_destroy(struct fama_verify *verify)
{
    if (verify == NULL) {
        return;
    }
    if (verify->verifier != NULL) {
        fama_verifier_destroy(verify->verifier);
    }
    free(verify);
}

const struct fama_counts *fama_verify_counts(const struct fama_verify *verify)
{
    return &verify->counts;
}
