#include "crypto/sha256_many.h"

static void one_by_one(const struct fama_sha256_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fama_sha256_parts(messages[i].parts, messages[i].part_count, messages[i].digest);
    }
}

static void briefs_one_by_one(const struct fama_bytes *messages, size_t count,
                              uint8_t (*digests)[FAMA_SHA256_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        fama_sha256(messages[i], digests[i]);
    }
}

static void begin_nowhere(struct fama_sha256_start *starts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        starts[i].len = 0;
    }
}

#if defined(__x86_64__)

#include <assert.h>
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define LANES       2
#define BLOCK_BYTES 64
#define STATE_WORDS 8
#define ROUND_STEPS 16 /* of four rounds each */
#define SHA_TARGET  __attribute__((target("sha,sse4.1,ssse3")))

/* FIPS 180-4, §5.3.3 and §4.2.2. */
static const uint32_t initial_state[STATE_WORDS] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
static const uint32_t constants[4 * ROUND_STEPS] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* One message on its way through the unit. */
struct lane {
    const struct fama_sha256_message *message; /* NULL: the lane is idle */
    size_t part;                               /* the part being read */
    size_t offset;                             /* in it */
    uint64_t total;                            /* bytes of the parts before this place */
    uint32_t state[STATE_WORDS];
    const uint8_t *run; /* whole blocks in one piece: in a part, or in `buffer` */
    size_t run_blocks;
    bool is_padded; /* the run is the last one */
    uint8_t buffer[2 * BLOCK_BYTES];
};

/* The state in the order that the instructions want: a, b, e, f and c, d, g, h. */
SHA_TARGET static inline void load_state(const uint32_t state[STATE_WORDS], __m128i *abef,
                                         __m128i *cdgh)
{
    __m128i abcd = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i efgh = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    abcd = _mm_shuffle_epi32(abcd, 0xb1);
    efgh = _mm_shuffle_epi32(efgh, 0x1b);
    *abef = _mm_alignr_epi8(abcd, efgh, 8);
    *cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
}

SHA_TARGET static inline void store_state(uint32_t state[STATE_WORDS], __m128i abef, __m128i cdgh)
{
    abef = _mm_shuffle_epi32(abef, 0x1b);
    cdgh = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(abef, cdgh, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

/* The same number of blocks for each of `width` lanes. Inlined with a constant width, so that the
 * arrays become registers and the lanes' rounds alternate. */
SHA_TARGET static inline __attribute__((always_inline)) void
compress_lanes(struct lane *const lanes[LANES], size_t blocks, const int width)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[LANES];
    __m128i cdgh[LANES];
    for (int lane = 0; lane < width; lane++) {
        load_state(lanes[lane]->state, &abef[lane], &cdgh[lane]);
    }
    for (size_t block = 0; block < blocks; block++) {
        __m128i abef_before[LANES];
        __m128i cdgh_before[LANES];
        __m128i words[LANES][4];
        for (int lane = 0; lane < width; lane++) {
            abef_before[lane] = abef[lane];
            cdgh_before[lane] = cdgh[lane];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const uint8_t *at = lanes[lane]->run + block * BLOCK_BYTES + 16 * (size_t)i;
                words[lane][i] = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)(const void *)at), big_endian);
            }
        }
#pragma GCC unroll 16
        for (int step = 0; step < ROUND_STEPS; step++) {
            const __m128i k =
                _mm_load_si128((const __m128i *)(const void *)(constants + 4 * (size_t)step));
#pragma GCC unroll 2
            for (int lane = 0; lane < width; lane++) {
                __m128i *w = words[lane];
                __m128i sum = _mm_add_epi32(w[step & 3], k);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                abef[lane] =
                    _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
                if (step < ROUND_STEPS - 4) {
                    const __m128i last = w[(step + 3) & 3];
                    const __m128i seventh = _mm_alignr_epi8(last, w[(step + 2) & 3], 4);
                    __m128i next = _mm_sha256msg1_epu32(w[step & 3], w[(step + 1) & 3]);
                    w[step & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(next, seventh), last);
                }
            }
        }
        for (int lane = 0; lane < width; lane++) {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for (int lane = 0; lane < width; lane++) {
        store_state(lanes[lane]->state, abef[lane], cdgh[lane]);
    }
}

