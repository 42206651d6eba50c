#include "dataplane/wire.h"

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define ROUNDS 2000

static struct fama_random generator;

static uint64_t random64(void)
{
    return fama_random_next(&generator);
}

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)random64();
    }
}

static void from_hex(const char *hex, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned int octet = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(hex + 2 * i, "%2x", &octet), 1);
        at[i] = (uint8_t)octet;
    }
}

/* ---- One random value of each kind ---- */

static void make_digest(struct fama_digest *digest)
{
    digest->answer_wanted = below(2) == 1;
    digest->target = random64();
    digest->count = (uint16_t)below(FAMA_DIGEST_ENTRIES_MAX + 1);
    uint64_t author = random64() >> 8;
    digest->first = author;
    for (uint32_t i = 0; i < digest->count; i++) {
        author += 1 + below(1000);
        digest->entries[i] = (struct fama_digest_entry){
            .author = author, .incarnation = random64(), .sequence = random64()};
    }
    digest->last = author + below(3);
    digest->first += digest->count > 0 ? below(2) : 0;
}

static uint16_t random_chunk_bytes(void)
{
    return (uint16_t)(FAMA_CHUNK_BYTES_MIN +
                      below(FAMA_CHUNK_BYTES_MAX - FAMA_CHUNK_BYTES_MIN + 1));
}

static void make_request(struct fama_request *request)
{
    struct fama_geometry geometry;
    *request = (struct fama_request){.channel = random64(), .block = random64()};
    if (below(4) == 0) {
        request->chunk_bytes = below(2) == 0 ? 0 : (uint16_t)(FAMA_CHUNK_BYTES_MIN + below(8000));
        return;
    }
    do {
        request->block_bytes = (uint32_t)(random64() >> (32 + below(32)));
        request->chunk_bytes = random_chunk_bytes();
    } while (!fama_geometry(request->block_bytes, request->chunk_bytes, &geometry));
    request->parity = (uint8_t)below(FAMA_PARITY_MAX + 1);
    uint32_t step = 1 + geometry.sets / FAMA_REQUEST_ENTRIES_MAX;
    for (uint32_t set = below(step);
         set < geometry.sets && request->count < FAMA_REQUEST_ENTRIES_MAX; set += step) {
        uint32_t chunks = fama_geometry_set_chunks(&geometry, set);
        uint64_t wanted = random64() & (UINT64_MAX >> (64 - chunks));
        request->entries[request->count++] =
            (struct fama_request_entry){.set = (uint16_t)set, .wanted = wanted == 0 ? 1 : wanted};
    }
    if (request->count == 0) {
        request->entries[request->count++] = (struct fama_request_entry){.set = 0, .wanted = 1};
    }
}

static uint8_t chunk_body[FAMA_WIRE_DATAGRAM_MAX];

static uint32_t body_bytes(const struct fama_chunk *chunk)
{
    return (uint32_t)fama_wire_chunk_proof_bytes(chunk) + fama_wire_chunk_payload_bytes(chunk) +
           (chunk->key_epoch != 0 ? FAMA_WIRE_TAG_BYTES : 0);
}

/* A chunk that is well formed; its body is nonsense, which is none of the parser's business. */
static void make_chunk(struct fama_chunk *chunk)
{
    struct fama_geometry geometry;
    fill(chunk_body, 256);
    *chunk = (struct fama_chunk){
        .hops = (uint8_t)random64(),
        .channel = random64(),
        .origin = random64(),
        .block = random64(),
        .parity = (uint8_t)below(FAMA_PARITY_MAX + 1),
        .key_epoch = below(3) == 0 ? 0 : (uint32_t)random64(),
        .view_id = below(3) == 0 ? 0 : random64(),
    };
    do {
        chunk->block_bytes = (uint32_t)(random64() >> (32 + below(32)));
        chunk->chunk_bytes = random_chunk_bytes();
    } while (!fama_geometry(chunk->block_bytes, chunk->chunk_bytes, &geometry));
    chunk->set = (uint16_t)(below(2) == 0 ? geometry.sets - 1 : below(geometry.sets));
    chunk->data_chunks = (uint8_t)fama_geometry_set_chunks(&geometry, chunk->set);
    chunk->parity_chunks = (uint8_t)fama_geometry_parity_chunks(chunk->parity, chunk->data_chunks);
    uint32_t count = chunk->data_chunks + (uint32_t)chunk->parity_chunks;
    chunk->index = (uint8_t)(below(3) == 0 ? chunk->data_chunks - 1U : below(count));
    chunk->body = fama_bytes(chunk_body, body_bytes(chunk));
}

static size_t write_whole_chunk(const struct fama_chunk *chunk, uint8_t *datagram, size_t size)
{
    size_t bytes = fama_wire_chunk_write(chunk, datagram, size);
    CU_ASSERT_FATAL(bytes == FAMA_WIRE_CHUNK_BYTES && bytes + chunk->body.len <= size);
    memcpy(datagram + bytes, chunk->body.at, chunk->body.len);
    return bytes + chunk->body.len;
}

/* ---- Reading and writing any kind through one door, for properties that hold for all ---- */

enum format { ALIVE, DIGEST, STATEINFO, REQUEST, KEYS, MESSAGE, CHUNK, FORMAT_COUNT };

