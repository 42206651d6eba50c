#include "crypto/verifier.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hot_keys.h"
#include "crypto/public_key.h"
#include "crypto/verifier_choice.h"
#include "crypto/verifier_openssl.h"

#define REFERENCE_BATCH 16 /* jobs between two looks at what is urgent, without an engine */
#define BATCH_GROUPS    4 /* of an engine, in a batch: enough to fill groups of hot and of cold keys */
#define ALIGNMENT       64 /* the engines' and the cache's */
#define NONE            UINT32_MAX

/* Jobs in the order of their arrival. */
struct queue {
    uint32_t first, count;
    struct fama_verify_job *jobs[FAMA_VERIFIER_IN_FLIGHT_MAX];
};

/* What a batch knows of a slot: the jobs of its key are a chain. A stamp other than the batch's says that
 * there are none yet. */
struct chain {
    uint64_t stamp;
    uint32_t first; /* job of the batch, NONE at the end */
    uint32_t count;
};

struct fama_verifier {
    struct fama_verifier_openssl *reference;
    const struct fama_p256_engine *engine; /* NULL: the reference does everything */
    struct fama_hot_keys *hot_keys;
    void *scratch;
    struct fama_verifier_counts counts;
    struct queue urgent, bulk, done;

    /* Of the batch at hand: jobs as they came, tasks in the order of their keys. */
    uint32_t batch_max;
    struct fama_verify_job **jobs;
    uint32_t *next; /* the next job of the same chain */
    struct fama_p256_task *tasks;
    uint32_t *job_of;               /* whose task it is */
    struct fama_p256_point *points; /* of cold keys */
    uint64_t stamp;
    struct chain *chains; /* by slot */
    uint32_t *pinned;     /* slots */
    uint32_t pinned_count;

    uint32_t reserved; /* the slot whose comb is still to be made, or FAMA_HOT_KEYS_NONE */
};

/* ---- Contexts ---- */

/* Zeroed, and there: what calloc gives may be pages that the kernel fills in only when a batch first reaches
 * them, and the threads that verify have no time for that. */
static void *make_array(size_t count, size_t size)
{
    void *made;
    if (posix_memalign(&made, ALIGNMENT, count * size) != 0) { /* of our own bounds: no overflow */
        return NULL;
    }
    memset(made, 0, count * size);
    return made;
}

static bool has_engine_memory(struct fama_verifier *verifier)
{
    size_t max = verifier->batch_max;
    verifier->scratch = make_array(1, verifier->engine->scratch_bytes);
    verifier->points = make_array(max, sizeof *verifier->points);
    verifier->next = make_array(max, sizeof *verifier->next);
    verifier->tasks = make_array(max, sizeof *verifier->tasks);
    verifier->job_of = make_array(max, sizeof *verifier->job_of);
    verifier->pinned = make_array(max, sizeof *verifier->pinned);
    verifier->chains =
        make_array(fama_hot_keys_slots(verifier->hot_keys), sizeof *verifier->chains);
    return verifier->scratch != NULL && verifier->points != NULL && verifier->next != NULL &&
           verifier->tasks != NULL && verifier->job_of != NULL && verifier->pinned != NULL &&
           verifier->chains != NULL;
}

static struct fama_verifier *create(struct fama_hot_keys *hot_keys)
{
    struct fama_verifier *verifier = make_array(1, sizeof *verifier);
    if (verifier == NULL) {
        return NULL;
    }
    verifier->hot_keys = hot_keys;
    verifier->engine = hot_keys == NULL ? NULL : fama_hot_keys_engine(hot_keys);
    size_t max =
        verifier->engine == NULL ? REFERENCE_BATCH : BATCH_GROUPS * verifier->engine->group_max;
    verifier->batch_max =
        max < FAMA_VERIFIER_IN_FLIGHT_MAX ? (uint32_t)max : FAMA_VERIFIER_IN_FLIGHT_MAX;
    verifier->reserved = FAMA_HOT_KEYS_NONE;
    verifier->reference = fama_verifier_openssl_create();
    verifier->jobs = make_array(verifier->batch_max, sizeof *verifier->jobs);
    if (verifier->reference == NULL || verifier->jobs == NULL ||
        (verifier->engine != NULL && !has_engine_memory(verifier))) {
        fama_verifier_destroy(verifier);
        return NULL;
    }
    return verifier;
}

struct fama_verifier *fama_verifier_create_with(enum fama_verifier_implementation implementation)
{
    if (implementation == FAMA_VERIFIER_AUTO) {
        return fama_verifier_create();
    }
    if (implementation == FAMA_VERIFIER_OPENSSL) {
        return create(NULL);
    }
    struct fama_hot_keys *hot_keys = fama_verifier_hot_keys(implementation);
    return hot_keys == NULL ? NULL : create(hot_keys);
}

struct fama_verifier *fama_verifier_create(void)
{
    return fama_verifier_create_with(fama_verifier_chosen());
}

