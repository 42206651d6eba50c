#!/usr/bin/env bash
# A stranger on the same link floods every node while blocks come: noise, datagrams of ours with a wrong header,
# chunks and messages in the name of members and from members' addresses, ARP questions; then nothing but
# messages, more than the accounts of the addresses that it abuses allow. Every block arrives at
# every node, nobody is held for dead, what was dropped is counted by name, and no node grows. How fast blocks
# are meanwhile is told, not judged: this machine is shared.
#
# Then it begins handshakes under 300 addresses of the link that nobody has, each of which the nodes must ask
# the link for to answer: a node that was away is found again meanwhile, and what gave way is counted. The same
# once more between nodes that speak IPv6.
. "$(dirname "$0")/harness.sh"
begin
[ -x "$bin/flood" ] || { say "$bin/flood is not there"; exit 1; }

blocks=700 rate=10 quiet=60 seconds=12
datagrams_per_second=${FAMA_FLOOD_RATE:-4000} seed=${FAMA_SEED:-$RANDOM}
nodes=(sipher0 sipher1 sipher2)

# begin_network OPTIONS-OF-CREATE...: nodes to which more than 300 addresses are on the link, and a guest there
begin_network() {
    local node link bridge
    create Sipher:3 WhiteBox:1 -- "$@"
    make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 10K --max-bytes 60K
    up --blocks "$dir/blocks" --rate "$rate"
    for node in "${nodes[@]}"; do
        grep -q 'address: "198' "$net/nodes/$node/core.yaml" || continue
        "$fama" network node kill --dir "$net" --node "$node" --signal 15 >/dev/null || fail "$node does not stop"
        sed -i 's|\(address: "198\.18\.[0-9.]*\)/24|\1/22|' "$net/nodes/$node/core.yaml"
        "$fama" network node start --dir "$net" --node "$node" >/dev/null || fail "$node does not start"
    done
    guest=fama-$network-guest
    bridge=fama-$network-bridge
    ip netns add "$guest"
    ip -n "$bridge" link add guest type veth peer name eth0 netns "$guest"
    ip -n "$bridge" link set guest master br0 up
    ip -n "$guest" link set eth0 up
    strangers_view=()
    for node in "${nodes[@]}"; do
        link=$(ip netns exec "fama-$network-$node" cat /sys/class/net/eth0/address)
        strangers_view+=("$(jq -r --arg node "$node" '.nodes[] | select(.name == $node) | .address' "$net/network.json")/$link")
        strangers_view+=("$net/crypto/peerOrganizations/sipher.fama/peers/peer${node#sipher}.sipher.fama/msp:SipherMSP")
    done
}
begin_network

memory_of() { # node, in kB
    awk '$1 == "VmRSS:" { print $2 }' "/proc/$(cut -d ' ' -f 1 "/run/fama/$network/$1.pid")/status"
}
reaches() { # node, height
    [ "$(height_of "$1" 2>/dev/null || echo 0)" -ge "$2" ]
}
latency() {
    "$fama" network status --dir "$net" --json |
        jq -r '[.nodes[] | select(.role == "follower" and .org == "Sipher") | "\(.node) p50 \(.p50_ms) ms, p99 \(.p99_ms) ms"] | join("; ")'
}
believed_dead() {
    cat "$net"/nodes/*/node.log | grep -c 'is dead' || true
}

# flood KINDS FILE: sends, and sees that blocks come meanwhile and that nobody is held for dead
flood() {
    local before after
    before=$(height_of sipher2)
    ip netns exec "$guest" "$bin/flood" eth0 "$seconds" "$datagrams_per_second" "$seed" drivenet "$1" \
        "${strangers_view[@]}" >"$2" || fail "the flood cannot be sent"
    after=$(height_of sipher2)
    say "sent: $(cat "$2")"
    say "blocks $before to $after meanwhile; all in all $(latency)"
    for node in sipher1 sipher2; do
        until_true 30 reaches "$node" $((after + 20)) ||
            fail "$node does not go on: it stands at $(height_of "$node")"
    done
    [ $((after - before)) -ge $((rate * seconds / 4)) ] || fail "only $((after - before)) blocks came meanwhile"
    [ "$(believed_dead)" -eq "$dead" ] ||
        fail "somebody was held for dead: $(grep -h 'is dead' "$net"/nodes/*/node.log | tail -n 3)"
}

