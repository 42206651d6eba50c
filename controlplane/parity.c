#include "controlplane/parity.h"

#include <math.h>
#include <stdlib.h>

#include "dataplane/wire.h"

/* The chance that more than m of n chunks are lost. */
static double chance_of_more(uint32_t n, uint32_t m, double loss)
{
    double term = pow(1 - loss, n); /* of exactly i */
    double within = term;
    for (uint32_t i = 1; i <= m; i++) {
        term *= (double)(n - i + 1) / i * loss / (1 - loss);
        within += term;
    }
    return 1 - within;
}

bool fama_parity_suffices(uint32_t loss, uint32_t parity)
{
    double share = (double)loss / FAMA_LOSS_WHOLE;
    return loss < FAMA_LOSS_WHOLE &&
           chance_of_more(FAMA_SET_CHUNKS + parity, parity, share) <= FAMA_PARITY_MISSES;
}

uint32_t fama_parity_for(uint32_t loss, uint32_t least, uint32_t most)
{
    uint32_t parity = least;
    while (parity < most && !fama_parity_suffices(loss, parity)) {
        parity++;
    }
    return parity;
}

static int loss_order(const void *left, const void *right)
{
    uint16_t a = *(const uint16_t *)left;
    uint16_t b = *(const uint16_t *)right;
    return (a > b) - (a < b);
}

uint32_t fama_parity_loss_of(uint16_t *losses, uint32_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(losses, count, sizeof(*losses), loss_order);
    uint32_t left_out = count > 2 ? (count + 9) / 10 : 0;
    return losses[count - 1 - left_out];
}
