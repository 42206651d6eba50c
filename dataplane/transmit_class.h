/* What a packet is sent for: the order in which packets leave when the port, or its pace, cannot take all.
 * This table is the only source of the names; they stand in counters and in what the node shows. */
#ifndef FAMA_DATAPLANE_TRANSMIT_CLASS_H
#define FAMA_DATAPLANE_TRANSMIT_CLASS_H

/* X(symbol, name), first things first. */
#define FAMA_TRANSMIT_CLASS_TABLE(X)                                                               \
    X(CONTROL, "control")     /* signed messages, handshakes, and finding neighbours */            \
    X(NEW_BLOCK, "new_block") /* chunks of blocks being pushed, our own and relayed ones */        \
    X(REPAIR, "repair")       /* chunks that peers in step lack of the newest blocks */            \
    X(TRANSFER, "transfer")   /* chunks for peers that catch up */

enum fama_transmit_class {
#define FAMA_TRANSMIT_CLASS_ENUM(symbol, name) FAMA_TRANSMIT_##symbol,
    FAMA_TRANSMIT_CLASS_TABLE(FAMA_TRANSMIT_CLASS_ENUM)
#undef FAMA_TRANSMIT_CLASS_ENUM
        FAMA_TRANSMIT_CLASSES
};

const char *fama_transmit_class_name(enum fama_transmit_class transmit_class);

#endif
