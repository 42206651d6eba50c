/* The names of all reasons for which a datagram, a frame or a chunk goes no further. The name is the
 * return code, the counter, the metric and the word in the log; this table is their only source.
 *
 * Every lcore counts for itself (plain additions, read by anybody); fama_dataplane_counters sums. */
#ifndef FAMA_DATAPLANE_DROP_H
#define FAMA_DATAPLANE_DROP_H

/* X(symbol, name, words) */
#define FAMA_DROPS(X)                                                                              \
    X(NOT_OURS, "frame_not_ours", "a frame that is neither UDP nor ARP or ND for our address")     \
    X(FRAGMENT, "ip_fragment", "an IP fragment: fragments are ignored")                            \
    X(BAD_CHECKSUM, "bad_checksum", "IP header, UDP or ICMPv6 checksum wrong")                     \
    X(BAD_FRAME, "frame_malformed", "lengths of Ethernet, IP or UDP contradict each other")        \
    X(BAD_ARP, "arp_malformed", "an ARP packet that makes no sense")                               \
    X(BAD_ND, "nd_malformed", "neighbour discovery that makes no sense or claims our address")     \
    X(EXTENSION_HEADER, "extension_header", "an IPv6 packet with an extension header")             \
    X(BAD_MAGIC, "wire_bad_magic", "the datagram is not Fama's")                                   \
    X(BAD_VERSION, "wire_bad_version", "Fama's datagram of a version we do not speak")             \
    X(BAD_KIND, "wire_unknown_kind", "a kind of datagram we do not know")                          \
    X(TRUNCATED, "wire_truncated", "shorter than its kind needs, or than it says")                 \
    X(MALFORMED, "wire_malformed", "fields contradict each other or leave their bounds")           \
    X(OWN_MESSAGE, "own_message", "our own message came back")                                     \
    X(UNKNOWN_AUTHOR, "author_unknown", "signed by somebody not in the member view")               \
    X(UNKNOWN_CHANNEL, "channel_unknown", "for a channel this node has not joined")                \
    X(NOT_A_MEMBER, "channel_not_member", "its author is not known as a member of the channel")    \
    X(REPLAYED, "message_stale", "a message not newer than one we hold of the same author")        \
    X(ADMISSION_BUDGET, "admission_budget", "too many unknown identities in this second")          \
    X(IDENTITY_REFUSED, "identity_refused", "the certificate is not valid in this MSP")            \
    X(IDENTITY_EXPIRED, "identity_expired", "the certificate is expired or not yet valid")         \
    X(BAD_SIGNATURE, "bad_signature", "a message's signature does not verify")                     \
    X(SESSION_UNKNOWN, "session_unknown", "sealed in a session that we do not have (any more)")    \
    X(SESSION_FORGED, "session_forged", "its seal does not fit the session it names")              \
    X(SESSION_REPLAYED, "session_replayed", "came in its session already, or far too late")        \
    X(HANDSHAKE_UNKNOWN, "handshake_unknown", "part of a handshake that we are not in")            \
    X(HANDSHAKE_UNPROVED, "handshake_unproved", "an address that has not brought its cookie back") \
    X(HANDSHAKE_BUDGET, "handshake_budget", "more handshakes at once than we take part in")        \
    X(ADDRESS_UNPROVED, "address_unproved", "not sent: the member has not shown that it is there") \
    X(CHUNK_STALE, "chunk_stale", "a chunk of a block already committed")                          \
    X(CHUNK_AHEAD, "chunk_ahead", "a chunk of a block too far ahead of the ledger")                \
    X(CHUNK_DUPLICATE, "chunk_duplicate", "a chunk we already hold")                               \
    X(CHUNK_GEOMETRY, "chunk_geometry", "block size, chunk size, set and index contradict")        \
    X(CHUNK_TOO_BIG, "chunk_block_too_big", "its block would exceed the configured size")          \
    X(ROOT_CONFLICT, "chunk_root_conflict", "another root for a set whose root is known")          \
    X(ROOT_FORGED, "chunk_root_forged", "the root's signature does not verify")                    \
    X(OTHER_SIGNATURE, "chunk_other_signature",                                                    \
      "not forwarded: it came with a signature nobody verified")                                   \
    X(SET_POLLUTED, "chunk_set_polluted", "its set is no codeword: the root's signer has lied")    \
    X(UNSEALED, "chunk_unsealed", "a chunk that is neither sealed nor within a session")           \
    X(NO_KEY, "key_unknown", "sealed with a channel key that we do not have (yet)")                \
    X(SEAL_FORGED, "seal_forged", "sealed by somebody who does not have the key")                  \
    X(ROOTS_FULL, "chunk_roots_full", "too many unverified roots at once")                         \
    X(SLOTS_FULL, "chunk_slots_full", "no reassembly slot free")                                   \
    X(HELD_FULL, "chunk_held_full", "too many chunks wait for their root's verification")          \
    X(ORIGIN_BLAMED, "chunk_origin_blamed", "its origin signed a block that was refused")          \
    X(SOURCE_BUDGET, "source_budget", "its source has too much unproved in our queues")            \
    X(VERIFY_RING_FULL, "verify_ring_full", "the verification stage is behind")                    \
    X(EVENT_RING_FULL, "event_ring_full", "the control thread is behind")                          \
    X(NET_RING_FULL, "net_ring_full", "the net lcore whose packet it is is behind")                \
    X(BLOCK_RING_FULL, "block_ring_full", "the commit thread is behind")                           \
    X(NO_MBUF, "no_mbuf", "the packet pool is empty")                                              \
    X(NO_NEIGHBOUR, "no_neighbour", "the target's link address is not resolved (yet)")             \
    X(TX_FULL, "tx_full", "the port took no packets for long")                                     \
    X(TX_QUEUE_FULL, "tx_queue_full", "too many packets of its class wait to be sent")             \
    X(HOPS_SPENT, "hops_spent", "not forwarded: the hop budget is used up")

enum fama_drop {
    FAMA_DROP_NONE = 0,
#define FAMA_DROP_ENUM(symbol, name, words) FAMA_DROP_##symbol,
    FAMA_DROPS(FAMA_DROP_ENUM)
#undef FAMA_DROP_ENUM
        FAMA_DROP_COUNT
};

const char *fama_drop_name(enum fama_drop drop);
const char *fama_drop_words(enum fama_drop drop);

#endif
