#!/usr/bin/env bash
# An adversary on the nodes' own link lies in every way the wire allows, as a stranger and as a member, while
# blocks flow. Each lie is met by the counter or refusal that is named for it, nothing bad is committed, no
# node dies, and no address that has not asked gets anything.
#
# What a gossip node on UDP is attacked with, the attack below that does it, and what answers: a counter of
# `fama node status` (dataplane/drop.h), a refusal of a block (ledger/verdict.h), a line of the log, or a
# weighing of bytes. "silence": not one byte comes back.
#
# | attack                        | here                            | seen by                                      |
# |-------------------------------|---------------------------------|----------------------------------------------|
# | reflection, amplification     | amplification                   | bytes: silence, but for hellos at most half  |
# |                               | unproved-handshake              | handshake_unproved, handshake_unknown,       |
# |                               |                                 | author_unknown, frame_not_ours; bytes at the |
# |                               |                                 | address it came from: at most half           |
# |                               | handshake-flood                 | source_budget; bytes: at most half           |
# | an address inside a payload   | stranger-alive                  | identity_refused; silence                    |
# |                               | replayed-alive (changed port)   | bad_signature; nobody moves                  |
# |                               | victim-endpoint, victim-member  | address_unproved; bytes at that address: the |
# |                               | (signed by a member)            | allowance of controlplane/address_proofs.h;  |
# |                               |                                 | no block; the channel goes on                |
# | many requests                 | request-flood                   | admission_budget; bytes within the budget    |
# |                               | stranger-messages               | wire_unknown_kind, author_unknown; silence   |
# | replays                       | replayed-alive                  | message_stale                                |
# |                               | request-spoof                   | session_replayed, session_forged; answers go |
# |                               |                                 | where the session ends, once                 |
# |                               | replayed-chunks                 | chunk_stale; under another block seal_forged,|
# |                               |                                 | epoch key_unknown, channel channel_unknown   |
# |                               | key-offers                      | message_stale (old epoch), channel_unknown   |
# |                               | unknown-session, unknown-epoch  | session_unknown, key_unknown; silence        |
# | pollution of sets             | polluted-set                    | chunk_set_polluted                           |
# |                               | bad-merkle                      | chunk_root_forged                            |
# |                               | pollution, spoilt-copies        | the channel goes on                          |
# | equivocation                  | equivocation                    | chunk_root_conflict, equivocations, log      |
# | sets that never complete      | hoard, too-big, ahead           | chunk_ahead, chunk_block_too_big             |
# |                               | hold-up                         | chunk_root_conflict; the channel goes on     |
# | bogus signatures              | forged-root (leader's key)      | chunk_root_forged                            |
# |                               | forged-seal, unsealed-chunk     | seal_forged, chunk_unsealed; silence         |
# |                               | in a flood: scenario_flood.sh   |                                              |
# | cross-linked and other bad    | insider-bad-block, each change; | block_not_well_formed and the others' names, |
# | blocks from a relaying peer   | from an orderer:                | chunk_origin_blamed                          |
# |                               | scenario_badblocks.sh           |                                              |
# | sybils                        | stranger-alive, stranger-chunk, | identity_refused, channel_not_member,        |
# |                               | stranger-messages,              | author_unknown                               |
# |                               | stolen-name                     | log; no session                              |
# |                               | swarm: scenario_crowd.sh        | admission_budget                             |
# | expired certificates          | expired-alive                   | identity_expired                             |
# | hostile bytes                 | truncated, geometry, junk,      | wire_truncated, wire_malformed,              |
# |                               | wrong-version, wrong-kind       | chunk_geometry, wire_bad_magic,              |
# |                               | and tests/fuzz                  | wire_bad_version, wire_unknown_kind          |
# | reading what is not for one   | stranger-messages asks for keys | wire_unknown_kind; silence: keys leave a     |
# |                               | outside of a session            | node within sessions only                    |
# | floods of known peers         | handshake-flood, request-flood  | source_budget, admission_budget; blocks flow |
# |                               | of what is not ours:            | frame_not_ours, or kept away by the port's   |
# |                               | scenario_crowd.sh               | rules                                        |
# |                               | under many addresses:           | neighbours_displaced; a node that was away   |
# |                               | scenario_flood.sh               | is found again                               |
# | the log as a weapon           | all of them together            | lines per hostile datagram                   |
. "$(dirname "$0")/harness.sh"
begin
impostor=$bin/fama-impostor
[ -x "$impostor" ] || fail "$impostor is not there"
create Sipher:3 WhiteBox:1
chain=$dir/chain/drivenet # all there will be; blocks come into being while the attacks last
source=$dir/blocks/drivenet
blocks=1500
make_blocks "$chain" "$blocks" --min-bytes 4K --max-bytes 400K
mkdir -p "$source"
feed() { # blocks per second; until the file `feeding` is gone, this script has ended or the chain has
    local number=1
    while [ -e "$dir/feeding" ] && kill -0 $$ 2>/dev/null && [ "$number" -le "$blocks" ]; do
        cp "$chain/$(printf %06d.block "$number")" "$source/.new"
        mv "$source/.new" "$source/$(printf %06d.block "$number")"
        number=$((number + 1))
        sleep "$(jq -n "1 / $1")"
    done
}
cp "$chain/000000.block" "$source/"
up --blocks "$dir/blocks" --rate 0
pids=$(cat /run/fama/"$network"/*.pid)
touch "$dir/feeding"
feed 8 &
feeder=$!

# ---- The adversary's place: a namespace on the bridge, with the kernel's own stack ----

# Checksums are computed in software, for veth hands on frames whose checksum nobody has filled in yet.
guest=fama-$network-guest
bridge=fama-$network-bridge
home=198.18.0.200 # what its alive messages sign
victim=198.18.0.201 # somebody who has never said anything
outside=198.18.0.202 # where strangers are
from=$home
ip netns add "$guest"
ip -n "$bridge" link add guest type veth peer name eth0 netns "$guest"
ip -n "$bridge" link set guest master br0 up
ip -n "$guest" addr add "$home/24" dev eth0
ip -n "$guest" addr add "$victim/24" dev eth0
ip -n "$guest" addr add "$outside/24" dev eth0
ip -n "$guest" link set eth0 up
ip netns exec "$guest" ethtool -K eth0 tx off >/dev/null 2>&1 || say "checksum offload cannot be switched off"

address_of() {
    jq -r --arg node "$1" '.nodes[] | select(.name == $node) | .address' "$net/network.json"
}
pki_id_of() {
    "$fama" node status --json --socket "$(socket_of "$1")" | jq -r .pki_id
}

# ---- Its identities ----

"$fama" ca init --org-dir "$dir/foreign" --domain sipher.fama >/dev/null
issue() { # org-dir, name, more options: the MSP directory
    local folder=$1 name=$2
    shift 2
    echo "$("$fama" ca issue --org-dir "$folder" --role peer --name "$name" "$@")/msp"
}
sipher=$net/crypto/peerOrganizations/sipher.fama
stranger=$(issue "$dir/foreign" mallory)
expired=$(issue "$sipher" methuselah --not-before=-48h --not-after=-24h)
members=0
# A member of its own for each lie: whoever is caught is not listened to for a while.
member() {
    members=$((members + 1))
    msp=$(issue "$sipher" "mole$members")
}

# ---- Judging ----

broken=0
check() { # sentence, command...: says whether it holds, and goes on
    local sentence=$1
    shift
    if "$@"; then
        echo "ok $sentence"
    else
        echo "not ok $sentence"
        broken=$((broken + 1))
    fi
}

stats_of() {
    "$fama" gossip stats --all --json --socket "$(socket_of "$1")"
}
drop_count() { # file, name
    jq --arg name "$2" '.drops[$name].count // 0' "$1"
}
refused() { # node, name
    "$fama" node status --json --socket "$(socket_of "$1")" |
        jq --arg name "$2" '.channels[0].refused[$name] // 0'
}
refused_more_than() {
    [ "$(refused "$1" "$2")" -gt "$3" ]
}
exceeds() { # file, file, name
    [ "$(drop_count "$2" "$3")" -gt "$(drop_count "$1" "$3")" ]
}
rises() { # node, name
    stats_of "$1" >"$dir/after.$1" && exceeds "$dir/before.$1" "$dir/after.$1" "$2"
}
has_no_violation() {
    [ "$(jq '.violations | length' "$dir/told")" -eq 0 ] || { jq -c .violations "$dir/told"; false; }
}

log_lines() { # node, words
    grep -c -F -- "$2" "$net/nodes/$1/node.log" || true
}
says_more() { # node, words, how often before
    [ "$(log_lines "$1" "$2")" -gt "$3" ]
}

sent=0
declare -A pki_id said
for node in sipher0 sipher1 sipher2; do
    pki_id[$node]=$(pki_id_of "$node")
done

# attack NAME MSP NODE[,NODE...] [options of fama-impostor]
attack() {
    local name=$1 identity=$2 nodes=${3//,/ } node drop words targets=() status=0
    shift 3
    words=$("$impostor" --list | jq -r --arg name "$name" 'select(.attack == $name) | .expects_log // ""')
    for node in $nodes; do
        targets+=(--target "$(address_of "$node"):7051" --target-id "${pki_id[$node]}")
        said[$node]=$(log_lines "$node" "$words")
        stats_of "$node" >"$dir/before.$node" || fail "$node does not answer"
    done
    ip netns exec "$guest" "$impostor" --msp "$identity" --mspid SipherMSP --channel drivenet \
        --bind "$from:7051" --other "$victim:7051" "${targets[@]}" --attack "$name" "$@" \
        >"$dir/told" 2>"$dir/impostor.log" || status=$?
    jq -c '{attack, sent: .sent.bytes, received: .received.bytes, at_other: .received_at_other.bytes}' \
        "$dir/told" >&2 || fail "$name: $(cat "$dir/impostor.log")"
    # 1 with violations is judged below; otherwise the attack itself did not take place.
    if [ "$status" -ne 0 ] && [ "$(jq '.violations | length' "$dir/told")" -eq 0 ]; then
        check "$name takes place: $(tail -n 1 "$dir/impostor.log")" false
    fi
    check "$name: nothing goes where it must not" has_no_violation
    sent=$((sent + $(jq '.sent.datagrams + .sent_from_other.datagrams' "$dir/told")))
    for node in $nodes; do
        for drop in $(jq -r '.expects[]' "$dir/told"); do
            check "$name: $node counts $drop" until_true 3 rises "$node" "$drop"
        done
        [ -z "$words" ] ||
            check "$name: $node says '$words'" until_true 3 says_more "$node" "$words" "${said[$node]}"
    done
}

both=sipher0,sipher1
ahead_of() { # node, blocks
    echo $(($(height_of "$1") + $2))
}
await_height 5 60

# ---- Strangers: nothing comes back, whatever they say ----

# What anybody can read off the wire: the epoch of the key that the channel's origin seals with.
member
attack key-offers "$msp" $both
origin=$(jq -r --arg leader "${pki_id[sipher0]:0:16}" \
    '[.keys[] | select(.maker == $leader)] | last | .epoch // 0' "$dir/told")
check "key-offers: the channel's key is handed to a member" [ "$origin" -ne 0 ]

from=$outside
attack stranger-alive "$stranger" $both --expect-silence
attack stranger-messages "$stranger" $both --expect-silence
attack stranger-chunk "$stranger" $both --expect-silence --number "$(ahead_of sipher0 6)"
attack unsealed-chunk "$stranger" $both --expect-silence --origin "${pki_id[sipher2]}" --number "$(ahead_of sipher0 10)"
attack forged-seal "$stranger" sipher1,sipher2 --expect-silence --origin "${pki_id[sipher0]}" --epoch "$origin" \
    --number "$(ahead_of sipher1 14)"
attack unknown-epoch "$stranger" sipher1,sipher2 --expect-silence --origin "${pki_id[sipher0]}" \
    --number "$(ahead_of sipher1 14)"
attack unknown-session "$stranger" $both --expect-silence
attack unproved-handshake "$stranger" $both --expect-silence --origin "${pki_id[sipher2]}"
attack handshake-flood "$stranger" $both --origin "${pki_id[sipher2]}"
attack expired-alive "$expired" $both --expect-silence
attack wrong-version "$stranger" $both --expect-silence
attack wrong-kind "$stranger" $both --expect-silence
attack truncated "$stranger" sipher1 --expect-silence --number "$(ahead_of sipher1 6)"
attack geometry "$stranger" $both --expect-silence --number "$(ahead_of sipher0 6)"
attack junk "$stranger" $both --expect-silence --count 4000
attack amplification "$stranger" $both --origin "${pki_id[sipher2]}" --number "$(ahead_of sipher0 6)"

# ---- Members that lie ----

from=$home

member
attack replayed-alive "$msp" $both
stands_at_home() { # node: the changed body has moved nobody
    "$fama" gossip members --json --socket "$(socket_of "$1")" |
        jq -e --arg name "mole$members" --arg home "$home:7051" \
            '[.members[] | select((.name | startswith($name)) and .endpoint == $home)] | length == 1' >/dev/null
}
check "replayed-alive: a changed endpoint is not believed" stands_at_home sipher1
for name in echoed-alive bad-merkle too-big ahead stale other-channel hoard spoilt-copies polluted-set; do
    member
    attack $name "$msp" $both --ahead 20
done
# The origin does not look at chunks in its own name.
member
attack forged-root "$msp" sipher1,sipher2 --origin "${pki_id[sipher0]}" --ahead 20
member
attack replayed-chunks "$msp" sipher1,sipher2
member
attack stolen-name "$msp" sipher0,sipher1 --origin "${pki_id[sipher2]}"
equivocations() { # node
    "$fama" node status --json --socket "$(socket_of "$1")" | jq .dataplane.equivocations
}
has_equivocations() { # node, before
    [ "$(equivocations "$1")" -gt "$2" ]
}
before0=$(equivocations sipher0)
before1=$(equivocations sipher1)
member
attack equivocation "$msp" $both --ahead 20
check "equivocation: sipher0 has the evidence" until_true 3 has_equivocations sipher0 "$before0"
check "equivocation: sipher1 has the evidence" until_true 3 has_equivocations sipher1 "$before1"
member
attack request-spoof "$msp" $both
member
# The largest block that everybody has: what a few hundred answers take is more than the budget of a second.
largest=1
for number in $(seq 2 "$(($(height_of sipher1) - 1))"); do
    if [ "$(stat -c %s "$chain/$(printf %06d "$number").block")" -gt \
        "$(stat -c %s "$chain/$(printf %06d "$largest").block")" ]; then
        largest=$number
    fi
done
began_ns=$(date +%s%N)
attack request-flood "$msp" sipher1 --count 3000 --number "$largest"
took_ms=$((($(date +%s%N) - began_ns) / 1000000))
received=$(jq .received.bytes "$dir/told")
# One second of the budget for each asker may be saved up; what is on its way is less than another.
within_budget() {
    [ "$received" -le $(((took_ms + 2000) * 32 * 1024 * 1024 / 1000)) ]
}
check "request-flood: $received bytes of answers in $took_ms ms are within the budget of an asker" within_budget

# ---- Members that spread blocks no ledger may take ----

# Each change has a refusal of its own, which nothing has met before.
for change in truncated other-number no-metadata cross-linked flipped-data flipped-link re-signed \
    flipped-signature; do
    member
    attack insider-bad-block "$msp" sipher1,sipher2 --change $change --blocks "$chain"
    name=$(jq -r .expects_refusal "$dir/told")
    for node in sipher1 sipher2; do
        check "$change: $node refuses it as $name" \
            until_true 5 refused_more_than $node "$name" 0
    done
done

# ---- Members that spoil what others send: the channel goes on, at most a little later ----

grows() { # node, height before
    [ "$(height_of "$1")" -ge $(($2 + 20)) ]
}
for name in hold-up pollution; do
    member
    attack $name "$msp" sipher1,sipher2
    for node in sipher1 sipher2; do
        height=$(height_of "$node")
        check "$name: $node goes on, from height $height" until_true 15 grows "$node" "$height"
    done
done

# ---- Members that say they are where somebody else is ----

# Of controlplane/address_proofs.h: what each node may send there, on one member's word.
burst=$(sed -n 's/^#define FAMA_UNPROVED_BURST *\([0-9]*\)u.*/\1/p' "$root/controlplane/address_proofs.h")
rate=$(sed -n 's/^#define FAMA_UNPROVED_RATE *\([0-9]*\)u.*/\1/p' "$root/controlplane/address_proofs.h")
[ -n "$burst" ] && [ -n "$rate" ] || fail "the allowance is not where it was"
listeners=3 # nodes of the organisation
attack_on() { # victim, name, nodes: an attack on an address of its own, and what it weighs there
    local name=$2 began_ns took_ms
    victim=$1
    ip -n "$guest" addr add "$victim/24" dev eth0
    member
    began_ns=$(date +%s%N)
    attack "$name" "$msp" "$3"
    took_ms=$((($(date +%s%N) - began_ns) / 1000000))
    weight=$(jq .received_at_other.bytes "$dir/told")
    bearable=$((listeners * (burst + rate * (took_ms / 1000 + 1))))
    check "$name: $weight bytes at the address in $took_ms ms, for $(jq .sent.bytes "$dir/told"): at most $bearable" \
        [ "$weight" -le "$bearable" ]
    check "$name: the address is asked whether it is the member's" [ "$(jq .received_at_other.session "$dir/told")" -gt 0 ]
}
attack_on 198.18.0.210 victim-endpoint $both
height=$(height_of sipher1)
attack_on 198.18.0.211 victim-member $both
check "victim-member: sipher1 goes on, from height $height" until_true 5 grows sipher1 "$height"

# ---- And after all that ----

rm "$dir/feeding"
wait "$feeder"
last=$(basename "$(printf '%s\n' "$source"/*.block | tail -n 1)" .block)
last=$((10#$last))
check "the chain was long enough for all attacks" [ "$last" -lt "$blocks" ]
"$fama" network wait --dir "$net" --height $((last + 1)) --timeout 60 2>"$dir/wait.log" ||
    say "$(tail -n 1 "$dir/wait.log")"
is_identical() {
    "$fama" network status --dir "$net" --expect-height $((last + 1)) >"$dir/status" 2>&1
}
check "all ledgers are identical at height $((last + 1))" is_identical
cat "$dir/status" >&2
holds_the_chain() { # node: what it committed is what the orderer made
    local number
    for number in $(seq 0 $(((last + 29) / 30)) "$last") "$last"; do
        "$fama" channel fetch "$number" --channel drivenet --socket "$(socket_of "$1")" \
            --out "$dir/fetched" >/dev/null &&
            cmp -s "$dir/fetched" "$chain/$(printf %06d "$number").block" || return 1
    done
}
for node in $(node_names); do
    check "$node holds the orderer's bytes" holds_the_chain "$node"
done
log_is_short() { # node: comings and goings, each refusal once or so
    [ $(($(wc -l <"$net/nodes/$1/node.log") * 20)) -lt "$sent" ]
}
for node in sipher0 sipher1 sipher2; do
    check "$node: $(wc -l <"$net/nodes/$node/node.log") lines of log for $sent hostile datagrams" log_is_short "$node"
done
still_run() {
    [ "$(cat /run/fama/"$network"/*.pid)" = "$pids" ]
}
check "every node is the process that was started" still_run
knows_its_peers() { # node
    "$fama" gossip members --json --socket "$(socket_of "$1")" |
        jq -e '[.members[] | select(.state == "alive" and (.name | startswith("peer")))] | length == 2' >/dev/null
}
for node in sipher0 sipher1 sipher2; do
    check "$node holds the two others for alive" knows_its_peers "$node"
done
[ "$broken" -eq 0 ] || fail "$broken checks do not hold"
