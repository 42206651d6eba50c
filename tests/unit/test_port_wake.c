#include "dataplane/port_wake.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "unit/suite.h"

#define LONG_NS  UINT64_C(10000000000) /* ends only a test that fails */
#define SHORT_NS UINT64_C(1000000)

static bool is_readable(int descriptor)
{
    char byte;
    return recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void send_to_ourselves(void)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(sender >= 0);
    CU_ASSERT_EQUAL(sendto(sender, "x", 1, 0, (const struct sockaddr *)&to, sizeof to), 1);
    (void)close(sender);
}

static void test_a_process_without_ports_has_nothing_to_wait_for(void)
{
    struct fama_port_wake wake = {.count = 7};
    int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(other >= 0);
    fama_port_wake_find(&wake);
    CU_ASSERT_EQUAL(wake.count, 0);
    (void)close(other);
}

static void test_the_bell_ends_the_wait_and_so_does_time(void)
{
    const struct fama_port_wake wake = {.count = 0};
    uint64_t one = 1;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CU_ASSERT_FATAL(bell >= 0);
    CU_ASSERT_TRUE(fama_port_wake_wait(&wake, bell, SHORT_NS));
    CU_ASSERT_EQUAL(write(bell, &one, sizeof one), sizeof one);
    CU_ASSERT_TRUE(fama_port_wake_wait(&wake, bell, LONG_NS));
    (void)close(bell);
}

static void test_a_frame_ends_the_wait(void)
{
    struct fama_port_wake wake;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int port = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    CU_ASSERT_FATAL(bell >= 0);
    if (port < 0) {
        fprintf(stderr, "\n*** NO PACKET SOCKET (not root): NOT TESTED: frames wake ***\n");
        (void)close(bell);
        return;
    }
    fama_port_wake_find(&wake);
    CU_ASSERT_EQUAL_FATAL(wake.count, 1);
    CU_ASSERT_EQUAL(wake.descriptors[0], port);
    send_to_ourselves();
    CU_ASSERT_TRUE(fama_port_wake_wait(&wake, bell, LONG_NS));
    CU_ASSERT_TRUE(is_readable(port));
    (void)close(port);
    (void)close(bell);
}

static void test_a_descriptor_that_only_complains_is_no_reason_to_look(void)
{
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int gone = eventfd(0, EFD_CLOEXEC);
    CU_ASSERT_FATAL(bell >= 0 && gone >= 0);
    (void)close(gone);
    const struct fama_port_wake wake = {.descriptors = {gone}, .count = 1};
    CU_ASSERT_FALSE(fama_port_wake_wait(&wake, bell, LONG_NS));
    (void)close(bell);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_process_without_ports_has_nothing_to_wait_for),
        TEST(test_the_bell_ends_the_wait_and_so_does_time),
        TEST(test_a_frame_ends_the_wait),
        TEST(test_a_descriptor_that_only_complains_is_no_reason_to_look),
    };
    return run_suite("what wakes a net lcore", cases, sizeof cases / sizeof cases[0]);
}
