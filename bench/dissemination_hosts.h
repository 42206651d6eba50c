/* The user's own servers, as `fama-bench dissemination --cluster` reaches them: a YAML file of hosts, and
 * commands run there (`ssh host fama ...`), one at a time or kept open for the clock.
 *
 * Commands get argument vectors; no shell is involved here (one may be at the other end of ssh). SIGPIPE must be
 * ignored: a command may end early. Main thread. Adversary: none, the file and the hosts are the user's. */
#ifndef FAMA_BENCH_DISSEMINATION_HOSTS_H
#define FAMA_BENCH_DISSEMINATION_HOSTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/error.h"

#define FAMA_HOSTS_MAX      64
#define FAMA_HOST_TEXT_MAX  256
#define FAMA_HOST_WORDS_MAX 32

struct fama_host {
    char name[FAMA_HOST_TEXT_MAX];
    char command[FAMA_HOST_TEXT_MAX]; /* what every command begins with; "": run here */
    char fama[FAMA_HOST_TEXT_MAX];    /* the program there */
    char config[FAMA_HOST_TEXT_MAX];  /* "": not given */
    char socket[FAMA_HOST_TEXT_MAX];
};

struct fama_hosts {
    char channel[FAMA_HOST_TEXT_MAX];
    struct fama_host hosts[FAMA_HOSTS_MAX]; /* the leader is the first */
    size_t count;
};

/* Reads hosts.yaml. 0, or -1 with words that name the line. */
int fama_hosts_read(const char *path, struct fama_hosts *hosts, struct fama_error *error);

/* Runs `<command> <fama> WORDS... [--config|--socket ...] --json` and parses what it prints; `words` ends with
 * NULL. *answer is the caller's. */
int fama_host_ask(const struct fama_host *host, const char *const words[], json_t **answer,
                  struct fama_error *error);

/* How far a host's clock is from ours, by round trips over one `fama node clock`: the one that took least
 * counts. The true difference is within `error_ns` of `offset_ns` (theirs - ours). */
struct fama_host_clock {
    int64_t offset_ns;
    uint64_t error_ns;
};
int fama_host_clock(const struct fama_host *host, struct fama_host_clock *clock,
                    struct fama_error *error);

#endif
