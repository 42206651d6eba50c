#!/usr/bin/env bash
# A node begins with a snapshot of another one's ledger instead of the channel's first blocks: it goes on from
# there, says what it does not have, and ends with the same state, commit hash and snapshot as all others.
. "$(dirname "$0")/harness.sh"
begin
newcomer=sipher2
blocks=60
half=30
create Sipher:4 WhiteBox:1
make_blocks "$dir/blocks/drivenet" "$blocks" --transactions 20 --value-bytes 200
mkdir -p "$dir/first/drivenet"
for ((number = 0; number <= half; number++)); do
    mv "$dir/blocks/drivenet/$(printf %06d "$number").block" "$dir/first/drivenet/"
done
up --blocks "$dir/first" --rate 40
await_height $((half + 1)) 60

stop() { # node
    "$fama" network node kill --dir "$net" --node "$1" --signal 15 >/dev/null || fail "$1 does not stop"
}
begin_again() { # node
    "$fama" network node start --dir "$net" --node "$1" >/dev/null || fail "$1 does not come back"
}
make_snapshot() { # node, folder
    "$fama" ledger snapshot create --ledger "$(ledger_of "$1")" --out "$2" --json | jq -r .snapshot_hash
}

stop sipher1
stop "$newcomer"
hash=$(make_snapshot sipher1 "$dir/snapshot") || fail "no snapshot"
rm -rf "$(ledger_of "$newcomer")"
imported=$("$fama" ledger snapshot import --snapshot "$dir/snapshot" --ledger "$(ledger_of "$newcomer")" --json) ||
    fail "the snapshot is not imported"
[ "$(jq -r .snapshot_hash <<<"$imported")" = "$hash" ] || fail "another snapshot was imported: $imported"
begin_again sipher1
begin_again "$newcomer"

info_of() { # node, field
    "$fama" channel getinfo --channel drivenet --socket "$(socket_of "$1")" --json | jq -r ".$2"
}
for field in height current_block_hash previous_block_hash commit_hash; do
    [ "$(info_of "$newcomer" $field)" = "$(info_of sipher1 $field)" ] ||
        fail "$newcomer has $field $(info_of "$newcomer" $field), sipher1 $(info_of sipher1 $field)"
done
[ "$(info_of "$newcomer" first_block)" -eq $((half + 1)) ] || fail "its first block: $(info_of "$newcomer" first_block)"
status=0
"$fama" channel fetch 5 --channel drivenet --socket "$(socket_of "$newcomer")" --out "$dir/fetched" \
    2>"$dir/complaint" || status=$?
[ "$status" -eq 1 ] || fail "block 5 came out of a ledger that begins later: exit code $status"
grep -q snapshot "$dir/complaint" || fail "not said why: $(cat "$dir/complaint")"
say "$newcomer begins at height $((half + 1)) with snapshot ${hash:0:16}"

mv "$dir"/blocks/drivenet/*.block "$dir/first/drivenet/"
await_height $((blocks + 1)) 90
expect_identical $((blocks + 1))
"$fama" channel fetch oldest --channel drivenet --socket "$(socket_of "$newcomer")" --out "$dir/fetched" >/dev/null ||
    fail "its oldest block cannot be fetched"
cmp -s "$dir/fetched" "$dir/first/drivenet/$(printf %06d $((half + 1))).block" || fail "its oldest block is another one"

"$fama" network down --dir "$net" >/dev/null || fail "the network does not go down"
wanted=
for node in $(node_names); do
    "$fama" ledger verify --ledger "$(ledger_of "$node")" >/dev/null || fail "$node: its ledger is not sound"
    hash=$(make_snapshot "$node" "$dir/snapshot.$node") || fail "$node: no snapshot"
    [ "${wanted:=$hash}" = "$hash" ] || fail "$node: snapshot $hash, the first node's $wanted"
done
say "all nodes make the same snapshot ${wanted:0:16} after block $blocks"
