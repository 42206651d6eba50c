/* What a library that is preloaded into a node (call_watch.c) and the program that judges the node's packet
 * threads (lcore_watch.c) tell each other: one page of memory per process, a file named by its number in the
 * folder that FAMA_CALL_WATCH names.
 *
 * The library counts calls that take memory, give it back or may wait for a lock, on threads of the EAL's
 * lcores and only while somebody watches. It writes the way to the first such call to standard error: of a
 * node that is its log. A lock that is no function of a shared library (rte_spinlock) is not seen. */
#ifndef FAMA_TESTS_NET_CALL_WATCH_H
#define FAMA_TESTS_NET_CALL_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CALL_WATCH_FOLDER  "FAMA_CALL_WATCH" /* environment */
#define CALL_WATCH_THREADS 32

enum call_watch_kind {
    CALL_WATCH_MEMORY = 0,
    CALL_WATCH_LOCK = 1,
    CALL_WATCH_KINDS = 2,
};

struct call_watch {
    _Atomic bool is_watching;
    struct {
        _Atomic int thread; /* its number in the kernel, 0: free */
        _Atomic uint64_t calls[CALL_WATCH_KINDS];
    } threads[CALL_WATCH_THREADS];
    int way_signal; /* a thread that gets it writes where it is; 0: the library is not there */
};

/* As DPDK names the threads of its lcores but the main one, by its version, or as we do. */
static inline bool call_watch_is_lcore(const char *thread_name)
{
    static const char *const beginnings[] = {"rte-worker", "lcore-worker", "dpdk-worker",
                                             "fama-net", "fama-verify"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (strncmp(thread_name, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

#endif
