#include "controlplane/sessions.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "controlplane/allowance.h"
#include "controlplane/session_attempts.h"
#include "controlplane/session_peers.h"
#include "crypto/cookie.h"
#include "crypto/dtls_records.h"
#include "dataplane/fanout.h"

#define SECOND_NS          UINT64_C(1000000000)
#define EVENTS_MAX         64
#define EVENTS_AT_ONCE     6 /* the most that one change makes */
#define COOKIES_PER_SECOND 20000
#define PAUSE_FIRST_NS     SECOND_NS
#define PAUSE_LONGEST_NS   (60 * SECOND_NS)
#define RESPONDER_WAITS_NS (180 * SECOND_NS) /* with a renewal, for the initiator of last time */
#define DATAGRAM_LEAST     (FAMA_WIRE_SESSION_BYTES + FAMA_HANDSHAKE_DATAGRAM_MIN)
#define WRITE_ROOM         (FAMA_WIRE_SESSION_BYTES + FAMA_HANDSHAKE_DATAGRAM_MAX)
#define BINDING_BYTES      24
#define COOKIE_CLAIM_BYTES (FAMA_ADDRESS_BYTES + 2 + 8 + 8)

struct event {
    enum fama_sessions_action_kind kind;
    struct fama_session *session; /* a reference */
    fama_tag peer;
    enum fama_handshake_failure failure;
};

struct fama_sessions {
    struct fama_sessions_config config;
    struct fama_handshake_setup *setup;
    struct fama_session_peers *peers;
    struct fama_attempts *attempts;
    struct fama_cookie_jar jar;
    struct fama_random random;
    time_t wall_clock;
    struct fama_allowance cookies;
    struct fama_allowance expected;
    struct fama_allowance unexpected;

    uint64_t audited_ns; /* until when peers were looked at */
    uint32_t audit_next;

    struct event events[EVENTS_MAX];
    uint32_t event_first;
    uint32_t event_count;
    struct fama_session *last_session; /* of the action taken last; a reference */
    bool has_reply;
    struct fama_endpoint reply_target;
    struct fama_session_message reply;
    uint8_t datagram[WRITE_ROOM]; /* of the action taken last */
};

/* ---- Small things ---- */

static void put64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static bool has_room(const struct fama_sessions *sessions)
{
    return EVENTS_MAX - sessions->event_count >= EVENTS_AT_ONCE;
}

/* Callers have asked for room. */
static void tell(struct fama_sessions *sessions, enum fama_sessions_action_kind kind,
                 struct fama_session *session)
{
    struct event *event =
        &sessions->events[(sessions->event_first + sessions->event_count++) % EVENTS_MAX];
    *event = (struct event){.kind = kind, .session = session, .peer = fama_session_peer(session)};
}

/* News for people: the first to be left out. */
static void tell_failure(struct fama_sessions *sessions, fama_tag peer,
                         enum fama_handshake_failure failure)
{
    if (EVENTS_MAX - sessions->event_count > EVENTS_MAX / 2) {
        struct event *event =
            &sessions->events[(sessions->event_first + sessions->event_count++) % EVENTS_MAX];
        *event = (struct event){.kind = FAMA_SESSIONS_FAILED, .peer = peer, .failure = failure};
    }
}

static bool look_up(struct fama_sessions *sessions, fama_tag tag, struct fama_sessions_peer *known)
{
    *known = (struct fama_sessions_peer){0};
    return sessions->config.look_up(sessions->config.context, tag, known) &&
           known->identity != NULL && known->endpoint.port != 0 &&
           sessions->wall_clock >= fama_identity_not_before(known->identity) &&
           sessions->wall_clock <= fama_identity_not_after(known->identity);
}

/* ---- Life ---- */

