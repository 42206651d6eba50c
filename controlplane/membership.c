#include "controlplane/membership.h"

#include <stdlib.h>

#include "controlplane/member_table.h"

#define SECOND_NS    1000000000ull
#define SENDS_MAX    2048u /* sends that may wait in the queue */
#define MANY_PER_ACT 4u    /* lasting actions that one peer's change may need */

/* An action as it waits: digests are written and datagrams looked up when it is taken. */
struct waiting {
    enum fama_membership_action_kind kind;
    bool answer_wanted;
    struct fama_endpoint target;
    struct fama_member_record *record; /* FORWARD, JOINED, DIED, FORGOTTEN */
    fama_tag
        target_tag; /* who says that it is at `target`; 0: we were told so by our configuration */
    fama_tag first;
    fama_tag last;
};

struct fama_membership {
    struct fama_membership_config config;
    fama_tag self;
    struct fama_member_table *table;
    struct fama_random random;
    uint64_t sequence;       /* the last one given out */
    uint64_t alive_sequence; /* our present alive message's */
    uint64_t forget_ns;
    bool has_started;
    uint64_t next_heartbeat_ns;
    uint64_t next_bootstrap_ns;
    uint64_t next_check_ns;
    uint64_t next_probe_ns;
    uint64_t next_digest_ns;
    fama_tag digest_cursor; /* where the next anti-entropy range begins */
    fama_tag probe_cursor;

    struct waiting *queue; /* a ring that starts afresh whenever it is empty */
    uint32_t queue_size;
    uint32_t queue_first;
    uint32_t queue_count;
    bool change_waits;
    struct fama_member forgotten; /* what the last FORGOTTEN action points to */
    struct fama_digest digest;    /* what the last SEND_DIGEST action points to */
};

/* ---- Life ---- */

static bool config_is_usable(const struct fama_membership_config *config)
{
    return config->alive_interval_ns > 0 && config->alive_expiration_ns > 0 &&
           config->reconnect_interval_ns > 0 && config->digest_interval_ns > 0 &&
           config->message_expiration_factor > 0 && config->propagate_peer_num > 0 &&
           config->pull_peer_num > 0 && config->peers_max > 0 &&
           config->peers_max <= FAMA_PEERS_MAX && config->bootstrap_count <= FAMA_BOOTSTRAP_MAX;
}

struct fama_membership *fama_membership_create(const struct fama_membership_config *config)
{
    if (!config_is_usable(config)) {
        return NULL;
    }
    struct fama_membership *membership = calloc(1, sizeof(*membership));
    if (membership == NULL) {
        return NULL;
    }
    membership->config = *config;
    if (config->propagate_peer_num > FAMA_FANOUT_MAX) {
        membership->config.propagate_peer_num = FAMA_FANOUT_MAX;
    }
    if (config->pull_peer_num > FAMA_FANOUT_MAX) {
        membership->config.pull_peer_num = FAMA_FANOUT_MAX;
    }
    membership->self = fama_tag_of(config->self_pki_id);
    if (__builtin_mul_overflow(config->alive_expiration_ns, config->message_expiration_factor,
                               &membership->forget_ns)) {
        membership->forget_ns = UINT64_MAX;
    }
    fama_random_seed(&membership->random, config->random_seed);
    membership->alive_sequence = fama_membership_next_sequence(membership);
    membership->queue_size = SENDS_MAX + MANY_PER_ACT * (config->peers_max + 1);
    membership->queue = calloc(membership->queue_size, sizeof(*membership->queue));
    membership->table = fama_member_table_create(config->peers_max);
    if (membership->queue == NULL || membership->table == NULL) {
        fama_membership_destroy(membership, NULL);
        return NULL;
    }
    return membership;
}

void fama_membership_destroy(struct fama_membership *membership,
                             void (*release_identity)(void *identity))
{
    if (membership == NULL) {
        return;
    }
    fama_member_table_destroy(membership->table, release_identity);
    free(membership->queue);
    free(membership);
}

