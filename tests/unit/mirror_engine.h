/* An engine that calculates nothing but shows what a verifier hands to it: a signature is good if its digest
 * is the key's x, as found where an engine would look: in the comb, at both ends of it, or in the key. A
 * digest that begins with `mirror_undecided` it leaves undecided. */
#ifndef FAMA_TESTS_UNIT_MIRROR_ENGINE_H
#define FAMA_TESTS_UNIT_MIRROR_ENGINE_H

#include <string.h>

#include "crypto/p256_engine.h"

#define MIRROR_GROUP 8

static const uint8_t mirror_undecided = 0xee;

static inline bool mirror_is_supported(void)
{
    return true;
}

static inline void mirror_make_point(const uint8_t *x, const uint8_t *y,
                                     struct fama_p256_point *point)
{
    memcpy(point->x, x, FAMA_P256_BYTES);
    memcpy(point->y, y, FAMA_P256_BYTES);
}

static inline void mirror_build_comb(const struct fama_p256_point *key, struct fama_p256_comb *comb,
                                     void *scratch)
{
    memset(scratch, 0, 1);
    comb->point[0][0] = *key;
    comb->point[FAMA_P256_WINDOWS - 1][FAMA_P256_WINDOW_SIZE - 1] = *key;
}

static inline void mirror_verify(const struct fama_p256_comb *generator,
                                 struct fama_p256_task *tasks, size_t count, void *scratch)
{
    memset(scratch, 0, 1);
    for (size_t i = 0; i < count; i++) {
        struct fama_p256_task *task = &tasks[i];
        bool is_good = generator->point[0][0].x[0] != 0 && count <= MIRROR_GROUP &&
                       memcmp(task->key->x, task->digest, FAMA_P256_BYTES) == 0;
        if (task->comb != NULL) {
            const struct fama_p256_point *last =
                &task->comb->point[FAMA_P256_WINDOWS - 1][FAMA_P256_WINDOW_SIZE - 1];
            is_good = is_good && task->key == &task->comb->point[0][0] &&
                      memcmp(last->x, task->digest, FAMA_P256_BYTES) == 0;
        }
        task->answer = is_good ? FAMA_P256_GOOD : FAMA_P256_BAD;
        if (task->digest[0] == mirror_undecided) {
            task->answer = FAMA_P256_UNDECIDED;
        }
    }
}

static const struct fama_p256_engine mirror_engine = {
    .name = "mirror",
    .is_supported = mirror_is_supported,
    .group_max = MIRROR_GROUP,
    .scratch_bytes = 1,
    .make_point = mirror_make_point,
    .build_comb = mirror_build_comb,
    .verify = mirror_verify,
};

#endif
