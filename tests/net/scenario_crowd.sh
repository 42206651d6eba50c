#!/usr/bin/env bash
# Crowds, against which no single message helps. A crowd of members whose certificates are all good joins at once
# from one address: so many are looked at in a second and no more, they take no true member's place, and blocks
# go on. And the leader, whom everybody knows, is flooded with what is not for its port: its port's rules keep
# that away where it takes rules; where not, each frame is counted, and blocks go on.
. "$(dirname "$0")/harness.sh"
begin
impostor=$bin/fama-impostor
[ -x "$impostor" ] && [ -x "$bin/flood" ] || { say "$impostor or $bin/flood is not there"; exit 1; }

admissions=20 crowd=80 blocks=500 rate=10
create Sipher:3 WhiteBox:1
make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 10K --max-bytes 60K
up --blocks "$dir/blocks" --rate "$rate"
nodes=(sipher0 sipher1 sipher2)
for node in "${nodes[@]}"; do # as many certificates a second as a small organisation needs
    "$fama" network node kill --dir "$net" --node "$node" --signal 15 >/dev/null || fail "$node does not stop"
    sed -i "s/^    memory: /    admissionsPerSecond: $admissions\n    memory: /" "$net/nodes/$node/core.yaml"
    grep -q admissionsPerSecond "$net/nodes/$node/core.yaml" || fail "$node's limit cannot be set"
    "$fama" network node start --dir "$net" --node "$node" >/dev/null || fail "$node does not start"
done

guest=fama-$network-guest
bridge=fama-$network-bridge
home=198.18.0.200
ip netns add "$guest"
ip -n "$bridge" link add guest type veth peer name eth0 netns "$guest"
ip -n "$bridge" link set guest master br0 up
ip -n "$guest" addr add "$home/24" dev eth0
ip -n "$guest" link set eth0 up
ip netns exec "$guest" ethtool -K eth0 tx off >/dev/null 2>&1 || say "checksum offload cannot be switched off"

address_of() {
    jq -r --arg node "$1" '.nodes[] | select(.name == $node) | .address' "$net/network.json"
}
reaches() { # node, height
    [ "$(height_of "$1" 2>/dev/null || echo 0)" -ge "$2" ]
}
go_on() { # whence: twenty more blocks at every node
    local node
    for node in "${nodes[@]}"; do
        until_true 30 reaches "$node" $((after + 20)) || fail "$1: $node stands at $(height_of "$node")"
    done
}
members_of() { # node, beginning of their names
    "$fama" gossip members --json --socket "$(socket_of "$1")" |
        jq --arg name "$2" '[.members[] | select(.state == "alive" and (.name | startswith($name)))] | length'
}
counter_of() { # node, name
    "$fama" gossip stats --all --json --socket "$(socket_of "$1")" |
        jq --arg name "$2" '[.. | objects | select(has($name))][0][$name]'
}
drops_of() { # node, name
    "$fama" gossip stats --all --json --socket "$(socket_of "$1")" | jq --arg name "$2" '.drops[$name].count // 0'
}
until_true 60 reaches sipher2 20 || fail "no blocks come"

# ---- A crowd of members ----

sipher=$net/crypto/peerOrganizations/sipher.fama
mkdir "$dir/crowd"
for number in $(seq "$crowd"); do
    ln -s "$("$fama" ca issue --org-dir "$sipher" --role peer --name "crowd$number")/msp" "$dir/crowd/$number"
done
targets=()
declare -A refused
for node in "${nodes[@]}"; do
    targets+=(--target "$(address_of "$node"):7051")
    refused[$node]=$(drops_of "$node" admission_budget)
done
after=$(height_of sipher0)
began_ns=$(date +%s%N)
ip netns exec "$guest" "$impostor" --msp "$dir/crowd/1" --mspid SipherMSP --channel drivenet --bind "$home:7051" \
    "${targets[@]}" --attack swarm --swarm "$dir/crowd" >"$dir/told" 2>"$dir/impostor.log" ||
    fail "no crowd: $(tail -n 1 "$dir/impostor.log")"
for node in "${nodes[@]}"; do
    joined=$(members_of "$node" crowd)
    took_ms=$((($(date +%s%N) - began_ns) / 1000000))
    most=$((admissions + admissions * took_ms / 1000 + 1))
    said=$(($(drops_of "$node" admission_budget) - refused[$node]))
    say "$node: $joined of $crowd joined within $took_ms ms, $said messages were refused"
    [ "$joined" -gt 0 ] || fail "$node has taken nobody of the crowd"
    # Each node's first ones are told to the others, which look at them out of their own allowance.
    [ "$joined" -le "$most" ] || fail "$node has taken $joined: $most were allowed"
    [ "$said" -gt 0 ] || fail "$node does not count whom it has refused"
    [ "$(members_of "$node" peer)" -eq 2 ] || fail "$node has lost sight of its peers"
done
go_on "with a crowd"

# A true member that comes back now is found in the crowd.
"$fama" network node kill --dir "$net" --node sipher2 --signal 9 >/dev/null || fail "sipher2 cannot be killed"
"$fama" network node start --dir "$net" --node sipher2 >/dev/null || fail "sipher2 does not start"
after=$(height_of sipher0)
go_on "sipher2 came back into a crowd"
[ "$(members_of sipher2 peer)" -eq 2 ] || fail "sipher2 does not find its peers in the crowd"

# ---- What is not for the leader's port ----

link=$(ip netns exec "fama-$network-sipher0" cat /sys/class/net/eth0/address)
before=$(counter_of sipher0 rx_packets)
not_ours=$(drops_of sipher0 frame_not_ours)
after=$(height_of sipher0)
ip netns exec "$guest" "$bin/flood" eth0 5 8000 "${FAMA_SEED:-1}" drivenet other \
    "$(address_of sipher0)/$link" >"$dir/sent" || fail "the flood cannot be sent"
sent=$(jq .other "$dir/sent")
before=$(($(counter_of sipher0 rx_packets) - before))
not_ours=$(($(drops_of sipher0 frame_not_ours) - not_ours))
say "sent: $(cat "$dir/sent"); the leader has looked at $before frames, of which $not_ours were not for it"
if grep -q 'the rest is kept away' "$net/nodes/sipher0/node.log"; then
    [ "$before" -lt $((sent / 2)) ] || fail "the port's rules keep nothing away"
else
    say "this port takes no rules: what they keep away is tested by test_port_rules, where the kernel has them"
    [ "$not_ours" -ge $((sent / 4)) ] || fail "the leader has counted $not_ours of $sent"
fi
go_on "with the leader flooded"