static size_t write_random(enum format format, uint8_t *at, size_t size)
{
    static uint8_t bytes[4096];
    switch (format) {
    case ALIVE: {
        fill(bytes, 600);
        for (uint32_t i = 0; i < FAMA_MSPID_MAX; i++) {
            bytes[i] |= 1;
        }
        struct fama_alive alive = {
            .endpoint = fama_endpoint_from_ipv4(0x01000000 + below(0xdeffffff),
                                                (uint16_t)(1 + below(65535))),
            .mspid = fama_bytes(bytes, 1 + below(FAMA_MSPID_MAX)),
            .id_bytes = fama_bytes(bytes + 300, 1 + below(300)),
        };
        if (below(2) == 0) {
            fill(alive.endpoint.address, FAMA_ADDRESS_BYTES);
            alive.endpoint.address[0] = 0x20;
        }
        return fama_wire_alive_write(&alive, at, size);
    }
    case DIGEST: {
        struct fama_digest digest;
        make_digest(&digest);
        return fama_wire_digest_write(&digest, at, size);
    }
    case STATEINFO: {
        struct fama_stateinfo stateinfo = {
            .channel = random64(),
            .height = random64(),
            .has_left = below(2) == 1,
            .loss = (uint16_t)below(FAMA_LOSS_WHOLE + 1),
        };
        return fama_wire_stateinfo_write(&stateinfo, at, size);
    }
    case REQUEST: {
        struct fama_request request;
        make_request(&request);
        return fama_wire_request_write(&request, at, size);
    }
    case KEYS: {
        struct fama_keys keys = {
            .step = (enum fama_keys_step)(FAMA_KEYS_OFFER + below(3)),
            .channel = random64(),
            .epoch = 1 + (uint32_t)below(UINT32_MAX),
        };
        if (keys.step == FAMA_KEYS_OFFER) {
            fill(keys.key, sizeof(keys.key));
            keys.key[0] |= 1;
        } else if (keys.step == FAMA_KEYS_WANTED) {
            keys.epoch *= below(2);
        }
        return fama_wire_keys_write(&keys, at, size);
    }
    case MESSAGE: {
        static const enum fama_kind kinds[] = {FAMA_KIND_ALIVE, FAMA_KIND_DIGEST,
                                               FAMA_KIND_STATEINFO};
        struct fama_message message = {
            .kind = kinds[below(3)],
            .author = random64(),
            .incarnation = random64(),
            .sequence = random64(),
            .body = fama_bytes(bytes, below(300)),
        };
        message.hops = message.kind == FAMA_KIND_ALIVE ? (uint8_t)random64() : 0;
        fill(message.signature, sizeof(message.signature));
        return fama_wire_message_write(&message, at, size);
    }
    default: {
        struct fama_chunk chunk;
        make_chunk(&chunk);
        return write_whole_chunk(&chunk, at, size);
    }
    }
}

/* Reads, and writes what was read to `again`: 0 bytes if the reader refused. */
static enum fama_drop reread(enum format format, struct fama_bytes from, uint8_t *again,
                             size_t size, size_t *written)
{
    enum fama_drop drop;
    *written = 0;
#define REREAD(type, name)                                                                         \
    struct type value;                                                                             \
    drop = fama_wire_##name##_read(from, &value);                                                  \
    if (drop == FAMA_DROP_NONE) {                                                                  \
        *written = fama_wire_##name##_write(&value, again, size);                                  \
    }                                                                                              \
    return drop
    switch (format) {
    case ALIVE: {
        REREAD(fama_alive, alive);
    }
    case DIGEST: {
        REREAD(fama_digest, digest);
    }
    case STATEINFO: {
        REREAD(fama_stateinfo, stateinfo);
    }
    case REQUEST: {
        REREAD(fama_request, request);
    }
    case KEYS: {
        REREAD(fama_keys, keys);
    }
    case MESSAGE: {
        REREAD(fama_message, message);
    }
    default: {
        struct fama_chunk chunk;
        drop = fama_wire_chunk_read(from, &chunk);
        if (drop == FAMA_DROP_NONE) {
            *written = write_whole_chunk(&chunk, again, size);
        }
        return drop;
    }
    }
#undef REREAD
}

static void test_every_kind_reads_back_to_the_bytes_it_was_written_as(void)
{
    static uint8_t first[16384];
    static uint8_t second[16384];
    for (int round = 0; round < ROUNDS; round++) {
        for (enum format format = ALIVE; format < FORMAT_COUNT; format++) {
            size_t bytes = write_random(format, first, sizeof(first));
            CU_ASSERT_FATAL(bytes > 0);
            size_t again = 0;
            enum fama_drop drop =
                reread(format, fama_bytes(first, bytes), second, sizeof(second), &again);
            CU_ASSERT_EQUAL_FATAL(drop, FAMA_DROP_NONE);
            CU_ASSERT_FATAL(again == bytes && memcmp(first, second, bytes) == 0);
        }
    }
}

/* Reads from a copy of just that length, so that a sanitizer sees every octet read beyond it. */
static enum fama_drop read_exactly(enum format format, const uint8_t *at, size_t bytes)
{
    static uint8_t again[16384];
    uint8_t *copy = malloc(bytes + (bytes == 0));
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, at, bytes);
    size_t written = 0;
    enum fama_drop drop = reread(format, fama_bytes(copy, bytes), again, sizeof(again), &written);
    free(copy);
    return drop;
}

static void test_every_truncation_and_every_extension_is_refused(void)
{
    static uint8_t written[16384];
    for (int round = 0; round < 20; round++) {
        for (enum format format = ALIVE; format < FORMAT_COUNT; format++) {
            size_t bytes = write_random(format, written, sizeof(written) - 1);
            for (size_t cut = 0; cut < bytes; cut++) {
                CU_ASSERT_NOT_EQUAL_FATAL(read_exactly(format, written, cut), FAMA_DROP_NONE);
            }
            written[bytes] = (uint8_t)random64();
            CU_ASSERT_NOT_EQUAL_FATAL(read_exactly(format, written, bytes + 1), FAMA_DROP_NONE);
        }
    }
}

