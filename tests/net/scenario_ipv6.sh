#!/usr/bin/env bash
# A network that speaks IPv6 in jumbo frames on links that lose some: every block reaches every node, in
# datagrams that fill the frames, and who was away comes back.
. "$(dirname "$0")/harness.sh"
begin
blocks=60
create Sipher:4 WhiteBox:2 -- --ipv6 --mtu 9000
make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 100K --max-bytes 600K
[ "$(jq -r '.nodes[0].address' "$net/network.json")" = 2001:2::11 ] || fail "the nodes have no IPv6 addresses"
up --blocks "$dir/blocks" --rate 15 --loss 1 --delay 1 --seed 6
await_height $((blocks + 1)) 120
expect_identical $((blocks + 1))

stats_of() {
    "$fama" gossip stats --all --json --socket "$(socket_of "$1")"
}
# Chunks are most of what a member that is no leader gets, and fill all but a block's last frames.
for node in sipher1 sipher2 sipher3 whitebox1; do
    stats_of "$node" >"$dir/stats.$node"
    jq -e '[.. | objects | select(has("rx_bytes"))][0] | .rx_bytes > 3000 * .rx_packets' \
        "$dir/stats.$node" >/dev/null ||
        fail "$node: no jumbo frames: $(jq -c '[.. | objects | select(has("rx_bytes"))][0]' "$dir/stats.$node")"
    for drop in nd_malformed extension_header bad_checksum; do
        [ "$(jq --arg name "$drop" '.drops[$name].count // 0' "$dir/stats.$node")" -eq 0 ] ||
            fail "$node counts $drop where nobody does wrong"
    done
done

# A node that was away catches up.
"$fama" network node kill --dir "$net" --node sipher3 >/dev/null
"$fama" network node start --dir "$net" --node sipher3 >/dev/null || fail "sipher3 does not start again"
await_height $((blocks + 1)) 60
expect_identical $((blocks + 1))
say "$blocks blocks over IPv6 in jumbo frames: $(jq -c '[.. | objects | select(has("rx_bytes"))][0] |
    {rx_packets, rx_bytes}' "$dir/stats.sipher1")"
