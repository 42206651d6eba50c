/* The server thread with a dataplane that only notes what it is asked to send: it has room for so many
 * chunks of state transfer, and for any others unless it is held up. */
#include "controlplane/chunk_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "controlplane/repair.h"
#include "dataplane/session.h"
#include "unit/made_chain.h"

#define SENT_MAX 1024
#define NO_LIMIT UINT64_MAX
#define SESSION  99

/* One set's chunks of one answer, as far as they were queued. */
struct sent {
    uint64_t number;
    enum fama_transmit_class transmit_class;
    uint16_t set;
    uint16_t chunk_bytes;
    uint8_t parity;
    uint64_t chunks; /* bits */
};

struct fama_dataplane {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool is_held_up;
    uint64_t transfer_room; /* chunks */
    uint64_t block_chunks;  /* that each set of a block has; 0: as many as are wanted */
    uint32_t begun;
    uint32_t count;
    struct sent sent[SENT_MAX];
};

void fama_dataplane_stand_aside(const struct fama_dataplane *dataplane)
{
    (void)dataplane;
}

/* With the lock held: a little later, so that what any thread may set meanwhile is seen. */
static void wait_a_little(struct fama_dataplane *dataplane)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 2000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&dataplane->change, &dataplane->lock, &until);
}

static int send_set(struct fama_dataplane *dataplane, const struct fama_block_send *send,
                    const struct fama_request_entry *entry, uint64_t *chunks)
{
    bool is_transfer = send->transmit_class == FAMA_TRANSMIT_TRANSFER;
    uint64_t wanted = entry->wanted;
    uint64_t limit = dataplane->block_chunks;
    if (limit != 0 && limit < 64) {
        wanted &= (UINT64_C(1) << limit) - 1;
    }
    struct sent *sent = &dataplane->sent[dataplane->count];
    *sent = (struct sent){.number = send->number,
                          .transmit_class = send->transmit_class,
                          .set = entry->set,
                          .chunk_bytes = send->chunk_bytes,
                          .parity = send->parity};
    int status = 0;
    while (wanted != 0 && status == 0) {
        if (is_transfer && dataplane->transfer_room == 0) {
            status = send->gives_way != NULL && atomic_load(send->gives_way)
                         ? FAMA_DATAPLANE_BUSY
                         : (wait_a_little(dataplane), 0);
            continue;
        }
        dataplane->transfer_room -= is_transfer && dataplane->transfer_room != NO_LIMIT;
        sent->chunks |= wanted & -wanted;
        wanted &= wanted - 1;
        *chunks += 1;
    }
    dataplane->count++;
    return status;
}

int fama_dataplane_send_block(struct fama_dataplane *dataplane, const struct fama_signer *signer,
                              const struct fama_block_send *send, uint64_t *chunks)
{
    int status = 0;
    (void)signer;
    CU_ASSERT_EQUAL(fama_session_id(send->session), SESSION);
    CU_ASSERT_PTR_NULL(send->key);
    pthread_mutex_lock(&dataplane->lock);
    dataplane->begun++;
    pthread_cond_broadcast(&dataplane->change);
    while (dataplane->is_held_up) {
        pthread_cond_wait(&dataplane->change, &dataplane->lock);
    }
    for (uint32_t i = 0; i < send->wanted_count && status == 0; i++) {
        status = send_set(dataplane, send, &send->wanted[i], chunks);
    }
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
    return status;
}

static struct made_chain made;
static struct fama_ledger *ledger;
static struct fama_session *session; /* with whoever asks */

static struct fama_session *make_session(void)
{
    static const uint8_t keys[2][FAMA_AEAD_KEY_BYTES] = {{1}, {2}};
    const struct fama_session_config config = {
        .id = SESSION,
        .peer = 7,
        .endpoint = fama_endpoint_from_ipv4(0xc6120002, 7051),
        .seal_key = keys[0],
        .open_key = keys[1],
    };
    return fama_session_create(&config);
}

