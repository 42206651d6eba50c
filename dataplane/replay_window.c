#include "dataplane/replay_window.h"

#define WORD_BITS 64

_Static_assert((FAMA_REPLAY_WORDS & (FAMA_REPLAY_WORDS - 1)) == 0, "words are found by a mask");
_Static_assert((FAMA_REPLAY_WORDS - 1) * WORD_BITS >= FAMA_REPLAY_WINDOW,
               "a word that is half in the window is not used twice");

static uint32_t word_of(uint64_t number)
{
    return (uint32_t)(number / WORD_BITS) & (FAMA_REPLAY_WORDS - 1);
}

bool fama_replay_window_is_fresh(const struct fama_replay_window *window, uint64_t number)
{
    if (number >= window->next) {
        return true;
    }
    return window->next - number <= FAMA_REPLAY_WINDOW &&
           (window->words[word_of(number)] >> number % WORD_BITS & 1) == 0;
}

void fama_replay_window_take(struct fama_replay_window *window, uint64_t number)
{
    if (number >= window->next) {
        /* Words between the highest one so far and the new one begin empty. */
        uint64_t from = window->next == 0 ? 0 : (window->next - 1) / WORD_BITS + 1;
        uint64_t to = number / WORD_BITS;
        if (to >= from + FAMA_REPLAY_WORDS) {
            from = to - FAMA_REPLAY_WORDS + 1;
        }
        for (uint64_t word = from; word <= to; word++) {
            window->words[word & (FAMA_REPLAY_WORDS - 1)] = 0;
        }
        window->next = number + 1;
    }
    window->words[word_of(number)] |= (uint64_t)1 << number % WORD_BITS;
}
