#include "dataplane/net_messages.h"

#define DATAGRAM_EVENT_MAX sizeof(((struct fama_event *)NULL)->datagram)

/* All that can be said of a message without looking at its signature, and which queue it waits in. Alive
 * messages of members have one of their own, so that nothing else that comes can keep them out. */
static enum fama_drop judge_message(const struct fama_net *net, struct fama_bytes datagram,
                                    enum fama_source_kind *queue)
{
    struct fama_message message;
    enum fama_drop reason = fama_wire_message_read(datagram, &message);
    if (reason != FAMA_DROP_NONE) {
        return reason;
    }
    if (datagram.len > DATAGRAM_EVENT_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    if (net->view == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    if (message.author == net->view->self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    bool is_known = fama_view_peer(net->view, message.author) != NULL;
    bool is_alive = message.kind == FAMA_KIND_ALIVE;
    *queue = is_known && is_alive ? FAMA_SOURCE_ALIVE : FAMA_SOURCE_MESSAGES;
    return is_known || is_alive ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_AUTHOR;
}

void fama_net_take_message(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_bytes datagram = fama_packet_bytes(packet);
    net->counts.own.messages_received++;
    enum fama_source_kind queue = FAMA_SOURCE_MESSAGES;
    enum fama_drop reason = judge_message(net, datagram, &queue);
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    struct fama_sources *sources = net->sources;
    uint64_t source = fama_net_source_of(net, packet);
    if (!fama_sources_has_room(sources, net->now_ns, source, queue)) {
        fama_net_drop(net, packet, FAMA_DROP_SOURCE_BUDGET);
        return;
    }
    uint64_t name = fama_recent_name(datagram);
    if (fama_recent_has(&net->recent, net->now_ns, name)) {
        fama_net_drop(net, packet, FAMA_DROP_REPLAYED);
        return;
    }
    /* Charged before a verify lcore can forgive it. There is room. */
    (void)fama_sources_charge(sources, net->now_ns, source, queue);
    struct rte_ring *ring = queue == FAMA_SOURCE_ALIVE ? net->topology->net_to_verify_alive
                                                       : net->topology->net_to_verify_messages;
    if (rte_ring_enqueue(ring, packet) != 0) {
        fama_sources_forgive(sources, source, queue);
        fama_net_drop(net, packet, FAMA_DROP_VERIFY_RING_FULL);
        return;
    }
    net->has_verify_work = true;
    fama_recent_add(&net->recent, net->now_ns, name);
}