static void start(struct fama_dataplane *dataplane, struct fama_chunk_server **server)
{
    memset(dataplane, 0, sizeof(*dataplane));
    dataplane->transfer_room = NO_LIMIT;
    CU_ASSERT_EQUAL_FATAL(pthread_mutex_init(&dataplane->lock, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_cond_init(&dataplane->change, NULL), 0);
    *server = fama_chunk_server_start(dataplane, made.signers[MADE_SIPHER]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*server);
}

static void finish(struct fama_dataplane *dataplane, struct fama_chunk_server *server)
{
    fama_chunk_server_stop(server);
    pthread_cond_destroy(&dataplane->change);
    pthread_mutex_destroy(&dataplane->lock);
}

static void hold_up(struct fama_dataplane *dataplane, bool is_held_up)
{
    pthread_mutex_lock(&dataplane->lock);
    dataplane->is_held_up = is_held_up;
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
}

static void make_room(struct fama_dataplane *dataplane, uint64_t chunks)
{
    pthread_mutex_lock(&dataplane->lock);
    dataplane->transfer_room = chunks;
    pthread_cond_broadcast(&dataplane->change);
    pthread_mutex_unlock(&dataplane->lock);
}

static void await(struct fama_dataplane *dataplane, const uint32_t *counter, uint32_t value)
{
    struct timespec deadline;
    int status = 0;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 30;
    pthread_mutex_lock(&dataplane->lock);
    while (*counter < value && status == 0) {
        status = pthread_cond_timedwait(&dataplane->change, &dataplane->lock, &deadline);
    }
    CU_ASSERT_EQUAL(*counter, value);
    pthread_mutex_unlock(&dataplane->lock);
}

static void await_answers(struct fama_chunk_server *server, uint64_t answers)
{
    struct fama_chunk_server_stats stats;
    const struct timespec pause = {.tv_nsec = 2000000};
    for (uint32_t i = 0; i < 15000; i++) {
        fama_chunk_server_stats(server, &stats);
        if (stats.requests_served + stats.requests_void >= answers) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    CU_ASSERT_EQUAL(stats.requests_served + stats.requests_void, answers);
}

static bool order_of(struct fama_chunk_server *server, const struct fama_request *request,
                     enum fama_transmit_class transmit_class, fama_tag asker)
{
    const struct fama_chunk_order order = {.channel_id = MADE_CHANNEL,
                                           .ledger = ledger,
                                           .transmit_class = transmit_class,
                                           .asker = asker,
                                           .session = session,
                                           .request = *request};
    return fama_chunk_server_order(server, &order);
}

static bool order(struct fama_chunk_server *server, const struct fama_request *request,
                  enum fama_transmit_class transmit_class)
{
    return order_of(server, request, transmit_class, 7);
}

static bool repair(struct fama_chunk_server *server, const struct fama_request *request)
{
    return order(server, request, FAMA_TRANSMIT_REPAIR);
}

static void test_the_newest_blocks_are_repaired_and_old_ones_transferred(void)
{
    CU_ASSERT_EQUAL(fama_chunk_server_class(0, 0), FAMA_TRANSMIT_REPAIR);
    CU_ASSERT_EQUAL(fama_chunk_server_class(0, FAMA_CHUNK_SERVER_NEWEST), FAMA_TRANSMIT_REPAIR);
    CU_ASSERT_EQUAL(fama_chunk_server_class(0, FAMA_CHUNK_SERVER_NEWEST + 1),
                    FAMA_TRANSMIT_TRANSFER);
    CU_ASSERT_EQUAL(fama_chunk_server_class(999, 1000), FAMA_TRANSMIT_REPAIR);
    CU_ASSERT_EQUAL(fama_chunk_server_class(999 - FAMA_CHUNK_SERVER_NEWEST, 1000),
                    FAMA_TRANSMIT_TRANSFER);
    CU_ASSERT_EQUAL(fama_chunk_server_class(UINT64_MAX, 1000), FAMA_TRANSMIT_REPAIR);
}

static uint64_t chunks_from(const struct fama_dataplane *dataplane, uint32_t from)
{
    uint64_t chunks = 0;
    for (uint32_t i = from; i < dataplane->count; i++) {
        chunks += (uint64_t)__builtin_popcountll(dataplane->sent[i].chunks);
    }
    return chunks;
}

static void test_a_first_answer_takes_no_more_than_was_charged_whatever_the_chunks(void)
{
    static const uint16_t sizes[] = {FAMA_CHUNK_BYTES_MIN, 1020, 1240, 4000, FAMA_CHUNK_BYTES_MAX};
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    start(&dataplane, &server);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct fama_request request = {.chunk_bytes = sizes[i]};
        const struct fama_repair_work one = {.chunks = 1, .chunk_bytes = sizes[i]};
        uint64_t each = fama_repair_server_cost(&one);
        uint32_t from = dataplane.count;
        dataplane.block_chunks = FAMA_SET_CHUNKS;
        CU_ASSERT_TRUE(repair(server, &request));
        await_answers(server, i + 1);
        uint64_t chunks = chunks_from(&dataplane, from);
        CU_ASSERT_EQUAL(dataplane.sent[from].chunk_bytes, sizes[i]);
        CU_ASSERT_EQUAL(dataplane.sent[from].parity, 0);
        CU_ASSERT(chunks > 0);
        CU_ASSERT(chunks * each <= fama_repair_server_charge(&request));
        CU_ASSERT((chunks + 1) * each > fama_repair_server_charge(&request));
    }
    finish(&dataplane, server);
}

static void test_named_chunks_are_sent_as_asked_and_another_block_is_void(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_chunk_server_stats stats;
    struct fama_request request = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    start(&dataplane, &server);
    request.entries[0].wanted = 5;
    request.parity = 6; /* as the block was cut that is to be completed */
    struct fama_request other = request;
    struct fama_request absent = request;
    other.block_bytes++;
    absent.block = 7;
    CU_ASSERT_TRUE(repair(server, &other));
    CU_ASSERT_TRUE(repair(server, &absent));
    CU_ASSERT_TRUE(repair(server, &request));
    await_answers(server, 3);
    CU_ASSERT_EQUAL_FATAL(dataplane.count, 1);
    CU_ASSERT_EQUAL(dataplane.sent[0].number, 0);
    CU_ASSERT_EQUAL(dataplane.sent[0].chunks, 5);
    CU_ASSERT_EQUAL(dataplane.sent[0].parity, 6);
    CU_ASSERT_EQUAL(dataplane.sent[0].transmit_class, FAMA_TRANSMIT_REPAIR);
    fama_chunk_server_stats(server, &stats);
    CU_ASSERT_EQUAL(stats.requests_void, 2);
    CU_ASSERT_EQUAL(stats.chunks_sent, 2);
    CU_ASSERT_EQUAL(stats.requests_transfer, 0);
    finish(&dataplane, server);
}

static void test_every_answer_leaves_a_receipt_of_what_it_took(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_chunk_receipt receipt;
    struct fama_request named = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 8192, .count = 1};
    const struct fama_request whole = {.chunk_bytes = 8192};
    struct fama_repair_work work = {.chunks = 3,
                                    .chunk_bytes = 8192,
                                    .sets = 1,
                                    .is_loaded = true,
                                    .loaded_bytes = made.genesis_len};
    named.entries[0].wanted = 1;
    start(&dataplane, &server);
    dataplane.block_chunks = 3;
    CU_ASSERT_FALSE(fama_chunk_server_receipt(server, &receipt));
    CU_ASSERT_TRUE(repair(server, &whole)); /* of one set, at this chunk size */
    await_answers(server, 1);
    CU_ASSERT_TRUE(repair(server, &named)); /* the block is at hand now */
    await_answers(server, 2);
    named.block = 99; /* we do not have it */
    CU_ASSERT_TRUE(repair(server, &named));
    await_answers(server, 3);
    CU_ASSERT_TRUE(fama_chunk_server_receipt(server, &receipt));
    CU_ASSERT_EQUAL(receipt.asker, 7);
    CU_ASSERT_EQUAL(receipt.charged_bytes, FAMA_REPAIR_WHOLE_BLOCK_BYTES);
    CU_ASSERT_EQUAL(receipt.cost_bytes, fama_repair_server_cost(&work));
    CU_ASSERT_TRUE(fama_chunk_server_receipt(server, &receipt));
    CU_ASSERT_EQUAL(receipt.charged_bytes, fama_repair_server_charge(&named));
    work = (struct fama_repair_work){.chunks = 1, .chunk_bytes = 8192, .sets = 1};
    CU_ASSERT_EQUAL(receipt.cost_bytes, fama_repair_server_cost(&work));
    CU_ASSERT_TRUE(fama_chunk_server_receipt(server, &receipt));
    work = (struct fama_repair_work){.is_loaded = true};
    CU_ASSERT_EQUAL(receipt.cost_bytes, fama_repair_server_cost(&work));
    CU_ASSERT_FALSE(fama_chunk_server_receipt(server, &receipt));
    finish(&dataplane, server);
}

