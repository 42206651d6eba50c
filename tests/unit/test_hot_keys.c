/* The tables of hot keys: who gets a slot, who loses it, and threads that use, win, lose and free them at
 * once. */
#include "crypto/hot_keys.h"

#include <pthread.h>
#include <sys/mman.h>

#include "crypto/verifier.h"
#include "unit/aimed_signatures.h"
#include "unit/mirror_engine.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define COMB_BYTES sizeof(struct fama_p256_comb)

static uint8_t scratch[64] __attribute__((aligned(64)));

static void make(struct fama_hot_key *key, uint32_t number)
{
    uint8_t point[2 * FAMA_P256_BYTES] = {1};
    memcpy(point + 4, &number, sizeof number);
    fama_hot_key_init(key, point);
}

/* Uses it as a verifier would. Returns whether there was a comb for it. */
static bool use(struct fama_hot_keys *table, struct fama_hot_key *key)
{
    uint32_t slot = fama_hot_keys_slot(table, key);
    if (slot != FAMA_HOT_KEYS_NONE && fama_hot_keys_pin(table, key, slot)) {
        const struct fama_p256_comb *comb = fama_hot_keys_comb(table, slot);
        CU_ASSERT_EQUAL(memcmp(comb->point[0][0].x, key->x, FAMA_P256_BYTES), 0);
        fama_hot_keys_unpin(table, slot, 1);
        return true;
    }
    if (fama_hot_keys_count_cold(table, key) > 0) {
        slot = fama_hot_keys_reserve(table, key);
        if (slot != FAMA_HOT_KEYS_NONE) {
            fama_hot_keys_build(table, slot, scratch);
        }
    }
    return false;
}

static size_t use_often(struct fama_hot_keys *table, struct fama_hot_key *key, size_t times)
{
    size_t hot = 0;
    for (size_t i = 0; i < times; i++) {
        hot += use(table, key);
    }
    return hot;
}

