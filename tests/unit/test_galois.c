/* Sums of products of chunks: every way of computing them against the sum written out, in memory that ends where
 * nobody may read or write. */
#include "dataplane/galois.h"

#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

enum { K_MAX = 32, ROWS_MAX = 32, BYTES_MAX = 700, PAGE = 4096, CANARY = 0xa5 };

static struct fama_random generator;
static uint8_t *ends[K_MAX + ROWS_MAX]; /* of a page each, followed by one that nobody may touch */

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static void make_pages(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        uint8_t *pages =
            mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE) != 0) {
            abort();
        }
        ends[i] = pages + PAGE;
    }
}

struct sums {
    uint32_t k, rows, bytes;
    uint8_t coefficients[K_MAX * ROWS_MAX];
    const uint8_t *sources[K_MAX];
    uint8_t *made[ROWS_MAX];
};

static void draw(struct sums *sums, uint32_t k, uint32_t rows, uint32_t bytes)
{
    *sums = (struct sums){.k = k, .rows = rows, .bytes = bytes};
    for (uint32_t i = 0; i < k * rows; i++) {
        sums->coefficients[i] = (uint8_t)below(256);
    }
    for (uint32_t j = 0; j < k; j++) {
        uint8_t *source = ends[j] - bytes;
        sums->sources[j] = source;
        for (uint32_t b = 0; b < bytes; b++) {
            source[b] = (uint8_t)below(256);
        }
    }
    for (uint32_t r = 0; r < rows; r++) {
        sums->made[r] = ends[K_MAX + r] - bytes;
        memset(ends[K_MAX + r] - PAGE, CANARY, PAGE);
    }
}

static bool is_right(const struct sums *sums)
{
    for (uint32_t r = 0; r < sums->rows; r++) {
        for (uint32_t b = 0; b < sums->bytes; b++) {
            uint8_t sum = 0;
            for (uint32_t j = 0; j < sums->k; j++) {
                sum ^= gf_mul(sums->coefficients[r * sums->k + j], sums->sources[j][b]);
            }
            if (sums->made[r][b] != sum) {
                return false;
            }
        }
        for (const uint8_t *at = ends[K_MAX + r] - PAGE; at < sums->made[r]; at++) {
            if (*at != CANARY) {
                return false;
            }
        }
    }
    return true;
}

static void expect_right(struct sums *sums)
{
    static uint8_t factors[K_MAX * ROWS_MAX * FAMA_GALOIS_FACTOR_MAX];
    for (int kind = 0; kind <= (int)fama_galois_best(); kind++) {
        CU_ASSERT_FATAL(fama_galois_factor_bytes(kind) <= FAMA_GALOIS_FACTOR_MAX);
        fama_galois_prepare(kind, sums->k, sums->rows, sums->coefficients, factors);
        fama_galois_combine(kind, sums->bytes, sums->k, sums->rows, factors, sums->sources,
                            sums->made);
        CU_ASSERT_FATAL(is_right(sums));
        for (uint32_t r = 0; r < sums->rows; r++) {
            memset(sums->made[r], CANARY, sums->bytes);
        }
    }
}

static void test_every_product_of_two_octets_is_that_of_the_field(void)
{
    struct sums sums;
    for (uint32_t c = 0; c < 256; c++) {
        draw(&sums, 1, 1, 256);
        sums.coefficients[0] = (uint8_t)c;
        for (uint32_t b = 0; b < 256; b++) {
            (ends[0] - 256)[b] = (uint8_t)b;
        }
        expect_right(&sums);
    }
}

static void test_every_length_and_every_number_of_rows_and_sources(void)
{
    struct sums sums;
    for (uint32_t bytes = 1; bytes <= 200; bytes++) {
        draw(&sums, 3, 7, bytes);
        expect_right(&sums);
    }
    for (uint32_t rows = 1; rows <= ROWS_MAX; rows++) {
        draw(&sums, 1 + below(K_MAX), rows, 1 + below(150));
        expect_right(&sums);
        draw(&sums, rows, 1 + below(ROWS_MAX), 1 + below(BYTES_MAX));
        expect_right(&sums);
    }
}

int main(void)
{
    fama_random_seed(&generator, test_seed("galois"));
    static const struct test_case cases[] = {
        TEST(test_every_product_of_two_octets_is_that_of_the_field),
        TEST(test_every_length_and_every_number_of_rows_and_sources),
    };
    make_pages();
    return run_suite("sums of products over GF(2^8)", cases, sizeof(cases) / sizeof(cases[0]));
}