static void test_a_repair_goes_before_transfers_that_came_before_it(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_request request = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    request.entries[0].wanted = 1;
    start(&dataplane, &server);
    hold_up(&dataplane, true);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(order(server, &request, FAMA_TRANSMIT_TRANSFER));
    }
    await(&dataplane, &dataplane.begun, 1);
    CU_ASSERT_TRUE(repair(server, &request));
    hold_up(&dataplane, false);
    await_answers(server, 4);
    CU_ASSERT_EQUAL_FATAL(dataplane.count, 4);
    CU_ASSERT_EQUAL(dataplane.sent[0].transmit_class, FAMA_TRANSMIT_TRANSFER);
    CU_ASSERT_EQUAL(dataplane.sent[1].transmit_class, FAMA_TRANSMIT_REPAIR);
    CU_ASSERT_EQUAL(dataplane.sent[2].transmit_class, FAMA_TRANSMIT_TRANSFER);
    finish(&dataplane, server);
}

static uint32_t sets_of_genesis(size_t chunk_bytes)
{
    size_t set_bytes = FAMA_SET_CHUNKS * chunk_bytes;
    size_t sets = (made.genesis_len + set_bytes - 1) / set_bytes;
    return sets < 3 ? (uint32_t)sets : 3;
}

/* The transfer's queue is full in the middle of its second set: the repair goes first, and then each chunk
 * of the rest goes once. */
