#include "dataplane/wire.h"

#include "dataplane/octets.h"

/* Sizes of the bodies' fixed parts, as wire.h lays them out. */
#define ALIVE_FIXED_BYTES   (1 + 16 + 2 + 2 + 2)
#define DIGEST_FIXED_BYTES  (1 + 8 + 8 + 8 + 2)
#define DIGEST_ENTRY_BYTES  (8 + 8 + 8)
#define STATEINFO_BYTES     (8 + 8 + 1 + 2)
#define REQUEST_FIXED_BYTES (8 + 8 + 4 + 2 + 1 + 2)
#define KEYS_BYTES          (1 + 8 + 4 + FAMA_CHANNEL_KEY_BYTES)
#define REQUEST_ENTRY_BYTES (2 + 8)
#define FAMILY_IPV4         4
#define FAMILY_IPV6         6

/* A message that some link cannot carry would never arrive there, and nobody would hear why. */
_Static_assert(FAMA_WIRE_MESSAGE_BYTES + DIGEST_FIXED_BYTES +
                       FAMA_DIGEST_ENTRIES_MAX * DIGEST_ENTRY_BYTES <=
                   FAMA_WIRE_DATAGRAM_LEAST,
               "the longest digest fits the smallest MTU");
_Static_assert(FAMA_WIRE_SEALED_HEADER + FAMA_WIRE_HEADER_BYTES + REQUEST_FIXED_BYTES +
                       FAMA_REQUEST_ENTRIES_MAX * REQUEST_ENTRY_BYTES + FAMA_WIRE_TAG_BYTES <=
                   FAMA_WIRE_DATAGRAM_LEAST,
               "the longest request fits the smallest MTU");

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
    return kind >= FAMA_KIND_ALIVE && kind <= FAMA_KIND_KEYS;
}

/* Of the kinds that their author signs, because they come without a session. */
static bool is_message_kind(uint8_t kind)
{
    return kind == FAMA_KIND_ALIVE || kind == FAMA_KIND_DIGEST || kind == FAMA_KIND_STATEINFO;
}

