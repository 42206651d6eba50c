#include "controlplane/member_table.h"

#include <stdlib.h>

struct order_entry {
    fama_tag tag; /* beside the index, so that a search touches this array alone */
    uint32_t slot;
};

struct grave {
    fama_tag tag;
    uint64_t incarnation;
    uint64_t sequence;
};

struct fama_member_table {
    uint32_t peers_max;
    uint32_t count;
    uint32_t living_count;
    uint32_t free_count;
    uint32_t grave_count;
    uint32_t next_grave;
    struct fama_member_record *records;
    struct order_entry *order;
    uint32_t *living; /* slots, in the order the last draws left */
    uint32_t *free;   /* slots */
    struct grave *graves;
};

struct fama_member_table *fama_member_table_create(uint32_t peers_max)
{
    struct fama_member_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    table->peers_max = peers_max;
    table->records = calloc(peers_max, sizeof(*table->records));
    table->order = calloc(peers_max, sizeof(*table->order));
    table->living = calloc(peers_max, sizeof(*table->living));
    table->free = calloc(peers_max, sizeof(*table->free));
    table->graves = calloc(peers_max, sizeof(*table->graves));
    if (table->records == NULL || table->order == NULL || table->living == NULL ||
        table->free == NULL || table->graves == NULL) {
        fama_member_table_destroy(table, NULL);
        return NULL;
    }
    for (uint32_t i = 0; i < peers_max; i++) {
        table->free[i] = peers_max - 1 - i;
    }
    table->free_count = peers_max;
    return table;
}

void fama_member_table_destroy(struct fama_member_table *table,
                               void (*release_identity)(void *identity))
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; table->records != NULL && i < table->peers_max; i++) {
        struct fama_member_record *record = &table->records[i];
        free(record->datagram);
        if (record->member.identity != NULL && release_identity != NULL) {
            release_identity(record->member.identity);
        }
    }
    free(table->records);
    free(table->order);
    free(table->living);
    free(table->free);
    free(table->graves);
    free(table);
}

uint32_t fama_member_table_count(const struct fama_member_table *table)
{
    return table->count;
}

uint32_t fama_member_table_living(const struct fama_member_table *table)
{
    return table->living_count;
}

struct fama_member_record *fama_member_table_at(const struct fama_member_table *table,
                                                uint32_t index)
{
    return &table->records[table->order[index].slot];
}