/* The property behind "one encoding": whatever octet is changed to whatever value, either the reader
 * refuses or the change is part of the value, so that writing it gives the changed bytes again. */
static void test_a_changed_octet_is_refused_or_part_of_the_value(void)
{
    static uint8_t written[16384];
    static uint8_t again[16384];
    for (int round = 0; round < 20; round++) {
        for (enum format format = ALIVE; format < FORMAT_COUNT; format++) {
            size_t bytes = write_random(format, written, sizeof(written));
            size_t tampered = bytes < 700 ? bytes : 700;
            for (size_t i = 0; i < tampered; i++) {
                uint8_t before = written[i];
                written[i] = (uint8_t)(before ^ (1 + below(255)));
                size_t count = 0;
                if (reread(format, fama_bytes(written, bytes), again, sizeof(again), &count) ==
                    FAMA_DROP_NONE) {
                    CU_ASSERT_FATAL(count == bytes && memcmp(written, again, bytes) == 0);
                }
                written[i] = before;
            }
        }
    }
}

static void expect_each_other_value_refused(enum format format, uint8_t *written, size_t bytes,
                                            size_t at)
{
    uint8_t before = written[at];
    for (unsigned int value = 0; value < 256; value++) {
        written[at] = (uint8_t)value;
        enum fama_drop drop = read_exactly(format, written, bytes);
        if (value == before) {
            CU_ASSERT_EQUAL(drop, FAMA_DROP_NONE);
        } else {
            CU_ASSERT_NOT_EQUAL(drop, FAMA_DROP_NONE);
        }
    }
    written[at] = before;
}

static void test_every_length_and_count_is_checked_in_every_value_of_every_octet(void)
{
    static uint8_t written[16384];
    struct place {
        enum format format;
        size_t at;
    } const places[] = {
        {ALIVE, 5},    {ALIVE, 16},   {ALIVE, 19},  {ALIVE, 20},  {DIGEST, 25}, {DIGEST, 26},
        {REQUEST, 23}, {REQUEST, 24}, {MESSAGE, 0}, {MESSAGE, 1}, {MESSAGE, 2}, {MESSAGE, 5},
        {MESSAGE, 6},  {MESSAGE, 7},  {CHUNK, 0},   {CHUNK, 1},   {CHUNK, 2},   {CHUNK, 3},
        {CHUNK, 5},    {CHUNK, 6},    {CHUNK, 7},   {CHUNK, 41},  {CHUNK, 42},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t bytes;
        do {
            bytes = write_random(places[i].format, written, sizeof(written));
        } while (places[i].format == ALIVE && written[0] != 4); /* unused octets: IPv4's only */
        if (places[i].format == ALIVE && places[i].at >= 19) {
            /* With mspid and id_bytes of one repeated octet, no other split of the two fits. */
            memset(written + 21, 'x', bytes - 21);
            size_t mspid_bytes = (size_t)written[19] << 8 | written[20];
            size_t id_bytes = bytes - 23 - mspid_bytes;
            written[21 + mspid_bytes] = (uint8_t)(id_bytes >> 8);
            written[22 + mspid_bytes] = (uint8_t)id_bytes;
        }
        expect_each_other_value_refused(places[i].format, written, bytes, places[i].at);
    }
}

static void test_each_reason_has_its_own_name(void)
{
    uint8_t datagram[FAMA_WIRE_MESSAGE_BYTES];
    struct fama_message message = {.kind = FAMA_KIND_STATEINFO};
    struct fama_chunk chunk;
    CU_ASSERT_EQUAL_FATAL(fama_wire_message_write(&message, datagram, sizeof(datagram)),
                          sizeof(datagram));
    struct fama_bytes all = fama_bytes(datagram, sizeof(datagram));
    CU_ASSERT_EQUAL(fama_wire_message_read(fama_bytes(datagram, 7), &message), FAMA_DROP_TRUNCATED);
    CU_ASSERT_EQUAL(fama_wire_message_read(fama_bytes(datagram, 95), &message),
                    FAMA_DROP_TRUNCATED);
    CU_ASSERT_EQUAL(fama_wire_chunk_read(all, &chunk), FAMA_DROP_BAD_KIND);
    datagram[0] ^= 1;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_MAGIC);
    datagram[0] ^= 1;
    datagram[2] = 1;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_VERSION);
    datagram[2] = 2;
    static const uint8_t others[] = {FAMA_KIND_REQUEST, FAMA_KIND_SESSION, FAMA_KIND_SEALED,
                                     FAMA_KIND_KEYS};
    for (size_t i = 0; i < sizeof(others); i++) {
        datagram[3] = others[i];
        CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_KIND);
        CU_ASSERT_EQUAL(fama_wire_chunk_read(all, &chunk), FAMA_DROP_BAD_KIND);
    }
    datagram[3] = 9;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_KIND);
    datagram[3] = 0;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_KIND);
    datagram[3] = FAMA_KIND_CHUNK;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_BAD_KIND);
    CU_ASSERT_EQUAL(fama_wire_chunk_read(all, &chunk), FAMA_DROP_CHUNK_GEOMETRY);
    datagram[3] = FAMA_KIND_ALIVE;
    datagram[5] = 1;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_MALFORMED);
    datagram[5] = 0;
    datagram[7]--;
    CU_ASSERT_EQUAL(fama_wire_message_read(all, &message), FAMA_DROP_MALFORMED);
}

