/* For the scenarios that run whole nodes: watches the packet threads (EAL lcores) of running processes and
 * says what they asked of the kernel and of the C library meanwhile.
 *
 *   lcore_watch SECONDS FOLDER ALLOWED PID...
 *   lcore_watch probe        runs a thread that does all that it must not, until it is ended: whoever watches
 *                            it and sees nothing has not watched
 *
 * FOLDER is what call_watch.h calls FAMA_CALL_WATCH, ALLOWED the numbers of the system calls that the port's
 * driver makes, with commas between them, or "none". One line of JSON per thread. Exit status 0 if no thread
 * had a page fault, made a system call that is not allowed, took or gave back memory or took a lock; 1 if one
 * did; 2 if it could not be watched.
 *
 * System calls are counted by tracing (ptrace(2)): a thread that makes none does not notice. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/net/call_watch.h"

#define THREADS_MAX 64
#define KINDS_MAX   8 /* different system calls told of one thread */
#define ALLOWED_MAX 8

enum { CLEAN = 0, DIRTY = 1, FAILED = 2 };

struct faults {
    uint64_t minor, major;
};

struct thread {
    pid_t process, id;
    char name[32];
    struct call_watch *watch; /* of its process; NULL: the library is not in it */
    struct faults before;
    uint64_t calls_before[CALL_WATCH_KINDS];
    uint64_t allowed_calls; /* the driver's */
    struct {
        uint64_t number, count;
    } calls[KINDS_MAX];
    uint64_t more_calls;
    bool has_been_asked;
};

static struct thread threads[THREADS_MAX];
static size_t thread_count;
static uint64_t allowed[ALLOWED_MAX];
static size_t allowed_count;
static volatile sig_atomic_t is_over;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

static bool read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len = file == NULL ? 0 : fread(text, 1, size - 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    text[len] = '\0';
    return len > 0;
}

/* ---- Who is to be watched ---- */

static struct call_watch *open_watch(const char *folder, pid_t process)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%d", folder, (int)process);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return NULL;
    }
    void *shared =
        mmap(NULL, sizeof(struct call_watch), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    return shared == MAP_FAILED ? NULL : shared;
}

static bool find_threads(const char *folder, pid_t process)
{
    char path[300], name[32];
    size_t before = thread_count;
    struct call_watch *watch = open_watch(folder, process);
    if (watch == NULL || watch->way_signal == 0) {
        fprintf(stderr, "process %d does not run with the library preloaded\n", (int)process);
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    for (struct dirent *task = tasks == NULL ? NULL : readdir(tasks); task != NULL;
         task = readdir(tasks)) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)process, task->d_name);
        if (task->d_name[0] == '.' || !read_text(path, name, sizeof name)) {
            continue;
        }
        name[strcspn(name, "\n")] = '\0';
        if (call_watch_is_lcore(name) && thread_count < THREADS_MAX) {
            struct thread *thread = &threads[thread_count++];
            *thread = (struct thread){
                .process = process, .id = (pid_t)strtol(task->d_name, NULL, 10), .watch = watch};
            (void)snprintf(thread->name, sizeof thread->name, "%s", name);
        }
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
    if (thread_count == before) {
        fprintf(stderr, "process %d has no threads of lcores\n", (int)process);
    }
    return thread_count > before;
}

static bool read_allowed(const char *text)
{
    while (strcmp(text, "none") != 0 && *text != '\0') {
        char *rest;
        allowed[allowed_count] = strtoull(text, &rest, 10);
        if (rest == text || ++allowed_count == ALLOWED_MAX) {
            return false;
        }
        text = *rest == ',' ? rest + 1 : rest;
    }
    return true;
}

/* ---- Counts ---- */

/* Fields 10 and 12 of proc(5)'s stat. The name in field 2 may hold anything. */
static bool read_faults(const struct thread *thread, struct faults *faults)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)thread->process,
                   (int)thread->id);
    if (!read_text(path, text, sizeof text)) {
        return false;
    }
    const char *after = strrchr(text, ')');
    return after != NULL && sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64,
                                   &faults->minor, &faults->major) == 2;
}

static uint64_t calls_of(const struct thread *thread, enum call_watch_kind kind)
{
    for (size_t i = 0; i < CALL_WATCH_THREADS; i++) {
        if (atomic_load(&thread->watch->threads[i].thread) == (int)thread->id) {
            return atomic_load(&thread->watch->threads[i].calls[kind]);
        }
    }
    return 0;
}

static void note_call(struct thread *thread, uint64_t number)
{
    for (size_t i = 0; i < allowed_count; i++) {
        if (allowed[i] == number) {
            thread->allowed_calls++;
            return;
        }
    }
    for (size_t i = 0; i < KINDS_MAX; i++) {
        if (thread->calls[i].count == 0 || thread->calls[i].number == number) {
            thread->calls[i].number = number;
            thread->calls[i].count++;
            return;
        }
    }
    thread->more_calls++;
}

/* ---- Watching ---- */

static bool begin(struct thread *thread)
{
    if (ptrace(PTRACE_SEIZE, thread->id, NULL, PTRACE_O_TRACESYSGOOD) != 0 ||
        !read_faults(thread, &thread->before)) {
        fprintf(stderr, "thread %d cannot be traced: %s\n", (int)thread->id, strerror(errno));
        return false;
    }
    for (int kind = 0; kind < CALL_WATCH_KINDS; kind++) {
        thread->calls_before[kind] = calls_of(thread, (enum call_watch_kind)kind);
    }
    atomic_store(&thread->watch->is_watching, true);
    return ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL) == 0;
}

