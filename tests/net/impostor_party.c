/* What makes an impostor one of the party: handshakes by the nodes' own code, the keys that members hand it,
 * and a key of its own that it hands to them. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/sessions.h"
#include "tests/net/impostor.h"

#define OWN_EPOCH 10

struct impostor_party {
    struct fama_msp *msp;
    struct fama_signer *signer;
    struct fama_sessions *sessions;
    struct fama_channel_key *own;
    struct fama_channel_key *keys[IMPOSTOR_KEYS_MAX]; /* as they came */
    uint32_t key_count;
    uint32_t failures;
    struct {
        fama_tag tag;
        uint8_t pki_id[FAMA_PKI_ID_BYTES];
        struct fama_identity *identity;
        struct fama_endpoint endpoint;
        uint64_t incarnation;
    } peers[IMPOSTOR_PEERS_MAX];
    uint32_t peer_count;
};

static uint64_t now_ns(void)
{
    return impostor_now_ms() * 1000000u;
}

static bool look_up(void *context, fama_tag tag, struct fama_sessions_peer *peer)
{
    const struct impostor_party *party = context;
    for (uint32_t i = 0; i < party->peer_count; i++) {
        if (party->peers[i].tag == tag) {
            *peer = (struct fama_sessions_peer){.identity = party->peers[i].identity,
                                                .endpoint = party->peers[i].endpoint,
                                                .incarnation = party->peers[i].incarnation};
            return true;
        }
    }
    return false;
}

/* ---- Coming and going ---- */

static bool make_own_key(struct impostor *impostor, struct impostor_party *party)
{
    uint8_t bytes[FAMA_CHANNEL_KEY_BYTES], channel[FAMA_SHA256_BYTES];
    fama_channel_digest(impostor->channel, channel);
    const struct fama_channel_key_setup setup = {.channel_digest = channel,
                                                 .maker_pki_id = impostor->identity.pki_id,
                                                 .epoch = OWN_EPOCH,
                                                 .bytes = bytes};
    if (RAND_bytes(bytes, sizeof(bytes)) == 1) {
        party->own = fama_channel_key_create(&setup);
    }
    return party->own != NULL;
}

int impostor_party_open(struct impostor *impostor, const uint8_t name[FAMA_PKI_ID_BYTES])
{
    struct fama_error *error = &impostor->error;
    struct impostor_party *party = calloc(1, sizeof(*party));
    if (party == NULL) {
        return fama_error_set(error, IMPOSTOR_FAILED, "out of memory");
    }
    impostor->party = party;
    if (fama_msp_open_directory(impostor->msp_directory, impostor->identity.mspid, &party->msp,
                                error) != 0 ||
        fama_signer_open(impostor->msp_directory, party->msp, &party->signer, error) != 0) {
        return IMPOSTOR_FAILED;
    }
    const struct fama_sessions_config config = {
        .self = fama_tag_of(name),
        .signer = party->signer,
        .peers_max = IMPOSTOR_PEERS_MAX,
        .initiators_max = IMPOSTOR_PEERS_MAX,
        .half_open_max = IMPOSTOR_PEERS_MAX,
        .accepted_per_second = IMPOSTOR_PEERS_MAX,
        .datagram_bytes = FAMA_WIRE_DATAGRAM_LEAST,
        .random_seed = impostor->seed,
        .wall_clock = time(NULL),
        .look_up = look_up,
        .context = party,
    };
    if (fama_sessions_create(&config, now_ns(), &party->sessions, error) != 0) {
        return IMPOSTOR_FAILED;
    }
    return make_own_key(impostor, party)
               ? 0
               : fama_error_set(error, IMPOSTOR_FAILED, "no key could be made");
}

void impostor_party_close(struct impostor *impostor)
{
    struct impostor_party *party = impostor->party;
    if (party == NULL) {
        return;
    }
    fama_sessions_destroy(party->sessions);
    fama_channel_key_release(party->own);
    for (uint32_t i = 0; i < party->key_count; i++) {
        fama_channel_key_release(party->keys[i]);
    }
    for (uint32_t i = 0; i < party->peer_count; i++) {
        fama_identity_release(party->peers[i].identity);
    }
    fama_signer_close(party->signer);
    fama_msp_release(party->msp);
    free(party);
    impostor->party = NULL;
}

