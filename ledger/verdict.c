#include "ledger/verdict.h"

static const struct {
    const char *name;
    const char *words;
} refusals[FAMA_BLOCK_REFUSAL_COUNT] = {
    [FAMA_BLOCK_ACCEPTED] = {"block_accepted", "nothing is wrong with it"},
#define FAMA_BLOCK_REFUSAL_ROW(symbol, name, words) [FAMA_BLOCK_##symbol] = {name, words},
    FAMA_BLOCK_REFUSALS(FAMA_BLOCK_REFUSAL_ROW)
#undef FAMA_BLOCK_REFUSAL_ROW
};

const char *fama_block_refusal_name(enum fama_block_refusal refusal)
{
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        return "no_memory";
    }
    return (unsigned int)refusal < FAMA_BLOCK_REFUSAL_COUNT ? refusals[refusal].name
                                                            : "block_refusal_unknown";
}

const char *fama_block_refusal_words(enum fama_block_refusal refusal)
{
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        return "memory ran out before it was judged: free some";
    }
    return (unsigned int)refusal < FAMA_BLOCK_REFUSAL_COUNT ? refusals[refusal].words
                                                            : "no such reason";
}