int fama_sessions_create(const struct fama_sessions_config *config, uint64_t now_ns,
                         struct fama_sessions **sessions, struct fama_error *error)
{
    *sessions = NULL;
    struct fama_sessions *made = calloc(1, sizeof *made);
    if (made == NULL || config->peers_max == 0 || config->peers_max > FAMA_PEERS_MAX ||
        config->initiators_max == 0 || config->initiators_max > FAMA_PEERS_MAX ||
        config->half_open_max == 0 || config->half_open_max > FAMA_PEERS_MAX ||
        config->accepted_per_second == 0) {
        free(made);
        return fama_error_set(error, FAMA_HANDSHAKE_NO_MEMORY,
                              "no memory for sessions with %u peers, or a limit out of bounds",
                              config->peers_max);
    }
    made->config = *config;
    made->wall_clock = config->wall_clock;
    made->audited_ns = now_ns;
    made->cookies.per_second = COOKIES_PER_SECOND;
    made->expected.per_second = config->accepted_per_second;
    made->unexpected.per_second = config->accepted_per_second / 4 + 1;
    fama_random_seed(&made->random, config->random_seed);
    made->peers = fama_session_peers_create(config->peers_max);
    made->attempts = fama_attempts_create(config->initiators_max, config->half_open_max);
    int result = 0;
    if (made->peers == NULL || made->attempts == NULL ||
        !fama_cookie_jar_open(&made->jar, now_ns)) {
        result = fama_error_set(error, FAMA_HANDSHAKE_NO_MEMORY, "no memory for sessions");
    } else {
        result = fama_handshake_setup_create(config->signer, &made->setup, error);
    }
    if (result != 0) {
        fama_sessions_destroy(made);
        return result;
    }
    *sessions = made;
    return 0;
}

void fama_sessions_destroy(struct fama_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (uint32_t i = 0; i < sessions->event_count; i++) {
        fama_session_release(sessions->events[(sessions->event_first + i) % EVENTS_MAX].session);
    }
    fama_session_release(sessions->last_session);
    fama_attempts_destroy(sessions->attempts);
    fama_session_peers_destroy(sessions->peers);
    fama_handshake_setup_destroy(sessions->setup);
    fama_cookie_jar_close(&sessions->jar);
    free(sessions);
}

/* ---- Sessions come and go ---- */

static void tell_preferred(struct fama_sessions *sessions, struct fama_session_peer *peer)
{
    struct fama_session *preferred = fama_session_peer_preferred(peer);
    uint64_t id = preferred != NULL ? fama_session_id(preferred) : 0;
    if (id != peer->preferred) {
        peer->preferred = id;
        if (preferred != NULL) {
            tell(sessions, FAMA_SESSIONS_PREFERRED, fama_session_acquire(preferred));
        }
    }
}

/* The reference goes with the words. */
static void drop_session(struct fama_sessions *sessions, struct fama_session_peer *peer,
                         uint32_t index)
{
    tell(sessions, FAMA_SESSIONS_GONE, fama_session_peer_take(peer, index));
}

static void end_own(struct fama_sessions *sessions, struct fama_session_peer *peer)
{
    struct fama_attempt *own =
        peer->is_trying ? fama_attempts_find(sessions->attempts, true, peer->tag, peer->handshake)
                        : NULL;
    peer->is_trying = false;
    if (own != NULL) {
        fama_handshake_destroy(own->dtls);
        own->dtls = NULL;
        own->hello_is_due = false;
        fama_attempts_end(sessions->attempts, own);
    }
}

/* Not at once again, and not all of those who were refused at one time. */
static void pause_after_failure(struct fama_sessions *sessions, struct fama_session_peer *peer,
                                uint64_t now_ns)
{
    uint64_t pause_ns = PAUSE_FIRST_NS << (peer->failures < 6 ? peer->failures : 6);
    pause_ns = pause_ns < PAUSE_LONGEST_NS ? pause_ns : PAUSE_LONGEST_NS;
    peer->failures++;
    uint32_t quarter = (uint32_t)(pause_ns / 4 / 1000000);
    peer->retry_ns = now_ns + pause_ns - pause_ns / 8 +
                     (uint64_t)fama_random_below(&sessions->random, quarter + 1) * 1000000;
}

static struct fama_session *make_session(struct fama_sessions *sessions, uint64_t now_ns,
                                         const struct fama_attempt *attempt)
{
    const struct fama_handshake_keys *keys = fama_handshake_keys(attempt->dtls);
    if (fama_session_peers_has(sessions->peers, keys->session_id)) {
        return NULL;
    }
    struct fama_session_config config = {
        .id = keys->session_id,
        .peer = attempt->peer,
        .endpoint = attempt->endpoint,
        .seal_key = attempt->is_initiator ? keys->from_initiator : keys->from_responder,
        .open_key = attempt->is_initiator ? keys->from_responder : keys->from_initiator,
        .is_initiator = attempt->is_initiator,
        .made_ns = now_ns,
    };
    return fama_session_create(&config);
}

