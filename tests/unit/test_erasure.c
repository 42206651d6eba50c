#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/erasure.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define PAGE_BYTES  ((size_t)4096)
#define CANARY      0xa5
#define CANARIES    256 /* before a place */

/* Memory with a page after it that nobody may touch, because the sanitizers do not see what ISA-L does. */
static uint8_t *new_arena(void)
{
    uint8_t *arena = mmap(NULL, ARENA_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED || mprotect(arena + ARENA_BYTES, PAGE_BYTES, PROT_NONE) != 0) {
        abort();
    }
    return arena;
}

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint32_t between(uint32_t least, uint32_t most)
{
    return least + (uint32_t)(next_random() % (most - least + 1));
}

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(next_random() >> 24);
    }
}

/* A set as it was made, and the same as it arrives; both lie as in a node: data in one block that ends
 * where the untouchable page begins, and so does parity. */
struct set {
    struct fama_erasure_shape shape;
    uint8_t *data;
    uint8_t *parity;
    uint8_t *arrived_data;
    uint8_t *arrived_parity;
    size_t data_bytes;
    size_t parity_bytes;
};

static uint8_t *arenas[4];
static struct fama_erasure *erasure;

static uint8_t *place(size_t arena, size_t bytes)
{
    CU_ASSERT_FATAL(bytes + CANARIES <= ARENA_BYTES);
    uint8_t *at = arenas[arena] + ARENA_BYTES - bytes;
    memset(at - CANARIES, CANARY, CANARIES);
    return at;
}

static bool is_intact_before(const uint8_t *at)
{
    for (ptrdiff_t i = 1; i <= CANARIES; i++) {
        if (at[-i] != CANARY) {
            return false;
        }
    }
    return true;
}

static void make_set(struct set *set, struct fama_erasure_shape shape)
{
    set->shape = shape;
    set->data_bytes =
        (size_t)(shape.data_chunks - 1) * shape.chunk_bytes + (size_t)shape.last_bytes;
    set->parity_bytes = (size_t)shape.parity_chunks * shape.chunk_bytes;
    set->data = place(0, set->data_bytes);
    set->parity = place(1, set->parity_bytes);
    set->arrived_data = place(2, set->data_bytes);
    set->arrived_parity = place(3, set->parity_bytes);
    fill(set->data, set->data_bytes);
    const uint8_t *data[FAMA_ERASURE_DATA_MAX];
    uint8_t *parity[FAMA_ERASURE_PARITY_MAX];
    for (uint32_t i = 0; i < shape.data_chunks; i++) {
        data[i] = set->data + (size_t)i * shape.chunk_bytes;
    }
    for (uint32_t i = 0; i < shape.parity_chunks; i++) {
        parity[i] = set->parity + (size_t)i * shape.chunk_bytes;
    }
    CU_ASSERT_EQUAL(fama_erasure_encode(erasure, &set->shape, data, parity), 0);
}

static uint32_t bytes_of(const struct set *set, uint32_t chunk)
{
    return chunk == set->shape.data_chunks - 1 ? set->shape.last_bytes : set->shape.chunk_bytes;
}

/* Has the chunks of `present` arrive, and decodes. */
static int decode(const struct set *set, uint64_t present)
{
    uint32_t k = set->shape.data_chunks;
    uint8_t *chunks[FAMA_ERASURE_CHUNKS_MAX] = {NULL};
    memcpy(set->arrived_data, set->data, set->data_bytes);
    memcpy(set->arrived_parity, set->parity, set->parity_bytes);
    for (uint32_t i = 0; i < k + set->shape.parity_chunks; i++) {
        bool is_present = (present >> i & 1) != 0;
        if (i < k) {
            chunks[i] = set->arrived_data + (size_t)i * set->shape.chunk_bytes;
        } else if (is_present) {
            chunks[i] = set->arrived_parity + (size_t)(i - k) * set->shape.chunk_bytes;
        }
        if (i < k && !is_present) {
            memset(chunks[i], 0x5a, bytes_of(set, i));
        }
    }
    return fama_erasure_decode(erasure, &set->shape, present, chunks);
}

