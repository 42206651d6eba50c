#include <stdlib.h>

#include "controlplane/repair.h"

#define NOBODY               UINT32_MAX
#define CHUNK_OVERHEAD_BYTES 352 /* session, chunk header with the deepest proof, UDP and IPv6 */

struct bucket {
    double bytes; /* below zero: debt */
    uint64_t filled_ns;
};

struct asker {
    fama_tag tag;
    struct bucket bucket;
    uint32_t next_in_chain;
    uint32_t newer; /* neighbours in the order of last hearing */
    uint32_t older;
};

struct fama_repair_server {
    struct fama_repair_server_config config;
    struct bucket total;
    uint32_t asker_count;
    uint32_t newest;
    uint32_t oldest;
    uint32_t chain_mask;
    uint32_t *chains; /* the first asker of each */
    struct asker *askers;
};

struct fama_repair_server *fama_repair_server_create(const struct fama_repair_server_config *config)
{
    if (config->bytes_per_second == 0 || config->bytes_per_second_each == 0 ||
        config->askers_max == 0 || config->askers_max > FAMA_PEERS_MAX) {
        return NULL;
    }
    struct fama_repair_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->config = *config;
    server->total.bytes = (double)config->bytes_per_second;
    server->newest = NOBODY;
    server->oldest = NOBODY;
    uint32_t chains = 1;
    while (chains < config->askers_max) {
        chains *= 2;
    }
    server->chain_mask = chains - 1;
    server->chains = malloc(chains * sizeof(*server->chains));
    server->askers = calloc(config->askers_max, sizeof(*server->askers));
    if (server->chains == NULL || server->askers == NULL) {
        fama_repair_server_destroy(server);
        return NULL;
    }
    for (uint32_t i = 0; i < chains; i++) {
        server->chains[i] = NOBODY;
    }
    return server;
}

void fama_repair_server_destroy(struct fama_repair_server *server)
{
    if (server != NULL) {
        free(server->chains);
        free(server->askers);
        free(server);
    }
}

/* ---- Askers ---- */

/* Tags are digests already, so that their low bits spread. */
static uint32_t *chain_of(struct fama_repair_server *server, fama_tag tag)
{
    return &server->chains[tag & server->chain_mask];
}

static struct asker *find_asker(struct fama_repair_server *server, fama_tag tag)
{
    uint32_t at = *chain_of(server, tag);
    while (at != NOBODY && server->askers[at].tag != tag) {
        at = server->askers[at].next_in_chain;
    }
    return at != NOBODY ? &server->askers[at] : NULL;
}

static void unlink_from_order(struct fama_repair_server *server, const struct asker *asker)
{
    if (asker->newer != NOBODY) {
        server->askers[asker->newer].older = asker->older;
    } else {
        server->newest = asker->older;
    }
    if (asker->older != NOBODY) {
        server->askers[asker->older].newer = asker->newer;
    } else {
        server->oldest = asker->newer;
    }
}

static void link_as_newest(struct fama_repair_server *server, struct asker *asker)
{
    uint32_t at = (uint32_t)(asker - server->askers);
    asker->newer = NOBODY;
    asker->older = server->newest;
    if (server->newest != NOBODY) {
        server->askers[server->newest].newer = at;
    } else {
        server->oldest = at;
    }
    server->newest = at;
}

static uint32_t free_the_oldest(struct fama_repair_server *server)
{
    uint32_t at = server->oldest;
    struct asker *asker = &server->askers[at];
    unlink_from_order(server, asker);
    uint32_t *link = chain_of(server, asker->tag);
    while (*link != at) {
        link = &server->askers[*link].next_in_chain;
    }
    *link = asker->next_in_chain;
    return at;
}

static struct asker *add_asker(struct fama_repair_server *server, uint64_t now_ns, fama_tag tag)
{
    uint32_t at = server->asker_count < server->config.askers_max ? server->asker_count++
                                                                  : free_the_oldest(server);
    uint32_t *chain = chain_of(server, tag);
    server->askers[at] = (struct asker){
        .tag = tag,
        .bucket = {.bytes = (double)server->config.bytes_per_second_each, .filled_ns = now_ns},
        .next_in_chain = *chain,
    };
    *chain = at;
    link_as_newest(server, &server->askers[at]);
    return &server->askers[at];
}

/* ---- Budget ---- */

static void fill(struct bucket *bucket, uint64_t now_ns, uint64_t bytes_per_second)
{
    if (now_ns <= bucket->filled_ns) {
        return;
    }
    double depth = (double)bytes_per_second;
    bucket->bytes += (double)(now_ns - bucket->filled_ns) * 1e-9 * depth;
    if (bucket->bytes > depth) {
        bucket->bytes = depth;
    }
    bucket->filled_ns = now_ns;
}

uint64_t fama_repair_server_cost(const struct fama_repair_work *work)
{
    uint64_t load = FAMA_REPAIR_LOAD_BYTES + work->loaded_bytes / FAMA_REPAIR_LOAD_SHARE;
    return work->chunks * ((uint64_t)work->chunk_bytes + CHUNK_OVERHEAD_BYTES) +
           work->sets * (uint64_t)(FAMA_REPAIR_SET_BYTES + FAMA_REPAIR_SIGNATURE_BYTES) +
           (work->is_loaded ? load : 0);
}

uint64_t fama_repair_server_charge(const struct fama_request *request)
{
    if (request->count == 0) {
        return FAMA_REPAIR_WHOLE_BLOCK_BYTES;
    }
    struct fama_repair_work work = {.chunk_bytes = request->chunk_bytes,
                                    .is_loaded = true,
                                    .loaded_bytes = request->block_bytes};
    for (uint32_t i = 0; i < request->count && i < FAMA_REQUEST_ENTRIES_MAX; i++) {
        work.chunks += (uint64_t)__builtin_popcountll(request->entries[i].wanted);
        work.sets += request->entries[i].wanted != 0;
    }
    return fama_repair_server_cost(&work);
}

enum fama_drop fama_repair_server_admit(struct fama_repair_server *server, uint64_t now_ns,
                                        fama_tag asker, const struct fama_request *request)
{
    struct asker *known = find_asker(server, asker);
    if (known == NULL) {
        known = add_asker(server, now_ns, asker);
    } else {
        unlink_from_order(server, known);
        link_as_newest(server, known);
    }
    fill(&known->bucket, now_ns, server->config.bytes_per_second_each);
    fill(&server->total, now_ns, server->config.bytes_per_second);
    if (known->bucket.bytes <= 0 || server->total.bytes <= 0) {
        return FAMA_DROP_ADMISSION_BUDGET;
    }
    double charge = (double)fama_repair_server_charge(request);
    known->bucket.bytes -= charge;
    server->total.bytes -= charge;
    return FAMA_DROP_NONE;
}

void fama_repair_server_settle(struct fama_repair_server *server, fama_tag asker,
                               uint64_t charged_bytes, uint64_t cost_bytes)
{
    double difference = (double)charged_bytes - (double)cost_bytes;
    server->total.bytes += difference;
    struct asker *found = find_asker(server, asker);
    if (found != NULL) {
        found->bucket.bytes += difference;
    }
}
