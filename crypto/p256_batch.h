/* ECDSA P-256 verification of a group of signatures, written once for all instruction sets: an engine's
 * source file includes the lanes of its choice (p256_lanes_64.h, p256_lanes_ifma.h) and then this. For
 * engines only (crypto/p256_engine.h).
 *
 * Lanes are `struct fe`, FE_LANES numbers mod p side by side, with the operations named fe_…; a task of the
 * group is a lane of one of its columns, of which there are FE_COLUMNS at most.
 *
 * Hot keys: u = sum of d_w · 2^(8w), where each d_w is odd and |d_w| < 256, so that no window is empty and
 * infinity does not appear: t = (u + 2^256 - 1) / 2 has the digits (d_w + 255) / 2 as its bytes. That asks
 * for an odd u; for an even one it is -u mod n with all signs changed. (Joye and Tunstall, "Exponent
 * recoding and regular exponentiation algorithms", 2009.) The 64 points of u1·G + u2·Q are added in a tree of
 * six levels; a level's inversions are one per group (Montgomery's trick).
 *
 * Cold keys: u1·G by its comb, u2·Q by windows of five bits of the same kind of digits, doubled in Jacobian
 * coordinates.
 *
 * Multiplications and squarings mod p for each signature: an affine addition takes 2 + 3 (its part of the
 * inversion) and 1 squaring. Hot: 63 additions, 378 in all. Cold: 255 doublings of 8, 52 mixed additions of
 * 11, a table of 15 + 5 additions, and 31 for G: about 2,950.
 *
 * Where the time of a hot verification goes: cycles of one in a group of 64, by p256_lanes_ifma.h on an AMD
 * EPYC at 3.7 GHz (Zen 4, which does one 512-bit multiplication and two vector instructions in a cycle), in
 * processor time of a machine that is busy otherwise:
 *
 *     2,900  nothing but 52-bit multiplications, 65 for each of 315 products and 45 for each of 63 squares,
 *            eight signatures at a time: the floor
 *       600  what surrounds them: shifts, carries and copies make a product 165 instructions (75 cycles) and
 *            a square 145 (72 cycles)
 *       600  sums and differences with their carries: 13 to 23 cycles, five for each addition of points
 *       550  six inversions for the group, each 2,650 cycles and as much again in products that wait for
 *            each other
 *       800  points, divisors and products in the second cache: 490 KB
 *       580  five products mod n, and a 64th of an inversion mod n
 *       250  digits' choice among keys, answers, what is left
 *     1,300  64 lines of tables, called near a column ahead: about as much for one key as for 64 (16 MiB);
 *            without that 3,800 for 64 keys. It would be 160 if all were in the first cache
 *
 * In all 7,500 cycles or 2.0 µs. A cold one takes 40,000. Smaller groups share inversions with fewer, and have
 * less to do while lines come: 8,800 cycles in a group of 32, 9,900 in one of 16, 13,800 in one of 8; alone
 * (add_few) it takes 27,000. What is left to win: instructions beside the multiplications, memory, and
 * scalars.
 *
 * Sources: SEC 1 v2 §4.1.4 (verification); "Guide to Elliptic Curve Cryptography" §3.2-3.3 (formulas,
 * combs); hyperelliptic.org EFD dbl-2001-b, madd (Jacobian, a = -3). */
#ifndef FAMA_CRYPTO_P256_BATCH_H
#define FAMA_CRYPTO_P256_BATCH_H

#include <string.h>

#include "crypto/p256_engine.h"
#include "crypto/p256_order_64.h"

#define GROUP_MAX   64
#define FE_COLUMNS  (GROUP_MAX / FE_LANES)
#define HOT_POINTS  (2 * FAMA_P256_WINDOWS)
#define COLD_DIGITS 52 /* of 5 bits: 260, the least that holds 256 */
#define MULTIPLES   16 /* odd ones below 32 */
/* Products that do not wait for each other while one inversion is prepared. */
#define CHAINS 4