SHA_TARGET static void compress_one(struct lane *const lanes[LANES], size_t blocks)
{
    compress_lanes(lanes, blocks, 1);
}

SHA_TARGET static void compress_two(struct lane *const lanes[LANES], size_t blocks)
{
    compress_lanes(lanes, blocks, 2);
}

static void put_big_endian(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
}

/* The last one or two blocks: what is left of the message, a one bit, zeros, its length in bits. */
static void pad(struct lane *lane, size_t filled)
{
    lane->run_blocks = filled + 1 + sizeof(uint64_t) > BLOCK_BYTES ? 2 : 1;
    size_t len = lane->run_blocks * BLOCK_BYTES;
    lane->buffer[filled] = 0x80;
    memset(lane->buffer + filled + 1, 0, len - filled - 1);
    put_big_endian(lane->buffer + len - sizeof(uint64_t), 8 * lane->total, sizeof(uint64_t));
    lane->is_padded = true;
}

/* Finds the next whole blocks: in place as far as one part reaches, else gathered. */
static void next_run(struct lane *lane)
{
    size_t filled = 0;
    lane->run = lane->buffer;
    lane->run_blocks = 1;
    while (filled < BLOCK_BYTES && lane->part < lane->message->part_count) {
        const struct fama_bytes *part = &lane->message->parts[lane->part];
        size_t left = part->len - lane->offset;
        if (filled == 0 && left >= BLOCK_BYTES) {
            lane->run = part->at + lane->offset;
            lane->run_blocks = left / BLOCK_BYTES;
            lane->offset += lane->run_blocks * BLOCK_BYTES;
            lane->total += lane->run_blocks * BLOCK_BYTES;
            return;
        }
        size_t taken = left < BLOCK_BYTES - filled ? left : BLOCK_BYTES - filled;
        if (taken > 0) {
            memcpy(lane->buffer + filled, part->at + lane->offset, taken);
        }
        filled += taken;
        lane->offset += taken;
        lane->total += taken;
        if (lane->offset == part->len) {
            lane->part++;
            lane->offset = 0;
        }
    }
    if (filled < BLOCK_BYTES) {
        pad(lane, filled);
    }
}

static void finish(struct lane *lane)
{
    for (size_t i = 0; i < STATE_WORDS; i++) {
        put_big_endian(lane->message->digest + 4 * i, lane->state[i], 4);
    }
    lane->message = NULL;
}

static void take_message(struct lane *lane, const struct fama_sha256_message *message)
{
    const struct fama_sha256_start *start = message->start;
    bool is_begun = start != NULL && start->len > 0;
    lane->message = message;
    lane->part = 0;
    lane->offset = is_begun ? start->len : 0;
    lane->total = lane->offset;
    lane->is_padded = false;
    memcpy(lane->state, is_begun ? start->state : initial_state, sizeof(initial_state));
    next_run(lane);
}

static void run_blocks(struct lane *const lanes[LANES], size_t width, size_t blocks)
{
    if (blocks == 0) {
        return;
    }
    (width == LANES ? compress_two : compress_one)(lanes, blocks);
    for (size_t i = 0; i < width; i++) {
        lanes[i]->run += blocks * BLOCK_BYTES;
        lanes[i]->run_blocks -= blocks;
    }
}

static void interleaved(const struct fama_sha256_message *messages, size_t count)
{
    struct lane lanes[LANES];
    size_t next = 0;
    for (size_t i = 0; i < LANES; i++) {
        lanes[i].message = NULL;
    }
    for (;;) {
        struct lane *busy[LANES] = {NULL};
        size_t width = 0;
        size_t blocks = SIZE_MAX;
        for (size_t i = 0; i < LANES; i++) {
            if (lanes[i].message == NULL && next < count) {
                take_message(&lanes[i], &messages[next++]);
            }
            if (lanes[i].message != NULL) {
                busy[width++] = &lanes[i];
                blocks = lanes[i].run_blocks < blocks ? lanes[i].run_blocks : blocks;
            }
        }
        if (width == 0) {
            return;
        }
        run_blocks(busy, width, blocks);
        for (size_t i = 0; i < width; i++) {
            if (busy[i]->run_blocks == 0 && busy[i]->is_padded) {
                finish(busy[i]);
            } else if (busy[i]->run_blocks == 0) {
                next_run(busy[i]);
            }
        }
    }
}