static struct fama_hot_keys *make_table(size_t slots)
{
    struct fama_hot_keys *table = fama_hot_keys_create(&mirror_engine, slots * COMB_BYTES);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

/* How many pages of a slot's comb have memory behind them. */
static size_t pages_there(struct fama_hot_keys *table, uint32_t slot)
{
    enum { PAGES = COMB_BYTES / 4096 };
    unsigned char pages[PAGES];
    size_t there = 0;
    void *comb = (void *)(uintptr_t)fama_hot_keys_comb(table, slot);
    CU_ASSERT_EQUAL_FATAL((uintptr_t)comb % 4096, 0);
    CU_ASSERT_EQUAL_FATAL(mincore(comb, COMB_BYTES, pages), 0);
    for (size_t i = 0; i < PAGES; i++) {
        there += pages[i] & 1;
    }
    return there;
}

/* The first of all tests: keys that others leave behind would count. */
static void memory_comes_with_keys_and_before_their_combs(void)
{
    enum { KEYS = 40, SLOTS = 1500 };
    struct fama_hot_key keys[KEYS];
    struct fama_hot_keys *early = make_table(SLOTS);
    for (uint32_t i = 0; i < KEYS; i++) {
        make(&keys[i], i);
    }
    struct fama_hot_keys *late = make_table(SLOTS);
    for (uint32_t i = 0; i < KEYS; i++) {
        CU_ASSERT_EQUAL(pages_there(early, i), COMB_BYTES / 4096);
        CU_ASSERT_EQUAL(pages_there(late, i), COMB_BYTES / 4096);
        CU_ASSERT_EQUAL(fama_hot_keys_slot(early, &keys[i]), FAMA_HOT_KEYS_NONE);
    }
    /* Far enough away that no huge page reaches there. */
    CU_ASSERT_EQUAL(pages_there(early, KEYS + 100), 0);
    CU_ASSERT_EQUAL(pages_there(late, SLOTS - 1), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        CU_ASSERT(use_often(early, &keys[i], FAMA_HOT_KEYS_WARM_UP + 1) > 0);
        fama_hot_key_forget(&keys[i]);
    }
    fama_hot_keys_destroy(late);
    fama_hot_keys_destroy(early);
}

static void a_table_has_as_many_slots_as_its_memory_holds(void)
{
    static const struct {
        size_t bytes;
        uint32_t slots;
    } cases[] = {{0, 1}, {COMB_BYTES - 1, 1}, {3 * COMB_BYTES + 1, 3}, {(size_t)64 << 20, 256}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fama_hot_keys *table = fama_hot_keys_create(&mirror_engine, cases[i].bytes);
        CU_ASSERT_PTR_NOT_NULL_FATAL(table);
        CU_ASSERT_EQUAL(fama_hot_keys_slots(table), cases[i].slots);
        CU_ASSERT_PTR_EQUAL(fama_hot_keys_engine(table), &mirror_engine);
        CU_ASSERT_EQUAL((uintptr_t)fama_hot_keys_comb(table, 0) % 64, 0);
        CU_ASSERT_NOT_EQUAL(fama_hot_keys_generator(table)->point[0][0].x[0], 0);
        fama_hot_keys_destroy(table);
    }
    fama_hot_keys_destroy(NULL);
}

/* However many there are: those that never were anyone's take no memory. */
static void slots_are_taken_from_the_lowest_on(void)
{
    enum { KEYS = 5 };
    struct fama_hot_keys *table = make_table(1500);
    struct fama_hot_key keys[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        make(&keys[i], i);
        (void)use_often(table, &keys[i], FAMA_HOT_KEYS_WARM_UP + 1);
        CU_ASSERT_EQUAL(fama_hot_keys_slot(table, &keys[i]), i);
    }
    fama_hot_key_forget(&keys[2]);
    make(&keys[2], KEYS);
    (void)use_often(table, &keys[2], FAMA_HOT_KEYS_WARM_UP + 1);
    CU_ASSERT_EQUAL(fama_hot_keys_slot(table, &keys[2]), 2);
    fama_hot_keys_destroy(table);
}

static void a_process_has_so_many_tables_at_once(void)
{
    struct fama_hot_keys *tables[FAMA_HOT_KEYS_TABLES];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < FAMA_HOT_KEYS_TABLES; i++) {
            tables[i] = make_table(1);
        }
        CU_ASSERT_PTR_NULL(fama_hot_keys_create(&mirror_engine, COMB_BYTES));
        for (size_t i = 0; i < FAMA_HOT_KEYS_TABLES; i++) {
            fama_hot_keys_destroy(tables[i]);
        }
    }
}

static void a_key_warms_up_in_each_table_by_itself(void)
{
    struct fama_hot_keys *one = make_table(4);
    struct fama_hot_keys *other = make_table(4);
    struct fama_hot_key key;
    make(&key, 1);
    CU_ASSERT_EQUAL(use_often(one, &key, FAMA_HOT_KEYS_WARM_UP), 0);
    CU_ASSERT_EQUAL(use_often(one, &key, 5), 5);
    CU_ASSERT_EQUAL(use_often(other, &key, FAMA_HOT_KEYS_WARM_UP), 0);
    CU_ASSERT_EQUAL(use_often(other, &key, 5), 5);
    fama_hot_keys_destroy(other);
    /* A new table of the same number knows nothing of what the key remembers. */
    other = make_table(1);
    CU_ASSERT_EQUAL(fama_hot_keys_slot(other, &key), FAMA_HOT_KEYS_NONE);
    fama_hot_key_forget(&key);
    fama_hot_keys_destroy(other);
    fama_hot_keys_destroy(one);
}

