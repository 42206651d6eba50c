#include "dataplane/ringer.h"

#include <pthread.h>
#include <stdlib.h>

#include "dataplane/idle.h"

struct fama_ringer {
    pthread_t thread;
    _Atomic bool is_stopping;
    size_t count;
    struct fama_doorbell *bells[FAMA_RINGER_BELLS_MAX];
};

static uint32_t ring_all(const struct fama_ringer *ringer)
{
    uint32_t rung = 0;
    for (size_t i = 0; i < ringer->count; i++) {
        rung += fama_doorbell_ring_due(ringer->bells[i]);
    }
    return rung;
}

static void *run(void *argument)
{
    const struct fama_ringer *ringer = argument;
    struct fama_idler idler;
    (void)pthread_setname_np(pthread_self(), "fama-ringer");
    fama_idle_prepare_thread();
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, FAMA_RINGER_SLEEP_MAX_NS);
    while (!atomic_load_explicit(&ringer->is_stopping, memory_order_acquire)) {
        uint32_t rung = ring_all(ringer);
        uint64_t sleep_ns = fama_idle_next(&idler, rung);
        if (rung == 0) {
            fama_idle_wait(sleep_ns);
        }
    }
    (void)ring_all(ringer);
    return NULL;
}

struct fama_ringer *fama_ringer_start(struct fama_doorbell *const bells[], size_t count)
{
    struct fama_ringer *ringer = count > FAMA_RINGER_BELLS_MAX ? NULL : calloc(1, sizeof *ringer);
    if (ringer == NULL) {
        return NULL;
    }
    atomic_init(&ringer->is_stopping, false);
    ringer->count = count;
    for (size_t i = 0; i < count; i++) {
        ringer->bells[i] = bells[i];
    }
    if (pthread_create(&ringer->thread, NULL, run, ringer) != 0) {
        free(ringer);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        bells[i]->is_left_to_ringer = true;
    }
    return ringer;
}

void fama_ringer_stop(struct fama_ringer *ringer)
{
    if (ringer == NULL) {
        return;
    }
    atomic_store_explicit(&ringer->is_stopping, true, memory_order_release);
    (void)pthread_join(ringer->thread, NULL);
    for (size_t i = 0; i < ringer->count; i++) {
        ringer->bells[i]->is_left_to_ringer = false;
    }
    free(ringer);
}