/* A scalar's digits, see above; `is_negative` changes all signs. */
struct digits {
    uint8_t t[FAMA_P256_BYTES + 1]; /* the lowest first */
    bool is_negative;
};

/* The memory of a call. */
struct group {
    /* Points of trees and tables: the columns of the first point, of the second, and so on. */
    struct fe x[HOT_POINTS * FE_COLUMNS];
    struct fe y[HOT_POINTS * FE_COLUMNS];
    /* What is to be inverted, and products on the way there. */
    struct fe divisor[HOT_POINTS / 2 * FE_COLUMNS];
    struct fe product[HOT_POINTS / 2 * FE_COLUMNS];
    union {
        struct fama_p256_point multiple[GROUP_MAX][MULTIPLES]; /* of cold keys */
        struct fama_p256_point power[8 * FAMA_P256_WINDOWS];   /* of a key whose comb is built */
    };
    /* By tasks of the call: the digits of u1 and u2, and whether these are worth a sum. */
    struct digits first[GROUP_MAX];
    struct digits second[GROUP_MAX];
    bool is_pending[GROUP_MAX];
    struct fama_p256_task *task[GROUP_MAX]; /* of this group; lanes beyond the count repeat one */
    size_t index[GROUP_MAX];                /* of these tasks in the call */
    size_t columns;
    fe_mask is_undecided[FE_COLUMNS];
};

/* A comb is built in the same memory: it inverts one number for each bit of a scalar, and half a comb's points
 * at once. */
_Static_assert(HOT_POINTS / 2 * FE_COLUMNS >= 8 * FAMA_P256_WINDOWS, "too few divisors");
_Static_assert(HOT_POINTS / 2 * FE_COLUMNS * FE_LANES >=
                   FAMA_P256_WINDOWS * FAMA_P256_WINDOW_SIZE / 2,
               "too few divisors");

/* Lanes with a zero among their divisors: those tasks are for the reference. Divisor i belongs to column
 * i % columns. */
static void set_zeros_aside(struct group *group, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fe_mask zeros = fe_is_zero(group->divisor[i]);
        group->is_undecided[i % group->columns] |= zeros;
        group->divisor[i] = fe_select(zeros, group->divisor[i], fe_one());
    }
}

/* Multiplies what stands before each divisor of its chain into `product`. Gives the chains' products, and in
 * `left` those of each chain and all before it. */
static void multiply_chains(struct group *group, size_t count, struct fe chain[CHAINS],
                            struct fe left[CHAINS])
{
    for (int c = 0; c < CHAINS; c++) {
        chain[c] = fe_one();
    }
    for (size_t i = 0; i < count; i++) {
        group->product[i] = chain[i % CHAINS];
        chain[i % CHAINS] = fe_mul(chain[i % CHAINS], group->divisor[i]);
    }
    left[0] = chain[0];
    for (int c = 1; c < CHAINS; c++) {
        left[c] = fe_mul(left[c - 1], chain[c]);
    }
}

/* Every divisor becomes its inverse. */
static void invert_divisors(struct group *group, size_t count)
{
    struct fe chain[CHAINS];
    struct fe left[CHAINS];
    multiply_chains(group, count, chain, left);
    if (fe_is_zero(left[CHAINS - 1]) != 0) {
        set_zeros_aside(group, count);
        multiply_chains(group, count, chain, left);
    }
    struct fe run = fe_invert(left[CHAINS - 1]);
    for (int c = CHAINS - 1; c > 0; c--) {
        struct fe inverse = fe_mul(run, left[c - 1]);
        run = fe_mul(run, chain[c]);
        chain[c] = inverse;
    }
    chain[0] = run;
    for (size_t i = count; i-- > 0;) {
        struct fe inverse = fe_mul(chain[i % CHAINS], group->product[i]);
        chain[i % CHAINS] = fe_mul(chain[i % CHAINS], group->divisor[i]);
        group->divisor[i] = inverse;
    }
}

