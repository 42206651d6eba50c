#include "controlplane/repair.h"

#include <stdlib.h>

#include "dataplane/fanout.h"

#define WAIT_DOUBLINGS_MAX 3u /* a block's wait: retry_ns << this at most */
#define REST_DOUBLINGS_MAX 5u
#define LAPSES_BEFORE_REST 2u

struct holder {
    fama_tag tag;
    uint64_t height;      /* the highest it stated */
    uint64_t ripe_height; /* the part of it that push has had its time for */
    uint64_t pending_height;
    uint64_t pending_since_ns; /* meaningful while pending_height > ripe_height */
    uint32_t window;           /* blocks it may be asked for at once */
    uint32_t outstanding;
    uint32_t lapses; /* in a row */
    uint64_t last_lapse_ns;
    uint64_t rest_until_ns;
};

/* What is known and done about one block within the window; its place is block % FAMA_REPAIR_WINDOW_MAX. */
struct want {
    uint64_t block;
    bool is_asked;
    bool has_gap;     /* `gap` waits to be sent */
    bool was_for_gap; /* the last request was for chunks, not for the block */
    bool is_unjudged; /* that request's time is over, and the next report says what came of it */
    uint32_t asked_chunks; /* how many it was for */
    fama_tag asked;        /* whom, last time; 0: nobody */
    uint64_t asked_ns;
    uint64_t deadline_ns;
    uint32_t tries;
    struct fama_gap gap;
    uint64_t
        believed_ns; /* since when the block is taken for what its gaps say; 0: it has had none */
};

struct fama_repair {
    struct fama_repair_config config;
    struct fama_random random;
    uint64_t height;
    struct fama_window window;
    uint32_t asked_count;
    uint64_t seen_ns; /* the last time fama_repair_next was told */
    bool has_input;   /* something came in since fama_repair_next found nothing to do */
    uint32_t holder_count;
    struct holder *holders;
    struct want wants[FAMA_REPAIR_WINDOW_MAX];
};

struct fama_repair *fama_repair_create(const struct fama_repair_config *config)
{
    if (config->window_blocks == 0 || config->window_blocks > FAMA_REPAIR_WINDOW_MAX ||
        config->retry_ns == 0 || config->holders_max == 0) {
        return NULL;
    }
    struct fama_repair *repair = calloc(1, sizeof(*repair));
    if (repair == NULL) {
        return NULL;
    }
    repair->config = *config;
    fama_random_seed(&repair->random, config->random_seed);
    for (uint32_t i = 0; i < FAMA_REPAIR_WINDOW_MAX; i++) {
        repair->wants[i].block = i;
    }
    repair->holders = calloc(config->holders_max, sizeof(*repair->holders));
    if (repair->holders == NULL) {
        fama_repair_destroy(repair);
        return NULL;
    }
    return repair;
}

void fama_repair_destroy(struct fama_repair *repair)
{
    if (repair != NULL) {
        free(repair->holders);
        free(repair);
    }
}

/* ---- Holders ---- */

static struct holder *find_holder(struct fama_repair *repair, fama_tag tag)
{
    for (uint32_t i = 0; i < repair->holder_count; i++) {
        if (repair->holders[i].tag == tag) {
            return &repair->holders[i];
        }
    }
    return NULL;
}

static struct holder *place_for_holder(struct fama_repair *repair, fama_tag tag)
{
    struct holder *place = NULL;
    if (repair->holder_count < repair->config.holders_max) {
        place = &repair->holders[repair->holder_count++];
    }
    for (uint32_t i = 0; place == NULL && i < repair->holder_count; i++) {
        if (repair->holders[i].height <= repair->height && repair->holders[i].outstanding == 0) {
            place = &repair->holders[i];
        }
    }
    if (place != NULL) {
        *place = (struct holder){.tag = tag, .window = repair->config.window_blocks};
    }
    return place;
}

bool fama_repair_on_stateinfo(struct fama_repair *repair, uint64_t now_ns, fama_tag peer,
                              uint64_t height)
{
    if (peer == repair->config.self) {
        return false;
    }
    struct holder *holder = find_holder(repair, peer);
    if (holder == NULL) {
        holder = place_for_holder(repair, peer);
    }
    if (holder == NULL || height <= holder->height) {
        return false;
    }
    holder->height = height;
    if (holder->pending_height <= holder->ripe_height) {
        holder->pending_height = height;
        holder->pending_since_ns = now_ns;
    }
    repair->has_input = true;
    return true;
}

