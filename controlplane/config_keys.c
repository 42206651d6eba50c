#include "controlplane/config_keys.h"

#include "controlplane/config.h"
#include "ledger/ledger.h"

#define FIELD(member)                                                                              \
    .offset = offsetof(struct fama_config, member),                                                \
    .size = sizeof(((struct fama_config *)NULL)->member)

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define SECOND      UINT64_C(1000000000)
#define HOUR        (3600 * SECOND)
#define KIB         UINT64_C(1024)
#define MIB         (1024 * KIB)
#define GIB         (1024 * MIB)

/* Order matters in two ways: the sample file is written in this order, and a key that is derived from
 * another one comes after it. */
const struct fama_config_key fama_config_keys[] = {
    {.path = "peer.id",
     .type = FAMA_KEY_TEXT,
     FIELD(peer_id),
     .is_required = true,
     .sample = "p0.sipher.lab",
     .words = "The name of this node in its own log, in tables and in fama.dataplane.filePrefix. "
              "It must "
              "differ from the other nodes' on the same machine."},
    {.path = "peer.address",
     .type = FAMA_KEY_TEXT,
     .sample = "198.18.0.11:7051",
     .unit = "host:port",
     .words =
         "Fabric's address of the peer. Fama reads it only where peer.gossip.endpoint is not set."},
    {.path = "peer.localMspId",
     .type = FAMA_KEY_TEXT,
     FIELD(local_mspid),
     .is_required = true,
     .sample = "SipherMSP",
     .words = "The MSP id of this node's organisation, as the channels' configuration spells it."},
    {.path = "peer.mspConfigPath",
     .type = FAMA_KEY_PATH,
     FIELD(msp_directory),
     .is_required = true,
     .sample = "msp",
     .words = "The folder with this node's MSP: cacerts, keystore, signcerts, config.yaml. Made by "
              "`fama "
              "ca issue` or by any Fabric CA."},
    {.path = "peer.fileSystemPath",
     .type = FAMA_KEY_PATH,
     FIELD(file_system_path),
     .fallback = "/var/hyperledger/production",
     .words = "Where the ledgers live. Put it on a disk whose synchronous writes are fast: every "
              "block is "
              "durable before its height is told to anybody."},

    {.path = "peer.gossip.bootstrap",
     .type = FAMA_KEY_ENDPOINTS,
     FIELD(bootstrap),
     .sample = "198.18.0.11:7051 198.18.0.12:7051",
     .unit = "host:port, separated by blanks, or a YAML list",
     .words = "Nodes of the own organisation that are greeted at start. They are never forgotten. "
              "One that "
              "runs is enough to find all others; name two or three. The node's own endpoint may "
              "be among "
              "them, so that all nodes can share one list. At most 64."},
    {.path = "peer.gossip.useLeaderElection",
     .type = FAMA_KEY_BOOL,
     .fallback = "false",
     .words = "Election of the node that pulls from the orderers. Not available in this version: "
              "true is "
              "refused at start."},
    {.path = "peer.gossip.orgLeader",
     .type = FAMA_KEY_BOOL,
     FIELD(is_org_leader),
     .fallback = "false",
     .words =
         "Whether this node takes blocks from the ordering source and sends them to the others. "
         "Set it "
         "to true on one node of each organisation; two leaders are harmless and cost bandwidth."},
    {.path = "peer.gossip.endpoint",
     .type = FAMA_KEY_ENDPOINT,
     FIELD(endpoint),
     .derived = FAMA_KEY_FROM_ADDRESS,
     .is_required = true,
     .unit = "host:port",
     .words =
         "Address and UDP port at which the other nodes reach this one: the address the dataplane "
         "owns on its port, not one of the kernel's. Default: peer.address."},
    {.path = "peer.gossip.propagatePeerNum",
     .type = FAMA_KEY_NUMBER,
     FIELD(propagate_peer_num),
     .fallback = "3",
     .zero_is_default = true,
     .least = 1,
     .most = FAMA_FANOUT_MAX,
     .unit = "peers",
     .words =
         "To how many peers a chunk of a block or an alive message is passed on: a node's children "
         "in a chunk's tree, or peers drawn at random (fama.dissemination.planner). 3 drawn at "
         "random "
         "reach everybody with a probability that pull makes up to certainty, and more cost "
         "bandwidth "
         "in proportion; in a tree more make it flatter. The same on all nodes of an "
         "organisation."},
    {.path = "peer.gossip.pullPeerNum",
     .type = FAMA_KEY_NUMBER,
     FIELD(pull_peer_num),
     .fallback = "3",
     .zero_is_default = true,
     .least = 1,
     .most = FAMA_FANOUT_MAX,
     .unit = "peers",
     .words = "With how many random peers the member lists are compared each pullInterval."},
    {.path = "peer.gossip.pullInterval",
     .type = FAMA_KEY_DURATION,
     FIELD(pull_interval_ns),
     .fallback = "4s",
     .zero_is_default = true,
     .least = 50 * MILLISECOND,
     .most = HOUR,
     .words = "How often the member lists are compared. Missing blocks do not wait for it: see "
              "fama.repair."},
    {.path = "peer.gossip.aliveTimeInterval",
     .type = FAMA_KEY_DURATION,
     FIELD(alive_interval_ns),
     .fallback = "5s",
     .zero_is_default = true,
     .least = 50 * MILLISECOND,
     .most = HOUR,
     .words = "How often this node says that it lives. Lower it where deaths must be noticed "
              "sooner, the "
              "same on all nodes; each message costs every node one signature check."},
    {.path = "peer.gossip.aliveExpirationTimeout",
     .type = FAMA_KEY_DURATION,
     FIELD(alive_expiration_ns),
     .derived = FAMA_KEY_FROM_ALIVE_INTERVAL,
     .zero_is_default = true,
     .least = 100 * MILLISECOND,
     .most = 24 * HOUR,
     .words = "A peer not heard of for this long is dead. At least twice aliveTimeInterval. "
              "Default: five "
              "times aliveTimeInterval."},
    {.path = "peer.gossip.reconnectInterval",
     .type = FAMA_KEY_DURATION,
     FIELD(reconnect_interval_ns),
     .derived = FAMA_KEY_FROM_ALIVE_EXPIRATION,
     .zero_is_default = true,
     .least = 50 * MILLISECOND,
     .most = 24 * HOUR,
     .words = "How often the dead, and bootstrap nodes that nobody has heard of, are greeted "
              "again. Default: "
              "aliveExpirationTimeout."},
    {.path = "peer.gossip.msgExpirationFactor",
     .type = FAMA_KEY_NUMBER,
     FIELD(message_expiration_factor),
     .fallback = "20",
     .zero_is_default = true,
     .least = 1,
     .most = 10000,
     .unit = "times aliveExpirationTimeout",
     .words = "After this many aliveExpirationTimeouts a dead peer is forgotten; bootstrap nodes "
              "never."},
    {.path = "peer.gossip.publishStateInfoInterval",
     .type = FAMA_KEY_DURATION,
     FIELD(publish_state_info_interval_ns),
     .fallback = "4s",
     .zero_is_default = true,
     .least = 50 * MILLISECOND,
     .most = HOUR,
     .words = "How often the ledger heights are told again while nothing changes. A change is told "
              "at once."},

    {.path = "fama.log.level",
     .type = FAMA_KEY_WORD,
     FIELD(log_level),
     .fallback = "info",
     .choices = "debug info warning error",
     .words = "The least important kind of line that is written to standard error. debug is for "
              "finding a "
              "fault, not for every day."},
    {.path = "fama.admin.socket",
     .type = FAMA_KEY_PATH,
     FIELD(admin_socket),
     .derived = FAMA_KEY_FROM_FILE_SYSTEM_PATH,
     .words =
         "The Unix socket through which `fama` talks to the running node. Whoever may open it may "
         "administer the node; it is made with mode 0600. At most 107 bytes. Default: fama.sock in "
         "peer.fileSystemPath."},
    {.path = "fama.orderer.directory",
     .type = FAMA_KEY_PATH,
     FIELD(source_directory),
     .words = "Ordering source of a leader: a folder with one folder per channel, in it Fabric "
              "block files "
              "(<number>.block). New files are taken as they appear. Default: none."},
    {.path = "fama.orderer.blocksPerSecond",
     .type = FAMA_KEY_REAL,
     FIELD(source_blocks_per_second),
     .fallback = "0",
     .least = 0,
     .most = 1000000,
     .unit = "blocks per second and channel",
     .words = "Paces the source, for demonstrations and measurements. 0: as fast as the network "
              "takes them."},

    {.path = "fama.crypto.verifier",
     .type = FAMA_KEY_CHOICE,
     FIELD(verifier),
     .fallback = "auto",
     .choices = "auto openssl portable mulx avx512ifma",
     .words = "What verifies ECDSA P-256 signatures. auto: the fastest that the processor runs. "
              "openssl: the reference, one signature at a time, a fifth as fast or less. portable, "
              "mulx, avx512ifma: this one or none; a processor that cannot is said at start. They "
              "never differ in a verdict; choose one to find a fault. `fama-bench verify` compares "
              "them."},
    {.path = "fama.crypto.hotKeysMemory",
     .type = FAMA_KEY_BYTES,
     FIELD(hot_keys_memory),
     .fallback = "64M",
     .least = 256 * KIB,
     .most = 16 * GIB,
     .unit = "bytes, K M G allowed",
     .words = "Memory for tables of the keys that most signatures are by, 256 KiB each, taken as "
              "they are used. Raise it where more clients and endorsers than that sign all the "
              "time: a key without a table costs several times as much."},

    {.path = "fama.dissemination.parity.min",
     .type = FAMA_KEY_NUMBER,
     FIELD(parity_min),
     .fallback = "0",
     .most = FAMA_PARITY_MAX,
     .unit = "chunks per 32",
     .words = "Parity chunks that go with each 32 chunks of a new block when nothing is lost. Each "
              "makes "
              "one lost chunk good without anybody asking for it, and costs as much to send."},
    {.path = "fama.dissemination.parity.max",
     .type = FAMA_KEY_NUMBER,
     FIELD(parity_max),
     .fallback = "16",
     .most = FAMA_PARITY_MAX,
     .unit = "chunks per 32",
     .words =
         "The most parity chunks that go with each 32 chunks, however much is lost on the way: "
         "between the two bounds their number follows the loss that members report."},
    {.path = "fama.dissemination.keyRotation",
     .type = FAMA_KEY_DURATION,
     FIELD(key_rotation_ns),
     .fallback = "1h",
     .least = 1000 * MILLISECOND,
     .most = 24 * HOUR,
     .words = "How long this node, as an origin, seals a channel's blocks with one key. A new one "
              "is also "
              "made when a member has gone for good."},
    {.path = "fama.dissemination.keyGrace",
     .type = FAMA_KEY_DURATION,
     FIELD(key_grace_ns),
     .fallback = "1s",
     .least = MILLISECOND,
     .most = HOUR,
     .words = "How long a new key waits for members that have not said that they have it."},
    {.path = "fama.dissemination.planner",
     .type = FAMA_KEY_CHOICE,
     FIELD(dataplane.planner),
     .fallback = "coordinated",
     .choices = "coordinated infectious",
     .words =
         "How this node's own blocks find their way through the organisation. coordinated: every "
         "chunk along a tree of its own that all nodes work out alike, so that each gets it once "
         "and this node sends it once. infectious: at random, each chunk reaching each node about "
         "propagatePeerNum times; for networks whose nodes hardly ever agree on who lives. "
         "Chunks of a node with other members or another propagatePeerNum in mind always go "
         "infectiously."},
    {.path = "fama.dataplane.port",
     .type = FAMA_KEY_TEXT,
     FIELD(dataplane.port),
     .is_required = true,
     .sample = "net_af_packet0,iface=eth1",
     .words = "The network port the node owns, in DPDK's words: the PCI address of a NIC or "
              "SmartNIC port "
              "(0000:3b:00.0) or a virtual device (net_af_packet0,iface=eth1 or "
              "net_af_xdp0,iface=eth1 or "
              "net_tap0). What DPDK offers for the card in question decides; virtual ones run "
              "anywhere."},
    {.path = "fama.dataplane.address",
     .type = FAMA_KEY_CIDR,
     FIELD(dataplane.prefix_bits),
     .is_required = true,
     .sample = "198.18.0.11/24",
     .least = 8,
     .most = 30,
     .unit = "address/prefix length",
     .words = "The port's own address and network. The address must be that of "
              "peer.gossip.endpoint; the "
              "kernel must not have it on the same link."},
    {.path = "fama.dataplane.gateway",
     .type = FAMA_KEY_ADDRESS,
     FIELD(dataplane.gateway),
     .unit = "address",
     .words = "The router to nodes outside that network: an address of the same family on it; an "
              "IPv6 one "
              "may be link-local (fe80::1). Default: none, all nodes share one link."},
    {.path = "fama.dataplane.mtu",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.mtu),
     .fallback = "1500",
     .least = 1280,
     .most = 9000,
     .unit = "bytes",
     .words = "The largest IP packet the link carries. 9000 where the whole way takes jumbo "
              "frames; packets "
              "are never fragmented. It must be the same on all nodes of a link."},
    {.path = "fama.dataplane.cores.control",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.control_core),
     .derived = FAMA_KEY_FIRST_CPU,
     .most = 1023,
     .unit = "CPU number",
     .words = "The CPU of the control thread: membership, channels, administration. Default: the "
              "first CPU "
              "this process may use."},
    {.path = "fama.dataplane.cores.net",
     .type = FAMA_KEY_CPUS,
     FIELD(dataplane.net_cores),
     .derived = FAMA_KEY_SECOND_CPU,
     .most = 1023,
     .unit = "CPU numbers, separated by blanks, or a YAML list",
     .words = "The CPUs that poll the port, at most 8, each with a queue pair of its own where the "
              "port has so many: blocks and sessions are shared out among them. One is enough "
              "until it is busy all the time. On a server give them CPUs of the port's NUMA node "
              "that nothing else uses (isolcpus). Default: the second CPU this process may use, or "
              "the last."},
    {.path = "fama.dataplane.cores.verify",
     .type = FAMA_KEY_CPUS,
     FIELD(dataplane.verify_cores),
     .derived = FAMA_KEY_THIRD_CPU,
     .most = 1023,
     .unit = "CPU numbers, separated by blanks, or a YAML list",
     .words = "The CPUs that verify signatures, at most 16. `fama-bench verify` tells what "
              "one of them can do; add some where verify_ring_full is counted. Roles may share a "
              "CPU on small machines. Default: the third CPU this process may use, or the last."},
    {.path = "fama.dataplane.idle",
     .type = FAMA_KEY_CHOICE,
     FIELD(dataplane.idle),
     .fallback = "adaptive",
     .choices = "poll adaptive",
     .words = "What the polling threads do when there is nothing to do. poll: never sleep, for the "
              "lowest "
              "latency on dedicated CPUs. adaptive: sleep a little longer each time, up to "
              "idleSleepMax, so "
              "that many nodes share a machine."},
    {.path = "fama.dataplane.idleSleepMax",
     .type = FAMA_KEY_DURATION,
     FIELD(dataplane.idle_sleep_max_ns),
     .fallback = "500us",
     .least = 1 * MICROSECOND,
     .most = 100 * MILLISECOND,
     .words = "The longest sleep of an idle polling thread; the first packet after a silence waits "
              "at most "
              "this long."},
    {.path = "fama.dataplane.hugepages",
     .type = FAMA_KEY_CHOICE,
     FIELD(dataplane.hugepages),
     .fallback = "auto",
     .choices = "auto on off",
     .words = "auto: use hugepages if there are enough, else ordinary pages with one warning. on: "
              "do not "
              "start without. off: never; physical ports need them."},
    {.path = "fama.dataplane.memory",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.memory_mb),
     .fallback = "256",
     .least = 16,
     .most = 1048576,
     .unit = "MiB",
     .words = "Memory for packets. It must hold mbufs times 3 KiB, with jumbo frames mtu and 1 "
              "KiB, and half as much again without hugepages; too little is said at start."},
    {.path = "fama.dataplane.mbufs",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.mbufs),
     .fallback = "32768",
     .least = 2048,
     .most = 4194304,
     .unit = "packets",
     .words = "Packet buffers for receiving, sending and chunks that wait for their signature. "
              "Raise it where "
              "no_mbuf is counted."},
    {.path = "fama.dataplane.pace.bitsPerSecond",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.pace_bits_per_second),
     .fallback = "0",
     .least = 0,
     .most = 1000000000000,
     .unit = "bits per second",
     .words =
         "The most the port sends, headers and gaps between frames included. Set it a little "
         "below the slowest link on the way: then what waits, waits here, where alive messages "
         "and new blocks go before repair and repair before state transfer. 0: no limit but the "
         "port's own. At least 10000000 if any."},
    {.path = "fama.dataplane.pace.burstBytes",
     .type = FAMA_KEY_BYTES,
     FIELD(dataplane.pace_burst_bytes),
     .fallback = "128K",
     .least = 16 * KIB,
     .most = 1024 * 1024 * KIB,
     .unit = "bytes, K M G allowed",
     .words = "How much of that may go at once after a silence. Lower it where a switch on the way "
              "has little memory; raise it for rates above 10 Gbit/s with idle: adaptive."},
    {.path = "fama.dataplane.hopBudget",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.hop_budget),
     .fallback = "8",
     .least = 1,
     .most = 64,
     .unit = "hops",
     .words = "How often a chunk may be passed on. propagatePeerNum to the power of it should "
              "exceed the "
              "number of nodes a good deal."},
    {.path = "fama.dataplane.stalledAfter",
     .type = FAMA_KEY_DURATION,
     FIELD(dataplane.stalled_ns),
     .fallback = "30ms",
     .least = 1 * MILLISECOND,
     .most = 10 * SECOND,
     .words = "A block that got no new chunk for this long has a gap, and its missing chunks are "
              "asked for. "
              "Raise it on links with a long round trip."},
    {.path = "fama.dataplane.blameFor",
     .type = FAMA_KEY_DURATION,
     FIELD(dataplane.reassembly.blame_ns),
     .fallback = "10s",
     .least = 10 * MILLISECOND,
     .most = HOUR,
     .words = "How long chunks of a block are not taken from a node that signed a bad copy of it."},
    {.path = "fama.dataplane.admissionsPerSecond",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.admissions_per_second),
     .fallback = "200",
     .least = 1,
     .most = 100000,
     .unit = "certificates per second",
     .words =
         "How many certificates of unknown nodes are looked at. It bounds what strangers can cost; "
         "raise it for networks of thousands of nodes that start at once."},
    {.path = "fama.dataplane.maxBlockBytes",
     .type = FAMA_KEY_BYTES,
     FIELD(dataplane.reassembly.block_bytes_max),
     .fallback = "16M",
     .least = 64 * KIB,
     .most = FAMA_LEDGER_GROUP_BYTES_MAX,
     .unit = "bytes, K M G allowed",
     .words = "The largest block taken. At least the orderers' AbsoluteMaxBytes with room for "
              "metadata."},
    {.path = "fama.dataplane.slots",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.reassembly.slots),
     .fallback = "32",
     .least = 2,
     .most = 64,
     .unit = "blocks",
     .words =
         "How many blocks may be in assembly or on their way to the ledger at once, all channels "
         "together. Each takes up to maxBlockBytes of memory."},
    {.path = "fama.dataplane.roots",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.reassembly.roots_max),
     .fallback = "256",
     .least = 8,
     .most = 65536,
     .unit = "chunk sets",
     .words = "How many chunk sets may wait for the verification of their root. Raise it where "
              "chunk_roots_full is counted."},
    {.path = "fama.dataplane.held",
     .type = FAMA_KEY_NUMBER,
     FIELD(dataplane.reassembly.held_max),
     .fallback = "8192",
     .least = 64,
     .most = 1048576,
     .unit = "chunks",
     .words = "How many chunks may wait for that. They occupy mbufs, which there must be more of."},
    {.path = "fama.dataplane.filePrefix",
     .type = FAMA_KEY_TEXT,
     FIELD(dataplane.file_prefix),
     .derived = FAMA_KEY_FROM_PEER_ID,
     .words = "The name under which DPDK keeps this process's run-time files; one per process on a "
              "machine. "
              "Default: fama- and peer.id."},

    {.path = "fama.repair.patience",
     .type = FAMA_KEY_DURATION,
     FIELD(repair_patience_ns),
     .fallback = "60ms",
     .least = 1 * MILLISECOND,
     .most = 60 * SECOND,
     .words = "How long push has to bring a block that is known to exist before it is asked for."},
    {.path = "fama.repair.retry",
     .type = FAMA_KEY_DURATION,
     FIELD(repair_retry_ns),
     .fallback = "120ms",
     .least = 1 * MILLISECOND,
     .most = 60 * SECOND,
     .words = "How long a request may go unanswered before another holder is asked. Some round "
              "trips long."},
    {.path = "fama.repair.bytesPerSecond",
     .type = FAMA_KEY_BYTES,
     FIELD(repair_bytes_per_second),
     .fallback = "128M",
     .least = 64 * KIB,
     .most = 1024 * GIB,
     .unit = "bytes per second, K M G allowed",
     .words = "How much this node sends to all that ask for blocks together, so that the laggards "
              "do not "
              "take the uplink from fresh blocks."},
    {.path = "fama.repair.bytesPerSecondEach",
     .type = FAMA_KEY_BYTES,
     FIELD(repair_bytes_per_second_each),
     .fallback = "32M",
     .least = 64 * KIB,
     .most = 1024 * GIB,
     .unit = "bytes per second, K M G allowed",
     .words =
         "The same for each one that asks. Not more than bytesPerSecond. Both count the work of "
         "an answer too, as bytes: reading a block, coding and signing each set of it."},
};
const size_t fama_config_key_count = sizeof fama_config_keys / sizeof fama_config_keys[0];

