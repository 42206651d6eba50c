/* The command line of Fama: what there is, and the words that explain it. */
#include <openssl/crypto.h>
#include <rte_version.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"

static int run_version(int argc, char **argv)
{
    bool json = false;
    const struct fama_option options[] = {{"json", FAMA_OPTION_FLAG, &json, false}};
    int status = fama_options_parse(NULL, options, 1, argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (json) {
        return fama_cli_print_json(json_pack("{s:s, s:s, s:s}", "version", FAMA_VERSION, "dpdk",
                                             rte_version(), "openssl",
                                             OpenSSL_version(OPENSSL_VERSION_STRING)));
    }
    (void)printf("fama %s (%s, OpenSSL %s)\n", FAMA_VERSION, rte_version(),
                 OpenSSL_version(OPENSSL_VERSION_STRING));
    return fama_cli_finish(0);
}

static const char intro[] =
    "fama: kernel-bypass gossip for Hyperledger Fabric\n"
    "\n"
    "A node takes blocks from an ordering source, spreads them over DPDK ports to the other nodes "
    "of\n"
    "its organisation, validates them and their transactions as Fabric's peers do, and keeps "
    "blocks "
    "and\n"
    "world state in a ledger per channel.\n"
    "\n"
    "First steps:\n"
    "  fama ca init --org-dir crypto/sipher --domain sipher.lab   an organisation\n"
    "  fama ca issue --org-dir crypto/sipher --role peer --name p0   an identity for a node\n"
    "  fama channel genesis ...                                   a channel's first block\n"
    "  fama node config --sample > core.yaml                      a configuration to edit\n"
    "  fama node start                                            a node; then:\n"
    "  fama channel join genesis.block                            a ledger\n"
    "Or all of that at once, on this machine: fama network up --dir DIR\n"
    "\n"
    "Exit codes: 0 done, 1 failed or the answer is no, 2 wrong usage, 3 the node is not there.";

#define NETWORK_OPTIONS                                                                            \
    "  --name NAME         prefix of its namespaces (default local)\n"                             \
    "  --blocks DIR|none   folder with one folder of block files per channel: the leaders' "       \
    "source\n"                                                                                     \
    "  --rate N            blocks per second from there (default 0: flat out)\n"                   \
    "  --port-type TYPE    af_packet (default), af_xdp or tap\n"                                   \
    "  --idle poll|adaptive   what idle packet threads do (default adaptive)\n"                    \
    "  --mtu N             of all links, 1280 to 9000 (default 1500)\n"                            \
    "  --pace N            bits per second that each node sends at most (default 0: no limit)\n"   \
    "  --planner coordinated|infectious   how blocks are spread (default coordinated)\n"           \
    "  --loss PERCENT, --delay MS, --jitter MS, --reorder PERCENT   faults of every link\n"        \
    "  --seed N            makes the faults repeatable\n"

#define NETWORK_FIXED_OPTIONS                                                                      \
    "  --org NAME:PEERS    an organisation, repeatable (default Sipher:5 and WhiteBox:2)\n"        \
    "  --channel ID        (default drivenet)\n"                                                   \
    "  --genesis FILE      an existing genesis block instead of a new one\n"                       \
    "  --crypto DIR        existing identities instead of new ones\n"                              \
    "  --ipv6              nodes that speak IPv6 (default: IPv4)\n"

static const struct fama_command commands[] = {
    {"node start", "run a node until SIGTERM or SIGINT",
     "Usage: fama node start [--config FILE]\n"
     "\n"
     "Runs one peer node in the foreground and logs to standard error. The configuration is FILE, "
     "or\n"
     "core.yaml in $FABRIC_CFG_PATH, ./ or /etc/hyperledger/fabric; variables CORE_... override "
     "it.\n"
     "SIGTERM and SIGINT stop it cleanly within a second.\n"
     "\n"
     "Examples:\n"
     "  fama node start --config /etc/fama/core.yaml\n"
     "  CORE_PEER_ID=p1 CORE_FAMA_DATAPLANE_PORT=net_af_packet0,iface=eth1 fama node start\n",
     fama_cli_node_start},
    {"node status", "what the running node is and how far its channels are",
     "Usage: fama node status [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "Shows identity, role, port, traffic, what was dropped and why, and per channel the height, "
     "the\n"
     "commit hash, transactions judged and invalid since the start, the highest height known of "
     "anybody,\n"
     "the lag, blocks by way of arrival and refused blocks.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Examples:\n"
     "  fama node status\n"
     "  fama node status --socket /run/fama/p0.sock --json | jq .channels[0].lag\n",
     fama_cli_node_status},
    {"node clock", "this machine's clock, once for every line that comes in",
     "Usage: fama node clock\n"
     "\n"
     "Answers each line on standard input with the nanoseconds since 1970 on standard output, "
     "until "
     "the\n"
     "input ends. `fama-bench dissemination --cluster` runs it on every host to learn how far the "
     "clocks\n"
     "are apart. Needs no node.\n"
     "\n"
     "Example:\n"
     "  echo | ssh peer0.example fama node clock\n",
     fama_cli_node_clock},
    {"node config", "every key, its value, where it came from and what it means",
     "Usage: fama node config [--config FILE] [--brief | --json | --sample]\n"
     "\n"
     "Reads the configuration as `node start` would and shows what would count: from which line of "
     "the\n"
     "file, which variable, or by default. Wrong keys and values are one line and exit code 1, so "
     "that\n"
     "this is also the check before a restart.\n"
     "\n"
     "  --brief    without the meaning\n"
     "  --sample   a documented configuration with all keys instead; reads nothing\n"
     "\n"
     "Examples:\n"
     "  fama node config --brief --config core.yaml\n"
     "  fama node config --sample > core.yaml\n",
     fama_cli_node_config},
    {"gossip members", "the nodes this one knows, alive and dead",
     "Usage: fama gossip members [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "Lists the node itself and all others it knows: state, name, MSP, endpoint, how long ago it "
     "was\n"
     "heard of, the beginning of its PKI-ID, and the heights it states per channel.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Examples:\n"
     "  fama gossip members\n"
     "  fama gossip members --json | jq '[.members[] | select(.state == \"dead\")]'\n",
     fama_cli_gossip_members},
    {"gossip stats", "counters, and every reason for which something was dropped",
     "Usage: fama gossip stats [--all] [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "Shows the dataplane's counters and the drops with their reasons in words.\n"
     "\n"
     "  --all           reasons that never occurred as well\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama gossip stats --all\n",
     fama_cli_gossip_stats},
    {"gossip trust", "sessions, channel keys, and evidence against liars",
     "Usage: fama gossip trust [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "Sessions: with whom this node has agreed on keys (DTLS, by MSP certificates), and which of "
     "two it\n"
     "seals with. Keys: the epoch of the key it seals a channel's new blocks with (0: it is no "
     "origin),\n"
     "how many members that key is for and how many have not said that they have it, how many keys "
     "of\n"
     "other origins it holds; the parity that goes with new blocks, and the loss it sees itself. "
     "TREES:\n"
     "not trusted while trees lose more than parity can make good; chunks then go to random "
     "members.\n"
     "Evidence: members that have signed two different roots for one set of chunks; --json has "
     "both\n"
     "signatures.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama gossip trust --json | jq .evidence\n",
     fama_cli_gossip_trust},
    {"ledger replay", "commit a directory of block files to a ledger, offline",
     "Usage: fama ledger replay --blocks DIR --ledger DIR [--genesis FILE | --snapshot DIR]\n"
     "       [--to N] [--threads N] [--json]\n"
     "\n"
     "Judges every block as a committing peer does (form, chain link, orderers' signatures, each\n"
     "transaction's validation code, MVCC) and commits it. Goes on where the ledger ends, until "
     "the\n"
     "first number without a file NNNNNN.block. Stops with one line at a block it refuses; what "
     "was\n"
     "committed before stays. A gap in the files, and files of another chain than the ledger's, "
     "are\n"
     "errors.\n"
     "\n"
     "  --blocks DIR     block files as an orderer delivers them\n"
     "  --ledger DIR     the ledger; made if it is not there\n"
     "  --genesis FILE   block 0 of a new ledger (default: 000000.block of the blocks)\n"
     "  --snapshot DIR   begin a new ledger with this snapshot, Fabric's or our own\n"
     "  --to N           end with block N; blocks that end before it are an error\n"
     "  --threads N      for signatures (default: as many as cores)\n"
     "  --json           a line per committed block: number, header_hash, data_hash, commit_hash,\n"
     "                   tx: [{txid, type, code, validation}]\n"
     "\n"
     "Example:\n"
     "  fama ledger replay --genesis genesis.block --blocks blocks --ledger /tmp/l --json\n",
     fama_cli_ledger_replay},
    {"ledger verify", "check blocks, indexes and state of a ledger against each other",
     "Usage: fama ledger verify --ledger DIR [--json]\n"
     "\n"
     "Reads every block: form, chain link, data hash, index entries; then applies them all to an\n"
     "empty state beside the ledger and compares each entry and each commit hash. Changes "
     "nothing.\n"
     "The node that uses the ledger must be stopped.\n"
     "\n"
     "Example:\n"
     "  fama ledger verify --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_verify},
    {"ledger rebuild", "make state and history of a ledger anew from its blocks",
     "Usage: fama ledger rebuild --ledger DIR [--json]\n"
     "\n"
     "Forgets world state and history and applies every block again, by the recorded validation\n"
     "codes. A node does so by itself when it finds its state missing. Interrupted, it begins\n"
     "again at the next start. Not for a ledger that began with a snapshot: its blocks do not\n"
     "make its state.\n"
     "\n"
     "Example:\n"
     "  fama ledger rebuild --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_rebuild},
    {"ledger rollback", "take back the latest blocks of a ledger",
     "Usage: fama ledger rollback --to N --ledger DIR [--json]\n"
     "\n"
     "Removes all blocks after block N with their effects; a node that is started then fetches\n"
     "them again. Interrupted, it is finished when the ledger is opened next.\n"
     "\n"
     "Example:\n"
     "  fama ledger rollback --to 1000 --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_rollback},
    {"ledger export-state", "the world state, entry by entry",
     "Usage: fama ledger export-state --ledger DIR [--private-hashes] [--metadata] [--json]\n"
     "\n"
     "Prints every entry in the order of its key: namespace, version (block, transaction), length\n"
     "of the value, key in hexadecimal.\n"
     "\n"
     "  --private-hashes   hashed collections too, as namespace N$$hCOLLECTION\n"
     "  --metadata         with --json: metadata_hex where an entry has metadata\n"
     "  --json             a line per entry: ns, key (if it is text), key_hex, value_sha256,\n"
     "                     value_len, block, tx\n"
     "\n"
     "Example:\n"
     "  fama ledger export-state --ledger data/ledgers/drivenet --json | jq -c "
     "'select(.ns==\"kv\")'\n",
     fama_cli_ledger_export_state},
    {"ledger export-block", "one block of a ledger into a file",
     "Usage: fama ledger export-block --number N --ledger DIR [--out FILE]\n"
     "\n"
     "Writes the serialized block as the orderer made it. FILE - is standard output, and so is no\n"
     "--out at all unless that is a terminal.\n"
     "\n"
     "Example:\n"
     "  fama ledger export-block --number 7 --ledger data/ledgers/drivenet --out 000007.block\n",
     fama_cli_ledger_export_block},
    {"ledger transaction", "where a transaction stands, and what became of it",
     "Usage: fama ledger transaction --txid ID --ledger DIR [--json]\n"
     "\n"
     "The block and place of its first appearance, and its validation code.\n"
     "\n"
     "Example:\n"
     "  fama ledger transaction --txid 0028...5d3d --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_transaction},
    {"ledger history", "the transactions that wrote a key",
     "Usage: fama ledger history --namespace NAME (--key TEXT | --key-hex HEX) --ledger DIR "
     "[--json]\n"
     "\n"
     "Valid transactions only, deletions too, the latest first. What was written stands in the "
     "blocks.\n"
     "\n"
     "Example:\n"
     "  fama ledger history --namespace kv --key k1 --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_history},
    {"ledger snapshot create", "write a snapshot of a ledger in Fabric's format",
     "Usage: fama ledger snapshot create --ledger DIR --out DIR [--json]\n"
     "\n"
     "Writes state, hashes of private state, transaction ids and the history of collections at "
     "the\n"
     "ledger's height: the same bytes as a Fabric peer's snapshot at that height, which other\n"
     "peers can join the channel by. The directory appears whole or not at all.\n"
     "\n"
     "Example:\n"
     "  fama ledger snapshot create --ledger data/ledgers/drivenet --out drivenet-1000\n",
     fama_cli_ledger_snapshot_create},
    {"ledger snapshot verify", "check a snapshot's files against its hashes, and what they hold",
     "Usage: fama ledger snapshot verify DIR [--json]\n"
     "\n"
     "Example:\n"
     "  fama ledger snapshot verify drivenet-1000\n",
     fama_cli_ledger_snapshot_verify},
    {"ledger snapshot import", "make a ledger that begins with a snapshot",
     "Usage: fama ledger snapshot import --snapshot DIR --ledger DIR [--json]\n"
     "\n"
     "Verifies the snapshot, Fabric's or our own, and makes a new ledger of it: the state at the\n"
     "snapshot's height, without the blocks before. A node that finds it under its channel's name\n"
     "goes on from there; `fama ledger replay --snapshot` does the same with block files. Whoever\n"
     "made the snapshot is trusted as a genesis block is: compare its snapshot hash with that of\n"
     "other peers first. Such a ledger cannot be rebuilt from its blocks or rolled back to before\n"
     "the snapshot.\n"
     "\n"
     "  --snapshot DIR   as a peer's snapshot folder, or `fama ledger snapshot create`, holds it\n"
     "  --ledger DIR     must not exist; appears whole or not at all\n"
     "\n"
     "Example, with the node stopped:\n"
     "  fama ledger snapshot import --snapshot drivenet-1000 --ledger data/ledgers/drivenet\n",
     fama_cli_ledger_snapshot_import},
    {"channel join", "give the running node a channel, from its genesis block",
     "Usage: fama channel join FILE [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "FILE is the channel's genesis block: made by `fama channel genesis` or configtxgen, or block "
     "0\n"
     "fetched from an orderer. The node checks it, makes a ledger and begins to take blocks. A "
     "ledger\n"
     "made by `fama ledger snapshot import` is opened at the node's start and needs no joining.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama channel join drivenet.block\n",
     fama_cli_channel_join},
    {"channel list", "the channels of the running node",
     "Usage: fama channel list [--socket PATH | --config FILE] [--json]\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama channel list\n",
     fama_cli_channel_list},
    {"channel getinfo", "height, last block hashes and commit hash of a channel",
     "Usage: fama channel getinfo --channel ID [--socket PATH | --config FILE] [--json]\n"
     "\n"
     "The same figures `peer channel getinfo` shows of a Fabric peer, hashes in hexadecimal, and "
     "the\n"
     "commit hash: of nodes at one height where it is the same, the world state is. Of a ledger "
     "that\n"
     "began with a snapshot, also the first block it has.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama channel getinfo --channel drivenet\n",
     fama_cli_channel_getinfo},
    {"channel blocks", "when the latest blocks came, and how long they took here",
     "Usage: fama channel blocks --channel ID [--first N] [--count N] [--socket PATH |\n"
     "       --config FILE] [--json]\n"
     "\n"
     "Blocks committed since the node started, the latest 4096 at most: how each came (source, "
     "push\n"
     "or pull), how long judging it took from the moment it was whole, and committing it from "
     "there.\n"
     "With --json the moments themselves, in nanoseconds of the monotonic clock, and both clocks "
     "at\n"
     "the time of the answer: what `fama-bench dissemination` measures with.\n"
     "\n"
     "  --first N       from this block on (default 0)\n"
     "  --count N       so many, at most 1024 (the default)\n" FAMA_CLI_TARGET_HELP "\n"
     "Example:\n"
     "  fama channel blocks --channel drivenet --first 1000 --count 20\n",
     fama_cli_channel_blocks},
    {"channel fetch", "a block of the running node's ledger into a file",
     "Usage: fama channel fetch NUMBER|newest|oldest --channel ID [--out FILE] [--socket PATH |\n"
     "       --config FILE] [--json]\n"
     "\n"
     "Writes the serialized common.Block as Fabric's tools read it. FILE is <ID>_<NUMBER>.block if "
     "not\n"
     "given, `-` is standard output.\n"
     "\n" FAMA_CLI_TARGET_HELP "\n"
     "Examples:\n"
     "  fama channel fetch newest --channel drivenet\n"
     "  fama channel fetch 0 --channel drivenet --out genesis.block\n",
     fama_cli_channel_fetch},
    {"channel genesis", "write a channel's genesis block from MSP directories",
     "Usage: fama channel genesis --channel ID --out FILE --orderer NAME=MSPID:DIR... --org\n"
     "       NAME=MSPID:DIR... [--orderer-endpoint NAME=host:port]... [--anchor "
     "NAME=host:port]...\n"
     "       [--batch-messages N] [--batch-timeout DURATION]\n"
     "\n"
     "What configtxgen writes, as far as peers read it: a Fabric peer joins it, but the consensus\n"
     "metadata is empty, so that no Fabric orderer can start from it. NAME is the organisation's\n"
     "group in the channel's configuration, DIR its MSP directory (cacerts, tlscacerts, "
     "config.yaml).\n"
     "\n"
     "  --orderer            an ordering organisation, repeatable\n"
     "  --org                an application organisation, repeatable\n"
     "  --orderer-endpoint   where an ordering organisation's orderers listen, repeatable\n"
     "  --anchor             an anchor peer of an application organisation, repeatable\n"
     "  --batch-messages     most transactions in a block (default 500)\n"
     "  --batch-timeout      longest wait for a block to fill (default 2s)\n"
     "\n"
     "Example:\n"
     "  fama channel genesis --channel drivenet --out drivenet.block \\\n"
     "      --orderer Orderer=OrdererMSP:crypto/orderer/msp \\\n"
     "      --org Sipher=SipherMSP:crypto/sipher/msp --org "
     "WhiteBox=WhiteBoxMSP:crypto/whitebox/msp\n",
     fama_cli_channel_genesis},
    {"ca init", "make an organisation with its certificate authority",
     "Usage: fama ca init --org-dir DIR --domain DOMAIN\n"
     "\n"
     "Makes ca/, tlsca/ and msp/ in DIR, laid out as Fabric's tools do, with NodeOUs. For tests "
     "and small\n"
     "consortia; whoever has a CA service uses that. Nothing that exists is overwritten.\n"
     "\n"
     "Example:\n"
     "  fama ca init --org-dir crypto/sipher --domain sipher.lab\n",
     fama_cli_ca_init},
    {"ca issue", "issue an identity with its TLS certificate",
     "Usage: fama ca issue --org-dir DIR --role peer|orderer|admin|client --name NAME [--san "
     "NAME|IP]...\n"
     "       [--not-before DURATION] [--not-after DURATION]\n"
     "\n"
     "Makes peers|orderers|users/NAME.../{msp,tls} in DIR and prints the new folder. Times count "
     "from\n"
     "now; a minus means the past. Defaults: -1h and 43800h, five years; the authority itself "
     "lives ten.\n"
     "\n"
     "Examples:\n"
     "  fama ca issue --org-dir crypto/sipher --role peer --name p0 --san 198.18.0.11\n"
     "  fama ca issue --org-dir crypto/sipher --role client --name late --not-before -48h "
     "--not-after -1h\n",
     fama_cli_ca_issue},
    {"network create", "lay out a local network of many nodes, without starting it",
     "Usage: fama network create --dir DIR [options]\n"
     "\n"
     "Makes identities, genesis block and configurations of all nodes in DIR. Needs no "
     "privileges.\n"
     "\n" NETWORK_FIXED_OPTIONS NETWORK_OPTIONS "\n"
     "Example:\n"
     "  fama network create --dir /tmp/lab --org Sipher:3\n",
     fama_cli_network_create},
    {"network up", "start a local network, laying it out first if need be",
     "Usage: sudo fama network up --dir DIR [options]\n"
     "\n"
     "One network namespace per node, joined by a switch, each node a process of its own. A "
     "network\n"
     "that is in DIR already keeps its organisations, channel and identities.\n"
     "\n" NETWORK_FIXED_OPTIONS NETWORK_OPTIONS "\n"
     "Example:\n"
     "  sudo fama network up --dir /tmp/lab --blocks blocks --rate 20 --loss 5 --delay 2\n",
     fama_cli_network_up},
    {"network down", "stop a local network and remove its namespaces",
     "Usage: sudo fama network down --dir DIR | --name NAME\n"
     "\n"
     "Touches only what carries the network's name. Ledgers and logs stay in DIR.\n"
     "\n"
     "Example:\n"
     "  sudo fama network down --dir /tmp/lab\n",
     fama_cli_network_down},
    {"network status", "one row per node, and whether all ledgers are identical",
     "Usage: sudo fama network status --dir DIR [--channel ID] [--expect-height N] [--json]\n"
     "\n"
     "Exit code 0 only if all nodes answer and their ledgers and world states, by commit hash, "
     "are\n"
     "identical (and as high as expected). Also: blocks by way of arrival, times from the leader's "
     "first\n"
     "datagram to the durable commit, transactions by validity.\n"
     "\n"
     "Example:\n"
     "  sudo fama network status --dir /tmp/lab --expect-height 201\n",
     fama_cli_network_status},
    {"network wait", "wait until all nodes have reached a height",
     "Usage: sudo fama network wait --dir DIR --height N [--timeout SECONDS]\n"
     "\n"
     "Example:\n"
     "  sudo fama network wait --dir /tmp/lab --height 201 --timeout 60\n",
     fama_cli_network_wait},
    {"network node kill", "end one node of a local network",
     "Usage: sudo fama network node kill --dir DIR --node NAME [--signal 9|15|2]\n"
     "\n"
     "Signal 9 (the default) gives it no time for anything.\n"
     "\n"
     "Example:\n"
     "  sudo fama network node kill --dir /tmp/lab --node sipher3\n",
     fama_cli_network_node_kill},
    {"network node start", "start one node of a local network again",
     "Usage: sudo fama network node start --dir DIR --node NAME\n"
     "\n"
     "Example:\n"
     "  sudo fama network node start --dir /tmp/lab --node sipher3\n",
     fama_cli_network_node_start},
    {"network switch", "the switch of a local network (`network up` starts it)",
     "Usage: fama network switch --dir DIR\n"
     "\n"
     "Forwards frames between the nodes' links and applies the faults the network was given.\n"
     "\n"
     "Example:\n"
     "  fama network switch --dir /tmp/lab\n",
     fama_cli_network_switch},
    {"version", "the versions of Fama and of what it stands on",
     "Usage: fama version [--json]\n"
     "\n"
     "Example:\n"
     "  fama version --json\n",
     run_version},
};

int main(int argc, char **argv)
{
    /* A reader that goes away (`fama gossip members | head`) is a write error, not a death. */
    (void)signal(SIGPIPE, SIG_IGN);
    return fama_command_dispatch("fama", intro, commands, sizeof commands / sizeof commands[0],
                                 argc, argv);
}
