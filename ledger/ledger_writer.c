#include "ledger/ledger_writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct fama_ledger_writer {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
    bool is_ending;
    void (*write)(void *context); /* NULL: nothing to do */
    void *context;
    uint64_t busy_ns; /* the caller's while nothing is being written */
};

static uint64_t thread_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *run(void *argument)
{
    struct fama_ledger_writer *writer = argument;
    (void)pthread_mutex_lock(&writer->mutex);
    while (true) {
        while (writer->write == NULL && !writer->is_ending) {
            (void)pthread_cond_wait(&writer->changed, &writer->mutex);
        }
        if (writer->write == NULL) {
            break;
        }
        (void)pthread_mutex_unlock(&writer->mutex);
        writer->write(writer->context);
        (void)pthread_mutex_lock(&writer->mutex);
        writer->write = NULL;
        writer->busy_ns = thread_clock_ns();
        (void)pthread_cond_signal(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

struct fama_ledger_writer *fama_ledger_writer_create(void)
{
    struct fama_ledger_writer *writer = calloc(1, sizeof *writer);
    if (writer != NULL) {
        (void)pthread_mutex_init(&writer->mutex, NULL); /* cannot fail on Linux, nor can the next */
        (void)pthread_cond_init(&writer->changed, NULL);
    }
    return writer;
}

void fama_ledger_writer_destroy(struct fama_ledger_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->has_thread) {
        (void)pthread_mutex_lock(&writer->mutex);
        writer->is_ending = true;
        (void)pthread_cond_signal(&writer->changed);
        (void)pthread_mutex_unlock(&writer->mutex);
        (void)pthread_join(writer->thread, NULL);
    }
    (void)pthread_cond_destroy(&writer->changed);
    (void)pthread_mutex_destroy(&writer->mutex);
    free(writer);
}

static bool start(struct fama_ledger_writer *writer)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    bool is_masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    writer->has_thread = is_masked && pthread_create(&writer->thread, NULL, run, writer) == 0;
    if (is_masked) {
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return writer->has_thread;
}

void fama_ledger_writer_begin(struct fama_ledger_writer *writer, void (*write)(void *context),
                              void *context)
{
    if (!writer->has_thread && !start(writer)) {
        write(context);
        return;
    }
    (void)pthread_mutex_lock(&writer->mutex);
    writer->write = write;
    writer->context = context;
    (void)pthread_cond_signal(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
}

void fama_ledger_writer_wait(struct fama_ledger_writer *writer)
{
    if (!writer->has_thread) {
        return;
    }
    (void)pthread_mutex_lock(&writer->mutex);
    while (writer->write != NULL) {
        (void)pthread_cond_wait(&writer->changed, &writer->mutex);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
}

uint64_t fama_ledger_writer_busy_ns(const struct fama_ledger_writer *writer)
{
    return writer->busy_ns;
}
