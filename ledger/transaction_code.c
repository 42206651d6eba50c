#include "ledger/transaction_code.h"

const char *fama_transaction_code_name(uint8_t code)
{
    switch (code) {
#define FAMA_TRANSACTION_CODE_CASE(name, number)                                                   \
    case (number):                                                                                 \
        return #name;
        FAMA_TRANSACTION_CODES(FAMA_TRANSACTION_CODE_CASE)
#undef FAMA_TRANSACTION_CODE_CASE
    default:
        return "UNKNOWN";
    }
}
