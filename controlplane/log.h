/* The node's log: one line per event on standard error, levels, and a memory for repetition.
 *
 * Line: RFC 3339 time, level, component, words. Identical lines (same component and format) are written
 * once, then counted; the count is written when ten seconds have passed or another line of that kind
 * comes after a pause (THREATS 13, 17: the log must not be a weapon). Any thread except packet threads,
 * which count and never log. A line longer than 1 KiB is cut; control bytes are shown as \xNN. */
#ifndef FAMA_CONTROLPLANE_LOG_H
#define FAMA_CONTROLPLANE_LOG_H

enum fama_log_level {
    FAMA_LOG_DEBUG = 0,
    FAMA_LOG_INFO = 1,
    FAMA_LOG_WARNING = 2,
    FAMA_LOG_ERROR = 3,
};

/* Returns 0, or -1 if the name is none of debug, info, warning, error. */
int fama_log_set_level(const char *name);

void fama_log(enum fama_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes pending repetition counts: called from housekeeping and at the end. */
void fama_log_flush(void);

#define fama_debug(component, ...)   fama_log(FAMA_LOG_DEBUG, component, __VA_ARGS__)
#define fama_info(component, ...)    fama_log(FAMA_LOG_INFO, component, __VA_ARGS__)
#define fama_warning(component, ...) fama_log(FAMA_LOG_WARNING, component, __VA_ARGS__)
#define fama_failure(component, ...) fama_log(FAMA_LOG_ERROR, component, __VA_ARGS__)

#endif
