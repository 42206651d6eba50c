/* Which numbers of a rising sequence came already, when datagrams overtake each other.
 *
 * The newest FAMA_REPLAY_WINDOW numbers are told apart one by one; what is older is taken for a replay.
 * RFC 4303 §3.4.3, with the ring of words of RFC 6479, so that nothing is shifted. A number is asked
 * after before its datagram is opened, and taken after: a forgery must not close the window before what
 * it forges. Owner: one thread. */
#ifndef FAMA_DATAPLANE_REPLAY_WINDOW_H
#define FAMA_DATAPLANE_REPLAY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define FAMA_REPLAY_WINDOW 1024
/* A power of two, and more words than the 16 of the window, so that the newest one may be in part ahead of it. */
#define FAMA_REPLAY_WORDS 32

/* All zero at first. */
struct fama_replay_window {
    uint64_t next; /* one more than the highest number taken */
    uint64_t words[FAMA_REPLAY_WORDS];
};

bool fama_replay_window_is_fresh(const struct fama_replay_window *window, uint64_t number);
/* Numbers are below 2^63. */
void fama_replay_window_take(struct fama_replay_window *window, uint64_t number);

#endif
