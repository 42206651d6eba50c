/* Preloaded into a node: stands before the C library's allocator and locks, and counts. */
#include "tests/net/call_watch.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAY_MAX 48

/* The allocator under its other names: nothing has to be looked up before the first allocation. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static struct call_watch *watch; /* NULL: nobody asked */

enum role { UNKNOWN = 0, LCORE, OTHER };

/* Space that is there from the thread's beginning: finding it takes no memory. */
static __thread struct {
    enum role role;
    int slot;
    bool has_told;
    bool is_inside;
} mine __attribute__((tls_model("initial-exec")));

static void tell_way(void)
{
    void *way[WAY_MAX];
    mine.is_inside = true;
    backtrace_symbols_fd(way, backtrace(way, WAY_MAX), STDERR_FILENO);
    mine.is_inside = false;
}

static void way_asked(int number)
{
    (void)number;
    tell_way();
}

static int slot_of_thread(void)
{
    int thread = (int)syscall(SYS_gettid);
    for (int i = 0; i < CALL_WATCH_THREADS; i++) {
        int nobody = 0;
        if (atomic_compare_exchange_strong(&watch->threads[i].thread, &nobody, thread) ||
            nobody == thread) {
            return i;
        }
    }
    return -1;
}

static void count(enum call_watch_kind kind)
{
    if (watch == NULL || !atomic_load_explicit(&watch->is_watching, memory_order_relaxed) ||
        mine.is_inside) {
        return;
    }
    if (mine.role == UNKNOWN) {
        char name[16] = {0};
        (void)prctl(PR_GET_NAME, name);
        mine.role = call_watch_is_lcore(name) ? LCORE : OTHER;
        mine.slot = mine.role == LCORE ? slot_of_thread() : -1;
    }
    if (mine.slot < 0) {
        return;
    }
    atomic_fetch_add(&watch->threads[mine.slot].calls[kind], 1);
    if (!mine.has_told) {
        mine.has_told = true;
        tell_way();
    }
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) ; reserved names in the C library's headers */

/* ---- Memory ---- */

void *malloc(size_t size)
{
    count(CALL_WATCH_MEMORY);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count(CALL_WATCH_MEMORY);
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
    count(CALL_WATCH_MEMORY);
    return __libc_realloc(memory, size);
}

void free(void *memory)
{
    if (memory != NULL) {
        count(CALL_WATCH_MEMORY);
    }
    __libc_free(memory);
}

void *memalign(size_t alignment, size_t size)
{
    count(CALL_WATCH_MEMORY);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(CALL_WATCH_MEMORY);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    count(CALL_WATCH_MEMORY);
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) {
        return EINVAL;
    }
    void *made = __libc_memalign(alignment, size);
    if (made == NULL) {
        return ENOMEM;
    }
    *memory = made;
    return 0;
}

/* ---- Locks ---- */

/* Each is found when it is first called: constructors of other libraries may lock before ours has run. */
#define LOCK(name, parameters, arguments)                                                          \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*_Atomic next) parameters;                                                      \
        int(*found) parameters = atomic_load_explicit(&next, memory_order_relaxed);                \
        if (found == NULL) {                                                                       \
            *(void **)&found = dlsym(RTLD_NEXT, #name);                                            \
            atomic_store_explicit(&next, found, memory_order_relaxed);                             \
        }                                                                                          \
        count(CALL_WATCH_LOCK);                                                                    \
        return found arguments;                                                                    \
    }

LOCK(pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
LOCK(pthread_mutex_trylock, (pthread_mutex_t * lock), (lock))
LOCK(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
LOCK(sem_wait, (sem_t * semaphore), (semaphore))
LOCK(sem_post, (sem_t * semaphore), (semaphore))

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- Beginning ---- */

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv(CALL_WATCH_FOLDER);
    char path[512];
    int length = folder == NULL ? -1 : snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof path) {
        return;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return;
    }
    void *shared = MAP_FAILED;
    if (ftruncate(file, sizeof *watch) == 0) {
        shared = mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    (void)close(file);
    if (shared == MAP_FAILED) {
        return;
    }
    /* The first call of backtrace loads a library. */
    void *way[1];
    (void)backtrace(way, 1);
    struct sigaction action = {.sa_handler = way_asked, .sa_flags = SA_RESTART};
    struct call_watch *made = shared;
    made->way_signal = SIGRTMIN + 7;
    if (sigaction(made->way_signal, &action, NULL) != 0) {
        made->way_signal = 0;
    }
    watch = made;
}
