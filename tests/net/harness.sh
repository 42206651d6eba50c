# What the scenarios share: a network of real nodes in a folder of its own, taken down whatever happens,
# and checks that say what they saw. Sourced by scenario_*.sh, which run as root with a release build.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${FAMA_BIN:-$root/build/release/bin}
fama=$bin/fama
# shellcheck disable=SC2034 # for scenarios that use real data
shared=${FAMA_SHARED:-$root/../shared}
scenario=$(basename "$0" .sh)
scenario=${scenario#scenario_}
network=test-$scenario
# Below build/, where a failed scenario's logs stay until the next run.
dir=$root/build/net/$scenario
net=$dir/network

skipped=77

say() {
    echo "$scenario: $*" >&2
}

fail() {
    say "FAILED: $*"
    if [ -f "$net/network.json" ]; then
        "$fama" network status --dir "$net" >&2 || true
        say "logs: $net/nodes/*/node.log; the last lines that are no news of success:"
        grep -h -i -E 'error|warning|refused' "$net"/nodes/*/node.log 2>/dev/null | tail -n 15 >&2 || true
    fi
    exit 1
}

skip() {
    say "SKIPPED: $*"
    exit "$skipped"
}

tear_down() {
    local status=$?
    "$fama" network down --name "$network" >/dev/null 2>&1 || true
    if [ "$status" -eq 0 ] || [ "$status" -eq "$skipped" ]; then
        rm -rf "$dir"
    fi
    exit "$status"
}

begin() {
    [ "$(id -u)" -eq 0 ] || { say "namespaces and DPDK ports need root"; exit 1; }
    [ -x "$fama" ] || { say "$fama is not there: cmake --preset release && cmake --build build/release"; exit 1; }
    trap tear_down EXIT
    trap 'exit 130' INT TERM
    "$fama" network down --name "$network" >/dev/null 2>&1 || true
    rm -rf "$dir"
    mkdir -p "$dir"
}

# create ORG:NODES... [-- more options of `fama network create`]
create() {
    local options=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=(--org "$1")
        shift
    done
    [ $# -eq 0 ] || shift
    "$fama" network create --dir "$net" --name "$network" "${options[@]}" "$@" >/dev/null ||
        fail "the network cannot be created"
}

up() {
    "$fama" network up --dir "$net" "$@" >/dev/null || fail "the network does not come up"
}

# An identity's MSP directory made by `fama network create`, as fama-bench takes it.
orderer_msp() {
    echo "$net/crypto/ordererOrganizations/orderer.fama/orderers/orderer0.orderer.fama/msp:OrdererMSP"
}
peer_msp() { # organisation in small letters, MSP id
    echo "$net/crypto/peerOrganizations/$1.fama/peers/peer0.$1.fama/msp:$2"
}
client_msp() {
    echo "$net/crypto/peerOrganizations/$1.fama/users/User1@$1.fama/msp:$2"
}

# make_blocks FOLDER BLOCKS [options of `fama-bench blocks`]: a chain on the network's own genesis block
make_blocks() {
    local folder=$1 blocks=$2
    shift 2
    mkdir -p "$(dirname "$folder")"
    "$bin/fama-bench" blocks --out "$folder" --genesis "$net/drivenet.block" \
        --orderer-msp "$(orderer_msp)" --client-msp "$(client_msp sipher SipherMSP)" \
        --endorser-msp "$(peer_msp sipher SipherMSP)" --endorser-msp "$(peer_msp whitebox WhiteBoxMSP)" \
        --blocks "$blocks" "$@" >/dev/null 2>"$dir/bench.log" ||
        { cat "$dir/bench.log" >&2; fail "no blocks"; }
}

await_height() { # height, seconds
    "$fama" network wait --dir "$net" --height "$1" --timeout "$2" || fail "not all nodes reach height $1"
}

expect_identical() { # height
    "$fama" network status --dir "$net" --expect-height "$1" || fail "the ledgers are not identical"
}

socket_of() {
    echo "/run/fama/$network/$1.sock"
}

# The folder of a node's ledger of drivenet, to be opened while the node is down.
ledger_of() {
    echo "$net/nodes/$1/ledgers/ledgers/drivenet"
}

node_names() {
    jq -r '.nodes[].name' "$net/network.json"
}

height_of() {
    "$fama" channel getinfo --channel drivenet --socket "$(socket_of "$1")" --json | jq .height
}

# One number out of `network status --json`: count_of NODE refused|drops NAME
count_of() {
    "$fama" network status --dir "$net" --json 2>/dev/null |
        jq --arg node "$1" --arg kind "$2" --arg name "$3" \
            '[.nodes[] | select(.node == $node) | .[$kind][$name] // 0] | add // 0' || true
}

# until_true SECONDS COMMAND...: asks again each 100 ms
until_true() {
    local deadline=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}
