#include "dataplane/wire.h"

/* Sizes of the bodies' fixed parts, as wire.h lays them out. */
#define ALIVE_FIXED_BYTES   (1 + 16 + 2 + 2 + 2)
#define DIGEST_FIXED_BYTES  (1 + 8 + 8 + 8 + 2)
#define DIGEST_ENTRY_BYTES  (8 + 8 + 8)
#define STATEINFO_BYTES     (8 + 8 + 1)
#define REQUEST_FIXED_BYTES (8 + 8 + 8 + 4 + 2 + 2)
#define REQUEST_ENTRY_BYTES (2 + 8)
#define FAMILY_IPV4         4
#define FAMILY_IPV6         6
#define KNOWN_CHUNK_FLAGS   FAMA_FLAG_REPAIR

/* A message that some link cannot carry would never arrive there, and nobody would hear why. */
_Static_assert(FAMA_WIRE_MESSAGE_BYTES + DIGEST_FIXED_BYTES +
                       FAMA_DIGEST_ENTRIES_MAX * DIGEST_ENTRY_BYTES <=
                   FAMA_WIRE_DATAGRAM_LEAST,
               "the longest digest fits the smallest MTU");
_Static_assert(FAMA_WIRE_MESSAGE_BYTES + REQUEST_FIXED_BYTES +
                       FAMA_REQUEST_ENTRIES_MAX * REQUEST_ENTRY_BYTES <=
                   FAMA_WIRE_DATAGRAM_LEAST,
               "the longest request fits the smallest MTU");

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint64_t get64(const uint8_t *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

static void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)(value >> 32));
    put32(at + 4, (uint32_t)value);
}