const char *const fama_config_accepted[] = {
    "peer.networkId",
    "peer.listenAddress",
    "peer.chaincodeListenAddress",
    "peer.chaincodeAddress",
    "peer.addressAutoDetect",
    "peer.localMspType",
    "peer.validatorPoolSize",
    "peer.maxRecvMsgSize",
    "peer.maxSendMsgSize",
    "peer.gossip.membershipTrackerInterval",
    "peer.gossip.externalEndpoint",
    "peer.gossip.maxBlockCountToStore",
    "peer.gossip.maxPropagationBurstLatency",
    "peer.gossip.maxPropagationBurstSize",
    "peer.gossip.propagateIterations",
    "peer.gossip.requestStateInfoInterval",
    "peer.gossip.stateInfoRetentionInterval",
    "peer.gossip.publishCertPeriod",
    "peer.gossip.skipBlockVerification",
    "peer.gossip.skipHandshake",
    "peer.gossip.dialTimeout",
    "peer.gossip.connTimeout",
    "peer.gossip.recvBuffSize",
    "peer.gossip.sendBuffSize",
    "peer.gossip.digestWaitTime",
    "peer.gossip.requestWaitTime",
    "peer.gossip.responseWaitTime",
    "peer.gossip.maxConnectionAttempts",
    "peer.gossip.nonBlockingCommitMode",
    "peer.gossip.election.startupGracePeriod",
    "peer.gossip.election.membershipSampleInterval",
    "peer.gossip.election.leaderAliveThreshold",
    "peer.gossip.election.leaderElectionDuration",
    "peer.gossip.pvtData.pullRetryThreshold",
    "peer.gossip.pvtData.transientstoreMaxBlockRetention",
    "peer.gossip.pvtData.pushAckTimeout",
    "peer.gossip.pvtData.btlPullMargin",
    "peer.gossip.pvtData.reconcileBatchSize",
    "peer.gossip.pvtData.reconcileSleepInterval",
    "peer.gossip.pvtData.reconciliationEnabled",
    "peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit",
    "peer.gossip.pvtData.implicitCollectionDisseminationPolicy.requiredPeerCount",
    "peer.gossip.pvtData.implicitCollectionDisseminationPolicy.maxPeerCount",
    "peer.gossip.state.enabled",
    "peer.gossip.state.checkInterval",
    "peer.gossip.state.responseTimeout",
    "peer.gossip.state.batchSize",
    "peer.gossip.state.blockBufferSize",
    "peer.gossip.state.channelSize",
    "peer.gossip.state.maxRetries",
};
const size_t fama_config_accepted_count =
    sizeof fama_config_accepted / sizeof fama_config_accepted[0];

const char *const fama_config_foreign_sections[] = {
    "peer.gateway",
    "peer.keepalive",
    "peer.tls",
    "peer.authentication",
    "peer.BCCSP",
    "peer.client",
    "peer.profile",
    "peer.handlers",
    "peer.discovery",
    "peer.limits",
    "peer.deliveryclient",
    "peer.events",
    "vm",
    "chaincode",
    "ledger",
    "operations",
    "metrics",
    "logging",
};
const size_t fama_config_foreign_section_count =
    sizeof fama_config_foreign_sections / sizeof fama_config_foreign_sections[0];
