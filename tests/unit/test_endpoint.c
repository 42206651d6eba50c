#include "dataplane/endpoint.h"

#include "unit/suite.h"

static void test_an_ipv4_address_goes_in_and_comes_out(void)
{
    struct fama_endpoint endpoint = fama_endpoint_from_ipv4(0xc612000b, 7051);
    static const uint8_t mapped[FAMA_ADDRESS_BYTES] = {[10] = 0xff, 0xff, 198, 18, 0, 11};
    CU_ASSERT(fama_address_equal(endpoint.address, mapped));
    CU_ASSERT(fama_address_is_ipv4(endpoint.address));
    CU_ASSERT_EQUAL(fama_address_to_ipv4(endpoint.address), 0xc612000b);
    CU_ASSERT_EQUAL(endpoint.port, 7051);
    static const uint8_t ipv6[FAMA_ADDRESS_BYTES] = {0x20, [10] = 0xff, 0xff, 198, 18, 0, 11};
    CU_ASSERT_FALSE(fama_address_is_ipv4(ipv6));
    CU_ASSERT_EQUAL(fama_address_to_ipv4(ipv6), 0);
}

static void test_endpoints_are_equal_in_address_and_port(void)
{
    struct fama_endpoint a = fama_endpoint_from_ipv4(0xc612000b, 7051);
    struct fama_endpoint b = a;
    CU_ASSERT(fama_endpoint_equal(&a, &b));
    b.port++;
    CU_ASSERT_FALSE(fama_endpoint_equal(&a, &b));
    for (int i = 0; i < FAMA_ADDRESS_BYTES; i++) {
        b = a;
        b.address[i] ^= 1;
        CU_ASSERT_FALSE(fama_endpoint_equal(&a, &b));
    }
}

static const struct {
    const char *text; /* as it is written back, too */
    bool is_one_host;
} addresses[] = {
    {"198.18.0.11", true},      {"1.0.0.0", true},      {"223.255.255.255", true},
    {"0.0.0.0", false},         {"0.1.2.3", false},     {"224.0.0.1", false},
    {"255.255.255.255", false}, {"2001:db8::11", true}, {"fd00::1", true},
    {"2001:2::ffff", true},     {"::", false},          {"::1", false},
    {"ff02::1", false},         {"ff0e::7:1", false},   {"fe80::1", false},
    {"febf::1", false},         {"fec0::1", true},      {"64:ff9b::1:1", true},
};
#define ADDRESSES (sizeof addresses / sizeof addresses[0])

static void test_addresses_are_read_written_and_judged(void)
{
    for (size_t i = 0; i < ADDRESSES; i++) {
        uint8_t address[FAMA_ADDRESS_BYTES];
        char text[FAMA_ADDRESS_TEXT_BYTES];
        CU_ASSERT(fama_address_parse(addresses[i].text, address));
        fama_address_format(address, text);
        CU_ASSERT_STRING_EQUAL(text, addresses[i].text);
        CU_ASSERT_EQUAL(fama_address_is_one_host(address), addresses[i].is_one_host);
        CU_ASSERT_EQUAL(fama_address_is_none(address), strcmp(text, "::") == 0);
    }
    static const char *const bad[] = {
        "",          "198.18.0",       "198.18.0.256",   "2001:db8::1::1",
        "2001:db8:", "::ffff:1.2.3.4", "::ffff:102:304", "fe80::1%eth0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t address[FAMA_ADDRESS_BYTES];
        CU_ASSERT_FALSE(fama_address_parse(bad[i], address));
    }
}

static void test_the_longest_endpoint_has_room(void)
{
    struct fama_endpoint endpoint = {.port = 65535};
    char text[FAMA_ENDPOINT_TEXT_BYTES];
    memset(endpoint.address, 0xfd, sizeof endpoint.address);
    fama_endpoint_format(&endpoint, text);
    CU_ASSERT_STRING_EQUAL(text, "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:65535");
    endpoint = fama_endpoint_from_ipv4(0xdfffffff, 65535);
    fama_endpoint_format(&endpoint, text);
    CU_ASSERT_STRING_EQUAL(text, "223.255.255.255:65535");
}

static void test_a_network_of_ipv6_is_one_source(void)
{
    uint8_t address[FAMA_ADDRESS_BYTES];
    CU_ASSERT(fama_address_parse("2001:db8:1:2::1", address));
    uint64_t source = fama_address_source(address);
    CU_ASSERT(fama_address_parse("2001:db8:1:2:ffff::9", address));
    CU_ASSERT_EQUAL(fama_address_source(address), source);
    CU_ASSERT(fama_address_parse("2001:db8:1:3::1", address));
    CU_ASSERT_NOT_EQUAL(fama_address_source(address), source);
    CU_ASSERT(fama_address_parse("198.18.0.1", address));
    source = fama_address_source(address);
    CU_ASSERT(fama_address_parse("198.18.0.2", address));
    CU_ASSERT_NOT_EQUAL(fama_address_source(address), source);
}

static void test_neighbours_of_ones_own_network_are_sources_of_their_own(void)
{
    uint8_t own[FAMA_ADDRESS_BYTES], other[FAMA_ADDRESS_BYTES], address[FAMA_ADDRESS_BYTES];
    CU_ASSERT(fama_address_parse("2001:db8:1:2::1", own));
    CU_ASSERT(fama_address_parse("2001:db8:1:2::2", other));
    CU_ASSERT(fama_address_parse("2001:db8:1:2:ffff::9", address));
    CU_ASSERT_NOT_EQUAL(fama_address_source_seen(address, own),
                        fama_address_source_seen(other, own));
    CU_ASSERT_EQUAL(fama_address_source_seen(address, own), fama_address_source_seen(address, own));
    /* Those of another network are one, and of IPv4 each is one as ever. */
    CU_ASSERT(fama_address_parse("2001:db8:1:3::1", other));
    CU_ASSERT_EQUAL(fama_address_source_seen(other, own), fama_address_source(other));
    CU_ASSERT(fama_address_parse("198.18.0.1", other));
    CU_ASSERT_EQUAL(fama_address_source_seen(other, own), fama_address_source(other));
    CU_ASSERT_EQUAL(fama_address_source_seen(other, other), fama_address_source(other));
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_an_ipv4_address_goes_in_and_comes_out),
        TEST(test_endpoints_are_equal_in_address_and_port),
        TEST(test_addresses_are_read_written_and_judged),
        TEST(test_the_longest_endpoint_has_room),
        TEST(test_a_network_of_ipv6_is_one_source),
        TEST(test_neighbours_of_ones_own_network_are_sources_of_their_own),
    };
    return run_suite("endpoints", cases, sizeof cases / sizeof cases[0]);
}