until_true 60 reaches sipher2 "$quiet" || fail "no blocks come"
say "without the flood: $(latency)"
declare -A memory
for node in "${nodes[@]}"; do
    memory[$node]=$(memory_of "$node")
done
dead=$(believed_dead)

say "seed $seed, $datagrams_per_second datagrams a second for $seconds s, twice"
flood noise,header,chunk,message,alive,arp "$dir/sent"
flood message,alive "$dir/sent.messages"

# The kinds are sent alike often and to the nodes alike often: each node has a third of each. A quarter of that
# must have been counted under its name; the rest a busy machine's queues may have lost before the node.
least=$(($(jq .noise "$dir/sent") / 3 / 4))
for node in "${nodes[@]}"; do
    for names in wire_bad_magic "wire_bad_magic wire_bad_version wire_unknown_kind wire_truncated" \
        "bad_signature source_budget verify_ring_full" arp_malformed; do
        sum=0
        for name in $names; do
            sum=$((sum + $(count_of "$node" drops "$name")))
        done
        wanted=$least
        [ "$names" != arp_malformed ] || wanted=$((least / 8))
        [ "$sum" -ge "$wanted" ] || fail "$node counted only $sum of $names: $wanted at least were expected"
    done
    grown=$(($(memory_of "$node") - memory[$node]))
    say "$node: $grown kB more than before the flood"
    [ "$grown" -lt 32768 ] || fail "$node has grown by $grown kB"
done

# ---- Under many addresses ----

counter_of() { # node, name
    "$fama" gossip stats --all --json --socket "$(socket_of "$1")" |
        jq --arg name "$2" '[.. | objects | select(has($name))][0][$name]'
}
strangers_have_nodes_look_for_them() {
    local node before=() after
    for node in sipher0 sipher1; do
        before+=("$(counter_of "$node" neighbours_displaced)")
    done
    ip netns exec "$guest" "$bin/flood" eth0 "$seconds" "$datagrams_per_second" "$seed" drivenet hello \
        "${strangers_view[@]}" >"$dir/sent.hellos" &
    local flood=$!
    sleep 1
    "$fama" network node kill --dir "$net" --node sipher2 --signal 9 >/dev/null || fail "sipher2 cannot be killed"
    sleep 3
    "$fama" network node start --dir "$net" --node sipher2 >/dev/null || fail "sipher2 does not start"
    until_true "$seconds" reaches sipher2 "$(height_of sipher0)" ||
        fail "sipher2 is not found again: it stands at $(height_of sipher2) of $(height_of sipher0)"
    kill -0 "$flood" 2>/dev/null || fail "the flood was over when sipher2 had come back"
    after=$(height_of sipher0)
    wait "$flood" || fail "the flood cannot be sent"
    say "sent: $(cat "$dir/sent.hellos")"
    for node in "${nodes[@]}"; do
        until_true 30 reaches "$node" $((after + 20)) ||
            fail "$node does not go on: it stands at $(height_of "$node")"
    done
    for node in sipher0 sipher1; do
        after=$(counter_of "$node" neighbours_displaced)
        say "$node: $after displaced, $(counter_of "$node" neighbours_refused) refused"
        [ "$after" -gt "${before[0]}" ] || fail "$node has looked for no strangers"
        before=("${before[@]:1}")
        ! grep -F ' is dead' "$net/nodes/$node/node.log" | tail -n +$((dead + 1)) | grep -q 'peer[01]' ||
            fail "$node held another than sipher2 for dead"
    done
}
strangers_have_nodes_look_for_them

"$fama" network down --dir "$net" >/dev/null || fail "the network cannot be taken down"
rm -rf "$net" "$dir/blocks"
network=test-flood6 blocks=500
"$fama" network down --name "$network" >/dev/null 2>&1 || true
begin_network --ipv6
until_true 60 reaches sipher2 20 || fail "no blocks come over IPv6"
dead=0
flood arp "$dir/sent.solicitations"
for node in "${nodes[@]}"; do
    [ "$(count_of "$node" drops nd_malformed)" -ge $(($(jq .arp "$dir/sent.solicitations") / 3 / 4 / 8)) ] ||
        fail "$node counted too little that is malformed"
done
strangers_have_nodes_look_for_them