static bool is_whole(const struct set *set)
{
    return memcmp(set->arrived_data, set->data, set->data_bytes) == 0 &&
           (set->parity_bytes == 0 ||
            memcmp(set->arrived_parity, set->parity, set->parity_bytes) == 0) &&
           is_intact_before(set->arrived_data) && is_intact_before(set->arrived_parity) &&
           is_intact_before(set->data) && is_intact_before(set->parity);
}

static uint32_t chunks_in(uint64_t mask)
{
    return (uint32_t)__builtin_popcountll(mask);
}

static bool comes_back(const struct set *set, uint64_t present)
{
    uint32_t k = set->shape.data_chunks;
    uint32_t there = chunks_in(present & ((UINT64_C(1) << k) - 1));
    return decode(set, present) == (int)(k - there) && is_whole(set);
}

/* ---- The code itself, written once more without tables ---- */

static uint8_t slow_product(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (; b != 0; b >>= 1) {
        product ^= (b & 1) != 0 ? a : 0;
        a = (uint8_t)(a << 1 ^ ((a & 0x80) != 0 ? 0x1d : 0));
    }
    return product;
}

static uint8_t slow_inverse(uint8_t a)
{
    for (unsigned int b = 1; b < 256; b++) {
        if (slow_product(a, (uint8_t)b) == 1) {
            return (uint8_t)b;
        }
    }
    return 0;
}

static void parity_is_what_the_definition_says(void)
{
    state = test_seed("data") | 1;
    struct set set;
    for (uint32_t k = 1; k <= FAMA_ERASURE_DATA_MAX; k++) {
        uint32_t len = between(1, 100);
        make_set(&set, (struct fama_erasure_shape){k, between(1, 32), len, between(1, len)});
        for (uint32_t p = 0; p < set.shape.parity_chunks; p++) {
            for (uint32_t at = 0; at < len; at++) {
                uint8_t sum = 0;
                for (uint32_t j = 0; j < k; j++) {
                    uint8_t byte =
                        at < bytes_of(&set, j) ? set.data[(size_t)j * len + at] : (uint8_t)0;
                    sum ^= slow_product(slow_inverse((uint8_t)((k + p) ^ j)), byte);
                }
                CU_ASSERT_EQUAL(set.parity[(size_t)p * len + at], sum);
            }
        }
    }
}

static void the_matrix_is_isa_ls_cauchy_matrix(void)
{
    for (uint32_t k = 1; k <= FAMA_ERASURE_DATA_MAX; k++) {
        uint8_t matrix[FAMA_ERASURE_CHUNKS_MAX * FAMA_ERASURE_DATA_MAX];
        gf_gen_cauchy1_matrix(matrix, (int)(k + FAMA_ERASURE_PARITY_MAX), (int)k);
        /* With one byte of data set to one at a time, parity is a column of the matrix. */
        for (uint32_t j = 0; j < k; j++) {
            uint8_t bytes[FAMA_ERASURE_DATA_MAX] = {0};
            uint8_t column[FAMA_ERASURE_PARITY_MAX];
            const uint8_t *data[FAMA_ERASURE_DATA_MAX];
            uint8_t *parity[FAMA_ERASURE_PARITY_MAX];
            bytes[j] = 1;
            for (uint32_t i = 0; i < FAMA_ERASURE_DATA_MAX; i++) {
                data[i] = bytes + i;
                parity[i] = column + i;
            }
            struct fama_erasure_shape shape = {k, FAMA_ERASURE_PARITY_MAX, 1, 1};
            CU_ASSERT_EQUAL(fama_erasure_encode(erasure, &shape, data, parity), 0);
            for (uint32_t p = 0; p < FAMA_ERASURE_PARITY_MAX; p++) {
                CU_ASSERT_EQUAL(column[p], matrix[(k + p) * k + j]);
            }
        }
    }
}

/* ---- Any k of k + m ---- */

static void any_k_chunks_of_small_sets_give_all_back_and_fewer_are_refused(void)
{
    state = test_seed("data") | 1;
    struct set set;
    for (uint32_t all = 1; all <= 11; all++) {
        for (uint32_t k = 1; k <= all; k++) {
            uint32_t len = between(1, 70);
            make_set(&set, (struct fama_erasure_shape){k, all - k, len, between(1, len)});
            for (uint64_t present = 0; present < UINT64_C(1) << all; present++) {
                if (chunks_in(present) >= k) {
                    CU_ASSERT(comes_back(&set, present));
                } else {
                    CU_ASSERT_EQUAL(decode(&set, present), FAMA_ERASURE_TOO_FEW_CHUNKS);
                }
            }
        }
    }
}

