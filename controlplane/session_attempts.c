#include "controlplane/session_attempts.h"

#include <stdlib.h>

#define NONE   UINT32_MAX
#define CHAINS 1024u

struct grave {
    fama_tag peer;
    uint64_t handshake;
    uint64_t until_ns;
};

struct fama_attempts {
    uint32_t initiators_max;
    uint32_t half_open_max;
    uint32_t initiators;
    uint32_t half_open;
    uint32_t lingering;
    uint32_t places;
    uint32_t free; /* the first of the free places */
    uint32_t chains[CHAINS];
    struct fama_attempt *at;
    uint32_t *ready; /* a ring of places */
    uint32_t ready_first;
    uint32_t ready_count;
    struct grave graves[FAMA_BURIED];
};

struct fama_attempts *fama_attempts_create(uint32_t initiators_max, uint32_t half_open_max)
{
    struct fama_attempts *attempts = calloc(1, sizeof *attempts);
    if (attempts == NULL) {
        return NULL;
    }
    attempts->initiators_max = initiators_max;
    attempts->half_open_max = half_open_max;
    /* As many again for those that are over and have not been asked for their last word. */
    attempts->places = 2 * (initiators_max + half_open_max) + FAMA_LINGERING_MAX;
    attempts->at = calloc(attempts->places, sizeof *attempts->at);
    attempts->ready = calloc(attempts->places, sizeof *attempts->ready);
    if (attempts->at == NULL || attempts->ready == NULL) {
        fama_attempts_destroy(attempts);
        return NULL;
    }
    for (uint32_t i = 0; i < CHAINS; i++) {
        attempts->chains[i] = NONE;
    }
    for (uint32_t i = 0; i < attempts->places; i++) {
        attempts->at[i].next = i + 1 < attempts->places ? i + 1 : NONE;
    }
    return attempts;
}

void fama_attempts_destroy(struct fama_attempts *attempts)
{
    if (attempts == NULL) {
        return;
    }
    for (uint32_t i = 0; attempts->at != NULL && i < attempts->places; i++) {
        fama_handshake_destroy(attempts->at[i].dtls);
    }
    free(attempts->at);
    free(attempts->ready);
    free(attempts);
}

static uint32_t *chain_of(struct fama_attempts *attempts, uint64_t handshake)
{
    return &attempts->chains[handshake % CHAINS];
}

struct fama_attempt *fama_attempts_find(struct fama_attempts *attempts, bool is_initiator,
                                        fama_tag peer, uint64_t handshake)
{
    for (uint32_t i = *chain_of(attempts, handshake); i != NONE; i = attempts->at[i].next) {
        struct fama_attempt *attempt = &attempts->at[i];
        if (attempt->handshake == handshake && attempt->peer == peer &&
            attempt->is_initiator == is_initiator) {
            return attempt;
        }
    }
    return NULL;
}

struct fama_attempt *fama_attempts_add(struct fama_attempts *attempts, bool is_initiator,
                                       fama_tag peer, uint64_t handshake,
                                       const struct fama_endpoint *endpoint)
{
    uint32_t *count = is_initiator ? &attempts->initiators : &attempts->half_open;
    uint32_t limit = is_initiator ? attempts->initiators_max : attempts->half_open_max;
    uint32_t place = attempts->free;
    if (*count == limit || place == NONE) {
        return NULL;
    }
    struct fama_attempt *attempt = &attempts->at[place];
    attempts->free = attempt->next;
    uint32_t *chain = chain_of(attempts, handshake);
    *attempt = (struct fama_attempt){
        .stage = is_initiator ? FAMA_ATTEMPT_KNOCKING : FAMA_ATTEMPT_TALKING,
        .is_initiator = is_initiator,
        .peer = peer,
        .handshake = handshake,
        .endpoint = *endpoint,
        .next = *chain,
    };
    *chain = place;
    (*count)++;
    return attempt;
}