static void test_an_alive_message_names_one_host_and_a_printable_author(void)
{
    uint8_t body[256];
    struct fama_alive good = {.endpoint = fama_endpoint_from_ipv4(0xc6120001, 7051),
                              .mspid = fama_bytes_of_text("Org1MSP"),
                              .id_bytes = fama_bytes_of_text("PEM")};
    struct fama_alive alive;
    size_t bytes = fama_wire_alive_write(&good, body, sizeof(body));
    CU_ASSERT_EQUAL(bytes, 23 + 7 + 3);
    CU_ASSERT_EQUAL(fama_wire_alive_write(&good, body, bytes - 1), 0);
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_NONE);
    CU_ASSERT(fama_endpoint_equal(&alive.endpoint, &good.endpoint));
    CU_ASSERT(fama_bytes_equal(alive.mspid, good.mspid));
    CU_ASSERT(fama_bytes_equal(alive.id_bytes, good.id_bytes));
    static const uint8_t bad_first_octets[] = {0, 224, 239, 240, 255};
    for (size_t i = 0; i < sizeof(bad_first_octets); i++) {
        body[1] = bad_first_octets[i];
        CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_MALFORMED);
        struct fama_alive bad = good;
        bad.endpoint = fama_endpoint_from_ipv4((uint32_t)bad_first_octets[i] << 24 | 1, 7051);
        CU_ASSERT_EQUAL(fama_wire_alive_write(&bad, body + 64, 100), 0);
    }
    body[1] = 198;
    body[17] = body[18] = 0;
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_MALFORMED);
    body[18] = 1;
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_NONE);
    body[23] = 0;
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_MALFORMED);
    struct fama_alive nameless = good;
    nameless.mspid.len = 0;
    CU_ASSERT_EQUAL(fama_wire_alive_write(&nameless, body, sizeof(body)), 0);
    nameless = good;
    nameless.id_bytes.len = 0;
    CU_ASSERT_EQUAL(fama_wire_alive_write(&nameless, body, sizeof(body)), 0);
}

static void test_an_alive_message_says_an_address_in_one_way_only(void)
{
    uint8_t body[256];
    struct fama_alive good = {
        .endpoint = {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 7}, .port = 1},
        .mspid = fama_bytes_of_text("Org1MSP"),
        .id_bytes = fama_bytes_of_text("PEM")};
    struct fama_alive alive;
    size_t bytes = fama_wire_alive_write(&good, body, sizeof(body));
    CU_ASSERT_EQUAL(bytes, 23 + 7 + 3);
    CU_ASSERT_EQUAL(body[0], 6);
    CU_ASSERT_EQUAL(memcmp(body + 1, good.endpoint.address, FAMA_ADDRESS_BYTES), 0);
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_NONE);
    CU_ASSERT(fama_endpoint_equal(&alive.endpoint, &good.endpoint));
    for (unsigned int family = 0; family < 256; family++) {
        body[0] = (uint8_t)family;
        CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive),
                        family == 6 ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED);
    }
    static const struct fama_endpoint bad[] = {
        {.address = {[15] = 1}, .port = 1},             /* loopback */
        {.address = {[12] = 198, 18, 0, 1}, .port = 1}, /* "compatible" */
        {.address = {0xff, 0x02, [15] = 1}, .port = 1}, /* a group */
        {.address = {0xfe, 0x80, [15] = 1}, .port = 1}, /* of some link only */
        {.address = {0x20, 0x01, [15] = 1}, .port = 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fama_alive refused = good;
        refused.endpoint = bad[i];
        CU_ASSERT_EQUAL(fama_wire_alive_write(&refused, body + 64, 100), 0);
        body[0] = 6;
        memcpy(body + 1, bad[i].address, FAMA_ADDRESS_BYTES);
        body[18] = (uint8_t)bad[i].port;
        CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_MALFORMED);
    }
    struct fama_endpoint mapped = fama_endpoint_from_ipv4(0xc6120001, 1);
    memcpy(body + 1, mapped.address, FAMA_ADDRESS_BYTES);
    body[18] = 1;
    CU_ASSERT_EQUAL(fama_wire_alive_read(fama_bytes(body, bytes), &alive), FAMA_DROP_MALFORMED);
}

static void test_lists_out_of_order_or_out_of_range_are_refused_both_ways(void)
{
    uint8_t body[2048];
    struct fama_digest digest = {
        .first = 10, .last = 20, .count = 2, .entries = {{.author = 10}, {.author = 20}}};
    size_t bytes = fama_wire_digest_write(&digest, body, sizeof(body));
    CU_ASSERT_EQUAL_FATAL(bytes, 27 + 48);
    struct fama_digest again;
    static const struct {
        uint8_t first, second;
        bool is_good;
    } orders[] = {{10, 20, true},  {11, 19, true}, {20, 10, false},
                  {15, 15, false}, {9, 20, false}, {10, 21, false}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        digest.entries[0].author = body[27 + 7] = orders[i].first;
        digest.entries[1].author = body[27 + 24 + 7] = orders[i].second;
        CU_ASSERT_EQUAL(fama_wire_digest_read(fama_bytes(body, bytes), &again) == FAMA_DROP_NONE,
                        orders[i].is_good);
        uint8_t other[128];
        CU_ASSERT_EQUAL(fama_wire_digest_write(&digest, other, sizeof(other)) > 0,
                        orders[i].is_good);
    }
    digest = (struct fama_digest){.first = 2, .last = 1};
    CU_ASSERT_EQUAL(fama_wire_digest_write(&digest, body, sizeof(body)), 0);
    digest = (struct fama_digest){.first = 0, .last = UINT64_MAX, .count = 51};
    CU_ASSERT_EQUAL(fama_wire_digest_write(&digest, body, sizeof(body)), 0);

    struct fama_request request = {.block_bytes = 32 * 1000 * 2 + 1, .chunk_bytes = 1000};
    static const struct {
        struct fama_request_entry entries[2];
        uint16_t count;
        bool is_good;
    } wishes[] = {
        {{{0, 1}, {2, 1}}, 2, true},           {{{0, UINT32_MAX}, {1, 1}}, 2, true},
        {{{0, UINT64_MAX}, {1, 1}}, 2, false}, {{{0, UINT64_C(1) << 32}, {1, 1}}, 2, false},
        {{{1, 1}, {0, 1}}, 2, false},          {{{1, 1}, {1, 2}}, 2, false},
        {{{0, 0}, {0, 0}}, 1, false},          {{{2, 2}, {0, 0}}, 1, false},
        {{{2, 3}, {0, 0}}, 1, false},          {{{3, 1}, {0, 0}}, 1, false},
        {{{0, 1}, {0, 0}}, 0, false},
    };
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        memcpy(request.entries, wishes[i].entries, sizeof(wishes[i].entries));
        request.count = wishes[i].count;
        CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)) > 0,
                        wishes[i].is_good);
    }
    request = (struct fama_request){.chunk_bytes = 0};
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 25);
    request = (struct fama_request){.parity = 1};
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 0);
    request = (struct fama_request){
        .block_bytes = 1000, .chunk_bytes = 1000, .count = 1, .entries = {{.wanted = 1}}};
    request.parity = FAMA_PARITY_MAX;
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 35);
    request.parity = FAMA_PARITY_MAX + 1;
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 0);
    request = (struct fama_request){.count = 1, .entries = {{.set = 0, .wanted = 1}}};
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 0);
    request = (struct fama_request){.chunk_bytes = 63};
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 0);
    request = (struct fama_request){.chunk_bytes = FAMA_CHUNK_BYTES_MAX + 1};
    CU_ASSERT_EQUAL(fama_wire_request_write(&request, body, sizeof(body)), 0);
}