/* The verdict on a body whose length is known beforehand: anything unparsed is as wrong as too little. */
static enum fama_drop length_is(size_t have, size_t need)
{
    if (have < need) {
        return FAMA_DROP_TRUNCATED;
    }
    return have == need ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

static bool is_kind(uint8_t kind)
{
    return kind >= FAMA_KIND_ALIVE && kind <= FAMA_KIND_STATEINFO;
}

static bool is_message_kind(uint8_t kind)
{
    return is_kind(kind) && kind != FAMA_KIND_CHUNK;
}

fama_tag fama_tag_of(const uint8_t digest[FAMA_SHA256_BYTES])
{
    return get64(digest);
}

void fama_channel_digest(const char *channel_id, uint8_t digest[FAMA_SHA256_BYTES])
{
    fama_sha256(fama_bytes_of_text(channel_id), digest);
}

/* ---- Geometry ---- */

bool fama_geometry(uint32_t block_bytes, uint16_t chunk_bytes, struct fama_geometry *geometry)
{
    if (block_bytes == 0 || chunk_bytes < FAMA_CHUNK_BYTES_MIN ||
        chunk_bytes > FAMA_CHUNK_BYTES_MAX) {
        return false;
    }
    /* Written without sums, so that nothing wraps for a block of UINT32_MAX bytes. */
    uint32_t chunks = (block_bytes - 1) / chunk_bytes + 1;
    uint32_t sets = (chunks - 1) / FAMA_SET_CHUNKS + 1;
    if (sets > FAMA_SETS_MAX) {
        return false;
    }
    *geometry = (struct fama_geometry){.chunks = chunks, .sets = sets};
    return true;
}

uint32_t fama_geometry_set_chunks(const struct fama_geometry *geometry, uint32_t set)
{
    if (set >= geometry->sets) {
        return 0;
    }
    uint32_t before = set * FAMA_SET_CHUNKS;
    uint32_t left = geometry->chunks - before;
    return left < FAMA_SET_CHUNKS ? left : FAMA_SET_CHUNKS;
}

uint16_t fama_chunk_bytes_for(size_t datagram_bytes)
{
    size_t overhead =
        FAMA_WIRE_CHUNK_FIXED_BYTES + (size_t)FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES;
    if (datagram_bytes > FAMA_WIRE_DATAGRAM_MAX) {
        datagram_bytes = FAMA_WIRE_DATAGRAM_MAX;
    }
    if (datagram_bytes < overhead + FAMA_CHUNK_BYTES_MIN) {
        return 0;
    }
    return (uint16_t)(datagram_bytes - overhead);
}

/* Whether the place a chunk claims is the very one that its block's size and chunk size imply. */
static bool chunk_is_in_place(const struct fama_chunk *chunk)
{
    struct fama_geometry geometry;
    if (!fama_geometry(chunk->block_bytes, chunk->chunk_bytes, &geometry)) {
        return false;
    }
    uint32_t data_chunks = fama_geometry_set_chunks(&geometry, chunk->set);
    if (data_chunks == 0 || chunk->data_chunks != data_chunks || chunk->parity_chunks != 0 ||
        chunk->index >= data_chunks || chunk->proof_nodes != fama_merkle_depth(data_chunks)) {
        return false;
    }
    uint32_t number = (uint32_t)chunk->set * FAMA_SET_CHUNKS + chunk->index;
    uint32_t offset = number * chunk->chunk_bytes; /* below block_bytes, hence no wrap */
    uint32_t left = chunk->block_bytes - offset;
    uint32_t length = left < chunk->chunk_bytes ? left : chunk->chunk_bytes;
    return chunk->payload.len == length;
}

/* ---- Common header ---- */

enum fama_drop fama_wire_header_read(struct fama_bytes datagram, struct fama_wire_header *header)
{
    if (datagram.len < FAMA_WIRE_HEADER_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    if (get16(datagram.at) != FAMA_WIRE_MAGIC) {
        return FAMA_DROP_BAD_MAGIC;
    }
    if (datagram.at[2] != FAMA_WIRE_VERSION) {
        return FAMA_DROP_BAD_VERSION;
    }
    uint8_t kind = datagram.at[3];
    if (!is_kind(kind)) {
        return FAMA_DROP_BAD_KIND;
    }
    if (datagram.len > FAMA_WIRE_DATAGRAM_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    uint8_t flags = datagram.at[5];
    uint8_t known_flags = kind == FAMA_KIND_CHUNK ? KNOWN_CHUNK_FLAGS : 0;
    if ((flags & ~known_flags) != 0) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(datagram.len, (size_t)FAMA_WIRE_HEADER_BYTES + get16(datagram.at + 6));
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    *header = (struct fama_wire_header){.kind = kind, .hops = datagram.at[4], .flags = flags};
    return FAMA_DROP_NONE;
}

static void header_write(uint8_t *at, const struct fama_wire_header *header, size_t datagram_bytes)
{
    put16(at, FAMA_WIRE_MAGIC);
    at[2] = FAMA_WIRE_VERSION;
    at[3] = header->kind;
    at[4] = header->hops;
    at[5] = header->flags;
    put16(at + 6, (uint16_t)(datagram_bytes - FAMA_WIRE_HEADER_BYTES));
}

/* ---- Signed messages ---- */

enum fama_drop fama_wire_message_read(struct fama_bytes datagram, struct fama_message *message)
{
    struct fama_wire_header header;
    enum fama_drop drop = fama_wire_header_read(datagram, &header);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (!is_message_kind(header.kind)) {
        return FAMA_DROP_BAD_KIND;
    }
    if (datagram.len < FAMA_WIRE_MESSAGE_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    message->kind = (enum fama_kind)header.kind;
    message->hops = header.hops;
    message->author = get64(at + 8);
    message->incarnation = get64(at + 16);
    message->sequence = get64(at + 24);
    memcpy(message->signature, at + 32, FAMA_SIGNATURE_BYTES);
    message->body =
        fama_bytes(at + FAMA_WIRE_MESSAGE_BYTES, datagram.len - FAMA_WIRE_MESSAGE_BYTES);
    return FAMA_DROP_NONE;
}

size_t fama_wire_message_write(const struct fama_message *message, uint8_t *datagram, size_t size)
{
    if (message->body.len > FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_MESSAGE_BYTES) {
        return 0;
    }
    size_t bytes = FAMA_WIRE_MESSAGE_BYTES + message->body.len;
    if (size < bytes || !is_message_kind((uint8_t)message->kind)) {
        return 0;
    }
    /* The body first: it may have been written where it now has to be. */
    if (message->body.len > 0) {
        memmove(datagram + FAMA_WIRE_MESSAGE_BYTES, message->body.at, message->body.len);
    }
    struct fama_wire_header header = {.kind = (uint8_t)message->kind, .hops = message->hops};
    header_write(datagram, &header, bytes);
    put64(datagram + 8, message->author);
    put64(datagram + 16, message->incarnation);
    put64(datagram + 24, message->sequence);
    memcpy(datagram + 32, message->signature, FAMA_SIGNATURE_BYTES);
    return bytes;
}

void fama_wire_message_digest(const struct fama_message *message,
                              const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                              uint8_t digest[FAMA_SHA256_BYTES])
{
    uint8_t kind = (uint8_t)message->kind;
    uint8_t numbers[8 + 8 + 4];
    put64(numbers, message->incarnation);
    put64(numbers + 8, message->sequence);
    put32(numbers + 16, (uint32_t)message->body.len);
    const struct fama_bytes parts[] = {
        fama_bytes_of_text("fama message 1"),
        fama_bytes(&kind, 1),
        fama_bytes(author_pki_id, FAMA_PKI_ID_BYTES),
        fama_bytes(numbers, sizeof(numbers)),
        message->body,
    };
    fama_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
}

/* ---- Alive ---- */

/* Whether an alive message may name it. Which of those may be talked to is the membership's judgement. */
static bool endpoint_is_plausible(const struct fama_endpoint *endpoint)
{
    return endpoint->port != 0 && fama_address_is_one_host(endpoint->address);
}

/* Family and address, 17 bytes; false if they are no address or not its only encoding. */
static bool address_read(const uint8_t *at, uint8_t address[FAMA_ADDRESS_BYTES])
{
    static const uint8_t zeros[FAMA_ADDRESS_BYTES - 4];
    if (at[0] == FAMILY_IPV4 && memcmp(at + 1 + 4, zeros, sizeof(zeros)) == 0) {
        struct fama_endpoint endpoint = fama_endpoint_from_ipv4(get32(at + 1), 0);
        memcpy(address, endpoint.address, FAMA_ADDRESS_BYTES);
        return true;
    }
    memcpy(address, at + 1, FAMA_ADDRESS_BYTES);
    return at[0] == FAMILY_IPV6 && !fama_address_is_ipv4(address);
}

static void address_write(const uint8_t address[FAMA_ADDRESS_BYTES], uint8_t *at)
{
    if (fama_address_is_ipv4(address)) {
        at[0] = FAMILY_IPV4;
        memcpy(at + 1, address + FAMA_ADDRESS_IPV4_AT, 4);
        memset(at + 1 + 4, 0, FAMA_ADDRESS_BYTES - 4);
    } else {
        at[0] = FAMILY_IPV6;
        memcpy(at + 1, address, FAMA_ADDRESS_BYTES);
    }
}

static bool mspid_is_plausible(struct fama_bytes mspid)
{
    return mspid.len > 0 && mspid.len <= FAMA_MSPID_MAX && memchr(mspid.at, 0, mspid.len) == NULL;
}

enum fama_drop fama_wire_alive_read(struct fama_bytes body, struct fama_alive *alive)
{
    if (body.len < ALIVE_FIXED_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = body.at;
    struct fama_endpoint endpoint = {.port = get16(at + 1 + FAMA_ADDRESS_BYTES)};
    if (!address_read(at, endpoint.address)) {
        return FAMA_DROP_MALFORMED;
    }
    size_t mspid_bytes = get16(at + 19);
    if (body.len - ALIVE_FIXED_BYTES < mspid_bytes) {
        return FAMA_DROP_TRUNCATED;
    }
    struct fama_bytes mspid = fama_bytes(at + 21, mspid_bytes);
    size_t id_bytes = get16(mspid.at + mspid_bytes);
    enum fama_drop drop = length_is(body.len, ALIVE_FIXED_BYTES + mspid_bytes + id_bytes);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (!endpoint_is_plausible(&endpoint) || !mspid_is_plausible(mspid) || id_bytes == 0) {
        return FAMA_DROP_MALFORMED;
    }
    alive->endpoint = endpoint;
    alive->mspid = mspid;
    alive->id_bytes = fama_bytes(mspid.at + mspid_bytes + 2, id_bytes);
    return FAMA_DROP_NONE;
}

size_t fama_wire_alive_write(const struct fama_alive *alive, uint8_t *body, size_t size)
{
    if (!endpoint_is_plausible(&alive->endpoint) || !mspid_is_plausible(alive->mspid) ||
        alive->id_bytes.len == 0 || alive->id_bytes.len > UINT16_MAX) {
        return 0;
    }
    size_t bytes = ALIVE_FIXED_BYTES + alive->mspid.len + alive->id_bytes.len;
    if (size < bytes) {
        return 0;
    }
    address_write(alive->endpoint.address, body);
    put16(body + 17, alive->endpoint.port);
    put16(body + 19, (uint16_t)alive->mspid.len);
    memcpy(body + 21, alive->mspid.at, alive->mspid.len);
    uint8_t *rest = body + 21 + alive->mspid.len;
    put16(rest, (uint16_t)alive->id_bytes.len);
    memcpy(rest + 2, alive->id_bytes.at, alive->id_bytes.len);
    return bytes;
}

/* ---- Digest ---- */

static bool digest_is_sound(const struct fama_digest *digest)
{
    if (digest->count > FAMA_DIGEST_ENTRIES_MAX || digest->first > digest->last) {
        return false;
    }
    for (uint32_t i = 0; i < digest->count; i++) {
        fama_tag author = digest->entries[i].author;
        if (author < digest->first || author > digest->last ||
            (i > 0 && author <= digest->entries[i - 1].author)) {
            return false;
        }
    }
    return true;
}

enum fama_drop fama_wire_digest_read(struct fama_bytes body, struct fama_digest *digest)
{
    if (body.len < DIGEST_FIXED_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = body.at;
    uint16_t count = get16(at + 25);
    if (at[0] > 1 || count > FAMA_DIGEST_ENTRIES_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(body.len, DIGEST_FIXED_BYTES + (size_t)count * DIGEST_ENTRY_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    digest->answer_wanted = at[0] == 1;
    digest->target = get64(at + 1);
    digest->first = get64(at + 9);
    digest->last = get64(at + 17);
    digest->count = count;
    at += DIGEST_FIXED_BYTES;
    for (uint32_t i = 0; i < count; i++, at += DIGEST_ENTRY_BYTES) {
        digest->entries[i] = (struct fama_digest_entry){
            .author = get64(at), .incarnation = get64(at + 8), .sequence = get64(at + 16)};
    }
    return digest_is_sound(digest) ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

size_t fama_wire_digest_write(const struct fama_digest *digest, uint8_t *body, size_t size)
{
    size_t bytes = DIGEST_FIXED_BYTES + (size_t)digest->count * DIGEST_ENTRY_BYTES;
    if (!digest_is_sound(digest) || size < bytes) {
        return 0;
    }
    body[0] = digest->answer_wanted ? 1 : 0;
    put64(body + 1, digest->target);
    put64(body + 9, digest->first);
    put64(body + 17, digest->last);
    put16(body + 25, digest->count);
    uint8_t *at = body + DIGEST_FIXED_BYTES;
    for (uint32_t i = 0; i < digest->count; i++, at += DIGEST_ENTRY_BYTES) {
        put64(at, digest->entries[i].author);
        put64(at + 8, digest->entries[i].incarnation);
        put64(at + 16, digest->entries[i].sequence);
    }
    return bytes;
}

/* ---- Stateinfo ---- */

enum fama_drop fama_wire_stateinfo_read(struct fama_bytes body, struct fama_stateinfo *stateinfo)
{
    enum fama_drop drop = length_is(body.len, STATEINFO_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (body.at[16] > 1) {
        return FAMA_DROP_MALFORMED;
    }
    stateinfo->channel = get64(body.at);
    stateinfo->height = get64(body.at + 8);
    stateinfo->has_left = body.at[16] == 1;
    return FAMA_DROP_NONE;
}

size_t fama_wire_stateinfo_write(const struct fama_stateinfo *stateinfo, uint8_t *body, size_t size)
{
    if (size < STATEINFO_BYTES) {
        return 0;
    }
    put64(body, stateinfo->channel);
    put64(body + 8, stateinfo->height);
    body[16] = stateinfo->has_left ? 1 : 0;
    return STATEINFO_BYTES;
}

/* ---- Request ---- */

/* A request either names what is missing of a block whose geometry is known, or asks for a whole block
 * of which nothing is known; there is no third kind. */
static bool request_is_sound(const struct fama_request *request)
{
    if (request->block_bytes == 0) {
        return request->count == 0 &&
               (request->chunk_bytes == 0 || (request->chunk_bytes >= FAMA_CHUNK_BYTES_MIN &&
                                              request->chunk_bytes <= FAMA_CHUNK_BYTES_MAX));
    }
    struct fama_geometry geometry;
    if (request->count == 0 || request->count > FAMA_REQUEST_ENTRIES_MAX ||
        !fama_geometry(request->block_bytes, request->chunk_bytes, &geometry)) {
        return false;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        const struct fama_request_entry *entry = &request->entries[i];
        uint32_t chunks = fama_geometry_set_chunks(&geometry, entry->set);
        if (chunks == 0 || entry->wanted == 0 || (entry->wanted >> (chunks - 1)) > 1 ||
            (i > 0 && entry->set <= request->entries[i - 1].set)) {
            return false;
        }
    }
    return true;
}

enum fama_drop fama_wire_request_read(struct fama_bytes body, struct fama_request *request)
{
    if (body.len < REQUEST_FIXED_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = body.at;
    uint16_t count = get16(at + 30);
    if (count > FAMA_REQUEST_ENTRIES_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(body.len, REQUEST_FIXED_BYTES + (size_t)count * REQUEST_ENTRY_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    request->target = get64(at);
    request->channel = get64(at + 8);
    request->block = get64(at + 16);
    request->block_bytes = get32(at + 24);
    request->chunk_bytes = get16(at + 28);
    request->count = count;
    at += REQUEST_FIXED_BYTES;
    for (uint32_t i = 0; i < count; i++, at += REQUEST_ENTRY_BYTES) {
        request->entries[i] =
            (struct fama_request_entry){.set = get16(at), .wanted = get64(at + 2)};
    }
    return request_is_sound(request) ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

size_t fama_wire_request_write(const struct fama_request *request, uint8_t *body, size_t size)
{
    size_t bytes = REQUEST_FIXED_BYTES + (size_t)request->count * REQUEST_ENTRY_BYTES;
    if (!request_is_sound(request) || size < bytes) {
        return 0;
    }
    put64(body, request->target);
    put64(body + 8, request->channel);
    put64(body + 16, request->block);
    put32(body + 24, request->block_bytes);
    put16(body + 28, request->chunk_bytes);
    put16(body + 30, request->count);
    uint8_t *at = body + REQUEST_FIXED_BYTES;
    for (uint32_t i = 0; i < request->count; i++, at += REQUEST_ENTRY_BYTES) {
        put16(at, request->entries[i].set);
        put64(at + 2, request->entries[i].wanted);
    }
    return bytes;
}

/* ---- Chunk ---- */

enum fama_drop fama_wire_chunk_read(struct fama_bytes datagram, struct fama_chunk *chunk)
{
    struct fama_wire_header header;
    enum fama_drop drop = fama_wire_header_read(datagram, &header);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (header.kind != FAMA_KIND_CHUNK) {
        return FAMA_DROP_BAD_KIND;
    }
    if (datagram.len < FAMA_WIRE_CHUNK_FIXED_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    *chunk = (struct fama_chunk){
        .hops = header.hops,
        .flags = header.flags,
        .channel = get64(at + 8),
        .origin = get64(at + 16),
        .block = get64(at + 24),
        .block_bytes = get32(at + 32),
        .chunk_bytes = get16(at + 36),
        .set = get16(at + 38),
        .index = at[40],
        .data_chunks = at[41],
        .parity_chunks = at[42],
        .proof_nodes = at[43],
        .key_epoch = get32(at + 44),
        .signature = at + 48,
        .proof = at + FAMA_WIRE_CHUNK_FIXED_BYTES,
    };
    size_t proof_bytes = (size_t)chunk->proof_nodes * FAMA_MERKLE_NODE_BYTES;
    if (datagram.len - FAMA_WIRE_CHUNK_FIXED_BYTES < proof_bytes) {
        return FAMA_DROP_TRUNCATED;
    }
    chunk->payload = fama_bytes(chunk->proof + proof_bytes,
                                datagram.len - FAMA_WIRE_CHUNK_FIXED_BYTES - proof_bytes);
    if (chunk->key_epoch != 0) {
        return FAMA_DROP_MALFORMED;
    }
    return chunk_is_in_place(chunk) ? FAMA_DROP_NONE : FAMA_DROP_CHUNK_GEOMETRY;
}

void fama_wire_chunk_sign(uint8_t *datagram, fama_tag origin,
                          const uint8_t signature[FAMA_SIGNATURE_BYTES])
{
    put64(datagram + 16, origin);
    memcpy(datagram + 48, signature, FAMA_SIGNATURE_BYTES);
}

size_t fama_wire_chunk_write(const struct fama_chunk *chunk, uint8_t *at, size_t size)
{
    size_t proof_bytes = (size_t)chunk->proof_nodes * FAMA_MERKLE_NODE_BYTES;
    size_t bytes = FAMA_WIRE_CHUNK_FIXED_BYTES + proof_bytes;
    if (!chunk_is_in_place(chunk) || chunk->key_epoch != 0 || size < bytes ||
        (chunk->flags & ~KNOWN_CHUNK_FLAGS) != 0) {
        return 0;
    }
    struct fama_wire_header header = {
        .kind = FAMA_KIND_CHUNK, .hops = chunk->hops, .flags = chunk->flags};
    header_write(at, &header, bytes + chunk->payload.len);
    put64(at + 8, chunk->channel);
    put64(at + 24, chunk->block);
    put32(at + 32, chunk->block_bytes);
    put16(at + 36, chunk->chunk_bytes);
    put16(at + 38, chunk->set);
    at[40] = chunk->index;
    at[41] = chunk->data_chunks;
    at[42] = chunk->parity_chunks;
    at[43] = chunk->proof_nodes;
    put32(at + 44, chunk->key_epoch);
    fama_wire_chunk_sign(at, chunk->origin, chunk->signature);
    if (proof_bytes > 0) {
        memcpy(at + FAMA_WIRE_CHUNK_FIXED_BYTES, chunk->proof, proof_bytes);
    }
    return bytes;
}

void fama_wire_root_digest(const struct fama_chunk *chunk,
                           const uint8_t channel_digest[FAMA_SHA256_BYTES],
                           const uint8_t origin_pki_id[FAMA_PKI_ID_BYTES],
                           const uint8_t root[FAMA_MERKLE_NODE_BYTES],
                           uint8_t digest[FAMA_SHA256_BYTES])
{
    uint8_t place[8 + 4 + 2 + 2 + 1 + 1 + 4];
    put64(place, chunk->block);
    put32(place + 8, chunk->block_bytes);
    put16(place + 12, chunk->chunk_bytes);
    put16(place + 14, chunk->set);
    place[16] = chunk->data_chunks;
    place[17] = chunk->parity_chunks;
    put32(place + 18, chunk->key_epoch);
    const struct fama_bytes parts[] = {
        fama_bytes_of_text("fama chunk root 1"),      fama_bytes(channel_digest, FAMA_SHA256_BYTES),
        fama_bytes(origin_pki_id, FAMA_PKI_ID_BYTES), fama_bytes(place, sizeof(place)),
        fama_bytes(root, FAMA_MERKLE_NODE_BYTES),
    };
    fama_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
}
