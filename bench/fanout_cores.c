/* Cores: who runs where, and for how long. The kernel counts that for each thread; a sender's is the time of
 * those that may run on no other core. */
#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fanout.h"

bool fama_fanout_pin_to(uint32_t core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

static bool is_bound_to(pid_t thread, uint32_t core)
{
    cpu_set_t cores;
    return sched_getaffinity(thread, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) == 1 &&
           CPU_ISSET(core, &cores);
}

void fama_fanout_yield_core(uint32_t core)
{
    const struct sched_param none = {0};
    DIR *threads = opendir("/proc/self/task");
    const struct dirent *entry;
    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10); /* 0: not a thread */
        char path[64];
        char name[32] = "";
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)thread);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            bool is_worker = fgets(name, sizeof name, file) != NULL &&
                             strncmp(name, "rte-worker-", strlen("rte-worker-")) == 0;
            (void)fclose(file);
            if (is_worker && is_bound_to(thread, core)) {
                (void)sched_setscheduler(thread, SCHED_IDLE, &none);
            }
        }
    }
    if (threads != NULL) {
        (void)closedir(threads);
    }
}

/* Nanoseconds on a CPU are the first number there (Documentation/scheduler/sched-stats.rst). */
static uint64_t run_time_ns(pid_t pid, pid_t thread)
{
    char path[64];
    uint64_t ns = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)thread);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64, &ns) != 1) {
            ns = 0;
        }
        (void)fclose(file);
    }
    return ns;
}

bool fama_fanout_core_time(pid_t pid, uint32_t core, uint64_t *ns)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    const struct dirent *entry;
    *ns = 0;
    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10); /* 0: not a thread */
        if (thread > 0 && is_bound_to(thread, core)) {
            *ns += run_time_ns(pid, thread);
        }
    }
    if (threads != NULL) {
        (void)closedir(threads);
    }
    return *ns > 0;
}
