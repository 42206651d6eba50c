#include "dataplane/spread.h"

#include "unit/suite.h"

static const uint32_t CHANNELS = 64;

static fama_tag channel_of(uint32_t number)
{
    char id[32];
    uint8_t digest[FAMA_SHA256_BYTES];
    (void)snprintf(id, sizeof id, "channel%u", number);
    fama_channel_digest(id, digest);
    return fama_tag_of(digest);
}

static void test_blocks_in_flight_are_shared_out_evenly(void)
{
    for (uint32_t lcores = 1; lcores <= 8; lcores++) {
        for (uint32_t c = 0; c < CHANNELS; c++) {
            uint32_t counts[8] = {0};
            uint64_t first = UINT64_MAX - 100 + c;
            for (uint64_t i = 0; i < (uint64_t)4 * lcores; i++) {
                /* A block number never wraps: near its end there are fewer than that many. */
                uint64_t block = first > UINT64_MAX - 4 * 8 ? i : first + i;
                uint32_t lcore = fama_spread_block(lcores, channel_of(c), block);
                CU_ASSERT_FATAL(lcore < lcores);
                counts[lcore]++;
            }
            for (uint32_t i = 0; i < lcores; i++) {
                CU_ASSERT_EQUAL(counts[i], 4);
            }
        }
    }
}

static void test_channels_and_sessions_begin_everywhere(void)
{
    for (uint32_t lcores = 2; lcores <= 8; lcores++) {
        uint32_t by_channel[8] = {0}, by_session[8] = {0};
        for (uint32_t c = 0; c < CHANNELS; c++) {
            by_channel[fama_spread_block(lcores, channel_of(c), 7)]++;
            by_session[fama_spread_session(lcores, channel_of(c + 1000))]++;
        }
        for (uint32_t i = 0; i < lcores; i++) {
            CU_ASSERT(by_channel[i] > 0 && by_channel[i] < CHANNELS);
            CU_ASSERT(by_session[i] > 0 && by_session[i] < CHANNELS);
        }
    }
}

static void test_a_datagram_has_the_owner_of_its_block(void)
{
    uint8_t datagram[FAMA_WIRE_CHUNK_BYTES] = {0};
    for (uint32_t i = 0; i < 16; i++) {
        datagram[8 + i % 8] = (uint8_t)(17 * i + 3);
        datagram[31] = (uint8_t)i;
        uint64_t channel = 0;
        for (int b = 0; b < 8; b++) {
            channel = channel << 8 | datagram[8 + b];
        }
        CU_ASSERT_EQUAL(
            fama_spread_datagram(5, 4, FAMA_KIND_CHUNK, fama_bytes(datagram, sizeof datagram)),
            fama_spread_block(5, channel, i));
    }
}

static void test_what_is_too_short_to_tell_stays_and_messages_go_to_the_first(void)
{
    static const uint8_t datagram[96] = {1, 2, 3};
    for (size_t len = FAMA_WIRE_HEADER_BYTES; len < 32; len++) {
        CU_ASSERT_EQUAL(fama_spread_datagram(4, 3, FAMA_KIND_CHUNK, fama_bytes(datagram, len)), 3);
    }
    CU_ASSERT_EQUAL(fama_spread_datagram(4, 3, FAMA_KIND_ALIVE, fama_bytes(datagram, 96)), 0);
    CU_ASSERT_EQUAL(fama_spread_datagram(4, 3, FAMA_KIND_REQUEST, fama_bytes(datagram, 8)), 0);
    CU_ASSERT_EQUAL(fama_spread_datagram(1, 0, FAMA_KIND_CHUNK, fama_bytes(datagram, 8)), 0);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_blocks_in_flight_are_shared_out_evenly),
        TEST(test_channels_and_sessions_begin_everywhere),
        TEST(test_a_datagram_has_the_owner_of_its_block),
        TEST(test_what_is_too_short_to_tell_stays_and_messages_go_to_the_first),
    };
    return run_suite("which net lcore owns what", cases, sizeof cases / sizeof cases[0]);
}