static void test_a_transfer_that_waits_for_room_gives_way_and_leaves_nothing_out(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_chunk_server_stats stats;
    struct fama_chunk_receipt receipt;
    struct fama_request whole = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 3};
    struct fama_request one = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    for (uint16_t i = 0; i < 3; i++) {
        whole.entries[i] = (struct fama_request_entry){.set = i, .wanted = 0xf0f0};
    }
    one.entries[0].wanted = 1;
    start(&dataplane, &server);
    dataplane.transfer_room = 11;
    CU_ASSERT_TRUE(order(server, &whole, FAMA_TRANSMIT_TRANSFER));
    await(&dataplane, &dataplane.begun, 2);
    CU_ASSERT_TRUE(repair(server, &one));
    await_answers(server, 1); /* the repair, while the transfer has no room */
    CU_ASSERT_TRUE(fama_chunk_server_receipt(server, &receipt));
    CU_ASSERT_EQUAL(receipt.charged_bytes, fama_repair_server_charge(&one));
    make_room(&dataplane, NO_LIMIT);
    await_answers(server, 2);
    uint64_t chunks[3] = {0};
    for (uint32_t i = 0; i < dataplane.count; i++) {
        const struct sent *sent = &dataplane.sent[i];
        if (sent->transmit_class == FAMA_TRANSMIT_TRANSFER && sent->set < 3) {
            CU_ASSERT_EQUAL(chunks[sent->set] & sent->chunks, 0);
            chunks[sent->set] |= sent->chunks;
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(chunks[i], 0xf0f0);
    }
    CU_ASSERT_TRUE(fama_chunk_server_receipt(server, &receipt));
    CU_ASSERT_EQUAL(receipt.charged_bytes, fama_repair_server_charge(&whole));
    const struct fama_repair_work work = {
        .chunks = 24, .chunk_bytes = 1240, .sets = sets_of_genesis(1240)};
    uint64_t load = FAMA_REPAIR_LOAD_BYTES + made.genesis_len / FAMA_REPAIR_LOAD_SHARE;
    CU_ASSERT_EQUAL(receipt.cost_bytes, load + fama_repair_server_cost(&work));
    fama_chunk_server_stats(server, &stats);
    CU_ASSERT_EQUAL(stats.requests_transfer, 1);
    CU_ASSERT(stats.transfers_put_aside >= 1);
    CU_ASSERT_EQUAL(stats.chunks_sent, 25);
    finish(&dataplane, server);
}