uint32_t fama_member_table_lower_bound(const struct fama_member_table *table, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->order[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct fama_member_record *fama_member_table_find(const struct fama_member_table *table,
                                                  fama_tag tag)
{
    uint32_t index = fama_member_table_lower_bound(table, tag);
    if (index == table->count || table->order[index].tag != tag) {
        return NULL;
    }
    return &table->records[table->order[index].slot];
}

struct fama_member_record *fama_member_table_add(struct fama_member_table *table,
                                                 const uint8_t pki_id[FAMA_PKI_ID_BYTES])
{
    if (table->free_count == 0) {
        return NULL;
    }
    fama_tag tag = fama_tag_of(pki_id);
    uint32_t slot = table->free[--table->free_count];
    uint32_t index = fama_member_table_lower_bound(table, tag);
    memmove(&table->order[index + 1], &table->order[index],
            (table->count - index) * sizeof(*table->order));
    table->order[index] = (struct order_entry){.tag = tag, .slot = slot};
    table->count++;

    struct fama_member_record *record = &table->records[slot];
    *record = (struct fama_member_record){
        .member = {.tag = tag, .state = FAMA_PEER_DEAD},
        .datagram = record->datagram,
        .datagram_room = record->datagram_room,
    };
    memcpy(record->member.pki_id, pki_id, FAMA_PKI_ID_BYTES);
    return record;
}

static void take_out(struct fama_member_table *table, const struct fama_member_record *record)
{
    uint32_t index = fama_member_table_lower_bound(table, record->member.tag);
    memmove(&table->order[index], &table->order[index + 1],
            (table->count - index - 1) * sizeof(*table->order));
    table->count--;
}

void fama_member_table_cancel(struct fama_member_table *table, struct fama_member_record *record)
{
    take_out(table, record);
    fama_member_table_release(table, record);
}

void fama_member_table_remove(struct fama_member_table *table, struct fama_member_record *record)
{
    take_out(table, record);
    table->graves[table->next_grave] = (struct grave){
        .tag = record->member.tag,
        .incarnation = record->member.incarnation,
        .sequence = record->member.sequence,
    };
    table->next_grave = (table->next_grave + 1) % table->peers_max;
    if (table->grave_count < table->peers_max) {
        table->grave_count++;
    }
}

void fama_member_table_release(struct fama_member_table *table, struct fama_member_record *record)
{
    free(record->datagram);
    *record = (struct fama_member_record){.datagram = NULL};
    table->free[table->free_count++] = (uint32_t)(record - table->records);
}

void fama_member_table_set_state(struct fama_member_table *table, struct fama_member_record *record,
                                 enum fama_peer_state state)
{
    if (record->member.state == state) {
        return;
    }
    record->member.state = state;
    uint32_t slot = (uint32_t)(record - table->records);
    if (state == FAMA_PEER_ALIVE) {
        table->living[table->living_count++] = slot;
        return;
    }
    for (uint32_t i = 0; i < table->living_count; i++) {
        if (table->living[i] == slot) {
            table->living[i] = table->living[--table->living_count];
            return;
        }
    }
}

bool fama_member_table_store(struct fama_member_record *record, struct fama_bytes datagram)
{
    if (datagram.len > record->datagram_room) {
        uint8_t *larger = realloc(record->datagram, datagram.len);
        if (larger == NULL) {
            return false;
        }
        record->datagram = larger;
        record->datagram_room = (uint16_t)datagram.len;
    }
    if (datagram.len != 0) {
        memcpy(record->datagram, datagram.at, datagram.len);
    }
    record->datagram_len = (uint16_t)datagram.len;
    return true;
}

#define LOOKS_MAX 256 /* in one draw, for peers at other addresses */

/* Whether somebody at this endpoint, or at its address under whatever port, is among them. */
static bool is_taken(struct fama_member_record *const *drawn, uint32_t count,
                     const struct fama_endpoint *endpoint, bool any_port)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct fama_endpoint *other = &drawn[i]->member.endpoint;
        if (any_port ? fama_address_equal(other->address, endpoint->address)
                     : fama_endpoint_equal(other, endpoint)) {
            return true;
        }
    }
    return false;
}

/* A Fisher-Yates shuffle that stops early: moves one of those not moved yet to place i. */
static struct fama_member_record *shuffle_one(struct fama_member_table *table,
                                              struct fama_random *random, uint32_t i)
{
    uint32_t j = i + fama_random_below(random, table->living_count - i);
    uint32_t slot = table->living[j];
    table->living[j] = table->living[i];
    table->living[i] = slot;
    return &table->records[slot];
}

uint32_t fama_member_table_draw(struct fama_member_table *table, struct fama_random *random,
                                fama_tag without, const struct fama_endpoint *nowhere,
                                uint32_t wanted, struct fama_member_record **drawn)
{
    struct fama_member_record *spares[FAMA_FANOUT_MAX]; /* at addresses that were drawn already */
    uint32_t spare_count = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->living_count && count < wanted && i < LOOKS_MAX; i++) {
        struct fama_member_record *record = shuffle_one(table, random, i);
        const struct fama_endpoint *endpoint = &record->member.endpoint;
        if (record->member.tag == without || fama_endpoint_equal(endpoint, nowhere)) {
            continue;
        }
        if (!is_taken(drawn, count, endpoint, true)) {
            drawn[count++] = record;
        } else if (spare_count < wanted && !is_taken(drawn, count, endpoint, false) &&
                   !is_taken(spares, spare_count, endpoint, false)) {
            spares[spare_count++] = record;
        }
    }
    for (uint32_t i = 0; i < spare_count && count < wanted; i++) {
        drawn[count++] = spares[i];
    }
    return count;
}

bool fama_member_table_is_buried(const struct fama_member_table *table, fama_tag tag,
                                 uint64_t incarnation, uint64_t sequence)
{
    for (uint32_t i = 0; i < table->grave_count; i++) {
        const struct grave *grave = &table->graves[i];
        if (grave->tag == tag &&
            !fama_is_newer(incarnation, sequence, grave->incarnation, grave->sequence)) {
            return true;
        }
    }
    return false;
}