/* The handshake is done: the session is one of its peer's from now on. There is room for the words. */
static bool establish(struct fama_sessions *sessions, uint64_t now_ns,
                      const struct fama_attempt *attempt)
{
    struct fama_sessions_peer known;
    if (!look_up(sessions, attempt->peer, &known)) {
        return false;
    }
    struct fama_session_peer *peer = fama_session_peers_add(sessions->peers, attempt->peer);
    struct fama_session *session = peer != NULL ? make_session(sessions, now_ns, attempt) : NULL;
    if (session == NULL) {
        return false;
    }
    /* Who has started anew holds none of the sessions of its life before. */
    bool is_anew = peer->is_outdated || known.incarnation != peer->incarnation;
    while (is_anew && peer->session_count > 0) {
        drop_session(sessions, peer, peer->session_count - 1);
    }
    if (peer->session_count == FAMA_SESSIONS_EACH) {
        drop_session(sessions, peer, fama_session_peer_spare(peer));
    }
    fama_session_peer_push(peer, session);
    peer->incarnation = known.incarnation;
    peer->endpoint = known.endpoint;
    peer->is_outdated = false;
    peer->failures = 0;
    peer->retry_ns = now_ns;
    tell(sessions, FAMA_SESSIONS_ESTABLISHED, fama_session_acquire(session));
    tell_preferred(sessions, peer);
    /* Both began at once: of the two, the one that the lower tag began goes on to its end. */
    if (!attempt->is_initiator && attempt->peer < sessions->config.self) {
        end_own(sessions, peer);
    }
    return true;
}

/* ---- Attempts ---- */

static void fail(struct fama_sessions *sessions, uint64_t now_ns, struct fama_attempt *attempt,
                 enum fama_handshake_failure failure)
{
    /* Anybody can begin and fall silent; and whoever began together with us may have given way. */
    if (attempt->is_initiator || failure != FAMA_HANDSHAKE_TIMED_OUT) {
        tell_failure(sessions, attempt->peer, failure);
    }
    struct fama_session_peer *peer = fama_session_peers_find(sessions->peers, attempt->peer);
    if (attempt->is_initiator) {
        if (peer != NULL && peer->is_trying && peer->handshake == attempt->handshake) {
            peer->is_trying = false;
            pause_after_failure(sessions, peer, now_ns);
        }
    } else {
        fama_attempts_bury(sessions->attempts, attempt->peer, attempt->handshake,
                           now_ns + FAMA_BURIED_NS);
    }
    fama_attempts_end(sessions->attempts, attempt);
}

/* What became of the handshake by what was just done with it. */
static void settle(struct fama_sessions *sessions, uint64_t now_ns, struct fama_attempt *attempt)
{
    fama_attempts_make_ready(sessions->attempts, attempt);
    if (attempt->stage != FAMA_ATTEMPT_TALKING) {
        return;
    }
    switch (fama_handshake_state(attempt->dtls)) {
    case FAMA_HANDSHAKE_RUNNING:
        return;
    case FAMA_HANDSHAKE_FAILED:
        fail(sessions, now_ns, attempt, fama_handshake_failure(attempt->dtls));
        return;
    case FAMA_HANDSHAKE_DONE:
        break;
    }
    if (!establish(sessions, now_ns, attempt)) {
        fail(sessions, now_ns, attempt, FAMA_HANDSHAKE_INTERNAL);
    } else if (attempt->is_initiator) {
        struct fama_session_peer *peer = fama_session_peers_find(sessions->peers, attempt->peer);
        peer->is_trying = false;
        fama_attempts_end(sessions->attempts, attempt);
    } else {
        fama_attempts_linger(sessions->attempts, attempt, now_ns + FAMA_SESSION_LINGER_NS);
    }
}

static bool start_dtls(struct fama_sessions *sessions, uint64_t now_ns,
                       struct fama_attempt *attempt, const struct fama_sessions_peer *known)
{
    uint8_t binding[BINDING_BYTES];
    put64(binding, attempt->is_initiator ? sessions->config.self : attempt->peer);
    put64(binding + 8, attempt->is_initiator ? attempt->peer : sessions->config.self);
    put64(binding + 16, attempt->handshake);
    size_t bytes = sessions->config.datagram_bytes;
    struct fama_handshake_config config = {
        .setup = sessions->setup,
        .peer = known->identity,
        .binding = fama_bytes(binding, sizeof binding),
        .wall_clock = sessions->wall_clock,
        .datagram_bytes = bytes > DATAGRAM_LEAST ? bytes - FAMA_WIRE_SESSION_BYTES : 0,
        .is_initiator = attempt->is_initiator,
    };
    attempt->dtls = fama_handshake_create(&config, now_ns);
    attempt->stage = FAMA_ATTEMPT_TALKING;
    return attempt->dtls != NULL;
}