/* Rises that come while one ripens wait for the next turn: what rises all the time ripens all the same. */
static void ripen(struct fama_repair *repair, uint64_t now_ns)
{
    for (uint32_t i = 0; i < repair->holder_count; i++) {
        struct holder *holder = &repair->holders[i];
        if (holder->pending_height > holder->ripe_height && now_ns >= holder->pending_since_ns &&
            now_ns - holder->pending_since_ns >= repair->config.patience_ns) {
            holder->ripe_height = holder->pending_height;
            holder->pending_height = holder->height;
            holder->pending_since_ns = now_ns;
        }
    }
}

static void credit(struct fama_repair *repair, struct holder *holder)
{
    if (holder->window < repair->config.window_blocks) {
        holder->window++;
    }
    holder->lapses = 0;
    holder->rest_until_ns = 0;
}

static void debit(struct fama_repair *repair, struct holder *holder, const struct want *want,
                  uint64_t now_ns)
{
    /* Requests that were under way together lapse together and count once, as one loss does for TCP. */
    if (holder->lapses > 0 && want->asked_ns < holder->last_lapse_ns) {
        return;
    }
    holder->last_lapse_ns = now_ns;
    holder->window = holder->window > 1 ? holder->window / 2 : 1;
    holder->lapses++;
    if (holder->lapses > LAPSES_BEFORE_REST) {
        uint32_t doublings = holder->lapses - LAPSES_BEFORE_REST;
        if (doublings > REST_DOUBLINGS_MAX) {
            doublings = REST_DOUBLINGS_MAX;
        }
        holder->rest_until_ns = now_ns + (repair->config.retry_ns << doublings);
    }
}

/* ---- Wants ---- */

static struct want *want_of(struct fama_repair *repair, uint64_t block)
{
    struct want *want = &repair->wants[block % FAMA_REPAIR_WINDOW_MAX];
    if (want->block != block) {
        *want = (struct want){.block = block};
    }
    return want;
}

static bool is_in_window(const struct fama_repair *repair, uint64_t block)
{
    return block >= repair->height && block - repair->height < repair->config.window_blocks;
}

static bool is_at_hand(const struct fama_repair *repair, uint64_t block)
{
    const struct fama_window *window = &repair->window;
    return block >= window->first && block - window->first < 64 &&
           (window->present >> (block - window->first) & 1) != 0;
}

/* The request under way is over; returns whose it was, NULL if that holder is gone. */
static struct holder *stop_asking(struct fama_repair *repair, struct want *want)
{
    want->is_asked = false;
    repair->asked_count--;
    struct holder *holder = find_holder(repair, want->asked);
    if (holder != NULL) {
        holder->outstanding--;
    }
    return holder;
}

static void arrived(struct fama_repair *repair, struct want *want)
{
    if (want->is_asked || want->is_unjudged) {
        struct holder *holder =
            want->is_asked ? stop_asking(repair, want) : find_holder(repair, want->asked);
        if (holder != NULL) {
            credit(repair, holder);
        }
    }
    want->is_unjudged = false;
    want->tries = 0;
}

void fama_repair_forget(struct fama_repair *repair, fama_tag peer)
{
    struct holder *holder = find_holder(repair, peer);
    if (holder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < FAMA_REPAIR_WINDOW_MAX; i++) {
        struct want *want = &repair->wants[i];
        if (want->is_asked && want->asked == peer) {
            (void)stop_asking(repair, want);
        }
    }
    *holder = repair->holders[--repair->holder_count];
    repair->has_input = true;
}

static void rise(struct fama_repair *repair, uint64_t height)
{
    if (height <= repair->height) {
        return;
    }
    repair->height = height;
    for (uint32_t i = 0; i < FAMA_REPAIR_WINDOW_MAX; i++) {
        struct want *want = &repair->wants[i];
        if (want->block < height) {
            arrived(repair, want);
            want->has_gap = false;
        }
    }
}

