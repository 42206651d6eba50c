# The 84 real blocks of a Fabric network, through five nodes with the identities that network had.
# Sourced after harness.sh. run_drivenet [options of `fama network create`]
# shellcheck shell=bash disable=SC2154 # variables of harness.sh

# What each node has judged: its commit hash covers all codes and updates; its state is read when it is down.
check_states() { # the folder with the expected facts
    local data=$1 node commit_hash ours ledger
    commit_hash=$(jq -r '.blocks[83].commit_hash' "$data/expected.json")
    for node in $(node_names); do
        ours=$("$fama" channel getinfo --channel drivenet --socket "$(socket_of "$node")" --json |
            jq -r .commit_hash)
        [ "$ours" = "$commit_hash" ] || fail "$node: commit hash $ours, Fabric's is $commit_hash"
    done
    jq -r '[.blocks[1:][].txs[].validation_code] | "\(length) \(map(select(. != 0)) | length)"' \
        "$data/expected.json" >"$dir/counts.expected"
    "$fama" network status --dir "$net" --json >"$dir/status.json" || fail "no status"
    jq -r '.nodes[] | "\(.transactions) \(.invalid_transactions)"' "$dir/status.json" | sort -u >"$dir/counts"
    cmp -s "$dir/counts.expected" "$dir/counts" ||
        fail "transactions and invalid ones: $(cat "$dir/counts"); Fabric has $(cat "$dir/counts.expected")"

    "$fama" network down --dir "$net" >/dev/null || fail "the network does not go down"
    local entry='"\(.ns)|\(.key_hex)|\(.value_sha256)|\(.value_len)|\(.block)|\(.tx)"'
    jq -r ".state[] | $entry" "$data/state.json" >"$dir/state.expected"
    for node in $(node_names); do
        ledger=$(ledger_of "$node")
        [ -d "$ledger" ] || fail "$node: no ledger at $ledger"
        "$fama" ledger export-state --ledger "$ledger" --json | jq -r "$entry" >"$dir/state.$node"
        diff -q "$dir/state.expected" "$dir/state.$node" >/dev/null ||
            fail "$node: its state differs from Fabric's: $(diff "$dir/state.expected" "$dir/state.$node" | head -n 3)"
    done
    say "the same nodes: $(cat "$dir/counts") transactions (invalid), commit hash and all" \
        "$(wc -l <"$dir/state.expected") entries of state are Fabric's"
}

run_drivenet() {
    local data=$shared/fabric-data
    if [ ! -f "$data/drivenet/000083.block" ] || [ ! -f "$data/crypto.tar.xz" ]; then
        skip "no real Fabric data at $data"
    fi
    begin
    tar -xJf "$data/crypto.tar.xz" -C "$dir"
    mkdir -p "$dir/blocks"
    cp -r "$data/drivenet" "$dir/blocks/drivenet"
    # Three nodes of Sipher and two of WhiteBox: a leader and followers in both.
    create Sipher:3 WhiteBox:2 -- --crypto "$dir/crypto" --genesis "$data/genesis_drivenet.block" \
        --channel drivenet --blocks "$dir/blocks" --rate 20 "$@"
    up
    await_height 84 120
    expect_identical 84

    say "comparing every block of every node with what Fabric's peers agreed on"
    jq -r '.blocks[] | "\(.number) \(.header_hash) \(.data_hash)"' "$data/expected.json" >"$dir/expected"
    local node number fetched
    for node in $(node_names); do
        fetched=$dir/fetched/$node
        mkdir -p "$fetched"
        for number in $(seq 0 83); do
            "$fama" channel fetch "$number" --channel drivenet --socket "$(socket_of "$node")" \
                --out "$fetched/$(printf %06d "$number").block" >/dev/null ||
                fail "$node: block $number cannot be fetched"
        done
        "$bin/block_tool" facts "$fetched"/*.block >"$dir/facts.$node" || fail "$node: a block is damaged"
        diff -q "$dir/expected" "$dir/facts.$node" >/dev/null ||
            fail "$node: hashes differ from Fabric's: $(diff "$dir/expected" "$dir/facts.$node" | head -n 3)"
        diff -qr "$data/drivenet" "$fetched" >/dev/null || fail "$node: blocks are not byte for byte the orderer's"
    done
    say "84 blocks at each of $(node_names | wc -l) nodes: all header and data hashes as expected"
    check_states "$data"
}