/* Point `at` becomes the sum of points `a` and `b`, given 1 / (x of b - x of a). */
static inline void add_affine(struct group *group, size_t at, size_t a, size_t b, struct fe inverse)
{
    struct fe x = group->x[a];
    struct fe y = group->y[a];
    struct fe slope = fe_mul(fe_sub(group->y[b], y), inverse);
    struct fe sum = fe_sub_both(fe_sqr(slope), x, group->x[b]);
    group->x[at] = sum;
    group->y[at] = fe_sub_tight(fe_mul(slope, fe_sub(x, sum)), y);
}

/* Adds `points` points (a power of two) of each column up, into the first. */
static void add_trees(struct group *group, size_t points)
{
    for (size_t half = points / 2 * group->columns; half >= group->columns; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            group->divisor[i] = fe_sub(group->x[i + half], group->x[i]);
        }
        invert_divisors(group, half);
        for (size_t i = 0; i < half; i++) {
            add_affine(group, i, i, i + half, group->divisor[i]);
        }
    }
}

/* Where a digit points to in a table of odd multiples, and whether the multiple is to be negated. */
static inline size_t digit_index(unsigned int digit, unsigned int size, bool *is_negative)
{
    *is_negative = digit < size;
    return (*is_negative ? ~digit : digit) & (size - 1);
}

static const struct fama_p256_point *comb_point(const struct fama_p256_comb *comb,
                                                const struct digits *digits, size_t window,
                                                bool *is_negative)
{
    bool is_low;
    size_t index = digit_index(digits->t[window], FAMA_P256_WINDOW_SIZE, &is_low);
    *is_negative = is_low != digits->is_negative;
    return &comb->point[window][index];
}

/* Loads one window of a scalar of each task in a column. Without a comb, of each key's own. */
static void load_window(struct group *group, const struct fama_p256_comb *comb,
                        const struct digits *digits, size_t window, size_t column, size_t at)
{
    const struct fama_p256_point *point[FE_LANES];
    fe_mask negative = 0;
    for (size_t lane = 0; lane < FE_LANES; lane++) {
        size_t i = column * FE_LANES + lane;
        bool is_negative;
        point[lane] = comb_point(comb != NULL ? comb : group->task[i]->comb,
                                 &digits[group->index[i]], window, &is_negative);
        negative |= (fe_mask)is_negative << lane;
    }
    fe_load_points(point, negative, &group->x[at], &group->y[at]);
}

/* Calls near what load_window will read of both scalars' combs. Inlined by force: GCC takes a function that
 * does nothing else for one without effect, and drops its calls. */
static inline __attribute__((always_inline)) void
prefetch_window(const struct group *group, const struct fama_p256_comb *generator, size_t window,
                size_t column)
{
    for (size_t i = column * FE_LANES; i < (column + 1) * FE_LANES; i++) {
        bool is_negative;
        __builtin_prefetch(
            comb_point(generator, &group->first[group->index[i]], window, &is_negative));
        __builtin_prefetch(comb_point(group->task[i]->comb, &group->second[group->index[i]], window,
                                      &is_negative));
    }
}

/* A column ahead and a window at a time: a processor waits when more lines are called than it has room for. */
static void load_hot_points(struct group *group, const struct fama_p256_comb *generator)
{
    for (size_t window = 0; window < FAMA_P256_WINDOWS; window++) {
        prefetch_window(group, generator, window, 0);
    }
    for (size_t column = 0; column < group->columns; column++) {
        for (size_t window = 0; window < FAMA_P256_WINDOWS; window++) {
            size_t at = window * group->columns + column;
            if (column + 1 < group->columns) {
                prefetch_window(group, generator, window, column + 1);
            }
            load_window(group, generator, group->first, window, column, at);
            load_window(group, NULL, group->second, window, column,
                        at + FAMA_P256_WINDOWS * group->columns);
        }
    }
}