uint64_t fama_membership_next_sequence(struct fama_membership *membership)
{
    return ++membership->sequence;
}

uint32_t fama_membership_count(const struct fama_membership *membership)
{
    return fama_member_table_count(membership->table);
}

const struct fama_member *fama_membership_at(const struct fama_membership *membership,
                                             uint32_t index)
{
    return &fama_member_table_at(membership->table, index)->member;
}

const struct fama_member *fama_membership_find(const struct fama_membership *membership,
                                               fama_tag tag)
{
    const struct fama_member_record *record = fama_member_table_find(membership->table, tag);
    return record != NULL ? &record->member : NULL;
}

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static uint64_t after(uint64_t now_ns, uint64_t wait_ns)
{
    return wait_ns < UINT64_MAX - now_ns ? now_ns + wait_ns : UINT64_MAX;
}

/* ---- The queue ---- */

static void enqueue(struct fama_membership *membership, const struct waiting *waiting)
{
    uint32_t at = (membership->queue_first + membership->queue_count) % membership->queue_size;
    membership->queue[at] = *waiting;
    membership->queue_count++;
}

/* Whether all that one peer's change may add fits: asked before anything is changed. */
static bool has_room_for_change(const struct fama_membership *membership)
{
    return membership->queue_size - membership->queue_count >= MANY_PER_ACT;
}

static void enqueue_send(struct fama_membership *membership, const struct waiting *waiting)
{
    if (membership->queue_count < SENDS_MAX &&
        !fama_endpoint_equal(&waiting->target, &membership->config.self_endpoint)) {
        enqueue(membership, waiting);
    }
}

static void enqueue_change(struct fama_membership *membership)
{
    if (!membership->change_waits) {
        membership->change_waits = true;
        enqueue(membership, &(struct waiting){.kind = FAMA_MEMBERSHIP_CHANGED});
    }
}

static void enqueue_peer(struct fama_membership *membership, enum fama_membership_action_kind kind,
                         struct fama_member_record *record)
{
    enqueue(membership, &(struct waiting){.kind = kind, .record = record});
    enqueue_change(membership);
}

static void send_alive(struct fama_membership *membership, const struct fama_member *member)
{
    enqueue_send(membership, &(struct waiting){.kind = FAMA_MEMBERSHIP_SEND_ALIVE,
                                               .target = member->endpoint,
                                               .target_tag = member->tag});
}

static void send_digest(struct fama_membership *membership, const struct fama_member_record *record,
                        fama_tag first, fama_tag last, bool answer_wanted)
{
    enqueue_send(membership, &(struct waiting){.kind = FAMA_MEMBERSHIP_SEND_DIGEST,
                                               .answer_wanted = answer_wanted,
                                               .target = record->member.endpoint,
                                               .target_tag = record->member.tag,
                                               .first = first,
                                               .last = last});
}

static void forward(struct fama_membership *membership, struct fama_member_record *about,
                    const struct fama_member *member)
{
    enqueue_send(membership, &(struct waiting){.kind = FAMA_MEMBERSHIP_FORWARD,
                                               .target = member->endpoint,
                                               .target_tag = member->tag,
                                               .record = about});
}

/* ---- What we hold, as digests say it: the table and ourselves, ascending ---- */

struct walk {
    const struct fama_membership *membership;
    uint32_t index;
    bool is_self_due;
    struct fama_member_record *record; /* of the entry just given; NULL: ourselves */
};

static struct walk walk_from(const struct fama_membership *membership, fama_tag first)
{
    return (struct walk){
        .membership = membership,
        .index = fama_member_table_lower_bound(membership->table, first),
        .is_self_due = membership->self >= first,
    };
}