static void test_requests_beyond_the_queue_are_dropped_and_counted(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_chunk_server_stats stats;
    struct fama_request request = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    uint32_t taken = 0;
    request.entries[0].wanted = 1;
    start(&dataplane, &server);
    hold_up(&dataplane, true);
    CU_ASSERT_TRUE(order(server, &request, FAMA_TRANSMIT_TRANSFER));
    await(&dataplane, &dataplane.begun, 1);
    while (taken < SENT_MAX &&
           order_of(server, &request, FAMA_TRANSMIT_TRANSFER, 100 + taken % 16)) {
        taken++;
    }
    CU_ASSERT(taken > 0 && taken < SENT_MAX);
    fama_chunk_server_stats(server, &stats);
    CU_ASSERT_EQUAL(stats.requests_dropped, 1);
    CU_ASSERT_EQUAL(stats.requests_crowding, 0);
    CU_ASSERT_TRUE(repair(server, &request)); /* has a queue of its own */
    hold_up(&dataplane, false);
    await_answers(server, taken + 2);
    CU_ASSERT_TRUE(order(server, &request, FAMA_TRANSMIT_TRANSFER));
    finish(&dataplane, server);
}

/* Whoever asks for very much has a quarter of the queue, and others wait for one of its answers. */
static void test_an_asker_with_many_requests_waits_for_itself(void)
{
    struct fama_dataplane dataplane;
    struct fama_chunk_server *server;
    struct fama_chunk_server_stats stats;
    struct fama_request greedy = {
        .block_bytes = (uint32_t)made.genesis_len, .chunk_bytes = 1240, .count = 1};
    greedy.entries[0].wanted = 1;
    struct fama_request ordinary = greedy;
    ordinary.parity = 3; /* tells them apart */
    uint32_t taken = 0;
    start(&dataplane, &server);
    hold_up(&dataplane, true);
    CU_ASSERT_TRUE(repair(server, &greedy));
    await(&dataplane, &dataplane.begun, 1);
    for (uint32_t i = 0; i < 500; i++) {
        taken += repair(server, &greedy);
    }
    CU_ASSERT_EQUAL(taken, FAMA_CHUNK_SERVER_WAITING_EACH);
    fama_chunk_server_stats(server, &stats);
    CU_ASSERT_EQUAL(stats.requests_crowding, 500 - FAMA_CHUNK_SERVER_WAITING_EACH);
    CU_ASSERT_EQUAL(stats.requests_dropped, 0);
    CU_ASSERT_TRUE(order_of(server, &ordinary, FAMA_TRANSMIT_REPAIR, 8));
    CU_ASSERT_TRUE(order_of(server, &ordinary, FAMA_TRANSMIT_REPAIR, 9));
    hold_up(&dataplane, false);
    await_answers(server, taken + 3);
    CU_ASSERT_EQUAL_FATAL(dataplane.count, taken + 3);
    uint32_t before = 0, found = 0;
    for (uint32_t i = 0; i < dataplane.count; i++) {
        found += dataplane.sent[i].parity == 3;
        before += found < 2 && dataplane.sent[i].parity == 0;
    }
    CU_ASSERT_EQUAL(found, 2);
    CU_ASSERT(before <= 2); /* what was under way, and one between the two */
    CU_ASSERT_TRUE(repair(server, &greedy));
    finish(&dataplane, server);
}

static bool make_ledger(void)
{
    char directory[128];
    struct fama_error error = {""};
    const struct fama_ledger_commit commit = {.block = &made.genesis};
    snprintf(directory, sizeof(directory), "%s/ledger", made.folder);
    return fama_ledger_open(directory, &ledger, &error) == 0 &&
           fama_ledger_commit(ledger, &commit, 1, NULL, &error) == 0;
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_newest_blocks_are_repaired_and_old_ones_transferred),
        TEST(test_a_first_answer_takes_no_more_than_was_charged_whatever_the_chunks),
        TEST(test_named_chunks_are_sent_as_asked_and_another_block_is_void),
        TEST(test_every_answer_leaves_a_receipt_of_what_it_took),
        TEST(test_a_repair_goes_before_transfers_that_came_before_it),
        TEST(test_a_transfer_that_waits_for_room_gives_way_and_leaves_nothing_out),
        TEST(test_requests_beyond_the_queue_are_dropped_and_counted),
        TEST(test_an_asker_with_many_requests_waits_for_itself),
    };
    session = make_session();
    bool is_ready = session != NULL && made_chain_create(&made) && make_ledger();
    int status = is_ready ? run_suite("chunk server", cases, sizeof(cases) / sizeof(cases[0]))
                          : EXIT_FAILURE;
    fama_session_release(session);
    fama_ledger_close(ledger);
    made_chain_destroy(&made);
    return status;
}
