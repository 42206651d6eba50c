/* Opening a ledger for a command that must not make one. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_LEDGER_OPEN_H
#define FAMA_CONTROLPLANE_LEDGER_OPEN_H

#include "ledger/ledger.h"

/* As fama_ledger_open, but a directory that holds no ledger is an error. */
int fama_cli_ledger_open(const char *directory, struct fama_ledger **ledger,
                         struct fama_error *error);

#endif