struct fama_verifier *fama_verifier_create_on(struct fama_hot_keys *hot_keys)
{
    return create(hot_keys);
}

void fama_verifier_destroy(struct fama_verifier *verifier)
{
    if (verifier == NULL) {
        return;
    }
    if (verifier->reserved != FAMA_HOT_KEYS_NONE) {
        fama_hot_keys_abandon(verifier->hot_keys, verifier->reserved);
    }
    fama_verifier_openssl_destroy(verifier->reference);
    free(verifier->scratch);
    free(verifier->points);
    free((void *)verifier->jobs);
    free(verifier->next);
    free(verifier->tasks);
    free(verifier->job_of);
    free(verifier->pinned);
    free(verifier->chains);
    free(verifier);
}

const struct fama_verifier_counts *fama_verifier_counts(const struct fama_verifier *verifier)
{
    return &verifier->counts;
}

/* ---- Queues ---- */

static void push(struct queue *queue, struct fama_verify_job *job)
{
    queue->jobs[(queue->first + queue->count++) % FAMA_VERIFIER_IN_FLIGHT_MAX] = job;
}

static struct fama_verify_job *pop(struct queue *queue)
{
    struct fama_verify_job *job = queue->jobs[queue->first];
    queue->first = (queue->first + 1) % FAMA_VERIFIER_IN_FLIGHT_MAX;
    queue->count--;
    return job;
}

static size_t in_flight(const struct fama_verifier *verifier)
{
    return (size_t)verifier->urgent.count + verifier->bulk.count + verifier->done.count;
}

/* ---- A batch ---- */

static void decide(struct fama_verify_job *job, bool is_good)
{
    job->verdict = is_good ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD;
}

static void ask_reference(struct fama_verifier *verifier, struct fama_verify_job *job)
{
    decide(job, fama_verifier_openssl_is_good(verifier->reference, job));
    verifier->counts.reference++;
}

static void add_task(struct fama_verifier *verifier, uint32_t task, uint32_t job,
                     const struct fama_p256_point *key, const struct fama_p256_comb *comb)
{
    const struct fama_verify_job *from = verifier->jobs[job];
    verifier->job_of[task] = job;
    verifier->tasks[task] = (struct fama_p256_task){.digest = from->digest,
                                                    .r = from->signature.r,
                                                    .s = from->signature.s,
                                                    .key = key,
                                                    .comb = comb,
                                                    .answer = FAMA_P256_UNDECIDED};
}

/* Puts a job to the others of its key, whose slot is pinned once for all of them. False: it is cold. */
static bool chain_up(struct fama_verifier *verifier, uint32_t job)
{
    struct fama_hot_key *key = verifier->jobs[job]->key->hot;
    uint32_t slot = fama_hot_keys_slot(verifier->hot_keys, key);
    if (slot == FAMA_HOT_KEYS_NONE) {
        return false;
    }
    struct chain *chain = &verifier->chains[slot];
    if (chain->stamp != verifier->stamp) {
        if (!fama_hot_keys_pin(verifier->hot_keys, key, slot)) {
            return false;
        }
        *chain = (struct chain){.stamp = verifier->stamp, .first = NONE};
        verifier->pinned[verifier->pinned_count++] = slot;
    }
    verifier->next[job] = chain->first;
    chain->first = job;
    chain->count++;
    return true;
}

/* Tasks of cold keys come first, then those of hot keys, key by key: a comb is larger than a core's first
 * cache, and what one task has fetched of it serves the next one of the same key. */
static uint32_t make_tasks(struct fama_verifier *verifier, uint32_t job_count, uint32_t *cold_count)
{
    uint32_t tasks = 0;
    verifier->stamp++;
    verifier->pinned_count = 0;
    for (uint32_t i = 0; i < job_count; i++) {
        struct fama_verify_job *job = verifier->jobs[i];
        if (job->key == NULL || job->key->kind != FAMA_KEY_P256) {
            decide(job, false);
        } else if (!chain_up(verifier, i)) {
            struct fama_p256_point *point = &verifier->points[tasks];
            verifier->engine->make_point(job->key->hot->x, job->key->hot->y, point);
            add_task(verifier, tasks++, i, point, NULL);
        }
    }
    *cold_count = tasks;
    for (uint32_t i = 0; i < verifier->pinned_count; i++) {
        uint32_t slot = verifier->pinned[i];
        const struct fama_p256_comb *comb = fama_hot_keys_comb(verifier->hot_keys, slot);
        for (uint32_t job = verifier->chains[slot].first; job != NONE; job = verifier->next[job]) {
            add_task(verifier, tasks++, job, &comb->point[0][0], comb);
        }
    }
    return tasks;
}

/* The one cold key of the batch with the most recent uses gets a slot if it has earned one. Its comb is
 * made later. */
