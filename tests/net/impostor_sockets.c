#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/net/impostor.h"

#define RECEIVE_BUFFER_BYTES (4 << 20)
#define BURST                8 /* datagrams between two pauses */
#define TICK_MS              20

uint64_t impostor_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    };
    socklen_t len;
};

static struct address address_of(const struct fama_endpoint *endpoint)
{
    if (fama_address_is_ipv4(endpoint->address)) {
        return (struct address){
            .ipv4 = {.sin_family = AF_INET,
                     .sin_port = htons(endpoint->port),
                     .sin_addr.s_addr = htonl(fama_address_to_ipv4(endpoint->address))},
            .len = sizeof(struct sockaddr_in)};
    }
    struct address address = {.ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)},
                              .len = sizeof(struct sockaddr_in6)};
    memcpy(&address.ipv6.sin6_addr, endpoint->address, FAMA_ADDRESS_BYTES);
    return address;
}

int impostor_socket_open(struct impostor_socket *self, struct fama_error *error)
{
    struct address address = address_of(&self->endpoint);
    int bytes = RECEIVE_BUFFER_BYTES;
    self->fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || bind(self->fd, &address.any, address.len) != 0) {
        int cause = errno;
        char text[FAMA_ENDPOINT_TEXT_BYTES];
        fama_endpoint_format(&self->endpoint, text);
        int code = fama_error_set(error, IMPOSTOR_FAILED, "%s: %s", text, strerror(cause));
        impostor_socket_close(self);
        return code;
    }
    /* More room than an ordinary process may have, so that nothing which was sent to us goes uncounted; an
     * unprivileged run keeps the default. */
    (void)setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    return 0;
}

void impostor_socket_close(struct impostor_socket *self)
{
    if (self->fd >= 0) {
        close(self->fd);
    }
    self->fd = -1;
}

/* ---- Hearing ---- */

static void learn_alive(struct impostor *impostor, const struct fama_message *message,
                        struct fama_bytes datagram)
{
    struct fama_alive alive;
    if (fama_wire_alive_read(message->body, &alive) != FAMA_DROP_NONE) {
        return;
    }
    impostor_party_learn(impostor, message, &alive);
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        struct impostor_target *target = &impostor->targets[i];
        if (fama_endpoint_equal(&target->endpoint, &alive.endpoint)) {
            fama_pki_id(alive.mspid, alive.id_bytes, target->pki_id);
            target->tag = message->author;
            target->is_met = true;
            memcpy(target->alive.bytes, datagram.at, datagram.len);
            target->alive.len = datagram.len;
        }
    }
}

static void learn_height(struct impostor *impostor, const struct fama_message *message)
{
    struct fama_stateinfo stateinfo;
    if (fama_wire_stateinfo_read(message->body, &stateinfo) != FAMA_DROP_NONE ||
        stateinfo.channel != impostor->channel_tag) {
        return;
    }
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        struct impostor_target *target = &impostor->targets[i];
        if (target->is_met && target->tag == message->author && target->height < stateinfo.height) {
            target->height = stateinfo.height;
        }
    }
}

static void take(struct impostor *impostor, struct impostor_socket *to, struct fama_bytes datagram)
{
    struct fama_wire_header header;
    struct fama_message message;
    struct fama_chunk chunk;
    to->received.datagrams++;
    to->received.bytes += datagram.len;
    if (fama_wire_header_read(datagram, &header) != FAMA_DROP_NONE) {
        to->received.kinds[0]++;
        return;
    }
    to->received.kinds[header.kind]++;
    if (header.kind == FAMA_KIND_CHUNK) {
        if (fama_wire_chunk_read(datagram, &chunk) == FAMA_DROP_NONE) {
            memcpy(impostor->chunk.bytes, datagram.at, datagram.len);
            impostor->chunk.len = datagram.len;
        }
    } else if (header.kind == FAMA_KIND_SESSION || header.kind == FAMA_KIND_SEALED) {
        if (to == &impostor->home) { /* at the other address nobody knows of us */
            impostor_party_take(impostor, to, header.kind, datagram);
        }
    } else if (fama_wire_message_read(datagram, &message) == FAMA_DROP_NONE) {
        if (message.kind == FAMA_KIND_ALIVE) {
            learn_alive(impostor, &message, datagram);
        } else if (message.kind == FAMA_KIND_STATEINFO) {
            learn_height(impostor, &message);
        }
    }
}

static void drain(struct impostor *impostor, struct impostor_socket *from)
{
    uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX];
    while (from->fd >= 0) {
        ssize_t len = recv(from->fd, datagram, sizeof(datagram), 0);
        if (len < 0) {
            return;
        }
        take(impostor, from, fama_bytes(datagram, (size_t)len));
    }
}

void impostor_listen(struct impostor *impostor, uint64_t milliseconds)
{
    uint64_t until_ms = impostor_now_ms() + milliseconds;
    uint64_t now_ms;
    while ((now_ms = impostor_now_ms()) < until_ms) {
        struct pollfd waiting[] = {{.fd = impostor->home.fd, .events = POLLIN},
                                   {.fd = impostor->other.fd, .events = POLLIN}};
        uint64_t pause_ms = until_ms - now_ms < TICK_MS ? until_ms - now_ms : TICK_MS;
        if (poll(waiting, 2, (int)pause_ms) < 0 && errno != EINTR) {
            return;
        }
        impostor_party_tick(impostor);
        drain(impostor, &impostor->home);
        drain(impostor, &impostor->other);
    }
    drain(impostor, &impostor->home);
    drain(impostor, &impostor->other);
}

/* ---- Saying ---- */

bool impostor_send(struct impostor *impostor, struct impostor_socket *from,
                   const struct fama_endpoint *to, const struct impostor_datagram *datagram)
{
    struct address address = address_of(to);
    if (impostor->sent >= IMPOSTOR_DATAGRAMS_MAX) {
        fama_error_set(&impostor->error, 0, "the limit of %d datagrams is reached",
                       IMPOSTOR_DATAGRAMS_MAX);
        return false;
    }
    if (sendto(from->fd, datagram->bytes, datagram->len, 0, &address.any, address.len) !=
        (ssize_t)datagram->len) {
        int cause = errno;
        char text[FAMA_ENDPOINT_TEXT_BYTES];
        fama_endpoint_format(to, text);
        fama_error_set(&impostor->error, 0, "sending to %s: %s", text, strerror(cause));
        return false;
    }
    impostor->sent++;
    from->sent.datagrams++;
    from->sent.bytes += datagram->len;
    struct fama_wire_header header;
    bool is_ours = fama_wire_header_read(fama_bytes(datagram->bytes, datagram->len), &header) ==
                   FAMA_DROP_NONE;
    from->sent.kinds[is_ours ? header.kind : 0]++;
    if (impostor->sent % BURST == 0) {
        impostor_listen(impostor, 1000 * BURST / IMPOSTOR_PER_SECOND);
    }
    return true;
}

bool impostor_send_all(struct impostor *impostor, const struct impostor_datagram *datagram)
{
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        if (!impostor_send(impostor, &impostor->home, &impostor->targets[i].endpoint, datagram)) {
            return false;
        }
    }
    return true;
}
