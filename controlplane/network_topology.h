/* A local network on one machine, as data: which organisations and nodes there are, where their files,
 * namespaces and addresses lie, and how fast blocks come. Nothing here touches the system but for reading
 * and writing the description, `network.json` in the network's directory.
 *
 * Layout of the directory:
 *   network.json   crypto/ (identities made for it)   <channel>.block (genesis)
 *   nodes/<node>/  core.yaml, node.log, ledgers
 * What lives only as long as the machine runs lies in /run/fama/<name>/: <node>.pid, <node>.sock, what was
 * added to the hugepages. A network is known by its name: namespaces are fama-<name>-<node>, and two
 * networks of different names never meet, so that each may use the same addresses.
 *
 * Main thread of a command. Memory: one object, fixed size. */
#ifndef FAMA_CONTROLPLANE_NETWORK_TOPOLOGY_H
#define FAMA_CONTROLPLANE_NETWORK_TOPOLOGY_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/error.h"

#define FAMA_NETWORK_NODES_MAX 64
#define FAMA_NETWORK_ORGS_MAX  8
#define FAMA_NETWORK_NAME_MAX  24 /* with the NUL */
#define FAMA_NETWORK_PORT      7051
#define FAMA_NETWORK_MTU       1500 /* where no other is asked for */
#define FAMA_NETWORK_MTU_MIN   1280
#define FAMA_NETWORK_MTU_MAX   9000
/* Packet memory per node: enough for the largest blocks of a demonstration, little enough for many nodes on
 * one machine. It holds the mbufs x (mtu + 448 bytes) with room for rings. */
#define FAMA_NETWORK_NODE_MBUFS     24576
#define FAMA_NETWORK_NODE_MEMORY_MB 128
#define FAMA_NETWORK_PACE_MIN       10000000 /* what the configuration allows */
#define FAMA_NETWORK_PACE_MAX       1000000000000
#define FAMA_NETWORK_RUN_FOLDER     "/run/fama"

enum fama_network_error {
    FAMA_NETWORK_INVALID = -1, /* the description or an option makes no sense */
    FAMA_NETWORK_IO = -2,      /* a file cannot be read or written */
    FAMA_NETWORK_SYSTEM = -3,  /* the kernel, `ip` or `tc` refused */
    FAMA_NETWORK_NODE = -4,    /* a node did not start, or answered with an error */
    FAMA_NETWORK_NO_MEMORY = -5,
};

enum fama_network_port {
    FAMA_NETWORK_PORT_AF_PACKET = 0,
    FAMA_NETWORK_PORT_AF_XDP = 1,
    FAMA_NETWORK_PORT_TAP = 2,
};

struct fama_network_org {
    char name[FAMA_NETWORK_NAME_MAX]; /* "Sipher"; its MSP id is SipherMSP */
    char domain[64];                  /* "sipher.fama" */
    uint32_t nodes;
};

struct fama_network_node {
    char name[FAMA_NETWORK_NAME_MAX + 8]; /* "sipher0" */
    uint32_t org;                         /* index into orgs */
    uint32_t number;                      /* within its organisation: peer<number>.<domain> */
    bool is_leader;
    char address[46]; /* IPv4, dotted, or IPv6 */
};

/* What the links between bridge and nodes do to frames on their way to a node. All zero: nothing. */
struct fama_network_faults {
    double loss_percent;
    double delay_ms;
    double jitter_ms; /* +- around the delay: frames overtake each other */
    double reorder_percent;
    uint64_t seed;
};

struct fama_network {
    char directory[PATH_MAX]; /* absolute */
    char name[FAMA_NETWORK_NAME_MAX];
    char channel[250];
    char genesis[PATH_MAX];
    char crypto[PATH_MAX];    /* cryptogen's layout: peerOrganizations/<domain>/peers/... */
    char blocks[PATH_MAX];    /* the leaders' ordering source; "" for none */
    double blocks_per_second; /* 0: flat out */
    enum fama_network_port port_type;
    uint32_t mtu;            /* of all links */
    bool is_ipv6;            /* what the nodes speak; else IPv4 */
    bool is_polling;         /* idle: poll */
    uint64_t pace;           /* fama.dataplane.pace.bitsPerSecond; 0: none */
    bool is_infectious;      /* fama.dissemination.planner; else coordinated */
    bool has_own_identities; /* made for this network, by fama_network_create */
    struct fama_network_faults faults;
    struct fama_network_org orgs[FAMA_NETWORK_ORGS_MAX];
    uint32_t org_count;
    struct fama_network_node nodes[FAMA_NETWORK_NODES_MAX];
    uint32_t node_count;
};

/* Adds an organisation with its nodes from "Sipher:5"; the first node of each is its leader. Addresses are
 * of 198.18.0.0/24 (RFC 2544) or of 2001:2::/64 (RFC 5180), so that is_ipv6 is set before. */
int fama_network_add_org(struct fama_network *network, const char *text, struct fama_error *error);
/* Small letters, digits and inner hyphens, short enough for the names made of it. */
bool fama_network_name_is_valid(const char *name);
int fama_network_port_from_name(const char *name, enum fama_network_port *port);
const char *fama_network_port_name(enum fama_network_port port);

/* "198.18.0.11:7051", "[2001:2::11]:7051"; false if it does not fit `size`. */
bool fama_network_endpoint(const struct fama_network *network, const struct fama_network_node *node,
                           char *text, size_t size);

/* NULL if there is no such node. */
const struct fama_network_node *fama_network_find(const struct fama_network *network,
                                                  const char *node_name);

int fama_network_save(const struct fama_network *network, struct fama_error *error);
/* `*network` is released with free(). INVALID says what is wrong in the file, IO if there is none. */
int fama_network_load(const char *directory, struct fama_network **network,
                      struct fama_error *error);
bool fama_network_exists(const char *directory);

/* Paths and names derived from the description. False if the result does not fit `size`. */
bool fama_network_node_path(const struct fama_network *network,
                            const struct fama_network_node *node, const char *file, char *path,
                            size_t size);
bool fama_network_run_path(const char *network_name, const char *file, char *path, size_t size);
bool fama_network_socket_path(const struct fama_network *network,
                              const struct fama_network_node *node, char *path, size_t size);
bool fama_network_msp_path(const struct fama_network *network, const struct fama_network_node *node,
                           char *path, size_t size);
bool fama_network_namespace(const char *network_name, const char *node_name, char *name,
                            size_t size);

/* Packet memory of each node in MB, which grows with the MTU, and an eighth for what does not fit its pages. */
uint32_t fama_network_node_memory_mb(const struct fama_network *network);

/* printf into a buffer; false if it was cut. */
bool fama_network_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
