#include "controlplane/address_proofs.h"

#include <stdlib.h>
#include <xxhash.h>

#define SECOND_NS       UINT64_C(1000000000)
#define SLOTS           4096u
#define HELLO_BYTES     (FAMA_WIRE_SESSION_BYTES + FAMA_WIRE_HELLO_BYTES)
#define RESERVE_BYTES   (4 * HELLO_BYTES) /* what only hellos may use up */
#define ROUND_NS        (SECOND_NS / 10)  /* all members are looked at in this time */
#define LOOKED_AT_LEAST 64u

/* Where a member says it is. */
struct place {
    fama_tag tag;
    struct fama_endpoint endpoint;
    uint64_t named_ns;
    uint64_t proved_until_ns; /* 0: it is not */
    uint64_t handshake;       /* the number of the hellos that were sent last; 0: none were */
    uint64_t hello_ns;        /* the next one */
    uint64_t pause_ns;        /* after it */
    uint64_t due_ns;          /* of its allowance */
    uint32_t owed;
    bool is_alive;
    bool is_answered; /* the next hello takes another number */
    bool is_told;
};

struct fama_address_proofs {
    struct fama_address_proofs_config config;
    uint32_t count;
    struct place **order; /* ascending by tag */
    uint64_t seed;
    uint64_t slots[SLOTS]; /* the allowance of all addresses that fall there: when it is due */
    uint64_t looked_ns;
    uint32_t look_next;
    uint32_t look_left; /* of this tick */
    fama_tag called;    /* who has said hello; 0: nobody */
    bool has_changed;
};

/* ---- Life ---- */

static bool draw(const struct fama_address_proofs *proofs, uint64_t *number)
{
    return proofs->config.random((uint8_t *)number, sizeof *number) && *number != 0;
}

struct fama_address_proofs *
fama_address_proofs_create(const struct fama_address_proofs_config *config)
{
    if (config->peers_max == 0 || config->peers_max > FAMA_PEERS_MAX) {
        return NULL;
    }
    struct fama_address_proofs *proofs = calloc(1, sizeof *proofs);
    if (proofs == NULL) {
        return NULL;
    }
    proofs->config = *config;
    proofs->order = calloc(config->peers_max, sizeof(struct place *));
    if (proofs->order == NULL || !draw(proofs, &proofs->seed)) {
        fama_address_proofs_destroy(proofs);
        return NULL;
    }
    return proofs;
}

void fama_address_proofs_destroy(struct fama_address_proofs *proofs)
{
    if (proofs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < proofs->count; i++) {
        free(proofs->order[i]);
    }
    free(proofs->order);
    free(proofs);
}

