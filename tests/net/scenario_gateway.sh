#!/usr/bin/env bash
# Members on two links, with the kernel of a third namespace routing between them: blocks reach those beyond
# the gateway as they reach those beside the leader. Once over IPv4, once over IPv6 with a link-local
# gateway.
. "$(dirname "$0")/harness.sh"
begin
blocks=40
pids=()
nodes="sipher0 sipher1 sipher2 sipher3" # two on each link

end_nodes() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    pids=()
}
finish() {
    local status=$?
    end_nodes
    (exit "$status") || tear_down # which ends with what the last command said
    tear_down
}
trap finish EXIT
router=fama-$network-router
in_router() {
    ip netns exec "$router" "$@"
}

make_router() {
    ip netns add "$router"
    local link
    for link in 1 2; do
        ip -n "$router" link add "br$link" type bridge
        ip -n "$router" addr add "198.18.$link.254/24" dev "br$link"
        ip -n "$router" addr add "2001:2:0:$link::fe/64" dev "br$link" nodad
        ip -n "$router" addr add fe80::1/64 dev "br$link" nodad
        ip -n "$router" link set "br$link" up
    done
    in_router sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

attach() { # node, link
    local namespace=fama-$network-$1
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    ip -n "$router" link add "$1" type veth peer name eth0 netns "$namespace"
    ip -n "$namespace" link set eth0 arp off addrgenmode none up
    ip -n "$router" link set "$1" master "br$2" addrgenmode none up
}

# What the router has passed on, of one family.
forwarded() { # 4 or 6
    if [ "$1" -eq 4 ]; then
        in_router awk '$1 == "Ip:" && $2 ~ /^[0-9]/ {print $7}' /proc/net/snmp
    else
        in_router awk '$1 == "Ip6OutForwDatagrams" {print $2}' /proc/net/snmp6
    fi
}

all_reach() { # height
    local node
    for node in $nodes; do
        [ "$(height_of "$node" 2>/dev/null || echo 0)" = "$1" ] || return 1
    done
}

spread_over() { # 4 or 6
    local family=$1 node link options=() before
    [ "$family" -eq 4 ] || options=(--ipv6)
    rm -rf "$net" "$dir/blocks"
    create Sipher:4 WhiteBox:1 -- "${options[@]}" --blocks "$dir/blocks" --rate 10
    make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 50K --max-bytes 200K
    mkdir -p "/run/fama/$network"
    before=$(forwarded "$family")
    for node in $nodes; do
        link=1
        [[ $node == sipher[01] ]] || link=2
        local gateway=198.18.$link.254
        [ "$family" -eq 4 ] || gateway=fe80::1
        # The nodes of a local network share one link; these do not.
        sed -i -E \
            -e 's/198\.18\.0\.(11|12)/198.18.1.\1/; s/198\.18\.0\.(13|14)/198.18.2.\1/' \
            -e 's/2001:2::(11|12)/2001:2:0:1::\1/; s/2001:2::(13|14)/2001:2:0:2::\1/' \
            -e "s|^    (address: .*)|    \\1\\n    gateway: \"$gateway\"\\n    hugepages: \"off\"|" \
            "$net/nodes/$node/core.yaml"
        ip netns exec "fama-$network-$node" env FABRIC_CFG_PATH="$net/nodes/$node" \
            "$fama" node start >"$net/nodes/$node/node.log" 2>&1 &
        pids+=($!)
    done
    for node in sipher1 sipher2 sipher3 sipher0; do # the leader last, so that its blocks find the others
        until_true 30 "$fama" channel list --socket "$(socket_of "$node")" >/dev/null 2>&1 ||
            fail "$node does not start: $(tail -n 1 "$net/nodes/$node/node.log")"
        "$fama" channel join "$net/drivenet.block" --socket "$(socket_of "$node")" >/dev/null ||
            fail "$node does not join"
    done
    until_true 60 all_reach $((blocks + 1)) || fail "over IPv$family: not all reach height $((blocks + 1)): $(
        for node in $nodes; do height_of "$node"; done | xargs)"
    local passed=$(($(forwarded "$family") - before))
    # Every block goes over the router at least once, in datagrams of at most 1500 bytes.
    [ "$passed" -ge $((blocks * 50 * 1024 / 1500)) ] || fail "over IPv$family the router passed on only $passed packets"
    say "IPv$family: $blocks blocks on both links, $passed packets routed"
    end_nodes
}

make_router
attach sipher0 1
attach sipher1 1
attach sipher2 2
attach sipher3 2
spread_over 4
spread_over 6