static void keys_that_sign_once_push_nobody_out(void)
{
    struct fama_hot_keys *table = make_table(4);
    struct fama_hot_key hot[4];
    for (uint32_t i = 0; i < 4; i++) {
        make(&hot[i], i);
        (void)use_often(table, &hot[i], FAMA_HOT_KEYS_WARM_UP + 1);
    }
    for (uint32_t i = 0; i < 40000; i++) {
        struct fama_hot_key once;
        make(&once, 1000 + i);
        (void)use(table, &once);
        fama_hot_key_forget(&once);
    }
    for (uint32_t i = 0; i < 4; i++) {
        CU_ASSERT(use(table, &hot[i]));
    }
    fama_hot_keys_destroy(table);
}

static void the_coldest_gives_way_to_a_key_in_clearly_more_use(void)
{
    struct fama_hot_keys *table = make_table(2);
    struct fama_hot_key little;
    struct fama_hot_key much;
    struct fama_hot_key fresh;
    make(&little, 1);
    make(&much, 2);
    make(&fresh, 3);
    (void)use_often(table, &little, FAMA_HOT_KEYS_WARM_UP + 8);
    (void)use_often(table, &much, 500);
    size_t hot = use_often(table, &fresh, 300);
    CU_ASSERT(hot > 100 && hot < 300 - FAMA_HOT_KEYS_WARM_UP);
    CU_ASSERT(use(table, &much));
    CU_ASSERT(!use(table, &little));
    CU_ASSERT_EQUAL(fama_hot_keys_slot(table, &little), FAMA_HOT_KEYS_NONE);
    fama_hot_keys_destroy(table);
}

static void keys_in_equal_use_do_not_push_each_other_out_in_turn(void)
{
    enum { KEYS = 6, SLOTS = 4, ROUNDS = 2000 };
    struct fama_hot_keys *table = make_table(SLOTS);
    struct fama_hot_key keys[KEYS];
    size_t hot[KEYS] = {0};
    for (uint32_t i = 0; i < KEYS; i++) {
        make(&keys[i], i);
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < KEYS; i++) {
            hot[i] += use(table, &keys[i]);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < KEYS; i++) {
        CU_ASSERT(hot[i] == 0 || hot[i] == ROUNDS - FAMA_HOT_KEYS_WARM_UP);
        kept += hot[i] > 0;
    }
    CU_ASSERT_EQUAL(kept, SLOTS);
    fama_hot_keys_destroy(table);
}

static void past_uses_count_less_and_less(void)
{
    struct fama_hot_keys *table = make_table(1);
    struct fama_hot_key old;
    struct fama_hot_key slow;
    struct fama_hot_key other;
    make(&old, 1);
    make(&slow, 2);
    make(&other, 3);
    /* Used a lot, but long ago: a newcomer soon takes its place. */
    (void)use_often(table, &old, 100 * FAMA_HOT_KEYS_EPOCH_USES);
    size_t hot = use_often(table, &other, 20 * FAMA_HOT_KEYS_EPOCH_USES);
    CU_ASSERT(hot > 10 * FAMA_HOT_KEYS_EPOCH_USES);
    /* A use now and then is not recent often enough, however long it goes on. */
    for (size_t i = 0; i < 4 * FAMA_HOT_KEYS_WARM_UP; i++) {
        CU_ASSERT(!use(table, &slow));
        CU_ASSERT_EQUAL(use_often(table, &other, FAMA_HOT_KEYS_EPOCH_USES),
                        FAMA_HOT_KEYS_EPOCH_USES);
    }
    fama_hot_keys_destroy(table);
}

static void a_slot_that_somebody_looks_at_stays_whose_it_is(void)
{
    struct fama_hot_keys *table = make_table(1);
    struct fama_hot_key one;
    struct fama_hot_key other;
    make(&one, 1);
    make(&other, 2);
    (void)use_often(table, &one, FAMA_HOT_KEYS_WARM_UP);
    uint32_t slot = fama_hot_keys_slot(table, &one);
    CU_ASSERT_FATAL(fama_hot_keys_pin(table, &one, slot));
    CU_ASSERT(!fama_hot_keys_pin(table, &other, slot));
    CU_ASSERT_EQUAL(use_often(table, &other, 900), 0);
    CU_ASSERT_EQUAL(memcmp(fama_hot_keys_comb(table, slot)->point[0][0].x, one.x, 32), 0);
    fama_hot_keys_unpin(table, slot, 0);
    CU_ASSERT_EQUAL(use_often(table, &other, 10), 9);
    CU_ASSERT(!use(table, &one));
    fama_hot_keys_destroy(table);
}