static void test_a_message_may_be_written_around_a_body_that_lies_in_place(void)
{
    uint8_t datagram[FAMA_WIRE_MESSAGE_BYTES + 19];
    struct fama_stateinfo stateinfo = {.channel = 1, .height = 2, .has_left = true, .loss = 77};
    size_t bytes = fama_wire_stateinfo_write(&stateinfo, datagram + FAMA_WIRE_MESSAGE_BYTES, 19);
    CU_ASSERT_EQUAL_FATAL(bytes, 19);
    struct fama_message message = {.kind = FAMA_KIND_STATEINFO,
                                   .body = fama_bytes(datagram + FAMA_WIRE_MESSAGE_BYTES, bytes)};
    CU_ASSERT_EQUAL(fama_wire_message_write(&message, datagram, sizeof(datagram)),
                    sizeof(datagram));
    CU_ASSERT_EQUAL(fama_wire_message_write(&message, datagram, sizeof(datagram) - 1), 0);
    CU_ASSERT_EQUAL(fama_wire_message_read(fama_bytes(datagram, sizeof(datagram)), &message),
                    FAMA_DROP_NONE);
    struct fama_stateinfo again;
    CU_ASSERT_EQUAL(fama_wire_stateinfo_read(message.body, &again), FAMA_DROP_NONE);
    CU_ASSERT(again.channel == 1 && again.height == 2 && again.has_left && again.loss == 77);
    message.kind = FAMA_KIND_CHUNK;
    CU_ASSERT_EQUAL(fama_wire_message_write(&message, datagram, sizeof(datagram)), 0);
    message.kind = FAMA_KIND_ALIVE;
    message.body.len = FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_MESSAGE_BYTES + 1;
    CU_ASSERT_EQUAL(fama_wire_message_write(&message, datagram, SIZE_MAX), 0);
}

/* What the geometry says, found by counting. */
static void test_geometry_agrees_with_counting(void)
{
    for (int round = 0; round < 3000; round++) {
        uint32_t block_bytes = 1 + below(200000);
        uint16_t chunk_bytes = (uint16_t)(64 + below(1500));
        struct fama_geometry geometry;
        CU_ASSERT_FATAL(fama_geometry(block_bytes, chunk_bytes, &geometry));
        uint32_t chunks = 0;
        for (uint32_t at = 0; at < block_bytes; at += chunk_bytes) {
            chunks++;
        }
        CU_ASSERT_EQUAL_FATAL(geometry.chunks, chunks);
        uint32_t counted = 0;
        for (uint32_t set = 0; set < geometry.sets; set++) {
            uint32_t in_set = fama_geometry_set_chunks(&geometry, set);
            CU_ASSERT_FATAL(in_set >= 1 && in_set <= 32);
            CU_ASSERT_FATAL(in_set == 32 || set == geometry.sets - 1);
            counted += in_set;
        }
        CU_ASSERT_EQUAL_FATAL(counted, chunks);
        CU_ASSERT_EQUAL(fama_geometry_set_chunks(&geometry, geometry.sets), 0);
    }
}

