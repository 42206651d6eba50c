#include "controlplane/channel_keys.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#define WANTED_MAX  16 /* makers that are asked for their key at one time */
#define ANSWERS_MAX 64 /* answers that wait to be sent */
#define DOUBLINGS   4

/* A member that our keys are for. */
struct reader {
    fama_tag tag;
    uint32_t taken;    /* latest epoch that it said it took; 0: none */
    uint32_t attempts; /* since it took something */
    uint64_t due_ns;   /* of the next offer */
    bool is_paused;
    bool was_offered; /* one of our keys: it may have it */
};

struct received {
    struct fama_channel_key *key;
    uint64_t offered; /* when it was offered last, in counts of offers */
};

struct answer {
    fama_tag member;
    struct fama_keys message;
};

struct fama_channel_keys {
    struct fama_channel_keys_config config;
    uint8_t channel_digest[FAMA_SHA256_BYTES];
    uint8_t self_pki_id[FAMA_PKI_ID_BYTES];
    fama_tag channel;

    pthread_mutex_t lock; /* of in_force alone: the pusher reads it */
    struct fama_channel_key *in_force;
    struct fama_channel_key *next; /* offered, not yet in force; NULL: none */
    uint64_t next_made_ns;
    uint64_t rotate_at_ns;
    bool must_rotate;

    struct reader *readers; /* ascending by tag */
    uint32_t reader_count;
    uint32_t cursor; /* of fama_channel_keys_next: whose turn it is */

    struct received received[FAMA_VIEW_KEYS_MAX];
    uint32_t received_count;
    uint64_t offers;
    bool has_changed;

    fama_tag wanted[WANTED_MAX];
    uint32_t wanted_count;
    struct answer answers[ANSWERS_MAX];
    uint32_t answer_count;
};

struct fama_channel_keys *fama_channel_keys_create(const struct fama_channel_keys_config *config)
{
    if (config->first_epoch == 0 || config->rotate_ns == 0 || config->grace_ns == 0 ||
        config->retry_ns == 0 || config->members_max == 0) {
        return NULL;
    }
    struct fama_channel_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return NULL;
    }
    keys->readers = calloc(config->members_max, sizeof *keys->readers);
    if (keys->readers == NULL || pthread_mutex_init(&keys->lock, NULL) != 0) {
        free(keys->readers);
        free(keys);
        return NULL;
    }
    keys->config = *config;
    memcpy(keys->channel_digest, config->channel_digest, sizeof keys->channel_digest);
    memcpy(keys->self_pki_id, config->self_pki_id, sizeof keys->self_pki_id);
    keys->channel = fama_tag_of(keys->channel_digest);
    return keys;
}

void fama_channel_keys_destroy(struct fama_channel_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    fama_channel_key_release(keys->in_force);
    fama_channel_key_release(keys->next);
    for (uint32_t i = 0; i < keys->received_count; i++) {
        fama_channel_key_release(keys->received[i].key);
    }
    OPENSSL_cleanse(keys->answers, sizeof keys->answers);
    pthread_mutex_destroy(&keys->lock);
    free(keys->readers);
    free(keys);
}

/* ---- Our own keys ---- */