void impostor_party_learn(struct impostor *impostor, const struct fama_message *message,
                          const struct fama_alive *alive)
{
    struct impostor_party *party = impostor->party;
    struct fama_error error;
    if (party == NULL || message->author == fama_tag_of(impostor->identity.pki_id)) {
        return;
    }
    uint32_t i = 0;
    while (i < party->peer_count && party->peers[i].tag != message->author) {
        i++;
    }
    if (i == IMPOSTOR_PEERS_MAX) {
        return;
    }
    if (i == party->peer_count) {
        if (fama_msp_deserialize(party->msp, alive->id_bytes, &party->peers[i].identity, &error) !=
            0) {
            return;
        }
        party->peers[i].tag = message->author;
        memcpy(party->peers[i].pki_id, fama_identity_pki_id(party->peers[i].identity),
               FAMA_PKI_ID_BYTES);
        party->peer_count++;
    }
    if (message->incarnation >= party->peers[i].incarnation) {
        party->peers[i].endpoint = alive->endpoint;
        party->peers[i].incarnation = message->incarnation;
    }
}

/* ---- Sessions ---- */

static void carry_out(struct impostor *impostor)
{
    struct fama_sessions_action action;
    while (fama_sessions_next_action(impostor->party->sessions, &action)) {
        if (action.kind == FAMA_SESSIONS_SEND) {
            struct impostor_datagram datagram = {.len = action.datagram.len};
            memcpy(datagram.bytes, action.datagram.at, action.datagram.len);
            (void)impostor_send(impostor, &impostor->home, &action.target, &datagram);
        } else if (action.kind == FAMA_SESSIONS_FAILED) {
            impostor->party->failures++;
        }
    }
}

void impostor_party_tick(struct impostor *impostor)
{
    if (impostor->party != NULL) {
        fama_sessions_tick(impostor->party->sessions, now_ns(), time(NULL));
        carry_out(impostor);
    }
}

bool impostor_party_has_session(struct impostor *impostor, const struct impostor_target *target)
{
    struct impostor_party *party = impostor->party;
    (void)fama_sessions_want(party->sessions, now_ns(), target->tag);
    carry_out(impostor);
    return fama_sessions_of(party->sessions, target->tag) != NULL;
}

uint32_t impostor_party_failures(const struct impostor *impostor)
{
    return impostor->party->failures;
}

void impostor_party_seal(struct impostor *impostor, const struct impostor_target *target,
                         enum fama_kind kind, struct fama_bytes body,
                         struct impostor_datagram *datagram)
{
    uint8_t inner[IMPOSTOR_MTU_DATAGRAM];
    struct fama_session *session = fama_sessions_of(impostor->party->sessions, target->tag);
    const struct fama_bytes piece =
        fama_bytes(inner, fama_wire_inner_write(kind, body, inner, sizeof(inner)));
    datagram->len = session != NULL && piece.len > 0
                        ? fama_session_seal(session, FAMA_STREAM_CONTROL, &piece, 1,
                                            datagram->bytes, sizeof(datagram->bytes))
                        : 0;
}

struct search {
    uint64_t id;
    struct fama_session *found;
};

static void look_at(void *context, struct fama_session *session, bool is_preferred)
{
    struct search *search = context;
    (void)is_preferred;
    if (fama_session_id(session) == search->id) {
        search->found = session;
    }
}

/* ---- Keys ---- */

void impostor_party_offer(struct impostor *impostor, const struct impostor_target *target,
                          fama_tag channel, uint32_t epoch, struct impostor_datagram *datagram)
{
    uint8_t body[64];
    struct fama_keys offer = {.step = FAMA_KEYS_OFFER, .channel = channel, .epoch = epoch};
    memcpy(offer.key, impostor->party->own->bytes, sizeof(offer.key));
    size_t len = fama_wire_keys_write(&offer, body, sizeof(body));
    impostor_party_seal(impostor, target, FAMA_KIND_KEYS, fama_bytes(body, len), datagram);
}

struct fama_channel_key *impostor_party_key(const struct impostor *impostor)
{
    return impostor->party != NULL ? impostor->party->own : NULL;
}

struct fama_channel_key *impostor_party_key_of(const struct impostor *impostor, fama_tag maker,
                                               uint32_t epoch)
{
    struct fama_channel_key *found = NULL;
    const struct impostor_party *party = impostor->party;
    for (uint32_t i = 0; party != NULL && i < party->key_count; i++) {
        struct fama_channel_key *key = party->keys[i];
        if ((maker == 0 || key->maker == maker) && (epoch == 0 || key->epoch == epoch) &&
            (found == NULL || key->epoch >= found->epoch)) {
            found = key;
        }
    }
    return found;
}

json_t *impostor_party_keys_json(const struct impostor *impostor)
{
    json_t *json = json_array();
    for (uint32_t i = 0; impostor->party != NULL && i < impostor->party->key_count; i++) {
        const struct fama_channel_key *key = impostor->party->keys[i];
        char maker[17];
        (void)snprintf(maker, sizeof(maker), "%016llx", (unsigned long long)key->maker);
        json_array_append_new(
            json, json_pack("{s:s, s:I}", "maker", maker, "epoch", (json_int_t)key->epoch));
    }
    return json;
}

