/* How far apart the sender's and the sink's core are. A memif is memory that both write, so this decides what it
 * carries, and on a virtual machine it changes: the host moves virtual cores between caches. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/fanout.h"

#define TIMES  50
#define ROUNDS 100

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Odd numbers are answered by the next even one. */
static void answer(_Atomic uint64_t *flag)
{
    for (;;) {
        uint64_t seen = atomic_load_explicit(flag, memory_order_acquire);
        if (seen % 2 == 1) {
            atomic_store_explicit(flag, seen + 1, memory_order_release);
        }
    }
}

static void ask(_Atomic uint64_t *flag)
{
    uint64_t asked = atomic_load_explicit(flag, memory_order_relaxed) + 1;
    atomic_store_explicit(flag, asked, memory_order_release);
    while (atomic_load_explicit(flag, memory_order_acquire) == asked) {
    }
}

/* The least of several times: the others were interrupted. */
static uint64_t least_round_trip_ns(_Atomic uint64_t *flag)
{
    uint64_t least_ns = 0;
    for (uint32_t i = 0; i < TIMES; i++) {
        uint64_t start_ns = now_ns();
        for (uint32_t k = 0; k < ROUNDS; k++) {
            ask(flag);
        }
        uint64_t each_ns = (now_ns() - start_ns) / ROUNDS;
        least_ns = least_ns == 0 || each_ns < least_ns ? each_ns : least_ns;
    }
    return least_ns;
}

uint64_t fama_fanout_distance_ns(const struct fama_fanout_case *what)
{
    _Atomic uint64_t *flag = &what->tally->flag;
    atomic_store(flag, 0);
    atomic_store(&what->tally->distance_ns, 0);
    pid_t answering = fork();
    if (answering == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!fama_fanout_pin_to(what->helper_core)) {
            _exit(1);
        }
        answer(flag);
    }
    pid_t asking = answering > 0 ? fork() : -1;
    if (asking == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fama_fanout_pin_to(what->core)) {
            atomic_store(&what->tally->distance_ns, least_round_trip_ns(flag));
        }
        _exit(0);
    }
    if (asking > 0) {
        (void)waitpid(asking, NULL, 0);
    }
    if (answering > 0) {
        (void)kill(answering, SIGKILL);
        (void)waitpid(answering, NULL, 0);
    }
    return atomic_load(&what->tally->distance_ns);
}
