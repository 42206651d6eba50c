/* Where members are: hellos to those who say that they are somewhere, and the gate through which everything goes
 * that is sent there on their word. All decisions are those of address_proofs.h; this carries them out. */
#include <openssl/rand.h>

#include "controlplane/log.h"
#include "controlplane/node_state.h"

static bool draw(uint8_t *bytes, size_t count)
{
    return RAND_bytes(bytes, (int)count) == 1;
}

int fama_node_start_addresses(struct fama_node *node, struct fama_error *error)
{
    const struct fama_address_proofs_config config = {.peers_max = FAMA_PEERS_MAX, .random = draw};
    node->addresses = fama_address_proofs_create(&config);
    return node->addresses != NULL
               ? 0
               : fama_error_set(error, -1, "no memory, or no random numbers, for address proofs");
}

bool fama_node_may_send(struct fama_node *node, const struct fama_node_target *target,
                        enum fama_address_use use, size_t bytes)
{
    /* What our own configuration names is nobody else's word. */
    bool may =
        target->tag == 0 || fama_address_proofs_allow(node->addresses, fama_node_now_ns(),
                                                      target->tag, &target->endpoint, use, bytes);
    node->drops[FAMA_DROP_ADDRESS_UNPROVED] += !may;
    return may;
}

static void say_suspicion(struct fama_node *node, const struct fama_address_hello *hello)
{
    const struct fama_member *member = fama_membership_find(node->membership, hello->member);
    char text[FAMA_ENDPOINT_TEXT_BYTES];
    fama_endpoint_format(&hello->endpoint, text);
    fama_warning(
        "membership",
        "%s says that it is at %s, but nothing answers there: until something does it gets "
        "no blocks from here; is the way to its peer.gossip.endpoint open?",
        member != NULL ? fama_identity_common_name(member->identity) : "a member", text);
}

static void say_hellos(struct fama_node *node, uint64_t now_ns)
{
    struct fama_address_hello hello;
    while (fama_address_proofs_next_hello(node->addresses, now_ns, &hello)) {
        uint8_t datagram[FAMA_WIRE_SESSION_BYTES + FAMA_WIRE_HELLO_BYTES];
        const struct fama_session_message message = {
            .step = FAMA_SESSION_HELLO,
            .sender = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer))),
            .target = hello.member,
            .handshake = hello.handshake,
        };
        size_t len = fama_wire_session_write(&message, datagram, sizeof datagram);
        if (len > 0) {
            /* A full ring means a busy moment; hellos are repeated. */
            (void)fama_dataplane_send(node->dataplane, &hello.endpoint, fama_bytes(datagram, len));
        }
        if (hello.is_suspicious) {
            say_suspicion(node, &hello);
        }
    }
}

void fama_node_addresses_tick(struct fama_node *node, uint64_t now_ns)
{
    fama_address_proofs_tick(node->addresses, now_ns);
    say_hellos(node, now_ns);
    node->view_pace.is_stale |= fama_address_proofs_changed(node->addresses);
}

/* True unless it is no proof of where the member says it is. */
static bool take_answer(struct fama_node *node, fama_tag member, enum fama_address_answer answer)
{
    if (answer == FAMA_ADDRESS_PROVED) {
        fama_node_make_good(node, member, fama_address_proofs_take_owed(node->addresses, member));
    }
    node->view_pace.is_stale |= fama_address_proofs_changed(node->addresses);
    return answer != FAMA_ADDRESS_NOT_ASKED;
}

void fama_node_address_proved(struct fama_node *node, fama_tag member,
                              const struct fama_endpoint *endpoint)
{
    (void)take_answer(
        node, member,
        fama_address_proofs_prove(node->addresses, fama_node_now_ns(), member, endpoint));
}

bool fama_node_on_cookie(struct fama_node *node, const struct fama_session_message *message,
                         const struct fama_endpoint *came_from, uint64_t now_ns)
{
    return take_answer(node, message->sender,
                       fama_address_proofs_on_cookie(node->addresses, now_ns, message->sender,
                                                     message->handshake, came_from));
}

void fama_node_on_hello(struct fama_node *node, fama_tag member,
                        const struct fama_endpoint *came_from, uint64_t now_ns)
{
    fama_address_proofs_on_hello(node->addresses, now_ns, member, came_from);
    say_hellos(node, now_ns);
}
