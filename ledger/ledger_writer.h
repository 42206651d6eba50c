/* A thread that writes one batch at a time while the commit thread does something else: most of a write is
 * waiting for the disk.
 *
 * It is started by the first batch and sleeps in between; a machine that has no thread to give has the
 * batch written at once, by the caller. It takes no signals. Private to the ledger.
 *
 * Threads: one calls all of this. What `write` touches is the writer's from begin to wait. */
#ifndef FAMA_LEDGER_LEDGER_WRITER_H
#define FAMA_LEDGER_LEDGER_WRITER_H

#include <stdint.h>

struct fama_ledger_writer;

/* NULL when memory is out. */
struct fama_ledger_writer *fama_ledger_writer_create(void);
/* Waits for what was begun. NULL is fine. */
void fama_ledger_writer_destroy(struct fama_ledger_writer *writer);

/* Has `write(context)` called. What was begun before must have been waited for. */
void fama_ledger_writer_begin(struct fama_ledger_writer *writer, void (*write)(void *context),
                              void *context);
/* Until it has returned; at once if nothing was begun. */
void fama_ledger_writer_wait(struct fama_ledger_writer *writer);
/* Nanoseconds of processor time that writing has taken on the thread so far. */
uint64_t fama_ledger_writer_busy_ns(const struct fama_ledger_writer *writer);

#endif
