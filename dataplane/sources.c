#include "dataplane/sources.h"

#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

/* Between two things that time forgives. */
static const uint64_t pause_ns[FAMA_SOURCE_KINDS] = {
    [FAMA_SOURCE_ROOTS] = SECOND_NS / FAMA_SOURCE_FORGERIES_PER_SECOND,
    [FAMA_SOURCE_HELD] = SECOND_NS / FAMA_SOURCE_FORGERIES_PER_SECOND,
    [FAMA_SOURCE_MESSAGES] = SECOND_NS / FAMA_SOURCE_FORGERIES_PER_SECOND,
    [FAMA_SOURCE_ALIVE] = SECOND_NS / FAMA_SOURCE_ALIVE_FORGERIES_PER_SECOND,
    [FAMA_SOURCE_HANDSHAKES] = SECOND_NS / FAMA_SOURCE_FORGERIES_PER_SECOND,
    [FAMA_SOURCE_INNER] = SECOND_NS / FAMA_SOURCE_INNER_PER_SECOND,
};

void fama_sources_init(struct fama_sources *sources, uint64_t seed,
                       const uint32_t sizes[FAMA_SOURCE_KINDS])
{
    memset(sources, 0, sizeof *sources);
    sources->seed = seed;
    for (int kind = 0; kind < FAMA_SOURCE_KINDS; kind++) {
        int64_t limit = (int64_t)sizes[kind] * 3 / 4;
        sources->limits[kind] = limit > 0 ? limit : 1;
    }
}

_Static_assert((FAMA_SOURCES & (FAMA_SOURCES - 1)) == 0, "accounts are chosen by bits");

/* Multiply-shift hashing (Dietzfelbinger et al., 1997): the highest bits of a product with a secret odd
 * number, on which every bit of the source has an effect. */
static struct fama_source_account *account_of(struct fama_sources *sources, uint64_t source,
                                              enum fama_source_kind kind)
{
    uint64_t product = source * (sources->seed | 1);
    return &sources->accounts[product >> (64 - __builtin_ctz(FAMA_SOURCES))][kind];
}

/* What time has forgiven since the last look. Things that were forgiven twice, by time and by their
 * verdict, leave less than nothing charged: that is no credit. */
static void forgive_by_time(struct fama_source_account *account, enum fama_source_kind kind,
                            uint64_t now_ns)
{
    int64_t charged = atomic_load_explicit(&account->charged, memory_order_relaxed);
    if (charged <= 0) {
        account->forgiven_ns = now_ns;
        if (charged < 0) {
            (void)atomic_fetch_sub_explicit(&account->charged, charged, memory_order_relaxed);
        }
        return;
    }
    uint64_t due = (now_ns - account->forgiven_ns) / pause_ns[kind];
    if (due >= (uint64_t)charged) {
        account->forgiven_ns = now_ns;
        (void)atomic_fetch_sub_explicit(&account->charged, charged, memory_order_relaxed);
    } else if (due > 0) {
        account->forgiven_ns += due * pause_ns[kind];
        (void)atomic_fetch_sub_explicit(&account->charged, (int64_t)due, memory_order_relaxed);
    }
}

static bool has_room(const struct fama_sources *sources, const struct fama_source_account *account,
                     enum fama_source_kind kind)
{
    return atomic_load_explicit(&account->charged, memory_order_relaxed) < sources->limits[kind];
}

bool fama_sources_has_room(struct fama_sources *sources, uint64_t now_ns, uint64_t source,
                           enum fama_source_kind kind)
{
    struct fama_source_account *account = account_of(sources, source, kind);
    if (has_room(sources, account, kind)) {
        return true;
    }
    forgive_by_time(account, kind, now_ns);
    return has_room(sources, account, kind);
}

bool fama_sources_charge(struct fama_sources *sources, uint64_t now_ns, uint64_t source,
                         enum fama_source_kind kind)
{
    struct fama_source_account *account = account_of(sources, source, kind);
    forgive_by_time(account, kind, now_ns);
    if (!has_room(sources, account, kind)) {
        return false;
    }
    (void)atomic_fetch_add_explicit(&account->charged, 1, memory_order_relaxed);
    return true;
}

void fama_sources_forgive(struct fama_sources *sources, uint64_t source, enum fama_source_kind kind)
{
    struct fama_source_account *account = account_of(sources, source, kind);
    (void)atomic_fetch_sub_explicit(&account->charged, 1, memory_order_relaxed);
}
