#include "dataplane/drop.h"

#include <stddef.h>

static const struct {
    const char *name;
    const char *words;
} drops[FAMA_DROP_COUNT] = {[FAMA_DROP_NONE] = {"none", "not dropped"},
#define FAMA_DROP_ROW(symbol, name, words) [FAMA_DROP_##symbol] = {name, words},
                            FAMA_DROPS(FAMA_DROP_ROW)
#undef FAMA_DROP_ROW
};

static size_t row_of(enum fama_drop drop)
{
    size_t row = (size_t)drop;
    return row < FAMA_DROP_COUNT ? row : FAMA_DROP_NONE;
}

const char *fama_drop_name(enum fama_drop drop)
{
    return drops[row_of(drop)].name;
}

const char *fama_drop_words(enum fama_drop drop)
{
    return drops[row_of(drop)].words;
}