/* Jacobian coordinates: x / z², y / z³. */
struct jacobian {
    struct fe x;
    struct fe y;
    struct fe z; /* may be loose */
};

static inline struct jacobian double_point(const struct jacobian *p)
{
    struct fe delta = fe_sqr(p->z);
    struct fe gamma = fe_sqr(p->y);
    struct fe beta = fe_mul(p->x, gamma);
    struct fe alpha = fe_triple(fe_mul(fe_sub(p->x, delta), fe_add(p->x, delta)));
    struct jacobian twice;
    twice.x = fe_sub_eightfold(fe_sqr(alpha), beta);
    struct fe y_z = fe_mul(p->y, p->z);
    twice.z = fe_add(y_z, y_z);
    twice.y = fe_sub_eightfold(fe_mul(alpha, fe_fourfold_sub(beta, twice.x)), fe_sqr(gamma));
    return twice;
}

/* Equal and opposite points give z = 0, which all that follows keeps. */
static inline struct jacobian add_mixed(const struct jacobian *p, struct fe x, struct fe y)
{
    struct fe z_z = fe_sqr(p->z);
    struct fe h = fe_sub(fe_mul(x, z_z), p->x);
    struct fe slope = fe_sub(fe_mul(fe_mul(y, p->z), z_z), p->y);
    struct fe h_h = fe_sqr(h);
    struct fe h_h_h = fe_mul(h_h, h);
    struct fe v = fe_mul(p->x, h_h);
    struct jacobian sum;
    sum.x = fe_sub_twice(fe_sqr(slope), h_h_h, v);
    sum.y = fe_sub_tight(fe_mul(slope, fe_sub(v, sum.x)), fe_mul(p->y, h_h_h));
    sum.z = fe_mul(p->z, h);
    return sum;
}

static inline struct jacobian add_jacobian(const struct jacobian *p, const struct jacobian *q)
{
    struct fe z_z = fe_sqr(p->z);
    struct fe q_z_z = fe_sqr(q->z);
    struct fe u = fe_mul(p->x, q_z_z);
    struct fe h = fe_sub(fe_mul(q->x, z_z), u);
    struct fe s = fe_mul(fe_mul(p->y, q->z), q_z_z);
    struct fe slope = fe_sub(fe_mul(fe_mul(q->y, p->z), z_z), s);
    struct fe h_h = fe_sqr(h);
    struct fe h_h_h = fe_mul(h_h, h);
    struct fe v = fe_mul(u, h_h);
    struct jacobian sum;
    sum.x = fe_sub_twice(fe_sqr(slope), h_h_h, v);
    sum.y = fe_sub_tight(fe_mul(slope, fe_sub(v, sum.x)), fe_mul(s, h_h_h));
    sum.z = fe_mul(fe_mul(p->z, q->z), h);
    return sum;
}

/* Doubles a point, given 1 / 2y. */
static inline void double_affine(struct group *group, size_t at, struct fe inverse)
{
    struct fe x = group->x[at];
    struct fe y = group->y[at];
    /* 3x² - 3 */
    struct fe slope = fe_mul(fe_triple(fe_mul(fe_sub(x, fe_one()), fe_add(x, fe_one()))), inverse);
    struct fe twice = fe_sub_both(fe_sqr(slope), x, x);
    group->x[at] = twice;
    group->y[at] = fe_sub_tight(fe_mul(slope, fe_sub(x, twice)), y);
}

/* The table of a cold key: {1} Q, {1, 3} Q, {1, 3, 5, 7} Q, … each by adding 2Q, 4Q, 8Q, 16Q to all that are
 * there, while that is doubled for the next step. Uses the points from `from` on. */