static void a_freed_key_leaves_its_slot_to_others(void)
{
    struct fama_hot_keys *table = make_table(1);
    struct fama_hot_key gone;
    struct fama_hot_key next;
    make(&gone, 1);
    make(&next, 2);
    (void)use_often(table, &gone, 900);
    fama_hot_key_forget(&gone);
    make(&gone, 1); /* the same point in the same memory is another key nevertheless */
    CU_ASSERT(!use(table, &gone));
    (void)use_often(table, &next, FAMA_HOT_KEYS_WARM_UP);
    CU_ASSERT(use(table, &next));
    fama_hot_keys_destroy(table);
}

static void a_key_may_be_freed_while_its_comb_is_being_made(void)
{
    struct fama_hot_keys *table = make_table(1);
    struct fama_hot_key gone;
    struct fama_hot_key next;
    make(&gone, 1);
    make(&next, 2);
    while (fama_hot_keys_count_cold(table, &gone) == 0) {
    }
    uint32_t slot = fama_hot_keys_reserve(table, &gone);
    CU_ASSERT_EQUAL_FATAL(slot, 0);
    CU_ASSERT_EQUAL(fama_hot_keys_count_cold(table, &gone), 0); /* one comb is enough */
    CU_ASSERT(!fama_hot_keys_pin(table, &gone, slot));
    fama_hot_key_forget(&gone);
    memset(&gone, 0xa5, sizeof gone);
    fama_hot_keys_build(table, slot, scratch);
    CU_ASSERT(use_often(table, &next, 4 * FAMA_HOT_KEYS_WARM_UP) > 0);

    /* Whoever has no time to build gives the slot back. */
    fama_hot_key_forget(&next);
    make(&gone, 1);
    while (fama_hot_keys_count_cold(table, &gone) == 0) {
    }
    slot = fama_hot_keys_reserve(table, &gone);
    CU_ASSERT_EQUAL_FATAL(slot, 0);
    fama_hot_keys_abandon(table, slot);
    CU_ASSERT_EQUAL(fama_hot_keys_slot(table, &gone), FAMA_HOT_KEYS_NONE);
    make(&next, 2);
    CU_ASSERT_EQUAL(use_often(table, &next, FAMA_HOT_KEYS_WARM_UP + 1), 1);
    fama_hot_keys_destroy(table);
}

/* ---- Threads ---- */

enum { THREADS = 4, SHARED = 12, OWN = 3, BATCH = 40, ROUNDS = 400 };

struct worker {
    pthread_t thread;
    struct fama_hot_keys *table;
    const struct aimed *aimed;
    struct fama_public_key *const *shared;
    uint64_t random;
    size_t wrong;
    struct fama_verifier_counts counts;
};

static uint64_t next_random(struct worker *worker)
{
    worker->random = worker->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return worker->random >> 33;
}

/* Jobs by keys that all threads share, and by its own, which it frees and makes again. The favourites
 * change, so that slots do. */