static void keep_key(struct impostor *impostor, fama_tag maker, const struct fama_keys *offer)
{
    struct impostor_party *party = impostor->party;
    uint8_t channel[FAMA_SHA256_BYTES];
    fama_channel_digest(impostor->channel, channel);
    for (uint32_t i = 0; i < party->peer_count; i++) {
        if (party->peers[i].tag == maker && party->key_count < IMPOSTOR_KEYS_MAX &&
            impostor_party_key_of(impostor, maker, offer->epoch) == NULL) {
            const struct fama_channel_key_setup setup = {.channel_digest = channel,
                                                         .maker_pki_id = party->peers[i].pki_id,
                                                         .epoch = offer->epoch,
                                                         .bytes = offer->key};
            struct fama_channel_key *key = fama_channel_key_create(&setup);
            if (key != NULL) {
                party->keys[party->key_count++] = key;
            }
        }
    }
}

static void take_keys(struct impostor *impostor, struct fama_session *session,
                      struct fama_bytes body)
{
    struct fama_keys message;
    fama_tag peer = fama_session_peer(session);
    if (fama_wire_keys_read(body, &message) != FAMA_DROP_NONE ||
        message.channel != impostor->channel_tag) {
        return;
    }
    struct impostor_target as_target = {.tag = peer};
    struct impostor_datagram datagram;
    uint8_t answer[64];
    switch (message.step) {
    case FAMA_KEYS_OFFER: {
        keep_key(impostor, peer, &message);
        const struct fama_keys taken = {
            .step = FAMA_KEYS_TAKEN, .channel = message.channel, .epoch = message.epoch};
        size_t len = fama_wire_keys_write(&taken, answer, sizeof(answer));
        impostor_party_seal(impostor, &as_target, FAMA_KIND_KEYS, fama_bytes(answer, len),
                            &datagram);
        break;
    }
    case FAMA_KEYS_WANTED:
        impostor_party_offer(impostor, &as_target, impostor->channel_tag, OWN_EPOCH, &datagram);
        break;
    case FAMA_KEYS_TAKEN:
    default:
        for (uint32_t i = 0; i < impostor->target_count; i++) {
            impostor->targets[i].has_our_key |=
                impostor->targets[i].tag == peer && message.epoch == OWN_EPOCH;
        }
        return;
    }
    if (datagram.len > 0) {
        (void)impostor_send(impostor, &impostor->home, fama_session_endpoint(session), &datagram);
    }
}

static void take_sealed(struct impostor *impostor, struct impostor_socket *to,
                        struct fama_bytes datagram)
{
    uint8_t inner[FAMA_WIRE_DATAGRAM_MAX];
    struct fama_sealed sealed;
    struct fama_wire_header header;
    struct search search = {0};
    if (fama_wire_sealed_read(datagram, &sealed) != FAMA_DROP_NONE) {
        return;
    }
    search.id = sealed.session;
    fama_sessions_each(impostor->party->sessions, look_at, &search);
    if (search.found == NULL || sealed.ciphertext.len > sizeof(inner) ||
        fama_session_open(search.found, &sealed, inner) != FAMA_DROP_NONE) {
        return;
    }
    struct fama_bytes within = fama_bytes(inner, sealed.ciphertext.len);
    if (fama_wire_header_read(within, &header) != FAMA_DROP_NONE) {
        return;
    }
    to->received.kinds[header.kind]++;
    if (header.kind == FAMA_KIND_CHUNK) {
        to->received.repair_chunks++;
    } else if (header.kind == FAMA_KIND_KEYS) {
        take_keys(impostor, search.found,
                  fama_bytes(inner + FAMA_WIRE_HEADER_BYTES, within.len - FAMA_WIRE_HEADER_BYTES));
    }
}

void impostor_party_take(struct impostor *impostor, struct impostor_socket *to, uint8_t kind,
                         struct fama_bytes datagram)
{
    if (impostor->party == NULL) {
        return;
    }
    if (kind == FAMA_KIND_SEALED) {
        take_sealed(impostor, to, datagram);
        return;
    }
    struct fama_session_message message;
    if (fama_wire_session_read(datagram, &message) != FAMA_DROP_NONE) {
        return;
    }
    for (uint32_t i = 0; i < impostor->party->peer_count; i++) {
        if (impostor->party->peers[i].tag == message.sender) {
            (void)fama_sessions_on_datagram(impostor->party->sessions, now_ns(), datagram,
                                            &impostor->party->peers[i].endpoint);
            carry_out(impostor);
            return;
        }
    }
}