static void make_multiples(struct group *group, size_t from)
{
    const size_t columns = group->columns;
    const size_t power = from + MULTIPLES * columns; /* 2^k Q */
    for (size_t i = 0; i < columns; i++) {
        const struct fama_p256_point *key[FE_LANES];
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            key[lane] = group->task[i * FE_LANES + lane]->key;
        }
        fe_load_points(key, 0, &group->x[from + i], &group->y[from + i]);
        group->x[power + i] = group->x[from + i];
        group->y[power + i] = group->y[from + i];
    }
    for (size_t added = 0; added < MULTIPLES; added = added == 0 ? 1 : 2 * added) {
        const size_t sums = added * columns;
        const size_t doubles = added < MULTIPLES / 2 ? columns : 0;
        for (size_t i = 0; i < sums; i++) {
            group->divisor[i] = fe_sub(group->x[power + i % columns], group->x[from + i]);
        }
        for (size_t i = 0; i < doubles; i++) {
            group->divisor[sums + i] = fe_add(group->y[power + i], group->y[power + i]);
        }
        invert_divisors(group, sums + doubles);
        for (size_t i = 0; i < sums; i++) {
            add_affine(group, from + sums + i, from + i, power + i % columns, group->divisor[i]);
        }
        for (size_t i = 0; i < doubles; i++) {
            double_affine(group, power + i, group->divisor[sums + i]);
        }
    }
    for (size_t i = 0; i < MULTIPLES * columns; i++) {
        struct fama_p256_point *multiple[FE_LANES];
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            multiple[lane] = &group->multiple[i % columns * FE_LANES + lane][i / columns];
        }
        fe_store_points(group->x[from + i], group->y[from + i], multiple);
    }
}

static inline unsigned int cold_digit(const struct digits *digits, size_t window)
{
    size_t bit = 5 * window;
    unsigned int two = digits->t[bit / 8];
    if (bit / 8 + 1 < sizeof digits->t) {
        two |= (unsigned int)digits->t[bit / 8 + 1] << 8;
    }
    return two >> bit % 8 & (2 * MULTIPLES - 1);
}

static void load_multiple(struct group *group, size_t column, size_t window, struct fe *x,
                          struct fe *y)
{
    const struct fama_p256_point *point[FE_LANES];
    fe_mask negative = 0;
    for (size_t lane = 0; lane < FE_LANES; lane++) {
        size_t i = column * FE_LANES + lane;
        const struct digits *digits = &group->second[group->index[i]];
        bool is_low;
        size_t index = digit_index(cold_digit(digits, window), MULTIPLES, &is_low);
        point[lane] = &group->multiple[i][index];
        negative |= (fe_mask)(is_low != digits->is_negative) << lane;
    }
    fe_load_points(point, negative, x, y);
}

/* Divides the columns' x by the squares of what stands at their divisors. */
static void make_affine(struct group *group)
{
    invert_divisors(group, group->columns);
    for (size_t i = 0; i < group->columns; i++) {
        group->x[i] = fe_mul(group->x[i], fe_sqr(group->divisor[i]));
    }
}

/* u2·Q, and the point at `column`, which is u1·G, added to it. */
static void climb_ladder(struct group *group, size_t column)
{
    struct jacobian sum;
    struct fe x;
    struct fe y;
    load_multiple(group, column, COLD_DIGITS - 1, &sum.x, &sum.y);
    sum.z = fe_one();
    for (size_t window = COLD_DIGITS - 1; window-- > 0;) {
        for (int i = 0; i < 5; i++) {
            sum = double_point(&sum);
        }
        load_multiple(group, column, window, &x, &y);
        sum = add_mixed(&sum, x, y);
    }
    sum = add_mixed(&sum, group->x[column], group->y[column]);
    group->x[column] = sum.x;
    group->divisor[column] = sum.z;
}

static void add_cold(struct group *group, const struct fama_p256_comb *generator)
{
    const size_t columns = group->columns;
    make_multiples(group, FAMA_P256_WINDOWS * columns);
    for (size_t i = 0; i < FAMA_P256_WINDOWS * columns; i++) {
        load_window(group, generator, group->first, i / columns, i % columns, i);
    }
    add_trees(group, FAMA_P256_WINDOWS);
    for (size_t i = 0; i < columns; i++) {
        climb_ladder(group, i);
    }
    make_affine(group);
}

