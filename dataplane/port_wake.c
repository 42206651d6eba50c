#include "dataplane/port_wake.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS "/proc/self/fd"
#define TAP_DEVICE  "/dev/net/tun"

static bool is_of_a_port(int descriptor)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0) {
        return domain == AF_PACKET || domain == AF_XDP;
    }
    char link[64];
    char target[sizeof TAP_DEVICE + 1];
    (void)snprintf(link, sizeof link, DESCRIPTORS "/%d", descriptor);
    ssize_t read = readlink(link, target, sizeof target - 1);
    if (read <= 0) {
        return false;
    }
    target[read] = '\0';
    return strcmp(target, TAP_DEVICE) == 0;
}

void fama_port_wake_find(struct fama_port_wake *wake)
{
    *wake = (struct fama_port_wake){.count = 0};
    DIR *listing = opendir(DESCRIPTORS);
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        char *end = NULL;
        long number = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end != '\0' || !is_of_a_port((int)number)) {
            continue;
        }
        if (wake->count == FAMA_PORT_WAKE_MAX) {
            wake->count = 0; /* to wait for some only would be to miss the others */
            break;
        }
        wake->descriptors[wake->count++] = (int)number;
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
}

bool fama_port_wake_wait(const struct fama_port_wake *wake, int bell, uint64_t timeout_ns)
{
    struct pollfd polled[FAMA_PORT_WAKE_MAX + 1] = {{.fd = bell, .events = POLLIN}};
    const struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000u),
        .tv_nsec = (long)(timeout_ns % 1000000000u),
    };
    for (uint32_t i = 0; i < wake->count; i++) {
        polled[1 + i] = (struct pollfd){.fd = wake->descriptors[i], .events = POLLIN};
    }
    int ready = ppoll(polled, 1 + wake->count, &timeout, NULL);
    bool has_reason = ready <= 0;
    for (uint32_t i = 0; !has_reason && i <= wake->count; i++) {
        has_reason = (polled[i].revents & POLLIN) != 0;
    }
    return has_reason;
}