fama_tag fama_tag_of(const uint8_t digest[FAMA_SHA256_BYTES])
{
    return fama_get64(digest);
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

uint32_t fama_geometry_parity_chunks(uint32_t parity, uint32_t data_chunks)
{
    uint32_t share = (parity * data_chunks + FAMA_SET_CHUNKS - 1) / FAMA_SET_CHUNKS + 1;
    return share < parity ? share : parity;
}

uint16_t fama_chunk_bytes_for(size_t datagram_bytes, uint32_t parity)
{
    size_t proof = (size_t)fama_merkle_depth(FAMA_SET_CHUNKS + parity) * FAMA_MERKLE_NODE_BYTES;
    size_t overhead = FAMA_WIRE_SEALED_HEADER + FAMA_WIRE_CHUNK_BYTES + FAMA_SIGNATURE_BYTES +
                      proof + FAMA_WIRE_TAG_BYTES;
    if (datagram_bytes > FAMA_WIRE_DATAGRAM_MAX) {
        datagram_bytes = FAMA_WIRE_DATAGRAM_MAX;
    }
    if (parity > FAMA_PARITY_MAX || datagram_bytes < overhead + FAMA_CHUNK_BYTES_MIN) {
        return 0;
    }
    return (uint16_t)(datagram_bytes - overhead);
}

size_t fama_wire_chunk_proof_bytes(const struct fama_chunk *chunk)
{
    uint32_t leaves = (uint32_t)chunk->data_chunks + chunk->parity_chunks;
    return FAMA_SIGNATURE_BYTES + (size_t)fama_merkle_depth(leaves) * FAMA_MERKLE_NODE_BYTES;
}

/* A parity chunk is as long as the longest data chunk of its set, which is the first. */
uint32_t fama_wire_chunk_payload_bytes(const struct fama_chunk *chunk)
{
    uint32_t place = chunk->index < chunk->data_chunks ? chunk->index : 0;
    uint32_t number = (uint32_t)chunk->set * FAMA_SET_CHUNKS + place;
    uint32_t offset = number * chunk->chunk_bytes; /* below block_bytes, hence no wrap */
    uint32_t left = chunk->block_bytes - offset;
    return left < chunk->chunk_bytes ? left : chunk->chunk_bytes;
}

bool fama_wire_chunk_is_in_place(const struct fama_chunk *chunk)
{
    struct fama_geometry geometry;
    if (chunk->parity > FAMA_PARITY_MAX ||
        !fama_geometry(chunk->block_bytes, chunk->chunk_bytes, &geometry)) {
        return false;
    }
    uint32_t data_chunks = fama_geometry_set_chunks(&geometry, chunk->set);
    return data_chunks != 0 && chunk->data_chunks == data_chunks &&
           chunk->parity_chunks == fama_geometry_parity_chunks(chunk->parity, data_chunks) &&
           chunk->index < data_chunks + chunk->parity_chunks;
}

/* Bytes of the whole datagram of a chunk that is in its place. */
static size_t chunk_datagram_bytes(const struct fama_chunk *chunk)
{
    return FAMA_WIRE_CHUNK_BYTES + fama_wire_chunk_proof_bytes(chunk) +
           fama_wire_chunk_payload_bytes(chunk) + (chunk->key_epoch != 0 ? FAMA_WIRE_TAG_BYTES : 0);
}

/* ---- Common header ---- */

/* All others are passed on by nobody, or as they came. */
static bool may_have_hops(uint8_t kind)
{
    return kind == FAMA_KIND_ALIVE || kind == FAMA_KIND_CHUNK;
}

enum fama_drop fama_wire_header_read(struct fama_bytes datagram, struct fama_wire_header *header)
{
    if (datagram.len < FAMA_WIRE_HEADER_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    if (fama_get16(datagram.at) != FAMA_WIRE_MAGIC) {
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
    if (datagram.at[5] != 0 || (datagram.at[4] != 0 && !may_have_hops(kind))) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(datagram.len, (size_t)FAMA_WIRE_HEADER_BYTES + fama_get16(datagram.at + 6));
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    *header = (struct fama_wire_header){.kind = kind, .hops = datagram.at[4]};
    return FAMA_DROP_NONE;
}

void fama_wire_header_write(uint8_t *at, const struct fama_wire_header *header,
                            size_t datagram_bytes)
{
    fama_put16(at, FAMA_WIRE_MAGIC);
    at[2] = FAMA_WIRE_VERSION;
    at[3] = header->kind;
    at[4] = header->hops;
    at[5] = 0;
    fama_put16(at + 6, (uint16_t)(datagram_bytes - FAMA_WIRE_HEADER_BYTES));
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
    message->author = fama_get64(at + 8);
    message->incarnation = fama_get64(at + 16);
    message->sequence = fama_get64(at + 24);
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
    if (size < bytes || !is_message_kind((uint8_t)message->kind) ||
        (message->hops != 0 && !may_have_hops((uint8_t)message->kind))) {
        return 0;
    }
    /* The body first: it may have been written where it now has to be. */
    if (message->body.len > 0) {
        memmove(datagram + FAMA_WIRE_MESSAGE_BYTES, message->body.at, message->body.len);
    }
    struct fama_wire_header header = {.kind = (uint8_t)message->kind, .hops = message->hops};
    fama_wire_header_write(datagram, &header, bytes);
    fama_put64(datagram + 8, message->author);
    fama_put64(datagram + 16, message->incarnation);
    fama_put64(datagram + 24, message->sequence);
    memcpy(datagram + 32, message->signature, FAMA_SIGNATURE_BYTES);
    return bytes;
}

void fama_wire_message_digest(const struct fama_message *message,
                              const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                              uint8_t digest[FAMA_SHA256_BYTES])
{
    uint8_t kind = (uint8_t)message->kind;
    uint8_t numbers[8 + 8 + 4];
    fama_put64(numbers, message->incarnation);
    fama_put64(numbers + 8, message->sequence);
    fama_put32(numbers + 16, (uint32_t)message->body.len);
    const struct fama_bytes parts[] = {
        fama_bytes_of_text("fama message 2"),
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
        struct fama_endpoint endpoint = fama_endpoint_from_ipv4(fama_get32(at + 1), 0);
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
    struct fama_endpoint endpoint = {.port = fama_get16(at + 1 + FAMA_ADDRESS_BYTES)};
    if (!address_read(at, endpoint.address)) {
        return FAMA_DROP_MALFORMED;
    }
    size_t mspid_bytes = fama_get16(at + 19);
    if (body.len - ALIVE_FIXED_BYTES < mspid_bytes) {
        return FAMA_DROP_TRUNCATED;
    }
    struct fama_bytes mspid = fama_bytes(at + 21, mspid_bytes);
    size_t id_bytes = fama_get16(mspid.at + mspid_bytes);
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
    fama_put16(body + 17, alive->endpoint.port);
    fama_put16(body + 19, (uint16_t)alive->mspid.len);
    memcpy(body + 21, alive->mspid.at, alive->mspid.len);
    uint8_t *rest = body + 21 + alive->mspid.len;
    fama_put16(rest, (uint16_t)alive->id_bytes.len);
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
    uint16_t count = fama_get16(at + 25);
    if (at[0] > 1 || count > FAMA_DIGEST_ENTRIES_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(body.len, DIGEST_FIXED_BYTES + (size_t)count * DIGEST_ENTRY_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    digest->answer_wanted = at[0] == 1;
    digest->target = fama_get64(at + 1);
    digest->first = fama_get64(at + 9);
    digest->last = fama_get64(at + 17);
    digest->count = count;
    at += DIGEST_FIXED_BYTES;
    for (uint32_t i = 0; i < count; i++, at += DIGEST_ENTRY_BYTES) {
        digest->entries[i] = (struct fama_digest_entry){.author = fama_get64(at),
                                                        .incarnation = fama_get64(at + 8),
                                                        .sequence = fama_get64(at + 16)};
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
    fama_put64(body + 1, digest->target);
    fama_put64(body + 9, digest->first);
    fama_put64(body + 17, digest->last);
    fama_put16(body + 25, digest->count);
    uint8_t *at = body + DIGEST_FIXED_BYTES;
    for (uint32_t i = 0; i < digest->count; i++, at += DIGEST_ENTRY_BYTES) {
        fama_put64(at, digest->entries[i].author);
        fama_put64(at + 8, digest->entries[i].incarnation);
        fama_put64(at + 16, digest->entries[i].sequence);
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
    if (body.at[16] > 1 || fama_get16(body.at + 17) > FAMA_LOSS_WHOLE) {
        return FAMA_DROP_MALFORMED;
    }
    stateinfo->channel = fama_get64(body.at);
    stateinfo->height = fama_get64(body.at + 8);
    stateinfo->has_left = body.at[16] == 1;
    stateinfo->loss = fama_get16(body.at + 17);
    return FAMA_DROP_NONE;
}

size_t fama_wire_stateinfo_write(const struct fama_stateinfo *stateinfo, uint8_t *body, size_t size)
{
    if (size < STATEINFO_BYTES || stateinfo->loss > FAMA_LOSS_WHOLE) {
        return 0;
    }
    fama_put64(body, stateinfo->channel);
    fama_put64(body + 8, stateinfo->height);
    body[16] = stateinfo->has_left ? 1 : 0;
    fama_put16(body + 17, stateinfo->loss);
    return STATEINFO_BYTES;
}

/* ---- Request ---- */

/* A request either names what is missing of a block whose geometry is known, or asks for a whole block
 * of which nothing is known; there is no third kind. */
static bool request_is_sound(const struct fama_request *request)
{
    if (request->block_bytes == 0) {
        return request->count == 0 && request->parity == 0 &&
               (request->chunk_bytes == 0 || (request->chunk_bytes >= FAMA_CHUNK_BYTES_MIN &&
                                              request->chunk_bytes <= FAMA_CHUNK_BYTES_MAX));
    }
    struct fama_geometry geometry;
    if (request->count == 0 || request->count > FAMA_REQUEST_ENTRIES_MAX ||
        request->parity > FAMA_PARITY_MAX ||
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
    uint16_t count = fama_get16(at + 23);
    if (count > FAMA_REQUEST_ENTRIES_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    enum fama_drop drop =
        length_is(body.len, REQUEST_FIXED_BYTES + (size_t)count * REQUEST_ENTRY_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    request->channel = fama_get64(at);
    request->block = fama_get64(at + 8);
    request->block_bytes = fama_get32(at + 16);
    request->chunk_bytes = fama_get16(at + 20);
    request->parity = at[22];
    request->count = count;
    at += REQUEST_FIXED_BYTES;
    for (uint32_t i = 0; i < count; i++, at += REQUEST_ENTRY_BYTES) {
        request->entries[i] =
            (struct fama_request_entry){.set = fama_get16(at), .wanted = fama_get64(at + 2)};
    }
    return request_is_sound(request) ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

size_t fama_wire_request_write(const struct fama_request *request, uint8_t *body, size_t size)
{
    size_t bytes = REQUEST_FIXED_BYTES + (size_t)request->count * REQUEST_ENTRY_BYTES;
    if (!request_is_sound(request) || size < bytes) {
        return 0;
    }
    fama_put64(body, request->channel);
    fama_put64(body + 8, request->block);
    fama_put32(body + 16, request->block_bytes);
    fama_put16(body + 20, request->chunk_bytes);
    body[22] = request->parity;
    fama_put16(body + 23, request->count);
    uint8_t *at = body + REQUEST_FIXED_BYTES;
    for (uint32_t i = 0; i < request->count; i++, at += REQUEST_ENTRY_BYTES) {
        fama_put16(at, request->entries[i].set);
        fama_put64(at + 2, request->entries[i].wanted);
    }
    return bytes;
}

/* ---- Keys ---- */

static bool keys_are_sound(const struct fama_keys *keys)
{
    static const uint8_t none[FAMA_CHANNEL_KEY_BYTES];
    bool is_offer = keys->step == FAMA_KEYS_OFFER;
    bool has_key = memcmp(keys->key, none, sizeof none) != 0;
    bool is_step = is_offer || keys->step == FAMA_KEYS_TAKEN || keys->step == FAMA_KEYS_WANTED;
    return is_step && is_offer == has_key && (keys->epoch != 0 || keys->step == FAMA_KEYS_WANTED);
}

enum fama_drop fama_wire_keys_read(struct fama_bytes body, struct fama_keys *keys)
{
    enum fama_drop drop = length_is(body.len, KEYS_BYTES);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    keys->step = (enum fama_keys_step)body.at[0];
    keys->channel = fama_get64(body.at + 1);
    keys->epoch = fama_get32(body.at + 9);
    memcpy(keys->key, body.at + 13, FAMA_CHANNEL_KEY_BYTES);
    return keys_are_sound(keys) ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

size_t fama_wire_keys_write(const struct fama_keys *keys, uint8_t *body, size_t size)
{
    if (size < KEYS_BYTES || !keys_are_sound(keys)) {
        return 0;
    }
    body[0] = (uint8_t)keys->step;
    fama_put64(body + 1, keys->channel);
    fama_put32(body + 9, keys->epoch);
    memcpy(body + 13, keys->key, FAMA_CHANNEL_KEY_BYTES);
    return KEYS_BYTES;
}

size_t fama_wire_inner_write(enum fama_kind kind, struct fama_bytes body, uint8_t *datagram,
                             size_t size)
{
    if (body.len > FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_HEADER_BYTES ||
        size < FAMA_WIRE_HEADER_BYTES + body.len ||
        (kind != FAMA_KIND_REQUEST && kind != FAMA_KIND_KEYS)) {
        return 0;
    }
    if (body.len > 0) {
        memmove(datagram + FAMA_WIRE_HEADER_BYTES, body.at, body.len);
    }
    struct fama_wire_header header = {.kind = (uint8_t)kind};
    fama_wire_header_write(datagram, &header, FAMA_WIRE_HEADER_BYTES + body.len);
    return FAMA_WIRE_HEADER_BYTES + body.len;
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
    if (datagram.len < FAMA_WIRE_CHUNK_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    *chunk = (struct fama_chunk){
        .hops = header.hops,
        .channel = fama_get64(at + 8),
        .origin = fama_get64(at + 16),
        .block = fama_get64(at + 24),
        .block_bytes = fama_get32(at + 32),
        .chunk_bytes = fama_get16(at + 36),
        .set = fama_get16(at + 38),
        .index = at[40],
        .data_chunks = at[41],
        .parity_chunks = at[42],
        .parity = at[43],
        .key_epoch = fama_get32(at + 44),
        .view_id = fama_get64(at + 48),
        .body = fama_bytes(at + FAMA_WIRE_CHUNK_BYTES, datagram.len - FAMA_WIRE_CHUNK_BYTES),
    };
    if (!fama_wire_chunk_is_in_place(chunk) || datagram.len != chunk_datagram_bytes(chunk)) {
        return FAMA_DROP_CHUNK_GEOMETRY;
    }
    if (chunk->key_epoch == 0) {
        size_t proof_bytes = fama_wire_chunk_proof_bytes(chunk);
        chunk->signature = chunk->body.at;
        chunk->proof = chunk->body.at + FAMA_SIGNATURE_BYTES;
        chunk->payload = fama_bytes(chunk->body.at + proof_bytes, chunk->body.len - proof_bytes);
    }
    return FAMA_DROP_NONE;
}

size_t fama_wire_chunk_write(const struct fama_chunk *chunk, uint8_t *at, size_t size)
{
    if (!fama_wire_chunk_is_in_place(chunk) || size < FAMA_WIRE_CHUNK_BYTES ||
        chunk_datagram_bytes(chunk) > FAMA_WIRE_DATAGRAM_MAX) {
        return 0;
    }
    struct fama_wire_header header = {.kind = FAMA_KIND_CHUNK, .hops = chunk->hops};
    fama_wire_header_write(at, &header, chunk_datagram_bytes(chunk));
    fama_put64(at + 8, chunk->channel);
    fama_put64(at + 16, chunk->origin);
    fama_put64(at + 24, chunk->block);
    fama_put32(at + 32, chunk->block_bytes);
    fama_put16(at + 36, chunk->chunk_bytes);
    fama_put16(at + 38, chunk->set);
    at[40] = chunk->index;
    at[41] = chunk->data_chunks;
    at[42] = chunk->parity_chunks;
    at[43] = chunk->parity;
    fama_put32(at + 44, chunk->key_epoch);
    fama_put64(at + 48, chunk->view_id);
    return FAMA_WIRE_CHUNK_BYTES;
}

void fama_wire_root_digest(const struct fama_chunk *chunk,
                           const uint8_t channel_digest[FAMA_SHA256_BYTES],
                           const uint8_t origin_pki_id[FAMA_PKI_ID_BYTES],
                           const uint8_t key_commitment[FAMA_SHA256_BYTES],
                           const uint8_t root[FAMA_MERKLE_NODE_BYTES],
                           uint8_t digest[FAMA_SHA256_BYTES])
{
    uint8_t place[8 + 4 + 2 + 2 + 1 + 1 + 1];
    fama_put64(place, chunk->block);
    fama_put32(place + 8, chunk->block_bytes);
    fama_put16(place + 12, chunk->chunk_bytes);
    fama_put16(place + 14, chunk->set);
    place[16] = chunk->data_chunks;
    place[17] = chunk->parity_chunks;
    place[18] = chunk->parity;
    const struct fama_bytes parts[] = {
        fama_bytes_of_text("fama chunk root 2"),
        fama_bytes(channel_digest, FAMA_SHA256_BYTES),
        fama_bytes(origin_pki_id, FAMA_PKI_ID_BYTES),
        fama_bytes(key_commitment, FAMA_SHA256_BYTES),
        fama_bytes(place, sizeof(place)),
        fama_bytes(root, FAMA_MERKLE_NODE_BYTES),
    };
    fama_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
}