/* One of the 64 points of a hot task, u1's first. */
static const struct fama_p256_point *hot_point(const struct group *group,
                                               const struct fama_p256_comb *generator, size_t task,
                                               size_t at, bool *is_negative)
{
    const size_t window = at % FAMA_P256_WINDOWS;
    return at < FAMA_P256_WINDOWS
               ? comb_point(generator, &group->first[group->index[task]], window, is_negative)
               : comb_point(group->task[task]->comb, &group->second[group->index[task]], window,
                            is_negative);
}

/* For a few tasks, which would leave most lanes of a tree empty and share its inversions with nobody: each
 * task's points in lanes beside each other, added up in Jacobian coordinates; then the lanes. */
static void add_few(struct group *group, const struct fama_p256_comb *generator)
{
    for (size_t task = 0; task < group->columns; task++) {
        struct jacobian sum = {.z = fe_one()};
        for (size_t at = 0; at < HOT_POINTS; at += FE_LANES) {
            const struct fama_p256_point *point[FE_LANES];
            fe_mask negative = 0;
            struct fe x;
            struct fe y;
            for (size_t lane = 0; lane < FE_LANES; lane++) {
                bool is_negative;
                point[lane] = hot_point(group, generator, task, at + lane, &is_negative);
                negative |= (fe_mask)is_negative << lane;
            }
            fe_load_points(point, negative, &x, &y);
            if (at == 0) {
                sum.x = x;
                sum.y = y;
            } else {
                sum = add_mixed(&sum, x, y);
            }
        }
        for (int distance = FE_LANES / 2; distance > 0; distance /= 2) {
            struct jacobian other = {fe_rotate(sum.x, distance), fe_rotate(sum.y, distance),
                                     fe_rotate(sum.z, distance)};
            sum = add_jacobian(&sum, &other);
        }
        group->x[task] = sum.x;
        group->divisor[task] = sum.z;
    }
    make_affine(group);
}

/* x mod n = r decides. A column has `width` tasks, in its first lanes. */
static void answer(struct group *group, size_t count, size_t width)
{
    for (size_t column = 0; column < group->columns; column++) {
        uint64_t x[FE_LANES][4];
        fe_plain(group->x[column], x);
        for (size_t lane = 0; lane < width && column * width + lane < count; lane++) {
            struct fama_p256_task *task = group->task[column * width + lane];
            uint64_t r[4];
            fama_p256_limbs_from_bytes(task->r, r);
            fama_p256_order_reduce(x[lane], x[lane]);
            bool is_good = fama_p256_limbs_are_equal(x[lane], r);
            bool is_undecided = group->is_undecided[column] >> lane & 1;
            task->answer = is_undecided ? FAMA_P256_UNDECIDED
                           : is_good    ? FAMA_P256_GOOD
                                        : FAMA_P256_BAD;
        }
    }
}

/* Decides those of the pending tasks whose keys are hot, or are not. */
static void verify_kind(struct group *group, const struct fama_p256_comb *generator,
                        struct fama_p256_task *tasks, size_t count, bool is_hot)
{
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++) {
        if (group->is_pending[i] && (tasks[i].comb != NULL) == is_hot) {
            group->index[chosen] = i;
            group->task[chosen++] = &tasks[i];
        }
    }
    if (chosen == 0) {
        return;
    }
    const size_t width = is_hot && chosen <= FE_FEW ? 1 : FE_LANES;
    group->columns = (chosen + width - 1) / width;
    for (size_t i = chosen; i < group->columns * width; i++) {
        group->index[i] = group->index[chosen - 1];
        group->task[i] = group->task[chosen - 1];
    }
    memset(group->is_undecided, 0, sizeof group->is_undecided);
    if (!is_hot) {
        add_cold(group, generator);
    } else if (chosen <= FE_FEW) {
        add_few(group, generator);
    } else {
        load_hot_points(group, generator);
        add_trees(group, HOT_POINTS);
    }
    answer(group, chosen, width);
}