/* Exactly k chunks, chosen at random among all. */
static uint64_t any_k(uint32_t k, uint32_t m)
{
    uint64_t present = 0;
    for (uint32_t left = k; left > 0;) {
        uint64_t bit = UINT64_C(1) << between(0, k + m - 1);
        if ((present & bit) == 0) {
            present |= bit;
            left--;
        }
    }
    return present;
}

static void any_k_chunks_of_large_sets_give_all_back(void)
{
    state = test_seed("sets") | 1;
    struct set set;
    for (int round = 0; round < 400; round++) {
        uint32_t k = round % 2 == 0 ? 32 : between(1, 32);
        uint32_t m = round % 4 == 0 ? 32 : between(0, 32);
        uint32_t len = between(1, 1500);
        make_set(&set,
                 (struct fama_erasure_shape){k, m, len, round % 3 == 0 ? len : between(1, len)});
        for (int choice = 0; choice < 20; choice++) {
            CU_ASSERT(comes_back(&set, any_k(k, m)));
            /* And with more than are needed. */
            CU_ASSERT(comes_back(&set, any_k(k, m) | any_k(k, m)));
        }
    }
}

static void all_data_comes_back_from_parity_alone(void)
{
    state = test_seed("data") | 1;
    struct set set;
    for (uint32_t k = 1; k <= FAMA_ERASURE_DATA_MAX; k++) {
        make_set(&set, (struct fama_erasure_shape){k, k, 1300, 7});
        CU_ASSERT(comes_back(&set, ((UINT64_C(1) << k) - 1) << k));
    }
}

static void the_longest_and_the_shortest_chunks_come_back(void)
{
    state = test_seed("data") | 1;
    struct set set;
    uint32_t longest = FAMA_ERASURE_CHUNK_BYTES_MAX;
    make_set(&set, (struct fama_erasure_shape){32, 32, longest, 1});
    CU_ASSERT(comes_back(&set, any_k(32, 32)));
    make_set(&set, (struct fama_erasure_shape){32, 32, longest, longest});
    CU_ASSERT(comes_back(&set, any_k(32, 32)));
    make_set(&set, (struct fama_erasure_shape){32, 32, longest, longest - 1});
    CU_ASSERT(comes_back(&set, UINT64_C(0xffffffff00000000)));
    make_set(&set, (struct fama_erasure_shape){1, 1, 1, 1});
    CU_ASSERT(comes_back(&set, 2));
}

static void less_parity_is_the_beginning_of_more(void)
{
    state = test_seed("data") | 1;
    struct set set;
    static uint8_t more[32 * 100];
    make_set(&set, (struct fama_erasure_shape){20, 32, 100, 50});
    memcpy(more, set.parity, sizeof(more));
    const uint8_t *data[20];
    uint8_t less[5 * 100] = {0};
    uint8_t *parity[5];
    for (size_t i = 0; i < 20; i++) {
        data[i] = set.data + i * 100;
    }
    for (size_t i = 0; i < 5; i++) {
        parity[i] = less + i * 100;
    }
    set.shape.parity_chunks = 5;
    CU_ASSERT_EQUAL(fama_erasure_encode(erasure, &set.shape, data, parity), 0);
    CU_ASSERT_EQUAL(memcmp(less, more, sizeof(less)), 0);
}

