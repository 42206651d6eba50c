/* The processes of a local network: system tools run to their end, and nodes that go on living. A process
 * is known by its pid together with its start time, written to /run/fama/<network>/<who>.pid, so that a
 * pid the kernel has given to somebody else since is never signalled.
 *
 * No shell is involved anywhere: programs get argument vectors. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_NETWORK_PROCESS_H
#define FAMA_CONTROLPLANE_NETWORK_PROCESS_H

#include <signal.h>

#include "controlplane/network_topology.h"

/* Runs a tool and waits for its end. SYSTEM with the command and the first line it said on standard error
 * if its status is not 0. */
int fama_network_run_tool(const char *const argv[], struct fama_error *error);
/* The same where failure is expected and means nothing: removing what may not be there. */
void fama_network_try_tool(const char *const argv[]);

struct fama_network_daemon {
    const char *const *argv;
    const char *log_path; /* both outputs are appended to it */
    const char *pid_path; /* written when it runs */
    const char *variable; /* one NAME=value added to the environment; NULL: none */
};
/* Starts a process in a session of its own. Variables CORE_* and FABRIC_* of our own environment are not
 * passed on: one shell's settings must not reach every node. */
int fama_network_spawn(const struct fama_network_daemon *daemon, struct fama_error *error);

/* Whether the process of this pid file lives. *pid may be NULL. A child of ours that has ended is reaped. */
bool fama_network_is_running(const char *pid_path, pid_t *pid);
/* Sends a signal if it lives. False if it does not. */
bool fama_network_signal(const char *pid_path, int signal_number);
/* Waits until it is gone; false if it still lives after the timeout. */
bool fama_network_wait_gone(const char *pid_path, int timeout_ms);

#endif