/* Knocks at a peer's door. */
static void begin(struct fama_sessions *sessions, uint64_t now_ns, struct fama_session_peer *peer,
                  const struct fama_sessions_peer *known)
{
    uint64_t handshake = 0;
    if (RAND_bytes((unsigned char *)&handshake, sizeof handshake) != 1) {
        ERR_clear_error();
        pause_after_failure(sessions, peer, now_ns);
        return;
    }
    struct fama_attempt *attempt =
        fama_attempts_add(sessions->attempts, true, peer->tag, handshake, &known->endpoint);
    if (attempt == NULL) {
        return; /* as soon as there is a place again */
    }
    peer->is_trying = true;
    peer->handshake = handshake;
    attempt->hello_is_due = true;
    attempt->hello_pause_ns = FAMA_HANDSHAKE_FIRST_NS;
    attempt->hello_ns = now_ns + attempt->hello_pause_ns;
    attempt->ends_ns = now_ns + FAMA_HANDSHAKE_TIME_NS;
    fama_attempts_make_ready(sessions->attempts, attempt);
}

static bool is_due(const struct fama_session_peer *peer, uint64_t now_ns)
{
    if (!peer->is_wanted || peer->is_trying || now_ns < peer->retry_ns ||
        now_ns - peer->wanted_ns > FAMA_SESSION_WANTED_NS) {
        return false;
    }
    const struct fama_session *session = fama_session_peer_preferred(peer);
    if (session == NULL || peer->is_outdated || fama_session_is_worn(session)) {
        return true;
    }
    uint64_t newest_ns = fama_session_made_ns(peer->sessions[0]);
    return now_ns - newest_ns >=
           FAMA_SESSION_RENEW_NS + (fama_session_is_initiator(session) ? 0 : RESPONDER_WAITS_NS);
}

static void tick_attempt(struct fama_sessions *sessions, uint64_t now_ns,
                         struct fama_attempt *attempt)
{
    switch (attempt->stage) {
    case FAMA_ATTEMPT_KNOCKING:
        if (now_ns >= attempt->ends_ns) {
            fail(sessions, now_ns, attempt, FAMA_HANDSHAKE_TIMED_OUT);
        } else if (now_ns >= attempt->hello_ns) {
            attempt->hello_is_due = true;
            attempt->hello_pause_ns = 2 * attempt->hello_pause_ns < FAMA_HANDSHAKE_LONGEST_NS
                                          ? 2 * attempt->hello_pause_ns
                                          : FAMA_HANDSHAKE_LONGEST_NS;
            attempt->hello_ns = now_ns + attempt->hello_pause_ns;
            fama_attempts_make_ready(sessions->attempts, attempt);
        }
        break;
    case FAMA_ATTEMPT_TALKING:
        if (now_ns >= fama_handshake_next_ns(attempt->dtls)) {
            fama_handshake_tick(attempt->dtls, now_ns);
            settle(sessions, now_ns, attempt);
        }
        break;
    case FAMA_ATTEMPT_LINGERING:
        if (now_ns >= attempt->ends_ns) {
            fama_attempts_bury(sessions->attempts, attempt->peer, attempt->handshake,
                               now_ns + FAMA_BURIED_NS);
            fama_attempts_end(sessions->attempts, attempt);
        }
        break;
    case FAMA_ATTEMPT_FREE:
    case FAMA_ATTEMPT_OVER:
        break;
    }
}

/* ---- Peers, looked at one by one, all of them each second ---- */

static void drop_all(struct fama_sessions *sessions, struct fama_session_peer *peer)
{
    end_own(sessions, peer);
    while (peer->session_count > 0) {
        drop_session(sessions, peer, peer->session_count - 1);
    }
    fama_session_peers_remove(sessions->peers, peer);
}

