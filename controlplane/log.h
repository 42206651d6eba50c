/* The node's log: one line per event on standard error, levels, and a memory for repetition.
 *
 * Line: RFC 3339 time, level, component, words. A kind of line is its component and format. Within ten
 * seconds one kind writes each different line once, and at most ten different ones; the others are only
 * counted, and the count is written when the ten seconds have passed (THREATS 13, 17: the log must not
 * be a weapon). 256 kinds are remembered; the one silent longest makes room. A line longer than 1 KiB is
 * cut; control bytes are shown as \xNN.
 *
 * Any thread except packet threads, which count and never log. Adversary: whoever writes the names and
 * texts that end up in a line, and whoever can make an event happen often. */
#ifndef FAMA_CONTROLPLANE_LOG_H
#define FAMA_CONTROLPLANE_LOG_H

#include <stdint.h>

#define FAMA_LOG_LINE_BYTES 1024
#define FAMA_LOG_KINDS      256
#define FAMA_LOG_DIFFERENT  10
#define FAMA_LOG_PAUSE_NS   UINT64_C(10000000000)

enum fama_log_level {
    FAMA_LOG_DEBUG = 0,
    FAMA_LOG_INFO = 1,
    FAMA_LOG_WARNING = 2,
    FAMA_LOG_ERROR = 3,
};

/* Returns 0, or -1 if the name is none of debug, info, warning, error. The level is info at first. */
int fama_log_set_level(const char *name);

/* `format` must live for ever (a literal): its kind is remembered by it. */
void fama_log(enum fama_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes the repetition counts whose ten seconds have passed: called from housekeeping. */
void fama_log_flush(void);
/* Writes all of them and forgets the kinds: called at the end. */
void fama_log_finish(void);

/* Where lines go (a descriptor, 2 at first) and by which clocks: `monotonic_ns` for pauses, `wall_ns`
 * (since 1970) for the time in the line; NULL: the system's. Before other threads log. */
void fama_log_divert(int descriptor, uint64_t (*monotonic_ns)(void), uint64_t (*wall_ns)(void));

#define fama_debug(component, ...)   fama_log(FAMA_LOG_DEBUG, component, __VA_ARGS__)
#define fama_info(component, ...)    fama_log(FAMA_LOG_INFO, component, __VA_ARGS__)
#define fama_warning(component, ...) fama_log(FAMA_LOG_WARNING, component, __VA_ARGS__)
#define fama_failure(component, ...) fama_log(FAMA_LOG_ERROR, component, __VA_ARGS__)

#endif