static void consider_cold_keys(struct fama_verifier *verifier, uint32_t cold_count)
{
    struct fama_hot_key *best = NULL;
    uint32_t best_uses = 0;
    for (uint32_t i = 0; i < cold_count; i++) {
        struct fama_hot_key *key = verifier->jobs[verifier->job_of[i]]->key->hot;
        uint32_t uses = fama_hot_keys_count_cold(verifier->hot_keys, key);
        if (uses > best_uses) {
            best_uses = uses;
            best = key;
        }
    }
    if (best != NULL && verifier->reserved == FAMA_HOT_KEYS_NONE) {
        verifier->reserved = fama_hot_keys_reserve(verifier->hot_keys, best);
    }
}

static void run_groups(struct fama_verifier *verifier, uint32_t from, uint32_t end)
{
    while (from < end) {
        size_t count = end - from;
        count = count < verifier->engine->group_max ? count : verifier->engine->group_max;
        verifier->engine->verify(fama_hot_keys_generator(verifier->hot_keys),
                                 &verifier->tasks[from], count, verifier->scratch);
        from += (uint32_t)count;
    }
}

static void run_engine(struct fama_verifier *verifier, uint32_t job_count)
{
    uint32_t cold_count;
    uint32_t task_count = make_tasks(verifier, job_count, &cold_count);
    if (task_count <= verifier->engine->group_max) {
        run_groups(verifier, 0, task_count);
    } else {
        run_groups(verifier, 0, cold_count);
        run_groups(verifier, cold_count, task_count);
    }
    verifier->counts.cold += cold_count;
    verifier->counts.hot += task_count - cold_count;
    for (uint32_t i = 0; i < verifier->pinned_count; i++) {
        uint32_t slot = verifier->pinned[i];
        fama_hot_keys_unpin(verifier->hot_keys, slot, verifier->chains[slot].count);
    }
    for (uint32_t i = 0; i < task_count; i++) {
        struct fama_verify_job *job = verifier->jobs[verifier->job_of[i]];
        enum fama_p256_answer answer = verifier->tasks[i].answer;
        if (answer == FAMA_P256_GOOD || answer == FAMA_P256_BAD) {
            decide(job, answer == FAMA_P256_GOOD);
        } else {
            verifier->counts.undecided++;
            ask_reference(verifier, job);
        }
    }
    consider_cold_keys(verifier, cold_count);
}

static void run_reference(struct fama_verifier *verifier, uint32_t job_count)
{
    for (uint32_t i = 0; i < job_count; i++) {
        struct fama_verify_job *job = verifier->jobs[i];
        if (job->key == NULL || job->key->kind != FAMA_KEY_P256) {
            decide(job, false);
        } else {
            ask_reference(verifier, job);
        }
    }
}

static void work(struct fama_verifier *verifier)
{
    struct queue *from = verifier->urgent.count > 0 ? &verifier->urgent : &verifier->bulk;
    uint32_t count = 0;
    while (count < verifier->batch_max && from->count > 0) {
        verifier->jobs[count++] = pop(from);
    }
    if (verifier->engine == NULL) {
        run_reference(verifier, count);
    } else if (count > 0) {
        run_engine(verifier, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        push(&verifier->done, verifier->jobs[i]);
    }
}

/* ---- Jobs ---- */

size_t fama_verifier_enqueue(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                             size_t count, enum fama_verify_urgency urgency)
{
    size_t room = FAMA_VERIFIER_IN_FLIGHT_MAX - in_flight(verifier);
    size_t taken = count < room ? count : room;
    struct queue *queue = urgency == FAMA_VERIFY_URGENT ? &verifier->urgent : &verifier->bulk;
    for (size_t i = 0; i < taken; i++) {
        push(jobs[i]->verdict == FAMA_VERDICT_PENDING ? queue : &verifier->done, jobs[i]);
    }
    return taken;
}

size_t fama_verifier_dequeue(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                             size_t room)
{
    if (verifier->done.count == 0) {
        work(verifier);
    }
    size_t given = 0;
    while (given < room && verifier->done.count > 0) {
        jobs[given++] = pop(&verifier->done);
    }
    return given;
}

bool fama_verifier_rest(struct fama_verifier *verifier)
{
    if (verifier->reserved == FAMA_HOT_KEYS_NONE) {
        return false;
    }
    fama_hot_keys_build(verifier->hot_keys, verifier->reserved, verifier->scratch);
    verifier->reserved = FAMA_HOT_KEYS_NONE;
    verifier->counts.tables++;
    return true;
}

void fama_verifier_run(struct fama_verifier *verifier, struct fama_verify_job *jobs[], size_t count)
{
    enum { ROOM = 64 };
    struct fama_verify_job *back[ROOM];
    size_t taken = 0;
    while (taken < count) {
        taken += fama_verifier_enqueue(verifier, jobs + taken, count - taken, FAMA_VERIFY_BULK);
        while (fama_verifier_dequeue(verifier, back, ROOM) > 0) {
        }
    }
    (void)fama_verifier_rest(verifier);
}