static void parity_that_is_wanted_is_made_and_no_other(void)
{
    state = test_seed("wanted") | 1;
    struct set set;
    for (int round = 0; round < 500; round++) {
        uint32_t k = between(1, 32);
        uint32_t m = between(1, 32);
        uint32_t len = between(1, 200);
        make_set(&set, (struct fama_erasure_shape){k, m, len, between(1, len)});
        const uint8_t *data[FAMA_ERASURE_DATA_MAX];
        uint8_t *parity[FAMA_ERASURE_PARITY_MAX];
        for (uint32_t i = 0; i < k; i++) {
            data[i] = set.data + (size_t)i * len;
        }
        /* Any of them, or a run of them. */
        uint32_t wanted = (uint32_t)next_random() & (UINT32_MAX >> (32 - m));
        wanted = round % 2 == 0 ? wanted : UINT32_MAX >> (32 - m) & UINT32_MAX << between(0, 31);
        memset(set.arrived_parity, CANARY, set.parity_bytes);
        for (uint32_t i = 0; i < m; i++) {
            bool is_wanted = (wanted >> i & 1) != 0;
            parity[i] = is_wanted ? set.arrived_parity + (size_t)i * len : NULL;
        }
        CU_ASSERT_EQUAL(fama_erasure_encode_some(erasure, &set.shape, wanted, data, parity), 0);
        for (uint32_t i = 0; i < m; i++) {
            uint8_t *made = set.arrived_parity + (size_t)i * len;
            if ((wanted >> i & 1) != 0) {
                CU_ASSERT_EQUAL_FATAL(memcmp(made, set.parity + (size_t)i * len, len), 0);
            } else {
                CU_ASSERT_FATAL(made[0] == CANARY && made[len - 1] == CANARY);
            }
        }
        CU_ASSERT(is_intact_before(set.arrived_parity));
    }
    const struct fama_erasure_shape shape = {4, 2, 10, 10};
    CU_ASSERT_EQUAL(fama_erasure_encode_some(erasure, &shape, 4, NULL, NULL),
                    FAMA_ERASURE_BAD_MASK);
    CU_ASSERT_EQUAL(fama_erasure_encode_some(erasure, &shape, 0, NULL, NULL), 0);
}

/* ---- What comes from outside ---- */

static void what_is_no_set_is_refused(void)
{
    static const struct fama_erasure_shape bad[] = {
        {0, 1, 10, 10},         {33, 1, 10, 10},         {1, 33, 10, 10},
        {1, 1, 0, 0},           {1, 1, 65536, 1},        {1, 1, 10, 0},
        {1, 1, 10, 11},         {UINT32_MAX, 1, 10, 10}, {1, UINT32_MAX, 10, 10},
        {1, 1, UINT32_MAX, 10}, {1, 1, 10, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* Nothing is looked at, hence nothing need be there. */
        CU_ASSERT_EQUAL(fama_erasure_encode(erasure, &bad[i], NULL, NULL), FAMA_ERASURE_BAD_SHAPE);
        CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &bad[i], 1, NULL), FAMA_ERASURE_BAD_SHAPE);
    }
    struct fama_erasure_shape shape = {4, 2, 10, 10};
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, 0x7f, NULL), FAMA_ERASURE_BAD_MASK);
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, UINT64_MAX, NULL), FAMA_ERASURE_BAD_MASK);
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, UINT64_C(1) << 63, NULL),
                    FAMA_ERASURE_BAD_MASK);
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, 0x07, NULL), FAMA_ERASURE_TOO_FEW_CHUNKS);
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, 0x0f, NULL), 0);
    shape.parity_chunks = 0;
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, 0x1f, NULL), FAMA_ERASURE_BAD_MASK);
    CU_ASSERT_EQUAL(fama_erasure_decode(erasure, &shape, 0x0f, NULL), 0);
    CU_ASSERT_EQUAL(fama_erasure_encode(erasure, &shape, NULL, NULL), 0);
}

static void chunks_that_lie_make_garbage_in_missing_places_only(void)
{
    state = test_seed("sets") | 1;
    struct set set;
    for (int round = 0; round < 200; round++) {
        uint32_t k = between(2, 32);
        uint32_t m = between(1, 32);
        uint32_t len = between(1, 200);
        make_set(&set, (struct fama_erasure_shape){k, m, len, between(1, len)});
        uint64_t present = any_k(k, m) & ~UINT64_C(1);
        present |=
            UINT64_C(1) << k; /* the first data chunk is missing, the first parity chunk lies */
        set.parity[between(0, len - 1)] ^= (uint8_t)between(1, 255);
        if (chunks_in(present) < k) {
            present |= UINT64_C(2);
        }
        if (chunks_in(present) < k) {
            continue;
        }
        CU_ASSERT(decode(&set, present) > 0);
        for (uint32_t i = 0; i < k; i++) {
            if ((present >> i & 1) != 0) {
                size_t at = (size_t)i * len;
                CU_ASSERT_EQUAL(memcmp(set.arrived_data + at, set.data + at, bytes_of(&set, i)), 0);
            }
        }
        CU_ASSERT_EQUAL(memcmp(set.arrived_parity, set.parity, set.parity_bytes), 0);
        CU_ASSERT(is_intact_before(set.arrived_data) && is_intact_before(set.arrived_parity));
        /* That it is garbage shows, if not in data that a short last chunk hides. */
        if (set.shape.last_bytes == len) {
            CU_ASSERT_NOT_EQUAL(memcmp(set.arrived_data, set.data, set.data_bytes), 0);
        }
    }
}

