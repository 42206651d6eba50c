#include "dataplane/transmit_class.h"

static const char *const names[FAMA_TRANSMIT_CLASSES] = {
#define FAMA_TRANSMIT_CLASS_NAME(symbol, name) [FAMA_TRANSMIT_##symbol] = name,
    FAMA_TRANSMIT_CLASS_TABLE(FAMA_TRANSMIT_CLASS_NAME)
#undef FAMA_TRANSMIT_CLASS_NAME
};

const char *fama_transmit_class_name(enum fama_transmit_class transmit_class)
{
    return transmit_class < FAMA_TRANSMIT_CLASSES ? names[transmit_class] : "none";
}