/* False when the scalar is zero. */
static bool make_digits(const uint64_t scalar[4], bool is_hot, struct digits *digits)
{
    uint64_t odd[4];
    memcpy(odd, scalar, sizeof odd);
    digits->is_negative = (scalar[0] & 1) == 0;
    if (digits->is_negative) {
        fama_p256_order_negate(scalar, odd);
    }
    for (size_t i = 0; i < 4; i++) {
        uint64_t half = odd[i] >> 1 | (i < 3 ? odd[i + 1] << 63 : 0);
        for (size_t j = 0; j < 8; j++) {
            digits->t[8 * i + j] = (uint8_t)(half >> 8 * j);
        }
    }
    /* The highest digit's sign is plus: bit 255 of 256, or 259 of 260. */
    digits->t[FAMA_P256_BYTES - 1] |= is_hot ? 0x80 : 0;
    digits->t[FAMA_P256_BYTES] = is_hot ? 0 : 0x08;
    return !fama_p256_order_is_zero(scalar);
}

/* u1 = e/s and u2 = r/s mod n, with one inversion for all s, and their digits. */
static void prepare_scalars(struct group *group, struct fama_p256_task *tasks, size_t count)
{
    uint64_t s[GROUP_MAX][4];
    uint64_t before[GROUP_MAX][4];
    uint64_t r[GROUP_MAX][4];
    uint64_t run[4];
    fama_p256_limbs_copy(fama_p256_order_one, run);
    for (size_t i = 0; i < count; i++) {
        fama_p256_limbs_from_bytes(tasks[i].r, r[i]);
        fama_p256_limbs_from_bytes(tasks[i].s, s[i]);
        tasks[i].answer = FAMA_P256_BAD;
        group->is_pending[i] = fama_p256_order_is_scalar(r[i]) && fama_p256_order_is_scalar(s[i]);
        if (!group->is_pending[i]) {
            fama_p256_limbs_copy(fama_p256_order_one, s[i]);
        }
        fama_p256_limbs_copy(run, before[i]);
        fama_p256_order_multiply(run, s[i], run);
    }
    fama_p256_invert_n(run, run);
    fama_p256_order_multiply(run, fama_p256_order_one_squared, run);
    for (size_t i = count; i-- > 0;) {
        uint64_t inverse[4]; /* times 2^256 */
        uint64_t digest[4];
        uint64_t u[4];
        fama_p256_order_multiply(run, before[i], inverse);
        fama_p256_order_multiply(run, s[i], run);
        if (!group->is_pending[i]) {
            continue;
        }
        fama_p256_limbs_from_bytes(tasks[i].digest, digest);
        fama_p256_order_reduce(digest, digest);
        fama_p256_order_multiply(digest, inverse, u);
        bool is_summed = make_digits(u, true, &group->first[i]);
        fama_p256_order_multiply(r[i], inverse, u);
        (void)make_digits(u, tasks[i].comb != NULL, &group->second[i]);
        if (!is_summed) {
            tasks[i].answer = FAMA_P256_UNDECIDED;
            group->is_pending[i] = false;
        }
    }
}

static void verify(const struct fama_p256_comb *generator, struct fama_p256_task *tasks,
                   size_t count, void *scratch)
{
    struct group *group = scratch;
    if (count == 0) {
        return;
    }
    prepare_scalars(group, tasks, count);
    verify_kind(group, generator, tasks, count, true);
    verify_kind(group, generator, tasks, count, false);
}

