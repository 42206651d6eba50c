#!/usr/bin/env bash
# A node that was away for long catches up while new blocks flow, over ports that are paced to little more than
# the new blocks need: the others get the newest blocks about as fast as before, because state transfer waits.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:4 WhiteBox:1
blocks=460
away=10
back=300
make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 28K --max-bytes 32K

# Blocks of 30 KB, 20 a second, to three others each: 15 Mbit/s. What a port may send beyond that is less than one
# who catches up can ask of it.
up --blocks "$dir/blocks" --rate 20 --pace 24000000 --planner infectious

is_at() { # node, height
    local height
    height=$(height_of "$1" 2>/dev/null) && [ "$height" -ge "$2" ]
}
until_true 60 is_at sipher3 "$away" || fail "sipher3 does not reach height $away"
"$fama" network node kill --dir "$net" --node sipher3 --signal 15 >/dev/null || fail "sipher3 does not stop"
calm_first=$(($(height_of sipher0) + 5)) # the others have noticed
until_true 90 is_at sipher0 "$back" || fail "sipher0 does not reach height $back"

busy_first=$(height_of sipher0)
"$fama" network node start --dir "$net" --node sipher3 >/dev/null || fail "sipher3 does not come back"
# Until it is so near that the rest is repair.
has_caught_up() { is_at sipher3 $(($(height_of sipher0) - 20)); }
until_true 90 has_caught_up || fail "sipher3 does not catch up"
busy_end=$(height_of sipher0)
say "calm: blocks $calm_first to $((busy_first - 1)); sipher3 caught up during blocks $busy_first to $((busy_end - 1))"
[ $((busy_end - busy_first)) -ge 10 ] || fail "it caught up too fast to see anything"

await_height $((blocks + 1)) 90
expect_identical $((blocks + 1))

# median FROM TO: of the milliseconds from the leader's sending to the block being whole at sipher1 and sipher2
times() {
    "$fama" channel blocks --channel drivenet --first 1 --count 1000 --socket "$(socket_of "$1")" --json
}
for node in sipher0 sipher1 sipher2; do
    times "$node" >"$dir/times.$node" || fail "no times of blocks from $node"
done
median() {
    jq -s --argjson from "$1" --argjson to "$2" '
        def of($answer): $answer.blocks | map(select(.number >= $from and .number < $to));
        (of(.[0]) | map({(.number | tostring): .sent_ns}) | add) as $sent |
        [of(.[1])[], of(.[2])[] | (.whole_ns - $sent[.number | tostring]) / 1e6] | sort |
        .[length / 2 | floor]' "$dir"/times.sipher{0,1,2}
}
calm=$(median "$calm_first" "$busy_first")
busy=$(median "$busy_first" "$busy_end")
say "median of a new block: $calm ms in calm, $busy ms while one catches up"
# Behind one queue for all, of 500 packets and a ring as long, it would take some 500 ms more.
jq -n -e --argjson calm "$calm" --argjson busy "$busy" '$busy < 2 * $calm + 100' >/dev/null ||
    fail "new blocks take $busy ms while one catches up, $calm ms otherwise"

class_counts() { # node
    "$fama" node status --socket "$(socket_of "$1")" --json | jq '.dataplane.classes'
}
for node in sipher0 sipher1 sipher2; do
    class_counts "$node" >"$dir/classes.$node" || fail "$node does not tell its classes"
done
jq -s -e 'map(.transfer.packets) | add > 1000' "$dir"/classes.sipher{0,1,2} >/dev/null ||
    fail "hardly any state transfer: $(cat "$dir"/classes.*)"
waited=$(jq -s 'map(.transfer.waiting_ms) | add' "$dir"/classes.sipher{0,1,2})
[ "$waited" -gt 500 ] || fail "state transfer waited for $waited ms only"
lost=$(jq -s 'map(.control.drops.tx_queue_full + .control.drops.tx_full) | add' "$dir"/classes.sipher{0,1,2})
[ "$lost" -eq 0 ] || fail "$lost control packets were dropped: $(cat "$dir"/classes.*)"
say "state transfer waited for $waited ms at three nodes"