void fama_repair_on_height(struct fama_repair *repair, uint64_t now_ns, uint64_t height)
{
    (void)now_ns;
    rise(repair, height);
    repair->has_input = true;
}

void fama_repair_on_window(struct fama_repair *repair, uint64_t now_ns,
                           const struct fama_window *window)
{
    (void)now_ns;
    repair->window = *window;
    rise(repair, window->first);
    for (uint32_t i = 0; i < repair->config.window_blocks; i++) {
        uint64_t block = repair->height + i;
        struct want *want = want_of(repair, block);
        if (!is_at_hand(repair, block)) {
            want->has_gap = false; /* Its slot was given up: what is missing is the whole. */
            want->believed_ns = 0;
        } else if (!want->was_for_gap) {
            arrived(repair, want);
        }
    }
    repair->has_input = true;
}

static uint32_t chunks_of(const struct fama_gap *gap)
{
    uint32_t chunks = 0;
    for (uint32_t i = 0; i < gap->count; i++) {
        chunks += (uint32_t)__builtin_popcountll(gap->entries[i].wanted);
    }
    return chunks;
}

static void failed(struct fama_repair *repair, struct want *want, struct holder *holder,
                   uint64_t now_ns)
{
    want->tries++;
    if (holder != NULL) {
        debit(repair, holder, want, now_ns);
    }
}

/* The gap was reported again after its chunks were asked for: has it become smaller? */
static void judge_gap(struct fama_repair *repair, struct want *want, struct holder *holder,
                      uint64_t now_ns)
{
    want->is_unjudged = false;
    if (chunks_of(&want->gap) >= want->asked_chunks) {
        failed(repair, want, holder, now_ns);
        return;
    }
    want->tries = 0;
    if (holder != NULL) {
        credit(repair, holder);
    }
}

void fama_repair_on_gap(struct fama_repair *repair, uint64_t now_ns, const struct fama_gap *gap)
{
    if (!is_in_window(repair, gap->block) || gap->count == 0 ||
        gap->count > FAMA_REQUEST_ENTRIES_MAX) {
        return;
    }
    if (gap->origin != 0) {
        (void)fama_repair_on_stateinfo(repair, now_ns, gap->origin, gap->block + 1);
    }
    struct want *want = want_of(repair, gap->block);
    want->gap = *gap;
    want->has_gap = true;
    want->believed_ns = want->believed_ns != 0 ? want->believed_ns : now_ns;
    if (want->is_unjudged) {
        judge_gap(repair, want, find_holder(repair, want->asked), now_ns);
    }
    repair->has_input = true;
}

/* ---- Asking ---- */

static void lapse(struct fama_repair *repair, struct want *want, uint64_t now_ns)
{
    struct holder *holder = stop_asking(repair, want);
    if (!want->was_for_gap) {
        failed(repair, want, holder, now_ns);
    } else if (want->has_gap) {
        judge_gap(repair, want, holder, now_ns);
    } else {
        want->is_unjudged = true;
    }
}

static bool is_wanted(const struct fama_repair *repair, const struct want *want)
{
    return !want->is_asked && (want->has_gap || !is_at_hand(repair, want->block));
}

static bool is_doubted(const struct want *want, uint64_t now_ns)
{
    return want->has_gap && now_ns - want->believed_ns >= FAMA_REPAIR_DOUBT_NS;
}

/* Draws one of those that state to have the block and may be asked now; never the one that has just
 * failed, or whose word is in doubt, while there is another. */
static struct holder *draw_holder(struct fama_repair *repair, const struct want *want,
                                  uint64_t now_ns)
{
    struct holder *drawn = NULL;
    struct holder *last = NULL;
    uint32_t weights = 0;
    for (uint32_t i = 0; i < repair->holder_count; i++) {
        struct holder *holder = &repair->holders[i];
        uint64_t height = want->has_gap ? holder->height : holder->ripe_height;
        if (height <= want->block || holder->outstanding >= holder->window ||
            now_ns < holder->rest_until_ns) {
            continue;
        }
        if ((want->tries > 0 && holder->tag == want->asked) ||
            (is_doubted(want, now_ns) && holder->tag == want->gap.origin)) {
            last = holder;
            continue;
        }
        weights += holder->window;
        if (fama_random_below(&repair->random, weights) < holder->window) {
            drawn = holder;
        }
    }
    return drawn != NULL ? drawn : last;
}

