# The 84 real blocks of a Fabric network, through five nodes with the identities that network had.
# Sourced after harness.sh. run_drivenet [options of `fama network create`]
# shellcheck shell=bash disable=SC2154 # variables of harness.sh

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
}
