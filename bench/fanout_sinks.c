/* The two sinks of the fan-out bench. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/fanout.h"
#include "dataplane/eal.h"
#include "dataplane/idle.h"
#include "dataplane/port.h"

#define BURST 64

struct __attribute__((packed)) arp_frame {
    struct ether_header ethernet;
    struct ether_arp arp;
};

/* Turns a request for one of the targets into the answer; false if it is none. */
static bool answer_arp(struct arp_frame *frame, const struct fama_fanout_case *what,
                       const uint8_t mac[6])
{
    uint32_t wanted;
    memcpy(&wanted, frame->arp.arp_tpa, sizeof wanted);
    if (frame->ethernet.ether_type != htons(ETHERTYPE_ARP) ||
        frame->arp.ea_hdr.ar_op != htons(ARPOP_REQUEST) ||
        ntohl(wanted) - what->first_ipv4 >= what->targets) {
        return false;
    }
    memcpy(frame->ethernet.ether_dhost, frame->ethernet.ether_shost, 6);
    memcpy(frame->ethernet.ether_shost, mac, 6);
    memcpy(frame->arp.arp_tha, frame->arp.arp_sha, 6);
    memcpy(frame->arp.arp_tpa, frame->arp.arp_spa, 4);
    memcpy(frame->arp.arp_sha, mac, 6);
    memcpy(frame->arp.arp_spa, &wanted, sizeof wanted);
    frame->arp.ea_hdr.ar_op = htons(ARPOP_REPLY);
    return true;
}

int fama_fanout_run_veth_sink(const struct fama_fanout_case *what, const uint8_t mac[6])
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP));
    if (fd < 0) {
        fprintf(stderr, "fama-bench: sink: %s\n", strerror(errno));
        return 1;
    }
    for (;;) {
        struct arp_frame frame;
        struct sockaddr_ll from;
        socklen_t from_len = sizeof from;
        ssize_t got = recvfrom(fd, &frame, sizeof frame, 0, (struct sockaddr *)&from, &from_len);
        if (got < (ssize_t)sizeof frame || !answer_arp(&frame, what, mac)) {
            continue;
        }
        if (sendto(fd, &frame, sizeof frame, 0, (struct sockaddr *)&from, from_len) < 0) {
            fprintf(stderr, "fama-bench: sink: %s\n", strerror(errno));
        }
    }
}

/* Counts what a sender sent, and answers what it asks. */
static uint32_t take_burst(const struct fama_port *port, const struct fama_fanout_case *what,
                           const uint8_t mac[6])
{
    struct rte_mbuf *packets[BURST];
    uint32_t counted = 0;
    uint16_t count = rte_eth_rx_burst(port->id, 0, packets, BURST);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < count; i++) {
        struct arp_frame *frame = rte_pktmbuf_mtod(packets[i], struct arp_frame *);
        if (frame->ethernet.ether_type == htons(ETHERTYPE_IP)) {
            counted++;
        } else if (rte_pktmbuf_data_len(packets[i]) >= sizeof *frame &&
                   answer_arp(frame, what, mac) &&
                   rte_eth_tx_burst(port->id, 0, &packets[i], 1) == 1) {
            continue; /* the port has it now */
        }
        packets[kept++] = packets[i];
    }
    rte_pktmbuf_free_bulk(packets, kept);
    (void)atomic_fetch_add_explicit(&what->tally->frames, counted, memory_order_relaxed);
    if (count == BURST) {
        (void)atomic_fetch_add_explicit(&what->tally->crowded, counted, memory_order_relaxed);
    }
    return count;
}

int fama_fanout_run_memif_sink(const struct fama_fanout_case *what, const uint8_t mac[6])
{
    struct fama_error error = {""};
    struct fama_port port;
    const struct fama_dataplane_config config = {
        .port = what->sink,
        .file_prefix = "fama-bench-sink",
        .mtu = 1500,
        .control_core = what->helper_core,
        .net_cores = {what->helper_core},
        .net_core_count = 1,
        .verify_cores = {what->helper_core},
        .verify_core_count = 1,
        .hugepages = FAMA_HUGEPAGES_OFF,
        .memory_mb = 128,
        .mbufs = 16384,
    };
    if (fama_eal_start(&config, &error) != 0 || fama_port_open(&port, &config, 0, &error) != 0) {
        fprintf(stderr, "fama-bench: memif sink: %s\n", error.text);
        return 1;
    }
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, 100000);
    for (;;) {
        fama_idle_wait(fama_idle_next(&idler, take_burst(&port, what, mac)));
    }
}