static void test_geometry_holds_at_its_limits(void)
{
    struct fama_geometry geometry;
    CU_ASSERT_FALSE(fama_geometry(0, 1000, &geometry));
    CU_ASSERT_FALSE(fama_geometry(1, 63, &geometry));
    CU_ASSERT_FALSE(fama_geometry(1, 0, &geometry));
    CU_ASSERT_FALSE(fama_geometry(1, 8713, &geometry));
    CU_ASSERT_FALSE(fama_geometry(1, UINT16_MAX, &geometry));
    CU_ASSERT(fama_geometry(1, 64, &geometry) && geometry.chunks == 1 && geometry.sets == 1);
    CU_ASSERT(fama_geometry(64, 64, &geometry) && geometry.chunks == 1);
    CU_ASSERT(fama_geometry(65, 64, &geometry) && geometry.chunks == 2);
    CU_ASSERT(fama_geometry(2048, 64, &geometry) && geometry.sets == 1);
    CU_ASSERT(fama_geometry(2049, 64, &geometry) && geometry.sets == 2);
    CU_ASSERT_EQUAL(fama_geometry_set_chunks(&geometry, 1), 1);
    CU_ASSERT_EQUAL(fama_geometry_set_chunks(&geometry, UINT32_MAX), 0);
    CU_ASSERT(fama_geometry(16384 * 2048, 64, &geometry) && geometry.sets == 16384);
    CU_ASSERT_FALSE(fama_geometry(16384 * 2048 + 1, 64, &geometry));
    CU_ASSERT(fama_geometry(UINT32_MAX, 8712, &geometry));
    CU_ASSERT_EQUAL(geometry.chunks, 492995);
    CU_ASSERT_EQUAL(geometry.sets, 15407);
    CU_ASSERT_EQUAL(fama_geometry_set_chunks(&geometry, 15406), 492995 - 15406 * 32);
    /* 8192 x 32 x 16384 is one octet more than the largest block. */
    CU_ASSERT(fama_geometry(UINT32_MAX, 8192, &geometry) && geometry.sets == 16384);
    CU_ASSERT_FALSE(fama_geometry(UINT32_MAX, 8191, &geometry));

    CU_ASSERT_EQUAL(fama_chunk_bytes_for(FAMA_WIRE_DATAGRAM_MAX, 0), FAMA_CHUNK_BYTES_MAX);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(SIZE_MAX, 0), FAMA_CHUNK_BYTES_MAX);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(SIZE_MAX, 32), FAMA_CHUNK_BYTES_MAX - 20);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(1472, 0), 1212);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(1472, 1), 1192);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(1472, 33), 0);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(1472, UINT32_MAX), 0);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(280 + 64, 4), 64);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(280 + 63, 4), 0);
    CU_ASSERT_EQUAL(fama_chunk_bytes_for(0, 0), 0);
}

/* A set that is not full has its share of parity, one more, and never more than a full one. */
static void test_a_small_set_has_its_share_of_parity_and_one_more(void)
{
    static const struct {
        uint32_t parity, data, expected;
    } cases[] = {{0, 1, 0},  {0, 32, 0},   {1, 1, 1},    {1, 32, 1},  {2, 1, 2},
                 {4, 1, 2},  {4, 8, 2},    {4, 9, 3},    {4, 17, 4},  {4, 32, 4},
                 {32, 1, 2}, {32, 31, 32}, {32, 32, 32}, {10, 16, 6}, {10, 32, 10}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CU_ASSERT_EQUAL(fama_geometry_parity_chunks(cases[i].parity, cases[i].data),
                        cases[i].expected);
    }
}

/* What a receiver makes room for: the payload of each chunk, found by counting. */
static void
test_a_chunks_payload_is_what_its_block_has_there_and_parity_is_as_long_as_the_first(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct fama_chunk chunk;
        make_chunk(&chunk);
        uint64_t first = (uint64_t)chunk.set * 32 * chunk.chunk_bytes;
        uint64_t from =
            first +
            (chunk.index < chunk.data_chunks ? (uint64_t)chunk.index * chunk.chunk_bytes : 0);
        uint64_t to = from + chunk.chunk_bytes;
        CU_ASSERT_EQUAL_FATAL(fama_wire_chunk_payload_bytes(&chunk),
                              (to < chunk.block_bytes ? to : chunk.block_bytes) - from);
    }
}

static void test_a_chunk_that_is_not_sealed_is_open_at_once_and_a_sealed_one_is_not(void)
{
    static uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX];
    for (int round = 0; round < 200; round++) {
        struct fama_chunk chunk;
        struct fama_chunk again;
        make_chunk(&chunk);
        size_t bytes = write_whole_chunk(&chunk, datagram, sizeof(datagram));
        CU_ASSERT_EQUAL_FATAL(fama_wire_chunk_read(fama_bytes(datagram, bytes), &again),
                              FAMA_DROP_NONE);
        if (again.key_epoch != 0) {
            CU_ASSERT(again.signature == NULL && again.proof == NULL && again.payload.at == NULL);
            continue;
        }
        CU_ASSERT(again.signature == datagram + 56);
        CU_ASSERT(again.proof == datagram + 56 + 64);
        CU_ASSERT(again.payload.at + again.payload.len == datagram + bytes);
        CU_ASSERT_EQUAL(again.payload.len, fama_wire_chunk_payload_bytes(&chunk));
    }
}

static void test_a_keys_message_carries_a_key_in_an_offer_only(void)
{
    uint8_t body[64];
    struct fama_keys keys = {.step = FAMA_KEYS_OFFER, .channel = 1, .epoch = 7};
    CU_ASSERT_EQUAL(fama_wire_keys_write(&keys, body, sizeof(body)), 0);
    keys.key[31] = 1;
    CU_ASSERT_EQUAL(fama_wire_keys_write(&keys, body, sizeof(body)), 45);
    CU_ASSERT_EQUAL(fama_wire_keys_write(&keys, body, 44), 0);
    keys.epoch = 0;
    CU_ASSERT_EQUAL(fama_wire_keys_write(&keys, body, sizeof(body)), 0);
    keys.epoch = 7;
    keys.step = FAMA_KEYS_TAKEN;
    CU_ASSERT_EQUAL(fama_wire_keys_write(&keys, body, sizeof(body)), 0);
    body[0] = FAMA_KEYS_TAKEN;
    CU_ASSERT_EQUAL(fama_wire_keys_read(fama_bytes(body, 45), &keys), FAMA_DROP_MALFORMED);
    body[0] = 4;
    CU_ASSERT_EQUAL(fama_wire_keys_read(fama_bytes(body, 45), &keys), FAMA_DROP_MALFORMED);
}

