#include "controlplane/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* One kind of line within its ten seconds. */
struct kind {
    const char *format; /* NULL: unused */
    char component[32];
    enum fama_log_level level;
    uint64_t since_ns;
    uint64_t seen_ns;
    uint64_t suppressed;
    uint32_t different;
    uint64_t digests[FAMA_LOG_DIFFERENT]; /* of the lines written */
    char last[160];                       /* the last line that was only counted */
};

static struct {
    pthread_mutex_t lock;
    struct kind kinds[FAMA_LOG_KINDS];
    int descriptor;
    uint64_t (*monotonic_ns)(void);
    uint64_t (*wall_ns)(void);
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .descriptor = STDERR_FILENO};

static atomic_int least_level = FAMA_LOG_INFO;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now); /* cannot fail for these two clocks */
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic_now(void)
{
    return logger.monotonic_ns != NULL ? logger.monotonic_ns() : clock_ns(CLOCK_MONOTONIC);
}

static uint64_t wall_now(void)
{
    return logger.wall_ns != NULL ? logger.wall_ns() : clock_ns(CLOCK_REALTIME);
}

/* FNV-1a (Fowler, Noll, Vo): enough to tell lines apart; a collision costs one line that is counted. */
static uint64_t digest_of(const char *text)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        digest = (digest ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return digest;
}

/* Copies `text` with control bytes written out, as far as `size` takes it; returns the length. */
static size_t copy_printable(char *to, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f) {
            if (len + 1 >= size) {
                break;
            }
            to[len++] = (char)c;
        } else {
            if (len + 4 >= size) {
                break;
            }
            to[len++] = '\\';
            to[len++] = 'x';
            to[len++] = hex[c >> 4];
            to[len++] = hex[c & 15];
        }
    }
    to[len] = '\0';
    return len;
}

static void write_line(enum fama_log_level level, const char *component, const char *words)
{
    char line[FAMA_LOG_LINE_BYTES];
    uint64_t now = wall_now();
    time_t seconds = (time_t)(now / UINT64_C(1000000000));
    struct tm calendar;
    size_t len = 0;
    if (gmtime_r(&seconds, &calendar) != NULL) {
        len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &calendar);
    }
    int head = snprintf(line + len, sizeof line - len,
                        ".%06uZ %-7s %s: ", (unsigned int)(now / 1000 % 1000000),
                        level_names[level], component);
    if (head < 0) {
        return;
    }
    len += (size_t)head;
    len += copy_printable(line + len, sizeof line - 1 - len, words);
    line[len++] = '\n';
    /* One write per line, so that lines of several threads and processes do not mix. What standard error
     * does not take is lost: there is nowhere to say so. */
    ssize_t written;
    do {
        written = write(logger.descriptor, line, len);
    } while (written < 0 && errno == EINTR);
}

static void write_count(struct kind *kind)
{
    char words[FAMA_LOG_LINE_BYTES];
    if (kind->suppressed == 0) {
        return;
    }
    int len = snprintf(words, sizeof words, "%" PRIu64 " more like this, the last: %s",
                       kind->suppressed, kind->last);
    if (len > 0) {
        write_line(kind->level, kind->component, words);
    }
    kind->suppressed = 0;
}

/* The entry of this kind. If there is none, the one silent longest (or an unused one) becomes it. */
static struct kind *kind_of(enum fama_log_level level, const char *component, const char *format,
                            uint64_t now)
{
    struct kind *oldest = &logger.kinds[0];
    for (size_t i = 0; i < FAMA_LOG_KINDS; i++) {
        struct kind *kind = &logger.kinds[i];
        if (kind->format == format && strcmp(kind->component, component) == 0) {
            return kind;
        }
        if (oldest->format != NULL && (kind->format == NULL || kind->seen_ns < oldest->seen_ns)) {
            oldest = kind;
        }
    }
    write_count(oldest);
    *oldest = (struct kind){.format = format, .level = level, .since_ns = now};
    (void)snprintf(oldest->component, sizeof oldest->component, "%s", component);
    return oldest;
}

/* Whether this line is to be written now; if not, it has been counted. */
static bool is_news(struct kind *kind, const char *words, uint64_t now)
{
    uint64_t digest = digest_of(words);
    if (now - kind->since_ns >= FAMA_LOG_PAUSE_NS) {
        write_count(kind);
        kind->since_ns = now;
        kind->different = 0;
    }
    kind->seen_ns = now;
    bool is_known = kind->different == FAMA_LOG_DIFFERENT;
    for (uint32_t i = 0; i < kind->different && !is_known; i++) {
        is_known = kind->digests[i] == digest;
    }
    if (is_known) {
        kind->suppressed++;
        (void)copy_printable(kind->last, sizeof kind->last, words);
        return false;
    }
    kind->digests[kind->different++] = digest;
    return true;
}

int fama_log_set_level(const char *name)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            atomic_store(&least_level, i);
            return 0;
        }
    }
    return -1;
}

void fama_log(enum fama_log_level level, const char *component, const char *format, ...)
{
    char words[FAMA_LOG_LINE_BYTES];
    char name[sizeof logger.kinds[0].component];
    if ((int)level < atomic_load(&least_level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return;
    }
    (void)copy_printable(name, sizeof name, component);
    (void)pthread_mutex_lock(&logger.lock);
    uint64_t now = monotonic_now();
    if (is_news(kind_of(level, name, format, now), words, now)) {
        write_line(level, name, words);
    }
    (void)pthread_mutex_unlock(&logger.lock);
}

void fama_log_flush(void)
{
    (void)pthread_mutex_lock(&logger.lock);
    uint64_t now = monotonic_now();
    for (size_t i = 0; i < FAMA_LOG_KINDS; i++) {
        struct kind *kind = &logger.kinds[i];
        if (kind->format != NULL && kind->suppressed > 0 &&
            now - kind->since_ns >= FAMA_LOG_PAUSE_NS) {
            write_count(kind);
            kind->since_ns = now;
            kind->different = 0;
        }
    }
    (void)pthread_mutex_unlock(&logger.lock);
}

void fama_log_finish(void)
{
    (void)pthread_mutex_lock(&logger.lock);
    for (size_t i = 0; i < FAMA_LOG_KINDS; i++) {
        write_count(&logger.kinds[i]);
        logger.kinds[i].format = NULL;
    }
    (void)pthread_mutex_unlock(&logger.lock);
}

void fama_log_divert(int descriptor, uint64_t (*monotonic_ns)(void), uint64_t (*wall_ns)(void))
{
    (void)pthread_mutex_lock(&logger.lock);
    logger.descriptor = descriptor;
    logger.monotonic_ns = monotonic_ns;
    logger.wall_ns = wall_ns;
    (void)pthread_mutex_unlock(&logger.lock);
}
