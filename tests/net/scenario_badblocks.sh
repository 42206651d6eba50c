#!/usr/bin/env bash
# Blocks that are damaged, forged or out of place are refused by name, counted, neither committed nor passed
# on; the node takes the good copy as soon as it is there.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:2 WhiteBox:1
make_blocks "$dir/good/drivenet" 16 --transactions 4
# The same organisations, another chain: what follows another history.
make_blocks "$dir/other/drivenet" 16 --transactions 4 --seed 99
# A stranger: an orderer of its own authority with the same names.
"$fama" ca init --org-dir "$dir/stranger" --domain orderer.fama >/dev/null
"$fama" ca issue --org-dir "$dir/stranger" --role orderer --name orderer0 >/dev/null
stranger=$dir/stranger/orderers/orderer0.orderer.fama/msp:OrdererMSP

good=$dir/good/drivenet
source=$dir/blocks/drivenet
mkdir -p "$source"
file() { printf '%06d.block' "$1"; }
# Whole files appear at once, as a careful feeder would put them there.
put() {
    cp "$1" "$source/.new"
    mv "$source/.new" "$source/$(file "$2")"
}
put "$good/$(file 0)" 0
put "$good/$(file 1)" 1
up --blocks "$dir/blocks" --rate 0
await_height 2 30

refused_more_than() { # node, name, count
    [ "$(count_of "$1" refused "$2")" -gt "$3" ]
}

# offer NUMBER NAME FILE: the leaders refuse FILE as block NUMBER for the reason NAME
offer() {
    local number=$1 name=$2 bad=$3 before node
    before=$(count_of sipher0 refused "$name")
    put "$bad" "$number"
    until_true 15 refused_more_than sipher0 "$name" "$before" ||
        fail "block $number: sipher0 does not count $name"
    for node in $(node_names); do
        [ "$(height_of "$node")" -eq "$number" ] || fail "block $number: $node committed a bad copy ($name)"
    done
    [ "$(count_of sipher1 refused "$name")" -eq 0 ] || fail "block $number: a bad copy was passed on to sipher1"
    put "$good/$(file "$number")" "$number"
    await_height $((number + 1)) 30 2>/dev/null
    say "block $number: $name refused, good copy taken"
}

spoil() { # kind, number
    "$bin/block_tool" spoil "$1" "$good/$(file "$2")" "$dir/bad.block" "$stranger" || fail "block $2 cannot be spoiled"
}

spoil truncated 2
offer 2 block_malformed "$dir/bad.block"
spoil flipped 3
offer 3 block_data_hash "$dir/bad.block"
spoil reordered 4
offer 4 block_data_hash "$dir/bad.block"
offer 5 block_wrong_number "$good/$(file 6)"
spoil crosslinked 6
offer 6 block_not_well_formed "$dir/bad.block"
spoil nometadata 7
offer 7 block_no_metadata "$dir/bad.block"
spoil stranger 8
offer 8 block_unknown_signer "$dir/bad.block"
spoil badsignature 9
offer 9 block_bad_signature "$dir/bad.block"
offer 10 block_previous_hash "$dir/other/drivenet/$(file 10)"
spoil unsigned 11
offer 11 block_unknown_signer "$dir/bad.block"

for number in $(seq 12 16); do
    put "$good/$(file "$number")" "$number"
done
await_height 17 30
expect_identical 17