/* 2^k times the key for every k, affine; all lanes do the same. */
static void make_powers(const struct fama_p256_point *key, struct group *group)
{
    const size_t count = (size_t)8 * FAMA_P256_WINDOWS;
    const struct fama_p256_point *from[FE_LANES];
    struct fama_p256_point *to[FE_LANES];
    struct jacobian point = {.z = fe_one()};
    for (int lane = 0; lane < FE_LANES; lane++) {
        from[lane] = key;
    }
    fe_load_points(from, 0, &point.x, &point.y);
    for (size_t i = 0; i < count; i++) {
        group->x[i] = point.x;
        group->y[i] = point.y;
        group->divisor[i] = point.z;
        point = double_point(&point);
    }
    group->columns = 1;
    invert_divisors(group, count);
    for (size_t i = 0; i < count; i++) {
        struct fe inverse = group->divisor[i];
        struct fe square = fe_sqr(inverse);
        for (int lane = 0; lane < FE_LANES; lane++) {
            to[lane] = &group->power[i];
        }
        fe_store_points(fe_mul(group->x[i], square), fe_mul(group->y[i], fe_mul(square, inverse)),
                        to);
    }
}

/* The points at index j of FE_LANES windows from `column` on. */
static void comb_lanes(struct fama_p256_comb *comb, size_t column, size_t j,
                       struct fama_p256_point *point[FE_LANES])
{
    for (size_t lane = 0; lane < FE_LANES; lane++) {
        point[lane] = &comb->point[column * FE_LANES + lane][j];
    }
}

/* All windows at once: {1}, {1, 3}, {1, 3, 5, 7}, … times 2^(8w) Q, each by adding 2^(8w + 1 + step) Q to all that
 * are there. */
static void build_comb(const struct fama_p256_point *key, struct fama_p256_comb *comb,
                       void *scratch)
{
    struct group *group = scratch;
    struct fama_p256_point *power = group->power;
    struct fama_p256_point *point[FE_LANES];
    make_powers(key, group);
    const size_t columns = FAMA_P256_WINDOWS / FE_LANES;
    const size_t added = FAMA_P256_WINDOW_SIZE / 2 * columns; /* where the one to be added stands */
    group->columns = columns;
    for (size_t window = 0; window < FAMA_P256_WINDOWS; window++) {
        comb->point[window][0] = power[8 * window];
    }
    for (size_t size = 1, step = 1; size < FAMA_P256_WINDOW_SIZE; size *= 2, step++) {
        for (size_t i = 0; i < columns; i++) {
            for (size_t lane = 0; lane < FE_LANES; lane++) {
                point[lane] = &power[8 * (i * FE_LANES + lane) + step];
            }
            fe_load_points((const struct fama_p256_point *const *)point, 0, &group->x[added + i],
                           &group->y[added + i]);
        }
        for (size_t i = 0; i < size * columns; i++) {
            comb_lanes(comb, i % columns, i / columns, point);
            fe_load_points((const struct fama_p256_point *const *)point, 0, &group->x[i],
                           &group->y[i]);
            group->divisor[i] = fe_sub(group->x[added + i % columns], group->x[i]);
        }
        invert_divisors(group, size * columns);
        for (size_t i = 0; i < size * columns; i++) {
            add_affine(group, i, i, added + i % columns, group->divisor[i]);
            comb_lanes(comb, i % columns, i / columns + size, point);
            fe_store_points(group->x[i], group->y[i], point);
        }
    }
}

static void make_point(const uint8_t *x, const uint8_t *y, struct fama_p256_point *point)
{
    fama_p256_limbs_from_bytes(x, point->x);
    fama_p256_limbs_from_bytes(y, point->y);
    fama_p256_field_multiply(point->x, fe_domain_of_words, point->x);
    fama_p256_field_multiply(point->y, fe_domain_of_words, point->y);
}

/* What the source file of an engine defines with its lanes. */
#define FAMA_P256_BATCH_ENGINE(engine_name, supported)                                             \
    {                                                                                              \
        .name = (engine_name), .is_supported = (supported), .group_max = GROUP_MAX,                \
        .scratch_bytes = sizeof(struct group), .make_point = make_point, .build_comb = build_comb, \
        .verify = verify,                                                                          \
    }

#endif
