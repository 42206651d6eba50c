#include "dataplane/idle.h"

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

void fama_idle_init(struct fama_idler *idler, enum fama_idle mode, uint64_t sleep_max_ns)
{
    *idler = (struct fama_idler){.mode = mode, .sleep_max_ns = sleep_max_ns};
}

uint64_t fama_idle_next(struct fama_idler *idler, uint32_t work)
{
    if (work != 0) {
        idler->empty_rounds = 0;
        idler->sleep_ns = 0;
        return 0;
    }
    if (idler->mode == FAMA_IDLE_POLL || idler->sleep_max_ns == 0) {
        return 0;
    }
    if (idler->empty_rounds < FAMA_IDLE_EMPTY_ROUNDS) {
        idler->empty_rounds++;
        return 0;
    }
    if (idler->sleep_ns == 0) {
        idler->sleep_ns = FAMA_IDLE_SLEEP_MIN_NS;
    } else if (idler->sleep_ns < idler->sleep_max_ns) {
        idler->sleep_ns *= 2;
    }
    if (idler->sleep_ns > idler->sleep_max_ns) {
        idler->sleep_ns = idler->sleep_max_ns;
    }
    return idler->sleep_ns;
}

void fama_idle_wait(uint64_t sleep_ns)
{
    if (sleep_ns == 0) {
        rte_pause();
        return;
    }
    struct timespec time = {
        .tv_sec = (time_t)(sleep_ns / 1000000000u),
        .tv_nsec = (long)(sleep_ns % 1000000000u),
    };
    /* A signal ends the sleep early; the caller looks for work again, which is all that is wanted. */
    (void)nanosleep(&time, NULL);
}

void fama_idle_prepare_thread(void)
{
    /* Without it sleeps are only longer, so a refusal changes nothing that matters. */
    (void)prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
}
