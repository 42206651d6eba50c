/* The node's administration over a Unix socket: one JSON object per line in, one per line out.
 *
 * Request {"op": "channel.getinfo", ...arguments}; answer {"ok": true, ...} or {"ok": false,
 * "error": "words"}. The socket belongs to the node's user, mode 0600: whoever may open it may
 * administer. Bounded: requests of at most 64 KiB, 16 connections, 5 s of silence, one
 * request of a connection at a time.
 *
 * Server side: runs in the control thread's event loop and hands each request to one handler, which
 * answers at once or later (fama_admin_answer). Client side: blocking, for commands. */
#ifndef FAMA_CONTROLPLANE_ADMIN_H
#define FAMA_CONTROLPLANE_ADMIN_H

#include <event2/event.h>
#include <jansson.h>

#include "crypto/error.h"

struct fama_admin;
struct fama_admin_call; /* one request waiting for its answer */

enum fama_admin_error {
    FAMA_ADMIN_SOCKET = -1,      /* cannot be made, or another live node owns it */
    FAMA_ADMIN_UNREACHABLE = -2, /* nobody listens there */
    FAMA_ADMIN_REFUSED = -3,     /* the node answered with an error */
};

typedef void (*fama_admin_handler)(void *context, struct fama_admin_call *call,
                                   const json_t *request);

#define FAMA_ADMIN_REQUEST_BYTES   65536
#define FAMA_ADMIN_CONNECTIONS     16
#define FAMA_ADMIN_SILENCE_SECONDS 5
#define FAMA_ADMIN_ANSWER_BYTES    (512u << 20) /* the longest answer a client takes */

/* Removes a stale socket nobody listens on; refuses if somebody does, or if the path is something else.
 * From here on SIGPIPE is ignored in this process: a client that hangs up must not end the node. The
 * handler only sees objects with a text under "op"; `request` is borrowed during its call. */
int fama_admin_listen(struct event_base *base, const char *socket_path, fama_admin_handler handler,
                      void *context, struct fama_admin **admin, struct fama_error *error);
/* Tells waiting clients that the node stops, closes everything and unlinks the socket. Calls the handler
 * still holds stay valid: they must be answered or refused all the same, which then only releases them
 * (likewise when a client has hung up). NULL is fine. */
void fama_admin_close(struct fama_admin *admin);
/* Steals `answer` (an object without "ok"); exactly one of the two per call, from the control thread.
 * Within the handler or later. A NULL answer (memory) becomes a refusal. */
void fama_admin_answer(struct fama_admin_call *call, json_t *answer);
void fama_admin_refuse(struct fama_admin_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sends `request` (stolen) and waits up to `timeout_ms`. On success *answer, without "ok", is the
 * caller's. UNREACHABLE also when the node does not answer in time or not in JSON. Any thread. */
int fama_admin_ask(const char *socket_path, json_t *request, int timeout_ms, json_t **answer,
                   struct fama_error *error);

#endif