/* Two by two: those hashed together are of about one length. */
static void begin(const struct fama_bytes *texts, size_t count, struct fama_sha256_start *starts)
{
    struct lane lanes[LANES];
    for (size_t first = 0; first < count; first += LANES) {
        struct lane *busy[LANES] = {&lanes[0], &lanes[1]};
        size_t width = count - first < LANES ? 1 : LANES;
        for (size_t i = 0; i < width; i++) {
            lanes[i].run = texts[first + i].at;
            lanes[i].run_blocks = texts[first + i].len / BLOCK_BYTES;
            starts[first + i].len = lanes[i].run_blocks * BLOCK_BYTES;
            memcpy(lanes[i].state, initial_state, sizeof(initial_state));
        }
        if (width == LANES) {
            size_t longest = lanes[0].run_blocks < lanes[1].run_blocks ? 1 : 0;
            run_blocks(busy, LANES, lanes[1 - longest].run_blocks);
            busy[0] = &lanes[longest];
        }
        run_blocks(busy, 1, busy[0]->run_blocks);
        for (size_t i = 0; i < width; i++) {
            memcpy(starts[first + i].state, lanes[i].state, sizeof(initial_state));
        }
    }
}

static bool has_sha_extensions(void)
{
    static atomic_int known; /* 0: not asked yet, 1: no, 2: yes */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        unsigned int a;
        unsigned int b;
        unsigned int c;
        unsigned int d;
        answer = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0 &&
                         (c & bit_SSSE3) != 0 && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
                         (b & bit_SHA) != 0
                     ? 2
                     : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}

void fama_sha256_many(const struct fama_sha256_message *messages, size_t count)
{
    if (has_sha_extensions()) {
        interleaved(messages, count);
    } else {
        one_by_one(messages, count);
    }
}

static void fill_block(struct lane *lane, struct fama_bytes message)
{
    assert(message.len <= FAMA_SHA256_BRIEF_MAX);
    memcpy(lane->state, initial_state, sizeof(initial_state));
    if (message.len > 0) {
        memcpy(lane->buffer, message.at, message.len);
    }
    lane->buffer[message.len] = 0x80;
    memset(lane->buffer + message.len + 1, 0, BLOCK_BYTES - 2 - message.len - 1);
    put_big_endian(lane->buffer + BLOCK_BYTES - 2, 8 * message.len, 2);
    lane->run = lane->buffer;
}

static void hash_blocks(const struct fama_bytes *messages, size_t count,
                        uint8_t (*digests)[FAMA_SHA256_BYTES])
{
    struct lane lanes[LANES];
    struct lane *const busy[LANES] = {&lanes[0], &lanes[1]};
    for (size_t first = 0; first < count; first += LANES) {
        size_t width = count - first < LANES ? 1 : LANES;
        for (size_t i = 0; i < width; i++) {
            fill_block(&lanes[i], messages[first + i]);
        }
        (width == LANES ? compress_two : compress_one)(busy, 1);
        for (size_t i = 0; i < width; i++) {
            for (size_t word = 0; word < STATE_WORDS; word++) {
                put_big_endian(digests[first + i] + 4 * word, lanes[i].state[word], 4);
            }
        }
    }
}

void fama_sha256_briefs(const struct fama_bytes *messages, size_t count,
                        uint8_t (*digests)[FAMA_SHA256_BYTES])
{
    if (has_sha_extensions()) {
        hash_blocks(messages, count, digests);
    } else {
        briefs_one_by_one(messages, count, digests);
    }
}

void fama_sha256_starts(const struct fama_bytes *texts, size_t count,
                        struct fama_sha256_start *starts)
{
    if (has_sha_extensions()) {
        begin(texts, count, starts);
    } else {
        begin_nowhere(starts, count);
    }
}

#else

void fama_sha256_briefs(const struct fama_bytes *messages, size_t count,
                        uint8_t (*digests)[FAMA_SHA256_BYTES])
{
    briefs_one_by_one(messages, count, digests);
}

void fama_sha256_starts(const struct fama_bytes *texts, size_t count,
                        struct fama_sha256_start *starts)
{
    (void)texts;
    begin_nowhere(starts, count);
}

void fama_sha256_many(const struct fama_sha256_message *messages, size_t count)
{
    one_by_one(messages, count);
}

#endif
