/* One number mod p in a lane of its own, by crypto/p256_field_64.h: lanes for machines without wide
 * multiplication. For engines only: crypto/p256_batch.h says what lanes have to offer to it; which sums may be
 * how large (p256_lanes_ifma.h) does not matter here, where all numbers are below p. */
#ifndef FAMA_CRYPTO_P256_LANES_64_H
#define FAMA_CRYPTO_P256_LANES_64_H

#include "crypto/p256_engine.h"
#include "crypto/p256_field_64.h"

#define FE_LANES 1
#define FE_FEW   0 /* a lone task is fastest as a tree, too */

#define fe_domain_of_words fama_p256_field_one_squared

struct fe {
    uint64_t limb[FAMA_P256_LIMBS];
};

typedef unsigned int fe_mask; /* a bit per lane */

static inline struct fe fe_one(void)
{
    struct fe one;
    memcpy(one.limb, fama_p256_field_one, sizeof one.limb);
    return one;
}

static inline struct fe fe_mul(struct fe a, struct fe b)
{
    fama_p256_field_multiply(a.limb, b.limb, a.limb);
    return a;
}

static inline struct fe fe_sqr(struct fe a)
{
    fama_p256_field_square(a.limb, a.limb);
    return a;
}

static inline struct fe fe_add(struct fe a, struct fe b)
{
    fama_p256_field_add(a.limb, b.limb, a.limb);
    return a;
}

static inline struct fe fe_sub(struct fe a, struct fe b)
{
    fama_p256_field_subtract(a.limb, b.limb, a.limb);
    return a;
}

static inline struct fe fe_sub_tight(struct fe a, struct fe b)
{
    return fe_sub(a, b);
}

static inline struct fe fe_sub_both(struct fe a, struct fe b, struct fe c)
{
    return fe_sub(fe_sub(a, b), c);
}

static inline struct fe fe_sub_twice(struct fe a, struct fe b, struct fe c)
{
    return fe_sub(fe_sub(fe_sub(a, b), c), c);
}

static inline struct fe fe_triple(struct fe a)
{
    return fe_add(fe_add(a, a), a);
}

static inline struct fe fe_fourfold(struct fe a)
{
    a = fe_add(a, a);
    return fe_add(a, a);
}

static inline struct fe fe_sub_eightfold(struct fe a, struct fe b)
{
    b = fe_fourfold(b);
    return fe_sub(fe_sub(a, b), b);
}

static inline struct fe fe_fourfold_sub(struct fe a, struct fe b)
{
    return fe_sub(fe_fourfold(a), b);
}

static inline struct fe fe_select(fe_mask mask, struct fe a, struct fe b)
{
    return mask != 0 ? b : a;
}

static inline fe_mask fe_is_zero(struct fe a)
{
    return fama_p256_field_is_zero(a.limb);
}

static inline void fe_load_points(const struct fama_p256_point *const point[FE_LANES],
                                  fe_mask negative, struct fe *x, struct fe *y)
{
    memcpy(x->limb, point[0]->x, sizeof x->limb);
    memcpy(y->limb, point[0]->y, sizeof y->limb);
    if (negative != 0) {
        fama_p256_field_negate(y->limb, y->limb);
    }
}

static inline void fe_store_points(struct fe x, struct fe y,
                                   struct fama_p256_point *const point[FE_LANES])
{
    memcpy(point[0]->x, x.limb, sizeof x.limb);
    memcpy(point[0]->y, y.limb, sizeof y.limb);
}

static inline void fe_plain(struct fe a, uint64_t words[FE_LANES][FAMA_P256_LIMBS])
{
    fama_p256_field_from_montgomery(a.limb, words[0]);
}

static inline struct fe fe_invert(struct fe a)
{
    fama_p256_field_invert(a.limb, a.limb);
    return a;
}

static inline struct fe fe_rotate(struct fe a, int distance)
{
    (void)distance; /* there is one lane */
    return a;
}

#endif