/* ---- Solutions remembered ---- */

static void a_pattern_is_solved_once_until_enough_others_were(void)
{
    state = test_seed("data") | 1;
    struct set set;
    struct fama_erasure *shared = erasure;
    erasure = fama_erasure_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(erasure);
    const struct fama_erasure_counts *counts = fama_erasure_counts(erasure);
    make_set(&set, (struct fama_erasure_shape){32, 2, 100, 100});
    uint64_t all = (UINT64_C(1) << 34) - 1;
    CU_ASSERT(comes_back(&set, all));
    CU_ASSERT_EQUAL(counts->decoded, 0); /* nothing was missing */
    /* As many patterns as are remembered: each is solved once. */
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < FAMA_ERASURE_SOLUTIONS; i++) {
            CU_ASSERT(comes_back(&set, all & ~(UINT64_C(1) << i)));
        }
        CU_ASSERT_EQUAL(counts->solved, FAMA_ERASURE_SOLUTIONS);
        CU_ASSERT_EQUAL(counts->recalled, (uint64_t)round * FAMA_ERASURE_SOLUTIONS);
    }
    /* Parity beyond what is needed makes no other pattern; other parity does. */
    uint64_t solved = counts->solved;
    CU_ASSERT(comes_back(&set, all & ~UINT64_C(1) & ~(UINT64_C(1) << 33)));
    CU_ASSERT_EQUAL(counts->solved, solved);
    CU_ASSERT(comes_back(&set, all & ~UINT64_C(1) & ~(UINT64_C(1) << 32)));
    CU_ASSERT_EQUAL(counts->solved, solved + 1);
    /* That took the place of the one not used for longest, which was the second. */
    CU_ASSERT(comes_back(&set, all & ~UINT64_C(1)));
    CU_ASSERT(comes_back(&set, all & ~UINT64_C(4)));
    CU_ASSERT_EQUAL(counts->solved, solved + 1);
    CU_ASSERT(comes_back(&set, all & ~UINT64_C(2)));
    CU_ASSERT_EQUAL(counts->solved, solved + 2);
    /* The same masks of another k are another pattern. */
    solved = counts->solved;
    make_set(&set, (struct fama_erasure_shape){31, 2, 100, 100});
    CU_ASSERT(comes_back(&set, ((UINT64_C(1) << 33) - 1) & ~UINT64_C(1)));
    CU_ASSERT_EQUAL(counts->solved, solved + 1);
    CU_ASSERT_EQUAL(counts->decoded, counts->solved + counts->recalled);
    CU_ASSERT_EQUAL(counts->rebuilt, counts->decoded); /* one each time */
    CU_ASSERT_EQUAL(counts->encoded, 2);
    fama_erasure_destroy(erasure);
    erasure = shared;
}

int main(void)
{
    for (size_t i = 0; i < sizeof(arenas) / sizeof(arenas[0]); i++) {
        arenas[i] = new_arena();
    }
    erasure = fama_erasure_create();
    if (erasure == NULL) {
        return EXIT_FAILURE;
    }
    static const struct test_case cases[] = {
        TEST(parity_is_what_the_definition_says),
        TEST(the_matrix_is_isa_ls_cauchy_matrix),
        TEST(any_k_chunks_of_small_sets_give_all_back_and_fewer_are_refused),
        TEST(any_k_chunks_of_large_sets_give_all_back),
        TEST(all_data_comes_back_from_parity_alone),
        TEST(the_longest_and_the_shortest_chunks_come_back),
        TEST(less_parity_is_the_beginning_of_more),
        TEST(parity_that_is_wanted_is_made_and_no_other),
        TEST(what_is_no_set_is_refused),
        TEST(chunks_that_lie_make_garbage_in_missing_places_only),
        TEST(a_pattern_is_solved_once_until_enough_others_were),
    };
    int status = run_suite("erasure", cases, sizeof cases / sizeof cases[0]);
    fama_erasure_destroy(erasure);
    return status;
}