static void test_hops_are_left_in_chunks_and_alive_messages_only(void)
{
    uint8_t datagram[FAMA_WIRE_MESSAGE_BYTES + 1];
    for (unsigned int kind = FAMA_KIND_ALIVE; kind <= FAMA_KIND_KEYS; kind++) {
        struct fama_wire_header header = {.kind = (uint8_t)kind};
        struct fama_bytes all = fama_bytes(datagram, sizeof(datagram));
        bool may = kind == FAMA_KIND_ALIVE || kind == FAMA_KIND_CHUNK;
        bool is_message =
            kind == FAMA_KIND_ALIVE || kind == FAMA_KIND_DIGEST || kind == FAMA_KIND_STATEINFO;
        memset(datagram, 0, sizeof(datagram));
        fama_wire_header_write(datagram, &header, sizeof(datagram));
        CU_ASSERT_EQUAL(fama_wire_header_read(all, &header), FAMA_DROP_NONE);
        for (unsigned int hops = 1; hops < 256; hops++) {
            struct fama_message message = {.kind = (enum fama_kind)kind};
            datagram[4] = (uint8_t)hops;
            CU_ASSERT_EQUAL(fama_wire_header_read(all, &header),
                            may ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED);
            if (is_message) {
                CU_ASSERT_EQUAL(fama_wire_message_read(all, &message),
                                may ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED);
                message = (struct fama_message){.kind = (enum fama_kind)kind,
                                                .hops = (uint8_t)hops,
                                                .body = fama_bytes(datagram, 1)};
                uint8_t again[sizeof(datagram)];
                CU_ASSERT_EQUAL(fama_wire_message_write(&message, again, sizeof(again)),
                                may ? sizeof(again) : 0);
            }
        }
    }
}

static void test_only_what_a_session_proves_is_written_as_an_inner_datagram(void)
{
    uint8_t datagram[64];
    struct fama_bytes body = fama_bytes_of_text("what is within");
    for (unsigned int kind = 0; kind < 16; kind++) {
        size_t bytes = fama_wire_inner_write((enum fama_kind)kind, body, datagram, 64);
        bool is_inner = kind == FAMA_KIND_REQUEST || kind == FAMA_KIND_KEYS;
        CU_ASSERT_EQUAL(bytes, is_inner ? 8 + body.len : 0);
        struct fama_wire_header header;
        if (bytes > 0) {
            CU_ASSERT_EQUAL(fama_wire_header_read(fama_bytes(datagram, bytes), &header),
                            FAMA_DROP_NONE);
            CU_ASSERT(header.kind == kind && header.hops == 0);
            CU_ASSERT_EQUAL(memcmp(datagram + 8, body.at, body.len), 0);
        }
    }
    CU_ASSERT_EQUAL(fama_wire_inner_write(FAMA_KIND_KEYS, body, datagram, 8 + body.len - 1), 0);
    body.len = FAMA_WIRE_DATAGRAM_MAX;
    CU_ASSERT_EQUAL(fama_wire_inner_write(FAMA_KIND_KEYS, body, datagram, SIZE_MAX), 0);
}

static void test_the_last_chunk_of_the_largest_block_is_read_and_its_neighbours_are_not(void)
{
    static uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX];
    struct fama_chunk chunk = {.block_bytes = UINT32_MAX,
                               .chunk_bytes = 8712,
                               .set = 15406,
                               .index = 2,
                               .data_chunks = 3,
                               .key_epoch = 1};
    chunk.body =
        fama_bytes(chunk_body, 64 + 20 * fama_merkle_depth(3) + (UINT32_MAX - 492994U * 8712) + 16);
    size_t bytes = write_whole_chunk(&chunk, datagram, sizeof(datagram));
    CU_ASSERT_EQUAL(read_exactly(CHUNK, datagram, bytes), FAMA_DROP_NONE);
    chunk.index = 3;
    CU_ASSERT_EQUAL(fama_wire_chunk_write(&chunk, datagram, sizeof(datagram)), 0);
    /* The one before is a whole chunk: the same datagram is none of it. */
    datagram[40] = 1;
    CU_ASSERT_NOT_EQUAL(read_exactly(CHUNK, datagram, bytes), FAMA_DROP_NONE);
    chunk.index = 1;
    CU_ASSERT(fama_wire_chunk_write(&chunk, datagram, sizeof(datagram)) > 0);
    chunk.set = 15407;
    CU_ASSERT_EQUAL(fama_wire_chunk_write(&chunk, datagram, sizeof(datagram)), 0);
    /* Set and index that would wrap around to a place inside the block. */
    chunk.set = UINT16_MAX;
    chunk.index = UINT8_MAX;
    CU_ASSERT_EQUAL(fama_wire_chunk_write(&chunk, datagram, sizeof(datagram)), 0);
}

