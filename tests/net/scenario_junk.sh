#!/usr/bin/env bash
# A stranger on the same link sends junk to every node: it is counted by name and stops nothing.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:3 WhiteBox:1
make_blocks "$dir/blocks/drivenet" 60 --min-bytes 4K --max-bytes 200K
up --blocks "$dir/blocks" --rate 10

# The stranger: one more namespace on the bridge, with the kernel's own stack. Checksums are computed in
# software, for veth hands on frames whose checksum nobody has filled in yet.
guest=fama-$network-guest
bridge=fama-$network-bridge
ip netns add "$guest"
ip -n "$bridge" link add guest type veth peer name eth0 netns "$guest"
ip -n "$bridge" link set guest master br0 up
ip -n "$guest" addr add 198.18.0.250/24 dev eth0
ip -n "$guest" link set eth0 up
ip netns exec "$guest" ethtool -K eth0 tx off >/dev/null 2>&1 || say "checksum offload cannot be switched off"

mapfile -t addresses < <(jq -r '.nodes[].address' "$net/network.json")
say "1200 junk datagrams of 1 to 1400 bytes"
# shellcheck disable=SC2016 # expanded by the shell in the namespace
ip netns exec "$guest" bash -c '
    for i in $(seq 1 300); do
        for address in "$@"; do
            head -c $((1 + RANDOM % 1400)) /dev/urandom >"/dev/udp/$address/7051" || exit 1
        done
    done' junk "${addresses[@]}" || fail "junk cannot be sent"

await_height 61 60
expect_identical 61
for node in $(node_names); do
    magic=$(count_of "$node" drops wire_bad_magic)
    short=$(count_of "$node" drops wire_truncated)
    [ $((magic + short)) -ge 250 ] || fail "$node counted only $magic datagrams without our magic and $short too short"
done
say "every node counted the junk"