static struct thread *thread_of(pid_t id)
{
    for (size_t i = 0; i < thread_count; i++) {
        if (threads[i].id == id) {
            return &threads[i];
        }
    }
    return NULL;
}

static void take_stop(struct thread *thread, int status)
{
    int number = WSTOPSIG(status);
    intptr_t handed_on = 0;
    if (number == (SIGTRAP | 0x80)) {
        struct __ptrace_syscall_info info;
        long len = ptrace(PTRACE_GET_SYSCALL_INFO, thread->id, sizeof info, &info);
        if (len > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY && !thread->has_been_asked) {
            note_call(thread, info.entry.nr);
            if (thread->calls[0].count > 0) {
                /* What it says of itself are system calls too, so the first is all that counts. */
                thread->has_been_asked = true;
                (void)syscall(SYS_tgkill, thread->process, thread->id, thread->watch->way_signal);
            }
        }
    } else if (status >> 16 == 0) {
        handed_on = number; /* a signal of its own */
    }
    (void)ptrace(PTRACE_SYSCALL, thread->id, NULL, (void *)handed_on);
}

static void watch_all(double seconds)
{
    struct sigaction action = {.sa_handler = end};
    struct itimerval time = {
        .it_value = {.tv_sec = (time_t)seconds,
                     .tv_usec = (suseconds_t)((seconds - (time_t)seconds) * 1e6)}};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &time, NULL);
    while (is_over == 0) {
        int status = 0;
        pid_t id = waitpid(-1, &status, __WALL);
        struct thread *thread = id > 0 ? thread_of(id) : NULL;
        if (thread != NULL && WIFSTOPPED(status)) {
            take_stop(thread, status);
        } else if (id < 0 && errno != EINTR) {
            return;
        }
    }
}

static int tell(const struct thread *thread)
{
    struct faults after = {0};
    if (!read_faults(thread, &after)) {
        fprintf(stderr, "thread %d is gone\n", (int)thread->id);
        return FAILED;
    }
    uint64_t memory = calls_of(thread, CALL_WATCH_MEMORY) - thread->calls_before[CALL_WATCH_MEMORY];
    uint64_t locks = calls_of(thread, CALL_WATCH_LOCK) - thread->calls_before[CALL_WATCH_LOCK];
    uint64_t minor = after.minor - thread->before.minor;
    uint64_t major = after.major - thread->before.major;
    printf("{\"process\": %d, \"thread\": \"%s\", \"minor_faults\": %" PRIu64
           ", \"major_faults\": %" PRIu64 ", \"memory_calls\": %" PRIu64 ", \"locks\": %" PRIu64
           ", \"driver_calls\": %" PRIu64 ", \"system_calls\": {",
           (int)thread->process, thread->name, minor, major, memory, locks, thread->allowed_calls);
    for (size_t i = 0; i < KINDS_MAX && thread->calls[i].count > 0; i++) {
        printf("%s\"%" PRIu64 "\": %" PRIu64, i == 0 ? "" : ", ", thread->calls[i].number,
               thread->calls[i].count);
    }
    printf("}}\n");
    bool is_clean =
        minor == 0 && major == 0 && memory == 0 && locks == 0 && thread->calls[0].count == 0;
    return is_clean ? CLEAN : DIRTY;
}

/* ---- The opposite of what is wanted ---- */

static void *misbehave(void *argument)
{
    enum { BYTES = 4096 };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)argument;
    (void)pthread_setname_np(pthread_self(), "fama-verify");
    for (;;) {
        void *volatile memory = malloc(BYTES);
        free(memory);
        char *page = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED) {
            *(volatile char *)page = 1;
            (void)munmap(page, BYTES);
        }
        (void)pthread_mutex_lock(&lock);
        (void)pthread_mutex_unlock(&lock);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static int probe(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, misbehave, NULL) != 0) {
        return FAILED;
    }
    (void)pthread_join(thread, NULL);
    return CLEAN;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "probe") == 0) {
        return probe();
    }
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;
    if (argc < 5 || !(seconds > 0 && seconds < 3600) || !read_allowed(argv[3])) {
        fprintf(stderr, "usage: lcore_watch SECONDS FOLDER ALLOWED PID...\n");
        return FAILED;
    }
    for (int i = 4; i < argc; i++) {
        if (!find_threads(argv[2], (pid_t)strtol(argv[i], NULL, 10))) {
            return FAILED;
        }
    }
    /* Before threads that never sleep, or each stop of one would last a slice of the others' time. */
    struct sched_param first = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &first);
    for (size_t i = 0; i < thread_count; i++) {
        if (!begin(&threads[i])) {
            return FAILED;
        }
    }
    watch_all(seconds);
    int worst = CLEAN;
    for (size_t i = 0; i < thread_count; i++) {
        int status = tell(&threads[i]);
        worst = status > worst ? status : worst;
        atomic_store(&threads[i].watch->is_watching, false);
    }
    /* The kernel lets go of what is traced when the tracer ends. */
    return worst;
}