static bool walk_next(struct walk *walk, fama_tag last, struct fama_digest_entry *entry)
{
    const struct fama_membership *membership = walk->membership;
    struct fama_member_record *next = NULL;
    if (walk->index < fama_member_table_count(membership->table)) {
        next = fama_member_table_at(membership->table, walk->index);
    }
    if (walk->is_self_due && (next == NULL || membership->self < next->member.tag)) {
        if (membership->self > last) {
            return false;
        }
        walk->is_self_due = false;
        walk->record = NULL;
        *entry = (struct fama_digest_entry){.author = membership->self,
                                            .incarnation = membership->config.incarnation,
                                            .sequence = membership->alive_sequence};
        return true;
    }
    if (next == NULL || next->member.tag > last) {
        return false;
    }
    walk->index++;
    walk->record = next;
    *entry = (struct fama_digest_entry){.author = next->member.tag,
                                        .incarnation = next->member.incarnation,
                                        .sequence = next->member.sequence};
    return true;
}

static void write_digest(struct fama_membership *membership, const struct waiting *waiting)
{
    struct fama_digest *digest = &membership->digest;
    *digest = (struct fama_digest){.answer_wanted = waiting->answer_wanted,
                                   .target = waiting->target_tag,
                                   .first = waiting->first,
                                   .last = waiting->last};
    struct walk walk = walk_from(membership, waiting->first);
    struct fama_digest_entry entry;
    while (walk_next(&walk, waiting->last, &entry)) {
        if (digest->count == FAMA_DIGEST_ENTRIES_MAX) {
            digest->last = entry.author - 1; /* More came to be known since the range was chosen. */
            return;
        }
        digest->entries[digest->count++] = entry;
    }
}

/* The range that begins at `first`, ends before the first entry that a digest does not hold, and is cut
 * at `last`. The gaps between known authors belong to ranges too: there the unknown are. */
static fama_tag range_end(const struct fama_membership *membership, fama_tag first, fama_tag last)
{
    struct walk walk = walk_from(membership, first);
    struct fama_digest_entry entry;
    for (uint32_t i = 0; walk_next(&walk, last, &entry); i++) {
        if (i == FAMA_DIGEST_ENTRIES_MAX) {
            return entry.author - 1;
        }
    }
    return last;
}

static void send_next_range(struct fama_membership *membership,
                            const struct fama_member_record *record)
{
    fama_tag first = membership->digest_cursor;
    fama_tag last = range_end(membership, first, UINT64_MAX);
    membership->digest_cursor = last + 1; /* Wraps to zero after the last range. */
    send_digest(membership, record, first, last, true);
}

/* ---- Alive messages ---- */

static void spread(struct fama_membership *membership, struct fama_member_record *about)
{
    struct fama_member_record *targets[FAMA_FANOUT_MAX];
    uint32_t count = fama_member_table_draw(membership->table, &membership->random,
                                            about->member.tag, &membership->config.self_endpoint,
                                            membership->config.propagate_peer_num, targets);
    for (uint32_t i = 0; i < count; i++) {
        if (!fama_endpoint_equal(&targets[i]->member.endpoint, &about->member.endpoint)) {
            forward(membership, about, &targets[i]->member);
        }
    }
}

/* Everybody hears of a newcomer within moments; if everybody greeted it, a network of n peers would start
 * with n x n greetings. */
static void greet(struct fama_membership *membership, const struct fama_member_record *record)
{
    uint32_t living = fama_member_table_living(membership->table);
    if (living > FAMA_GREETERS && fama_random_below(&membership->random, living) >= FAMA_GREETERS) {
        return;
    }
    send_alive(membership, &record->member);
    send_next_range(membership, record);
}

void fama_membership_on_proof(struct fama_membership *membership, fama_tag tag)
{
    const struct fama_member_record *record = fama_member_table_find(membership->table, tag);
    if (record != NULL && record->member.state == FAMA_PEER_ALIVE) {
        send_next_range(membership, record);
    }
}