static void write_request(const struct fama_repair *repair, const struct want *want,
                          bool names_chunks, struct fama_request *request)
{
    *request = (struct fama_request){
        .channel = repair->config.channel,
        .block = want->block,
        .chunk_bytes = repair->config.chunk_bytes,
    };
    if (names_chunks) {
        request->block_bytes = want->gap.cut.block_bytes;
        request->chunk_bytes = want->gap.cut.chunk_bytes;
        request->parity = want->gap.cut.parity;
        request->count = want->gap.count;
        memcpy(request->entries, want->gap.entries, want->gap.count * sizeof(request->entries[0]));
    }
}

static void ask(struct fama_repair *repair, struct want *want, struct holder *holder,
                uint64_t now_ns, struct fama_repair_request *request)
{
    uint32_t doublings = want->tries < WAIT_DOUBLINGS_MAX ? want->tries : WAIT_DOUBLINGS_MAX;
    bool names_chunks = want->has_gap && !is_doubted(want, now_ns);
    want->is_asked = true;
    want->asked = holder->tag;
    want->asked_ns = now_ns;
    want->deadline_ns = now_ns + (repair->config.retry_ns << doublings);
    want->was_for_gap = want->has_gap;
    want->asked_chunks = 0;
    if (names_chunks) {
        want->asked_chunks = chunks_of(&want->gap);
    } else if (want->has_gap) {
        want->asked_chunks = UINT32_MAX; /* what comes need not make this gap smaller */
        want->believed_ns = now_ns;
    }
    want->is_unjudged = false;
    want->has_gap = false;
    holder->outstanding++;
    repair->asked_count++;
    request->holder = holder->tag;
    write_request(repair, want, names_chunks, &request->request);
}

bool fama_repair_next(struct fama_repair *repair, uint64_t now_ns,
                      struct fama_repair_request *request)
{
    repair->seen_ns = now_ns;
    ripen(repair, now_ns);
    for (uint32_t i = 0; i < FAMA_REPAIR_WINDOW_MAX; i++) {
        struct want *want = &repair->wants[i];
        if (want->is_asked && now_ns >= want->deadline_ns) {
            lapse(repair, want, now_ns);
        }
    }
    for (uint32_t i = 0; i < repair->config.window_blocks; i++) {
        if (repair->asked_count >= repair->config.window_blocks) {
            break;
        }
        struct want *want = want_of(repair, repair->height + i);
        if (!is_wanted(repair, want)) {
            continue;
        }
        struct holder *holder = draw_holder(repair, want, now_ns);
        if (holder != NULL) {
            ask(repair, want, holder, now_ns, request);
            return true;
        }
    }
    repair->has_input = false;
    return false;
}

uint64_t fama_repair_next_ns(const struct fama_repair *repair)
{
    if (repair->has_input) {
        return 0;
    }
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; i < FAMA_REPAIR_WINDOW_MAX; i++) {
        const struct want *want = &repair->wants[i];
        if (want->is_asked && want->deadline_ns < next_ns) {
            next_ns = want->deadline_ns;
        }
    }
    for (uint32_t i = 0; i < repair->holder_count; i++) {
        const struct holder *holder = &repair->holders[i];
        if (holder->height <= repair->height) {
            continue;
        }
        uint64_t ripe_ns = holder->pending_since_ns + repair->config.patience_ns;
        if (holder->pending_height > holder->ripe_height && ripe_ns < next_ns) {
            next_ns = ripe_ns;
        }
        if (holder->rest_until_ns > repair->seen_ns && holder->rest_until_ns < next_ns) {
            next_ns = holder->rest_until_ns;
        }
    }
    return next_ns;
}

uint64_t fama_repair_known_height(const struct fama_repair *repair)
{
    uint64_t known =
        repair->window.horizon > repair->height ? repair->window.horizon : repair->height;
    for (uint32_t i = 0; i < repair->holder_count; i++) {
        if (repair->holders[i].height > known) {
            known = repair->holders[i].height;
        }
    }
    return known;
}

uint32_t fama_repair_holder_count(const struct fama_repair *repair)
{
    return repair->holder_count;
}
