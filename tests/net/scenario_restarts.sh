#!/usr/bin/env bash
# Nodes die at any moment, with and without warning, and come back to the same ledger.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:3 WhiteBox:1
make_blocks "$dir/blocks/drivenet" 120 --min-bytes 4K --max-bytes 400K
up --blocks "$dir/blocks" --rate 12

await_height 15 60
"$fama" network node kill --dir "$net" --node sipher2 --signal 9 || fail "sipher2 cannot be killed"
sleep 2
"$fama" network node start --dir "$net" --node sipher2 || fail "sipher2 does not come back"
await_height 45 60
say "a follower killed with -9 has caught up"

"$fama" network node kill --dir "$net" --node sipher0 --signal 9 || fail "the leader cannot be killed"
sleep 1
"$fama" network node start --dir "$net" --node sipher0 || fail "the leader does not come back"
await_height 75 60
say "a leader killed with -9 goes on where its ledger ends"

words=$("$fama" network node kill --dir "$net" --node sipher1 --signal 15) || fail "sipher1 does not stop"
say "$words"
milliseconds=$(sed -E 's/.* gone ([0-9]+) ms .*/\1/' <<<"$words")
[ "$milliseconds" -le 1000 ] || fail "SIGTERM took $milliseconds ms"
[ ! -e "$(socket_of sipher1)" ] || fail "a clean stop leaves its socket behind"
"$fama" network node start --dir "$net" --node sipher1 || fail "sipher1 does not come back"

await_height 121 90
expect_identical 121
