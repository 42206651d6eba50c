/* A verify lcore: takes signatures to check in batches, urgent ones (chunk roots, messages) before bulk
 * (transactions), and carries each verdict to who waits for it.
 *
 * Messages of authors the view knows cost one signature. Of unknown authors only alive messages come here;
 * each costs a certificate chain, so a token bucket bounds them, after everything cheap has been checked:
 * the MSP id is ours and the certificate hashes to the author's tag.
 *
 * Adversary: whoever sends messages. Nothing goes up that is not signed by a currently valid member of our
 * MSP. Made and destroyed by the control thread while it does not run. */
#ifndef FAMA_DATAPLANE_VERIFY_LOOP_H
#define FAMA_DATAPLANE_VERIFY_LOOP_H

#include "dataplane/counts.h"
#include "dataplane/topology.h"

struct fama_verify;

/* The lcore of this number, which is also its doorbell's. NULL when out of memory. */
struct fama_verify *fama_verify_create(struct fama_topology *topology, uint32_t number);
void fama_verify_destroy(struct fama_verify *verify);

/* The lcore's function: runs until the topology says stop. Takes a struct fama_verify, returns 0. */
int fama_verify_run(void *argument);

const struct fama_counts *fama_verify_counts(const struct fama_verify *verify);

#endif