static void *work(void *context)
{
    struct worker *worker = context;
    struct fama_verifier *verifier = fama_verifier_create_on(worker->table);
    struct fama_public_key *own[OWN] = {NULL};
    static _Thread_local struct fama_verify_job jobs[BATCH];
    struct fama_verify_job *list[BATCH];
    if (verifier == NULL) {
        worker->wrong++;
        return NULL;
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t remade = next_random(worker) % OWN;
        fama_public_key_free(own[remade]);
        own[remade] = NULL;
        for (size_t i = 0; i < OWN; i++) {
            if (own[i] == NULL) {
                own[i] = fama_public_key_from_point(worker->aimed->points[2 * SHARED + 2 * i],
                                                    AIMED_POINT_BYTES);
            }
        }
        for (size_t i = 0; i < BATCH; i++) {
            size_t favourite = (round / 40 + next_random(worker) % 3) % SHARED;
            size_t key = next_random(worker) % 4 == 0 ? next_random(worker) % SHARED : favourite;
            bool is_own = next_random(worker) % 5 == 0;
            size_t mine = next_random(worker) % OWN;
            const uint8_t *point = worker->aimed->points[2 * (is_own ? SHARED + mine : key)];
            jobs[i] = (struct fama_verify_job){.key = is_own ? own[mine] : worker->shared[key]};
            memcpy(jobs[i].digest, point + 1, FAMA_P256_BYTES);
            jobs[i].digest[0] ^= i % 4 == 0;
            list[i] = &jobs[i];
        }
        fama_verifier_run(verifier, list, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
            worker->wrong += (jobs[i].verdict == FAMA_VERDICT_GOOD) == (i % 4 == 0);
        }
    }
    worker->counts = *fama_verifier_counts(verifier);
    for (size_t i = 0; i < OWN; i++) {
        fama_public_key_free(own[i]);
    }
    fama_verifier_destroy(verifier);
    return NULL;
}

static void threads_use_win_lose_and_free_keys_at_once(void)
{
    static struct worker workers[THREADS];
    struct fama_public_key *shared[SHARED];
    uint64_t seed = test_seed("hot_keys");
    struct aimed *aimed = aimed_create(seed);
    struct fama_hot_keys *table = make_table(3);
    uint64_t hot = 0;
    uint64_t cold = 0;
    uint64_t tables = 0;
    for (size_t i = 0; i < SHARED; i++) {
        shared[i] = fama_public_key_from_point(aimed->points[2 * i], AIMED_POINT_BYTES);
        CU_ASSERT_PTR_NOT_NULL_FATAL(shared[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){.table = table, .aimed = aimed, .shared = shared, .random = seed + i};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_join(workers[i].thread, NULL), 0);
        CU_ASSERT_EQUAL(workers[i].wrong, 0);
        hot += workers[i].counts.hot;
        cold += workers[i].counts.cold;
        tables += workers[i].counts.tables;
    }
    CU_ASSERT_EQUAL(hot + cold, (uint64_t)THREADS * ROUNDS * BATCH);
    CU_ASSERT(hot > 1000 && cold > 1000 && tables > 5);
    fprintf(stderr, "\n%llu uses hot, %llu cold, %llu tables made\n", (unsigned long long)hot,
            (unsigned long long)cold, (unsigned long long)tables);
    for (size_t i = 0; i < SHARED; i++) {
        fama_public_key_free(shared[i]);
    }
    fama_hot_keys_destroy(table);
    aimed_destroy(aimed);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(memory_comes_with_keys_and_before_their_combs),
        TEST(a_table_has_as_many_slots_as_its_memory_holds),
        TEST(slots_are_taken_from_the_lowest_on),
        TEST(a_process_has_so_many_tables_at_once),
        TEST(a_key_warms_up_in_each_table_by_itself),
        TEST(keys_that_sign_once_push_nobody_out),
        TEST(the_coldest_gives_way_to_a_key_in_clearly_more_use),
        TEST(keys_in_equal_use_do_not_push_each_other_out_in_turn),
        TEST(past_uses_count_less_and_less),
        TEST(a_slot_that_somebody_looks_at_stays_whose_it_is),
        TEST(a_freed_key_leaves_its_slot_to_others),
        TEST(a_key_may_be_freed_while_its_comb_is_being_made),
        TEST(threads_use_win_lose_and_free_keys_at_once),
    };
    return run_suite("hot_keys", cases, sizeof cases / sizeof cases[0]);
}