static void drop_old(struct fama_sessions *sessions, uint64_t now_ns,
                     struct fama_session_peer *peer)
{
    const struct fama_session *preferred = fama_session_peer_preferred(peer);
    uint64_t preferred_ns = preferred != NULL ? fama_session_made_ns(preferred) : 0;
    /* Until the other end has been heard in it, it may still be sealing with the one before. */
    bool preferred_is_heard = preferred != NULL && fama_session_is_heard(preferred);
    bool is_behind = true; /* older than the preferred one */
    for (uint32_t i = peer->session_count; i-- > 0;) {
        struct fama_session *session = peer->sessions[i];
        is_behind = is_behind && session != preferred;
        if (now_ns - fama_session_made_ns(session) >= FAMA_SESSION_LIFE_NS ||
            (is_behind && preferred_is_heard && now_ns - preferred_ns >= FAMA_SESSION_DRAIN_NS)) {
            drop_session(sessions, peer, i);
        }
    }
}

/* False if the record is gone. There is room for the words. */
static bool audit(struct fama_sessions *sessions, uint64_t now_ns, struct fama_session_peer *peer)
{
    struct fama_sessions_peer known;
    if (!look_up(sessions, peer->tag, &known)) {
        drop_all(sessions, peer);
        return false;
    }
    if (peer->session_count > 0 && (known.incarnation != peer->incarnation ||
                                    !fama_endpoint_equal(&known.endpoint, &peer->endpoint))) {
        peer->is_outdated = true;
    }
    drop_old(sessions, now_ns, peer);
    tell_preferred(sessions, peer);
    if (peer->is_wanted && now_ns - peer->wanted_ns > FAMA_SESSION_WANTED_NS) {
        peer->is_wanted = false;
    }
    if (is_due(peer, now_ns)) {
        begin(sessions, now_ns, peer, &known);
    }
    if (peer->session_count == 0 && !peer->is_wanted && !peer->is_trying) {
        fama_session_peers_remove(sessions->peers, peer);
        return false;
    }
    return true;
}

static void audit_some(struct fama_sessions *sessions, uint64_t now_ns)
{
    uint32_t count = fama_session_peers_count(sessions->peers);
    uint64_t passed_ns = now_ns - sessions->audited_ns;
    passed_ns = passed_ns < SECOND_NS ? passed_ns : SECOND_NS;
    uint32_t some = (uint32_t)(count * passed_ns / SECOND_NS) + 1;
    sessions->audited_ns = now_ns;
    for (uint32_t i = 0; i < some && i < count && has_room(sessions); i++) {
        uint32_t left = fama_session_peers_count(sessions->peers);
        if (sessions->audit_next >= left) {
            sessions->audit_next = 0;
        }
        if (left > 0 &&
            audit(sessions, now_ns, fama_session_peers_at(sessions->peers, sessions->audit_next))) {
            sessions->audit_next++;
        }
    }
}

void fama_sessions_tick(struct fama_sessions *sessions, uint64_t now_ns, time_t wall_clock)
{
    sessions->wall_clock = wall_clock;
    /* Mostly nobody shakes hands: the places are many, and a look at each would be most of a tick. */
    const struct fama_attempts *attempts = sessions->attempts;
    bool has_attempts = fama_attempts_initiators(attempts) + fama_attempts_half_open(attempts) +
                            fama_attempts_lingering(attempts) >
                        0;
    uint32_t places = has_attempts ? fama_attempts_places(attempts) : 0;
    for (uint32_t i = 0; i < places; i++) {
        tick_attempt(sessions, now_ns, fama_attempts_at(sessions->attempts, i));
    }
    audit_some(sessions, now_ns);
}

void fama_sessions_on_news(struct fama_sessions *sessions, uint64_t now_ns, fama_tag tag)
{
    struct fama_session_peer *peer = fama_session_peers_find(sessions->peers, tag);
    if (peer != NULL && has_room(sessions)) {
        (void)audit(sessions, now_ns, peer);
    }
}

