#include "dataplane/net_sessions.h"

#include "dataplane/net_chunks.h"
#include "dataplane/session.h"
#include "dataplane/spread.h"
#include "dataplane/wire_session.h"

/* Copies the datagram into an event; false if there is none. */
static bool tell(struct fama_net *net, struct rte_mbuf *packet, enum fama_event_kind kind,
                 struct fama_session *session)
{
    struct fama_bytes datagram = fama_packet_bytes(packet);
    /* Half of the events are for what has been verified, and for the lcores' own. */
    const struct rte_mempool *events = net->topology->event_pool;
    struct fama_event *event = rte_mempool_avail_count(events) < events->size / 2
                                   ? NULL
                                   : fama_topology_event(net->topology);
    if (event == NULL) {
        return false;
    }
    if (datagram.len > sizeof event->datagram) {
        fama_topology_event_done(net->topology, event);
        return false;
    }
    event->kind = kind;
    event->came_from = fama_packet_of(packet)->peer;
    if (session != NULL) {
        event->session = fama_session_acquire(session);
        event->came_from = *fama_session_endpoint(session);
    }
    memcpy(event->datagram, datagram.at, datagram.len);
    event->datagram_bytes = (uint16_t)datagram.len;
    return fama_topology_tell(net->topology, event);
}

static void tell_and_free(struct fama_net *net, struct rte_mbuf *packet, enum fama_event_kind kind,
                          struct fama_session *session)
{
    if (!tell(net, packet, kind, session)) {
        net->counts.own.drops[FAMA_DROP_EVENT_RING_FULL]++;
    }
    rte_pktmbuf_free(packet);
}

void fama_net_take_handshake(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_session_message message;
    enum fama_drop reason = fama_wire_session_read(fama_packet_bytes(packet), &message);
    if (reason == FAMA_DROP_NONE && (net->view == NULL || message.target != net->view->self)) {
        reason = FAMA_DROP_NOT_OURS;
    }
    if (reason == FAMA_DROP_NONE &&
        !fama_sources_charge(net->sources, net->now_ns, fama_net_source_of(net, packet),
                             FAMA_SOURCE_HANDSHAKES)) {
        reason = FAMA_DROP_SOURCE_BUDGET;
    }
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    tell_and_free(net, packet, FAMA_EVENT_HANDSHAKE, NULL);
}

/* The datagram within takes the place of the one it came in. */
static enum fama_drop open_in_place(struct rte_mbuf *packet, struct fama_session *session,
                                    const struct fama_sealed *sealed)
{
    uint8_t *within = rte_pktmbuf_mtod_offset(packet, uint8_t *, FAMA_WIRE_SEALED_HEADER);
    enum fama_drop reason = fama_session_open(session, sealed, within);
    if (reason == FAMA_DROP_NONE) {
        (void)rte_pktmbuf_adj(packet,
                              FAMA_WIRE_SEALED_HEADER); /* both are within the one segment */
        (void)rte_pktmbuf_trim(packet, FAMA_AEAD_TAG_BYTES);
    }
    return reason;
}

/* A session's lcore need not be its chunks'. */
static void take_inner_chunk(struct fama_net *net, struct rte_mbuf *packet)
{
    uint32_t owner = fama_spread_datagram(net->topology->config.net_core_count, net->number,
                                          FAMA_KIND_CHUNK, fama_packet_bytes(packet));
    if (owner != net->number) {
        fama_net_hand_to(net, owner, packet);
        return;
    }
    net->counts.own.chunks_received++;
    fama_net_take_chunk(net, packet);
}

/* So that no member keeps the control thread from hearing others: charged to where it has proved to be, and
 * forgiven by time. */
static void take_inner_message(struct fama_net *net, struct rte_mbuf *packet,
                               struct fama_session *session)
{
    uint64_t source = fama_address_source_seen(fama_session_endpoint(session)->address,
                                               net->topology->config.endpoint.address);
    if (!fama_sources_charge(net->sources, net->now_ns, source, FAMA_SOURCE_INNER)) {
        fama_net_drop(net, packet, FAMA_DROP_SOURCE_BUDGET);
        return;
    }
    tell_and_free(net, packet, FAMA_EVENT_INNER, session);
}

void fama_net_take_sealed(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_sealed sealed;
    struct fama_wire_header header;
    struct fama_session *session = NULL;
    enum fama_drop reason = fama_wire_sealed_read(fama_packet_bytes(packet), &sealed);
    if (reason == FAMA_DROP_NONE) {
        session = net->view != NULL ? fama_view_session(net->view, sealed.session) : NULL;
        reason =
            session != NULL ? open_in_place(packet, session, &sealed) : FAMA_DROP_SESSION_UNKNOWN;
    }
    if (reason == FAMA_DROP_NONE) {
        reason = fama_wire_header_read(fama_packet_bytes(packet), &header);
    }
    if (reason == FAMA_DROP_NONE && header.kind == FAMA_KIND_CHUNK) {
        fama_packet_of(packet)->session_peer = fama_session_peer(session);
        fama_packet_of(packet)->has_sum = false; /* that was the sealed datagram's */
        take_inner_chunk(net, packet);
    } else if (reason == FAMA_DROP_NONE &&
               (header.kind == FAMA_KIND_REQUEST || header.kind == FAMA_KIND_KEYS)) {
        take_inner_message(net, packet, session);
    } else {
        fama_net_drop(net, packet, reason != FAMA_DROP_NONE ? reason : FAMA_DROP_BAD_KIND);
    }
}
