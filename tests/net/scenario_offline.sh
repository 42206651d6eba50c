#!/usr/bin/env bash
# `fama ledger` on the recorded chains of a real Fabric network: every verdict, hash and entry of state is what
# that network's peers had, however the ledger came to its height.
. "$(dirname "$0")/harness.sh"
data=$shared/fabric-data
[ -f "$data/drivenet/000083.block" ] || skip "no real Fabric data at $data"
begin

ledger() { # verb... : must succeed
    "$fama" ledger "$@" 2>"$dir/complaint" || fail "fama ledger $*: $(cat "$dir/complaint")"
}

# Of expected*.json and of a replay: a line per block, then a line per transaction.
# shellcheck disable=SC2016 # the dollars are jq's
expected_facts='.blocks[] | "\(.number) \(.header_hash) \(.data_hash) \(.commit_hash // "none")",
    (.txs[] | "  \(.txid // "") \(.type) \(.validation_code) \(.validation)")'
# shellcheck disable=SC2016
replayed_facts='"\(.number) \(.header_hash) \(.data_hash) \(.commit_hash // "none")",
    (.tx[] | "  \(.txid) \(.type) \(.code) \(.validation)")'
entry_facts='"\(.ns)|\(.key_hex)|\(.value_sha256)|\(.value_len)|\(.block)|\(.tx)"'

same() { # what, expected, ours
    [ -s "$2" ] || fail "$1: nothing to compare with"
    cmp -s "$2" "$3" || fail "$1 differs from Fabric's: $(diff "$2" "$3" | head -n 5)"
}

# check_end LEDGER FACTS CHANNEL: state and snapshot of a ledger at the chain's full height
check_end() {
    ledger export-state --ledger "$1" --json >"$dir/state.jsonl"
    jq -r "$entry_facts" "$dir/state.jsonl" >"$dir/state.ours"
    jq -r ".state[] | $entry_facts" "$data/$2" >"$dir/state.fabric"
    same "the state of $3" "$dir/state.fabric" "$dir/state.ours"
    rm -rf "$dir/snapshot"
    ledger snapshot create --ledger "$1" --out "$dir/snapshot" >/dev/null
    jq -S .snapshot_signable_metadata "$data/$2" >"$dir/metadata.fabric"
    jq -S . "$dir/snapshot/_snapshot_signable_metadata.json" >"$dir/metadata.ours"
    same "the snapshot of $3" "$dir/metadata.fabric" "$dir/metadata.ours"
    # What is hashed is what lies there.
    jq -r '.snapshot_files_raw_hashes | to_entries[] | "\(.value)  \(.key)"' "$dir/metadata.fabric" |
        (cd "$dir/snapshot" && sha256sum --check --strict --quiet -) >"$dir/sums" 2>&1 ||
        fail "the files of the snapshot of $3: $(head -n 3 "$dir/sums")"
    ledger snapshot verify "$dir/snapshot" >/dev/null
    ledger verify --ledger "$1" >/dev/null
}

# check_replay LEDGER FACTS CHANNEL FIRST [options]: commits from block FIRST on and compares each with Fabric's
check_replay() {
    local directory=$1 facts=$2 channel=$3 first=$4
    shift 4
    ledger replay --blocks "$data/$channel" --ledger "$directory" --json "$@" >"$dir/replay.jsonl"
    jq -r "$replayed_facts" "$dir/replay.jsonl" >"$dir/replay.ours"
    jq -r "del(.blocks[:$first]) | $expected_facts" "$data/$facts" >"$dir/replay.fabric"
    same "$channel from block $first on" "$dir/replay.fabric" "$dir/replay.ours"
}

for channel in drivenet core; do
    suffix=
    [ "$channel" = drivenet ] || suffix=_$channel
    check_replay "$dir/$channel" "expected$suffix.json" "$channel" 0 --genesis "$data/genesis_$channel.block"
    check_end "$dir/$channel" "state$suffix.json" "$channel"
    say "$channel: $(grep -c '^[0-9]' "$dir/replay.ours") blocks, $(grep -c '^  ' "$dir/replay.ours")" \
        "transactions and $(wc -l <"$dir/state.ours") entries of state are Fabric's"
done

# The same height by other ways.
ledger rollback --to 40 --ledger "$dir/drivenet" >/dev/null
check_replay "$dir/drivenet" expected.json drivenet 41 --threads 1
check_end "$dir/drivenet" state.json drivenet
ledger rebuild --ledger "$dir/drivenet" >/dev/null
check_end "$dir/drivenet" state.json drivenet
say "rolled back to block 40 and committed again, then rebuilt: the same"

for number in 0 49 83; do
    ledger export-block --number "$number" --ledger "$dir/drivenet" --out "$dir/block"
    cmp -s "$dir/block" "$data/drivenet/$(printf %06d "$number").block" ||
        fail "block $number does not come out as the orderer made it"
done

ledger rollback --to 30 --ledger "$dir/drivenet" >/dev/null
ledger snapshot create --ledger "$dir/drivenet" --out "$dir/early" >/dev/null
check_replay "$dir/joined" expected.json drivenet 31 --snapshot "$dir/early"
check_end_of_joined() {
    ledger export-state --ledger "$dir/joined" --json | jq -r "$entry_facts" >"$dir/state.ours"
    jq -r ".state[] | $entry_facts" "$data/state.json" >"$dir/state.fabric"
    same "the state after joining by a snapshot" "$dir/state.fabric" "$dir/state.ours"
}
check_end_of_joined
say "joined by the snapshot after block 30: verdicts, commit hashes and state are Fabric's"

# A chain with a forged block ends before it, with words and exit code 1.
cp -r "$data/drivenet" "$dir/forged"
printf '\x01' | dd of="$dir/forged/000020.block" bs=1 seek=200 conv=notrunc status=none
status=0
"$fama" ledger replay --blocks "$dir/forged" --ledger "$dir/stopped" --json >"$dir/replay.jsonl" 2>"$dir/complaint" ||
    status=$?
[ "$status" -eq 1 ] || fail "a forged block: exit code $status"
[ "$(wc -l <"$dir/replay.jsonl")" -eq 20 ] || fail "a forged block 20: $(wc -l <"$dir/replay.jsonl") committed"
grep -q 'block 20 .* is refused' "$dir/complaint" || fail "a forged block: $(cat "$dir/complaint")"
say "a forged block is refused, and those before it stay"