static void test_signed_digests_are_the_ones_computed_elsewhere(void)
{
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    uint8_t digest[FAMA_SHA256_BYTES];
    uint8_t channel[FAMA_SHA256_BYTES];
    uint8_t expected[FAMA_SHA256_BYTES];
    for (size_t i = 0; i < sizeof(pki_id); i++) {
        pki_id[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(root); i++) {
        root[i] = (uint8_t)(100 + i);
    }
    struct fama_message message = {.kind = FAMA_KIND_ALIVE,
                                   .incarnation = 0x0102030405060708,
                                   .sequence = 0x1112131415161718,
                                   .body = fama_bytes_of_text("body of a message")};
    fama_wire_message_digest(&message, pki_id, digest);
    from_hex("daa1daea6e70e69d8c3e937aec5760eba9d8edff8d89ccc3c8f7c4e1ecf9b9d6", expected, 32);
    CU_ASSERT_EQUAL(memcmp(digest, expected, 32), 0);
    message = (struct fama_message){.kind = FAMA_KIND_STATEINFO, .incarnation = UINT64_MAX};
    fama_wire_message_digest(&message, pki_id, digest);
    from_hex("bef667b8a2a25c313f151ce6695d946a3790c59b6f7f1ebd0e3b816bea54d1eb", expected, 32);
    CU_ASSERT_EQUAL(memcmp(digest, expected, 32), 0);
    fama_channel_digest("drivenet", channel);
    from_hex("d762b447fd3aad3f5215779e774d68f454df27b3668bfa0342174621a6ec5b60", expected, 32);
    CU_ASSERT_EQUAL(memcmp(channel, expected, 32), 0);
    CU_ASSERT_EQUAL(fama_tag_of(channel), 0xd762b447fd3aad3f);
    struct fama_chunk chunk = {.block = 0x2122232425262728,
                               .block_bytes = 0x31323334,
                               .chunk_bytes = 0x0585,
                               .set = 0x4142,
                               .data_chunks = 0x20,
                               .parity_chunks = 9,
                               .parity = 7};
    uint8_t commitment[FAMA_SHA256_BYTES];
    for (size_t i = 0; i < sizeof(commitment); i++) {
        commitment[i] = (uint8_t)(200 + i);
    }
    fama_wire_root_digest(&chunk, channel, pki_id, commitment, root, digest);
    from_hex("568e768faca9a3ba03056d0dc1499d80196f6ee868c6027cc30a91cb9fca4e96", expected, 32);
    CU_ASSERT_EQUAL(memcmp(digest, expected, 32), 0);
}

static void test_a_written_datagram_is_laid_out_as_documented(void)
{
    uint8_t datagram[FAMA_WIRE_MESSAGE_BYTES + 19];
    uint8_t body[19];
    struct fama_stateinfo stateinfo = {
        .channel = 0x0102030405060708, .height = 9, .has_left = true, .loss = 0x0203};
    CU_ASSERT_EQUAL_FATAL(fama_wire_stateinfo_write(&stateinfo, body, sizeof(body)), 19);
    struct fama_message message = {.kind = FAMA_KIND_STATEINFO,
                                   .author = 0xa1a2a3a4a5a6a7a8,
                                   .incarnation = 0xb1b2b3b4b5b6b7b8,
                                   .sequence = 0xc1c2c3c4c5c6c7c8,
                                   .body = fama_bytes(body, sizeof(body))};
    memset(message.signature, 0xee, sizeof(message.signature));
    CU_ASSERT_EQUAL_FATAL(fama_wire_message_write(&message, datagram, sizeof(datagram)), 115);
    uint8_t expected[115];
    from_hex("fa3a02050000006ba1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8", expected, 32);
    memset(expected + 32, 0xee, 64);
    from_hex("01020304050607080000000000000009010203", expected + 96, 19);
    CU_ASSERT_EQUAL(memcmp(datagram, expected, 115), 0);
    struct fama_chunk chunk = {.hops = 5,
                               .channel = 0x0102030405060708,
                               .origin = 0x1112131415161718,
                               .block = 0x2122232425262728,
                               .block_bytes = 0x00010001,
                               .chunk_bytes = 0x0400,
                               .set = 1,
                               .index = 6,
                               .data_chunks = 32,
                               .parity_chunks = 3,
                               .parity = 3,
                               .key_epoch = 0x41424344,
                               .view_id = 0x5152535455565758};
    uint8_t header[FAMA_WIRE_CHUNK_BYTES];
    CU_ASSERT_EQUAL_FATAL(fama_wire_chunk_write(&chunk, header, sizeof(header)), 56);
    from_hex("fa3a0202050005000102030405060708111213141516171821222324252627280001000104000001"
             "06200303414243445152535455565758",
             expected, 56);
    expected[6] = (48 + 64 + 6 * 20 + 1024 + 16) >> 8;
    expected[7] = (48 + 64 + 6 * 20 + 1024 + 16) & 0xff;
    CU_ASSERT_EQUAL(memcmp(header, expected, 56), 0);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("wire"));
    static const struct test_case cases[] = {
        TEST(test_every_kind_reads_back_to_the_bytes_it_was_written_as),
        TEST(test_every_truncation_and_every_extension_is_refused),
        TEST(test_a_changed_octet_is_refused_or_part_of_the_value),
        TEST(test_every_length_and_count_is_checked_in_every_value_of_every_octet),
        TEST(test_each_reason_has_its_own_name),
        TEST(test_an_alive_message_names_one_host_and_a_printable_author),
        TEST(test_an_alive_message_says_an_address_in_one_way_only),
        TEST(test_lists_out_of_order_or_out_of_range_are_refused_both_ways),
        TEST(test_a_message_may_be_written_around_a_body_that_lies_in_place),
        TEST(test_geometry_agrees_with_counting),
        TEST(test_geometry_holds_at_its_limits),
        TEST(test_a_small_set_has_its_share_of_parity_and_one_more),
        TEST(test_a_chunks_payload_is_what_its_block_has_there_and_parity_is_as_long_as_the_first),
        TEST(test_a_chunk_that_is_not_sealed_is_open_at_once_and_a_sealed_one_is_not),
        TEST(test_a_keys_message_carries_a_key_in_an_offer_only),
        TEST(test_hops_are_left_in_chunks_and_alive_messages_only),
        TEST(test_only_what_a_session_proves_is_written_as_an_inner_datagram),
        TEST(test_the_last_chunk_of_the_largest_block_is_read_and_its_neighbours_are_not),
        TEST(test_signed_digests_are_the_ones_computed_elsewhere),
        TEST(test_a_written_datagram_is_laid_out_as_documented),
    };
    return run_suite("wire", cases, sizeof(cases) / sizeof(cases[0]));
}