enum fama_drop fama_sessions_want(struct fama_sessions *sessions, uint64_t now_ns, fama_tag tag)
{
    if (tag == sessions->config.self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    struct fama_session_peer *peer = fama_session_peers_find(sessions->peers, tag);
    if (peer != NULL && peer->session_count > 0 && !is_due(peer, now_ns)) {
        peer->is_wanted = true;
        peer->wanted_ns = now_ns;
        return FAMA_DROP_NONE;
    }
    struct fama_sessions_peer known;
    if (!look_up(sessions, tag, &known)) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    peer = fama_session_peers_add(sessions->peers, tag);
    if (peer == NULL) {
        return FAMA_DROP_HANDSHAKE_BUDGET;
    }
    peer->is_wanted = true;
    peer->wanted_ns = now_ns;
    if (is_due(peer, now_ns)) {
        begin(sessions, now_ns, peer, &known);
    }
    return FAMA_DROP_NONE;
}

/* ---- Datagrams ---- */

/* What a cookie vouches for. */
static void claim_of(const struct fama_session_message *message,
                     const struct fama_endpoint *came_from, uint8_t claim[COOKIE_CLAIM_BYTES])
{
    memcpy(claim, came_from->address, FAMA_ADDRESS_BYTES);
    claim[FAMA_ADDRESS_BYTES] = (uint8_t)(came_from->port >> 8);
    claim[FAMA_ADDRESS_BYTES + 1] = (uint8_t)came_from->port;
    put64(claim + FAMA_ADDRESS_BYTES + 2, message->sender);
    put64(claim + FAMA_ADDRESS_BYTES + 10, message->handshake);
}

static bool give_cookie(struct fama_sessions *sessions, uint64_t now_ns,
                        const struct fama_session_message *message,
                        const struct fama_endpoint *came_from)
{
    if (!fama_allow(&sessions->cookies, now_ns)) {
        return false;
    }
    uint8_t claim[COOKIE_CLAIM_BYTES];
    claim_of(message, came_from, claim);
    sessions->reply = (struct fama_session_message){
        .step = FAMA_SESSION_COOKIE,
        .sender = sessions->config.self,
        .target = message->sender,
        .handshake = message->handshake,
    };
    sessions->reply_target = *came_from;
    sessions->has_reply = fama_cookie_make(&sessions->jar, now_ns, fama_bytes(claim, sizeof claim),
                                           sessions->reply.cookie);
    return sessions->has_reply;
}

/* Whether this one more handshake by somebody else is within all bounds. */
static bool accepts(struct fama_sessions *sessions, uint64_t now_ns, fama_tag peer,
                    const struct fama_endpoint *came_from, bool is_expected)
{
    uint64_t source = fama_address_source(came_from->address);
    uint32_t alike = 0;
    uint32_t unexpected = 0;
    for (uint32_t i = 0; i < fama_attempts_places(sessions->attempts); i++) {
        const struct fama_attempt *other = fama_attempts_at(sessions->attempts, i);
        if (other->stage == FAMA_ATTEMPT_FREE || other->is_initiator) {
            continue;
        }
        if (other->is_expected) {
            alike += is_expected && other->peer == peer ? 1 : 0;
        } else {
            alike += !is_expected && fama_address_source(other->endpoint.address) == source ? 1 : 0;
            unexpected += other->stage == FAMA_ATTEMPT_TALKING ? 1 : 0;
        }
    }
    if (alike >= FAMA_SESSIONS_FROM_EACH ||
        fama_attempts_half_open(sessions->attempts) >= sessions->config.half_open_max ||
        (!is_expected && unexpected >= (sessions->config.half_open_max + 1) / 2)) {
        return false;
    }
    return fama_allow(is_expected ? &sessions->expected : &sessions->unexpected, now_ns);
}

static enum fama_drop on_stranger(struct fama_sessions *sessions, uint64_t now_ns,
                                  const struct fama_session_message *message,
                                  const struct fama_endpoint *came_from,
                                  const struct fama_sessions_peer *known)
{
    uint8_t claim[COOKIE_CLAIM_BYTES];
    claim_of(message, came_from, claim);
    if (!fama_cookie_is_good(&sessions->jar, now_ns, fama_bytes(claim, sizeof claim),
                             message->cookie)) {
        (void)give_cookie(sessions, now_ns, message, came_from);
        return FAMA_DROP_HANDSHAKE_UNPROVED;
    }
    if (fama_attempts_is_buried(sessions->attempts, message->sender, message->handshake, now_ns)) {
        return FAMA_DROP_SESSION_REPLAYED;
    }
    struct fama_dtls_span span;
    if (!fama_dtls_records_read(message->bytes, &span) || span.first != 0) {
        return FAMA_DROP_HANDSHAKE_UNKNOWN; /* the middle of something */
    }
    bool is_expected = fama_endpoint_equal(came_from, &known->endpoint);
    if (!accepts(sessions, now_ns, message->sender, came_from, is_expected)) {
        return FAMA_DROP_HANDSHAKE_BUDGET;
    }
    struct fama_attempt *attempt = fama_attempts_add(sessions->attempts, false, message->sender,
                                                     message->handshake, came_from);
    if (attempt == NULL) {
        return FAMA_DROP_HANDSHAKE_BUDGET;
    }
    attempt->is_expected = is_expected;
    if (!start_dtls(sessions, now_ns, attempt, known)) {
        fail(sessions, now_ns, attempt, FAMA_HANDSHAKE_INTERNAL);
        return FAMA_DROP_HANDSHAKE_BUDGET;
    }
    fama_handshake_input(attempt->dtls, now_ns, message->bytes);
    settle(sessions, now_ns, attempt);
    return FAMA_DROP_NONE;
}

static enum fama_drop on_initiators_records(struct fama_sessions *sessions, uint64_t now_ns,
                                            const struct fama_session_message *message,
                                            const struct fama_endpoint *came_from,
                                            const struct fama_sessions_peer *known)
{
    struct fama_attempt *attempt =
        fama_attempts_find(sessions->attempts, false, message->sender, message->handshake);
    if (attempt == NULL) {
        return on_stranger(sessions, now_ns, message, came_from, known);
    }
    if (!fama_endpoint_equal(&attempt->endpoint, came_from)) {
        return FAMA_DROP_HANDSHAKE_UNPROVED;
    }
    fama_handshake_input(attempt->dtls, now_ns, message->bytes);
    settle(sessions, now_ns, attempt);
    return FAMA_DROP_NONE;
}

static enum fama_drop on_answer(struct fama_sessions *sessions, uint64_t now_ns,
                                const struct fama_session_message *message,
                                const struct fama_endpoint *came_from,
                                const struct fama_sessions_peer *known)
{
    struct fama_attempt *attempt =
        fama_attempts_find(sessions->attempts, true, message->sender, message->handshake);
    if (attempt == NULL || !fama_endpoint_equal(&attempt->endpoint, came_from)) {
        return FAMA_DROP_HANDSHAKE_UNKNOWN;
    }
    if (message->step == FAMA_SESSION_RESPONDER_RECORDS) {
        if (attempt->stage != FAMA_ATTEMPT_TALKING) {
            return FAMA_DROP_HANDSHAKE_UNKNOWN;
        }
        fama_handshake_input(attempt->dtls, now_ns, message->bytes);
        settle(sessions, now_ns, attempt);
        return FAMA_DROP_NONE;
    }
    /* A later cookie takes the place of one that may have grown old on the way. */
    memcpy(attempt->cookie, message->cookie, FAMA_COOKIE_BYTES);
    if (attempt->stage == FAMA_ATTEMPT_KNOCKING) {
        attempt->hello_is_due = false;
        if (!start_dtls(sessions, now_ns, attempt, known)) {
            fail(sessions, now_ns, attempt, FAMA_HANDSHAKE_INTERNAL);
            return FAMA_DROP_HANDSHAKE_BUDGET;
        }
        settle(sessions, now_ns, attempt);
    }
    return FAMA_DROP_NONE;
}

enum fama_drop fama_sessions_on_datagram(struct fama_sessions *sessions, uint64_t now_ns,
                                         struct fama_bytes datagram,
                                         const struct fama_endpoint *came_from)
{
    struct fama_session_message message;
    enum fama_drop drop = fama_wire_session_read(datagram, &message);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (message.target != sessions->config.self) {
        return FAMA_DROP_NOT_OURS;
    }
    if (message.sender == sessions->config.self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    if (!has_room(sessions)) {
        return FAMA_DROP_EVENT_RING_FULL;
    }
    struct fama_sessions_peer known;
    if (!look_up(sessions, message.sender, &known)) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    switch (message.step) {
    case FAMA_SESSION_HELLO:
        return give_cookie(sessions, now_ns, &message, came_from) ? FAMA_DROP_NONE
                                                                  : FAMA_DROP_HANDSHAKE_BUDGET;
    case FAMA_SESSION_INITIATOR_RECORDS:
        return on_initiators_records(sessions, now_ns, &message, came_from, &known);
    case FAMA_SESSION_COOKIE:
    case FAMA_SESSION_RESPONDER_RECORDS:
        return on_answer(sessions, now_ns, &message, came_from, &known);
    }
    return FAMA_DROP_MALFORMED;
}

/* ---- Actions ---- */

/* The next datagram of this attempt, if it has any. */
static bool message_of(struct fama_sessions *sessions, struct fama_attempt *attempt,
                       struct fama_session_message *message)
{
    *message = (struct fama_session_message){
        .sender = sessions->config.self,
        .target = attempt->peer,
        .handshake = attempt->handshake,
    };
    if (attempt->hello_is_due) {
        attempt->hello_is_due = false;
        message->step = FAMA_SESSION_HELLO;
        return true;
    }
    if (attempt->dtls == NULL || !fama_handshake_output(attempt->dtls, &message->bytes)) {
        return false;
    }
    message->step =
        attempt->is_initiator ? FAMA_SESSION_INITIATOR_RECORDS : FAMA_SESSION_RESPONDER_RECORDS;
    if (attempt->is_initiator) {
        memcpy(message->cookie, attempt->cookie, FAMA_COOKIE_BYTES);
    }
    return true;
}

static bool write_action(struct fama_sessions *sessions, const struct fama_session_message *message,
                         const struct fama_endpoint *target, struct fama_sessions_action *action)
{
    size_t len = fama_wire_session_write(message, sessions->datagram, sizeof sessions->datagram);
    *action = (struct fama_sessions_action){
        .kind = FAMA_SESSIONS_SEND,
        .target = *target,
        .datagram = fama_bytes(sessions->datagram, len),
        .peer = message->target,
    };
    return len > 0;
}

bool fama_sessions_next_action(struct fama_sessions *sessions, struct fama_sessions_action *action)
{
    fama_session_release(sessions->last_session);
    sessions->last_session = NULL;
    if (sessions->event_count > 0) {
        struct event event = sessions->events[sessions->event_first];
        sessions->event_first = (sessions->event_first + 1) % EVENTS_MAX;
        sessions->event_count--;
        sessions->last_session = event.session;
        *action = (struct fama_sessions_action){.kind = event.kind,
                                                .session = event.session,
                                                .peer = event.peer,
                                                .failure = event.failure};
        return true;
    }
    if (sessions->has_reply) {
        sessions->has_reply = false;
        if (write_action(sessions, &sessions->reply, &sessions->reply_target, action)) {
            action->is_unproved = true;
            return true;
        }
    }
    struct fama_attempt *attempt;
    while ((attempt = fama_attempts_first_ready(sessions->attempts)) != NULL) {
        struct fama_session_message message;
        if (!message_of(sessions, attempt, &message)) {
            fama_attempts_is_silent(sessions->attempts);
        } else if (write_action(sessions, &message, &attempt->endpoint, action)) {
            return true;
        }
    }
    return false;
}

/* ---- Looking ---- */

struct fama_session *fama_sessions_of(const struct fama_sessions *sessions, fama_tag tag)
{
    const struct fama_session_peer *peer = fama_session_peers_find(sessions->peers, tag);
    return peer != NULL ? fama_session_peer_preferred(peer) : NULL;
}

void fama_sessions_each(const struct fama_sessions *sessions,
                        void (*visit)(void *context, struct fama_session *session,
                                      bool is_preferred),
                        void *context)
{
    for (uint32_t i = 0; i < fama_session_peers_count(sessions->peers); i++) {
        const struct fama_session_peer *peer = fama_session_peers_at(sessions->peers, i);
        const struct fama_session *preferred = fama_session_peer_preferred(peer);
        for (uint32_t j = 0; j < peer->session_count; j++) {
            visit(context, peer->sessions[j], peer->sessions[j] == preferred);
        }
    }
}

struct fama_sessions_counts fama_sessions_counts(const struct fama_sessions *sessions)
{
    struct fama_sessions_counts counts = {
        .peers = fama_session_peers_count(sessions->peers),
        .initiating = fama_attempts_initiators(sessions->attempts),
        .half_open = fama_attempts_half_open(sessions->attempts),
        .lingering = fama_attempts_lingering(sessions->attempts),
    };
    for (uint32_t i = 0; i < counts.peers; i++) {
        counts.sessions += fama_session_peers_at(sessions->peers, i)->session_count;
    }
    return counts;
}
