#!/usr/bin/env bash
# Nodes that are down lose their world state, or a part of its files: at the start it is made again from the
# blocks before anything is accepted, the log says so, and they catch up. Blocks that are lost are not made up for.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:4 WhiteBox:1
blocks=60
make_blocks "$dir/blocks/drivenet" "$blocks" --transactions 20 --value-bytes 200
up --blocks "$dir/blocks" --rate 20
await_height 30 60

go_down() { # node
    "$fama" network node kill --dir "$net" --node "$1" --signal 15 >/dev/null || fail "$1 does not stop"
}
spoil() { # node, ledger_tool's words
    local node=$1
    shift
    "$bin/ledger_tool" "$@" "$(ledger_of "$node")" 2>"$dir/tool.log" || fail "$node: $(cat "$dir/tool.log")"
}
log_since=1
comes_back() { # node
    local log=$net/nodes/$1/node.log
    log_since=$(($(wc -l <"$log") + 1))
    "$fama" network node start --dir "$net" --node "$1" >/dev/null || fail "$1 does not come back"
    tail -n +"$log_since" "$log" >"$dir/log.$1"
}
expect_rebuilt() { # node: it says so, and before it is ready for anything
    grep -q 'state rebuilt from' "$dir/log.$1" || fail "$1 does not say that it rebuilds: $(cat "$dir/log.$1")"
    local rebuilt opened
    rebuilt=$(grep -n 'state rebuilt from' "$dir/log.$1" | tail -n 1 | cut -d: -f1)
    opened=$(grep -n 'drivenet: opened at height' "$dir/log.$1" | head -n 1 | cut -d: -f1)
    [ -n "$opened" ] || fail "$1 does not open its channel: $(cat "$dir/log.$1")"
    [ "$rebuilt" -lt "$opened" ] || fail "$1 takes part before its state is rebuilt"
}

go_down sipher1
go_down sipher2
go_down sipher3
spoil sipher1 forget-state
# A table only where the log of RocksDB has been written out: a clean stop and an opening do that.
spoil sipher2 remove state
spoil sipher3 remove blocks
comes_back sipher1
comes_back sipher2
expect_rebuilt sipher1
expect_rebuilt sipher2
say "state rebuilt: $(grep -h -o 'state rebuilt from.*' "$dir/log.sipher1" | tail -n 1)"

# Without its blocks a node has nothing to stand on: it says so and does not make anything up.
log=$net/nodes/sipher3/node.log
log_since=$(($(wc -l <"$log") + 1))
"$fama" network node start --dir "$net" --node sipher3 >/dev/null 2>&1 || true
says_damaged() { tail -n +"$log_since" "$log" | grep -q -i 'damaged'; }
until_true 20 says_damaged || fail "sipher3 does not say that its ledger is damaged: $(tail -n +"$log_since" "$log")"
say "blocks lost: $(tail -n +"$log_since" "$log" | grep -i -m 1 damaged)"
"$fama" network node kill --dir "$net" --node sipher3 --signal 9 >/dev/null 2>&1 || true
rm -rf "$(ledger_of sipher3)"
"$fama" network node start --dir "$net" --node sipher3 >/dev/null 2>&1 || fail "sipher3 does not start without a ledger"
if ! "$fama" channel getinfo --channel drivenet --socket "$(socket_of sipher3)" >/dev/null 2>&1; then
    "$fama" channel join "$net/drivenet.block" --socket "$(socket_of sipher3)" >/dev/null || fail "sipher3 cannot join again"
fi

await_height $((blocks + 1)) 90
expect_identical $((blocks + 1))
"$fama" network down --dir "$net" >/dev/null || fail "the network does not go down"
for node in $(node_names); do
    "$fama" ledger verify --ledger "$(ledger_of "$node")" >/dev/null || fail "$node: its ledger is not sound"
    "$fama" ledger export-state --ledger "$(ledger_of "$node")" --json >"$dir/state.$node"
    cmp -s "$dir/state.sipher0" "$dir/state.$node" || fail "$node has another state than sipher0"
done
[ -s "$dir/state.sipher0" ] || fail "no state"
say "$(wc -l <"$dir/state.sipher0") entries of state are the same at $(node_names | wc -l) nodes, and all ledgers sound"