/* It no longer counts as what it was. */
static void uncount(struct fama_attempts *attempts, const struct fama_attempt *attempt)
{
    if (attempt->stage == FAMA_ATTEMPT_LINGERING) {
        attempts->lingering--;
    } else if (attempt->is_initiator) {
        attempts->initiators--;
    } else {
        attempts->half_open--;
    }
}

void fama_attempts_linger(struct fama_attempts *attempts, struct fama_attempt *attempt,
                          uint64_t until_ns)
{
    if (attempts->lingering == FAMA_LINGERING_MAX) {
        struct fama_attempt *oldest = NULL;
        for (uint32_t i = 0; i < attempts->places; i++) {
            struct fama_attempt *other = &attempts->at[i];
            if (other->stage == FAMA_ATTEMPT_LINGERING &&
                (oldest == NULL || other->ends_ns < oldest->ends_ns)) {
                oldest = other;
            }
        }
        if (oldest != NULL) {
            fama_attempts_bury(attempts, oldest->peer, oldest->handshake,
                               until_ns + FAMA_BURIED_NS);
            fama_attempts_end(attempts, oldest);
        }
    }
    uncount(attempts, attempt);
    attempt->stage = FAMA_ATTEMPT_LINGERING;
    attempt->ends_ns = until_ns;
    attempts->lingering++;
}

void fama_attempts_end(struct fama_attempts *attempts, struct fama_attempt *attempt)
{
    uint32_t place = (uint32_t)(attempt - attempts->at);
    uint32_t *link = chain_of(attempts, attempt->handshake);
    while (*link != place) {
        link = &attempts->at[*link].next;
    }
    *link = attempt->next;
    uncount(attempts, attempt);
    attempt->stage = FAMA_ATTEMPT_OVER;
    fama_attempts_make_ready(attempts, attempt);
}

void fama_attempts_make_ready(struct fama_attempts *attempts, struct fama_attempt *attempt)
{
    if (!attempt->is_ready) {
        attempt->is_ready = true;
        attempts->ready[(attempts->ready_first + attempts->ready_count++) % attempts->places] =
            (uint32_t)(attempt - attempts->at);
    }
}

struct fama_attempt *fama_attempts_first_ready(struct fama_attempts *attempts)
{
    return attempts->ready_count > 0 ? &attempts->at[attempts->ready[attempts->ready_first]] : NULL;
}

void fama_attempts_is_silent(struct fama_attempts *attempts)
{
    struct fama_attempt *attempt = fama_attempts_first_ready(attempts);
    attempts->ready_first = (attempts->ready_first + 1) % attempts->places;
    attempts->ready_count--;
    attempt->is_ready = false;
    if (attempt->stage == FAMA_ATTEMPT_OVER) {
        fama_handshake_destroy(attempt->dtls);
        *attempt = (struct fama_attempt){.next = attempts->free};
        attempts->free = (uint32_t)(attempt - attempts->at);
    }
}

uint32_t fama_attempts_places(const struct fama_attempts *attempts)
{
    return attempts->places;
}

struct fama_attempt *fama_attempts_at(struct fama_attempts *attempts, uint32_t place)
{
    return &attempts->at[place];
}

uint32_t fama_attempts_initiators(const struct fama_attempts *attempts)
{
    return attempts->initiators;
}

uint32_t fama_attempts_half_open(const struct fama_attempts *attempts)
{
    return attempts->half_open;
}

uint32_t fama_attempts_lingering(const struct fama_attempts *attempts)
{
    return attempts->lingering;
}

void fama_attempts_bury(struct fama_attempts *attempts, fama_tag peer, uint64_t handshake,
                        uint64_t until_ns)
{
    attempts->graves[(handshake ^ peer) % FAMA_BURIED] =
        (struct grave){.peer = peer, .handshake = handshake, .until_ns = until_ns};
}

bool fama_attempts_is_buried(const struct fama_attempts *attempts, fama_tag peer,
                             uint64_t handshake, uint64_t now_ns)
{
    const struct grave *grave = &attempts->graves[(handshake ^ peer) % FAMA_BURIED];
    return grave->handshake == handshake && grave->peer == peer && now_ns < grave->until_ns;
}