static struct fama_channel_key *make_key(struct fama_channel_keys *keys, uint32_t epoch)
{
    uint8_t bytes[FAMA_CHANNEL_KEY_BYTES];
    struct fama_channel_key *key = NULL;
    if (keys->config.random(bytes, sizeof bytes)) {
        const struct fama_channel_key_setup setup = {
            .channel_digest = keys->channel_digest,
            .maker_pki_id = keys->self_pki_id,
            .epoch = epoch,
            .bytes = bytes,
        };
        key = fama_channel_key_create(&setup);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return key;
}

static void put_in_force(struct fama_channel_keys *keys, uint64_t now_ns,
                         struct fama_channel_key *key)
{
    pthread_mutex_lock(&keys->lock);
    struct fama_channel_key *old = keys->in_force;
    keys->in_force = key;
    pthread_mutex_unlock(&keys->lock);
    fama_channel_key_release(old);
    keys->rotate_at_ns = now_ns + keys->config.rotate_ns;
}

bool fama_channel_keys_begin(struct fama_channel_keys *keys, uint64_t now_ns)
{
    if (keys->in_force != NULL) {
        return true;
    }
    struct fama_channel_key *key = make_key(keys, keys->config.first_epoch);
    if (key != NULL) {
        put_in_force(keys, now_ns, key);
    }
    return key != NULL;
}

struct fama_channel_key *fama_channel_keys_in_force(struct fama_channel_keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    struct fama_channel_key *key =
        keys->in_force != NULL ? fama_channel_key_acquire(keys->in_force) : NULL;
    pthread_mutex_unlock(&keys->lock);
    return key;
}

static const struct fama_channel_key *latest(const struct fama_channel_keys *keys)
{
    return keys->next != NULL ? keys->next : keys->in_force;
}

/* ---- Readers ---- */

static uint32_t place_of(const struct fama_channel_keys *keys, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = keys->reader_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys->readers[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct reader *find_reader(struct fama_channel_keys *keys, fama_tag tag)
{
    uint32_t place = place_of(keys, tag);
    bool is_there = place < keys->reader_count && keys->readers[place].tag == tag;
    return is_there ? &keys->readers[place] : NULL;
}

void fama_channel_keys_join(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag member)
{
    uint32_t place = place_of(keys, member);
    bool is_there = place < keys->reader_count && keys->readers[place].tag == member;
    if (!is_there && keys->reader_count == keys->config.members_max) {
        return; /* it asks for what it cannot open, and is refused: others serve it within sessions */
    }
    if (!is_there) {
        memmove(&keys->readers[place + 1], &keys->readers[place],
                (keys->reader_count - place) * sizeof *keys->readers);
        keys->reader_count++;
    }
    bool was_offered = is_there && keys->readers[place].was_offered;
    keys->readers[place] =
        (struct reader){.tag = member, .due_ns = now_ns, .was_offered = was_offered};
}

void fama_channel_keys_pause(struct fama_channel_keys *keys, fama_tag member)
{
    struct reader *reader = find_reader(keys, member);
    if (reader != NULL) {
        reader->is_paused = true;
    }
}

void fama_channel_keys_leave(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag member)
{
    struct reader *reader = find_reader(keys, member);
    if (reader == NULL) {
        return;
    }
    keys->must_rotate = keys->must_rotate || reader->was_offered;
    uint32_t place = (uint32_t)(reader - keys->readers);
    keys->reader_count--;
    memmove(reader, reader + 1, (keys->reader_count - place) * sizeof *reader);
    fama_channel_keys_tick(keys, now_ns);
}

static uint32_t without_latest(const struct fama_channel_keys *keys)
{
    uint32_t without = 0;
    for (uint32_t i = 0; i < keys->reader_count; i++) {
        without += !keys->readers[i].is_paused && keys->readers[i].taken < latest(keys)->epoch;
    }
    return without;
}

void fama_channel_keys_tick(struct fama_channel_keys *keys, uint64_t now_ns)
{
    if (keys->in_force == NULL) {
        return;
    }
    /* However many come and go, members can follow: they hold two keys. */
    bool may_rotate =
        keys->next_made_ns == 0 || now_ns - keys->next_made_ns >= keys->config.grace_ns;
    bool is_due = (keys->must_rotate && may_rotate) || now_ns >= keys->rotate_at_ns;
    if (keys->next == NULL && is_due && keys->in_force->epoch < UINT32_MAX) {
        keys->next = make_key(keys, keys->in_force->epoch + 1);
        if (keys->next == NULL) {
            return; /* tried again at the next tick */
        }
        keys->must_rotate = false;
        keys->next_made_ns = now_ns;
        for (uint32_t i = 0; i < keys->reader_count; i++) {
            keys->readers[i].due_ns = now_ns;
            keys->readers[i].attempts = 0;
        }
    }
    if (keys->next != NULL &&
        (without_latest(keys) == 0 || now_ns - keys->next_made_ns >= keys->config.grace_ns)) {
        put_in_force(keys, now_ns, keys->next);
        keys->next = NULL;
    }
}

/* ---- Other origins' keys ---- */

static void drop_received(struct fama_channel_keys *keys, uint32_t at)
{
    fama_channel_key_release(keys->received[at].key);
    keys->received[at] = keys->received[--keys->received_count];
    keys->has_changed = true;
}

/* Room for one more key of this maker: of its own there are two at most, of all FAMA_VIEW_KEYS_MAX. */
static void make_room(struct fama_channel_keys *keys, fama_tag maker, uint32_t epoch)
{
    uint32_t own = 0;
    uint32_t oldest = 0;
    uint32_t stalest = 0;
    for (uint32_t i = 0; i < keys->received_count; i++) {
        const struct received *at = &keys->received[i];
        if (at->key->maker == maker &&
            (own++ == 0 || at->key->epoch < keys->received[oldest].key->epoch)) {
            oldest = i;
        }
        if (at->offered < keys->received[stalest].offered) {
            stalest = i;
        }
    }
    if (own >= 2 && keys->received[oldest].key->epoch > epoch) {
        /* Its maker has begun anew, with a clock that stands behind: nobody else can offer its keys. */
        for (uint32_t i = keys->received_count; i-- > 0;) {
            if (keys->received[i].key->maker == maker) {
                drop_received(keys, i);
            }
        }
    } else if (own >= 2) {
        drop_received(keys, oldest);
    } else if (keys->received_count == FAMA_VIEW_KEYS_MAX) {
        drop_received(keys, stalest);
    }
}

static void answer(struct fama_channel_keys *keys, fama_tag member, const struct fama_keys *message)
{
    if (keys->answer_count < ANSWERS_MAX) { /* else it is asked or offered again */
        keys->answers[keys->answer_count++] =
            (struct answer){.member = member, .message = *message};
    }
}

static enum fama_drop take_offer(struct fama_channel_keys *keys,
                                 const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                                 const struct fama_keys *message)
{
    fama_tag maker = fama_tag_of(author_pki_id);
    struct received *known = NULL;
    for (uint32_t i = 0; i < keys->received_count; i++) {
        if (keys->received[i].key->maker == maker &&
            keys->received[i].key->epoch == message->epoch) {
            known = &keys->received[i];
        }
    }
    bool is_same =
        known != NULL && CRYPTO_memcmp(known->key->bytes, message->key, sizeof message->key) == 0;
    if (known != NULL && !is_same) {
        /* Its maker has begun anew, and its epochs with it. */
        drop_received(keys, (uint32_t)(known - keys->received));
        known = NULL;
    }
    if (known == NULL) {
        make_room(keys, maker, message->epoch);
        const struct fama_channel_key_setup setup = {
            .channel_digest = keys->channel_digest,
            .maker_pki_id = author_pki_id,
            .epoch = message->epoch,
            .bytes = message->key,
        };
        struct fama_channel_key *key = fama_channel_key_create(&setup);
        if (key == NULL) {
            return FAMA_DROP_NO_MBUF;
        }
        known = &keys->received[keys->received_count++];
        known->key = key;
        keys->has_changed = true;
    }
    known->offered = ++keys->offers;
    const struct fama_keys taken = {
        .step = FAMA_KEYS_TAKEN, .channel = keys->channel, .epoch = message->epoch};
    answer(keys, maker, &taken);
    return FAMA_DROP_NONE;
}

enum fama_drop fama_channel_keys_on_message(struct fama_channel_keys *keys, uint64_t now_ns,
                                            const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                                            const struct fama_keys *message)
{
    if (message->channel != keys->channel) {
        return FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (message->step == FAMA_KEYS_OFFER) {
        return take_offer(keys, author_pki_id, message);
    }
    struct reader *reader = find_reader(keys, fama_tag_of(author_pki_id));
    if (reader == NULL) {
        return FAMA_DROP_NOT_A_MEMBER;
    }
    if (message->step == FAMA_KEYS_WANTED) {
        reader->taken = 0;
        reader->attempts = 0;
        reader->due_ns = now_ns;
        reader->is_paused = false;
    } else if (keys->in_force != NULL && message->epoch <= latest(keys)->epoch &&
               message->epoch > reader->taken) {
        reader->taken = message->epoch;
        reader->attempts = 0;
        fama_channel_keys_tick(keys, now_ns);
    }
    return FAMA_DROP_NONE;
}

void fama_channel_keys_miss(struct fama_channel_keys *keys, fama_tag maker)
{
    for (uint32_t i = 0; i < keys->wanted_count; i++) {
        if (keys->wanted[i] == maker) {
            return;
        }
    }
    if (keys->wanted_count < WANTED_MAX) {
        keys->wanted[keys->wanted_count++] = maker;
    }
}

/* ---- What to send ---- */

/* What the reader lacks: the key in force first, since blocks come sealed with it. */
static const struct fama_channel_key *lacks(const struct fama_channel_keys *keys,
                                            const struct reader *reader)
{
    if (reader->taken < keys->in_force->epoch) {
        return keys->in_force;
    }
    return keys->next != NULL && reader->taken < keys->next->epoch ? keys->next : NULL;
}

static bool next_offer(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag *member,
                       struct fama_keys *message)
{
    uint32_t count = keys->in_force != NULL ? keys->reader_count : 0;
    for (uint32_t i = 0; i < count; i++, keys->cursor++) {
        keys->cursor = keys->cursor < count ? keys->cursor : 0;
        struct reader *reader = &keys->readers[keys->cursor];
        const struct fama_channel_key *key = lacks(keys, reader);
        if (key == NULL || reader->is_paused || now_ns < reader->due_ns) {
            continue;
        }
        uint32_t doublings = reader->attempts < DOUBLINGS ? reader->attempts : DOUBLINGS;
        reader->due_ns = now_ns + (keys->config.retry_ns << doublings);
        reader->attempts++;
        reader->was_offered = true;
        *member = reader->tag;
        *message = (struct fama_keys){
            .step = FAMA_KEYS_OFFER, .channel = keys->channel, .epoch = key->epoch};
        memcpy(message->key, key->bytes, sizeof message->key);
        keys->cursor++;
        return true;
    }
    return false;
}

bool fama_channel_keys_next(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag *member,
                            struct fama_keys *message)
{
    if (keys->answer_count > 0) {
        const struct answer *answer = &keys->answers[--keys->answer_count];
        *member = answer->member;
        *message = answer->message;
        return true;
    }
    if (keys->wanted_count > 0) {
        *member = keys->wanted[--keys->wanted_count];
        *message = (struct fama_keys){.step = FAMA_KEYS_WANTED, .channel = keys->channel};
        return true;
    }
    return next_offer(keys, now_ns, member, message);
}

uint32_t fama_channel_keys_list(const struct fama_channel_keys *keys,
                                struct fama_channel_key *list[FAMA_VIEW_KEYS_MAX])
{
    for (uint32_t i = 0; i < keys->received_count; i++) {
        list[i] = fama_channel_key_acquire(keys->received[i].key);
    }
    return keys->received_count;
}

bool fama_channel_keys_changed(struct fama_channel_keys *keys)
{
    bool has_changed = keys->has_changed;
    keys->has_changed = false;
    return has_changed;
}

void fama_channel_keys_stats(const struct fama_channel_keys *keys,
                             struct fama_channel_keys_stats *stats)
{
    *stats = (struct fama_channel_keys_stats){
        .epoch = keys->in_force != NULL ? keys->in_force->epoch : 0,
        .members = keys->reader_count,
        .without = keys->in_force != NULL ? without_latest(keys) : 0,
        .received = keys->received_count,
    };
}