static enum fama_drop admit(struct fama_membership *membership, const struct fama_message *message,
                            const uint8_t pki_id[FAMA_PKI_ID_BYTES],
                            struct fama_member_record **record)
{
    if (fama_member_table_is_buried(membership->table, message->author, message->incarnation,
                                    message->sequence)) {
        return FAMA_DROP_REPLAYED;
    }
    *record = fama_member_table_add(membership->table, pki_id);
    return *record != NULL ? FAMA_DROP_NONE : FAMA_DROP_ADMISSION_BUDGET;
}

static enum fama_drop
check_alive(const struct fama_membership *membership, const struct fama_message *message,
            const struct fama_alive *alive, const uint8_t pki_id[FAMA_PKI_ID_BYTES],
            struct fama_bytes datagram, const struct fama_member_record *record)
{
    if (message->author != fama_tag_of(pki_id) || fama_address_is_none(alive->endpoint.address) ||
        alive->endpoint.port == 0 || datagram.len > FAMA_ALIVE_DATAGRAM_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    if (message->author == membership->self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    if (record == NULL) {
        return FAMA_DROP_NONE;
    }
    if (memcmp(record->member.pki_id, pki_id, FAMA_PKI_ID_BYTES) != 0) {
        return FAMA_DROP_IDENTITY_REFUSED;
    }
    if (!fama_is_newer(message->incarnation, message->sequence, record->member.incarnation,
                       record->member.sequence)) {
        return FAMA_DROP_REPLAYED;
    }
    return FAMA_DROP_NONE;
}

enum fama_drop fama_membership_on_alive(struct fama_membership *membership, uint64_t now_ns,
                                        const struct fama_message *message,
                                        const struct fama_alive *alive,
                                        const uint8_t pki_id[FAMA_PKI_ID_BYTES],
                                        struct fama_bytes datagram, void *identity,
                                        bool *took_identity)
{
    *took_identity = false;
    struct fama_member_record *record = fama_member_table_find(membership->table, message->author);
    enum fama_drop drop = check_alive(membership, message, alive, pki_id, datagram, record);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (!has_room_for_change(membership)) {
        return FAMA_DROP_EVENT_RING_FULL;
    }
    bool is_stranger = record == NULL;
    if (is_stranger) {
        drop = admit(membership, message, pki_id, &record);
        if (drop != FAMA_DROP_NONE) {
            return drop;
        }
    }
    if (!fama_member_table_store(record, datagram)) {
        if (is_stranger) {
            fama_member_table_cancel(membership->table, record);
        }
        return FAMA_DROP_ADMISSION_BUDGET;
    }
    if (is_stranger) {
        record->member.identity = identity;
        *took_identity = true;
    }

    bool has_moved = !fama_endpoint_equal(&record->member.endpoint, &alive->endpoint);
    bool has_returned = record->member.state != FAMA_PEER_ALIVE;
    record->member.endpoint = alive->endpoint;
    record->member.incarnation = message->incarnation;
    record->member.sequence = message->sequence;
    record->member.last_seen_ns = now_ns;
    if (has_returned) {
        fama_member_table_set_state(membership->table, record, FAMA_PEER_ALIVE);
        enqueue_peer(membership, FAMA_MEMBERSHIP_JOINED, record);
    } else if (has_moved) {
        enqueue_change(membership);
    }
    spread(membership, record);
    if (has_returned) {
        greet(membership, record);
    }
    return FAMA_DROP_NONE;
}

/* ---- Digests ---- */

struct comparison {
    struct walk walk;
    const struct fama_digest *digest;
    uint64_t now_ns;
    uint32_t at; /* in the digest's entries */
};

/* Last words of the dead would bring them back to life where they are not known. Those of the silent
 * would prolong their life where they come as news, and be told on from there: so only fresh ones go to
 * whoever knows their author. */
static bool may_be_told(const struct comparison *comparison,
                        const struct fama_member_record *record, bool is_known)
{
    uint64_t interval_ns = comparison->walk.membership->config.alive_interval_ns;
    uint64_t limit_ns = is_known ? interval_ns / 2 : interval_ns + interval_ns / 2;
    return record->member.state == FAMA_PEER_ALIVE &&
           since(comparison->now_ns, record->member.last_seen_ns) <= limit_ns;
}

/* The next author of whom we hold, and may pass on, something newer than the digest's author does. */
static bool next_lacking(struct comparison *comparison, fama_tag asker,
                         struct fama_member_record **record)
{
    const struct fama_digest *digest = comparison->digest;
    struct fama_digest_entry ours;
    while (walk_next(&comparison->walk, digest->last, &ours)) {
        while (comparison->at < digest->count &&
               digest->entries[comparison->at].author < ours.author) {
            comparison->at++;
        }
        *record = comparison->walk.record;
        const struct fama_digest_entry *theirs = &digest->entries[comparison->at];
        bool is_known = comparison->at < digest->count && theirs->author == ours.author;
        if (ours.author == asker ||
            (*record != NULL && !may_be_told(comparison, *record, is_known))) {
            continue;
        }
        if (!is_known ||
            fama_is_newer(ours.incarnation, ours.sequence, theirs->incarnation, theirs->sequence)) {
            return true;
        }
    }
    return false;
}

static struct comparison compare(const struct fama_membership *membership, uint64_t now_ns,
                                 const struct fama_digest *digest)
{
    return (struct comparison){
        .walk = walk_from(membership, digest->first), .digest = digest, .now_ns = now_ns};
}

static void answer_with_alives(struct fama_membership *membership, uint64_t now_ns,
                               struct fama_member_record *asker, const struct fama_digest *digest)
{
    struct fama_member_record *record = NULL;
    struct comparison comparison = compare(membership, now_ns, digest);
    uint32_t lacking = 0;
    while (next_lacking(&comparison, asker->member.tag, &record)) {
        lacking++;
    }
    uint32_t allowed = FAMA_DIGEST_ANSWERS_MAX - asker->answers;
    if (allowed > FAMA_DIGEST_ENTRIES_MAX) {
        allowed = FAMA_DIGEST_ENTRIES_MAX;
    }
    /* Of too many, a run of neighbours that begins anywhere: other peers send other runs. */
    uint32_t skipped = lacking > allowed ? fama_random_below(&membership->random, lacking) : 0;
    comparison = compare(membership, now_ns, digest);
    for (uint32_t i = 0; next_lacking(&comparison, asker->member.tag, &record); i++) {
        if ((i + lacking - skipped) % lacking >= allowed) {
            continue;
        }
        asker->answers++;
        if (record == NULL) {
            send_alive(membership, &asker->member);
        } else {
            forward(membership, record, &asker->member);
        }
    }
}

static void answer_with_digest(struct fama_membership *membership, struct fama_member_record *asker,
                               const struct fama_digest *digest)
{
    struct walk walk = walk_from(membership, digest->first);
    struct fama_digest_entry entry;
    uint32_t count = 0;
    while (walk_next(&walk, digest->last, &entry)) {
        count++;
    }
    fama_tag first = digest->first;
    if (count > FAMA_DIGEST_ENTRIES_MAX) {
        uint32_t skipped = fama_random_below(&membership->random, count);
        walk = walk_from(membership, digest->first);
        for (uint32_t i = 0; i < skipped && walk_next(&walk, digest->last, &entry); i++) {
            first = entry.author + 1; /* There is a next one, so this does not pass the end. */
        }
    }
    asker->answers++;
    send_digest(membership, asker, first, range_end(membership, first, digest->last), false);
}

enum fama_drop fama_membership_on_digest(struct fama_membership *membership, uint64_t now_ns,
                                         const struct fama_message *message,
                                         const struct fama_digest *digest)
{
    if (message->author == membership->self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    if (digest->target != membership->self) {
        return FAMA_DROP_NOT_OURS;
    }
    if (digest->first > digest->last || digest->count > FAMA_DIGEST_ENTRIES_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    struct fama_member_record *asker = fama_member_table_find(membership->table, message->author);
    if (asker == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    if (message->incarnation < asker->member.incarnation ||
        !fama_is_newer(message->incarnation, message->sequence, asker->digest_incarnation,
                       asker->digest_sequence)) {
        return FAMA_DROP_REPLAYED;
    }
    asker->digest_incarnation = message->incarnation;
    asker->digest_sequence = message->sequence;
    if (since(now_ns, asker->answers_since_ns) >= membership->config.digest_interval_ns) {
        asker->answers_since_ns = now_ns;
        asker->answers = 0;
    }
    if (asker->answers >= FAMA_DIGEST_ANSWERS_MAX) {
        return FAMA_DROP_ADMISSION_BUDGET;
    }
    answer_with_alives(membership, now_ns, asker, digest);
    if (digest->answer_wanted && asker->answers < FAMA_DIGEST_ANSWERS_MAX) {
        answer_with_digest(membership, asker, digest);
    }
    return FAMA_DROP_NONE;
}

/* ---- Time ---- */

static void beat(struct fama_membership *membership)
{
    membership->alive_sequence = fama_membership_next_sequence(membership);
    struct fama_member_record *targets[FAMA_FANOUT_MAX];
    uint32_t count = fama_member_table_draw(membership->table, &membership->random,
                                            membership->self, &membership->config.self_endpoint,
                                            membership->config.propagate_peer_num, targets);
    for (uint32_t i = 0; i < count; i++) {
        send_alive(membership, &targets[i]->member);
    }
}

static bool is_bootstrap(const struct fama_membership *membership,
                         const struct fama_endpoint *endpoint)
{
    for (uint32_t i = 0; i < membership->config.bootstrap_count; i++) {
        if (fama_endpoint_equal(&membership->config.bootstrap[i], endpoint)) {
            return true;
        }
    }
    return false;
}

static bool is_claimed_by_the_living(const struct fama_membership *membership,
                                     const struct fama_endpoint *endpoint)
{
    for (uint32_t i = 0; i < fama_member_table_count(membership->table); i++) {
        const struct fama_member *member = &fama_member_table_at(membership->table, i)->member;
        if (member->state == FAMA_PEER_ALIVE && fama_endpoint_equal(&member->endpoint, endpoint)) {
            return true;
        }
    }
    return false;
}

static void greet_bootstrap(struct fama_membership *membership)
{
    for (uint32_t i = 0; i < membership->config.bootstrap_count; i++) {
        const struct fama_endpoint *endpoint = &membership->config.bootstrap[i];
        if (!is_claimed_by_the_living(membership, endpoint)) {
            enqueue_send(membership, &(struct waiting){.kind = FAMA_MEMBERSHIP_SEND_ALIVE,
                                                       .target = *endpoint});
        }
    }
}

/* A dead bootstrap peer is kept, unless its endpoint was heard of later under another identity. */
static bool is_kept_for_ever(const struct fama_membership *membership,
                             const struct fama_member *member)
{
    if (!is_bootstrap(membership, &member->endpoint)) {
        return false;
    }
    for (uint32_t i = 0; i < fama_member_table_count(membership->table); i++) {
        const struct fama_member *other = &fama_member_table_at(membership->table, i)->member;
        if (other != member && fama_endpoint_equal(&other->endpoint, &member->endpoint) &&
            other->last_seen_ns > member->last_seen_ns) {
            return false;
        }
    }
    return true;
}

/* Asks the silent one itself and somebody else for news of it, so that one lossy link kills nobody. */
static void ask_after(struct fama_membership *membership, struct fama_member_record *record)
{
    fama_tag tag = record->member.tag;
    send_digest(membership, record, tag, tag, false);
    struct fama_member_record *other = NULL;
    if (fama_member_table_draw(membership->table, &membership->random, tag,
                               &membership->config.self_endpoint, 1, &other) == 1) {
        send_digest(membership, other, tag, tag, false);
    }
}

static void check_silence(struct fama_membership *membership, uint64_t now_ns)
{
    const struct fama_membership_config *config = &membership->config;
    uint64_t suspicion_ns = config->alive_expiration_ns / 5 * 3;
    uint32_t asked = 0;
    uint32_t count = fama_member_table_count(membership->table);
    uint32_t start = count > 0 ? fama_random_below(&membership->random, count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct fama_member_record *record =
            fama_member_table_at(membership->table, (start + i) % count);
        uint64_t silent_ns = since(now_ns, record->member.last_seen_ns);
        if (record->member.state != FAMA_PEER_ALIVE || silent_ns <= suspicion_ns) {
            continue;
        }
        if (silent_ns <= config->alive_expiration_ns) {
            if (asked < FAMA_PROBES_MAX) {
                ask_after(membership, record);
                asked++;
            }
        } else if (has_room_for_change(membership)) {
            fama_member_table_set_state(membership->table, record, FAMA_PEER_DEAD);
            enqueue_peer(membership, FAMA_MEMBERSHIP_DIED, record);
        }
    }
}

static void forget_the_long_dead(struct fama_membership *membership, uint64_t now_ns)
{
    uint32_t i = 0;
    while (i < fama_member_table_count(membership->table)) {
        struct fama_member_record *record = fama_member_table_at(membership->table, i);
        if (record->member.state != FAMA_PEER_DEAD ||
            since(now_ns, record->member.last_seen_ns) <= membership->forget_ns ||
            is_kept_for_ever(membership, &record->member) || !has_room_for_change(membership)) {
            i++;
            continue;
        }
        fama_member_table_remove(membership->table, record);
        enqueue_peer(membership, FAMA_MEMBERSHIP_FORGOTTEN, record);
    }
}

static void probe_the_dead(struct fama_membership *membership)
{
    uint32_t count = fama_member_table_count(membership->table);
    uint32_t start = fama_member_table_lower_bound(membership->table, membership->probe_cursor);
    uint32_t probed = 0;
    for (uint32_t i = 0; i < count && probed < FAMA_PROBES_MAX; i++) {
        struct fama_member_record *record =
            fama_member_table_at(membership->table, (start + i) % count);
        if (record->member.state != FAMA_PEER_DEAD) {
            continue;
        }
        send_alive(membership, &record->member);
        send_next_range(membership, record);
        membership->probe_cursor = record->member.tag + 1;
        probed++;
    }
}

static void exchange_digests(struct fama_membership *membership)
{
    struct fama_member_record *targets[FAMA_FANOUT_MAX];
    uint32_t count = fama_member_table_draw(membership->table, &membership->random,
                                            membership->self, &membership->config.self_endpoint,
                                            membership->config.pull_peer_num, targets);
    for (uint32_t i = 0; i < count; i++) {
        send_next_range(membership, targets[i]);
    }
}

static uint64_t some_part_of(struct fama_membership *membership, uint64_t interval_ns)
{
    return fama_random_next(&membership->random) % interval_ns;
}

/* Nodes that start together shall not speak together. */
static void start(struct fama_membership *membership, uint64_t now_ns)
{
    const struct fama_membership_config *config = &membership->config;
    membership->has_started = true;
    membership->digest_cursor = fama_random_next(&membership->random);
    membership->probe_cursor = fama_random_next(&membership->random);
    membership->next_bootstrap_ns = now_ns;
    membership->next_heartbeat_ns =
        after(now_ns, some_part_of(membership, config->alive_interval_ns));
    membership->next_check_ns =
        after(now_ns, some_part_of(membership, config->alive_expiration_ns));
    membership->next_probe_ns =
        after(now_ns, some_part_of(membership, config->reconnect_interval_ns));
    membership->next_digest_ns =
        after(now_ns, some_part_of(membership, config->digest_interval_ns));
}

/* True if the timer has run out; it is then set anew. After a pause it fires once, not for every interval
 * missed. */
static bool is_due(uint64_t now_ns, uint64_t interval_ns, uint64_t *next_ns)
{
    if (now_ns < *next_ns) {
        return false;
    }
    uint64_t regular_ns = after(*next_ns, interval_ns);
    *next_ns = regular_ns > now_ns ? regular_ns : after(now_ns, interval_ns);
    return true;
}

static uint64_t bootstrap_interval(const struct fama_membership *membership)
{
    if (fama_member_table_living(membership->table) == 0 &&
        membership->config.reconnect_interval_ns > SECOND_NS) {
        return SECOND_NS;
    }
    return membership->config.reconnect_interval_ns;
}

void fama_membership_tick(struct fama_membership *membership, uint64_t now_ns)
{
    const struct fama_membership_config *config = &membership->config;
    if (!membership->has_started) {
        start(membership, now_ns);
    }
    uint64_t check_interval_ns = config->alive_expiration_ns / 10 + 1;
    if (is_due(now_ns, check_interval_ns, &membership->next_check_ns)) {
        check_silence(membership, now_ns);
        forget_the_long_dead(membership, now_ns);
        /* Whoever has just lost the last living peer does not wait for the next reconnection. */
        uint64_t soon_ns = after(now_ns, bootstrap_interval(membership));
        if (membership->next_bootstrap_ns > soon_ns) {
            membership->next_bootstrap_ns = soon_ns;
        }
    }
    if (is_due(now_ns, config->alive_interval_ns, &membership->next_heartbeat_ns)) {
        beat(membership);
    }
    if (is_due(now_ns, bootstrap_interval(membership), &membership->next_bootstrap_ns)) {
        greet_bootstrap(membership);
    }
    if (is_due(now_ns, config->reconnect_interval_ns, &membership->next_probe_ns)) {
        probe_the_dead(membership);
    }
    if (is_due(now_ns, config->digest_interval_ns, &membership->next_digest_ns)) {
        exchange_digests(membership);
    }
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

uint64_t fama_membership_next_ns(const struct fama_membership *membership)
{
    if (!membership->has_started) {
        return 0;
    }
    uint64_t next_ns = earlier(membership->next_heartbeat_ns, membership->next_bootstrap_ns);
    next_ns = earlier(next_ns, membership->next_check_ns);
    next_ns = earlier(next_ns, membership->next_probe_ns);
    return earlier(next_ns, membership->next_digest_ns);
}

/* ---- Actions ---- */

static void take_forgotten(struct fama_membership *membership, struct fama_member_record *record,
                           struct fama_membership_action *action)
{
    membership->forgotten = record->member;
    action->peer = &membership->forgotten;
    action->identity = record->member.identity;
    fama_member_table_release(membership->table, record);
}

bool fama_membership_next_action(struct fama_membership *membership,
                                 struct fama_membership_action *action)
{
    if (membership->queue_count == 0) {
        membership->queue_first = 0;
        return false;
    }
    struct waiting waiting = membership->queue[membership->queue_first];
    membership->queue_first = (membership->queue_first + 1) % membership->queue_size;
    membership->queue_count--;
    *action = (struct fama_membership_action){
        .kind = waiting.kind, .target = waiting.target, .target_tag = waiting.target_tag};
    switch (waiting.kind) {
    case FAMA_MEMBERSHIP_SEND_ALIVE:
        action->sequence = membership->alive_sequence;
        break;
    case FAMA_MEMBERSHIP_FORWARD:
        action->datagram = fama_bytes(waiting.record->datagram, waiting.record->datagram_len);
        break;
    case FAMA_MEMBERSHIP_SEND_DIGEST:
        write_digest(membership, &waiting);
        action->digest = &membership->digest;
        break;
    case FAMA_MEMBERSHIP_CHANGED:
        membership->change_waits = false;
        break;
    case FAMA_MEMBERSHIP_JOINED:
    case FAMA_MEMBERSHIP_DIED:
        action->peer = &waiting.record->member;
        action->identity = waiting.record->member.identity;
        break;
    case FAMA_MEMBERSHIP_FORGOTTEN:
        take_forgotten(membership, waiting.record, action);
        break;
    }
    return true;
}
