#!/usr/bin/env bash
# A node's disk fills up: its channel stops with one clear error and keeps what it acknowledged; the node stays
# a member, and the others do without it. With room again, and a start, it catches up and ends identical.
. "$(dirname "$0")/harness.sh"
begin
victim=sipher2
blocks=80
# Room to open a ledger and for some of the blocks.
disk_mib=72
create Sipher:4 WhiteBox:1
make_blocks "$dir/blocks/drivenet" "$blocks" --min-bytes 600K --max-bytes 2M

disk=$net/nodes/$victim/ledgers
undo_disk() {
    umount "$disk" 2>/dev/null || umount -l "$disk" 2>/dev/null || true
}
tear_down_all() {
    local status=$?
    trap - EXIT
    "$fama" network down --name "$network" >/dev/null 2>&1 || true
    undo_disk
    (exit "$status") || true
    if [ "$status" -eq 0 ]; then rm -rf "$dir"; fi
    exit "$status"
}
trap tear_down_all EXIT
mount -t tmpfs -o size="${disk_mib}m" fama-diskfull "$disk" || skip "no tmpfs can be mounted here"

up --blocks "$dir/blocks" --rate 20

status_of() {
    "$fama" node status --socket "$(socket_of "$1")" --json
}
has_stopped() {
    status_of "$victim" | jq -e '.channels[0].error != null' >/dev/null
}
until_true 60 has_stopped || fail "the disk of $disk_mib MiB never became full: $(df -m "$disk" | tail -n 1)"
acknowledged=$(height_of "$victim")
error=$(status_of "$victim" | jq -r '.channels[0].error')
say "$victim stops at height $acknowledged: $error"
[ "$acknowledged" -gt 1 ] || fail "it had nothing committed yet"
[ "$acknowledged" -le "$blocks" ] || fail "it had everything committed already"
grep -q -i 'space' <<<"$error" || fail "the error does not say that there is no space"

for node in sipher0 sipher1 sipher3 whitebox0; do
    at_full_height() { [ "$(height_of "$node")" -eq $((blocks + 1)) ]; }
    until_true 60 at_full_height || fail "$node does not reach height $((blocks + 1)) beside a full disk"
done

# One error, and not one for every block that came since.
errors=$(grep -c 'commits stop at height' "$net/nodes/$victim/node.log" || true)
[ "$errors" -eq 1 ] || fail "$errors errors in the log"
[ "$(height_of "$victim")" -eq "$acknowledged" ] || fail "its height moved after the error"
# Members are dead after 25 s without a sign of life (peer.gossip.aliveExpirationTimeout).
sleep 26
address=$(jq -r --arg name "$victim" '.nodes[] | select(.name == $name) | .address' "$net/network.json")
"$fama" gossip members --socket "$(socket_of sipher1)" --json |
    jq -e --arg at "$address:" \
        '[.members[] | select(.endpoint | startswith($at))] | length == 1 and .[0].state == "alive"' >/dev/null ||
    fail "the others do not see $victim alive: $("$fama" gossip members --socket "$(socket_of sipher1)")"
for number in 0 1 $((acknowledged - 1)); do
    "$fama" channel fetch "$number" --channel drivenet --socket "$(socket_of "$victim")" --out "$dir/fetched" \
        >/dev/null || fail "block $number, acknowledged, cannot be fetched"
    [ "$number" -eq 0 ] || cmp -s "$dir/fetched" "$dir/blocks/drivenet/$(printf %06d "$number").block" ||
        fail "block $number, acknowledged, is another one"
done
say "it is alive, says so once, and serves what it has"

# Killed with the disk still full, it keeps its word all the same.
"$fama" network node kill --dir "$net" --node "$victim" --signal 9 >/dev/null || fail "$victim cannot be killed"
mount -o remount,size=1g "$disk" || fail "the disk cannot grow"
"$fama" network node start --dir "$net" --node "$victim" >/dev/null || fail "$victim does not come back"
[ "$(height_of "$victim")" -ge "$acknowledged" ] || fail "$(height_of "$victim") blocks are left of $acknowledged"
await_height $((blocks + 1)) 60
expect_identical $((blocks + 1))

"$fama" network down --dir "$net" >/dev/null || fail "the network does not go down"
"$fama" ledger verify --ledger "$(ledger_of "$victim")" >/dev/null || fail "its ledger is not sound"
say "with room again it has caught up, and its ledger is sound"