static uint32_t lower_bound(const struct fama_address_proofs *proofs, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = proofs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (proofs->order[middle]->tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct place *find(const struct fama_address_proofs *proofs, fama_tag tag)
{
    uint32_t at = lower_bound(proofs, tag);
    return at < proofs->count && proofs->order[at]->tag == tag ? proofs->order[at] : NULL;
}

static struct place *add(struct fama_address_proofs *proofs, fama_tag tag)
{
    struct place *place =
        proofs->count < proofs->config.peers_max ? calloc(1, sizeof *place) : NULL;
    if (place != NULL) {
        uint32_t at = lower_bound(proofs, tag);
        place->tag = tag;
        memmove(&proofs->order[at + 1], &proofs->order[at],
                (proofs->count - at) * sizeof(struct place *));
        proofs->order[at] = place;
        proofs->count++;
    }
    return place;
}

void fama_address_proofs_forget(struct fama_address_proofs *proofs, fama_tag member)
{
    struct place *place = find(proofs, member);
    if (place != NULL) {
        uint32_t at = lower_bound(proofs, member);
        proofs->has_changed |= place->proved_until_ns != 0;
        proofs->count--;
        memmove(&proofs->order[at], &proofs->order[at + 1],
                (proofs->count - at) * sizeof(struct place *));
        free(place);
    }
}

/* ---- What members say ---- */

static bool is_good(const struct place *place, uint64_t now_ns)
{
    return now_ns < place->proved_until_ns;
}

static bool is_at(const struct place *place, const struct fama_endpoint *endpoint)
{
    return place != NULL && fama_endpoint_equal(&place->endpoint, endpoint);
}

static void begin_hellos(struct place *place, uint64_t now_ns)
{
    place->hello_ns = now_ns + FAMA_HELLO_FIRST_NS;
    place->pause_ns = FAMA_HELLO_PAUSE_NS;
}

void fama_address_proofs_name(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag member,
                              const struct fama_endpoint *endpoint)
{
    struct place *place = find(proofs, member);
    if (place == NULL && (place = add(proofs, member)) == NULL) {
        return; /* without a record nothing goes there: as if it had not been heard */
    }
    bool is_back = !place->is_alive;
    place->is_alive = true;
    if (!is_at(place, endpoint)) {
        proofs->has_changed |= place->proved_until_ns != 0;
        place->endpoint = *endpoint;
        place->named_ns = now_ns;
        place->proved_until_ns = 0;
        place->handshake = 0;
        place->owed = 0;
        place->is_told = false;
        begin_hellos(place, now_ns);
    } else if (is_back && !is_good(place, now_ns)) {
        place->named_ns = now_ns;
        begin_hellos(place, now_ns);
    }
}

void fama_address_proofs_rest(struct fama_address_proofs *proofs, fama_tag member)
{
    struct place *place = find(proofs, member);
    if (place != NULL) {
        place->is_alive = false;
    }
}

/* ---- What may be sent ---- */

bool fama_address_proofs_is_proved(const struct fama_address_proofs *proofs, uint64_t now_ns,
                                   fama_tag member, const struct fama_endpoint *endpoint)
{
    const struct place *place = find(proofs, member);
    return is_at(place, endpoint) && is_good(place, now_ns);
}

/* An allowance is one number, as in controlplane/allowance.h, but of bytes, and with another rest: when the
 * bytes spent so far are earned. */
static bool has_room(uint64_t due_ns, uint64_t now_ns, uint64_t bytes, uint64_t share)
{
    uint64_t owing_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    return owing_ns + bytes * SECOND_NS / (share * FAMA_UNPROVED_RATE) <=
           FAMA_UNPROVED_BURST * SECOND_NS / FAMA_UNPROVED_RATE;
}

static void charge(uint64_t *due_ns, uint64_t now_ns, uint64_t bytes, uint64_t share)
{
    *due_ns =
        (*due_ns > now_ns ? *due_ns : now_ns) + bytes * SECOND_NS / (share * FAMA_UNPROVED_RATE);
}

static bool spend(struct fama_address_proofs *proofs, uint64_t now_ns, struct place *place,
                  const struct fama_endpoint *endpoint, uint64_t bytes, uint64_t kept_bytes)
{
    uint64_t *slot =
        &proofs->slots[XXH3_64bits_withSeed(endpoint->address, FAMA_ADDRESS_BYTES, proofs->seed) %
                       SLOTS];
    if (bytes > FAMA_UNPROVED_BURST || !has_room(place->due_ns, now_ns, bytes + kept_bytes, 1) ||
        !has_room(*slot, now_ns, bytes + kept_bytes, FAMA_UNPROVED_SHARE)) {
        return false;
    }
    charge(&place->due_ns, now_ns, bytes, 1);
    charge(slot, now_ns, bytes, FAMA_UNPROVED_SHARE);
    return true;
}

bool fama_address_proofs_allow(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag member,
                               const struct fama_endpoint *endpoint, enum fama_address_use use,
                               size_t bytes)
{
    struct place *place = find(proofs, member);
    if (place == NULL) {
        return false;
    }
    bool is_here = is_at(place, endpoint);
    if (is_here && is_good(place, now_ns)) {
        return true;
    }
    if ((use == FAMA_ADDRESS_HELLO && spend(proofs, now_ns, place, endpoint, bytes, 0)) ||
        (use == FAMA_ADDRESS_OWN_ALIVE &&
         spend(proofs, now_ns, place, endpoint, bytes, RESERVE_BYTES))) {
        return true;
    }
    if (is_here) {
        place->owed |= 1u << use;
    }
    return false;
}

uint32_t fama_address_proofs_take_owed(struct fama_address_proofs *proofs, fama_tag member)
{
    struct place *place = find(proofs, member);
    uint32_t owed = place != NULL ? place->owed : 0;
    if (place != NULL) {
        place->owed = 0;
    }
    return owed;
}

/* ---- Hellos and answers ---- */

static bool say_hello(struct fama_address_proofs *proofs, uint64_t now_ns, struct place *place,
                      struct fama_address_hello *hello)
{
    if (place->proved_until_ns != 0 && !is_good(place, now_ns)) {
        place->proved_until_ns = 0;
        proofs->has_changed = true;
        place->named_ns = now_ns;
    }
    if (!place->is_alive || now_ns < place->hello_ns) {
        return false;
    }
    place->hello_ns = now_ns + place->pause_ns;
    place->pause_ns =
        2 * place->pause_ns < FAMA_HELLO_LONGEST_NS ? 2 * place->pause_ns : FAMA_HELLO_LONGEST_NS;
    if (place->is_answered || place->handshake == 0) {
        place->is_answered = false;
        if (!draw(proofs, &place->handshake)) {
            place->handshake = 0;
            return false;
        }
    }
    if (!is_good(place, now_ns) &&
        !spend(proofs, now_ns, place, &place->endpoint, HELLO_BYTES, 0)) {
        return false;
    }
    bool is_suspicious =
        !place->is_told && !is_good(place, now_ns) && now_ns - place->named_ns >= FAMA_SUSPICION_NS;
    place->is_told |= is_suspicious;
    *hello = (struct fama_address_hello){.member = place->tag,
                                         .endpoint = place->endpoint,
                                         .handshake = place->handshake,
                                         .is_suspicious = is_suspicious};
    return true;
}

void fama_address_proofs_tick(struct fama_address_proofs *proofs, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns > proofs->looked_ns ? now_ns - proofs->looked_ns : 0;
    passed_ns = passed_ns < ROUND_NS ? passed_ns : ROUND_NS;
    uint32_t some = (uint32_t)(proofs->count * passed_ns / ROUND_NS) + LOOKED_AT_LEAST;
    proofs->look_left = some < proofs->count ? some : proofs->count;
    proofs->looked_ns = now_ns;
}

void fama_address_proofs_on_hello(struct fama_address_proofs *proofs, uint64_t now_ns,
                                  fama_tag member, const struct fama_endpoint *came_from)
{
    struct place *place = find(proofs, member);
    if (is_at(place, came_from) && place->is_alive && !is_good(place, now_ns)) {
        place->hello_ns = now_ns;
        proofs->called = member;
    }
}

bool fama_address_proofs_next_hello(struct fama_address_proofs *proofs, uint64_t now_ns,
                                    struct fama_address_hello *hello)
{
    struct place *called = proofs->called != 0 ? find(proofs, proofs->called) : NULL;
    proofs->called = 0;
    if (called != NULL && say_hello(proofs, now_ns, called, hello)) {
        return true;
    }
    while (proofs->look_left > 0 && proofs->count > 0) {
        proofs->look_left--;
        proofs->look_next = proofs->look_next < proofs->count ? proofs->look_next : 0;
        if (say_hello(proofs, now_ns, proofs->order[proofs->look_next++], hello)) {
            return true;
        }
    }
    return false;
}

static enum fama_address_answer prove(struct fama_address_proofs *proofs, uint64_t now_ns,
                                      struct place *place)
{
    bool is_known = is_good(place, now_ns);
    place->proved_until_ns = now_ns + FAMA_PROOF_NS;
    place->is_answered = true;
    place->is_told = false;
    /* Those that were proved together are not renewed together. */
    place->hello_ns = now_ns + FAMA_PROOF_NS / 2 + place->handshake % (FAMA_PROOF_NS / 4);
    place->pause_ns = FAMA_HELLO_PAUSE_NS;
    proofs->has_changed |= !is_known;
    return is_known ? FAMA_ADDRESS_KNOWN : FAMA_ADDRESS_PROVED;
}

enum fama_address_answer fama_address_proofs_on_cookie(struct fama_address_proofs *proofs,
                                                       uint64_t now_ns, fama_tag member,
                                                       uint64_t handshake,
                                                       const struct fama_endpoint *came_from)
{
    struct place *place = find(proofs, member);
    if (!is_at(place, came_from) || handshake == 0 || handshake != place->handshake) {
        return FAMA_ADDRESS_NOT_ASKED;
    }
    /* One number proves once: a later copy of the answer says nothing about now. */
    return place->is_answered ? FAMA_ADDRESS_KNOWN : prove(proofs, now_ns, place);
}

enum fama_address_answer fama_address_proofs_prove(struct fama_address_proofs *proofs,
                                                   uint64_t now_ns, fama_tag member,
                                                   const struct fama_endpoint *endpoint)
{
    struct place *place = find(proofs, member);
    return is_at(place, endpoint) ? prove(proofs, now_ns, place) : FAMA_ADDRESS_NOT_ASKED;
}

bool fama_address_proofs_changed(struct fama_address_proofs *proofs)
{
    bool has_changed = proofs->has_changed;
    proofs->has_changed = false;
    return has_changed;
}
