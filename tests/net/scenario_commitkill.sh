#!/usr/bin/env bash
# kill -9 at random moments of a commit run: the ledger opens again, holds a prefix of the chain with the state
# that belongs to it, and finishes the same as one that was never disturbed.
. "$(dirname "$0")/harness.sh"
begin
kills_wanted=${FAMA_KILLS:-50}
seed=${FAMA_SEED:-$RANDOM$RANDOM}
RANDOM=$((seed % 32768))
say "seed $seed: FAMA_SEED=$seed repeats the moments"

create Sipher:1 WhiteBox:1
# Long enough for most kills to hit a run that commits, and not one that opens its ledger.
make_blocks "$dir/blocks" 1500 --transactions 8 --value-bytes 100

replay() { # ledger
    exec "$fama" ledger replay --genesis "$net/drivenet.block" --blocks "$dir/blocks" --ledger "$1" --json
}
# Of the ledger in $1: one line per entry of state, by version too.
state_of() {
    "$fama" ledger export-state --ledger "$1" --json --private-hashes --metadata
}

began=$(date +%s%N)
(replay "$dir/whole") >"$dir/whole.json" || fail "the chain cannot be replayed"
took_ms=$((($(date +%s%N) - began) / 1000000))
height=$(wc -l <"$dir/whole.json")
state_of "$dir/whole" >"$dir/whole.state"
say "undisturbed: height $height in $took_ms ms"

kills=0
finished=0
midst=0 # kills that left the ledger higher than they found it, and not whole
before=0
while [ "$kills" -lt "$kills_wanted" ]; do
    ledger=$dir/ledger$finished
    (replay "$ledger") >/dev/null 2>"$dir/replay.log" &
    process=$!
    wait_ms=$((RANDOM % (took_ms * 6 / 10 + 1)))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    if kill -9 "$process" 2>/dev/null; then
        wait "$process" 2>/dev/null && status=0 || status=$?
        [ "$status" -eq 137 ] && kills=$((kills + 1))
    else
        wait "$process" || fail "a resumed run failed (seed $seed): $(cat "$dir/replay.log")"
        status=0
    fi
    [ -e "$ledger/CURRENT" ] || continue # killed before there was a ledger
    verified=$("$fama" ledger verify --ledger "$ledger" --json 2>"$dir/verify.log") ||
        fail "after kill $kills (seed $seed) the ledger is not sound: $(cat "$dir/verify.log")"
    reached=$(jq .height <<<"$verified")
    [ "$reached" -gt 0 ] || continue
    jq -es --argjson v "$verified" '.[$v.height - 1] |
        .header_hash == $v.last_hash and (.commit_hash // "") == $v.commit_hash' \
        "$dir/whole.json" >/dev/null ||
        fail "after kill $kills (seed $seed) height $reached is no prefix of the chain"
    [ "$reached" -le "$before" ] || [ "$reached" -eq "$height" ] || midst=$((midst + 1))
    before=$reached
    if [ "$reached" -eq "$height" ]; then
        before=0
        state_of "$ledger" | cmp -s - "$dir/whole.state" ||
            fail "after kill $kills (seed $seed) the finished state differs"
        rm -rf "$ledger"
        finished=$((finished + 1))
    fi
done
ledger=$dir/ledger$finished
(replay "$ledger") >/dev/null || fail "the last ledger cannot be finished (seed $seed)"
state_of "$ledger" | cmp -s - "$dir/whole.state" || fail "the last state differs (seed $seed)"
say "$kills kills, $midst of them in the midst of commits; $((finished + 1)) ledgers finished, all of them the same"
[ "$midst" -ge $((kills_wanted / 10)) ] ||
    fail "too few kills hit a run that commits: the chain is too short for this machine"
